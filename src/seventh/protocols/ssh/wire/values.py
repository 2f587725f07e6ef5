"""The data types that SSH's messages are made of (RFC 4251 §5, §6), within our limits."""

from __future__ import annotations

import re

from seventh.model.failure import ProtocolViolation
from seventh.protocols.ssh.facts import Names
from seventh.protocols.ssh.facts.deviations import Deviation, DeviationKind
from seventh.wire.reader import Reader, vector
from seventh.wire.text import printable

MAX_NAMES = 4096
MAX_NAME_BYTES = 64
"""RFC 4251 §6."""
MAX_NAME_SHOWN = 255
MAX_DEVIATIONS = 32

_NAME = re.compile(rb"[!-+\--~]*")  # printable US-ASCII without the comma


class Deviations:
    """What a peer did that the standard does not allow and clients accept, each once."""

    __slots__ = ("_seen",)

    def __init__(self) -> None:
        self._seen: dict[Deviation, None] = {}

    @property
    def seen(self) -> tuple[Deviation, ...]:
        """All of them, in the order in which they came."""
        return tuple(self._seen)

    def add(self, kind: DeviationKind, where: str) -> None:
        """Note one; beyond the limit it is dropped."""
        if len(self._seen) < MAX_DEVIATIONS:
            self._seen[Deviation(kind, where)] = None


class SshReader(Reader):
    """A reader that goes on where clients do and notes it in ``deviations``."""

    __slots__ = ("deviations",)

    def __init__(
        self, data: bytes | memoryview, what: str, deviations: Deviations | None = None
    ) -> None:
        super().__init__(data, what)
        self.deviations = Deviations() if deviations is None else deviations

    def end(self) -> None:
        """Note bytes that are left."""
        if self.left:
            self.deviations.add(DeviationKind.EXTRA_BYTES, self.what)

    def names(self, what: str | None = None) -> Names:
        """Return a name-list."""
        return parse_names(self.vector(4), what or self.what, self.deviations)

    def optional(self) -> bytes:
        """Return a string that is left out at times: then it is empty."""
        if self.left:
            return self.vector(4)
        self.deviations.add(DeviationKind.CUT_SHORT, self.what)
        return b""


def parse_names(data: bytes, what: str, deviations: Deviations | None = None) -> Names:
    """Read a name-list (RFC 4251 §5); ProtocolViolation beyond MAX_NAMES.

    Empty and repeated names are left out, as they are by clients; a name that is not printable
    US-ASCII is escaped and so equals none that is known.
    """
    if not data:
        return ()
    noted = Deviations() if deviations is None else deviations
    names = data.split(b",", MAX_NAMES)
    if len(names) > MAX_NAMES:
        raise ProtocolViolation(f"{what} lists more than {MAX_NAMES} names")
    read: dict[str, None] = {}
    for name in names:
        if not name:
            noted.add(DeviationKind.EMPTY_NAME, what)
            continue
        if len(name) > MAX_NAME_BYTES:
            noted.add(DeviationKind.LONG_NAME, what)
        if _NAME.fullmatch(name) is None:
            noted.add(DeviationKind.UNPRINTABLE_NAME, what)
        text = printable(name, MAX_NAME_SHOWN)
        if text in read:
            noted.add(DeviationKind.REPEATED_NAME, what)
        read[text] = None
    return tuple(read)


def name_list(names: Names) -> bytes:
    """Return a name-list as it is sent."""
    return vector(4, ",".join(names).encode())


def string(data: bytes) -> bytes:
    """Return a string as it is sent: its length and its bytes."""
    return vector(4, data)


def mpint(value: int) -> bytes:
    """Return a non-negative integer as an mpint (RFC 4251 §5)."""
    return vector(4, value.to_bytes(value.bit_length() // 8 + 1, "big") if value else b"")


def read_mpint(reader: Reader, max_bits: int) -> int:
    """Return a non-negative mpint of at most ``max_bits``; ProtocolViolation when it is not one."""
    data = reader.vector(4)
    if data[:1] >= b"\x80":
        raise ProtocolViolation(f"{reader.what} has a negative number")
    if data[:1] == b"\0" and data[1:2] < b"\x80":
        if isinstance(reader, SshReader):
            reader.deviations.add(DeviationKind.PADDED_NUMBER, reader.what)
        data = b"\0" + data.lstrip(b"\0")
    if len(data) > max_bits // 8 + 1:
        raise ProtocolViolation(f"{reader.what} has a number of more than {max_bits} bits")
    return int.from_bytes(data, "big")
