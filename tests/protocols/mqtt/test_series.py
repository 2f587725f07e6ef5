"""A broker over several checks."""

from __future__ import annotations

import pytest

from seventh.model.look import Look
from seventh.protocols.mqtt.facts import MqttFacts
from seventh.protocols.mqtt.facts.live import Exchange, Live, Wildcard
from seventh.protocols.mqtt.rules.series import latency, offline_flood
from seventh.protocols.mqtt.series import BrokerSeries, add
from tests.verdicts import told

GROW = "medium: messages kept for clients: 0, 400, 700, 1000, in this order"
FEW = "skip: fewer than four full checks saw the broker's counts ($SYS)"


def seen(*facts: MqttFacts) -> BrokerSeries:
    series = BrokerSeries()
    for at, each in enumerate(facts):
        look = Look(host="a", at_ns=at, steady_ns=0, every_seconds=60, facts={"mqtt": each})
        series = add(series, look)
    return series


def counted(**numbers: float) -> MqttFacts:
    return MqttFacts(system=Wildcard(code=0, messages=9, numbers=numbers))


def delivered(*exchanges: Exchange) -> MqttFacts:
    return MqttFacts(live=Live(exchanges=exchanges))


def test_what_a_check_adds() -> None:
    pulse = MqttFacts(ping_seconds=0.1)
    series = seen(
        pulse, counted(stored=50, retained=9, dropped=2), counted(stored=3, retained=4),
        counted(connected=4),
        delivered(Exchange(qos=0, deliver_seconds=0.1), Exchange(qos=1, deliver_seconds=0.2)),
        delivered(Exchange(qos=0, deliver_seconds=0.3)), delivered(Exchange(qos=1)), delivered(),
    )  # fmt: skip
    assert series == BrokerSeries(kept=(41, 0), dropped=(2,), delivered_seconds=(0.2, 0.3))
    assert add(series, Look(host="a", at_ns=1, steady_ns=0, every_seconds=1, facts={})) is series


def test_a_series_has_an_end() -> None:
    series = seen(*(counted(stored=n, dropped=n) for n in range(99)))
    assert (series.kept, series.dropped) == (tuple(range(83, 99)),) * 2


@pytest.mark.parametrize(
    ("kept", "dropped", "verdict"),
    [
        ((), (), FEW),
        ((0, 5000, 9000), (), FEW),
        ((0, 400, 700, 1000), (), GROW),
        ((9, 0, 400, 700, 1000), (7,), GROW),
        ((0, 400, 700, 1000), (7, 9), f"{GROW}; the broker drops messages meanwhile"),
        ((0, 400, 700, 1000), (9, 7, 7, 7, 7), GROW),
        ((1, 400, 700, 1000), (), "pass"),
        ((0, 700, 700, 1000), (), "pass"),
    ],
)
def test_queues(kept: tuple[int, ...], dropped: tuple[int, ...], verdict: str) -> None:
    assert told(offline_flood, BrokerSeries(kept=kept, dropped=dropped)) == verdict


@pytest.mark.parametrize(
    ("times", "verdict"),
    [
        ((9.0, 9.0), "skip: fewer than three full checks published a message (--allow-write)"),
        (
            (1.0, 1.0, 2.0),
            "medium: the last three checks took at least 1.000 s from PUBLISH to the subscriber",
        ),
        ((1.0, 0.99, 2.0), "pass"),
        (
            (0.01, 0.01, 0.01, 0.05, 0.06, 0.07),
            (
                "medium: the last three checks took at least 0.050 s from PUBLISH to the subscriber"
                ", and 0.010 s before (median)"
            ),
        ),
        ((0.01, 0.01, 0.01, 0.049, 0.06, 0.07), "pass"),
        ((0.02, 0.02, 0.02, 0.09, 0.2, 0.2), "pass"),
        ((0.01, 0.01, 0.06, 0.07, 0.07), "pass"),  # too few before
        ((0.01, 0.01, 0.01, 0.01, 0.06, 0.07), "pass"),
        (
            (0.2, 0.2, 0.2, 1.0, 1.1, 1.2),
            (
                "medium: the last three checks took at least 1.000 s from PUBLISH to the subscriber"
                ", and 0.200 s before (median)"
            ),
        ),
        (
            (0.3, 0.3, 0.3, 1.0, 1.1, 1.2),
            "medium: the last three checks took at least 1.000 s from PUBLISH to the subscriber",
        ),
    ],
)
def test_latency(times: tuple[float, ...], verdict: str) -> None:
    assert told(latency, BrokerSeries(delivered_seconds=times)) == verdict
