"""A bounded reader over complete messages, for binary codecs."""

from __future__ import annotations

from seventh.model.failure import ProtocolViolation


class Reader:
    """A reader of big-endian values; reading past the end raises ProtocolViolation.

    Lengths that the peer declares are only compared with what is there, never allocated.
    """

    __slots__ = ("_data", "_pos", "what")

    def __init__(self, data: bytes | memoryview, what: str) -> None:
        self._data = memoryview(data)
        self._pos = 0
        self.what = what

    @property
    def left(self) -> int:
        """Bytes not read yet."""
        return len(self._data) - self._pos

    def take(self, count: int) -> bytes:
        """Return the next ``count`` bytes."""
        if count > self.left:
            raise ProtocolViolation(
                f"{self.what} is truncated: {count} bytes declared, {self.left} present"
            )
        start = self._pos
        self._pos += count
        return bytes(self._data[start : self._pos])

    def rest(self) -> bytes:
        """Return the remaining bytes."""
        return self.take(self.left)

    def uint(self, width: int) -> int:
        """Return an unsigned integer of ``width`` bytes."""
        return int.from_bytes(self.take(width), "big")

    def u8(self) -> int:
        """Return one byte."""
        return self.uint(1)

    def u16(self) -> int:
        """Return two bytes."""
        return self.uint(2)

    def u32(self) -> int:
        """Return four bytes."""
        return self.uint(4)

    def vector(self, width: int) -> bytes:
        """Return bytes preceded by their length in ``width`` bytes."""
        return self.take(self.uint(width))

    def nested(self, width: int, what: str) -> Reader:
        """Return a reader over a length-preceded part."""
        return Reader(self.vector(width), what)

    def end(self) -> None:
        """Raise ProtocolViolation unless everything was read."""
        if self.left:
            raise ProtocolViolation(f"{self.what} has {self.left} bytes too many")


def vector(width: int, data: bytes) -> bytes:
    """Return ``data`` preceded by its length in ``width`` bytes."""
    return len(data).to_bytes(width, "big") + data
