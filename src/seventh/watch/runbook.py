"""The full check that the first failure of a target starts: few at once, and few a minute."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from seventh.engine.check import check_one
from seventh.engine.checklist import judge
from seventh.model.netfacts import NetFacts
from seventh.model.report import Report
from seventh.model.tlsfacts import TlsFacts
from seventh.watch.config import WatchedTarget
from seventh.watch.evidence import Evidence, Line

AT_ONCE = 8
A_MINUTE = 60
MOST_WAITING = 200
_KEPT = 500
"""Results that are kept in memory."""
_FINDINGS = 20

Found = Callable[[int, Report, int], None]
"""Called with a target, the report of its full check, and when that began."""


class Runbook:
    """Full checks of targets that fail; each has one until it is forgotten.

    A storm of failures starts a few, the others wait; alerts do not wait long for them.
    """

    def __init__(self, found: Found) -> None:
        self._found = found
        self._waiting: dict[int, WatchedTarget] = {}
        self._running: dict[int, asyncio.Task[None]] = {}
        self._started: deque[float] = deque()
        self._evidence: OrderedDict[int, Evidence] = OrderedDict()
        self.changed = asyncio.Event()
        """Set when a check has ended."""

    @property
    def is_idle(self) -> bool:
        """Whether no check runs or waits."""
        return not self._running and not self._waiting

    def ask(self, number: int, target: WatchedTarget) -> None:
        """Have a target checked that has no result yet, unless too many wait."""
        known = (self._running, self._waiting, self._evidence)
        if len(self._waiting) < MOST_WAITING and not any(number in each for each in known):
            self._waiting[number] = target
            self.start()

    def start(self) -> None:
        """Start the checks that wait, as far as that is allowed now."""
        while self._waiting and self._allowed():
            number = next(iter(self._waiting))
            self._started.append(time.monotonic())
            self._running[number] = asyncio.create_task(
                self._check(number, self._waiting.pop(number))
            )

    def evidence(self, number: int) -> Evidence | None:
        """Return the result of a target's check."""
        return self._evidence.get(number)

    def forget(self, number: int) -> None:
        """Forget a target's result: it is good again, and its next failure starts another check."""
        self._evidence.pop(number, None)
        self._waiting.pop(number, None)
        if (task := self._running.pop(number, None)) is not None:
            task.cancel()

    async def aclose(self) -> None:
        """End the checks that are running."""
        self._waiting.clear()
        tasks = [*self._running.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._running.clear()

    def _allowed(self) -> bool:
        now = time.monotonic()
        while self._started and self._started[0] <= now - 60:
            self._started.popleft()
        return len(self._running) < AT_ONCE and len(self._started) < A_MINUTE

    async def _check(self, number: int, target: WatchedTarget) -> None:
        at_ns = time.time_ns()
        try:
            report = await check_one(target.target, target.options)
            self._evidence[number] = evidence_of(report, at_ns)
            if len(self._evidence) > _KEPT:
                self._evidence.popitem(last=False)
            self._found(number, report, at_ns)
        finally:
            if self._running.get(number) is asyncio.current_task():
                del self._running[number]
            self.start()
            self.changed.set()


def evidence_of(report: Report, at_ns: int) -> Evidence:
    """Return what an alert shows of a report."""
    net, tls = report.facts.get(NetFacts.ROOM), report.facts.get(TlsFacts.ROOM)
    address = issuer = ""
    if isinstance(net, NetFacts):
        address = next((each.address for each in net.attempts), "")
    if isinstance(tls, TlsFacts) and tls.chain:
        issuer = tls.chain[0].issuer
    return Evidence(
        at_ns=at_ns, failure=report.failure, phases=report.phases,
        findings=tuple(sorted(report.findings, key=lambda each: each.order))[:_FINDINGS],
        lines=tuple(
            Line(
                room=each.room, text=each.line.text, verdict=each.verdict,
                found=tuple(dict.fromkeys(finding.id for finding in each.found)),
            )
            for each in judge(report)
        ),
        address=address, issuer=issuer,
    )  # fmt: skip
