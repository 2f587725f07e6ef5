"""What a resolver sends that is no answer is told as such, and not as silence."""

from __future__ import annotations

import socket
from collections.abc import Callable

import dns.asyncresolver  # loaded here, not within the first deadline
import dns.message
import dns.rcode
import dns.rrset
import pytest

from seventh.labkit.names import name_server
from seventh.labkit.serve import UdpHandler, udp_server
from seventh.model.failure import Blame, Reason
from seventh.model.netfacts import Lookup
from seventh.model.options import endpoint
from seventh.net import resolve
from seventh.net.stopwatch import now_ns

pytestmark = pytest.mark.field
Answer = Callable[[bytes], bytes]
SECONDS = 0.3


async def ask(answer: Answer, name: str = "site.test") -> Lookup:
    """Look a name up at a resolver that answers so."""

    def handle(server: UdpHandler, data: bytes, source: tuple[str, int]) -> None:
        server.send(answer(data), source)

    async with udp_server(handle) as port:
        return await resolve.record(
            name, "A", resolver=endpoint(f"127.0.0.1:{port}"),
            deadline_ns=now_ns() + int(SECONDS * 1e9),
        )  # fmt: skip


def reply(query: bytes, rcode: dns.rcode.Rcode = dns.rcode.NOERROR) -> dns.message.Message:
    made = dns.message.make_response(dns.message.from_wire(query), recursion_available=True)
    made.set_rcode(rcode)
    return made


def referral(query: bytes) -> bytes:
    made = dns.message.make_response(dns.message.from_wire(query))
    made.authority.append(dns.rrset.from_text("test.", 60, "IN", "NS", "ns.test."))
    return made.to_wire()


def other_question(query: bytes) -> bytes:
    asked = dns.message.make_query("other.test", "A", id=int.from_bytes(query[:2]))
    return dns.message.make_response(asked).to_wire()


def bad_address(query: bytes) -> bytes:
    """An A record of one byte."""
    return reply(query).to_wire()[:6] + b"\0\1" + reply(query).to_wire()[8:12] + query[12:27] + (
        b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\1\x7f"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda query: query[:2] + b"\x80" + bytes(range(200, 240)), "not a readable DNS message"),
        (lambda query: query[:2] + b"\xff" * 90, "not a readable DNS message"),
        (lambda query: query[:7], "7 bytes long"),
        (lambda query: query, "a query, not a response"),
        (
            lambda query: bytes((query[0] ^ 1, query[1])) + reply(query).to_wire()[2:],
            "unknown ID",
        ),
        (other_question, "another question"),
        (bad_address, "not a readable DNS message"),
    ],
)
async def test_what_cannot_be_used_is_named(answer: Answer, words: str) -> None:
    lookup = await ask(answer)
    assert lookup.outcome == "failed"
    assert words in lookup.detail and "did not answer in time" not in lookup.detail
    assert resolve.no_address("site.test", (lookup,)).reason is Reason.RESOLVE_FAILED


async def test_an_answer_from_elsewhere_is_named() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.2", 0))

        def handle(_: UdpHandler, data: bytes, source: tuple[str, int]) -> None:
            other.sendto(reply(data).to_wire(), source)

        async with udp_server(handle) as port:
            lookup = await resolve.record(
                "site.test", "A", resolver=endpoint(f"127.0.0.1:{port}"),
                deadline_ns=now_ns() + int(SECONDS * 1e9),
            )  # fmt: skip
    assert "sent from 127.0.0.2 port" in lookup.detail


@pytest.mark.parametrize(
    ("rcode", "words"),
    [
        (dns.rcode.SERVFAIL, "answered SERVFAIL: no valid answer from the zone's"),
        (dns.rcode.REFUSED, "answered REFUSED: it does not accept queries from this client"),
        (dns.rcode.NOTIMP, "answered NOTIMP"),
    ],
)
async def test_a_refusal_is_told_in_words(rcode: dns.rcode.Rcode, words: str) -> None:
    lookup = await ask(lambda query: reply(query, rcode).to_wire())
    assert lookup.outcome == "servfail"
    assert words in lookup.detail
    assert "nameservers failed" not in lookup.detail  # the library's own words


async def test_a_truncated_answer_without_tcp_is_told() -> None:
    def cut(query: bytes) -> bytes:
        made = reply(query)
        made.flags |= 0x0200
        return made.to_wire()

    lookup = await ask(cut)
    assert "sent a truncated answer" in lookup.detail
    assert "unreachable over TCP" in lookup.detail


async def test_an_endless_chain_of_aliases_is_told() -> None:
    def chain(query: bytes) -> bytes:
        made = reply(query)
        for at in range(40):
            name = "site.test." if not at else f"a{at}.test."
            made.answer.append(dns.rrset.from_text(name, 60, "IN", "CNAME", f"a{at + 1}.test."))
        return made.to_wire()

    lookup = await ask(chain)
    assert "CNAME chain" in lookup.detail


async def test_a_referral_does_not_mean_that_the_name_has_no_address() -> None:
    lookup = await ask(referral)
    assert lookup.outcome == "failed"
    assert "referral" in lookup.detail


@pytest.mark.parametrize("name", ["a..b", "x" * 64 + ".test", ".".join(["y" * 60] * 5)])
async def test_what_is_no_name_is_told_in_our_words(name: str) -> None:
    lookup = await ask(lambda query: reply(query).to_wire(), name)
    assert lookup.detail == resolve.NOT_A_NAME


async def test_a_name_that_does_not_exist_is_the_caller_s_to_correct() -> None:
    async with name_server({}) as resolver:
        lookup = await resolve.record(
            "typo.test", "A", resolver=endpoint(resolver), deadline_ns=now_ns() + 10**9
        )
    failed = resolve.no_address("typo.test", (lookup,))
    assert failed.reason is Reason.RESOLVE_NXDOMAIN
    assert failed.blame is Blame.LOCAL
    assert failed.detail == f"typo.test: {resolve.NO_SUCH_NAME}"
