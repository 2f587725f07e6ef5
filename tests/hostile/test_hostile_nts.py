"""NTS against servers that mean harm: in the records, in the datagrams, and in what they name."""

from __future__ import annotations

import asyncio
import contextlib
import os
import struct
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec
import pytest

from seventh.engine.check import check_one, pulse_one
from seventh.labkit.serve import Kit
from seventh.labkit.tlsserve import TlsPeer, server_context, tls_server
from seventh.model.failure import Reason
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.nts import NtsFacts
from seventh.protocols.ntp.lab.nts import Cookies, KeyServer, NtsResponder
from seventh.protocols.ntp.lab.setup import NtsSetup
from seventh.protocols.ntp.wire import nts_ke
from seventh.protocols.ntp.wire.nts_fields import FieldType, Parts
from seventh.protocols.ntp.wire.nts_ke import END, Record, RecordType, Response
from seventh.protocols.ntp.wire.packet import ExtensionField, Packet
from tests.hostile.bounds import bounded
from tests.hostile.test_hostile import MAX_MEBIBYTES, looks_sound
from tests.options import options_with

TIMEOUT_SECONDS = 0.8
HELLO = Response(protocols=(0,), aeads=(15,), cookies=(b"c" * 100,) * 8)


def options_of(kit: Kit) -> Options:
    return options_with(
        timeout_seconds=TIMEOUT_SECONDS,
        samples=2,
        interval_seconds=0.1,
        ca_file=str(kit.authority.ca_file),
    )


def nts_of(report: Report) -> NtsFacts:
    facts = report.facts["ntp"]
    assert isinstance(facts, NtpFacts)
    assert facts.nts is not None
    return facts.nts


async def check_keys(
    kit: Kit, application: Callable[[TlsPeer], Awaitable[None]], verb: str = "check"
) -> Report:
    """Check a key establishment that does as ``application`` does once TLS stands."""
    context = server_context(
        kit.authority.issue("127.0.0.1"), alpn=(nts_ke.ALPN.encode(),), resume=False
    )
    async with tls_server(context, application=application) as port:
        target = Target(scheme="nts", host="127.0.0.1", port=port)
        look = check_one if verb == "check" else pulse_one
        with bounded(TIMEOUT_SECONDS, MAX_MEBIBYTES):
            report = await look(target, options_of(kit))
    looks_sound(report)
    return report


def saying(*pieces: bytes) -> Callable[[TlsPeer], Awaitable[None]]:
    """Reads the request, says this, and waits for the client to go."""

    async def application(peer: TlsPeer) -> None:
        await peer.receive()
        for piece in pieces:
            await peer.send(piece)
        await peer.receive()

    return application


# -- records ---------------------------------------------------------------------------------------

RECORDS = {
    "nothing-but-a-head": (b"\x80\x05\xff\xff", Reason.PROTOCOL_VIOLATION),
    "a-huge-unknown-record": (b"\x40\x00\xff\xff" + bytes(65535), Reason.PROTOCOL_VIOLATION),
    "a-thousand-empty-records": (Record(0x4000).encode() * 1000, Reason.PROTOCOL_VIOLATION),
    "a-thousand-cookies": (
        Record(RecordType.NEW_COOKIE, b"c" * 100).encode() * 1000,
        Reason.PROTOCOL_VIOLATION,
    ),
    "an-unknown-critical-record": (
        Record(0x4000, critical=True).encode() + HELLO.encode(),
        Reason.PROTOCOL_VIOLATION,
    ),
    "bytes-behind-the-end": (HELLO.encode() + b"more", Reason.PROTOCOL_VIOLATION),
    "an-end-with-a-body": (Record(0, b"x", critical=True).encode(), Reason.PROTOCOL_VIOLATION),
    "only-the-end": (END.encode(), Reason.NEGOTIATION_FAILED),
    "an-error-of-no-meaning": (Response(error=0xFFFF).encode(), Reason.NEGOTIATION_FAILED),
    "an-algorithm-that-was-not-offered": (
        Response(protocols=(0,), aeads=(1,), cookies=(b"c" * 100,)).encode(),
        Reason.NEGOTIATION_FAILED,
    ),
    "two-algorithms": (
        Response(protocols=(0,), aeads=(15, 30), cookies=(b"c" * 100,)).encode(),
        Reason.PROTOCOL_VIOLATION,
    ),
    "control-characters-for-a-host": (
        Record(RecordType.NTPV4_SERVER, b"\x1b[2J.example").encode() + END.encode(),
        Reason.PROTOCOL_VIOLATION,
    ),
    "another-protocol-inside": (b"HTTP/1.1 400 Bad Request\r\n\r\n", Reason.PEER_SILENT),
    "half-a-record": (b"\x80\x01\x00\x02\x00", Reason.PEER_SILENT),
    "silence": (b"", Reason.PEER_SILENT),
}


@pytest.mark.parametrize("verb", ["check", "pulse"])
@pytest.mark.parametrize("name", RECORDS)
async def test_records(name: str, verb: str, kit: Kit) -> None:
    said, reason = RECORDS[name]
    report = await check_keys(kit, saying(said) if said else saying(), verb)
    assert report.failure is not None
    assert report.failure.reason is reason, report.failure
    assert report.failure.phase == "nts.ke_records"
    assert nts_of(report).established is False
    if verb == "check":
        assert "NTS-KE-FAIL" in {finding.id for finding in report.findings}


async def test_records_without_end(kit: Kit) -> None:
    async def flood(peer: TlsPeer) -> None:
        while True:
            await peer.send(Record(0x4000, bytes(1000)).encode() * 16)

    report = await check_keys(kit, flood)
    assert report.failure is not None
    assert report.failure.reason is Reason.PROTOCOL_VIOLATION


async def test_records_that_drip(kit: Kit) -> None:
    async def drip(peer: TlsPeer) -> None:
        await peer.receive()
        for byte in HELLO.encode() * 10:
            await peer.send(bytes([byte]))
            await asyncio.sleep(0.05)

    report = await check_keys(kit, drip)
    assert report.failure is not None
    assert report.failure.reason in {Reason.PEER_SILENT, Reason.BUDGET_EXCEEDED}
    assert report.failure.phase == "nts.ke_records"


async def test_a_server_that_closes_in_the_middle(kit: Kit) -> None:
    async def leave(peer: TlsPeer) -> None:
        await peer.receive()
        await peer.send(HELLO.encode()[:-4])

    report = await check_keys(kit, leave)
    assert report.failure is not None
    assert report.failure.reason is Reason.PEER_CLOSED
    assert "10 records" in report.failure.detail


async def test_a_server_that_leaves_at_once(kit: Kit) -> None:
    async def leave(_: TlsPeer) -> None:
        return

    report = await check_keys(kit, leave)
    assert report.failure is not None
    assert report.failure.reason in {Reason.PEER_CLOSED, Reason.PEER_RESET}


@pytest.mark.parametrize("host", ["0x7f000001", "no-such-name.invalid", "127.1", "-", "..."])
async def test_a_server_that_names_nonsense(host: str, kit: Kit) -> None:
    report = await check_keys(
        kit, saying(msgspec.structs.replace(HELLO, server=host, port=9).encode())
    )
    assert report.failure is not None
    assert report.failure.reason is not Reason.INTERNAL


# -- datagrams -------------------------------------------------------------------------------------

Answers = Callable[[Packet, Parts, bytes], list[bytes]]


class Hostile(NtsResponder):
    """Knows how to answer properly, and does something else."""

    def __init__(self, answers: Answers) -> None:
        super().__init__(NtsSetup(), self.shared)
        self._answers = answers

    shared = Cookies()

    def _authenticated(self, reply: Packet, parts: Parts, unique_id: bytes) -> list[bytes]:
        (good,) = super()._authenticated(reply, parts, unique_id)
        return self._answers(reply, parts, good)


@contextlib.asynccontextmanager
async def hostile_time(kit: Kit, answers: Answers) -> AsyncIterator[Target]:
    responder = Hostile(answers)
    responder.start()
    context = server_context(
        kit.authority.issue("127.0.0.1"), alpn=(nts_ke.ALPN.encode(),), resume=False
    )
    keys = KeyServer(NtsSetup(), responder.shared, responder.port)
    try:
        async with tls_server(context, application=keys) as port:
            yield Target(scheme="nts", host="127.0.0.1", port=port)
    finally:
        responder.stop()


def with_field(reply: Packet, *fields: ExtensionField) -> bytes:
    return msgspec.structs.replace(reply, extensions=fields).encode()


def _own(parts: Parts) -> ExtensionField:
    return ExtensionField(FieldType.UNIQUE_IDENTIFIER, parts.unique_id or b"")


def _lying(parts: Parts, nonce: int, length: int) -> tuple[ExtensionField, ExtensionField]:
    value = struct.pack("!HH", nonce, length) + bytes(40)
    return _own(parts), ExtensionField(FieldType.AUTHENTICATOR, value)


DATAGRAMS: dict[str, Answers] = {
    "plain-time": lambda reply, _, __: [reply.encode()],
    "our-identifier-and-no-authenticator": lambda reply, parts, _: [
        with_field(reply, _own(parts), ExtensionField(0x2005, bytes(28)))
    ],
    "lengths-that-lie": lambda reply, parts, _: [
        with_field(reply, *_lying(parts, 0xFFFF, 0xFFFF)),
        with_field(reply, *_lying(parts, 0, 16)),
        with_field(reply, *_lying(parts, 16, 0)),
    ],
    "two-identifiers": lambda reply, parts, _: [with_field(reply, _own(parts), _own(parts))],
    "random-ciphertext": lambda reply, parts, _: [
        with_field(
            reply,
            _own(parts),
            ExtensionField(FieldType.AUTHENTICATOR, struct.pack("!HH", 16, 64) + os.urandom(80)),
        )
    ],
    "the-time-changed": lambda _, __, good: [good[:40] + b"\xff" + good[41:]],
    "cut-short": lambda _, __, good: [good[:-4], good[:60], good[:20]],
    "our-request-sent-back": lambda reply, parts, _: [parts.associated],
    "a-thousand-copies-of-nothing": lambda reply, parts, _: (
        [with_field(reply, _own(parts), ExtensionField(0x2005, bytes(28)))] * 1000
    ),
}


@pytest.mark.parametrize("verb", ["check", "pulse"])
@pytest.mark.parametrize("name", DATAGRAMS)
async def test_datagrams_that_do_not_authenticate(name: str, verb: str, kit: Kit) -> None:
    async with hostile_time(kit, DATAGRAMS[name]) as target:
        look = check_one if verb == "check" else pulse_one
        with bounded(TIMEOUT_SECONDS, MAX_MEBIBYTES):
            report = await look(target, options_of(kit))
    looks_sound(report)
    assert report.failure is not None
    facts = nts_of(report)
    assert facts.authenticated == 0, "nothing of it is believed"
    ntp = report.facts["ntp"]
    assert isinstance(ntp, NtpFacts)
    assert ntp.offset_seconds is None
    assert ntp.stratum is None


@pytest.mark.parametrize(
    "answers",
    [
        lambda reply, parts, good: [good, good, good],
        lambda reply, parts, good: [with_field(reply, *_lying(parts, 0xFFFF, 0)), good],
        lambda reply, parts, good: [
            *[
                msgspec.structs.replace(
                    reply, leap=3, stratum=0, refid=b"NTSN", extensions=(_own(parts),)
                ).encode()
            ]
            * 3,
            good,
        ],
    ],
    ids=["replays", "a-malformed-one-before", "a-forged-nak-with-our-identifier-before"],
)
async def test_true_replies_are_found_among_others(answers: Answers, kit: Kit) -> None:
    """Somebody on the path sees our identifier; as long as the true reply comes, it counts."""
    async with hostile_time(kit, answers) as target:
        with bounded(TIMEOUT_SECONDS, MAX_MEBIBYTES):
            report = await check_one(target, options_of(kit))
    looks_sound(report)
    assert report.failure is None
    facts = nts_of(report)
    assert (facts.authenticated, facts.naks) == (2, 0)
    assert facts.cookies_returned == facts.cookies_asked == 2, "a replay brings no cookies"
    assert "NTS-NAK" not in {finding.id for finding in report.findings}
