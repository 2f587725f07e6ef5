"""This machine's wall clock, and its own error."""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable

from seventh.model.phase import Mark
from seventh.net.stopwatch import now_ns

_STA_UNSYNC = 0x0040
_TIME_ERROR = 5
_CLOSE_NS = 1000
"""Two readings of the monotonic clock this close had nothing between but one of the other."""
_READINGS = 8
_RAW: int | None = getattr(time, "CLOCK_MONOTONIC_RAW", None)


def wall_minus_monotonic_ns() -> int:
    """Return the offset of the wall clock from the monotonic clock, in nanoseconds.

    Both clocks are slewed alike, so between two steps of the wall clock the distance stands still.
    Instants that are compared with each other take the same distance: then a step between them
    falsifies neither their difference nor only one of them. A process that is interrupted between
    the readings reads again; the result is good to half of :data:`_CLOSE_NS` nearly always.
    """
    best = distance = 0
    for attempt in range(_READINGS):
        before = now_ns()
        wall = time.time_ns()
        spread = now_ns() - before
        if not attempt or spread < best:
            best, distance = spread, wall - before - spread // 2
        if spread < _CLOSE_NS:
            break
    return distance


def wall_ns(mark: Mark, distance_ns: int | None = None) -> int:
    """Return ``mark`` by the wall clock: nanoseconds since 1970, UTC.

    ``distance_ns`` is :func:`wall_minus_monotonic_ns`, for several marks that share one reading.
    """
    return mark.ns + (wall_minus_monotonic_ns() if distance_ns is None else distance_ns)


def wall_and_raw_seconds() -> tuple[float, float]:
    """Return the wall clock (Unix time) and the raw monotonic clock, read at one instant.

    Two such pairs tell how far the wall clock was stepped or steered between them. The raw clock
    runs at the rate of its oscillator, good to 500 ppm at worst; where the system has no such
    clock, the monotonic one stands in, and steering goes unseen.
    """
    before = wall = raw = 0
    for _ in range(_READINGS):
        before = time.time_ns()
        raw = time.clock_gettime_ns(_RAW) if _RAW is not None else now_ns()
        wall = time.time_ns()
        if 0 <= wall - before < _CLOSE_NS:
            break
    return (before + (wall - before) // 2) / 1e9, raw / 1e9


def clock_error_seconds() -> float | None:
    """Return the maximum error of the wall clock, as the time daemon reports it to the kernel.

    That is adjtimex(2)'s ``maxerror``. None where the clock is not synchronised, where nobody tells
    the kernel, and on systems other than Linux: then nothing is known.
    """
    read = _adjtimex()
    if read is None:
        return None
    state, status, max_error_us = read()
    if state in {-1, _TIME_ERROR} or status & _STA_UNSYNC:
        return None
    return max_error_us / 1e6


@functools.cache
def _adjtimex() -> Callable[[], tuple[int, int, int]] | None:
    """Return a function that reads (state, status, maxerror in microseconds), or None."""
    if sys.platform != "linux":
        return None
    import ctypes

    class Timex(ctypes.Structure):
        """The head of struct timex; ``rest`` is longer than what follows on any architecture."""

        _fields_ = (
            ("modes", ctypes.c_uint),
            ("offset", ctypes.c_long),
            ("freq", ctypes.c_long),
            ("maxerror", ctypes.c_long),
            ("esterror", ctypes.c_long),
            ("status", ctypes.c_int),
            ("rest", ctypes.c_char * 256),
        )

    try:
        call = ctypes.CDLL(None).adjtimex
    except (OSError, AttributeError):
        return None

    def read() -> tuple[int, int, int]:
        timex = Timex()  # modes 0: read only, no privilege needed
        state = int(call(ctypes.byref(timex)))
        return state, int(timex.status), int(timex.maxerror)

    return read
