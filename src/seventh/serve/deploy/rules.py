"""Prometheus' alert rules: of verdicts, of watching itself, and of metrics with a usual limit."""

from __future__ import annotations

import re
from typing import Any

from seventh.serve.families import families

_DAY = 86_400
_LIMITS = {
    "seventh_packet_loss_ratio": ("> 0.05", "15m", "warning"),
    "seventh_ntp_offset_seconds": ("> 0.1", "15m", "warning"),
    "seventh_ntp_stratum": (">= 16", "15m", "warning"),
    "seventh_mail_queue_oldest_seconds": ("> 3600", "15m", "warning"),
    "seventh_mail_defer_ratio": ("> 0.3", "15m", "warning"),
    "seventh_mail_tls_failure_ratio": ("> 0.05", "15m", "warning"),
    "seventh_imap_quota_ratio": ("> 0.9", "1h", "warning"),
    "seventh_ws_used_ratio": ("> 0.8", "15m", "warning"),
    "seventh_ws_tracked_ratio": ("> 0.8", "15m", "warning"),
}
"""Of metrics: the comparison, for how long it holds, and the severity."""
_SIGNED = frozenset({"seventh_ntp_offset_seconds"})
_LEFT = ((14, "warning"), (3, "critical"))
"""Days left of what expires, and the severity."""
_NAME = "{{ $labels.target }}"


def groups() -> dict[str, Any]:
    """Return the content of the rule file."""
    return {
        "groups": [
            {"name": "seventh-targets", "rules": _of_targets()},
            {"name": "seventh-watch", "rules": _of_watch()},
            {"name": "seventh-metrics", "rules": _of_metrics()},
        ]
    }


def _rule(
    alert: str, expr: str, severity: str, summary: str, *, after: str = "0m"
) -> dict[str, Any]:
    return {
        "alert": alert, "expr": expr, "for": after, "labels": {"severity": severity},
        "annotations": {"summary": summary},
    }  # fmt: skip


def _of_targets() -> list[dict[str, Any]]:
    def condition(of: str) -> str:
        # A held alert has a cause elsewhere, which has its own alert.
        held = 'seventh_alert_firing{kind="down",held!=""}'
        return (
            f'seventh_target_condition{{condition="{of}"}} == 1 unless on (instance, target) {held}'
        )

    return [
        _rule("SeventhTargetDown", condition("down"), "critical", f"{_NAME} is down"),
        _rule("SeventhTargetFlapping", condition("flapping"), "warning",
              f"{_NAME} changes between up and down"),
        _rule("SeventhTargetDegraded", condition("degraded"), "warning", f"{_NAME} is slow"),
        _rule("SeventhTargetUnknown", condition("unknown"), "warning",
              f"nothing is known of {_NAME}", after="15m"),
        _rule("SeventhFinding", 'seventh_finding{severity=~"critical|high"} == 1', "warning",
              f"{_NAME}: {{{{ $labels.id }}}}"),
    ]  # fmt: skip


def _of_watch() -> list[dict[str, Any]]:
    stale = (
        "time() - seventh_last_pulse_timestamp_seconds"
        " > on (instance, target) 3 * seventh_target_interval_seconds + 60"
    )
    return [
        _rule("SeventhWatchAbsent", "absent(seventh_watch_targets)", "critical",
              "seventh watch is not scraped", after="5m"),
        _rule("SeventhPulseMissing", stale, "warning", f"no pulse of {_NAME}", after="1m"),
        _rule("SeventhWatchNoStore", "seventh_watch_store_up == 0", "critical",
              "results cannot be stored", after="1m"),
        _rule("SeventhWatchNoNetwork", "seventh_watch_network_up == 0", "critical",
              "the machine of seventh watch has lost its network"),
        _rule("SeventhWatchOverloaded", "seventh_watch_overloaded == 1", "warning",
              "pulses are late or skipped", after="5m"),
        _rule("SeventhWatchNotReloaded", "seventh_watch_reload_success == 0", "warning",
              "seventh.toml has a mistake: the last one still applies"),
        _rule("SeventhWatchDropped", "increase(seventh_watch_dropped_pulses_total[15m]) > 0",
              "warning", "pulses were dropped"),
    ]  # fmt: skip


def _of_metrics() -> list[dict[str, Any]]:
    made = []
    for name in families():
        if name.endswith("_expiry_timestamp_seconds"):
            for days, severity in _LEFT:
                made.append(_rule(
                    f"{_camel(name.removesuffix('_timestamp_seconds'))}{days}d",
                    f"{name} - time() < {days * _DAY}", severity,
                    f"{_NAME}: a certificate expires in less than {days} days",
                ))  # fmt: skip
        elif name in _LIMITS:
            limit, after, severity = _LIMITS[name]
            value = f"abs({name})" if name in _SIGNED else name
            made.append(_rule(
                _camel(name.removesuffix("_seconds").removesuffix("_ratio")), f"{value} {limit}",
                severity, f"{_NAME}: {name} is {{{{ $value }}}}", after=after,
            ))  # fmt: skip
    return made


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in re.split("_", name))
