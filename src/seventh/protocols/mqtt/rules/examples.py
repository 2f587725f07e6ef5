"""A correct broker, from which the rules' examples are made, and what rules share."""

from __future__ import annotations

from seventh.protocols.mqtt.facts import Limits, MqttFacts, Reply, Upgrade
from seventh.rules.rule import Skip

NO_LOGIN = Reply(outcome="refused", code=0x87, seconds=0.01)
ACCEPTED = Reply(outcome="accepted", code=0, seconds=0.01)
LIMITS = Limits(receive_maximum=20, maximum_packet_bytes=1_048_576, maximum_qos=2)
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
)
OVER_WEBSOCKET = GOOD.learn(
    websocket=True, upgrade=Upgrade(outcome="open", status=101, subprotocol="mqtt")
)
NO_REPLY = Skip("the broker did not answer CONNECT")
NOT_ACCEPTED = Skip(
    "no connection with MQTT 5 was accepted: a login may be needed (--user, --password-file)"
)
CARRIED = Skip("connected through a jump host or a proxy: the address is unknown")
