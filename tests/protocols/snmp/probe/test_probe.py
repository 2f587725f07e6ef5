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
from seventh.protocols.snmp.facts import Access, Engine, Interface, Lower, SnmpFacts, System
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
    assert phases(report) == [
        "snmp.discovery", "snmp.auth", "snmp.poll", "snmp.bulk", "snmp.access"
    ]  # fmt: skip
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
    assert (learnt.requests, learnt.replies, learnt.stray, learnt.loss_ratio) == (10, 10, 0, 0.0)
    assert (learnt.bulk_rows, learnt.too_big, learnt.deviations) == (3.0, 0, ())
    assert [(one.repetitions, one.outcome, one.rows) for one in learnt.bulk] == [
        (10, "answered", 10), (25, "answered", 25), (50, "answered", 50),
    ]  # fmt: skip
    assert (learnt.most_rows, learnt.repetitions in {10, 25, 50}) == (50, True)
    assert learnt.lower == (
        Lower(level="authNoPriv", outcome="refused"), Lower(level="noAuthNoPriv", outcome="refused")
    )  # fmt: skip
    assert (learnt.sensitive, learnt.enterprises, learnt.unnamed) == ((), (), ())
    assert learnt.default_communities is None
    clock = learnt.clock
    assert clock is not None
    assert clock.offset_seconds is not None
    assert clock.uncertainty_seconds is not None
    assert (clock.outcome, abs(clock.offset_seconds) <= clock.uncertainty_seconds) == ("read", True)
    assert 0.5 <= clock.uncertainty_seconds < 1.5, "half a second, and half a round trip"
    assert learnt.gain is not None
    assert 1 < learnt.gain < 3, "of the discovery alone: the rest is authenticated"


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
    ("setup", "outcome", "tried", "too_big"),
    [
        (Setup(most_rows=3, options=QUICK), "too-big", [10, 5, 2], 4),
        (Setup(truncates=3, options=QUICK), "lost", [10, 5, 2], 0),
        (Setup(most_rows=20, options=QUICK), "too-big", [10, 25], 2),
    ],
)
async def test_fewer_rows_where_many_do_not_arrive(
    kit: Kit, setup: Setup, outcome: str, tried: list[int], too_big: int
) -> None:
    learnt = snmp(await checked(setup, kit))
    assert learnt.interfaces is not None
    assert [one.repetitions for one in learnt.bulk] == tried
    works = max(one.repetitions for one in learnt.bulk if one.outcome == "answered")
    assert {one.outcome for one in learnt.bulk if one.repetitions > works} == {outcome}
    assert (len(learnt.interfaces), learnt.repetitions, learnt.too_big) == (3, works, too_big)


async def test_losses_are_counted(kit: Kit) -> None:
    learnt = snmp(await checked(Setup(loses=3, options=QUICK), kit))
    assert learnt.interfaces is not None
    assert len(learnt.interfaces) == 3
    assert (learnt.replies, learnt.requests, learnt.loss_ratio) == (10, 14, 1 - 10 / 14)


@pytest.mark.parametrize(
    ("least", "wanted"),
    [
        ("authPriv", ["refused", "refused"]), ("authNoPriv", ["accepted", "refused"]),
        ("noAuthNoPriv", ["accepted", "accepted"]),
    ],
)  # fmt: skip
async def test_lower_levels(kit: Kit, least: Any, wanted: list[str]) -> None:
    learnt = snmp(await checked(Setup(least=least, options=QUICK), kit))
    assert [one.outcome for one in learnt.lower or ()] == wanted


@pytest.mark.parametrize("version", ["1", "2c"])
async def test_what_a_community_opens(kit: Kit, version: Any) -> None:
    setup = Setup(
        community=COMMUNITY, sensitive=True, vendor=True,
        options={**BY_COMMUNITY, "snmp_version": version},
    )  # fmt: skip
    learnt = snmp(await checked(setup, kit))
    assert (learnt.sensitive, learnt.lower) == (("hrSWRunParameters",), None)
    assert (learnt.enterprises, learnt.unnamed) == ((32473,), (32473,))
    assert learnt.interfaces is not None
    wide = None if version == "1" else True
    assert [each.has_64_bit for each in learnt.interfaces] == [wide] * 3
    assert learnt.gain is not None
    assert (learnt.gain > 10) is (version == "2c")


@pytest.mark.parametrize(
    ("community", "v3", "found"),
    [("public", True, ("public",)), ("private", False, ("private",)), ("", True, ())],
)
async def test_default_communities(
    kit: Kit, community: str, v3: bool, found: tuple[str, ...]
) -> None:
    options = {"intrusive": True, "retries": 0, "reply_seconds": 0.2}
    report = await checked(Setup(community=community, v3=v3, options=options), kit)
    assert (report.failure, snmp(report).default_communities) == (None, found)


async def test_silence_to_default_communities_too_is_silence(kit: Kit) -> None:
    options = {"intrusive": True, "retries": 0, "reply_seconds": 0.1}
    report = await checked(Setup(silent=True, options=options), kit)
    assert report.failure is not None
    assert report.failure.reason is Reason.NO_REPLY
    assert "SNMP-DEFAULT-COMMUNITY" in [each.id for each in report.skipped]
