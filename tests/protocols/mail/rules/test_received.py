"""The rules of messages and reports, on both sides of every boundary."""

from __future__ import annotations

import pytest

from seventh.model.report import SkipCause
from seventh.model.severity import Severity
from seventh.protocols.mail.facts.aggregate import AggregateReport, MailSource
from seventh.protocols.mail.facts.message import MessageFacts, Signed
from seventh.protocols.mail.facts.received import ReceivedFacts
from seventh.protocols.mail.facts.tls_report import TlsFailure, TlsPolicy, TlsReport
from seventh.protocols.mail.rules import received as rules
from seventh.rules.rule import AnyRule, Hit, Skip, Verdict
from tests.reports import evidence


def signed(domain: str = "example.org", outcome: str = "pass", **more: object) -> Signed:
    return Signed(domain=domain, selector="s1", outcome=outcome, **more)  # type: ignore[arg-type]


def message(*signatures: Signed, **more: object) -> ReceivedFacts:
    facts: dict[str, object] = {"from_domain": "example.org", "froms": 1, **more}
    return ReceivedFacts(
        kind="message",
        message=MessageFacts(signatures=signatures, **facts),  # type: ignore[arg-type]
    )


def told(rule: AnyRule, verdict: Verdict) -> str | None:
    if verdict is None:
        return None
    return verdict.reason if isinstance(verdict, Skip) else evidence(rule, verdict)


HERE = "d=example.org s=s1: "
FAILED = [
    (signed(outcome="fail", cause="body", header_intact=True),
     HERE + "the body is not the one that was signed"),
    (signed(outcome="fail", cause="body", header_intact=True, body_change="white-space"),
     HERE + "white space in the body was changed"),
    (signed(outcome="fail", cause="body", header_intact=False, body_change="appended",
            appended_lines=3, header_change="prefix", changed_field="Subject"),
     HERE + "the body is the signed one with 3 lines added at its end; words in brackets were put "
     "before the value of Subject"),
    (signed(outcome="fail", cause="header", header_intact=False),
     HERE + "the header fields are not those that were signed"),
    (signed(outcome="fail", cause="header", header_intact=False, header_change="added",
            changed_field="To"), HERE + "a field To was added after signing"),
    (signed(outcome="fail", cause="header", header_intact=False, header_change="refolded",
            changed_field="Subject"), HERE + "Subject was folded differently"),
    (signed(outcome="fail", cause="header", header_intact=False, header_change="copied",
            changed_field="From"),
     HERE + "From was replaced; another field still has the signed value"),
    (signed(outcome="fail", cause="header", header_intact=False, header_change="restored",
            changed_field="Subject"),
     HERE + "Subject was changed; z= of the signature has the signed value"),
    (signed(outcome="fail", cause="malformed", fault="from-not-signed"),
     HERE + "the signature leaves out From"),
    (signed(outcome="fail", cause="no-key"),
     HERE + "s1._domainkey.example.org does not exist, so there is no key"),
    (signed(outcome="fail", cause="key"),
     HERE + "the key at s1._domainkey.example.org cannot be used for it"),
    (signed(outcome="fail", cause="revoked"),
     HERE + "the key at s1._domainkey.example.org is revoked"),
    (signed(outcome="fail", cause="weak"),
     HERE + "SHA-1 or a key below 1024 bits, which receivers must not accept"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "said"), FAILED)
def test_a_failed_signature(one: Signed, said: str) -> None:
    assert told(rules.dkim_sig_fail, rules.dkim_sig_fail(message(one))) == said
    # What the domain of From signed comes first, and one that passes excuses nothing.
    both = message(signed("list.example", "fail", cause="key"), signed(), one)
    assert told(rules.dkim_sig_fail, rules.dkim_sig_fail(both)) == said


UNKNOWN = "a key could not be looked up: the signature could not be verified"


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (message(signed()), None), (message(signed(), signed("x.example")), None),
        (message(signed(outcome="unknown", cause="lookup"), signed()), UNKNOWN),
        (message(), "the message has no DKIM signature"),
        (ReceivedFacts(kind="tls-report"), "a report has no signatures"),
        (ReceivedFacts(), "no message was read"),
    ],
)  # fmt: skip
def test_signatures_that_do_not_fail(facts: ReceivedFacts, said: str | None) -> None:
    assert told(rules.dkim_sig_fail, rules.dkim_sig_fail(facts)) == said


@pytest.mark.parametrize(
    ("facts", "severity", "said"),
    [
        (message(signed()), None, None),
        (message(signed(signed_bytes=9, unsigned_bytes=0)), Severity.MEDIUM,
         HERE + "l=9, and 0 bytes are not signed"),
        (message(signed(signed_bytes=0, unsigned_bytes=1)), Severity.HIGH,
         HERE + "l=0, and 1 bytes are not signed"),
        (message(signed("a.example", signed_bytes=9, unsigned_bytes=1),
                 signed(signed_bytes=9, unsigned_bytes=2)), Severity.HIGH,
         HERE + "l=9, and 2 bytes are not signed"),
        (message(), None, "the message has no DKIM signature"),
        (ReceivedFacts(kind="dmarc-report"), None, "a report has no signatures"),
        (ReceivedFacts(), None, "no message was read"),
    ],
)  # fmt: skip
def test_part_of_the_body(
    facts: ReceivedFacts, severity: Severity | None, said: str | None
) -> None:
    verdict = rules.dkim_sig_ltag(facts)
    assert told(rules.dkim_sig_ltag, verdict) == said
    assert (verdict.severity if isinstance(verdict, Hit) else None) is severity


UNVERIFIED = "SPF or a signature could not be verified"


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (message(signed(), dmarc="pass"), None), (message(dmarc="unknown"), UNVERIFIED),
        (message(), UNVERIFIED), (message(dmarc="none"), "the domain has no DMARC record"),
        (message(dmarc="fail"), "example.org: neither SPF nor a DKIM signature passes"),
        (message(signed("a.example"), signed("a.example"), signed("b.example", "fail"),
                 dmarc="fail", spf="pass", spf_domain="c.example"),
         "example.org: what passes is of another domain: a.example, c.example"),
        (message(dmarc="fail", froms=2),
         "example.org: From has 2 addresses, and DMARC needs exactly one"),
        (message(dmarc="fail", froms=0),
         "example.org: From has 0 addresses, and DMARC needs exactly one"),
        (ReceivedFacts(kind="tls-report"), "a TLS report"),
        (ReceivedFacts(), "no message was read"),
    ],
)  # fmt: skip
def test_alignment(facts: ReceivedFacts, said: str | None) -> None:
    assert told(rules.dmarc_align, rules.dmarc_align(facts)) == said


def aggregate(**kinds: int) -> ReceivedFacts:
    source = MailSource(
        address="192.0.2.1", messages=9, kind="other-domain", domains=("a.example", "b.example")
    )
    named = {kind.replace("_", "-"): count for kind, count in kinds.items()}
    return ReceivedFacts(
        kind="dmarc-report",
        aggregate=AggregateReport(domain="example.org", kinds=named, sources=(source,)),
    )


FORGED = ("7 messages passed nothing: forged, or from a server of yours that neither signs nor is "
          "in the SPF record")  # fmt: skip


@pytest.mark.parametrize(
    ("facts", "severity", "said"),
    [
        (aggregate(aligned=5, dkim_only=2), None, None),
        (aggregate(aligned=5, other_domain=0), None, None),
        (aggregate(unauthenticated=7), Severity.LOW, "example.org: " + FORGED),
        (aggregate(other_domain=2, unauthenticated=7), Severity.MEDIUM,
         "example.org: 2 messages passed as another domain (a.example, b.example): if that is a "
         "service of yours, have it sign with d=example.org; " + FORGED),
        (aggregate(own_unaligned=1, broken_signature=2), Severity.MEDIUM,
         ("example.org: 1 messages passed as a domain above or below, which was not counted as "
         "aligned: sign with d=example.org, or publish adkim=r and aspf=r; 2 messages had a "
         "signature of the domain that did not verify: a forwarder changed them, or the key in "
         "DNS is not the signer's")),
    ],
)  # fmt: skip
def test_an_aggregate_report(
    facts: ReceivedFacts, severity: Severity | None, said: str | None
) -> None:
    verdict = rules.dmarc_align(facts)
    assert told(rules.dmarc_align, verdict) == said
    assert (verdict.severity if isinstance(verdict, Hit) else None) is severity


def tls(sessions: int, failed: int, *failures: TlsFailure) -> ReceivedFacts:
    policy = TlsPolicy(kind="sts", failures=failures)
    report = TlsReport(sessions=sessions, failed=failed, policies=(policy,))
    return ReceivedFacts(kind="tls-report", tls_report=report)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (tls(1000, 10), None), (tls(1000, 0), None), (tls(0, 0), "the report counts no session"),
        (tls(1000, 11), "11 of 1000 sessions (1.1 %) failed: unspecified"),
        (tls(10, 3, TlsFailure(kind="certificate-expired", sessions=2, host="mx.example.org"),
             TlsFailure(kind="starttls-not-supported", sessions=1)),
         ("3 of 10 sessions (30.0 %) failed: certificate-expired at mx.example.org, "
         "starttls-not-supported")),
        (ReceivedFacts(kind="message"), "not a TLS report"),
        (ReceivedFacts(), "no message was read"),
    ],
)  # fmt: skip
def test_failures_of_tls(facts: ReceivedFacts, said: str | None) -> None:
    assert told(rules.smtp_tls_failrate, rules.smtp_tls_failrate(facts)) == said


def test_what_does_not_apply() -> None:
    for rule, facts in (
        (rules.dkim_sig_fail, message()), (rules.dkim_sig_ltag, message()),
        (rules.dmarc_align, message(dmarc="none")), (rules.smtp_tls_failrate, message()),
        (rules.dmarc_align, ReceivedFacts(kind="tls-report")),
    ):  # fmt: skip
        verdict = rule(facts)
        assert isinstance(verdict, Skip)
        assert verdict.cause is SkipCause.NOT_APPLICABLE
