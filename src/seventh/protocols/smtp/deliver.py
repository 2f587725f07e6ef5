"""Mail of Seventh itself: one message by one server."""

from __future__ import annotations

from datetime import UTC, datetime

from seventh.model.failure import Failed, Reason
from seventh.model.letter import Letter
from seventh.net.probe_context import ProbeContext
from seventh.protocols.smtp.client.endpoint import Endpoint
from seventh.protocols.smtp.client.submit import submit
from seventh.protocols.smtp.wire.message import Envelope, address, compose
from seventh.wire.sasl import Credentials


async def deliver(ctx: ProbeContext, letter: Letter) -> None:
    """Send a message, logged in as the target's user if there is a password.

    Raises Failed unless the server takes it for every recipient, and UsageError for an address.
    """
    envelope = Envelope(
        sender=address(letter.sender), recipients=tuple(map(address, letter.recipients))
    )
    endpoint = Endpoint(ctx)
    stream = await ctx.connect()
    endpoint.use(stream.address)
    session = await endpoint.enter(stream, recurring=True)
    try:
        await endpoint.require_tls(session)
        if letter.password is not None:
            user = ctx.target.user or ""
            await endpoint.log_in(session, Credentials(user, password=letter.password.encode()))
        message = compose(
            envelope, message_id=letter.message_id, date=datetime.now(UTC), subject=letter.subject,
            text=letter.text, eight_bit=session.extensions.offers("8BITMIME"),
        )  # fmt: skip
        done = await submit(session, envelope, message)
        if not done.is_complete:
            answers = [done.answer, *(each.answer for each in done.recipients)]
            refusal = next(each for each in answers if each is not None and not each.accepts)
            raise Failed(Reason.UNEXPECTED_ANSWER, f"not accepted: {refusal}")
        await session.quit()
    finally:
        session.close()
