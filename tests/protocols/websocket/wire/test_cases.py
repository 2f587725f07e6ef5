"""All 517 cases of the field's fuzzing server against our client, over a socket."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from typing import Literal, NamedTuple

import pytest

from seventh.model.failure import ProtocolViolation
from seventh.model.options import Options
from seventh.model.target import Target
from seventh.net.probe_context import ProbeContext
from seventh.protocols.websocket import SPEC
from seventh.protocols.websocket.client.endpoint import Endpoint
from seventh.protocols.websocket.client.socket import Socket
from seventh.wire.websocket_frames import BINARY, TEXT, Frames, Message
from tests.protocols.websocket.wire.catalogue import CASES, KIB, MIB, Case, Heard, frame, pieces
from tests.protocols.websocket.wire.player import Packer, playing

SECONDS = 10.0


async def socket_to(port: int, *, max_bytes: int = MIB, deflate: bool = False) -> Socket:
    """Our client's socket, by the way that every further socket of a check takes."""
    target = Target(scheme="ws", host="127.0.0.1", port=port)
    ctx = ProbeContext(target, Options(timeout_seconds=SECONDS), connections=SPEC.connections)
    ctx.budget.max_bytes = 64 * MIB
    endpoint = Endpoint(ctx)
    endpoint.use((await ctx.addresses())[0])
    result = await endpoint.variant(deflate=deflate, fresh=True)
    assert result.socket is not None and result.handshake.sound, result.handshake
    result.socket.frames = Frames(result.deflate, max_bytes=max_bytes)
    return result.socket


async def echo(socket: Socket) -> str | None:
    """Say back whatever comes until the socket ends; what the client found wrong, if anything."""
    until = socket.stream.budget.within(SECONDS)
    wrong = None
    try:
        while socket.alive:
            events = await socket.receive(until)
            assert events is not None, "the server said nothing any more"
            for event in events:
                if isinstance(event, Message) and event.kind == "text":
                    socket.frames.text(event.data.decode())
                elif isinstance(event, Message):
                    socket.frames.binary(event.data)
            await socket.flush()
    except ProtocolViolation as violation:
        wrong = violation.detail
    await socket.close(until)
    return wrong


def test_every_case_has_its_number_once() -> None:
    numbers = [case.number for case in CASES] + [case.number for case in packed_cases()]
    assert len(numbers) == len(set(numbers)) == 517
    per_section = Counter(number.partition(".")[0] for number in numbers)
    assert per_section == {
        "1": 16, "2": 11, "3": 7, "4": 10, "5": 20, "6": 145, "7": 37, "9": 54, "10": 1,
        "12": 90, "13": 126,
    }  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.number)
async def test_case(case: Case) -> None:
    async with playing(case) as (port, noted):
        socket = await socket_to(port, max_bytes=case.max_bytes)
        wrong = await echo(socket)
        await noted.done.wait()
    wanted = list(case.hears) * case.rounds
    if case.lax:
        assert noted.heard in (wanted, [])
    else:
        assert noted.heard == wanted
    assert noted.code in case.code, (noted.code, wrong)
    assert noted.after_close == []
    assert (wrong is not None) == case.fails, wrong
    if not case.fails:
        assert noted.first_to_close == "us"
    if case.failed_after:
        assert noted.played == case.failed_after


@pytest.mark.parametrize("size", [4 * MIB, 16 * MIB])
async def test_9_what_is_longer_than_we_take_is_refused_at_its_head(size: int) -> None:
    case = Case("9", (frame(BINARY, bytes(size)),), fails=True, code=frozenset({1009}))
    async with playing(case) as (port, noted):
        wrong = await echo(await socket_to(port))
        await noted.done.wait()
    assert noted.code == 1009
    assert wrong is not None and "more than 1 MiB" in wrong


# -- compression ----------------------------------------------------------------------------------

SHAPES = (
    *((size, 0) for size in (16, 64, 256, KIB, 4 * KIB, 8 * KIB, 16 * KIB, 32 * KIB, 64 * KIB,
                             128 * KIB)),
    *((size * KIB, 256) for size in (8, 16, 32, 64, 128)),
    *((128 * KIB, size) for size in (KIB, 4 * KIB, 32 * KIB)),
)  # fmt: skip
"""Of messages: how long, and in frames of how many bytes (0: in one)."""
ENOUGH_BYTES = 96 * KIB
"""What each case sends at least, in up to 60 messages: three times the longest window."""


def _prose(chance: random.Random) -> bytes:
    words = "habe nun ach philosophie juristerei und medizin durchaus".split()  # noqa: SIM905
    return " ".join(chance.choices(words, k=40_000)).encode()


def _picture(chance: random.Random) -> bytes:
    return bytes((x * y // 97 + chance.randrange(4)) & 255 for y in range(512) for x in range(512))


def _page(chance: random.Random) -> bytes:
    rows = (f'<tr class="{chance.choice("ab")}"><td>{n}</td><td>größer</td></tr>\n'
            for n in range(6000))  # fmt: skip
    return f"<!doctype html><table>{''.join(rows)}</table>".encode()


def _records(chance: random.Random) -> bytes:
    rows = [{"id": n, "name": f"user{n % 97}", "score": chance.random()} for n in range(6000)]
    return json.dumps(rows).encode()


_CHANCE = random.Random(7692)
MATERIAL: tuple[tuple[int, bytes], ...] = (
    (TEXT, _records(_CHANCE)),
    (BINARY, _picture(_CHANCE)),
    (BINARY, _prose(_CHANCE)),
    (TEXT, _page(_CHANCE)),
    (BINARY, _CHANCE.randbytes(256 * KIB)),
)


class Agreed(NamedTuple):
    """What a server answers to our offer, and what that means for each side."""

    answer: str
    server_bits: int = 15
    server_forgets: bool = False
    client_bits: int = 15
    client_forgets: bool = False


AGREED = (
    Agreed(""),
    Agreed("; client_no_context_takeover", client_forgets=True),
    Agreed("; client_max_window_bits=9", client_bits=9),
    Agreed("; client_max_window_bits=15; server_max_window_bits=15"),
    Agreed(
        "; client_no_context_takeover; client_max_window_bits=9", client_bits=9,
        client_forgets=True,
    ),
    Agreed(
        "; server_no_context_takeover; client_no_context_takeover; client_max_window_bits=15",
        server_forgets=True, client_forgets=True,
    ),
    Agreed("; server_no_context_takeover; server_max_window_bits=9", 9, server_forgets=True),
)  # fmt: skip


class Packed(NamedTuple):
    """One case of sections 12 and 13."""

    number: str
    opcode: int
    data: bytes
    size: int
    frames: int
    agreed: Agreed

    def messages(self) -> list[bytes]:
        """What is sent, uncompressed."""
        count = min(60, max(2, ENOUGH_BYTES // self.size))
        twice = self.data * 2
        found = []
        for number in range(count):
            at = number * self.size % len(self.data)
            said = twice[at : at + self.size]
            found.append(said.decode(errors="ignore").encode() if self.opcode == TEXT else said)
        return found


def packed_cases() -> Iterator[Packed]:
    """12: all material with a plain answer; 13: all answers, on one material."""
    groups = [("12", n, *each, AGREED[0]) for n, each in enumerate(MATERIAL, start=1)]
    groups += [("13", n, *MATERIAL[0], each) for n, each in enumerate(AGREED, start=1)]
    for section, group, opcode, data, agreed in groups:
        for number, (size, frames) in enumerate(SHAPES, start=1):
            yield Packed(f"{section}.{group}.{number}", opcode, data, size, frames, agreed)


@pytest.mark.parametrize("case", tuple(packed_cases()), ids=lambda case: case.number)
async def test_packed_case(case: Packed) -> None:
    agreed, messages = case.agreed, case.messages()
    packer = Packer(bits=agreed.server_bits, forgets=agreed.server_forgets)
    plays = tuple(
        pieces(case.opcode, packed, case.frames or len(packed), rsv=4)
        for packed in map(packer.pack, messages)
    )
    kind: Literal["text", "binary"] = "text" if case.opcode == TEXT else "binary"
    hears: tuple[Heard, ...] = tuple((kind, data) for data in messages)
    field = f"Sec-WebSocket-Extensions: permessage-deflate{agreed.answer}"
    unpacker = Packer(bits=agreed.client_bits, forgets=agreed.client_forgets)
    plain = Case(case.number, plays, hears)
    async with playing(plain, field, unpacker=unpacker) as (port, noted):
        wrong = await echo(await socket_to(port, deflate=True))
        await noted.done.wait()
    assert wrong is None
    assert noted.heard == list(hears)
    assert noted.code == 1000
    assert noted.packed == len(messages), "the client compresses, too"
