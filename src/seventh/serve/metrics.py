"""``/metrics``: the state of all targets and of watching itself."""

from __future__ import annotations

import asyncio
import re
import resource
import sys
import time
from collections.abc import AsyncIterator, Iterable

from seventh import __version__, protocols
from seventh.serve.exposition import Page, label, of_sample
from seventh.serve.families import families
from seventh.serve.latest import Latest
from seventh.serve.queries import Found
from seventh.watch.alerts import VANTAGE
from seventh.watch.config import LOCAL, WatchedTarget
from seventh.watch.heartbeats import Heartbeat
from seventh.watch.run import Watcher
from seventh.watch.verdict import Condition, State

_AT_ONCE = 50
"""Targets after which pulses have their turn."""
_STARTED_SECONDS = time.time()
_NO_NAME = re.compile(r"[^A-Za-z0-9_]")


async def page(watcher: Watcher, latest: Latest, findings: Iterable[Found]) -> AsyncIterator[str]:
    """Yield the page; pulses run between its parts."""
    made = Page(families())
    _add_watch(made, watcher, time.time_ns())
    for index, (number, target) in enumerate([*watcher.targets.items()]):
        if index % _AT_ONCE == _AT_ONCE - 1:
            await asyncio.sleep(0)
        _add_target(made, watcher, latest, number, target)
    for number, job in watcher.heartbeats.items():
        _add_heartbeat(made, watcher, number, job)
    _add_alerts(made, watcher)
    _add_findings(made, watcher, findings)
    for part in made.parts():
        yield part
        await asyncio.sleep(0)


def _add_watch(made: Page, watcher: Watcher, now_ns: int) -> None:
    health = watcher.health
    usage = resource.getrusage(resource.RUSAGE_SELF)
    in_trouble = (VANTAGE, Condition.UNKNOWN, "") in watcher.fleet.alerts
    for name, value in {
        "targets": len(watcher.targets), "pulses_total": health.ran,
        "late_slots_total": health.late, "busy_slots_total": health.busy,
        "lag_seconds": health.lag_ns / 1e9, "overloaded": health.overloaded(now_ns),
        "store_up": not health.store, "dropped_pulses_total": health.dropped,
        "damaged_parts_total": health.damaged, "network_up": not in_trouble,
        "reload_success": not health.reload, "reload_timestamp_seconds": health.loaded_seconds,
    }.items():  # fmt: skip
        made.add(f"seventh_watch_{name}", value)
    made.add("seventh_build_info", 1, label("version", __version__))
    made.add("process_start_time_seconds", _STARTED_SECONDS)
    made.add("process_cpu_seconds_total", usage.ru_utime + usage.ru_stime)
    unit = 1 if sys.platform == "darwin" else 1024
    made.add("process_max_resident_memory_bytes", usage.ru_maxrss * unit)


def _add_target(
    made: Page, watcher: Watcher, latest: Latest, number: int, target: WatchedTarget
) -> None:
    of = label("target", target.name)
    made.add("seventh_target_info", 1, of, *_described(target))
    _add_condition(made, watcher, number, target.every_ns, of)
    if (last := watcher.last.get(number)) is not None:
        made.add("seventh_last_pulse_timestamp_seconds", last.at_ns / 1e9, of)
        made.add("seventh_lag_seconds", last.lag_ns / 1e9, of)
    if (checked := latest.checked_seconds(number)) is not None:
        made.add("seventh_last_check_timestamp_seconds", checked, of)
    for sample in latest.samples(number):
        if sample.labels:
            made.add(sample.name, sample.value, of, of_sample(sample.labels))
        else:
            made.add(sample.name, sample.value, of)


def _add_heartbeat(made: Page, watcher: Watcher, number: int, job: Heartbeat) -> None:
    of = label("target", job.name)
    _add_condition(made, watcher, number, job.every_ns, of)
    if job.heard:
        made.add("seventh_heartbeat_last_timestamp_seconds", job.since_ns / 1e9, of)


def _add_condition(made: Page, watcher: Watcher, number: int, every_ns: int, of: str) -> None:
    made.add("seventh_target_interval_seconds", every_ns / 1e9, of)
    state = watcher.fleet.states.get(number, State())
    made.add("seventh_target_condition", 1, of, label("condition", state.condition))
    if state.since_ns:
        made.add("seventh_target_condition_since_timestamp_seconds", state.since_ns / 1e9, of)


def _add_findings(made: Page, watcher: Watcher, findings: Iterable[Found]) -> None:
    """Add each rule that fired for a target once, however often it did."""
    severities = {(each.target, each.id): each.severity for each in findings}
    for (number, rule), severity in severities.items():
        if (name := watcher.name(number)) is not None:
            made.add(
                "seventh_finding", 1, label("target", name), label("id", rule),
                label("severity", severity),
            )  # fmt: skip


def _described(target: WatchedTarget) -> list[str]:
    """Return the URL, the protocol and the user's labels, each as ``label_NAME``."""
    named = {f"label_{_NO_NAME.sub('_', name)}": value for name, value in target.labels.items()}
    scheme = target.target.scheme
    room = LOCAL if target.is_local else protocols.room_of(scheme).name
    return [
        label("url", str(target.target)), label("protocol", room),
        *(label(name, value) for name, value in named.items()),
    ]  # fmt: skip


def _add_alerts(made: Page, watcher: Watcher) -> None:
    for (number, kind, phase), _ in [*watcher.fleet.alerts.items()]:
        if (name := watcher.name(number)) is not None:
            held = watcher.fleet.holds.get((number, kind, phase), "")
            made.add(
                "seventh_alert_firing", 1, label("target", name), label("kind", kind),
                label("phase", phase), label("held", held),
            )  # fmt: skip
