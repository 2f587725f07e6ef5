"""What changed between two JSON reports, finding by finding.

A finding is fixed only if its rule was evaluated again; without that it is *gone*, which says
nothing about the server.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, Literal

import msgspec

from seventh.model.failure import UsageError
from seventh.model.severity import Severity, Status
from seventh.render.view import worst

SCHEMA = "seventh.diff/1"
_REPORT = "seventh.report/"
_VERSION = 1
_MEASURED = re.compile(r"(?<![\w.])[±+-]?\d+(\.\d+(?![\d.])|(?=\s?(ms|µs|s|bytes|days|%)(\W|$)))")
"""Numbers that differ from run to run: with a fraction, or with a unit."""


_NO_TARGET = "the newer report does not have this target"


class Change(StrEnum):
    """What became of a finding or a failure; the values are used in JSON."""

    NEW = "new"
    WORSE = "worse"
    BETTER = "better"
    FIXED = "fixed"
    GONE = "gone"
    """It was not evaluated again, so nothing is known of it."""
    SAME = "same"


class PastLine(msgspec.Struct, frozen=True):
    """A line of a file that was a finding's evidence."""

    file: str = ""
    text: str = ""


class PastFinding(msgspec.Struct, frozen=True, kw_only=True):
    """A finding of a report, as far as a comparison needs it."""

    id: str
    severity: Severity
    title: str = ""
    evidence: str = ""
    source: tuple[PastLine, ...] = ()
    params: Mapping[str, Any] = {}

    def items(self) -> set[str]:
        """Return what its evidence lists, such as algorithms, without what was measured."""
        lists = [value for value in self.params.values() if isinstance(value, list)]
        return {_MEASURED.sub("#", str(item)) for value in lists for item in value}


class PastFailure(msgspec.Struct, frozen=True, kw_only=True):
    """Why a check ended early."""

    reason: str
    phase: str = "-"
    detail: str = ""


class PastSkip(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that could not be evaluated."""

    id: str
    reason: str = ""


class PastReport(msgspec.Struct, frozen=True, kw_only=True):
    """The report of one target, as far as a comparison needs it."""

    target: str
    status: Status
    started_at: str = ""
    failure: PastFailure | None = None
    findings: tuple[PastFinding, ...] = ()
    skipped: tuple[PastSkip, ...] = ()
    passed: tuple[str, ...] = ()
    parts: tuple[PastReport, ...] = ()

    def evaluated(self, rule: str) -> bool:
        """Return whether a rule was evaluated."""
        return rule in self.passed or any(finding.id == rule for finding in self.findings)

    def why_not(self, rule: str) -> str:
        """Return why a rule was not evaluated."""
        for skip in self.skipped:
            if skip.id == rule:
                return skip.reason
        if self.failure is not None:
            return f"the check failed: {self.failure.reason}"
        return "the newer report does not say that the rule was evaluated"


class PastDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A JSON report of an earlier run, also of an older or newer version."""

    schema: str
    generated_at: str = ""
    seventh: str = ""
    reports: tuple[PastReport, ...] = ()


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """A finding or a failure, and what became of it."""

    change: Change
    id: str
    """The rule, or the failure's reason."""
    severity: Severity | None
    """The newer one; null for a failure."""
    before: Severity | None = None
    """The older severity, where it differs."""
    title: str
    evidence: str
    """The newer evidence; for what is gone, the older."""
    note: str = ""
    """Why nothing is known, or that the older report did not evaluate the rule."""


class TargetDiff(msgspec.Struct, frozen=True, kw_only=True):
    """One target in both reports, or in one of them."""

    target: str
    before: Status | None
    """Its status in the older report; null where it is only in the newer."""
    after: Status | None
    changes: tuple[Changed, ...]

    def tally(self) -> Counter[Change]:
        """Count the changes by kind."""
        return Counter(each.change for each in self.changes)


class Diff(msgspec.Struct, frozen=True, kw_only=True):
    """The difference of two JSON reports, ``seventh.diff/1``."""

    schema: Literal["seventh.diff/1"] = "seventh.diff/1"
    before: str
    """When the older report was made."""
    after: str
    status: Status
    """By what is new, worse or gone, at or above ``--fail-on``."""
    targets: tuple[TargetDiff, ...]


def read_report(text: str, name: str) -> PastDocument:
    """Read a JSON report; raises UsageError, with the file's name, if ``text`` is none."""
    try:
        made = msgspec.json.decode(text, type=PastDocument)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError) as error:
        raise UsageError(
            f"{name}: not a JSON report of Seventh: {error}; "
            "make one with `seventh check … --format json --output FILE`"
        ) from None
    kind, _, version = made.schema.rpartition("/")
    if f"{kind}/" != _REPORT or not version.isdecimal():
        raise UsageError(f"{name}: its schema is {made.schema[:100]!r}, not {_REPORT}{_VERSION}")
    if float(version) > _VERSION:  # int() refuses thousands of digits
        raise UsageError(
            f"{name}: its schema {made.schema[:100]} is newer than this version of Seventh reads "
            f"({_REPORT}{_VERSION}): update Seventh"
        )
    return made


def diff(old: PastDocument, new: PastDocument, bar: Severity) -> Diff:
    """Compare two reports target by target; ``bar`` is the lowest severity that counts."""
    before, after = _by_target(old.reports), _by_target(new.reports)
    targets = tuple(
        _target(name, before.get(name), after.get(name))
        for name in dict.fromkeys([*after, *before])
    )
    statuses = [status for each in targets for status in _statuses(each, bar)]
    return Diff(
        before=old.generated_at,
        after=new.generated_at,
        status=worst([*statuses, Status.OK]),
        targets=targets,
    )


def fresh(old: PastReport | None, new: PastReport) -> tuple[bool, ...]:
    """Tell of each finding of ``new``, in its order, whether it is new or worse than in ``old``."""
    pairs = _pairs(old.findings if old else (), new.findings)[: len(new.findings)]
    return tuple(
        before is None or (after is not None and _drift(before, after) is Change.WORSE)
        for before, after in pairs
    )


def _by_target(reports: Iterable[PastReport]) -> dict[str, PastReport]:
    """Return reports by target; the second of the same target as ``TARGET (2)``."""
    seen: Counter[str] = Counter()
    found: dict[str, PastReport] = {}
    for name, report in _named(reports):
        seen[name] += 1
        found[name if seen[name] == 1 else f"{name} ({seen[name]})"] = report
    return found


def _named(reports: Iterable[PastReport]) -> Iterator[tuple[str, PastReport]]:
    """Yield each report with its target, then its parts, with the target of the whole as well."""
    for report in reports:
        yield report.target, report
        yield from ((f"{report.target} {part.target}", part) for part in report.parts)


def _target(name: str, old: PastReport | None, new: PastReport | None) -> TargetDiff:
    changes = [*_failures(old, new), *_findings(old, new)]
    order = list(Change)
    changes.sort(key=lambda each: (order.index(each.change), -_rank(each.severity), each.id))
    return TargetDiff(
        target=name,
        before=old.status if old else None,
        after=new.status if new else None,
        changes=tuple(changes),
    )


def _rank(severity: Severity | None) -> int:
    return len(Severity) if severity is None else severity.rank


def _statuses(target: TargetDiff, bar: Severity) -> Iterable[Status]:
    """Weigh each change: what is new or worse as itself, what is gone as unknown."""
    if target.after is None:
        yield Status.UNKNOWN
    for each in target.changes:
        if each.severity is None:
            if each.change is Change.NEW:
                yield Status.UNKNOWN if target.after is Status.UNKNOWN else Status.CRITICAL
        elif each.severity.reaches(bar):
            if each.change in {Change.NEW, Change.WORSE}:
                grave = each.severity.reaches(Severity.HIGH)
                yield Status.CRITICAL if grave else Status.WARNING
            elif each.change is Change.GONE:
                yield Status.UNKNOWN


def _failures(old: PastReport | None, new: PastReport | None) -> Iterable[Changed]:
    before, after = old and old.failure, new and new.failure
    if before and after and before.reason == after.reason:
        yield _failed(Change.SAME, after)
        return
    if after:
        yield _failed(Change.NEW, after)
    if before:
        if new is None:
            yield _failed(Change.GONE, before, _NO_TARGET)
        else:
            yield _failed(Change.GONE if after else Change.FIXED, before)


def _failed(change: Change, failure: PastFailure, note: str = "") -> Changed:
    title = "the check failed" if failure.phase == "-" else f"the check failed in {failure.phase}"
    return Changed(
        change=change,
        id=failure.reason,
        severity=None,
        title=title,
        evidence=failure.detail,
        note=note,
    )


def _findings(old: PastReport | None, new: PastReport | None) -> Iterable[Changed]:
    for pair in _pairs(old.findings if old else (), new.findings if new else ()):
        match pair:
            case PastFinding() as before, None:
                yield _lost(before, new)
            case None, PastFinding() as after:
                yield _found(Change.NEW, after, note=_not_before(old, after.id))
            case PastFinding() as before, PastFinding() as after:
                yield _kept(before, after)


def _kept(before: PastFinding, after: PastFinding) -> Changed:
    if before.severity is not after.severity:
        return _found(_drift(before, after), after, before=before.severity)
    more, fewer = _listed(before, after)
    notes = [f"added: {', '.join(more)}"] if more else []
    notes += [f"no longer: {', '.join(fewer)}"] if fewer else []
    return _found(_drift(before, after), after, note="; ".join(notes))


def _listed(before: PastFinding, after: PastFinding) -> tuple[list[str], list[str]]:
    """Return the items that only the newer evidence lists, and those that only the older does."""
    if not (before.params and after.params):  # a report of a version without them
        return [], []
    old, new = before.items(), after.items()
    return sorted(new - old), sorted(old - new)


def _drift(before: PastFinding, after: PastFinding) -> Change:
    if (rise := after.severity.rank - before.severity.rank) != 0:
        return Change.WORSE if rise > 0 else Change.BETTER
    more, fewer = _listed(before, after)
    return Change.WORSE if more else Change.BETTER if fewer else Change.SAME


def _not_before(old: PastReport | None, rule: str) -> str:
    """Return that the older report has no verdict, if it lists the rules that passed at all."""
    if old is None or not old.passed or old.evaluated(rule):
        return ""
    return "the older report did not evaluate this rule"


def _lost(before: PastFinding, new: PastReport | None) -> Changed:
    if new is None:
        return _found(Change.GONE, before, note=_NO_TARGET)
    if new.evaluated(before.id):
        return _found(Change.FIXED, before)
    return _found(Change.GONE, before, note=new.why_not(before.id))


def _found(
    change: Change, finding: PastFinding, *, before: Severity | None = None, note: str = ""
) -> Changed:
    return Changed(
        change=change, id=finding.id, severity=finding.severity, before=before,
        title=finding.title, evidence=finding.evidence, note=note,
    )  # fmt: skip


Pair = tuple[PastFinding | None, PastFinding | None]


def _pairs(old: Sequence[PastFinding], new: Sequence[PastFinding]) -> list[Pair]:
    """Pair findings of one rule: first those with equal evidence, then the rest in order.

    Lines of files count by their text, since other edits move them.
    """
    partners: dict[int, int] = {}
    for same in (_evidence, _lines, _rule):
        waiting: dict[tuple[str, ...], list[int]] = {}
        taken = set(partners.values())
        for place in reversed(range(len(old))):
            if place not in taken:
                waiting.setdefault(same(old[place]), []).append(place)
        for place, finding in enumerate(new):
            if place not in partners and (match := waiting.get(same(finding))):
                partners[place] = match.pop()
    pairs: list[Pair] = [
        (old[partners[place]] if place in partners else None, finding)
        for place, finding in enumerate(new)
    ]
    taken = set(partners.values())
    return [*pairs, *((each, None) for place, each in enumerate(old) if place not in taken)]


def _evidence(finding: PastFinding) -> tuple[str, ...]:
    return (finding.id, finding.evidence, *(line.text for line in finding.source))


def _lines(finding: PastFinding) -> tuple[str, ...]:
    return (finding.id, *(line.text for line in finding.source))


def _rule(finding: PastFinding) -> tuple[str, ...]:
    return (finding.id,)


def totals(made: Diff) -> Mapping[Change, int]:
    """Count the changes of all targets by kind, in the order of :class:`Change`."""
    counts = sum((each.tally() for each in made.targets), Counter[Change]())
    return {change: counts[change] for change in Change if counts[change]}
