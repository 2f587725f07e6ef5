"""What the linter says of snmpd.conf is what snmpd does, and snmpd accepts every fix."""

from __future__ import annotations

import asyncio
import os
import re
import socket
from pathlib import Path

import pytest

from seventh.engine.check import check_one
from seventh.engine.fix import fix_file
from seventh.engine.lint import Wanted, lint_file
from seventh.labkit.serve import free_port
from seventh.model.options import Options
from seventh.model.target import Target
from seventh.protocols.snmp.facts import SnmpFacts
from seventh.protocols.snmp.facts.config import Grant
from tests.lint.netsnmp.test_fixes import AUTH, CASES, GOOD, PRIV
from tests.options import options_with
from tests.peers import need_binary
from tests.peers.snmpd import credential, snmpd
from tests.peers.test_fix_lines import said
from tests.peers.test_snmp import RULES
from tests.reports import facts

pytestmark = pytest.mark.peer
_LISTENS = re.compile(r"(?mi)^agentAddress .*$")
_FILES = {"auth_password": "AUTHENTICATION-PASSWORD", "priv_password": "PRIVACY-PASSWORD"}


def by_community(folder: Path, name: str) -> Options:
    file = folder / "community"
    file.write_text(name)
    return options_with(community_file=str(file), retries=0, reply_seconds=0.3)


def granted(folder: Path, text: str) -> tuple[Grant, ...]:
    path = folder / "snmpd.conf"
    path.write_text(text)
    config = facts(lint_file(path, Wanted()), SnmpFacts).config
    assert config is not None
    return config.grants


async def seen(target: Target, options: Options) -> SnmpFacts:
    return facts(await check_one(target, options), SnmpFacts)


@pytest.mark.parametrize(
    "access",
    [
        "rouser u", "rouser u priv", "rouser u noauth", "ROuser u AuthPriv .1.3.6.1.2.1.1 # x",
        "view v included .1.3.6.1.2.1.1\nview v included .1.3.6.1.2.1.25\nrouser u auth -V v",
        ("view v included .1\nview v excluded .1.3.6.1.2.1.25\nview v excluded .1.3.6.1.6\n"
        "rouser -s usm u priv -V v"),
        "rwuser u priv 1.3.6.1.2.1", "authuser read u priv", "authuser read,write -s usm u noauth",
        'group g usm u\nview v included .1.3.6.1\naccess g "" usm auth exact v none none',
        'group g usm u\nview v included .1.3.6.1.2.1.1\naccess g "" any priv exact v v none',
        "rouser u high", "[snmp] rouser u\nrouser u priv",
    ],
    ids=lambda text: re.sub(r"[^\w.,-]+", " ", text),
)  # fmt: skip
async def test_a_user_gets_what_the_linter_says(tmp_path: Path, access: str) -> None:
    text = f'createUser u SHA-256 "{AUTH}" AES "{PRIV}"\n{access}\n'
    grants = granted(tmp_path, text)
    async with snmpd(tmp_path, text) as target:
        given = credential(tmp_path, "u", auth_password=AUTH, priv_password=PRIV)
        learnt = await seen(target, given)
    assert learnt.access is not None
    assert (learnt.access.cause is None) is bool(grants)
    if not grants:
        return
    (grant,) = grants
    levels = ["authPriv", *(one.level for one in learnt.lower or () if one.outcome == "accepted")]
    assert levels[-1] == grant.level
    # What has no row on this machine is not seen, though it may be read.
    assert learnt.sensitive is not None
    assert grant.shows is not None
    rows = {"hrSWRunParameters", "usmUserTable", "vacmAccessTable"}
    assert set(learnt.sensitive) & rows == set(grant.shows) & rows


@pytest.mark.parametrize(
    ("access", "source"),
    [
        ("rocommunity x", True), ("rocommunity x default", True),
        ("rocommunity x 10.0.0.0/8", False),
        ("rwcommunity x 0.0.0.0/0", True), ("authcommunity read x", True),
        ('rocommunity "x" 127.0.0.0/8 # y', False),
        (("com2sec n default x\ngroup g v2c n\nview v included .1\n"
         'access g "" any noauth exact v none none'), True),
        ("com2sec n default x\ngroup g usm n", None),
        (("com2sec -Cn c n default x\ngroup g v2c n\nview v included .1\n"
         'access g "" any noauth exact v none none'), True),
    ],
    ids=lambda value: re.sub(r"[^\w.,-]+", " ", str(value)),
)  # fmt: skip
async def test_a_community_is_accepted_as_the_linter_says(
    tmp_path: Path, access: str, source: bool | None
) -> None:
    """Loopback is within the sources of all but one."""
    grants = granted(tmp_path, access)
    assert [grant.any_source for grant in grants] == ([] if source is None else [source])
    async with snmpd(tmp_path, f"{access}\n") as target:
        learnt = await seen(target, by_community(tmp_path, "x"))
    assert learnt.access is not None
    accepted = learnt.access.outcome == "accepted" and learnt.access.cause is None
    contextual = "-Cn" in access  # accepted, but not in the context that a community asks in
    assert accepted is (bool(grants) and "10.0.0.0/8" not in access and not contextual)


def complaints(folder: Path) -> list[str]:
    logs = [path.read_text() for path in folder.glob("snmp*.log")]
    assert len(logs) == 1
    return re.findall(r"(?m)^\S+: line \d+: (?:Error|Warning).*", logs[0])


async def test_snmptrapd_accepts_what_a_fix_writes(tmp_path: Path) -> None:
    program = need_binary("snmptrapd")
    path = tmp_path / "snmptrapd.conf"
    path.write_text("disableAuthorization yes\nauthUser log monitor noauth\n")
    for change in fix_file(path, Wanted(), ()).changes:
        change.path.write_bytes(change.after)
    fix = "".join(f"{line}\n" for finding in lint_file(path, Wanted()).findings
                  for line in finding.fixes.get("net-snmp", ()))  # fmt: skip
    assert path.read_text() == "disableAuthorization yes\nauthUser log monitor priv\n"
    path.write_text(fix)
    assert lint_file(path, Wanted()).findings == ()
    process = await asyncio.create_subprocess_exec(
        program, "-f", "-Lo", "-C", "-c", str(path),
        f"udp:127.0.0.1:{free_port(socket.SOCK_DGRAM)}",
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "SNMP_PERSISTENT_DIR": str(tmp_path / "kept"), "MIBS": ""},
    )  # fmt: skip
    assert process.stdout is not None
    line = await process.stdout.readline()
    while not line.startswith(b"NET-SNMP version"):
        assert line, "snmptrapd ended"
        assert b": line" not in line
        line = await process.stdout.readline()
    process.terminate()
    await process.wait()


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.daemon == "snmpd"])
async def test_snmpd_accepts_what_a_fix_writes(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    path = tmp_path / "snmpd.conf"
    path.write_text(GOOD.replace(case.before, case.after, 1))
    for change in fix_file(path, Wanted(), ()).changes:
        change.path.write_bytes(change.after)
    text = _LISTENS.sub("", path.read_text())  # the test's own port is on the command line
    async with snmpd(tmp_path, text) as target:
        learnt = await seen(target, options_with(reply_seconds=0.3))
    assert learnt.discovered
    assert not complaints(tmp_path)


COMPLETED = {
    "SNMP-V1V2-ON": "rocommunity s3cret 10.0.0.0/8 -V monitoring",
    "SNMP-DEFAULT-COMMUNITY": "rocommunity public default -V monitoring",
    "SNMP-V3-PASS": 'createUser monitor SHA-256 "password" AES "password"',
    "SNMP-V3-MD5": f'createUser monitor MD5 "{AUTH}" AES "{PRIV}"',
    "SNMP-V3-SHA1": f'createUser monitor SHA "{AUTH}" AES "{PRIV}"',
    "SNMP-V3-DES": f'createUser monitor SHA-256 "{AUTH}" DES "{PRIV}"',
    "SNMP-VIEW-WIDE": "rouser monitor priv",
    "SNMP-RW": "rwuser monitor priv .1.3.6.1.2.1.1",
    "SNMP-EXPOSED": "agentAddress udp:161",
    "SNMP-NO-ACL": "agentAddress udp:161\nrocommunity s3cret default .1.3.6.1.2.1.1",
}
"""By rule, the lines that its fix replaces."""
LOCAL = "agentAddress udp:127.0.0.1:161"


@pytest.mark.parametrize("rule", COMPLETED)
async def test_a_fix_that_a_person_completes(tmp_path: Path, rule: str) -> None:
    path = tmp_path / "snmpd.conf"
    path.write_text(COMPLETED[rule] + "\n")
    before = {finding.id for finding in lint_file(path, Wanted()).findings}
    assert rule in before or rule == "SNMP-EXPOSED"
    fix = said(RULES[rule], "net-snmp")
    listens = "" if "agentAddress" in fix else f"{LOCAL}\n"
    path.write_text(f"{listens}{fix}\n")
    after = {finding.id for finding in lint_file(path, Wanted()).findings}
    assert rule not in after
    async with snmpd(tmp_path, _LISTENS.sub("", path.read_text())) as target:
        learnt = await seen(target, credential(tmp_path, "monitor", **_FILES))
    assert learnt.discovered
    if "createUser" in fix:
        assert learnt.access is not None
        assert (learnt.access.outcome, learnt.access.cause) == ("accepted", None)


async def test_the_fixed_address_is_the_one_that_snmpd_listens_on(tmp_path: Path) -> None:
    """Lines of SNMP-EXPOSED, with a port that is free, and no address on the command line."""
    assert said(RULES["SNMP-EXPOSED"], "net-snmp").splitlines()[0] == LOCAL
    async with snmpd(tmp_path, f"{LOCAL}\n", listens=True) as target:
        learnt = await seen(target, options_with(reply_seconds=0.3))
    assert (learnt.discovered, learnt.reach) == (True, "loopback")


def test_the_kept_file_shows_the_users_algorithms(tmp_path: Path) -> None:
    kept = tmp_path / "var"
    kept.mkdir()
    (kept / "snmpd.conf").write_text(
        'usmUser 1 3 0x80001f88804bed1463812f0e6b00000000 "old" "old" NULL '
        '.1.3.6.1.6.3.10.1.1.2 0x00 .1.3.6.1.6.3.10.1.2.2 0x00 ""\n'
    )
    report = lint_file(kept / "snmpd.conf", Wanted())
    assert {finding.id for finding in report.findings} == {"SNMP-V3-MD5", "SNMP-V3-DES"}
