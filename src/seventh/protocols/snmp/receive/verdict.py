"""What a datagram is found to be."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec

from seventh.protocols.snmp.receive.notification import Notification


class Verdict(StrEnum):
    """What the receiver makes of a datagram."""

    AUTHENTIC = "authentic"
    """Of SNMPv3, by a known user with the right keys, in time."""
    UNAUTHENTICATED = "unauthenticated"
    """Of a known community, or of a user without authentication: anyone could have sent it."""
    SYNCHRONISING = "synchronising"
    """A sender of informs that asks for our engine's id or time, which is not a notification."""
    UNKNOWN_COMMUNITY = "unknown-community"
    UNKNOWN_USER = "unknown-user"
    WRONG_ENGINE = "wrong-engine"
    """A trap of a user that is known for another engine only, or an engine's id that cannot be."""
    WRONG_LEVEL = "wrong-level"
    """Another security level than the user has."""
    WRONG_AUTH_KEY = "wrong-auth-key"
    WRONG_PRIV_KEY = "wrong-priv-key"
    TIME_WINDOW = "time-window"
    """Older than 150 seconds by its engine's time: delayed, replayed, or of a clock that is off."""
    REPLAYED = "replayed"
    """The very datagram was accepted before."""
    MALFORMED = "malformed"
    NOT_NOTIFICATION = "not-a-notification"
    LIMITED = "limited"
    """Above what one sender may send: not looked at."""


ACCEPTED = frozenset({Verdict.AUTHENTIC, Verdict.UNAUTHENTICATED})
Level = Literal["noAuthNoPriv", "authNoPriv", "authPriv"]


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """A datagram, judged."""

    verdict: Verdict
    version: Literal["1", "2c", "3", ""] = ""
    user: str = ""
    level: Level | None = None
    engine_id: bytes = b""
    """The authoritative engine's: the sender's of a trap, ours of an inform."""
    context: str = ""
    notification: Notification | None = None
    """None where it could not be read."""
    detail: str = ""
    deviations: tuple[str, ...] = ()
    report: bytes | None = None
    """What to send at once (RFC 3412 §7.1.3)."""
    response: bytes | None = None
    """What to send when the notification is stored: the acknowledgement of an inform."""
    retransmitted: bool = False
    """An inform that was accepted before: it is acknowledged again, and not stored again."""

    @property
    def accepted(self) -> bool:
        """Whether it is stored as a notification of who it says it is from."""
        return self.verdict in ACCEPTED
