"""Who smears leap seconds, by name and by address."""

from __future__ import annotations

import pytest

from seventh.protocols.ntp.wire.smearing import smearer_of


@pytest.mark.parametrize(
    "host", ["time.google.com", "TIME2.Google.com.", "216.239.35.0", "::ffff:216.239.35.4",
             "2001:4860:4806::"],
)  # fmt: skip
def test_a_smearer_is_known(host: str) -> None:
    assert smearer_of(host).startswith("Google")


@pytest.mark.parametrize("host", ["time.cloudflare.com", "192.0.2.1", "2001:db8::1%eth0", "", "."])
def test_any_other_host_is_not(host: str) -> None:
    assert smearer_of(host) == ""
