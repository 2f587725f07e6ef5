"""The dead man's switch: a signal to a service elsewhere, which stops when watching stops."""

from __future__ import annotations

import asyncio
import functools
import time
from enum import StrEnum

import msgspec

from seventh import protocols
from seventh.engine import deliver
from seventh.model.failure import Failed, UsageError
from seventh.model.options import Options
from seventh.model.target import Target, parse_target
from seventh.notify.sending import Sending
from seventh.watch.config import secret
from seventh.watch.keys import HeartbeatKeys
from seventh.watch.run import Watcher
from seventh.web.message import Request

_SECONDS = 10.0
"""The most that one signal may take, and the time until it is sent again after a failure."""
_TICK_SECONDS = 0.5
STALLED_SECONDS = 30.0
"""A loop that has not turned for so long has stopped."""
UNDELIVERED_SECONDS = 300.0
"""A receiver that refuses alerts for so long is not reached any more."""


class Stopped(StrEnum):
    """What does not work, so that no signal is sent."""

    PULSES = "pulses"
    STORE = "store"
    ALERTS = "alerts"
    """Alerts are not made or not sent."""
    RECEIVER = "receiver"
    """Alerts are sent, and a receiver has not received one for minutes."""


class Signs(msgspec.Struct, frozen=True, kw_only=True):
    """The signs of life of what has to work, in seconds ago."""

    pulses_seconds: float
    stores: bool
    """Whether the last commit succeeded."""
    grouped_seconds: float
    sent_seconds: float
    undelivered_seconds: float = 0.0
    """How long the oldest alert waits that a receiver has refused; 0 without one."""


def stopped(signs: Signs) -> Stopped | None:
    """Return the first part that does not work; None if all do."""
    if signs.pulses_seconds > STALLED_SECONDS:
        return Stopped.PULSES
    if not signs.stores:
        return Stopped.STORE
    if max(signs.grouped_seconds, signs.sent_seconds) > STALLED_SECONDS:
        return Stopped.ALERTS
    return Stopped.RECEIVER if signs.undelivered_seconds > UNDELIVERED_SECONDS else None


def target_of(keys: HeartbeatKeys) -> Target:
    """Return where a signal goes; raises UsageError, which does not show the URL."""
    known = {each: protocols.schemes()[each] for each in ("http", "https")}
    url = secret(keys.url or "")
    try:
        (target,) = parse_target(url, known)
    except (UsageError, ValueError):
        target = None
    if target is None or target.of_bare_host:
        raise UsageError(f"url: what {keys.url} has is not a URL such as https://…")
    return target


class Heartbeats:
    """The signals of all ``[[heartbeat]]`` tables with a URL."""

    def __init__(self, watcher: Watcher, sending: Sending) -> None:
        self._watcher = watcher
        self._sending = sending
        self._due: dict[str, float] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._failed: dict[str, str] = {}
        """Why the last signal of each was not received."""

    async def run(self) -> None:
        """Send signals when they are due, while everything works, until this is cancelled."""
        try:
            while True:
                stop = stopped(self._signs())
                if stop is None:
                    self._begin(time.monotonic())
                self._watcher.health.heartbeats = self._unsent(stop)
                await asyncio.sleep(_TICK_SECONDS)
        finally:
            for task in self._running.values():
                task.cancel()
            await asyncio.gather(*self._running.values(), return_exceptions=True)

    def _unsent(self, stop: Stopped | None) -> dict[str, str]:
        names = [each.name for each in self._watcher.config.heartbeats if each.url is not None]
        if stop is not None:
            return dict.fromkeys(names, f"{stop} stopped")
        return {name: self._failed[name] for name in names if self._failed.get(name)}

    def _signs(self) -> Signs:
        now = time.monotonic()
        refused = [each.since_ns for each in self._watcher.health.waiting.values() if each.error]
        return Signs(
            pulses_seconds=now - self._watcher.turned, stores=not self._watcher.health.store,
            grouped_seconds=now - self._watcher.alerting.looked,
            sent_seconds=now - self._sending.looked,
            undelivered_seconds=(time.time_ns() - min(refused)) / 1e9 if refused else 0.0,
        )  # fmt: skip

    def _begin(self, now: float) -> None:
        for keys in self._watcher.config.heartbeats:
            due = self._due.get(keys.name, 0.0)
            if keys.url is not None and now >= due and keys.name not in self._running:
                self._due[keys.name] = now + keys.every
                task = self._running[keys.name] = asyncio.create_task(self._send(keys))
                task.add_done_callback(functools.partial(self._ended, keys.name))

    def _ended(self, name: str, _: asyncio.Task[None]) -> None:
        del self._running[name]

    async def _send(self, keys: HeartbeatKeys) -> None:
        wanted = Request(authority="", headers=(("User-Agent", "seventh"),))
        try:
            response = await deliver.request(
                target_of(keys), Options(timeout_seconds=_SECONDS), wanted
            )
        except (Failed, UsageError) as error:
            failed = error.reason.value if isinstance(error, Failed) else str(error)
        else:
            failed = "" if 200 <= response.status < 300 else f"status {response.status}"
        self._failed[keys.name] = failed
        if failed:
            self._due[keys.name] = min(self._due[keys.name], time.monotonic() + _SECONDS)
