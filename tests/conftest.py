"""What every test may use."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
from collections.abc import Generator, Iterator

import pytest
from hypothesis import HealthCheck, settings

from seventh.lab import start
from seventh.labkit.serve import Kit

# The same examples at every run: a property that fails, fails for everyone.
settings.register_profile(
    "seventh",
    derandomize=True,
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("seventh")

# The environment must not decide what a test trusts or where it connects.
for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "SEVENTH_PASSWORD", "NO_COLOR",
             "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):  # fmt: skip
    os.environ.pop(name, None)

# What starts the tests must not decide what a signal does: nohup has SIGHUP ignored.
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# Compiled code is kept: else each worker compiles each test, and each command that a test starts
# all of the source.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


TRACER = sys.gettrace()
"""Coverage's, if it counts. On Python 3.11 it doubles the work of all code, its own or not."""


@contextlib.contextmanager
def counting(*, on: bool) -> Iterator[None]:
    """Have coverage count, or keep it out."""
    before = sys.gettrace()
    sys.settrace(TRACER if on else None)
    try:
        yield
    finally:
        sys.settrace(before)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Generator[None, object, object]:
    """Seek no garbage among the tests, which all stay; the first worker counts what is imported."""
    gc.disable()
    try:
        with counting(on=os.environ.get("PYTEST_XDIST_WORKER", "gw0") == "gw0"):
            return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop() -> Generator[None, object, object]:
    """Count nothing of pytest's own work."""
    with counting(on=False):
        return (yield)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_fixture_setup() -> Generator[None, object, object]:
    """Count what fixtures run."""
    with counting(on=True):
        return (yield)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Count what a test runs, unless it only shows that nothing breaks: that covers no line."""
    alive = item.path.parent.name == "hostile" or item.get_closest_marker("uncounted") is not None
    with counting(on=not alive):
        return (yield)


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A home without a person's own host aliases, known hosts and keys; and without an agent."""
    kept = {name: os.environ.get(name) for name in ("HOME", "SSH_AUTH_SOCK")}
    os.environ["HOME"] = str(tmp_path_factory.mktemp("home"))
    os.environ.pop("SSH_AUTH_SOCK", None)
    yield
    for name, value in kept.items():
        if value is not None:
            os.environ[name] = value


@pytest.fixture(scope="session")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Kit:
    """One throw-away authority for the whole run."""
    return Kit(tmp_path_factory.mktemp("lab"), start.serve_mailbox, start.serve_correct)
