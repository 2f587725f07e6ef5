"""The faults of OpenSSH's certificates, on both sides of every boundary."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from msgspec.structs import replace

from seventh.protocols.ssh.lab.keys import certify, ed25519_key
from seventh.protocols.ssh.wire.certificates import Certificate, Signed, read_certificate

FOREVER = 2**64 - 1
NOW = 1_800_000_000.0


def made(*, host: bool, **changes: Any) -> Certificate:
    """A certificate for ``*.a.test`` or the user ``ops``, valid from NOW to a day later."""
    line = certify(ed25519_key(), "*.a.test" if host else "ops", host=host)
    read = read_certificate(base64.b64decode(line.split()[1]))
    assert read.signed is Signed.VALID
    usual = {"valid_after": int(NOW), "valid_before": int(NOW) + 86400}
    return replace(read, **{**usual, **changes})


@pytest.mark.parametrize(
    ("name", "now", "changes", "faults"),
    [
        ("x.a.test", NOW, {}, ()),
        ("x.a.test", NOW - 1, {}, ("early",)),
        ("x.a.test", NOW + 86399, {}, ()),
        ("x.a.test", NOW + 86400, {}, ("expired",)),
        ("x.a.test", NOW + 86400, {"valid_before": FOREVER}, ()),
        ("b.test", NOW, {}, ("principal",)),
        ("b.test", NOW, {"principals": ()}, ("no-principals",)),
        ("b.test", NOW, {"principals": ("a", "b.test")}, ()),
        # No critical option is defined for hosts.
        ("x.a.test", NOW, {"critical_options": ("source-address",)}, ("critical",)),
        ("x.a.test", NOW, {"signed": Signed.SHA1}, ("sha1",)),
        ("x.a.test", NOW, {"signed": Signed.WRONG}, ("signature",)),
        ("x.a.test", NOW, {"signed": Signed.BY_CERTIFICATE}, ("by-certificate",)),
        ("x.a.test", NOW, {"signed": Signed.UNVERIFIED}, ("unverified",)),
        ("x.a.test", NOW, {"kind": "user"}, ("kind",)),
        ("b.test", NOW - 1, {"signed": Signed.SHA1}, ("sha1", "early", "principal")),
    ],
)  # fmt: skip
def test_the_faults_of_a_host_certificate(
    name: str, now: float, changes: dict[str, Any], faults: tuple[str, ...]
) -> None:
    assert made(host=True, **changes).faults("host", name, now) == faults


@pytest.mark.parametrize(
    ("name", "changes", "faults"),
    [
        ("ops", {}, ()),
        ("root", {}, ("principal",)),
        # A user's principals are no patterns.
        ("ops", {"principals": ("*",)}, ("principal",)),
        ("ops", {"principals": ()}, ("no-principals",)),
        ("ops", {"critical_options": ("force-command", "source-address", "verify-required")}, ()),
        ("ops", {"critical_options": ("force-command", "x@y")}, ("critical",)),
        ("ops", {"kind": "host"}, ("kind",)),
    ],
)
def test_the_faults_of_a_user_certificate(
    name: str, changes: dict[str, Any], faults: tuple[str, ...]
) -> None:
    assert made(host=False, **changes).faults("user", name, NOW) == faults


def test_the_facts_of_a_certificate() -> None:
    certificate = made(host=False, serial=7)
    facts = certificate.facts("user", "root", NOW + 43200, "id_ed25519")
    assert (facts.kind, facts.name, facts.source, facts.serial, facts.key_id) == (
        "user", "root", "id_ed25519", 7, "lab",
    )  # fmt: skip
    assert (facts.valid_after, facts.valid_before) == (
        "2027-01-15T08:00+00:00", "2027-01-16T08:00+00:00",
    )  # fmt: skip
    assert (facts.days_left, facts.lifetime_days, facts.faults) == (0.5, 1.0, ("principal",))
    assert facts.authority.startswith("ssh-ed25519 SHA256:")
    assert facts.key.startswith("ssh-ed25519 SHA256:")
    assert facts.key != facts.authority


def test_a_certificate_without_limits_has_no_dates() -> None:
    facts = made(host=True, valid_after=0, valid_before=FOREVER).facts("host", "x.a.test", NOW)
    assert (facts.valid_after, facts.valid_before, facts.days_left, facts.lifetime_days) == (
        "", "", None, None,
    )  # fmt: skip
