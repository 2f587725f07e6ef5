"""Facts of the network layer, which every check has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import msgspec

from seventh.model.facts import Facts
from seventh.model.failure import Reason
from seventh.model.idlefacts import Idle
from seventh.model.limit import Limit
from seventh.model.listenfacts import ListenFacts
from seventh.model.phase import Clock

AttemptOutcome = Literal[
    "open", "refused", "timeout", "reset", "unreachable", "forbidden", "untried"
]


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One connection attempt to one address of the target."""

    address: str
    port: int
    family: Literal["ipv4", "ipv6"]
    transport: Literal["tcp", "udp", "via", "proxy"]
    """``via``: a jump host made the connection. ``proxy``: a proxy did."""
    outcome: AttemptOutcome
    seconds: float
    clock: Clock
    detail: str = ""
    rtt_seconds: float | None = None
    """The round trip that the kernel measured while connecting."""
    rtt_variance_seconds: float | None = None
    path_mtu_bytes: int | None = None
    mss_bytes: int | None = None
    retransmits: int | None = None
    """Our TCP segments that were retransmitted, including a SYN."""
    segments_sent: int | None = None
    """All our TCP segments, including those without data."""

    black_hole: Literal["sent", "received"] | None = None
    """Full-size segments or datagrams were lost again and again while smaller ones arrived: ours,
    or the peer's."""

    @property
    def loss_ratio(self) -> float | None:
        """The share of our TCP segments that were retransmitted; None if unknown."""
        if not self.retransmits:
            return 0.0 if self.retransmits is not None else None
        return self.retransmits / self.segments_sent if self.segments_sent else None


class Lookup(msgspec.Struct, frozen=True, kw_only=True):
    """One DNS query: the host's addresses, or a record."""

    name: str
    kind: str
    outcome: Literal["ok", "nxdomain", "no-data", "servfail", "timeout", "failed"]
    seconds: float
    answers: tuple[str, ...] = ()
    authenticated: bool | None = None
    """The resolver's AD bit; None where it was not requested."""
    detail: str = ""


class Hop(msgspec.Struct, frozen=True, kw_only=True):
    """One jump host of the connection."""

    host: str
    port: int
    user: str
    address: str = ""
    software: str = ""
    """Its identification string, made printable."""
    host_key: str = ""
    """Type and SHA-256 fingerprint."""
    host_key_known: Literal["known", "unknown", "changed", "revoked", "unjudged"] = "unjudged"
    host_key_accepted: bool = False
    """Whether an unknown key was accepted for this check only, as the options permit."""
    auth_method: str = ""
    """The login method that succeeded, such as ``publickey``."""
    seconds: float | None = None
    """From the first packet or channel request to the successful login."""


class Proxy(msgspec.Struct, frozen=True, kw_only=True):
    """The proxy of the connections."""

    scheme: str
    host: str
    port: int
    resolves: Literal["here", "proxy"]
    """Where the names of what it connects to are resolved."""
    address: str = ""
    """The address that accepted a connection."""
    software: str = ""
    """What it says it is in its reply to CONNECT, printable."""
    auth_method: Literal["", "none", "basic", "password"] = ""
    """How we logged in; empty where that was not learnt."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A trait in which the addresses of one name differ."""

    trait: str
    """Such as ``certificate``; ``failure`` where some addresses could not be checked."""
    values: Mapping[str, str]
    """By address, in the order of the checks; ``none`` where an address lacks the trait."""

    def __str__(self) -> str:
        values = ", ".join(f"{address}: {value}" for address, value in self.values.items())
        return f"{self.trait} ({values})"


def differences_of(seen: Mapping[str, Mapping[str, str]]) -> tuple[Difference, ...]:
    """Compare the traits of each address; a failed check has the trait ``failure``."""
    found: list[Difference] = []
    for trait in sorted({name for traits in seen.values() for name in traits}):
        # An address whose check failed differs by its failure, not by every missing trait.
        values = {
            address: traits.get(trait, "none")
            for address, traits in seen.items()
            if trait == "failure" or "failure" not in traits
        }
        if len(set(values.values())) > 1:
            found.append(Difference(trait=trait, values=values))
    return tuple(found)


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How the check ended early."""

    reason: Reason
    phase: str
    theirs: bool = True
    """Whether the peer or the network can fix it, or the target's name is wrong."""


class NetFacts(Facts, frozen=True, kw_only=True):
    """Names, addresses and attempts."""

    ROOM: ClassVar[str] = "net"
    DERIVED: ClassVar[tuple[str, ...]] = ("drift",)

    host: str = ""
    port: int = 0
    addresses: tuple[str, ...] = ()
    accepted_host_keys: tuple[str, ...] = ()
    """Jump hosts whose unknown key was accepted for this check only, each with its key."""
    hops: tuple[Hop, ...] = ()
    """The jump hosts of the connection, nearest first."""
    proxy: Proxy | None = None
    """The proxy of the connections; None for none."""
    lookups: tuple[Lookup, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    differences: tuple[Difference, ...] = ()
    """The differences between this name's addresses."""
    compared: tuple[str, ...] = ()
    """Addresses that were compared; fewer than two means that nothing was."""
    ended: Ended | None = None
    """The failure of the check; None without one."""
    limits: tuple[Limit, ...] = ()
    """The limits that the user has set, each with what was measured."""
    idle: tuple[Idle, ...] = ()
    """Idle connections that were used after a time, by transport (``--hold``)."""
    listening: ListenFacts | None = None
    """What listens on the machine itself, learnt there (``seventh local ports``)."""

    @property
    def carried(self) -> bool:
        """Whether jump hosts or a proxy made the connections."""
        return bool(self.hops) or self.proxy is not None

    @property
    def drift(self) -> tuple[str, ...]:
        """The differences as text, one entry each."""
        return tuple(map(str, self.differences))
