"""Faults of the lab's SPF records."""

from __future__ import annotations

from typing import Any

from seventh.protocols.mail.lab.domain import DOMAIN, DomainFault, Records
from seventh.protocols.mail.wire.zone import txt

_MANY = tuple(f"s{number}.{DOMAIN}" for number in range(1, 11))
_NETWORKS = " ".join(f"ip4:192.0.2.{number}" for number in range(100, 130))


def _fault(name: str, meaning: str, rule: str, *records: str, **more: Any) -> DomainFault:
    """Return a fault of the domain's SPF records; ``more`` are records of other names."""
    options = more.pop("options", {})
    others: Records = {f"{label}.{DOMAIN}": kinds for label, kinds in more.items()}
    texts = tuple(txt(DOMAIN, record).partition(" TXT ")[2] for record in records)
    return DomainFault(
        name=name, meaning=meaning, triggers=(rule,), options=options,
        records={DOMAIN: {"TXT": texts}, **others},
    )  # fmt: skip


FAULTS: tuple[DomainFault, ...] = (
    _fault("spf-none", "has no SPF record", "SPF-NONE"),
    _fault("spf-multi", "has two SPF records", "SPF-MULTI", "v=spf1 a -all", "v=spf1 mx ~all"),
    DomainFault(
        name="spf-lookups", meaning="has an SPF record with eleven look-ups",
        triggers=("SPF-LOOKUPS",),
        records={
            DOMAIN: {"TXT": (f'"v=spf1 a {" ".join(map("include:{}".format, _MANY))} -all"',)},
            **{name: {"TXT": ('"v=spf1 ip4:192.0.2.1 -all"',)} for name in _MANY},
        },
    ),
    _fault("spf-void", "has an SPF record with three look-ups without a record", "SPF-VOID",
           f"v=spf1 a a:n1.{DOMAIN} a:n2.{DOMAIN} a:n3.{DOMAIN} -all"),
    _fault("spf-all", "allows any sender", "SPF-ALL", "v=spf1 a +all"),
    _fault("spf-syntax", "has an error in its SPF record", "SPF-SYNTAX",
           "v=spf1 a ipv4:192.0.2.1 -all"),
    _fault("spf-loop", "has an SPF record that includes itself", "SPF-LOOP",
           f"v=spf1 a include:_spf.{DOMAIN} -all",
           _spf={"TXT": (f'"v=spf1 ip4:192.0.2.1 include:{DOMAIN} -all"',)}),
    _fault("spf-wide", "allows 262144 addresses", "SPF-WIDE", "v=spf1 a ip4:198.16.0.0/14 -all"),
    _fault("spf-ptr", "uses ptr", "SPF-PTR", "v=spf1 a ptr -all"),
    DomainFault(
        name="spf-type99", meaning="has a record of the retired type SPF", triggers=("SPF-TYPE99",),
        records={DOMAIN: {"SPF": ('"v=spf1 a -all"',)}},
    ),
    _fault("spf-long", "has an SPF record of more than 450 bytes", "SPF-LONG",
           f"v=spf1 a {_NETWORKS} -all"),
    _fault("spf-sender-miss", "does not allow the address that sends", "SPF-SENDER-MISS",
           "v=spf1 a -all", options={"sender_ip": "192.0.2.66"}),
)  # fmt: skip
