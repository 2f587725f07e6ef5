"""Whether a site is an API, its description, and whether responses match it."""

from __future__ import annotations

from itertools import islice
from typing import Any

from msgspec.structs import replace

from seventh.model.failure import Failed, Reason
from seventh.protocols.http.facts.content import Api, Body
from seventh.protocols.http.probe.content import errors, openapi
from seventh.protocols.http.probe.content.representation import Representation
from seventh.protocols.http.wire.url import resolve
from seventh.wire.text import printable


async def check_api(rep: Representation) -> None:
    """Look for a description at the usual paths, and try a few of its operations.

    A site of web pages needs none.
    """
    content, error = rep.facts.content, rep.facts.error
    speaks = _is_json(content)
    if content is not None and "html" not in {content.seen, content.declared.rpartition("/")[2]}:
        # The server of a web page may send problem details where they are requested.
        speaks = speaks or _is_json(error)
    linked = list(openapi.described_by(rep.plain)) if rep.plain is not None else []
    api = Api(speaks=speaks or bool(linked))
    rep.learn(api=api)
    if not api.speaks:
        return
    places = [path for link in linked[:2] if (path := _own(rep, link)) is not None]
    for path in dict.fromkeys([*places, *openapi.PLACES]):
        got = await rep.site.get(path, body_cap=openapi.MAX_DESCRIPTION_BYTES)
        shown = printable(path, 200)
        api = replace(api, looked_at=(*api.looked_at, shown))
        found = openapi.recognise(rep.note(path, got))
        if found is not None:
            api = replace(api, described_at=shown, description=found[0])
        rep.learn(api=api)
        if found is not None:
            if found[1] is not None:
                await _try_operations(rep, api, found[1])
            return


def _is_json(body: Body | None) -> bool:
    return body is not None and (body.seen == "json" or errors.is_json(body.declared))


def _own(rep: Representation, reference: str) -> str | None:
    """Return the path of a reference to the same origin."""
    url = resolve(rep.site.base_url, reference)
    return url.path if url is not None and url.origin == rep.site.base_url.origin else None


async def _try_operations(rep: Representation, api: Api, document: Any) -> None:
    """Try operations that need no parameter."""
    found: list[str] = []
    operations = openapi.operations(
        document, origin=str(rep.site.base_url.origin), credentials=rep.authenticated
    )
    for operation in islice(operations, openapi.MAX_OPERATIONS):
        try:
            response = await rep.ask(operation.path, ("Accept", "application/json, */*;q=0.5"))
        except Failed as failed:
            if failed.reason is Reason.BUDGET_EXCEEDED:
                raise
            continue
        broken = openapi.violations(operation, response, document)
        shown = printable(operation.path, 80)
        found += [f"GET {shown} ({response.status}): {violation}" for violation in broken]
        api = replace(api, checked=api.checked + 1, violations=tuple(found[:8]))
        rep.learn(api=api)
