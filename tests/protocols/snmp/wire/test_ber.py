"""BER: both sides of each limit, what deviates, and arbitrary bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.model.failure import ProtocolViolation
from seventh.protocols.snmp.wire import ber
from seventh.protocols.snmp.wire.ber import MAX_ARC, Deviation, Oid, Reader

OIDS = st.builds(
    lambda first, second, rest: (first, min(second, 39) if first < 2 else second, *rest),
    st.integers(0, 2),
    st.integers(0, MAX_ARC),
    st.lists(st.integers(0, MAX_ARC), max_size=4),
)


@given(st.integers(-(2**31), 2**31 - 1))
def test_integers_come_back(value: int) -> None:
    reader = Reader(ber.integer(value))
    assert (reader.integer("it"), reader.ended, reader.deviations) == (value, True, set())


@given(st.integers(0, 2**64 - 1))
def test_counters_come_back(value: int) -> None:
    reader = Reader(ber.integer(value, 0x46))
    start, stop = reader.expect(0x46, "it")
    assert ber.unsigned(reader.data[start:stop], 64, reader.deviations) == value
    assert reader.deviations == set()


@given(OIDS)
def test_oids_come_back(oid: Oid) -> None:
    reader = Reader(ber.object_identifier(oid))
    assert ber.is_oid(oid)
    assert (reader.oid("it"), reader.deviations) == (oid, set())


@given(st.binary(max_size=300))
def test_octets_come_back(value: bytes) -> None:
    reader = Reader(ber.octet_string(value))
    assert (reader.octets("it"), reader.ended, reader.deviations) == (value, True, set())


@given(st.binary(max_size=40))
def test_arbitrary_bytes_are_a_value_or_a_violation(data: bytes) -> None:
    reader = Reader(data)
    try:
        tag, start, stop = reader.next()
    except ProtocolViolation:
        return
    assert (tag, reader.at) == (data[0], stop)
    assert 2 <= start <= stop <= len(data)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        ("02 01 00", 0), ("02 01 7f", 127), ("02 02 00 80", 128), ("02 01 80", -128),
        ("02 04 7f ff ff ff", 2**31 - 1), ("02 04 80 00 00 00", -(2**31)),
    ],
)  # fmt: skip
def test_integers(data: str, value: int) -> None:
    assert Reader(bytes.fromhex(data)).integer("it") == value
    assert ber.integer(value) == bytes.fromhex(data)


@pytest.mark.parametrize(
    ("data", "value", "deviation"),
    [
        ("02 02 00 7f", 127, Deviation.PADDED_INTEGER),
        ("02 02 ff 80", -128, Deviation.PADDED_INTEGER),
        ("02 05 00 80 00 00 00", 2**31, Deviation.WIDE_INTEGER),
        ("02 05 ff 7f ff ff ff", -(2**31) - 1, Deviation.WIDE_INTEGER),
        ("02 81 01 05", 5, Deviation.LONG_LENGTH),
        ("02 84 00 00 00 01 05", 5, Deviation.LONG_LENGTH),
    ],
)
def test_integers_that_deviate(data: str, value: int, deviation: Deviation) -> None:
    reader = Reader(bytes.fromhex(data))
    assert (reader.integer("it"), reader.deviations) == (value, {deviation})


@pytest.mark.parametrize(
    ("data", "bits", "value", "deviations"),
    [
        ("ff ff ff ff", 32, 2**32 - 1, {Deviation.NEGATIVE_UNSIGNED}),
        ("00 ff ff ff ff", 32, 2**32 - 1, set()),
        ("01 00 00 00 00", 32, 0, {Deviation.WIDE_INTEGER}),
        ("00 ff ff ff ff ff ff ff ff", 64, 2**64 - 1, set()),
        ("ff", 32, 255, {Deviation.NEGATIVE_UNSIGNED}),
    ],
)
def test_counters_that_deviate(
    data: str, bits: int, value: int, deviations: set[Deviation]
) -> None:
    seen: set[Deviation] = set()
    assert ber.unsigned(bytes.fromhex(data), bits, seen) == value
    assert seen == deviations


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("", "a value ends before its length"),
        ("02", "a value ends before its length"),
        ("02 80", "a length of 0 octets"),
        ("02 85 00 00 00 00 01 05", "a length of 5 octets"),
        ("02 82 01", "a length of 2 octets"),
        ("02 84 7f ff ff ff 05", "a length of 2147483647, and 1 octets follow"),
        ("02 84 80 00 00 00 05", "a length of 2147483648, and 1 octets follow"),
        ("02 02 05", "a length of 2, and 1 octets follow"),
        ("02 00", "an integer of 0 octets"),
        ("02 0a 00 00 00 00 00 00 00 00 00 00", "an integer of 10 octets"),
        ("04 01 05", "it has type 0x04, not 0x02"),
    ],
)
def test_what_is_no_integer(data: str, said: str) -> None:
    with pytest.raises(ProtocolViolation) as raised:
        Reader(bytes.fromhex(data)).integer("it")
    assert raised.value.detail == f"BER: {said}"


def oid(text: str) -> Oid:
    return ber.read_oid(bytes.fromhex(text), set())


@pytest.mark.parametrize(
    ("data", "arcs"),
    [
        ("00", (0, 0)), ("27", (0, 39)), ("28", (1, 0)), ("4f", (1, 39)), ("50", (2, 0)),
        ("88 37", (2, 999)), ("2b 06 01", (1, 3, 6, 1)), ("2b 81 00", (1, 3, 128)),
        ("2b 8f ff ff ff 7f", (1, 3, MAX_ARC)), ("90 80 80 80 4f", (2, MAX_ARC)),
    ],
)  # fmt: skip
def test_oids(data: str, arcs: Oid) -> None:
    assert oid(data) == arcs
    assert ber.object_identifier(arcs)[2:] == bytes.fromhex(data)


def test_an_oid_may_have_128_arcs() -> None:
    assert len(oid("2b" + "01" * 126)) == 128
    for bomb in ("2b" + "01" * 127, "2b" + "8101" * 127):
        with pytest.raises(ProtocolViolation, match="an object identifier of 129 arcs"):
            oid(bomb)
    with pytest.raises(ProtocolViolation, match="an object identifier of 641 octets"):
        oid("2b" + "01" * 640)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("2b 90 80 80 80 00", "above 2^32 - 1"), ("90 80 80 80 50", "above 2^32 - 1"),
        ("90 80 80 81 00", "above 2^32 - 1"), ("2b 81", "ends within an arc"),
    ],
)  # fmt: skip
def test_what_is_no_oid(data: str, said: str) -> None:
    with pytest.raises(ProtocolViolation, match=said.replace("^", r"\^")):
        oid(data)


def test_oids_that_deviate() -> None:
    seen: set[Deviation] = set()
    assert ber.read_oid(b"", seen) == (0, 0)
    assert seen == {Deviation.EMPTY_OID}
    seen.clear()
    assert ber.read_oid(bytes.fromhex("2b 80 05"), seen) == (1, 3, 5)
    assert seen == {Deviation.PADDED_OID}


@pytest.mark.parametrize(
    "arcs",
    [(), (1,), (3, 1), (-1, 1), (1, 40), (1, 3, -1), (1, 3, MAX_ARC + 1), (1, 3, *[1] * 127)],
)
def test_arcs_that_cannot_be_encoded(arcs: Oid) -> None:
    assert not ber.is_oid(arcs)


@pytest.mark.parametrize("length", [0, 127, 128, 255, 256, 65535, 65536])
def test_lengths_have_the_fewest_octets(length: int) -> None:
    reader = Reader(ber.octet_string(bytes(length)))
    assert (len(reader.octets("it")), reader.deviations) == (length, set())
