"""Packets that take no handshake on: told as what they are, not as silence or as a refusal."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

import pytest
from aioquic.quic.packet import encode_quic_retry, encode_quic_version_negotiation

from seventh.labkit.serve import UdpHandler, udp_server
from seventh.model.failure import Failed, Reason
from seventh.model.netfacts import NetFacts
from seventh.model.options import Options
from seventh.net.address import Address
from seventh.net.probe_context import ProbeContext
from seventh.net.quic import connect as quic
from tests.net.quic.served import NAME, context_for

pytestmark = pytest.mark.field
SECONDS = 0.7
Answer = Callable[[bytes, bytes, bytes], bytes]
"""From a datagram, its source's and its destination's connection ID to a reply."""


def negotiation(*versions: int) -> Answer:
    return lambda _, source, destination: encode_quic_version_negotiation(
        source_cid=destination, destination_cid=source, supported_versions=list(versions)
    )


def retry(_: bytes, source: bytes, destination: bytes) -> bytes:
    return encode_quic_retry(
        version=1, source_cid=os.urandom(8), destination_cid=source,
        original_destination_cid=destination, retry_token=b"token",
    )  # fmt: skip


def spoilt_retry(data: bytes, source: bytes, destination: bytes) -> bytes:
    made = retry(data, source, destination)
    return made[:-1] + bytes([made[-1] ^ 1])


def spoilt_initial(_: bytes, source: bytes, destination: bytes) -> bytes:
    return (
        b"\xc0\0\0\0\1" + bytes([len(source)]) + source + bytes([len(destination)]) + destination
        + b"\0\x44\x4c" + bytes(1100)
    )  # fmt: skip


async def look(answer: Answer, by: socket.socket | None = None) -> tuple[Failed, ProbeContext]:
    """Shake hands with a server that answers so, from another socket where one is given."""

    def handle(server: UdpHandler, data: bytes, source: tuple[str, int]) -> None:
        if len(data) < 1200 or not data[0] & 0x80:
            return
        to, begin = data[6 : 6 + data[5]], 7 + data[5]
        reply = answer(data, data[begin : begin + data[begin - 1]], to)
        if by is None:
            server.send(reply, source)
        else:
            by.sendto(reply, source)

    async with udp_server(handle) as port:
        address = Address(ip="127.0.0.1", port=port)
        ctx = context_for(port, Options(timeout_seconds=SECONDS))
        client = quic.prepare(ctx, address, NAME)
        with pytest.raises(Failed) as raised:
            await quic.shake(ctx, client)
        client.close()
        return raised.value, ctx


@pytest.mark.parametrize(
    ("answer", "reason", "words"),
    [
        (negotiation(0x1A2A3A4A), Reason.NEGOTIATION_FAILED, "only reserved version numbers"),
        (negotiation(0xFF00001D), Reason.NEGOTIATION_FAILED, "no common QUIC version"),
        (negotiation(1, 0x6B3343CF), Reason.PROTOCOL_VIOLATION, "that offers it"),
        (retry, Reason.PROTOCOL_VIOLATION, "Retry"),
        (spoilt_retry, Reason.PROTOCOL_VIOLATION, "invalid or second Retry packet"),
        (spoilt_initial, Reason.PROTOCOL_VIOLATION, "Initial packet that cannot be decrypted"),
        (lambda *_: b"\x05" * 60, Reason.PROTOCOL_MISMATCH, "not QUIC"),
    ],
)
async def test_what_came_is_named(answer: Answer, reason: Reason, words: str) -> None:
    failed, ctx = await look(answer)
    assert failed.reason is reason, failed.detail
    assert words in failed.detail
    for wrong in ("stopped answering", "refused the connection", "INTERNAL_ERROR"):
        assert wrong not in failed.detail
    net = ctx.facts["net"]
    assert isinstance(net, NetFacts)
    assert [attempt.outcome for attempt in net.attempts] == ["open"]


async def test_an_answer_from_elsewhere_is_named() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.2", 0))
        failed, ctx = await look(retry, by=other)
    assert failed.reason is Reason.UNEXPECTED_ANSWER
    assert "comes from 127.0.0.2 port" in failed.detail
    net = ctx.facts["net"]
    assert isinstance(net, NetFacts)
    assert [attempt.outcome for attempt in net.attempts] == ["open"]
