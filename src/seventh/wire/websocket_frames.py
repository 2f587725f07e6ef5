"""WebSocket's frames, sans-IO (RFC 6455 §5 to §8): bytes and their arrival in, events out.

The library websockets parses frames; the check of UTF-8 (§8.1) and the limits on memory are here.
The same code serves HTTP/1.1, 2 and 3.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import struct
from collections.abc import Callable
from typing import Literal

import msgspec
from websockets.exceptions import InvalidState, PayloadTooBig
from websockets.exceptions import ProtocolError as FrameError
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import CLIENT, OPEN, Protocol

from seventh.model.failure import ProtocolViolation
from seventh.model.phase import Mark
from seventh.wire.text import printable

MAX_MESSAGE_BYTES = 1024 * 1024
"""The longest message that is accepted, after inflating."""
MAX_FRAGMENTS = 4096
"""The most frames in one message."""
MAX_CONTROLS_PER_SECOND = 200
"""The most pings, and pongs that answer no ping of ours, within one second."""
SLICE = 4096
"""The bytes parsed at once, which bounds the frames that one input can produce."""
_SECOND_NS = 1_000_000_000

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A whole message."""

    kind: Literal["text", "binary"]
    data: bytes
    """The payload; of a text, its UTF-8."""
    frames: int
    at: Mark


class Pinged(msgspec.Struct, frozen=True, kw_only=True):
    """A ping from the server; its pong is in :meth:`Frames.out`."""

    data: bytes
    at: Mark


class Ponged(msgspec.Struct, frozen=True, kw_only=True):
    """A pong."""

    data: bytes
    at: Mark


class Closed(msgspec.Struct, frozen=True, kw_only=True):
    """The server's close frame, after which all input is ignored."""

    code: int | None
    """None if the frame has no code (1005 in APIs)."""
    reason: str
    at: Mark


Event = Message | Pinged | Ponged | Closed


class _Client(Protocol):
    """The library's protocol, except that it accepts a close frame within a message (§5.4)."""

    def recv_frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.CLOSE:
            self.current_size = None
        super().recv_frame(frame)


class Frames:
    """The client's side of one open socket."""

    __slots__ = (
        "_count",
        "_decoder",
        "_kind",
        "_parts",
        "_pending",
        "_protocol",
        "_second",
        "_unanswered",
        "closed",
        "too_long",
        "violation",
    )  # fmt: skip

    def __init__(
        self, deflate: PerMessageDeflate | None = None, *, max_bytes: int = MAX_MESSAGE_BYTES
    ) -> None:
        self._protocol = _Client(CLIENT, state=OPEN, max_size=max_bytes)
        if deflate is not None:
            self._protocol.extensions = [deflate]
        self._parts: list[bytes] = []
        self._kind: Literal["text", "binary"] = "binary"
        self._decoder: codecs.IncrementalDecoder | None = None
        self._second = 0
        self._count = 0
        self._unanswered = 0
        self._pending = False
        """Whether the violation is raised by the next :meth:`receive`."""
        self.too_long = False
        """Whether the violation is only a message over our limit."""
        self.closed: Closed | None = None
        """The server's close frame, once received."""
        self.violation: ProtocolViolation | None = None
        """The server's violation of the protocol, if any."""

    # -- receiving ---------------------------------------------------------------------------------

    def receive(self, data: bytes, at: Mark) -> list[Event]:
        """Return the events that ``data`` completes; input after a close frame is ignored.

        Raises ProtocolViolation, after which nothing is parsed and the close frame (1002, 1007 or
        1009) is in :meth:`out`. If events precede the violation, they are returned and the next
        call raises (:attr:`broken`).
        """
        if self.broken:
            self._pending = False
            assert self.violation is not None  # noqa: S101 - which is why it is broken
            raise self.violation
        if self.violation is not None or self.closed is not None:
            return []
        found: list[Event] = []
        try:
            for start in range(0, len(data), SLICE):
                if self._parse(data[start : start + SLICE], at, found):
                    break
        except ProtocolViolation:
            if not found:
                raise
            self._pending = True
        return found

    @property
    def broken(self) -> bool:
        """Whether :meth:`receive` still has to raise a violation."""
        return self._pending

    def _parse(self, data: bytes, at: Mark, found: list[Event]) -> bool:
        """Add the events of ``data`` to ``found``; return whether the last one is a close frame."""
        protocol = self._protocol
        protocol.receive_data(data)
        for frame in protocol.events_received():
            assert isinstance(frame, Frame)  # noqa: S101 - there is no handshake in here
            event = self._event(frame, at)
            if event is not None:
                found.append(event)
            if isinstance(event, Closed):
                return True
        error = protocol.parser_exc
        if error is None:
            return False
        self.too_long = isinstance(error, PayloadTooBig)
        self._fail(*_violation(error))
        return False

    def _close(self, at: Mark) -> Closed:
        """Return the server's close frame, which the library has read."""
        close = self._protocol.close_rcvd
        code = close.code if close is not None else None
        self.closed = Closed(
            code=None if code is None or code == CloseCode.NO_STATUS_RCVD else int(code),
            reason=printable(close.reason, 123) if close is not None else "",
            at=at,
        )
        return self.closed

    def _event(self, frame: Frame, at: Mark) -> Event | None:
        data = bytes(frame.data)
        if frame.opcode is Opcode.CLOSE:
            return self._close(at)
        if frame.opcode in {Opcode.PING, Opcode.PONG}:
            if frame.opcode is Opcode.PONG and self._unanswered:
                self._unanswered -= 1
            else:
                self._count_control(at)
            kind = Pinged if frame.opcode is Opcode.PING else Ponged
            return kind(data=data, at=at)
        return self._message(frame, data, at)

    def _message(self, frame: Frame, data: bytes, at: Mark) -> Message | None:
        if frame.opcode is not Opcode.CONT:
            self._kind = "text" if frame.opcode is Opcode.TEXT else "binary"
            decoder = codecs.getincrementaldecoder("utf-8")
            self._decoder = decoder() if self._kind == "text" else None
        self._parts.append(data)
        if len(self._parts) > MAX_FRAGMENTS:
            self._fail(CloseCode.MESSAGE_TOO_BIG, f"a message of more than {MAX_FRAGMENTS} frames")
        if self._decoder is not None:
            try:
                self._decoder.decode(data, frame.fin)
            except UnicodeDecodeError:
                self._fail(CloseCode.INVALID_DATA, "a text that is not UTF-8 (RFC 6455 §8.1)")
        if not frame.fin:
            return None
        parts, self._parts = self._parts, []
        return Message(kind=self._kind, data=b"".join(parts), frames=len(parts), at=at)

    def _count_control(self, at: Mark) -> None:
        if at.ns - self._second >= _SECOND_NS:
            self._second, self._count = at.ns, 0
        self._count += 1
        if self._count > MAX_CONTROLS_PER_SECOND:
            self._fail(
                CloseCode.POLICY_VIOLATION,
                f"more than {MAX_CONTROLS_PER_SECOND} pings and pongs in a second",
            )

    def _fail(self, code: int, text: str) -> None:
        if self._protocol.parser_exc is None:
            self._protocol.fail(code, "")
        self.violation = ProtocolViolation(f"the server sends {text}")
        raise self.violation

    # -- sending -----------------------------------------------------------------------------------

    @property
    def open(self) -> bool:
        """Whether messages may be sent."""
        return self._protocol.state is OPEN

    def text(self, text: str) -> None:
        """Queue a text; do nothing once the close has begun."""
        self._send(self._protocol.send_text, text.encode())

    def binary(self, data: bytes) -> None:
        """Queue a binary message; do nothing once the close has begun."""
        self._send(self._protocol.send_binary, data)

    def ping(self, data: bytes) -> None:
        """Queue a ping with at most 125 bytes."""
        self._unanswered += 1
        self._send(self._protocol.send_ping, data)

    def close(self, code: int = CloseCode.NORMAL_CLOSURE, reason: str = "") -> None:
        """Begin the closing handshake (§7.1.2), unless it has begun."""
        self._send(self._protocol.send_close, code, reason)

    def out(self) -> bytes:
        """Return the bytes to send."""
        return b"".join(self._protocol.data_to_send())

    @staticmethod
    def _send(send: Callable[..., None], *arguments: object) -> None:
        with contextlib.suppress(InvalidState):
            send(*arguments)


def _violation(error: Exception) -> tuple[int, str]:
    """Return the close code and our text for an error of the library."""
    if isinstance(error, PayloadTooBig):
        return CloseCode.MESSAGE_TOO_BIG, "a message of more than 1 MiB, or inflating to more"
    if isinstance(error, UnicodeDecodeError):
        return CloseCode.INVALID_DATA, "a close reason that is not UTF-8 (RFC 6455 §5.5.1)"
    text = str(error) if isinstance(error, FrameError) else ""
    return CloseCode.PROTOCOL_ERROR, _TEXTS.get(text, "a malformed frame (RFC 6455 §5.2)")


_TEXTS = {
    "incorrect masking": "masked frames, which only clients may send (RFC 6455 §5.1)",
    "invalid opcode": "a frame with a reserved opcode (RFC 6455 §5.2)",
    "reserved bits must be 0": "a reserved bit that no extension uses (RFC 6455 §5.2)",
    "control frame too long": "a control frame of more than 125 bytes (RFC 6455 §5.5)",
    "fragmented control frame": "a fragmented control frame (RFC 6455 §5.5)",
    "expected a continuation frame": "a new message within another (RFC 6455 §5.4)",
    "unexpected continuation frame": "a continuation frame without a first frame (RFC 6455 §5.4)",
    "invalid status code": "a close code that is not allowed in a frame (RFC 6455 §7.4)",
    "close frame too short": "a close frame of one byte (RFC 6455 §5.5.1)",
    "decompression failed": "a message that does not inflate (RFC 7692 §7.2.2)",
    "RSV1 bit set in continuation frame": "RSV1 in a continuation frame (RFC 7692 §6)",
}


_CLOSE_CODES = {
    1000: "normal", 1001: "going away", 1002: "protocol error", 1003: "unsupported data",
    1007: "invalid data", 1008: "policy violation", 1009: "message too big",
    1010: "extension missing", 1011: "internal error", 1012: "service restart",
    1013: "try again later", 1014: "bad gateway",
}  # fmt: skip


def close_code_text(code: int | None) -> str:
    """Return a close code with its meaning, such as ``1013 (try again later)`` (§7.4.1, IANA)."""
    if code is None:
        return "none"
    if code in _CLOSE_CODES:
        return f"{code} ({_CLOSE_CODES[code]})"
    return f"{code} (defined by the application)" if code >= 4000 else str(code)


def raw_frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, masked: bool = True
) -> bytes:
    """Return a frame, valid or not.

    ``rsv`` holds the three reserved bits, of which RSV1 is 4.
    """
    head = raw_head(opcode, len(payload), fin=fin, rsv=rsv, masked=masked)
    if not masked:
        return head + payload
    mask = os.urandom(4)
    return head + mask + masked_by(mask, payload)


def raw_head(
    opcode: int, length: int, *, fin: bool = True, rsv: int = 0, masked: bool = True
) -> bytes:
    """Return a frame's header without its masking key; ``length`` may differ from the payload's."""
    first = (0x80 if fin else 0) | (rsv & 7) << 4 | (opcode & 15)
    mask = 0x80 if masked else 0
    if length < 126:
        return struct.pack("!BB", first, mask | length)
    if length < 1 << 16:
        return struct.pack("!BBH", first, mask | 126, length)
    return struct.pack("!BBQ", first, mask | 127, length)


def masked_by(mask: bytes, data: bytes) -> bytes:
    """Return ``data`` masked, or unmasked, with a key (§5.3)."""
    size = len(data)
    pad = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(data, "big") ^ int.from_bytes(pad, "big")).to_bytes(size, "big")
