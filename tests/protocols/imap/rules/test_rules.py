"""The rules of IMAP, on both sides of every boundary."""

from __future__ import annotations

import msgspec
import pytest

from seventh.model.mailfacts import Login
from seventh.model.report import SkipCause
from seventh.protocols.imap.facts import Idle, ImapFacts, Quota
from seventh.protocols.imap.rules import access, features, mailbox
from seventh.protocols.imap.rules.examples import AFTER, BEFORE, GOOD, logged_in, offering
from seventh.rules.rule import Hit, Skip, Verdict
from tests.reports import evidence


def skipped(verdict: Verdict) -> str:
    assert isinstance(verdict, Skip), verdict
    return verdict.reason


@pytest.mark.parametrize(
    ("capabilities", "said"),
    [
        (("LOGINDISABLED",), None),
        (("LOGINDISABLED", "AUTH=SCRAM-SHA-256"), None),
        (("LOGINDISABLED", "AUTH=LOGIN"),
         "before TLS: offers LOGIN, which send the password or token readably"),
        ((), "before TLS: the LOGIN command is not disabled (no LOGINDISABLED)"),
        (("AUTH=XOAUTH2",),
         ("before TLS: offers XOAUTH2, which send the password or token readably; the LOGIN "
          "command is not disabled (no LOGINDISABLED)")),
    ],
)  # fmt: skip
def test_logins_in_clear(capabilities: tuple[str, ...], said: str | None) -> None:
    verdict = access.clear_login(GOOD.learn(clear_capabilities=capabilities))
    assert (None if verdict is None else evidence(access.clear_login, verdict)) == said


def test_the_servers_own_machine_may_have_more() -> None:
    local = GOOD.learn(clear_capabilities=("AUTH=PLAIN",), same_host=True)
    assert "check from another machine" in skipped(access.clear_login(local))
    assert access.clear_login(GOOD.learn(same_host=True)) is None


@pytest.mark.parametrize(
    "rule", [access.clear_login, access.no_starttls, access.no_993, access.preauth]
)
def test_implicit_tls_has_no_dialogue_in_clear(rule: object) -> None:
    verdict = rule(ImapFacts(secure=True))  # type: ignore[operator]
    assert isinstance(verdict, Skip)
    assert verdict.cause is SkipCause.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("starttls", "said"),
    [("accepted", None), ("not-offered", "the capabilities do not list STARTTLS"),
     ("refused", "STARTTLS is offered and refused")],
)  # fmt: skip
def test_starttls(starttls: str, said: str | None) -> None:
    verdict = access.no_starttls(GOOD.learn(starttls=starttls))
    assert (None if verdict is None else evidence(access.no_starttls, verdict)) == said
    assert "PREAUTH" in skipped(access.no_starttls(GOOD.learn(starttls="not-permitted")))


@pytest.mark.parametrize(
    ("state", "said"),
    [("open", None), ("refused", "port 993: connection refused"),
     ("filtered", "port 993: no answer"), ("not-tls", "port 993: no TLS on it")],
)  # fmt: skip
def test_the_port_of_implicit_tls(state: str, said: str | None) -> None:
    verdict = access.no_993(GOOD.learn(implicit_state=state))
    assert (None if verdict is None else evidence(access.no_993, verdict)) == said
    assert "--implicit-port" in skipped(access.no_993(GOOD.learn(implicit_state=None)))
    assert "could not be determined" in skipped(access.no_993(GOOD.learn(implicit_state="unknown")))


@pytest.mark.parametrize(
    ("mechanisms", "weak"),
    [("CRAM-MD5", True), ("CRAM-MD5 LOGIN NTLM DIGEST-MD5", True), ("LOGIN PLAIN", False),
     ("CRAM-MD5 SCRAM-SHA-256", False), ("GSSAPI", False)],
)  # fmt: skip
def test_weak_mechanisms(mechanisms: str, weak: bool) -> None:
    known = (*BEFORE, *(f"AUTH={name}" for name in mechanisms.split()))
    verdict = access.sasl_weak(GOOD.learn(capabilities=known))
    assert isinstance(verdict, Hit) is weak
    if isinstance(verdict, Hit):
        assert verdict.params == {"mechanisms": tuple(mechanisms.split())}


def test_without_a_list_of_mechanisms_nothing_is_known() -> None:
    assert "lists no SASL" in skipped(access.sasl_weak(GOOD.learn(capabilities=BEFORE)))


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("AUTHENTICATIONFAILED", "PLAIN: user or credential wrong (the server: no)"),
        ("UNAVAILABLE", "PLAIN: the server's user database does not answer (the server: no)"),
        ("LIMIT",
         "PLAIN: a limit is reached, such as the connections of one user (the server: no)"),
        ("", "PLAIN: no response code, so the cause is only in the server's log (the server: no)"),
        ("X-NEW", "PLAIN: response code X-NEW (the server: no)"),
    ],
)  # fmt: skip
def test_refused_logins(code: str, said: str) -> None:
    refused = logged_in(outcome="refused", mechanism="PLAIN", code=code, detail="no")
    assert evidence(access.auth_fail, access.auth_fail(refused)) == said
    assert skipped(access.login_slow(refused)) == "the login was refused"


@pytest.mark.parametrize(
    "why", ["no-tls", "certificate", "no-credential", "no-mechanism", "disabled"]
)
def test_a_login_that_was_not_tried_is_not_judged(why: str) -> None:
    kept = GOOD.learn(login=Login(outcome="withheld", withheld=why))  # type: ignore[arg-type]
    for rule in (access.auth_fail, access.login_slow):
        assert skipped(rule(kept))


@pytest.mark.parametrize(("seconds", "slow"), [(2.0, False), (2.01, True)])
def test_slow_logins(seconds: float, slow: bool) -> None:
    assert isinstance(access.login_slow(logged_in(seconds=seconds)), Hit) is slow


@pytest.mark.parametrize(("seconds", "slow"), [(1.0, False), (1.01, True)])
def test_slow_mailboxes(seconds: float, slow: bool) -> None:
    assert isinstance(mailbox.select_slow(GOOD.learn(examine_seconds=seconds)), Hit) is slow


# -- capabilities ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "lists", "good"),
    [
        (features.no_idle, "IDLE", True), (features.no_idle, "IMAP4REV2", True),
        (features.no_idle, "IMAP4REV1", False),
        (features.no_sync, "QRESYNC", True), (features.no_sync, "CONDSTORE", False),
        (features.rev2, "IMAP4REV2", True), (features.rev2, "IMAP4REV1", False),
        (features.compress, "COMPRESS=DEFLATE", True), (features.compress, "COMPRESS=X", False),
        (features.literal, "LITERAL+", True), (features.literal, "LITERAL-", True),
        (features.literal, "IMAP4REV2", True), (features.literal, "IDLE", False),
    ],
)  # fmt: skip
def test_what_is_offered_after_the_login(rule: object, lists: str, good: bool) -> None:
    verdict = rule(offering(lists))  # type: ignore[operator]
    assert (verdict is None) is good
    assert isinstance(verdict, Hit) is not good


def test_what_is_missing_is_named() -> None:
    said = evidence(features.no_sync, features.no_sync(offering("CONDSTORE")))
    assert said == "not offered: QRESYNC"


@pytest.mark.parametrize(
    "rule",
    [features.no_idle, features.no_sync, features.rev2, features.compress, features.literal],
)
def test_before_the_login_only_what_is_listed_is_known(rule: object) -> None:
    before = GOOD.learn(login_capabilities=None, capabilities=("IMAP4REV1",))
    assert "only after the login" in skipped(rule(before))  # type: ignore[operator]
    assert rule(before.learn(capabilities=AFTER)) is None  # type: ignore[operator]


@pytest.mark.parametrize("rule", [features.no_idle, features.literal])
def test_imap4rev2_includes_it_before_the_login_too(rule: object) -> None:
    before = GOOD.learn(login_capabilities=None, capabilities=("IMAP4REV2",))
    assert rule(before) is None  # type: ignore[operator]


def test_id() -> None:
    assert features.shown_id(GOOD.learn(capabilities=("IMAP4REV1",), version_shown=None)) is None
    assert "not answered" in skipped(features.shown_id(GOOD.learn(version_shown=None)))


# -- IDLE and the quota ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("idle", "said"),
    [
        (Idle(accepted=False), "IDLE is offered and refused"),
        (Idle(accepted=True, held_seconds=61.0, cut_seconds=61.0),
         "the session ended after 61 s of IDLE"),
        (Idle(accepted=True, held_seconds=1739.0, notified_seconds=9.0, cut_seconds=1739.0),
         "the session ended after 1739 s of IDLE"),
        (Idle(accepted=True, held_seconds=900.0, quiet_seconds=300.0, lines=4),
         "nothing was received in 300 s of IDLE"),
        (Idle(accepted=True, held_seconds=900.0, quiet_seconds=299.9, lines=4), None),
        (Idle(accepted=True, held_seconds=300.0, quiet_seconds=299.9, lines=1), None),
        (Idle(accepted=True, held_seconds=1750.0, notified_seconds=9.0, cut_seconds=1740.0), None),
        (Idle(accepted=True, held_seconds=1.0, quiet_seconds=0.5, lines=2), None),
    ],
)  # fmt: skip
def test_idle(idle: Idle, said: str | None) -> None:
    verdict = mailbox.idle_deaf(GOOD.learn(idle=idle))
    assert (None if verdict is None else evidence(mailbox.idle_deaf, verdict)) == said


@pytest.mark.parametrize("lines", [0, 1])
def test_a_short_idle_proves_nothing(lines: int) -> None:
    short = Idle(accepted=True, held_seconds=299.0, quiet_seconds=299.0, lines=lines)
    assert skipped(mailbox.idle_deaf(GOOD.learn(idle=short))) == (
        "IDLE was held for only 299 s: give --idle 310 --timeout 330"
    )


@pytest.mark.parametrize(("used", "full"), [(89, False), (90, True), (120, True)])
def test_quotas(used: int, full: bool) -> None:
    verdict = mailbox.quota(GOOD.learn(quota=Quota(resource="MESSAGE", used=used, limit=100)))
    assert isinstance(verdict, Hit) is full
    if isinstance(verdict, Hit):
        assert verdict.params == {
            "resource": "MESSAGE", "used": used, "limit": 100, "percent": used,
        }  # fmt: skip
    assert mailbox.quota(GOOD.learn(quota=None)) is None


def test_facts_name_the_product() -> None:
    assert GOOD.learn(greeting="Dovecot (Debian) ready.").product == "dovecot"
    assert GOOD.learn(greeting="ready", id_fields=("name: Dovecot",)).product == "dovecot"
    assert msgspec.structs.replace(GOOD).product == ""
