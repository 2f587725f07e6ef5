"""The judgement of a domain's TLS reporting."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.mail.facts import DomainFacts
from seventh.protocols.mail.facts.tlsrpt import TlsrptFacts
from seventh.protocols.mail.wire.zone import txt
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule

_GOOD = DomainFacts(
    name="example.org", receives=True,
    tlsrpt=TlsrptFacts(
        outcome="record", text="v=TLSRPTv1; rua=mailto:tls@example.org",
        reports=("mailto:tls@example.org",),
    ),
)  # fmt: skip


def record_of(domain: str) -> str:
    """Return the record to publish, with its name."""
    return txt(f"_smtp._tls.{domain}", f"v=TLSRPTv1; rua=mailto:tls-reports@{domain}")


@rule(
    "TLSRPT",
    Severity.LOW,
    tier=0,
    source=Source.DNS,
    title="No usable TLS reporting record",
    evidence="{what}",
    phrases={
        "what": {
            "none": "no record at _smtp._tls.{domain}",
            "several": "several records at _smtp._tls.{domain}, so that senders ignore all",
            "invalid": "no usable report address in {line}",
        }
    },
    why="Senders that cannot use TLS with the domain's servers report it to this address. Without "
    "it, an expired certificate or an attack is noticed by the mail that does not arrive.",
    fix={"dns": record_of("example.org")},
    references=("RFC 8460 §3",),
    seed=("12.3.6",),
    good=_GOOD,
    bad=_GOOD.learn(tlsrpt=TlsrptFacts(outcome="none")),
)
def tlsrpt(domain: DomainFacts) -> Verdict:
    """Judge the record of a domain that takes mail."""
    facts = domain.tlsrpt
    if facts is None or facts.outcome is None:
        return Skip("the TLS reporting record was not looked up")
    if domain.receives is False:
        return not_applicable("the domain takes no mail")
    if facts.outcome == "unknown":
        return Skip(f"the look-up of the TLS reporting record failed: {facts.detail}")
    if facts.outcome == "record":
        return None
    hit = Hit(what=facts.outcome, domain=domain.name, line=facts.text)
    return hit.fixed_by("dns", record_of(domain.name))
