"""A message that Seventh itself sends by mail."""

from __future__ import annotations

import msgspec


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """One message, and the login that its submission needs."""

    sender: str
    recipients: tuple[str, ...]
    subject: str
    text: str
    message_id: str
    """The same each time it is sent, so that mail programs show it once."""
    password: str | None = None
    """Of the target's user; never shown."""

    def __repr__(self) -> str:
        return f"<letter {self.message_id}>"
