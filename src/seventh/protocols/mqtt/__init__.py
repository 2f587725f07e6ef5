"""MQTT 3.1.1 and 5: over TCP, TLS and WebSocket."""

from __future__ import annotations

from typing import Annotated

from seventh.model.failure import UsageError
from seventh.model.option import Option, RoomOptions
from seventh.model.spec import Metric, PhaseSpec, Spec
from seventh.model.target import Scheme


def topic_prefix(text: str) -> str:
    """Read the beginning of a topic. Raises UsageError."""
    wrong = {"+", "#", "\0"} & set(text)
    if wrong or text.startswith("$") or len(text.encode()) > 1000:
        raise UsageError(f"{text!r}: not a topic, such as site/seventh, without + and #")
    return text.strip("/")


class MqttOptions(RoomOptions, frozen=True, kw_only=True):
    """Options of the steps that publish."""

    topic_prefix: Annotated[
        str,
        Option(
            flag="topic-prefix", metavar="TOPIC", read=topic_prefix,
            help="topic below which to subscribe and publish with --allow-write",
        ),
    ] = "seventh"  # fmt: skip


SPEC = Spec(
    name="mqtt",
    title="MQTT",
    schemes=(
        Scheme(name="mqtt", port=1883),
        Scheme(name="mqtts", port=8883),
        Scheme(name="mqtt+ws", port=80, well_known=False),
        Scheme(name="mqtt+wss", port=443, well_known=False),
    ),
    phases=(
        PhaseSpec("mqtt.upgrade", "from the WebSocket handshake's request to its response"),
        PhaseSpec("mqtt.connack", "from CONNECT of MQTT 5 to CONNACK, without credentials"),
        PhaseSpec("mqtt.connack.311", "the same with MQTT 3.1.1"),
        PhaseSpec("mqtt.ping", "from PINGREQ to PINGRESP"),
        PhaseSpec("mqtt.login", "from CONNECT with the credential to CONNACK"),
        PhaseSpec("mqtt.expiry", "from CONNECT with an endless session to CONNACK"),
        PhaseSpec("mqtt.subscribe", "from SUBSCRIBE to SUBACK"),
        PhaseSpec("mqtt.puback", "from PUBLISH of QoS 1 to PUBACK"),
        PhaseSpec("mqtt.pubrec", "from PUBLISH of QoS 2 to PUBREC"),
        PhaseSpec("mqtt.pubcomp", "from PUBREL to PUBCOMP"),
        PhaseSpec("mqtt.deliver", "from PUBLISH of QoS 1 to its delivery to a subscriber"),
    ),
    metrics=(
        Metric("seventh_ttfb_seconds", "histogram", "CONNECT to CONNACK", "connack_seconds"),
        Metric("seventh_mqtt_ping_seconds", "gauge", "PINGREQ to PINGRESP", "ping_seconds"),
        Metric(
            "seventh_mqtt_deliver_seconds", "gauge", "PUBLISH to the delivery to a subscriber",
            "live.deliver_seconds",
        ),
        Metric(
            "seventh_mqtt_delivered_messages", "gauge",
            "messages of ours that were delivered with each QoS", "live.qos_mix", label="qos",
            also=("qos_mix",),
        ),
        Metric(
            "seventh_mqtt_offline_messages", "gauge",
            "messages of ours that were kept for a client without a connection",
            "live.offline_messages", also=("offline_msgs",),
        ),
        Metric(
            "seventh_mqtt_retain_hits", "gauge",
            "deliveries of our retained message to new subscribers", "live.retain_hits",
        ),
        Metric(
            "seventh_mqtt_broker_number", "gauge", "the broker's own counts, from $SYS",
            "system.numbers", label="of",
        ),
    ),
    options=MqttOptions,
    shared=(
        "ca_file", "ca_store", "crl_files", "server_name", "cert_file", "key_file", "user",
        "password_file", "allow_plaintext",
    ),
    tiers={
        0: "connects with MQTT 5 and 3.1.1 and a random client id, pings and disconnects; makes "
        "further TLS handshakes and looks up CAA records; subscribes and publishes nothing",
        1: "requests a session that never expires, and ends it at once",
        2: "connects with the user name and password, and subscribes to $SYS for a second",
        3: "subscribes and publishes on a random topic below --topic-prefix with each QoS, and "
        "once on another random topic; retains a message and removes it; has a will published; "
        "keeps sessions and ends them; connects twice with one client id; about 30 connections",
        4: "subscribes to # for a second, and counts the messages without keeping them",
    },
    layers=("tls",),
    standards=("MQTT Version 3.1.1", "MQTT Version 5.0", "RFC 6455"),
    connections=18,
)  # fmt: skip
