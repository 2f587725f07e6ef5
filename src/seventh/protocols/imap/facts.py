"""The facts of an IMAP server. They never hold a credential or a part of a message."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from seventh.model import mailfacts
from seventh.model.product import product_of


class Idle(msgspec.Struct, frozen=True, kw_only=True):
    """One IDLE."""

    SHOWN: ClassVar = ("accepted", "held_seconds", "lines", "quiet_seconds", "cut_seconds")

    accepted: bool
    held_seconds: float = 0.0
    """How long it lasted, until our DONE or the server's end."""
    notified_seconds: float | None = None
    """When the server first sent something."""
    lines: int = 0
    """How many lines it sent."""
    quiet_seconds: float | None = None
    """The longest time without one, that after the last included."""
    cut_seconds: float | None = None
    """When the server ended it; None where it did not."""


class Quota(msgspec.Struct, frozen=True, kw_only=True):
    """The fullest resource of the mailbox's quota roots."""

    SHOWN: ClassVar = ("resource", "used", "limit")

    resource: str
    """``STORAGE`` in units of 1024 bytes, ``MESSAGE`` …"""
    used: int
    limit: int

    @property
    def ratio(self) -> float:
        """The used share."""
        return self.used / self.limit if self.limit else 1.0


class ImapFacts(mailfacts.MailboxFacts, frozen=True, kw_only=True):
    """What the server showed, and what was done."""

    ROOM: ClassVar[str] = "imap"

    preauth: bool | None = None
    """Whether the greeting is PREAUTH: the server takes us for somebody already."""
    id_fields: tuple[str, ...] | None = None
    """The server's ID, each field as ``name: value``."""
    version_shown: bool | None = None
    """Whether ID has a version."""
    examine_seconds: float | None = None
    fetch_seconds: float | None = None
    idle: Idle | None = None
    quota: Quota | None = None
    quota_roots: int | None = None
    """None where quotas were not read."""

    @property
    def mechanisms(self) -> tuple[str, ...] | None:
        """The SASL mechanisms before the login."""
        known = self.capabilities
        return None if known is None else mechanisms_in(known)

    @property
    def product(self) -> str:
        """The software that the greeting or ID names."""
        return product_of(" ".join((self.greeting, *(self.id_fields or ()))))


def mechanisms_in(capabilities: tuple[str, ...]) -> tuple[str, ...]:
    """Return the SASL mechanisms among the capabilities."""
    return tuple(word.removeprefix("AUTH=") for word in capabilities if word.startswith("AUTH="))
