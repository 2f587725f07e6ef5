"""permessage-deflate (RFC 7692): what inflates, what must not, and what nobody may make us hold."""

from __future__ import annotations

import zlib
from types import SimpleNamespace
from typing import Any

import pytest
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode

from seventh.protocols.websocket.wire.deflate import Deflate
from seventh.wire.websocket_frames import (
    BINARY,
    CONTINUATION,
    PING,
    TEXT,
    Frames,
    Message,
)
from tests.protocols.websocket.codec import AT, close_code, frame, received, sent


def packed(data: bytes, bits: int = 15) -> bytes:
    packer = zlib.compressobj(9, wbits=-bits)
    return (packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]


def deflate(*, forgets: bool = True, bits: int = 15) -> Deflate:
    return Deflate(
        server_no_context_takeover=forgets,
        client_no_context_takeover=forgets,
        server_bits=bits,
        client_bits=bits,
    )


@pytest.mark.parametrize("bits", [9, 12, 15])
@pytest.mark.parametrize("length", [0, 16, 1024, 65536, 1024 * 1024])
def test_12_compressed_messages(bits: int, length: int) -> None:
    text = (b"seventh " * (length // 8 + 1))[:length]
    data = frame(TEXT, packed(text, bits), rsv=4)
    events, wrong, _ = received(data * 2, 1000, deflate(bits=bits))
    assert wrong is None
    assert [e.data for e in events if isinstance(e, Message)] == [text, text]


def test_13_the_window_may_be_kept() -> None:
    server = PerMessageDeflate(False, False, 15, 15)
    out = b""
    for _ in range(3):
        out += Frame(Opcode.TEXT, b"the same again and again").serialize(
            mask=False, extensions=[server]
        )
    events, wrong, _ = received(out, 1, deflate(forgets=False))
    assert wrong is None
    assert len(events) == 3


def test_13_uncompressed_ones_may_stand_between() -> None:
    data = frame(TEXT, b"plain") + frame(TEXT, packed(b"packed"), rsv=4)
    events, wrong, _ = received(data, 0, deflate())
    assert wrong is None
    assert [e.data for e in events if isinstance(e, Message)] == [b"plain", b"packed"]


@pytest.mark.parametrize(
    "data",
    [
        frame(TEXT, b"\x00\xff\xff\xff", rsv=4),
        frame(PING, packed(b"x"), rsv=4),
        frame(TEXT, packed(b"ab")[:1], fin=False, rsv=4) + frame(CONTINUATION, b"", rsv=4),
        frame(TEXT, packed(b"\xff\xfe"), rsv=4),
        frame(TEXT, packed(b"x"), rsv=2),
    ],
    ids=["no deflate", "a packed ping", "RSV1 twice", "packed bad text", "another bit"],
)
def test_13_broken_compression(data: bytes) -> None:
    _, wrong, _ = received(data, 0, deflate())
    assert wrong is not None


@pytest.fixture
def inflated(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes each call of the decompressor has given."""
    sizes: list[int] = []

    class Counted:
        def __init__(self, **settings: Any) -> None:
            self._real = zlib.decompressobj(**settings)

        def decompress(self, data: bytes, limit: int) -> bytes:
            out = self._real.decompress(data, limit)
            sizes.append(len(out))
            return out

        def __getattr__(self, name: str) -> Any:
            return getattr(self._real, name)

    counted = SimpleNamespace(decompressobj=Counted, error=zlib.error)
    monkeypatch.setattr("seventh.protocols.websocket.wire.deflate.zlib", counted)
    return sizes


@pytest.mark.parametrize("chop", [0, 1000])
def test_a_bomb_is_not_inflated(chop: int, inflated: list[int]) -> None:
    bomb = frame(BINARY, packed(bytes(64 * 1024 * 1024)), rsv=4)
    assert len(bomb) < 100_000
    _, wrong, frames = received(bomb, chop, deflate())
    assert wrong is not None and "inflating" in wrong
    assert frames.too_long
    assert close_code(frames) == 1009
    assert inflated == [(1 << 20) + 1]


def test_a_bomb_in_pieces_is_not_inflated(inflated: list[int]) -> None:
    data = packed(bytes(8 * 1024 * 1024))
    cut = len(data) // 2
    pieces = frame(BINARY, data[:cut], fin=False, rsv=4) + frame(CONTINUATION, data[cut:])
    _, wrong, _ = received(pieces, 0, deflate())
    assert wrong is not None
    assert inflated == [(1 << 20) + 1]


# The standard's own examples (RFC 7692 §7.2.3), each of "Hello".
HELLO = {
    "one block": frame(TEXT, bytes.fromhex("f248cdc9c90700"), rsv=4),
    "in two frames": frame(TEXT, bytes.fromhex("f248cd"), fin=False, rsv=4)
    + frame(CONTINUATION, bytes.fromhex("c9c90700")),
    "not compressed inside": frame(TEXT, bytes.fromhex("000500faff48656c6c6f00"), rsv=4),
    "a stream that ends": frame(TEXT, bytes.fromhex("f348cdc9c9070000"), rsv=4),
    "two blocks": frame(TEXT, bytes.fromhex("f248050000 00ffffcac9c90700"), rsv=4),
}


@pytest.mark.parametrize("name", HELLO)
@pytest.mark.parametrize("forgets", [False, True])
def test_the_examples_of_the_standard(name: str, forgets: bool) -> None:
    for chop in (0, 1):
        events, wrong, _ = received(HELLO[name] * 3, chop, deflate(forgets=forgets))
        assert wrong is None
        assert [e.data for e in events if isinstance(e, Message)] == [b"Hello"] * 3


def test_the_window_outlives_the_end_of_a_stream() -> None:
    data = bytes(range(256)) * 2
    first = zlib.compressobj(9, wbits=-15)
    ended = first.compress(data) + first.flush(zlib.Z_FINISH) + b"\x00"
    # What a sender makes that goes on with the same window.
    second = zlib.compressobj(9, zlib.DEFLATED, -15, zdict=data)
    again = (second.compress(data) + second.flush(zlib.Z_SYNC_FLUSH))[:-4]
    assert len(again) < 20
    both = frame(BINARY, ended, rsv=4) + frame(BINARY, again, rsv=4)
    events, wrong, _ = received(both, 0, deflate(forgets=False))
    assert wrong is None
    assert [e.data for e in events if isinstance(e, Message)] == [data, data]


def test_streams_without_end_are_not_followed() -> None:
    _, wrong, _ = received(frame(BINARY, b"\x03\x00" * 1000, rsv=4), 0, deflate())
    assert wrong is not None and "inflate" in wrong


def test_bombs_at_the_ends_of_streams_are_not_inflated(inflated: list[int]) -> None:
    packer = zlib.compressobj(9, wbits=-15)
    one = packer.compress(bytes(512 * 1024)) + packer.flush(zlib.Z_FINISH)
    _, wrong, frames = received(frame(BINARY, one * 40, rsv=4), 0, deflate())
    assert wrong is not None and frames.too_long
    assert inflated == [512 * 1024, 512 * 1024, 1]


@pytest.mark.parametrize("length", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1])
def test_the_limit_is_what_it_inflates_to(length: int) -> None:
    events, wrong, frames = received(frame(BINARY, packed(bytes(length)), rsv=4), 0, deflate())
    assert (wrong is not None) == frames.too_long == (length > 1 << 20)
    assert len(events) == (length <= 1 << 20)


def test_a_window_that_is_too_small_for_us_leaves_our_messages_as_they_are() -> None:
    frames = Frames(deflate(bits=8))
    frames.text("seventh " * 20)
    assert sent(frames) == [(TEXT, b"seventh " * 20)]
    small = zlib.compressobj(9, wbits=-9)
    data = b"ab" * 100
    short = (small.compress(data) + small.flush(zlib.Z_SYNC_FLUSH))[:-4]
    (message,) = frames.receive(frame(TEXT, short, rsv=4), AT)
    assert isinstance(message, Message) and message.data == data
