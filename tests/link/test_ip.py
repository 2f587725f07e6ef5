"""IPv4 packets: flows, the sequence number of a SYN, other addresses, refusals."""

from __future__ import annotations

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.link.ip import Flow, flow_of, readdressed, refusal, sequence_of_syn
from tests.link.packets import ACK, CLIENT, SERVER, SYN, TCP, UDP, is_sound, packet

HERE, THERE = socket.inet_aton(CLIENT), socket.inet_aton(SERVER)


@pytest.mark.parametrize("protocol", [TCP, UDP])
def test_the_flow_of_a_packet(protocol: int) -> None:
    flow = flow_of(packet(protocol=protocol))
    assert flow == Flow(protocol, HERE, 40_000, THERE, 443)
    assert flow.back == Flow(protocol, THERE, 443, HERE, 40_000)


def test_later_fragments_and_other_protocols_have_no_flow() -> None:
    whole = packet()
    assert flow_of(whole[:6] + b"\x20\x00" + whole[8:]) is not None
    assert flow_of(whole[:6] + b"\x20\x01" + whole[8:]) is None
    assert flow_of(whole[:9] + b"\x01" + whole[10:]) is None
    assert flow_of(b"\x60" + whole[1:]) is None
    assert flow_of(whole[:22]) is None


def test_only_a_syn_opens_a_connection() -> None:
    assert sequence_of_syn(packet(protocol=TCP, flags=SYN, sequence=77)) == 77
    assert sequence_of_syn(packet(protocol=TCP, flags=SYN | ACK)) is None
    assert sequence_of_syn(packet(protocol=TCP)) is None
    assert sequence_of_syn(packet(data=b"\x02" * 40)) is None


@given(st.binary(max_size=100))
def test_any_bytes_are_read_without_an_error(data: bytes) -> None:
    flow_of(data)
    sequence_of_syn(data)


@given(st.binary(max_size=50), st.integers(1, 65_535))
def test_another_address_leaves_a_sound_packet(data: bytes, port: int) -> None:
    flow = Flow(UDP, socket.inet_aton("198.18.0.9"), port, THERE, 443)
    turned = readdressed(packet(data=data), flow)
    assert is_sound(turned)
    assert flow_of(turned) == flow
    assert turned[28:] == data


def test_a_refusal_answers_a_syn() -> None:
    sent = packet(protocol=TCP, flags=SYN, sequence=0xFFFF_FFFF, data=b"")
    answer = refusal(sent)
    assert is_sound(answer)
    assert flow_of(answer) == Flow(TCP, THERE, 443, HERE, 40_000)
    sequence, ack, _, flags = struct.unpack_from("!IIBB", answer, 24)
    assert (sequence, ack, flags) == (0, 0, 0x14)
    with pytest.raises(ValueError, match="not a SYN"):
        refusal(packet(protocol=TCP))
