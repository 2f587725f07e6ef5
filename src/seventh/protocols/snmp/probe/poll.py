"""What an agent is polled for: its uptime, the system group, and the interfaces."""

from __future__ import annotations

from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import now_ns
from seventh.protocols.snmp.client.session import Session
from seventh.protocols.snmp.facts import Interface, Loop, SnmpFacts, System
from seventh.protocols.snmp.probe.bulk import best, measure
from seventh.protocols.snmp.wire.ber import Oid
from seventh.protocols.snmp.wire.message import ABSENT, Binding, Kind
from seventh.protocols.snmp.wire.usm import Cause
from seventh.protocols.snmp.wire.walk import Walk
from seventh.wire.text import printable

MAX_INTERFACES = 4096
_SHOWN = 255
_SYSTEM = (1, 3, 6, 1, 2, 1, 1)
_IF_DESCR = (1, 3, 6, 1, 2, 1, 2, 2, 1, 2)
_IF_SPEED = (1, 3, 6, 1, 2, 1, 2, 2, 1, 5)
_IF_HC_IN = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 6)
_IF_HIGH_SPEED = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 15)
_COLUMNS = (_IF_DESCR, _IF_SPEED, _IF_HC_IN, _IF_HIGH_SPEED)


async def poll_uptime(session: Session) -> Cause | None:
    """Read sysUpTime; return VIEW if the agent shows nothing of the system group. Raises Failed."""
    answer = await session.get_next((*_SYSTEM, 3))
    shown = any(
        binding.oid[: len(_SYSTEM)] == _SYSTEM and binding.kind not in ABSENT
        for binding in answer.bindings
    )
    return None if shown and not answer.error else Cause.VIEW


async def poll(session: Session, ctx: ProbeContext) -> None:
    """Read the system group and the interfaces, and learn how. Raises Failed."""
    notes = ctx.notes(SnmpFacts)
    start = now_ns()
    with ctx.watch.phase("snmp.poll", session.exchange.address.ip):
        notes.learn(system=await _system(session))
        walks = {column: Walk(column, bulk=session.has_bulk) for column in _COLUMNS}
        columns: dict[Oid, dict[int, Binding]] = {}
        before = walks[_IF_DESCR]
        for column, walk in walks.items():
            # What one column has shown holds for the next.
            walk.repetitions, walk.ceiling = before.repetitions, before.ceiling
            columns[column] = await _column(session, walk)
            before = walk
    stuck = next((walk.stuck for walk in walks.values() if walk.stuck is not None), None)
    replies = sum(walk.replies for walk in walks.values())
    rows = sum(walk.rows for walk in walks.values())
    notes.learn(
        interfaces=_interfaces(columns, session),
        poll_seconds=(now_ns() - start) / 1e9,
        bulk_rows=rows / replies if session.has_bulk and replies else None,
        repetitions=before.repetitions if session.has_bulk else None,
        most_rows=max(walk.largest for walk in walks.values()) if session.has_bulk else None,
        too_big=sum(walk.too_big for walk in walks.values()),
        loop=Loop(after=_dotted(stuck.after), found=_dotted(stuck.found)) if stuck else None,
    )
    if session.has_bulk:
        await _measure(session, ctx)


async def _measure(session: Session, ctx: ProbeContext) -> None:
    """Find the best size of GETBULK; after the poll, so that nothing of it is lost."""
    notes = ctx.notes(SnmpFacts)
    with ctx.watch.phase("snmp.bulk", session.exchange.address.ip):
        tried = await measure(session)
    known = notes.facts
    notes.learn(
        bulk=tried, repetitions=best(tried) or known.repetitions,
        most_rows=max(known.most_rows or 0, *(one.rows for one in tried)),
        too_big=known.too_big + sum(one.outcome == "too-big" for one in tried),
    )  # fmt: skip


async def _system(session: Session) -> System:
    answer = await session.get_next(*((*_SYSTEM, arc) for arc in range(1, 7)))
    found = {binding.oid: binding.value for binding in answer.bindings}

    def text(arc: int) -> str:
        value = found.get((*_SYSTEM, arc, 0))
        return printable(value, _SHOWN) if isinstance(value, bytes) else ""

    uptime, kind = found.get((*_SYSTEM, 3, 0)), found.get((*_SYSTEM, 2, 0))
    return System(
        description=text(1), contact=text(4), name=text(5), location=text(6),
        object_id=_dotted(kind) if isinstance(kind, tuple) else "",
        uptime_seconds=uptime / 100 if isinstance(uptime, int) else None,
    )  # fmt: skip


async def _column(session: Session, walk: Walk) -> dict[int, Binding]:
    """Return a column's rows by their index."""
    found: dict[int, Binding] = {}
    async for rows in session.walk(walk):
        found.update((row.oid[-1], row) for row in rows)
        if len(found) >= MAX_INTERFACES:
            break
    return found


def _interfaces(columns: dict[Oid, dict[int, Binding]], session: Session) -> tuple[Interface, ...]:
    return tuple(
        Interface(
            index=index,
            name=printable(row.value, _SHOWN) if isinstance(row.value, bytes) else "",
            speed_mbps=_speed(columns[_IF_HIGH_SPEED].get(index), columns[_IF_SPEED].get(index)),
            # Version 1 has no 64-bit counters (RFC 3584 §4.2.2.1), whatever the agent has.
            has_64_bit=_is_64_bit(columns[_IF_HC_IN].get(index)) if session.has_bulk else None,
        )
        for index, row in columns[_IF_DESCR].items()
    )


def _is_64_bit(row: Binding | None) -> bool:
    return row is not None and row.kind is Kind.COUNTER64


def _speed(high: Binding | None, low: Binding | None) -> int | None:
    """Return the speed in Mbit/s: ifHighSpeed, or else ifSpeed, which has bit/s."""
    if high is not None and isinstance(high.value, int):
        return high.value
    return low.value // 10**6 if low is not None and isinstance(low.value, int) else None


def _dotted(oid: Oid) -> str:
    return ".".join(map(str, oid))
