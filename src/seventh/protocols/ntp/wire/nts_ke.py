"""NTS key establishment: records ⇄ values, both directions (RFC 8915 §4). No socket and no clock.

Inside TLS the client sends one message of records and the server answers with one; the keys
themselves never travel, both ends export them from the TLS session.
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
"""The next protocol that is NTPv4 with extension fields."""
NTP_PORT = 123
EXPORTER_LABEL = b"EXPORTER-network-time-security"

MAX_MESSAGE_BYTES = 16 * 1024
MAX_RECORDS = 128
MAX_BODY_BYTES = 256
"""Of a record with a known meaning, a cookie too: what chrony's client takes."""
MAX_COOKIES = 8
"""How many a client keeps and a server should send."""

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
    """chrony since 4.6.1: with AES-128-GCM-SIV, derive the keys as the RFC says.

    Sent empty and not critical by a client that offers algorithm 30, and echoed by a server that
    chose it and understands; without the echo chrony takes algorithm 15's id in the exporter.
    """


class Aead(IntEnum):
    """The AEAD algorithms that NTS uses, by their IANA numbers."""

    AES_SIV_CMAC_256 = 15
    """The one that every server must have (RFC 8915 §4.1.5)."""
    AES_SIV_CMAC_384 = 16
    AES_SIV_CMAC_512 = 17
    AES_128_GCM_SIV = 30


_AEAD_NAMES = {
    Aead.AES_SIV_CMAC_256: "AES-SIV-CMAC-256",
    Aead.AES_SIV_CMAC_384: "AES-SIV-CMAC-384",
    Aead.AES_SIV_CMAC_512: "AES-SIV-CMAC-512",
    Aead.AES_128_GCM_SIV: "AES-128-GCM-SIV",
}
ERRORS = {
    0: "unrecognized critical record",
    1: "bad request",
    2: "internal server error",
}
"""The error codes of RFC 8915 §4.1.3."""


def aead_name(number: int) -> str:
    """Return ``AES-SIV-CMAC-256`` for 15; the number for one that NTS does not use."""
    return next((name for known, name in _AEAD_NAMES.items() if known == number), f"AEAD {number}")


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
    """Return a whole message: ``records`` and the end of message."""
    return b"".join(record.encode() for record in (*records, END))


_KNOWN = frozenset(RecordType)


class RecordReader:
    """Takes the bytes of one message as they come; its ``records`` grow until it is complete.

    The end-of-message record is not among them.
    """

    __slots__ = ("_buffer", "_received", "complete", "records")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._received = 0
        self.records: list[Record] = []
        self.complete = False

    def receive(self, data: bytes) -> None:
        """Take what came next.

        Raises ProtocolViolation for a message that is too long or has too many records, a body
        longer than its kind may be, and bytes behind the end of the message.
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
                    f"a {name_of(kind)} record declares {length} bytes, where "
                    f"{MAX_BODY_BYTES} are the most that clients take"
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
    """Return ``new cookie`` for 5; the number for an unknown type."""
    try:
        return RecordType(kind).name.lower().replace("_", " ")
    except ValueError:
        return f"type-{kind}"


# -- the client's message and the server's ---------------------------------------------------------


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What a client asks for (RFC 8915 §4)."""

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
    """What a server answers (RFC 8915 §4)."""

    protocols: tuple[int, ...] | None = None
    aeads: tuple[int, ...] | None = None
    cookies: tuple[bytes, ...] = ()
    """At most :data:`MAX_COOKIES` of them."""
    surplus_cookies: int = 0
    error: int | None = None
    warnings: tuple[int, ...] = ()
    server: str = ""
    """Empty: the host that answered the key establishment."""
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
        """Return why ``request`` has got nothing to work with; empty when it has."""
        if self.error is not None:
            return f"the server answers with error {error_name(self.error)}"
        if self.warnings:
            # None are assigned, and a client must take an unknown one for an error (§4.1.4).
            return f"the server answers with warning {self.warnings[0]}, which has no meaning"
        if self.protocols is None or NTPV4 not in self.protocols:
            return "the server does not offer NTPv4 as the next protocol"
        if not self.aeads:
            offered = ", ".join(map(aead_name, request.aeads))
            return f"the server supports none of the AEAD algorithms offered: {offered}"
        if self.aeads[0] not in request.aeads:
            return f"the server chose {aead_name(self.aeads[0])}, which was not offered"
        if not self.cookies:
            return "the server sent no cookie"
        return ""


def read_request(records: Sequence[Record]) -> Request:
    """Return a client's message; ProtocolViolation where it breaks RFC 8915 §4.1."""
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
    """Return a server's message; ProtocolViolation where it breaks RFC 8915 §4.1.

    Whether it offers anything to go on with is :meth:`Response.refusal`'s to say.
    """
    bodies = _bodies(records)
    cookies = bodies.get(RecordType.NEW_COOKIE, [])
    if b"" in cookies:
        raise ProtocolViolation("a cookie of no bytes")
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
    """Return the bodies by type; a critical record that nobody knows must stop whoever reads it."""
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
    """What the TLS exporter is told, so that each use gets a key of its own (RFC 8915 §5.1)."""
    return struct.pack("!HHB", NTPV4, aead, 0 if to_server else 1)
