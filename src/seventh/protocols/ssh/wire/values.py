"""The data types of SSH's messages (RFC 4251 §5, §6), with limits."""

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
    """A peer's violations of the standard that clients accept, each once."""

    __slots__ = ("_seen",)

    def __init__(self) -> None:
        self._seen: dict[Deviation, None] = {}

    @property
    def seen(self) -> tuple[Deviation, ...]:
        """All of them, in order."""
        return tuple(self._seen)

    def add(self, kind: DeviationKind, where: str) -> None:
        """Note one; beyond MAX_DEVIATIONS it is dropped."""
        if len(self._seen) < MAX_DEVIATIONS:
            self._seen[Deviation(kind, where)] = None


class SshReader(Reader):
    """A reader that accepts what clients accept and notes it in ``deviations``."""

    __slots__ = ("deviations",)

    def __init__(
        self, data: bytes | memoryview, what: str, deviations: Deviations | None = None
    ) -> None:
        super().__init__(data, what)
        self.deviations = Deviations() if deviations is None else deviations

    def end(self) -> None:
        """Note a deviation when bytes are left."""
        if self.left:
            self.deviations.add(DeviationKind.EXTRA_BYTES, self.what)

    def string(self) -> bytes:
        """Read a string."""
        return self.vector(4)

    def boolean(self) -> bool:
        """Read a boolean; every byte but zero is true."""
        return self.u8() != 0

    def names(self, what: str | None = None) -> Names:
        """Read a name-list."""
        return parse_names(self.vector(4), what or self.what, self.deviations)

    def missing(self) -> bool:
        """Return whether the message ends here, and note it: some peers omit the last fields."""
        if not self.left:
            self.deviations.add(DeviationKind.CUT_SHORT, self.what)
        return not self.left


def parse_names(data: bytes, what: str, deviations: Deviations | None = None) -> Names:
    """Read a name-list (RFC 4251 §5); ProtocolViolation beyond MAX_NAMES.

    Empty and repeated names are omitted, as in clients; a name that is not printable US-ASCII is
    escaped, so that it equals no known name.
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
    """Encode a name-list."""
    return vector(4, ",".join(names).encode())


def string(data: bytes) -> bytes:
    """Encode a string."""
    return vector(4, data)


def mpint(value: int) -> bytes:
    """Encode a non-negative integer as an mpint."""
    return vector(4, value.to_bytes(value.bit_length() // 8 + 1, "big") if value else b"")


def read_mpint(reader: Reader, max_bits: int) -> int:
    """Read a non-negative mpint of at most ``max_bits``; ProtocolViolation for any other."""
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
