"""The answer to one question of DNS."""

from __future__ import annotations

from typing import Literal

import msgspec

Outcome = Literal[
    "ok", "nxdomain", "no-data", "servfail", "refused", "timeout", "truncated", "failed", "limit"
]
"""``truncated``: cut off over UDP, and not available over TCP. ``failed``: unusable, such as a
referral or a name that DNS cannot have. ``limit``: not asked, as this check has asked too much."""


class Mx(msgspec.Struct, frozen=True, order=True):
    """An MX record; the host is ``.`` in a null MX."""

    preference: int
    host: str


class Srv(msgspec.Struct, frozen=True, order=True):
    """An SRV record; the target is ``.`` where the service is not offered."""

    priority: int
    weight: int
    port: int
    target: str


class Tlsa(msgspec.Struct, frozen=True, order=True):
    """A TLSA record."""

    usage: int
    selector: int
    matching: int
    data: bytes


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a resolver said. Names are in lower case, without the final dot; the root is ``.``."""

    name: str
    """As it was asked."""
    rtype: str
    outcome: Outcome
    texts: tuple[bytes, ...] = ()
    """TXT and SPF: each record's strings, joined."""
    strings: tuple[int, ...] = ()
    """By text, of how many strings it was made."""
    names: tuple[str, ...] = ()
    """Addresses (A, AAAA), and names (PTR, NS, CNAME)."""
    exchangers: tuple[Mx, ...] = ()
    """By preference."""
    services: tuple[Srv, ...] = ()
    tlsa: tuple[Tlsa, ...] = ()
    others: tuple[str, ...] = ()
    """Records of any other type, in hexadecimal."""
    aliases: tuple[str, ...] = ()
    """The names that a chain of CNAME records led to, in order."""
    authenticated: bool = False
    """Whether the resolver has validated it by DNSSEC, and may be believed."""
    claimed: bool = False
    """Whether the resolver says so (AD), believed or not."""
    cd: bool = False
    """Whether validation was switched off in the question."""
    seconds: float = 0.0
    detail: str = ""
    """Why it is not known."""

    @property
    def known(self) -> bool:
        """Whether it is known what there is: records, or that there are none."""
        return self.outcome in {"ok", "nxdomain", "no-data"}

    @property
    def empty(self) -> bool:
        """Whether it is known that there is no record."""
        return self.outcome in {"nxdomain", "no-data"}

    @property
    def count(self) -> int:
        """The number of records."""
        return sum(
            map(len, (self.texts, self.names, self.exchangers, self.services, self.tlsa,
                      self.others))
        )  # fmt: skip


Question = tuple[str, str]
"""What an evaluator yields: a name, and a record type such as ``TXT``. It receives an Answer."""
