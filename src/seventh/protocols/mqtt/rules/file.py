"""What only a broker's configuration shows."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.mqtt.facts import MqttFacts
from seventh.protocols.mqtt.facts.config import Loop, MqttConfig
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule

_NO_FILE = Skip("only the broker's configuration shows it: `seventh lint mosquitto.conf`")
_TLS = MqttConfig(
    product="mosquitto", listener="listener 8883", secure=True, client_certificate="required",
    identity=True, has_crl=True,
)  # fmt: skip
_BRIDGE = Loop(how="public", connection="hub", topic="site/#")


@rule(
    "MQTT-CRL",
    Severity.MEDIUM,
    tier=0,
    source=Source.FILE,
    title="Revoked client certificates still work",
    evidence="{listener} verifies client certificates and has no crlfile",
    why="A device that is stolen or sold keeps its certificate until it expires, and connects with "
    "it.",
    fix={
        "mosquitto": "# the CRL of the CA in cafile; mosquitto rereads it at SIGHUP\n"
        "crlfile /etc/mosquitto/certs/crl.pem",
        "any": "Have the broker check a list of revoked certificates.",
    },
    references=("RFC 5280 §5",),
    seed=("12.7.4",),
    good=MqttFacts(config=_TLS),
    bad=MqttFacts(
        config=MqttConfig(
            product="mosquitto", listener="listener 8883", secure=True,
            client_certificate="required", has_crl=False,
        )
    ),
    directives={"mosquitto": ("crlfile", "require_certificate")},
    choice=("mosquitto",),
)  # fmt: skip
def crl(mqtt: MqttFacts) -> Verdict:
    """Judge whether revocation is checked where client certificates are."""
    config = mqtt.config
    if config is None:
        return _NO_FILE
    if config.client_certificate in {None, "not-requested"}:
        return not_applicable("no client certificates are requested")
    return None if config.has_crl else Hit(listener=config.listener)


@rule(
    "MQTT-BRIDGE-LOOP",
    Severity.MEDIUM,
    tier=0,
    source=Source.FILE,
    title="Messages circulate between bridges",
    evidence="{what}",
    phrases={
        "what": {
            "public": "the connection {connection} has {topic!r} in both directions with "
            "try_private false: the other broker sends each message back",
            "twice": "the connections {connection} and {other} are to one broker, and one sends "
            "{topic!r}, which the other receives",
        }
    },
    why="Each message comes back and is sent again, until both brokers and the line between them "
    "do nothing else.",
    fix={
        "mosquitto": "try_private true",
        "any": "Send each topic in one direction, below a prefix of its own for each broker.",
    },
    references=("MQTT Version 5.0 §3.8.3.1",),
    seed=("12.7.5",),
    good=MqttFacts(config=MqttConfig(product="mosquitto", loops=())),
    bad=MqttFacts(config=MqttConfig(product="mosquitto", loops=(_BRIDGE,))),
    directives={"mosquitto": ("try_private", "topic", "address")},
)
def bridge_loop(mqtt: MqttFacts) -> Verdict:
    """Judge the directions of bridged topics."""
    if mqtt.config is None:
        return _NO_FILE
    if mqtt.config.loops is None:
        return not_applicable("there is no bridge")
    for loop in mqtt.config.loops:
        hit = Hit(what=loop.how, connection=loop.connection, topic=loop.topic, other=loop.other)
        if loop.how == "public":
            return hit.at(f"try_private {loop.connection}").fixed_by(
                "mosquitto", "try_private true"
            )
        return hit.at(f"topic {loop.connection}", f"topic {loop.other}").fixed_by(
            "mosquitto",
            f"# remove one of the two connections, or give {loop.topic} one direction in each",
        )
    return None
