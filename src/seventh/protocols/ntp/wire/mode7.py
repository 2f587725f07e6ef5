"""Mode 7, ntpd's private messages: one monlist request, and the size of its response.

The format is ntpd's own (``ntp_request.h``; RFC 9327 §1 does not describe it). A list of 600
clients is a hundred packets in response to one request of eight bytes: CVE-2013-5211.
"""

from __future__ import annotations

import struct

from seventh.model.failure import ProtocolViolation

IMPLEMENTATIONS = (3, 2)
"""XNTPD, and XNTPD_OLD of very old servers."""
MON_GETLIST_1 = 42
MAX_PACKETS = 128
"""The number of values of the sequence number, which has seven bits."""
MAX_BYTES = 64 * 1024
_HEADER = struct.Struct("!BBBBHH")
_MODE, _VERSION = 7, 2
_RESPONSE, _MORE, _SEQUENCE = 0x80, 0x40, 0x7F
_COUNT = 0x0FFF


def monlist(implementation: int) -> bytes:
    """Return the shortest request for the list of recent clients: eight bytes."""
    return _HEADER.pack(_VERSION << 3 | _MODE, 0, implementation, MON_GETLIST_1, 0, 0)


def response(
    implementation: int,
    sequence: int,
    items: int,
    item_bytes: int,
    *,
    more: bool = False,
    error: int = 0,
) -> bytes:
    """Return one packet of a response, with items of zeros."""
    first = _RESPONSE | (_MORE if more else 0) | _VERSION << 3 | _MODE
    head = _HEADER.pack(
        first, sequence, implementation, MON_GETLIST_1, error << 12 | items, item_bytes
    )
    return head + bytes(items * item_bytes)


class MonlistReply:
    """Counts the packets of one response; the addresses in them are not read."""

    __slots__ = (
        "_implementation", "_last", "_seen", "bytes_received", "error", "items", "packets",
        "truncated",
    )  # fmt: skip

    def __init__(self, implementation: int) -> None:
        self._implementation = implementation
        self._seen: set[int] = set()
        self._last: int | None = None
        self.packets = 0
        self.bytes_received = 0
        self.items = 0
        self.error: int | None = None
        self.truncated = False

    def receive(self, data: bytes) -> bool:
        """Read a datagram; return False if it does not answer our request.

        Raises ProtocolViolation if it does and its lengths are inconsistent.
        """
        if len(data) < _HEADER.size or data[0] & 7 != _MODE or not data[0] & _RESPONSE:
            return False
        first, sequence, implementation, request, counted, sized = _HEADER.unpack_from(data)
        if implementation != self._implementation or request != MON_GETLIST_1:
            return False
        self.packets += 1
        self.bytes_received += len(data)
        if self.packets >= MAX_PACKETS or self.bytes_received >= MAX_BYTES:
            self.truncated = True
        if error := counted >> 12:
            self.error = error
            self._last, self._seen = 0, {0}
            return True
        items = counted & _COUNT
        if items * (sized & _COUNT) > len(data) - _HEADER.size:
            raise ProtocolViolation(
                f"a mode-7 packet declares {items} items of {sized & _COUNT} bytes, but has "
                f"{len(data) - _HEADER.size} bytes"
            )
        number = sequence & _SEQUENCE
        if number not in self._seen:
            self._seen.add(number)
            self.items += items
        if not first & _MORE:
            self._last = number
        return True

    @property
    def complete(self) -> bool:
        """Whether all packets up to the last were received, or no more are read."""
        return self.truncated or (self._last is not None and len(self._seen) > self._last)
