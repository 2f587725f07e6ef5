"""What the network layer learns on the way to any peer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import msgspec

from seventh.model.facts import Facts
from seventh.model.phase import Clock

AttemptOutcome = Literal[
    "open", "refused", "timeout", "reset", "unreachable", "forbidden", "untried"
]


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One try at one address. Every address of every family is an attempt of its own."""

    address: str
    port: int
    family: Literal["ipv4", "ipv6"]
    transport: Literal["tcp", "udp", "via"]
    """``via``: a jump host connected for us."""
    outcome: AttemptOutcome
    seconds: float
    clock: Clock
    detail: str = ""
    rtt_seconds: float | None = None
    """The round trip that the kernel saw when it connected."""
    rtt_variance_seconds: float | None = None
    path_mtu_bytes: int | None = None
    mss_bytes: int | None = None
    retransmits: int | None = None
    """Our TCP segments that were sent again, a SYN among them."""
    segments_sent: int | None = None
    """All our TCP segments, those without data among them, when the kernel was last asked."""

    @property
    def loss_ratio(self) -> float | None:
        """The share of our TCP segments that were sent again; None where nothing tells it."""
        if not self.retransmits:
            return 0.0 if self.retransmits is not None else None
        return self.retransmits / self.segments_sent if self.segments_sent else None


class Lookup(msgspec.Struct, frozen=True, kw_only=True):
    """One question to the name system: the host's addresses, or a record."""

    name: str
    kind: str
    outcome: Literal["ok", "nxdomain", "no-data", "servfail", "timeout", "failed"]
    seconds: float
    answers: tuple[str, ...] = ()
    authenticated: bool | None = None
    """The resolver's AD bit; None where nobody asked for it."""
    detail: str = ""


class Hop(msgspec.Struct, frozen=True, kw_only=True):
    """One jump host on the way."""

    host: str
    port: int
    user: str
    address: str = ""
    software: str = ""
    """Its identification, cleaned."""
    host_key: str = ""
    """Type and SHA-256 fingerprint."""
    host_key_known: Literal["known", "unknown", "changed", "revoked", "unjudged"] = "unjudged"
    host_key_accepted: bool = False
    """Whether an unknown key was accepted for this check alone, as the options permit."""
    auth_method: str = ""
    """How the login was granted, such as ``publickey``."""
    seconds: float | None = None
    """From the first packet (or channel request) to the granted login."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A trait in which the addresses of one name differ."""

    trait: str
    """Such as ``certificate``; ``failure`` where some addresses could not be looked at."""
    values: Mapping[str, str]
    """By address, in the order of the look; ``none`` where an address lacks the trait."""

    def __str__(self) -> str:
        said = ", ".join(f"{address}: {value}" for address, value in self.values.items())
        return f"{self.trait} ({said})"


def differences_of(seen: Mapping[str, Mapping[str, str]]) -> tuple[Difference, ...]:
    """Compare the traits that were seen at each address; a look that failed has ``failure``."""
    found: list[Difference] = []
    for trait in sorted({name for traits in seen.values() for name in traits}):
        # An address that failed differs by its failure, not by all that it could not show.
        values = {
            address: traits.get(trait, "none")
            for address, traits in seen.items()
            if trait == "failure" or "failure" not in traits
        }
        if len(set(values.values())) > 1:
            found.append(Difference(trait=trait, values=values))
    return tuple(found)


class NetFacts(Facts, frozen=True, kw_only=True):
    """Names, addresses and attempts."""

    ROOM: ClassVar[str] = "net"
    DERIVED: ClassVar[tuple[str, ...]] = ("drift",)

    host: str = ""
    port: int = 0
    addresses: tuple[str, ...] = ()
    accepted_host_keys: tuple[str, ...] = ()
    """Jump hosts whose unknown key was accepted for this check alone, each with its key."""
    hops: tuple[Hop, ...] = ()
    """The jump hosts that the conversation went through, nearest first."""
    lookups: tuple[Lookup, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    differences: tuple[Difference, ...] = ()
    """What differs between this name's addresses."""
    compared: tuple[str, ...] = ()
    """Addresses that were compared with each other; fewer than two means nothing was compared."""

    @property
    def drift(self) -> tuple[str, ...]:
        """The differences in words, one sentence each."""
        return tuple(map(str, self.differences))
