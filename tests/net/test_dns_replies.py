"""What a resolver sends that is no answer is told as such, and not as silence."""

from __future__ import annotations

import socket
from collections.abc import Callable

import dns.asyncresolver  # loaded here, not within the first deadline
import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest

from seventh.labkit.names import name_server
from seventh.labkit.serve import UdpHandler, udp_server
from seventh.model.failure import Blame, Reason
from seventh.model.netfacts import Lookup
from seventh.model.options import endpoint
from seventh.net import dns_replies, resolve
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


QUERIED = ("192.0.2.53", 53)
QUERY = dns.message.make_query("site.test", "A", id=0x1234).to_wire()


def described(*received: bytes, source: tuple[str, int] = QUERIED) -> str:
    replies = dns_replies.Replies()
    replies.add_query(QUERY)
    for wire in received:
        replies.add(wire, source, QUERIED)
    return replies.describe()


@pytest.mark.parametrize(
    ("wires", "said"),
    [
        ((QUERY[:11],), "once, unusable: 11 bytes long, shorter than a DNS header (12)"),
        ((b"\x12\x35" + QUERY[2:],), "once, unusable: for a query that was not sent (unknown ID)"),
        ((QUERY, QUERY), "2 times, unusable: a query, not a response"),
        ((QUERY[:2] + b"\x80" + QUERY[3:12],), "once, unusable: not a readable DNS message"),
        ((other_question(QUERY),), "once, unusable: for another question"),
        ((reply(QUERY).to_wire(),), "once, unusable: unusable"),
        # Four kinds are named, and after 32 datagrams none is read.
        ((b"1", b"12", b"123", b"1234", b"12345"), "5 times, unusable: " + "; ".join(
            f"{size} bytes long, shorter than a DNS header (12)" for size in (1, 2, 3, 4))),
        ((b"1",) * 31 + (b"12",), "32 times, unusable: " + "; ".join(
            f"{size} bytes long, shorter than a DNS header (12)" for size in (1, 2))),
        ((b"1",) * 32 + (b"12",),
         "33 times, unusable: 1 bytes long, shorter than a DNS header (12)"),
    ],
)  # fmt: skip
def test_datagrams_are_counted_and_named(wires: tuple[bytes, ...], said: str) -> None:
    assert described(*wires) == f"the resolver answered {said}"


def test_nothing_received_is_nothing_to_describe() -> None:
    assert described() == ""


@pytest.mark.parametrize("source", [("192.0.2.54", 53), ("192.0.2.53", 54)])
def test_the_source_of_a_datagram_counts(source: tuple[str, int]) -> None:
    said = f"sent from {source[0]} port {source[1]}, not the queried address"
    assert described(QUERY, source=source) == f"the resolver answered once, unusable: {said}"


@pytest.mark.parametrize(
    ("what", "over_tcp", "said"),
    [
        ("SERVFAIL", False, "answered SERVFAIL: no valid answer from the zone's name servers"),
        ("REFUSED", True, ("answered REFUSED over TCP: it does not accept queries from this client "
                          "or for this name")),
        ("FORMERR", False, "answered FORMERR: it cannot read the query"),
        ("NOTIMP", False, "answered NOTIMP: it does not support this kind of query"),
        ("NOTAUTH", False, "answered NOTAUTH: it is not authoritative for the zone"),
        ("YXRRSET", True, "answered YXRRSET over TCP"),
        (dns.message.Truncated(), False, "sent a truncated answer"),
        (dns.exception.Timeout(), True, "did not answer over TCP in time"),
        (dns.message.ChainTooLong(), True,
         "answered with a CNAME chain that is too long or circular"),
        (dns.resolver.YXDOMAIN(), False,
         "answered with a CNAME chain that is too long or circular"),
        (EOFError(), True, "closed the connection over TCP without an answer"),
        (OSError(111, "Connection refused"), True, "is unreachable over TCP: connection refused"),
        (OSError("odd"), False, "is unreachable: connection failed"),
        (dns.exception.FormError(), True,
         "answered over TCP, unusable: not a readable DNS message"),
    ],
)  # fmt: skip
def test_what_went_wrong_at_a_resolver(what: object, over_tcp: bool, said: str) -> None:
    errors = [("Do53:192.0.2.53@53", over_tcp, 53, what, None)]
    error = dns.resolver.NoNameservers(
        errors=errors, request=dns.message.make_query("site.test", "A")
    )
    assert dns_replies.refused(error) == f"the resolver 192.0.2.53 port 53 {said}"


def test_each_resolver_is_told_once() -> None:
    errors = [(f"Do53:192.0.2.{at}@53", False, 53, "NOTZONE", None) for at in (1, 2, 1)]
    error = dns.resolver.NoNameservers(
        errors=errors, request=dns.message.make_query("site.test", "A")
    )
    assert dns_replies.refused(error) == (
        "the resolver 192.0.2.1 port 53 answered NOTZONE; 192.0.2.2 port 53 answered NOTZONE"
    )
    assert dns_replies.refused(dns.resolver.NoNameservers()) == "no resolver answered"


@pytest.mark.parametrize(
    ("flags", "section", "kinds", "expected"),
    [
        ("QR", "authority", ["NS"], True),
        ("QR AA", "authority", ["NS"], False),
        ("QR RA", "authority", ["NS"], False),
        ("QR", "answer", ["NS"], False),
        ("QR", "authority", ["NS", "SOA"], False),
        ("QR", "authority", [], False),
    ],
)
def test_referrals(flags: str, section: str, kinds: list[str], expected: bool) -> None:
    message = dns.message.make_query("site.test", "A")
    message.flags = dns.flags.from_text(flags)
    data = {"NS": "ns.test.", "SOA": "ns.test. root.test. 1 2 3 4 5"}
    for kind in kinds:
        getattr(message, section).append(dns.rrset.from_text("test.", 60, "IN", kind, data[kind]))
    assert dns_replies.is_referral(message) is expected


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
