"""Printing reports, and their exit code."""

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
from seventh.model.place import Comparison, Place
from seventh.model.report import Report
from seventh.model.severity import Severity, Status
from seventh.render import Document, View, render
from seventh.render.view import view_for, worst


def document(
    reports: Sequence[Report],
    hosts: Sequence[Host] = (),
    places: Sequence[Place] = (),
    comparisons: Sequence[Comparison] = (),
) -> Document:
    """Return the reports with the current time and Seventh's version."""
    now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return Document(
        generated_at=now, version=__version__, reports=tuple(reports), hosts=tuple(hosts),
        places=tuple(places), comparisons=tuple(comparisons),
    )  # fmt: skip


def emit(made: Document, parsed: argparse.Namespace) -> None:
    """Write ``made`` to standard output or to ``--output``, in ``--format``."""
    deliver(text_of(made, parsed), parsed)


def text_of(made: Document, parsed: argparse.Namespace) -> str:
    """Return ``made`` in ``--format``."""
    view = View(
        lang=parsed.lang, verbose=parsed.verbose, bar=parsed.fail_on,
        checklist=getattr(parsed, "checklist", False),  # `seventh lint` has no such option
    )  # fmt: skip
    if parsed.output is None:
        view = view_for(sys.stdout, os.environ, view)
    return render(parsed.format, made, view)


def deliver(text: str, parsed: argparse.Namespace) -> None:
    """Write ``text``, which is in ``--format``, to standard output or to ``--output``."""
    if parsed.output is not None:
        write(parsed.output, text)
        return
    if parsed.format != "terminal":
        write_utf8()
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        drop_output()  # the reader has closed the pipe; the exit code is still the verdict


def worst_exit(reports: Sequence[Report], bar: Severity, *, whole: bool = True) -> int:
    """Return the exit code of all reports; some are missing unless ``whole``."""
    statuses = [report.status_at(bar) for report in reports]
    return worst(statuses if whole else [*statuses, Status.UNKNOWN]).exit_code
