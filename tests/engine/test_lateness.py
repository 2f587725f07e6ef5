"""A deadline that passed while this process was late says nothing of the peer."""

from __future__ import annotations

import asyncio
import socket
from types import SimpleNamespace

import pytest

from seventh.engine.check import check_many, check_one
from seventh.engine.lateness import Lateness
from seventh.labkit.serve import tcp_server, udp_server
from seventh.model.failure import Blame, Failed, Failure, Reason
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


@pytest.mark.parametrize(
    ("reason", "late", "excused"),
    [
        (Reason.RESOLVE_TIMEOUT, 2.1, True),
        (Reason.CONNECT_TIMEOUT, 2.1, True),
        (Reason.NO_REPLY, 2.1, True),
        (Reason.PEER_SILENT, 2.1, True),
        (Reason.BUDGET_EXCEEDED, 2.1, True),
        (Reason.PEER_SILENT, 2.0, False),  # no more than half of the four seconds
        (Reason.CONNECT_REFUSED, 4.0, False),
        (None, 4.0, False),
    ],
)
def test_a_timeout_is_ours_if_we_were_late_for_more_than_half_of_the_check(
    reason: Reason | None, late: float, excused: bool
) -> None:
    lateness = Lateness()
    lateness._late_ns = 1_000_000_000 + int(late * 1e9)
    failed = Failed(reason, "why", phase="connect") if reason is not None else None
    ctx = SimpleNamespace(failure=failed, watch=SimpleNamespace(elapsed_seconds=lambda: 4.0))
    lateness.excuse(ctx, 1.0)  # type: ignore[arg-type]
    if not excused:
        assert ctx.failure is failed
        return
    assert ctx.failure.failure() == Failure(
        reason=Reason.LOCAL_RESOURCE, phase="connect", blame=Blame.LOCAL,
        detail="this machine was too busy: for 2.1 of 4.0 s it could not read replies in time; "
        "use a smaller --parallel or a longer --timeout",
    )  # fmt: skip


async def test_a_timer_that_is_not_late_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a clock of its own: each sleep lasts as long as asked, then longer, then shorter."""
    now = 0
    over = iter([0, 30_000_000, -1_000_000])

    async def sleep(seconds: float) -> None:
        nonlocal now
        assert seconds == 0.05
        more = next(over, None)
        if more is None:
            raise asyncio.CancelledError
        now += 50_000_000 + more

    monkeypatch.setattr("seventh.engine.lateness.now_ns", lambda: now)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    lateness = Lateness()
    with pytest.raises(asyncio.CancelledError):
        await lateness.watch()
    assert lateness.seconds() == 0.03
