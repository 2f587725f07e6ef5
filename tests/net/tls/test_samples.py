"""One answer is one sample: of primes the shortest counts, of suites "at least" is said."""

from __future__ import annotations

import os

import pytest

from seventh.engine.check import check_one
from seventh.labkit.serve import Kit
from seventh.labkit.tlsserve import HelloHook, server_context, tls_server
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.net.tls import bare_hellos
from seventh.wire import tlshello
from seventh.wire import tlsnames as n
from tests.options import options_with

pytestmark = pytest.mark.field


async def look(kit: Kit, ciphers: str, on_hello: HelloHook | None = None) -> Report:
    """Check a server with these suites."""
    context = server_context(kit.authority.issue(), ciphers=ciphers)
    async with tls_server(context, on_hello=on_hello) as port:
        return await check_one(
            Target(scheme="tls", host="127.0.0.1", port=port),
            options_with(
                timeout_seconds=8.0, ca_file=str(kit.authority.ca_file), server_name="lab.test"
            ),
        )


def said(report: Report, rule: str) -> dict[str, object]:
    return next((dict(f.params) for f in report.findings if f.id == rule), {})


@pytest.mark.parametrize(("questions", "what"), [(64, "accepted"), (3, "accepted-and-untested")])
async def test_a_list_of_suites_says_whether_it_is_all(
    kit: Kit, questions: int, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bare_hellos, "MORE_QUESTIONS", questions)
    assert said(await look(kit, "ALL:eNULL"), "TLS-WEAK-CIPHER")["what"] == what


def two_primes(hello: tlshello.ClientHello) -> bytes | None:
    """A long prime for AES-256, a short one for the rest; real primes prove nothing here."""
    offered = [code for code in hello.suites if code in n.DHE_SUITES]
    if not offered or len(offered) < len(hello.suites) - 1:
        return None
    strong = [code for code in offered if "AES_256_GCM" in n.suite_name(code)]
    bits = 2048 if strong else 1024
    prime = (1 << bits - 1 | 1).to_bytes(bits // 8)
    hello_back = tlshello.ServerHello(
        version=n.TLS12, random=os.urandom(32), suite=(strong or offered)[0]
    )
    key = b"".join(len(v).to_bytes(2) + v for v in (prime, b"\x02", prime))
    messages = (
        tlshello.encode_server_hello(hello_back)
        + tlshello.message(n.CERTIFICATE, bytes(3))
        + tlshello.message(n.SERVER_KEY_EXCHANGE, key + bytes([4, 3, 0, 0]))
        + tlshello.message(n.SERVER_HELLO_DONE, b"")
    )
    return tlshello.record(n.HANDSHAKE, messages, n.TLS12)


async def test_the_shortest_prime_counts(kit: Kit) -> None:
    report = await look(kit, "ECDHE+AESGCM", two_primes)
    assert said(report, "TLS-DH-SMALL")["bits"] == 1024
