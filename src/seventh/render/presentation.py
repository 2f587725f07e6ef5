"""A report as the formats for people show it: its entry, and what is derived from it.

All texts are printable; a format only escapes for its own syntax.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from seventh import protocols
from seventh.model.drawing import Drawing
from seventh.model.facts import Facts
from seventh.model.failure import Reason
from seventh.model.lintfacts import LintFacts
from seventh.model.report import Report
from seventh.model.sample import Sample
from seventh.model.severity import WORST_FIRST, Severity
from seventh.model.table import Table
from seventh.render.document import entry, samples
from seventh.render.entries import (
    FailureEntry,
    FindingEntry,
    HostEntry,
    PhaseEntry,
    ReportEntry,
    clean,
)
from seventh.render.hosts import shows_all
from seventh.render.summary import summary
from seventh.render.view import Document, View
from seventh.render.wording import Wording

BLAMED = {
    "local": "this machine or its configuration",
    "network": "the network between this machine and the peer",
    "peer": "the peer",
    "proxy": "the proxy",
    "seventh": "Seventh: please report this",
}
"""The party that can fix a failure, as text."""
_CARRYING = ("proxy.", "via.")
"""The phases of what carries the connections; their addresses are not the target's."""


class Presentation(msgspec.Struct, frozen=True, kw_only=True):
    """One report, ready for layout."""

    entry: ReportEntry
    address: str | None
    """The address that was checked, unless the target contains it."""
    facts: Mapping[str, Facts]
    """The facts as learnt; those that are shown are in ``entry`` and ``summaries``."""
    samples: tuple[Sample, ...]
    started_seconds: float
    unmeasured: tuple[str, ...]
    """The names of limits whose metric or phase was not measured."""
    unverified: tuple[str, ...]
    """What was to be judged and could not be."""
    transcript: tuple[str, ...]
    verbose: bool = False
    part_of: str = ""
    """The target of which it is a part, such as the domain of a mail server; else empty."""
    repeated: Mapping[str, tuple[str, ...]] = {}
    """By an earlier part's target, the ids of the findings that are shown there and hold here."""

    @property
    def findings(self) -> tuple[FindingEntry, ...]:
        """The findings to show: those that no earlier part has word for word."""
        elsewhere = {rule for ids in self.repeated.values() for rule in ids}
        return tuple(each for each in self.entry.findings if each.id not in elsewhere)

    @property
    def name(self) -> str:
        """The target; with ``--from``, the place as well, as each has a report of it."""
        place = self.entry.place
        return f"{self.entry.target} from {place}" if place else self.entry.target

    @property
    def vantage(self) -> str:
        """The machine that made the check; with ``--from``, the place and its machine."""
        place = self.entry.place
        return f"{place} ({self.entry.vantage})" if place else self.entry.vantage

    @property
    def summaries(self) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
        """By room, the facts to show: (label, value)."""
        timed = {phase.seconds for phase in self.entry.phases}
        shown = [self.entry.target]
        return tuple(
            (clean(room), tuple(summary(self.facts[room], shown=shown, timed=timed)))
            for room in self.rooms
            if self.verbose or not any(room in table.replaces for table in self.tables)
        )

    @property
    def rooms(self) -> list[str]:
        """The rooms that have facts, the protocol's own first."""
        return sorted(self.facts, key=lambda room: (room != self.entry.protocol, room))

    @property
    def notes(self) -> tuple[str, ...]:
        """The notes on the reading of a configuration file, and what makes the status unknown."""
        lint = self.facts.get(LintFacts.ROOM)
        notes = [str(note) for note in getattr(lint, "notes", ())]
        notes += [f"as {where}: {', '.join(ids)}" for where, ids in self.repeated.items()]
        return tuple(clean(note) for note in [*notes, self.undecided] if note)

    @property
    def drawings(self) -> tuple[Drawing, ...]:
        """The facts that are shown as bars."""
        return tuple(each for room in sorted(self.facts) for each in self.facts[room].drawings())

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables that the protocol makes of the facts; none for most."""
        return tables_of(self.entry.protocol, self.facts)

    @property
    def bars(self) -> tuple[tuple[PhaseEntry, float, float], ...]:
        """Each phase with its begin and length as shares, 0 to 1, of the whole check."""
        phases = self.entry.phases
        begin = min((phase.start_seconds for phase in phases), default=0.0)
        span = span_seconds(self.entry) or 1.0
        return tuple(
            (phase, (phase.start_seconds - begin) / span, phase.seconds / span) for phase in phases
        )

    @property
    def tally(self) -> str:
        """The number of findings by severity, ``2 high, 1 low, 4 known``; empty without any."""
        counts = Counter("known" if f.known else f.severity for f in self.entry.findings)
        return ", ".join(
            f"{counts[level]} {level}" for level in (*Severity, "known") if counts[level]
        )

    @property
    def headline(self) -> str:
        """The failure and the number of findings, in half a line."""
        failure = self.entry.failure
        parts = [failed(failure) if failure is not None else "", self.tally, self.undecided]
        return "; ".join(filter(None, parts)) or "no findings"

    @property
    def undecided(self) -> str:
        """What makes the status unknown, if nothing failed that explains it; else empty."""
        if self.entry.failure is not None:
            return ""
        limits = f"limits not measured: {', '.join(self.unmeasured)}" if self.unmeasured else ""
        return "; ".join(filter(None, (limits, *self.unverified)))

    @property
    def rule_counts(self) -> str:
        """The number of rules by result, ``12 passed, 3 failed, 2 skipped``."""
        counts = {
            "passed": len(self.entry.passed),
            "failed": len(self.entry.findings),
            "skipped": len(self.entry.skipped),
        }
        return ", ".join(
            f"{n} {result}" for result, n in counts.items() if n or result != "skipped"
        )


def present(document: Document, view: View) -> tuple[Presentation, ...]:
    """Return every report of ``document``, ready for layout; its parts follow a report."""
    wording = Wording(view.lang)
    return tuple(each for report in document.reports for each in _with_parts(report, wording, view))


def whole(reports: Sequence[Presentation]) -> tuple[Presentation, ...]:
    """Return the reports that are not parts of another."""
    return tuple(report for report in reports if not report.part_of)


def _with_parts(report: Report, wording: Wording, view: View) -> Iterator[Presentation]:
    yield _present(report, wording, view)
    seen: dict[tuple[str, str], str] = {}
    for part in report.parts:
        made = _present(part, wording, view)
        repeated: dict[str, list[str]] = {}
        for finding in made.entry.findings:
            first = seen.setdefault((finding.id, finding.evidence), made.entry.target)
            if first != made.entry.target:
                repeated.setdefault(first, []).append(finding.id)
        yield replace(
            made, part_of=clean(report.target),
            repeated={where: tuple(ids) for where, ids in repeated.items()},
        )  # fmt: skip


def tables_of(room: str, facts: Mapping[str, Facts]) -> tuple[Table, ...]:
    """Return the tables of the protocol's module ``tables``, made printable."""
    if room not in protocols.rooms() or not protocols.has_part(room, "tables"):
        return ()
    made: tuple[Table, ...] = protocols.part(room, "tables").tables(facts)
    return tuple(
        replace(table, rows=tuple(tuple(map(clean, row)) for row in table.rows)) for table in made
    )


def span_seconds(entry: ReportEntry) -> float:
    """Return the time from the first phase's begin to the last phase's end."""
    begin = min((phase.start_seconds for phase in entry.phases), default=0.0)
    end = max((phase.start_seconds + phase.seconds for phase in entry.phases), default=0.0)
    return max(0.0, end - begin)


def tally_statuses(reports: Sequence[Presentation]) -> str:
    """Return the number of reports by status, ``2 critical, 8 ok``, the worst first."""
    counts = Counter(report.entry.status for report in whole(reports))
    return ", ".join(f"{counts[status]} {status}" for status in WORST_FIRST if counts[status])


def needs_summary(reports: Sequence[Presentation], hosts: Iterable[HostEntry]) -> bool:
    """Return whether several reports need a table that no host's table of ports is already."""
    targets = [report.entry.target for report in whole(reports)]
    return len(targets) > 1 and not any(shows_all(host, targets) for host in hosts)


def count(number: int, noun: str) -> str:
    """Return ``1 rule``, ``2 rules``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def failed(failure: FailureEntry) -> str:
    """Return a failure's reason and phase, ``connect-refused in connect``."""
    where = "" if failure.phase == "-" else f" in {failure.phase}"
    return f"{failure.reason}{where}"


def blamed(failure: FailureEntry) -> str:
    """Return the party that can fix a failure, as text."""
    if failure.reason is Reason.RESOLVE_NXDOMAIN:
        return "the name does not exist; check the spelling"
    return BLAMED[failure.blame]


def _present(report: Report, wording: Wording, view: View) -> Presentation:
    made = entry(report, wording, view)
    return Presentation(
        entry=made,
        address=_address(made),
        facts=report.facts,
        samples=samples(report),
        started_seconds=report.started_seconds,
        unmeasured=tuple(clean(name) for name in report.unmeasured),
        unverified=tuple(map(clean, report.undecided)),
        transcript=tuple(clean(line) for line in report.transcript),
        verbose=view.verbose,
    )


def _address(made: ReportEntry) -> str | None:
    own = [p for p in made.phases if p.address and not p.name.startswith(_CARRYING)]
    reached = [p.address for p in own if p.outcome == "ok"]
    tried = [p.address for p in own]
    address = next(iter(reached or tried), None)
    return None if address is None or address in made.target else address
