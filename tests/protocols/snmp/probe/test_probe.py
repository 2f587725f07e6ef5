"""The check of the lab's agent: what is learnt at each version and level, and what is sent."""

from __future__ import annotations

from typing import Any

import pytest

from seventh.engine.check import check_one, pulse_one
from seventh.lab import start
from seventh.labkit.serve import Kit
from seventh.model.failure import Reason
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.protocols.snmp.facts import Access, Engine, Interface, SnmpFacts, System
from seventh.protocols.snmp.lab import serve_setup
from seventh.protocols.snmp.lab.setup import COMMUNITY, QUICK, Setup
from seventh.protocols.snmp.wire.engine_id import Format
from seventh.protocols.snmp.wire.keys import Auth, Extension, Priv
from seventh.protocols.snmp.wire.usm import Cause
from tests.reports import facts

BY_COMMUNITY = {"community_file": COMMUNITY, "retries": 1, "reply_seconds": 0.2}


async def checked(setup: Setup, kit: Kit, verb: str = "check") -> Report:
    async with serve_setup(setup, kit) as served:
        target, options = start.job(served, Options())
        return await (check_one if verb == "check" else pulse_one)(target, options)


def snmp(report: Report) -> SnmpFacts:
    return facts(report, SnmpFacts)


def phases(report: Report) -> list[str]:
    return [phase.name for phase in report.phases if phase.name.startswith("snmp.")]


async def test_a_whole_check(kit: Kit) -> None:
    report = await checked(Setup(options=QUICK), kit)
    assert (report.failure, report.findings) == (None, ())
    assert phases(report) == ["snmp.discovery", "snmp.auth", "snmp.poll"]
    learnt = snmp(report)
    assert learnt.engine == Engine(
        id="80001f8804736576656e74682d6c6162", boots=7, time_seconds=1, enterprise=8072,
        enterprise_name="net-snmp", format=Format.TEXT, content="seventh-lab",
    )  # fmt: skip
    assert learnt.access == Access(
        version="3", outcome="accepted", level="authPriv", auth=Auth.SHA256, priv=Priv.AES
    )
    assert learnt.system is not None
    assert learnt.system.uptime_seconds is not None
    assert learnt.system == System(
        description="Seventh's reference agent", object_id="1.3.6.1.4.1.8072.3.2.10",
        uptime_seconds=learnt.system.uptime_seconds, contact="lab@lab.test",
        name="agent.lab.test", location="here",
    )  # fmt: skip
    assert learnt.interfaces == (
        Interface(index=1, name="lo", speed_mbps=10, has_64_bit=True),
        Interface(index=2, name="eth0", speed_mbps=1000, has_64_bit=True),
        Interface(index=3, name="eth1", speed_mbps=10000, has_64_bit=True),
    )
    assert (learnt.requests, learnt.replies, learnt.stray, learnt.loss_ratio) == (7, 7, 0, 0.0)
    assert (learnt.bulk_rows, learnt.too_big, learnt.deviations) == (3.0, 0, ())


async def test_without_a_credential_only_the_engine_is_asked(kit: Kit) -> None:
    options = {"reply_seconds": 0.2}
    for verb in ("check", "pulse"):
        report = await checked(Setup(options=options), kit, verb)
        assert (report.failure, phases(report)) == (None, ["snmp.discovery"])
        assert (snmp(report).requests, snmp(report).access) == (1, None)


async def test_a_pulse_reads_the_uptime_alone(kit: Kit) -> None:
    report = await checked(Setup(options=QUICK), kit, "pulse")
    assert (report.failure, phases(report)) == (None, ["snmp.discovery", "snmp.auth"])
    assert (snmp(report).requests, snmp(report).system) == (2, None)


@pytest.mark.parametrize(
    ("user", "auth", "priv", "level", "extension"),
    [
        ("open", None, None, "noAuthNoPriv", None), ("signed", "sha512", None, "authNoPriv", None),
        ("old", "md5", "des", "authPriv", None), ("sha1", "sha1", "aes", "authPriv", None),
        ("long", "sha1", "aes256", "authPriv", Extension.BLUMENTHAL),
        ("reeder", "sha1", "aes256", "authPriv", Extension.REEDER),
    ],
)  # fmt: skip
async def test_users_of_every_level(
    kit: Kit, user: str, auth: str | None, priv: str | None, level: Any,
    extension: Extension | None,
) -> None:  # fmt: skip
    options = {**QUICK, "user": user, "auth": auth, "priv": priv}
    wanted = {name: value for name, value in options.items() if value is not None}
    for name in ("auth", "priv"):
        if name not in wanted:
            wanted.pop(f"{name}_password_file")
    report = await checked(Setup(options=wanted), kit)
    assert report.failure is None
    assert snmp(report).access == Access(
        version="3", outcome="accepted", level=level, auth=Auth(auth) if auth else None,
        priv=Priv(priv) if priv else None, extension=extension,
    )  # fmt: skip
    assert snmp(report).interfaces is not None


@pytest.mark.parametrize("version", ["1", "2c"])
async def test_an_agent_with_communities_alone(kit: Kit, version: Any) -> None:
    options = {**BY_COMMUNITY, "snmp_version": version}
    report = await checked(Setup(community=COMMUNITY, v3=False, options=options), kit)
    learnt = snmp(report)
    assert (report.failure, learnt.discovered) == (None, False)
    assert learnt.access == Access(version=version, outcome="accepted")
    assert learnt.interfaces is not None
    assert [each.name for each in learnt.interfaces] == ["lo", "eth0", "eth1"]
    assert (learnt.bulk_rows, learnt.repetitions is None) == (
        (None, True) if version == "1" else (3.0, False)
    )


async def test_an_agent_that_answers_discovery_alone_is_not_filtered(kit: Kit) -> None:
    report = await checked(Setup(options=BY_COMMUNITY), kit)
    assert report.failure is not None
    where = report.target.removeprefix("snmp://").replace(":", " port ")
    assert (report.failure.reason, report.failure.phase, report.failure.detail) == (
        Reason.NO_REPLY, "snmp.auth",
        f"{where}: the agent answers discovery, and not this credential",
    )  # fmt: skip
    wanted = Access(version="2c", outcome="unknown", cause=Cause.SILENCE)
    assert (snmp(report).discovered, snmp(report).access) == (True, wanted)


async def test_a_level_that_the_view_does_not_answer_is_an_empty_view(kit: Kit) -> None:
    options = {**QUICK, "user": "signed", "auth": "sha512"}
    for name in ("priv", "priv_password_file"):
        options.pop(name)
    report = await checked(Setup(least="authPriv", options=options), kit)
    access = snmp(report).access
    assert access is not None
    assert (access.outcome, access.cause) == ("accepted", Cause.VIEW)


@pytest.mark.parametrize(
    ("setup", "repetitions", "too_big"),
    [(Setup(most_rows=3, options=QUICK), 2, 2), (Setup(truncates=3, options=QUICK), 2, 0)],
)
async def test_fewer_rows_where_many_do_not_arrive(
    kit: Kit, setup: Setup, repetitions: int, too_big: int
) -> None:
    learnt = snmp(await checked(setup, kit))
    assert learnt.interfaces is not None
    assert (len(learnt.interfaces), learnt.repetitions, learnt.too_big) == (3, repetitions, too_big)


async def test_losses_are_counted(kit: Kit) -> None:
    learnt = snmp(await checked(Setup(loses=3, options=QUICK), kit))
    assert learnt.interfaces is not None
    assert len(learnt.interfaces) == 3
    assert (learnt.replies, learnt.requests, learnt.loss_ratio) == (7, 10, 1 - 7 / 10)
