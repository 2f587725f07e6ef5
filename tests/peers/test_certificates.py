"""Servers with several certificates on one port: nginx, HAProxy, each client's own."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from seventh.engine.check import check_one
from seventh.labkit.ca import Issued
from seventh.labkit.names import name_server
from seventh.labkit.serve import Kit
from seventh.model.options import endpoint
from seventh.model.report import Report
from seventh.model.target import Target
from tests.options import options_with
from tests.peers.test_tls import GOOD_NGINX, check, facts, nginx, options
from tests.peers.test_tls_fixes import haproxy

pytestmark = pytest.mark.peer
_DAY = dt.timedelta(days=1)
EC, RSA = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)
SITE, WWW = "site.test", "www.site.test"


def certificate(issued: Issued) -> str:
    """nginx's lines for a certificate."""
    return f"ssl_certificate {issued.cert_file};\nssl_certificate_key {issued.key_file};\n"


def server(name: str, issued: Issued) -> str:
    """Close nginx's block before and open one for ``name``."""
    return f"}}\nserver {{\nlisten 127.0.0.1:PORT ssl;\nserver_name {name};\n" + certificate(issued)


def certificates(report: Report) -> dict[str, tuple[str, dict[str, Any]]]:
    """The findings on certificates: severity and parameters."""
    return {
        finding.id: (finding.severity.value, dict(finding.params))
        for finding in report.findings
        if finding.id.startswith("TLS-C")
    }


async def test_nginx_with_an_rsa_certificate_that_has_expired(kit: Kit, tmp_path: Path) -> None:
    good, old = kit.authority.issue(key=EC), kit.authority.issue(key=RSA, not_before=-91 * _DAY)
    async with nginx(tmp_path, good, GOOD_NGINX + certificate(old)) as port:
        report = await check(port, options(kit))
    day = old.certificate.not_valid_after_utc
    assert certificates(report) == {
        "TLS-CERT-EXPIRED": (
            "critical",
            {
                "what": ("sent",),
                "certificates": (f"CN=localhost ({day:%Y-%m-%dT%H:%M:%SZ}) (RSA)",),
            },
        )
    }
    assert facts(report).cert_expiry_timestamp_seconds == day.timestamp()


async def test_haproxy_with_an_rsa_certificate_that_has_expired(kit: Kit, tmp_path: Path) -> None:
    old = kit.authority.issue(key=RSA, not_before=-91 * _DAY)
    # One name and two types of key: the files differ in their suffix only.
    for issued, kind in ((kit.authority.issue(key=EC), "ecdsa"), (old, "rsa")):
        both = issued.cert_file.read_bytes() + issued.key_file.read_bytes()
        (tmp_path / f"site.pem.{kind}").write_bytes(both)
    bind = f"bind :443 ssl crt {tmp_path}/site.pem.ecdsa crt {tmp_path}/site.pem.rsa"
    async with haproxy(tmp_path, "", bind) as port:
        report = await check(port, options(kit))
    assert set(certificates(report)) == {"TLS-CERT-EXPIRED"}
    assert [other.key_type for other in facts(report).other_certificates] == ["RSA"]


@pytest.mark.parametrize("self_signed", [True, False])
async def test_nginx_without_sni(kit: Kit, tmp_path: Path, self_signed: bool) -> None:
    old = kit.authority.issue("default.test", not_before=-91 * _DAY, self_signed=self_signed)
    named = server("lab.test", kit.authority.issue()) + GOOD_NGINX
    async with nginx(tmp_path, old, GOOD_NGINX + named) as port:
        report = await check(port, options(kit))
    (other,) = facts(report).other_certificates
    assert (other.sent_to, other.chain[0].names) == ("no-name", ("default.test",))
    day = old.certificate.not_valid_after_utc
    expired = f"CN=default.test ({day:%Y-%m-%dT%H:%M:%SZ}) (sent without SNI)"
    finding = {"TLS-CERT-EXPIRED": ("info", {"what": ("sent",), "certificates": (expired,)})}
    assert report.failure is None
    assert certificates(report) == ({} if self_signed else finding)


async def ask(kit: Kit, port: int, resolver: str, host: str = SITE) -> Report:
    return await check_one(
        Target(scheme="tls", host=host, port=port),
        options_with(
            timeout_seconds=10.0, ca_file=str(kit.authority.ca_file), resolver=endpoint(resolver)
        ),
    )


@pytest.mark.parametrize(
    ("host", "other", "names", "fires"),
    [
        (SITE, WWW, (SITE,), True),
        (SITE, WWW, (SITE, WWW), False),
        (WWW, SITE, (WWW,), True),
        (WWW, SITE, ("*.site.test", SITE), False),
    ],
)
async def test_nginx_with_and_without_www(
    kit: Kit, tmp_path: Path, host: str, other: str, names: tuple[str, ...], fires: bool
) -> None:
    zone = {name: {"A": ("127.0.0.1",)} for name in (SITE, WWW)}
    async with (
        name_server(zone) as resolver,
        nginx(tmp_path, kit.authority.issue(*names), GOOD_NGINX) as port,
    ):
        report = await ask(kit, port, resolver, host)
    assert report.failure is None
    tagged = tuple(f"{name} ({other})" for name in names)
    finding = ("medium", {"what": "other", "name": other, "names": tagged})
    assert certificates(report) == ({"TLS-CERT-HOST": finding} if fires else {})


@pytest.mark.parametrize("zone", [{}, {WWW: {"A": ("127.0.0.2",)}}])
async def test_www_that_is_elsewhere(kit: Kit, tmp_path: Path, zone: dict[str, Any]) -> None:
    zone = {SITE: {"A": ("127.0.0.1",)}, **zone}
    async with (
        name_server(zone) as resolver,
        nginx(tmp_path, kit.authority.issue(SITE), GOOD_NGINX) as port,
    ):
        report = await ask(kit, port, resolver)
    assert certificates(report) == {}
    assert facts(report).other_certificates == ()


async def test_nginx_with_a_certificate_of_its_own_for_www(kit: Kit, tmp_path: Path) -> None:
    zone = {name: {"A": ("127.0.0.1",)} for name in (SITE, WWW)}
    old = kit.authority.issue(WWW, not_before=-91 * _DAY)
    async with (
        name_server(zone) as resolver,
        nginx(tmp_path, kit.authority.issue(SITE), GOOD_NGINX + server(WWW, old)) as port,
    ):
        report = await ask(kit, port, resolver)
    assert set(certificates(report)) == {"TLS-CERT-EXPIRED"}
    severity, params = certificates(report)["TLS-CERT-EXPIRED"]
    day = old.certificate.not_valid_after_utc
    assert severity == "medium"
    assert params["certificates"] == (f"CN={WWW} ({day:%Y-%m-%dT%H:%M:%SZ}) ({WWW})",)
