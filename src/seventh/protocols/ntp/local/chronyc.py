"""The output of ``chronyc -c``, whose columns only grow from version to version."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from seventh.localkit.seen import Seen
from seventh.model.localfacts import Cause, Unread
from seventh.protocols.ntp.facts.local import ClockState, LocalSource, Selection, SourceState
from seventh.wire.text import printable

_NOT_SYNCHRONISED = "Not synchronised"
_LEAPS = frozenset({"Normal", "Insert second", "Delete second", _NOT_SYNCHRONISED})
_STATES = {
    "*": SourceState.SELECTED, "+": SourceState.COMBINED, "-": SourceState.NOT_COMBINED,
    "x": SourceState.FALSETICKER, "~": SourceState.VARIABLE, "?": SourceState.UNUSABLE,
}  # fmt: skip
_SELECTIONS = {
    "N": Selection.NO_SELECT, "s": Selection.NOT_SYNCHRONISED, "M": Selection.FEW_MEASUREMENTS,
    "d": Selection.DISTANCE, "~": Selection.JITTER, "w": Selection.WAITS_FOR_OTHERS,
    "S": Selection.STALE, "O": Selection.ORPHAN, "T": Selection.NOT_TRUSTED,
    "x": Selection.FALSETICKER, "W": Selection.TOO_FEW_SOURCES, "P": Selection.NOT_PREFERRED,
    "U": Selection.WAITS_FOR_UPDATE, "D": Selection.NOT_COMBINED,
}  # fmt: skip
_NEVER = "4294967295"
"""The age of the last sample of a source without one."""
_STAMPS = frozenset({"Daemon", "Kernel", "Hardware"})
_MAX_SOURCES = 64


def state(seen: Seen, unread: list[Unread]) -> ClockState | None:
    """Read ``tracking``; None without it."""
    if isinstance(seen.output("chronyc tracking"), Unread):
        return None
    try:
        (row,) = _rows(seen, "chronyc tracking", 14)
        if row[13] not in _LEAPS:
            raise ValueError(row[13])
        return ClockState(
            product="chrony",
            synchronised=row[13] != _NOT_SYNCHRONISED,
            stratum=int(row[2]),
            reference=printable(row[1] or _reference(row[0]), 255),
            correction_seconds=number(row[4]),
            jitter_seconds=number(row[6]),
            frequency_ppm=number(row[7]),
            skew_ppm=number(row[9]),
            root_delay_seconds=number(row[10]),
            root_dispersion_seconds=number(row[11]),
        )
    except ValueError:
        unread.append(Unread(name="chronyc tracking", cause=Cause.UNEXPECTED))
        return None


def _reference(hexadecimal: str) -> str:
    """Return the name of a reference clock, such as ``GPS``, from its four bytes."""
    try:
        name = bytes.fromhex(hexadecimal).rstrip(b"\0")
    except ValueError:
        return hexadecimal
    return name.decode() if re.fullmatch(rb"[\x21-\x7e]+", name) else hexadecimal


def sources(seen: Seen, unread: list[Unread]) -> tuple[LocalSource, ...] | None:
    """Read ``sources``, with what ``selectdata`` and ``ntpdata`` add; None without it."""
    text = seen.output("chronyc sources")
    if isinstance(text, Unread):
        return None
    letters = {row[1]: row[0] for row in _rows(seen, "chronyc selectdata", 2)}
    stamps = {row[0]: row[29] for row in _rows(seen, "chronyc ntpdata", 30)}
    try:
        return tuple(
            _source(row, letters.get(row[2], ""), stamps.get(row[2], ""))
            for row in _rows(seen, "chronyc sources", 10)[:_MAX_SOURCES]
        )
    except (ValueError, KeyError):
        unread.append(Unread(name="chronyc sources", cause=Cause.UNEXPECTED))
        return None


def _source(row: Sequence[str], letter: str, stamp: str) -> LocalSource:
    measured = row[6] != _NEVER
    return LocalSource(
        name=printable(row[2], 255),
        is_reference_clock=row[0] == "#",
        state=_STATES[row[1]],
        stratum=int(row[3]),
        poll_seconds=2.0 ** max(-10, min(int(row[4]), 24)),
        reach=int(row[5], 8),
        offset_seconds=number(row[7]) if measured else None,
        error_seconds=number(row[9]) if measured else None,
        selection=_SELECTIONS.get(letter),
        receive_timestamps=stamp if stamp in _STAMPS else "",
    )


def served(seen: Seen, unread: list[Unread]) -> tuple[int | None, int | None]:
    """Read from ``serverstats`` the requests that were received and dropped."""
    rows = _rows(seen, "chronyc serverstats", 2)
    try:
        return (int(rows[0][0]), int(rows[0][1])) if rows else (None, None)
    except ValueError:
        unread.append(Unread(name="chronyc serverstats", cause=Cause.UNEXPECTED))
        return None, None


def number(text: str) -> float:
    """Read a number that is finite; raises ValueError."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _rows(seen: Seen, name: str, columns: int) -> list[list[str]]:
    """Return the rows of an output with at least that many columns; none if it was not read."""
    text = seen.output(name)
    lines = [] if isinstance(text, Unread) else text.splitlines()
    return [row for line in lines if len(row := line.split(",")) >= columns]
