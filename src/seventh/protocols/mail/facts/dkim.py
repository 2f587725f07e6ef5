"""What is known of a domain's DKIM keys."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

KeyFault = Literal[
    "version", "syntax", "repeated", "no-key", "kind", "base64", "key", "hash", "service", "several"
]
"""What keeps verifiers from a key. ``version``: v= is not DKIM1, or not first; ``no-key``: without
p=; ``kind``: an unknown k=; ``key``: p= is no key of that kind; ``hash``: h= allows none that the
key can be used with; ``service``: s= excludes mail; ``several``: more than one key at the name."""


class DkimKey(msgspec.Struct, frozen=True, kw_only=True):
    """One key record."""

    SHOWN: ClassVar = ("selector", "state", "kind", "bits", "testing")

    selector: str = ""
    state: Literal["usable", "broken", "revoked", "unknown"] = "unknown"
    """``revoked``: its p= is empty; ``unknown``: the look-up failed."""
    kind: str = ""
    """``rsa``, ``ed25519``, or what k= has."""
    bits: int | None = None
    """Of an RSA key's modulus; 256 for Ed25519."""
    hashes: tuple[str, ...] | None = None
    """Those of h=; None where every hash is allowed."""
    testing: bool = False
    """``t=y``: verifiers treat the domain's mail as unsigned where the signature fails."""
    strict: bool = False
    """``t=s``: i= of a signature must have the domain itself."""
    services: tuple[str, ...] = ("*",)
    faults: tuple[KeyFault, ...] = ()
    alias: str = ""
    """Where a CNAME of the selector leads."""
    record_bytes: int = 0

    @property
    def has_key(self) -> bool:
        """Whether there is a p=, and so the record means to be a key or a revocation."""
        return "no-key" not in self.faults


class DkimFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The keys that were found below ``_domainkey``."""

    SHOWN: ClassVar = ("keys", "domainkey")

    domainkey: Literal["exists", "nxdomain", "unknown"] | None = None
    """The name ``_domainkey``. Where it does not exist, nothing is below it (RFC 8020)."""
    keys: tuple[DkimKey, ...] = ()
    """Those that exist, and those whose look-up failed; none that only a wildcard gives."""
    given: tuple[str, ...] = ()
    """The selectors of ``--selector``."""
    missing: tuple[str, ...] = ()
    """Of those given, the ones that have no record."""
    wildcard: Literal["none", "revoked", "key", "other", "unknown"] | None = None
    """What a selector gives that is not in use: ``revoked`` is how a domain says that it signs
    nothing."""
