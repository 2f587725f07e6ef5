"""Findings that comments of the linted files accept, and comments that accept nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from seventh.lintkit.ignores import Ignore
from seventh.model.near import unknown
from seventh.model.report import Finding
from seventh.model.source import Line
from seventh.rules.run import Verdicts


def accept(verdicts: Verdicts, ignores: Sequence[Ignore]) -> Verdicts:
    """Mark each finding that a comment accepts as known, with the comment's place and reason."""
    findings = (_accepted(finding, ignores) for finding in verdicts.findings)
    ordered = tuple(sorted(findings, key=lambda finding: finding.order))
    return replace(verdicts, findings=ordered)


def _accepted(finding: Finding, ignores: Sequence[Ignore]) -> Finding:
    for each in ignores:
        if each.rule == finding.id and each.covers(finding.source):
            place = f"{each.at.file}:{each.at.line}"
            return replace(finding, known=f"{place}: {each.reason or 'no reason given'}")
    return finding


def idle(verdicts: Verdicts, ignores: Sequence[Ignore], rules: Iterable[str]) -> Iterator[Line]:
    """Yield a note on each comment that accepts nothing, and why that is known.

    A rule that was skipped or not selected may find something elsewhere: of it nothing is said.
    """
    known = sorted(rules)
    judged = {*verdicts.passed, *(finding.id for finding in verdicts.findings)}
    for each in ignores:
        if each.rule not in known:
            text = f"ignore={each.rule}: {unknown('rule', each.rule, known, 'seventh rules')}"
        elif each.rule in judged and not any(
            finding.id == each.rule and each.covers(finding.source) for finding in verdicts.findings
        ):
            text = f"ignore={each.rule} is not needed: the rule finds nothing here"
        else:
            continue
        yield Line(file=each.at.file, line=each.at.line, text=text)
