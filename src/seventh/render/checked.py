"""A debugging checklist in words: each line's verdict, what it stands on, and what to type next."""

from __future__ import annotations

from collections.abc import Iterable

from seventh.engine.checklist import Judged, judge
from seventh.model.checklist import LineVerdict
from seventh.model.failure import Failure
from seventh.model.report import Report, SkipCause, Skipped
from seventh.render.entries import ChecklistEntry, clean
from seventh.render.summary import say
from seventh.render.wording import Wording

VERDICTS = {
    LineVerdict.PASS: "PASS",
    LineVerdict.FAIL: "FAIL",
    LineVerdict.NOT_LOOKED_AT: "NOT LOOKED AT",
    LineVerdict.NOT_APPLICABLE: "NOT APPLICABLE",
}
"""How people read them."""


def checklist(report: Report, wording: Wording) -> tuple[ChecklistEntry, ...]:
    """Put the report's checklist into words."""
    return tuple(
        ChecklistEntry(
            room=judged.room,
            line=judged.line.text,
            verdict=judged.verdict,
            evidence=clean(_EVIDENCE[judged.verdict](judged, wording)),
            look=judged.look,
            rules=judged.line.rules,
            found=tuple(dict.fromkeys(finding.id for finding in judged.found)),
        )
        for judged in judge(report)
    )


def tally(entries: Iterable[ChecklistEntry]) -> str:
    """Return ``11 pass, 1 fail, 3 not looked at``."""
    verdicts = [entry.verdict for entry in entries]
    said = ((verdicts.count(verdict), VERDICTS[verdict].lower()) for verdict in LineVerdict)
    return ", ".join(f"{number} {words}" for number, words in said if number)


def _passed(judged: Judged, wording: Wording) -> str:
    idle = ", ".join(skip.id for skip in judged.idle)
    seen = _facts(judged) or f"passed: {', '.join(judged.passed)}"
    return f"{seen}; not applicable: {idle}" if idle else seen


def _failed(judged: Judged, wording: Wording) -> str:
    if judged.found:
        return "; ".join(f"{f.id}: {wording.words(f).evidence}" for f in judged.found)
    if judged.failure is not None and judged.failed_by_it:
        return f"{judged.failure.reason}: {judged.failure.detail}"
    return _facts(judged)


def _unknown(judged: Judged, wording: Wording) -> str:
    """Return what is missing, and beside it what passed: a line that is half looked at says so."""
    ended = _ended(judged.failure) if judged.failure and not judged.line.is_elsewhere else ""
    missing = _reasons(judged.unknown, ended) or ended
    if not missing:
        labels = (name.rpartition(".")[2].replace("_", " ") for name in judged.not_learnt)
        missing = f"not learnt: {', '.join(labels)}"
    if not judged.passed:
        return missing
    return f"{missing}; passed: {', '.join(judged.passed)}"


def _not_applicable(judged: Judged, wording: Wording) -> str:
    return _reasons(judged.idle, "")


_EVIDENCE = {
    LineVerdict.PASS: _passed,
    LineVerdict.FAIL: _failed,
    LineVerdict.NOT_LOOKED_AT: _unknown,
    LineVerdict.NOT_APPLICABLE: _not_applicable,
}


def _facts(judged: Judged) -> str:
    said = (say(name.rpartition(".")[2], value) for name, value in judged.facts)
    return ", ".join(f"{label} {text}" for label, text in said)


def _ended(failure: Failure) -> str:
    """Return where the conversation stopped."""
    where = "" if failure.phase == "-" else f" in {failure.phase}"
    return f"the conversation ended{where} ({failure.reason})"


def _reasons(skips: Iterable[Skipped], ended: str) -> str:
    """Each reason once; where the conversation ended early, that is why evidence is missing."""
    reasons = [
        skip.reason if skip.cause is SkipCause.NOT_PERMITTED or not ended else ended
        for skip in skips
    ]
    return "; ".join(dict.fromkeys(reasons))
