"""Hostile HTTP/3 servers: typed, in time, in bounded memory."""

from __future__ import annotations

import asyncio
import os
import random
import time

import pytest
from aioquic.tls import Epoch

from seventh.labkit.serve import Kit, UdpHandler, udp_server
from seventh.labkit.web.h3 import WIRE, H3Peer, H3Setup, frame
from seventh.labkit.web.quicserver import QuicSetup
from seventh.model.failure import Failed, Reason
from seventh.model.options import Options
from seventh.net.address import Address
from seventh.net.quic import connect as quic
from seventh.web.h3 import H3Connection
from seventh.web.message import Response
from tests.hostile.bounds import bounded
from tests.net.quic.served import NAME, context_for, lab

SECONDS = 3.0
LANES = 8
"""Connections at once: what spoils a packet is often waited for, to no end."""


async def ask(kit: Kit, setup: H3Setup) -> Response | Failed:
    async with lab(kit, h3=setup, seconds=SECONDS) as served:
        with bounded(SECONDS, mebibytes=32):
            try:
                connection = H3Connection(await quic.connect(served.ctx, served.address, NAME))
                response = await connection.request(served.request("/"), body_cap=100_000)
            except Failed as failed:
                return failed
        connection.close()
        return response


@pytest.mark.parametrize("fault", sorted(set(WIRE) - {"endless_body"}))
async def test_too_much_of_everything_is_a_violation(kit: Kit, fault: str) -> None:
    outcome = await ask(kit, H3Setup(wire=WIRE[fault]))
    assert isinstance(outcome, Failed), outcome
    assert outcome.reason is Reason.PROTOCOL_VIOLATION
    assert "\n" not in outcome.detail


async def test_an_endless_body_ends_at_the_cap(kit: Kit) -> None:
    outcome = await ask(kit, H3Setup(wire=WIRE["endless_body"]))
    assert isinstance(outcome, Response), outcome
    assert outcome.truncated
    assert len(outcome.body) == 100_000


@pytest.mark.parametrize(
    "control",
    [
        frame(0x4, b""),  # SETTINGS twice
        frame(0x0, b"x"),  # DATA where it does not belong
        frame(0x7, b"\x01\x02"),
        frame(0x21, b"") * 3000,
        frame(0x2, b""),  # of HTTP/2, reserved
    ],
)
async def test_a_broken_control_stream(kit: Kit, control: bytes) -> None:
    outcome = await ask(kit, H3Setup(control=control))
    assert isinstance(outcome, Failed), outcome
    assert outcome.reason is Reason.PROTOCOL_VIOLATION


async def test_goaways_without_end(kit: Kit) -> None:
    outcome = await ask(kit, H3Setup(control=frame(0x7, b"\x00") * 3000))
    assert isinstance(outcome, Failed), outcome
    # How much of it came before the request was to go is up to the network.
    assert outcome.reason in {Reason.PROTOCOL_VIOLATION, Reason.PEER_CLOSED}


@pytest.mark.parametrize(
    "block",
    [
        b"\x00\x00\xd9" + b"\x27\x00Name\x01v",  # an upper-case name, perhaps cut
        b"\x00\x00",  # no status
        b"\x00\x00\xd9\xd9",  # the status twice
        b"\xff" * 40,
        b"",
    ],
)
async def test_broken_heads(kit: Kit, block: bytes) -> None:
    def answer(peer: H3Peer, stream_id: int) -> None:
        peer.send(stream_id, frame(0x1, block), end=True)

    outcome = await ask(kit, H3Setup(wire=answer))
    assert isinstance(outcome, Failed), outcome
    assert outcome.reason is Reason.PROTOCOL_VIOLATION


async def test_random_frames(kit: Kit) -> None:
    chance = random.Random(4)
    for _ in range(25):
        junk = chance.randbytes(chance.randrange(1, 600))
        if chance.random() < 0.5:
            junk = frame(0x1, b"\x00\x00\xd9") + junk

        def answer(peer: H3Peer, stream_id: int, junk: bytes = junk) -> None:
            peer.send(stream_id, junk, end=True)

        outcome = await ask(kit, H3Setup(wire=answer))
        if isinstance(outcome, Failed):
            assert outcome.reason is Reason.PROTOCOL_VIOLATION, outcome


async def garbage(reply: bytes, times: int = 1) -> Failed:
    def answer(handler: UdpHandler, data: bytes, source: tuple[str, int]) -> None:
        for _ in range(times):
            handler.send(reply, source)

    async with udp_server(answer) as port:
        ctx = context_for(port, Options(timeout_seconds=0.5))
        started = time.monotonic()
        with pytest.raises(Failed) as caught:
            await quic.connect(ctx, Address(ip="127.0.0.1", port=port), NAME)
        ctx.close()
        assert time.monotonic() - started < 2
    return caught.value


@pytest.mark.parametrize(
    "reply",
    [
        b"\x00",
        b"\xc0",
        bytes(1200),
        b"\xff" * 1200,
        b"\x80\x00\x00\x00\x00" + bytes(20),  # a Version Negotiation with nothing in it
        b"\xc0\x00\x00\x00\x01\xff" + bytes(1200),  # a connection id of 255 bytes
        b"\xf0\x00\x00\x00\x01\x08" + bytes(60),  # a Retry for somebody else
        os.urandom(1200),
    ],
)
async def test_garbage_instead_of_quic(reply: bytes) -> None:
    failed = await garbage(reply)
    assert failed.reason in {
        Reason.NO_REPLY, Reason.PROTOCOL_MISMATCH, Reason.PEER_SILENT, Reason.PROTOCOL_VIOLATION,
    }  # fmt: skip


async def test_a_flood_of_garbage_ends_at_the_byte_cap() -> None:
    failed = await garbage(b"\x40" + bytes(60_000), times=100)
    assert failed.reason in {Reason.BUDGET_EXCEEDED, Reason.PROTOCOL_MISMATCH}


async def test_mangled_handshakes(kit: Kit) -> None:
    """Whatever a server sends in TLS, keys and all: a typed failure within the deadline."""
    issued = kit.authority.issue()

    lanes = asyncio.Semaphore(LANES)

    async def shake(seed: int) -> Failed | None:
        async with lanes:
            return await shake_one(random.Random(seed))

    async def shake_one(chance: random.Random) -> Failed | None:

        def mangle(message: bytes) -> bytes:
            changed = bytearray(message)
            for _ in range(chance.randrange(1, 6)):
                changed[chance.randrange(len(changed))] = chance.randrange(256)
            return bytes(changed) if chance.random() < 0.8 else bytes(changed[: len(changed) // 2])

        async with lab(kit, QuicSetup(mangle=mangle), issued=issued, seconds=1.0) as served:
            client = quic.prepare(served.ctx, served.address, NAME)
            try:
                await quic.shake(served.ctx, client)
            except Failed as failed:
                return failed
            finally:
                client.facts()
                client.close()
        return None

    failures = [f for f in await asyncio.gather(*map(shake, range(40))) if f is not None]
    reasons = {failed.reason for failed in failures}
    assert Reason.INTERNAL not in reasons
    assert not any("\n" in failed.detail for failed in failures)
    assert Reason.TLS_HANDSHAKE in reasons


async def test_mangled_packets_under_the_right_keys(kit: Kit) -> None:
    """Frames of QUIC itself, as only the server can spoil them: typed, within the deadline."""
    issued = kit.authority.issue()

    lanes = asyncio.Semaphore(LANES)

    async def request(seed: int) -> Reason | None:
        async with lanes:
            return await request_one(random.Random(seed))

    async def request_one(chance: random.Random) -> Reason | None:
        async with lab(kit, issued=issued, seconds=2.0) as served:
            try:
                client = await quic.connect(served.ctx, served.address, NAME)
            except Failed:
                return None  # a busy machine was too late; what is spoilt comes afterwards
            connection = H3Connection(client)
            pair = served.server.peers[0].engine._cryptos[Epoch.ONE_RTT]
            seal = pair.encrypt_packet

            def spoil(header: bytes, payload: bytes, number: int) -> bytes:
                if chance.random() < 0.5:
                    return seal(header, chance.randbytes(len(payload)), number)
                changed = bytearray(payload)
                changed[chance.randrange(len(changed))] = chance.randrange(256)
                return seal(header, bytes(changed), number)

            pair.encrypt_packet = spoil  # type: ignore[method-assign]
            try:
                await connection.request(served.request("/"))
                await connection.ping()
            except Failed as failed:
                return failed.reason
            finally:
                client.facts()
                connection.close()
        return None

    reasons = set(await asyncio.gather(*map(request, range(60))))
    assert Reason.PROTOCOL_VIOLATION in reasons
    assert Reason.INTERNAL not in reasons


async def test_a_path_that_loses_and_mixes_datagrams(kit: Kit) -> None:
    """Loss, duplicates and reordering are no failure: the engine's recovery gets over them."""
    chance = random.Random(7)
    async with lab(kit, seconds=8) as served:
        send = served.server.send
        held: list[tuple[bytes, tuple[str, int]]] = []

        def unreliable(data: bytes, to: tuple[str, int]) -> None:
            fate = chance.random()
            if fate < 0.15:
                return
            if fate < 0.3:
                held.append((data, to))
                return
            send(data, to)
            if fate > 0.85:
                send(data, to)
            while held:
                send(*held.pop())

        served.server.send = unreliable  # type: ignore[method-assign]
        connection = H3Connection(await quic.connect(served.ctx, served.address, NAME))
        for i in range(10):
            response = await connection.request(served.request(f"/{i}"))
            assert response.body.startswith(b"GET /%d " % i)
        connection.close()


async def test_our_own_initial_sent_back() -> None:
    def mirror(handler: UdpHandler, data: bytes, source: tuple[str, int]) -> None:
        handler.send(data, source)

    async with udp_server(mirror) as port:
        ctx = context_for(port, Options(timeout_seconds=0.5))
        with pytest.raises(Failed) as caught:
            await quic.connect(ctx, Address(ip="127.0.0.1", port=port), NAME)
        ctx.close()
    assert caught.value.reason is Reason.PROTOCOL_VIOLATION
