"""What is beside a representation: a page's assets, a held event stream, a repeated request."""

from __future__ import annotations

from seventh.model.failure import Failed, Reason
from seventh.model.phase import Mark
from seventh.net.stopwatch import now_ns
from seventh.protocols.http.facts.content import Asset
from seventh.protocols.http.probe.content import assets, coding, repetition
from seventh.protocols.http.probe.content.look import Look
from seventh.protocols.http.probe.content.sse import Listener
from seventh.protocols.http.wire import fields
from seventh.protocols.http.wire.url import resolve
from seventh.web.message import Response, Unfinished
from seventh.wire.text import printable

MAX_EVENT_BYTES = 4 * 1024 * 1024
"""How much of an event stream is taken."""
RESERVE_SECONDS = 0.5
"""What listening leaves of the target's time for what comes after it."""
_ENOUGH = frozenset({Reason.PEER_SILENT, Reason.BUDGET_EXCEEDED})
_GONE = frozenset({Reason.PEER_CLOSED, Reason.PEER_RESET})


async def look_at_assets(look: Look) -> None:
    """One script, one style sheet and one image of a page, as a browser asks for them."""
    plain = look.plain
    if plain is None or plain.status != 200 or plain.truncated:
        return
    if fields.media_type(plain.get("content-type")) != "text/html":
        return
    found: list[Asset] = []
    browser = coding.BROWSER if look.secure else coding.BROWSER_IN_CLEAR
    for references in assets.references(coding.content_of(plain)).values():
        for reference in references:
            url = resolve(look.site.base_url, reference)
            if url is not None and url.origin == look.site.base_url.origin:
                response = await look.ask(url.path, ("Accept-Encoding", browser))
                found.append(_asset(url.path, response))
                look.learn(assets=tuple(found))
                break
    look.learn(assets=tuple(found))


def _asset(path: str, response: Response) -> Asset:
    seen = coding.variant("any", response)
    kind = fields.media_type(response.get("content-type"))
    return Asset(
        path=printable(path.partition("?")[0], 200),
        status=response.status,
        content_type=printable(kind, 80),
        compressible=coding.is_compressible(kind),
        packed=coding.is_packed(kind),
        coding=seen.coding,
        wire_bytes=seen.wire_bytes,
        content_bytes=seen.content_bytes,
        truncated=seen.truncated,
        fault=seen.fault,
    )


async def look_at_events(look: Look) -> None:
    """Listen to the event stream for as long as the person allows (tier 4)."""
    seconds = look.ctx.options.hold_seconds
    why = look.ctx.denied(4) or ("" if seconds else "listening needs --hold SECONDS")
    if why:
        raise Failed(Reason.OPTIONS_UNUSABLE, why)
    opened = await look.site.opened(look.site.base_url.origin, None, fresh=True)
    if opened.stream is not None:
        opened.stream.expect_silence()  # a comment now and then is no drip
    budget = look.ctx.budget
    until = budget.within(min(seconds, max(0.0, budget.seconds_left - RESERVE_SECONDS)))
    listener, head = Listener(), now_ns()
    ended = broken_off = False
    packed = ""

    def take(piece: bytes, at: Mark) -> bool:
        listener.feed(piece, at.ns)
        return now_ns() < until

    try:
        response = await look.site.exchange(
            opened, look.site.base_url, body_cap=MAX_EVENT_BYTES, on_body=take, deadline_ns=until,
            headers=(("Accept", "text/event-stream"), ("Accept-Encoding", "identity")),
        )  # fmt: skip
        ended, packed, head = not response.truncated, coding.coding_of(response), response.first.ns
    except Unfinished as unfinished:
        if unfinished.reason not in _ENOUGH | _GONE:
            raise
        response = unfinished.response
        ended = broken_off = unfinished.reason in _GONE
        packed, head = coding.coding_of(response), response.first.ns
    except Failed as failed:
        if failed.reason not in _ENOUGH:
            raise
    heard = listener.facts(head, now_ns(), ended=ended, coding=packed, broken_off=broken_off)
    look.learn(events=heard)


async def repeat(look: Look) -> None:
    """The person's own request, twice (tier 3)."""
    site = look.site
    template = site.template
    if template.safe:
        return
    if (why := look.ctx.denied(3)) is not None:
        look.learn(repetition_unlearnt=why)
        return
    keyed = template.method in repetition.KEYED
    if not keyed and template.method not in repetition.BY_NATURE:
        look.learn(repetition_unlearnt=f"{template.method} promises nothing when it is repeated")
        return
    if site.base_url.origin != site.origin:
        look.learn(repetition_unlearnt="the target leads to another origin")
        return
    own = any(name.lower() == repetition.KEY.lower() for name, _ in template.fields)
    extra = ((repetition.KEY, repetition.fresh_key()),) if keyed and not own else ()

    async def send() -> Response:
        path = site.url.path
        got = await site.get(path, method=template.method, headers=extra, body=template.body)
        return look.note(path, got)

    first, second = await send(), await send()
    look.learn(repetition=repetition.compare(template.method, first, second, keyed=keyed))
