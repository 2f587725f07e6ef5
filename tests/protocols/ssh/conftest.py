"""Keys that the tests of SSH share."""

from __future__ import annotations

import pytest

from seventh.protocols.ssh.lab.keys import LoginKeys, ed25519_key, make_login_keys
from seventh.protocols.ssh.wire.hostkeys import Signer


@pytest.fixture(scope="session")
def signer() -> Signer:
    return Signer(ed25519_key())


@pytest.fixture(scope="session")
def login_keys(tmp_path_factory: pytest.TempPathFactory) -> LoginKeys:
    """The keys of a server and a user; known_hosts is rewritten for each server's port."""
    return make_login_keys(tmp_path_factory.mktemp("ssh") / "login")
