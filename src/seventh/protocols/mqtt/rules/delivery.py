"""Whether messages arrive: as often, in the order and with the QoS that was asked for."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.mqtt.facts import MqttFacts
from seventh.protocols.mqtt.facts.live import Exchange, Ordered, Paired, Retained
from seventh.protocols.mqtt.rules.examples import (
    GOOD,
    LIVE,
    learnt,
    published,
    with_live,
)
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule

_SPLIT = Paired(
    target="mqtts://other.example:8883", acknowledged=True, works=True, delivered=False,
    waited_seconds=5.0,
)  # fmt: skip


def _exchanges(qos: int, **changes: object) -> MqttFacts:
    """Return a broker of whose exchanges that of ``qos``, the last, has ``changes``."""
    last = Exchange(qos=qos, **changes)  # type: ignore[arg-type]
    return with_live(exchanges=(*LIVE.exchanges[:qos], last))


@rule(
    "MQTT-QOS-CAP",
    Severity.MEDIUM,
    tier=3,
    source=Source.WIRE,
    title="QoS is downgraded",
    evidence="{how}",
    phrases={
        "how": {
            "stated": "CONNACK states a Maximum QoS of {qos}",
            "granted": "a subscription with QoS 2 is granted with QoS {qos}",
        }
    },
    why="With QoS 1 messages may be delivered twice, with QoS 0 they are lost when a connection "
    "ends; clients that publish with a higher QoS than the broker permits are disconnected.",
    fix={"mosquitto": "max_qos 2", "any": "Permit QoS 2, or use clients that need less."},
    references=("MQTT Version 5.0 §3.2.2.3.4",),
    seed=("12.11.6",),
    good=GOOD,
    bad=with_live(granted_qos=1),
)
def qos_cap(mqtt: MqttFacts) -> Verdict:
    """Judge the QoS that CONNACK and SUBACK permit."""
    live = published(mqtt)
    if isinstance(live, Skip):
        return live
    stated = 2 if mqtt.broker_limits is None else mqtt.broker_limits.maximum_qos
    if stated < 2:
        return Hit(how="stated", qos=stated)
    granted = learnt(mqtt, live.granted_qos, "publishing")
    if isinstance(granted, Skip):
        return granted
    return Hit(how="granted", qos=granted) if granted < 2 else None


@rule(
    "MQTT-QOS1-NOACK",
    Severity.HIGH,
    tier=3,
    source=Source.WIRE,
    title="QoS 1 is not acknowledged",
    evidence="PUBLISH with QoS 1: {missing}",
    phrases={
        "missing": {
            "puback": "no PUBACK within 3 s",
            "connection": "the broker ends the connection",
        }
    },
    why="A client sends the message again with each connection, and stops publishing when the "
    "Receive Maximum of the broker is reached.",
    fix={"any": "Look at the broker's log and load: it has to acknowledge every message."},
    references=("MQTT Version 5.0 §4.3.2",),
    seed=("12.7.2",),
    good=GOOD,
    bad=_exchanges(1, missing="puback"),
)
def qos1_noack(mqtt: MqttFacts) -> Verdict:
    """Judge the acknowledgement of QoS 1."""
    return _incomplete(mqtt, 1)


@rule(
    "MQTT-QOS2-STALL",
    Severity.HIGH,
    tier=3,
    source=Source.WIRE,
    title="QoS 2 does not complete",
    evidence="PUBLISH with QoS 2: {missing}",
    phrases={
        "missing": {
            "pubrec": "no PUBREC within 3 s",
            "pubcomp": "no PUBCOMP within 3 s of PUBREL",
            "connection": "the broker ends the connection, and CONNACK permits QoS 2",
        }
    },
    why="A client cannot use the packet id again, and stops publishing when the Receive Maximum "
    "of the broker is reached.",
    fix={
        "any": "Look at the broker's log and load. Where it does not support QoS 2, it has to "
        "state a Maximum QoS in CONNACK.",
    },
    references=("MQTT Version 5.0 §4.3.3",),
    seed=("12.7.2",),
    good=GOOD,
    bad=_exchanges(2, pubrec_seconds=0.01, missing="pubcomp"),
)
def qos2_stall(mqtt: MqttFacts) -> Verdict:
    """Judge the four packets of QoS 2."""
    return _incomplete(mqtt, 2)


def _incomplete(mqtt: MqttFacts, qos: int) -> Verdict:
    live = published(mqtt)
    if isinstance(live, Skip):
        return live
    if mqtt.broker_limits is not None and mqtt.broker_limits.maximum_qos < qos:
        return not_applicable(f"CONNACK states a Maximum QoS of {mqtt.broker_limits.maximum_qos}")
    found = learnt(mqtt, live.exchange(qos), "publishing")
    if isinstance(found, Skip):
        return found
    if found.missing in {None, "message"}:
        return None
    return Hit(missing=str(found.missing))


@rule(
    "MQTT-QOS2-DUP",
    Severity.HIGH,
    tier=3,
    source=Source.WIRE,
    title="QoS 2 delivers twice",
    evidence="a message that was sent again with the same packet id, after a lost connection and "
    "before PUBREL, is delivered {copies} times",
    why="QoS 2 promises exactly one delivery; commands are executed twice.",
    fix={
        "any": "The broker has to keep the packet ids of QoS 2 with the session, until PUBREL. "
        "Upgrade it, and check that its nodes share sessions.",
    },
    references=("MQTT Version 5.0 §4.3.3",),
    seed=("12.7.2",),
    good=GOOD,
    bad=with_live(repeated_copies=2),
)
def qos2_dup(mqtt: MqttFacts) -> Verdict:
    """Judge the deliveries of a message that was sent again."""
    live = published(mqtt)
    if isinstance(live, Skip):
        return live
    copies = learnt(mqtt, live.repeated_copies, "repeated messages")
    if isinstance(copies, Skip):
        return copies
    if not copies:
        return Skip("the message that was sent again was not delivered")
    return Hit(copies=copies) if copies > 1 else None


@rule(
    "MQTT-ORDER",
    Severity.MEDIUM,
    tier=3,
    source=Source.WIRE,
    title="Messages are delivered out of order or lost",
    evidence="of {sent} messages with QoS 1 on one topic, all of them acknowledged, {faults}",
    phrases={
        "faults": {
            "lost": "{lost} did not arrive",
            "misplaced": "{misplaced} came after a later one",
        }
    },
    why="Subscribers see old values after new ones, or miss some.",
    fix={
        "any": "Have one node or one worker handle a topic, and let no bridge or load balancer "
        "spread one client's messages. Where messages are lost, raise the limits of messages in "
        "flight and queued for each client (mosquitto: max_queued_messages).",
    },
    references=("MQTT Version 5.0 §4.6",),
    seed=("12.7.5",),
    good=GOOD,
    bad=with_live(order=Ordered(sent=20, received=20, misplaced=1)),
)
def order(mqtt: MqttFacts) -> Verdict:
    """Judge the order in which messages arrive."""
    live = published(mqtt)
    if isinstance(live, Skip):
        return live
    found = learnt(mqtt, live.order, "order")
    if isinstance(found, Skip):
        return found
    faults: tuple[str, ...] = ("lost",) if found.received < found.sent else ()
    faults += ("misplaced",) if found.misplaced else ()
    lost = found.sent - found.received
    if not faults:
        return None
    return Hit(sent=found.sent, faults=faults, lost=lost, misplaced=found.misplaced)


@rule(
    "MQTT-RETAIN",
    Severity.MEDIUM,
    tier=3,
    source=Source.WIRE,
    title="Retained messages do not work",
    evidence="{how}",
    phrases={
        "how": {
            "unavailable": "CONNACK states that retained messages are not available",
            "missing": "a new subscriber does not receive the retained message",
            "twice": "a new subscriber receives the retained message {copies} times",
            "stays": "an empty message does not remove the retained message",
        }
    },
    why="Clients that connect late do not learn the current state, or learn an old one.",
    fix={
        "mosquitto": "retain_available true",
        "any": "Enable retained messages, and share them between the nodes of a cluster.",
    },
    references=("MQTT Version 5.0 §3.3.1.3",),
    seed=("12.7.2",),
    good=GOOD,
    bad=with_live(retained=Retained(copies=0)),
)
def retain(mqtt: MqttFacts) -> Verdict:
    """Judge a retained message, from its arrival to its removal."""
    live = published(mqtt)
    if isinstance(live, Skip):
        return live
    if mqtt.broker_limits is not None and not mqtt.broker_limits.retain_available:
        return Hit(how="unavailable")
    found = learnt(mqtt, live.retained, "retained messages")
    if isinstance(found, Skip):
        return found
    if found.copies != 1:
        return Hit(how="twice" if found.copies else "missing", copies=found.copies)
    if found.cleared is None:
        return Skip("it is not known whether the message was removed")
    return None if found.cleared else Hit(how="stays")


@rule(
    "MQTT-V5-BROKEN",
    Severity.MEDIUM,
    tier=3,
    source=Source.WIRE,
    title="A feature of MQTT 5 does not work",
    evidence="{faults}",
    phrases={
        "faults": {
            "expiry": "a message with an expiry of 1 s is delivered 2 s later",
            "shared": "{sent} messages to a shared subscription of two clients: {received} are "
            "delivered",
            "alias": "a message with a topic alias is not delivered",
        }
    },
    why="Clients rely on what the broker announces: they act on old commands, process messages "
    "twice, or lose them.",
    fix={"any": "Upgrade the broker, or have it state in CONNACK what it does not support."},
    references=(
        "MQTT Version 5.0 §3.3.2.3.3",
        "MQTT Version 5.0 §3.3.2.3.4",
        "MQTT Version 5.0 §4.8.2",
    ),
    seed=("12.7.2",),
    good=GOOD,
    bad=with_live(alias="lost"),
)
def v5_broken(mqtt: MqttFacts) -> Verdict:
    """Judge message expiry, shared subscriptions and topic aliases."""
    live = published(mqtt)
    if isinstance(live, Skip):
        return live
    expired = None if live.resumed is None else live.resumed.expired_came
    known = [expired is not None, live.shared is not None, live.alias is not None]
    faults: tuple[str, ...] = ("expiry",) if expired else ()
    received = sum(live.shared or ())
    faults += ("shared",) if live.shared is not None and received != live.shared_sent else ()
    faults += ("alias",) if live.alias == "lost" else ()
    if faults:
        return Hit(faults=faults, sent=live.shared_sent, received=received)
    if any(known):
        return None
    steps = ("sessions", "shared subscriptions", "topic aliases")
    return Skip(next((mqtt.unknown[each] for each in steps if each in mqtt.unknown),
                     "no feature of MQTT 5 was tested"))  # fmt: skip


@rule(
    "MQTT-SPLIT",
    Severity.HIGH,
    tier=3,
    source=Source.WIRE,
    title="Nodes do not share messages",
    evidence="a message that the target has acknowledged is not delivered by {other} within "
    "{seconds:.1f} s",
    why="Clients of one node do not receive what clients of another one publish: the bridge is "
    "down, or the cluster has split.",
    fix={
        "any": "Look at the bridge's or the cluster's state, its credentials and its topic "
        "patterns, and at the firewall between the nodes.",
    },
    references=("MQTT Version 5.0 §3.3.1.2",),
    seed=("12.7.5",),
    good=GOOD,
    bad=GOOD.learn(pair=_SPLIT),
)
def split(mqtt: MqttFacts) -> Verdict:
    """Judge a message from the target to the broker of --pair."""
    live = published(mqtt)
    if isinstance(live, Skip):
        return live
    pair = mqtt.pair
    if pair is None:
        return Skip(mqtt.unknown.get("the pair", "no second broker was given (--pair)"))
    if pair.delivered:
        return None
    if not pair.works:
        return Skip(f"{pair.target} does not deliver its own messages to us")
    if not pair.acknowledged:
        return Skip("the target did not accept the message")
    return Hit(other=pair.target, seconds=pair.waited_seconds)
