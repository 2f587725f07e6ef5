"""The rules of MQTT, on both sides of every boundary."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from seventh.model.report import SkipCause
from seventh.protocols.mqtt.facts import MqttFacts, Reply, Upgrade
from seventh.protocols.mqtt.rules import access, limits
from seventh.protocols.mqtt.rules.examples import (
    ACCEPTED,
    CARRIED,
    GOOD,
    LIMITS,
    NO_LOGIN,
    NO_REPLY,
    NOT_ACCEPTED,
    OVER_WEBSOCKET,
)
from seventh.rules.rule import AnyRule, Skip
from tests.reports import evidence

CLOSED = Reply(outcome="closed")
V4_ONLY = Reply(outcome="refused", code=0x84)
NOT_TLS = GOOD.learn(secure=False, client_certificate=None)


def said(rule: AnyRule, facts: MqttFacts) -> str | Skip | None:
    verdict = rule(facts)
    return verdict if verdict is None or isinstance(verdict, Skip) else evidence(rule, verdict)


@pytest.mark.parametrize(
    ("facts", "wanted"),
    [
        (GOOD, None), (NOT_TLS.learn(reach="loopback"), None), (NOT_TLS.learn(reach=None), CARRIED),
        (NOT_TLS.learn(reach="private"), "mqtt:// answers at a private address"),
        (NOT_TLS.learn(reach="public"), "mqtt:// answers at a public address"),
        (NOT_TLS.learn(v5=None, v311=None), NO_REPLY),
        (OVER_WEBSOCKET,
         Skip("MQTT-WSS judges WebSocket without TLS", SkipCause.NOT_APPLICABLE)),
    ],
)  # fmt: skip
def test_plaintext(facts: MqttFacts, wanted: object) -> None:
    assert said(access.plaintext, facts) == wanted


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, None),
        ({"upgrade": Upgrade(outcome="refused", status=404)},
         "HTTP 404 to the WebSocket handshake"),
        ({"upgrade": Upgrade(outcome="invalid", status=101)},
         "the 101 has no valid Sec-WebSocket-Accept"),
        ({"upgrade": Upgrade(outcome="open", status=101, subprotocol="mqttv3.1")},
         "the subprotocol mqtt is not chosen"),
        ({"secure": False}, "mqtt+ws:// answers at a public address"),
        ({"secure": False, "reach": "private", "upgrade": Upgrade(outcome="open", status=101)},
         "the subprotocol mqtt is not chosen; mqtt+ws:// answers at a private address"),
        ({"secure": False, "reach": "loopback"}, None),
        ({"secure": False, "reach": None}, CARRIED),
        ({"upgrade": None}, Skip("there was no response to the WebSocket handshake")),
        ({"websocket": False},
         Skip("the target is not MQTT over WebSocket", SkipCause.NOT_APPLICABLE)),
    ],
)  # fmt: skip
def test_wss(changes: dict[str, Any], wanted: object) -> None:
    assert said(access.wss, OVER_WEBSOCKET.learn(**changes)) == wanted


WITHOUT = "CONNECT without a user name, a password and a client certificate is accepted"
GIVEN = Skip("--cert was given, so the behaviour without a certificate is unknown")


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, None), ({"v5": ACCEPTED}, f"{WITHOUT} (MQTT 5)"),
        ({"v311": ACCEPTED}, f"{WITHOUT} (MQTT 3.1.1)"),
        ({"v5": ACCEPTED, "v311": ACCEPTED}, f"{WITHOUT} (MQTT 5, MQTT 3.1.1)"),
        ({"v5": Reply(outcome="refused", code=0x86), "v311": None}, None),
        ({"v5": V4_ONLY}, None),
        ({"v5": V4_ONLY, "v311": CLOSED}, NO_REPLY),
        ({"v5": Reply(outcome="refused", code=0x88), "v311": None}, NO_REPLY),
        ({"v5": ACCEPTED, "client_certificate": "given"}, GIVEN),
        ({"v5": None, "v311": None, "client_certificate": "required"}, None),
    ],
)  # fmt: skip
def test_anonymous(changes: dict[str, Any], wanted: object) -> None:
    assert said(access.anonymous, GOOD.learn(**changes)) == wanted


OPTIONAL = "the broker requests a client certificate, and accepts a client without one"


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"client_certificate": "not-requested"},
         Skip("the broker requests no client certificate", SkipCause.NOT_APPLICABLE)),
        ({"client_certificate": None}, Skip("no TLS handshake was completed")),
        ({"client_certificate": "given"}, GIVEN), ({"client_certificate": "required"}, None),
        ({"client_certificate": "optional"}, OPTIONAL),
        ({"client_certificate": "optional", "login": None, "v5": ACCEPTED}, OPTIONAL),
        ({"client_certificate": "optional", "login": None},
         Skip("no login without a certificate was tried")),
        ({"client_certificate": "optional", "login": NO_LOGIN}, None),
    ],
)  # fmt: skip
def test_optional_certificates(changes: dict[str, Any], wanted: object) -> None:
    assert said(access.mtls_optional, GOOD.learn(**changes)) == wanted


REFUSED = "CONNECT with the user name and password is refused: "


@pytest.mark.parametrize(
    ("login", "wanted"),
    [
        (ACCEPTED, None), (None, Skip("no credential was sent")),
        (CLOSED, f"{REFUSED}the connection is closed without a CONNACK"),
        (Reply(outcome="refused", code=0x86), f"{REFUSED}0x86 (bad user name or password)"),
        (Reply(outcome="refused", code=0x99), f"{REFUSED}another reason code"),
        (Reply(outcome="refused", code=0x87, explanation="no"),
         f"{REFUSED}0x87 (not authorized); its explanation: no"),
    ],
)  # fmt: skip
def test_the_login(login: Reply | None, wanted: object) -> None:
    assert said(access.auth_fail, GOOD.learn(login=login)) == wanted


def test_a_login_that_was_withheld() -> None:
    facts = GOOD.learn(login=None, withheld="no-tls")
    assert said(access.auth_fail, facts) == Skip("no credential was sent: no-tls")


@pytest.mark.parametrize(
    ("v5", "v311", "wanted"),
    [
        (ACCEPTED, None, None), (NO_LOGIN, NO_LOGIN, None), (None, ACCEPTED, NO_REPLY),
        (V4_ONLY, ACCEPTED, ("CONNECT of MQTT 5: refused as an unsupported version (0x84); "
          "MQTT 3.1.1 is answered")),
        (CLOSED, NO_LOGIN, "CONNECT of MQTT 5: the connection is closed; MQTT 3.1.1 is answered"),
        (CLOSED, CLOSED, NO_REPLY), (CLOSED, None, NO_REPLY),
    ],
)  # fmt: skip
def test_versions(v5: Reply | None, v311: Reply | None, wanted: object) -> None:
    assert said(limits.no_v5, GOOD.learn(v5=v5, v311=v311)) == wanted


@pytest.mark.parametrize(
    ("count", "wanted"),
    [
        (1, "Receive Maximum 1: each message waits a round trip for the one before"), (2, None),
        (1000, None),
        (1001, ("Receive Maximum 1001: clients may send that many messages before the first is "
          "acknowledged")),
    ],
)  # fmt: skip
def test_receive_maximum(count: int, wanted: object) -> None:
    stated = msgspec.structs.replace(LIMITS, receive_maximum=count)
    assert said(limits.receive_maximum, GOOD.learn(broker_limits=stated)) == wanted


FOREVER = (
    "CONNECT with a Session Expiry Interval of 0xFFFFFFFF is accepted, and CONNACK states no "
    "shorter one"
)


@pytest.mark.parametrize(
    ("reply", "seconds", "wanted"),
    [
        (ACCEPTED, None, FOREVER), (ACCEPTED, 0xFFFFFFFF, FOREVER), (ACCEPTED, 0xFFFFFFFE, None),
        (ACCEPTED, 0, None), (NO_LOGIN, None, None),
        (CLOSED, None, Skip("the connection was closed without a CONNACK")),
        (None, None, NOT_ACCEPTED),
    ],
)  # fmt: skip
def test_endless_sessions(reply: Reply | None, seconds: int | None, wanted: object) -> None:
    facts = GOOD.learn(endless=reply, endless_seconds=seconds)
    assert said(limits.expiry_forever, facts) == wanted


def test_without_a_connection_of_version_5_no_limit_is_known() -> None:
    unknown = GOOD.learn(broker_limits=None)
    assert said(limits.packet_unlimited, unknown) == NOT_ACCEPTED
    assert said(limits.receive_maximum, unknown) == NOT_ACCEPTED


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"server_reference": "a:1"}, "Server Reference: a:1"), ({}, None),
        ({"v5": CLOSED}, None), ({"v5": CLOSED, "v311": CLOSED}, NO_REPLY),
    ],
)  # fmt: skip
def test_another_server(changes: dict[str, Any], wanted: object) -> None:
    assert said(limits.redirect, GOOD.learn(**changes)) == wanted
