"""Rules on a broker over time."""

from __future__ import annotations

from itertools import pairwise
from statistics import median

from seventh.model.severity import Severity
from seventh.protocols.mqtt.series import BrokerSeries
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

_CHECKS = 4
_LEAST_GROWTH = 1000
_SLOW_CHECKS = 3
_SLOW_SECONDS = 1.0
_TIMES_SLOWER = 5.0
_LEAST_SLOWER_SECONDS = 0.05
_SEEN = BrokerSeries(
    kept=(10, 40, 20, 30), dropped=(0, 0, 0, 0), delivered_seconds=(0.01, 0.012, 0.011, 0.01)
)


@rule(
    "MQTT-OFFLINE-FLOOD",
    Severity.MEDIUM,
    tier=2,
    source=Source.SERIES,
    title="Offline queues grow",
    evidence="messages kept for clients: {counts}, in this order{more}",
    phrases={"more": {"": "", "dropped": "; the broker drops messages meanwhile"}},
    why="Sessions of clients that do not return collect messages until the broker's memory or its "
    "limit of queued messages ends; then it drops those of every client.",
    fix={
        "mosquitto": "persistent_client_expiration 7d\nmax_queued_messages 1000\n"
        "max_queued_bytes 1000000",
        "any": "Let sessions expire (session expiry interval), limit queued messages per client, "
        "and remove the sessions of devices that are gone.",
    },
    references=("MQTT Version 5.0 §4.1",),
    seed=("12.11.6",),
    good=_SEEN,
    bad=_SEEN.learn(kept=(10, 900, 1800, 2700)),
)
def offline_flood(broker: BrokerSeries) -> Verdict:
    """Find counts that rose from check to check."""
    counts = broker.kept[-_CHECKS:]
    if len(counts) < _CHECKS:
        return Skip("fewer than four full checks saw the broker's counts ($SYS)")
    if all(b > a for a, b in pairwise(counts)) and counts[-1] - counts[0] >= _LEAST_GROWTH:
        dropped = broker.dropped[-_CHECKS:]
        more = "dropped" if len(dropped) > 1 and dropped[-1] > dropped[0] else ""
        return Hit(counts=tuple(map(str, counts)), more=more)
    return None


@rule(
    "MQTT-LATENCY",
    Severity.MEDIUM,
    tier=3,
    source=Source.SERIES,
    title="High message latency",
    evidence="the last three checks took at least {seconds:.3f} s from PUBLISH to the subscriber"
    "{usual}",
    phrases={"usual": {"": "", "before": ", and {before:.3f} s before (median)"}},
    why="Commands and alarms arrive late. A broker delivers within milliseconds of its round trip "
    "time unless it, its disk or a bridge is overloaded.",
    fix={
        "any": "Look at the broker's CPU, at the disk of its persistent queue, at subscribers that "
        "read slowly, and at rules or bridges that each message passes.",
    },
    references=("MQTT Version 5.0 §4.6",),
    seed=("12.9.1",),
    good=_SEEN,
    bad=_SEEN.learn(delivered_seconds=(0.01, 0.012, 0.011, 0.2, 0.3, 0.2)),
)
def latency(broker: BrokerSeries) -> Verdict:
    """Find deliveries that are slow every time, or have become so."""
    times = broker.delivered_seconds
    if len(times) < _SLOW_CHECKS:
        return Skip("fewer than three full checks published a message (--allow-write)")
    least, before = min(times[-_SLOW_CHECKS:]), times[:-_SLOW_CHECKS]
    usual = median(before) if len(before) >= _SLOW_CHECKS else None
    slower = usual is not None and (
        least >= _TIMES_SLOWER * usual and least >= _LEAST_SLOWER_SECONDS
    )
    if least >= _SLOW_SECONDS or slower:
        return Hit(seconds=least, usual="before" if slower else "", before=usual or 0.0)
    return None
