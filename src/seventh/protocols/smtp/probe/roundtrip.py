"""Tier 3, with ``--roundtrip``: one message is submitted, awaited in its mailbox, and removed."""

from __future__ import annotations

import asyncio
import secrets
from datetime import UTC, datetime

from seventh.model.failure import Failed, Reason, UsageError
from seventh.net.address import Address
from seventh.net.mailbox import MAX_FETCHED_BYTES, Letter, Mailbox
from seventh.net.stopwatch import Timer, now_ns
from seventh.protocols.smtp import SmtpOptions
from seventh.protocols.smtp.client.endpoint import Endpoint
from seventh.protocols.smtp.client.submit import Submitted, submit
from seventh.protocols.smtp.facts.mail import Tried
from seventh.protocols.smtp.facts.roundtrip import RoundTrip
from seventh.protocols.smtp.wire.message import Attachment, Envelope, address, compose, domain_of
from seventh.protocols.smtp.wire.received import hops_in
from seventh.wire.sasl import Credentials

_TIER = 3
SETTLE_SECONDS = 1.0
"""How long a second copy is awaited after the first."""
_MARGIN_SECONDS = 1.0
"""What is left for the message's removal."""


def envelope_of(endpoint: Endpoint) -> Envelope | None:
    """Return the addresses of the message; None without ``--roundtrip``. Raises UsageError."""
    options = endpoint.ctx.options
    if options.roundtrip is None or options.denied(_TIER, loopback=False) is not None:
        return None
    own = options.of(SmtpOptions)
    recipient = own.mail_to or options.roundtrip_user or ""
    if "@" not in recipient:
        raise UsageError("--roundtrip needs the mailbox's address: give --mail-to ADDRESS")
    return Envelope(sender=address(own.mail_from or recipient), recipients=(address(recipient),))


async def run(
    endpoint: Endpoint, server: Address, envelope: Envelope | None, credentials: Credentials | None
) -> None:
    """Make the round trip; where it fails, the check fails, and the other steps are taken."""
    if envelope is None:
        return
    open_mailbox = endpoint.ctx.open_mailbox
    assert open_mailbox is not None  # noqa: S101 - the engine sets it for --roundtrip
    try:
        mailbox = await open_mailbox()
        try:
            await _RoundTrip(endpoint, mailbox).run(server, envelope, credentials)
        finally:
            await mailbox.aclose()
    except Failed as failed:
        failed.phase = failed.phase or "mail.deliver"
        endpoint.notes.unknown("round trip", failed.detail)
        endpoint.ctx.fail(failed)


class _RoundTrip:
    """One message."""

    def __init__(self, endpoint: Endpoint, mailbox: Mailbox) -> None:
        self._door, self._mailbox = endpoint, mailbox
        self._notes = endpoint.notes.part("roundtrip", RoundTrip)
        self._own = endpoint.ctx.options.of(SmtpOptions)

    async def run(
        self, server: Address, envelope: Envelope, credentials: Credentials | None
    ) -> None:
        message_id = f"<{secrets.token_hex(16)}@{domain_of(envelope.sender)}>"
        self._notes.learn(
            message_id=message_id, noticed_by=self._mailbox.how,
            limit_seconds=self._own.roundtrip_max_seconds,
        )  # fmt: skip
        refused = False
        try:
            sent = await self._submit(server, envelope, credentials, message_id)
            refused = not sent.is_queued
            if not refused:
                letters = await self._arrival(message_id, now_ns())
                if len(letters) == 1:
                    await self._read(letters[0], message_id)
                    await self._remove(letters[0], message_id)
        except asyncio.CancelledError:
            if self._is_left(refused=refused) and self._door.ctx.budget.seconds_left > 0:
                left = f"interrupted: delete the message with Message-ID {message_id} by hand"
                self._door.ctx.fail(Failed(Reason.INTERRUPTED, left, phase="mail.deliver"))
            raise
        finally:
            if self._is_left(refused=refused):
                self._notes.learn(removed=False)
                self._door.notes.unknown(
                    "removal", f"delete the message with Message-ID {message_id} by hand"
                )

    def _is_left(self, *, refused: bool) -> bool:
        """Return whether the mailbox has the message, or may get it.

        The end may come before the reply to a message that the server has.
        """
        transmitted = any(p.name == "smtp.message" for p in self._door.ctx.watch.phases)
        return transmitted and not refused and not self._notes.facts.removed

    async def _submit(
        self,
        server: Address,
        envelope: Envelope,
        credentials: Credentials | None,
        message_id: str,
    ) -> Submitted:
        endpoint = self._door
        session = await endpoint.again(server, endpoint.ctx.watch)
        try:
            await endpoint.require_tls(session)
            if credentials is not None:
                await endpoint.log_in(session, credentials)
            size = self._own.roundtrip_size_bytes
            message = compose(
                envelope, message_id=message_id, date=datetime.now(UTC).astimezone(),
                subject="Seventh round trip",
                text="This message tests the delivery of mail and is removed by its sender.\n",
                attachments=[Attachment("round-trip.bin", bytes(size))] if size else [],
            )  # fmt: skip
            sent = await submit(session, envelope, message)
        finally:
            await session.quit()
        (tried,) = sent.recipients
        if sent.answer is not None and not sent.answer.accepts:
            tried = Tried(recipient=tried.recipient, command="data", answer=sent.answer)
        queued = sent.answer if sent.is_queued else None
        self._notes.learn(size_bytes=len(message), tried=tried, answer=queued)
        return sent

    async def _arrival(self, message_id: str, sent_ns: int) -> tuple[Letter, ...]:
        """Return the copies of the message. Raises Failed where none arrives in time."""
        ctx = self._door.ctx
        with ctx.watch.phase("mail.deliver") as timer:
            timer.start_ns = sent_ns
            until = ctx.budget.within(max(0.0, ctx.budget.seconds_left - _MARGIN_SECONDS))
            letters = await self._mailbox.arrival(message_id, until)
            self._notes.learn(awaited_seconds=(now_ns() - sent_ns) / 1e9)
            if not letters:
                raise Failed(
                    Reason.PEER_SILENT,
                    f"the message {self._notes.facts.message_id} was queued and did not arrive in "
                    "time: read the server's log, or raise --timeout",
                )
            self._learn(letters, timer)
        await asyncio.sleep(min(SETTLE_SECONDS, ctx.budget.seconds_left / 4))
        copies = await self._mailbox.look(message_id)
        self._notes.learn(copies=len(copies))
        return copies

    def _learn(self, letters: tuple[Letter, ...], timer: Timer) -> None:
        first = letters[0]
        timer.stop(first.at)
        self._notes.learn(
            delivered_seconds=max(0.0, timer.seconds_until(first.at)),
            copies=len(letters), hops=hops_in(first.header), noticed_by=self._mailbox.how,
        )  # fmt: skip

    async def _read(self, letter: Letter, message_id: str) -> None:
        """Learn what the message shows, such as its signatures, unless it is a long one."""
        read = self._door.ctx.read_message
        if read is None or (self._notes.facts.size_bytes or 0) > MAX_FETCHED_BYTES:
            return
        try:
            await read(await self._mailbox.fetch(letter, message_id))
        except Failed as failed:
            self._door.notes.unknown("the message's signatures", failed.detail)

    async def _remove(self, letter: Letter, message_id: str) -> None:
        try:
            await self._mailbox.remove(letter, message_id)
        except Failed as failed:
            self._door.notes.unknown(
                "removal",
                f"{failed.detail}: delete the message with Message-ID {message_id} by hand",
            )
            return
        self._notes.learn(removed=True)
