"""How many rows of one reply arrive: GETBULK of growing size, and then of shrinking size."""

from __future__ import annotations

from seventh.model.failure import Failed, Reason
from seventh.net.stopwatch import now_ns
from seventh.protocols.snmp import SnmpOptions
from seventh.protocols.snmp.client.session import Session
from seventh.protocols.snmp.facts import BulkTry
from seventh.protocols.snmp.wire.message import ABSENT, Binding, ErrorStatus, Pdu, PduType

GROWING = (10, 25, 50)
SHRINKING = (5, 2, 1)
"""What is tried where the first size fails."""
MIN_ATTEMPTS = 2
"""One lost datagram is no limit."""
_IF_X_ENTRY = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1)


async def measure(session: Session) -> tuple[BulkTry, ...]:
    """Return what became of each size, up to the first that fails. Raises Failed."""
    tried: list[BulkTry] = []
    for size in GROWING:
        tried.append(await _try(session, size))
        if tried[-1].outcome != "answered":
            break
    if len(tried) > 1 or tried[0].outcome == "answered":
        return tuple(tried)
    for size in SHRINKING:
        tried.append(await _try(session, size))
        if tried[-1].outcome == "answered":
            break
    return tuple(tried)


def best(tried: tuple[BulkTry, ...]) -> int | None:
    """Return the repetitions that gave the most rows a second; None if nothing was answered."""
    answered = [one for one in tried if one.outcome == "answered" and one.seconds > 0]
    if not answered:
        return None
    return max(answered, key=lambda one: one.rows / one.seconds).repetitions


async def _try(session: Session, size: int) -> BulkTry:
    pdu = Pdu(type=PduType.GETBULK, index=size, bindings=(Binding(_IF_X_ENTRY),))
    attempts = max(MIN_ATTEMPTS, session.exchange.ctx.options.of(SnmpOptions).retries + 1)
    start = now_ns()
    try:
        answer = await session.ask(pdu, attempts)
    except Failed as failed:
        if failed.reason is not Reason.NO_REPLY:
            raise
        return BulkTry(
            repetitions=size, outcome="lost", attempts=attempts, seconds=(now_ns() - start) / 1e9
        )
    return BulkTry(
        repetitions=size,
        outcome="too-big" if answer.status is ErrorStatus.TOO_BIG else "answered",
        rows=sum(binding.kind not in ABSENT for binding in answer.bindings),
        octets=session.exchange.octets,
        seconds=(now_ns() - start) / 1e9,
    )
