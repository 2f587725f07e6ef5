"""The user's own request sent twice (tier 3): whether a client may retry it (RFC 9110 §9.2.2)."""

from __future__ import annotations

import secrets

from seventh.model.failure import ProtocolViolation
from seventh.protocols.http.facts.content import Repetition
from seventh.protocols.http.probe.content.coding import content_of
from seventh.protocols.http.probe.content.representation import Representation
from seventh.web.message import Response
from seventh.wire.text import printable

KEY = "Idempotency-Key"
KEYED = frozenset({"POST", "PATCH"})
"""Methods that may be repeated only with a key."""
IDEMPOTENT = frozenset({"PUT", "DELETE"})


async def repeat(rep: Representation) -> None:
    """Send the user's request twice."""
    site, template = rep.site, rep.site.template
    method = template.method
    if template.safe:
        return
    why = rep.ctx.denied(3)
    if why is None and method not in KEYED | IDEMPOTENT:
        why = f"whether {method} may be repeated is not known"
    if why is None and site.base_url.origin != site.origin:
        why = "the target redirects to another origin"
    if why is not None:
        rep.learn(repetition_unlearnt=why)
        return
    own = any(name.lower() == KEY.lower() for name, _ in template.fields)
    extra = ((KEY, fresh_key()),) if method in KEYED and not own else ()

    async def send() -> Response:
        got = await site.get(site.url.path, method=method, headers=extra, body=template.body)
        return rep.note(site.url.path, got)

    first, second = await send(), await send()
    rep.learn(repetition=compare(method, first, second, keyed=method in KEYED))


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
    # The query may hold a secret.
    return None if location is None else printable(location.partition("?")[0], 200)


def _same(first: Response, second: Response) -> bool | None:
    if first.truncated or second.truncated:
        return None
    try:
        return content_of(first) == content_of(second)
    except ProtocolViolation:
        return None
