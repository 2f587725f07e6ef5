"""Length-prefixed messages (gRPC over HTTP/2, "Length-Prefixed-Message")."""

from __future__ import annotations

from typing import NamedTuple

from seventh.model.failure import ProtocolViolation

PREFIX_BYTES = 5
"""The compressed flag and the length."""
MAX_MESSAGE = 4 * 1024 * 1024
"""The longest message that clients accept unless they are configured otherwise."""


class Message(NamedTuple):
    """One message as it was sent."""

    compressed: bool
    data: bytes


class MessageTooLong(ProtocolViolation):
    """A message longer than the limit, by its prefix or once it is decompressed."""


def frame(data: bytes, *, compressed: bool = False) -> bytes:
    """Return ``data`` with its prefix."""
    return bytes([compressed]) + len(data).to_bytes(4, "big") + data


class Messages:
    """The messages of one direction of a stream; memory is bound by what was received."""

    __slots__ = ("_buffer", "limit")

    def __init__(self, limit: int = MAX_MESSAGE) -> None:
        self.limit = limit
        self._buffer = bytearray()

    @property
    def partial(self) -> int:
        """The number of bytes of a message that is not complete."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Message]:
        """Take the next bytes of the stream, and return the messages that they complete.

        Raises MessageTooLong for a prefix beyond the limit, and ProtocolViolation for a compressed
        flag other than 0 and 1.
        """
        buffer = self._buffer
        buffer += data
        found: list[Message] = []
        at = 0
        while len(buffer) - at >= PREFIX_BYTES:
            flag = buffer[at]
            if flag > 1:
                raise ProtocolViolation(
                    f"the compressed flag of a message is {flag}, where gRPC has 0 or 1"
                )
            length = int.from_bytes(buffer[at + 1 : at + PREFIX_BYTES], "big")
            if length > self.limit:
                raise MessageTooLong(f"a message of {length} bytes; the limit is {self.limit}")
            end = at + PREFIX_BYTES + length
            if len(buffer) < end:
                break
            found.append(Message(bool(flag), bytes(buffer[at + PREFIX_BYTES : end])))
            at = end
        del buffer[:at]
        return found
