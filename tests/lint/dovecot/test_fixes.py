"""Every fix for dovecot.conf is applied as it says: the finding goes, and nothing new comes.

tests/peers/test_dovecot_conf.py has doveconf read what comes out.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from seventh import protocols
from seventh.engine.fix import Fixed, fix_file
from seventh.engine.lint import Wanted, lint_file
from seventh.lintkit.linted import parse_software
from seventh.lintkit.patch import Why
from seventh.model.report import Report
from seventh.rules.words import filled

OLD = "2.3.19.1"
GOOD_OLD = """protocols = imap pop3
ssl = required
ssl_cert = </etc/ssl/mail.pem
ssl_key = </etc/ssl/mail.key
service pop3-login {
  inet_listener pop3 {
    address = 127.0.0.1
  }
  inet_listener pop3s {
    address = 127.0.0.1
  }
}
"""
GOOD_NEW = """dovecot_config_version = 2.4.1
dovecot_storage_version = 2.4.1
protocols = imap
ssl_server {
  cert_file = /etc/ssl/mail.pem
  key_file = /etc/ssl/mail.key
}
"""


_CLOSED = "imap-login {\n  inet_listener imaps {\n    port = 0\n  }\n}\n"
_LOCAL_POP3 = "  inet_listener pop3 {\n    address = 127.0.0.1\n  }\n"
_OFF = "pop3s {\n    port = 0"


class Case(NamedTuple):
    """What is put in the place of a part of the good file."""

    rules: tuple[str, ...]
    changes: tuple[tuple[str, str], ...]
    written: str = ""
    """What the fix makes of it; empty where a person has to complete it."""
    version: str = OLD


CASES = {
    "passwords in clear": Case(
        ("IMAP-CLEAR-LOGIN",),
        (("ssl = required", "ssl = yes\ndisable_plaintext_auth = no"),),
        "disable_plaintext_auth = yes\n",
    ),
    "passwords in clear from somewhere": Case(
        ("IMAP-CLEAR-LOGIN",),
        (("required", "yes\nremote 192.0.2.0/24 {\n  disable_plaintext_auth = \\\n    no\n}"),),
        "remote 192.0.2.0/24 {\n  disable_plaintext_auth = yes\n}\n",
    ),
    "passwords in clear, 2.4": Case(
        ("IMAP-CLEAR-LOGIN",),
        (("protocols = imap", "protocols {\n  imap = yes\n}\nauth_allow_cleartext = yes"),),
        "auth_allow_cleartext = no\n", "2.4.1",
    ),
    "POP3 in clear": Case(
        ("POP3-CLEAR-AUTH", "POP3-EXPOSED", "POP3-NO-995"),
        (("imap pop3", "pop3"), ("pop3 {\n    address = 127.0.0.1", "pop3 {\n    port = 110"),
         ("required", "yes\ndisable_plaintext_auth = no")),
        "disable_plaintext_auth = yes\n",
    ),
    "no TLS": Case(("IMAP-NO-STARTTLS",), (("ssl = required", "ssl = no"),)),
    "no certificate": Case(
        ("IMAP-NO-STARTTLS",), (("ssl_cert = </etc/ssl/mail.pem\n", ""),)
    ),
    "no certificate, 2.4": Case(
        ("IMAP-NO-STARTTLS",), (("  cert_file = /etc/ssl/mail.pem\n", ""),), version="2.4.1"
    ),
    "no 993": Case(
        ("IMAP-NO-993",),
        (("pop3-login", f"{_CLOSED}service pop3-login"),),
        "service imap-login {\n  inet_listener imaps {\n    port = 993\n    ssl = yes\n  }\n}\n",
    ),
    "deaf": Case(
        ("IMAP-IDLE-DEAF",),
        (("ssl = required", "ssl = required\nimap_idle_notify_interval = 301"),),
        "imap_idle_notify_interval = 2 mins\n",
    ),
    "deaf for ever": Case(
        ("IMAP-IDLE-DEAF",),
        (("required", "required\nprotocol imap {\n  imap_idle_notify_interval = 0\n}"),),
        "protocol imap {\n  imap_idle_notify_interval = 2 mins\n}\n",
    ),
    "no TLS for POP3": Case(
        ("POP3-NO-STARTTLS", "POP3-EXPOSED"),
        (("imap pop3", "pop3"), ("required", "no"), (_LOCAL_POP3, "")),
    ),
    "no 995": Case(
        ("POP3-NO-995", "POP3-EXPOSED"),
        (("imap pop3", "pop3"), (_LOCAL_POP3, ""), ("pop3s {\n    address = 127.0.0.1", _OFF)),
        "service pop3-login {\n  inet_listener pop3s {\n    port = 995\n    ssl = yes\n  }\n}\n",
    ),
    "POP3": Case(
        ("POP3-EXPOSED",), (("pop3s {\n    address = 127.0.0.1", "pop3s {\n    port = 995"),)
    ),
}  # fmt: skip


def wanted(version: str = OLD) -> Wanted:
    return Wanted(software=(parse_software(f"dovecot={version}"),))


def assert_worded(report: Report) -> None:
    """Every parameter of the evidence is given."""
    for finding in report.findings:
        rule = next(one for one in protocols.rules(finding.room) if one.id == finding.id)
        evidence = filled(rule.words, finding.params).evidence
        assert evidence
        assert not set(evidence) & set("{}…"), evidence


def fixed(case: Case, folder: Path) -> Fixed:
    """Fix the file in memory, and write what changed."""
    text = GOOD_OLD if case.version == OLD else GOOD_NEW
    for old, new in case.changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    main = folder / "dovecot.conf"
    main.write_text(text)
    before = lint_file(main, wanted(case.version))
    assert before.failure is None, before.failure
    assert {one.id for one in before.findings} == set(case.rules)
    assert_worded(before)
    made = fix_file(main, wanted(case.version), ())
    for change in made.changes:
        change.path.write_bytes(change.after)
    return made


@pytest.mark.parametrize(("version", "text"), [(OLD, GOOD_OLD), ("2.4.1", GOOD_NEW)])
def test_the_good_files_are_good(version: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "dovecot.conf").write_text(text)
    report = lint_file(tmp_path / "dovecot.conf", wanted(version))
    assert report.failure is None
    assert report.findings == ()


@pytest.mark.parametrize("name", CASES)
def test_a_fix_is_written_where_it_counts(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    made = fixed(case, tmp_path)
    after = {one.id for one in lint_file(tmp_path / "dovecot.conf", wanted(case.version)).findings}
    rule = case.rules[0]
    if not case.written:
        assert rule in after
        assert {one.why for one in made.unfixed if one.finding.id == rule} == {Why.CHOICE}
        return
    assert rule not in after
    assert case.written in (tmp_path / "dovecot.conf").read_text()


def test_every_rule_that_the_files_decide_is_tried() -> None:
    rules = [rule for room in ("imap", "pop3") for rule in protocols.rules(room)]
    decided = {rule.id for rule in rules if "dovecot" in rule.directives}
    assert decided == {case.rules[0] for case in CASES.values()}
