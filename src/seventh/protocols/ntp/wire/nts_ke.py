"""NTS key establishment: records ⇄ values, in both directions (RFC 8915 §4).

Inside TLS the client sends one message of records, and the server answers with one. The keys are
not sent: both ends export them from the TLS session.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Sequence
from enum import IntEnum

import msgspec

from seventh.model.failure import ProtocolViolation

ALPN = "ntske/1"
PORT = 4460
NTPV4 = 0
"""The ID of NTPv4 as next protocol."""
NTP_PORT = 123
EXPORTER_LABEL = b"EXPORTER-network-time-security"

MAX_MESSAGE_BYTES = 16 * 1024
MAX_RECORDS = 128
MAX_BODY_BYTES = 256
"""The limit for known records, cookies included: that of chrony's client."""
MAX_COOKIES = 8
"""The number that a client stores and a server should send."""

_CRITICAL = 0x8000
_HEAD = struct.Struct("!HH")
_U16 = struct.Struct("!H")
_HOST = re.compile(rb"[A-Za-z0-9._:-]{1,253}")


class RecordType(IntEnum):
    """The records of RFC 8915 §4.1, and one of chrony's own."""

    END_OF_MESSAGE = 0
    NEXT_PROTOCOL = 1
    ERROR = 2
    WARNING = 3
    AEAD_ALGORITHM = 4
    NEW_COOKIE = 5
    NTPV4_SERVER = 6
    NTPV4_PORT = 7
    COMPLIANT_128GCM_EXPORT = 1024
    """chrony since 4.6.1: with AES-128-GCM-SIV, export the keys as in RFC 8915.

    Sent empty and not critical by a client that offers algorithm 30, and returned by a server that
    selects it and supports the record; without it chrony exports with the ID of algorithm 15.
    """


class Aead(IntEnum):
    """The AEAD algorithms that NTS uses, by their IANA numbers."""

    AES_SIV_CMAC_256 = 15
    """Mandatory for every server (RFC 8915 §4.1.5)."""
    AES_SIV_CMAC_384 = 16
    AES_SIV_CMAC_512 = 17
    AES_128_GCM_SIV = 30


ERRORS = {
    0: "unrecognized critical record",
    1: "bad request",
    2: "internal server error",
}
"""The error codes of RFC 8915 §4.1.3."""


def aead_name(number: int) -> str:
    """Return ``AES-SIV-CMAC-256`` for 15, and ``AEAD 1`` for one that NTS does not use."""
    try:
        return Aead(number).name.replace("_", "-")
    except ValueError:
        return f"AEAD {number}"


def error_name(code: int) -> str:
    """Return ``1 (bad request)``."""
    return f"{code} ({ERRORS.get(code, 'unassigned')})"


class Record(msgspec.Struct, frozen=True):
    """One record: its type without the critical bit, its body, and that bit (RFC 8915 §4.1)."""

    type: int
    body: bytes = b""
    critical: bool = False

    def encode(self) -> bytes:
        """Return the record with its header."""
        return _HEAD.pack(self.type | (_CRITICAL if self.critical else 0), len(self.body)) + (
            self.body
        )


END = Record(RecordType.END_OF_MESSAGE, critical=True)


def encode(records: Iterable[Record]) -> bytes:
    """Return a complete message: ``records`` and the end of message."""
    return b"".join(record.encode() for record in (*records, END))


_KNOWN = frozenset(RecordType)


class RecordReader:
    """Reads one message in pieces; ``records`` has all but the end-of-message record."""

    __slots__ = ("_buffer", "_received", "complete", "records")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._received = 0
        self.records: list[Record] = []
        self.complete = False

    def receive(self, data: bytes) -> None:
        """Read the next bytes.

        Raises ProtocolViolation for a message that is too long or has too many records, a body
        that is too long, and bytes after the end of the message.
        """
        self._received += len(data)
        self._buffer += data
        while len(self._buffer) >= _HEAD.size:
            if self.complete:
                break
            kind, length = _HEAD.unpack_from(self._buffer)
            kind, critical = kind & ~_CRITICAL, bool(kind & _CRITICAL)
            if kind in _KNOWN and length > MAX_BODY_BYTES:
                raise ProtocolViolation(
                    f"a {name_of(kind)} record declares {length} bytes; clients accept at most "
                    f"{MAX_BODY_BYTES}"
                )
            if len(self._buffer) < _HEAD.size + length:
                break
            body = bytes(self._buffer[_HEAD.size : _HEAD.size + length])
            del self._buffer[: _HEAD.size + length]
            self._take(Record(kind, body, critical))
        if self.complete and self._buffer:
            raise ProtocolViolation("bytes follow the end-of-message record")
        if self._received > MAX_MESSAGE_BYTES:
            raise ProtocolViolation(f"a message of more than {MAX_MESSAGE_BYTES} bytes")

    def _take(self, record: Record) -> None:
        if record.type == RecordType.END_OF_MESSAGE:
            if record.body:
                raise ProtocolViolation("an end-of-message record with a body")
            self.complete = True
            return
        if len(self.records) == MAX_RECORDS:
            raise ProtocolViolation(f"more than {MAX_RECORDS} records in one message")
        self.records.append(record)


def name_of(kind: int) -> str:
    """Return ``new cookie`` for 5, and ``type-99`` for an unknown type."""
    try:
        return RecordType(kind).name.lower().replace("_", " ")
    except ValueError:
        return f"type-{kind}"


# -- the client's message and the server's ---------------------------------------------------------


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A client's message (RFC 8915 §4)."""

    protocols: tuple[int, ...] = (NTPV4,)
    aeads: tuple[int, ...] = (Aead.AES_SIV_CMAC_256,)
    """By preference."""
    compliant_export: bool = False

    def encode(self) -> bytes:
        """Return the message."""
        records = [
            Record(RecordType.NEXT_PROTOCOL, _numbers(self.protocols), critical=True),
            Record(RecordType.AEAD_ALGORITHM, _numbers(self.aeads), critical=True),
        ]
        if self.compliant_export:
            records.append(Record(RecordType.COMPLIANT_128GCM_EXPORT))
        return encode(records)


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """A server's message (RFC 8915 §4)."""

    protocols: tuple[int, ...] | None = None
    aeads: tuple[int, ...] | None = None
    cookies: tuple[bytes, ...] = ()
    """At most :data:`MAX_COOKIES` of them."""
    surplus_cookies: int = 0
    error: int | None = None
    warnings: tuple[int, ...] = ()
    server: str = ""
    """Empty: the host of the key establishment."""
    port: int | None = None
    compliant_export: bool = False
    ignored: tuple[int, ...] = ()
    """The types of unknown records that are not critical."""

    def encode(self) -> bytes:
        """Return the message."""
        records: list[Record] = []
        if self.error is not None:
            records.append(Record(RecordType.ERROR, _U16.pack(self.error), critical=True))
        if self.protocols is not None:
            records.append(
                Record(RecordType.NEXT_PROTOCOL, _numbers(self.protocols), critical=True)
            )
        records += [Record(RecordType.WARNING, _U16.pack(w), critical=True) for w in self.warnings]
        if self.aeads is not None:
            records.append(Record(RecordType.AEAD_ALGORITHM, _numbers(self.aeads), critical=True))
        if self.compliant_export:
            records.append(Record(RecordType.COMPLIANT_128GCM_EXPORT))
        if self.server:
            body = self.server.encode("ascii")
            records.append(Record(RecordType.NTPV4_SERVER, body, critical=True))
        if self.port is not None:
            records.append(Record(RecordType.NTPV4_PORT, _U16.pack(self.port), critical=True))
        records += [Record(RecordType.NEW_COOKIE, cookie) for cookie in self.cookies]
        return encode(records)

    def refusal(self, request: Request) -> str:
        """Return why ``request`` was not granted; empty if it was."""
        if self.error is not None:
            return f"the server answers with error {error_name(self.error)}"
        if self.warnings:
            # None is assigned, and a client must treat an unknown one as an error (§4.1.4).
            return f"the server answers with warning {self.warnings[0]} (unassigned)"
        if self.protocols is None or NTPV4 not in self.protocols:
            return "the server does not offer NTPv4 as the next protocol"
        if not self.aeads:
            offered = ", ".join(map(aead_name, request.aeads))
            return f"the server supports none of the AEAD algorithms offered: {offered}"
        if self.aeads[0] not in request.aeads:
            return f"the server selected {aead_name(self.aeads[0])}, which was not offered"
        if not self.cookies:
            return "the server sent no cookie"
        return ""


def read_request(records: Sequence[Record]) -> Request:
    """Read a client's message; ProtocolViolation if it violates RFC 8915 §4.1."""
    bodies = _bodies(records)
    for kind in (RecordType.NEXT_PROTOCOL, RecordType.AEAD_ALGORITHM):
        if not bodies.get(kind):
            raise ProtocolViolation(f"a request without {name_of(kind)}")
    if RecordType.ERROR in bodies or RecordType.WARNING in bodies:
        raise ProtocolViolation("a request with an error or a warning")
    return Request(
        protocols=_read_numbers(bodies[RecordType.NEXT_PROTOCOL][0]),
        aeads=_read_numbers(bodies[RecordType.AEAD_ALGORITHM][0]),
        compliant_export=RecordType.COMPLIANT_128GCM_EXPORT in bodies,
    )


def read_response(records: Sequence[Record]) -> Response:
    """Read a server's message; ProtocolViolation if it violates RFC 8915 §4.1.

    Whether it grants the request is decided by :meth:`Response.refusal`.
    """
    bodies = _bodies(records)
    cookies = bodies.get(RecordType.NEW_COOKIE, [])
    if b"" in cookies:
        raise ProtocolViolation("an empty cookie")
    numbers = {
        kind: _read_numbers(bodies[kind][0])
        for kind in (RecordType.NEXT_PROTOCOL, RecordType.AEAD_ALGORITHM)
        if kind in bodies
    }
    aeads = numbers.get(RecordType.AEAD_ALGORITHM)
    if aeads is not None and len(aeads) > 1:
        raise ProtocolViolation("a response with more than one AEAD algorithm")
    errors = [_read_u16(body, "error") for body in bodies.get(RecordType.ERROR, [])]
    ports = [_read_u16(body, "port") for body in bodies.get(RecordType.NTPV4_PORT, [])]
    if 0 in ports:
        raise ProtocolViolation("the server names port 0")
    servers = [_read_host(body) for body in bodies.get(RecordType.NTPV4_SERVER, [])]
    return Response(
        protocols=numbers.get(RecordType.NEXT_PROTOCOL),
        aeads=aeads,
        cookies=tuple(cookies[:MAX_COOKIES]),
        surplus_cookies=max(0, len(cookies) - MAX_COOKIES),
        error=errors[0] if errors else None,
        warnings=tuple(_read_u16(b, "warning") for b in bodies.get(RecordType.WARNING, [])),
        server=servers[0] if servers else "",
        port=ports[0] if ports else None,
        compliant_export=RecordType.COMPLIANT_128GCM_EXPORT in bodies,
        ignored=tuple(sorted(kind for kind in bodies if kind not in _KNOWN)),
    )


_REPEATABLE = frozenset([RecordType.NEW_COOKIE, RecordType.WARNING, RecordType.ERROR])


def _bodies(records: Sequence[Record]) -> dict[int, list[bytes]]:
    """Return the bodies by type; ProtocolViolation for an unknown critical record."""
    found: dict[int, list[bytes]] = {}
    for record in records:
        if record.type not in _KNOWN and record.critical:
            raise ProtocolViolation(f"a critical record of the unknown type {record.type}")
        same = found.setdefault(record.type, [])
        if same and record.type in _KNOWN and record.type not in _REPEATABLE:
            raise ProtocolViolation(f"more than one {name_of(record.type)} record")
        same.append(record.body)
    return found


def _numbers(values: Sequence[int]) -> bytes:
    return b"".join(map(_U16.pack, values))


def _read_numbers(body: bytes) -> tuple[int, ...]:
    if len(body) % 2:
        raise ProtocolViolation(f"a list of 16-bit numbers in {len(body)} bytes")
    return tuple(value for (value,) in _U16.iter_unpack(body))


def _read_u16(body: bytes, what: str) -> int:
    if len(body) != 2:
        raise ProtocolViolation(f"a record with the {what} has {len(body)} bytes instead of 2")
    return int.from_bytes(body, "big")


def _read_host(body: bytes) -> str:
    if not _HOST.fullmatch(body):
        raise ProtocolViolation("the server record holds neither a host name nor an address")
    return body.decode("ascii")


# -- keys ------------------------------------------------------------------------------------------


def exporter_context(aead: int, *, to_server: bool) -> bytes:
    """Return the context for the TLS exporter: each direction has its own key (RFC 8915 §5.1)."""
    return struct.pack("!HHB", NTPV4, aead, 0 if to_server else 1)
