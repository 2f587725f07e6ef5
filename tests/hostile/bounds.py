"""What a hostile peer may cost: time, and memory as Python allocates it."""

from __future__ import annotations

import contextlib
import time
import tracemalloc
from collections.abc import Iterator

LATE_SECONDS = 20.0
"""How late a block may end on a busy machine: tracing memory costs time as well."""


@contextlib.contextmanager
def bounded(seconds: float, mebibytes: int) -> Iterator[None]:
    """Assert that a block ends by its deadline, and allocates at most so much at once."""
    tracemalloc.start()
    begun = time.monotonic()
    try:
        yield
        took = time.monotonic() - begun
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert took < seconds + LATE_SECONDS, f"{took:.1f} s"
    assert peak < mebibytes << 20, f"{peak >> 20} MiB"
