"""The judgement of DNSSEC and of TLSA records."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.mail.facts import DomainFacts
from seventh.protocols.mail.facts.dane import (
    DaneFacts,
    DaneHost,
    DnssecFacts,
    ServedKey,
    TlsaRecord,
)
from seventh.protocols.mail.wire import dane
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule

_KEY, _NEXT, _OLD = "11" * 32, "22" * 32, "33" * 32
_HOST = DaneHost(
    host="mx.example.org",
    name="_25._tcp.mx.example.org",
    outcome="found",
    security="secure",
    records=tuple(TlsaRecord(usage=3, selector=1, matching=1, data=data) for data in (_KEY, _NEXT)),
    keys=(ServedKey(key_type="EC", key_sha256=_KEY, fit="match"),),
)


def _of(**changes: object) -> DomainFacts:
    """Return a domain whose exchanger differs in these fields."""
    host = DaneHost(**{name: getattr(_HOST, name) for name in _HOST.__struct_fields__} | changes)
    return DomainFacts(
        name="example.org",
        dnssec=DnssecFacts(validates=True, security="secure"),
        dane=DaneFacts(hosts=(host,)),
    )


_NOT_LEARNT = Skip("the TLSA records were not looked up")
_NONE = not_applicable("no exchanger has TLSA records")
_UNVALIDATED = (
    "a resolver that validates is needed: give --resolver, or --trust-ad for a remote one"
)


def _undecided(facts: DaneFacts) -> Skip | None:
    """Return why records without a fault are no pass."""
    if any(host.outcome == "unknown" for host in facts.hosts):
        return Skip("the look-up of TLSA records failed")
    if facts.omitted:
        return Skip(f"only {len(facts.hosts)} exchangers were looked at")
    if not any(host.outcome == "found" for host in facts.hosts):
        return _NONE
    return None


@rule(
    "DANE-MISMATCH",
    Severity.CRITICAL,
    tier=0,
    source=Source.DNS,
    title="TLSA records do not match the certificate",
    evidence="{what}",
    phrases={
        "what": {
            "none": "no TLSA record at {name} matches the certificate of {host} ({keys})",
            "some": "no TLSA record at {name} matches one certificate of {host}: {keys}",
        }
    },
    why="Mail servers that validate DANE deliver nothing to this server: they keep mail in their "
    "queues until it bounces.",
    fix={
        "dns": "_25._tcp.mx.example.org. IN TLSA 3 1 1 SHA256-OF-THE-PUBLIC-KEY",
        "any": "Publish the record of the certificate's key. Before each renewal with another key, "
        "publish its record as well, and wait twice the TTL before the server uses it.",
    },
    references=("RFC 7672 §3.1", "RFC 7671 §8.1"),
    seed=("12.3.6",),
    good=_of(),
    bad=_of(keys=(ServedKey(key_type="EC", key_sha256=_OLD, fit="mismatch"),)),
)
def mismatch(domain: DomainFacts) -> Verdict:
    """Judge each certificate of each exchanger whose records are validated."""
    if domain.dane is None:
        return _NOT_LEARNT
    hosts = [host for host in domain.dane.hosts if host.outcome == "found"]
    for host in hosts:
        wrong = [key for key in host.keys if key.fit == "mismatch"]
        if wrong and host.security == "secure":
            return Hit(
                what="none" if len(wrong) == len(host.keys) else "some",
                name=host.name, host=host.host, keys=tuple(map(_shown, wrong)),
            ).fixed_by("dns", *dane.lines(host.host, host.keys))  # fmt: skip
    if (undecided := _undecided(domain.dane)) is not None:
        return undecided
    known = [host for host in hosts if host.security == "secure"]
    if not known and all(host.security == "insecure" for host in hosts):
        return not_applicable("the TLSA records are not signed")
    if len(known) < len(hosts):
        return Skip(f"it is not known whether the TLSA records are signed: {_UNVALIDATED}")
    if not all(host.keys for host in hosts):
        return Skip("not every exchanger has shown its certificate")
    if any(host.differs for host in hosts):
        return Skip("the addresses of an exchanger show different certificates")
    if any(key.fit == "unknown" for host in hosts for key in host.keys):
        return Skip("not every TLSA record could be compared")
    return None


def _shown(key: ServedKey) -> str:
    return f"{key.key_type} key, 3 1 1 {key.key_sha256}"


@rule(
    "DANE-UNUSABLE",
    Severity.MEDIUM,
    tier=0,
    source=Source.DNS,
    title="TLSA records ignored by mail servers, or without a successor",
    evidence="{what}",
    phrases={
        "what": {
            "insecure": "the TLSA records at {name}, or the addresses of {host}, are not signed by "
            "DNSSEC: mail servers ignore the records",
            "pkix": "the TLSA record {record} at {name} has usage 0 or 1, which mail servers "
            "ignore",
            "usage": "the TLSA record {record} at {name} has an unknown usage",
            "selector": "the TLSA record {record} at {name} has an unknown selector",
            "matching": "the TLSA record {record} at {name} has an unknown matching type",
            "length": "the TLSA record {record} at {name} has data of the wrong length",
            "single": "{name} has one TLSA record: the certificate cannot be renewed with another "
            "key without an interruption",
        }
    },
    why="What mail servers ignore protects nothing: an attacker on the path can still remove "
    "STARTTLS or present another certificate.",
    fix={
        "dns": "_25._tcp.mx.example.org. IN TLSA 3 1 1 SHA256-OF-THE-PUBLIC-KEY\n"
        "_25._tcp.mx.example.org. IN TLSA 3 1 1 SHA256-OF-THE-NEXT-PUBLIC-KEY",
        "any": "Sign the zone (DNSSEC) and publish records 3 1 1: one of the current key, one of "
        "the next.",
    },
    references=("RFC 7672 §3.1.3", "RFC 7671 §8.1"),
    seed=("12.3.2",),
    good=_of(),
    bad=_of(security="insecure"),
)
def unusable(domain: DomainFacts) -> Verdict:
    """Judge the records of each exchanger."""
    if domain.dane is None:
        return _NOT_LEARNT
    hosts = [host for host in domain.dane.hosts if host.outcome == "found"]
    hits = [hit for host in hosts if (hit := _of_host(host)) is not None]
    if hits:
        return min(hits, key=lambda hit: hit.severity is Severity.LOW)
    if (undecided := _undecided(domain.dane)) is not None:
        return undecided
    if any(host.security == "unknown" for host in hosts):
        return Skip(f"it is not known whether the TLSA records are signed: {_UNVALIDATED}")
    return None


def _of_host(host: DaneHost) -> Hit | None:
    lines = dane.lines(host.host, host.keys)
    wrong = next((record for record in host.records if record.problem), None)
    if host.security == "insecure":
        hit = Hit(what="insecure", name=host.name, host=host.host)
    elif wrong is not None:
        hit = Hit(what=wrong.problem, name=host.name, record=_parameters(wrong))
    elif len(host.records) == 1 and host.records[0].usage == 3:
        hit = Hit(Severity.LOW, what="single", name=host.name)
    else:
        return None
    return hit.fixed_by("dns", *lines) if lines else hit


def _parameters(record: TlsaRecord) -> str:
    return f"{record.usage} {record.selector} {record.matching}"


@rule(
    "DNSSEC-BOGUS",
    Severity.CRITICAL,
    tier=0,
    source=Source.DNS,
    title="DNSSEC validation fails",
    evidence="SERVFAIL from a resolver that validates, an answer without validation: {questions}",
    why="For everyone whose resolver validates, the domain does not exist: no mail arrives, and "
    "none of the domain's own is accepted.",
    fix={
        "any": "Compare the DS record of the parent zone with the DNSKEY of this one "
        "(`dig DS {domain}`, `dig DNSKEY {domain}`), then sign the zone again if its "
        "signatures have expired. If that takes long, have the parent remove the DS record.",
    },
    references=("RFC 4035 §5.5", "RFC 7672 §2.1.2"),
    seed=("12.3.6",),
    good=_of(),
    bad=_of().learn(
        dnssec=DnssecFacts(validates=True, bogus=("MX example.org", "TXT example.org"))
    ),
)
def bogus(domain: DomainFacts) -> Verdict:
    """Judge the questions that failed only with validation."""
    dnssec = domain.dnssec
    if dnssec is None:
        return Skip("DNSSEC was not examined")
    found = (*dnssec.bogus, *(domain.dane.bogus if domain.dane is not None else ()))
    if found:
        return Hit(questions=found, domain=domain.name)
    if dnssec.security == "secure":
        return None
    if dnssec.security == "insecure":
        return not_applicable("the domain is not signed")
    return Skip(f"it is not known whether the domain is signed: {_UNVALIDATED}")
