"""grpc-timeout: at most eight digits and a unit (gRPC over HTTP/2, "Timeout")."""

from __future__ import annotations

import math
import re

_UNITS = {"n": 1, "u": 1_000, "m": 1_000_000, "S": 10**9, "M": 60 * 10**9, "H": 3600 * 10**9}
"""By unit, its nanoseconds."""
_FORM = re.compile(r"(\d{1,8})([numSMH])")
_MAX = 99_999_999


def encode_timeout(seconds: float) -> str:
    """Return ``seconds`` in the coarsest unit that is exact, else in the finest that fits.

    Rounded up: a deadline that has passed is the shortest timeout, ``1n``; one beyond the format
    is its longest.
    """
    ns = max(1, math.ceil(min(seconds, 1e12) * 1e9))
    for unit, size in reversed(_UNITS.items()):
        if ns % size == 0 and ns // size <= _MAX:
            return f"{ns // size}{unit}"
    for unit, size in _UNITS.items():
        if -(-ns // size) <= _MAX:
            return f"{-(-ns // size)}{unit}"
    return f"{_MAX}H"


def decode_timeout(value: str) -> float | None:
    """Return the seconds of a grpc-timeout; None if it is malformed."""
    match = _FORM.fullmatch(value)
    if match is None or not value.isascii():
        return None
    return int(match[1]) * _UNITS[match[2]] / 1e9
