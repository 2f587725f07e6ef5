"""The faults of the lab's domain in DNSSEC and TLSA records."""

from __future__ import annotations

from seventh.model.failure import Reason
from seventh.protocols.mail.lab.domain import DOMAIN, KEY, NEXT_KEY, DomainFault, Records


def _records(*texts: str) -> Records:
    return {f"_25._tcp.{DOMAIN}": {"TLSA": texts}}


FAULTS = (
    DomainFault(
        name="tlsa-old", meaning="has TLSA records of two keys that the exchanger does not have",
        triggers=("DANE-MISMATCH",),
        records=_records(f"3 1 1 {NEXT_KEY}", f"3 1 1 {'cd' * 32}"),
    ),
    DomainFault(
        name="tlsa-single", meaning="has a TLSA record of the current key alone",
        triggers=("DANE-UNUSABLE",), records=_records(f"3 1 1 {KEY}"),
    ),
    DomainFault(
        name="tlsa-unsigned", meaning="has TLSA records in a zone that is not signed",
        triggers=("DANE-UNUSABLE",), signed=False,
    ),
    DomainFault(
        name="bogus", meaning="has an MX record whose signature does not verify",
        triggers=("DNSSEC-BOGUS",), reason=Reason.RESOLVE_FAILED.value,
        bogus=frozenset({(DOMAIN, "MX")}),
    ),
    DomainFault(
        name="bogus-tlsa", meaning="has TLSA records whose signature does not verify",
        triggers=("DNSSEC-BOGUS",), bogus=frozenset({(f"_25._tcp.{DOMAIN}", "TLSA")}),
    ),
)  # fmt: skip
