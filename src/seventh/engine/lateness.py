"""How late this process is: a timeout on an overloaded machine may not be the peer's fault."""

from __future__ import annotations

import asyncio

from seventh.model.failure import Failed, Reason
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import now_ns

_TICK_NS = 50_000_000
_BY_TIME = frozenset({
    Reason.RESOLVE_TIMEOUT, Reason.CONNECT_TIMEOUT, Reason.NO_REPLY,
    Reason.PEER_SILENT, Reason.BUDGET_EXCEEDED,
})  # fmt: skip
"""The failures that a deadline causes."""
_MOST = 0.5
"""The share of a check that may be lateness while its timeouts are still the peer's."""


class Lateness:
    """The total time by which the event loop's timers were late."""

    def __init__(self) -> None:
        self._late_ns = 0

    async def watch(self) -> None:
        """Count until cancelled."""
        while True:
            due = now_ns() + _TICK_NS
            await asyncio.sleep(_TICK_NS / 1e9)
            self._late_ns += max(0, now_ns() - due)

    def seconds(self) -> float:
        """Return the total so far, in seconds; only differences are meaningful."""
        return self._late_ns / 1e9

    def excuse(self, ctx: ProbeContext, since_seconds: float) -> None:
        """Blame this machine for a timeout while this process was late.

        ``since_seconds`` is what :meth:`seconds` was when the check began.
        """
        late, whole = self.seconds() - since_seconds, ctx.watch.elapsed_seconds()
        failed = ctx.failure
        if failed is not None and failed.reason in _BY_TIME and late > _MOST * whole:
            ctx.failure = Failed(
                Reason.LOCAL_RESOURCE,
                f"this machine was too busy: for {late:.1f} of {whole:.1f} s it could not read "
                "replies in time; use a smaller --parallel or a longer --timeout",
                phase=failed.phase,
            )
