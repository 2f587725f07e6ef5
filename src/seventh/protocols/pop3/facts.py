"""The facts of a POP3 server. They never hold a credential or a part of a message."""

from __future__ import annotations

from typing import ClassVar, Literal

from seventh.model import mailfacts
from seventh.model.product import product_of


class Pop3Facts(mailfacts.MailboxFacts, frozen=True, kw_only=True):
    """What the server showed, and what was done."""

    ROOM: ClassVar[str] = "pop3"

    reach: Literal["loopback", "link-local", "private", "public"] | None = None
    """From where its address can be reached."""
    apop: bool | None = None
    """Whether the greeting has the timestamp that APOP needs."""
    has_capa: bool | None = None
    """Whether CAPA is answered."""
    size_bytes: int | None = None
    uidl: bool | None = None
    """Whether UIDL was answered with a list, after the login."""

    @property
    def product(self) -> str:
        """The software that the greeting or the capabilities name."""
        shown = [line for line in self.capabilities or () if line.startswith("IMPLEMENTATION ")]
        return product_of(" ".join((self.greeting, *shown)))


def argument(capabilities: tuple[str, ...], name: str) -> tuple[str, ...] | None:
    """Return the arguments of a capability; None if it is not listed."""
    for line in capabilities:
        first, *words = line.split()
        if first == name:
            return tuple(words)
    return None
