"""The judgement of a domain's DMARC policy. Each record that is printed is read back in a test."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.mail.facts import DomainFacts
from seventh.protocols.mail.facts.dmarc import Destination, DmarcFacts, DmarcRecord, Problem, Step
from seventh.protocols.mail.wire.dmarc import VERSION_ONLY, first_record, next_policy, stricter
from seventh.protocols.mail.wire.zone import txt
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule

_FOUND = (Step(domain="example.org", outcome="record"), Step(domain="org", outcome="none"))
_NONE = (Step(domain="example.org", outcome="none"), Step(domain="org", outcome="none"))
_RECORD = DmarcRecord(
    at="example.org", text="v=DMARC1; p=reject; rua=mailto:d@example.org", policy="reject",
    has_policy=True, reports=("mailto:d@example.org",),
)  # fmt: skip
_DMARC = DmarcFacts(
    record=_RECORD, organizational="example.org", applied="reject", older="reject", walk=_FOUND,
    destinations=(Destination(domain="example.org", state="own"),),
)  # fmt: skip
_GOOD = DomainFacts(name="example.org", receives=True, dmarc=_DMARC)
_NOT_ASKED = Skip("the DMARC record was not looked up")


def _with(**changes: object) -> DomainFacts:
    made = {name: getattr(_DMARC, name) for name in _DMARC.__struct_fields__}
    return _GOOD.learn(dmarc=DmarcFacts(**{**made, **changes}))


def _found(**changes: object) -> DomainFacts:
    made = {name: getattr(_RECORD, name) for name in _RECORD.__struct_fields__}
    return _with(record=DmarcRecord(**{**made, **changes}))


def _failed(dmarc: DmarcFacts) -> Skip:
    return Skip(f"the look-up of the DMARC record failed: {dmarc.unknown}")


@rule(
    "DMARC-NONE",
    Severity.HIGH,
    tier=0,
    source=Source.DNS,
    title="No DMARC record",
    evidence="no record at {names}",
    why="Anyone can send mail with this domain in From, and no policy has receivers reject it. "
    "Large mail services also require a record of senders.",
    fix={
        "dns": txt("_dmarc.example.org", first_record("example.org")),
        "any": "Publish a record with p=none and a report address, read the reports until all own "
        "mail is aligned, then set p=quarantine and p=reject. A domain that sends no mail: "
        "p=reject at once.",
    },
    references=("RFC 9989 §4.10",),
    seed=("12.3.3",),
    good=_GOOD,
    bad=_with(record=None, applied=None, older=None, walk=_NONE),
)
def none(domain: DomainFacts) -> Verdict:
    """Judge whether any record applies to the domain."""
    dmarc = domain.dmarc
    if dmarc is None:
        return _NOT_ASKED
    if dmarc.record is not None:
        return None
    if dmarc.misplaced or dmarc.walk[0].outcome == "several":
        return not_applicable("the domain has a record that does not count")
    if dmarc.unknown:
        return _failed(dmarc)
    names = tuple(f"_dmarc.{step.domain}" for step in dmarc.walk if step.outcome == "none")
    first = "v=DMARC1; p=reject" if domain.receives is False else first_record(domain.name)
    return Hit(names=names).fixed_by("dns", txt(f"_dmarc.{domain.name}", first))


@rule(
    "DMARC-MULTI",
    Severity.HIGH,
    tier=0,
    source=Source.DNS,
    title="More than one DMARC record",
    evidence="{names}: several records that begin with v=DMARC1",
    why="Receivers discard all of them: the domain has no policy.",
    fix={"any": "Keep one record and remove the others."},
    references=("RFC 9989 §4.10",),
    seed=("12.3.3",),
    good=_GOOD,
    bad=_with(
        record=None, applied=None, walk=(Step(domain="example.org", outcome="several"), _NONE[1])
    ),
)
def multi(domain: DomainFacts) -> Verdict:
    """Judge whether a name of the walk has several records."""
    dmarc = domain.dmarc
    if dmarc is None:
        return _NOT_ASKED
    several = tuple(f"_dmarc.{each.domain}" for each in dmarc.walk if each.outcome == "several")
    if several:
        return Hit(names=several)
    return _failed(dmarc) if dmarc.unknown and dmarc.record is None else None


@rule(
    "DMARC-MISPLACED",
    Severity.HIGH,
    tier=0,
    source=Source.DNS,
    title="DMARC record at the wrong name",
    evidence="at {name} instead of _dmarc.{name}: {line}",
    why="Receivers look at _dmarc only: the domain has no policy of its own.",
    fix={
        "dns": txt("_dmarc.example.org", first_record("example.org")),
        "any": "Move the record to the name _dmarc below the domain.",
    },
    references=("RFC 9989 §4.10",),
    seed=("12.3.3",),
    good=_GOOD,
    bad=_with(record=None, applied=None, walk=_NONE, misplaced=_RECORD.text),
)
def misplaced(domain: DomainFacts) -> Verdict:
    """Judge a record at the domain itself."""
    dmarc = domain.dmarc
    if dmarc is None:
        return _NOT_ASKED
    if dmarc.misplaced:
        hit = Hit(name=domain.name, line=dmarc.misplaced)
        return hit.fixed_by("dns", txt(f"_dmarc.{domain.name}", dmarc.misplaced))
    return _failed(dmarc) if dmarc.walk[0].outcome == "unknown" else None


@rule(
    "DMARC-WEAK",
    Severity.MEDIUM,
    tier=0,
    source=Source.DNS,
    title="DMARC enforces nothing",
    evidence="{line}: {what}",
    phrases={
        "what": {
            "none": "p=none: mail that fails is delivered",
            "sp": "sp=none: mail of subdomains that fails is delivered",
            "np": "np=none: mail of subdomains that do not exist is delivered",
            "testing": "t=y: receivers apply one step less than the policy",
            "invalid": "p is missing or not valid, which receivers take for p=none",
        }
    },
    why="Mail that forges the domain reaches the inbox. p=none is meant for the time in which the "
    "reports are read.",
    fix={
        "dns": txt("_dmarc.example.org", stricter(_RECORD)),
        "any": "When the reports show that own mail is aligned: p=quarantine, then p=reject, "
        "without sp=none, np=none and t=y.",
    },
    references=("RFC 9989 §4.7",),
    seed=("12.3.6",),
    good=_GOOD,
    bad=_with(
        record=DmarcRecord(at="example.org", text="v=DMARC1; p=none", has_policy=True),
        applied="none",
    ),
)
def weak(domain: DomainFacts) -> Verdict:
    """Judge the record that applies, also for subdomains where it is the domain's own."""
    dmarc = domain.dmarc
    if dmarc is None:
        return _NOT_ASKED
    record = dmarc.record
    if record is None:
        return _failed(dmarc) if dmarc.unknown else not_applicable("there is no DMARC record")
    what = _weakness(record, record.at == domain.name)
    if not what:
        return None
    name, better = f"_dmarc.{record.at}", stricter(record)
    change = f"; TXT record at {name}: set p={next_policy(record)}; remove sp, np and t"
    return Hit(line=record.text, what=what).fixed_by("dns", txt(name, better) if better else change)


def _weakness(record: DmarcRecord, own: bool) -> tuple[str, ...]:
    """Return what the record does not enforce, for its own domain or for one below it."""
    for_it = record.policy if own else record.subdomains or record.policy
    if not record.has_policy:
        return ("invalid",)
    if for_it == "none":
        return ("none",) if own or record.subdomains is None else ("sp",)
    found = [
        name
        for name, policy in (("sp", record.subdomains), ("np", record.missing))
        if policy == "none" and own
    ]
    return (*found, "testing") if record.testing else tuple(found)


@rule(
    "DMARC-RUA",
    Severity.LOW,
    tier=0,
    source=Source.DNS,
    title="No usable DMARC report address",
    evidence="{what}",
    phrases={
        "what": {
            "none": "the record has no rua",
            "uri": "reports cannot be sent to {uris}",
            "not-authorised": "{domains} has not published that it takes reports on {domain}, so "
            "receivers send none there",
        }
    },
    why="Without reports you do not see which servers send mail as the domain, nor what a stricter "
    "policy would reject.",
    fix={
        "any": 'Add "rua=mailto:ADDRESS". An address in another domain needs a record there.',
        "dns": txt("example.org._report._dmarc.reports.example", VERSION_ONLY),
    },
    references=("RFC 9989 §4.7", "RFC 9990"),
    seed=("12.3.3",),
    good=_GOOD,
    bad=_found(reports=()),
)
def rua(domain: DomainFacts) -> Verdict:
    """Judge the addresses of aggregate reports, and whether their domains take them."""
    dmarc = domain.dmarc
    if dmarc is None:
        return _NOT_ASKED
    record = dmarc.record
    if record is None:
        return _failed(dmarc) if dmarc.unknown else not_applicable("there is no DMARC record")
    wrong = tuple(p.text for p in record.problems if p.flaw == "uri" and p.tag == "rua")
    if wrong:
        return Hit(what="uri", uris=wrong)
    if not record.reports:
        if domain.receives is False and dmarc.applied == "reject":
            return not_applicable("the domain takes no mail, and all mail that fails is rejected")
        more = f"{record.text.rstrip('; ')}; rua=mailto:dmarc-reports@{record.at}"
        return Hit(what="none").fixed_by("dns", txt(f"_dmarc.{record.at}", more))
    lacking = [each.domain for each in dmarc.destinations if each.state == "not-authorised"]
    if lacking:
        lines = (txt(f"{record.at}._report._dmarc.{each}", VERSION_ONLY) for each in lacking)
        hit = Hit(what="not-authorised", domains=tuple(lacking), domain=record.at)
        return hit.fixed_by("dns", *lines)
    if any(each.state == "unknown" for each in dmarc.destinations):
        return Skip("the look-up of a report address's domain failed")
    return None


_IGNORED = ("removed", "unknown", "value", "size", "malformed", "repeated")


@rule(
    "DMARC-LEGACY",
    Severity.INFO,
    tier=0,
    source=Source.DNS,
    title="DMARC tags that are not read",
    evidence="{tags}",
    why="RFC 9989 removed pct, rf, ri and size limits; receivers ignore them, unknown tags and "
    "invalid values. Older receivers still apply pct to a part of the mail.",
    fix={"any": "Remove these tags, or correct them. pct=0 is t=y now."},
    references=("RFC 9989",),
    seed=("12.3.3",),
    good=_GOOD,
    bad=_found(problems=(Problem(flaw="removed", tag="pct", text="pct=50"),)),
)
def legacy(domain: DomainFacts) -> Verdict:
    """Judge tags without effect."""
    dmarc = domain.dmarc
    if dmarc is None:
        return _NOT_ASKED
    if dmarc.record is None:
        return _failed(dmarc) if dmarc.unknown else not_applicable("there is no DMARC record")
    found = [p.text for p in dmarc.record.problems if p.flaw in _IGNORED and p.tag != "p"]
    return Hit(tags=tuple(found)) if found else None
