"""The bounded reader."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.model.failure import ProtocolViolation
from seventh.wire.reader import Reader, vector


def test_values_are_read_in_order() -> None:
    reader = Reader(b"\x01\x00\x02\x00\x00\x00\x04\x02hi!", "a message")
    assert (reader.u8(), reader.u16(), reader.u32()) == (1, 2, 4)
    assert reader.vector(1) == b"hi"
    assert reader.rest() == b"!"
    reader.end()


def test_a_declared_length_is_never_allocated() -> None:
    with pytest.raises(
        ProtocolViolation,
        match=r"^protocol-violation: a message is truncated: 4294967295 bytes declared, 1 present$",
    ):
        Reader(b"\xff\xff\xff\xff\x00", "a message").vector(4)


def test_leftovers_are_a_violation() -> None:
    with pytest.raises(
        ProtocolViolation, match=r"^protocol-violation: a message has 1 bytes too many$"
    ):
        Reader(b"\x00", "a message").end()


@given(st.binary(max_size=200), st.sampled_from([1, 2, 3, 4]))
def test_what_is_written_is_read_back(data: bytes, width: int) -> None:
    reader = Reader(vector(width, data), "a vector")
    assert reader.nested(width, "inside").rest() == data
    reader.end()


def test_what_is_read_past_the_end_names_the_part() -> None:
    reader = Reader(b"\2ab", "a message")
    inside = reader.nested(1, "its inside")
    assert (inside.left, inside.u16(), inside.left, reader.left) == (2, 0x6162, 0, 0)
    for part, name in ((inside, "its inside"), (reader, "a message")):
        with pytest.raises(ProtocolViolation) as caught:
            part.u8()
        assert caught.value.detail == f"{name} is truncated: 1 bytes declared, 0 present"
        part.end()
    assert Reader(b"\1\2\3", "x").uint(3) == 0x010203
    assert Reader(memoryview(b"ab"), "x").take(0) == b""
