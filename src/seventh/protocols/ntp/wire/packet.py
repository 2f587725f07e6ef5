"""NTP packets: bytes ⇄ values (RFC 5905 §6, §7.3–7.5; RFC 7822).

Timestamps remain the 64-bit numbers of the wire; :func:`to_unix_ns` converts one.
"""

from __future__ import annotations

import ipaddress
import struct
from enum import IntEnum

import msgspec

from seventh.model.failure import ProtocolViolation
from seventh.wire.identify import identify
from seventh.wire.text import printable

VERSION = 4
HEADER_BYTES = 48
MAX_EXTENSIONS = 32
"""More than any use of NTP needs; a datagram could contain four thousand."""
UNSYNCHRONISED = 16
"""The stratum of a server that has no time (MAXSTRAT, RFC 5905 §7.2); on the wire it may be 0."""

UNKNOWN_LEAP = 3
"""The leap indicator of an unsynchronised server (RFC 5905 §7.3)."""
CHRONY_SMOOTHED = b"\x7f\x7f\x01\xff"
"""127.127.1.255: the reference ID of chronyd while it serves a smeared time (``smoothtime``)."""

_UNIX_EPOCH_SECONDS = 2_208_988_800
"""From 1900, where era 0 begins, to 1970 (RFC 5905 §6, figure 4)."""
_ERA_SECONDS = 1 << 32
_NS = 1_000_000_000
_ORIGIN, _TRANSMIT = slice(24, 32), slice(40, 48)
_HEADER = struct.Struct("!BBbbII4sQQQQ")
_FIELD = struct.Struct("!HH")
_MIN_FIELD_BYTES = 16
_CRYPTO_NAK_BYTES = 4
_MAC_BYTES = frozenset([20, 24])
"""Key ID and a digest of MD5 or AES-CMAC, or of SHA-1."""
_V3_MAC_BYTES = frozenset([12, 20, 24])
_MAX_MAC_BYTES = 24


class Mode(IntEnum):
    """The association modes of RFC 5905 §7.3, figure 10."""

    RESERVED = 0
    SYMMETRIC_ACTIVE = 1
    SYMMETRIC_PASSIVE = 2
    CLIENT = 3
    SERVER = 4
    BROADCAST = 5
    CONTROL = 6
    PRIVATE = 7


class ExtensionField(msgspec.Struct, frozen=True):
    """One extension field: its type and its value with the padding (RFC 7822 §3)."""

    type: int
    value: bytes

    def encode(self) -> bytes:
        """Return the field with its header, padded to whole words and at least 16 bytes."""
        length = max(_MIN_FIELD_BYTES, 4 + (len(self.value) + 3) // 4 * 4)
        return _FIELD.pack(self.type, length) + self.value.ljust(length - 4, b"\0")


class Packet(msgspec.Struct, frozen=True, kw_only=True):
    """A time message with the fields as on the wire (RFC 5905 §7.3)."""

    leap: int = 0
    version: int = VERSION
    mode: int = Mode.CLIENT
    stratum: int = 0
    poll: int = 0
    """Log2 of seconds."""
    precision: int = 0
    """Log2 of seconds."""
    root_delay: int = 0
    """16.16 fixed point, seconds."""
    root_dispersion: int = 0
    """16.16 fixed point, seconds."""
    refid: bytes = b"\0\0\0\0"
    reference: int = 0
    origin: int = 0
    receive: int = 0
    transmit: int = 0
    extensions: tuple[ExtensionField, ...] = ()
    mac: bytes = b""
    """Key identifier and digest; four zero bytes are a crypto-NAK."""

    @property
    def root_delay_seconds(self) -> float:
        """The round trip between the server and its reference clock."""
        return self.root_delay / 65536

    @property
    def root_dispersion_seconds(self) -> float:
        """The error accumulated since the reference clock."""
        return self.root_dispersion / 65536

    @property
    def precision_seconds(self) -> float:
        """The precision of the server's clock."""
        return float(2.0**self.precision)

    @property
    def kiss_code(self) -> str | None:
        """The code of a kiss-o'-death packet, such as RATE; else None (RFC 5905 §7.4).

        An unsynchronised server also answers with stratum 0, but without a code.
        """
        code = self.refid.rstrip(b"\0")
        is_code = not self.stratum and code.isalnum() and code.upper() == code
        return code.decode("ascii") if is_code else None

    @property
    def effective_stratum(self) -> int:
        """The stratum, with 16 (unsynchronised) for 0 and all above 16 (RFC 5905 A.5.1.1)."""
        return min(self.stratum, UNSYNCHRONISED) or UNSYNCHRONISED

    def encode(self) -> bytes:
        """Return the datagram."""
        return b"".join(
            (
                _HEADER.pack(
                    self.leap << 6 | self.version << 3 | self.mode,
                    self.stratum,
                    self.poll,
                    self.precision,
                    self.root_delay,
                    self.root_dispersion,
                    self.refid,
                    self.reference,
                    self.origin,
                    self.receive,
                    self.transmit,
                ),
                *(field.encode() for field in self.extensions),
                self.mac,
            )
        )


def parse(data: bytes) -> Packet:
    """Read a time message of modes 1 to 5.

    Raises ProtocolViolation for a truncated one, another version or mode, or inconsistent lengths
    after the header. A packet that parses need not be a valid reply.
    """
    if len(data) < HEADER_BYTES:
        raise ProtocolViolation(f"{len(data)} bytes; an NTP header has {HEADER_BYTES}")
    (
        first, stratum, poll, precision, root_delay, root_dispersion, refid,
        reference, origin, receive, transmit,
    ) = _HEADER.unpack_from(data)  # fmt: skip
    version, mode = first >> 3 & 7, first & 7
    if not 1 <= version <= VERSION:
        raise ProtocolViolation(f"NTP version {version}")
    if not Mode.SYMMETRIC_ACTIVE <= mode <= Mode.BROADCAST:
        raise ProtocolViolation(f"mode {mode} is not a time message")
    extensions: tuple[ExtensionField, ...] = ()
    mac = b""
    if len(data) > HEADER_BYTES:
        extensions, mac = _tail(data, version)
    return Packet(
        leap=first >> 6, version=version, mode=mode, stratum=stratum, poll=poll,
        precision=precision, root_delay=root_delay, root_dispersion=root_dispersion, refid=refid,
        reference=reference, origin=origin, receive=receive, transmit=transmit,
        extensions=extensions, mac=mac,
    )  # fmt: skip


def _tail(data: bytes, version: int) -> tuple[tuple[ExtensionField, ...], bytes]:
    """Return the extension fields and the MAC after the header.

    The remaining length distinguishes them (RFC 7822 §3): a MAC has at most 24 bytes, so a longer
    rest begins with a field. The packet may also end without a MAC, as in NTS.
    """
    if version < VERSION:
        mac = data[HEADER_BYTES:]
        if len(mac) not in _V3_MAC_BYTES:
            raise ProtocolViolation(f"{len(mac)} bytes after a version {version} header")
        return (), mac
    fields: list[ExtensionField] = []
    at = HEADER_BYTES
    while (left := len(data) - at) > _MAX_MAC_BYTES:
        if len(fields) == MAX_EXTENSIONS:
            raise ProtocolViolation(f"more than {MAX_EXTENSIONS} extension fields")
        kind, length = _FIELD.unpack_from(data, at)
        if length < _MIN_FIELD_BYTES or length % 4 or length > left:
            raise ProtocolViolation(
                f"an extension field declares {length} bytes, but {left} are left"
            )
        fields.append(ExtensionField(kind, data[at + 4 : at + length]))
        at += length
    if left and left != _CRYPTO_NAK_BYTES and left not in _MAC_BYTES:
        raise ProtocolViolation(f"{left} bytes at the end are neither a MAC nor an extension field")
    return tuple(fields), data[at:]


def to_ntp(unix_ns: int) -> int:
    """Return a wall-clock instant as a 64-bit timestamp, without its era."""
    seconds, ns = divmod(unix_ns + _UNIX_EPOCH_SECONDS * _NS, _NS)
    # Rounded up, so that to_unix_ns, which rounds down, gives the same nanosecond back.
    fraction = -(-(ns << 32) // _NS)
    return (seconds % _ERA_SECONDS) << 32 | fraction


def to_unix_ns(timestamp: int, near_ns: int) -> int:
    """Return a 64-bit timestamp in nanoseconds since 1970, in the era nearest to ``near_ns``.

    Correct if both clocks are within 68 years of each other, also across 2036 (RFC 5905 §6).
    """
    near = near_ns // _NS + _UNIX_EPOCH_SECONDS
    half = _ERA_SECONDS >> 1
    distance = ((timestamp >> 32) - near + half) % _ERA_SECONDS - half
    ns = (timestamp & 0xFFFFFFFF) * _NS >> 32
    return (near + distance - _UNIX_EPOCH_SECONDS) * _NS + ns


def to_short(seconds: float) -> int:
    """Return seconds as 16.16 fixed point, limited to the range of the format."""
    return max(0, min(round(seconds * 65536), 0xFFFFFFFF))


def refid_of(ip: str) -> bytes:
    """Return the reference ID that stands for the address of an upstream (RFC 5905 §7.3).

    That is an IPv4 address itself, or the first four bytes of the MD5 hash of an IPv6 address.
    """
    parsed = ipaddress.ip_address(ip.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv4Address):
        return parsed.packed
    import hashlib

    return hashlib.md5(parsed.packed, usedforsecurity=False).digest()[:4]


def refid_text(refid: bytes, stratum: int) -> str:
    """Return a reference ID in printable form: a code below stratum 2, else an IPv4 address."""
    if stratum < 2 or refid == bytes(4):
        return printable(refid.rstrip(b"\0"))
    return ".".join(str(byte) for byte in refid)


def is_local_clock(refid: bytes) -> bool:
    """Return whether the reference ID stands for the server's undisciplined local clock.

    LOCL (RFC 5905 §7.3), the local driver of ntpd (127.127.1.x) or ``local`` of chrony
    (127.127.1.1).
    """
    return refid == b"LOCL" or (refid[:3] == b"\x7f\x7f\x01" and refid != CHRONY_SMOOTHED)


def repeats_origin(data: bytes, request: bytes) -> bool:
    """Return whether the origin timestamp of ``data`` is the request's transmit timestamp."""
    return len(data) >= _ORIGIN.stop and data[_ORIGIN] == request[_TRANSMIT]


def foreign_protocol(data: bytes, request: bytes) -> str | None:
    """Return the protocol that answers an NTP request with ``data``; None for malformed NTP."""
    if data[:HEADER_BYTES] == request[:HEADER_BYTES]:
        return "echo service (it returns the request)"
    if repeats_origin(data, request):
        return None  # with any mode and version
    if named := identify(data):
        return named
    # A name server reads our first two bytes as its query ID and answers with an error.
    if len(data) >= 12 and data[:2] == request[:2] and data[2] & 0x80:
        return "DNS"
    if data and data[0] & 7 in {Mode.SERVER, Mode.BROADCAST} and 1 <= data[0] >> 3 & 7 <= VERSION:
        return None
    return "unknown protocol"
