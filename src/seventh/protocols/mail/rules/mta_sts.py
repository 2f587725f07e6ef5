"""The judgement of a domain's MTA-STS record and policy."""

from __future__ import annotations

from collections.abc import Iterator

from seventh.model.severity import Severity
from seventh.protocols.mail.facts import DomainFacts
from seventh.protocols.mail.facts.mta_sts import (
    Mode,
    MtaStsFacts,
    Policy,
    RefusedHost,
)
from seventh.protocols.mail.wire import mta_sts
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule

_MX = "mx.example.org"
_POLICY = Policy(mode="enforce", mx=(_MX,), max_age_seconds=604_800)
_FACTS = MtaStsFacts(
    record="found", id="20261130", fetch="ok", status=200, policy=_POLICY, hosts=(_MX,)
)
_ID = "1"
"""An id for the first record; any other will do."""


def _of(facts: MtaStsFacts) -> DomainFacts:
    return DomainFacts(name="example.org", receives=True, mta_sts=facts)


_GOOD = _of(_FACTS)
_RECEIVES_NOT = not_applicable("the domain takes no mail")
_NO_POLICY = not_applicable("the domain has no MTA-STS record")


def _undecided(domain: DomainFacts) -> Skip | None:
    """Return why nothing can be said of the record."""
    if domain.receives is False:
        return _RECEIVES_NOT
    if domain.mta_sts is None:
        return Skip("MTA-STS was not examined")
    if domain.mta_sts.record == "unknown":
        return Skip("the look-up of the MTA-STS record failed")
    return None


@rule(
    "MTASTS-NONE",
    Severity.MEDIUM,
    tier=0,
    source=Source.DNS,
    title="No MTA-STS policy",
    evidence="{what}",
    phrases={
        "what": {
            "record": "no TXT record at _mta-sts.{domain}",
            "mode": "the policy has the mode none, which removes it",
        }
    },
    why="An attacker on the path can remove STARTTLS from the server's reply, and senders then "
    "send the mail in clear. A policy makes them require TLS and a valid certificate.",
    fix={
        "dns": mta_sts.record_line("example.org", _ID),
        "mta-sts.txt": "\n".join(mta_sts.policy_lines((_MX,))),
        "any": "Publish the record, and serve the policy at "
        "https://mta-sts.{domain}/.well-known/mta-sts.txt, at first in mode testing with a TLSRPT "
        "record.",
    },
    references=("RFC 8461 §3.1",),
    seed=("12.3.2",),
    good=_GOOD,
    bad=_of(MtaStsFacts(record="none", hosts=(_MX,))),
)
def none(domain: DomainFacts) -> Verdict:
    """Judge whether there is a policy."""
    if (undecided := _undecided(domain)) is not None:
        return undecided
    facts = domain.mta_sts
    assert facts is not None  # noqa: S101 - undecided otherwise
    if facts.record == "none":
        hit = Hit(what="record", domain=domain.name)
        return _with_policy(hit.fixed_by("dns", mta_sts.record_line(domain.name, _ID)), facts)
    removed = facts.policy is not None and facts.policy.mode == "none"
    return Hit(what="mode", domain=domain.name) if removed else None


@rule(
    "MTASTS-TESTING",
    Severity.MEDIUM,
    tier=0,
    source=Source.DNS,
    title="MTA-STS in testing mode",
    evidence="the policy has the mode testing",
    why="Senders report failures and deliver nevertheless, without TLS too.",
    fix={
        "any": "When the TLS reports (TLSRPT) show no failures for some weeks, write "
        "`mode: enforce`, and change the id of the TXT record.",
    },
    references=("RFC 8461 §5",),
    seed=("12.3.2",),
    good=_GOOD,
    bad=_of(
        MtaStsFacts(
            record="found",
            fetch="ok",
            policy=Policy(mode="testing", mx=(_MX,), max_age_seconds=604_800),
        )
    ),
)
def trial(domain: DomainFacts) -> Verdict:
    """Judge the mode."""
    if (undecided := _undecided(domain)) is not None:
        return undecided
    facts = domain.mta_sts
    assert facts is not None  # noqa: S101 - undecided otherwise
    if facts.record == "none":
        return _NO_POLICY
    if facts.policy is None or facts.policy.mode is None:
        return Skip("no policy was read")
    return Hit() if facts.policy.mode == "testing" else None


@rule(
    "MTASTS-BROKEN",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="MTA-STS policy unusable, or not met by the mail servers",
    evidence="{what}",
    phrases={
        "what": {
            "several": "more than one MTA-STS record: senders use none of them",
            "record-version": "the record {value} does not begin with v=STSv1;",
            "record-id-missing": "the record has no id",
            "record-id": "the id {value} is not 1 to 32 letters and digits",
            "record-field": "the record has a malformed field: {value}",
            "fetch-no-host": "mta-sts.{domain} has no address",
            "fetch-address": "policy not fetched: {value}",
            "fetch-unreachable": "policy not available: {value}",
            "fetch-tls": "policy not available: TLS fails: {value}",
            "fetch-certificate": "senders refuse the certificate of mta-sts.{domain}: {value}",
            "fetch-redirect": "mta-sts.{domain} redirects (status {value}), and senders do not "
            "follow",
            "fetch-status": "mta-sts.{domain} answers with status {value} instead of the policy",
            "fetch-long": "the policy is longer than 64 KiB",
            "fetch-http": "no HTTP response from mta-sts.{domain}: {value}",
            "policy-media-type": "the policy's media type is {value}, not text/plain",
            "policy-version": "the policy has no line `version: STSv1`",
            "policy-mode": "the policy has no mode enforce, testing or none",
            "policy-max-age": "the policy's max_age is not a number of seconds up to 31557600",
            "policy-mx": "the policy's mx {value} is not a host name or `*.` and one",
            "policy-no-mx": "the policy has no mx",
            "policy-line": "the policy has a line that is no field: {value}",
            "unmatched": "no mx of the policy matches {value}",
            "no-starttls": "{value} does not offer STARTTLS",
            "certificate": "senders refuse the certificate of {value}",
        }
    },
    why="Senders that follow the policy do not deliver to a server that does not meet it. A policy "
    "that they cannot read does not protect, and the one in their cache may be an older one.",
    fix={
        "mta-sts.txt": "\n".join(mta_sts.policy_lines((_MX,))),
        "any": "Serve https://mta-sts.{domain}/.well-known/mta-sts.txt itself (no redirect), with "
        "status 200, as text/plain, and with a certificate for that name. Name each exchanger in "
        "an mx line, and change the id of the TXT record after each change.",
    },
    references=("RFC 8461 §3.2", "RFC 8461 §3.3", "RFC 8461 §4.1"),
    seed=("12.3.6",),
    good=_GOOD,
    bad=_of(MtaStsFacts(record="found", fetch="redirect", status=301)),
)
def broken(domain: DomainFacts) -> Verdict:
    """Judge the record, how the policy is served, the policy, and the exchangers."""
    if (undecided := _undecided(domain)) is not None:
        return undecided
    facts = domain.mta_sts
    assert facts is not None  # noqa: S101 - undecided otherwise
    if facts.record == "none":
        return _NO_POLICY
    for what, value in _faults(facts):
        return _with_policy(Hit(what=what, value=value, domain=domain.name), facts)
    if facts.fetch == "unknown" or facts.policy is None:
        return Skip(f"the policy could not be fetched from here: {facts.fetch_detail}")
    if facts.policy.mode == "none":
        return None
    if not facts.hosts:
        return Skip("the mail servers are not known")
    if facts.unseen:
        return Skip("not every mail server has shown its certificate")
    return None


def _faults(facts: MtaStsFacts) -> Iterator[tuple[str, str]]:
    """Yield each fault: its code, and what it concerns."""
    if facts.record == "several":
        yield "several", ""
        return
    for error in facts.record_errors:
        yield f"record-{error.kind}", error.value
    if facts.fetch not in {"ok", "unknown", None}:
        served = facts.fetch in {"redirect", "status"}
        yield f"fetch-{facts.fetch}", str(facts.status) if served else facts.fetch_detail
    if facts.policy is None:
        return
    for fault in facts.policy.errors:
        yield f"policy-{fault.kind}", fault.value or "missing"
    if facts.policy.mode != "none":
        for host in facts.unmatched:
            yield "unmatched", host
        for refused in facts.refused:
            yield refused.why, _shown(refused)


def _shown(refused: RefusedHost) -> str:
    return f"{refused.host}: {refused.detail}" if refused.detail else refused.host


def _with_policy(hit: Hit, facts: MtaStsFacts) -> Hit:
    """Return the finding, with a policy that names all exchangers where they are known."""
    enforced = facts.policy is not None and facts.policy.mode == "enforce"
    mode: Mode = "enforce" if enforced else "testing"
    lines = mta_sts.policy_lines(facts.hosts, mode)
    return hit.fixed_by("mta-sts.txt", *lines) if facts.hosts else hit
