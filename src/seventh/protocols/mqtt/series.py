"""The series of a broker: what it keeps for clients that are away, and how long it delivers."""

from __future__ import annotations

from typing import ClassVar

from seventh.model.facts import Facts
from seventh.model.look import Look
from seventh.protocols.mqtt.facts import MqttFacts

_MOST = 16


class BrokerSeries(Facts, frozen=True, kw_only=True):
    """What full checks showed, the newest last."""

    ROOM: ClassVar[str] = "mqtt-series"
    OWNER: ClassVar[str] = "mqtt"

    kept: tuple[int, ...] = ()
    """Messages that the broker kept, without retained ones."""
    dropped: tuple[int, ...] = ()
    """Messages that it had dropped since its start."""
    delivered_seconds: tuple[float, ...] = ()
    """From PUBLISH with QoS 1, or 0 where that is not granted, to the subscriber."""


SERIES = BrokerSeries


def add(series: BrokerSeries, look: Look) -> BrokerSeries:
    """Add what one check showed; pulses neither subscribe nor publish."""
    mqtt = look.facts.get(MqttFacts.ROOM)
    if not isinstance(mqtt, MqttFacts):
        return series
    numbers = mqtt.system.numbers if mqtt.system is not None else {}
    if "stored" in numbers:
        kept = max(0, round(numbers["stored"] - numbers.get("retained", 0)))
        series = series.learn(kept=(*series.kept, kept)[-_MOST:])
    if "dropped" in numbers:
        series = series.learn(dropped=(*series.dropped, round(numbers["dropped"]))[-_MOST:])
    if mqtt.live is not None:
        exchange = mqtt.live.exchange(1) or mqtt.live.exchange(0)
        if exchange is not None and exchange.deliver_seconds is not None:
            times = (*series.delivered_seconds, exchange.deliver_seconds)
            series = series.learn(delivered_seconds=times[-_MOST:])
    return series
