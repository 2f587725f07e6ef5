"""Which alerts are one notification: those with one cause, for the same receivers.

A notification names every target that fails by its cause, also those whose own threshold is not met
yet. When that is met, the alert joins the notification, and nothing is sent twice. A notification
ends, once, when all alerts that joined it have ended.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from seventh.watch.evidence import Common, Evidence
from seventh.watch.samples import Cause
from seventh.watch.verdict import Condition

MOST_CAUSES = 10
"""More notifications at once for one failure are one, whatever else their causes are."""
MOST_NAMED = 50
"""Targets that a notification lists; the others are counted."""


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A target of a notification."""

    name: str
    url: str
    labels: dict[str, str] = {}
    since_ns: int
    """When the first of its bad pulses was."""
    cause: Cause | None = None


class Suspect(msgspec.Struct, frozen=True, kw_only=True):
    """A target that is bad, whether or not its alert has fired."""

    target: int
    member: Member
    common: Common
    receivers: tuple[str, ...] = ()
    """Those that its alerts are for."""
    incident: int | None = None
    """The number of its alert in the store; None if it has not fired."""
    evidence: Evidence | None = None


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """One alert as it is sent: of one target, or of many with one cause."""

    common: Common
    since_ns: int
    """When the first bad pulse of all was."""
    members: tuple[Member, ...]
    """At most :data:`MOST_NAMED`."""
    targets: tuple[int, ...]
    """The numbers of all."""
    evidence: Evidence | None = None
    """Of the first target whose full check has ended."""


class New(msgspec.Struct, frozen=True, kw_only=True):
    """A notification to begin."""

    notification: Notification
    receivers: tuple[str, ...]
    incidents: tuple[int, ...]


class Open(msgspec.Struct, frozen=True, kw_only=True):
    """A notification that has not ended."""

    id: int
    kind: Condition
    reason: str | None
    phase: str
    targets: frozenset[int]


class Grouped(msgspec.Struct, kw_only=True):
    """What becomes of alerts that have fired."""

    new: list[New] = []
    joined: list[tuple[int, int]] = []
    """Alerts and the notifications that they join."""


def group(fired: Sequence[Suspect], failing: Iterable[Suspect], open_: Iterable[Open]) -> Grouped:
    """Join alerts to the notifications that name their targets; begin others for the rest."""
    grouped = Grouped()
    known: dict[tuple[int, Condition, str | None, str], int] = {}
    for one in open_:
        for target in one.targets:
            known[target, one.kind, one.reason, one.phase] = one.id
    rest: list[Suspect] = []
    for each in fired:
        common = each.common
        number = known.get((each.target, common.kind, common.reason, common.phase))
        if number is None:
            rest.append(each)
        elif each.incident is not None:
            grouped.joined.append((each.incident, number))
    beside = [each for each in failing if each.incident is None]
    for (common, receivers), several in _buckets(rest).items():
        bare = common.without_place() == common
        also = [
            each
            for each in beside
            if (each.common.without_place() if bare else each.common) == common
            and each.receivers == receivers
        ]
        grouped.new.append(_begun(common, receivers, several, also))
    return grouped


def _buckets(fired: Iterable[Suspect]) -> dict[tuple[Common, tuple[str, ...]], list[Suspect]]:
    """Return alerts by their cause and receivers; a storm of single causes is one."""
    exact: dict[tuple[Common, tuple[str, ...]], list[Suspect]] = defaultdict(list)
    for each in fired:
        exact[each.common, each.receivers].append(each)
    causes: dict[tuple[Common, tuple[str, ...]], int] = defaultdict(int)
    for common, receivers in exact:
        causes[common.without_place(), receivers] += 1
    made: dict[tuple[Common, tuple[str, ...]], list[Suspect]] = defaultdict(list)
    for (common, receivers), several in exact.items():
        bare = common.without_place()
        made[bare if causes[bare, receivers] > MOST_CAUSES else common, receivers] += several
    return made


def _begun(
    common: Common, receivers: tuple[str, ...], fired: list[Suspect], beside: list[Suspect]
) -> New:
    named = {each.target: each for each in (*beside, *fired)}
    every = sorted(named.values(), key=lambda each: (each.incident is None, each.member.since_ns))
    evidence = next((each.evidence for each in every if each.evidence is not None), None)
    return New(
        notification=Notification(
            common=common, since_ns=min(each.member.since_ns for each in every),
            members=tuple(each.member for each in every[:MOST_NAMED]),
            targets=tuple(sorted(named)), evidence=evidence,
        ),
        receivers=receivers,
        incidents=tuple(each.incident for each in fired if each.incident is not None),
    )  # fmt: skip
