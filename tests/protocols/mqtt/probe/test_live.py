"""Publishing on the lab's broker: what is learnt, what is left behind, and what is not tried."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from seventh.engine.check import check_one
from seventh.lab import start
from seventh.labkit.serve import Kit
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.protocols.mqtt import MqttOptions
from seventh.protocols.mqtt.facts.live import (
    Exchange,
    Foreign,
    KeptAlive,
    Live,
    Ordered,
    Resumed,
    Retained,
    TakenOver,
    Wildcard,
    Willed,
)
from seventh.protocols.mqtt.lab import serve_setup
from seventh.protocols.mqtt.lab.broker import Broker
from seventh.protocols.mqtt.lab.setup import LIMITED, USER, Rights, Setup
from seventh.protocols.mqtt.lab.state import State, Subscribed
from seventh.protocols.mqtt.wire.reasons import Code
from seventh.protocols.mqtt.wire.topics import matches
from tests.options import changed
from tests.protocols.mqtt.probe.test_probe import mqtt
from tests.reports import found, metrics


def limited(**changes: Any) -> Setup:
    return msgspec.structs.replace(LIMITED, **changes)


async def published(
    setup: Setup, kit: Kit, kind: type[Broker] = Broker, **more: Any
) -> tuple[Report, Broker]:
    broker = kind(setup)
    async with serve_setup(setup, kit, broker) as served:
        target, options = start.job(served, Options())
        report = await check_one(target, changed(options, **more))
    return report, broker


def untimed(live: Live) -> Live:
    """The same without what takes another time in each run."""
    assert live.subscribe_seconds is not None and live.will is not None
    exchanges = tuple(
        msgspec.structs.replace(
            each, puback_seconds=None, pubrec_seconds=None, pubcomp_seconds=None,
            deliver_seconds=None,
        )
        for each in live.exchanges
    )  # fmt: skip
    alive = live.kept_alive
    assert alive is not None
    if alive.closed_seconds is not None:
        alive = msgspec.structs.replace(alive, closed_seconds=1.5, waited_seconds=1.5)
    return msgspec.structs.replace(
        live, subscribe_seconds=None, exchanges=exchanges, kept_alive=alive,
        will=msgspec.structs.replace(live.will, seconds=None),
    )  # fmt: skip


WHOLE = Live(
    identity="login",
    granted_qos=2,
    exchanges=(
        Exchange(qos=0, delivered_qos=0),
        Exchange(qos=1, code=0, delivered_qos=1),
        Exchange(qos=2, code=0, delivered_qos=2),
    ),
    repeated_copies=1,
    order=Ordered(sent=20, received=20, misplaced=0),
    retained=Retained(copies=1, cleared=True),
    will=Willed(after_close=True, after_disconnect=False),
    resumed=Resumed(present=True, sent=3, received=3, expired_came=False),
    shared=(3, 3),
    shared_sent=6,
    alias="delivered",
    kept_alive=KeptAlive(keep_alive_seconds=1, closed_seconds=1.5, waited_seconds=1.5, code=0x8D),
    taken_over=TakenOver(same="ended"),
    foreign=Foreign(read_code=0x87, write_code=0x87, acknowledged=True),
)
OLD = msgspec.structs.replace(
    WHOLE,
    exchanges=tuple(msgspec.structs.replace(e, code=0 if e.qos else None) for e in WHOLE.exchanges),
    resumed=Resumed(present=True, sent=3, received=3),
    shared=None, shared_sent=0, alias=None,
    kept_alive=KeptAlive(keep_alive_seconds=1, closed_seconds=1.5, waited_seconds=1.5),
    foreign=Foreign(read_code=0x80, acknowledged=True),
)  # fmt: skip


@pytest.mark.parametrize("websocket", [False, True])
@pytest.mark.parametrize("version", [4, 5])
async def test_a_whole_check(kit: Kit, version: Any, websocket: bool) -> None:
    setup = limited(versions=(version,) if version == 4 else (5, 4), websocket=websocket)
    report, broker = await published(setup, kit)
    learnt = mqtt(report)
    assert learnt.live is not None
    assert (report.failure, learnt.unknown) == (None, {})
    assert found(report) == ({"MQTT-NO-V5"} if version == 4 else set())
    assert untimed(learnt.live) == (WHOLE if version == 5 else OLD)
    assert learnt.system == Wildcard(code=0x87 if version == 5 else 0x80)
    assert learnt.everything is None
    names = {phase.name for phase in report.phases}
    assert names >= {
        "mqtt.subscribe", "mqtt.puback", "mqtt.pubrec", "mqtt.pubcomp", "mqtt.deliver",
    }  # fmt: skip
    assert (broker.states, set(broker.retained) - set(setup.system)) == ({}, set())


async def test_metrics(kit: Kit) -> None:
    setup = limited(rights={USER: Rights(read=("seventh/#", "$SYS/#"), write=("seventh/#",))})
    report, _ = await published(setup, kit)
    named = metrics(report)
    assert named["seventh_mqtt_offline_messages"] == 3
    assert named["seventh_mqtt_retain_hits"] == 1
    assert named['seventh_mqtt_delivered_messages{qos="2"}'] == 1
    assert named['seventh_mqtt_broker_number{of="stored"}'] == 3
    assert named["seventh_mqtt_deliver_seconds"] > 0


async def test_nothing_is_published_without_permission(kit: Kit) -> None:
    report, _ = await published(limited(), kit, allow_write=False)
    learnt = mqtt(report)
    assert (learnt.live, learnt.system) == (None, Wildcard(code=0x87))
    assert "MQTT-WILL" not in report.passed


async def test_an_anonymous_client_publishes(kit: Kit) -> None:
    setup = limited(anonymous=True, logs_in=False, secure=False)
    report, _ = await published(setup, kit)
    learnt = mqtt(report)
    assert learnt.live is not None
    assert (learnt.live.identity, found(report)) == ("anonymous", {"MQTT-ANON"})


@pytest.mark.parametrize("version", [4, 5])
async def test_a_topic_that_is_refused(kit: Kit, version: Any) -> None:
    setup = limited(versions=(version,), rights={USER: Rights(read=("x/#",), write=("x/#",))})
    report, _ = await published(setup, kit)
    learnt = mqtt(report)
    assert learnt.live is not None
    assert learnt.live.denied == (0x87 if version == 5 else 0x80)
    assert learnt.live.exchanges == ()
    own = (MqttOptions(topic_prefix="x"),)
    report, _ = await published(setup, kit, rooms=own)
    learnt = mqtt(report)
    assert learnt.live is not None
    assert (learnt.live.denied, learnt.live.granted_qos) == (None, 2)


async def test_a_message_that_is_refused(kit: Kit) -> None:
    setup = limited(rights={USER: Rights(read=("#",), write=("x/#",))})
    report, _ = await published(setup, kit)
    learnt = mqtt(report)
    assert learnt.live is not None
    assert (learnt.live.denied, learnt.live.order) == (0x87, None)


@pytest.mark.parametrize("seconds", [2.5, 3.5])
async def test_what_is_cut_off_is_removed(kit: Kit, seconds: float) -> None:
    """A broker that loses messages makes each step wait until the time is up."""
    flaws: Any = frozenset({"retains-nothing", "no-will", "drops-offline"})
    setup = limited(flaws=flaws)
    report, broker = await published(setup, kit, timeout_seconds=seconds)
    assert report.failure is None
    assert mqtt(report).unknown
    assert (broker.states, set(broker.retained) - set(setup.system)) == ({}, set())


class Failing(Broker):
    """A broker that ends the connection of a client that is to get a retained message."""

    async def send_retained(self, state: State, new: Subscribed, *, existed: bool) -> None:
        """End the connection."""
        assert state.client is not None
        if any(matches(new.pattern, topic) for topic in self.retained):
            await state.client.end(Code.UNSPECIFIED_ERROR)


async def test_a_retained_message_is_removed_after_a_failure(kit: Kit) -> None:
    setup = limited(system={})
    report, broker = await published(setup, kit, Failing)
    learnt = mqtt(report)
    assert learnt.live is not None
    assert (learnt.live.retained, list(learnt.unknown)) == (None, ["retained messages"])
    assert (broker.states, broker.retained) == ({}, {})


async def test_what_cannot_be_removed_is_named(kit: Kit) -> None:
    flaws: Any = frozenset({"retains-for-ever"})
    report, broker = await published(limited(flaws=flaws), kit)
    (topic,) = set(broker.retained) - set(broker.setup.system)
    live = mqtt(report).live
    assert live is not None
    assert (live.retained, broker.states) == (Retained(copies=1, cleared=False), {})
    assert topic.startswith("seventh/")


# -- a second broker -------------------------------------------------------------------------------


async def test_a_message_reaches_the_pair(kit: Kit) -> None:
    report, _ = await published(limited(), kit)
    pair = mqtt(report).pair
    assert pair is not None
    assert (pair.acknowledged, pair.works, pair.delivered) == (True, True, True)
    assert metrics(report)["seventh_mqtt_pair_seconds"] == pair.waited_seconds
    assert "mqtt.pair" in {phase.name for phase in report.phases}


async def test_a_pair_without_tls_gets_no_password(kit: Kit) -> None:
    report, _ = await published(limited(secure=False), kit, allow_plaintext=True)
    assert mqtt(report).pair is not None
    plain = Target(scheme="mqtt", host="127.0.0.1", port=1)
    report, _ = await published(limited(pair=None), kit, rooms=(MqttOptions(pair=plain),))
    learnt = mqtt(report)
    assert learnt.pair is None
    assert learnt.unknown == {
        "the pair": "the credential is not sent to mqtt://127.0.0.1:1 without TLS: give "
        "--allow-plaintext"
    }


async def test_a_pair_with_a_wrong_certificate_gets_no_password(kit: Kit, tmp_path: Path) -> None:
    other = Broker(Setup())
    async with serve_setup(other.setup, Kit(tmp_path), other) as served:
        own = (MqttOptions(pair=start.job(served, Options())[0]),)
        report, _ = await published(limited(pair=None), kit, rooms=own)
    learnt = mqtt(report)
    assert (learnt.pair, list(learnt.unknown)) == (None, ["the pair"])
    assert "is neither sent nor trusted here" in learnt.unknown["the pair"]


# -- tokens ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [None, "JWT"])
async def test_a_connection_that_ends_with_its_token(kit: Kit, method: str | None) -> None:
    setup = Setup(token_seconds=3.0, auth_method=method)
    own = (MqttOptions(auth_method=method),)
    report, _ = await published(setup, kit, timeout_seconds=20.0, rooms=own, transcript=True)
    learnt = mqtt(report)
    assert learnt.login is not None and learnt.token is not None
    assert (report.failure, learnt.login.outcome, learnt.token.outcome) == (
        None, "accepted", "closed",
    )  # fmt: skip
    assert (learnt.token.method, learnt.token.code) == (method or "", 0xA0)
    assert "MQTT-TOKEN-STALE" in report.passed
    shown = "\n".join(report.transcript)
    assert "with credentials was sent" in shown
    assert b"eyJ".hex(" ", 2) not in shown
    assert "eyJ" not in shown


async def test_a_method_that_the_broker_does_not_have(kit: Kit) -> None:
    own = (MqttOptions(auth_method="other"),)
    report, _ = await published(Setup(token_seconds=9.0, auth_method="JWT"), kit, rooms=own)
    assert report.failure is not None
    assert report.failure.detail == (
        "the broker refuses the connection with 0x8c (bad authentication method): it requires "
        "another authentication method"
    )


async def test_a_method_needs_version_5(kit: Kit) -> None:
    setup = Setup(token_seconds=9.0, versions=(4,))
    report, _ = await published(setup, kit, rooms=(MqttOptions(auth_method="JWT"),))
    assert (mqtt(report).withheld, mqtt(report).login) == ("no-v5", None)


async def test_a_token_that_lives_longer_than_the_check(kit: Kit) -> None:
    report, _ = await published(Setup(token_seconds=900.0, versions=(4,)), kit)
    learnt = mqtt(report)
    assert learnt.login is not None and learnt.token is not None
    assert (learnt.login.outcome, learnt.token.outcome) == ("accepted", "not-reached")
