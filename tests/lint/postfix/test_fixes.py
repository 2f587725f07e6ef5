"""Every fix for Postfix's files is applied as it says: the finding goes, and nothing new comes.

tests/peers/test_postfix_fixes.py has postconf and smtpd read what comes out.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from seventh import protocols
from seventh.engine import validate
from seventh.engine.fix import Fixed, fix_file
from seventh.engine.lint import Wanted, lint_file
from seventh.lintkit.linted import parse_software
from seventh.lintkit.patch import Why
from seventh.model.report import Report
from seventh.rules.words import filled

VERSION = "postfix=3.7.11"
MAIN = """compatibility_level = 3.6
myhostname = mail.example.org
smtpd_tls_cert_file = /etc/ssl/mail.pem
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_forbid_bare_newline = yes
disable_vrfy_command = yes
message_size_limit = 26214400
"""
MASTER = """smtp       inet  n       -       y       -       -       smtpd
submission inet  n       -       y       -       -       smtpd
  -o syslog_name=postfix/submission
  -o smtpd_sasl_auth_enable=yes
submissions inet n       -       y       -       -       smtpd
  -o smtpd_tls_wrappermode=yes
  -o smtpd_sasl_auth_enable=yes
smtp       unix  -       -       y       -       -       smtp
"""


class Case(NamedTuple):
    """What is put in the place of a part of the good files."""

    rule: str
    main: tuple[tuple[str, str], ...] = ()
    master: tuple[tuple[str, str], ...] = ()
    written: str = ""
    """What the fix makes of it, in either file; empty where a person has to complete it."""


CASES = {
    "AUTH in clear": Case(
        "SMTP-AUTH-CLEAR", (("smtpd_tls_auth_only = yes\n", ""),),
        written="smtpd_tls_auth_only = yes\n",
    ),
    "AUTH in clear by an option": Case(
        "SMTP-AUTH-CLEAR",
        master=(("-o syslog_name=postfix/submission", "-o smtpd_tls_auth_only=no"),),
        written="  -o smtpd_tls_auth_only=yes\n",
    ),
    "TLS off": Case(
        "SMTP-NO-STARTTLS", (("_security_level = may", "_security_level = none"),),
        written="smtpd_tls_security_level = may\n",
    ),
    "TLS off over lines": Case(
        "SMTP-NO-STARTTLS", (("_security_level = may\n", "_security_level =\n  # off\n  none\n"),),
        written="smtpd_tls_security_level = may\nsmtpd_tls_auth_only",
    ),
    "no certificate": Case(
        "SMTP-NO-STARTTLS", (("smtpd_tls_cert_file = /etc/ssl/mail.pem\n", ""),)
    ),
    "everyone is trusted": Case(
        "SMTP-RELAY", (("myhostname", "mynetworks = 127.0.0.0/8, 0.0.0.0/0\nmyhostname"),),
        written="mynetworks = 127.0.0.0/8 [::1]/128\n",
    ),
    "no users": Case(
        "SMTP-SUB-NOAUTH", master=(("submission\n  -o smtpd_sasl_auth_enable=yes", "submission"),)
    ),
    "users on 25": Case(
        "SMTP-AUTH-ON-MX", (("myhostname", "smtpd_sasl_auth_enable = yes\nmyhostname"),),
        written="smtpd\n  -o smtpd_sasl_auth_enable=no\nsubmission",
    ),
    "no 465": Case(
        "SMTP-NO-465", master=(("submissions inet", "2525 inet"), ("wrappermode=yes", "auth=no")),
        written="465 inet n - - - - smtpd\n  -o smtpd_tls_wrappermode=yes\n"
        "  -o smtpd_sasl_auth_enable=yes\n",
    ),
    "no submission": Case(
        "SMTP-SUB-MISSING",
        (("myhostname", "smtpd_sasl_auth_enable = yes\nmyhostname"),),
        (("submissions inet", "2525 inet"), ("submission inet ", "2526 inet ")),
        written="465 inet n - - - - smtpd\n  -o smtpd_tls_wrappermode=yes\n"
        "  -o smtpd_sasl_auth_enable=yes\n",
    ),
    "bare newlines": Case(
        "SMTP-SMUGGLE", (("bare_newline = yes", "bare_newline = no"),),
        written="smtpd_forbid_bare_newline = yes\n",
    ),
    "VRFY": Case(
        "SMTP-VRFY", (("disable_vrfy_command = yes\n", ""),), written="disable_vrfy_command = yes\n"
    ),
    "a small limit": Case(
        "SMTP-SIZE", (("26214400", "9999999"),), written="message_size_limit = 26214400\n"
    ),
    "no limit": Case("SMTP-SIZE", (("26214400", "0"),), written="message_size_limit = 26214400\n"),
    "no name": Case("SMTP-HELO-NAME", (("mail.example.org", "mail"),)),
    "a short life": Case(
        "SMTP-RETRY-TIMERS", (("myhostname", "maximal_queue_lifetime = 3\nmyhostname"),),
        written="maximal_queue_lifetime = 5d\n",
    ),
    "rare retries": Case(
        "SMTP-RETRY-TIMERS",
        (("myhostname", "queue_run_delay = 61m\nmaximal_backoff_time = 4h\nmyhostname"),),
        written="queue_run_delay = 300s\nmaximal_backoff_time = 4000s\n",
    ),
}  # fmt: skip


@pytest.fixture(autouse=True)
def no_postconf(monkeypatch: pytest.MonkeyPatch) -> None:
    """It looks up the machine's name, which takes seconds without a resolver."""
    monkeypatch.setattr(validate, "find", lambda name: None)


def put(folder: Path, case: Case | None = None) -> Path:
    """Write the good files, changed as the case says; return main.cf."""
    for name, text, changes in (
        ("main.cf", MAIN, case.main if case else ()),
        ("master.cf", MASTER, case.master if case else ()),
    ):
        for old, new in changes:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        (folder / name).write_text(text)
    return folder / "main.cf"


def wanted(version: str = VERSION) -> Wanted:
    return Wanted(software=(parse_software(version),))


def found(report: Report) -> set[str]:
    return {finding.id for finding in report.findings}


def assert_worded(report: Report) -> None:
    """Every parameter of the evidence is given."""
    for finding in report.findings:
        rule = next(one for one in protocols.rules(finding.room) if one.id == finding.id)
        evidence = filled(rule.words, finding.params).evidence
        assert evidence
        assert not set(evidence) & set("{}…"), evidence


def fixed(case: Case, folder: Path) -> Fixed:
    """Fix the files in memory, and write what changed; each finding goes, or a person decides."""
    main = put(folder, case)
    before = lint_file(main, wanted())
    assert before.failure is None, before.failure
    assert case.rule in found(before)
    assert_worded(before)
    made = fix_file(main, wanted(), ())
    for change in made.changes:
        change.path.write_bytes(change.after)
    return made


def test_the_good_files_are_good(tmp_path: Path) -> None:
    report = lint_file(put(tmp_path), wanted())
    assert report.failure is None
    assert report.findings == ()
    assert report.facts["lint"].notes == ()  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", CASES)
def test_a_fix_is_written_where_it_counts(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    made = fixed(case, tmp_path)
    after = found(lint_file(tmp_path / "main.cf", wanted()))
    if not case.written:
        assert case.rule in after
        assert {one.why for one in made.unfixed if one.finding.id == case.rule} == {Why.CHOICE}
        return
    assert case.rule not in after
    text = (tmp_path / "main.cf").read_text() + (tmp_path / "master.cf").read_text()
    assert case.written in text


def test_every_rule_that_the_files_decide_is_tried() -> None:
    rules = [rule for room in ("smtp",) for rule in protocols.rules(room)]
    decided = {rule.id for rule in rules if "postfix" in rule.directives}
    assert decided == {case.rule for case in CASES.values()}
