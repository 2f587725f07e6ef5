"""What every test may use."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

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
    return Kit(tmp_path_factory.mktemp("lab"))
