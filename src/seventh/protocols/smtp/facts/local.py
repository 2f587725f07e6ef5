"""What only the machine itself shows of its mail: the queue, and why deliveries are deferred."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar, Literal

import msgspec

from seventh.model.localfacts import Unread

Server = Literal["", "postfix", "exim"]


class DeferCause(StrEnum):
    """Why a delivery was deferred, by the reason in the log or the queue."""

    LOCAL = "local-delivery"
    """The mail server's own: a transport, a socket, a mailbox, a command."""
    GREYLISTED = "greylisted"
    RATE_LIMITED = "rate-limited"
    NO_PTR = "no-reverse-name"
    AUTHENTICATION = "spf-dkim-dmarc"
    REPUTATION = "sender-blocked"
    SENDER_DOMAIN = "sender-domain"
    TLS = "tls"
    DNS = "name-lookup"
    MAILBOX_FULL = "mailbox-full"
    UNREACHABLE = "unreachable"
    LOST = "connection-lost"
    OTHER = "other"


class Deferral(msgspec.Struct, frozen=True, kw_only=True):
    """Deliveries with one cause."""

    SHOWN: ClassVar[tuple[str, ...]] = ("cause", "count")

    cause: DeferCause
    count: int
    domains: tuple[str, ...] = ()
    """Domains of the recipients, the most frequent first."""
    example: str = ""
    """One reason as it stands there, without addresses of people."""


class SmtpLocalFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The mail queue of this machine, and its deliveries."""

    SHOWN: ClassVar[tuple[str, ...]] = ("server", "queues", "oldest_seconds", "waiting", "log")

    server: Server = ""
    queues: Mapping[str, int] | None = None
    """The number of messages by queue, such as ``deferred``; None if it was not read."""
    complete: bool = True
    """Whether the queue was read to its end; else the numbers are the least."""
    oldest_seconds: float | None = None
    """Age of the oldest message, those on hold not counted."""
    old_untried: int = 0
    """Messages older than an hour whose delivery was not deferred: nothing takes them."""
    old_deferred: int = 0
    """Messages older than an hour that were deferred."""
    waiting: tuple[Deferral, ...] = ()
    """Why the recipients of the queue wait, the most frequent cause first."""
    deliveries: int | None = None
    """In what was read of the log: recipients that were delivered, deferred or bounced."""
    deferred: int = 0
    """Those of them that were deferred at least once."""
    deferrals: tuple[Deferral, ...] = ()
    """By cause, from the log."""
    log: str = ""
    """Where the deliveries are from."""
    unread: tuple[Unread, ...] = ()

    @property
    def defer_ratio(self) -> float | None:
        """Deferred deliveries of all; None without any."""
        return self.deferred / self.deliveries if self.deliveries else None
