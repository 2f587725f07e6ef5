"""WebSocket's frames, sans-IO (RFC 6455 §5 to §8): bytes and their arrival in, events out.

The grammar is the library websockets'; stricter here are the text of messages (§8.1) and what a
peer may make us hold. The same code serves HTTP/1.1, 2 and 3: the handshake is in
:mod:`codec_handshake`.
"""

from __future__ import annotations

import codecs
import os
import struct
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
"""The longest message that is taken, once it is inflated."""
MAX_FRAGMENTS = 4096
"""The most frames of one message."""
MAX_CONTROLS_PER_SECOND = 200
"""The most pings, and pongs that answer no ping of ours, within one second."""
SLICE = 4096
"""How much is parsed at once: this bounds the frames that a piece of input can make."""
_SECOND_NS = 1_000_000_000

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A whole message."""

    kind: Literal["text", "binary"]
    data: bytes
    """Of a text, its UTF-8."""
    frames: int
    at: Mark


class Pinged(msgspec.Struct, frozen=True, kw_only=True):
    """The server sent a ping; its pong waits in :meth:`Frames.out`."""

    data: bytes
    at: Mark


class Ponged(msgspec.Struct, frozen=True, kw_only=True):
    """A pong came."""

    data: bytes
    at: Mark


class Closed(msgspec.Struct, frozen=True, kw_only=True):
    """The server's close frame came. Nothing after it counts."""

    code: int | None
    """None where the frame named none (what an API calls 1005)."""
    reason: str
    at: Mark


Event = Message | Pinged | Ponged | Closed


class _Client(Protocol):
    """The library's protocol, but for a close frame within a message.

    A control frame may stand there (§5.4), and a close frame is one; the library would answer it
    with 1002.
    """

    def recv_frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.CLOSE:
            self.current_size = None
        super().recv_frame(frame)


class Frames:
    """The client's side of one socket, open from the beginning."""

    __slots__ = (
        "_count", "_decoder", "_kind", "_owed", "_parts", "_protocol", "_second", "_untold",
        "closed", "too_long", "violation",
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
        self._owed = 0
        self._untold = False
        """Whether the violation waits until what came before it has been given."""
        self.too_long = False
        """Whether the violation is no more than a message over our own limit."""
        self.closed: Closed | None = None
        """The server's close frame, once it came."""
        self.violation: ProtocolViolation | None = None
        """What the server did wrong, once it did."""

    # -- what comes --------------------------------------------------------------------------------

    def receive(self, data: bytes, at: Mark) -> list[Event]:
        """Take bytes and give what they complete; whatever follows a close frame is dropped.

        Raises ProtocolViolation, after which nothing more is parsed; the close frame that says so
        (1002, 1007 or 1009) waits in :meth:`out`. What was complete before it is given first: then
        the next call raises, whatever it brings (:attr:`broken`).
        """
        if self.broken:
            self._untold = False
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
            self._untold = True
        return found

    @property
    def broken(self) -> bool:
        """Whether a violation has come that :meth:`receive` has not raised yet."""
        return self._untold

    def _parse(self, data: bytes, at: Mark, found: list[Event]) -> bool:
        """Add what ``data`` completes to ``found``; whether it ends with a close frame."""
        protocol = self._protocol
        protocol.receive_data(data)
        for frame in protocol.events_received():
            assert isinstance(frame, Frame)  # noqa: S101 - there is no handshake in here
            event = self._take(frame, at)
            if event is not None:
                found.append(event)
            if isinstance(event, Closed):
                return True
        error = protocol.parser_exc
        if error is None:
            return False
        self.too_long = isinstance(error, PayloadTooBig)
        self._fail(*_said(error))
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

    def _take(self, frame: Frame, at: Mark) -> Event | None:
        data = bytes(frame.data)
        if frame.opcode is Opcode.CLOSE:
            return self._close(at)
        if frame.opcode in {Opcode.PING, Opcode.PONG}:
            if frame.opcode is Opcode.PONG and self._owed:
                self._owed -= 1
            else:
                self._count_control(at)
            kind = Pinged if frame.opcode is Opcode.PING else Ponged
            return kind(data=data, at=at)
        return self._piece(frame, data, at)

    def _piece(self, frame: Frame, data: bytes, at: Mark) -> Message | None:
        if frame.opcode is not Opcode.CONT:
            self._kind = "text" if frame.opcode is Opcode.TEXT else "binary"
            decoder = codecs.getincrementaldecoder("utf-8")
            self._decoder = decoder() if self._kind == "text" else None
        self._parts.append(data)
        if len(self._parts) > MAX_FRAGMENTS:
            self._fail(CloseCode.MESSAGE_TOO_BIG, f"a message of over {MAX_FRAGMENTS} frames")
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
                f"over {MAX_CONTROLS_PER_SECOND} pings and pongs within a second",
            )

    def _fail(self, code: int, text: str) -> None:
        if self._protocol.parser_exc is None:
            self._protocol.fail(code, "")
        self.violation = ProtocolViolation(f"the server sends {text}")
        raise self.violation

    # -- what we say -------------------------------------------------------------------------------

    @property
    def open(self) -> bool:
        """Whether messages may be sent."""
        return self._protocol.state is OPEN

    def text(self, text: str, *, fin: bool = True) -> None:
        """Say a text. Does nothing once the close has begun."""
        self._say(self._protocol.send_text, text.encode(), fin)

    def binary(self, data: bytes, *, fin: bool = True) -> None:
        """Say bytes. Does nothing once the close has begun."""
        self._say(self._protocol.send_binary, data, fin)

    def continuation(self, data: bytes, *, fin: bool) -> None:
        """Go on with a message that was begun with ``fin=False``."""
        self._say(self._protocol.send_continuation, data, fin)

    def ping(self, data: bytes) -> None:
        """Send a ping; at most 125 bytes."""
        self._owed += 1
        self._say(self._protocol.send_ping, data)

    def close(self, code: int = CloseCode.NORMAL_CLOSURE, reason: str = "") -> None:
        """Begin the closing handshake (§7.1.2), unless it has begun."""
        self._say(self._protocol.send_close, code, reason)

    def out(self) -> bytes:
        """Return what is to be sent."""
        return b"".join(self._protocol.data_to_send())

    @staticmethod
    def _say(send: object, *arguments: object) -> None:
        assert callable(send)  # noqa: S101 - one of the protocol's methods
        try:
            send(*arguments)
        except InvalidState:
            return


def _said(error: Exception) -> tuple[int, str]:
    """Return why the library gave up, in our words: the close code and what was wrong."""
    if isinstance(error, PayloadTooBig):
        return CloseCode.MESSAGE_TOO_BIG, "a message longer, or inflating to more, than 1 MiB"
    if isinstance(error, UnicodeDecodeError):
        return CloseCode.INVALID_DATA, "a close reason that is not UTF-8 (RFC 6455 §5.5.1)"
    text = str(error) if isinstance(error, FrameError) else ""
    return CloseCode.PROTOCOL_ERROR, _WORDS.get(text, "a malformed frame (RFC 6455 §5.2)")


_WORDS = {
    "incorrect masking": "masked frames, which only a client may (RFC 6455 §5.1)",
    "invalid opcode": "a frame with a reserved opcode (RFC 6455 §5.2)",
    "reserved bits must be 0": "a reserved bit that no extension uses (RFC 6455 §5.2)",
    "control frame too long": "a control frame of over 125 bytes (RFC 6455 §5.5)",
    "fragmented control frame": "a control frame in pieces (RFC 6455 §5.5)",
    "expected a continuation frame": "a new message within another (RFC 6455 §5.4)",
    "unexpected continuation frame": "the rest of a message that never began (RFC 6455 §5.4)",
    "invalid status code": "a close code that may not stand in a frame (RFC 6455 §7.4)",
    "close frame too short": "a close frame of one byte (RFC 6455 §5.5.1)",
    "decompression failed": "a message that does not inflate (RFC 7692 §7.2.2)",
    "RSV1 bit set in continuation frame": "RSV1 within a message (RFC 7692 §6)",
}


_CODE_WORDS = {
    1000: "normal", 1001: "going away", 1002: "protocol error", 1003: "unsupported data",
    1007: "invalid data", 1008: "policy violation", 1009: "message too big",
    1010: "extension missing", 1011: "internal error", 1012: "service restart",
    1013: "try again later", 1014: "bad gateway",
}  # fmt: skip


def code_words(code: int | None) -> str:
    """A close code with what it means (§7.4.1 and IANA's registry): ``1013 (try again later)``."""
    if code is None:
        return "none"
    if code in _CODE_WORDS:
        return f"{code} ({_CODE_WORDS[code]})"
    return f"{code} (the application's own)" if code >= 4000 else str(code)


def raw_frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, masked: bool = True
) -> bytes:
    """Return a frame as it is told, right or wrong: for what no library would send.

    ``rsv`` are the three reserved bits as a number, RSV1 being 4.
    """
    head = raw_head(opcode, len(payload), fin=fin, rsv=rsv, masked=masked)
    if not masked:
        return head + payload
    mask = os.urandom(4)
    return head + mask + masked_by(mask, payload)


def raw_head(
    opcode: int, length: int, *, fin: bool = True, rsv: int = 0, masked: bool = True
) -> bytes:
    """Return a frame's head without its masking key; ``length`` need not be what follows."""
    first = (0x80 if fin else 0) | (rsv & 7) << 4 | (opcode & 15)
    mask = 0x80 if masked else 0
    if length < 126:
        return struct.pack("!BB", first, mask | length)
    if length < 1 << 16:
        return struct.pack("!BBH", first, mask | 126, length)
    return struct.pack("!BBQ", first, mask | 127, length)


def masked_by(mask: bytes, data: bytes) -> bytes:
    """Return ``data`` under a masking key (§5.3)."""
    size = len(data)
    pad = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(data, "big") ^ int.from_bytes(pad, "big")).to_bytes(size, "big")


def close_payload(code: int, reason: str = "") -> bytes:
    """Return a close frame's payload; any code."""
    return struct.pack("!H", code) + reason.encode()
