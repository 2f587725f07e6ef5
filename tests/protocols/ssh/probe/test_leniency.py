"""What clients put up with does not end a look: it is noted, and everything is judged all the same.

And a greeting that comes late, in drops, or never.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from msgspec.structs import replace

from seventh.engine.check import check_one, pulse_one
from seventh.labkit.serve import tcp_server
from seventh.model.failure import Reason
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.net import budget
from seventh.protocols.ssh.facts.deviations import Deviation, DeviationKind
from seventh.protocols.ssh.lab.server import GOOD_KEX, RawServer, Setup, good_offer
from seventh.protocols.ssh.wire.hostkeys import Signer
from seventh.protocols.ssh.wire.messages import Debug, ExtInfo, Ignore, Other
from tests.reports import ssh_facts as facts_of

pytestmark = pytest.mark.field

OPTIONS = Options(timeout_seconds=5)
LOOKS = pytest.mark.parametrize("look", [check_one, pulse_one], ids=["check", "pulse"])
_UP, _DOWN = "encryption_algorithms_client_to_server", "encryption_algorithms_server_to_client"


@pytest.fixture
def setup() -> Setup:
    # Without strict key exchange, which allows nothing odd before NEWKEYS.
    signer = Signer(ed25519.Ed25519PrivateKey.generate())
    return Setup(offer=good_offer(), signers=(signer,)).with_kex(*GOOD_KEX)


async def look_at(handler: Any, options: Options = OPTIONS, look: Any = check_one) -> Report:
    async with tcp_server(handler) as port:
        report: Report = await look(Target(scheme="ssh", host="127.0.0.1", port=port), options)
    return report


async def judged(setup: Setup) -> tuple[Deviation, ...]:
    """The deviations of a server that is looked at to the end all the same."""
    report = await look_at(RawServer(setup).handle)
    assert report.failure is None
    facts = facts_of(report)
    assert [key.signature_valid for key in facts.host_keys] == [True]
    assert facts.server_sig_algs is not None
    assert "SSH-CIPHER-WEAK" in report.passed
    return facts.deviations


async def test_a_server_as_the_standard_has_it_has_none(setup: Setup) -> None:
    assert await judged(setup) == ()


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (("", "aes256-gcm@openssh.com"), DeviationKind.EMPTY_NAME),
        (("aes256-gcm@openssh.com", ""), DeviationKind.EMPTY_NAME),
        (("aes256-gcm@openssh.com", "aes256-gcm@openssh.com"), DeviationKind.REPEATED_NAME),
        (("aes256-gcm@openssh.com", "x" * 80), DeviationKind.LONG_NAME),
        (("aes256-gcm@openssh.com", "mit leerzeichen"), DeviationKind.UNPRINTABLE_NAME),
        (("aes256-gcm@openssh.com", "schl\xfcssel"), DeviationKind.UNPRINTABLE_NAME),
    ],
)
@pytest.mark.parametrize("field", [_UP, _DOWN])
async def test_odd_names_in_a_list(
    setup: Setup, names: tuple[str, ...], kind: DeviationKind, field: str
) -> None:
    odd = replace(setup, offer=replace(setup.offer, **{field: names}))
    assert await judged(odd) == (Deviation(kind, f"KEXINIT's {field}"),)


async def test_every_list_may_end_with_a_comma(setup: Setup) -> None:
    fields = type(setup.offer).__struct_fields__
    lists = {name: (*getattr(setup.offer, name), "") for name in fields[:8]}
    kinds = {d.kind for d in await judged(replace(setup, offer=replace(setup.offer, **lists)))}
    assert kinds == {DeviationKind.EMPTY_NAME}


@pytest.mark.parametrize(
    ("end", "odd"),
    [(b"\n", True), (b"\r\r\n", True), (b" \r\n", False)],
    ids=["lf", "crs", "blank"],
)
async def test_line_ends_of_the_greeting(setup: Setup, end: bytes, odd: bool) -> None:
    ident = "SSH-2.0-SeventhLab" + (" " if end == b" \r\n" else "")
    seen = await judged(replace(setup, ident=ident, ident_end=end.lstrip(b" ")))
    assert [d.kind for d in seen] == ([DeviationKind.LINE_END] if odd else [])


async def test_a_thousand_lines_before_the_greeting(setup: Setup) -> None:
    lines = b"".join(b"notice %d\r\n" % number for number in range(1000))
    server = RawServer(replace(setup, before_ident=lines))
    for look in (check_one, pulse_one):
        report = await look_at(server.handle, look=look)
        assert report.failure is None
        facts = facts_of(report)
        assert facts.pre_ident_line_count == 1000
        assert facts.pre_ident_lines[:2] == ("notice 0", "notice 1")
        assert len(facts.pre_ident_lines) == 50


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (Ignore().encode(), None), (Debug(b"x").encode(), None),
        (ExtInfo({b"early": b""}).encode(), None),
        (Other(9, b"what").encode(), DeviationKind.OUT_OF_PLACE),
        (Other(80, b"\0\0\0\1x\0").encode(), DeviationKind.OUT_OF_PLACE),
        (Other(250, b"").encode(), DeviationKind.OUT_OF_PLACE), (b"", DeviationKind.EMPTY_PACKET),
        (b"\x04", DeviationKind.CUT_SHORT), (b"\x02\0\0\x88\x90" + bytes(40000), "large"),
    ],
)  # fmt: skip
async def test_messages_within_the_first_exchange(
    setup: Setup, payload: bytes, kind: DeviationKind | str | None
) -> None:
    seen = await judged(replace(setup, between=(payload, payload)))
    wanted = DeviationKind.LARGE_PACKET if kind == "large" else kind
    assert [d.kind for d in seen] == ([] if wanted is None else [wanted])


# -- greetings that are late, or never come --------------------------------------------------------


def drips(pieces: list[bytes], pause: float, then: Any = None) -> Any:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(pause)
        if then is not None:
            await then(reader, writer)
        else:
            await reader.read()

    return say


@LOOKS
async def test_a_tarpit_is_reported_with_all_that_it_sent(look: Any) -> None:
    lines = [b"%08d\r\n" % number for number in range(1000)]
    report = await look_at(drips(lines, 0.05), Options(timeout_seconds=0.6), look)
    assert report.failure is not None
    assert report.failure.reason is Reason.BUDGET_EXCEEDED, "it was not silent"
    count = facts_of(report).pre_ident_line_count
    assert count >= 3
    assert f"{10 * count} bytes in {count} lines" in report.failure.detail
    assert "no SSH identification string in 0." in report.failure.detail
    assert "tarpit" in report.failure.detail
    assert facts_of(report).pre_ident_lines[0] == "00000000"


@LOOKS
async def test_a_tarpit_that_stops_is_silent_after_lines(look: Any) -> None:
    report = await look_at(drips([b"one\r\n", b"two\r\n"], 0), Options(timeout_seconds=0.4), look)
    assert report.failure is not None
    assert report.failure.reason is Reason.PEER_SILENT
    assert "in 2 lines" in report.failure.detail
    assert facts_of(report).pre_ident_lines == ("one", "two")


@LOOKS
async def test_an_unfinished_greeting_is_shown(look: Any) -> None:
    report = await look_at(drips([b"SSH-2.0-Device-1.0\r"], 0), Options(timeout_seconds=0.4), look)
    assert report.failure is not None
    assert "incomplete identification string" in report.failure.detail
    assert "SSH-2.0-Device-1.0" in report.failure.detail


@LOOKS
async def test_silence_is_silence(look: Any) -> None:
    report = await look_at(drips([], 0), Options(timeout_seconds=0.4), look)
    assert report.failure is not None
    assert report.failure.reason is Reason.PEER_SILENT
    assert "sent nothing in 0." in report.failure.detail


@LOOKS
async def test_a_late_or_dripping_greeting_is_no_drip(
    setup: Setup, look: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if it came after half a minute: what is asked of other bytes is not asked of it."""
    monkeypatch.setattr(budget, "RATE_GRACE_SECONDS", 0.01)
    monkeypatch.setattr(budget, "MIN_RATE_BYTES_PER_SECOND", 10_000)
    server = RawServer(replace(setup, banner_delay_seconds=0.1))
    late = await look_at(drips([b"wa", b"it\r\n"], 0.05, server.handle), look=look)
    assert late.failure is None or late.failure.phase != "ssh.banner"
    facts = facts_of(late)
    assert facts.ident == "SSH-2.0-SeventhLab"
    assert facts.pre_ident_lines == ("wait",)
    assert facts.banner_seconds is not None
    assert facts.banner_seconds > 0.15


@LOOKS
async def test_lines_without_end_are_stopped(look: Any) -> None:
    async def floods(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"more\r\n" * 1000)
            await writer.drain()

    report = await look_at(floods, look=look)
    assert report.failure is not None
    assert report.failure.reason is Reason.PROTOCOL_VIOLATION
    assert "1024 lines" in report.failure.detail
    assert report.failure.detail.endswith(" s")
    assert len(facts_of(report).pre_ident_lines) == 50


@LOOKS
async def test_the_words_before_a_reset_are_kept(look: Any) -> None:
    async def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"Not allowed at this time\r\n")
        await writer.drain()
        await reader.read(1)
        writer.close()  # with bytes unread: a reset

    report = await look_at(resets, look=look)
    assert report.failure is not None
    assert report.failure.reason in {Reason.PEER_RESET, Reason.PEER_CLOSED}
    assert "its message: Not allowed at this time" in report.failure.detail


@pytest.mark.parametrize("goes_on", [True, False])
async def test_a_message_in_drops_is_reported_as_a_whole(goes_on: bool) -> None:
    pieces = [b"SSH-2.0-x\r\n\0\0\1\x04\4", *([b"\x14"] * (500 if goes_on else 1))]
    report = await look_at(drips(pieces, 0.03), Options(timeout_seconds=0.6))
    assert report.failure is not None
    assert report.failure.phase == "ssh.kexinit"
    assert "no complete message in 0." in report.failure.detail
    wanted = Reason.BUDGET_EXCEEDED if goes_on else Reason.PEER_SILENT
    assert report.failure.reason is wanted
    assert facts_of(report).ident == "SSH-2.0-x"


@LOOKS
async def test_a_reset_without_a_word_is_a_reset(look: Any) -> None:
    async def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    report = await look_at(resets, look=look)
    assert report.failure is not None
    assert report.failure.reason in {Reason.PEER_RESET, Reason.CONNECT_RESET}
