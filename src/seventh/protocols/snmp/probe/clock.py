"""The agent's time of day, beside this machine's."""

from __future__ import annotations

from seventh.net.clock import clock_error_seconds, wall_and_raw_seconds
from seventh.protocols.snmp.client.session import Session
from seventh.protocols.snmp.facts import Clock
from seventh.protocols.snmp.wire.date_and_time import parse
from seventh.protocols.snmp.wire.message import Kind

_HR_SYSTEM_DATE = (1, 3, 6, 1, 2, 1, 25, 1, 2, 0)


async def read_clock(session: Session) -> Clock:
    """Read hrSystemDate, and compare it with the time halfway through the request."""
    before, _ = wall_and_raw_seconds()
    answer = await session.get(_HR_SYSTEM_DATE)
    after, _ = wall_and_raw_seconds()
    value = next((each for each in answer.bindings if each.kind is Kind.OCTETS), None)
    if answer.error or value is None or not isinstance(value.value, bytes):
        return Clock(outcome="absent")
    moment = parse(value.value)
    if moment is None:
        return Clock(outcome="invalid")
    if moment.unix_seconds is None:
        return Clock(outcome="no-zone")
    half = moment.resolution_seconds / 2  # agents cut what is below the resolution
    return Clock(
        outcome="read",
        offset_seconds=moment.unix_seconds + half - (before + after) / 2,
        uncertainty_seconds=half + (after - before) / 2,
        own_error_seconds=clock_error_seconds(),
    )
