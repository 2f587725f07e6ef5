"""Styled lines as text for a terminal or a pipe."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Literal

from rich.console import Console
from rich.text import Text

from seventh.model.severity import Severity, Status
from seventh.render.view import View

STATUS_STYLE = {
    Status.OK: "green",
    Status.WARNING: "yellow",
    Status.CRITICAL: "bold red",
    Status.UNKNOWN: "magenta",
}
SEVERITY_STYLE = {
    Severity.CRITICAL: "bold red",
    Severity.HIGH: "red",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "cyan",
    Severity.INFO: "blue",
}
_MARKS = {Status.OK: "✔", Status.WARNING: "▲", Status.CRITICAL: "✖", Status.UNKNOWN: "?"}
_PLAIN_MARKS = {Status.OK: "+", Status.WARNING: "!", Status.CRITICAL: "x", Status.UNKNOWN: "?"}
_TRANSLITERATED = str.maketrans(
    {"…": "~", "→": "->", "←": "<-", "—": "--", "–": "-", "·": "|", "µ": "u", "≥": ">=",
     "≤": "<=", "’": "'", "“": '"', "”": '"', "×": "x", "±": "+/-", "─": "-", "§": "s.", "│": "|",
     "◀": "<", "▶": ">", "━": "="}
)  # fmt: skip


def printed(lines: Iterable[Text], view: View) -> str:
    """Return lines as text, with escape sequences only if the view has colour."""
    buffer = io.StringIO()
    # The view decides everything, and rich reads nothing from the environment.
    color: Literal["standard"] | None = "standard" if view.color else None
    console = Console(file=buffer, width=view.width, color_system=color, _environ={})
    for line in lines:
        line.rstrip()
        console.print(line, soft_wrap=True)
    text = buffer.getvalue()
    if view.ascii:
        return text.translate(_TRANSLITERATED).encode("ascii", "backslashreplace").decode()
    return text


def mark(status: Status, view: View) -> Text:
    """Return a status with its mark."""
    sign = (_PLAIN_MARKS if view.ascii else _MARKS)[status]
    return Text.assemble((f"{sign} {status}", STATUS_STYLE[status]))
