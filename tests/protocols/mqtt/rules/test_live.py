"""The rules of messages, sessions and rights, on both sides of every boundary."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from seventh.model.report import SkipCause
from seventh.model.severity import Severity
from seventh.protocols.mqtt.facts import MqttFacts
from seventh.protocols.mqtt.facts.live import (
    Exchange,
    Foreign,
    KeptAlive,
    Ordered,
    Resumed,
    Retained,
    TakenOver,
    Token,
    Wildcard,
    Willed,
)
from seventh.protocols.mqtt.rules import access, delivery, rights, sessions
from seventh.protocols.mqtt.rules.examples import (
    ACCEPTED,
    GOOD,
    LIMITS,
    LIVE,
    NOT_PUBLISHED,
    with_live,
)
from seventh.rules.rule import AnyRule, Hit, Skip
from tests.protocols.mqtt.rules.test_rules import said

LIVE_RULES = [
    delivery.qos_cap, delivery.qos1_noack, delivery.qos2_stall, delivery.qos2_dup, delivery.order,
    delivery.retain, delivery.v5_broken, sessions.session_lost, sessions.offline_lost,
    sessions.will, sessions.keepalive, sessions.takeover, rights.acl_write, rights.acl_silent,
]  # fmt: skip
EMPTY = Skip("no message was delivered on our own topic")


@pytest.mark.parametrize("rule", LIVE_RULES, ids=lambda rule: rule.id)
def test_without_a_message_nothing_is_judged(rule: AnyRule) -> None:
    assert said(rule, GOOD.learn(live=None)) == NOT_PUBLISHED
    failed = GOOD.learn(live=None, unknown={"publishing": "no time left"})
    assert said(rule, failed) == Skip("no time left")
    denied = Skip("our topic is refused (0x87): give --topic-prefix")
    assert said(rule, with_live(denied=0x87)) == denied


STEPS = {
    delivery.qos_cap: ("granted_qos", None, "publishing"),
    delivery.qos1_noack: ("exchanges", (), "publishing"),
    delivery.qos2_stall: ("exchanges", (), "publishing"),
    delivery.qos2_dup: ("repeated_copies", None, "repeated messages"),
    delivery.order: ("order", None, "order"),
    delivery.retain: ("retained", None, "retained messages"),
    sessions.session_lost: ("resumed", None, "sessions"),
    sessions.offline_lost: ("resumed", None, "sessions"),
    sessions.will: ("will", None, "the will"),
    sessions.keepalive: ("kept_alive", None, "keep alive"),
    sessions.takeover: ("taken_over", None, "the client id"),
    rights.acl_write: ("foreign", None, "other topics"),
    rights.acl_silent: ("foreign", None, "other topics"),
}


@pytest.mark.parametrize("rule", STEPS, ids=lambda rule: rule.id)
def test_a_step_that_failed_leaves_its_rule_open(rule: AnyRule) -> None:
    field, value, step = STEPS[rule]
    facts = with_live(**{field: value})
    assert said(rule, facts) == EMPTY
    assert said(rule, facts.learn(unknown={step: "the reason"})) == Skip("the reason")


def capped(qos: int) -> MqttFacts:
    return GOOD.learn(broker_limits=msgspec.structs.replace(LIMITS, maximum_qos=qos))


@pytest.mark.parametrize(
    ("facts", "wanted"),
    [
        (GOOD, None), (GOOD.learn(broker_limits=None), None),
        (with_live(granted_qos=1), "a subscription with QoS 2 is granted with QoS 1"),
        (with_live(granted_qos=0), "a subscription with QoS 2 is granted with QoS 0"),
        (capped(1), "CONNACK states a Maximum QoS of 1"),
        (capped(0), "CONNACK states a Maximum QoS of 0"),
    ],
)  # fmt: skip
def test_the_qos_that_is_permitted(facts: MqttFacts, wanted: object) -> None:
    assert said(delivery.qos_cap, facts) == wanted


@pytest.mark.parametrize(
    ("missing", "wanted"),
    [
        (None, None), ("message", None), ("puback", "PUBLISH with QoS 1: no PUBACK within 3 s"),
        ("connection", "PUBLISH with QoS 1: the broker ends the connection"),
    ],
)  # fmt: skip
def test_qos_1(missing: Any, wanted: object) -> None:
    exchanges = (LIVE.exchanges[0], Exchange(qos=1, missing=missing))
    assert said(delivery.qos1_noack, with_live(exchanges=exchanges)) == wanted


@pytest.mark.parametrize(
    ("missing", "wanted"),
    [
        (None, None), ("message", None), ("pubrec", "PUBLISH with QoS 2: no PUBREC within 3 s"),
        ("pubcomp", "PUBLISH with QoS 2: no PUBCOMP within 3 s of PUBREL"),
        ("connection",
         "PUBLISH with QoS 2: the broker ends the connection, and CONNACK permits QoS 2"),
    ],
)  # fmt: skip
def test_qos_2(missing: Any, wanted: object) -> None:
    exchanges = (*LIVE.exchanges[:2], Exchange(qos=2, missing=missing))
    assert said(delivery.qos2_stall, with_live(exchanges=exchanges)) == wanted
    stated = Skip("CONNACK states a Maximum QoS of 1", SkipCause.NOT_APPLICABLE)
    assert said(delivery.qos2_stall, capped(1)) == stated


@pytest.mark.parametrize(
    ("copies", "wanted"),
    [
        (0, Skip("the message that was sent again was not delivered")), (1, None),
        (2, ("a message that was sent again with the same packet id, after a lost connection and "
             "before PUBREL, is delivered 2 times")),
    ],
)  # fmt: skip
def test_a_message_that_is_sent_again(copies: int, wanted: object) -> None:
    assert said(delivery.qos2_dup, with_live(repeated_copies=copies)) == wanted


TWENTY = "of 20 messages with QoS 1 on one topic, all of them acknowledged, "


@pytest.mark.parametrize(
    ("received", "misplaced", "wanted"),
    [
        (20, 0, None), (19, 0, f"{TWENTY}1 did not arrive"),
        (20, 1, f"{TWENTY}1 came after a later one"),
        (18, 2, f"{TWENTY}2 did not arrive; 2 came after a later one"),
    ],
)  # fmt: skip
def test_order(received: int, misplaced: int, wanted: object) -> None:
    seen = Ordered(sent=20, received=received, misplaced=misplaced)
    assert said(delivery.order, with_live(order=seen)) == wanted


@pytest.mark.parametrize(
    ("copies", "cleared", "wanted"),
    [
        (1, True, None), (1, False, "an empty message does not remove the retained message"),
        (1, None, Skip("it is not known whether the message was removed")),
        (0, None, "a new subscriber does not receive the retained message"),
        (2, True, "a new subscriber receives the retained message 2 times"),
    ],
)  # fmt: skip
def test_retained_messages(copies: int, cleared: bool | None, wanted: object) -> None:
    assert said(delivery.retain, with_live(retained=Retained(copies=copies, cleared=cleared))) == (
        wanted
    )


def test_retained_messages_that_are_not_available() -> None:
    stated = msgspec.structs.replace(LIMITS, retain_available=False)
    assert said(delivery.retain, GOOD.learn(broker_limits=stated)) == (
        "CONNACK states that retained messages are not available"
    )


NOTHING_NEW: dict[str, Any] = {"resumed": None, "shared": None, "alias": None}


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, None), ({**NOTHING_NEW, "alias": "delivered"}, None),
        ({**NOTHING_NEW, "shared": (6, 0)}, None),
        ({"shared": (6, 6)},
         "6 messages to a shared subscription of two clients: 12 are delivered"),
        ({"shared": (3, 2)}, "6 messages to a shared subscription of two clients: 5 are delivered"),
        ({"alias": "lost"}, "a message with a topic alias is not delivered"),
        ({"resumed": Resumed(present=True, sent=3, received=3, expired_came=True)},
         "a message with an expiry of 1 s is delivered 2 s later"),
        (NOTHING_NEW, Skip("no feature of MQTT 5 was tested")),
    ],
)  # fmt: skip
def test_features_of_version_5(changes: dict[str, Any], wanted: object) -> None:
    assert said(delivery.v5_broken, with_live(**changes)) == wanted


def test_features_that_could_not_be_tested() -> None:
    facts = with_live(**NOTHING_NEW).learn(unknown={"topic aliases": "the reason"})
    assert said(delivery.v5_broken, facts) == Skip("the reason")


LOST = (
    "CONNECT with Clean Start 0, seconds after a session that was to be kept for 60 s: CONNACK has "
    "no session"
)
SOME = (
    "of 3 messages with QoS 1 for a session without a connection, 2 are delivered when it is "
    "resumed"
)


@pytest.mark.parametrize(
    ("present", "received", "session", "offline"),
    [
        (True, 3, None, None), (True, 2, None, SOME),
        (False, 0, LOST, Skip("the session was not kept")),
    ],
)  # fmt: skip
def test_sessions(present: bool, received: int, session: object, offline: object) -> None:
    facts = with_live(resumed=Resumed(present=present, sent=3, received=received))
    assert said(sessions.session_lost, facts) == session
    assert said(sessions.offline_lost, facts) == offline


NO_WILL = "no will within 3 s of an abrupt close"
UNWANTED = "the will is published after DISCONNECT"


@pytest.mark.parametrize(
    ("closed", "left", "wanted"),
    [
        (True, False, None), (False, False, NO_WILL), (True, True, UNWANTED),
        (False, True, f"{NO_WILL}; {UNWANTED}"),
        (True, None, Skip("no message came after DISCONNECT")), (False, None, NO_WILL),
    ],
)  # fmt: skip
def test_wills(closed: bool, left: bool | None, wanted: object) -> None:
    facts = with_live(will=Willed(after_close=closed, after_disconnect=left))
    assert said(sessions.will, facts) == wanted


@pytest.mark.parametrize(
    ("seen", "severity", "wanted"),
    [
        (KeptAlive(keep_alive_seconds=1, closed_seconds=6.4, waited_seconds=6.4), None, None),
        (KeptAlive(keep_alive_seconds=1, waited_seconds=7.4), None,
         Skip("a silent client was watched for 7.4 s, not 7.5 s: give a longer --timeout")),
        (KeptAlive(keep_alive_seconds=1, waited_seconds=7.5), None,
         ("a client with a keep alive of 1 s that sends nothing is still connected after 7.5 s")),
        (KeptAlive(keep_alive_seconds=30, stated=True), Severity.INFO,
         "CONNACK replaces a keep alive of 1 s by 30 s"),
        (KeptAlive(keep_alive_seconds=2, stated=True, waited_seconds=9.0), None,
         "a client with a keep alive of 2 s that sends nothing is still connected after 9.0 s"),
    ],
)  # fmt: skip
def test_keep_alive(seen: KeptAlive, severity: Severity | None, wanted: object) -> None:
    facts = with_live(kept_alive=seen)
    verdict = sessions.keepalive(facts)
    assert said(sessions.keepalive, facts) == wanted
    assert (verdict.severity if isinstance(verdict, Hit) else None) == severity


TAKEN = (
    "a client without credentials ends the connection of one that has logged in, by connecting "
    "with its client id"
)
TWO = "two connections with one client id are open at the same time"
ONE_IDENTITY = Skip(
    "there was no second identity: it requires a login and a broker that accepts anonymous clients"
)


@pytest.mark.parametrize(
    ("same", "other", "wanted"),
    [
        ("ended", "refused", None), ("ended", "ended", TAKEN), ("kept", "refused", TWO),
        ("ended", "kept", TWO), ("refused", "refused", None), ("ended", None, None),
    ],
)  # fmt: skip
def test_a_second_connection(same: Any, other: Any, wanted: object) -> None:
    assert said(sessions.takeover, with_live(taken_over=TakenOver(same=same, other=other))) == (
        wanted
    )


def test_without_a_second_identity_it_is_unknown_whether_a_client_id_is_protected() -> None:
    facts = with_live(taken_over=TakenOver(same="ended"), identity="anonymous").learn(v5=ACCEPTED)
    assert said(sessions.takeover, facts) == ONE_IDENTITY


def pair(**changes: Any) -> MqttFacts:
    assert GOOD.pair is not None
    return GOOD.learn(pair=msgspec.structs.replace(GOOD.pair, **changes))


OTHER = "mqtts://other.example:8883"


@pytest.mark.parametrize(
    ("facts", "wanted"),
    [
        (GOOD, None), (GOOD.learn(pair=None), Skip("no second broker was given (--pair)")),
        (GOOD.learn(pair=None, unknown={"the pair": "refused"}), Skip("refused")),
        (pair(delivered=False, waited_seconds=5.0),
         ("a message that the target has acknowledged is not delivered by "
          f"{OTHER} within 5.0 s")),
        (pair(delivered=False, works=False),
         Skip(f"{OTHER} does not deliver its own messages to us")),
        (pair(delivered=False, acknowledged=False), Skip("the target did not accept the message")),
        (GOOD.learn(live=None), NOT_PUBLISHED),
    ],
)  # fmt: skip
def test_a_pair(facts: MqttFacts, wanted: object) -> None:
    assert said(delivery.split, facts) == wanted


@pytest.mark.parametrize(
    ("token", "wanted"),
    [
        (None, Skip("no token was given (--token-file)")),
        (Token(), Skip("the token is no JWT with an exp claim")),
        (Token(lifetime_seconds=90.0, outcome="not-reached"),
         Skip("the token expires in 90 s: give a longer --timeout to wait for it")),
        (Token(lifetime_seconds=1.0, outcome="closed"), None),
        (Token(lifetime_seconds=-0.1, outcome="closed"),
         Skip("the token had expired: give a new one")),
        (Token(lifetime_seconds=1.0, outcome="open", after_seconds=2.04),
         "the broker still answers 2.0 s after the token expired"),
        (Token(lifetime_seconds=-60.0, outcome="open", after_seconds=2.0),
         "a token that expired 60 s earlier is accepted"),
    ],
)  # fmt: skip
def test_a_token(token: Token | None, wanted: object) -> None:
    assert said(access.token_stale, GOOD.learn(token=token)) == wanted


def foreign(read: int | None, write: int | None, *, acked: bool = True, came: bool = False) -> Any:
    return with_live(
        foreign=Foreign(read_code=read, write_code=write, acknowledged=acked, delivered=came)
    )


OUTSIDE = "a message of the user on a random topic outside of its own is "
SILENT = (
    "a message on a foreign topic is acknowledged with success and not delivered, although the "
    "subscription to this topic is granted: publishing or reading is denied without a reason code"
)
OLD = Skip("MQTT 3.1.1 has no reason codes: the message was acknowledged, not delivered")
SEE = Skip("the message was acknowledged and not delivered: see MQTT-ACL-SILENT")
NO_CODES = Skip("MQTT 3.1.1 has no reason codes for messages", SkipCause.NOT_APPLICABLE)


@pytest.mark.parametrize(
    ("facts", "write", "silent"),
    [
        (foreign(0x87, 0x87), None, None), (foreign(1, 0x87), None, None),
        (foreign(1, 0, came=True), f"{OUTSIDE}accepted and delivered", None),
        (foreign(0x87, 0), f"{OUTSIDE}accepted (reason code 0x00)", None),
        (foreign(0x87, 0x10), f"{OUTSIDE}accepted (reason code 0x10)", None),
        (foreign(1, 0), SEE, SILENT), (foreign(None, None, acked=False), None, None),
        (foreign(1, None), OLD, NO_CODES),
        (foreign(1, None, came=True), f"{OUTSIDE}accepted and delivered", NO_CODES),
    ],
)  # fmt: skip
def test_a_foreign_topic(facts: MqttFacts, write: object, silent: object) -> None:
    assert said(rights.acl_write, facts) == write
    assert said(rights.acl_silent, facts) == silent


@pytest.mark.parametrize(("qos", "fires"), [(0, False), (1, True), (2, True)])
def test_an_acknowledged_message_that_does_not_arrive(qos: int, fires: bool) -> None:
    lost = Exchange(qos=qos, code=0, missing="message")
    facts = with_live(exchanges=(*LIVE.exchanges[:qos], lost))
    assert said(rights.acl_silent, facts) == (
        SILENT.replace("a foreign topic", "the topic of --topic-prefix") if fires else None
    )


@pytest.mark.parametrize("rule", [rights.acl_write, rights.acl_read], ids=lambda rule: rule.id)
def test_it_is_critical_if_anybody_may(rule: AnyRule) -> None:
    facts = foreign(1, 0, came=True).learn(everything=Wildcard(code=0, messages=3))
    by_user, by_anybody = rule(facts), rule(facts.learn(login=None))
    assert isinstance(by_user, Hit) and isinstance(by_anybody, Hit)
    assert (by_user.severity, by_anybody.severity) == (Severity.HIGH, Severity.CRITICAL)


@pytest.mark.parametrize(
    ("seen", "read", "system"),
    [
        (Wildcard(code=0x87), None, None),
        (Wildcard(code=0, messages=2),
         "a subscription of the user to # is granted, and 2 messages came in one second",
         "the user receives 2 messages of $SYS in one second"),
        (Wildcard(code=0), Skip("the subscription to # is granted, and no message came in one "
                                "second"),
         Skip("the subscription to $SYS is granted, and no message came in one second")),
        (None, Skip("# was not subscribed to: it requires --intrusive and a login"),
         Skip("$SYS was not subscribed to: it requires a login or --allow-write")),
    ],
)  # fmt: skip
def test_wildcards(seen: Wildcard | None, read: object, system: object) -> None:
    facts = GOOD.learn(everything=seen, system=seen)
    assert said(rights.acl_read, facts) == read
    assert said(rights.system, facts) == system


def test_a_wildcard_that_could_not_be_subscribed() -> None:
    unknown = {"$SYS": "the reason", "all topics": "another"}
    facts = GOOD.learn(everything=None, system=None, unknown=unknown)
    assert said(rights.system, facts) == Skip("the reason")
    assert said(rights.acl_read, facts) == Skip("another")
