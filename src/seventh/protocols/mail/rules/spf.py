"""The judgement of a domain's SPF record: whether there is one, and what is wrong with it."""

from __future__ import annotations

from msgspec.structs import replace

from seventh.model.severity import Severity
from seventh.protocols.mail.facts import DomainFacts
from seventh.protocols.mail.facts.spf import (
    SpfError,
    SpfFacts,
    SpfRecord,
)
from seventh.protocols.mail.rules.spf_examples import (
    GOOD,
    SPF,
    all_known,
    bad,
    found,
    publish,
)
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

_LONG_BYTES = 450
_MOST_SHOWN = 8


@rule(
    "SPF-NONE",
    Severity.HIGH,
    tier=0,
    source=Source.DNS,
    title="No SPF record",
    evidence="{what}",
    phrases={
        "what": {
            "none": "{name} has no TXT record that begins with v=spf1",
            "similar": "{name} has no SPF record; this TXT record is ignored, as it does not begin "
            "with v=spf1 and a space: {similar}",
        }
    },
    why="Receivers cannot distinguish your servers from others that use your domain. Large "
    "providers reject mail without SPF or put it into the spam folder.",
    fix={
        "any": "Publish one TXT record at the domain with every server and service that sends its "
        "mail; a domain that sends none has `v=spf1 -all`.",
    },
    references=("RFC 7208 §3",),
    seed=("12.3.3",),
    good=GOOD,
    bad=GOOD.learn(
        spf=SpfFacts(
            record=SpfRecord(name="example.org", state="none", otherwise="none"),
            proposed="v=spf1 mx ~all",
        )
    ),
)
def none(domain: DomainFacts) -> Verdict:
    """Judge whether there is a record."""
    spf = domain.spf
    if spf is None or spf.record is None or spf.record.state not in {"none", "several"}:
        record = found(domain)
        return record if isinstance(record, Skip) else None
    if spf.record.state == "several":
        return None
    what = "similar" if spf.similar else "none"
    return publish(Hit(what=what, name=domain.name, similar=spf.similar), domain)


@rule(
    "SPF-MULTI",
    Severity.HIGH,
    tier=0,
    source=Source.DNS,
    title="More than one SPF record",
    evidence="{name} has {count} SPF records: {records}",
    why="Receivers use none of them: the result is a permanent error, and mail is treated as if it "
    "were forged or had no SPF.",
    fix={"any": "Publish one record with the terms of all, and delete the others."},
    references=("RFC 7208 §4.5", "RFC 7208 §3.2"),
    seed=("12.3.3",),
    good=GOOD,
    bad=GOOD.learn(
        spf=SpfFacts(
            record=SpfRecord(name="example.org", state="several", otherwise="permerror"),
            several=("v=spf1 mx -all", "v=spf1 include:_spf.example.net ~all"),
            proposed="v=spf1 mx include:_spf.example.net ~all",
        )
    ),
)
def multi(domain: DomainFacts) -> Verdict:
    """Judge whether there is one record only."""
    spf = domain.spf
    if spf is not None and spf.several:
        hit = Hit(name=domain.name, count=len(spf.several), records=spf.several)
        return publish(hit, domain)
    record = found(domain)
    return None if isinstance(record, SpfRecord) else record


_ERRORS = {
    "bad-character": "a character that is not allowed: {bad_character}",
    "unknown-mechanism": "no mechanism of SPF: {unknown_mechanism}",
    "no-domain": "without a domain: {no_domain}",
    "bad-domain": "not a domain name: {bad_domain}",
    "bad-macro": "not a valid macro: {bad_macro}",
    "bad-address": "not a valid address: {bad_address}",
    "bad-prefix": "not a valid prefix length: {bad_prefix}",
    "argument": "takes no argument: {argument}",
    "repeated": "may appear only once: {repeated}",
    "modifier": "ignored, as a mechanism is written with a colon: {modifier}",
    "crowded": "more than ten MX records: {crowded}",
    "none": "refers to a name without an SPF record: {none}",
    "several": "refers to a name with several SPF records: {several}",
}


@rule(
    "SPF-SYNTAX",
    Severity.HIGH,
    tier=0,
    source=Source.DNS,
    title="Errors in the SPF record",
    evidence="{what}",
    phrases={"what": _ERRORS},
    why="One error makes the result of the whole record a permanent error, for all senders or for "
    "those that no term before it matches.",
    fix={"any": "Correct or remove each of these terms; remove includes without a record."},
    references=("RFC 7208 §4.6", "RFC 7208 §5.2"),
    seed=("12.3.3",),
    good=GOOD,
    bad=bad(
        "v=spf1 ip4:192.0.2.1 -all", text="v=spf1 ipv4:192.0.2.1 -all", otherwise="permerror",
        errors=(SpfError(code="unknown-mechanism", position=8, term="ipv4:192.0.2.1",
                         instead="ip4:192.0.2.1"),),
    ),
)  # fmt: skip
def syntax(domain: DomainFacts) -> Verdict:
    """Judge the terms of all records, and the records that terms refer to."""
    record = found(domain)
    if isinstance(record, Skip):
        return record
    errors: dict[str, list[str]] = {}
    for _, each in record.walk():
        for error in each.errors:
            errors.setdefault(error.code, []).append(_shown(error, each.name))
        if each.crowded:
            errors.setdefault("crowded", []).extend(each.crowded)
        if each.state in {"none", "several"}:
            errors.setdefault(each.state, []).append(each.term)
    if not errors:
        return all_known(record)
    severity = Severity.MEDIUM if errors.keys() == {"modifier"} else None
    shown = {code.replace("-", "_"): _first(terms) for code, terms in errors.items()}
    return publish(Hit(severity, what=tuple(errors), **shown), domain)


def _shown(error: SpfError, name: str) -> str:
    instead = f" → {error.instead}" if error.instead else ""
    return f"{error.term} (character {error.position} of {name}){instead}"


def _first(terms: list[str]) -> tuple[str, ...]:
    return (*terms[:_MOST_SHOWN], *(["…"] if len(terms) > _MOST_SHOWN else []))


@rule(
    "SPF-LOOP",
    Severity.HIGH,
    tier=0,
    source=Source.DNS,
    title="SPF includes itself",
    evidence="{term} leads back to the record of {name}",
    why="Receivers follow the loop until the tenth look-up and give a permanent error.",
    fix={"any": "Remove that term: what the record has itself needs no include."},
    references=("RFC 7208 §4.6.4",),
    seed=("12.3.3",),
    good=GOOD,
    bad=bad(
        "v=spf1 mx -all", otherwise="permerror",
        records=(SpfRecord(name="example.org", term="include:example.org", state="loop"),),
    ),
)  # fmt: skip
def loop(domain: DomainFacts) -> Verdict:
    """Judge whether a record leads back to itself."""
    record = found(domain)
    if isinstance(record, Skip):
        return record
    for _, each in record.walk():
        if each.state == "loop":
            return publish(Hit(term=each.term, name=each.name), domain)
    return all_known(record)


@rule(
    "SPF-PTR",
    Severity.LOW,
    tier=0,
    source=Source.DNS,
    title="SPF uses ptr",
    evidence="ptr in the record of {names}",
    why="ptr is deprecated: it is slow, fails when a reverse zone fails, and some receivers ignore "
    "it.",
    fix={"any": "Replace ptr with `ip4`, `ip6`, `a` or `mx` of the hosts that send."},
    references=("RFC 7208 §5.5",),
    seed=("12.3.3",),
    good=GOOD,
    bad=bad(uses_ptr=True, text="v=spf1 ptr -all"),
)
def ptr(domain: DomainFacts) -> Verdict:
    """Judge the mechanisms of all records."""
    record = found(domain)
    if isinstance(record, Skip):
        return record
    names = tuple(dict.fromkeys(each.name for _, each in record.walk() if each.uses_ptr))
    return Hit(names=names) if names else all_known(record)


@rule(
    "SPF-TYPE99",
    Severity.LOW,
    tier=0,
    source=Source.DNS,
    title="SPF published in the retired SPF record type",
    evidence="{name} has a record of the type SPF (99)",
    why="Receivers use only TXT. A second copy is forgotten when the record changes, and old "
    "software then gives another result.",
    fix={"any": "Delete the record of the type SPF; keep the one of the type TXT."},
    references=("RFC 7208 §3.1",),
    seed=("12.3.3",),
    good=GOOD,
    bad=GOOD.learn(spf=replace(SPF, type99="found")),
)
def type99(domain: DomainFacts) -> Verdict:
    """Judge the record type."""
    if domain.spf is None:
        return Skip("SPF records were not looked up")
    match domain.spf.type99:
        case "found":
            return Hit(name=domain.name)
        case "unknown":
            return Skip("the look-up of the record type SPF failed")
    return None


@rule(
    "SPF-LONG",
    Severity.LOW,
    tier=0,
    source=Source.DNS,
    title="The SPF record is very long",
    evidence="{size} bytes, with {limit} as the recommended limit",
    why="With the other TXT records of the name, the answer does not fit a UDP packet of 512 "
    "bytes. Resolvers that cannot use TCP do not receive it.",
    fix={"any": "Move networks into a record of their own, such as `include:_spf.example.org`."},
    references=("RFC 7208 §3.4",),
    seed=("12.3.3",),
    good=GOOD,
    bad=bad(size=451),
)
def long(domain: DomainFacts) -> Verdict:
    """Judge the size of the domain's own record."""
    record = found(domain)
    if isinstance(record, Skip):
        return record
    too_long = record.size is not None and record.size > _LONG_BYTES
    return Hit(size=record.size or 0, limit=_LONG_BYTES) if too_long else None
