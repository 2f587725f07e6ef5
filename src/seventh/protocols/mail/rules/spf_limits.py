"""The judgement of what an SPF record makes receivers look up, and whom it allows."""

from __future__ import annotations

from msgspec.structs import replace

from seventh.model.severity import Severity
from seventh.protocols.mail.facts import DomainFacts
from seventh.protocols.mail.facts.spf import (
    MAX_LOOKUPS,
    MAX_VOIDS,
    SpfVerdict,
)
from seventh.protocols.mail.rules.spf_examples import (
    GOOD,
    INCLUDED,
    SPF,
    all_known,
    bad,
    found,
    publish,
)
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule

_MANY_ADDRESSES = 65_536
_ALL_IPV4 = 2**32


@rule(
    "SPF-LOOKUPS",
    Severity.HIGH,
    tier=0,
    source=Source.DNS,
    title="SPF needs more than ten look-ups",
    evidence="{lookups} terms ask DNS; the limit is 10. Most of them: {costly}",
    why="Receivers stop at the eleventh term with a permanent error. Mail from all servers whose "
    "term comes later fails SPF, and which ones these are changes whenever a provider changes its "
    "record.",
    fix={
        "any": "First remove the includes of services that you no longer use, and `a`, `mx` or "
        "`ptr` where `ip4` says the same. Then let each service send as a subdomain with a record "
        "of its own. Copy addresses out of a provider's record only if a program keeps them "
        "current.",
    },
    references=("RFC 7208 §4.6.4",),
    seed=("12.3.3",),
    good=GOOD,
    bad=bad("v=spf1 ip4:192.0.2.1 include:_spf.example.net -all", lookups=11,
             records=(INCLUDED,)),
)  # fmt: skip
def lookups(domain: DomainFacts) -> Verdict:
    """Judge the number of terms that ask DNS."""
    record = found(domain)
    if isinstance(record, Skip):
        return record
    if record.lookups <= MAX_LOOKUPS:
        return all_known(record)
    below = sorted(record.records, key=lambda each: -each.lookups)
    costly = tuple(f"{each.term} {each.lookups + 1}" for each in below[:3])
    return publish(Hit(lookups=record.lookups, costly=costly or (record.name,)), domain)


@rule(
    "SPF-VOID",
    Severity.HIGH,
    tier=0,
    source=Source.DNS,
    title="SPF has too many void look-ups",
    evidence="{what}; the limit is 2",
    phrases={
        "what": {
            "any": "{ipv4} look-ups give no record",
            "ipv4": "{ipv4} look-ups give no record for senders with IPv4",
            "ipv6": "{ipv6} look-ups give no record for senders with IPv6",
        }
    },
    why="Receivers stop at the third look-up without a record, with a permanent error: mail from "
    "servers whose term comes later fails SPF.",
    fix={
        "any": "Remove the terms whose names have no address, or publish their addresses.",
    },
    references=("RFC 7208 §4.6.4",),
    seed=("12.3.3",),
    good=GOOD,
    bad=bad("v=spf1 mx -all", voids=(3, 3)),
)
def void(domain: DomainFacts) -> Verdict:
    """Judge look-ups without a record; those of one family matter to senders that pass later."""
    record = found(domain)
    if isinstance(record, Skip) or domain.spf is None:
        return record if isinstance(record, Skip) else None
    ipv4, ipv6 = record.voids
    if min(record.voids) > MAX_VOIDS:
        return publish(Hit(what="any", ipv4=ipv4, ipv6=ipv6), domain)
    if "ipv4" in domain.spf.late:
        return publish(Hit(Severity.LOW, what="ipv4", ipv4=ipv4, ipv6=ipv6), domain)
    if "ipv6" in domain.spf.late:
        return publish(Hit(Severity.LOW, what="ipv6", ipv4=ipv4, ipv6=ipv6), domain)
    depends = sum(len(each.depends) for _, each in record.walk())
    if max(record.voids) + depends > MAX_VOIDS and depends:
        return Skip("how many look-ups give no record depends on the sender")
    return all_known(record)


@rule(
    "SPF-ALL",
    Severity.CRITICAL,
    tier=0,
    source=Source.DNS,
    title="SPF allows any sender",
    evidence="{what}",
    phrases={
        "what": {
            "pass": "every address passes",
            "networks": "every IPv4 address passes",
            "neutral": "an unknown sender is neutral: `all` is missing, or is `?all`",
        }
    },
    why="The record does not keep anyone from sending as your domain.",
    fix={
        "any": "End the record with `~all`. Replace it with `-all` when DMARC reports show no "
        "sender of yours that is missing.",
    },
    references=("RFC 7208 §5.1",),
    seed=("12.3.3",),
    good=GOOD,
    bad=bad("v=spf1 mx ~all", text="v=spf1 mx +all", otherwise="pass"),
)
def all_senders(domain: DomainFacts) -> Verdict:
    """Judge the result for a sender that nothing else matches."""
    record = found(domain)
    if isinstance(record, Skip) or domain.spf is None:
        return record if isinstance(record, Skip) else None
    if record.otherwise == "pass":
        return publish(Hit(what="pass"), domain)
    if domain.spf.addresses == _ALL_IPV4:
        return publish(Hit(what="networks"), domain)
    if record.otherwise == "neutral":
        return publish(Hit(Severity.MEDIUM, what="neutral"), domain)
    if record.otherwise in {"fail", "softfail"}:
        return None
    return all_known(record) or Skip("the record is not valid: SPF-SYNTAX and SPF-LOOP judge it")


@rule(
    "SPF-WIDE",
    Severity.MEDIUM,
    tier=0,
    source=Source.DNS,
    title="SPF allows too many addresses",
    evidence="{what}",
    phrases={
        "what": {
            "own": "{own} IPv4 addresses pass by the domain's own records",
            "included": "{addresses} IPv4 addresses pass, most of them by records of others",
        }
    },
    why="Anyone who rents one of these addresses passes SPF as your domain.",
    fix={
        "any": "Replace networks of a hosting provider with the addresses of your servers. A mail "
        "service's own record cannot be narrowed: rely on DKIM and DMARC there.",
    },
    references=("RFC 7208 §11",),
    seed=("12.3.3",),
    good=GOOD,
    bad=GOOD.learn(spf=replace(SPF, addresses=131_072, own_addresses=131_072)),
)
def wide(domain: DomainFacts) -> Verdict:
    """Judge how many addresses pass, each counted once."""
    record = found(domain)
    if isinstance(record, Skip):
        return record
    spf = domain.spf
    if spf is None or spf.addresses is None or spf.own_addresses is None:
        return Skip("the addresses were not counted")
    if spf.addresses == _ALL_IPV4:
        return not_applicable("every address passes: SPF-ALL judges that")
    if spf.own_addresses > _MANY_ADDRESSES:
        return Hit(what="own", own=spf.own_addresses, addresses=spf.addresses)
    if spf.addresses > _MANY_ADDRESSES:
        return Hit(Severity.INFO, what="included", own=spf.own_addresses, addresses=spf.addresses)
    return None if spf.complete else Skip("which addresses pass depends on the sender, or on look-"
                                          "ups that failed")  # fmt: skip


@rule(
    "SPF-SENDER-MISS",
    Severity.HIGH,
    tier=0,
    source=Source.DNS,
    title="SPF does not allow the sending address",
    evidence="{ip}: {result}, {what}",
    phrases={"what": {"term": "by {path} in the record of {at}", "end": "as no term matches"}},
    why="Receivers put mail from this address into the spam folder or reject it, unless DKIM "
    "passes.",
    fix={
        "any": "Add the address as the first term, or the include of the service that it belongs "
        "to. With permerror, correct the error as well, which SPF-SYNTAX, SPF-LOOKUPS, SPF-VOID or "
        "SPF-LOOP names.",
    },
    references=("RFC 7208 §2.6",),
    seed=("12.3.3",),
    good=GOOD,
    bad=GOOD.learn(
        spf=replace(
            SPF, proposed="v=spf1 ip4:198.51.100.1 mx -all",
            verdict=SpfVerdict(ip="198.51.100.1", result="fail", path=("-all",), at="example.org"),
        )
    ),
)  # fmt: skip
def sender_miss(domain: DomainFacts) -> Verdict:
    """Judge the result for the address of ``--sender-ip``."""
    if domain.spf is None or domain.spf.verdict is None:
        return Skip("no sending address is known: give --sender-ip ADDRESS")
    verdict = domain.spf.verdict
    match verdict.result:
        case "pass":
            return None
        case "temperror":
            return Skip(f"a look-up for {verdict.ip} failed")
        case "none":
            return not_applicable("the domain has no SPF record: SPF-NONE judges that")
    what = "term" if verdict.path else "end"
    hit = Hit(ip=verdict.ip, result=verdict.result, what=what, path=" → ".join(verdict.path),
              at=verdict.at)  # fmt: skip
    return publish(hit, domain)
