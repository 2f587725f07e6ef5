"""BER as SNMP uses it (RFC 3417 §8): bounded, and lenient where agents deviate.

Nothing here recurses: the nesting of a message is that of its grammar, so that none can be too
deep. A length is compared with what encloses it before anything is read.
"""

from __future__ import annotations

from enum import StrEnum

from seventh.model.failure import ProtocolViolation

Oid = tuple[int, ...]
"""An object identifier, as its arcs."""

INTEGER, OCTETS, NULL, OID, SEQUENCE = 0x02, 0x04, 0x05, 0x06, 0x30
MAX_ARCS = 128
"""The most arcs of an object identifier (RFC 2578 §3.5)."""
MAX_ARC = 2**32 - 1
_MAX_LENGTH_OCTETS = 4
_MAX_INTEGER_OCTETS = 9
"""A Counter64 with its leading zero."""


class Deviation(StrEnum):
    """An encoding that was read although the standard has another."""

    LONG_LENGTH = "long-length"
    """A length with more octets than it needs, which BER permits and DER does not."""
    PADDED_INTEGER = "padded-integer"
    NEGATIVE_UNSIGNED = "negative-unsigned"
    """A counter without the leading zero that keeps it positive."""
    WIDE_INTEGER = "wide-integer"
    """A value outside the range of its type."""
    EMPTY_OID = "empty-oid"
    """An object identifier of no octets; read as 0.0."""
    PADDED_OID = "padded-oid"
    TRAILING = "trailing"
    """Octets after the end of a message."""


class Reader:
    """A position in octets; what is read moves it on. Its methods raise ProtocolViolation."""

    __slots__ = ("at", "data", "deviations", "end")

    def __init__(
        self, data: bytes, at: int = 0, end: int | None = None,
        deviations: set[Deviation] | None = None,
    ) -> None:  # fmt: skip
        self.data = data
        self.at = at
        self.end = len(data) if end is None else end
        self.deviations: set[Deviation] = set() if deviations is None else deviations
        """What deviated so far; shared by all readers of a message."""

    @property
    def ended(self) -> bool:
        """Whether nothing is left."""
        return self.at >= self.end

    def next(self) -> tuple[int, int, int]:
        """Read a tag and a length; return the tag, and where its contents begin and end."""
        data, at, limit = self.data, self.at, self.end
        if at + 2 > limit:
            raise ProtocolViolation("BER: a value ends before its length")
        tag, length = data[at], data[at + 1]
        start = at + 2
        if length >= 0x80:
            octets = length & 0x7F
            if not 0 < octets <= _MAX_LENGTH_OCTETS or start + octets > limit:
                raise ProtocolViolation(f"BER: a length of {octets} octets")
            length = int.from_bytes(data[start : start + octets])
            start += octets
            if length < 0x80 or length >> 8 * (octets - 1) == 0:
                self.deviations.add(Deviation.LONG_LENGTH)
        stop = start + length
        if stop > limit:
            raise ProtocolViolation(f"BER: a length of {length}, and {limit - start} octets follow")
        self.at = stop
        return tag, start, stop

    def expect(self, tag: int, what: str) -> tuple[int, int]:
        """Read a value of type ``tag``; return where its contents begin and end."""
        found, start, stop = self.next()
        if found != tag:
            raise ProtocolViolation(f"BER: {what} has type 0x{found:02x}, not 0x{tag:02x}")
        return start, stop

    def enter(self, tag: int, what: str) -> Reader:
        """Return a reader of the contents of a constructed value."""
        start, stop = self.expect(tag, what)
        return Reader(self.data, start, stop, self.deviations)

    def integer(self, what: str) -> int:
        """Read an INTEGER, which SNMP limits to 32 bits."""
        start, stop = self.expect(INTEGER, what)
        return signed(self.data[start:stop], self.deviations)

    def octets(self, what: str) -> bytes:
        """Read an OCTET STRING."""
        start, stop = self.expect(OCTETS, what)
        return self.data[start:stop]

    def oid(self, what: str) -> Oid:
        """Read an OBJECT IDENTIFIER."""
        start, stop = self.expect(OID, what)
        return read_oid(self.data[start:stop], self.deviations)

    def finish(self) -> None:
        """Note what follows the last value."""
        if not self.ended:
            self.deviations.add(Deviation.TRAILING)


def signed(octets: bytes, deviations: set[Deviation]) -> int:
    """Return the value of an INTEGER's contents. Raises ProtocolViolation."""
    value = _integer(octets)
    if _is_padded(octets):
        deviations.add(Deviation.PADDED_INTEGER)
    if not -(2**31) <= value < 2**31:
        deviations.add(Deviation.WIDE_INTEGER)
    return value


def unsigned(octets: bytes, bits: int, deviations: set[Deviation]) -> int:
    """Return the value of a counter's contents, of at most ``bits``. Raises ProtocolViolation."""
    value = _integer(octets)
    if value < 0:
        deviations.add(Deviation.NEGATIVE_UNSIGNED)
        value += 1 << 8 * len(octets)
    elif _is_padded(octets):
        deviations.add(Deviation.PADDED_INTEGER)
    if value >> bits:
        deviations.add(Deviation.WIDE_INTEGER)
        value &= (1 << bits) - 1
    return value


def _integer(octets: bytes) -> int:
    if not 0 < len(octets) <= _MAX_INTEGER_OCTETS:
        raise ProtocolViolation(f"BER: an integer of {len(octets)} octets")
    return int.from_bytes(octets, signed=True)


def _is_padded(octets: bytes) -> bool:
    """Return whether the first nine bits are equal, so that the first octet says nothing."""
    return len(octets) > 1 and (octets[0] + (octets[1] >> 7)) & 0xFF == 0


def read_oid(octets: bytes, deviations: set[Deviation]) -> Oid:
    """Return the arcs of an object identifier's contents. Raises ProtocolViolation."""
    if not octets:
        deviations.add(Deviation.EMPTY_OID)
        return (0, 0)
    if len(octets) > 5 * MAX_ARCS:
        raise ProtocolViolation(f"BER: an object identifier of {len(octets)} octets")
    arcs: Oid | list[int]
    if octets.isascii():
        arcs = tuple(octets)  # every arc has one octet
    else:
        arcs, value = [], 0
        for octet in octets:
            if octet == 0x80 and value == 0:
                deviations.add(Deviation.PADDED_OID)
            value = value << 7 | octet & 0x7F
            if value > MAX_ARC + 80:  # the first arc has up to 80 more
                raise ProtocolViolation("BER: an arc of an object identifier is above 2^32 - 1")
            if octet < 0x80:
                arcs.append(value)
                value = 0
        if octets[-1] >= 0x80:
            raise ProtocolViolation("BER: an object identifier ends within an arc")
    first = min(arcs[0] // 40, 2)
    found = (first, arcs[0] - 40 * first, *arcs[1:])
    if len(found) > MAX_ARCS:
        raise ProtocolViolation(f"BER: an object identifier of {len(found)} arcs")
    if max(found) > MAX_ARC:
        raise ProtocolViolation("BER: an arc of an object identifier is above 2^32 - 1")
    return found


def tlv(tag: int, contents: bytes) -> bytes:
    """Return a value: its tag, its length in the fewest octets, its contents."""
    length = len(contents)
    if length < 0x80:
        return bytes((tag, length)) + contents
    octets = length.to_bytes((length.bit_length() + 7) // 8)
    return bytes((tag, 0x80 | len(octets))) + octets + contents


def integer(value: int, tag: int = INTEGER) -> bytes:
    """Return an integer in the fewest octets."""
    return tlv(tag, value.to_bytes((value + (value < 0)).bit_length() // 8 + 1, signed=True))


def octet_string(value: bytes) -> bytes:
    """Return an OCTET STRING."""
    return tlv(OCTETS, value)


def object_identifier(arcs: Oid) -> bytes:
    """Return an OBJECT IDENTIFIER, whose arcs :func:`is_oid` accepts."""
    packed = bytearray()
    for arc in (40 * arcs[0] + arcs[1], *arcs[2:]):
        groups = max(1, (arc.bit_length() + 6) // 7)
        packed += bytes(
            arc >> 7 * group & 0x7F | (0x80 if group else 0) for group in reversed(range(groups))
        )
    return tlv(OID, bytes(packed))


def sequence(*parts: bytes, tag: int = SEQUENCE) -> bytes:
    """Return a SEQUENCE of values that are encoded already."""
    return tlv(tag, b"".join(parts))


def is_oid(arcs: Oid) -> bool:
    """Return whether arcs can be encoded: 2 to 128 of them, the first 0 to 2."""
    return (
        2 <= len(arcs) <= MAX_ARCS
        and 0 <= arcs[0] <= 2
        and (arcs[0] == 2 or arcs[1] < 40)
        and all(0 <= arc <= MAX_ARC for arc in arcs)
    )
