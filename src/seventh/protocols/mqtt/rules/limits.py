"""The versions and the limits that a broker states."""

from __future__ import annotations

import msgspec

from seventh.model.severity import Severity
from seventh.protocols.mqtt.facts import UNSUPPORTED_VERSION, MqttFacts, Reply
from seventh.protocols.mqtt.rules.examples import GOOD, LIMITS, NO_REPLY, NOT_ACCEPTED
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule

MOST_UNACKNOWLEDGED = 1000
"""The largest Receive Maximum that still limits what a client may send ahead."""
ENDLESS_SECONDS = 0xFFFFFFFF


@rule(
    "MQTT-NO-V5",
    Severity.LOW,
    tier=0,
    source=Source.WIRE,
    title="No MQTT 5",
    evidence="CONNECT of MQTT 5: {how}; MQTT 3.1.1 is answered",
    phrases={
        "how": {
            "refused": "refused as an unsupported version (0x84)",
            "closed": "the connection is closed",
        }
    },
    why="Clients of 3.1.1 get no reasons for refusals and no expiry of sessions and messages, and "
    "cannot limit what they receive.",
    fix={"any": "Upgrade the broker, or enable MQTT 5."},
    references=("MQTT Version 5.0 §3.1.2.2",),
    seed=("12.7.2",),
    good=GOOD,
    bad=GOOD.learn(v5=Reply(outcome="refused", code=UNSUPPORTED_VERSION)),
)
def no_v5(mqtt: MqttFacts) -> Verdict:
    """Compare the replies to both versions."""
    if mqtt.v5 is None:
        return NO_REPLY
    if mqtt.v5.outcome == "closed":
        answered = mqtt.v311 is not None and mqtt.v311.outcome != "closed"
        return Hit(how="closed") if answered else NO_REPLY
    return Hit(how="refused") if mqtt.v5.code == UNSUPPORTED_VERSION else None


@rule(
    "MQTT-PKT-UNLIMITED",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="No limit on packet size",
    evidence="no Maximum Packet Size: clients may send packets of 256 MiB",
    why="A few clients can fill the broker's memory, and each subscriber receives the same "
    "packets.",
    fix={
        "mosquitto": "max_packet_size 1048576",
        "any": "Set a maximum packet size that fits the messages, such as 1 MiB.",
    },
    references=("MQTT Version 5.0 §3.2.2.3.6",),
    seed=("12.11.6",),
    good=GOOD,
    bad=GOOD.learn(broker_limits=msgspec.structs.replace(LIMITS, maximum_packet_bytes=None)),
    directives={"mosquitto": ("max_packet_size",)},
)
def packet_unlimited(mqtt: MqttFacts) -> Verdict:
    """Judge the Maximum Packet Size."""
    if mqtt.config is not None:
        limited = mqtt.config.packets_limited
        return (
            not_applicable("the broker is judged as a whole")
            if limited is None
            else (None if limited else Hit())
        )
    if mqtt.broker_limits is None:
        return NOT_ACCEPTED
    return Hit() if mqtt.broker_limits.maximum_packet_bytes is None else None


@rule(
    "MQTT-RECVMAX",
    Severity.INFO,
    tier=0,
    source=Source.WIRE,
    title="Unsuitable Receive Maximum",
    evidence="Receive Maximum {count}: {effect}",
    phrases={
        "effect": {
            "many": "clients may send that many messages before the first is acknowledged",
            "one": "each message waits a round trip for the one before",
        }
    },
    why="It is the flow control for messages of QoS 1 and 2: one that is too large lets a fast "
    "client fill queues, and 1 limits a client to a message for each round trip.",
    fix={
        "mosquitto": "max_inflight_messages 20",
        "any": "Set a Receive Maximum between 10 and 1000.",
    },
    references=("MQTT Version 5.0 §4.9",),
    seed=("12.10.2",),
    good=GOOD,
    bad=GOOD.learn(broker_limits=msgspec.structs.replace(LIMITS, receive_maximum=65_535)),
)
def receive_maximum(mqtt: MqttFacts) -> Verdict:
    """Judge the Receive Maximum."""
    if mqtt.broker_limits is None:
        return NOT_ACCEPTED
    count = mqtt.broker_limits.receive_maximum
    if 1 < count <= MOST_UNACKNOWLEDGED:
        return None
    return Hit(count=count, effect="one" if count == 1 else "many")


@rule(
    "MQTT-EXPIRY-FOREVER",
    Severity.MEDIUM,
    tier=1,
    source=Source.WIRE,
    title="Sessions never expire",
    evidence="{where}",
    phrases={
        "where": {
            "wire": "CONNECT with a Session Expiry Interval of 0xFFFFFFFF is accepted, and CONNACK "
            "states no shorter one",
            "file": "persistent_client_expiration is not set",
        }
    },
    why="The session of each client that never returns is kept, and its queue grows.",
    fix={
        "mosquitto": "persistent_client_expiration 14d",
        "any": "Limit the session expiry, such as to 14 days, and state it in CONNACK. mosquitto "
        "limits it with persistent_client_expiration without stating it: there, verify the "
        "setting instead.",
    },
    references=("MQTT Version 5.0 §3.1.2.11.2", "MQTT Version 5.0 §3.2.2.3.2"),
    seed=("12.11.6",),
    good=GOOD,
    bad=GOOD.learn(endless_seconds=None),
    directives={"mosquitto": ("persistent_client_expiration",)},
)
def expiry_forever(mqtt: MqttFacts) -> Verdict:
    """Judge the reply to a session without an end."""
    if mqtt.config is not None:
        ends = mqtt.config.sessions_end
        return (
            not_applicable("the broker is judged as a whole")
            if ends is None
            else (None if ends else Hit(where="file"))
        )
    if mqtt.endless is None:
        return NOT_ACCEPTED
    if mqtt.endless.outcome == "closed":
        return Skip("the connection was closed without a CONNACK")
    if mqtt.endless.outcome == "refused":
        return None
    endless = mqtt.endless_seconds in {None, ENDLESS_SECONDS}
    return Hit(where="wire") if endless else None


@rule(
    "MQTT-REDIRECT",
    Severity.INFO,
    tier=0,
    source=Source.WIRE,
    title="The broker names another server",
    evidence="Server Reference: {answer}",
    why="Clients that follow it connect elsewhere; others fail. Seventh does not follow it.",
    fix={"any": "Check the other server as well, and give clients its name where it is to stay."},
    references=("MQTT Version 5.0 §4.11",),
    seed=("12.7.5",),
    good=GOOD,
    bad=GOOD.learn(server_reference="other.example:8883"),
)
def redirect(mqtt: MqttFacts) -> Verdict:
    """Report a Server Reference."""
    if mqtt.server_reference:
        return Hit(answer=mqtt.server_reference)
    return NO_REPLY if all(reply.code is None for reply in mqtt.replies) else None
