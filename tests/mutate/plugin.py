"""What pytest is given for a mutant: proof of which source is tested, few examples, a bound."""

from __future__ import annotations

import os
import resource
import signal
from pathlib import Path

import pytest
from hypothesis import settings

TREE = "SEVENTH_MUTATE_TREE"
WRONG_SOURCE = 97
"""The exit code when the source under test is not the mutant's copy."""
_MOST_DATA_BYTES = 3 << 30
"""A mutant may collect without end."""


def pytest_configure() -> None:
    """Refuse another source; take a small profile, after tests/conftest.py has loaded its own."""
    import seventh

    if not Path(seventh.__file__).is_relative_to(os.environ[TREE]):
        pytest.exit(f"tested would be {seventh.__file__}", returncode=WRONG_SOURCE)
    settings.register_profile("mutate", settings(), max_examples=40, derandomize=True)
    settings.load_profile("mutate")
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a run in the background ignores it
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    if hard == resource.RLIM_INFINITY or hard > _MOST_DATA_BYTES:
        resource.setrlimit(resource.RLIMIT_DATA, (_MOST_DATA_BYTES, hard))
