"""From alerts that fire to notifications in the outbox: the full check first, then the grouping."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Protocol

from seventh.model.report import Finding, Report
from seventh.model.severity import Severity
from seventh.watch import findings, outbox
from seventh.watch.alerts import VANTAGE, Alert
from seventh.watch.checking import Checking
from seventh.watch.config import Config, WatchedTarget
from seventh.watch.evidence import Evidence, common_of
from seventh.watch.fleet import Fleet
from seventh.watch.grouping import Member, Suspect, group
from seventh.watch.heartbeats import Heartbeat
from seventh.watch.objectives import Objectives
from seventh.watch.policies import matches
from seventh.watch.runbook import Runbook
from seventh.watch.samples import Cause, Outcome, Pulse
from seventh.watch.store import Store, StoreError
from seventh.watch.verdict import Condition

PATIENCE_SECONDS = 1.5
"""How long an alert waits for its full check: one that takes longer is not shown in it."""
_PASS_SECONDS = 1.0
THIS_MACHINE = "this machine"


class Watching(Protocol):
    """What is watched, as far as alerts need it."""

    config: Config
    targets: dict[int, WatchedTarget]
    heartbeats: dict[int, Heartbeat]
    fleet: Fleet
    reported_check: Callable[[int, Report], None] | None
    checking: Checking
    objectives: Objectives

    def silenced(self, number: int, at_ns: int) -> bool:
        """Return whether a target is silenced at a time."""


class Alerting:
    """Alerts that wait for their full check, and the targets that fail."""

    def __init__(self, store: Store, watching: Watching) -> None:
        self._store = store
        self._watching = watching
        self._failing: set[int] = set()
        self._waiting: dict[int, float] = {}
        """Until when each alert waits for its full check, by the clock of the event loop."""
        self._runbook = Runbook(self._found)
        self.looked = time.monotonic()
        """When alerts were last looked at, by the monotonic clock."""
        self.queued = asyncio.Event()
        """Set when there is something to send."""

    def observe(self, pulse: Pulse) -> None:
        """Take one more pulse: a target's first failure starts its full check."""
        if pulse.outcome is Outcome.FAILED:
            self._failing.add(pulse.target)
            self._ask(pulse.target)
        elif pulse.outcome is Outcome.OK and pulse.target in self._failing:
            self._failing.remove(pulse.target)
            self._runbook.forget(pulse.target)

    def look(self) -> None:
        """Look now whether alerts have fired or ended."""
        self._runbook.changed.set()

    async def run(self) -> None:
        """Group what has fired, and end what has ended, until this is cancelled."""
        try:
            while True:
                with contextlib.suppress(StoreError):  # health has it; tried again
                    await self._look()
                    self.looked = time.monotonic()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._pause()):
                        await self._runbook.changed.wait()
                self._runbook.changed.clear()
        finally:
            await self._runbook.aclose()

    def _pause(self) -> float:
        now = asyncio.get_running_loop().time()
        soonest = min(self._waiting.values(), default=now + _PASS_SECONDS)
        return min(_PASS_SECONDS, max(0.01, soonest - now))

    async def _look(self) -> None:
        self._runbook.start()
        now_ns = time.time_ns()
        await asyncio.wrap_future(self._store.run(
            lambda db: findings.review(db, self._is_wanted, self._watching.silenced, now_ns)
        ))  # fmt: skip
        fired = await asyncio.wrap_future(self._store.run(outbox.pending))
        ready = [each for each in fired if self._is_ready(*each)]
        self._waiting = {number: self._waiting[number] for number, _ in fired}
        if not ready:
            await asyncio.wrap_future(self._store.run(lambda db: outbox.settle(db, now_ns)))
            self.queued.set()
            return
        open_ = await asyncio.wrap_future(self._store.run(outbox.still_open))
        grouped = group(
            [self._suspect(alert, number) for number, alert in ready],
            self._failing_suspects(),
            open_,
        )
        await asyncio.wrap_future(self._store.run(lambda db: outbox.notify(db, grouped, now_ns)))
        for _, alert in ready:
            if alert.target not in self._failing:  # it is slow; its next alert has its own check
                self._runbook.forget(alert.target)
        self.queued.set()

    def _is_ready(self, incident: int, alert: Alert) -> bool:
        """Return whether the full checks have ended, or have had long enough.

        An alert waits for those of other targets, too: they may have its cause.
        """
        # The check of a finding has ended; an objective has none.
        if alert.finding is not None or alert.kind is Condition.BURNING:
            self._waiting.setdefault(incident, 0.0)
            return True
        now = asyncio.get_running_loop().time()
        until = self._waiting.setdefault(incident, now + PATIENCE_SECONDS)
        if now < until:
            self._ask(alert.target)
        return now >= until or self._runbook.is_idle

    def _ask(self, number: int) -> None:
        """Start the full check of a target, unless something that it needs fails."""
        target = self._watching.targets.get(number)
        if target is not None and not self._watching.fleet.has_failing_parent(number):
            self._runbook.ask(number, target)

    def _is_wanted(self, number: int, severity: Severity) -> bool:
        """Return whether an alert of a finding is still one."""
        target = self._watching.targets.get(number)
        bar = target.policy.findings if target is not None else None
        return bar is not None and severity.reaches(bar)

    def _found(self, number: int, report: Report, at_ns: int) -> None:
        self._watching.checking.note(findings.looked(number, report, at_ns))
        if self._watching.reported_check is not None:
            self._watching.reported_check(number, report)

    def _suspect(self, alert: Alert, incident: int) -> Suspect:
        return self._made(
            alert.target, alert.kind, alert.phase, alert.since_ns, alert.cause, incident,
            alert.finding,
        )  # fmt: skip

    def _failing_suspects(self) -> Iterator[Suspect]:
        """Yield the targets that fail, without those that may fail because of a parent."""
        fleet = self._watching.fleet
        for number, state in fleet.states.items():
            if state.failing and not fleet.has_failing_parent(number):
                yield self._made(
                    number, Condition.DOWN, "", state.down.bad_since_ns, state.cause, None
                )

    def _made(
        self,
        number: int,
        kind: Condition,
        phase: str,
        since_ns: int,
        cause: Cause | None,
        incident: int | None,
        finding: Finding | None = None,
    ) -> Suspect:
        target = self._watching.targets.get(number)
        objective = self._watching.objectives.by_number.get(number)
        evidence = self._runbook.evidence(number)
        if objective is not None:
            evidence = self._watching.objectives.evidence(number, phase)
        if finding is not None:
            evidence = Evidence(at_ns=since_ns, findings=(finding,))
        host = target.target.host if target is not None else ""
        watched = target or self._watching.heartbeats.get(number) or objective
        labels = watched.labels if watched is not None else {}
        if objective is not None:
            labels = labels | {"severity": phase}
        name = THIS_MACHINE if number == VANTAGE else f"target {number}"
        member = Member(
            name=watched.name if watched is not None else name,
            url=str(target.target) if target is not None else "",
            labels=labels, since_ns=since_ns, cause=cause,
        )  # fmt: skip
        return Suspect(
            target=number, member=member, incident=incident, evidence=evidence,
            common=common_of(kind, phase, cause, host, evidence),
            receivers=tuple(
                each.name
                for each in self._watching.config.notify
                if number == VANTAGE or matches(each.match, labels)
            ),
        )  # fmt: skip
