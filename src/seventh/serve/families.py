"""The metrics of ``/metrics``: those of the protocols' specs, and those of watching itself."""

from __future__ import annotations

import functools
from collections import defaultdict
from typing import Literal

import msgspec

from seventh import protocols

Kind = Literal["gauge", "counter"]


class Family(msgspec.Struct, frozen=True):
    """All samples of one name."""

    name: str
    kind: Kind
    meaning: str


OF_EVERY_CHECK = (
    Family("seventh_up", "gauge", "1 if the last pulse succeeded, 0 if it failed; absent if this "
           "machine itself failed"),
    Family("seventh_phase_seconds", "gauge", "duration of each phase of the last pulse"),
    Family("seventh_rtt_seconds", "gauge", "round trip that the kernel measured while connecting"),
    Family("seventh_packet_loss_ratio", "gauge", "share of our TCP segments that were sent again"),
    Family("seventh_errors_total", "counter", "failed pulses by phase and reason"),
    Family("seventh_reconnects_total", "counter", "pulses that succeeded after one that failed"),
)  # fmt: skip
"""What every protocol has (``engine.metrics``)."""
OF_TARGETS = (
    Family("seventh_target_info", "gauge", "1; the target's URL, protocol and labels"),
    Family("seventh_target_condition", "gauge", "1; the verdict from several pulses"),
    Family("seventh_target_condition_since_timestamp_seconds", "gauge",
           "when the condition began, as Unix time"),
    Family("seventh_target_interval_seconds", "gauge", "time between two pulses"),
    Family("seventh_last_pulse_timestamp_seconds", "gauge",
           "when the last pulse began, whose values are shown, as Unix time"),
    Family("seventh_last_check_timestamp_seconds", "gauge",
           "when the last full check began, as Unix time"),
    Family("seventh_lag_seconds", "gauge", "how long after its slot the last pulse began"),
    Family("seventh_alert_firing", "gauge",
           "1 for each alert that fires; held: why it is not sent"),
    Family("seventh_heartbeat_last_timestamp_seconds", "gauge",
           "when a job last reported, as Unix time"),
    Family("seventh_finding", "gauge", "1 for each finding of the last full check"),
)  # fmt: skip
OF_WATCH = (
    Family("seventh_watch_targets", "gauge", "targets that are watched"),
    Family("seventh_watch_pulses_total", "counter", "pulses that began"),
    Family("seventh_watch_late_slots_total", "counter",
           "slots that were skipped because this process was late"),
    Family("seventh_watch_busy_slots_total", "counter",
           "slots that were skipped because the target's pulse before was still running"),
    Family("seventh_watch_lag_seconds", "gauge", "99th percentile of the last 1000 lags"),
    Family("seventh_watch_overloaded", "gauge",
           "1 if there are more pulses than this process can run in time"),
    Family("seventh_watch_store_up", "gauge", "0 while results cannot be stored"),
    Family("seventh_watch_dropped_pulses_total", "counter",
           "pulses that could not be stored and were dropped"),
    Family("seventh_watch_damaged_parts_total", "counter",
           "parts of the journal that could not be read at the start"),
    Family("seventh_watch_network_up", "gauge",
           "0 while this machine itself has lost its network"),
    Family("seventh_watch_reload_success", "gauge", "0 if the last reload failed"),
    Family("seventh_watch_reload_timestamp_seconds", "gauge",
           "when the configuration that applies was loaded, as Unix time"),
    Family("seventh_build_info", "gauge", "1; the version"),
    Family("process_start_time_seconds", "gauge", "when this process started, as Unix time"),
    Family("process_cpu_seconds_total", "counter", "CPU time of this process"),
    Family("process_max_resident_memory_bytes", "gauge", "most memory that this process has used"),
)  # fmt: skip


@functools.cache
def families() -> dict[str, Family]:
    """Return all families by name.

    A histogram of a spec is a gauge here: one target has one value at a time, and 10,000 targets
    have too many buckets.
    """
    meanings: dict[str, dict[str, str]] = defaultdict(dict)
    kinds: dict[str, Kind] = {}
    for room, spec in sorted(protocols.rooms().items()):
        for metric in spec.metrics:
            kinds[metric.name] = "counter" if metric.kind == "counter" else "gauge"
            meanings[metric.name].setdefault(metric.meaning, room)
    found = {
        name: Family(name, kinds[name], _joined(several)) for name, several in meanings.items()
    }
    return (
        {each.name: each for each in (*OF_TARGETS, *OF_WATCH)}
        | found
        | {each.name: each for each in OF_EVERY_CHECK}
    )


def _joined(meanings: dict[str, str]) -> str:
    """Return the meanings of one name, each with its protocol if they differ."""
    if len(meanings) == 1:
        return next(iter(meanings))
    return "; ".join(f"{room}: {meaning}" for meaning, room in meanings.items())
