"""The frame codec as tests use it: the events of a server's bytes, and the frames that it sends."""

from __future__ import annotations

import struct

from websockets.frames import Frame
from websockets.protocol import OPEN, SERVER, Protocol

from seventh.model.failure import ProtocolViolation
from seventh.model.phase import Mark
from seventh.protocols.websocket.wire.deflate import Deflate
from seventh.wire.websocket_frames import CLOSE, Event, Frames, raw_frame

AT = Mark(1_000_000_000, "kernel")


def joined(*frames: bytes) -> bytes:
    return b"".join(frames)


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0) -> bytes:
    """One of a server's: unmasked."""
    return raw_frame(opcode, payload, fin=fin, rsv=rsv, masked=False)


def received(
    data: bytes, chop: int = 0, deflate: Deflate | None = None
) -> tuple[list[Event], str | None, Frames]:
    """Every event, the violation where there is one, and the codec afterwards."""
    frames = Frames(deflate)
    events: list[Event] = []
    step = chop or max(1, len(data))
    try:
        for start in range(0, len(data), step):
            events += frames.receive(data[start : start + step], AT)
        if frames.broken:
            frames.receive(b"", AT)
    except ProtocolViolation as violation:
        return events, violation.detail, frames
    return events, None, frames


def sent(frames: Frames) -> list[tuple[int, bytes]]:
    """What the client sends, as a server reads it: (opcode, payload)."""
    server = Protocol(SERVER, state=OPEN)
    server.receive_data(frames.out())
    assert server.parser_exc is None
    return [
        (int(f.opcode), bytes(f.data)) for f in server.events_received() if isinstance(f, Frame)
    ]


def close_code(frames: Frames) -> int | None:
    """With which code the client closes."""
    for opcode, payload in sent(frames):
        if opcode == CLOSE:
            return int.from_bytes(payload[:2], "big") if payload else None
    return None


def close_payload(code: int, reason: str = "") -> bytes:
    """Return a close frame's payload, with any code."""
    return struct.pack("!H", code) + reason.encode()
