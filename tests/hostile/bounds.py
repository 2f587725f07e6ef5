"""What a hostile peer may cost: time, and memory as Python allocates it."""

from __future__ import annotations

import contextlib
import time
import tracemalloc
from collections.abc import Iterator


@contextlib.contextmanager
def bounded(seconds: float, mebibytes: int) -> Iterator[None]:
    """Assert that a block takes at most so long, and allocates at most so much at once."""
    tracemalloc.start()
    begun = time.monotonic()
    try:
        yield
        took = time.monotonic() - begun
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert took < seconds, f"{took:.1f} s"
    assert peak < mebibytes << 20, f"{peak >> 20} MiB"
