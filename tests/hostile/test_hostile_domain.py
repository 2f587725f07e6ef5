"""Hostile name servers: a look at a whole domain is bounded, and none of them makes a verdict."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncIterator, Callable
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from seventh.cli.show import document
from seventh.engine.check import check_one
from seventh.labkit.serve import tcp_server, udp_server
from seventh.model.failure import Reason
from seventh.model.report import Report
from seventh.model.severity import Severity
from seventh.model.target import Target
from seventh.protocols.mail.client.questions import MAX_QUESTIONS
from seventh.protocols.mail.facts import DomainFacts
from seventh.render import View, render
from tests.hostile.bounds import LATE_SECONDS, bounded
from tests.hostile.servers import Reader, Writer
from tests.options import options_with
from tests.reports import facts, found

SECONDS = 0.6
MEBIBYTES = 48
Change = Callable[[dns.message.Message, str, str], None]
"""What is done to a response, for a name and a type."""


def add(message: dns.message.Message, name: str, rtype: str, *texts: str) -> None:
    message.answer.append(dns.rrset.from_text(name, 60, "IN", rtype, *texts))


def include_bomb(message: dns.message.Message, name: str, rtype: str) -> None:
    if rtype == "TXT":
        terms = " ".join(f"include:{n}{name[-60:]}" for n in range(60))
        long = f"v=spf1 {terms} -all"
        add(message, name, rtype, " ".join(f'"{long[i : i + 250]}"' for i in range(0, 3000, 250)))
    else:
        message.set_rcode(dns.rcode.NXDOMAIN)


def all_loop(message: dns.message.Message, name: str, rtype: str) -> None:
    if rtype == "TXT":
        add(message, name, rtype, '"v=spf1 include:a.test include:b.test redirect=a.test"')
    elif rtype == "MX":
        add(message, name, rtype, *(f"{n} {name}" for n in range(3)))


def aliases_of_itself(message: dns.message.Message, name: str, rtype: str) -> None:
    add(message, name, "CNAME", name)


def aliases_in_a_ring(message: dns.message.Message, name: str, rtype: str) -> None:
    names = [name, *(f"{n}.ring.test." for n in range(100))]
    for one, following in itertools.pairwise([*names, name]):
        add(message, one, "CNAME", following)


def many_records(message: dns.message.Message, name: str, rtype: str) -> None:
    texts = {
        "A": lambda n: f"10.1.{n // 250}.{n % 250}", "MX": lambda n: f"{n} mx{n}.a.test.",
        "TXT": lambda n: f'"v=spf1 ip4:10.1.{n // 250}.{n % 250} -all"',
        "PTR": lambda n: f"p{n}.a.test.", "SRV": lambda n: f"0 0 {n} s{n}.a.test.",
        "TLSA": lambda n: f"3 1 1 {n:064x}", "AAAA": lambda n: f"fd00::{n:x}",
    }.get(rtype)  # fmt: skip
    if texts is not None:
        add(message, name, rtype, *(texts(n) for n in range(1000)))


def huge_text(message: dns.message.Message, name: str, rtype: str) -> None:
    if rtype == "TXT":
        add(message, name, rtype, '"v=spf1 " ' + " ".join(f'"{"a" * 255}"' for _ in range(240)))
    elif rtype == "MX":
        add(message, name, rtype, "0 .")


def denies_what_it_answers(message: dns.message.Message, name: str, rtype: str) -> None:
    message.set_rcode(dns.rcode.NXDOMAIN)
    if rtype in {"TXT", "SPF"}:
        add(message, name, rtype, '"v=spf1 +all"', '"v=DMARC1; p=none"')
    elif rtype == "MX":
        add(message, name, rtype, f"0 {name}")


def cuts_off(message: dns.message.Message, name: str, rtype: str) -> None:
    message.flags |= dns.flags.TC


def says(code: dns.rcode.Rcode) -> Change:
    return lambda message, name, rtype: message.set_rcode(code)


def other_question(message: dns.message.Message, name: str, rtype: str) -> None:
    message.question[0] = dns.rrset.from_text(f"x.{name[-60:]}", 0, "IN", rtype)


@contextlib.asynccontextmanager
async def resolver(change: Change) -> AsyncIterator[str]:
    """A name server that answers all of it over UDP if it fits, else over TCP."""

    made: dict[bytes, bytes] = {}

    def reply(data: bytes) -> bytes:
        if data[2:] not in made:  # what is measured is reading it
            made[data[2:]] = _made(data)[2:]
        return data[:2] + made[data[2:]]

    def _made(data: bytes) -> bytes:
        query = dns.message.from_wire(data)
        message = dns.message.make_response(query, recursion_available=True)
        change(
            message, str(query.question[0].name), dns.rdatatype.to_text(query.question[0].rdtype)
        )
        return message.to_wire(max_size=65535)

    def cut(data: bytes) -> bytes:
        sent = reply(data)
        if len(sent) <= 1232:
            return sent
        short = dns.message.make_response(dns.message.from_wire(data), recursion_available=True)
        short.flags |= dns.flags.TC
        return short.to_wire()

    async def serve(reader: Reader, writer: Writer) -> None:
        length = int.from_bytes(await reader.readexactly(2), "big")
        sent = reply(await reader.readexactly(length))
        writer.write(len(sent).to_bytes(2, "big") + sent)
        await writer.drain()

    async with (
        tcp_server(serve) as port,
        udp_server(lambda h, data, source: h.send(cut(data), source), port=port),
    ):
        yield f"127.0.0.1:{port}"


async def look(at: str, *, traced: bool = False) -> Report:
    target = Target(scheme="mail", host="a.test", port=0)
    options = options_with(
        resolver=at, timeout_seconds=SECONDS, sender_ip="192.0.2.25", access=True
    )
    with bounded(2 * SECONDS, MEBIBYTES) if traced else contextlib.nullcontext():
        report = await check_one(target, options)
        for style in ("json", "terminal"):
            render(style, document([report]), View())
    domain = facts(report, DomainFacts)
    assert domain.questions is not None
    assert domain.questions <= MAX_QUESTIONS
    return report


@pytest.mark.parametrize(
    "change", [include_bomb, all_loop, many_records, huge_text], ids=lambda each: each.__name__
)
async def test_what_is_too_much_is_bounded(change: Change) -> None:
    async with resolver(change) as at:
        report = await look(at, traced=change is many_records)  # tracing is slow
    assert report.duration_seconds < SECONDS + LATE_SECONDS


@pytest.mark.parametrize(
    "change",
    [
        aliases_of_itself, aliases_in_a_ring, denies_what_it_answers, cuts_off, other_question,
        says(dns.rcode.SERVFAIL), says(dns.rcode.REFUSED), says(dns.rcode.YXDOMAIN),
    ],
    ids=["alias", "ring", "denies", "cuts-off", "other", "servfail", "refused", "yxdomain"],
)  # fmt: skip
async def test_no_answer_is_no_verdict(change: Change) -> None:
    async with resolver(change) as at:
        report = await look(at)
    assert report.failure is not None
    assert report.failure.reason is Reason.RESOLVE_FAILED
    assert [each.id for each in report.findings if each.severity.reaches(Severity.LOW)] == []
    assert not {each for each in report.passed if each.startswith(("SPF", "DKIM", "DMARC"))}


async def test_a_silent_resolver_is_no_verdict() -> None:
    async with udp_server(lambda *_: None) as port:
        report = await look(f"127.0.0.1:{port}")
    assert report.failure is not None
    assert report.failure.reason is Reason.RESOLVE_TIMEOUT
    assert found(report) <= {"NET-FAILED"}


async def test_garbage_without_end_is_no_verdict() -> None:
    def flood(handler: Any, data: bytes, source: Any) -> None:
        for _ in range(200):
            handler.send(data[:2] + b"\x80" * 400, source)

    async with udp_server(flood) as port:
        report = await look(f"127.0.0.1:{port}")
    assert report.failure is not None
    assert report.failure.reason is Reason.RESOLVE_FAILED
