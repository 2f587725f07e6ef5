"""Who may connect, and what protects the connection."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.mqtt.facts import MqttFacts, Reply, Upgrade
from seventh.protocols.mqtt.facts.config import MqttConfig
from seventh.protocols.mqtt.facts.live import Token
from seventh.protocols.mqtt.rules.examples import (
    ACCEPTED,
    CARRIED,
    GOOD,
    NO_REPLY,
    OVER_WEBSOCKET,
)
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule

_REACH = {"reach": {"public": "public", "private": "private"}}
_REASONS = {
    "0x81": "malformed packet", "0x82": "protocol error", "0x83": "implementation specific error",
    "0x84": "unsupported version", "0x85": "client id not valid",
    "0x86": "bad user name or password", "0x87": "not authorized", "0x88": "server unavailable",
    "0x89": "server busy", "0x8a": "banned", "0x8c": "bad authentication method",
    "0x97": "quota exceeded", "0x9c": "use another server", "0x9d": "server moved",
    "0x9f": "connection rate exceeded",
}  # fmt: skip


@rule(
    "MQTT-PLAINTEXT",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="MQTT without TLS",
    evidence="{where} at a {reach} address",
    phrases={
        "where": {"wire": "mqtt:// answers", "file": "{listener} accepts MQTT without TLS"},
        **_REACH,
    },
    why="Anyone on the path can read and change every message, and read the password of every "
    "client.",
    fix={
        "mosquitto": "listener 1883 127.0.0.1\nlistener 8883\n"
        "certfile /etc/mosquitto/certs/fullchain.pem\n"
        "keyfile /etc/mosquitto/certs/private.pem",
        "any": "Serve MQTT inside TLS on port 8883, and close port 1883 to other machines.",
    },
    references=("MQTT Version 5.0 §5.4",),
    seed=("12.7.3",),
    good=GOOD,
    bad=GOOD.learn(secure=False),
    directives={"mosquitto": ("listener",)},
)
def plaintext(mqtt: MqttFacts) -> Verdict:
    """Judge mqtt:// beyond this machine."""
    if mqtt.config is not None:
        return _in_file(mqtt.config)
    if mqtt.secure is None or not mqtt.replies:
        return NO_REPLY
    if mqtt.websocket:
        return not_applicable("MQTT-WSS judges WebSocket without TLS")
    if mqtt.secure:
        return None
    if mqtt.reach is None:
        return CARRIED
    return None if mqtt.reach == "loopback" else Hit(where="wire", reach=mqtt.reach)


def _in_file(config: MqttConfig) -> Verdict:
    """Judge a listener without TLS."""
    if config.secure is None:
        return not_applicable("each listener is judged")
    if config.secure or config.websocket or config.reach == "loopback":
        return None
    hit = Hit(where="file", reach=config.reach or "public", listener=config.listener)
    return hit.fixed_by("mosquitto", config.loopback_line)


@rule(
    "MQTT-WSS",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="MQTT over WebSocket fails or lacks TLS",
    evidence="{faults}",
    phrases={
        "faults": {
            "refused": "HTTP {status} to the WebSocket handshake",
            "invalid": "the 101 has no valid Sec-WebSocket-Accept",
            "subprotocol": "the subprotocol mqtt is not chosen",
            "clear": "mqtt+ws:// answers at a {reach} address",
        },
        **_REACH,
    },
    why="Browsers close a WebSocket without the subprotocol that they requested, and without TLS "
    "anyone on the path reads messages and passwords; proxies also break it more often.",
    fix={
        "mosquitto": "listener 443\nprotocol websockets\n"
        "certfile /etc/mosquitto/certs/fullchain.pem\n"
        "keyfile /etc/mosquitto/certs/private.pem",
        "any": "Serve MQTT over WebSocket inside TLS, and choose the subprotocol mqtt.",
    },
    references=("MQTT Version 5.0 §6", "RFC 6455 §10.6"),
    seed=("12.7.3",),
    good=OVER_WEBSOCKET,
    bad=OVER_WEBSOCKET.learn(upgrade=Upgrade(outcome="open", status=101)),
)
def wss(mqtt: MqttFacts) -> Verdict:
    """Judge the WebSocket handshake and the lack of TLS below it."""
    if mqtt.websocket is False:
        return not_applicable("the target is not MQTT over WebSocket")
    if mqtt.upgrade is None:
        return Skip("there was no response to the WebSocket handshake")
    upgrade = mqtt.upgrade
    faults: list[str] = []
    if upgrade.outcome != "open":
        faults.append(upgrade.outcome)
    elif upgrade.subprotocol != "mqtt":
        faults.append("subprotocol")
    if not mqtt.secure and mqtt.reach not in {None, "loopback"}:
        faults.append("clear")
    if faults:
        return Hit(faults=tuple(faults), status=upgrade.status, reach=mqtt.reach or "public")
    return CARRIED if not mqtt.secure and mqtt.reach is None else None


@rule(
    "MQTT-ANON",
    Severity.HIGH,
    tier=1,
    source=Source.WIRE,
    title="Anonymous connections accepted",
    evidence="CONNECT without a user name, a password and a client certificate is accepted "
    "({where})",
    phrases={"where": {"wire": "{versions}", "file": "{listener}"}},
    why="Unless an access control list stops them, clients that the operator does not know read "
    "and publish messages.",
    fix={
        "mosquitto": "allow_anonymous false\npassword_file /etc/mosquitto/passwd",
        "any": "Require a user name and password, or a client certificate.",
    },
    references=("MQTT Version 5.0 §5.4.1",),
    seed=("12.7.4",),
    good=GOOD,
    bad=GOOD.learn(v5=ACCEPTED, v311=ACCEPTED),
    directives={"mosquitto": ("allow_anonymous", "password_file")},
)
def anonymous(mqtt: MqttFacts) -> Verdict:
    """Judge the replies to clients without a credential."""
    if mqtt.config is not None:
        return _anonymous_in_file(mqtt.config)
    if mqtt.anonymous is None:
        if mqtt.client_certificate == "required":
            return None
        return NO_REPLY
    if not mqtt.anonymous:
        return None
    if mqtt.client_certificate == "given":
        return Skip("--cert was given, so the behaviour without a certificate is unknown")
    replies = {"MQTT 5": mqtt.v5, "MQTT 3.1.1": mqtt.v311}
    versions = tuple(name for name, reply in replies.items() if _accepted(reply))
    return Hit(where="wire", versions=versions)


def _anonymous_in_file(config: MqttConfig) -> Verdict:
    """Judge whether a listener accepts clients without a credential from other machines."""
    if config.anonymous is None:
        return not_applicable("each listener is judged")
    if not config.anonymous or config.reach == "loopback":
        return None
    more = () if config.has_logins else ("password_file /etc/mosquitto/passwd",)
    lines = ("allow_anonymous false", *more)
    return Hit(where="file", listener=config.listener).fixed_by("mosquitto", *lines)


def _accepted(reply: Reply | None) -> bool:
    return reply is not None and reply.outcome == "accepted"


@rule(
    "MQTT-MTLS-OPT",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="The client certificate is optional",
    evidence="the broker requests a client certificate, and accepts a client without one",
    why="A device without a certificate is accepted like one with it, so the certificates protect "
    "nothing.",
    fix={
        "mosquitto": "require_certificate true\nuse_identity_as_username true",
        "any": "Require the client certificate, and take the user name from it.",
    },
    references=("MQTT Version 5.0 §5.4.2",),
    seed=("12.7.3",),
    good=GOOD.learn(client_certificate="required"),
    bad=GOOD.learn(client_certificate="optional", v5=ACCEPTED),
)
def mtls_optional(mqtt: MqttFacts) -> Verdict:
    """Judge a CONNACK to a client without the certificate that TLS requested."""
    match mqtt.client_certificate:
        case None:
            return Skip("no TLS handshake was completed")
        case "given":
            return Skip("--cert was given, so the behaviour without a certificate is unknown")
        case "not-requested":
            return not_applicable("the broker requests no client certificate")
        case "required":
            return None
    if mqtt.anonymous or mqtt.accepts_login:
        return Hit()
    return None if mqtt.login is not None else Skip("no login without a certificate was tried")


@rule(
    "MQTT-AUTH-FAIL",
    Severity.HIGH,
    tier=2,
    source=Source.WIRE,
    title="The broker refuses the login",
    evidence="CONNECT with the user name and password is refused: {cause}{explanation}",
    phrases={
        "cause": {
            **{code: f"{code} ({text})" for code, text in _REASONS.items()},
            "closed": "the connection is closed without a CONNACK",
            "other": "another reason code",
        },
        "explanation": {"none": "", "given": "; its explanation: {answer}"},
    },
    why="Clients with this credential get no connection.",
    fix={
        "any": "Correct the user name or password (0x86), or the client's permissions (0x87); "
        "other codes name a fault of the broker.",
    },
    references=("MQTT Version 5.0 §3.2.2.2",),
    seed=("12.11.6",),
    good=GOOD,
    bad=GOOD.learn(login=Reply(outcome="refused", code=0x86)),
)
def auth_fail(mqtt: MqttFacts) -> Verdict:
    """Judge the reply to the credential."""
    if mqtt.login is None:
        why = "no credential was sent"
        return Skip(f"{why}: {mqtt.withheld}" if mqtt.withheld else why)
    if mqtt.login.outcome == "accepted":
        return None
    code = "closed" if mqtt.login.code is None else f"0x{mqtt.login.code:02x}"
    known = code if code in _REASONS or code == "closed" else "other"
    said = mqtt.login.explanation
    return Hit(cause=known, explanation="given" if said else "none", answer=said)


@rule(
    "MQTT-TOKEN-STALE",
    Severity.MEDIUM,
    tier=2,
    source=Source.WIRE,
    title="Connection stays open after its token expires",
    evidence="{what}",
    phrases={
        "what": {
            "expired": "a token that expired {seconds} s earlier is accepted",
            "open": "the broker still answers {seconds} s after the token expired",
        }
    },
    why="An expired or revoked token still reads and writes while the connection stays open, "
    "which can be months.",
    fix={
        "any": "Store the token's exp with the connection, and end it then with DISCONNECT (0x87 "
        "or 0xA0), or request a new token with AUTH (re-authentication).",
    },
    references=("MQTT Version 5.0 §4.12.1", "RFC 7519 §4.1.4"),
    seed=("12.7.4",),
    good=GOOD.learn(token=Token(lifetime_seconds=2.0, outcome="closed", code=0xA0)),
    bad=GOOD.learn(token=Token(lifetime_seconds=2.0, outcome="open", after_seconds=2.0)),
)
def token_stale(mqtt: MqttFacts) -> Verdict:
    """Judge a connection by the exp of its token, which is read and not verified."""
    token = mqtt.token
    if token is None:
        return Skip(mqtt.unknown.get("the token's expiry", "no token was given (--token-file)"))
    if token.outcome is None or token.lifetime_seconds is None:
        return Skip("the token is no JWT with an exp claim")
    if token.outcome == "not-reached":
        left = token.lifetime_seconds
        return Skip(f"the token expires in {left:.0f} s: give a longer --timeout to wait for it")
    if token.outcome != "open":
        # A broker that refuses an expired token may still keep a connection beyond it.
        return None if token.lifetime_seconds > 0 else Skip("the token had expired: give a new one")
    if token.lifetime_seconds <= 0:
        return Hit(what="expired", seconds=f"{abs(token.lifetime_seconds):.0f}")
    return Hit(what="open", seconds=f"{token.after_seconds or 0.0:.1f}")
