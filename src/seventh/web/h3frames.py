"""HTTP/3's frames as they pass (RFC 9114 §7), before the engine keeps any of them.

The engine buffers a HEADERS frame whole, and throws away what a GOAWAY says. So each stream's
bytes are looked through here first: what is too much is a ProtocolViolation before it costs
anything, and GOAWAY is read. sans-IO: bytes in, findings in attributes.
"""

from __future__ import annotations

import msgspec

from seventh.model.failure import ProtocolViolation
from seventh.web import limits

DATA, HEADERS, CANCEL_PUSH, SETTINGS, PUSH_PROMISE, GOAWAY = 0x0, 0x1, 0x3, 0x4, 0x5, 0x7
CONTROL_STREAM = 0x0
MAX_SETTINGS_BYTES = 4096
MAX_UNI_STREAMS = 32
"""The most streams that a server may open to us; three are used, the rest are unknown ones."""
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
    """(value, position behind it) of a variable-length integer (RFC 9000 §16); None when cut."""
    if at >= len(data):
        return None
    length = 1 << (data[at] >> 6)
    if at + length > len(data):
        return None
    return int.from_bytes(data[at : at + length], "big") & (
        (1 << (8 * length - 2)) - 1
    ), at + length


class FrameScan:
    """Looks through the frames of one stream. Feed it every byte, in any pieces."""

    __slots__ = ("_idle", "_left", "_seen", "_small", "_what", "goaways", "head_bytes", "settings")

    def __init__(self) -> None:
        self._seen = bytearray()
        """The beginning of a frame whose type and length are not complete, or a kept payload."""
        self._what: int | None = None
        self._left = 0
        self._idle = 0
        self._small = 0
        self.goaways: list[int] = []
        """What each GOAWAY named: the first request that the server will not work on."""
        self.settings: tuple[tuple[int, int], ...] | None = None
        """The server's settings, in their order, unknown ones too."""
        self.head_bytes = 0
        """The size of the last HEADERS frame's payload."""

    def feed(self, data: bytes) -> None:
        """Look at the next bytes; ProtocolViolation for what is beyond the limits."""
        at = 0
        while at < len(data):
            if self._what is None:
                at = self._header(data, at)
                continue
            taken = min(self._left, len(data) - at)
            if self._what in _KEPT:
                self._seen += data[at : at + taken]
            at += taken
            self._left -= taken
            if not self._left:
                self._end()

    def _header(self, data: bytes, at: int) -> int:
        """Take bytes until the frame's type and length are known."""
        self._seen.append(data[at])
        at += 1
        kind = varint(self._seen)
        length = varint(self._seen, kind[1]) if kind is not None else None
        if kind is None or length is None:
            return at
        self._what, self._left = kind[0], length[0]
        self._seen.clear()
        self._judge()
        if not self._left:
            self._end()
        return at

    def _judge(self) -> None:
        cap = _CAPS.get(self._what) if self._what is not None else None
        if cap is not None and self._left > cap:
            assert self._what is not None  # noqa: S101 - a cap was found for it
            raise ProtocolViolation(
                f"a {_NAMES[self._what]} frame of {self._left} bytes; {cap} are the most"
            )
        if self._what == HEADERS:
            self.head_bytes = self._left
        useful = self._what in {HEADERS, SETTINGS, GOAWAY} or (self._what == DATA and self._left)
        self._idle = 0 if useful else self._idle + 1
        if self._idle > limits.MAX_IDLE_FRAMES:
            raise ProtocolViolation(f"more than {limits.MAX_IDLE_FRAMES} frames that bring nothing")
        if self._what == DATA and self._left < limits.THIN_FRAME:
            self._small += 1
            if self._small > limits.MAX_THIN_FRAMES:
                raise ProtocolViolation(
                    f"more than {limits.MAX_THIN_FRAMES} DATA frames of fewer than "
                    f"{limits.THIN_FRAME} bytes"
                )

    def _end(self) -> None:
        if self._what == GOAWAY:
            named = varint(self._seen)
            if named is None or named[1] != len(self._seen):
                raise ProtocolViolation("a GOAWAY frame that is no single integer")
            self.goaways.append(named[0])
            if len(self.goaways) > limits.MAX_PINGS:
                raise ProtocolViolation(f"more than {limits.MAX_PINGS} GOAWAY frames")
        elif self._what == SETTINGS and self.settings is None:
            self.settings = _pairs(self._seen)
        self._seen.clear()
        self._what = None


class UniScan:
    """Looks through the streams that the server opens: the control stream is among them."""

    __slots__ = ("_kinds", "control")

    def __init__(self) -> None:
        self._kinds: dict[int, bytearray | int] = {}
        self.control = FrameScan()

    def feed(self, stream_id: int, data: bytes) -> None:
        """Look at the next bytes of a unidirectional stream; raises as :meth:`FrameScan.feed`."""
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
            raise ProtocolViolation("a SETTINGS frame that ends in the middle of a setting")
        found.append((name[0], value[0]))
        at = value[1]
    return tuple(found)


class Setting(msgspec.Struct, frozen=True):
    """One of the server's settings, with its registered name."""

    name: str
    value: int


_SETTINGS = {
    0x1: "QPACK_MAX_TABLE_CAPACITY", 0x6: "MAX_FIELD_SECTION_SIZE", 0x7: "QPACK_BLOCKED_STREAMS",
    0x8: "ENABLE_CONNECT_PROTOCOL", 0x33: "H3_DATAGRAM",
}  # fmt: skip


def named(settings: tuple[tuple[int, int], ...]) -> tuple[Setting, ...]:
    """Settings with their names; those reserved for greasing are left out (RFC 9114 §7.2.4.1)."""
    return tuple(
        Setting(_SETTINGS.get(key) or f"0x{key:x}", value)
        for key, value in settings
        if not (key >= 0x21 and (key - 0x21) % 0x1F == 0)
    )
