"""The rules of POP3, on both sides of every boundary."""

from __future__ import annotations

import pytest

from seventh.protocols.pop3.facts import Pop3Facts
from seventh.protocols.pop3.rules import access, maildrop
from seventh.protocols.pop3.rules.examples import GOOD, logged_in
from seventh.rules.rule import Hit, Skip, Verdict
from tests.reports import evidence


def skipped(verdict: Verdict) -> str:
    assert isinstance(verdict, Skip), verdict
    return verdict.reason


@pytest.mark.parametrize(
    ("capabilities", "said"),
    [
        (("UIDL", "STLS"), None), (("SASL SCRAM-SHA-256 CRAM-MD5",), None), (("SASL",), None),
        (("USER",), "before TLS, CAPA lists USER"),
        (("SASL PLAIN SCRAM-SHA-256 LOGIN",), "before TLS, CAPA lists PLAIN, LOGIN"),
        (("SASL XOAUTH2", "USER"), "before TLS, CAPA lists USER, XOAUTH2"),
    ],
)  # fmt: skip
def test_logins_in_clear(capabilities: tuple[str, ...], said: str | None) -> None:
    verdict = access.clear_auth(GOOD.learn(clear_capabilities=capabilities))
    assert (None if verdict is None else evidence(access.clear_auth, verdict)) == said


def test_the_servers_own_machine_may_have_more() -> None:
    local = GOOD.learn(clear_capabilities=("USER",), same_host=True)
    assert "check from another machine" in skipped(access.clear_auth(local))


@pytest.mark.parametrize("rule", [access.clear_auth, access.no_starttls, access.no_995])
def test_implicit_tls_has_no_dialogue_in_clear(rule: object) -> None:
    assert skipped(rule(Pop3Facts(secure=True)))  # type: ignore[operator]


@pytest.mark.parametrize(
    ("starttls", "said"),
    [("accepted", None), ("not-offered", "STLS is not supported"),
     ("refused", "STLS is listed by CAPA and refused")],
)  # fmt: skip
def test_stls(starttls: str, said: str | None) -> None:
    verdict = access.no_starttls(GOOD.learn(starttls=starttls))
    assert (None if verdict is None else evidence(access.no_starttls, verdict)) == said


@pytest.mark.parametrize(
    ("state", "said"),
    [("open", None), ("refused", "port 995: connection refused"),
     ("filtered", "port 995: no answer"), ("not-tls", "port 995: no TLS on it")],
)  # fmt: skip
def test_the_port_of_implicit_tls(state: str, said: str | None) -> None:
    verdict = access.no_995(GOOD.learn(implicit_state=state))
    assert (None if verdict is None else evidence(access.no_995, verdict)) == said
    for unknown in (None, "unknown"):
        assert skipped(access.no_995(GOOD.learn(implicit_state=unknown)))


@pytest.mark.parametrize(("reach", "fires"), [("loopback", False), ("private", True)])
def test_exposure(reach: str, fires: bool) -> None:
    assert isinstance(access.exposed(GOOD.learn(reach=reach)), Hit) is fires
    assert "proxy" in skipped(access.exposed(GOOD.learn(reach=None)))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"uidl": True}, None), ({"uidl": False}, "UIDL is refused"),
        ({"uidl": None}, None),
        ({"uidl": None, "login_capabilities": ("TOP",)}, "CAPA does not list UIDL"),
    ],
)  # fmt: skip
def test_uidl(changes: dict[str, object], said: str | None) -> None:
    verdict = maildrop.no_uidl(GOOD.learn(**changes))
    assert (None if verdict is None else evidence(maildrop.no_uidl, verdict)) == said


@pytest.mark.parametrize(
    ("has_capa", "why"), [(False, "CAPA is not supported"), (None, "CAPA was not read")]
)
def test_without_capabilities_nothing_is_known(has_capa: bool | None, why: str) -> None:
    blind = GOOD.learn(uidl=None, has_capa=has_capa, capabilities=None, login_capabilities=None)
    for rule in (maildrop.no_uidl, maildrop.delay, maildrop.expire0):
        assert skipped(rule(blind)) == why


def test_a_locked_mailbox() -> None:
    refused = logged_in(outcome="refused", code="AUTH")
    assert skipped(maildrop.locked(refused)) == "the login was refused"
    assert maildrop.locked(GOOD) is None
    for why in ("no-tls", "certificate", "no-credential", "no-mechanism"):
        assert skipped(maildrop.locked(logged_in(outcome="withheld", withheld=why)))


@pytest.mark.parametrize(
    ("line", "said"),
    [("LOGIN-DELAY 0", None), ("LOGIN-DELAY", None), ("LOGIN-DELAY x", None), ("UIDL", None),
     ("LOGIN-DELAY 1 USER", "LOGIN-DELAY is 1 s")],
)  # fmt: skip
def test_delays(line: str, said: str | None) -> None:
    verdict = maildrop.delay(GOOD.learn(login_capabilities=(line,)))
    assert (None if verdict is None else evidence(maildrop.delay, verdict)) == said


def test_a_refused_login_shows_a_delay() -> None:
    verdict = maildrop.delay(logged_in(outcome="refused", code="LOGIN-DELAY"))
    assert evidence(maildrop.delay, verdict) == "the login was refused with [LOGIN-DELAY]"


@pytest.mark.parametrize(("line", "fires"), [("EXPIRE 0", True), ("EXPIRE 1", False)])
def test_retention(line: str, fires: bool) -> None:
    assert isinstance(maildrop.expire0(GOOD.learn(login_capabilities=(line,))), Hit) is fires
    assert "does not list EXPIRE" in skipped(
        maildrop.expire0(GOOD.learn(login_capabilities=("UIDL", "EXPIRE")))
    )


def test_facts_name_the_product() -> None:
    assert GOOD.learn(greeting="Dovecot ready.").product == "dovecot"
    assert GOOD.learn(capabilities=("IMPLEMENTATION DOVECOT",)).product == "dovecot"
    assert GOOD.product == ""
