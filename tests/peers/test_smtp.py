"""Real mail servers: following the advice, misconfigured, and with the lines of each fix."""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pytest

from seventh import protocols
from seventh.engine.check import check_one, pulse_one
from seventh.labkit.names import name_server
from seventh.labkit.serve import Kit
from seventh.model.failure import Reason
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.severity import Severity
from seventh.model.target import Target
from seventh.net.tls.stream import TlsStream
from seventh.protocols.smtp.facts import SmtpFacts
from seventh.protocols.smtp.facts.mail import Cause, Injection, Smuggling
from seventh.protocols.smtp.probe import intrusive
from seventh.rules.rule import AnyRule, Source
from tests.options import changed
from tests.peers import need_binary
from tests.peers.exim import exim
from tests.peers.opensmtpd import opensmtpd
from tests.peers.postfix import PASSWORD, SASL, USER, postfix, with_dovecot
from tests.peers.starttls import Command, Place, running
from tests.peers.test_fix_lines import said
from tests.reports import facts, found

pytestmark = pytest.mark.peer

RULES: dict[str, AnyRule] = {
    rule.id: rule
    for rule in protocols.rules("smtp")
    if rule.source not in {Source.LOCAL, Source.FILE}
}
"""Those of a check; test_local_mail and test_postfix_fixes have the others."""
EVERYTHING = {
    "allow_write": True, "intrusive": True, "mail_to": "user@lab.test", "retry_after_seconds": 0.0,
}  # fmt: skip
ZONE = {name: {"A": ("127.0.0.1",)} for name in ("lab.test", "mail.example.com")}
USERS = with_dovecot


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server on this machine answers at once, so that silence shows sooner."""
    monkeypatch.setattr(intrusive, "QUIET_SECONDS", 0.25)
    monkeypatch.setattr(TlsStream.settle, "__defaults__", (0.25,))  # Exim sends no tickets


async def look(
    build: Callable[[Place, int], Command],
    kit: Kit,
    scheme: str = "smtp",
    *,
    verb: str = "check",
    more: str = "",
    at: tuple[str, int] | None = None,
    options: Mapping[str, Any] = EVERYTHING,
) -> Report:
    async with running(build, kit, more=more) as port:
        return await visit(at or ("127.0.0.1", port), kit, scheme, verb=verb, options=options)


async def visit(
    at: tuple[str, int],
    kit: Kit,
    scheme: str = "smtp",
    *,
    verb: str = "check",
    options: Mapping[str, Any] = EVERYTHING,
) -> Report:
    async with name_server(ZONE) as resolver:
        chosen = changed(
            Options(timeout_seconds=15.0), resolver=resolver, server_name="lab.test",
            ca_file=str(kit.authority.ca_file), **options,
        )  # fmt: skip
        target = Target(scheme=scheme, host=at[0], port=at[1])
        return await (check_one if verb == "check" else pulse_one)(target, chosen)


def mine(report: Report) -> set[str]:
    return {name for name in found(report) if name.startswith("SMTP-")}


# -- Postfix ---------------------------------------------------------------------------------------


async def test_postfix_that_follows_the_advice_passes(kit: Kit) -> None:
    report = await look(postfix(), kit)
    learnt = facts(report, SmtpFacts)
    assert report.failure is None
    assert learnt.unknown == {}
    assert mine(report) == set()
    assert {finding.severity for finding in report.findings} <= {Severity.LOW}
    assert learnt.product == "postfix"
    assert learnt.injection == Injection(outcome="discarded")
    assert learnt.smuggling == Smuggling()
    assert learnt.relay is not None
    assert (learnt.relay.answer.code, learnt.relay.answer.status) == (454, "4.7.1")
    assert (await look(postfix(), kit, verb="pulse", options={})).failure is None


@pytest.mark.parametrize("verb", ["check", "pulse"])
@pytest.mark.parametrize("scheme", ["submission", "smtps"])
async def test_a_login_at_postfix(kit: Kit, scheme: str, verb: str) -> None:
    secret = kit.folder / "postfix-password"
    secret.write_text(f"{PASSWORD}\n")
    options = {"user": USER, "password_file": str(secret)}
    more = "smtpd_tls_wrappermode = yes\n" if scheme == "smtps" else ""
    report = await look(
        USERS(postfix(SASL + more)), kit, scheme, verb=verb, options=options
    )  # fmt: skip
    login = facts(report, SmtpFacts).login
    assert report.failure is None, report.failure
    assert login is not None
    assert (login.mechanism, login.answer.code, login.answer.status) == ("PLAIN", 235, "2.7.0")
    assert mine(report) == set()


@pytest.mark.parametrize("user", [USER, "nobody@lab.test"])
async def test_a_wrong_password_at_postfix(kit: Kit, user: str) -> None:
    secret = kit.folder / "wrong-password"
    secret.write_text("wrong\n")
    options = {"user": user, "password_file": str(secret)}
    report = await look(USERS(postfix(SASL)), kit, "submission", options=options)
    assert report.failure is not None
    assert report.failure.reason is Reason.AUTH_REJECTED
    assert mine(report) == {"SMTP-AUTH-FAIL"}


class Case(NamedTuple):
    """What a rule finds in Postfix."""

    main: str
    scheme: str = "smtp"
    sasl: bool = False


BAD = {
    "SMTP-NO-STARTTLS": Case("smtpd_tls_security_level = none\n"),
    "SMTP-AUTH-CLEAR": Case(SASL + "smtpd_tls_auth_only = no\n", "submission", sasl=True),
    "SMTP-HELO-NAME": Case("myhostname = localhost\nmydestination = lab.test\n"),
    "SMTP-SIZE": Case("message_size_limit = 1000000\n"),
    "SMTP-EXT": Case("smtpd_discard_ehlo_keywords = pipelining, dsn\nsmtputf8_enable = no\n"),
    "SMTP-SUB-NOAUTH": Case("smtpd_tls_auth_only = yes\n", "submission", sasl=True),
    "SMTP-AUTH-ON-MX": Case(SASL, sasl=True),
    "SMTP-SMUGGLE": Case("smtpd_forbid_bare_newline = no\n"),
    "SMTP-VRFY": Case("disable_vrfy_command = no\n"),
    "SMTP-RELAY": Case(
        "smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination\n"
        "mynetworks = 127.0.0.0/8\n"
    ),
}
ELSEWHERE = {"SMTP-NO-465", "SMTP-SUB-MISSING"}
"""Rules whose fix is a service of master.cf, tried below."""


def test_every_fix_for_postfix_is_tried() -> None:
    assert BAD.keys() | ELSEWHERE == {
        name
        for name, rule in RULES.items()
        if "postfix" in rule.words.fix and rule.source is Source.WIRE
    }


@pytest.mark.parametrize("rule", BAD)
async def test_a_fix_for_postfix_makes_the_finding_go(kit: Kit, rule: str) -> None:
    case = BAD[rule]
    fix = said(RULES[rule], "postfix")
    if rule == "SMTP-NO-STARTTLS":
        live = "/etc/letsencrypt/live/mail.example.com"
        fix = fix.replace(f"{live}/privkey.pem", "{key}").replace(f"{live}/fullchain.pem", "{cert}")
    wrap = USERS if case.sasl else (lambda build: build)
    options = EVERYTHING if RULES[rule].tier > 2 else {}
    before, after = [
        await look(wrap(postfix(f"{case.main}{lines}\n")), kit, case.scheme, options=options)
        for lines in ("", fix)
    ]
    assert mine(before) == {rule}
    assert mine(after) == set()


async def test_the_fix_for_dovecot_makes_the_finding_go(kit: Kit) -> None:
    """Postfix offers the mechanisms of Dovecot's ``auth`` service."""
    weak = "auth_mechanisms = login cram-md5\n"
    before, after = [
        await look(USERS(postfix(SASL)), kit, "submission", more=f"{weak}{fix}\n", options={})
        for fix in ("", said(RULES["SMTP-AUTH-WEAK"], "dovecot"))
    ]
    assert mine(before) == {"SMTP-AUTH-WEAK"}
    listed = facts(after, SmtpFacts).inside_tls
    assert listed is not None
    assert listed.mechanisms == ("PLAIN", "LOGIN")
    assert mine(after) == set()


def test_every_fix_for_dovecot_is_tried() -> None:
    assert {name for name, rule in RULES.items() if "dovecot" in rule.words.fix} == {
        "SMTP-AUTH-WEAK"
    }


@pytest.mark.parametrize("rule", sorted(ELSEWHERE))
async def test_the_service_that_a_fix_adds_to_postfix(kit: Kit, rule: str) -> None:
    host = f"127.{random.randint(64, 250)}.{random.randint(1, 250)}.9"
    starttls = f"{host}:submission inet n - n - - smtpd\n" if rule == "SMTP-NO-465" else ""
    fixed = said(RULES[rule], "postfix").replace("submissions inet", f"{host}:submissions inet")
    users = SASL.replace("auth_enable = yes", "auth_enable = no") + (
        "mynetworks = 192.0.2.1\nsmtpd_tls_security_level = may\n"
    )
    base = starttls.replace("smtpd\n", "smtpd\n  -o smtpd_sasl_auth_enable=yes\n")
    before, after = [
        await look(USERS(postfix(users, master)), kit, "submission", at=(host, 587), options={})
        for master in (base, f"{base}{fixed}\n")
    ]
    assert rule in mine(before)
    assert rule not in mine(after)


async def test_an_open_relay_that_refuses_the_domain(kit: Kit) -> None:
    """example.com accepts no mail (RFC 7505), as a server that looks up its MX record says."""
    refused = "{{example.com=556 5.1.10 Domain example.com does not accept mail (nullMX)}}"
    main = (
        "smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination\n"
        "mynetworks = 127.0.0.0/8\n"
        f"smtpd_recipient_restrictions = check_recipient_access inline:{refused}\n"
    )
    async with running(postfix(main), kit) as port:
        example, elsewhere = [
            await visit(("127.0.0.1", port), kit, options={"allow_write": True, **to})
            for to in ({}, {"relay_to": "me@elsewhere.net"})
        ]
    verdict = next(each for each in example.skipped if each.id == "SMTP-RELAY")
    assert "give --relay-to with a mailbox of yours in another domain" in verdict.reason
    assert "SMTP-RELAY" in found(elsewhere)


async def test_postfix_without_its_password_backend(kit: Kit) -> None:
    """Without its socket Postfix cannot offer AUTH, and its process ends."""
    report = await look(postfix(SASL), kit, "submission", options={})
    assert report.failure is not None
    assert report.failure.reason in {Reason.PEER_CLOSED, Reason.PEER_RESET}
    assert report.failure.phase == "smtp.ehlo2"


# -- Exim ------------------------------------------------------------------------------------------

EXIM_BAD = {
    "SMTP-NO-STARTTLS": "tls_advertise_hosts = ",
    "SMTP-AUTH-CLEAR": "auth_advertise_hosts = *",
    "SMTP-HELO-NAME": "primary_hostname = mail",
    "SMTP-SIZE": "message_size_limit = 1M",
}
EXIM_LACKS = {"SMTP-EXT"}
"""Exim has no ENHANCEDSTATUSCODES."""
INSIDE_TLS = {"SMTP-AUTH-ON-MX"}
"""What the fix of SMTP-AUTH-CLEAR leaves: AUTH on what is checked as port 25."""


def test_every_fix_for_exim_is_tried() -> None:
    assert EXIM_BAD.keys() == {name for name, rule in RULES.items() if "exim" in rule.words.fix}


async def test_exim_that_follows_the_advice_passes(kit: Kit) -> None:
    report = await look(exim(), kit)
    learnt = facts(report, SmtpFacts)
    assert report.failure is None
    assert learnt.unknown == {}
    assert mine(report) == EXIM_LACKS
    assert learnt.product == "exim"
    assert learnt.injection == Injection(outcome="discarded")
    assert learnt.smuggling == Smuggling()


@pytest.mark.parametrize("rule", EXIM_BAD)
async def test_a_fix_for_exim_makes_the_finding_go(kit: Kit, rule: str) -> None:
    live = "/etc/letsencrypt/live/mail.example.com"
    fix = said(RULES[rule], "exim")
    fix = fix.replace(f"{live}/privkey.pem", "{key}").replace(f"{live}/fullchain.pem", "{cert}")
    before = await look(exim(EXIM_BAD[rule]), kit, options={})
    after = await look(exim(f"{EXIM_BAD[rule]}\n{fix}"), kit, options={})
    assert rule in mine(before)
    assert mine(after) - INSIDE_TLS == EXIM_LACKS


async def test_a_login_at_exim(kit: Kit) -> None:
    secret = kit.folder / "exim-password"
    secret.write_text(f"{PASSWORD}\n")
    options = {"user": USER, "password_file": str(secret)}
    fix = said(RULES["SMTP-AUTH-CLEAR"], "exim")
    report = await look(exim(fix), kit, "submission", options=options)
    login = facts(report, SmtpFacts).login
    assert report.failure is None
    assert login is not None
    assert (login.mechanism, login.outcome) == ("PLAIN", "accepted")


# -- OpenSMTPD -------------------------------------------------------------------------------------


async def test_opensmtpd_without_tls(kit: Kit) -> None:
    """It has few extensions, takes LF for the end of a line, and says little of its refusals."""
    async with running(opensmtpd(), kit) as port:
        report, elsewhere = [
            await visit(("127.0.0.1", port), kit, options={**EVERYTHING, **to})
            for to in ({}, {"relay_to": "me@elsewhere.net"})
        ]
    learnt = facts(report, SmtpFacts)
    assert report.failure is None
    assert learnt.unknown == {}
    assert mine(report) == {"SMTP-NO-STARTTLS", "SMTP-EXT", "SMTP-SMUGGLE"}
    assert learnt.relay is not None
    assert (learnt.relay.answer.code, learnt.relay.answer.cause) == (550, Cause.OTHER)
    assert "SMTP-RELAY" not in report.passed
    assert "SMTP-RELAY" in elsewhere.passed
    assert learnt.smuggling is not None
    assert learnt.smuggling.accepted == "lf-dot-crlf"


async def test_opensmtpd_shakes_hands_with_us_as_with_openssl(kit: Kit) -> None:
    """OpenSMTPD 6.8 with OpenSSL 3 does not: its process for private keys is not asked."""
    openssl = need_binary("openssl")
    async with running(opensmtpd(tls=True), kit) as port:
        report = await visit(("127.0.0.1", port), kit, verb="pulse", options={})
        words = ("s_client", "-starttls", "smtp", "-connect", f"127.0.0.1:{port}", "-brief")
        process = await asyncio.create_subprocess_exec(
            openssl, *words, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await process.communicate()
    if b"CONNECTION ESTABLISHED" in said:
        assert facts(report, SmtpFacts).starttls == "started"
        return
    assert b"alert internal error" in said
    assert report.failure is not None
    assert (report.failure.reason, report.failure.phase) == (Reason.TLS_HANDSHAKE, "tls")
    assert report.failure.detail == "the server refused the handshake (alert internal_error)"
    assert facts(report, SmtpFacts).starttls == "handshake-failed"


# -- aiosmtpd --------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["check", "pulse"])
async def test_aiosmtpd(kit: Kit, verb: str) -> None:
    """Its defaults relay everything, and have few extensions."""
    aiosmtpd = pytest.importorskip("aiosmtpd.smtp", reason="aiosmtpd is not installed")
    issued = kit.authority.issue()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(issued.cert_file, issued.key_file)
    server = await asyncio.get_running_loop().create_server(
        lambda: aiosmtpd.SMTP(object(), hostname="lab.test", tls_context=context),
        "127.0.0.1", 0,
    )  # fmt: skip
    async with server, name_server(ZONE) as resolver:
        options = changed(
            Options(timeout_seconds=15.0), resolver=resolver, server_name="lab.test",
            ca_file=str(kit.authority.ca_file), **EVERYTHING,
        )  # fmt: skip
        port = server.sockets[0].getsockname()[1]
        target = Target(scheme="smtp", host="127.0.0.1", port=port)
        report = await (check_one if verb == "check" else pulse_one)(target, options)
    assert report.failure is None
    learnt = facts(report, SmtpFacts)
    assert learnt.inside_tls is not None
    assert learnt.inside_tls.size_bytes == 33_554_432
    if verb == "check":
        assert learnt.unknown == {}
        assert mine(report) == {"SMTP-EXT", "SMTP-RELAY", "SMTP-AUTH-ON-MX"}
