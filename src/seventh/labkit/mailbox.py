"""One mailbox of the lab: SMTP delivers into it, IMAP and POP3 show it."""

from __future__ import annotations

import asyncio

import msgspec

USER, PASSWORD, TOKEN = "anna", "lab-Passw0rd", "lab-token"
FIRST = (
    b"From: lab@lab.test\r\nTo: anna@lab.test\r\nSubject: Welcome\r\n"
    b"Date: Mon, 30 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@lab.test>\r\n\r\nHello.\r\n"
)


class Message(msgspec.Struct, frozen=True):
    """One message: its number for life, and its bytes."""

    uid: int
    data: bytes


class Mailbox:
    """The messages of one user, and who waits for new ones."""

    def __init__(self, *messages: bytes, user: str = USER, password: str = PASSWORD) -> None:
        self.passwords = {user: password}
        self.messages: list[Message] = []
        self.next_uid = 1
        self._waiting: set[asyncio.Event] = set()
        self.locked = False
        """Whether a POP3 session has it."""
        for message in messages:
            self.deliver(message)

    def deliver(self, data: bytes) -> None:
        """Add a message and wake those who wait."""
        self.messages.append(Message(self.next_uid, data))
        self.next_uid += 1
        for event in self._waiting:
            event.set()

    def remove(self, uid: int) -> None:
        """Remove a message."""
        self.messages = [each for each in self.messages if each.uid != uid]

    async def changed(self) -> None:
        """Wait until a message is delivered."""
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            await event.wait()
        finally:
            self._waiting.discard(event)

    @property
    def size(self) -> int:
        """The bytes of all messages."""
        return sum(len(each.data) for each in self.messages)
