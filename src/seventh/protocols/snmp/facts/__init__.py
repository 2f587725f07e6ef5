"""The facts of an SNMP agent. They never hold a community, a password or a key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import msgspec

from seventh.model.facts import Facts
from seventh.protocols.snmp.facts.config import Level, SnmpConfig
from seventh.protocols.snmp.wire.engine_id import Format
from seventh.protocols.snmp.wire.keys import Auth, Extension, Priv
from seventh.protocols.snmp.wire.usm import Cause


class Engine(msgspec.Struct, frozen=True, kw_only=True):
    """What discovery showed of an SNMPv3 engine."""

    id: str
    """In hexadecimal."""
    boots: int
    time_seconds: int
    """Since its boots last rose."""
    enterprise: int | None = None
    enterprise_name: str = ""
    format: Format | None = None
    content: str = ""
    """What the id has after the enterprise."""


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the credential."""

    version: Literal["1", "2c", "3"]
    outcome: Literal["accepted", "refused", "unknown"]
    """Unknown: no answer."""
    cause: Cause | None = None
    level: Level | None = None
    auth: Auth | None = None
    priv: Priv | None = None
    extension: Extension | None = None
    """The key extension that worked, where the two differ."""


class System(msgspec.Struct, frozen=True, kw_only=True):
    """The system group (RFC 3418)."""

    description: str = ""
    object_id: str = ""
    uptime_seconds: float | None = None
    contact: str = ""
    name: str = ""
    location: str = ""


class Interface(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the interfaces' table (RFC 2863)."""

    index: int
    name: str
    speed_mbps: int | None = None
    has_64_bit: bool | None = None
    """Whether ifHCInOctets exists."""


class Loop(msgspec.Struct, frozen=True, kw_only=True):
    """Two objects of a walk that do not increase."""

    after: str
    found: str


class BulkTry(msgspec.Struct, frozen=True, kw_only=True):
    """One GETBULK of a measured size."""

    repetitions: int
    outcome: Literal["answered", "too-big", "lost"]
    rows: int = 0
    octets: int = 0
    """Of the reply."""
    seconds: float = 0.0
    """Request sent → reply, repeated requests included."""
    attempts: int = 0
    """How often a request that was lost was sent."""


class Lower(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the user's request at a lower level than its own."""

    level: Level
    outcome: Literal["accepted", "refused", "unknown"]


class Clock(msgspec.Struct, frozen=True, kw_only=True):
    """The agent's time of day (hrSystemDate) beside this machine's."""

    outcome: Literal["read", "absent", "no-zone", "invalid"]
    offset_seconds: float | None = None
    """Positive where the agent's clock is ahead."""
    uncertainty_seconds: float | None = None
    """Half the round trip, and half the resolution of what was read."""
    own_error_seconds: float | None = None
    """The maximum error of this machine's clock; None where it is not known."""


class SnmpFacts(Facts, frozen=True, kw_only=True):
    """What the agent showed, and what was done."""

    ROOM: ClassVar[str] = "snmp"

    address: str = ""
    reach: Literal["loopback", "link-local", "private", "public"] | None = None
    """From where its address can be reached."""
    rtt_seconds: float | None = None
    requests: int = 0
    """Those until the end of the poll."""
    replies: int = 0
    loss_ratio: float | None = None
    discovered: bool | None = None
    """Whether the agent answered SNMPv3 discovery."""
    engine: Engine | None = None
    access: Access | None = None
    system: System | None = None
    interfaces: tuple[Interface, ...] | None = None
    poll_seconds: float | None = None
    bulk_rows: float | None = None
    """Rows of a GETBULK reply (mean); None without GETBULK."""
    repetitions: int | None = None
    """The max-repetitions that gave the most rows a second, or that the poll ended with."""
    most_rows: int | None = None
    """The most rows of a GETBULK reply."""
    bulk: tuple[BulkTry, ...] = ()
    """GETBULK requests of growing size, to find the best."""
    lower: tuple[Lower, ...] | None = None
    """None where no lower level was tried."""
    sensitive: tuple[str, ...] | None = None
    """The sensitive objects that the credential may read."""
    enterprises: tuple[int, ...] | None = None
    """Enterprises whose objects the agent has."""
    unnamed: tuple[int, ...] | None = None
    """Those whose objects have no known names."""
    clock: Clock | None = None
    gain: float | None = None
    """The largest ratio of a reply's size to its request's, of requests that anyone can forge."""
    default_communities: tuple[str, ...] | None = None
    """Those of "public" and "private" that are answered; None where none was tried."""
    too_big: int = 0
    """GETBULK requests that were answered with tooBig."""
    loop: Loop | None = None
    stray: int = 0
    """Datagrams that match no request."""
    foreign: tuple[str, ...] = ()
    """Other addresses from which replies came."""
    malformed: int = 0
    deviations: tuple[str, ...] = ()
    """Encodings that differ from the standard."""
    config: SnmpConfig | None = None
    """What its files decide; a check learns nothing of it."""

    @property
    def product(self) -> str:
        """The software that the engine's id names."""
        if self.config is not None:
            return "net-snmp"
        net_snmp = self.engine is not None and self.engine.enterprise_name == "net-snmp"
        return "net-snmp" if net_snmp else ""


class NotifierFacts(Facts, frozen=True, kw_only=True):
    """What a receiver of notifications learnt of one sender."""

    ROOM: ClassVar[str] = "notifier"
    OWNER: ClassVar[str] = "snmp"

    address: str = ""
    verdicts: Mapping[str, int] = {}
    """Datagrams by what the receiver found them to be."""
    retransmitted: int = 0
    """Informs that came again although they were accepted before."""
    rate_per_second: float | None = None
    baseline_per_second: float | None = None
    """The sender's usual rate; None before ten seconds have passed."""
    storm_per_second: float | None = None
    """The highest rate of its storms; None without one."""
