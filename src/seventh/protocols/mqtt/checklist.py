"""The debugging checklist of MQTT: sessions, QoS, TLS, clients, limits."""

from seventh.model.checklist import CheckLine
from seventh.model.failure import Reason

_LOGIN = "--user NAME --password-file FILE"
LINES = (
    CheckLine(
        "The broker answers CONNECT",
        facts=("connack_seconds",), phases=("mqtt.connack",),
        failures=(Reason.PROTOCOL_MISMATCH,),
    ),
    CheckLine("The broker answers PINGREQ", facts=("ping_seconds",), phases=("mqtt.ping",)),
    CheckLine("MQTT 5 is supported", rules=("MQTT-NO-V5",)),
    CheckLine("Connections are encrypted", rules=("MQTT-PLAINTEXT",)),
    CheckLine(
        "MQTT over WebSocket works, inside TLS",
        rules=("MQTT-WSS",), phases=("mqtt.upgrade",),
    ),
    CheckLine("Clients without credentials are refused", rules=("MQTT-ANON",)),
    CheckLine(
        "Client certificates are required where they are requested",
        rules=("MQTT-MTLS-OPT",), failures=(Reason.TLS_CLIENT_CERTIFICATE_REQUIRED,),
    ),
    CheckLine(
        "The login succeeds", rules=("MQTT-AUTH-FAIL",), phases=("mqtt.login",), look=_LOGIN
    ),
    CheckLine("Sessions expire", rules=("MQTT-EXPIRY-FOREVER",), phases=("mqtt.expiry",)),
    CheckLine("The packet size has a limit", rules=("MQTT-PKT-UNLIMITED",)),
    CheckLine("The Receive Maximum suits flow control", rules=("MQTT-RECVMAX",)),
    CheckLine("Clients stay at this broker", rules=("MQTT-REDIRECT",)),
)  # fmt: skip
