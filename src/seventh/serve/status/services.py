"""What the public sees: services by the name that a label gives them, and their incidents.

A service is every target with the same value of the label. Nothing else of a target leaves this
module: no name, URL, address, reason or phase. Pure.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

import msgspec

from seventh.watch.keys import Labels
from seventh.watch.slo import DAY_NS, Seconds
from seventh.watch.verdict import Condition

DAYS = 30
MOST_INCIDENTS = 50


class Shown(StrEnum):
    """The state of a service, from good to bad."""

    WORKING = "working"
    UNKNOWN = "not known"
    MAINTENANCE = "maintenance"
    SLOW = "slow"
    UNSTABLE = "unstable"
    DOWN = "down"


_SHOWN = {
    Condition.UP: Shown.WORKING, Condition.UNKNOWN: Shown.UNKNOWN, Condition.DEGRADED: Shown.SLOW,
    Condition.FLAPPING: Shown.UNSTABLE, Condition.DOWN: Shown.DOWN,
}  # fmt: skip
_ORDER = [*Shown]


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """A service, now and in the last days."""

    name: str
    shown: Shown
    since_ns: int
    """Since when; 0 if nothing is known yet."""
    days: Seconds
    """The last days, without maintenance."""


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """An incident as the public sees it."""

    id: str
    """Unique and the same for ever (RFC 4122)."""
    service: str
    kind: Condition
    since_ns: int
    resolved_ns: int | None

    @property
    def changed_ns(self) -> int:
        """When it last changed."""
        return self.since_ns if self.resolved_ns is None else self.resolved_ns


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One target of a service."""

    labels: Labels
    condition: Condition
    since_ns: int
    maintained: bool
    days: Seconds = Seconds()


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One incident of the store."""

    id: int
    target: int
    kind: Condition
    since_ns: int
    resolved_ns: int | None


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """All that the page shows."""

    title: str
    url: str
    """Where the page is; empty if that is not known."""
    store: uuid.UUID
    now_ns: int
    services: Sequence[Service]
    troubles: Sequence[Trouble]
    """The newest first."""

    @property
    def worst(self) -> Shown:
        """The state of the worst service."""
        return max((each.shown for each in self.services), key=_ORDER.index, default=Shown.UNKNOWN)

    @property
    def changed_ns(self) -> int:
        """When a service or an incident last changed."""
        return max(
            (*(each.changed_ns for each in self.troubles),
             *(each.since_ns for each in self.services)), default=0,
        )  # fmt: skip


def services(parts: Iterable[Part], label: str) -> list[Service]:
    """Return the services by their names."""
    found: dict[str, list[Part]] = {}
    for part in parts:
        if name := part.labels.get(label):
            found.setdefault(name, []).append(part)
    made = []
    for name, several in sorted(found.items()):
        shown = max(map(_shown, several), key=_ORDER.index)
        made.append(Service(
            name=name, shown=shown, days=sum((each.days for each in several), Seconds()),
            since_ns=min(each.since_ns for each in several if _shown(each) is shown),
        ))  # fmt: skip
    return made


def _shown(part: Part) -> Shown:
    is_bad = part.condition not in {Condition.UP, Condition.UNKNOWN}
    return Shown.MAINTENANCE if part.maintained and is_bad else _SHOWN[part.condition]


def troubles(
    records: Iterable[Record], labels: Mapping[int, Labels], label: str, store: uuid.UUID,
    now_ns: int,
) -> list[Trouble]:  # fmt: skip
    """Return the incidents of the services: those that fire, and those of the last days."""
    found = [
        Trouble(
            id=str(uuid.uuid5(store, str(each.id))), service=name, kind=each.kind,
            since_ns=each.since_ns, resolved_ns=each.resolved_ns,
        )
        for each in records
        if (name := labels.get(each.target, {}).get(label))
        and each.kind in {Condition.DOWN, Condition.DEGRADED}
        and (each.resolved_ns is None or each.resolved_ns > now_ns - DAYS * DAY_NS)
    ]  # fmt: skip
    return sorted(found, key=lambda each: -each.since_ns)[:MOST_INCIDENTS]
