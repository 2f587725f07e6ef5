"""A server with two certificates: each client gets one, and each is judged."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from OpenSSL import SSL

from seventh.engine.check import check_one
from seventh.labkit.ca import Issued
from seventh.labkit.serve import Kit
from seventh.labkit.tlsserve import TlsPeer, server_context, tls_server
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.model.tlsfacts import TlsFacts
from tests.options import options_with
from tests.reports import found

pytestmark = pytest.mark.field
DAY = dt.timedelta(days=1)
RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())


async def _answer(peer: TlsPeer) -> None:
    """HTTP enough for a check to go on."""
    if await peer.receive():
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


async def look(kit: Kit, *issued: Issued, scheme: str = "tls", best: int = 0) -> Report:
    """Check a server that has these certificates."""
    context = server_context(issued[0], best=best or SSL.TLS1_3_VERSION, alpn=(b"http/1.1",))
    for further in issued[1:]:
        context.use_certificate_chain_file(str(further.cert_file))
        context.use_privatekey_file(str(further.key_file))
    async with tls_server(context, application=_answer) as port:
        return await check_one(
            Target(scheme=scheme, host="127.0.0.1", port=port),
            options_with(
                timeout_seconds=8.0, ca_file=str(kit.authority.ca_file), server_name="lab.test"
            ),
        )


def params(report: Report, rule: str) -> dict[str, Any]:
    return next(dict(finding.params) for finding in report.findings if finding.id == rule)


@pytest.mark.parametrize("best", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION])
@pytest.mark.parametrize("bad", [RSA, EC], ids=["rsa", "ec"])
async def test_the_other_certificate_has_expired(kit: Kit, bad: Any, best: int) -> None:
    good = EC if bad is RSA else RSA
    kind = "RSA" if bad is RSA else "EC"
    report = await look(
        kit, kit.authority.issue(key=good),
        kit.authority.issue(key=bad, not_before=-95 * DAY), best=best,
    )  # fmt: skip
    facts = report.facts["tls"]
    assert isinstance(facts, TlsFacts)
    assert {facts.chain[0].key_type, facts.other_certificates[0].key_type} == {"RSA", "EC"}
    assert f"({kind})" in str(params(report, "TLS-CERT-EXPIRED")["certificates"])


async def test_the_other_certificate_is_for_another_name(kit: Kit) -> None:
    report = await look(
        kit, kit.authority.issue(key=EC), kit.authority.issue("other.test", key=RSA)
    )
    assert params(report, "TLS-CERT-HOST")["names"] == ("other.test (RSA)",)


async def test_the_other_chain_is_incomplete(kit: Kit) -> None:
    own = kit.authority.issue(key=RSA, self_signed=True)
    report = await look(kit, kit.authority.issue(key=EC), own)
    assert params(report, "TLS-CHAIN")["subject"] == ("CN=localhost (RSA)",)


@pytest.mark.parametrize("scheme", ["tls", "https", "wss"])
async def test_both_are_good(kit: Kit, scheme: str) -> None:
    both = [kit.authority.issue(key=key) for key in (EC, RSA)]
    report = await look(kit, *both, scheme=scheme)
    assert not {name for name in found(report) if name.startswith("TLS-C")}
    facts = report.facts["tls"]
    assert isinstance(facts, TlsFacts)
    assert [len(other.chain) for other in facts.other_certificates] == [2]


@pytest.mark.parametrize("key", [EC, RSA], ids=["ec", "rsa"])
async def test_a_server_with_one_certificate_has_no_other(kit: Kit, key: Any) -> None:
    report = await look(kit, kit.authority.issue(key=key))
    facts = report.facts["tls"]
    assert isinstance(facts, TlsFacts)
    assert facts.other_certificates == ()
    assert "certificates of other key types" not in facts.unknown
