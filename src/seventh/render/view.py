"""What is shown, and how a person wants to see it."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from typing import TextIO

import msgspec

from seventh.model.host import Host
from seventh.model.report import Report, judge
from seventh.model.severity import Severity, Status

# From best to worst. "Unknown is not ok", and it may hide anything but a known catastrophe.
_ORDER = (Status.OK, Status.WARNING, Status.UNKNOWN, Status.CRITICAL)


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """What one run of a verb has to show."""

    generated_at: str
    """When, in UTC, as RFC 3339 writes it, ending in ``Z``."""
    version: str
    """Seventh's own."""
    reports: tuple[Report, ...]
    hosts: tuple[Host, ...] = ()
    """Hosts given without a scheme; what their open ports gave is among the reports, too."""


class View(msgspec.Struct, frozen=True, kw_only=True):
    """How to show it. Nothing here changes what was found, only how it is said."""

    lang: str = "en"
    verbose: bool = False
    color: bool = False
    """Whether escape sequences may be written at all."""
    width: int = 80
    """The columns there are; only the terminal format asks."""
    ascii: bool = False
    """Whether the reader's encoding knows nothing beyond ASCII."""
    bar: Severity = Severity.MEDIUM
    """Findings below it do not move a status (``--fail-on``)."""
    checklist: bool = False
    """Whether each report begins with its protocol's debugging checklist."""


def view_for(
    stream: TextIO,
    environ: Mapping[str, str],
    *,
    lang: str = "en",
    verbose: bool = False,
    bar: Severity = Severity.MEDIUM,
    checklist: bool = False,
) -> View:
    """Return the view that suits ``stream``.

    Colour only where a person looks: a terminal, unless NO_COLOR is set (https://no-color.org: to
    anything but the empty string) or TERM is ``dumb``. COLUMNS wins over the terminal's own width;
    a pipe or a file has 80 columns.
    """
    tty = stream.isatty()
    columns = environ.get("COLUMNS", "")
    if columns.isascii() and columns.isdigit() and columns != "0":
        width = int(columns[:5])
    else:
        width = shutil.get_terminal_size((80, 24)).columns if tty else 80
    encoding = (getattr(stream, "encoding", None) or "utf-8").lower().replace("_", "-")
    return View(
        lang=lang,
        verbose=verbose,
        color=tty and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb",
        width=max(40, width),
        ascii=not encoding.startswith(("utf-8", "utf8", "utf-16", "utf-32", "gb18030")),
        bar=bar,
        checklist=checklist,
    )


def status_of(report: Report, view: View) -> Status:
    """Return the report in one word, by the view's bar."""
    return judge(report.failure, [finding.severity for finding in report.findings], view.bar)


def worst(statuses: Iterable[Status]) -> Status:
    """Return the status that speaks for all: critical, then unknown, then warning, then ok.

    No status at all is unknown: nothing was looked at.
    """
    ranked = [_ORDER.index(status) for status in statuses]
    return _ORDER[max(ranked)] if ranked else Status.UNKNOWN
