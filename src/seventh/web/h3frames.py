"""HTTP/3's frames before aioquic processes them, sans-IO (RFC 9114 §7).

aioquic buffers a whole HEADERS frame and discards GOAWAY. Limits are therefore enforced here, and
GOAWAY and SETTINGS are read.
"""

from __future__ import annotations

import msgspec

from seventh.model.failure import ProtocolViolation
from seventh.web import limits

DATA, HEADERS, CANCEL_PUSH, SETTINGS, PUSH_PROMISE, GOAWAY = 0x0, 0x1, 0x3, 0x4, 0x5, 0x7
CONTROL_STREAM = 0x0
MAX_SETTINGS_BYTES = 4096
MAX_UNI_STREAMS = 32
"""The most unidirectional streams of a server, of which three have a use."""
_KEPT = frozenset({GOAWAY, SETTINGS})
_CAPS = {
    HEADERS: limits.MAX_HEAD_BYTES,
    PUSH_PROMISE: limits.MAX_HEAD_BYTES,
    SETTINGS: MAX_SETTINGS_BYTES,
    GOAWAY: 8,
    CANCEL_PUSH: 8,
}
_NAMES = {
    HEADERS: "HEADERS", PUSH_PROMISE: "PUSH_PROMISE", SETTINGS: "SETTINGS", GOAWAY: "GOAWAY",
    CANCEL_PUSH: "CANCEL_PUSH",
}  # fmt: skip


def varint(data: bytes | bytearray, at: int = 0) -> tuple[int, int] | None:
    """Return a variable-length integer and the position after it (RFC 9000 §16); None if cut."""
    if at >= len(data):
        return None
    length = 1 << (data[at] >> 6)
    if at + length > len(data):
        return None
    return int.from_bytes(data[at : at + length], "big") & (
        (1 << (8 * length - 2)) - 1
    ), at + length


class FrameScan:
    """Scans the frames of one stream, fed in pieces of any size."""

    __slots__ = ("_idle", "_kind", "_left", "_seen", "_small", "goaways", "head_bytes", "settings")

    def __init__(self) -> None:
        self._seen = bytearray()
        """An incomplete frame header, or the payload of a frame that is read."""
        self._kind: int | None = None
        self._left = 0
        self._idle = 0
        self._small = 0
        self.goaways: list[int] = []
        """The stream of each GOAWAY: the first request that the server will not process."""
        self.settings: tuple[tuple[int, int], ...] | None = None
        """The server's settings in order, unknown ones included."""
        self.head_bytes = 0
        """The size of the last HEADERS frame's payload."""

    def feed(self, data: bytes) -> None:
        """Scan the next bytes. Raises ProtocolViolation beyond the limits."""
        at = 0
        while at < len(data):
            if self._kind is None:
                at = self._header(data, at)
                continue
            taken = min(self._left, len(data) - at)
            if self._kind in _KEPT:
                self._seen += data[at : at + taken]
            at += taken
            self._left -= taken
            if not self._left:
                self._end()

    def _header(self, data: bytes, at: int) -> int:
        """Take one byte of the frame's type and length; return the next position."""
        self._seen.append(data[at])
        at += 1
        kind = varint(self._seen)
        length = varint(self._seen, kind[1]) if kind is not None else None
        if kind is None or length is None:
            return at
        self._kind, self._left = kind[0], length[0]
        self._seen.clear()
        self._judge()
        if not self._left:
            self._end()
        return at

    def _judge(self) -> None:
        cap = _CAPS.get(self._kind) if self._kind is not None else None
        if cap is not None and self._left > cap:
            assert self._kind is not None  # noqa: S101 - a cap was found for it
            raise ProtocolViolation(
                f"a {_NAMES[self._kind]} frame of {self._left} bytes; the limit is {cap}"
            )
        if self._kind == HEADERS:
            self.head_bytes = self._left
        useful = self._kind in {HEADERS, SETTINGS, GOAWAY} or (self._kind == DATA and self._left)
        self._idle = 0 if useful else self._idle + 1
        if self._idle > limits.MAX_IDLE_FRAMES:
            raise ProtocolViolation(f"more than {limits.MAX_IDLE_FRAMES} frames without progress")
        if self._kind == DATA and self._left < limits.THIN_FRAME:
            self._small += 1
            if self._small > limits.MAX_THIN_FRAMES:
                raise ProtocolViolation(
                    f"more than {limits.MAX_THIN_FRAMES} DATA frames of fewer than "
                    f"{limits.THIN_FRAME} bytes"
                )

    def _end(self) -> None:
        if self._kind == GOAWAY:
            named = varint(self._seen)
            if named is None or named[1] != len(self._seen):
                raise ProtocolViolation("a GOAWAY frame that is not a single integer")
            self.goaways.append(named[0])
            if len(self.goaways) > limits.MAX_PINGS:
                raise ProtocolViolation(f"more than {limits.MAX_PINGS} GOAWAY frames")
        elif self._kind == SETTINGS and self.settings is None:
            self.settings = _pairs(self._seen)
        self._seen.clear()
        self._kind = None


class UniScan:
    """Scans the server's unidirectional streams, among them the control stream."""

    __slots__ = ("_kinds", "control")

    def __init__(self) -> None:
        self._kinds: dict[int, bytearray | int] = {}
        self.control = FrameScan()

    def feed(self, stream_id: int, data: bytes) -> None:
        """Scan the next bytes of one stream; raises as :meth:`FrameScan.feed`."""
        known = self._kinds.get(stream_id)
        if known is None:
            if len(self._kinds) >= MAX_UNI_STREAMS:
                raise ProtocolViolation(f"the server opened more than {MAX_UNI_STREAMS} streams")
            known = self._kinds[stream_id] = bytearray()
        at = 0
        while isinstance(known, bytearray) and at < len(data):
            known.append(data[at])
            at += 1
            kind = varint(known)
            if kind is not None:
                self._kinds[stream_id] = known = kind[0]
        if known == CONTROL_STREAM:
            self.control.feed(data[at:])


def _pairs(data: bytearray) -> tuple[tuple[int, int], ...]:
    found: list[tuple[int, int]] = []
    at = 0
    while at < len(data):
        name = varint(data, at)
        value = varint(data, name[1]) if name is not None else None
        if name is None or value is None:
            raise ProtocolViolation("a SETTINGS frame that ends within a setting")
        found.append((name[0], value[0]))
        at = value[1]
    return tuple(found)


class Setting(msgspec.Struct, frozen=True):
    """A setting with its registered name."""

    name: str
    value: int


_SETTINGS = {
    0x1: "QPACK_MAX_TABLE_CAPACITY", 0x6: "MAX_FIELD_SECTION_SIZE", 0x7: "QPACK_BLOCKED_STREAMS",
    0x8: "ENABLE_CONNECT_PROTOCOL", 0x33: "H3_DATAGRAM",
}  # fmt: skip


def named(settings: tuple[tuple[int, int], ...]) -> tuple[Setting, ...]:
    """Return settings with their names, without the reserved ones (RFC 9114 §7.2.4.1)."""
    return tuple(
        Setting(_SETTINGS.get(key) or f"0x{key:x}", value)
        for key, value in settings
        if not (key >= 0x21 and (key - 0x21) % 0x1F == 0)
    )
