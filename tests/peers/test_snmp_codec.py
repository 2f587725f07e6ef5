"""The codec of SNMP messages against pysnmp's."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seventh.protocols.snmp.wire.message import (
    Binding,
    Community,
    Kind,
    Pdu,
    PduType,
    Version,
    decode,
    encode,
)
from tests.protocols.snmp.wire.test_bindings import OID

pytestmark = [pytest.mark.peer, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
VALUES = st.one_of(
    st.tuples(st.just(Kind.INTEGER), st.integers(-(2**31), 2**31 - 1)),
    st.tuples(st.just(Kind.OCTETS), st.binary(max_size=300)),
    st.tuples(st.just(Kind.COUNTER32), st.integers(0, 2**32 - 1)),
    st.tuples(st.just(Kind.GAUGE32), st.integers(0, 2**32 - 1)),
    st.tuples(st.just(Kind.TICKS), st.integers(0, 2**32 - 1)),
    st.tuples(st.just(Kind.COUNTER64), st.integers(0, 2**64 - 1)),
    st.tuples(st.just(Kind.IP), st.binary(min_size=4, max_size=4)),
    st.tuples(st.just(Kind.OID), OID),
    st.tuples(st.just(Kind.NULL), st.none()),
)  # fmt: skip


@settings(max_examples=30)
@given(
    bindings=st.lists(st.builds(lambda oid, value: Binding(oid, *value), OID, VALUES), max_size=6),
    kind=st.sampled_from([PduType.GET, PduType.GETNEXT, PduType.RESPONSE, PduType.SET]),
    number=st.integers(-(2**31), 2**31 - 1), community=st.binary(max_size=40),
)  # fmt: skip
def test_pysnmp_reads_and_writes_the_same_octets(
    bindings: list[Binding], kind: PduType, number: int, community: bytes
) -> None:
    codec = pytest.importorskip("pyasn1.codec.ber.encoder", reason="needs pysnmp")
    decoder = pytest.importorskip("pyasn1.codec.ber.decoder")
    v2c = pytest.importorskip("pysnmp.proto.api.v2c")
    pdu = Pdu(type=kind, request_id=number, bindings=tuple(bindings))
    message = Community(version=Version.V2C, community=community, pdu=pdu)
    data = encode(message)
    read, rest = decoder.decode(data, asn1Spec=v2c.Message())
    assert not rest
    assert bytes(v2c.apiMessage.get_community(read)) == community
    theirs = v2c.apiMessage.get_pdu(read)
    assert int(v2c.apiPDU.get_request_id(theirs)) == number
    assert [tuple(name) for name, _ in v2c.apiPDU.get_varbinds(theirs)] == [
        binding.oid for binding in bindings
    ]
    again = decode(codec.encode(read))  # pyasn1 pads some negative integers, such as -128
    assert isinstance(again, Community)
    assert (again.community, again.pdu) == (community, pdu)
