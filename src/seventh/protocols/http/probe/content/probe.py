"""The checks of a site's content: caching, codings, validators, errors, its API's description.

Every request goes through the site and its budget. Where a step fails, ``unknown`` has the reason,
and the next step runs, unless time or requests are spent.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable

from msgspec.structs import replace

from seventh.model.failure import Failed, Reason
from seventh.net.clock import wall_ns
from seventh.net.probe_context import ProbeContext
from seventh.protocols.http.client.origin import Site
from seventh.protocols.http.facts.content import Coding
from seventh.protocols.http.probe.content import caching, coding, cookies, cors, errors
from seventh.protocols.http.probe.content.api import check_api
from seventh.protocols.http.probe.content.assets import check_assets
from seventh.protocols.http.probe.content.repetition import repeat
from seventh.protocols.http.probe.content.representation import Representation
from seventh.protocols.http.probe.content.sse import check_events
from seventh.protocols.http.wire import fields
from seventh.web.message import Fields, Response
from seventh.wire.text import printable

MAX_OTHER_ADDRESSES = 3
_OFFERS = ("br", "zstd", "gzip")
_IDENTITY: Fields = (("Accept-Encoding", "identity"),)
"""Asks for the plain response, also of a server that compresses unasked."""
MAX_TAG = 2048
"""The longest ETag that is sent back; a longer one might exceed a server's limit for a head."""
_SPENT = frozenset({Reason.BUDGET_EXCEEDED, Reason.ADDRESS_POLICY})
_ENDLESS = frozenset({"text/event-stream", "multipart/x-mixed-replace"})
"""Types of responses that never end."""
Step = Callable[[Representation], Awaitable[None]]


async def check(ctx: ProbeContext, site: Site) -> None:
    """Check the content at ``site.base_url`` and what belongs to it, the most useful first.

    Needs ``site.base``. Raises nothing: what fails is in ``ContentFacts.unknown``.
    """
    if site.base is None:
        return
    rep = Representation(ctx, site)
    rep.note(None, site.base)
    steps: dict[str, Step] = {
        "codings": _codings,
        "validators": _validators,
        "addresses": _addresses,
        "errors": _errors,
        "cross-origin": _cross_origin,
        "reflection": _reflection,
        "description": check_api,
        "assets": check_assets,
    }
    if fields.media_type(site.base.get("content-type")) in _ENDLESS:
        steps = {"events": check_events}
        rep.learn(content=errors.body_of(rep.shown_path, site.base))
    steps["repetition"] = repeat
    for name, step in steps.items():
        try:
            await step(rep)
        except Failed as failed:
            rep.learn(unknown={**rep.facts.unknown, name: failed.detail})
            if failed.reason in _SPENT:
                break
        finally:
            _sum_up(rep)


def _sum_up(rep: Representation) -> None:
    """Learn from all responses together."""
    now = wall_ns(rep.responses[-1][1].last) / 1e9
    responses = [response for _, response in rep.responses]
    rejected = [(path, r) for path, r in rep.responses if r.status in {429, 503}]
    chain = [r.every("cache-status") for r in responses if r.get("cache-status")]
    stored = rep.facts.caching
    if stored is not None and stored.sets_cookies and not rep.authenticated:
        rep.learn(caching=replace(stored, common_cookies=cookies.common(responses)))
    rep.learn(
        cache_hits=dict(rep.hits),
        cache_status=tuple(printable(v, 200) for v in chain[-1]) if chain else (),
        cookies=cookies.cookies(responses, secure=rep.secure, now_seconds=now),
        refusals=tuple(errors.refusal(p.partition("?")[0], r) for p, r in rejected[:8]),
        lifecycle=errors.lifecycle(responses, now),
    )


async def _codings(rep: Representation) -> None:
    """Request the content under each offer; judge what caches may do with it."""
    plain = await _without_coding(rep)
    identity = coding.variant("identity", plain)
    rep.take_plain(plain, identity.digest)
    received = wall_ns(plain.first) / 1e9
    kind = fields.media_type(plain.get("content-type"))
    compressible = coding.is_compressible(kind)
    rep.learn(
        caching=caching.judge(plain, received, authenticated=rep.authenticated),
        content=errors.body_of(rep.shown_path, plain),
        coding=Coding(
            content_type=printable(kind, 80), compressible=compressible,
            packed=coding.is_packed(kind), secure=rep.secure, variants=(identity,),
        ),
    )  # fmt: skip
    if plain.status != 200 or not plain.body_bytes:
        return
    coded = await rep.ask(None, ("Accept-Encoding", rep.browser_codings))
    rep.take_coded(coded)
    rep.learn_variant(coding.variant("any", coded))
    for offer in _OFFERS if compressible is not False else ():
        # In clear no browser offers br and zstd; and what was received need not be requested.
        if (rep.secure or offer == "gzip") and offer not in _seen_codings(rep):
            response = await rep.ask(None, ("Accept-Encoding", offer))
            rep.learn_variant(coding.variant(offer, response))


def _seen_codings(rep: Representation) -> tuple[str, ...]:
    known = rep.facts.coding
    return coding.codings(known.variants) if known is not None else ()


async def _without_coding(rep: Representation) -> Response:
    """Return the content without a coding: the response at hand, if it is that."""
    base = rep.site.base
    if (
        base is not None
        and rep.site.template.method != "HEAD"
        and not base.truncated
        and not coding.coding_of(base)
    ):
        return base
    return await rep.ask(None, *_IDENTITY)


async def _validators(rep: Representation) -> None:
    """Make conditional requests, and repeat the request."""
    plain = rep.plain
    if plain is None or plain.status != 200:
        return
    tag, modified = fields.etag(plain.get("etag")), plain.get("last-modified")
    rep.learn_validation(
        etag=None if tag is None else fields.shown_tag(tag),
        last_modified=None if modified is None else printable(modified, 64),
    )
    again = await rep.ask(None, *_IDENTITY)
    rep.learn_validation(etags=_etag_at(rep, "first", plain) | _etag_at(rep, "repeated", again))
    dropped = None
    if tag is not None and len(tag) <= MAX_TAG:
        got = await rep.ask(None, *_IDENTITY, ("If-None-Match", tag))
        dropped = caching.dropped(plain, got) if got.status == 304 else None
        rep.learn_validation(
            etag_status=got.status, etag_same_bytes=_is_same(rep, got), dropped=dropped
        )
    await _coded_validator(rep)
    if modified is not None and fields.http_date(modified) is not None:
        got = await rep.ask(None, *_IDENTITY, ("If-Modified-Since", modified))
        if dropped is None and got.status == 304:
            dropped = caching.dropped(plain, got)
        rep.learn_validation(
            date_status=got.status, date_same_bytes=_is_same(rep, got), dropped=dropped
        )


async def _coded_validator(rep: Representation) -> None:
    """Make a conditional request for the coded response, which browsers have in their caches."""
    coded = rep.coded
    tag = fields.etag(coded.get("etag")) if coded is not None else None
    if coded is None or tag is None or len(tag) > MAX_TAG or not coding.coding_of(coded):
        return
    offer = ("Accept-Encoding", rep.browser_codings)
    got = await rep.ask(None, offer, ("If-None-Match", tag))
    rep.learn_validation(
        coded=coding.coding_of(coded), coded_etag=fields.shown_tag(tag),
        coded_status=got.status, coded_same_bytes=_is_same(rep, got),
    )  # fmt: skip


def _is_same(rep: Representation, response: Response) -> bool | None:
    """Return whether a full response has the plain one's content; None where unknown."""
    if response.status != 200 or not rep.digest:
        return None
    digest = coding.variant("", response).digest
    return digest == rep.digest if digest else None


def _etag_at(rep: Representation, place: str, response: Response) -> dict[str, str]:
    """Return the ETag by its place, where the response has the plain one's bytes."""
    tag = fields.etag(response.get("etag"))
    if tag is None or coding.coding_of(response) or not _is_same(rep, response):
        return {}
    return {place: fields.shown_tag(tag)}


async def _addresses(rep: Representation) -> None:
    """Request the content at the name's other addresses."""
    known = rep.facts.validation
    if known is None or known.etag is None or rep.plain is None:
        return
    etags = dict(known.etags)
    if "first" in etags:
        etags[rep.site.address.ip] = etags.pop("first")
    for address in rep.site.addresses[1 : 1 + MAX_OTHER_ADDRESSES]:
        try:
            got = await rep.site.get_at(address, headers=_IDENTITY)
        except Failed as failed:
            if failed.reason in _SPENT:
                raise
            continue  # other rules report an address that does not answer
        etags |= _etag_at(rep, address.ip, rep.note(None, got))
    rep.learn_validation(etags=etags)


async def _errors(rep: Representation) -> None:
    """Request a path that cannot exist, in the content's folder: ``/`` may be another service."""
    folder = rep.shown_path.rpartition("/")[0]
    path = f"{folder}/seventh-{secrets.token_hex(6)}"
    wanted = ("Accept", "application/problem+json, application/json;q=0.9, */*;q=0.1")
    rep.learn(error=errors.body_of(f"{folder}/seventh-…", await rep.ask(path, wanted)))


async def _cross_origin(rep: Representation) -> None:
    """Request the content with a foreign Origin."""
    if rep.plain is not None:
        rep.learn(cors=cors.judge(await rep.ask(None, *_IDENTITY, ("Origin", cors.FOREIGN))))


async def _reflection(rep: Representation) -> None:
    """Check whether a query value is repeated in a compressed page."""
    known = rep.facts.coding
    if known is None or rep.plain is None or not rep.secure or known.compressible is False:
        return
    if not _seen_codings(rep):
        return
    marker = f"seventh{secrets.token_hex(8)}"
    joined = "&" if "?" in rep.path else "?"
    got = await rep.ask(f"{rep.path}{joined}q={marker}", ("Accept-Encoding", coding.BROWSER))
    if got.truncated:
        return
    content = coding.content_of(got)
    reflected, tokens = marker.encode() in content, coding.secrets_in(content)
    if reflected and tokens:
        tokens = await _unmasked(rep, got)
    rep.learn(
        coding=replace(
            known, reflected=reflected, reflected_coding=coding.coding_of(got), secrets=tokens
        )
    )


async def _unmasked(rep: Representation, first: Response) -> tuple[str, ...]:
    """Return the tokens that are unchanged when the same visitor asks again.

    A token that is masked differently in each response cannot be guessed by the responses' sizes.
    """
    cookie = cookies.session(first)
    sent_back = (("Cookie", cookie),) if cookie else ()
    again = await rep.ask(None, ("Accept-Encoding", coding.BROWSER), *sent_back)
    if again.truncated:
        return ()
    return coding.lasting_secrets(coding.content_of(first), coding.content_of(again))
