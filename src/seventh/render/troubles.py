"""What is wrong with a process that watches, and not with a target, in words."""

from __future__ import annotations

from typing import Literal

from seventh.render.presentation import count
from seventh.render.summary import duration
from seventh.watch.alerts import VANTAGE
from seventh.watch.run import Watcher
from seventh.watch.verdict import Condition

Trouble = Literal[
    "without a network",
    "without a store",
    "without a history",
    "without a status page",
    "in need of a restart",
    "short of memory",
    "damaged",
    "overloaded",
    "short of a receiver",
    "without a heartbeat",
]


def troubles(watcher: Watcher, now_ns: int) -> dict[Trouble, str]:
    """Return what is wrong with this process, and not with a target."""
    health = watcher.health
    found: dict[Trouble, str] = {}
    if (VANTAGE, Condition.UNKNOWN, "") in watcher.fleet.alerts:
        found["without a network"] = (
            "this machine has lost its network: of targets that fail nothing is known"
        )
    if health.store:
        found["without a store"] = f"nothing can be stored: {health.store}"
    if health.serve:
        found["in need of a restart"] = f"[serve]: applies after a restart: {health.serve}"
    if health.history:
        found["without a history"] = f"history: {health.history}"
    if health.status:
        found["without a status page"] = f"status page: {health.status}"
    if health.dropped:
        found["short of memory"] = f"{count(health.dropped, 'pulse')} lost: no place to store them"
    if health.damaged:
        found["damaged"] = f"{count(health.damaged, 'part')} of the journal damaged and ignored"
    refused = {name: each for name, each in health.waiting.items() if each.error}
    if refused:
        found["short of a receiver"] = "; ".join(
            f"{count(each.count, 'notification')} not received by {name}: {each.error}"
            for name, each in refused.items()
        )
    if health.heartbeats:
        found["without a heartbeat"] = "; ".join(
            f"heartbeat {name} not sent: {why}" for name, why in health.heartbeats.items()
        )
    if health.overloaded(now_ns):
        late, skipped = duration(health.lag_ns / 1e9), health.skipped_lately(now_ns)
        found["overloaded"] = (
            f"overloaded: pulses begin up to {late} late, {skipped} of the last minute were skipped"
        )
    return found
