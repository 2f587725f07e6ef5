"""Datagrams over real sockets."""

from __future__ import annotations

import asyncio
import errno
import itertools
import os
import socket
from typing import Any, cast

import pytest

from seventh.labkit.serve import UdpHandler, free_port, udp_server
from seventh.model.failure import Failed, Reason
from seventh.model.phase import Mark
from seventh.net import datagram as module
from seventh.net.address import Address
from seventh.net.budget import Budget
from seventh.net.datagram import Arrived, Datagram
from seventh.net.kernel import LINUX
from tests import needs


def echo(handler: UdpHandler, data: bytes, source: tuple[str, int]) -> None:
    handler.send(data, source)


def drop(handler: UdpHandler, data: bytes, source: tuple[str, int]) -> None:
    """Nothing comes back."""


@pytest.mark.parametrize("host", ["127.0.0.1", pytest.param("::1", marks=needs.IPV6)])
async def test_a_datagram_goes_there_and_back(host: str) -> None:
    budget = Budget(3)
    async with udp_server(echo, host) as port:
        with Datagram(Address(ip=host, port=port), budget) as datagram:
            sent = datagram.send(b"ping")
            arrived = await datagram.receive(budget.within(2))
    assert arrived is not None
    assert (arrived.data, arrived.ip, arrived.port) == (b"ping", host, port)
    assert arrived.at.ns >= sent.ns
    assert arrived.at.clock == ("kernel" if LINUX else "user")


async def test_silence_is_none() -> None:
    budget = Budget(3)
    async with udp_server(drop) as port:
        with Datagram(Address(ip="127.0.0.1", port=port), budget) as datagram:
            datagram.send(b"ping")
            assert await datagram.receive(budget.within(0.1)) is None


@pytest.mark.skipif(not LINUX, reason="IP_RECVERR is Linux's")
@pytest.mark.parametrize("host", ["127.0.0.1", pytest.param("::1", marks=needs.IPV6)])
async def test_a_closed_port_is_told_by_icmp(host: str) -> None:
    import socket

    budget = Budget(3)
    port = free_port(socket.SOCK_DGRAM, host)
    with Datagram(Address(ip=host, port=port), budget) as datagram:
        datagram.send(b"ping")
        with pytest.raises(Failed) as caught:
            await datagram.receive(budget.within(2))
    assert caught.value.reason is Reason.CONNECT_REFUSED


@pytest.mark.field
async def test_a_flood_of_empty_datagrams_ends_at_the_deadline_and_others_get_their_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = itertools.count(1, 1_000_000)  # each look at the clock is a millisecond later
    taken = itertools.count()
    turns = 0

    def always(datagram: Datagram) -> Arrived:
        assert next(taken) < 10_000, "the deadline was never looked at"
        return Arrived(b"", Mark(0, "user"), "127.0.0.1", 9)

    async def other() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    monkeypatch.setattr(module, "now_ns", lambda: next(clock))
    monkeypatch.setattr(Datagram, "take", always)
    with Datagram(Address(ip="127.0.0.1", port=9), Budget(3600)) as datagram:
        beside = asyncio.create_task(other())
        while await datagram.receive(1_000_000_000) is not None:
            pass
        beside.cancel()
    assert turns >= 50


async def test_a_flood_ends_at_the_byte_cap() -> None:
    def flood(handler: UdpHandler, data: bytes, source: tuple[str, int]) -> None:
        for _ in range(20):
            handler.send(b"x" * 1000, source)

    budget = Budget(3, max_bytes=5000)
    async with udp_server(flood) as port:
        with Datagram(Address(ip="127.0.0.1", port=port), budget) as datagram:
            datagram.send(b"ping")
            with pytest.raises(Failed) as caught:
                while await datagram.receive(budget.within(1)):
                    pass
    assert caught.value.reason is Reason.BUDGET_EXCEEDED


@pytest.mark.parametrize(
    ("number", "reason", "detail"),
    [
        (errno.ECONNREFUSED, Reason.CONNECT_REFUSED, "refused: the port is closed (ICMP)"),
        (errno.EHOSTUNREACH, Reason.CONNECT_UNREACHABLE, "No route to host"),
        (errno.ENETUNREACH, Reason.CONNECT_UNREACHABLE, "Network is unreachable"),
        (errno.EADDRNOTAVAIL, Reason.CONNECT_UNREACHABLE, "Cannot assign requested address"),
        (errno.EACCES, Reason.CONNECT_FORBIDDEN, "blocked by the firewall of this machine"),
        (errno.EPERM, Reason.CONNECT_FORBIDDEN, "blocked by the firewall of this machine"),
        (errno.EMSGSIZE, Reason.LOCAL_RESOURCE, "the datagram is too large for the path"),
        (errno.ENOBUFS, Reason.LOCAL_RESOURCE,
         "no buffer available on this machine: No buffer space available"),
        (errno.EIO, Reason.LOCAL_RESOURCE, "socket error: Input/output error"),
    ],
)  # fmt: skip
async def test_a_datagram_that_cannot_be_sent(number: int, reason: Reason, detail: str) -> None:
    class Refusing:
        def __getattr__(self, name: str) -> Any:
            raise OSError(number, os.strerror(number))

    with Datagram(Address(ip="127.0.0.1", port=9), Budget(3)) as datagram:
        sock, datagram._sock = datagram._sock, cast("socket.socket", Refusing())
        with pytest.raises(Failed) as raised:
            datagram.send(b"x")
        datagram._sock = sock
    assert (raised.value.reason, raised.value.detail) == (reason, detail)


async def test_a_source_port_of_ones_own() -> None:
    port = free_port(socket.SOCK_DGRAM)
    address = Address(ip="127.0.0.1", port=9)
    with Datagram(address, Budget(3), source_port=port) as datagram:
        assert datagram.local_port == port
        with pytest.raises(Failed) as raised:
            Datagram(address, Budget(3), source_port=port)
    assert (raised.value.reason, raised.value.detail) == (
        Reason.LOCAL_RESOURCE, f"cannot use port {port} of 127.0.0.1: another program uses it",
    )  # fmt: skip
    with Datagram(address, Budget(3)) as datagram:
        assert datagram.local_port == 0
