"""The throw-away authority, judged by the openssl command where there is one."""

from __future__ import annotations

import datetime as dt
import stat
import subprocess

import pytest

from seventh.labkit.serve import Kit
from tests.peers import need_binary


def verify(kit: Kit, cert: str, *extra: str) -> str:
    openssl = need_binary("openssl")
    done = subprocess.run(
        [
            openssl,
            "verify",
            "-CAfile",
            str(kit.authority.ca_file),
            "-untrusted",
            cert,
            *extra,
            cert,
        ],
        check=False,
        capture_output=True,
        text=True,
    )
    return done.stdout + done.stderr


@pytest.mark.peer
def test_a_right_certificate_verifies(kit: Kit) -> None:
    issued = kit.authority.issue("localhost")
    assert verify(kit, str(issued.cert_file), "-verify_hostname", "localhost").endswith(": OK\n")


@pytest.mark.peer
def test_each_wrong_one_is_wrong_in_its_own_way(kit: Kit) -> None:
    day = dt.timedelta(days=1)
    expired = kit.authority.issue("localhost", not_before=-3 * day, lifetime=day)
    assert "certificate has expired" in verify(kit, str(expired.cert_file))
    future = kit.authority.issue("localhost", not_before=day)
    assert "not yet valid" in verify(kit, str(future.cert_file))
    alone = kit.authority.issue("localhost", chain=False)
    assert "unable to get local issuer" in verify(kit, str(alone.cert_file))
    selfie = kit.authority.issue("localhost", self_signed=True)
    assert "self-signed" in verify(kit, str(selfie.cert_file))


def test_keys_are_nobody_elses(kit: Kit) -> None:
    issued = kit.authority.issue("localhost")
    assert stat.S_IMODE(issued.key_file.stat().st_mode) == 0o600
