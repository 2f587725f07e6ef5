"""How much memory a block takes, counted by the allocator: a high-water mark would hide it."""

from __future__ import annotations

import contextlib
import tracemalloc
from collections.abc import Iterator


@contextlib.contextmanager
def at_most(mebibytes: int) -> Iterator[None]:
    """Fail where the block holds more than so much at once."""
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak <= mebibytes << 20, f"{peak >> 20} MiB were held at once"
