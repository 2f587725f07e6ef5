"""Alertmanager's API, version 2. It forgets an alert that is not sent again, so each is."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from seventh.notify.message import message_of
from seventh.notify.receiver import Receiver
from seventh.notify.webhook import post
from seventh.watch.outbox import Due
from seventh.watch.verdict import Condition

REPEAT_SECONDS = 60.0
_LIVES = dt.timedelta(seconds=5 * REPEAT_SECONDS)
"""How long an alert lives that is not sent again: when Seventh ends, so do its alerts."""
_NAME = re.compile(r"[^A-Za-z0-9_]")
_NAMES = {
    Condition.DOWN: "SeventhTargetDown", Condition.DEGRADED: "SeventhTargetSlow",
    Condition.FINDING: "SeventhFinding", Condition.BURNING: "SeventhBudgetBurning",
    Condition.UNKNOWN: "SeventhWithoutNetwork",
}  # fmt: skip


async def send(receiver: Receiver, dues: Sequence[Due], now: dt.datetime) -> None:
    """Send notifications, or send them again. Raises NotReceivedError."""
    target = receiver.target()
    path = f"{target.path.rstrip('/')}/api/v2/alerts"
    await post(receiver, replace(target, path=path), [alert(due, now) for due in dues])


def alert(due: Due, now: dt.datetime) -> dict[str, Any]:
    """Return one notification in Alertmanager's form; its labels are the same at its end."""
    message, notification = message_of(due), due.notification
    data = message.data
    ends = now + _LIVES
    if due.resolved_ns is not None:
        ends = dt.datetime.fromtimestamp(due.resolved_ns / 1e9, dt.UTC)
    labels = {
        "alertname": _NAMES[notification.common.kind], "notification": str(due.number),
        "reason": data["reason"], "phase": data["phase"], "blame": data["blame"],
        "target": data["targets"][0]["name"] if data["count"] == 1 else None,
    }  # fmt: skip
    shared = set.intersection(*({*each["labels"].items()} for each in data["targets"]))
    named = {_label(name): value for name, value in sorted(shared)}
    return {
        "labels": {name: value for name, value in (named | labels).items() if value},
        "annotations": {"summary": message.title, "description": message.text},
        "startsAt": data["since"],
        "endsAt": ends.isoformat(timespec="milliseconds"),
    }


def _label(name: str) -> str:
    made = _NAME.sub("_", name)
    return f"_{made}" if made[:1].isdigit() else made
