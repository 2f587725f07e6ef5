"""IMAP against Dovecot: well configured, badly configured, and with the advised lines."""

from __future__ import annotations

import asyncio
import re
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest
from imapclient import IMAPClient

from seventh import protocols
from seventh.engine.check import check_one, pulse_one
from seventh.labkit.mailbox import FIRST, PASSWORD, USER
from seventh.labkit.mailhost import HOST
from seventh.labkit.serve import Kit
from seventh.model.failure import Reason
from seventh.model.mailfacts import MailFacts
from seventh.model.report import Report
from seventh.model.severity import Severity
from seventh.model.tlsfacts import TlsFacts
from seventh.protocols.imap.facts import ImapFacts
from tests.peers import need_binary
from tests.peers.mailboxes import Running, dovecot
from tests.peers.test_fix_lines import directives, said
from tests.peers.test_ntp import faketime_library
from tests.reports import facts, found

pytestmark = pytest.mark.peer

RULES = {rule.id: rule for rule in protocols.rules("imap")}
NOT_THE_MAILBOX = {"TLS-NO-RESUME", "TLS-NO-PQ", "MAIL-OPOSSUM", "MAIL-SRV"}
"""What Dovecot's processes, its OpenSSL and a host without a zone show."""


def fix(name: str) -> str:
    """The lines that a rule advises for Dovecot, without comments."""
    return "".join(f"{line}\n" for line in directives(said(RULES[name], "dovecot").splitlines()))


async def checked(server: Running, scheme: str = "imap", **more: Any) -> Report:
    return await check_one(server.target(scheme), server.given(scheme, **more))


def imap(report: Report) -> ImapFacts:
    return facts(report, ImapFacts)


async def test_a_good_server_passes(kit: Kit) -> None:
    async with dovecot(kit) as server:
        report = await checked(server, idle_seconds=1.5)
        again = await checked(server, "imaps")
        pulse = await pulse_one(server.target("imap"), server.given("imap"))
        new = list((server.folder / "home/Maildir/new").iterdir())
    assert report.failure is again.failure is pulse.failure is None
    learnt = imap(report)
    assert learnt.clear_capabilities is not None
    assert {"STARTTLS", "LOGINDISABLED", "SASL-IR", "ID"} <= set(learnt.clear_capabilities)
    assert learnt.mechanisms == ("PLAIN", "SCRAM-SHA-256")
    assert learnt.login_capabilities is not None
    assert {"CONDSTORE", "QRESYNC", "IDLE"} <= set(learnt.login_capabilities)
    assert "CONDSTORE" not in (learnt.capabilities or ())
    assert learnt.login is not None
    assert (learnt.login.outcome, learnt.login.mechanism) == ("accepted", "SCRAM-SHA-256")
    assert (learnt.messages, learnt.id_fields) == (1, ("name: Dovecot",))
    assert learnt.fetch_seconds is not None
    assert learnt.idle is not None
    assert learnt.idle.notified_seconds is not None
    assert (learnt.starttls, learnt.implicit_state) == ("accepted", "open")
    assert learnt.product == "dovecot"
    assert facts(report, TlsFacts).unknown == {}
    assert len(facts(report, MailFacts).ports) == 2
    assert [path.name for path in new] == ["1.M1P1.lab"], "the message is still new"
    for each in (report, again):
        loud = {f.id for f in each.findings if f.severity.reaches(Severity.LOW)}
        assert loud <= NOT_THE_MAILBOX
        assert found(each) - NOT_THE_MAILBOX == {"IMAP-REV2", "IMAP-COMPRESS"}


async def test_it_sees_what_imapclient_sees(kit: Kit) -> None:
    """The same words and numbers, of a mailbox that this client fills."""

    def ask(server: Running) -> tuple[object, ...]:
        context = ssl.create_default_context(cafile=str(kit.authority.ca_file))
        with IMAPClient(HOST, server.ports["imap"], ssl=False) as client:
            greeting, before = client.welcome, client.capabilities()
            client.starttls(context)
            inside = client.capabilities()
            client.login(USER, PASSWORD)
            client.append("INBOX", FIRST)
            client.append("INBOX", b"Subject: big\r\n\r\n" + b"x" * 200_000)
            (quota,) = (q for q in client.get_quota() if q.resource == "STORAGE")
            opened = client.select_folder("INBOX", readonly=True)
            return (
                greeting.rpartition(b"] ")[2].decode(), _words(before), _words(inside),
                _words(client.capabilities()), opened[b"EXISTS"], quota.usage, quota.limit,
                client.id_(),
            )  # fmt: skip

    async with dovecot(kit, QUOTA.format("storage=1M")) as server:
        known = await asyncio.to_thread(ask, server)
        learnt = imap(await checked(server))
    assert learnt.quota is not None
    assert learnt.id_fields is not None
    assert known[4:6] == (3, 196)
    assert known == (
        learnt.greeting, _set(learnt.clear_capabilities), _set(learnt.capabilities),
        _set(learnt.login_capabilities), learnt.messages, learnt.quota.used, learnt.quota.limit,
        ((b"name", learnt.id_fields[0].removeprefix("name: ").encode()),),
    )  # fmt: skip


def _words(capabilities: tuple[bytes, ...]) -> set[str]:
    return {word.decode().upper() for word in capabilities}


def _set(capabilities: tuple[str, ...] | None) -> set[str]:
    return set(capabilities or ())


QUOTA = (
    "mail_plugins = $mail_plugins quota\n"
    "protocol imap {{\n  mail_plugins = $mail_plugins quota imap_quota\n}}\n"
    "plugin {{\n  quota = count:User quota\n  quota_vsizes = yes\n  quota_rule = *:{}\n}}\n"
)
CASES = {
    "IMAP-CLEAR-LOGIN": "ssl = yes\ndisable_plaintext_auth = no\n",
    "IMAP-SASL-WEAK": "auth_mechanisms = cram-md5 login\n",
    "IMAP-NO-IDLE": "imap_capability = IMAP4rev1 LITERAL+\n",
    "IMAP-ID": "imap_id_send = name * version *\n",
    "IMAP-COMPRESS": "",
    "IMAP-IDLE-DEAF": "imap_idle_notify_interval = 0\n",
    "IMAP-NO-993": "service imap-login {\n inet_listener imaps {\n  port = 0\n }\n}\n",
}
"""By rule, the lines with which Dovecot has the fault."""
APART = {"IMAP-IDLE-DEAF", "IMAP-NO-993"}
"""Rules with a test of their own."""


ELSEWHERE = {"IMAP-NO-STARTTLS"}
"""Rules whose lines need a file, tried below."""


def test_every_fix_is_applied() -> None:
    wanted = {name for name, rule in RULES.items() if "dovecot" in rule.words.fix}
    assert CASES.keys() | ELSEWHERE == wanted


@pytest.mark.parametrize("name", [name for name in CASES if name not in APART])
async def test_a_fault_is_found_and_the_advised_lines_remove_it(kit: Kit, name: str) -> None:
    async with dovecot(kit, CASES[name]) as server:
        before = await checked(server)
    async with dovecot(kit, CASES[name] + fix(name)) as server:
        after = await checked(server)
    assert name in found(before)
    assert name not in found(after)
    assert name in after.passed
    assert after.failure is None


async def test_without_a_port_of_implicit_tls_the_advised_lines_open_it(kit: Kit) -> None:
    name = "IMAP-NO-993"
    async with dovecot(kit, CASES[name]) as server:
        before = await checked(server)
    async with dovecot(kit, CASES[name], fix=fix(name)) as server:
        after = await checked(server)
    assert name in found(before)
    assert name in after.passed


async def test_a_server_that_says_nothing_in_idle_and_its_advised_line(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dovecot's clock is 60 times as fast: its two minutes are two seconds here."""
    monkeypatch.setattr("seventh.protocols.imap.rules.mailbox.QUIET_SECONDS", 3.0)
    fast = "import_environment = $import_environment LD_PRELOAD FAKETIME\n"
    lines = CASES["IMAP-IDLE-DEAF"] + fast
    quick = {"LD_PRELOAD": faketime_library(), "FAKETIME": "+0 x60"}
    async with dovecot(kit, lines, environment=quick) as server:
        before = await checked(server, idle_seconds=3.2)
    async with dovecot(kit, lines + fix("IMAP-IDLE-DEAF"), environment=quick) as server:
        after = await checked(server, idle_seconds=3.2)
    assert "IMAP-IDLE-DEAF" in found(before)
    assert "IMAP-IDLE-DEAF" in after.passed


async def test_without_tls_the_password_stays_here(kit: Kit) -> None:
    async with dovecot(kit, "disable_plaintext_auth = no\n", tls="") as server:
        report = await checked(server)
        permitted = await checked(server, allow_plaintext=True)
    assert {"IMAP-NO-STARTTLS", "IMAP-NO-993", "IMAP-CLEAR-LOGIN"} <= found(report)
    login = imap(report).login
    assert login is not None
    assert login.withheld == "no-tls"
    login = imap(permitted).login
    assert login is not None
    assert login.outcome == "accepted"


async def test_the_advised_lines_give_it_tls(kit: Kit) -> None:
    issued = kit.authority.issue("lab.test", "127.0.0.2")
    lines = fix("IMAP-NO-STARTTLS")
    lines = re.sub(r"</\S+fullchain.pem", f"<{issued.cert_file}", lines)
    lines = re.sub(r"</\S+private.pem", f"<{issued.key_file}", lines)
    async with dovecot(kit, tls=lines) as server:
        report = await checked(server)
    assert {"IMAP-NO-STARTTLS", "IMAP-NO-993"} <= set(report.passed)


async def test_a_wrong_password(kit: Kit, tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text("wrong\n")
    async with dovecot(kit, "auth_verbose = yes\n") as server:
        report = await checked(server, password_file=str(tmp_path / "wrong"))
        log = (server.folder / "output").read_text()
    assert report.failure is not None
    assert report.failure.reason is Reason.AUTH_REJECTED
    assert report.failure.detail == (
        "the login of anna was refused: [AUTHENTICATIONFAILED] 'Authentication failed.'"
    )
    assert "IMAP-AUTH-FAIL" in found(report)
    assert "Password mismatch" in log, "what the rule says of auth_verbose"


async def test_a_quota_that_is_nearly_used(kit: Kit) -> None:
    async with dovecot(kit, QUOTA.format("messages=1")) as server:
        report = await checked(server)
    full = imap(report).quota
    assert full is not None
    assert (full.resource, full.used, full.limit) == ("MESSAGE", 1, 1)
    assert "IMAP-QUOTA" in found(report)


async def test_commands_before_tls_are_discarded(kit: Kit) -> None:
    async with dovecot(kit) as server:
        report = await checked(server, intrusive=True)
    assert facts(report, MailFacts).injection in {"ignored", "refused"}


@pytest.mark.parametrize(
    "name", sorted(name for name, rule in RULES.items() if "dovecot" in rule.words.fix)
)
def test_dovecot_accepts_every_advised_line(name: str, kit: Kit, tmp_path: Path) -> None:
    issued = kit.authority.issue()
    lines = re.sub(r"</\S+\.pem", f"<{issued.cert_file}", fix(name))
    conf = tmp_path / "dovecot.conf"
    conf.write_text(lines)
    program = Path(need_binary("dovecot")).with_name("doveconf")
    if not program.exists():
        program = Path("/usr/bin/doveconf")
    ran = subprocess.run(
        [program, "-n", "-c", str(conf)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert "Unknown setting" not in ran.stderr
