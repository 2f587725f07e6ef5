"""The faults of MQTT's reference broker."""

from __future__ import annotations

import msgspec

from seventh.labkit import serve as labkit
from seventh.model.failure import Reason
from seventh.protocols.mqtt.lab import wrong
from seventh.protocols.mqtt.lab.setup import LIMITED, OWN, USER, Flaw, Rights, Setup
from seventh.protocols.mqtt.wire.reasons import Code

ELSEWHERE = "198.18.77.3"
"""An address that a fault adds to this machine, from RFC 2544's range: not a loopback address."""
_VIOLATION = Reason.PROTOCOL_VIOLATION.value
_LONG = {"timeout_seconds": 20.0}
_SHORT = {"timeout_seconds": 1.0}


class Fault(labkit.Fault, frozen=True, kw_only=True):
    """A fault, and the broker that has it."""

    setup: Setup


def _fault(
    name: str, meaning: str, *triggers: str, setup: Setup, reason: str | None = None
) -> Fault:
    return Fault(
        name=name, meaning=meaning, triggers=triggers, reason=reason, setup=setup,
        needs=("root", "ip") if setup.host == ELSEWHERE else (),
    )  # fmt: skip


def _clear(**changes: object) -> Setup:
    return Setup(secure=False, logs_in=False, **changes)  # type: ignore[arg-type]


def _live(
    name: str,
    meaning: str,
    *triggers: str,
    flaw: Flaw | None = None,
    intrusive: bool = False,
    **changes: object,
) -> Fault:
    """Return a fault that a check with --allow-write finds."""
    setup = msgspec.structs.replace(
        LIMITED, flaws=frozenset({flaw} if flaw else ()),
        options={**LIMITED.options, "intrusive": intrusive}, **changes,
    )  # fmt: skip
    return _fault(name, meaning, *triggers, setup=setup)


FAULTS = (
    _fault("clear", "serves mqtt:// beyond loopback", "MQTT-PLAINTEXT",
           setup=_clear(host=ELSEWHERE)),
    _fault("clear-websocket", "serves mqtt+ws:// beyond loopback", "MQTT-WSS",
           setup=_clear(host=ELSEWHERE, websocket=True)),
    _fault("no-subprotocol", "chooses no WebSocket subprotocol", "MQTT-WSS",
           setup=Setup(websocket=True, subprotocol=False)),
    _fault("anonymous", "accepts clients without credentials", "MQTT-ANON",
           setup=Setup(anonymous=True)),
    _fault("optional-certificate", "requests a client certificate and does not require it",
           "MQTT-MTLS-OPT", "TLS-MTLS-OPTIONAL", setup=Setup(certificates="optional")),
    _fault("required-certificate", "requires a client certificate",
           reason=Reason.TLS_CLIENT_CERTIFICATE_REQUIRED.value,
           setup=Setup(certificates="required")),
    _fault("wrong-password", "refuses the login", "MQTT-AUTH-FAIL",
           reason=Reason.AUTH_REJECTED.value, setup=Setup(password="wrong")),  # noqa: S106
    _fault("only-311", "supports only MQTT 3.1.1", "MQTT-NO-V5", setup=Setup(versions=(4,))),
    _fault("closes-v5", "closes the connection at MQTT 5", "MQTT-NO-V5",
           setup=Setup(versions=(4,), closes_unsupported=True)),
    _fault("no-packet-limit", "states no Maximum Packet Size", "MQTT-PKT-UNLIMITED",
           setup=Setup(maximum_packet_bytes=None)),
    _fault("no-receive-maximum", "states no Receive Maximum", "MQTT-RECVMAX",
           setup=Setup(receive_maximum=None)),
    _fault("receive-maximum-1", "states a Receive Maximum of 1", "MQTT-RECVMAX",
           setup=Setup(receive_maximum=1)),
    _fault("endless-sessions", "keeps sessions for ever", "MQTT-EXPIRY-FOREVER",
           setup=Setup(session_seconds=None)),
    _fault("moved", "refers clients to another server", "MQTT-REDIRECT",
           reason=Reason.UNEXPECTED_ANSWER.value,
           setup=Setup(refusal=Code.SERVER_MOVED, server_reference="other.lab.test:8883")),
    _fault("busy", "refuses clients as it is busy", reason=Reason.UNEXPECTED_ANSWER.value,
           setup=Setup(refusal=Code.SERVER_BUSY, versions=(5, 4))),
    _fault("closes", "closes the connection at CONNECT", reason=Reason.PEER_CLOSED.value,
           setup=_clear(hostile=wrong.close)),
    _fault("web", "is a web server", reason=Reason.PROTOCOL_MISMATCH.value,
           setup=_clear(hostile=wrong.WEB)),
    _fault("no-pingresp", "does not answer PINGREQ", reason=Reason.PEER_SILENT.value,
           setup=_clear(hostile=wrong.silent_ping, options=_SHORT)),
    _fault("flood", "sends messages without end", reason=_VIOLATION,
           setup=_clear(hostile=wrong.flood)),
    _fault("huge", "declares a packet of 256 MiB", reason=_VIOLATION,
           setup=_clear(hostile=wrong.HUGE)),
    _fault("long-length", "sends a remaining length of 5 bytes", reason=_VIOLATION,
           setup=_clear(hostile=wrong.FIVE_BYTES)),
    _fault("property-twice", "sends a property twice", reason=_VIOLATION,
           setup=_clear(hostile=wrong.TWICE)),
    _fault("undefined-property", "sends a property that is not defined", reason=_VIOLATION,
           setup=_clear(hostile=wrong.UNDEFINED)),
    _fault("early-message", "sends a message before CONNACK", reason=_VIOLATION,
           setup=_clear(hostile=wrong.EARLY)),
    _fault("endless-auth", "continues an authentication that was not requested",
           reason=_VIOLATION, setup=_clear(hostile=wrong.ENDLESS_AUTH)),
    _live("foreign-topics", "permits every topic to every client", "MQTT-ACL-WRITE",
          rights={USER: Rights(read=("#",))}),
    _live("reads-all", "grants a subscription to all topics", "MQTT-ACL-READ", "MQTT-ACL-WRITE",
          rights={USER: Rights(read=("#",))}, intrusive=True),
    _live("system-topics", "shows its own state to every client", "MQTT-SYS",
          rights={USER: Rights(read=(OWN, "$SYS/#"), write=(OWN,))}),
    _live("denies-silently", "acknowledges what it denies", "MQTT-ACL-SILENT",
          flaw="denies-silently"),
    _live("maximum-qos-1", "permits QoS 1 at most", "MQTT-QOS-CAP", maximum_qos=1),
    _live("grants-qos-1", "grants subscriptions less than they request", "MQTT-QOS-CAP",
          flaw="grants-qos-1"),
    _live("no-puback", "does not acknowledge QoS 1", "MQTT-QOS1-NOACK", flaw="no-puback"),
    _live("no-pubcomp", "does not complete QoS 2", "MQTT-QOS2-STALL", flaw="no-pubcomp"),
    _live("delivers-twice", "delivers QoS 2 twice", "MQTT-QOS2-DUP", flaw="delivers-twice"),
    _live("reorders", "delivers two messages out of order", "MQTT-ORDER", flaw="reorders"),
    _live("loses", "acknowledges two messages and loses them", "MQTT-ORDER", flaw="loses"),
    _live("forgets-session", "keeps no sessions", "MQTT-SESSION-LOST", flaw="forgets-session"),
    _live("drops-offline", "keeps no messages for a session", "MQTT-OFFLINE-LOST",
          flaw="drops-offline"),
    _live("delivers-expired", "delivers messages that have expired", "MQTT-V5-BROKEN",
          flaw="delivers-expired"),
    _live("shares-with-all", "delivers to each member of a shared subscription",
          "MQTT-V5-BROKEN", flaw="shares-with-all"),
    _live("forgets-alias", "loses messages that have a topic alias", "MQTT-V5-BROKEN",
          flaw="forgets-alias"),
    _live("no-retain", "states that it retains nothing", "MQTT-RETAIN", retain_available=False),
    _live("retains-nothing", "does not retain messages", "MQTT-RETAIN", flaw="retains-nothing"),
    _live("retains-for-ever", "does not remove retained messages", "MQTT-RETAIN",
          flaw="retains-for-ever"),
    _live("retains-twice", "delivers retained messages twice", "MQTT-RETAIN",
          flaw="retains-twice"),
    _live("no-will", "does not publish wills", "MQTT-WILL", flaw="no-will"),
    _live("will-after-disconnect", "publishes the will after DISCONNECT", "MQTT-WILL",
          flaw="will-after-disconnect"),
    _live("keeps-silent-clients", "does not enforce the keep alive", "MQTT-KEEPALIVE",
          flaw="keeps-silent-clients"),
    _live("states-keep-alive", "replaces the client's keep alive", "MQTT-KEEPALIVE",
          keep_alive_seconds=2),
    _live("taken-by-anybody", "lets a client end another's connection by its client id",
          "MQTT-TAKEOVER", "MQTT-ANON", flaw="taken-by-anybody", anonymous=True),
    _live("keeps-other-client", "keeps two connections with one client id", "MQTT-TAKEOVER",
          flaw="keeps-other-client"),
    _live("split", "does not share messages with the broker beside it", "MQTT-SPLIT",
          pair="alone"),
    _fault("token-stale", "keeps connections after their token expires", "MQTT-TOKEN-STALE",
           setup=Setup(token_seconds=4.0, expires=False, options=_LONG)),
    _fault("method-stale", "the same, with an authentication method", "MQTT-TOKEN-STALE",
           setup=Setup(token_seconds=4.0, expires=False, auth_method="JWT",
                       options={**_LONG, "auth_method": "JWT"})),
)  # fmt: skip
