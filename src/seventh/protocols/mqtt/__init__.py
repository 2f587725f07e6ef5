"""MQTT 3.1.1 and 5: over TCP, TLS and WebSocket."""

from __future__ import annotations

from seventh.model.spec import Metric, PhaseSpec, Spec
from seventh.model.target import Scheme

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
    ),
    metrics=(
        Metric("seventh_ttfb_seconds", "histogram", "CONNECT to CONNACK", "connack_seconds"),
        Metric("seventh_mqtt_ping_seconds", "gauge", "PINGREQ to PINGRESP", "ping_seconds"),
    ),
    shared=(
        "ca_file", "ca_store", "crl_files", "server_name", "cert_file", "key_file", "user",
        "password_file", "allow_plaintext",
    ),
    tiers={
        0: "connects with MQTT 5 and 3.1.1 and a random client id, pings and disconnects; makes "
        "further TLS handshakes and looks up CAA records; subscribes and publishes nothing",
        1: "requests a session that never expires, and ends it at once",
        2: "connects with the user name and password",
    },
    layers=("tls",),
    standards=("MQTT Version 3.1.1", "MQTT Version 5.0", "RFC 6455"),
    connections=18,
)  # fmt: skip
