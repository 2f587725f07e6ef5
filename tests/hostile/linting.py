"""Linting a hostile file within a bound of time, and what came of it."""

from __future__ import annotations

import time
from pathlib import Path

from seventh.engine.lint import Wanted, lint_file
from seventh.engine.recognise import by_name
from seventh.model.lintfacts import LintFacts
from seventh.model.report import Report

SECONDS = 30
"""Many times what this takes here; a bound that does not hold takes hours."""


def lint_within(data: bytes | str, path: Path) -> Report:
    """The report of a file with that content; it must be there in time."""
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    begun = time.process_time()
    kind = by_name(path)
    assert kind is not None
    report = lint_file(path, Wanted(kind=kind.name))
    assert time.process_time() - begun < SECONDS
    return report


def problems(report: Report) -> list[str]:
    """What could not be read, in words."""
    facts = report.facts["lint"]
    assert isinstance(facts, LintFacts)
    return [str(problem) for problem in facts.problems]


def has(report: Report, rule: str) -> bool:
    """Whether the rule fired."""
    return any(finding.id == rule for finding in report.findings)
