"""A correct broker, from which the rules' examples are made, and what rules share."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from seventh.protocols.mqtt.facts import Limits, MqttFacts, Reply, Upgrade
from seventh.protocols.mqtt.facts.live import (
    Exchange,
    Foreign,
    KeptAlive,
    Live,
    Ordered,
    Paired,
    Resumed,
    Retained,
    TakenOver,
    Wildcard,
    Willed,
)
from seventh.rules.rule import Skip

T = TypeVar("T")

NO_LOGIN = Reply(outcome="refused", code=0x87, seconds=0.01)
ACCEPTED = Reply(outcome="accepted", code=0, seconds=0.01)
LIMITS = Limits(receive_maximum=20, maximum_packet_bytes=1_048_576, maximum_qos=2)
LIVE = Live(
    identity="login",
    granted_qos=2,
    subscribe_seconds=0.01,
    exchanges=(
        Exchange(qos=0, deliver_seconds=0.01, delivered_qos=0),
        Exchange(qos=1, code=0, puback_seconds=0.01, deliver_seconds=0.01, delivered_qos=1),
        Exchange(
            qos=2, code=0, pubrec_seconds=0.01, pubcomp_seconds=0.01, deliver_seconds=0.02,
            delivered_qos=2,
        ),
    ),
    repeated_copies=1,
    order=Ordered(sent=20, received=20, misplaced=0),
    retained=Retained(copies=1, cleared=True),
    will=Willed(after_close=True, after_disconnect=False, seconds=0.01),
    resumed=Resumed(present=True, sent=3, received=3, expired_came=False),
    shared=(3, 3),
    shared_sent=6,
    alias="delivered",
    kept_alive=KeptAlive(keep_alive_seconds=1, closed_seconds=1.6, waited_seconds=1.6, code=0x8D),
    taken_over=TakenOver(same="ended", other="refused"),
    foreign=Foreign(read_code=0x87, write_code=0x87, acknowledged=True),
)  # fmt: skip
GOOD = MqttFacts(
    secure=True,
    websocket=False,
    reach="public",
    client_certificate="not-requested",
    v5=NO_LOGIN,
    v311=NO_LOGIN,
    login=ACCEPTED,
    login_version="5",
    connack_seconds=0.01,
    ping_seconds=0.01,
    broker_limits=LIMITS,
    endless=ACCEPTED,
    endless_seconds=86_400,
    live=LIVE,
    system=Wildcard(code=0x87),
    everything=Wildcard(code=0x87),
    pair=Paired(
        target="mqtts://other.example:8883", acknowledged=True, works=True, delivered=True,
        waited_seconds=0.02,
    ),
)  # fmt: skip
OVER_WEBSOCKET = GOOD.learn(
    websocket=True, upgrade=Upgrade(outcome="open", status=101, subprotocol="mqtt")
)
NO_REPLY = Skip("the broker did not answer CONNECT")
NOT_ACCEPTED = Skip(
    "no connection with MQTT 5 was accepted: a login may be needed (--user, --password-file)"
)
CARRIED = Skip("connected through a jump host or a proxy: the address is unknown")
NOT_PUBLISHED = Skip("nothing was published: give --allow-write, and a login where one is needed")


def with_live(**changes: object) -> MqttFacts:
    """Return the good broker with other results of the steps that publish."""
    return GOOD.learn(live=msgspec.structs.replace(LIVE, **changes))


def published(mqtt: MqttFacts) -> Live | Skip:
    """Return what publishing showed, or why nothing was published."""
    live = mqtt.live
    if live is None:
        why = mqtt.unknown.get("publishing")
        return Skip(why) if why else NOT_PUBLISHED
    if live.denied is not None:
        return Skip(f"our topic is refused (0x{live.denied:02x}): give --topic-prefix")
    return live


def learnt(mqtt: MqttFacts, value: T | None, step: str) -> T | Skip:
    """Return what a step learnt, or why it did not."""
    if value is not None:
        return value
    for name in (step, "publishing"):
        if name in mqtt.unknown:
            return Skip(mqtt.unknown[name])
    return Skip("no message was delivered on our own topic")
