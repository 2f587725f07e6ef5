"""Hostile mail servers: typed, bounded, within the deadline, and nothing secret is sent."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from seventh.cli.show import document
from seventh.engine.check import check_one, pulse_one
from seventh.labkit.serve import Handler, tcp_server
from seventh.model.failure import Reason
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.protocols.smtp.facts import SmtpFacts
from seventh.render import View, render
from tests.hostile.bounds import bounded
from tests.hostile.servers import Reader, Writer, answering, dripping, flooding, saying
from tests.options import changed

SECONDS = 2.0
MEBIBYTES = 48
VIOLATION, MISMATCH = Reason.PROTOCOL_VIOLATION, Reason.PROTOCOL_MISMATCH


def scripted(*answers: bytes) -> Handler:
    """Greets with the first, then answers a command with each."""

    async def serve(reader: Reader, writer: Writer) -> None:
        for answer in answers:
            writer.write(answer)
            await writer.drain()
            if not await reader.readline():
                return

    return serve


async def endless_after_ehlo(reader: Reader, writer: Writer) -> None:
    """Answers EHLO with lines without end."""
    writer.write(b"220 lab.test ESMTP\r\n")
    await reader.readline()
    while True:
        writer.write(b"250-SIZE 1\r\n" * 1000)
        await writer.drain()


async def drips_after_ehlo(reader: Reader, writer: Writer) -> None:
    """Answers EHLO byte by byte."""
    writer.write(b"220 lab.test ESMTP\r\n")
    await reader.readline()
    while True:
        for byte in b"250-SIZE 1\r\n":
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.25)


PEERS: dict[str, tuple[Handler, Reason, str]] = {
    "endless greeting": (flooding(b"220-wait\r\n"), VIOLATION, "smtp.greeting"),
    "endless line": (flooding(b"220 wait"), VIOLATION, "smtp.greeting"),
    "endless EHLO": (endless_after_ehlo, VIOLATION, "smtp.ehlo"),
    "drips": (dripping(b"220-wait\r\n"), Reason.BUDGET_EXCEEDED, "smtp.greeting"),
    "drips after EHLO": (drips_after_ehlo, Reason.BUDGET_EXCEEDED, "smtp.ehlo"),
    "silent": (saying(b""), Reason.PEER_SILENT, "smtp.greeting"),
    "silent in a reply": (saying(b"220-wait\r\n"), Reason.PEER_SILENT, "smtp.greeting"),
    "web server": (answering(b"HTTP/1.1 400 Bad Request\r\n\r\n"), MISMATCH, "smtp.greeting"),
    "closes": (saying(b"", then_close=True), Reason.PEER_CLOSED, "smtp.greeting"),
    "other protocol": (saying(b"SSH-2.0-x\r\n"), MISMATCH, "smtp.greeting"),
    "no code": (scripted(b"220 a\r\n", b"hello\r\n"), VIOLATION, "smtp.ehlo"),
    "421 in the greeting": (saying(b"421 busy\r\n"), Reason.PEER_CLOSED, "smtp.greeting"),
    "421 to EHLO": (scripted(b"220 a\r\n", b"421 no\r\n"), Reason.PEER_CLOSED, "smtp.ehlo"),
    "refuses EHLO and HELO": (
        scripted(b"220 a\r\n", b"500 no\r\n", b"550 no\r\n"), Reason.PEER_CLOSED, "smtp.ehlo",
    ),
    "no TLS behind the go-ahead": (
        scripted(b"220 a\r\n", b"250-a\r\n250 STARTTLS\r\n", b"220 go\r\n", b"250 plain\r\n"),
        Reason.TLS_NOT_TLS, "tls",
    ),
    "code 3xx to STARTTLS": (
        scripted(b"220 a\r\n", b"250-a\r\n250 STARTTLS\r\n", b"354 go\r\n"),
        Reason.STARTTLS_REFUSED, "smtp.starttls",
    ),
}  # fmt: skip


@pytest.mark.parametrize("verb", ["check", "pulse"])
@pytest.mark.parametrize("name", PEERS)
async def test_a_hostile_server_is_typed_and_bounded(name: str, verb: str) -> None:
    handler, reason, phase = PEERS[name]
    report = await look(handler, verb, SECONDS)
    assert report.failure is not None
    assert (report.failure.reason, report.failure.phase) == (reason, phase), report.failure


async def look(handler: Handler, verb: str = "check", seconds: float = 4.0, **more: Any) -> Report:
    async with tcp_server(handler) as port:
        target = Target(scheme="smtp", host="127.0.0.1", port=port)
        with bounded(seconds, MEBIBYTES):
            return await (check_one if verb == "check" else pulse_one)(
                target, changed(Options(timeout_seconds=seconds), **more)
            )


def answering_but(command: bytes, wrong: bytes) -> Handler:
    """Answers every command as a correct server, and ``command`` with ``wrong``, without end."""

    async def serve(reader: Reader, writer: Writer) -> None:
        writer.write(b"220 lab.test ESMTP\r\n")
        while line := await reader.readline():
            if line.startswith(command):
                while wrong:
                    writer.write(wrong)
                    await writer.drain()
                await reader.read()  # silent
            writer.write(b"250 lab.test\r\n")

    return serve


@pytest.mark.parametrize("command", [b"MAIL", b"RCPT", b"RSET", b"VRFY", b"DATA"])
@pytest.mark.parametrize("wrong", [b"", b"250-x\r\n" * 1000])
async def test_a_hostile_answer_to_a_permitted_step_keeps_the_facts(
    command: bytes, wrong: bytes
) -> None:
    options = {"allow_write": True, "intrusive": True, "mail_to": "a@b.example"}
    report = await look(answering_but(command, wrong), seconds=SECONDS, **options)
    facts = report.facts["smtp"]
    assert isinstance(facts, SmtpFacts)
    assert report.failure is None
    assert facts.name == "lab.test"
    steps = {b"VRFY": {"VRFY"}, b"DATA": {"line endings"}}.get(command, {"recipients"})
    assert steps <= facts.unknown.keys()


async def test_escape_sequences_reach_no_terminal() -> None:
    hello = b"250-\x1b]0;x\x07 hi\r\n250-\x1b[2J\xe2\x80\xae 1\r\n250 SIZE \x1b[0m\r\n"
    report = await look(scripted(b"220 \x1b[31mred\x9b1m\r\n", hello, b"221 bye\r\n"))
    facts = report.facts["smtp"]
    assert isinstance(facts, SmtpFacts)
    assert facts.greeting == "\\x1b[31mred\\x9b1m"
    for kind in ("terminal", "json", "markdown"):
        text = render(kind, document([report]), View(verbose=True))
        assert "\x1b" not in text
        assert "\u202e" not in text


async def test_a_slow_server_is_merely_slow() -> None:
    async def tarpit(reader: Reader, writer: Writer) -> None:
        for answer in (b"220 a\r\n", b"250-a\r\n250 SIZE 0\r\n", b"221 bye\r\n"):
            await asyncio.sleep(0.7)
            writer.write(answer)
            await writer.drain()
            await reader.readline()

    report = await look(tarpit)
    assert report.failure is None
    facts = report.facts["smtp"]
    assert isinstance(facts, SmtpFacts)
    assert facts.in_clear is not None
    assert facts.in_clear.keywords == ("SIZE",)
