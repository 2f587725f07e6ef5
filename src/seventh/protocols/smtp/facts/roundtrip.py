"""What one message showed on its way from the server into a mailbox."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from seventh.protocols.smtp.facts.mail import Answer, Tried


class Hop(msgspec.Struct, frozen=True, kw_only=True):
    """One Received field."""

    SHOWN: ClassVar = ("by", "seconds")

    by: str
    """The server that wrote it, as it calls itself."""
    seconds: float | None = None
    """Since the hop before, by the two servers' clocks, which count whole seconds; None for the
    first hop, and without a date."""


class RoundTrip(msgspec.Struct, frozen=True, kw_only=True):
    """One message: submitted, awaited in the mailbox, and removed from it."""

    SHOWN: ClassVar = ("message_id", "delivered_seconds", "copies", "removed", "hops")

    message_id: str = ""
    size_bytes: int | None = None
    tried: Tried | None = None
    """The recipient; the command ``data`` where the message itself was refused."""
    answer: Answer | None = None
    """The reply that queued the message."""
    limit_seconds: float | None = None
    """How long the delivery may take, by ``--roundtrip-max``."""
    awaited_seconds: float | None = None
    """How long the message was awaited, from the end of its transmission."""
    delivered_seconds: float | None = None
    """From the end of its transmission to its arrival; None if it did not arrive."""
    noticed_by: Literal["idle", "poll"] | None = None
    """By ``poll`` the arrival is up to a second late."""
    copies: int | None = None
    """The messages with its Message-ID, a second after the first arrived."""
    hops: tuple[Hop, ...] = ()
    """The first server first."""
    removed: bool | None = None
