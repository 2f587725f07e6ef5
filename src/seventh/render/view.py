"""What is rendered, and how."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from typing import TextIO

import msgspec
from msgspec.structs import replace

from seventh.model.host import Host
from seventh.model.place import Comparison, Place
from seventh.model.report import Report
from seventh.model.severity import WORST_FIRST, Severity, Status


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one run of a verb."""

    generated_at: str
    """In UTC, in RFC 3339 format, ending in ``Z``."""
    version: str
    """Seventh's version."""
    reports: tuple[Report, ...]
    hosts: tuple[Host, ...] = ()
    """Hosts given without a scheme; ``reports`` has those of their open ports."""
    places: tuple[Place, ...] = ()
    """The places of ``--from``."""
    comparisons: tuple[Comparison, ...] = ()
    """The targets whose reports differ between them."""


class View(msgspec.Struct, frozen=True, kw_only=True):
    """How a document is rendered."""

    lang: str = "en"
    verbose: bool = False
    color: bool = False
    """Whether escape sequences are written."""
    width: int = 80
    """The number of columns; for the terminal format only."""
    ascii: bool = False
    """Whether the output's encoding has only ASCII."""
    bar: Severity = Severity.MEDIUM
    """The lowest severity that counts for a status (``--fail-on``)."""
    checklist: bool = False
    """Whether each report begins with its protocol's debugging checklist."""


PLAIN = View()


def view_for(stream: TextIO, environ: Mapping[str, str], view: View = PLAIN) -> View:
    """Return ``view`` with the colour, width and encoding of ``stream``.

    A terminal has colour, unless NO_COLOR is not empty (https://no-color.org) or TERM is ``dumb``.
    COLUMNS overrides a terminal's width; a pipe or a file has 80 columns.
    """
    tty = stream.isatty()
    columns = environ.get("COLUMNS", "")
    if columns.isascii() and columns.isdigit() and columns != "0":
        width = int(columns[:5])
    else:
        width = shutil.get_terminal_size((80, 24)).columns if tty else 80
    encoding = (getattr(stream, "encoding", None) or "utf-8").lower().replace("_", "-")
    return replace(
        view,
        color=tty and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb",
        width=max(40, width),
        ascii=not encoding.startswith(("utf-8", "utf8", "utf-16", "utf-32", "gb18030")),
    )


def status_of(report: Report, view: View) -> Status:
    """Return the report's status, by the view's bar."""
    return report.status_at(view.bar)


def status_of_run(document: Document, view: View) -> Status:
    """Return the status of a run: unknown, unless it is worse, if a place has a report missing."""
    statuses = [status_of(report, view) for report in document.reports]
    missing = any(place.missing for place in document.places)
    return worst([*statuses, Status.UNKNOWN] if missing else statuses)


def worst(statuses: Iterable[Status]) -> Status:
    """Return the worst status; unknown if there is none, as nothing was checked."""
    return min(statuses, key=WORST_FIRST.index, default=Status.UNKNOWN)
