"""Every fix for snmpd.conf and snmptrapd.conf is applied as it says: the finding goes.

tests/peers/test_snmpd_conf.py has snmpd read what comes out.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from seventh import protocols
from seventh.engine.fix import fix_file
from seventh.engine.lint import Wanted, decided_by_files, lint_file
from seventh.lintkit.patch import Why
from seventh.model.report import Report

AUTH, PRIV = "Tr0ub4dor-and-3", "c0rrect-horse-7"
GOOD = f"""agentAddress udp:127.0.0.1:161,udp:192.0.2.10:161
createUser monitor SHA-256 "{AUTH}" AES "{PRIV}"
view monitoring included .1.3.6.1.2.1.1
rouser monitor priv -V monitoring
"""
GOOD_TRAPD = f"""createUser monitor SHA-256 "{AUTH}" AES "{PRIV}"
authUser log monitor priv
"""


class Case(NamedTuple):
    """What is put in the place of a part of the good file."""

    rules: tuple[str, ...]
    before: str
    after: str
    written: str = ""
    """What the fix makes of it; empty where a person has to complete it."""
    daemon: str = "snmpd"


CASES = {
    "a level without privacy": Case(
        ("SNMP-V3-NOPRIV",), "monitor priv", "monitor auth", "rouser monitor priv -V monitoring\n"
    ),
    "a level without authentication": Case(
        ("SNMP-V3-NOAUTH",), "priv -V", "noauth -V", "rouser monitor priv -V monitoring\n"
    ),
    "a level of a group": Case(
        ("SNMP-V3-NOPRIV",), "rouser monitor priv -V monitoring",
        'group g usm monitor\naccess g "" usm auth exact monitoring none none',
        'access g "" usm priv exact monitoring none none\n',
    ),
    "a user who writes": Case(
        ("SNMP-RW",), "rouser", "  rwuser", "  rouser monitor priv -V monitoring\n"
    ),
    "a community that writes": Case(
        ("SNMP-RW",), "rouser",
        "RWCommunity s3cret 10.0.0.0/8 -V monitoring\nrouser", "roCommunity s3cret 10.0.0.0/8"
    ),
    "a group that writes": Case(
        ("SNMP-RW",), "rouser monitor priv -V monitoring",
        'group g usm monitor\naccess g "" usm priv exact monitoring monitoring none',
    ),
    "a community": Case(
        ("SNMP-V1V2-ON",), "rouser", "rocommunity s3cret 10.0.0.0/8 -V monitoring\nrouser"
    ),
    "a default community": Case(
        ("SNMP-DEFAULT-COMMUNITY", "SNMP-V1V2-ON", "SNMP-NO-ACL"), "rouser",
        "rocommunity public default -V monitoring\nrouser",
    ),
    "a view of everything": Case(("SNMP-VIEW-WIDE",), " -V monitoring", ""),
    "every address": Case(("SNMP-NO-ACL",), "udp:192.0.2.10:161", "udp:161"),
    "old algorithms": Case(("SNMP-V3-MD5", "SNMP-V3-DES"), f'SHA-256 "{AUTH}" AES',
                           f'MD5 "{AUTH}" DES'),
    "SHA-1": Case(("SNMP-V3-SHA1",), "SHA-256", "SHA"),
    "weak passwords": Case(("SNMP-V3-PASS",), f'"{PRIV}"', '"password1"'),
    "a receiver for everyone": Case(
        ("SNMP-NO-ACL",), "authUser", "disableAuthorization yes\nauthUser", daemon="snmptrapd"
    ),
    "a receiver with a community": Case(
        ("SNMP-NO-ACL",), "authUser", "authCommunity log s3cret\nauthUser", daemon="snmptrapd"
    ),
    "notifications without privacy": Case(
        ("SNMP-V3-NOPRIV",), "monitor priv", "monitor auth", "authUser log monitor priv\n",
        daemon="snmptrapd",
    ),
}  # fmt: skip


def good(daemon: str) -> str:
    return GOOD if daemon == "snmpd" else GOOD_TRAPD


def linted(folder: Path, text: str, daemon: str) -> Report:
    path = folder / f"{daemon}.conf"
    path.write_text(text)
    return lint_file(path, Wanted())


def found(report: Report) -> set[str]:
    return {finding.id for finding in report.findings}


@pytest.mark.parametrize("daemon", ["snmpd", "snmptrapd"])
def test_the_good_file_is_clean(tmp_path: Path, daemon: str) -> None:
    report = linted(tmp_path, good(daemon), daemon)
    assert (report.failure, found(report)) == (None, set())


@pytest.mark.parametrize("name", CASES)
def test_a_fault_and_its_fix(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    assert case.before in good(case.daemon)
    text = good(case.daemon).replace(case.before, case.after, 1)
    report = linted(tmp_path, text, case.daemon)
    assert report.failure is None
    extra = {"SNMP-V1V2-ON"} if case.daemon == "snmpd" and "community" in text.lower() else set()
    assert found(report) == {*case.rules, *extra}
    assert all("s3cret" not in line.text for each in report.findings for line in each.source)
    main = tmp_path / f"{case.daemon}.conf"
    made = fix_file(main, Wanted(), ())
    for change in made.changes:
        change.path.write_bytes(change.after)
    after = found(lint_file(main, Wanted()))
    for rule in case.rules:
        assert (rule in after) is not bool(case.written)
        if not case.written:
            assert {one.why for one in made.unfixed if one.finding.id == rule} == {Why.CHOICE}
    assert case.written in main.read_text()


def test_every_rule_of_a_file_has_a_case() -> None:
    rules = {rule.id for rule in decided_by_files(protocols.rules("snmp"), "net-snmp")}
    assert rules == {rule for case in CASES.values() for rule in case.rules}
