"""Mode 7: the request, and counting whatever answers it."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.model.failure import ProtocolViolation
from seventh.protocols.ntp.wire.mode7 import MAX_BYTES, MAX_PACKETS, MonlistReply, monlist, response


def test_the_request_is_eight_bytes() -> None:
    assert monlist(3) == b"\x17\0\x03\x2a\0\0\0\0"
    assert monlist(2) == b"\x17\0\x02\x2a\0\0\0\0"


def test_a_list_in_several_packets_in_any_order() -> None:
    packets = [response(3, i, 6, 72, more=i < 2) for i in range(3)]
    for order in (packets, packets[::-1]):
        reply = MonlistReply(3)
        for index, packet in enumerate(order):
            assert reply.complete is False
            assert reply.receive(packet)
            assert reply.packets == index + 1
        assert reply.complete
        assert reply.items == 18
        assert reply.bytes_received == 3 * (8 + 6 * 72)


def test_a_repeated_packet_counts_as_bytes_and_not_as_clients() -> None:
    reply = MonlistReply(3)
    for _ in range(2):
        reply.receive(response(3, 0, 6, 72, more=True))
    assert (reply.packets, reply.items) == (2, 6)


def test_an_error_is_an_answer_without_a_list() -> None:
    reply = MonlistReply(3)
    assert reply.receive(response(3, 0, 0, 0, error=4))
    assert reply.complete
    assert (reply.error, reply.items, reply.bytes_received) == (4, 0, 8)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        monlist(3),  # a request
        response(2, 0, 0, 0),  # another implementation
        b"\x97\0\x03\x00\0\0\0\0",  # another request's answer
        b"\x24" + bytes(47),
    ],
)
def test_what_is_no_answer_of_ours(data: bytes) -> None:
    reply = MonlistReply(3)
    assert not reply.receive(data)
    assert reply.packets == 0


def test_items_beyond_the_packet_are_a_violation() -> None:
    reply = MonlistReply(3)
    with pytest.raises(ProtocolViolation, match="declares 6 items of 72 bytes"):
        reply.receive(response(3, 0, 6, 72)[:100])
    assert reply.bytes_received == 100, "whoever is flooded with it gets it all the same"


def test_reading_ends() -> None:
    reply = MonlistReply(3)
    for _ in range(MAX_PACKETS):
        assert not reply.complete
        reply.receive(response(3, 0, 1, 72, more=True))
    assert reply.complete
    assert reply.truncated
    large = MonlistReply(3)
    while not large.complete:
        large.receive(response(3, 0, 6, 72, more=True) + bytes(8000))
    assert large.bytes_received < MAX_BYTES + 10_000


@given(st.lists(st.binary(max_size=600), max_size=20))
def test_anything_is_counted_or_refused(datagrams: list[bytes]) -> None:
    reply = MonlistReply(3)
    for data in datagrams:
        with contextlib.suppress(ProtocolViolation):
            reply.receive(data)
    assert reply.packets <= len(datagrams)


@given(
    st.integers(0, 255), st.integers(0, 127), st.integers(0, 5), st.integers(0, 80), st.booleans()
)
def test_what_is_made_is_read(
    implementation: int, sequence: int, items: int, size: int, more: bool
) -> None:
    reply = MonlistReply(implementation)
    assert reply.receive(response(implementation, sequence, items, size, more=more))
    assert reply.items == items
    assert reply.complete == (not more and sequence == 0)
