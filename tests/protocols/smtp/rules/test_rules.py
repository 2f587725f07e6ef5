"""The rules at their boundaries; each one's own examples are tried by the conformance tests."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from seventh.model.severity import Severity
from seventh.protocols.smtp.facts import Extensions, Refusal, SmtpFacts
from seventh.protocols.smtp.facts.mail import Answer, Cause, Injection, Verified
from seventh.protocols.smtp.rules import auth, mail, ports, session, starttls
from seventh.protocols.smtp.rules.examples import (
    ACCEPTED,
    CANNOT_VERIFY,
    CLEAR,
    DENIED,
    GOOD,
    LATER,
    NO_USER,
    SUBMISSION,
    clear,
    logged_in,
    secured,
    without_tls,
)
from seventh.rules.rule import AnyRule, Hit
from tests.protocols.smtp.rules.verdicts import seen, tried
from tests.reports import evidence

NOT_TLS = GOOD.learn(inside_tls=None, starttls="refused")
BUSY = Answer(code=451, status="4.3.0", text="busy", cause=Cause.NOT_NOW)


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        (GOOD.learn(greeting_seconds=5.0), None),
        (GOOD.learn(greeting_seconds=5.1), {"what": "late", "seconds": 5.1}),
        (GOOD.learn(greeting_seconds=30.0), {"what": "late", "seconds": 30.0}),
        (GOOD.learn(greeting_seconds=30.1), (Severity.MEDIUM, {"what": "late", "seconds": 30.1})),
        (SmtpFacts(greeting_wait_seconds=5.0), "no greeting was received"),
        (SmtpFacts(greeting_wait_seconds=9.9), {"what": "none", "seconds": 9.9}),
        (SmtpFacts(greeting_wait_seconds=31.0),
         (Severity.MEDIUM, {"what": "none", "seconds": 31.0})),
    ],
)  # fmt: skip
def test_a_greeting_is_slow_after_five_seconds(facts: SmtpFacts, verdict: Any) -> None:
    assert seen(session.greet_slow(facts)) == verdict


def test_every_deviation_of_replies_is_reported() -> None:
    facts = GOOD.learn(deviations=("bare-lf", "codes-differ"), longest_line_bytes=None)
    assert seen(session.reply_bad(facts)) == {"what": ("bare-lf", "codes-differ"), "bytes": 0}


@pytest.mark.parametrize("state", ["unresolvable", "not-qualified", "literal", "missing"])
def test_a_name_that_does_not_resolve_is_reported(state: str) -> None:
    facts = GOOD.learn(name="x", name_state=state)
    assert seen(session.helo_name(facts)) == {"what": state, "name": "x"}
    assert seen(session.helo_name(facts.learn(role="submission"))) == (
        "other mail servers do not judge the name of a submission port"
    )
    assert seen(session.helo_name(facts.learn(name=None)))["name"] == ""


@pytest.mark.parametrize(
    ("listed", "verdict"),
    [
        ({"size_bytes": 9_999_999}, {"what": "small", "megabytes": 9.999999}),
        ({"size_bytes": 10_000_000}, None),
        ({"size_bytes": 52_428_800}, None),
        ({"size_bytes": 52_428_801}, {"what": "large", "megabytes": 52.428801}),
        ({"size_bytes": 0}, {"what": "unlimited"}),
        ({"size_bytes": None}, {"what": "unlimited"}),
        ({"keywords": ("DSN",), "size_bytes": None}, {"what": "missing"}),
    ],
)
def test_the_size_limit_is_usual_from_10_mb_to_50_mib(listed: dict[str, Any], verdict: Any) -> None:
    assert seen(session.size(secured(**listed))) == verdict


@pytest.mark.parametrize("judge", [session.size, session.ext])
def test_extensions_are_those_that_clients_use_in_the_end(judge: AnyRule) -> None:
    assert seen(judge(without_tls())) is None
    assert seen(judge(NOT_TLS)) == "TLS did not start: EHLO inside it is unknown"
    assert seen(judge(SmtpFacts(role="transfer"))) == "no reply to EHLO was received"
    assert seen(judge(GOOD.learn(in_clear=Extensions()))) is None
    assert isinstance(judge(without_tls(keywords=(), size_bytes=None)), Hit)


def test_missing_extensions_are_named() -> None:
    assert seen(session.ext(secured(keywords=("SIZE", "DSN", "PIPELINING", "CHUNKING")))) == {
        "missing": ("8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")
    }


STARTTLS = (starttls.no_starttls, starttls.starttls_mangled, starttls.starttls_fail)


@pytest.mark.parametrize("judge", [*STARTTLS, starttls.starttls_inject, auth.auth_clear])
def test_nothing_is_said_of_starttls_where_tls_comes_first(judge: AnyRule) -> None:
    facts = SUBMISSION.learn(implicit_tls=True, starttls=None, in_clear=None)
    assert seen(judge(facts)) == "TLS starts with the connection"


def test_what_starttls_can_be() -> None:
    absent, masked = without_tls(keywords=("SIZE",)), clear(masked=True).learn(starttls="masked")
    refused = GOOD.learn(starttls="refused", refusal=Refusal(code=454, detail="no"))
    broken = GOOD.learn(starttls="handshake-failed", refusal=Refusal(detail="no cipher"))
    found = {
        name: [seen(judge(facts)) for judge in STARTTLS]
        for name, facts in (("absent", absent), ("masked", masked), ("refused", refused),
                            ("broken", broken), ("empty", without_tls(keywords=())))
    }  # fmt: skip
    assert found == {
        "absent": [{"offered": ("SIZE",)}, None, "STARTTLS is not offered"],
        "empty": [{"offered": ("no extension",)}, None, "STARTTLS is not offered"],
        "masked": [
            "SMTP-STARTTLS-MANGLED judges the masked keyword",
            {},
            "STARTTLS is not offered",
        ],
        "refused": [None, None, {"what": "refused", "code": 454, "detail": "no"}],
        "broken": [None, None, {"what": "handshake", "code": 0, "detail": "no cipher"}],
    }


@pytest.mark.parametrize("outcome", ["discarded", "refused"])
def test_only_an_answer_inside_tls_shows_an_injection(outcome: Any) -> None:
    assert starttls.starttls_inject(GOOD.learn(injection=Injection(outcome=outcome))) is None


@pytest.mark.parametrize(
    ("mechanisms", "verdict"),
    [
        ((), None),
        (("SCRAM-SHA-256", "EXTERNAL", "GSSAPI"), None),
        (("SCRAM-SHA-256", "PLAIN"), {"mechanisms": ("PLAIN",)}),
        (("XOAUTH2",), {"mechanisms": ("XOAUTH2",)}),
        (("CRAM-MD5", "SCRAM-SHA-1"), (Severity.MEDIUM, {"mechanisms": ("CRAM-MD5",)})),
        (("NTLM", "LOGIN"), {"mechanisms": ("NTLM", "LOGIN")}),
    ],
)
def test_what_exposes_a_password_before_tls(mechanisms: tuple[str, ...], verdict: Any) -> None:
    assert seen(auth.auth_clear(clear(mechanisms=mechanisms))) == verdict


@pytest.mark.parametrize(
    ("mechanisms", "fires"),
    [
        (("LOGIN",), True), (("LOGIN", "CRAM-MD5", "DIGEST-MD5", "NTLM"), True),
        (("LOGIN", "PLAIN"), False), (("SCRAM-SHA-1",), False), (("XOAUTH2", "LOGIN"), False),
    ],
)  # fmt: skip
def test_one_current_mechanism_is_enough(mechanisms: tuple[str, ...], fires: bool) -> None:
    verdict = auth.auth_weak(secured(SUBMISSION, mechanisms=mechanisms))
    assert seen(verdict) == ({"mechanisms": mechanisms} if fires else None)


def test_where_auth_is_not_seen_it_is_not_judged() -> None:
    assert seen(auth.auth_weak(GOOD)) == "AUTH is not offered"
    assert seen(auth.auth_weak(NOT_TLS)) == "no EHLO inside TLS was answered"
    assert seen(auth.auth_weak(without_tls(mechanisms=("LOGIN",)))) == {"mechanisms": ("LOGIN",)}
    assert seen(auth.sub_noauth(SUBMISSION.learn(inside_tls=None))) == (
        "no EHLO inside TLS was answered"
    )
    assert seen(auth.sub_noauth(GOOD)) == (
        "port 25 takes mail from other servers, which do not log in"
    )
    assert seen(auth.sub_noauth(secured(SUBMISSION, mechanisms=()))) == {}


def test_auth_on_port_25_is_seen_in_clear_or_inside_tls() -> None:
    assert seen(auth.auth_on_mx(SUBMISSION)) == "users log in on a submission port"
    assert seen(auth.auth_on_mx(clear(mechanisms=("PLAIN",)).learn(inside_tls=None))) == {
        "mechanisms": ("PLAIN",)
    }
    both = secured(clear(mechanisms=("LOGIN",)), mechanisms=("PLAIN", "LOGIN"))
    assert seen(auth.auth_on_mx(both)) == {"mechanisms": ("LOGIN", "PLAIN")}
    assert seen(auth.auth_on_mx(NOT_TLS)) == "no EHLO inside TLS was answered"
    assert seen(auth.auth_on_mx(without_tls())) is None
    assert seen(auth.auth_on_mx(SmtpFacts(role="transfer"))) == "no reply to EHLO was received"


@pytest.mark.parametrize(
    ("outcome", "cause", "what"),
    [
        ("rejected", Cause.LOGIN_INVALID, "rejected"), ("rejected", Cause.DISABLED, "disabled"),
        ("rejected", Cause.MECHANISM, "mechanism"), ("rejected", Cause.POLICY, "policy"),
        ("rejected", Cause.SYNTAX, "other"), ("unavailable", Cause.POLICY, "unavailable"),
    ],
)  # fmt: skip
def test_a_failed_login_has_a_cause(outcome: str, cause: Cause, what: str) -> None:
    answer = Answer(code=535, text="no", cause=cause)
    facts = logged_in(outcome=outcome, answer=answer)
    assert seen(auth.auth_fail(facts)) == {
        "mechanism": "SCRAM-SHA-256", "what": what, "answer": "535 no",
    }  # fmt: skip
    assert seen(auth.auth_slow(facts)) == "no login succeeded"


def test_a_login_is_slow_after_two_seconds() -> None:
    assert auth.auth_slow(logged_in(seconds=2.0)) is None
    assert seen(auth.auth_slow(logged_in(seconds=2.1))) == {
        "mechanism": "SCRAM-SHA-256", "seconds": 2.1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("states", "verdict"),
    [
        ({25: "silent", 443: "open", 465: "refused", 587: "open"}, {"open": ("443", "587")}),
        ({25: "silent", 443: "refused"}, "no other port of the address answers either"),
        ({25: "refused"}, None),
        ({}, "the state of port 25 is unknown"),
    ],
)
def test_a_silent_port_25_is_compared_with_others(states: Any, verdict: Any) -> None:
    facts = SmtpFacts(role="transfer", usual_port=True, ports=states)
    assert seen(ports.filtered(facts)) == verdict


def test_which_targets_the_ports_concern() -> None:
    assert ports.filtered(GOOD.learn(ports={})) is None
    assert seen(ports.filtered(SUBMISSION)) == "the target is a submission port"
    own = "the target has a port of its own"
    assert seen(ports.filtered(GOOD.learn(usual_port=False))) == own
    for judge in (ports.sub_missing, ports.no_465):
        assert seen(judge(SUBMISSION.learn(usual_port=False))) == own
        assert seen(judge(GOOD)) == "a server that only receives mail needs no submission port"


@pytest.mark.parametrize(
    ("states", "missing", "no_465"),
    [
        ({465: "open", 587: "silent"}, None, None),
        ({465: "silent", 587: "open"}, None, {}),
        ({465: "not-tls", 587: "open"}, None, {"what": "not-tls"}),
        ({465: "not-tls", 587: "refused"}, {"implicit": "not-tls", "starttls": "refused"},
         "SMTP-SUB-MISSING judges a server with neither port"),
        ({465: "silent", 587: "refused"}, {"implicit": "silent", "starttls": "refused"},
         "SMTP-SUB-MISSING judges a server with neither port"),
        ({465: "open"}, None, None),
        ({587: "open"}, None, "the state of 465 or 587 is unknown"),
        ({587: "refused"}, "the state of 465 or 587 is unknown",
         "the state of 465 or 587 is unknown"),
    ],
)  # fmt: skip
def test_the_submission_ports(states: Any, missing: Any, no_465: Any) -> None:
    facts = SUBMISSION.learn(ports=states)
    assert seen(ports.sub_missing(facts)) == missing
    assert seen(ports.no_465(facts)) == no_465


def test_465_without_tls_is_said() -> None:
    closed, clear = (
        evidence(ports.no_465, ports.no_465(SUBMISSION.learn(ports={465: state, 587: "open"})))
        for state in ("refused", "not-tls")
    )
    assert closed == "587 answers, and 465 does not"
    assert clear == "587 answers, and 465 accepts connections without TLS"


def test_a_temporary_refusal_decides_nothing() -> None:
    later = tried(BUSY)
    facts = GOOD.learn(relay=later, postmaster=later, mailbox=later)
    assert [seen(judge(facts)) for judge in (mail.relay, mail.postmaster, mail.bounce)] == [
        "the foreign recipient was refused for now: 451 busy",
        "postmaster was refused for now: 451 busy",
        "user@example.org was refused for now: 451 busy",
    ]


def test_a_refused_mailbox_has_a_cause() -> None:
    assert seen(mail.bounce(GOOD.learn(mailbox=tried(NO_USER)))) == {
        "recipient": "user@example.org", "cause": "no-such-user",
        "answer": "550 5.1.1 User unknown",
    }  # fmt: skip
    odd = msgspec.structs.replace(DENIED, cause=Cause.NOT_SUPPORTED)
    assert seen(mail.bounce(GOOD.learn(mailbox=tried(odd))))["cause"] == "other"
    assert seen(mail.bounce(GOOD.learn(mailbox=None, roundtrip=None))) == (
        "no mailbox was named: give one with --mail-to"
    )


def test_greylisting_is_what_the_second_try_shows() -> None:
    first = GOOD.learn(mailbox=tried(LATER))
    again = tried(LATER, after_seconds=2.4)
    assert seen(mail.greylist(first)) == "no second try was made: it failed"
    assert seen(mail.greylist(first.learn(unknown={"second try": "too late"}))) == (
        "no second try was made: too late"
    )
    assert seen(mail.greylist(first.learn(retried=again))) == (
        "still refused after 2 s (450 4.2.0 Greylisted): raise --retry-after, such as to 310, and "
        "--timeout"
    )
    postmaster = GOOD.learn(
        mailbox=None, postmaster=tried(LATER, "postmaster"),
        retried=tried(ACCEPTED, "postmaster", after_seconds=2.0),
    )  # fmt: skip
    assert seen(mail.greylist(postmaster)) == {
        "recipient": "postmaster", "answer": "450 4.2.0 Greylisted", "seconds": 2.0,
    }  # fmt: skip
    assert mail.greylist(GOOD) is None


@pytest.mark.parametrize(
    "judge", [mail.postmaster, mail.bounce, mail.greylist, mail.smuggle], ids=lambda rule: rule.id
)
def test_recipients_are_not_judged_on_a_submission_port(judge: AnyRule) -> None:
    assert seen(judge(SUBMISSION)) == "a submission port takes mail from its users only"


def test_a_message_that_was_not_begun_is_unknown() -> None:
    facts = GOOD.learn(smuggling=None)
    assert seen(mail.smuggle(facts)) == "no message was begun: give --mail-to and --allow-write"
    assert seen(mail.smuggle(facts.learn(unknown={"line endings": "it was refused"}))) == (
        "it was refused"
    )


@pytest.mark.parametrize(
    ("existing", "random", "verdict"),
    [
        (CANNOT_VERIFY, CANNOT_VERIFY, None),
        (NO_USER, NO_USER, None),
        (Answer(code=502), Answer(code=502), None),
        (ACCEPTED, CANNOT_VERIFY, {"answer": "250 2.1.5 Ok", "code": 252}),
        (CANNOT_VERIFY, NO_USER, {"answer": "252 2.0.0 postmaster", "code": 550}),
        (CANNOT_VERIFY, BUSY, "VRFY for a random user is not answered by a yes or no: 451 busy"),
        (
            CANNOT_VERIFY,
            Answer(code=501, text="domain?"),
            "VRFY for a random user is not answered by a yes or no: 501 domain?",
        ),
        (CANNOT_VERIFY, Answer(code=551), {"answer": "252 2.0.0 postmaster", "code": 551}),
        (CANNOT_VERIFY, Answer(code=553), {"answer": "252 2.0.0 postmaster", "code": 553}),
        (NO_USER, CANNOT_VERIFY, None),
    ],
)
def test_vrfy_distinguishes_by_code(existing: Answer, random: Answer, verdict: Any) -> None:
    facts = GOOD.learn(verified=Verified(existing=existing, random=random))
    assert seen(mail.vrfy(facts)) == verdict


def test_the_facts_that_are_derived() -> None:
    assert GOOD.product == "postfix"
    assert GOOD.learn(greeting="mail ESMTP Exim 4.96").product == "exim"
    assert GOOD.learn(greeting="mail ESMTP").product == "smtp"
    assert GOOD.size_limit_bytes == 26_214_400
    assert secured(size_bytes=0).size_limit_bytes is None
    assert NOT_TLS.size_limit_bytes is None
    assert GOOD.learn(inside_tls=None, starttls="masked").extensions == CLEAR
    assert GOOD.learn(inside_tls=None, starttls=None).extensions is None
