"""The report: the result of one check of one target."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from enum import StrEnum

import msgspec

from seventh.model.facts import Facts
from seventh.model.failure import OURS, Blame, Failure, Reason
from seventh.model.netfacts import NetFacts
from seventh.model.phase import Phase
from seventh.model.sample import Sample
from seventh.model.severity import WORST_FIRST, Severity, Status
from seventh.model.source import Line

Param = str | int | float | tuple[str, ...]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that fired: its id and its evidence. The texts are made when it is rendered."""

    id: str
    room: str
    severity: Severity
    tier: int
    params: Mapping[str, Param]
    references: tuple[str, ...]
    seed: tuple[str, ...]
    settings: tuple[str, ...] = ()
    """The settings that a linter shows; empty for those that the rule declares."""
    fixes: Mapping[str, tuple[str, ...]] = {}
    """By product, the lines that fix exactly this; other products have the rule's general fix."""
    place: str = ""
    """Where in a file the lines of the product's fix belong; empty where it is evident."""
    product: str = ""
    """The product whose file was judged or that the peer claims to be; empty if unknown."""
    view: str = ""
    """The block of a file; empty for the file as a whole."""
    also: tuple[str, ...] = ()
    """The first few further blocks that have the same fault for the same lines."""
    more: int = 0
    """How many more such blocks there are."""
    source: tuple[Line, ...] = ()
    """The lines of files that are its evidence."""
    known: str = ""
    """Why it does not count for the status: where it was accepted, and the reason; else empty."""

    @property
    def order(self) -> tuple[bool, int, str]:
        """The key that sorts findings: known ones last, the most severe first, then by id."""
        return (bool(self.known), -self.severity.rank, self.id)


class SkipCause(StrEnum):
    """Why a rule could not be evaluated, for programs."""

    NO_EVIDENCE = "no-evidence"
    NOT_PERMITTED = "not-permitted"
    """Its tier needs an option or a credential that was not given."""
    NOT_APPLICABLE = "not-applicable"
    """The question does not arise for this target."""


class Skipped(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that could not be evaluated, and why. It is never counted as passed."""

    id: str
    reason: str
    cause: SkipCause = SkipCause.NO_EVIDENCE


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one check of one target; a failure never empties the rest."""

    target: str
    protocol: str
    vantage: str
    started_seconds: float
    """When it began, as Unix time."""
    duration_seconds: float
    failure: Failure | None = None
    phases: tuple[Phase, ...] = ()
    facts: Mapping[str, Facts]
    metrics: tuple[Sample, ...] = ()
    findings: tuple[Finding, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    passed: tuple[str, ...] = ()
    transcript: tuple[str, ...] = ()
    parts: tuple[Report, ...] = ()
    """The reports of further targets that belong to it, such as the servers of a domain."""
    place: str = ""
    """The place of ``--from`` that made it: ``local`` or ``ssh://host``; empty without --from."""

    @property
    def started_at(self) -> str:
        """When it began, in UTC in RFC 3339 format, to the millisecond."""
        started = dt.datetime.fromtimestamp(self.started_seconds, dt.UTC)
        return started.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    @property
    def severities(self) -> list[Severity]:
        """The severities of the findings that count: those that are not known."""
        return [finding.severity for finding in self.findings if not finding.known]

    @property
    def status(self) -> Status:
        """The report's status.

        critical: a failure, or a critical or high finding; warning: a medium finding; unknown: the
        check was interrupted, this machine failed, a limit that the user has set was not measured,
        or what was to be judged could not be; else ok.
        """
        return self.status_at(Severity.MEDIUM)

    def status_at(self, bar: Severity) -> Status:
        """Return the worst status of the report and its parts, counting findings from ``bar``.

        It is unknown, unless it is critical, if a limit that the user has set was not measured, or
        the facts leave open what was to be judged.
        """
        statuses = [judge(self.failure, self.severities, bar)]
        if self.unmeasured or self.undecided:
            statuses.append(Status.UNKNOWN)
        statuses += [part.status_at(bar) for part in self.parts]
        return min(statuses, key=WORST_FIRST.index)

    @property
    def undecided(self) -> tuple[str, ...]:
        """What was to be judged and could not be."""
        return tuple(each.undecided for each in self.facts.values() if each.undecided)

    @property
    def unmeasured(self) -> tuple[str, ...]:
        """The names of the limits whose metric or phase was not measured."""
        net = self.facts.get(NetFacts.ROOM)
        limits = net.limits if isinstance(net, NetFacts) else ()
        return tuple(limit.name for limit in limits if not limit.measured)


def judge(
    failure: Failure | None, severities: Sequence[Severity], bar: Severity = Severity.MEDIUM
) -> Status:
    """Weigh a failure and findings into a status; findings below ``bar`` do not count."""
    if failure is not None:
        if failure.reason is Reason.FILE_UNREADABLE:
            # The part that was read may be bad enough.
            grave = any(s.reaches(Severity.HIGH) and s.reaches(bar) for s in severities)
            return Status.CRITICAL if grave else Status.UNKNOWN
        if failure.reason in OURS or failure.blame is Blame.SEVENTH:
            return Status.UNKNOWN
        return Status.CRITICAL
    worst = max((s.rank for s in severities if s.reaches(bar)), default=-1)
    if worst >= Severity.HIGH.rank:
        return Status.CRITICAL
    return Status.WARNING if worst >= 0 else Status.OK
