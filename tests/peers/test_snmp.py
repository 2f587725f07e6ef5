"""SNMP against net-snmp: its agent, good and badly configured, and its tools at the lab's agent."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from seventh import protocols
from seventh.engine.check import check_one
from seventh.lab import start
from seventh.labkit.serve import Kit
from seventh.model.options import Options
from seventh.model.target import Target
from seventh.protocols.snmp.facts import SnmpFacts
from seventh.protocols.snmp.lab import serve_setup
from seventh.protocols.snmp.lab.setup import AUTH_PASSWORD, COMMUNITY, PRIV_PASSWORD, Setup
from seventh.protocols.snmp.wire.keys import Extension
from seventh.protocols.snmp.wire.usm import Cause
from tests.options import options_with
from tests.peers import need_binary
from tests.peers.snmpd import AUTH, PRIV, credential, snmpd
from tests.peers.test_fix_lines import said
from tests.reports import facts, found

pytestmark = [pytest.mark.peer, pytest.mark.asyncio(loop_scope="module")]
RULES = {rule.id: rule for rule in protocols.rules("snmp")}
CONF = f"""
createUser monitor SHA-256 "{AUTH}" AES "{PRIV}"
createUser des MD5 "{AUTH}" DES "{PRIV}"
createUser long SHA "{AUTH}" AES-256 "{PRIV}"
createUser cisco SHA "{AUTH}" AES-256-C "{PRIV}"
createUser blind SHA-256 "{AUTH}" AES "{PRIV}"
createUser wide SHA-256 "{AUTH}" AES "{PRIV}"
createUser signed SHA-256 "{AUTH}"
view monitoring included .1.3.6.1.2.1.1
view monitoring included .1.3.6.1.2.1.2
view monitoring included .1.3.6.1.2.1.31
view monitoring included .1.3.6.1.2.1.25.1
rouser monitor priv -V monitoring
rouser wide priv
rouser des priv
rouser long priv
rouser cisco priv
rouser signed auth
rocommunity lab-community
sysName agent.lab.test
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def agent(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Target]:
    async with snmpd(tmp_path_factory.mktemp("snmpd"), CONF) as target:
        yield target


def snmp(report: object) -> SnmpFacts:
    return facts(report, SnmpFacts)  # type: ignore[arg-type]


async def test_a_good_agent_passes(agent: Target, tmp_path: Path) -> None:
    report = await check_one(agent, credential(tmp_path, "monitor"))
    learnt = snmp(report)
    assert (report.failure, found(report)) == (None, set())
    assert learnt.system is not None
    assert (learnt.system.name, learnt.product) == ("agent.lab.test", "net-snmp")
    assert learnt.interfaces is not None
    assert "lo" in [each.name for each in learnt.interfaces]
    assert (learnt.loss_ratio, learnt.stray, learnt.malformed) == (0.0, 0, 0)
    assert [one.outcome for one in learnt.lower or ()] == ["refused", "refused"]
    assert (learnt.sensitive, learnt.enterprises) == ((), ())
    clock = learnt.clock
    assert clock is not None
    assert clock.offset_seconds is not None
    assert clock.uncertainty_seconds is not None
    assert abs(clock.offset_seconds) <= clock.uncertainty_seconds, "its clock is ours"


@pytest.mark.parametrize(
    ("user", "auth", "priv", "extension"),
    [
        ("des", "md5", "des", None), ("long", "sha1", "aes256", Extension.BLUMENTHAL),
        ("cisco", "sha1", "aes256", Extension.REEDER),
    ],
)  # fmt: skip
async def test_every_cipher(
    agent: Target, tmp_path: Path, user: str, auth: str, priv: str, extension: Extension | None
) -> None:
    report = await check_one(agent, credential(tmp_path, user, auth=auth, priv=priv))
    access = snmp(report).access
    assert access is not None
    assert (access.outcome, access.extension) == ("accepted", extension)


@pytest.mark.parametrize(
    ("given", "cause", "rule"),
    [
        ({"user": "nobody"}, Cause.UNKNOWN_USER, "SNMP-USM-UNKNOWN-USER"),
        ({"auth_password": "another password"}, Cause.WRONG_AUTH_KEY, "SNMP-USM-WRONG-DIGEST"),
        ({"auth": "sha1"}, Cause.WRONG_AUTH_KEY, "SNMP-USM-WRONG-DIGEST"),
        ({"priv_password": "another password"}, Cause.WRONG_PRIV_KEY, "SNMP-USM-DECRYPTION-ERROR"),
        ({"user": "signed"}, Cause.UNSUPPORTED_LEVEL, "SNMP-USM-UNSUPPORTED-LEVEL"),
        ({"user": "blind"}, Cause.VIEW, "SNMP-VIEW-EMPTY"),
    ],
)
async def test_the_true_cause(
    agent: Target, tmp_path: Path, given: dict[str, str], cause: Cause, rule: str
) -> None:
    report = await check_one(agent, credential(tmp_path, **{"user": "monitor", **given}))
    access = snmp(report).access
    assert access is not None
    assert (access.cause, found(report), report.failure) == (cause, {rule}, None)


async def test_a_community_is_a_finding(agent: Target, tmp_path: Path) -> None:
    file = tmp_path / "community"
    file.write_text("lab-community", encoding="utf-8")
    report = await check_one(agent, options_with(community_file=str(file), reply_seconds=0.5))
    assert (report.failure, found(report)) == (None, {
        "SNMP-V1V2-ON", "SNMP-VIEW-WIDE", "SNMP-AMPLIFY", "SNMP-MIB-UNKNOWN",
    })  # fmt: skip


async def test_a_wide_view_is_a_finding(agent: Target, tmp_path: Path) -> None:
    report = await check_one(agent, credential(tmp_path, "wide"))
    assert (report.failure, found(report)) == (None, {"SNMP-VIEW-WIDE", "SNMP-MIB-UNKNOWN"})
    learnt = snmp(report)
    assert learnt.sensitive is not None
    assert set(learnt.sensitive) >= {"hrSWRunParameters", "usmUserTable", "vacmAccessTable"}
    assert learnt.enterprises == (2021, 8072)


async def test_default_communities_are_refused(agent: Target) -> None:
    report = await check_one(agent, options_with(intrusive=True, reply_seconds=0.2))
    assert (report.failure, snmp(report).default_communities) == (None, ())


VIEW = said(RULES["SNMP-VIEW-WIDE"], "net-snmp")
USER = f'createUser monitor SHA-256 "{AUTH}" AES "{PRIV}"'
MD5_DES = f'createUser monitor MD5 "{AUTH}" DES "{PRIV}"'
SHA1 = f'createUser monitor SHA "{AUTH}" AES "{PRIV}"'


@pytest.mark.parametrize(
    ("rules", "faulty", "given", "kept"),
    [
        (("SNMP-USM-UNKNOWN-USER",), "rouser other priv", {}, ""),
        (("SNMP-V3-NOAUTH", "SNMP-V3-NOPRIV"),
         f"{USER}\n{VIEW.replace(' priv ', ' noauth ')}", {}, USER),
        (("SNMP-V3-NOPRIV",), f"{USER}\n{VIEW.replace(' priv ', ' auth ')}", {}, USER),
        (("SNMP-VIEW-WIDE", "SNMP-MIB-UNKNOWN"), f"{USER}\nrouser monitor priv", {}, USER),
        (("SNMP-V3-MD5", "SNMP-V3-DES"), f"{MD5_DES}\n{VIEW}", {"auth": "md5", "priv": "des"}, ""),
        (("SNMP-V3-SHA1",), f"{SHA1}\n{VIEW}", {"auth": "sha1"}, ""),
    ],
    ids=lambda value: value[-1] if isinstance(value, tuple) else "",
)  # fmt: skip
async def test_a_fault_and_its_fix(
    tmp_path: Path, rules: tuple[str, ...], faulty: str, given: dict[str, str], kept: str
) -> None:
    async with snmpd(tmp_path, f"{faulty}\n") as target:
        report = await check_one(target, credential(tmp_path, "monitor", **given))
    assert (report.failure, found(report)) == (None, set(rules))
    for rule in rules:
        if "net-snmp" not in RULES[rule].words.fix:
            continue
        fix = said(RULES[rule], "net-snmp")
        passwords = {} if kept else {
            "auth_password": "AUTHENTICATION-PASSWORD", "priv_password": "PRIVACY-PASSWORD"
        }  # fmt: skip
        async with snmpd(tmp_path, f"{kept}\n{fix}\n") as target:
            report = await check_one(target, credential(tmp_path, "monitor", **passwords))
        assert (report.failure, found(report)) == (None, set())


async def test_the_fix_for_an_agent_without_v3(tmp_path: Path) -> None:
    async with snmpd(tmp_path, f"{said(RULES['SNMP-V3-ABSENT'], 'net-snmp')}\n") as target:
        given = credential(
            tmp_path, "monitor", auth_password="AUTHENTICATION-PASSWORD",
            priv_password="PRIVACY-PASSWORD",
        )  # fmt: skip
        report = await check_one(target, given)
    assert (report.failure, found(report)) == (None, set())


async def ran(folder: Path, program: str, *words: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        need_binary(program), *words,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "MIBS": "", "SNMPCONFPATH": str(folder),
             "SNMP_PERSISTENT_DIR": str(folder)},
    )  # fmt: skip
    output, _ = await process.communicate()
    return process.returncode, output.decode()


MONITOR = ("-v3", "-u", "monitor", "-l", "authPriv", "-a", "SHA-256", "-A", AUTH_PASSWORD,
           "-x", "AES", "-X", PRIV_PASSWORD)  # fmt: skip
OLD = ("-v3", "-u", "old", "-l", "authPriv", "-a", "MD5", "-A", AUTH_PASSWORD, "-x", "DES",
       "-X", PRIV_PASSWORD)  # fmt: skip


@pytest.mark.parametrize(
    ("program", "words", "wanted"),
    [
        ("snmpget", (*MONITOR, "1.3.6.1.2.1.1.5.0"),
         'iso.3.6.1.2.1.1.5.0 = STRING: "agent.lab.test"\n'),
        ("snmpget", (*OLD, "1.3.6.1.2.1.1.5.0"),
         'iso.3.6.1.2.1.1.5.0 = STRING: "agent.lab.test"\n'),
        ("snmpget", ("-v1", "-c", COMMUNITY, "1.3.6.1.2.1.1.2.0"),
         "iso.3.6.1.2.1.1.2.0 = OID: iso.3.6.1.4.1.8072.3.2.10\n"),
        ("snmpbulkwalk", (*MONITOR, "-Cr50", "1.3.6.1.2.1.2.2.1.2"),
         "".join(f'iso.3.6.1.2.1.2.2.1.2.{n} = STRING: "{name}"\n'
                 for n, name in enumerate(("lo", "eth0", "eth1"), 1))),
        ("snmpset", ("-v2c", "-c", COMMUNITY, "1.3.6.1.2.1.1.6.0", "s", "there"),
         'iso.3.6.1.2.1.1.6.0 = STRING: "there"\n'),
    ],
)  # fmt: skip
async def test_net_snmps_tools_at_the_labs_agent(
    kit: Kit, tmp_path: Path, program: str, words: tuple[str, ...], wanted: str
) -> None:
    need_binary(program)
    async with serve_setup(Setup(community=COMMUNITY, writable=True), kit) as served:
        target, _ = start.job(served, Options())
        *options, last = words if program != "snmpset" else (*words[:3], words[3:])
        where = f"127.0.0.1:{target.port}"
        rest = last if isinstance(last, tuple) else (last,)
        assert await ran(tmp_path, program, *options, where, *rest) == (0, wanted)
