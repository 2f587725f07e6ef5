"""The faults of the lab's domain in its DKIM keys."""

from __future__ import annotations

from seventh.labkit.dkim import RSA_512, RSA_SELECTOR, SELECTOR, record
from seventh.protocols.mail.lab.domain import DOMAIN, DomainFault, Records

_ED, _RSA = (f"{selector}._domainkey.{DOMAIN}" for selector in (SELECTOR, RSA_SELECTOR))


def _rsa(tags: str, key: str | None = None) -> Records:
    text = record(tags) if key is None else record(tags, key)
    return {_RSA: {"TXT": (text,)}}


FAULTS = (
    DomainFault(
        name="dkim-none", meaning="publishes no DKIM key", triggers=("DKIM-NONE",),
        records={_ED: {"TXT": ()}, _RSA: {"TXT": ()}},
    ),
    DomainFault(
        name="dkim-unknown-selector", meaning="signs with a selector that has no key",
        triggers=("DKIM-NONE",), options={"selectors": ("s2025",)},
    ),
    DomainFault(
        name="dkim-512", meaning="has a DKIM key of 512 bits", triggers=("DKIM-KEY-WEAK",),
        records=_rsa("v=DKIM1; k=rsa;", RSA_512),
    ),
    DomainFault(
        name="dkim-test", meaning="left a DKIM key in test mode", triggers=("DKIM-TEST",),
        records=_rsa("v=DKIM1; t=y; k=rsa;"),
    ),
    DomainFault(
        name="dkim-sha1", meaning="has a DKIM key for SHA-1 only", triggers=("DKIM-SHA1",),
        records=_rsa("v=DKIM1; h=sha1; k=rsa;"),
    ),
    DomainFault(
        name="dkim-revoked", meaning="signs with a key that it has revoked",
        triggers=("DKIM-REVOKED",), records=_rsa("v=DKIM1; k=rsa;", ""),
        options={"selectors": (RSA_SELECTOR,)},
    ),
)  # fmt: skip
