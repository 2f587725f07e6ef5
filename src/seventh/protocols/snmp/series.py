"""The series of an SNMP agent: its engine, its restarts, and how long polls take."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import ClassVar

from seventh.model.facts import Facts
from seventh.model.look import Look
from seventh.protocols.snmp.facts import SnmpFacts

_DAY_NS = 86_400 * 10**9
_WRAP_SECONDS = 2**32 / 100
"""When sysUpTime, in hundredths of a second, begins at 0 again (RFC 3418)."""
_NEAR_SECONDS = 600.0
_SAME_NS = 30 * 10**9
"""How far the starts of one engine may differ, as two targets see them."""
_POLLS = 8
_MOST = 16


class AgentSeries(Facts, frozen=True, kw_only=True):
    """What is remembered of an agent."""

    ROOM: ClassVar[str] = "snmp-series"
    OWNER: ClassVar[str] = "snmp"

    since_ns: int | None = None
    last_ns: int = 0
    host: str = ""
    engine_id: str = ""
    boots: int | None = None
    started_ns: int = 0
    """When the engine's time was 0."""
    steady_ns: int = 0
    """Since when it has been this id, boots and start."""
    uptime_seconds: float | None = None
    restarts_ns: tuple[int, ...] = ()
    """Within a day."""
    polls_seconds: tuple[float, ...] = ()
    every_seconds: float = 0.0
    compared: int = 0
    """How many other targets have an engine whose id is known."""
    twins: tuple[str, ...] = ()
    """Other hosts with this engine id, which are other agents."""


SERIES = AgentSeries


def add(series: AgentSeries, look: Look) -> AgentSeries:
    """Add what one look showed of the agent."""
    snmp = look.facts.get(SnmpFacts.ROOM)
    if not isinstance(snmp, SnmpFacts) or (snmp.engine is None and snmp.poll_seconds is None):
        return series
    restarts = tuple(each for each in series.restarts_ns if each > look.at_ns - _DAY_NS)
    if _restarted(series, snmp, look.at_ns):
        restarts += (look.at_ns,)
    changed = series.learn(
        since_ns=series.since_ns if series.since_ns is not None else look.at_ns,
        last_ns=look.at_ns, host=look.host, every_seconds=look.every_seconds,
        restarts_ns=restarts[-_MOST:],
    )  # fmt: skip
    if (engine := snmp.engine) is not None:
        started_ns = look.at_ns - engine.time_seconds * 10**9
        same = (engine.id, engine.boots) == (series.engine_id, series.boots) and (
            abs(started_ns - series.started_ns) <= _SAME_NS
        )
        changed = changed.learn(
            engine_id=engine.id, boots=engine.boots,
            started_ns=series.started_ns if same else started_ns,
            steady_ns=series.steady_ns if same else look.at_ns,
        )  # fmt: skip
    if snmp.system is not None and snmp.system.uptime_seconds is not None:
        changed = changed.learn(uptime_seconds=snmp.system.uptime_seconds)
    if snmp.poll_seconds is not None:
        polls = (*series.polls_seconds, snmp.poll_seconds)[-_POLLS:]
        changed = changed.learn(polls_seconds=polls)
    return changed


def _restarted(series: AgentSeries, snmp: SnmpFacts, at_ns: int) -> bool:
    """Return whether boots rose, or sysUpTime fell and had not reached its end."""
    engine = snmp.engine
    if engine is not None and engine.id == series.engine_id and series.boots is not None:
        return engine.boots > series.boots
    uptime = snmp.system.uptime_seconds if snmp.system is not None else None
    if uptime is None or series.uptime_seconds is None or uptime >= series.uptime_seconds:
        return False
    reached = series.uptime_seconds + (at_ns - series.last_ns) / 1e9
    return reached < _WRAP_SECONDS - _NEAR_SECONDS


def beside(every: Mapping[str, AgentSeries]) -> dict[str, AgentSeries]:
    """Return the series of targets with the other agents that have the same engine id.

    The same boots and the same start are the same agent by another name.
    """
    by_id: dict[str, list[AgentSeries]] = defaultdict(list)
    for series in every.values():
        if series.engine_id:
            by_id[series.engine_id].append(series)
    known = sum(map(len, by_id.values()))
    found: dict[str, AgentSeries] = {}
    for name, series in every.items():
        if series.engine_id:
            twins = {e.host for e in by_id[series.engine_id] if _is_another(series, e)}
            found[name] = series.learn(compared=known - 1, twins=tuple(sorted(twins)[:_MOST]))
    return found


def _is_another(one: AgentSeries, other: AgentSeries) -> bool:
    # Only while one did not change before and after the other was seen: it may have restarted.
    overlap = max(one.steady_ns, other.steady_ns) < min(one.last_ns, other.last_ns)
    if one.host == other.host or not overlap:
        return False
    return one.boots != other.boots or abs(one.started_ns - other.started_ns) > _SAME_NS
