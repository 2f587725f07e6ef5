"""The check of the lab's broker: what is learnt, what is sent, and what is not."""

from __future__ import annotations

from typing import Any

import pytest

from seventh.engine.check import check_one, pulse_one
from seventh.lab import start
from seventh.labkit.serve import Kit
from seventh.labkit.web.handler import Answer
from seventh.labkit.web.serve import web_server
from seventh.model.failure import Reason
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.protocols.mqtt.facts import Limits, MqttFacts, Upgrade
from seventh.protocols.mqtt.lab import serve_setup, wrong
from seventh.protocols.mqtt.lab.setup import PASSWORD, Setup
from seventh.protocols.mqtt.wire.reasons import Code
from tests.options import changed
from tests.reports import facts, found, metrics


async def checked(setup: Setup, kit: Kit, verb: str = "check", **more: Any) -> Report:
    async with serve_setup(setup, kit) as served:
        target, options = start.job(served, Options(transcript=True))
        if path := more.pop("path", ""):
            target = Target(scheme=target.scheme, host=target.host, port=target.port, path=path)
        return await (check_one if verb == "check" else pulse_one)(target, changed(options, **more))


def mqtt(report: Report) -> MqttFacts:
    return facts(report, MqttFacts)


def phases(report: Report) -> list[str]:
    return [phase.name for phase in report.phases if phase.name.startswith("mqtt.")]


async def test_a_whole_check(kit: Kit) -> None:
    report = await checked(Setup(), kit)
    assert (report.failure, found(report)) == (None, set())
    learnt = mqtt(report)
    assert learnt.v5 is not None and learnt.v311 is not None and learnt.login is not None
    assert (learnt.v5.outcome, learnt.v5.code) == ("refused", Code.NOT_AUTHORIZED)
    assert (learnt.v311.outcome, learnt.v311.code) == ("refused", Code.NOT_AUTHORIZED)
    assert (learnt.login.outcome, learnt.login_version) == ("accepted", "5")
    assert learnt.broker_limits == Limits(
        receive_maximum=20, maximum_packet_bytes=1024 * 1024, topic_alias_maximum=10
    )
    assert learnt.endless is not None
    assert (learnt.endless.outcome, learnt.endless_seconds) == ("accepted", 86_400)
    assert (learnt.anonymous, learnt.secure, learnt.websocket) == (False, True, False)
    assert (learnt.client_certificate, learnt.reach) == ("not-requested", "loopback")
    assert phases(report) == [
        "mqtt.connack", "mqtt.connack.311", "mqtt.login", "mqtt.ping", "mqtt.expiry",
    ]  # fmt: skip
    assert {"seventh_ttfb_seconds", "seventh_mqtt_ping_seconds"} <= metrics(report).keys()


async def test_over_websocket(kit: Kit) -> None:
    report = await checked(Setup(websocket=True), kit, path="/mqtt?x=1")
    assert (report.failure, found(report)) == (None, set())
    assert mqtt(report).upgrade == Upgrade(outcome="open", status=101, subprotocol="mqtt")
    assert phases(report)[:2] == ["mqtt.upgrade", "mqtt.connack"]


@pytest.mark.parametrize("websocket", [False, True])
@pytest.mark.parametrize("secure", [False, True])
async def test_a_pulse_sends_no_credential(kit: Kit, websocket: bool, secure: bool) -> None:
    setup = Setup(websocket=websocket, secure=secure)
    report = await checked(setup, kit, "pulse")
    learnt = mqtt(report)
    assert report.failure is None
    assert learnt.v5 is not None
    assert (learnt.v5.code, learnt.v311, learnt.login) == (Code.NOT_AUTHORIZED, None, None)
    assert phases(report) == [*(["mqtt.upgrade"] if websocket else []), "mqtt.connack"]


async def test_a_pulse_pings_an_open_broker(kit: Kit) -> None:
    report = await checked(Setup(secure=False, anonymous=True), kit, "pulse")
    assert (report.failure, phases(report)) == (None, ["mqtt.connack", "mqtt.ping"])


@pytest.mark.parametrize("closes", [False, True])
async def test_a_pulse_falls_back_to_311(kit: Kit, closes: bool) -> None:
    setup = Setup(versions=(4,), closes_unsupported=closes, anonymous=True)
    report = await checked(setup, kit, "pulse")
    learnt = mqtt(report)
    assert learnt.v311 is not None
    assert (report.failure, learnt.v311.outcome) == (None, "accepted")
    assert phases(report) == ["mqtt.connack", "mqtt.connack.311", "mqtt.ping"]


async def test_a_login_with_311(kit: Kit) -> None:
    report = await checked(Setup(versions=(4,)), kit)
    learnt = mqtt(report)
    assert (learnt.login_version, learnt.endless, learnt.broker_limits) == ("3.1.1", None, None)
    assert found(report) == {"MQTT-NO-V5"}


@pytest.mark.parametrize(
    ("more", "why"),
    [({"server_name": "other.test"}, "certificate"), ({"user": None}, "no-credential")],
)
async def test_what_withholds_a_password(kit: Kit, more: dict[str, Any], why: str) -> None:
    learnt = mqtt(await checked(Setup(), kit, **more))
    assert (learnt.withheld, learnt.login) == (why, None)


async def test_a_password_in_clear_is_sent_on_request_and_never_shown(kit: Kit) -> None:
    setup = Setup(secure=False)
    assert mqtt(await checked(setup, kit)).withheld == "no-tls"
    report = await checked(setup, kit, allow_plaintext=True)
    learnt = mqtt(report)
    assert learnt.login is not None
    assert (learnt.login.outcome, report.failure) == ("accepted", None)
    shown = "\n".join(report.transcript)
    assert "CONNECT with credentials was sent" in shown
    assert PASSWORD.encode().hex(" ", 2) not in shown
    assert PASSWORD not in shown


@pytest.mark.parametrize(
    ("code", "reason", "detail"),
    [
        (Code.SERVER_BUSY, Reason.UNEXPECTED_ANSWER,
         "the broker refuses the connection with 0x89 (server busy): it is busy: try again later"),
        (Code.BANNED, Reason.AUTH_REJECTED,
         ("the broker refuses the connection with 0x8a (banned): this client is banned: ask the "
          "administrator")),
        (Code.PACKET_TOO_LARGE, Reason.UNEXPECTED_ANSWER,
         ("the broker refuses the connection with 0x95 (packet too large): our packet is larger "
          "than it permits")),
        (Code.MALFORMED_PACKET, Reason.UNEXPECTED_ANSWER,
         "the broker refuses the connection with 0x81 (malformed packet)"),
    ],
)  # fmt: skip
async def test_a_refusal_has_its_cause(kit: Kit, code: Code, reason: Reason, detail: str) -> None:
    report = await checked(
        Setup(secure=False, logs_in=False, versions=(5,), refusal=code), kit, "pulse"
    )
    assert report.failure is not None
    assert (report.failure.reason, report.failure.phase) == (reason, "mqtt.connack")
    assert report.failure.detail == detail


async def test_a_wrong_password_is_the_failure(kit: Kit) -> None:
    report = await checked(Setup(password="wrong"), kit)
    assert report.failure is not None
    assert (report.failure.reason, report.failure.phase) == (Reason.AUTH_REJECTED, "mqtt.login")
    assert report.failure.detail == (
        "the broker refuses the connection with 0x86 (bad user or password): the user name or "
        "password is wrong"
    )


async def test_a_client_certificate_is_used(kit: Kit) -> None:
    issued = kit.authority.issue("device-1", client=True)
    report = await checked(
        Setup(certificates="required"), kit,
        cert_file=str(issued.cert_file), key_file=str(issued.key_file),
    )  # fmt: skip
    assert report.failure is None
    assert mqtt(report).client_certificate == "given"


@pytest.mark.parametrize(
    ("scheme", "plain", "secure"),
    [("mqtt", "MQTT", "mqtts"), ("mqtt+ws", "plain WebSocket", "mqtt+wss")],
)
async def test_tls_on_a_plain_port_is_named(kit: Kit, scheme: str, plain: str, secure: str) -> None:
    async with serve_setup(Setup(), kit) as served:
        target, options = start.job(served, Options())
        clear = Target(scheme=scheme, host=target.host, port=target.port)
        report = await check_one(clear, options)
    assert report.failure is not None
    assert report.failure.reason is Reason.PROTOCOL_MISMATCH
    assert report.failure.detail == (
        f"the port serves TLS, not {plain}: use {secure}://127.0.0.1:{target.port}"
    )


async def nothing(_: object) -> Answer:
    return Answer(status=404)


async def test_no_mqtt_at_a_path() -> None:
    async with web_server(nothing, versions=("1.1",)) as port:
        target = Target(scheme="mqtt+ws", host="127.0.0.1", port=port)
        report = await check_one(target, Options())
    assert report.failure is not None
    assert (report.failure.reason, report.failure.phase) == (
        Reason.PROTOCOL_MISMATCH, "mqtt.upgrade",
    )  # fmt: skip
    assert mqtt(report).upgrade == Upgrade(outcome="refused", status=404)
    assert "MQTT-WSS" in found(report)


async def test_an_explanation_is_shown_without_control_characters(kit: Kit) -> None:
    report = await checked(
        Setup(secure=False, logs_in=False, hostile=wrong.CONTROLS), kit, timeout_seconds=0.5
    )
    learnt = mqtt(report)
    assert learnt.v5 is not None
    assert learnt.v5.explanation == "\\x1b]0;owned\\x07"
