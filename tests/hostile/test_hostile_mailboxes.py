"""Hostile servers of mailboxes: typed, bounded, within the deadline, and facts are kept."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from seventh.cli.show import document
from seventh.engine.check import check_one, pulse_one
from seventh.labkit.serve import Handler, tcp_server
from seventh.model.failure import Reason
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.protocols.imap.facts import ImapFacts
from seventh.protocols.pop3.facts import Pop3Facts
from seventh.render import View, render
from tests.hostile.bounds import bounded
from tests.hostile.servers import Reader, Writer
from tests.options import options_with
from tests.reports import facts

SECONDS = 2.0
MEBIBYTES = 48
VIOLATION, LATE = Reason.PROTOCOL_VIOLATION, Reason.BUDGET_EXCEEDED
ENDLESS, DRIP = b"<endless>", b"<drip>"
"""What follows it is repeated, at once or byte by byte."""
CLOSE = b"<close>"
IMAP = {
    "": b"* OK ready\r\n",
    "CAPABILITY": b"* CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN IDLE QUOTA ID\r\nTAG OK\r\n",
    "EXAMINE": b"* 1 EXISTS\r\nTAG OK\r\n",
    "FETCH": b"* 1 FETCH (BODY[HEADER.FIELDS (DATE)] {2}\r\n\r\n)\r\nTAG OK\r\n",
    "IDLE": b"+ idling\r\n",
}
POP3 = {
    "": b"+OK ready\r\n",
    "CAPA": b"+OK\r\nSASL PLAIN\r\nUIDL\r\n.\r\n",
    "STAT": b"+OK 1 100\r\n",
    "UIDL": b"+OK\r\n1 a\r\n.\r\n",
}


def server(scheme: str, changes: Mapping[str, bytes]) -> Handler:
    """A server that logs in whoever comes; ``changes`` are answers by command, "" the greeting."""
    answers = {**(IMAP if scheme == "imap" else POP3), **changes}
    default = b"TAG OK\r\n" if scheme == "imap" else b"+OK\r\n"

    async def serve(reader: Reader, writer: Writer) -> None:
        tag, command = b"", ""
        while True:
            answer = answers.get(command, default).replace(b"TAG", tag)
            if answer == CLOSE:
                return
            for mark in (ENDLESS, DRIP):
                answer, _, repeated = answer.partition(mark)
                if repeated:
                    writer.write(answer)
                    await repeat(writer, repeated, slowly=mark == DRIP)
            writer.write(answer)
            await writer.drain()
            words = (await reader.readline()).split()
            if not words:
                return
            if scheme == "imap" and len(words) > 1:
                tag = words.pop(0)
            command = words[0].decode()

    return serve


async def repeat(writer: Writer, data: bytes, *, slowly: bool) -> None:
    while True:
        for piece in [data[i : i + 1] for i in range(len(data))] if slowly else [data * 1000]:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.25 if slowly else 0)


async def look(
    scheme: str, changes: Mapping[str, bytes], folder: Path, verb: str = "check", idle: float = 0.0
) -> Report:
    (folder / "password").write_text("secret\n")
    options = options_with(
        timeout_seconds=SECONDS, user="anna", password_file=str(folder / "password"),
        allow_plaintext=True, idle_seconds=idle,
    )  # fmt: skip
    async with tcp_server(server(scheme, changes)) as port:
        target = Target(scheme=scheme, host="127.0.0.1", port=port)
        with bounded(SECONDS, MEBIBYTES):
            return await (check_one if verb == "check" else pulse_one)(target, options)


@pytest.mark.parametrize("scheme", ["imap", "pop3"])
async def test_the_server_without_a_change_is_good(scheme: str, tmp_path: Path) -> None:
    report = await look(scheme, {}, tmp_path, idle=0.1)
    assert report.failure is None
    assert (await look(scheme, {}, tmp_path, "pulse")).failure is None


NESTED = b"(" * 4000 + b"\r\n"
TOO_LARGE = b"{4294967296}\r\n"
EARLY: list[tuple[str, str, bytes, Reason, str]] = [
    ("imap", "", ENDLESS + b"* OK wait ", Reason.PROTOCOL_MISMATCH, "imap.greeting"),
    ("imap", "", DRIP + b"* OK wait ", LATE, "imap.greeting"),
    ("imap", "", b"* BYE busy\r\n", Reason.PEER_CLOSED, "imap.greeting"),
    ("imap", "CAPABILITY", ENDLESS + b"* 1 EXISTS\r\n", VIOLATION, "imap.capability"),
    ("imap", "CAPABILITY", ENDLESS + b"* CAPABILITY ", VIOLATION, "imap.capability"),
    ("imap", "CAPABILITY", b"* X " + ENDLESS + b"{1}\r\nx", VIOLATION, "imap.capability"),
    ("imap", "CAPABILITY", b"* CAPABILITY " + TOO_LARGE, VIOLATION, "imap.capability"),
    ("imap", "CAPABILITY", b"* CAPABILITY " + NESTED, VIOLATION, "imap.capability"),
    ("imap", "CAPABILITY", DRIP + b"* 1 EXISTS\r\n", LATE, "imap.capability"),
    ("imap", "CAPABILITY", b"+ more\r\n", VIOLATION, "imap.capability"),
    ("imap", "CAPABILITY", b"* BYE now\r\n", Reason.PEER_CLOSED, "imap.capability"),
    ("pop3", "", ENDLESS + b"+OK wait ", VIOLATION, "pop3.greeting"),
    ("pop3", "", DRIP + b"+OK wait ", LATE, "pop3.greeting"),
    ("pop3", "", b"-ERR busy\r\n", Reason.PEER_CLOSED, "pop3.greeting"),
    ("pop3", "CAPA", b"+OK\r\n" + ENDLESS + b"X\r\n", VIOLATION, "pop3.capa"),
    ("pop3", "CAPA", b"+OK\r\n" + ENDLESS + b"X" * 500 + b"\r\n", VIOLATION, "pop3.capa"),
    ("pop3", "CAPA", b"+OK\r\n" + DRIP + b"X\r\n", LATE, "pop3.capa"),
    ("pop3", "CAPA", b"250 hello\r\n", VIOLATION, "pop3.capa"),
]
LATER: list[tuple[str, str, bytes, Reason, str]] = [
    ("imap", "ID", b"* ID " + NESTED, VIOLATION, "imap.id"),
    ("imap", "AUTHENTICATE", ENDLESS + b"+ \r\n", VIOLATION, "imap.login"),
    ("imap", "AUTHENTICATE", b"+ !\r\n", VIOLATION, "imap.login"),
    ("imap", "EXAMINE", ENDLESS + b"* OK [X] wait\r\n", VIOLATION, "imap.examine"),
    ("imap", "EXAMINE", b"* BYE now\r\n", Reason.PEER_CLOSED, "imap.examine"),
    ("imap", "FETCH", b"* BYE now\r\n", Reason.PEER_CLOSED, "imap.fetch"),
    ("imap", "IDLE", b"* BYE now\r\n", Reason.PEER_CLOSED, "imap.idle"),
    ("imap", "LOGOUT", b"* 1 FETCH " + NESTED, VIOLATION, "imap.logout"),
    ("imap", "FETCH", b"* 1 FETCH (BODY[] " + TOO_LARGE, VIOLATION, "imap.fetch"),
    ("imap", "GETQUOTAROOT", b"* QUOTA x " + NESTED, VIOLATION, "imap.quota"),
    ("imap", "IDLE", ENDLESS + b"* 1 EXISTS\r\n", VIOLATION, "imap.idle"),
    ("imap", "DONE", ENDLESS + b"* 1 EXISTS\r\n", VIOLATION, "imap.idle"),
    ("pop3", "AUTH", ENDLESS + b"+ \r\n", VIOLATION, "pop3.auth"),
    ("pop3", "STAT", ENDLESS + b"+OK ", VIOLATION, "pop3.stat"),
    ("pop3", "UIDL", b"+OK\r\n" + ENDLESS + b"1 x\r\n", VIOLATION, "pop3.uidl"),
    ("pop3", "UIDL", b"+OK\r\n" + DRIP + b"1 x\r\n", LATE, "pop3.uidl"),
    ("pop3", "QUIT", ENDLESS + b"+OK ", VIOLATION, "pop3.quit"),
]
TLS: list[tuple[str, bytes, Reason]] = [
    ("imap", ENDLESS + b"* 1 EXISTS\r\n", VIOLATION), ("imap", b"* X " + TOO_LARGE, VIOLATION),
    ("imap", b"* X " + NESTED, VIOLATION), ("imap", b"+ more\r\n", VIOLATION),
    ("imap", b"* BYE now\r\n", Reason.PEER_CLOSED),
    ("imap", b"TAG NO no\r\n", Reason.STARTTLS_REFUSED),
    ("pop3", ENDLESS + b"+OK wait ", VIOLATION),
    ("pop3", b"334 more\r\n", VIOLATION), ("pop3", b"-ERR no\r\n", Reason.STARTTLS_REFUSED),
]  # fmt: skip
"""Answers to STARTTLS and STLS."""


@pytest.mark.parametrize("verb", ["check", "pulse"])
@pytest.mark.parametrize(("scheme", "command", "answer", "reason", "phase"), EARLY)
async def test_before_the_login(
    scheme: str, command: str, answer: bytes, reason: Reason, phase: str, verb: str, tmp_path: Path
) -> None:
    report = await look(scheme, {command: answer}, tmp_path, verb)
    assert report.failure is not None
    assert report.failure.phase == phase
    # On a busy machine the deadline may come before the number of lines that is too many.
    assert report.failure.reason in {reason, LATE if ENDLESS in answer else reason}, report.failure


@pytest.mark.parametrize(("scheme", "command", "answer", "reason", "phase"), LATER)
async def test_after_it(
    scheme: str, command: str, answer: bytes, reason: Reason, phase: str, tmp_path: Path
) -> None:
    report = await look(scheme, {command: answer}, tmp_path)
    assert report.failure is not None
    assert report.failure.phase == phase
    # On a busy machine the deadline may come before the number of lines that is too many.
    assert report.failure.reason in {reason, LATE if ENDLESS in answer else reason}, report.failure
    kept = facts(report, ImapFacts) if scheme == "imap" else facts(report, Pop3Facts)
    assert kept.greeting == "ready"
    assert kept.capabilities


@pytest.mark.parametrize(("scheme", "answer", "reason"), TLS)
async def test_instead_of_the_go_ahead(
    scheme: str, answer: bytes, reason: Reason, tmp_path: Path
) -> None:
    offers = {
        "CAPABILITY": b"* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\nTAG OK\r\n",
        "CAPA": b"+OK\r\nSTLS\r\n.\r\n", "STARTTLS": answer, "STLS": answer,
    }  # fmt: skip
    report = await look(scheme, offers, tmp_path)
    assert report.failure is not None
    assert report.failure.phase == {"imap": "imap.starttls", "pop3": "pop3.stls"}[scheme]
    # On a busy machine the deadline may come before the number of lines that is too many.
    assert report.failure.reason in {reason, LATE if ENDLESS in answer else reason}, report.failure
    kept = facts(report, ImapFacts) if scheme == "imap" else facts(report, Pop3Facts)
    assert (kept.greeting, kept.login) == ("ready", None)


@pytest.mark.parametrize("scheme", ["imap", "pop3"])
async def test_lines_that_end_with_a_line_feed_alone_are_counted(
    scheme: str, tmp_path: Path
) -> None:
    answers = IMAP if scheme == "imap" else POP3
    changes = {command: answer.replace(b"\r\n", b"\n") for command, answer in answers.items()}
    changes.pop("FETCH", None)  # its literal has lines of its own
    report = await look(scheme, changes, tmp_path)
    assert report.failure is None
    kept = facts(report, ImapFacts) if scheme == "imap" else facts(report, Pop3Facts)
    assert kept.bare_lines == {"imap": 8, "pop3": 13}[scheme]


@pytest.mark.parametrize(("scheme", "command"), [("imap", "LOGOUT"), ("pop3", "QUIT")])
async def test_a_server_that_only_closes_at_the_end_does_no_harm(
    scheme: str, command: str, tmp_path: Path
) -> None:
    for verb in ("check", "pulse"):
        assert (await look(scheme, {command: CLOSE}, tmp_path, verb)).failure is None


@pytest.mark.parametrize("scheme", ["imap", "pop3"])
async def test_a_slow_server_is_merely_slow(scheme: str, tmp_path: Path) -> None:
    """It waits before each answer."""
    swift = server(scheme, {})

    async def tarpit(reader: Reader, writer: Writer) -> None:
        class Slow:
            async def readline(self) -> bytes:
                await asyncio.sleep(0.05)  # the slowness is what is tested
                return await reader.readline()

        await asyncio.sleep(0.2)  # likewise
        await swift(Slow(), writer)  # type: ignore[arg-type]

    (tmp_path / "password").write_text("secret\n")
    async with tcp_server(tarpit) as port:
        target = Target(scheme=scheme, host="127.0.0.1", port=port)
        with bounded(3 * SECONDS, MEBIBYTES):
            report = await check_one(target, options_with(timeout_seconds=3 * SECONDS))
    assert report.failure is None
    kept = facts(report, ImapFacts) if scheme == "imap" else facts(report, Pop3Facts)
    assert kept.greeting_seconds is not None
    assert kept.greeting_seconds >= 0.2


async def test_lines_without_end_in_idle_end_it_all_the_same(tmp_path: Path) -> None:
    answer = b"+ idling\r\n" + ENDLESS + b"* 1 EXISTS\r\n"
    report = await look("imap", {"IDLE": answer}, tmp_path, idle=0.5)
    assert report.failure is not None
    assert report.failure.phase == "imap.idle"
    # On a busy machine the deadline may come before the number of lines that is too many.
    assert report.failure.reason in {VIOLATION, LATE}


async def test_numbers_that_are_none(tmp_path: Path) -> None:
    huge = b"9" * 30
    counted = facts(await look("pop3", {"STAT": b"+OK %s 1\r\n" % huge}, tmp_path), Pop3Facts)
    assert (counted.messages, counted.uidl) == (None, True)
    report = await look(
        "imap", {"GETQUOTAROOT": b"* QUOTA x (STORAGE 1 %s)\r\nTAG OK\r\n" % huge}, tmp_path
    )
    assert report.failure is None
    assert facts(report, ImapFacts).quota is None


@pytest.mark.parametrize("scheme", ["imap", "pop3"])
async def test_escape_sequences_reach_no_terminal(scheme: str, tmp_path: Path) -> None:
    red = b"\x1b[31mred\x9b1m\xe2\x80\xae"
    hello = {"imap": b"* OK %s\r\n", "pop3": b"+OK %s\r\n"}[scheme] % red
    capabilities = {
        "imap": b"* CAPABILITY IMAP4rev1 ID X=%s\r\nTAG OK\r\n", "pop3": b"+OK\r\nX %s\r\n.\r\n",
    }[scheme] % red  # fmt: skip
    report = await look(
        scheme,
        {"": hello, "CAPABILITY": capabilities, "CAPA": capabilities,
         "ID": b'* ID ("name" "%s")\r\nTAG OK\r\n' % red, "LOGIN": b"TAG NO %s\r\n" % red,
         "USER": b"-ERR %s\r\n" % red},
        tmp_path,
    )  # fmt: skip
    for kind in ("terminal", "json", "markdown"):
        text = render(kind, document([report]), View(verbose=True))
        assert not {"\x1b", "\x9b", "\u202e"} & set(text)
