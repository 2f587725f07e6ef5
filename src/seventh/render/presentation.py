"""A report as people's formats tell it: in words, cleaned, with what is derived from it.

Every text in here is printable; a format escapes for its own syntax and nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from seventh.model.drawing import Drawing
from seventh.model.facts import Facts
from seventh.model.failure import Reason
from seventh.model.lintfacts import LintFacts
from seventh.model.report import Report
from seventh.model.sample import Sample
from seventh.model.severity import Severity, Status
from seventh.render.document import entry, samples
from seventh.render.entries import FailureEntry, PhaseEntry, ReportEntry, clean
from seventh.render.summary import summary
from seventh.render.view import Document, View
from seventh.render.wording import Wording

BLAMED = {
    "local": "this machine or its configuration",
    "network": "the network between here and the peer",
    "peer": "the peer",
    "seventh": "Seventh itself: please report it",
}
"""Who can mend a failure, in a sentence."""


class Presentation(msgspec.Struct, frozen=True, kw_only=True):
    """One report, ready to be laid out."""

    entry: ReportEntry
    address: str | None
    """Where the conversation took place, when that is not the target's own host."""
    facts: Mapping[str, Facts]
    """As they were learnt; what is shown of them is in ``entry`` and ``summaries``."""
    samples: tuple[Sample, ...]
    started_seconds: float
    passed: tuple[str, ...]
    transcript: tuple[str, ...]

    @property
    def summaries(self) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
        """By room, the facts worth a line: (label, value).

        The protocol's own room comes first, then what it stands on.
        """
        timed = {phase.seconds for phase in self.entry.phases}
        rooms = sorted(self.facts, key=lambda room: (room != self.entry.protocol, room))
        return tuple(
            (clean(room), tuple(summary(self.facts[room], said=[self.entry.target], timed=timed)))
            for room in rooms
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of a linted file should know beside the verdict."""
        lint = self.facts.get(LintFacts.ROOM)
        return tuple(clean(str(note)) for note in getattr(lint, "notes", ()))

    @property
    def drawings(self) -> tuple[Drawing, ...]:
        """What the rooms would rather show than say."""
        return tuple(each for room in sorted(self.facts) for each in self.facts[room].drawings())

    @property
    def bars(self) -> tuple[tuple[PhaseEntry, float, float], ...]:
        """Each phase with its begin and length as shares, 0 to 1, of the whole conversation."""
        phases = self.entry.phases
        begin = min((phase.start_seconds for phase in phases), default=0.0)
        span = span_seconds(self.entry) or 1.0
        return tuple(
            (phase, (phase.start_seconds - begin) / span, phase.seconds / span) for phase in phases
        )

    @property
    def tally(self) -> str:
        """``2 high, 1 low``; empty where nothing was found."""
        counts = Counter(finding.severity for finding in self.entry.findings)
        return ", ".join(
            f"{counts[severity]} {severity}" for severity in Severity if counts[severity]
        )

    @property
    def headline(self) -> str:
        """The report in half a line: what failed, or what was found."""
        failure = self.entry.failure
        if failure is not None:
            words = failed(failure)
            return f"{words}; {self.tally}" if self.tally else words
        return self.tally or "nothing found"


def present(document: Document, view: View) -> tuple[Presentation, ...]:
    """Return every report of ``document``, told."""
    wording = Wording(view.lang)
    return tuple(_told(report, wording, view) for report in document.reports)


def span_seconds(entry: ReportEntry) -> float:
    """From the first phase's begin to the last one's end: what a waterfall is as wide as."""
    begin = min((phase.start_seconds for phase in entry.phases), default=0.0)
    end = max((phase.start_seconds + phase.seconds for phase in entry.phases), default=0.0)
    return max(0.0, end - begin)


def tally_statuses(told: Sequence[Presentation]) -> str:
    """Return ``2 critical, 8 ok``, the worst first."""
    counts = Counter(one.entry.status for one in told)
    order = (Status.CRITICAL, Status.UNKNOWN, Status.WARNING, Status.OK)
    return ", ".join(f"{counts[status]} {status}" for status in order if counts[status])


def count(number: int, noun: str) -> str:
    """Return ``1 rule``, ``2 rules``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def failed(failure: FailureEntry) -> str:
    """Return ``connect-refused in connect``: the reason, and the phase where there was one."""
    where = "" if failure.phase == "-" else f" in {failure.phase}"
    return f"{failure.reason}{where}"


def blamed(failure: FailureEntry) -> str:
    """Who can mend it, in words."""
    if failure.reason is Reason.RESOLVE_NXDOMAIN:
        return "none: the name may be misspelt"
    return BLAMED[failure.blame]


def _told(report: Report, wording: Wording, view: View) -> Presentation:
    made = entry(report, wording, view)
    return Presentation(
        entry=made,
        address=_address(made),
        facts=report.facts,
        samples=samples(report),
        started_seconds=report.started_seconds,
        passed=tuple(clean(rule) for rule in report.passed),
        transcript=tuple(clean(line) for line in report.transcript),
    )


def _address(made: ReportEntry) -> str | None:
    reached = [p.address for p in made.phases if p.address and p.outcome == "ok"]
    tried = [p.address for p in made.phases if p.address]
    address = next(iter(reached or tried), None)
    return None if address is None or address in made.target else address
