"""The polls: each device at its own instant, a bounded number at once, partial results kept."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine, Sequence

import msgspec

from seventh.model.failure import Failed, Reason
from seventh.net.resolve import addresses_of, no_address
from seventh.net.stopwatch import now_ns
from seventh.protocols.snmp import SnmpOptions
from seventh.protocols.snmp.client.session import Session
from seventh.protocols.snmp.client.shown import row_of
from seventh.protocols.snmp.wire.ber import Oid
from seventh.protocols.snmp.wire.message import ABSENT, Binding, Kind
from seventh.protocols.snmp.wire.walk import Walk
from seventh.watch.polling.devices import Device
from seventh.watch.polling.exchange import PooledExchange, Switchboard
from seventh.watch.polling.rates import UPTIME, Rates
from seventh.watch.schedule import Schedule, phase_ns
from seventh.watch.traps.records import timestamp

SCHEMA = "seventh.poll/1"
MAX_AT_ONCE = 1000
LONGEST = 0.9
"""The share of its interval that a poll may take."""
_PER_GET = 24
_RESOLVED_NS = 300 * 10**9
_TICK_SECONDS = 1.0


class Value(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An object of a poll."""

    oid: str
    name: str
    type: Kind
    value: int | float | str | None
    rate_per_second: float | None = None
    """Of a counter, since the poll before."""


class Poll(msgspec.Struct, frozen=True, kw_only=True):
    """One poll of a device."""

    schema: str
    device: str
    at: str
    seconds: float
    complete: bool
    error: str
    """Why it is not complete, or nothing was read; else empty."""
    requests: int
    late_seconds: float
    values: tuple[Value, ...]


class Poller:
    """Polls one device; engine, key and address are kept from poll to poll."""

    def __init__(self, device: Device, board: Switchboard) -> None:
        self.device = device
        self._board = board
        self._session: Session | None = None
        self._resolved_ns = 0
        self._rates = Rates()

    async def poll(self, late_seconds: float = 0.0) -> Poll:
        """Poll once, for 0.9 of the interval at most. What was read until an error is kept."""
        found: dict[Oid, tuple[Binding, int]] = {}
        wall_ns, begun = time.time_ns(), now_ns()
        before = self._session.exchange.requests if self._session is not None else 0
        error = ""
        try:
            async with asyncio.timeout(LONGEST * self.device.every_ns / 1e9):
                await self._read(found)
        except TimeoutError:
            error = f"not read within {LONGEST * self.device.every_ns / 1e9:g} s"
        except Failed as failed:
            error = f"{failed.reason}: {failed.detail}"
            if failed.reason is Reason.NO_REPLY:
                self._resolved_ns = 0  # it may have moved
        uptime = found.get(UPTIME)
        ticks = uptime[0].value if uptime is not None else None
        self._rates.begin(ticks if isinstance(ticks, int) else None)
        requests = self._session.exchange.requests if self._session is not None else 0
        return Poll(
            schema=SCHEMA, device=self.device.name, at=timestamp(wall_ns),
            seconds=(now_ns() - begun) / 1e9, complete=not error, error=error,
            requests=max(0, requests - before), late_seconds=late_seconds,
            values=tuple(self._value(*found[oid]) for oid in sorted(found)),
        )  # fmt: skip

    def _value(self, binding: Binding, at_ns: int) -> Value:
        row = row_of(binding)
        return Value(
            oid=row.oid, name=row.name, type=row.type, value=row.value,
            rate_per_second=self._rates.rate(binding, at_ns),
        )  # fmt: skip

    async def _read(self, found: dict[Oid, tuple[Binding, int]]) -> None:
        session = await self._opened()
        wanted = self.device.wanted
        rest = [oid for oid in wanted.instances if oid != UPTIME]
        await self._get(session, [UPTIME, *rest[: _PER_GET - 1]], found)  # alone: it may discover
        gate = asyncio.Semaphore(self.device.in_flight)

        async def gets(oids: list[Oid]) -> None:
            async with gate:
                await self._get(session, oids, found)

        async def walks(root: Oid) -> None:
            async with gate:
                await self._walk(session, root, found)

        async with _Group() as group:
            for at in range(_PER_GET - 1, len(rest), _PER_GET):
                group.start(gets(rest[at : at + _PER_GET]))
            for root in wanted.subtrees:
                group.start(walks(root))

    async def _get(
        self, session: Session, oids: list[Oid], found: dict[Oid, tuple[Binding, int]]
    ) -> None:
        answer = await session.get(*oids)
        if answer.error and len(oids) > 1:  # version 1 refuses all for one (RFC 1157 §4.1.2)
            for oid in oids:
                await self._get(session, [oid], found)
            return
        self._add(answer.bindings if not answer.error else (), found)

    async def _walk(
        self, session: Session, root: Oid, found: dict[Oid, tuple[Binding, int]]
    ) -> None:
        walk = Walk(root, bulk=session.has_bulk)
        async for rows in session.walk(walk):
            self._add(rows, found)
            if len(found) >= self.device.max_rows:
                raise Failed(
                    Reason.BUDGET_EXCEEDED, f"more than max-rows = {self.device.max_rows} objects"
                )
        if walk.stuck is not None:
            raise Failed(Reason.PROTOCOL_VIOLATION, "a table of the agent does not increase")

    @staticmethod
    def _add(bindings: Sequence[Binding], found: dict[Oid, tuple[Binding, int]]) -> None:
        at_ns = now_ns()
        for each in bindings:
            if each.kind not in ABSENT and each.kind is not Kind.NULL:
                found[each.oid] = each, at_ns

    async def _opened(self) -> Session:
        """Return the session, with an address that was looked up lately. Raises Failed."""
        now = now_ns()
        if self._session is not None and now - self._resolved_ns < _RESOLVED_NS:
            return self._session
        device = self.device
        addresses, lookups = await addresses_of(
            device.target.host, device.target.port, device.options,
            now + round(LONGEST * device.every_ns),
        )  # fmt: skip
        if not addresses:
            raise no_address(device.target.host, lookups)
        self._resolved_ns = now
        if self._session is None or self._session.exchange.address != addresses[0]:
            exchange = PooledExchange(self._board, addresses[0], device.options.of(SnmpOptions))
            self._session = Session(None, addresses[0], device.identity, exchange)
        return self._session


class _Group:
    """Tasks of which all end before the first error is raised: what they read is kept."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, work: Coroutine[None, None, None]) -> None:
        self._tasks.append(asyncio.ensure_future(work))

    async def __aenter__(self) -> _Group:
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            ended = await asyncio.gather(*self._tasks, return_exceptions=True)
        finally:
            for task in self._tasks:
                task.cancel()
        for each in ended:
            if isinstance(each, BaseException):
                raise each


Show = Callable[[Poll], None]


async def poll_all(
    devices: Sequence[Device], show: Show, stop: asyncio.Event, *, once: bool
) -> int:
    """Poll every device at its slots until ``stop``, or each one once; return how many failed."""
    board = Switchboard()
    pollers = [Poller(device, board) for device in devices]
    failed = 0

    def shown(poll: Poll) -> None:
        nonlocal failed
        failed += not poll.complete
        show(poll)

    stopping = asyncio.create_task(stop.wait())
    try:
        if once:
            gate = asyncio.Semaphore(MAX_AT_ONCE)

            async def one(poller: Poller) -> None:
                async with gate:
                    shown(await poller.poll())

            whole = asyncio.gather(*map(one, pollers))
            await asyncio.wait((whole, stopping), return_when=asyncio.FIRST_COMPLETED)
            if whole.done():
                whole.result()
            else:
                whole.cancel()
        else:
            await _poll_when_due(pollers, shown, stopping)
    finally:
        stopping.cancel()
        board.pool.close()
    return failed


async def _poll_when_due(pollers: list[Poller], show: Show, stopping: asyncio.Task[bool]) -> None:
    schedule = Schedule()
    for number, poller in enumerate(pollers):
        device = poller.device
        phase = phase_ns(device.name, "", device.every_ns)
        schedule.put(number, phase, device.every_ns, time.time_ns())
    running: set[asyncio.Task[None]] = set()

    async def run(number: int, at_ns: int) -> None:
        try:
            show(await pollers[number].poll((time.time_ns() - at_ns) / 1e9))
        finally:
            schedule.ended(number)

    try:
        while not stopping.done():
            for slot in schedule.due(time.time_ns(), MAX_AT_ONCE - len(running)):
                running.add(asyncio.create_task(run(slot.target, slot.at_ns)))
            for task in [each for each in running if each.done()]:
                running.discard(task)
                task.result()
            full = len(running) >= MAX_AT_ONCE
            next_ns = None if full else schedule.next_ns()
            wait = _TICK_SECONDS if next_ns is None else (next_ns - time.time_ns()) / 1e9
            await asyncio.wait(
                [stopping, *(running if full else ())],
                timeout=min(max(wait, 0.001), _TICK_SECONDS),
                return_when=asyncio.FIRST_COMPLETED,
            )
    finally:
        for task in running:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*running, return_exceptions=True)
