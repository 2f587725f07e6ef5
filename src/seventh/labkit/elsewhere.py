"""An address of this machine that is not a loopback address."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator

from seventh.labkit.serve import find_program


@contextlib.contextmanager
def added(address: str) -> Iterator[None]:
    """Add ``address`` to this machine until the block ends; needs root and iproute2."""
    ip = find_program("ip") or "ip"
    route = ["local", address, "dev", "lo"]
    subprocess.run([ip, "route", "replace", *route], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run([ip, "route", "del", *route], check=False, capture_output=True)
