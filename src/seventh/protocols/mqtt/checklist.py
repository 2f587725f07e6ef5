"""The debugging checklist of MQTT: sessions, QoS, TLS, clients, limits."""

from seventh.model.checklist import CheckLine
from seventh.model.failure import Reason

_LOGIN = "--user NAME --password-file FILE"
_WRITE = f"{_LOGIN} --allow-write"
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
    CheckLine("QoS 1 and 2 are granted", rules=("MQTT-QOS-CAP",), look=_WRITE),
    CheckLine(
        "Messages are acknowledged",
        rules=("MQTT-QOS1-NOACK", "MQTT-QOS2-STALL"), phases=("mqtt.puback", "mqtt.pubcomp"),
        look=_WRITE,
    ),
    CheckLine(
        "Messages arrive in order, and with QoS 2 once",
        rules=("MQTT-ORDER", "MQTT-QOS2-DUP"), phases=("mqtt.deliver",), look=_WRITE,
    ),
    CheckLine("Retained messages work", rules=("MQTT-RETAIN",), look=_WRITE),
    CheckLine("Wills are sent", rules=("MQTT-WILL",), look=_WRITE),
    CheckLine(
        "Sessions and their messages are kept",
        rules=("MQTT-SESSION-LOST", "MQTT-OFFLINE-LOST"), look=_WRITE,
    ),
    CheckLine("Features of MQTT 5 work", rules=("MQTT-V5-BROKEN",), look=_WRITE),
    CheckLine("Silent clients are disconnected", rules=("MQTT-KEEPALIVE",), look=_WRITE),
    CheckLine("A client id belongs to one client", rules=("MQTT-TAKEOVER",), look=_WRITE),
    CheckLine(
        "Clients write only their own topics", rules=("MQTT-ACL-WRITE",), look=_WRITE,
    ),
    CheckLine(
        "Clients read only their own topics",
        rules=("MQTT-ACL-READ",), look=f"{_LOGIN} --intrusive",
    ),
    CheckLine(
        "Brokers share messages", rules=("MQTT-SPLIT",), phases=("mqtt.pair",),
        look=f"{_WRITE} --pair URL",
    ),
    CheckLine(
        "Connections end when their token expires",
        rules=("MQTT-TOKEN-STALE",), look="--token-file FILE",
    ),
    CheckLine("Refusals are stated", rules=("MQTT-ACL-SILENT",), look=_WRITE),
    CheckLine("The broker's internals are not readable", rules=("MQTT-SYS",), look=_LOGIN),
)  # fmt: skip
