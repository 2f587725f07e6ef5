"""Further handshakes: what else opens the door, and through which version of HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from seventh.model.alert import Alert
from seventh.model.failure import Failed, Reason, UsageError
from seventh.model.target import Target, parse_target
from seventh.net.stopwatch import Stopwatch
from seventh.net.tls.handshake import prepare
from seventh.net.tls.stream import TlsStream
from seventh.net.wait import Cutoff, DeadlineError
from seventh.protocols.websocket import SPEC, WebSocketOptions
from seventh.protocols.websocket.client.answers import broken, opened, refusal
from seventh.protocols.websocket.client.endpoint import (
    BODY_CAP,
    HANDSHAKE_SECONDS,
    Answered,
    Endpoint,
    Over,
)
from seventh.protocols.websocket.client.socket import Socket
from seventh.protocols.websocket.facts import Handshake, Tunnelled
from seventh.protocols.websocket.wire.frames import Frames
from seventh.protocols.websocket.wire.handshake import judge, resource
from seventh.web.connection import HttpConnection
from seventh.web.h1 import H1Connection
from seventh.web.h2 import ENABLE_CONNECT_PROTOCOL, H2Connection

FOREIGN_ORIGIN = "https://seventh-foreign-origin.invalid"
"""A site that nobody can have put on an allow-list (RFC 6761 §6.4)."""
UNKNOWN_VERSION = 99
QUIC_SECONDS = 1.5
"""How long a server may take to show that it speaks QUIC: most do not, and say nothing."""
CLOSE_SECONDS = 0.5
PING_SECONDS = 2.0


async def look(endpoint: Endpoint) -> None:
    """Every variant that is allowed; what breaks off is noted and ends nothing."""
    ctx = endpoint.ctx
    seen = endpoint.notes.facts.handshake
    if ctx.options.of(WebSocketOptions).direct is not None:
        await _guarded(endpoint, "direct", _direct)
    if seen is None or seen.outcome != "open":
        # What a plain GET gets tells whether it is the upgrade that is refused.
        if seen is not None and ctx.denied(1) is None:
            await _guarded(endpoint, "no upgrade", _no_upgrade)
        return
    if ctx.denied(1) is None:
        await _guarded(endpoint, "wrong version", _version)
        await _guarded(endpoint, "no upgrade", _no_upgrade)
        await _guarded(endpoint, "foreign origin", _origin)
        await _guarded(endpoint, "expect", _expect)
    if endpoint.secure:
        await _guarded(endpoint, "HTTP/2", _h2)
        if not ctx.carried:
            await _guarded(endpoint, "HTTP/3", _h3)


async def _guarded(
    endpoint: Endpoint, what: str, step: Callable[[Endpoint], Awaitable[None]]
) -> None:
    try:
        await step(endpoint)
    except Failed as failed:
        if failed.reason is Reason.OPTIONS_UNUSABLE:
            raise
        endpoint.notes.unknown(what, failed.detail)


async def _finish(endpoint: Endpoint, answered: Answered) -> Handshake:
    """Close the socket of a variant, where it opened."""
    if answered.socket is not None:
        try:
            await answered.socket.close(endpoint.ctx.budget.within(CLOSE_SECONDS))
        except Failed as failed:
            endpoint.notes.unknown("closing", failed.detail)
    return answered.handshake


async def _version(endpoint: Endpoint) -> None:
    answered = await endpoint.variant(version=UNKNOWN_VERSION, phase="ws.version")
    endpoint.notes.learn(wrong_version=await _finish(endpoint, answered))


async def _no_upgrade(endpoint: Endpoint) -> None:
    endpoint.notes.learn(
        no_upgrade=(await endpoint.variant(upgrade=False, phase="ws.plain")).handshake
    )


async def _origin(endpoint: Endpoint) -> None:
    answered = await endpoint.variant(origin=FOREIGN_ORIGIN, phase="ws.origin")
    endpoint.notes.learn(
        foreign_origin=await _finish(endpoint, answered), foreign_origin_sent=FOREIGN_ORIGIN
    )


async def _expect(endpoint: Endpoint) -> None:
    answered = await endpoint.variant(more=(("Expect", "100-continue"),), phase="ws.expect")
    endpoint.notes.learn(expecting=await _finish(endpoint, answered))


# -- the server behind the proxy -------------------------------------------------------------------


async def _direct(endpoint: Endpoint) -> None:
    """The same handshake, with the same Host, sent to where the person says the server is."""
    ctx = endpoint.ctx
    target = _direct_target(ctx.options.of(WebSocketOptions).direct or "")
    addresses = await ctx.addresses_of(target.host, target.port)
    offer = endpoint.offer()
    request = endpoint.request(offer)
    if target.path:
        request = msgspec.structs.replace(request, path=resource(target))
    with ctx.watch.phase("ws.direct", addresses[0].ip):
        try:
            stream = await ctx.connect_again(addresses[0])
            if target.scheme == "wss":
                tls = prepare(stream, ctx.options, target.host, alpn=("http/1.1",))
                await tls.handshake(Stopwatch(), "ws.direct")
                stream = tls
            answered = await endpoint.shake(H1Connection(stream), request, offer)
        except Failed as failed:
            endpoint.notes.learn(direct=broken(failed))
            return
    endpoint.notes.learn(direct=await _finish(endpoint, answered))


def _direct_target(text: str) -> Target:
    try:
        (target,) = parse_target(text, {scheme.name: scheme for scheme in SPEC.schemes})
    except (UsageError, ValueError) as error:
        raise UsageError(f"--direct: {error}; write it as ws://host[:port]") from None
    return target


# -- inside HTTP/2 and HTTP/3 ----------------------------------------------------------------------


async def _h2(endpoint: Endpoint) -> None:
    """RFC 8441: announced in SETTINGS, opened by an extended CONNECT, pinged once."""
    ctx = endpoint.ctx
    with ctx.watch.phase("ws.h2"):
        try:
            stream = await endpoint.shaken(await endpoint.below(), alpn="h2")
        except Failed as failed:
            refused = failed.alert is Alert.NO_APPLICATION_PROTOCOL
            none = refused or failed.reason is Reason.NEGOTIATION_FAILED
            spoken = False if none else None
            endpoint.notes.learn(h2=Tunnelled(spoken=spoken, detail=failed.detail))
            return
        if not isinstance(stream, TlsStream) or stream.alpn != "h2":
            stream.close()
            endpoint.notes.learn(
                h2=Tunnelled(spoken=False, detail="the server picks no h2 by ALPN")
            )
            return
        http = H2Connection(stream)
        try:
            settings = await http.settings(ctx.budget.within(HANDSHAKE_SECONDS))
            found = Tunnelled(spoken=True, enabled=settings.get(ENABLE_CONNECT_PROTOCOL) == 1)
            if found.enabled:
                found = await _inside(endpoint, http, "2")
        except Failed as failed:
            found = Tunnelled(spoken=True, detail=failed.detail)
        endpoint.notes.learn(h2=found)
        await http.aclose()


async def _h3(endpoint: Endpoint) -> None:
    """RFC 9220. The certificate has been judged over TCP; here only the way counts."""
    from seventh.net.quic import connect as quic
    from seventh.web.h3 import ENABLE_CONNECT_PROTOCOL as BY_H3
    from seventh.web.h3 import H3Connection

    ctx = endpoint.ctx
    assert endpoint.address is not None  # noqa: S101 - the conversation has begun
    try:
        client = quic.prepare(ctx, endpoint.address, endpoint.name, verify=False)
    except Failed as failed:
        endpoint.notes.learn(h3=Tunnelled(spoken=None, detail=failed.detail))
        return
    # A server without QUIC is no fault: its silence must not stand among the phases as one.
    scratch = Stopwatch()
    scratch.origin_ns = ctx.watch.origin_ns
    try:
        async with Cutoff(min(QUIC_SECONDS, ctx.budget.seconds_left / 2)):
            await client.handshake(scratch, "quic")
    except (Failed, DeadlineError) as error:
        client.close()
        heard = client.first_received is not None
        detail = error.detail if isinstance(error, Failed) else "no answer in time"
        endpoint.notes.learn(h3=Tunnelled(spoken=None if heard else False, detail=detail))
        return
    ctx.watch.phases.extend(scratch.phases)
    with ctx.watch.phase("ws.h3"):
        http = H3Connection(client)
        try:
            await http.settings()
            found = Tunnelled(spoken=True, enabled=http.stats.setting(BY_H3) == 1)
            if found.enabled:
                found = await _inside(endpoint, http, "3")
        except Failed as failed:
            found = Tunnelled(spoken=True, detail=failed.detail)
        endpoint.notes.learn(h3=found)
        http.close()


async def _inside(endpoint: Endpoint, http: HttpConnection, over: Over) -> Tunnelled:
    """Return a handshake by extended CONNECT, one ping, and the end."""
    offer = endpoint.offer(deflate=True)
    until = endpoint.ctx.budget.within(HANDSHAKE_SECONDS)
    request = endpoint.request(offer, over=over)
    response, stream = await http.tunnel(request, deadline_ns=until, body_cap=BODY_CAP)
    if stream is None:
        return Tunnelled(
            spoken=True, enabled=True, handshake=refusal(response, endpoint.handshake_options.hide)
        )
    judged = judge(response, offer)
    seen = opened(response, judged)
    socket = Socket(stream, Frames(judged.deflate), response.first)
    round_trip = None
    detail = ""
    try:
        if seen.sound:
            round_trip = await socket.ping(endpoint.ctx.budget.within(PING_SECONDS))
            await socket.close(endpoint.ctx.budget.within(CLOSE_SECONDS))
    except Failed as failed:
        detail = failed.detail
    seconds = round_trip[1].since(round_trip[0]) if round_trip else None
    return Tunnelled(spoken=True, enabled=True, handshake=seen, ping_seconds=seconds, detail=detail)
