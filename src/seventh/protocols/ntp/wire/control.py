"""Mode 6, the control messages (RFC 9327): one READVAR request and its fragments."""

from __future__ import annotations

import struct

from seventh.model.failure import ProtocolViolation
from seventh.wire.text import printable

READVAR = 2
_HEADER = struct.Struct("!BBHHHHH")
REQUEST_BYTES = _HEADER.size
MAX_FRAGMENTS = 32
"""The limit of ntpq."""
MAX_DATA_BYTES = 16 * 1024
MAX_VARIABLES = 128
_MODE = 6
_VERSION = 2
"""The version that ntpq sends, and that every server supports."""
_RESPONSE, _ERROR, _MORE, _OPCODE = 0x80, 0x40, 0x20, 0x1F


def readvar(sequence: int) -> bytes:
    """Return a request for the default set of system variables (association 0, no names)."""
    return _HEADER.pack(_VERSION << 3 | _MODE, READVAR, sequence, 0, 0, 0, 0)


def fragment(
    sequence: int, data: bytes, *, offset: int = 0, more: bool = False, error: int | None = None
) -> bytes:
    """Return a response or one fragment of it (RFC 9327 §2); ``error`` is a code of its §3.1."""
    flags = _RESPONSE | READVAR | (_MORE if more else 0) | (_ERROR if error is not None else 0)
    status = (error or 0) << 8
    head = _HEADER.pack(_VERSION << 3 | _MODE, flags, sequence, status, 0, offset, len(data))
    return head + data + b"\0" * (-len(data) % 4)


class ControlReply:
    """Collects the fragments of one response, in any order."""

    __slots__ = ("_end", "_parts", "bytes_received", "error_code", "packets", "sequence")

    def __init__(self, sequence: int) -> None:
        self.sequence = sequence
        self.packets = 0
        self.bytes_received = 0
        """All bytes in answer to our request, including repeated fragments: they amplify, too."""
        self.error_code: int | None = None
        self._parts: dict[int, bytes] = {}
        self._end: int | None = None

    def receive(self, data: bytes) -> bool:
        """Read a datagram; return False if it does not answer our request.

        Raises ProtocolViolation if it does and is malformed, or if the response is too long.
        """
        if len(data) < REQUEST_BYTES or data[0] & 7 != _MODE:
            return False
        _, flags, sequence, status, _, offset, count = _HEADER.unpack_from(data)
        if not flags & _RESPONSE or flags & _OPCODE != READVAR or sequence != self.sequence:
            return False
        self.packets += 1
        self.bytes_received += len(data)
        if self.packets > MAX_FRAGMENTS:
            raise ProtocolViolation(f"more than {MAX_FRAGMENTS} mode-6 fragments")
        if count > len(data) - REQUEST_BYTES:
            raise ProtocolViolation(
                f"a mode-6 fragment declares {count} bytes, but has {len(data) - REQUEST_BYTES}"
            )
        if offset + count > MAX_DATA_BYTES:
            raise ProtocolViolation(f"a mode-6 response longer than {MAX_DATA_BYTES} bytes")
        if flags & _ERROR:
            self.error_code = status >> 8
        if not flags & _MORE:
            self._end = offset + count
        self._parts.setdefault(offset, data[REQUEST_BYTES : REQUEST_BYTES + count])
        return True

    @property
    def complete(self) -> bool:
        """Whether all bytes up to the end of the last fragment were received."""
        return self._end is not None and len(self.data) >= self._end

    @property
    def data(self) -> bytes:
        """The bytes received so far, up to the first gap."""
        whole = bytearray()
        for offset, part in sorted(self._parts.items()):
            if offset > len(whole):
                break
            whole += part[len(whole) - offset :]
        return bytes(whole)


def variables(data: bytes) -> dict[str, str]:
    """Return the ``name=value, …`` list of a READVAR response, printable, at most 128 of them."""
    found: dict[str, str] = {}
    for item in _items(data):
        name, _, value = item.partition(b"=")
        if name.strip():
            found[printable(name.strip(), 64)] = printable(value.strip().strip(b'"'), 256)
    return found


def _items(data: bytes) -> list[bytes]:
    """Split at commas that stand outside quotation marks."""
    items: list[bytes] = []
    start, quoted = 0, False
    for index, byte in enumerate(data):
        if byte == 0x22:
            quoted = not quoted
        elif byte == 0x2C and not quoted:
            items.append(data[start:index])
            start = index + 1
            if len(items) == MAX_VARIABLES:
                return items
    items.append(data[start:])
    return items
