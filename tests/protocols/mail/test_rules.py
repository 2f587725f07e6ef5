"""The rules of a mail host."""

from __future__ import annotations

import pytest

from seventh.model.mailfacts import MailFacts, MailPort, ServiceRecord
from seventh.model.netfacts import Lookup
from seventh.model.report import SkipCause
from seventh.net.mail import _domains, record_of
from seventh.protocols.mail.rules import host as rules
from seventh.rules.rule import Hit, Skip
from tests.reports import evidence


def port(number: int, tls: str, sha256: str, *names: str) -> MailPort:
    return MailPort(service="imap", port=number, tls=tls, sha256=sha256, names=names)  # type: ignore[arg-type]


FIRST = port(143, "starttls", "aa", "mail.example")
SAME = port(993, "implicit", "aa", "mail.example")
RENEWED = port(993, "implicit", "bb", "mail.example")
SHARING = port(993, "implicit", "bb", "mail.example", "www.example")
OTHER = port(993, "implicit", "bb", "old.example")


@pytest.mark.parametrize(
    ("second", "opossum", "difference"),
    [
        (SAME, True, None),
        (RENEWED, True, ("ports 143, 993 have different certificates for the same names: one "
                         "service was not reloaded after a renewal")),
        (SHARING, True, ("the certificates of ports 143, 993 have different names: mail.example, "
                         "mail.example, www.example")),
        (OTHER, False, ("the certificates of ports 143, 993 have different names: mail.example, "
                        "old.example")),
    ],
)  # fmt: skip
def test_two_certificates(second: MailPort, opossum: bool, difference: str | None) -> None:
    facts = MailFacts(ports=(FIRST, second))
    assert isinstance(rules.opossum(facts), Hit) is opossum
    verdict = rules.cert_diff(facts)
    assert (None if verdict is None else evidence(rules.cert_diff, verdict)) == difference


@pytest.mark.parametrize(
    ("facts", "advice"),
    [
        (MailFacts(service="imap", implicit=False, ports=(FIRST,)), "give --implicit-port"),
        (MailFacts(service="imap", implicit=True, ports=(SAME,)),
         "check imap://, which reads both"),
        (MailFacts(service="submission", implicit=True), "check submission://, which reads both"),
        (MailFacts(), "give --implicit-port"),
    ],
)  # fmt: skip
def test_one_certificate_is_not_compared(facts: MailFacts, advice: str) -> None:
    for judge in (rules.opossum, rules.cert_diff):
        verdict = judge(facts)
        assert isinstance(verdict, Skip)
        assert verdict.reason == f"the certificate of only one port is known: {advice}"


@pytest.mark.parametrize(
    ("outcomes", "fires"),
    [("none", True), ("none none", True), ("none found", False), ("found unknown", False)],
)
def test_records(outcomes: str, fires: bool) -> None:
    records = tuple(ServiceRecord(name="_x", outcome=o) for o in outcomes.split())  # type: ignore[arg-type]
    assert isinstance(rules.srv(MailFacts(records=records)), Hit) is fires


def test_a_failed_look_up_proves_nothing() -> None:
    records = tuple(ServiceRecord(name="_x", outcome=o) for o in ("none", "unknown"))  # type: ignore[arg-type]
    assert isinstance(rules.srv(MailFacts(records=records)), Skip)
    address = rules.srv(MailFacts(has_name=False))
    assert isinstance(address, Skip)
    assert address.cause is SkipCause.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("host", "user", "domains"),
    [
        ("imap.example.com", "", ("imap.example.com", "example.com")),
        ("example.com", "", ("example.com",)),
        ("imap.x.example", "a@example.com", ("example.com", "imap.x.example", "x.example")),
        ("imap.example.com.", "anna", ("imap.example.com", "example.com")),
        ("192.0.2.1", "anna@example.com", ("example.com",)), ("192.0.2.1", "", ()),
        ("localhost", "", ("localhost",)),
    ],
)  # fmt: skip
def test_the_domains_that_may_have_records(host: str, user: str, domains: tuple[str, ...]) -> None:
    assert _domains(host, user) == domains


@pytest.mark.parametrize(
    ("outcome", "answers", "shown"),
    [("ok", ("0 1 993 h.",), "found"), ("nxdomain", (), "none"), ("no-data", (), "none"),
     ("servfail", (), "unknown"), ("timeout", (), "unknown")],
)  # fmt: skip
def test_look_ups(outcome: str, answers: tuple[str, ...], shown: str) -> None:
    lookup = Lookup(name="_imaps._tcp.h", kind="SRV", outcome=outcome, seconds=0.1, answers=answers)  # type: ignore[arg-type]
    assert record_of(lookup) == ServiceRecord(name="_imaps._tcp.h", outcome=shown, targets=answers)  # type: ignore[arg-type]


def test_an_injected_command() -> None:
    hit = rules.starttls_inject(MailFacts(injection="answered", injected_into="pop3"))
    assert evidence(rules.starttls_inject, hit) == (
        "pop3: a command that was sent in clear was executed inside TLS"
    )
    assert rules.starttls_inject(MailFacts(injection="ignored")) is None
    assert isinstance(rules.starttls_inject(MailFacts(injection="failed")), Skip)
    assert isinstance(rules.starttls_inject(MailFacts(implicit=True)), Skip)
    smtp = rules.starttls_inject(MailFacts(service="submission", injection="answered"))
    assert isinstance(smtp, Skip)
    assert smtp.cause is SkipCause.NOT_APPLICABLE
