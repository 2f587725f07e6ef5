"""Whether a site is an API, how it describes itself, and whether it keeps to that."""

from __future__ import annotations

from typing import Any

import msgspec

from seventh.model.failure import Failed, Reason
from seventh.protocols.http.facts.content import Api, Body
from seventh.protocols.http.probe.content import errors, openapi
from seventh.protocols.http.probe.content.look import Look
from seventh.protocols.http.wire.url import resolve
from seventh.wire.text import printable


async def look_at_api(look: Look) -> None:
    """Look for a description where there may be one, and try a few of its operations.

    A site that answers with pages for people is left alone: it owes none.
    """
    content, error = look.facts.content, look.facts.error
    speaks = _is_json(content)
    if content is not None and "html" not in {content.seen, content.declared.rpartition("/")[2]}:
        # A page's server may well tell errors as problem details to who asks for them.
        speaks = speaks or _is_json(error)
    linked = list(openapi.described_by(look.plain)) if look.plain is not None else []
    api = Api(speaks=speaks or bool(linked))
    look.learn(api=api)
    if not api.speaks:
        return
    places = [path for link in linked[:2] if (path := _own(look, link)) is not None]
    for path in dict.fromkeys([*places, *openapi.PLACES]):
        response = look.note(
            path, await look.site.get(path, body_cap=openapi.MAX_DESCRIPTION_BYTES)
        )
        api = msgspec.structs.replace(api, looked_at=(*api.looked_at, printable(path, 200)))
        found = openapi.recognise(response)
        if found is not None:
            api = msgspec.structs.replace(
                api, described_at=printable(path, 200), description=found[0]
            )
            look.learn(api=api)
            if found[1] is not None:
                await _keep_promises(look, api, found[1])
            return
        look.learn(api=api)


def _is_json(body: Body | None) -> bool:
    return body is not None and (body.seen == "json" or errors.is_json(body.declared))


def _own(look: Look, reference: str) -> str | None:
    """Return the path of a reference to the same origin."""
    url = resolve(look.site.base_url, reference)
    return url.path if url is not None and url.origin == look.site.base_url.origin else None


async def _keep_promises(look: Look, api: Api, document: Any) -> None:
    """Try operations that need no parameter."""
    found: list[str] = []
    operations = openapi.operations(
        document, origin=str(look.site.base_url.origin), credentials=look.trusted
    )
    for _, operation in zip(range(openapi.MAX_OPERATIONS), operations, strict=False):
        try:
            response = await look.ask(operation.path, ("Accept", "application/json, */*;q=0.5"))
        except Failed as failed:
            if failed.reason is Reason.BUDGET_EXCEEDED:
                raise
            continue
        broken = openapi.broken_promises(operation, response, document)
        shown = printable(operation.path, 80)
        found += [f"GET {shown} ({response.status}): {violation}" for violation in broken]
        api = msgspec.structs.replace(api, checked=api.checked + 1, violations=tuple(found[:8]))
        look.learn(api=api)
