"""Messages of every version and type: what is encoded is decoded, and arbitrary bytes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seventh.model.failure import ProtocolViolation
from seventh.protocols.snmp.wire import ber
from seventh.protocols.snmp.wire.ber import Deviation
from seventh.protocols.snmp.wire.message import (
    ABSENT,
    Binding,
    Community,
    ErrorStatus,
    Flag,
    Kind,
    Message,
    Parameters,
    Pdu,
    PduType,
    Scoped,
    Secured,
    TrapV1,
    Version,
    decode,
    encode,
)
from tests.protocols.snmp.wire.test_ber import OIDS

INT32 = st.integers(-(2**31), 2**31 - 1)
UINT32 = st.integers(0, 2**32 - 1)
VALUES: dict[Kind, st.SearchStrategy[int | bytes | float | tuple[int, ...] | None]] = {
    Kind.INTEGER: INT32,
    Kind.OCTETS: st.binary(max_size=20),
    Kind.NULL: st.none(),
    Kind.OID: OIDS,
    Kind.IP: st.binary(min_size=4, max_size=4),
    Kind.COUNTER32: UINT32,
    Kind.GAUGE32: UINT32,
    Kind.TICKS: UINT32,
    Kind.OPAQUE: st.binary(max_size=5),
    Kind.FLOAT: st.floats(width=32, allow_nan=False),
    Kind.DOUBLE: st.floats(allow_nan=False),
    Kind.COUNTER64: st.integers(0, 2**64 - 1),
    **dict.fromkeys(ABSENT, st.none()),
}
BINDINGS = st.lists(
    st.sampled_from([*Kind]).flatmap(
        lambda kind: st.builds(Binding, OIDS, st.just(kind), VALUES[kind])
    ),
    max_size=2,
).map(tuple)
PDUS = st.builds(
    Pdu, type=st.sampled_from([t for t in PduType if t is not PduType.TRAP_V1]),
    request_id=INT32, error=INT32, index=INT32, bindings=BINDINGS,
)  # fmt: skip
TRAPS = st.builds(
    TrapV1, enterprise=OIDS, agent=st.binary(min_size=4, max_size=4), generic=INT32,
    specific=INT32, uptime=UINT32, bindings=BINDINGS,
)  # fmt: skip
COMMUNITIES = st.builds(
    Community, version=st.sampled_from([Version.V1, Version.V2C]),
    community=st.binary(max_size=10), pdu=st.one_of(PDUS, TRAPS),
)  # fmt: skip
PARAMETERS = st.builds(
    Parameters, engine_id=st.binary(max_size=32), boots=INT32, time=INT32,
    user=st.binary(max_size=32), auth=st.binary(max_size=48), priv=st.binary(max_size=8),
)  # fmt: skip
SCOPED = st.builds(
    Scoped, pdu=PDUS, engine_id=st.binary(max_size=32), context=st.binary(max_size=32)
)
CLEAR = st.builds(
    Secured, message_id=INT32, max_size=INT32, flags=st.sampled_from([Flag.NONE, Flag.AUTH]),
    parameters=PARAMETERS, scoped=SCOPED,
)  # fmt: skip
ENCRYPTED = st.builds(
    Secured, message_id=INT32, max_size=INT32, flags=st.just(Flag.AUTH | Flag.PRIV),
    parameters=PARAMETERS, encrypted=st.binary(max_size=40),
)  # fmt: skip


@settings(max_examples=40)
@given(COMMUNITIES)
def test_community_messages_come_back(message: Community) -> None:
    assert decode(encode(message)) == message


@settings(max_examples=40)
@given(st.one_of(CLEAR, ENCRYPTED))
def test_messages_of_version_3_come_back(message: Secured) -> None:
    data = encode(message)
    found = decode(data)
    assert isinstance(found, Secured)
    auth = message.parameters.auth
    assert data[found.auth_at : found.auth_at + len(auth)] == auth
    assert Secured(**{name: getattr(found, name) for name in found.__struct_fields__
                      if name != "auth_at"}) == message  # fmt: skip


@settings(max_examples=40)
@given(st.binary(max_size=80))
def test_arbitrary_bytes_are_a_message_or_a_violation(data: bytes) -> None:
    check(data)


@settings(max_examples=40)
@given(st.one_of(COMMUNITIES, CLEAR), st.integers(0, 400), st.integers(0, 255))
def test_a_damaged_message_is_a_message_or_a_violation(
    message: Message, at: int, octet: int
) -> None:
    data = bytearray(encode(message))
    data[at % len(data)] = octet
    check(bytes(data))
    check(bytes(data[: at % len(data)]))


def check(data: bytes) -> None:
    try:
        message = decode(data)
    except ProtocolViolation:
        return
    assert isinstance(message, Community | Secured)


GET = (
    "30 29 02 01 01 04 06 70 75 62 6c 69 63 a0 1c 02 04 12 34 56 78 02 01 00 02 01 00 "
    "30 0e 30 0c 06 08 2b 06 01 02 01 01 03 00 05 00"
)


def test_a_get_as_net_snmp_sends_it() -> None:
    message = Community(
        version=Version.V2C, community=b"public",
        pdu=Pdu(
            type=PduType.GET, request_id=0x12345678,
            bindings=(Binding((1, 3, 6, 1, 2, 1, 1, 3, 0)),),
        ),
    )  # fmt: skip
    assert decode(bytes.fromhex(GET)) == message
    assert encode(message) == bytes.fromhex(GET)


def test_octets_after_the_message_are_noted() -> None:
    assert decode(bytes.fromhex(GET) + b"\0").deviations == {Deviation.TRAILING}
    nested = GET.replace("30 29", "30 2a") + "00"
    assert decode(bytes.fromhex(nested)).deviations == {Deviation.TRAILING}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("04 00", "BER: an SNMP message has type 0x04, not 0x30"),
        ("30 03 02 01 02", "SNMP version 2"),
        ("30 03 02 01 04", "SNMP version 4"),
        ("30 07 02 01 00 04 00 a9 00", "SNMP: a PDU of type 0xa9"),
        ("30 07 02 01 00 04 00 9f 00", "SNMP: a PDU of type 0x9f"),
        (GET.replace("05 00", "08 00"), "SNMP: a value of type 0x08"),
        ("30 07 02 01 03 30 02 02 00", "BER: an integer of 0 octets"),
        ("30" * 60 + "00", "BER: a length of 48, and 46 octets follow"),
    ],
)
def test_what_is_no_message(data: str, said: str) -> None:
    with pytest.raises(ProtocolViolation) as raised:
        decode(bytes.fromhex(data))
    assert raised.value.detail == said


def test_flags_are_one_octet() -> None:
    header = ber.sequence(ber.integer(1), ber.integer(2), ber.octet_string(b""), ber.integer(3))
    with pytest.raises(ProtocolViolation, match="flags of 0 octets"):
        decode(ber.sequence(ber.integer(3), header))


def test_the_uinteger32_of_rfc_1442_is_a_gauge() -> None:
    pairs = {"30 29": "30 2a", "a0 1c": "a0 1d", "30 0e 30 0c": "30 0f 30 0d", "05 00": "47 01 05"}
    data = GET
    for before, after in pairs.items():
        data = data.replace(before, after)
    read = decode(bytes.fromhex(data))
    assert isinstance(read, Community)
    assert read.pdu.bindings == (Binding((1, 3, 6, 1, 2, 1, 1, 3, 0), Kind.GAUGE32, 5),)


def test_an_error_without_a_name_is_a_general_one() -> None:
    assert Pdu(type=PduType.RESPONSE, error=18).status is ErrorStatus.INCONSISTENT_NAME
    assert Pdu(type=PduType.RESPONSE, error=19).status is ErrorStatus.GEN_ERR
