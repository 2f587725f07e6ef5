"""The world's end of a link: a SYN waits for its connection, a port opens with its first packet."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import pytest

from seventh.labkit.serve import free_port
from seventh.link import messages
from seventh.link.gate import Gate
from seventh.link.ip import refusal
from seventh.link.messages import Answer, Connect, Listening, ToParent, Verdict
from tests.link.packets import CLIENT, SERVER, SYN, TCP, packet


class Parent:
    """The other side of a gate."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel

    def asked(self) -> list[ToParent]:
        """The messages that have come."""
        found: list[ToParent] = []
        with contextlib.suppress(BlockingIOError):
            while True:
                message, descriptors = messages.from_emulator(self._channel)
                found.append(message)
                for descriptor in descriptors:
                    socket.socket(fileno=descriptor).close()
        return found


@pytest.fixture
def sides() -> Iterator[tuple[Gate, Parent]]:
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with here, there:
        there.setblocking(False)
        yield Gate(here), Parent(there)


def syn(port: int, sequence: int = 1) -> bytes:
    return packet(target=(SERVER, port), protocol=TCP, flags=SYN, sequence=sequence, data=b"")


def question(port: int) -> Connect:
    return Connect(source=CLIENT, source_port=40_000, target=SERVER, target_port=port)


def test_a_syn_waits_and_is_asked_for_once(sides: tuple[Gate, Parent]) -> None:
    gate, parent = sides
    port = free_port()
    assert not gate.admits(syn(port))
    assert not gate.admits(syn(port))
    assert parent.asked() == [question(port)]
    answer = Answer(asked=question(port), verdict=Verdict.OPEN)
    assert gate.answered(answer) == (syn(port), None)
    assert parent.asked() == [Listening(tcp=True, port=port)]
    # The same SYN again: its answer was lost, and the connection is there.
    assert gate.admits(syn(port))
    assert gate.admits(packet(target=(SERVER, port), protocol=TCP))
    # Another SYN is another connection.
    assert not gate.admits(syn(port, sequence=2))
    assert parent.asked() == [question(port)]
    assert gate.answered(answer) == (syn(port, sequence=2), None)
    assert parent.asked() == []


def test_the_verdict_on_a_connection_is_what_the_client_meets(
    sides: tuple[Gate, Parent],
) -> None:
    gate, _ = sides
    for verdict, met in (
        (Verdict.REFUSED, (None, refusal(syn(80)))), (Verdict.SILENT, (None, None)),
    ):  # fmt: skip
        assert not gate.admits(syn(80))
        answer = Answer(asked=question(80), verdict=verdict)
        assert gate.answered(answer) == met
        assert gate.answered(answer) == (None, None)  # nothing waits any more


def test_a_syn_is_kept_as_it_came(sides: tuple[Gate, Parent]) -> None:
    gate, _ = sides
    port = free_port()
    assert not gate.admits(syn(port), b"header" + syn(port))
    answer = Answer(asked=question(port), verdict=Verdict.OPEN)
    assert gate.answered(answer) == (b"header" + syn(port), None)


def test_a_port_of_udp_opens_with_its_first_packet(sides: tuple[Gate, Parent]) -> None:
    gate, parent = sides
    port = free_port()
    for _ in range(2):
        assert gate.admits(packet(target=(SERVER, port)))
    assert parent.asked() == [Listening(tcp=False, port=port)]


def test_other_packets_go_on(sides: tuple[Gate, Parent]) -> None:
    gate, parent = sides
    assert gate.admits(packet()[:9] + b"\x01" + packet()[10:])
    assert parent.asked() == []
