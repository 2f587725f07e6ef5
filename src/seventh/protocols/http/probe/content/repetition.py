"""The user's own request made twice (tier 3): whether a client may retry it (RFC 9110 §9.2.2)."""

from __future__ import annotations

import secrets

from seventh.model.failure import ProtocolViolation
from seventh.protocols.http.facts.content import Repetition
from seventh.protocols.http.probe.content.coding import content_of
from seventh.web.message import Response
from seventh.wire.text import printable

KEY = "Idempotency-Key"
KEYED = frozenset({"POST", "PATCH"})
"""Methods that may be repeated only under a key."""
BY_NATURE = frozenset({"PUT", "DELETE"})
"""Methods that may be repeated by their definition."""


def fresh_key() -> str:
    """Return a new random key: a string of structured fields, as its draft requires."""
    return f'"seventh-{secrets.token_hex(12)}"'


def compare(method: str, first: Response, second: Response, *, keyed: bool) -> Repetition:
    """Compare the two responses."""
    return Repetition(
        method=method,
        keyed=keyed,
        first_status=first.status,
        second_status=second.status,
        first_location=_location(first),
        second_location=_location(second),
        same_body=_same(first, second),
    )


def _location(response: Response) -> str | None:
    location = response.get("location")
    # What stands behind the path may be a secret.
    return None if location is None else printable(location.partition("?")[0], 200)


def _same(first: Response, second: Response) -> bool | None:
    if first.truncated or second.truncated:
        return None
    try:
        return content_of(first) == content_of(second)
    except ProtocolViolation:
        return None
