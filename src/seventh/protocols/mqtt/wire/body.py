"""The data types of MQTT (MQTT 5 §1.5), read with bounds and written."""

from __future__ import annotations

from seventh.protocols.mqtt.wire.reasons import malformed

MAX_VARINT = 268_435_455
"""The largest variable byte integer, of four bytes (§1.5.5)."""
MAX_TEXT = 65_535


class Body:
    """A reader of one packet's bytes; reading past the end raises MqttError."""

    __slots__ = ("_data", "_pos", "what")

    def __init__(self, data: bytes, what: str) -> None:
        self._data = data
        self._pos = 0
        self.what = what

    @property
    def left(self) -> int:
        """Bytes not read yet."""
        return len(self._data) - self._pos

    def take(self, count: int) -> bytes:
        """Return the next ``count`` bytes."""
        end = self._pos + count
        if end > len(self._data):
            raise malformed(f"{self.what} is too short")
        taken = self._data[self._pos : end]
        self._pos = end
        return taken

    def uint(self, width: int) -> int:
        """Return a big-endian integer of ``width`` bytes (§1.5.2, §1.5.3)."""
        return int.from_bytes(self.take(width), "big")

    def varint(self) -> int:
        """Return a variable byte integer in its shortest form (§1.5.5)."""
        value = 0
        for shift in range(0, 28, 7):
            byte = self.uint(1)
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if shift and not byte:
                    raise malformed(f"{self.what} has a variable byte integer that is too long")
                return value
        raise malformed(f"{self.what} has a variable byte integer of more than 4 bytes")

    def binary(self) -> bytes:
        """Return bytes preceded by their length (§1.5.6)."""
        return self.take(self.uint(2))

    def text(self) -> str:
        """Return a UTF-8 string (§1.5.4)."""
        data = self.binary()
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            raise malformed(f"{self.what} has a string that is not UTF-8") from None
        if "\0" in text:
            raise malformed(f"{self.what} has a string with the character U+0000")
        return text

    def rest(self) -> bytes:
        """Return the remaining bytes."""
        return self.take(self.left)

    def end(self) -> None:
        """Raise MqttError unless everything was read."""
        if self.left:
            raise malformed(f"{self.what} has {self.left} bytes too many")


def varint(value: int) -> bytes:
    """Return a variable byte integer; ValueError for one that does not fit."""
    if 0 <= value < 0x80:
        return bytes((value,))
    if not 0 <= value <= MAX_VARINT:
        raise ValueError(f"{value} does not fit into a variable byte integer")
    out = bytearray()
    while True:
        value, low = value >> 7, value & 0x7F
        out.append(low | 0x80 if value else low)
        if not value:
            return bytes(out)


def binary(data: bytes) -> bytes:
    """Return bytes preceded by their length; ValueError for more than 65,535."""
    if len(data) > MAX_TEXT:
        raise ValueError("longer than 65,535 bytes")
    return len(data).to_bytes(2, "big") + data


def text(value: str) -> bytes:
    """Return a UTF-8 string; ValueError for one that MQTT does not permit (§1.5.4)."""
    if "\0" in value:
        raise ValueError("a string contains the character U+0000")
    return binary(value.encode("utf-8"))
