"""What snmpd.conf and snmptrapd.conf decide. No community and no password is kept."""

from __future__ import annotations

from typing import Literal

import msgspec

from seventh.protocols.snmp.wire.keys import Auth, Priv

Level = Literal["noAuthNoPriv", "authNoPriv", "authPriv"]
"""Security levels (RFC 3411 §3.4.3)."""
Weakness = Literal["short", "same", "common"]


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """Who may ask, or whose notifications are accepted, by one line."""

    setting: str
    """The key of its line."""
    user: str | None
    """None for a community."""
    level: Level = "noAuthNoPriv"
    """The lowest level that is accepted."""
    default_name: Literal["public", "private"] | None = None
    """The community, where it is one of these."""
    any_source: bool = True
    """Whether its source is not restricted; users have no source."""
    writes: bool = False
    shows: tuple[str, ...] | None = ()
    """The sensitive objects that it may read; None where that is not known."""
    with_privacy: str = ""
    """The line with the highest level required; of users alone."""


class Created(msgspec.Struct, frozen=True, kw_only=True):
    """A user with its keys."""

    setting: str
    user: str
    auth: Auth | None = None
    priv: Priv | None = None
    weak: tuple[Weakness, ...] | None = None
    """Faults of its passwords; None where they are not in the file."""


class SnmpConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What one daemon's configuration decides."""

    daemon: Literal["snmpd", "snmptrapd"] = "snmpd"
    complete: bool = True
    """Whether this is the whole configuration; what a part leaves out proves nothing."""
    listens: Literal["every", "some", "loopback"] | None = None
    grants: tuple[Grant, ...] = ()
    created: tuple[Created, ...] = ()
    accepts_all: bool = False
    """Whether notifications are accepted without any check."""
    unread: tuple[str, ...] = ()
    """Directives that may grant access, and are not understood."""

    @property
    def communities(self) -> tuple[Grant, ...]:
        """The grants of versions 1 and 2c."""
        return tuple(grant for grant in self.grants if grant.user is None)

    @property
    def users(self) -> tuple[Grant, ...]:
        """The grants of version 3."""
        return tuple(grant for grant in self.grants if grant.user is not None)
