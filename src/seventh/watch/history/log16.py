"""Durations as 16-bit logarithms: 256 steps an octave, so that each is within 0.14 %.

Code 0 is no time at all; any other code is 2 ** ((code - 1) / 256) nanoseconds. Buckets of a
histogram are 32 codes wide, an eighth of an octave.
"""

from __future__ import annotations

import math

STEPS = 256
"""Codes for each doubling."""
ERROR = 2 ** (1 / (2 * STEPS)) - 1
"""The greatest relative error of a duration: 0.1355 %."""
BUCKET = 32
"""Codes of one bucket of a histogram."""


def encode(duration_ns: int) -> int:
    """Return the code of a duration; one below 1 ns has the code 0."""
    return 1 + round(math.log2(duration_ns) * STEPS) if duration_ns >= 1 else 0


def decode(code: int) -> float:
    """Return the nanoseconds of a code."""
    return float(2 ** ((code - 1) / STEPS)) if code else 0.0


def encode_sql(value: str) -> str:
    """Return the SQL of :func:`encode`."""
    return (
        f"CASE WHEN {value} < 1 THEN 0::USMALLINT"
        f" ELSE (1 + round(log2({value}) * {STEPS}))::USMALLINT END"
    )


def decode_sql(code: str) -> str:
    """Return the SQL of :func:`decode`."""
    return f"CASE WHEN {code} = 0 THEN 0.0 ELSE pow(2, ({code} - 1) / {STEPS}.0) END"
