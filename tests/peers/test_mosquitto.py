"""MQTT against mosquitto: well configured, badly configured, and with the advised lines."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path
from typing import Any

import pytest

from seventh import protocols
from seventh.engine.check import check_one, pulse_one
from seventh.lab import start
from seventh.labkit.serve import Kit
from seventh.model.failure import Reason
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.protocols.mqtt import MqttOptions
from seventh.protocols.mqtt.facts import Limits, MqttFacts, Upgrade
from seventh.protocols.mqtt.lab import serve_setup
from seventh.protocols.mqtt.lab import setup as lab_setup
from seventh.protocols.mqtt.lab.setup import Setup
from tests.options import options_with
from tests.peers import need_binary
from tests.peers.mosquitto import PASSWORD, USER, Running, mosquitto
from tests.peers.test_fix_lines import directives, said
from tests.reports import facts, found

pytestmark = pytest.mark.peer

RULES = {rule.id: rule for rule in protocols.rules("mqtt")}
TLS = """
certfile /etc/mosquitto/certs/fullchain.pem
keyfile /etc/mosquitto/certs/private.pem
"""
LOGIN = "allow_anonymous false\npassword_file /etc/mosquitto/passwd\nacl_file /etc/mosquitto/acl\n"
GOOD = f"""
per_listener_settings true
max_packet_size 1048576
listener {{1}} 127.0.0.1
{TLS}{LOGIN}
listener {{2}} 127.0.0.1
{TLS}{LOGIN}
cafile /etc/mosquitto/certs/ca.pem
require_certificate true
listener {{3}} 127.0.0.1
protocol websockets
{TLS}{LOGIN}
"""
SILENT_LIMIT = {"MQTT-EXPIRY-FOREVER"}
"""mosquitto limits sessions without stating it: see the rule's fix."""


WRITES: dict[str, Any] = {"allow_write": True, "timeout_seconds": 30.0}


def fix(name: str) -> str:
    return "".join(f"{line}\n" for line in directives(said(RULES[name], "mosquitto").splitlines()))


def given(kit: Kit, **more: Any) -> Options:
    return options_with(ca_file=str(kit.authority.ca_file), **more)


def login(kit: Kit, tmp_path: Path, password: str = PASSWORD, **more: Any) -> Options:
    file = tmp_path / "password"
    file.touch(mode=0o600)
    file.write_text(f"{password}\n", encoding="utf-8")
    return given(kit, user=USER, password_file=str(file), **more)


def target(server: Running, scheme: str, number: int = 1) -> Target:
    return Target(scheme=scheme, host="127.0.0.1", port=server.ports[number - 1])


def mqtt(report: Report) -> MqttFacts:
    return facts(report, MqttFacts)


async def test_a_good_broker_passes(kit: Kit, tmp_path: Path) -> None:
    device = kit.authority.issue("device-1", client=True)
    certificate = {"cert_file": str(device.cert_file), "key_file": str(device.key_file)}
    async with mosquitto(kit, GOOD, 3) as server:
        tls = await check_one(target(server, "mqtts"), login(kit, tmp_path, **WRITES))
        wrong = await check_one(target(server, "mqtts"), login(kit, tmp_path, "wrong"))
        none = await check_one(target(server, "mqtts", 2), login(kit, tmp_path))
        mtls = await check_one(target(server, "mqtts", 2), login(kit, tmp_path, **certificate))
        web = await check_one(target(server, "mqtt+wss", 3), login(kit, tmp_path))
        pulses = [
            await pulse_one(target(server, scheme, number), given(kit))
            for scheme, number in (("mqtts", 1), ("mqtt+wss", 3))
        ]
    for report in (tls, mtls, web):
        assert (report.failure, found(report) & RULES.keys()) == (None, SILENT_LIMIT)
        learnt = mqtt(report)
        assert learnt.v5 is not None and learnt.login is not None
        assert (learnt.v5.code, learnt.login.outcome, learnt.anonymous) == (0x87, "accepted", False)
        assert learnt.broker_limits == Limits(
            receive_maximum=20, maximum_packet_bytes=1_048_576, topic_alias_maximum=10
        )
    unjudged = {name for name, rule in RULES.items() if rule.tier == 3} - set(tls.passed)
    assert unjudged == {"MQTT-SPLIT", "MQTT-LATENCY"}, "one broker, and one check"
    assert [pulse.failure for pulse in pulses] == [None, None]
    assert mqtt(mtls).client_certificate == "given"
    assert mqtt(web).upgrade == Upgrade(outcome="open", status=101, subprotocol="mqtt")
    assert wrong.failure is not None
    assert (wrong.failure.reason, wrong.failure.detail) == (
        Reason.AUTH_REJECTED,
        (
            "the broker refuses the connection with 0x87 (not authorized): this client is not "
            "authorized"
        ),
    )
    assert none.failure is not None
    assert none.failure.reason is Reason.TLS_CLIENT_CERTIFICATE_REQUIRED
    assert {"MQTT-ANON", "MQTT-MTLS-OPT"} <= set(none.passed)


async def test_anonymous_clients_are_found_and_the_advised_lines_refuse_them(kit: Kit) -> None:
    async with mosquitto(kit, "listener {1} 127.0.0.1\nallow_anonymous true\n") as server:
        before = await check_one(target(server, "mqtt"), given(kit))
    async with mosquitto(kit, f"listener {{1}} 127.0.0.1\n{fix('MQTT-ANON')}") as server:
        after = await check_one(target(server, "mqtt"), given(kit))
    assert found(before) == {"MQTT-ANON", "MQTT-PKT-UNLIMITED", "MQTT-EXPIRY-FOREVER"}
    assert (after.failure, found(after)) == (None, set())
    assert "MQTT-ANON" in after.passed


LIMITLESS = "max_inflight_messages 0\nlistener {1} 127.0.0.1\nallow_anonymous true\n"


async def test_the_advised_lines_limit_packets_and_messages(kit: Kit) -> None:
    wanted = {"MQTT-PKT-UNLIMITED", "MQTT-RECVMAX"}
    lines = fix("MQTT-PKT-UNLIMITED") + fix("MQTT-RECVMAX")
    async with mosquitto(kit, LIMITLESS) as server:
        before = await check_one(target(server, "mqtt"), given(kit))
    fixed = LIMITLESS.replace("max_inflight_messages 0\n", lines)
    async with mosquitto(kit, fixed) as server:
        after = await check_one(target(server, "mqtt"), given(kit))
    assert wanted <= found(before)
    assert wanted <= set(after.passed)


OPTIONAL = f"""
listener {{1}} 127.0.0.1
{TLS}
cafile /etc/mosquitto/certs/ca.pem
allow_anonymous true
"""


async def test_the_advised_lines_require_the_certificate(kit: Kit) -> None:
    async with mosquitto(kit, OPTIONAL) as server:
        before = await check_one(target(server, "mqtts"), given(kit))
    async with mosquitto(kit, OPTIONAL + fix("MQTT-MTLS-OPT")) as server:
        after = await check_one(target(server, "mqtts"), given(kit))
    # It requests no certificate unless it requires one; brokers behind a TLS proxy differ.
    assert (before.failure, mqtt(before).client_certificate) == (None, "not-requested")
    assert (mqtt(after).client_certificate, mqtt(after).replies) == ("required", ())
    assert {"MQTT-MTLS-OPT", "MQTT-ANON"} <= set(after.passed)


async def test_the_advised_lines_give_it_tls(kit: Kit) -> None:
    lines = fix("MQTT-PLAINTEXT").replace("1883", "{1}").replace("8883", "{2}")
    lines += fix("MQTT-WSS").replace("443", "{3}")
    async with mosquitto(kit, lines, 3) as server:
        tls = await check_one(target(server, "mqtts", 2), given(kit))
        web = await check_one(target(server, "mqtt+wss", 3), given(kit))
    assert (tls.failure, web.failure) == (None, None)
    assert "MQTT-PLAINTEXT" in tls.passed
    assert "MQTT-WSS" in web.passed


OPEN = "listener {1} 127.0.0.1\nallow_anonymous true\n"
AS_USER = "listener {1} 127.0.0.1\nallow_anonymous true\npassword_file /etc/mosquitto/passwd\n"


@pytest.mark.parametrize(
    ("rule", "wrong", "lines"),
    [
        ("MQTT-QOS-CAP", f"{OPEN}max_qos 1\n", f"{OPEN}{{fix}}"),
        ("MQTT-RETAIN", f"retain_available false\n{OPEN}", f"{{fix}}{OPEN}"),
        ("MQTT-OFFLINE-LOST", f"max_inflight_messages 1\nmax_queued_messages 1\n{OPEN}",
         f"max_inflight_messages 1\n{{fix}}{OPEN}"),
        ("MQTT-TAKEOVER", AS_USER, AS_USER.replace("allow_anonymous true\n", "{fix}")),
    ],
)  # fmt: skip
async def test_messages_and_the_advised_lines(
    kit: Kit, tmp_path: Path, rule: str, wrong: str, lines: str
) -> None:
    given_login = login(kit, tmp_path, allow_plaintext=True, **WRITES)
    options = given_login if "password_file" in wrong else given(kit, **WRITES)
    async with mosquitto(kit, wrong) as server:
        before = await check_one(target(server, "mqtt"), options)
    async with mosquitto(kit, lines.replace("{fix}", fix(rule))) as server:
        after = await check_one(target(server, "mqtt"), options)
    assert rule in found(before)
    assert rule in after.passed
    assert mqtt(after).unknown == {}
    live = {name for name, each in RULES.items() if each.tier == 3}
    assert found(after) & live == {"MQTT-ACL-WRITE"}


async def test_the_advised_lines_limit_topics(kit: Kit, tmp_path: Path) -> None:
    """The access control list that the fix shows, for our user and topics."""
    options = login(kit, tmp_path, allow_plaintext=True, intrusive=True, **WRITES)
    closed = AS_USER.replace("allow_anonymous true", "allow_anonymous false")
    async with mosquitto(kit, closed) as server:
        before = await check_one(target(server, "mqtt"), options)
    wanted = {"MQTT-ACL-READ", "MQTT-ACL-WRITE", "MQTT-SYS"}
    acl = tmp_path / "acl"
    (advice,) = {RULES[name].words.fix["mosquitto"] for name in wanted}
    shown = [line.removeprefix("# ") for line in advice.splitlines() if line[0] == "#"]
    text = "\n".join(shown[1:]).replace("NAME", USER).replace("site/device", "seventh")
    acl.write_text(f"{text}\n", encoding="utf-8")
    lines = fix("MQTT-SYS").replace("/etc/mosquitto/acl", str(acl))
    async with mosquitto(kit, closed + lines) as server:
        after = await check_one(target(server, "mqtt"), options)
    assert found(before) >= wanted
    assert (after.failure, mqtt(after).unknown) == (None, {})
    assert found(after) & {name for name, rule in RULES.items() if rule.tier >= 2} == set()
    assert "MQTT-ACL-WRITE" in after.passed
    live = mqtt(after).live
    assert live is not None and live.foreign is not None
    assert (live.foreign.write_code, live.foreign.delivered) == (0x87, False)


BRIDGE = """
listener {1} 127.0.0.1
allow_anonymous true
connection other
address 127.0.0.1:PORT
topic TOPIC/# out 1
try_private false
"""


@pytest.mark.parametrize(("topic", "passes"), [("seventh", True), ("other", False)])
async def test_a_bridge(kit: Kit, topic: str, passes: bool) -> None:
    async with mosquitto(kit, OPEN) as other:
        lines = BRIDGE.replace("PORT", str(other.ports[0])).replace("TOPIC", topic)
        own = (MqttOptions(pair=target(other, "mqtt")),)
        async with mosquitto(kit, lines) as server:
            report = await check_one(
                target(server, "mqtt"), given(kit, **WRITES).replace(rooms=own)
            )
    assert ("MQTT-SPLIT" in report.passed, "MQTT-SPLIT" in found(report)) == (passes, not passes)


def test_every_fix_is_applied() -> None:
    fixed = {name for name, rule in RULES.items() if "mosquitto" in rule.words.fix}
    assert fixed == {
        "MQTT-PLAINTEXT", "MQTT-WSS", "MQTT-ANON", "MQTT-MTLS-OPT", "MQTT-PKT-UNLIMITED",
        "MQTT-RECVMAX", "MQTT-QOS-CAP", "MQTT-RETAIN", "MQTT-OFFLINE-LOST", "MQTT-TAKEOVER",
        "MQTT-ACL-READ", "MQTT-ACL-WRITE", "MQTT-SYS",
        # in test_mosquitto_conf.py:
        "MQTT-EXPIRY-FOREVER", "MQTT-CRL", "MQTT-BRIDGE-LOOP",
        # in test_mosquitto_series.py:
        "MQTT-OFFLINE-FLOOD",
    }  # fmt: skip


async def run(program: str, *words: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        need_binary(program), *words, stdout=PIPE, stderr=STDOUT
    )
    async with asyncio.timeout(10):
        said, _ = await process.communicate()
    return process.returncode, said.decode()


@pytest.mark.parametrize("version", ["311", "5"])
async def test_mosquittos_clients_with_the_lab(kit: Kit, version: str) -> None:
    """The retained message of each QoS, and what a wrong password is told."""
    async with serve_setup(Setup(), kit) as served:
        lab, _ = start.job(served, Options())
        who = ["-h", "localhost", "-p", str(lab.port), "-V", version, "-u", lab_setup.USER,
               "--cafile", str(kit.authority.ca_file)]  # fmt: skip
        right = [*who, "-P", lab_setup.PASSWORD]
        for qos in "012":
            sent = await run("mosquitto_pub", *right, "-t", f"q/{qos}", "-m", qos, "-q", qos, "-r")
            assert sent == (0, "")
        code, got = await run(
            "mosquitto_sub", *right, "-t", "q/+", "-q", "2", "-C", "3", "-F", "%t %p %q %r"
        )
        refused, why = await run("mosquitto_pub", *who, "-P", "wrong", "-t", "q", "-m", "x")
    assert (code, sorted(got.splitlines())) == (0, ["q/0 0 0 1", "q/1 1 1 1", "q/2 2 2 1"])
    assert refused != 0
    assert why.startswith("Connection error: ")
