"""The faults of the lab's domain in block lists."""

from __future__ import annotations

from seventh.protocols.mail.lab.domain import DomainFault

_SENDER = "25.2.0.192.bl.test"
FAULTS = (
    DomainFault(
        name="listed", meaning="sends from an address on a block list",
        triggers=("DNSBL-LISTED",),
        records={_SENDER: {"A": ("127.0.0.4",), "TXT": ('"Spam trap hit"',)}},
    ),
    DomainFault(
        name="list-refuses", meaning="is looked up in a block list that refuses the resolver",
        triggers=("DNSBL-REFUSED",),
        records={"2.0.0.127.bl.test": {"A": ("127.255.255.254",)}},
    ),
)  # fmt: skip
