"""A NAT: idle timers, new ports, another address."""

from __future__ import annotations

import socket

from hypothesis import given
from hypothesis import strategies as st

from seventh.link.ip import flow_of
from seventh.link.nat import Nat
from tests.link.packets import CLIENT, SERVER, SYN, TCP, is_sound, packet

SECOND = 1_000_000_000


def source_of(data: bytes | None) -> tuple[str, int]:
    assert data is not None
    flow = flow_of(data)
    assert flow is not None
    return socket.inet_ntoa(flow.source), flow.source_port


def reply_to(data: bytes | None) -> bytes:
    """A server's packet to the source of ``data``."""
    return packet((SERVER, 443), source_of(data))


def test_a_udp_flow_keeps_its_port_while_it_is_used() -> None:
    nat = Nat(udp_seconds=30)
    for second in (0, 29, 58):
        assert nat.outward(packet(), second * SECOND) == packet()
    reply = packet((SERVER, 443), (CLIENT, 40_000))
    assert nat.inward(reply, 88 * SECOND) == reply
    # What comes in keeps it, too.
    assert nat.outward(packet(), 118 * SECOND) == packet()
    assert nat.rebinds == 0


def test_a_udp_flow_that_was_idle_gets_another_port() -> None:
    nat = Nat(udp_seconds=30)
    nat.outward(packet(), 0)
    late = packet((SERVER, 443), (CLIENT, 40_000))
    assert nat.inward(late, 31 * SECOND) is None
    turned = nat.outward(packet(), 31 * SECOND)
    host, port = source_of(turned)
    assert (host, turned is not None and is_sound(turned)) == (CLIENT, True)
    assert port != 40_000
    assert nat.rebinds == 1
    back = nat.inward(reply_to(turned), 32 * SECOND)
    assert back is not None
    assert is_sound(back)
    assert flow_of(back) == flow_of(late)
    assert nat.inward(late, 32 * SECOND) is None


def test_a_tcp_connection_that_was_idle_is_lost_until_it_is_opened_again() -> None:
    nat = Nat(tcp_seconds=60)
    syn, data = packet(protocol=TCP, flags=SYN), packet(protocol=TCP)
    assert nat.outward(data, 0) is None
    assert nat.outward(syn, 0) == syn
    assert nat.outward(data, 60 * SECOND) == data
    assert nat.outward(data, 121 * SECOND) is None
    assert nat.inward(packet((SERVER, 443), (CLIENT, 40_000), protocol=TCP), 122 * SECOND) is None
    assert nat.outward(syn, 123 * SECOND) == syn
    assert nat.outward(data, 124 * SECOND) == data


def test_nothing_comes_in_that_was_not_asked_for() -> None:
    assert Nat().inward(packet((SERVER, 443), (CLIENT, 40_000)), 0) is None


def test_another_address_moves_udp_and_loses_tcp() -> None:
    nat = Nat()
    nat.outward(packet(), 0)
    syn, data = packet(protocol=TCP, flags=SYN), packet(protocol=TCP)
    nat.outward(syn, 0)
    nat.change_address()
    turned = nat.outward(packet(), 1)
    host, port = source_of(turned)
    assert host == "198.18.0.3"
    assert port != 40_000
    assert nat.inward(reply_to(turned), 2) is not None
    assert nat.outward(data, 2) is None


def test_a_flow_whose_port_is_taken_outside_gets_another() -> None:
    nat = Nat(udp_seconds=30)
    nat.outward(packet(), 0)
    _, taken = source_of(nat.outward(packet(), 31 * SECOND))
    other = nat.outward(packet((CLIENT, taken)), 32 * SECOND)
    assert source_of(other)[1] != taken
    back = nat.inward(reply_to(other), 33 * SECOND)
    assert back is not None
    assert flow_of(back) == flow_of(packet((SERVER, 443), (CLIENT, taken)))


def test_other_protocols_pass() -> None:
    icmp = packet()[:9] + b"\x01" + packet()[10:]
    nat = Nat(udp_seconds=1)
    assert nat.outward(icmp, 0) == icmp
    assert nat.inward(icmp, 0) == icmp


@given(
    st.lists(
        st.tuples(st.integers(1, 5), st.integers(0, 60), st.booleans()), min_size=1, max_size=40
    )
)
def test_what_goes_out_can_be_answered(steps: list[tuple[int, int, bool]]) -> None:
    """At any time each flow has an outside of its own, and its answer comes to its inside."""
    nat, now = Nat(udp_seconds=30), 0
    for port, pause, moves in steps:
        now += pause * SECOND
        if moves:
            nat.change_address()
        turned = nat.outward(packet((CLIENT, port)), now)
        assert nat.inward(reply_to(turned), now) is not None
        back = nat.inward(reply_to(turned), now)
        assert back is not None
        flow = flow_of(back)
        assert flow is not None
        assert (socket.inet_ntoa(flow.target), flow.target_port) == (CLIENT, port)
