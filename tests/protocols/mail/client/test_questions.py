"""The questions of a check, at name servers that answer, refuse, cut off, lie and say nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from msgspec.structs import replace

from seventh.labkit.names import name_server
from seventh.labkit.serve import UdpHandler, tcp_server, udp_server
from seventh.model.options import HostPort
from seventh.net import dns_query
from seventh.net.budget import Budget
from seventh.protocols.mail.client import questions
from seventh.protocols.mail.client.questions import Questions
from seventh.protocols.mail.facts.answer import Answer, Mx, Srv, Tlsa

ZONE = {
    "a.test": {
        "A": ("192.0.2.1", "192.0.2.2"), "AAAA": ("2001:db8::1",),
        "MX": ("20 B.Test.", "10 a.test."), "TXT": ('"one" "two"', '"x"'),
        "CAA": ('0 issue "ca.test"',),
    },
    "null.test": {"MX": ("0 .",)},
    "_imaps._tcp.a.test": {"SRV": ("0 1 993 A.test.", "0 0 0 .")},
    "_25._tcp.a.test": {"TLSA": ("3 1 1 " + "ab" * 32,)},
    "1.2.0.192.in-addr.arpa": {"PTR": ("A.test.",)},
    "c1.test": {"CNAME": ("C2.test.",)}, "c2.test": {"CNAME": ("a.test.",)},
    "lost.test": {"CNAME": ("gone.test.",)},
    "loop.test": {"CNAME": ("loop.test.",)},
}  # fmt: skip


def made(resolver: str, *, trusted: bool = False, seconds: float = 10.0) -> Questions:
    host, _, port = resolver.rpartition(":")
    servers = dns_query.servers_of(HostPort(host, int(port)))
    return Questions(servers, Budget(seconds), trusted=trusted)


def plain(answer: Answer) -> Answer:
    """Without what differs each time."""
    return replace(answer, seconds=0.0, detail="")


@pytest.mark.parametrize(
    ("name", "rtype", "expected"),
    [
        ("A.Test.", "A", {"name": "a.test", "names": ("192.0.2.1", "192.0.2.2")}),
        ("a.test", "AAAA", {"names": ("2001:db8::1",)}),
        ("a.test", "MX", {"exchangers": (Mx(10, "a.test"), Mx(20, "b.test"))}),
        ("null.test", "MX", {"exchangers": (Mx(0, "."),)}),
        ("a.test", "TXT", {"texts": (b"onetwo", b"x"), "strings": (2, 1)}),
        ("_imaps._tcp.a.test", "SRV",
         {"services": (Srv(0, 0, 0, "."), Srv(0, 1, 993, "a.test"))}),
        ("_25._tcp.a.test", "TLSA", {"tlsa": (Tlsa(3, 1, 1, b"\xab" * 32),)}),
        ("1.2.0.192.in-addr.arpa", "PTR", {"names": ("a.test",)}),
        ("c1.test", "CNAME", {"names": ("c2.test",)}),
        ("a.test", "CAA", {"others": (b"\0\x05issueca.test".hex(),)}),
        ("c1.test", "MX", {"aliases": ("c2.test", "a.test"),
                           "exchangers": (Mx(10, "a.test"), Mx(20, "b.test"))}),
        ("c1.test", "SRV", {"aliases": ("c2.test", "a.test"), "outcome": "no-data"}),
        ("lost.test", "A", {"aliases": ("gone.test",), "outcome": "nxdomain"}),
        ("gone.test", "A", {"outcome": "nxdomain"}),
        ("a.test", "SRV", {"outcome": "no-data"}),
        ("test", "A", {"outcome": "no-data"}),
        ("loop.test", "A", {"outcome": "failed"}),
        ("a..test", "A", {"outcome": "failed"}),
        (f"{'a' * 64}.test", "A", {"outcome": "failed"}),
    ],
)  # fmt: skip
async def test_records_are_typed(name: str, rtype: str, expected: dict[str, object]) -> None:
    async with name_server(ZONE) as resolver:
        answer = await made(resolver).ask(name, rtype)
    fields = {"name": name, "rtype": rtype, "outcome": "ok", **expected}
    assert plain(answer) == Answer(**fields)  # type: ignore[arg-type]
    assert answer.known is (answer.outcome != "failed")
    assert answer.empty is (answer.outcome in {"nxdomain", "no-data"})


@pytest.mark.parametrize("trusted", [False, True])
@pytest.mark.parametrize("claimed", [False, True])
async def test_validation_is_believed_of_a_trusted_resolver(claimed: bool, trusted: bool) -> None:
    async with name_server(ZONE, authenticated=claimed) as resolver:
        asked = made(resolver, trusted=trusted)
        found, none = await asked.ask("a.test", "A"), await asked.ask("gone.test", "A")
    assert [(each.claimed, each.authenticated) for each in (found, none)] == [
        (claimed, claimed and trusted)
    ] * 2


@pytest.mark.parametrize(
    ("ips", "local"),
    [
        (("127.0.0.53", "::1"), True), (("127.0.0.1", "192.0.2.1"), False),
        (("fe80::1%eth0",), False),
    ],
)  # fmt: skip
def test_only_resolvers_on_this_machine_are_local(ips: tuple[str, ...], local: bool) -> None:
    assert dns_query.Servers(ips, 53).local is local


def counting(count: list[bytes]) -> Callable[[UdpHandler, bytes, tuple[str, int]], None]:
    def answer(handler: UdpHandler, data: bytes, source: tuple[str, int]) -> None:
        count.append(data)
        reply = dns.message.make_response(dns.message.from_wire(data), recursion_available=True)
        asyncio.get_running_loop().call_later(0.02, handler.send, reply.to_wire(), source)

    return answer


async def test_a_question_is_asked_once() -> None:
    count: list[bytes] = []
    async with udp_server(counting(count)) as port:
        asked = made(f"127.0.0.1:{port}")
        await asyncio.gather(*(asked.ask("A.test.", "A") for _ in range(5)))
        await asked.ask("a.test", "A")
        await asked.ask("a.test", "AAAA")
        await asked.ask("a.test", "A", checking_disabled=True)
    assert (len(count), asked.asked) == (3, 3)
    queries = [dns.message.from_wire(wire) for wire in count]
    assert [bool(query.flags & dns.flags.CD) for query in queries] == [False, False, True]
    assert {(query.payload, bool(query.ednsflags & dns.flags.DO)) for query in queries} == {
        (1232, True)
    }


async def test_a_check_asks_no_more_than_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "MAX_QUESTIONS", 2)
    async with name_server(ZONE) as resolver:
        asked = made(resolver)
        outcomes = [(await asked.ask(f"{n}.test", "A")).outcome for n in ("a", "b", "c", "b")]
    assert outcomes == ["ok", "nxdomain", "limit", "nxdomain"]


@contextlib.asynccontextmanager
async def answering(
    change: Callable[[dns.message.Message], None], *, over_tcp: bool = False
) -> AsyncIterator[str]:
    def reply(data: bytes, *, cut_off: bool = False) -> bytes:
        made = dns.message.make_response(dns.message.from_wire(data), recursion_available=True)
        change(made)
        if cut_off:
            made.flags |= dns.flags.TC
            made.answer = []
        return made.to_wire(max_size=65535)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length = int.from_bytes(await reader.readexactly(2), "big")
        sent = reply(await reader.readexactly(length))
        writer.write(len(sent).to_bytes(2, "big") + sent)
        await writer.drain()

    async with contextlib.AsyncExitStack() as stack:
        port = await stack.enter_async_context(
            udp_server(lambda h, data, source: h.send(reply(data, cut_off=over_tcp), source))
        )
        if over_tcp:
            await stack.enter_async_context(tcp_server(serve, port=port))
        yield f"127.0.0.1:{port}"


def rcode(code: dns.rcode.Rcode) -> Callable[[dns.message.Message], None]:
    return lambda message: message.set_rcode(code)


def refer(message: dns.message.Message) -> None:
    message.flags &= ~dns.flags.RA
    message.authority.append(dns.rrset.from_text("test.", 60, "IN", "NS", "ns.test."))


def cut(message: dns.message.Message) -> None:
    message.flags |= dns.flags.TC


@pytest.mark.parametrize(
    ("change", "outcome", "detail"),
    [
        (rcode(dns.rcode.SERVFAIL), "servfail", "the resolver 127.0.0.1 answered SERVFAIL"),
        (rcode(dns.rcode.REFUSED), "refused", "the resolver 127.0.0.1 answered REFUSED"),
        (rcode(dns.rcode.FORMERR), "failed", "the resolver 127.0.0.1 answered FORMERR"),
        (refer, "failed",
         "the resolver returned a referral: it does not offer recursion to clients"),
        (cut, "truncated",
         "the answer is truncated, and the resolver is unreachable over TCP: connection refused"),
    ],
)  # fmt: skip
async def test_no_answer_is_not_no_record(
    change: Callable[[dns.message.Message], None], outcome: str, detail: str
) -> None:
    async with answering(change) as resolver:
        answer = await made(resolver).ask("a.test", "A")
    assert (answer.outcome, answer.detail, answer.known) == (outcome, detail, False)


async def test_a_long_answer_comes_over_tcp() -> None:
    def fill(message: dns.message.Message) -> None:
        texts = [f'"{number:0250}"' for number in range(100)]
        message.answer.append(dns.rrset.from_text("a.test.", 60, "IN", "TXT", *texts))

    async with answering(fill, over_tcp=True) as resolver:
        answer = await made(resolver).ask("a.test", "TXT")
    assert (answer.outcome, len(answer.texts)) == ("ok", 100)


async def test_of_very_many_records_the_first_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "MAX_RECORDS", 3)

    def fill(message: dns.message.Message) -> None:
        ips = [f"192.0.2.{number}" for number in range(1, 9)]
        message.answer.append(dns.rrset.from_text("a.test.", 60, "IN", "A", *ips))

    async with answering(fill) as resolver:
        assert len((await made(resolver).ask("a.test", "A")).names) == 3


async def test_a_silent_resolver_is_a_timeout() -> None:
    async with udp_server(lambda *_: None) as port:
        answer = await made(f"127.0.0.1:{port}", seconds=0.2).ask("a.test", "A")
    assert answer.outcome == "timeout"
    assert answer.detail == "the resolver 127.0.0.1 did not answer in time"


async def test_garbage_is_described() -> None:
    async with udp_server(lambda h, _, source: h.send(b"hello", source)) as port:
        answer = await made(f"127.0.0.1:{port}", seconds=0.2).ask("a.test", "A")
    assert (answer.outcome, answer.detail) == (
        "failed",
        "the resolver answered once, unusable: 5 bytes long, shorter than a DNS header (12)",
    )
