"""Which topics a client may read and write, and whether a refusal is stated."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.mqtt.facts import MqttFacts
from seventh.protocols.mqtt.facts.live import Exchange, Foreign, Wildcard
from seventh.protocols.mqtt.rules.examples import (
    GOOD,
    learnt,
    published,
    with_live,
)
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule

FAILED = 0x80
_ACL = (
    "acl_file /etc/mosquitto/acl\n"
    "# in that file, for each user:\n# user NAME\n# topic readwrite site/device/#"
)
_WHO = {"who": {"login": "the user", "anonymous": "a client without credentials"}}


def _who(mqtt: MqttFacts) -> str:
    return "login" if mqtt.accepts_login else "anonymous"


@rule(
    "MQTT-ACL-READ",
    Severity.CRITICAL,
    tier=4,
    source=Source.WIRE,
    title="Any client may read every topic",
    evidence="a subscription of {who} to # is granted, and {count} messages came in one second",
    phrases=_WHO,
    why="One stolen credential shows the messages of all devices.",
    fix={
        "mosquitto": _ACL,
        "any": "Permit each client only the topics that it needs, by an access control list.",
    },
    references=("MQTT Version 5.0 §5.4.2",),
    seed=("12.7.3",),
    good=GOOD,
    bad=GOOD.learn(everything=Wildcard(code=0, messages=7)),
)
def acl_read(mqtt: MqttFacts) -> Verdict:
    """Judge a subscription to all topics; it counts only if messages come."""
    if mqtt.everything is None:
        why = mqtt.unknown.get("all topics")
        return Skip(why or "# was not subscribed to: it requires --intrusive and a login")
    if mqtt.everything.code >= FAILED:
        return None
    if not mqtt.everything.messages:
        return Skip("the subscription to # is granted, and no message came in one second")
    severity = Severity.HIGH if mqtt.accepts_login else Severity.CRITICAL
    return Hit(severity, who=_who(mqtt), count=mqtt.everything.messages)


@rule(
    "MQTT-ACL-WRITE",
    Severity.CRITICAL,
    tier=3,
    source=Source.WIRE,
    title="Foreign topics accept messages",
    evidence="a message of {who} on a random topic outside of its own is {what}",
    phrases={
        **_WHO,
        "what": {
            "accepted": "accepted (reason code 0x{code})",
            "delivered": "accepted and delivered",
        },
    },
    why="One stolen credential can send commands to all devices and false values of all sensors.",
    fix={
        "mosquitto": _ACL,
        "any": "Permit each client only the topics that it needs, by an access control list.",
    },
    references=("MQTT Version 5.0 §3.4.2.1",),
    seed=("12.7.3",),
    good=GOOD,
    bad=with_live(foreign=Foreign(read_code=1, write_code=0, acknowledged=True, delivered=True)),
)
def acl_write(mqtt: MqttFacts) -> Verdict:
    """Judge a message on a topic to which the client has no claim."""
    live = published(mqtt)
    if isinstance(live, Skip):
        return live
    found = learnt(mqtt, live.foreign, "other topics")
    if isinstance(found, Skip):
        return found
    severity = Severity.HIGH if mqtt.accepts_login else Severity.CRITICAL
    if found.delivered:
        return Hit(severity, who=_who(mqtt), what="delivered", code="")
    if not found.acknowledged or (found.write_code or 0) >= FAILED:
        return None
    if found.write_code is None:
        return Skip("MQTT 3.1.1 has no reason codes: the message was acknowledged, not delivered")
    if found.read_code is None or found.read_code < FAILED:
        return Skip("the message was acknowledged and not delivered: see MQTT-ACL-SILENT")
    return Hit(severity, who=_who(mqtt), what="accepted", code=f"{found.write_code:02x}")


@rule(
    "MQTT-ACL-SILENT",
    Severity.MEDIUM,
    tier=3,
    source=Source.WIRE,
    title="Denied messages are acknowledged",
    evidence="a message on {where} is acknowledged with success and not delivered, although the "
    "subscription to this topic is granted: publishing or reading is denied without a reason code",
    phrases={"where": {"own": "the topic of --topic-prefix", "foreign": "a foreign topic"}},
    why="The sender believes that its message arrived, and the subscriber that there is none: "
    "messages are lost, and nothing shows why.",
    fix={
        "any": "Have the broker answer with reason code 0x87 (MQTT 5), and log what it denies. "
        "Correct the access control list.",
    },
    references=("MQTT Version 5.0 §4.13",),
    seed=("12.11.6",),
    good=GOOD,
    bad=with_live(foreign=Foreign(read_code=1, write_code=0, acknowledged=True)),
)
def acl_silent(mqtt: MqttFacts) -> Verdict:
    """Judge messages that are acknowledged and do not arrive."""
    live = published(mqtt)
    if isinstance(live, Skip):
        return live
    if any(_lost(each) for each in live.exchanges):
        return Hit(where="own")
    found = learnt(mqtt, live.foreign, "other topics")
    if isinstance(found, Skip):
        return found
    if found.acknowledged and found.write_code is None:
        return not_applicable("MQTT 3.1.1 has no reason codes for messages")
    accepted = found.acknowledged and (found.write_code or 0) < FAILED
    granted = found.read_code is not None and found.read_code < FAILED
    return Hit(where="foreign") if accepted and granted and not found.delivered else None


def _lost(exchange: Exchange) -> bool:
    """Return whether a message was acknowledged and did not arrive; QoS 0 may be lost."""
    return bool(exchange.qos) and exchange.missing == "message"


@rule(
    "MQTT-SYS",
    Severity.MEDIUM,
    tier=2,
    source=Source.WIRE,
    title="Broker internals are readable",
    evidence="{who} receives {count} messages of $SYS in one second",
    phrases=_WHO,
    why="They show the broker's version, its clients and its load.",
    fix={
        "mosquitto": _ACL,
        "any": "Permit $SYS only to the user that monitors the broker.",
    },
    references=("MQTT Version 5.0 §4.7.2",),
    seed=("12.7.3",),
    good=GOOD,
    bad=GOOD.learn(system=Wildcard(code=0, messages=40)),
)
def system(mqtt: MqttFacts) -> Verdict:
    """Judge a subscription to $SYS; it counts only if messages come."""
    if mqtt.system is None:
        why = mqtt.unknown.get("$SYS")
        return Skip(why or "$SYS was not subscribed to: it requires a login or --allow-write")
    if mqtt.system.code >= FAILED:
        return None
    if mqtt.system.messages:
        return Hit(who=_who(mqtt), count=mqtt.system.messages)
    return Skip("the subscription to $SYS is granted, and no message came in one second")
