"""Which names' CAA records decide who may issue a certificate for a host (RFC 8659)."""

from __future__ import annotations

from seventh.wire.address import is_literal

MAX_NAMES = 10
"""How many names are looked up for one host, itself included."""
_NOT_PUBLIC = frozenset(
    {"test", "localhost", "local", "invalid", "example", "internal", "onion", "alt", "lan", "home",
     "corp"}
)  # fmt: skip
"""Top-level names that the public DNS does not have (RFC 6761 and its registry, and usage)."""


def climb(host: str) -> tuple[str, ...]:
    """Return the host's name and each above it, nearest first (RFC 8659 §3).

    Empty for an address and for a name outside the public DNS, such as one without a dot.
    """
    labels = host.removesuffix(".").lower().split(".")
    private = labels[-1] in _NOT_PUBLIC or labels[-2:] == ["home", "arpa"]
    if len(labels) < 2 or not all(labels) or private or is_literal(host):
        return ()
    return tuple(".".join(labels[at:]) for at in range(len(labels)))
