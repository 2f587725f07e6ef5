"""What is beside a representation: a page's assets, a held event stream, a repeated request."""

from __future__ import annotations

from seventh.model.failure import Failed, Reason
from seventh.model.phase import Mark
from seventh.net.stopwatch import now_ns
from seventh.protocols.http.facts.content import Asset
from seventh.protocols.http.probe.content import assets, coding, repetition
from seventh.protocols.http.probe.content.representation import Representation
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


async def check_assets(rep: Representation) -> None:
    """Request one script, one style sheet and one image of a page, as a browser does."""
    plain = rep.plain
    if plain is None or plain.status != 200 or plain.truncated:
        return
    if fields.media_type(plain.get("content-type")) != "text/html":
        return
    found: list[Asset] = []
    for references in assets.references(coding.content_of(plain)).values():
        for reference in references:
            url = resolve(rep.site.base_url, reference)
            if url is not None and url.origin == rep.site.base_url.origin:
                response = await rep.ask(url.path, ("Accept-Encoding", rep.browser_codings))
                found.append(_asset(url.path, response))
                rep.learn(assets=tuple(found))
                break
    rep.learn(assets=tuple(found))


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


async def check_events(rep: Representation) -> None:
    """Receive the event stream for as long as --hold permits (tier 4)."""
    seconds = rep.ctx.options.hold_seconds
    why = rep.ctx.denied(4) or ("" if seconds else "event streams need --hold SECONDS")
    if why:
        raise Failed(Reason.OPTIONS_UNUSABLE, why)
    opened = await rep.site.opened(rep.site.base_url.origin, None, fresh=True)
    if opened.stream is not None:
        opened.stream.expect_silence()  # a comment now and then is no drip
    budget = rep.ctx.budget
    until = budget.within(min(seconds, max(0.0, budget.seconds_left - RESERVE_SECONDS)))
    listener, head = Listener(), now_ns()
    ended = broken_off = False
    packed = ""

    def take(piece: bytes, at: Mark) -> bool:
        listener.feed(piece, at.ns)
        return now_ns() < until

    try:
        response = await rep.site.exchange(
            opened, rep.site.base_url, body_cap=MAX_EVENT_BYTES, on_body=take, deadline_ns=until,
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
    rep.learn(events=heard)


async def repeat(rep: Representation) -> None:
    """Make the user's request twice (tier 3)."""
    site = rep.site
    template = site.template
    if template.safe:
        return
    if (why := rep.ctx.denied(3)) is not None:
        rep.learn(repetition_unlearnt=why)
        return
    keyed = template.method in repetition.KEYED
    if not keyed and template.method not in repetition.BY_NATURE:
        rep.learn(
            repetition_unlearnt=f"{template.method} is not idempotent and has no Idempotency-Key"
        )
        return
    if site.base_url.origin != site.origin:
        rep.learn(repetition_unlearnt="the target redirects to another origin")
        return
    own = any(name.lower() == repetition.KEY.lower() for name, _ in template.fields)
    extra = ((repetition.KEY, repetition.fresh_key()),) if keyed and not own else ()

    async def send() -> Response:
        path = site.url.path
        got = await site.get(path, method=template.method, headers=extra, body=template.body)
        return rep.note(path, got)

    first, second = await send(), await send()
    rep.learn(repetition=repetition.compare(template.method, first, second, keyed=keyed))
