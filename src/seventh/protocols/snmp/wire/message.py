"""SNMP messages of versions 1, 2c and 3 (RFC 1157, 3412, 3416), without their cryptography."""

from __future__ import annotations

import struct
from enum import IntEnum, IntFlag, StrEnum

import msgspec

from seventh.model.failure import ProtocolViolation
from seventh.protocols.snmp.wire import ber, bindings
from seventh.protocols.snmp.wire.ber import Deviation, Oid, Reader

MAX_BINDINGS = 10_000
USM = 3
"""The security model of RFC 3414."""
MAX_SIZE = 65507
"""The largest message that is accepted over UDP and IPv4."""
_FLOAT, _DOUBLE = b"\x9f\x78\x04", b"\x9f\x79\x08"
"""The beginnings of net-snmp's float and double within an Opaque."""


class Version(IntEnum):
    """The version, as messages have it."""

    V1 = 0
    V2C = 1
    V3 = 3


class PduType(IntEnum):
    """What a message asks or says (RFC 3416 §3)."""

    GET = 0xA0
    GETNEXT = 0xA1
    RESPONSE = 0xA2
    SET = 0xA3
    TRAP_V1 = 0xA4
    GETBULK = 0xA5
    INFORM = 0xA6
    TRAP = 0xA7
    REPORT = 0xA8


CONFIRMED = frozenset({PduType.GET, PduType.GETNEXT, PduType.SET, PduType.GETBULK, PduType.INFORM})
"""The types that are answered."""


class Kind(StrEnum):
    """The type of a value (RFC 2578 §7)."""

    INTEGER = "Integer32"
    OCTETS = "OctetString"
    NULL = "Null"
    OID = "ObjectIdentifier"
    IP = "IpAddress"
    COUNTER32 = "Counter32"
    GAUGE32 = "Gauge32"
    TICKS = "TimeTicks"
    OPAQUE = "Opaque"
    FLOAT = "Float"
    DOUBLE = "Double"
    COUNTER64 = "Counter64"
    NO_SUCH_OBJECT = "noSuchObject"
    NO_SUCH_INSTANCE = "noSuchInstance"
    END_OF_VIEW = "endOfMibView"


_KINDS = {
    ber.INTEGER: Kind.INTEGER, ber.OCTETS: Kind.OCTETS, ber.NULL: Kind.NULL, ber.OID: Kind.OID,
    0x40: Kind.IP, 0x41: Kind.COUNTER32, 0x42: Kind.GAUGE32, 0x43: Kind.TICKS, 0x44: Kind.OPAQUE,
    0x46: Kind.COUNTER64, 0x47: Kind.GAUGE32, 0x80: Kind.NO_SUCH_OBJECT,
    0x81: Kind.NO_SUCH_INSTANCE, 0x82: Kind.END_OF_VIEW,
}  # fmt: skip
"""0x47 is the UInteger32 of RFC 1442, which some agents still send."""
_TAGS = {kind: tag for tag, kind in _KINDS.items() if tag != 0x47}
_BITS = {Kind.COUNTER32: 32, Kind.GAUGE32: 32, Kind.TICKS: 32, Kind.COUNTER64: 64}
ABSENT = frozenset({Kind.NO_SUCH_OBJECT, Kind.NO_SUCH_INSTANCE, Kind.END_OF_VIEW})
"""What stands where there is no value (RFC 3416 §4.2)."""
_EMPTY = ABSENT | {Kind.NULL}


class ErrorStatus(IntEnum):
    """Why a request was not carried out (RFC 3416 §3)."""

    NO_ERROR = 0
    TOO_BIG = 1
    NO_SUCH_NAME = 2
    BAD_VALUE = 3
    READ_ONLY = 4
    GEN_ERR = 5
    NO_ACCESS = 6
    WRONG_TYPE = 7
    WRONG_LENGTH = 8
    WRONG_ENCODING = 9
    WRONG_VALUE = 10
    NO_CREATION = 11
    INCONSISTENT_VALUE = 12
    RESOURCE_UNAVAILABLE = 13
    COMMIT_FAILED = 14
    UNDO_FAILED = 15
    AUTHORIZATION_ERROR = 16
    NOT_WRITABLE = 17
    INCONSISTENT_NAME = 18


_ERRORS = {status.value: status for status in ErrorStatus}


class Binding(msgspec.Struct, frozen=True, gc=False):
    """A variable binding: an object, and its value."""

    oid: Oid
    kind: Kind = Kind.NULL
    value: int | bytes | float | Oid | None = None


class Pdu(msgspec.Struct, frozen=True, kw_only=True):
    """A request or an answer."""

    type: PduType
    request_id: int = 0
    error: int = 0
    """The error-status; non-repeaters of a GETBULK."""
    index: int = 0
    """The error-index; max-repetitions of a GETBULK."""
    bindings: tuple[Binding, ...] = ()

    @property
    def status(self) -> ErrorStatus:
        """The error; one that the standard does not have is a general one."""
        return _ERRORS.get(self.error, ErrorStatus.GEN_ERR)


class TrapV1(msgspec.Struct, frozen=True, kw_only=True):
    """A notification of version 1 (RFC 1157 §4.1.6)."""

    enterprise: Oid
    agent: bytes
    """The IPv4 address of the object that sends it."""
    generic: int
    specific: int
    uptime: int
    """In hundredths of a second."""
    bindings: tuple[Binding, ...] = ()


class Community(msgspec.Struct, frozen=True, kw_only=True):
    """A message of version 1 or 2c."""

    version: Version
    community: bytes
    pdu: Pdu | TrapV1
    deviations: frozenset[Deviation] = frozenset()


class Flag(IntFlag):
    """msgFlags (RFC 3412 §6.4)."""

    NONE = 0
    AUTH = 1
    PRIV = 2
    REPORTABLE = 4


class Parameters(msgspec.Struct, frozen=True, kw_only=True):
    """What the user-based security model adds to a message (RFC 3414 §2.4)."""

    engine_id: bytes = b""
    boots: int = 0
    time: int = 0
    """Seconds since the engine's boots last rose."""
    user: bytes = b""
    auth: bytes = b""
    """The truncated HMAC."""
    priv: bytes = b""
    """The salt."""


class Scoped(msgspec.Struct, frozen=True, kw_only=True):
    """A PDU and the context that it is about."""

    pdu: Pdu
    engine_id: bytes = b""
    context: bytes = b""


class Secured(msgspec.Struct, frozen=True, kw_only=True):
    """A message of version 3."""

    message_id: int
    max_size: int = MAX_SIZE
    flags: Flag = Flag.NONE
    model: int = USM
    parameters: Parameters = Parameters()
    scoped: Scoped | None = None
    """None while it is encrypted."""
    encrypted: bytes = b""
    auth_at: int = 0
    """Where the HMAC is in the datagram."""
    deviations: frozenset[Deviation] = frozenset()


Message = Community | Secured


def decode(data: bytes) -> Message:
    """Read a message. Raises ProtocolViolation."""
    outer = Reader(data)
    reader = outer.enter(ber.SEQUENCE, "an SNMP message")
    outer.finish()
    version = reader.integer("the version")
    if version == Version.V3:
        return _secured(reader)
    if version not in {Version.V1, Version.V2C}:
        raise ProtocolViolation(f"SNMP version {version}")
    community = reader.octets("the community")
    pdu = _pdu(reader)
    reader.finish()
    return Community(
        version=Version(version), community=community, pdu=pdu,
        deviations=frozenset(reader.deviations),
    )  # fmt: skip


def _secured(reader: Reader) -> Secured:
    header = reader.enter(ber.SEQUENCE, "the header")
    message_id = header.integer("the message's id")
    max_size = header.integer("the maximum size")
    flags = header.octets("the flags")
    model = header.integer("the security model")
    if len(flags) != 1:
        raise ProtocolViolation(f"SNMPv3: flags of {len(flags)} octets")
    start, stop = reader.expect(ber.OCTETS, "the security parameters")
    parameters, auth_at = Parameters(), 0
    if model == USM:
        inner = Reader(reader.data, start, stop, reader.deviations)
        parameters, auth_at = _parameters(inner.enter(ber.SEQUENCE, "the security parameters"))
    scoped, encrypted = None, b""
    if flags[0] & Flag.PRIV:
        encrypted = reader.octets("the encrypted PDU")
    else:
        scoped = _scoped(reader)
    reader.finish()
    return Secured(
        message_id=message_id, max_size=max_size, flags=Flag(flags[0] & 7), model=model,
        parameters=parameters, scoped=scoped, encrypted=encrypted, auth_at=auth_at,
        deviations=frozenset(reader.deviations),
    )  # fmt: skip


def _parameters(reader: Reader) -> tuple[Parameters, int]:
    engine_id = reader.octets("the engine's id")
    boots = reader.integer("the engine's boots")
    time = reader.integer("the engine's time")
    user = reader.octets("the user")
    start, stop = reader.expect(ber.OCTETS, "the authentication parameters")
    parameters = Parameters(
        engine_id=engine_id, boots=boots, time=time, user=user, auth=reader.data[start:stop],
        priv=reader.octets("the privacy parameters"),
    )  # fmt: skip
    return parameters, start


def decode_scoped(data: bytes) -> Scoped:
    """Read a scoped PDU after its decryption; padding may follow. Raises ProtocolViolation."""
    return _scoped(Reader(data))


def _scoped(reader: Reader) -> Scoped:
    inner = reader.enter(ber.SEQUENCE, "the scoped PDU")
    engine_id = inner.octets("the context's engine id")
    context = inner.octets("the context's name")
    pdu = _pdu(inner)
    if isinstance(pdu, TrapV1):
        raise ProtocolViolation("SNMPv3: a trap of version 1")
    return Scoped(pdu=pdu, engine_id=engine_id, context=context)


def _pdu(reader: Reader) -> Pdu | TrapV1:
    tag, start, stop = reader.next()
    inner = Reader(reader.data, start, stop, reader.deviations)
    if tag == PduType.TRAP_V1:
        return _trap(inner)
    if not PduType.GET <= tag <= PduType.REPORT:
        raise ProtocolViolation(f"SNMP: a PDU of type 0x{tag:02x}")
    return Pdu(
        type=PduType(tag),
        request_id=inner.integer("the request's id"),
        error=inner.integer("the error status"),
        index=inner.integer("the error index"),
        bindings=_bindings(inner),
    )


def _trap(reader: Reader) -> TrapV1:
    enterprise = reader.oid("the enterprise")
    start, stop = reader.expect(_TAGS[Kind.IP], "the agent's address")
    agent = reader.data[start:stop]
    if len(agent) != 4:
        raise ProtocolViolation(f"SNMP: an agent's address of {len(agent)} octets")
    generic, specific = reader.integer("the generic trap"), reader.integer("the specific trap")
    start, stop = reader.expect(_TAGS[Kind.TICKS], "the uptime")
    uptime = ber.unsigned(reader.data[start:stop], 32, reader.deviations)
    return TrapV1(
        enterprise=enterprise, agent=agent, generic=generic, specific=specific, uptime=uptime,
        bindings=_bindings(reader),
    )  # fmt: skip


def _bindings(reader: Reader) -> tuple[Binding, ...]:
    """Read the variable bindings."""
    inner = reader.enter(ber.SEQUENCE, "the bindings")
    reader.finish()
    data, deviations = inner.data, inner.deviations
    found: list[Binding] = []
    parents: dict[bytes, Oid] = {}
    while not inner.ended:
        if len(found) >= MAX_BINDINGS:
            raise ProtocolViolation(f"SNMP: more than {MAX_BINDINGS} bindings")
        if (plain := bindings.read(data, inner.at, inner.end, parents)) is not None:
            name, tag, value, inner.at = plain
            found.append(Binding(name, _KINDS[tag], value))
            continue
        one = inner.enter(ber.SEQUENCE, "a binding")
        oid = one.oid("the name of a binding")
        tag, start, stop = one.next()
        found.append(_binding(oid, tag, data[start:stop], deviations))
        one.finish()
    return tuple(found)


def _binding(oid: Oid, tag: int, octets: bytes, deviations: set[Deviation]) -> Binding:
    kind = _KINDS.get(tag)
    if kind is None:
        raise ProtocolViolation(f"SNMP: a value of type 0x{tag:02x}")
    if kind in _BITS:
        return Binding(oid, kind, ber.unsigned(octets, _BITS[kind], deviations))
    if kind is Kind.INTEGER:
        return Binding(oid, kind, ber.signed(octets, deviations))
    if kind is Kind.OID:
        return Binding(oid, kind, ber.read_oid(octets, deviations))
    if kind in _EMPTY:
        return Binding(oid, kind)
    if kind is Kind.OPAQUE and len(octets) == 7 and octets.startswith(_FLOAT):
        return Binding(oid, Kind.FLOAT, struct.unpack(">f", octets[3:])[0])
    if kind is Kind.OPAQUE and len(octets) == 11 and octets.startswith(_DOUBLE):
        return Binding(oid, Kind.DOUBLE, struct.unpack(">d", octets[3:])[0])
    return Binding(oid, kind, octets)


def encode(message: Message) -> bytes:
    """Return the octets of a message."""
    if isinstance(message, Community):
        return ber.sequence(
            ber.integer(message.version), ber.octet_string(message.community),
            _encode_pdu(message.pdu),
        )  # fmt: skip
    data = (
        encode_scoped(message.scoped)
        if message.scoped is not None
        else ber.octet_string(message.encrypted)
    )
    return ber.sequence(
        ber.integer(Version.V3),
        ber.sequence(
            ber.integer(message.message_id), ber.integer(message.max_size),
            ber.octet_string(bytes((message.flags,))), ber.integer(message.model),
        ),
        ber.octet_string(_encode_parameters(message.parameters)),
        data,
    )  # fmt: skip


def _encode_parameters(given: Parameters) -> bytes:
    return ber.sequence(
        ber.octet_string(given.engine_id), ber.integer(given.boots), ber.integer(given.time),
        ber.octet_string(given.user), ber.octet_string(given.auth), ber.octet_string(given.priv),
    )  # fmt: skip


def encode_scoped(scoped: Scoped) -> bytes:
    """Return the octets of a scoped PDU."""
    return ber.sequence(
        ber.octet_string(scoped.engine_id), ber.octet_string(scoped.context),
        _encode_pdu(scoped.pdu),
    )  # fmt: skip


def _encode_pdu(pdu: Pdu | TrapV1) -> bytes:
    encoded = ber.sequence(*map(encode_binding, pdu.bindings))
    if isinstance(pdu, TrapV1):
        return ber.sequence(
            ber.object_identifier(pdu.enterprise), ber.tlv(_TAGS[Kind.IP], pdu.agent),
            ber.integer(pdu.generic), ber.integer(pdu.specific),
            ber.integer(pdu.uptime, _TAGS[Kind.TICKS]), encoded, tag=PduType.TRAP_V1,
        )  # fmt: skip
    return ber.sequence(
        ber.integer(pdu.request_id), ber.integer(pdu.error), ber.integer(pdu.index), encoded,
        tag=pdu.type,
    )  # fmt: skip


def encode_binding(binding: Binding) -> bytes:
    """Return the octets of a binding."""
    kind, value = binding.kind, binding.value
    if kind in _EMPTY:
        encoded = ber.tlv(_TAGS[kind], b"")
    elif isinstance(value, int):
        encoded = ber.integer(value, _TAGS[kind])
    elif isinstance(value, tuple):
        encoded = ber.object_identifier(value)
    elif isinstance(value, float):
        single = kind is Kind.FLOAT
        packed = _FLOAT + struct.pack(">f", value) if single else _DOUBLE + struct.pack(">d", value)
        encoded = ber.tlv(_TAGS[Kind.OPAQUE], packed)
    else:
        encoded = ber.tlv(_TAGS[kind], value or b"")
    return ber.sequence(ber.object_identifier(binding.oid), encoded)
