"""Judging effective configurations that a look has printed, as a linter judges a file."""

from __future__ import annotations

import importlib
from pathlib import Path

from seventh.engine.lint import judge
from seventh.lintkit.files import Files
from seventh.lintkit.linted import Kind, Software
from seventh.localkit.area import Printed
from seventh.localkit.machine import Machine
from seventh.model.localfacts import Cause, Unread
from seventh.rules.run import Selection, Verdicts


def judge_printed(
    printed: Printed, machine: Machine, selection: Selection
) -> tuple[Verdicts, Unread | None]:
    """Run the rules that it decides; what the linter could not read is returned as unread.

    Only its own product's linter is imported: on another machine the others are not there.
    """
    linter = importlib.import_module(f"seventh.lint.{printed.product}")
    kind: Kind = next(each for each in linter.KINDS if each.name == printed.kind)
    files = Files(base=Path(machine.at(printed.folder)))
    software = Software(product=kind.product, version=printed.version) if printed.version else None
    linted = kind.lint(files.take(printed.name, printed.text.encode()), files, software)
    verdicts = judge(kind, linted, selection)
    problems = (*files.problems, *linted.problems)
    if not problems:
        return verdicts, None
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    detail = f"{problems[0].text}{more}"
    return verdicts, Unread(name=printed.name, cause=Cause.UNEXPECTED, detail=detail)
