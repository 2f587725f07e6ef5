"""Looking at what a site serves: caching, codings, validators, errors, its description.

Everything is asked through the site and its budget of requests. Each step stands for itself: where
one fails, ``unknown`` says why and the next one goes on, unless time or requests are spent.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable

import msgspec

from seventh.model.failure import Failed, Reason
from seventh.net.clock import wall_ns
from seventh.net.probe_context import ProbeContext
from seventh.protocols.http.client.origin import Site
from seventh.protocols.http.facts.content import (
    Coding,
    Validation,
    Variant,
)
from seventh.protocols.http.probe.content import caching, coding, cookies, cors, errors
from seventh.protocols.http.probe.content.api import look_at_api
from seventh.protocols.http.probe.content.beside import look_at_assets, look_at_events, repeat
from seventh.protocols.http.probe.content.look import Look
from seventh.protocols.http.wire import fields
from seventh.web.message import Fields, Response
from seventh.wire.text import printable

MAX_OTHER_ADDRESSES = 3
_OFFERS = ("br", "zstd", "gzip")
_IDENTITY: Fields = (("Accept-Encoding", "identity"),)
"""Asks for the plain representation, also of a server that codes unasked."""
MAX_TAG = 2048
"""The longest ETag that is sent back; a longer one might not fit a server's limit for a head."""
_SPENT = frozenset({Reason.BUDGET_EXCEEDED, Reason.ADDRESS_POLICY})
_ENDS = frozenset({"text/event-stream", "multipart/x-mixed-replace"})
"""Types of replies that never end."""
Step = Callable[[Look], Awaitable[None]]


async def look(ctx: ProbeContext, site: Site) -> None:
    """Learn all that the representation at ``site.base_url`` and its surroundings tell.

    Needs ``site.base``. Raises nothing: what fails is in ``ContentFacts.unknown``.
    """
    await _run(Look(ctx, site))


async def _run(look: Look) -> None:
    """All steps, in the order of what they are worth."""
    if look.site.base is None:
        return
    look.note(None, look.site.base)
    steps: dict[str, Step] = {
        "codings": _codings,
        "validators": _validators,
        "addresses": _addresses,
        "errors": _errors,
        "cross-origin": _cross_origin,
        "reflection": _reflection,
        "description": look_at_api,
        "assets": look_at_assets,
    }
    if fields.media_type(look.site.base.get("content-type")) in _ENDS:
        steps = {"events": look_at_events}
        look.learn(content=errors.body_of(_shown(look), look.site.base))
    steps["repetition"] = repeat
    unknown: dict[str, str] = {}
    for name, step in steps.items():
        try:
            await step(look)
        except Failed as failed:
            unknown[name] = failed.detail
            if failed.reason in _SPENT:
                break
        _sum_up(look, unknown)
    _sum_up(look, unknown)


def _sum_up(look: Look, unknown: dict[str, str]) -> None:
    """What all replies together tell."""
    now = wall_ns(look.responses[-1][1].last) / 1e9
    got = [response for _, response in look.responses]
    refused = [(p, r) for p, r in look.responses if r.status in {429, 503}]
    chain = [r.every("cache-status") for r in got if r.get("cache-status")]
    kept = look.facts.caching
    if kept is not None and kept.sets_cookies and not look.trusted:
        look.learn(caching=msgspec.structs.replace(kept, common_cookies=cookies.common(got)))
    look.learn(
        unknown=dict(unknown),
        cache_hits=dict(look.hits),
        cache_status=tuple(printable(v, 200) for v in chain[-1]) if chain else (),
        cookies=cookies.cookies(got, secure=look.secure, now_seconds=now),
        refusals=tuple(errors.refusal(p.partition("?")[0], r) for p, r in refused[:8]),
        lifecycle=errors.lifecycle(got, now),
    )


def _shown(look: Look) -> str:
    """Return the path as facts may show it: a query may hold a secret."""
    return look.path.partition("?")[0]


async def _codings(look: Look) -> None:
    """The representation under each offer; what a shared cache may do with it."""
    plain = await _unpacked(look)
    identity = coding.variant("identity", plain)
    look.take_plain(plain, identity.digest)
    _judge(look, plain)
    kind = fields.media_type(plain.get("content-type"))
    known = Coding(
        content_type=printable(kind, 80),
        compressible=coding.is_compressible(kind),
        packed=coding.is_packed(kind),
        secure=look.secure,
        variants=(identity,),
    )
    look.learn(coding=known, content=errors.body_of(_shown(look), plain))
    if plain.status != 200 or not plain.body_bytes:
        return
    browser = coding.BROWSER if look.secure else coding.BROWSER_IN_CLEAR
    unrestricted = await look.ask(None, ("Accept-Encoding", browser))
    look.take_any(unrestricted)
    known = _add(look, known, coding.variant("any", unrestricted))
    for offer in _OFFERS if known.compressible is not False else ():
        # In clear no browser offers br and zstd; and what has been seen need not be asked for.
        if (look.secure or offer == "gzip") and offer not in coding.codings(known.variants):
            asked = await look.ask(None, ("Accept-Encoding", offer))
            known = _add(look, known, coding.variant(offer, asked))


def _add(look: Look, known: Coding, variant: Variant) -> Coding:
    known = msgspec.structs.replace(known, variants=(*known.variants, variant))
    look.learn(coding=known)
    return known


async def _unpacked(look: Look) -> Response:
    """Return the representation without a coding: what is there already, where it is that."""
    base = look.site.base
    if (
        base is not None
        and look.site.template.method != "HEAD"
        and not base.truncated
        and not coding.coding_of(base)
    ):
        return base
    return await look.ask(None, ("Accept-Encoding", "identity"))


def _judge(look: Look, response: Response) -> None:
    received = wall_ns(response.first) / 1e9
    look.learn(caching=caching.judge(response, received, authenticated=look.trusted))


async def _validators(look: Look) -> None:
    """Conditional requests, and the same request again."""
    plain = look.plain
    if plain is None or plain.status != 200:
        return
    tag, modified = fields.etag(plain.get("etag")), plain.get("last-modified")
    known = Validation(
        etag=None if tag is None else fields.shown_tag(tag),
        last_modified=None if modified is None else printable(modified, 64),
    )
    look.learn(validation=known)
    again = await look.ask(None, *_IDENTITY)
    known = _replace(look, known, etags=_same_content(look, plain, "first", again, "repeated"))
    if tag is not None and len(tag) <= MAX_TAG:
        got = await look.ask(None, *_IDENTITY, ("If-None-Match", tag))
        known = _replace(
            look, known, etag_status=got.status, etag_same_bytes=_is_same(look, got),
            dropped=caching.dropped(plain, got) if got.status == 304 else None,
        )  # fmt: skip
    known = await _coded(look, known)
    if modified is not None and fields.http_date(modified) is not None:
        got = await look.ask(None, *_IDENTITY, ("If-Modified-Since", modified))
        dropped = known.dropped
        if dropped is None and got.status == 304:
            dropped = caching.dropped(plain, got)
        _replace(
            look,
            known,
            date_status=got.status,
            date_same_bytes=_is_same(look, got),
            dropped=dropped,
        )


async def _coded(look: Look, known: Validation) -> Validation:
    """Return the same for the coded reply: it is what browsers have in their caches."""
    got = look.any
    tag = fields.etag(got.get("etag")) if got is not None else None
    if got is None or tag is None or len(tag) > MAX_TAG or not coding.coding_of(got):
        return known
    browser = coding.BROWSER if look.secure else coding.BROWSER_IN_CLEAR
    validated = await look.ask(None, ("Accept-Encoding", browser), ("If-None-Match", tag))
    return _replace(
        look, known, coded=coding.coding_of(got), coded_etag=fields.shown_tag(tag),
        coded_status=validated.status, coded_same_bytes=_is_same(look, validated),
    )  # fmt: skip


def _replace(look: Look, known: Validation, **changes: object) -> Validation:
    known = msgspec.structs.replace(known, **changes)
    look.learn(validation=known)
    return known


def _is_same(look: Look, response: Response) -> bool | None:
    """Return whether a full reply has the plain one's content; None where nobody can say."""
    if response.status != 200 or not look.digest:
        return None
    digest = coding.variant("", response).digest
    return digest == look.digest if digest else None


def _same_content(look: Look, *seen: Response | str) -> dict[str, str]:
    """ETags by their place, of those replies that are the same to the byte."""
    found = {}
    for response, place in zip(seen[::2], seen[1::2], strict=True):
        assert isinstance(response, Response) and isinstance(place, str)  # noqa: S101, PT018
        tag = fields.etag(response.get("etag"))
        if tag is not None and not coding.coding_of(response) and _is_same(look, response):
            found[place] = fields.shown_tag(tag)
    return found


async def _addresses(look: Look) -> None:
    """The same at the name's other addresses."""
    known = look.facts.validation
    if known is None or known.etag is None or look.plain is None:
        return
    etags = dict(known.etags)
    if "first" in etags:
        etags[look.site.address.ip] = etags.pop("first")
    for address in look.site.addresses[1 : 1 + MAX_OTHER_ADDRESSES]:
        try:
            got = await look.site.get_at(address, headers=_IDENTITY)
        except Failed as failed:
            if failed.reason in _SPENT:
                raise
            continue  # a dead address is others' finding
        etags |= _same_content(look, look.note(None, got), address.ip)
    _replace(look, known, etags=etags)


async def _errors(look: Look) -> None:
    """A path that cannot exist, beside the representation: the top may be another's."""
    folder = look.path.partition("?")[0].rpartition("/")[0]
    path = f"{folder}/seventh-{secrets.token_hex(6)}"
    wanted = ("Accept", "application/problem+json, application/json;q=0.9, */*;q=0.1")
    look.learn(error=errors.body_of(f"{folder}/seventh-…", await look.ask(path, wanted)))


async def _cross_origin(look: Look) -> None:
    """The same with a foreign Origin."""
    if look.plain is not None:
        extra = (*_IDENTITY, ("Origin", cors.FOREIGN))
        look.learn(cors=cors.judge(await look.ask(None, *extra)))


async def _reflection(look: Look) -> None:
    """Whether a query's value comes back in a page that is compressed."""
    known = look.facts.coding
    if known is None or look.plain is None or not look.secure:
        return
    packed = coding.codings(known.variants)
    if not packed or known.compressible is False:
        return
    marker = f"seventh{secrets.token_hex(8)}"
    joined = "&" if "?" in look.path else "?"
    got = await look.ask(f"{look.path}{joined}q={marker}", ("Accept-Encoding", coding.BROWSER))
    if got.truncated:
        return
    content = coding.content_of(got)
    reflected, tokens = marker.encode() in content, coding.secrets_in(content)
    if reflected and tokens:
        tokens = await _unmasked(look, got)
    known = msgspec.structs.replace(
        known, reflected=reflected, reflected_coding=coding.coding_of(got), secrets=tokens
    )
    look.learn(coding=known)


async def _unmasked(look: Look, first: Response) -> tuple[str, ...]:
    """Return the secrets that stand there unchanged when the same visitor asks again.

    A token that is masked anew in each reply cannot be guessed by the replies' sizes.
    """
    cookie = cookies.session(first)
    again = await look.ask(None, ("Accept-Encoding", coding.BROWSER),
                           *((("Cookie", cookie),) if cookie else ()))  # fmt: skip
    if again.truncated:
        return ()
    return coding.lasting_secrets(coding.content_of(first), coding.content_of(again))
