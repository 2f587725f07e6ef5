"""HTTP/2's frames before h2 processes them, sans-IO (RFC 9113 §4): cut, counted, limited, timed.

h2 keeps no arrival times, ends a connection at the first GOAWAY although earlier streams continue
(§6.8), and limits no floods.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import msgspec

from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.model.phase import Mark
from seventh.web import limits
from seventh.wire.identify import identify
from seventh.wire.text import printable, quoted

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY = range(8)
WINDOW_UPDATE, CONTINUATION, ALTSVC = 8, 9, 10
ACK = END_STREAM = 0x1
END_HEADERS = 0x4
CANCEL = 0x8
HEADER_BYTES = 9

KINDS = (
    "DATA", "HEADERS", "PRIORITY", "RST_STREAM", "SETTINGS", "PUSH_PROMISE", "PING", "GOAWAY",
    "WINDOW_UPDATE", "CONTINUATION", "ALTSVC",
)  # fmt: skip
SETTING_NAMES = {
    1: "HEADER_TABLE_SIZE",
    2: "ENABLE_PUSH",
    3: "MAX_CONCURRENT_STREAMS",
    4: "INITIAL_WINDOW_SIZE",
    5: "MAX_FRAME_SIZE",
    6: "MAX_HEADER_LIST_SIZE",
    8: "ENABLE_CONNECT_PROTOCOL",
    9: "NO_RFC7540_PRIORITIES",
}
_ERRORS = (
    "NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT",
    "STREAM_CLOSED", "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR",
    "CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
)  # fmt: skip


def error_name(code: int) -> str:
    """Return the name of an error code (RFC 9113 §7)."""
    return _ERRORS[code] if code < len(_ERRORS) else f"error {code:#x}"


def setting_name(code: int) -> str:
    """Return the name of a setting (RFC 9113 §6.5.2, RFC 8441 §3, RFC 9218 §2.1)."""
    return SETTING_NAMES.get(code, f"{code:#06x}")


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One whole frame."""

    kind: int
    flags: int
    stream_id: int
    raw: bytes
    """The frame with its nine bytes of header."""
    begun: Mark
    """The arrival of its first byte; of a CONTINUATION, that of its HEADERS."""
    ended: Mark

    @property
    def payload(self) -> bytes:
        """The bytes after the header."""
        return self.raw[HEADER_BYTES:]


class GoAway(msgspec.Struct, frozen=True, kw_only=True):
    """A GOAWAY frame: the peer accepts no more streams (RFC 9113 §6.8)."""

    code: int
    last_stream_id: int
    """The last stream that the peer processed."""
    debug: bytes = b""
    """The peer's debug data, up to the cap."""
    at: Mark

    @property
    def name(self) -> str:
        """Its error code's name."""
        return error_name(self.code)

    def __str__(self) -> str:
        debug = f": {printable(self.debug, 200)}" if self.debug else ""
        return f"GOAWAY {self.name}{debug}"


def parse_goaway(frame: Frame) -> GoAway:
    """Return a GOAWAY frame. Raises ProtocolViolation if it is malformed."""
    payload = frame.payload
    if len(payload) < 8 or frame.stream_id:
        raise ProtocolViolation("a malformed GOAWAY frame")
    return GoAway(
        last_stream_id=int.from_bytes(payload[:4], "big") & 0x7FFFFFFF,
        code=int.from_bytes(payload[4:8], "big"),
        debug=payload[8 : 8 + limits.MAX_DEBUG_DATA],
        at=frame.ended,
    )


def parse_settings(payload: bytes) -> Iterator[tuple[int, int]]:
    """Yield the settings of a SETTINGS frame in order (RFC 9113 §6.5.1)."""
    for at in range(0, len(payload) - 5, 6):
        yield (
            int.from_bytes(payload[at : at + 2], "big"),
            int.from_bytes(payload[at + 2 : at + 6], "big"),
        )


class Gate:
    """Cuts input into frames and rejects floods."""

    __slots__ = (
        "_begun",
        "_block",
        "_buffer",
        "_continuations",
        "_idle",
        "_thin",
        "counts",
        "streaming",
    )

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._begun: Mark | None = None
        self._block: tuple[Mark, int] | None = None
        """The start and the length of an unfinished header block."""
        self._continuations = 0
        self._idle = 0
        self._thin = 0
        self.streaming = False
        """Whether small DATA frames are not limited, as in a stream of short messages."""
        self.counts: Counter[int] = Counter()
        """The number of frames by kind; acknowledgements count as kind + 256."""

    @property
    def partial(self) -> bool:
        """Whether a frame or header block is unfinished."""
        return bool(self._buffer) or self._block is not None

    def receive(self, data: bytes, mark: Mark) -> Iterator[Frame]:
        """Yield the frames that ``data`` completes.

        Raises Failed (protocol-mismatch) if the first frame shows another protocol, and
        ProtocolViolation beyond a limit. Lengths are checked before their bytes arrive.
        """
        buffer = self._buffer
        if not buffer:
            self._begun = mark
        buffer += data
        if not self.counts:
            self._check_preface(buffer)
        start = 0
        try:
            while len(buffer) - start >= HEADER_BYTES:
                length = int.from_bytes(buffer[start : start + 3], "big")
                kind = buffer[start + 3]
                if length > limits.MAX_FRAME_BYTES:
                    raise ProtocolViolation(
                        f"a {kind_name(kind)} frame of {length} bytes; "
                        f"the limit is {limits.MAX_FRAME_BYTES}"
                    )
                end = start + HEADER_BYTES + length
                if end > len(buffer):
                    break
                raw = bytes(buffer[start:end])
                start = end
                begun, self._begun = self._begun or mark, mark
                yield self._judge(kind, raw, begun, mark)
        finally:
            del buffer[:start]

    def _check_preface(self, buffer: bytearray) -> None:
        """Raise Failed unless the server begins with SETTINGS (RFC 9113 §3.4)."""
        first = bytes(buffer[:64])
        if len(first) > 3 and first[3] == SETTINGS and first[0] == 0:
            return
        # Check at once: more bytes cannot make a SETTINGS frame of a wrong beginning.
        if len(first) <= 3 and not any(first[:1]):
            return
        if len(first) > 3 and first[3] == GOAWAY and not any((first[0], *first[5:9])):
            return  # not allowed either, but it names a reason
        name = identify(first)
        if name is not None and name != "HTTP/2":
            used = "HTTP/1" if name == "HTTP" else name
            raise Failed(Reason.PROTOCOL_MISMATCH, f"the peer uses {used}, not HTTP/2", served=used)
        raise Failed(
            Reason.PROTOCOL_MISMATCH,
            f"the answer is not HTTP/2: it begins with {quoted(first[:40])}, not with SETTINGS",
        )

    def _judge(self, kind: int, raw: bytes, begun: Mark, mark: Mark) -> Frame:
        flags = raw[4]
        stream_id = int.from_bytes(raw[5:9], "big") & 0x7FFFFFFF
        answer = kind in {SETTINGS, PING} and flags & ACK
        self.counts[kind + 256 if answer else kind] += 1
        if kind in {HEADERS, CONTINUATION, PUSH_PROMISE}:
            begun = self._header_block(kind, flags, len(raw) - HEADER_BYTES, begun)
        self._bound(kind, flags, len(raw) - HEADER_BYTES)
        return Frame(kind, flags, stream_id, raw, begun, mark)

    def _header_block(self, kind: int, flags: int, length: int, begun: Mark) -> Mark:
        if kind != CONTINUATION or self._block is None:
            self._block = (begun, 0)
            self._continuations = 0
        else:
            self._continuations += 1
        started, known = self._block
        self._block = (started, known + length)
        if self._continuations > limits.MAX_CONTINUATIONS:
            raise ProtocolViolation(
                f"more than {limits.MAX_CONTINUATIONS} CONTINUATION frames in one header block"
            )
        if known + length > limits.MAX_HEAD_BYTES:
            raise ProtocolViolation(
                f"a header block longer than {limits.MAX_HEAD_BYTES} bytes, compressed"
            )
        if flags & END_HEADERS:
            self._block = None
        return started

    def _bound(self, kind: int, flags: int, length: int) -> None:
        most = _MOST.get(kind)
        if kind == PING:
            most = limits.MAX_PINGS + self.counts[HEADERS] + self.counts[DATA]
        if most is not None and self.counts[kind] > most:
            raise ProtocolViolation(f"more than {most} {kind_name(kind)} frames: a flood")
        if kind in {HEADERS, CONTINUATION} or (kind == DATA and (length or flags & END_STREAM)):
            self._idle = 0
        else:
            self._idle += 1
        if self._idle > limits.MAX_IDLE_FRAMES:
            raise ProtocolViolation(
                f"more than {limits.MAX_IDLE_FRAMES} consecutive frames without progress: a flood"
            )
        if kind == DATA and length < limits.THIN_FRAME:
            self._thin += 1
            if self._thin > limits.MAX_THIN_FRAMES and not self.streaming:
                raise ProtocolViolation(
                    f"more than {limits.MAX_THIN_FRAMES} DATA frames "
                    f"of less than {limits.THIN_FRAME} bytes"
                )


_MOST = {
    SETTINGS: limits.MAX_SETTINGS,
    RST_STREAM: limits.MAX_RESETS,
    ALTSVC: limits.MAX_SETTINGS,
}


def kind_name(kind: int) -> str:
    """Return the name of a kind of frame."""
    return KINDS[kind] if kind < len(KINDS) else f"kind {kind:#x}"
