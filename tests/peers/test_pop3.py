"""POP3 against Dovecot: well configured, badly configured, and with the advised lines."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from seventh import protocols
from seventh.engine.check import check_one, pulse_one
from seventh.labkit.serve import Kit
from seventh.model.failure import Reason
from seventh.model.mailfacts import MailFacts
from seventh.model.report import Report
from seventh.protocols.pop3.facts import Pop3Facts
from tests.peers.mailboxes import Running, dovecot
from tests.peers.test_fix_lines import directives, said
from tests.peers.test_imap import NOT_THE_MAILBOX
from tests.reports import facts, found

pytestmark = pytest.mark.peer

RULES = {rule.id: rule for rule in protocols.rules("pop3")}


def fix(name: str) -> str:
    return "".join(f"{line}\n" for line in directives(said(RULES[name], "dovecot").splitlines()))


async def checked(server: Running, scheme: str = "pop3", **more: Any) -> Report:
    return await check_one(server.target(scheme), server.given(scheme, **more))


def pop3(report: Report) -> Pop3Facts:
    return facts(report, Pop3Facts)


async def test_a_good_server_passes(kit: Kit) -> None:
    async with dovecot(kit) as server:
        report = await checked(server, intrusive=True)
        again = await checked(server, "pop3s")
        pulse = await pulse_one(server.target("pop3"), server.given("pop3"))
        mail = [path.name for path in (server.folder / "home/Maildir").rglob("*.lab*")]
    assert report.failure is again.failure is pulse.failure is None
    learnt = pop3(report)
    assert learnt.clear_capabilities is not None
    assert {"UIDL", "STLS", "SASL"} <= set(learnt.clear_capabilities)
    assert learnt.login is not None
    assert (learnt.login.outcome, learnt.login.mechanism) == ("accepted", "SCRAM-SHA-256")
    assert (learnt.messages, learnt.uidl, learnt.apop) == (1, True, False)
    assert (learnt.starttls, learnt.implicit_state) == ("accepted", "open")
    assert learnt.product == "dovecot"
    assert facts(report, MailFacts).injection in {"ignored", "refused"}
    assert mail == ["1.M1P1.lab:2,"], "the message has no flag, such as S for seen"
    for each in (report, again):
        assert found(each) <= NOT_THE_MAILBOX


async def test_logins_in_clear_are_found_and_the_advised_line_refuses_them(kit: Kit) -> None:
    lines = "ssl = yes\ndisable_plaintext_auth = no\n"
    async with dovecot(kit, lines) as server:
        before = await checked(server)
    async with dovecot(kit, lines + fix("POP3-CLEAR-AUTH")) as server:
        after = await checked(server)
    assert "POP3-CLEAR-AUTH" in found(before)
    assert "POP3-CLEAR-AUTH" in after.passed


async def test_the_advised_lines_give_it_tls(kit: Kit) -> None:
    issued = kit.authority.issue("lab.test", "127.0.0.2")
    lines = fix("POP3-NO-STARTTLS")
    lines = re.sub(r"</\S+fullchain.pem", f"<{issued.cert_file}", lines)
    lines = re.sub(r"</\S+private.pem", f"<{issued.key_file}", lines)
    async with dovecot(kit, tls="") as server:
        before = await checked(server)
    async with dovecot(kit, tls=lines) as server:
        after = await checked(server)
    assert {"POP3-NO-STARTTLS", "POP3-NO-995"} <= found(before)
    assert {"POP3-NO-STARTTLS", "POP3-NO-995"} <= set(after.passed)


async def test_without_a_port_of_implicit_tls_the_advised_lines_open_it(kit: Kit) -> None:
    closed = "service pop3-login {\n inet_listener pop3s {\n  port = 0\n }\n}\n"
    async with dovecot(kit, closed) as server:
        before = await checked(server)
    async with dovecot(kit, closed, fix=fix("POP3-NO-995")) as server:
        after = await checked(server)
    assert "POP3-NO-995" in found(before)
    assert "POP3-NO-995" in after.passed


def test_every_fix_is_applied() -> None:
    assert {name for name, rule in RULES.items() if "dovecot" in rule.words.fix} == {
        "POP3-CLEAR-AUTH", "POP3-NO-STARTTLS", "POP3-NO-995", "POP3-EXPOSED",
    }  # fmt: skip


async def test_apop_is_found(kit: Kit) -> None:
    async with dovecot(kit, "auth_mechanisms = plain apop\n") as server:
        report = await checked(server)
    assert "POP3-APOP" in found(report)
    assert re.search(r"<\S+@\S+>", pop3(report).greeting)


async def test_the_advised_line_closes_it(kit: Kit) -> None:
    async with dovecot(kit, fix("POP3-EXPOSED")) as server:
        report = await checked(server)
    assert report.failure is not None
    assert report.failure.reason is Reason.CONNECT_REFUSED


async def test_a_wrong_password(kit: Kit, tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text("wrong\n")
    async with dovecot(kit) as server:
        report = await checked(server, password_file=str(tmp_path / "wrong"))
    assert report.failure is not None
    assert (report.failure.reason, report.failure.phase) == (Reason.AUTH_REJECTED, "pop3.auth")
    assert report.failure.detail == (
        "the login of anna was refused: [AUTH] 'Authentication failed.'"
    )
