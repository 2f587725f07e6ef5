"""The text of a debugging checklist: verdicts, evidence, and what to type next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from seventh.engine.checklist import Judged, judge
from seventh.model.checklist import LineVerdict
from seventh.model.report import Report, SkipCause, Skipped
from seventh.render.entries import ChecklistEntry, clean
from seventh.render.summary import label_and_text
from seventh.render.wording import Wording

VERDICTS = {
    LineVerdict.PASS: "PASS",
    LineVerdict.FAIL: "FAIL",
    LineVerdict.NOT_LOOKED_AT: "NOT CHECKED",
    LineVerdict.NOT_APPLICABLE: "NOT APPLICABLE",
}
"""The verdicts as text."""


def checklist(report: Report, wording: Wording) -> tuple[ChecklistEntry, ...]:
    """Return the report's checklist as text."""
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
    """Return ``11 pass, 1 fail, 3 not checked``."""
    counts = Counter(entry.verdict for entry in entries)
    return ", ".join(f"{counts[v]} {VERDICTS[v].lower()}" for v in LineVerdict if counts[v])


def _passed(judged: Judged, wording: Wording) -> str:
    left = ", ".join(skip.id for skip in judged.not_applicable)
    evidence = _facts(judged) or f"passed: {', '.join(judged.passed)}"
    return f"{evidence}; not applicable: {left}" if left else evidence


def _failed(judged: Judged, wording: Wording) -> str:
    if judged.found:
        return "; ".join(f"{f.id}: {wording.words(f).evidence}" for f in judged.found)
    if judged.failure is not None and judged.failed_by_it:
        return f"{judged.failure.reason}: {judged.failure.detail}"
    return _facts(judged)


def _unknown(judged: Judged, wording: Wording) -> str:
    """Return what is missing, then what passed."""
    ended = ""
    if judged.failure is not None and not judged.line.is_elsewhere:
        where = "" if judged.failure.phase == "-" else f" in {judged.failure.phase}"
        ended = f"the check ended{where} ({judged.failure.reason})"
    missing = _reasons(judged.unknown, ended) or ended
    if not missing:
        labels = (name.rpartition(".")[2].replace("_", " ") for name in judged.not_learnt)
        missing = f"not learnt: {', '.join(labels)}"
    if not judged.passed:
        return missing
    return f"{missing}; passed: {', '.join(judged.passed)}"


def _not_applicable(judged: Judged, wording: Wording) -> str:
    return _reasons(judged.not_applicable, "")


_EVIDENCE = {
    LineVerdict.PASS: _passed,
    LineVerdict.FAIL: _failed,
    LineVerdict.NOT_LOOKED_AT: _unknown,
    LineVerdict.NOT_APPLICABLE: _not_applicable,
}


def _facts(judged: Judged) -> str:
    pairs = (label_and_text(name.rpartition(".")[2], value) for name, value in judged.facts)
    return ", ".join(f"{label} {text}" for label, text in pairs)


def _reasons(skips: Iterable[Skipped], ended: str) -> str:
    """Return each reason once; ``ended`` replaces the reasons of missing evidence."""
    reasons = [
        skip.reason if skip.cause is SkipCause.NOT_PERMITTED or not ended else ended
        for skip in skips
    ]
    return "; ".join(dict.fromkeys(reasons))
