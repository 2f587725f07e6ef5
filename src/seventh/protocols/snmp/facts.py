"""The facts of an SNMP agent. They never hold a community, a password or a key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import msgspec

from seventh.model.facts import Facts
from seventh.protocols.snmp.wire.engine_id import Format
from seventh.protocols.snmp.wire.keys import Auth, Extension, Priv
from seventh.protocols.snmp.wire.usm import Cause

Level = Literal["noAuthNoPriv", "authNoPriv", "authPriv"]


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


class SnmpFacts(Facts, frozen=True, kw_only=True):
    """What the agent showed, and what was done."""

    ROOM: ClassVar[str] = "snmp"

    address: str = ""
    reach: Literal["loopback", "link-local", "private", "public"] | None = None
    """From where its address can be reached."""
    rtt_seconds: float | None = None
    requests: int = 0
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
    """The max-repetitions that the walk ended with."""
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

    @property
    def product(self) -> str:
        """The software that the engine's id names."""
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
