"""What the rules of SPF have in common: an example, and which record there is."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from seventh.protocols.mail.facts import DomainFacts
from seventh.protocols.mail.facts.spf import SpfFacts, SpfRecord, SpfVerdict
from seventh.protocols.mail.wire import zone
from seventh.rules.rule import Hit, Skip, not_applicable

_RECORD = SpfRecord(
    name="example.org", state="found", text="v=spf1 mx -all", size=14, lookups=1, otherwise="fail"
)
SPF = SpfFacts(
    record=_RECORD, type99="none", addresses=1, own_addresses=1, complete=True,
    verdict=SpfVerdict(ip="192.0.2.1", result="pass", path=("mx",), at="example.org", lookups=1),
)  # fmt: skip
GOOD = DomainFacts(name="example.org", spf=SPF)
INCLUDED = SpfRecord(
    name="_spf.example.net", term="include:_spf.example.net", state="found", size=60,
    lookups=10, otherwise="softfail",
)  # fmt: skip


def bad(proposed: str = "", **changes: Any) -> DomainFacts:
    """Return the example with changes of its record, and the record to publish."""
    record = replace(_RECORD, **changes)
    return GOOD.learn(spf=replace(SPF, record=record, proposed=proposed))


def found(domain: DomainFacts) -> SpfRecord | Skip:
    """Return the domain's record."""
    if domain.spf is None or domain.spf.record is None:
        return Skip("SPF records were not looked up")
    record = domain.spf.record
    match record.state:
        case "found":
            return record
        case "none":
            return not_applicable("the domain has no SPF record: SPF-NONE judges that")
        case "several":
            return not_applicable("the domain has several SPF records: SPF-MULTI judges that")
        case _:
            return Skip(f"the look-up of the SPF record failed: {record.detail or record.state}")


def all_known(record: SpfRecord) -> Skip | None:
    """Return why not everything below a record is known, or None."""
    for _, each in record.walk():
        if each.state in {"unknown", "limit"}:
            return Skip(f"the look-up of {each.name} failed: {each.detail or each.state}")
        if each.state == "sender":
            return Skip(f"{each.term} depends on the sender")
    return None


def publish(hit: Hit, domain: DomainFacts) -> Hit:
    """Add the record to publish, if there is one."""
    if domain.spf is not None and domain.spf.proposed:
        hit.fixed_by("dns", zone.txt(domain.name, domain.spf.proposed))
    return hit
