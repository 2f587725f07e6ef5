"""The judgement of messages that arrived, and of reports about many."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.mail.facts.aggregate import AggregateReport
from seventh.protocols.mail.facts.message import MessageFacts, Signed
from seventh.protocols.mail.facts.received import ReceivedFacts
from seventh.protocols.mail.facts.tls_report import TlsPolicy, TlsReport
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule

MAX_TLS_FAILURES = 0.01
_SIGNED = Signed(
    domain="example.org", selector="s1", algorithm="rsa-sha256", outcome="pass", header_intact=True
)
_MESSAGE = MessageFacts(
    from_domain="example.org", froms=1, signatures=(_SIGNED,), policy="reject",
    aligned_by=("dkim",), dmarc="pass",
)  # fmt: skip
_GOOD = ReceivedFacts(kind="message", message=_MESSAGE)
_NOTHING = Skip("no message was read")
_OF_A_REPORT = not_applicable("a report has no signatures")


def _with(signed: Signed) -> ReceivedFacts:
    facts = MessageFacts(from_domain="example.org", froms=1, signatures=(signed,))
    return ReceivedFacts(kind="message", message=facts)


@rule(
    "DKIM-SIG-FAIL",
    Severity.HIGH,
    tier=0,
    source=Source.TELEMETRY,
    title="A DKIM signature does not verify",
    evidence="d={domain} s={selector}: {what}",
    phrases={
        "what": {
            "body": "the body is not the one that was signed",
            "body-appended": "the body is the signed one with {lines} lines added at its end",
            "body-white-space": "white space in the body was changed",
            "header": "the header fields are not those that were signed",
            "header-added": "a field {field} was added after signing",
            "header-prefix": "words in brackets were put before the value of {field}",
            "header-refolded": "{field} was folded differently",
            "header-copied": "{field} was replaced; another field still has the signed value",
            "header-restored": "{field} was changed; z= of the signature has the signed value",
            "malformed-syntax": "the signature field is malformed",
            "malformed-version": "v= of the signature is not 1",
            "malformed-algorithm": "a= of the signature is unknown",
            "malformed-canonicalisation": "c= of the signature is unknown",
            "malformed-from-not-signed": "the signature leaves out From",
            "malformed-identity": "i= of the signature is not below d=",
            "no-key": "{name} does not exist, so there is no key",
            "key": "the key at {name} cannot be used for it",
            "revoked": "the key at {name} is revoked",
            "weak": "SHA-1 or a key below 1024 bits, which receivers must not accept",
        },
    },
    why="Receivers treat the message as unsigned. Unless SPF is aligned, DMARC then fails.",
    fix={
        "any": "Sign last, after everything that changes the message (footers, disclaimers, virus "
        "scanners), with c=relaxed/relaxed, and publish the key that the signer uses. A mailing "
        "list that changes messages has to sign them itself and rewrite From.",
    },
    references=("RFC 6376 §6.1",),
    seed=("12.3.3",),
    good=_GOOD,
    bad=_with(
        Signed(
            domain="example.org", selector="s1", outcome="fail", cause="body",
            body_change="appended", appended_lines=4,
        )
    ),
)  # fmt: skip
def dkim_sig_fail(received: ReceivedFacts) -> Verdict:
    """Judge every signature; one that passes does not excuse another of the same domain."""
    message = received.message
    if message is None:
        return _OF_A_REPORT if received.kind is not None else _NOTHING
    if not message.signatures:
        return not_applicable("the message has no DKIM signature")
    failed = [signed for signed in message.signatures if signed.outcome == "fail"]
    # What From's own domain signed matters most.
    failed.sort(key=lambda signed: signed.domain != message.from_domain)
    for signed in failed:
        return Hit(
            domain=signed.domain, selector=signed.selector, what=_causes(signed),
            lines=signed.appended_lines or 0, field=signed.changed_field,
            name=f"{signed.selector}._domainkey.{signed.domain}",
        )  # fmt: skip
    if any(signed.outcome == "unknown" for signed in message.signatures):
        return Skip("a key could not be looked up: the signature could not be verified")
    return None


def _causes(signed: Signed) -> tuple[str, ...]:
    """Return the codes of all that is known to be wrong."""
    if signed.cause == "malformed":
        return (f"malformed-{signed.fault}",)
    if signed.cause not in {"body", "header"}:
        return (signed.cause or "header",)
    causes: list[str] = []
    if signed.cause == "body":
        causes.append(f"body-{signed.body_change}" if signed.body_change else "body")
    if signed.header_intact is False:
        causes.append(f"header-{signed.header_change}" if signed.header_change else "header")
    return tuple(causes)


@rule(
    "DKIM-SIG-LTAG",
    Severity.HIGH,
    tier=0,
    source=Source.TELEMETRY,
    title="A DKIM signature covers only part of the body",
    evidence="d={domain} s={selector}: l={signed}, and {unsigned} bytes are not signed",
    why="Anyone can append text or a whole new HTML part to such a message, and the signature "
    "still verifies: receivers show the added part as the signer's own.",
    fix={"any": "Have the signer sign the whole body, without l= (BodyLengthDB in opendkim.conf)."},
    references=("RFC 6376 §8.2",),
    seed=("12.11.2",),
    good=_GOOD,
    bad=_with(
        Signed(
            domain="example.org", selector="s1", outcome="pass", signed_bytes=120, unsigned_bytes=9
        )
    ),
)
def dkim_sig_ltag(received: ReceivedFacts) -> Verdict:
    """Judge every signature that receivers may accept."""
    message = received.message
    if message is None:
        return _OF_A_REPORT if received.kind is not None else _NOTHING
    if not message.signatures:
        return not_applicable("the message has no DKIM signature")
    partial = [each for each in message.signatures if each.signed_bytes is not None]
    partial.sort(key=lambda each: -(each.unsigned_bytes or 0))
    for signed in partial:
        added = signed.unsigned_bytes or 0
        return Hit(
            Severity.HIGH if added else Severity.MEDIUM, domain=signed.domain,
            selector=signed.selector, signed=signed.signed_bytes or 0, unsigned=added,
        )  # fmt: skip
    return None


@rule(
    "DMARC-ALIGN",
    Severity.HIGH,
    tier=0,
    source=Source.TELEMETRY,
    title="The From domain is not aligned",
    evidence="{domain}: {what}",
    phrases={
        "what": {
            "none-passed": "neither SPF nor a DKIM signature passes",
            "others-passed": "what passes is of another domain: {others}",
            "froms": "From has {froms} addresses, and DMARC needs exactly one",
            "own-unaligned": "{own} messages passed as a domain above or below, which was not "
            "counted as aligned: sign with d={domain}, or publish adkim=r and aspf=r",
            "broken-signature": "{broken} messages had a signature of the domain that did not "
            "verify: a forwarder changed them, or the key in DNS is not the signer's",
            "other-domain": "{other} messages passed as another domain ({others}): if that is a "
            "service of yours, have it sign with d={domain}",
            "unauthenticated": "{unknown} messages passed nothing: forged, or from a server of "
            "yours that neither signs nor is in the SPF record",
        },
    },
    why="DMARC counts SPF and DKIM only for the domain in From. Such mail is rejected or junked "
    "where the policy says so, and by large mail services in any case.",
    fix={
        "any": "Have every service that sends for the domain sign with d= of the domain; SPF alone "
        "does not survive forwarding.",
    },
    references=("RFC 9989",),
    seed=("12.12",),
    good=_GOOD,
    bad=ReceivedFacts(
        kind="message",
        message=MessageFacts(
            from_domain="example.org", froms=1, policy="reject", dmarc="fail", spf="pass",
            spf_domain="mailer.example",
        ),
    ),
)  # fmt: skip
def dmarc_align(received: ReceivedFacts) -> Verdict:
    """Judge a message, or all messages of an aggregate report."""
    if received.aggregate is not None:
        return _aggregate(received.aggregate)
    message = received.message
    if message is None:
        return not_applicable("a TLS report") if received.kind is not None else _NOTHING
    if message.dmarc == "pass":
        return None
    if message.dmarc in {None, "unknown"}:
        return Skip("SPF or a signature could not be verified")
    if message.froms != 1:
        return Hit(domain=message.from_domain, what="froms", froms=message.froms or 0, others=())
    passed = [each.domain for each in message.signatures if each.outcome == "pass"]
    passed += [message.spf_domain] if message.spf == "pass" else []
    if message.dmarc == "none":
        return not_applicable("the domain has no DMARC record")
    return Hit(
        domain=message.from_domain, what="others-passed" if passed else "none-passed",
        others=tuple(dict.fromkeys(passed)),
    )  # fmt: skip


def _aggregate(report: AggregateReport) -> Verdict:
    codes = ("own-unaligned", "broken-signature", "other-domain", "unauthenticated")
    seen = tuple(code for code in codes if report.kinds.get(code))
    if not seen:
        return None
    others = dict.fromkeys(name for source in report.sources for name in source.domains)
    return Hit(
        # What passes nothing is forged mail, as a rule; the policy is there for it.
        Severity.LOW if seen == ("unauthenticated",) else Severity.MEDIUM,
        domain=report.domain, what=seen, own=report.kinds.get("own-unaligned", 0),
        broken=report.kinds.get("broken-signature", 0),
        other=report.kinds.get("other-domain", 0), others=tuple(others)[:3],
        unknown=report.kinds.get("unauthenticated", 0),
    )  # fmt: skip


def _tls(failed: int) -> ReceivedFacts:
    policy = TlsPolicy(kind="sts", domain="example.org", successful=100 - failed, failed=failed)
    report = TlsReport(sessions=100, failed=failed, policies=(policy,))
    return ReceivedFacts(kind="tls-report", tls_report=report)


@rule(
    "SMTP-TLS-FAILRATE",
    Severity.MEDIUM,
    tier=0,
    source=Source.TELEMETRY,
    title="TLS fails between mail servers",
    evidence="{failed} of {sessions} sessions ({percent} %) failed: {kinds}",
    why="Mail was delayed, or sent in clear where the policy does not enforce TLS.",
    fix={
        "any": "certificate-…: renew the certificate, with the names of the MX records and the "
        "whole chain. starttls-not-supported: offer STARTTLS on every MX. tlsa-invalid, "
        "dnssec-invalid: publish the TLSA record of the certificate that is in use. sts-…: serve "
        "the policy at https://mta-sts.DOMAIN/.well-known/mta-sts.txt with every MX in it.",
    },
    references=("RFC 8460 §4.3",),
    seed=("12.11.2",),
    good=_tls(1),
    bad=_tls(2),
)
def smtp_tls_failrate(received: ReceivedFacts) -> Verdict:
    """Judge the share of sessions that failed."""
    report = received.tls_report
    if report is None:
        return not_applicable("not a TLS report") if received.kind is not None else _NOTHING
    ratio = report.failure_ratio
    if ratio is None:
        return Skip("the report counts no session")
    if ratio <= MAX_TLS_FAILURES:
        return None
    kinds = dict.fromkeys(
        f"{failure.kind} at {failure.host}" if failure.host else failure.kind
        for policy in report.policies
        for failure in policy.failures
    )
    return Hit(
        failed=report.failed, sessions=report.sessions, percent=round(100 * ratio, 1),
        kinds=tuple(kinds)[:4] or ("unspecified",),
    )  # fmt: skip
