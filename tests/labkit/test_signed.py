"""The lab's signed zone, as a validating resolver sees it."""

from __future__ import annotations

import asyncio

import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest

from seventh.labkit.names import name_server
from seventh.labkit.signed import SignedZone
from tests.peers import need_binary
from tests.peers.named import Named, unbound

ZONE = SignedZone(
    "lab.test",
    {
        "lab.test": {"MX": ("10 mx.lab.test.",)},
        "mx.lab.test": {"A": ("127.0.0.2",)},
        "www.lab.test": {"CNAME": ("mx.lab.test.",)},
        "_25._tcp.mx.lab.test": {"TLSA": ("3 1 1 " + "ab" * 32,)},
        "bad.lab.test": {"TXT": ('"changed"',)},
    },
    frozenset({("bad.lab.test", "TXT")}),
)
VALIDATED = [
    ("lab.test", "MX", "10 mx.lab.test."), ("lab.test", "TXT", ""),
    ("mx.lab.test", "A", "127.0.0.2"),
    ("www.lab.test", "A", "mx.lab.test. 127.0.0.2"), ("www.lab.test", "AAAA", "mx.lab.test."),
    ("_25._tcp.mx.lab.test", "TLSA", "3 1 1 " + "ab" * 32), ("_tcp.mx.lab.test", "TLSA", ""),
    ("gone.lab.test", "A", None), ("a.b.mx.lab.test", "A", None), ("zz.lab.test", "A", None),
]  # fmt: skip


def ask(server: str, name: str, kind: str, flags: int = dns.flags.AD) -> dns.message.Message:
    query = dns.message.make_query(name, kind, want_dnssec=True)
    query.flags |= flags
    host, _, port = server.partition(":")
    return dns.query.udp(query, host, timeout=10, port=int(port))


def records(reply: dns.message.Message) -> str | None:
    if reply.rcode() == dns.rcode.NXDOMAIN:
        return None
    found = [rrset for rrset in reply.answer if rrset.rdtype != dns.rdatatype.RRSIG]
    return " ".join(str(record) for rrset in found for record in rrset)


@pytest.mark.peer
async def test_unbound_validates_what_the_zone_has_and_has_not() -> None:
    need_binary("unbound")
    async with name_server({}, signed=ZONE) as address:
        found = await asyncio.to_thread(_through_unbound, address)
    assert found == [(name, kind, True, text) for name, kind, text in VALIDATED]


def _through_unbound(address: str) -> list[tuple[str, str, bool, str | None]]:
    with unbound(Named(address, (ZONE.anchor,))) as resolver:
        bad = ask(resolver, "bad.lab.test", "TXT")
        assert bad.rcode() == dns.rcode.SERVFAIL
        replies = [(name, kind, ask(resolver, name, kind)) for name, kind, _ in VALIDATED]
    return [
        (name, kind, bool(reply.flags & dns.flags.AD), records(reply))
        for name, kind, reply in replies
    ]


@pytest.mark.parametrize(("name", "kind", "text"), VALIDATED)
def test_it_answers_as_a_resolver_that_has_validated(
    name: str, kind: str, text: str | None
) -> None:
    reply = ZONE.answer(dns.message.make_query(name, kind, want_dnssec=True))
    assert (bool(reply.flags & dns.flags.AD), records(reply)) == (True, text)


def test_what_is_bogus_needs_a_question_without_validation() -> None:
    query = dns.message.make_query("bad.lab.test", "TXT", want_dnssec=True)
    assert ZONE.answer(query).rcode() == dns.rcode.SERVFAIL
    query.flags |= dns.flags.CD
    reply = ZONE.answer(query)
    assert (bool(reply.flags & dns.flags.AD), records(reply)) == (False, '"changed"')
