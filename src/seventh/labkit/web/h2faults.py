"""Faults of the lab's HTTP/2 server, as raw frames."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from hpack import Encoder
from hpack.hpack import encode_integer

from seventh.labkit.web.peer import H1Setup, Peer, linger
from seventh.web import h2frames as f

_SETTINGS = bytes.fromhex("000000040000000000")
_BATCH = 16384
Fault = Callable[[Peer, H1Setup, int], Awaitable[None]]
"""A fault gets the client's connection and the stream of its first request."""


def frame(kind: int, flags: int, stream_id: int, payload: bytes = b"") -> bytes:
    """Return one frame (RFC 9113 §4.1)."""
    return (
        len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream_id.to_bytes(4, "big")
        + payload
    )  # fmt: skip


def head(*fields: tuple[str, str], status: str = "200") -> bytes:
    """Return a header block without the dynamic table."""
    return bytes(Encoder().encode([(":status", status), *fields], huffman=False))


def _answer(stream_id: int, flags: int = f.END_HEADERS) -> bytes:
    return frame(f.HEADERS, flags, stream_id, head())


def _always(make: Callable[[int], bytes]) -> Fault:
    async def fault(peer: Peer, _: H1Setup, stream_id: int) -> None:
        await peer.send(make(stream_id))
        await linger(peer)

    return fault


def _flood(piece: Callable[[int], bytes], start: Callable[[int], bytes] | None = None) -> Fault:
    async def fault(peer: Peer, setup: H1Setup, stream_id: int) -> None:
        if start is not None:
            await peer.send(start(stream_id))
        one = piece(stream_id)
        at_once = max(1, _BATCH // len(one))
        for sent in range(0, setup.count, at_once):
            await peer.send(one * min(at_once, setup.count - sent))
        await linger(peer)

    return fault


async def _goaway(peer: Peer, setup: H1Setup, stream_id: int) -> None:
    payload = (0).to_bytes(4, "big") + setup.code.to_bytes(4, "big") + setup.raw
    await peer.send(frame(f.GOAWAY, 0, 0, payload))
    await linger(peer)


async def _reset(peer: Peer, setup: H1Setup, stream_id: int) -> None:
    await peer.send(frame(f.RST_STREAM, 0, stream_id, setup.code.to_bytes(4, "big")))
    await linger(peer)


async def _reset_body(peer: Peer, setup: H1Setup, stream_id: int) -> None:
    await peer.send(_answer(stream_id) + frame(f.DATA, 0, stream_id, b"half"))
    await _reset(peer, setup, stream_id)


async def _slow_head(peer: Peer, setup: H1Setup, stream_id: int) -> None:
    block = _answer(stream_id, f.END_HEADERS | f.END_STREAM)
    await peer.send(block[:5])
    await asyncio.sleep(setup.seconds)
    await peer.send(block[5:])
    await linger(peer)


async def _silence(peer: Peer, _: H1Setup, __: int) -> None:
    await linger(peer)


async def _cut(peer: Peer, _: H1Setup, stream_id: int) -> None:
    await peer.send(_answer(stream_id) + frame(f.DATA, 0, stream_id, b"half"))


async def _close(_: Peer, __: H1Setup, ___: int) -> None:
    return


def _bomb(stream_id: int) -> bytes:
    """Return a header block that repeats one long field of the dynamic table."""
    long = b"v" * 3900
    insert = b"\x40" + b"\x01x" + bytes(encode_integer(len(long), 7)) + long
    block = head() + insert + b"\xbe" * 12000
    first, rest = block[:16384], block[16384:]
    if not rest:
        return frame(f.HEADERS, f.END_HEADERS | f.END_STREAM, stream_id, first)
    return frame(f.HEADERS, f.END_STREAM, stream_id, first) + frame(
        f.CONTINUATION, f.END_HEADERS, stream_id, rest
    )


def _many_fields(stream_id: int) -> bytes:
    block = head(*((f"x-{i}", "y") for i in range(1000)))
    return frame(f.HEADERS, f.END_HEADERS | f.END_STREAM, stream_id, block)


_HINT = head(("link", "</a>"), status="103")

FAULTS: dict[str, Fault] = {
    "silent": _silence,
    "no-answer": _close,
    "slow-head": _slow_head,
    "cut-body": _cut,
    "goaway": _goaway,
    "reset": _reset,
    "reset-body": _reset_body,
    "settings-flood": _flood(lambda _: _SETTINGS),
    "ping-flood": _flood(lambda _: frame(f.PING, 0, 0, b"pingping")),
    "window-flood": _flood(lambda _: frame(f.WINDOW_UPDATE, 0, 0, (1).to_bytes(4, "big"))),
    "priority-flood": _flood(lambda _: frame(f.PRIORITY, 0, 1, bytes(4) + b"\x00")),
    "reset-flood": _flood(lambda i: frame(f.RST_STREAM, 0, i, (8).to_bytes(4, "big"))),
    "unknown-flood": _flood(lambda _: frame(0xEE, 0, 0, b"x")),
    "empty-data-flood": _flood(lambda i: frame(f.DATA, 0, i), _answer),
    "tiny-data-flood": _flood(lambda i: frame(f.DATA, 0, i, b"x"), _answer),
    "endless-body": _flood(lambda i: frame(f.DATA, 0, i, b"x" * 16384), _answer),
    "continuation-flood": _flood(
        lambda i: frame(f.CONTINUATION, 0, i, b"\x00\x01x\x01y"),
        lambda i: frame(f.HEADERS, 0, i, head()),
    ),
    "informational-flood": _flood(lambda i: frame(f.HEADERS, f.END_HEADERS, i, _HINT)),
    "hpack-bomb": _always(_bomb),
    "hpack-garbage": _always(lambda i: frame(f.HEADERS, f.END_HEADERS, i, b"\xff" * 16)),
    "header-flood": _always(_many_fields),
    "long-frame": _always(lambda i: _answer(i) + b"\xff\xff\xff\x00\x00" + i.to_bytes(4, "big")),
    "data-first": _always(lambda i: frame(f.DATA, 0, i, b"no head")),
    "stream-zero": _always(lambda _: frame(f.DATA, 0, 0, b"x")),
    "wrong-length": _always(
        lambda i: (
            frame(f.HEADERS, f.END_HEADERS, i, head(("content-length", "9")))
            + frame(f.DATA, f.END_STREAM, i, b"four")
        )
    ),
    "upper-case": _always(
        lambda i: frame(f.HEADERS, f.END_HEADERS | f.END_STREAM, i, head(("X-Upper", "y")))
    ),
    "push": _always(
        lambda i: frame(f.PUSH_PROMISE, f.END_HEADERS, i, (2).to_bytes(4, "big") + head())
    ),
    "zero-window": _always(lambda i: frame(f.WINDOW_UPDATE, 0, i, bytes(4))),
    "status-101": _always(lambda i: frame(f.HEADERS, f.END_HEADERS, i, head(status="101"))),
    "status-letters": _always(
        lambda i: frame(f.HEADERS, f.END_HEADERS | f.END_STREAM, i, head(status="abc"))
    ),
}
"""By name; each follows the server's SETTINGS and the client's first request."""
