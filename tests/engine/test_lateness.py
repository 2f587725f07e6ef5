"""A deadline that passed while this process was late says nothing of the peer."""

from __future__ import annotations

import asyncio
import socket

import pytest

from seventh.engine.check import check_many, check_one
from seventh.engine.lateness import Lateness
from seventh.labkit.serve import tcp_server, udp_server
from seventh.model.failure import Blame, Reason
from seventh.model.options import Options
from seventh.model.target import Target
from seventh.net import connect
from seventh.net.address import Address
from seventh.net.budget import Budget
from seventh.net.datagram import Datagram
from seventh.net.stopwatch import now_ns
from seventh.net.wait import DeadlineError, readable, writable

pytestmark = pytest.mark.field
OPTIONS = Options(timeout_seconds=0.5)


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(-1)


async def greets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-x\r\n")
    await reader.read(-1)


async def busy(until_ns: int) -> None:
    """Leave the loop hardly a turn."""
    while now_ns() < until_ns:
        held_ns = now_ns() + 50_000_000
        while now_ns() < held_ns:  # holding the loop up is the point
            pass
        await asyncio.sleep(0)


def ssh(port: int) -> Target:
    return Target(scheme="ssh", host="127.0.0.1", port=port)


async def test_silence_while_we_are_busy_is_not_the_peers() -> None:
    async with tcp_server(silent) as port:
        holding = asyncio.create_task(busy(now_ns() + 2_000_000_000))
        [(_, report)] = [each async for each in check_many([(ssh(port), OPTIONS)])]
        holding.cancel()
    assert report.failure is not None
    assert (report.failure.reason, report.failure.blame) == (Reason.LOCAL_RESOURCE, Blame.LOCAL)
    assert "--parallel" in report.failure.detail
    assert report.failure.phase != "-"


async def test_silence_while_we_are_not_is() -> None:
    async with tcp_server(silent) as port:
        [(_, report)] = [each async for each in check_many([(ssh(port), OPTIONS)])]
    assert report.failure is not None
    assert (report.failure.reason, report.failure.blame) == (Reason.PEER_SILENT, Blame.PEER)


async def test_lateness_is_what_passed_beyond_what_was_asked() -> None:
    lateness = Lateness()
    watching = asyncio.create_task(lateness.watch())
    await asyncio.sleep(0)
    before = lateness.seconds()
    await busy(now_ns() + 600_000_000)
    watching.cancel()
    assert 0.1 < lateness.seconds() - before < 0.7


async def test_what_is_here_at_the_deadline_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop that was held up finds both: the deadline, and the peer's answer in time."""

    async def late_readable(sock: socket.socket, deadline_ns: int) -> None:
        await readable(sock, deadline_ns)
        raise DeadlineError

    async def late_writable(sock: socket.socket, deadline_ns: int) -> None:
        await writable(sock, deadline_ns)
        raise DeadlineError

    pending = iter([None, None])  # loopback answers at once; let it be waited for
    asked = connect._connect_state
    monkeypatch.setattr(connect, "_connect_state", lambda *of: next(pending, asked(*of)))
    monkeypatch.setattr("seventh.net.connect.writable", late_writable)
    monkeypatch.setattr("seventh.net.stream.readable", late_readable)
    monkeypatch.setattr("seventh.net.datagram.readable", late_readable)
    async with tcp_server(greets) as port:
        report = await check_one(ssh(port), OPTIONS)
    assert [phase.outcome for phase in report.phases[:2]] == ["ok", "ok"]
    async with udp_server(lambda handler, data, source: handler.send(data, source)) as port:
        budget = Budget(3)
        with Datagram(Address(ip="127.0.0.1", port=port), budget) as datagram:
            datagram.send(b"ping")
            arrived = await datagram.receive(budget.deadline_ns)
    assert arrived is not None
    assert arrived.data == b"ping"


async def test_check_one_alone_has_no_excuse() -> None:
    async with tcp_server(silent) as port:
        report = await check_one(ssh(port), OPTIONS)
    assert report.failure is not None
    assert report.failure.reason is Reason.PEER_SILENT
