"""A mailbox in which one message is awaited, and removed: what a round trip needs of its protocol.

A room of mailboxes has a module ``mailbox`` with a coroutine function::

    async def open_mailbox(ctx: ProbeContext) -> Mailbox

It logs in and opens INBOX read-only. It raises Failed where it cannot, as without a verified
certificate. Its context is the mailbox's own, and is closed with it.
"""

from __future__ import annotations

import abc
import re
from collections.abc import Awaitable, Callable
from typing import Literal

import msgspec

from seventh.model.phase import Mark

POLL_SECONDS = 1.0
"""How often a server is asked that does not notify."""
MAX_FETCHED_BYTES = 512 * 1024
"""Longer messages are not fetched."""
_MESSAGE_ID = re.compile(rb"^message-id:\s*(<[^\r\n]*>)\s*$", re.IGNORECASE | re.MULTILINE)


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A message with the Message-ID that was looked for."""

    uid: str
    """What names it in this mailbox, and no other message."""
    header: bytes
    at: Mark
    """When the server showed that it is there."""


class Mailbox(abc.ABC):
    """An open INBOX. Every method raises Failed."""

    how: Literal["idle", "poll"]
    """Whether the server notifies, or is asked every :data:`POLL_SECONDS`."""

    @abc.abstractmethod
    async def arrival(self, message_id: str, until_ns: int) -> tuple[Letter, ...]:
        """Wait for messages with that Message-ID; return none at the deadline."""

    @abc.abstractmethod
    async def look(self, message_id: str) -> tuple[Letter, ...]:
        """Return the messages with that Message-ID."""

    @abc.abstractmethod
    async def fetch(self, letter: Letter, message_id: str) -> bytes:
        """Return the whole message, as it is stored; of up to :data:`MAX_FETCHED_BYTES`."""

    @abc.abstractmethod
    async def remove(self, letter: Letter, message_id: str) -> None:
        """Remove that message, and only if it is still the one that has the Message-ID."""

    @abc.abstractmethod
    async def aclose(self) -> None:
        """Leave and close; nothing is raised."""


ReadMessage = Callable[[bytes], Awaitable[None]]
"""Learns what a message shows that arrived."""
OpenMailbox = Callable[[], Awaitable[Mailbox]]
"""Opens the mailbox of ``--roundtrip``."""


def has_message_id(header: bytes, message_id: str) -> bool:
    """Return whether exactly that Message-ID is in the header."""
    return message_id.encode() in _MESSAGE_ID.findall(header)
