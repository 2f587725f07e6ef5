"""IMAP and POP3 of a second make: Cyrus, with the SASL of its own library."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from seventh import protocols
from seventh.engine.check import check_one, pulse_one
from seventh.labkit.serve import Kit
from seventh.model.failure import Reason
from seventh.model.mailfacts import MailFacts
from seventh.model.report import Report
from seventh.protocols.imap.facts import ImapFacts, Quota
from seventh.protocols.pop3.facts import Pop3Facts
from tests.peers.cyrus import client, cyrus, deliver
from tests.peers.mailboxes import Running
from tests.peers.test_fix_lines import said
from tests.reports import facts, found

pytestmark = pytest.mark.peer


async def checked(server: Running, scheme: str, **more: Any) -> Report:
    return await check_one(server.target(scheme), server.given(scheme, **more))


def mine(report: Report) -> set[str]:
    return {name for name in found(report) if name.startswith(("IMAP-", "POP3-", "MAIL-"))}


async def test_imap(kit: Kit) -> None:
    async with cyrus(kit) as server:
        await asyncio.to_thread(deliver, server, kit)
        report = await checked(server, "imap", intrusive=True)
        again = await checked(server, "imaps")
        pulse = await pulse_one(server.target("imap"), server.given("imap"))

        def flags() -> Any:
            with client(server, kit) as connected:
                connected.select("INBOX", readonly=True)
                return connected.fetch("1", "(FLAGS)")[1]

        known = await asyncio.to_thread(flags)
    assert report.failure is again.failure is pulse.failure is None
    learnt = facts(report, ImapFacts)
    assert learnt.clear_capabilities is not None
    assert {"STARTTLS", "LOGINDISABLED", "AUTH=SCRAM-SHA-256"} <= set(learnt.clear_capabilities)
    assert learnt.mechanisms == ("PLAIN", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256")
    assert learnt.login is not None
    assert (learnt.login.outcome, learnt.login.mechanism) == ("accepted", "SCRAM-SHA-256")
    assert (learnt.messages, learnt.quota_roots) == (1, 1)
    assert learnt.quota == Quota(resource="STORAGE", used=0, limit=1000)
    assert learnt.fetch_seconds is not None
    assert learnt.idle is not None
    assert learnt.idle.accepted
    assert (learnt.starttls, learnt.implicit_state) == ("accepted", "open")
    assert (learnt.product, learnt.version_shown) == ("cyrus", True)
    assert facts(report, MailFacts).injection == "ignored"
    assert b"Seen" not in known[0], "the message is still new"
    assert mine(report) == {"IMAP-ID", "IMAP-REV2", "MAIL-OPOSSUM"}
    assert mine(again) == {"IMAP-ID", "IMAP-REV2"}


async def test_pop3(kit: Kit) -> None:
    async with cyrus(kit) as server:
        await asyncio.to_thread(deliver, server, kit)
        report = await checked(server, "pop3", intrusive=True)
        again = await checked(server, "pop3s")
    assert report.failure is again.failure is None
    learnt = facts(report, Pop3Facts)
    assert learnt.login is not None
    assert (learnt.login.outcome, learnt.login.mechanism) == ("accepted", "SCRAM-SHA-256")
    assert (learnt.messages, learnt.uidl, learnt.apop) == (1, True, True)
    assert facts(report, MailFacts).injection == "ignored"
    assert mine(report) == {"POP3-APOP", "MAIL-OPOSSUM"}
    assert mine(again) == {"POP3-APOP"}


FIXED = {"IMAP-ID": "imap", "POP3-APOP": "pop3"}
"""By rule with a fix for Cyrus, the protocol."""
RULES = {rule.id: rule for name in ("imap", "pop3") for rule in protocols.rules(name)}


def test_every_fix_is_applied() -> None:
    assert FIXED.keys() == {name for name, rule in RULES.items() if "cyrus" in rule.words.fix}


@pytest.mark.parametrize("name", FIXED)
async def test_the_advised_line_makes_it_clean(kit: Kit, name: str) -> None:
    async with cyrus(kit, f"{said(RULES[name], 'cyrus')}\n") as server:
        report = await checked(server, FIXED[name])
    assert report.failure is None
    assert name in report.passed


@pytest.mark.parametrize(
    ("scheme", "refusal"),
    [
        ("imap", "'authentication failure'"),
        ("pop3", "[AUTH] 'authenticating: authentication failure'"),
    ],
)
async def test_a_wrong_password(kit: Kit, tmp_path: Path, scheme: str, refusal: str) -> None:
    (tmp_path / "wrong").write_text("wrong\n")
    async with cyrus(kit) as server:
        report = await checked(server, scheme, password_file=str(tmp_path / "wrong"))
    assert report.failure is not None
    assert report.failure.reason is Reason.AUTH_REJECTED
    assert report.failure.detail == f"the login of anna was refused: {refusal}"
