"""DateAndTime (RFC 2579 §2): a time of day in 8 or 11 octets."""

from __future__ import annotations

import datetime as dt

import msgspec

_PLUS, _MINUS = ord("+"), ord("-")


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """A time of day, and how precisely it is given."""

    unix_seconds: float | None
    """None where it has no time zone."""
    resolution_seconds: float


def parse(octets: bytes) -> Moment | None:
    """Return the time; None for octets that are none."""
    if len(octets) not in {8, 11}:
        return None
    year = int.from_bytes(octets[:2])
    month, day, hour, minute, second, tenths = octets[2:8]
    if second > 60 or tenths > 9:
        return None
    try:
        begun = dt.datetime(year, month, day, hour, minute, tzinfo=dt.UTC)
    except ValueError:
        return None
    # A whole second is what agents give that have no tenths.
    resolution = 0.1 if tenths else 1.0
    if len(octets) == 8:
        return Moment(unix_seconds=None, resolution_seconds=resolution)
    sign, hours, minutes = octets[8:]
    if sign not in {_PLUS, _MINUS} or hours > 14 or minutes > 59:
        return None
    east = (hours * 3600 + minutes * 60) * (1 if sign == _PLUS else -1)
    return Moment(
        unix_seconds=begun.timestamp() + second + tenths / 10 - east,
        resolution_seconds=resolution,
    )


def encode(unix_seconds: float) -> bytes:
    """Return a time in UTC, in whole seconds."""
    at = dt.datetime.fromtimestamp(int(unix_seconds), dt.UTC)
    return at.year.to_bytes(2) + bytes(
        (at.month, at.day, at.hour, at.minute, at.second, 0, _PLUS, 0, 0)
    )
