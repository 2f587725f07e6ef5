"""The fast path reads what the whole one reads, or leaves it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.protocols.snmp.wire import bindings, message
from seventh.protocols.snmp.wire.message import (
    Binding,
    Community,
    Kind,
    Pdu,
    PduType,
    Version,
    decode,
    encode,
    encode_binding,
)

ARC = st.integers(0, 200) | st.integers(0, 2**32 - 1)
OID = st.tuples(st.just(1), st.integers(0, 39), st.lists(ARC, min_size=0, max_size=30)).map(
    lambda parts: (parts[0], parts[1], *parts[2])
)
VALUE = st.one_of(
    st.tuples(st.just(Kind.INTEGER), st.integers(-(2**31), 2**31 - 1)),
    st.tuples(st.just(Kind.OCTETS), st.binary(max_size=200)),
    st.tuples(st.sampled_from([Kind.COUNTER32, Kind.GAUGE32, Kind.TICKS]),
              st.integers(0, 2**32 - 1)),
    st.tuples(st.just(Kind.COUNTER64), st.integers(0, 2**64 - 1)),
    st.tuples(st.just(Kind.NO_SUCH_OBJECT), st.none()),
    st.tuples(st.just(Kind.IP), st.binary(min_size=4, max_size=4)),
)  # fmt: skip
BINDING = st.builds(lambda oid, value: Binding(oid, *value), OID, VALUE)


def whole(data: bytes) -> object:
    """What is decoded without the fast path: the message, or the error."""
    original = bindings.read
    bindings.read = lambda *_: None
    try:
        return seen(data)
    finally:
        bindings.read = original


def seen(data: bytes) -> object:
    try:
        return decode(data)
    except message.ProtocolViolation as violation:
        return violation.detail


def wrapped(*encoded: bytes) -> bytes:
    """A response with bindings that are encoded already."""
    empty = encode(Community(version=Version.V2C, community=b"x", pdu=Pdu(type=PduType.RESPONSE)))
    inner = message.ber.sequence(*encoded)
    pdu = message.ber.sequence(
        message.ber.integer(0), message.ber.integer(0), message.ber.integer(0), inner,
        tag=PduType.RESPONSE,
    )  # fmt: skip
    assert empty
    return message.ber.sequence(message.ber.integer(1), message.ber.octet_string(b"x"), pdu)


@given(st.lists(BINDING, max_size=8))
def test_the_fast_path_and_the_whole_one_agree(given: list[Binding]) -> None:
    data = wrapped(*map(encode_binding, given))
    found = seen(data)
    assert found == whole(data)
    assert isinstance(found, Community)
    assert isinstance(found.pdu, Pdu)
    assert list(found.pdu.bindings) == given


@given(st.lists(BINDING, min_size=1, max_size=3), st.data())
def test_they_agree_on_damaged_octets(given: list[Binding], draw: st.DataObject) -> None:
    data = bytearray(wrapped(*map(encode_binding, given)))
    for _ in range(draw.draw(st.integers(1, 3))):
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    assert seen(bytes(data)) == whole(bytes(data))


@pytest.mark.parametrize(
    "octets",
    [
        "30080604 2b060180 0500", "3009060480010301020105", "3009 0604 2b06 8001 0201 05",
        "300a 0605 2b90 8080 80 0201 05", "300a06042b0601010202007f", "300a06042b06010102 02ff80",
        "300806042b0601010200", "300906042b06010141 01ff", "300d06042b0601014105 0100000000",
        "300d06042b0601010205 0100000000", "300906042b06010102 0105ff", "30",
        "3009060401060101020105", "30090604ff060101020105",
    ],
)  # fmt: skip
def test_they_agree_on_odd_encodings(octets: str) -> None:
    data = wrapped(bytes.fromhex(octets))
    assert seen(data) == whole(data)


def test_plain_bindings_take_the_fast_path() -> None:
    plain = [
        Binding((1, 3, 6, 1, 2, 1, 2, 2, 1, 2, 300), Kind.OCTETS, b"eth0"),
        Binding((1, 3, 6, 1, 2, 1, 2, 2, 1, 8, 3), Kind.INTEGER, -1),
        Binding((1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 6, 1), Kind.COUNTER64, 2**64 - 1),
    ]
    for each in plain:
        data = encode_binding(each)
        assert bindings.read(data, 0, len(data), {}) is not None
