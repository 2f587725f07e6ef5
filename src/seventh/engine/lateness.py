"""How late this process is: what a peer seems to have missed may have been ours to read."""

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
"""The failures that a deadline gives."""
_MOST = 0.5
"""The part of a talk that may have been lateness while its deadlines still say something."""


class Lateness:
    """How long, in all, the event loop came later than it was asked to."""

    def __init__(self) -> None:
        self._late_ns = 0

    async def watch(self) -> None:
        """Count until cancelled."""
        while True:
            due = now_ns() + _TICK_NS
            await asyncio.sleep(_TICK_NS / 1e9)
            self._late_ns += max(0, now_ns() - due)

    def seconds(self) -> float:
        """Return how late it has been so far, in seconds; only differences mean something."""
        return self._late_ns / 1e9

    def excuse(self, ctx: ProbeContext, since_seconds: float) -> None:
        """Take the blame from the peer where a deadline passed and this process was late.

        ``since_seconds`` is what :meth:`seconds` was when the talk began.
        """
        late, whole = self.seconds() - since_seconds, ctx.watch.elapsed_seconds()
        failed = ctx.failure
        if failed is not None and failed.reason in _BY_TIME and late > _MOST * whole:
            ctx.failure = Failed(
                Reason.LOCAL_RESOURCE,
                f"this machine was too busy to say: for {late:.1f} of {whole:.1f} s answers could "
                "not be read in time; use a smaller --parallel or a longer --timeout",
                phase=failed.phase,
            )
