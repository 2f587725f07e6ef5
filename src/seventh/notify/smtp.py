"""Mail, by the protocol's own client."""

from __future__ import annotations

from seventh.engine import deliver
from seventh.model.failure import Failed, UsageError
from seventh.model.letter import Letter
from seventh.notify.message import Message
from seventh.notify.receiver import NotReceivedError, Receiver


async def send(receiver: Receiver, message: Message) -> None:
    """Send one notification. Raises NotReceivedError unless it is accepted for all recipients."""
    keys = receiver.keys
    sender = keys.sender or ""
    letter = Letter(
        sender=sender, recipients=keys.recipients, subject=message.title, text=message.text,
        message_id=f"<{message.key}@{sender.rpartition('@')[2]}>", password=receiver.token,
    )  # fmt: skip
    try:
        await deliver.mail(receiver.target(), receiver.options, letter)
    except (Failed, UsageError) as error:
        text = error.detail if isinstance(error, Failed) else str(error)
        raise NotReceivedError(receiver.without_secrets(text)) from None
