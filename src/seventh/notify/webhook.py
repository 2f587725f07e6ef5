"""Webhooks: the alert as JSON, or a body of the receiver's own form."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from seventh.engine import deliver
from seventh.model.failure import Failed
from seventh.model.target import Target
from seventh.notify.message import Message
from seventh.notify.receiver import NotReceivedError, Receiver
from seventh.web.message import Request
from seventh.wire.text import printable

_REFUSED = frozenset({400, 413, 422})
"""Of this body; other errors are of the receiver, its address or its token."""
_PLACE = re.compile(r"\{([a-z_]+)\}")


async def send(receiver: Receiver, message: Message) -> None:
    """Send one notification. Raises NotReceivedError."""
    body = message.data if receiver.keys.body is None else filled(receiver.keys.body, message.data)
    await post(receiver, receiver.target(), body, message.key)


async def post(receiver: Receiver, target: Target, body: Any, key: str = "") -> None:
    """Send a body as JSON, with the key by which the receiver knows it again.

    Raises NotReceivedError unless the response has a status from 200 to 299.
    """
    headers = [("User-Agent", "seventh"), ("Content-Type", "application/json")]
    if key:
        headers.append(("Idempotency-Key", key))
    if receiver.token is not None:
        headers.append(("Authorization", f"Bearer {receiver.token}"))
    wanted = Request(
        method="POST", authority="", headers=tuple(headers), body=msgspec.json.encode(body)
    )
    try:
        response = await deliver.request(target, receiver.options, wanted)
    except Failed as failed:
        text = f"{failed.reason} in {failed.phase or '-'}: {failed.detail}"
        raise NotReceivedError(receiver.without_secrets(text)) from None
    if not 200 <= response.status < 300:
        said = printable(response.body[:200].decode("utf-8", "replace").strip(), 200)
        raise NotReceivedError(
            receiver.without_secrets(f"status {response.status}: {said}"),
            refused=response.status in _REFUSED,
        )


def filled(template: Any, data: dict[str, Any]) -> Any:
    """Return a template with the values of ``data`` for each ``{name}`` in its texts.

    A text that is one name alone becomes the value itself, such as a list.
    """
    if isinstance(template, dict):
        return {key: filled(value, data) for key, value in template.items()}
    if isinstance(template, list):
        return [filled(value, data) for value in template]
    if not isinstance(template, str):
        return template
    if (alone := _PLACE.fullmatch(template)) is not None:
        return data.get(alone[1], template)
    return _PLACE.sub(lambda place: _text(data.get(place[1], place[0])), template)


def _text(value: Any) -> str:
    return "" if value is None else str(value)
