"""Reports to stdout or a file, and the exit code that they make."""

from __future__ import annotations

import argparse
import datetime as dt
import os
import sys
from collections.abc import Sequence

from seventh import __version__
from seventh.cli.output import write
from seventh.model.host import Host
from seventh.model.report import Report, judge
from seventh.model.severity import Severity
from seventh.render import Document, View, render
from seventh.render.view import view_for, worst


def document(reports: Sequence[Report], hosts: Sequence[Host] = ()) -> Document:
    """The reports with the time and the version that made them."""
    now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return Document(
        generated_at=now, version=__version__, reports=tuple(reports), hosts=tuple(hosts)
    )


def emit(made: Document, parsed: argparse.Namespace) -> None:
    """Print ``made`` as the command line asks, to stdout or to ``--output``."""
    checklist = getattr(parsed, "checklist", False)  # `seventh check` alone has the option
    if parsed.output is None:
        view = view_for(
            sys.stdout,
            os.environ,
            lang=parsed.lang,
            verbose=parsed.verbose,
            bar=parsed.fail_on,
            checklist=checklist,
        )
        sys.stdout.write(render(parsed.format, made, view))
        sys.stdout.flush()
        return
    view = View(lang=parsed.lang, verbose=parsed.verbose, bar=parsed.fail_on, checklist=checklist)
    write(parsed.output, render(parsed.format, made, view))


def worst_exit(reports: Sequence[Report], bar: Severity) -> int:
    """The exit code of all reports."""
    return worst(judge(r.failure, [f.severity for f in r.findings], bar) for r in reports).exit_code
