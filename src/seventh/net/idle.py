"""Holding connections idle, side by side, and using each once: --hold, tier 4.

A protocol gives :class:`Connection`: how to open one, to wait on it, and to use it.
"""

from __future__ import annotations

import abc
import contextlib
from collections.abc import Awaitable, Callable
from typing import Literal

from seventh.model.failure import Failed, Reason
from seventh.model.idlefacts import Ending, Held, Idle, schedule, used_after
from seventh.model.netfacts import NetFacts
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import now_ns
from seventh.net.stream import Stream
from seventh.net.wait import Cutoff, DeadlineError, all_of
from seventh.wire.text import printable

USE_SECONDS = 5.0
"""How long the use of a connection may take: TCP sends again four times by then."""
OPEN_SECONDS = 10.0
_ENDINGS: dict[Reason, Ending] = {
    Reason.PEER_CLOSED: "closed",
    Reason.PEER_RESET: "reset",
    Reason.PEER_SILENT: "silent",
}


class Connection(abc.ABC):
    """One connection of a protocol, ready to be left idle."""

    @abc.abstractmethod
    async def idle(self, until_ns: int) -> None:
        """Send nothing of our own until then. Raises Failed when the connection ends before."""

    @abc.abstractmethod
    async def use(self) -> None:
        """Make the peer answer. Raises Failed: peer-closed, peer-reset, peer-silent, others."""

    @abc.abstractmethod
    def quiet_seconds(self) -> float | None:
        """Return how long nothing was sent or received; None if unknown."""

    @abc.abstractmethod
    def close(self) -> None:
        """Close at once."""


Open = Callable[[], Awaitable[Connection]]


class Bytes(Connection):
    """A stream whose protocol is unknown: TCP's own keepalive is the use."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream

    async def idle(self, until_ns: int) -> None:
        """Receive and discard. Raises Failed when the stream ends."""
        await discard(self.stream, until_ns)

    async def use(self) -> None:
        """Send a TCP keepalive. Raises Failed when it is not acknowledged."""
        await self.stream.keepalive()

    def quiet_seconds(self) -> float | None:
        """Return how long no segment with data was sent, and none received."""
        return quiet_seconds(self.stream)

    def close(self) -> None:
        """Close at once."""
        self.stream.close()


async def discard(stream: Stream, until_ns: int) -> None:
    """Receive and discard until then. Raises Failed when the stream ends."""
    stream.expect_silence()

    async def read() -> None:
        data, _ = await stream.receive(until_ns)
        if not data:
            raise Failed(Reason.PEER_CLOSED, "the peer closed the connection")

    await repeat(read, until_ns)


async def repeat(read: Callable[[], Awaitable[object]], until_ns: int) -> None:
    """Repeat ``read``, which is silent at ``until_ns``, until then. Raises its other failures."""
    try:
        while now_ns() < until_ns:
            await read()
    except Failed as failed:
        if failed.reason is not Reason.PEER_SILENT or now_ns() < until_ns:
            raise


def quiet_seconds(stream: Stream) -> float | None:
    """Return for how long TCP has neither sent nor received; None if unknown."""
    info = stream.tcp_info()
    return info.quiet_seconds if info is not None else None


async def measure(
    ctx: ProbeContext,
    transport: Literal["tcp", "quic"],
    open_one: Open,
    *,
    own_seconds: float | None = None,
) -> None:
    """Learn how long idle connections live; nothing without ``--hold`` or where it is denied.

    The hold's time is added to the target's, and its connections to the budget. Raises no Failed:
    that is what is learnt.
    """
    hold = ctx.options.hold_seconds
    if not ctx.holds:
        return
    ages = schedule(hold, own_seconds)
    ctx.grant(len(ages) + 1)
    ctx.extend()
    with ctx.watch.phase("idle"):
        failed = await _control(open_one)
        held = await all_of(_held(open_one, age) for age in ages) if not failed else []
    opened = tuple(each for each in held if each is not None)
    learnt = Idle(
        transport=transport, hold_seconds=hold, own_seconds=own_seconds, failed=failed,
        held=tuple(sorted(opened, key=lambda each: each.seconds)),
        unopened=len(held) - len(opened),
    )  # fmt: skip
    notes = ctx.notes(NetFacts)
    notes.learn(idle=(*notes.facts.idle, learnt))


async def _control(open_one: Open) -> str:
    """Return why a fresh connection cannot be used; empty if it can."""
    try:
        async with Cutoff(OPEN_SECONDS):
            connection = await open_one()
        with contextlib.closing(connection):
            await _use(connection)
    except Failed as failed:
        return printable(failed.detail, 200)
    except DeadlineError:
        return f"no connection was established within {OPEN_SECONDS:g} s"
    return ""


async def _held(open_one: Open, age: float) -> Held | None:
    """Return what became of a connection that was used after ``age``; None if none opened."""
    try:
        async with Cutoff(OPEN_SECONDS):
            connection = await open_one()
    except (Failed, DeadlineError):
        return None
    begun = now_ns()
    with contextlib.closing(connection):
        try:
            await connection.idle(begun + int(used_after(age) * 1e9))
        except Failed as failed:
            # To the kernel, a close in order is traffic.
            closed = failed.reason is Reason.PEER_CLOSED
            seconds = (now_ns() - begun) / 1e9 if closed else _quiet(connection, begun)
            return _ended(failed, seconds, "idle")
        seconds = _quiet(connection, begun)
        try:
            await _use(connection)
        except Failed as failed:
            return _ended(failed, seconds, "use")
    return Held(seconds=seconds, ending="alive")


def _quiet(connection: Connection, begun_ns: int) -> float:
    """Return how long the connection has been idle: since the last data, if any came."""
    since = (now_ns() - begun_ns) / 1e9
    quiet = connection.quiet_seconds()
    return since if quiet is None else min(since, quiet)


async def _use(connection: Connection) -> None:
    try:
        async with Cutoff(USE_SECONDS):
            await connection.use()
    except DeadlineError:
        raise Failed(Reason.PEER_SILENT, f"no answer within {USE_SECONDS:g} s") from None


def _ended(failed: Failed, seconds: float, when: Literal["idle", "use"]) -> Held:
    return Held(
        seconds=seconds, ending=_ENDINGS.get(failed.reason, "unknown"), when=when,
        detail=printable(failed.detail, 200),
    )  # fmt: skip
