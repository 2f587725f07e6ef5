"""Mode 6 at its boundaries: lengths, fragments and the list of variables."""

from __future__ import annotations

import pytest

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
        with pytest.raises(ProtocolViolation, match="longer than 16384 bytes"):
            reply.receive(last)


def test_a_fragment_has_all_the_bytes_that_it_declares() -> None:
    whole = fragment(7, b"x=12")
    assert ControlReply(7).receive(whole)
    with pytest.raises(ProtocolViolation, match="declares 4 bytes, but has 3"):
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
