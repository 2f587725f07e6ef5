"""Mode 6 at its boundaries: lengths, fragments and the list of variables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.model.failure import ProtocolViolation
from seventh.protocols.ntp.wire import control
from seventh.protocols.ntp.wire.control import ControlReply, fragment


@pytest.mark.parametrize(("offset", "fits"), [(control.MAX_DATA_BYTES - 4, True), (16381, False)])
def test_a_response_has_a_maximum_length(offset: int, fits: bool) -> None:
    reply = ControlReply(7)
    last = fragment(7, b"x=1,", offset=offset)
    if fits:
        assert reply.receive(last)
    else:
        with pytest.raises(
            ProtocolViolation,
            match=r"^protocol-violation: a mode-6 response longer than 16384 bytes$",
        ):
            reply.receive(last)


def test_a_fragment_has_all_the_bytes_that_it_declares() -> None:
    whole = fragment(7, b"x=12")
    assert ControlReply(7).receive(whole)
    with pytest.raises(
        ProtocolViolation,
        match=r"^protocol-violation: a mode-6 fragment declares 4 bytes, but has 3$",
    ):
        ControlReply(7).receive(whole[:-1])


def test_a_header_alone_is_a_response() -> None:
    reply = ControlReply(7)
    assert reply.receive(fragment(7, b""))
    assert reply.complete
    assert not ControlReply(7).receive(fragment(7, b"")[:-1])


@pytest.mark.parametrize("byte", [0x16 ^ 1, 0x14])
def test_another_mode_is_no_response(byte: int) -> None:
    assert not ControlReply(7).receive(bytes([byte]) + fragment(7, b"x=1")[1:])


def test_another_operation_is_no_response() -> None:
    data = bytearray(fragment(7, b"x=1"))
    data[1] ^= 1
    assert not ControlReply(7).receive(bytes(data))


def test_a_gap_ends_the_data_until_it_is_filled() -> None:
    reply = ControlReply(7)
    reply.receive(fragment(7, b"cdef", offset=8))
    reply.receive(fragment(7, b"abcd", more=True))
    assert reply.data == b"abcd"
    assert not reply.complete
    reply.receive(fragment(7, b"xxxx", offset=4, more=True))
    assert reply.data == b"abcdxxxxcdef"
    assert reply.complete


def test_fragments_that_overlap_do_not_repeat_bytes() -> None:
    reply = ControlReply(7)
    reply.receive(fragment(7, b"abcd", more=True))
    reply.receive(fragment(7, b"cdef", offset=2))
    assert reply.data == b"abcdef"


def test_the_first_of_two_fragments_at_one_offset_counts() -> None:
    reply = ControlReply(7)
    reply.receive(fragment(7, b"true", more=True))
    reply.receive(fragment(7, b"fake"))
    assert reply.data == b"true"
    assert (reply.packets, reply.bytes_received) == (2, 32)


def test_an_error_code_is_that_of_the_status() -> None:
    reply = ControlReply(7)
    reply.receive(fragment(7, b"", error=5))
    assert reply.error_code == 5
    fine = ControlReply(7)
    fine.receive(fragment(7, b""))
    assert fine.error_code is None


def test_variables_are_limited_in_number_and_length() -> None:
    many = b",".join(b"v%d=1" % n for n in range(control.MAX_VARIABLES + 5))
    assert len(control.variables(many)) == control.MAX_VARIABLES
    (item,) = control.variables(b"n" * 100 + b"=" + b"v" * 500).items()
    assert item == ("n" * 64 + "…", "v" * 256 + "…")


def test_variables_lose_their_quotes_and_blanks() -> None:
    found = control.variables(b' version="ntpd 4.2, x", leap=0,\r\n =7, flag')
    assert found == {"version": "ntpd 4.2, x", "leap": "0", "flag": ""}


def fragments(data: bytes, size: int, sequence: int = 7) -> list[bytes]:
    return [
        control.fragment(sequence, data[at : at + size], offset=at, more=at + size < len(data))
        for at in range(0, max(len(data), 1), size)
    ]


@given(st.binary(min_size=1, max_size=600), st.integers(20, 600), st.randoms(use_true_random=False))
def test_fragments_in_any_order_give_the_same_data(data: bytes, size: int, random: object) -> None:
    parts = fragments(data, size)
    random.shuffle(parts)  # type: ignore[attr-defined]
    reply = control.ControlReply(7)
    for part in parts:
        assert not reply.complete
        assert reply.receive(part)
    assert reply.complete
    assert reply.data == data
    assert reply.packets == len(parts)
    assert reply.bytes_received == sum(map(len, parts))


@given(st.lists(st.binary(max_size=200), max_size=8))
def test_any_bytes_are_a_fragment_or_not_or_a_violation(datagrams: list[bytes]) -> None:
    reply = control.ControlReply(0)
    for data in datagrams:
        try:
            taken = reply.receive(data)
        except ProtocolViolation:
            continue
        assert taken in {True, False}
    assert len(reply.data) <= control.MAX_DATA_BYTES
    control.variables(reply.data)


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF), st.binary(max_size=64))
def test_declared_lengths_are_never_believed(offset: int, count: int, data: bytes) -> None:
    head = b"\x16\x82\x00\x00\x00\x00\x00\x00" + offset.to_bytes(2) + count.to_bytes(2)
    reply = control.ControlReply(0)
    if count > len(data) or offset + count > control.MAX_DATA_BYTES:
        with pytest.raises(ProtocolViolation):
            reply.receive(head + data)
        assert reply.data == b""
    else:
        assert reply.receive(head + data)
        assert reply.data == (data[:count] if offset == 0 else b"")


def test_the_request_is_twelve_bytes_of_readvar() -> None:
    assert control.readvar(0x1234) == bytes.fromhex("160212340000000000000000")


def test_only_an_answer_to_our_request_counts() -> None:
    reply = control.ControlReply(7)
    assert not reply.receive(control.fragment(8, b"x=1"))
    assert not reply.receive(control.readvar(7))
    assert not reply.receive(b"\x16\x82")
    assert reply.bytes_received == 0


def test_an_error_answer() -> None:
    reply = control.ControlReply(7)
    assert reply.receive(control.fragment(7, b"", error=3))
    assert reply.complete
    assert reply.error_code == 3
    assert reply.bytes_received == 12


def test_a_flood_of_fragments_is_a_violation_that_is_still_counted() -> None:
    reply = control.ControlReply(7)
    part = control.fragment(7, b"x" * 100, more=True)
    for _ in range(control.MAX_FRAGMENTS):
        assert reply.receive(part)
    with pytest.raises(ProtocolViolation):
        reply.receive(part)
    assert reply.bytes_received == len(part) * (control.MAX_FRAGMENTS + 1)


def test_variables_keep_commas_inside_quotes_and_lose_controls() -> None:
    data = b'version="ntpd 4.2.8, Tue\x1b[2J", stratum=2,\r\n leap=0, flag'
    assert control.variables(data) == {
        "version": "ntpd 4.2.8, Tue\\x1b[2J", "stratum": "2", "leap": "0", "flag": "",
    }  # fmt: skip


@given(st.binary(max_size=2000))
def test_variables_of_any_bytes_are_bounded_and_clean(data: bytes) -> None:
    found = control.variables(data)
    assert len(found) <= control.MAX_VARIABLES
    assert all(name.isprintable() and value.isprintable() for name, value in found.items())
