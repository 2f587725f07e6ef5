"""The output of ``ntpq``, of the reference ntpd and of NTPsec; times are in milliseconds."""

from __future__ import annotations

import re

from seventh.localkit.seen import Seen
from seventh.model.localfacts import Cause, Unread
from seventh.model.product import product_of
from seventh.protocols.ntp.facts.local import ClockState, LocalSource, SourceState
from seventh.protocols.ntp.local.chronyc import number
from seventh.wire.text import printable

_VARIABLE = re.compile(r'(\w+)=("[^"]*"|[^,\s]+)')
_UNSYNCHRONISED = {"11", "3"}
"""The leap indicator, in the two ways in which it is written."""
_STATES = {
    "*": SourceState.SELECTED, "o": SourceState.SELECTED, "+": SourceState.COMBINED,
    "#": SourceState.NOT_COMBINED, "-": SourceState.NOT_COMBINED, "x": SourceState.FALSETICKER,
    ".": SourceState.NOT_COMBINED, " ": SourceState.UNUSABLE,
}  # fmt: skip
_COLUMNS = 10
_MILLI = 1e-3


def state(seen: Seen, unread: list[Unread]) -> ClockState | None:
    """Read ``rv``; None without it."""
    text = seen.output("ntpq rv")
    if isinstance(text, Unread):
        return None
    found = {name: value.strip('"') for name, value in _VARIABLE.findall(text)}
    try:
        return ClockState(
            product=product_of(found.get("version", "")) or "ntpd",
            synchronised=found["leap"] not in _UNSYNCHRONISED,
            stratum=int(found["stratum"]),
            reference=printable(found.get("refid", ""), 64),
            correction_seconds=_MILLI * number(found["offset"]),
            jitter_seconds=_MILLI * number(found["sys_jitter"]),
            frequency_ppm=number(found["frequency"]),
            skew_ppm=number(found["clk_wander"]) if "clk_wander" in found else None,
            root_delay_seconds=_MILLI * number(found["rootdelay"]),
            root_dispersion_seconds=_MILLI * number(found["rootdisp"]),
        )
    except (KeyError, ValueError):
        unread.append(Unread(name="ntpq rv", cause=Cause.UNEXPECTED))
        return None


def sources(seen: Seen, unread: list[Unread]) -> tuple[LocalSource, ...] | None:
    """Read ``peers``, where a line's first character is a source's state; None without it."""
    text = seen.output("ntpq peers")
    if isinstance(text, Unread):
        return None
    lines = text.splitlines()
    if not any(line.lstrip().startswith("remote") for line in lines[:2]):
        return ()  # "No association IDs returned"
    rows = [(line[0], line[1:].split()) for line in lines if line and not line.startswith("=")]
    try:
        return tuple(
            _source(letter, row)
            for letter, row in rows
            if row[0] != "remote" and row[3] != "p"  # a pool's own line is no source
        )
    except (KeyError, ValueError, IndexError):
        unread.append(Unread(name="ntpq peers", cause=Cause.UNEXPECTED))
        return None


def _source(letter: str, row: list[str]) -> LocalSource:
    if len(row) < _COLUMNS:
        raise ValueError(row)
    reach = int(row[6], 8)
    return LocalSource(
        name=printable(row[0], 255),
        is_reference_clock=row[3] == "l",
        state=_STATES[letter],
        stratum=int(row[2]),
        poll_seconds=float(row[5]) if row[5].isdigit() else 0.0,
        reach=reach,
        offset_seconds=_MILLI * number(row[8]) if reach else None,
    )
