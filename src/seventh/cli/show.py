"""Reports to stdout or a file, and the exit code that they make."""

from __future__ import annotations

import argparse
import datetime as dt
import os
import sys
from collections.abc import Sequence

from seventh import __version__
from seventh.cli.output import write
from seventh.cli.streams import drop_output, write_utf8
from seventh.model.host import Host
from seventh.model.report import Report, judge
from seventh.model.severity import Severity, Status
from seventh.render import Document, View, render
from seventh.render.view import view_for, worst


def document(reports: Sequence[Report], hosts: Sequence[Host] = ()) -> Document:
    """Return the reports with the time and the version that made them."""
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
        text = render(parsed.format, made, view)
        if parsed.format != "terminal":
            write_utf8()
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except BrokenPipeError:
            drop_output()  # the reader has gone; the verdict is the exit code all the same
        return
    view = View(lang=parsed.lang, verbose=parsed.verbose, bar=parsed.fail_on, checklist=checklist)
    write(parsed.output, render(parsed.format, made, view))


def worst_exit(reports: Sequence[Report], bar: Severity, *, whole: bool = True) -> int:
    """Return the exit code of all reports; without ``whole``, of more than there are."""
    statuses = [judge(r.failure, [f.severity for f in r.findings], bar) for r in reports]
    return worst(statuses if whole else [*statuses, Status.UNKNOWN]).exit_code
