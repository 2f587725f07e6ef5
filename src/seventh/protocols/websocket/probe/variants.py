"""Further handshakes: other requests, the backend, and other versions of HTTP."""

from __future__ import annotations

import msgspec

from seventh.model.alert import Alert
from seventh.model.failure import Failed, Reason, UsageError
from seventh.model.target import Target, parse_target
from seventh.net.stopwatch import Stopwatch
from seventh.net.tls.handshake import prepare
from seventh.net.tls.stream import TlsStream
from seventh.net.wait import Cutoff, DeadlineError
from seventh.protocols.websocket import SPEC, WebSocketOptions
from seventh.protocols.websocket.client.endpoint import HANDSHAKE_SECONDS, Attempt, Endpoint, Over
from seventh.protocols.websocket.facts import Handshake, Tunnelled
from seventh.protocols.websocket.probe.step import step
from seventh.protocols.websocket.wire.handshake import resource
from seventh.web.connection import HttpConnection
from seventh.web.h1 import H1Connection
from seventh.web.h2 import ENABLE_CONNECT_PROTOCOL, H2Connection

FOREIGN_ORIGIN = "https://seventh-foreign-origin.invalid"
"""An origin that no allow-list contains (RFC 6761 §6.4)."""
UNKNOWN_VERSION = 99
QUIC_SECONDS = 3.0
"""The longest wait for a QUIC handshake: most servers without QUIC do not answer."""
CLOSE_SECONDS = 0.5
PING_SECONDS = 2.0


async def run(endpoint: Endpoint) -> None:
    """Make every permitted handshake."""
    ctx = endpoint.ctx
    seen = endpoint.notes.facts.handshake
    if ctx.options.of(WebSocketOptions).direct is not None:
        await step(endpoint, "direct", _direct)
    if seen is None or seen.outcome != "open":
        # The response to a plain GET shows whether the upgrade is the cause.
        if seen is not None and ctx.denied(1) is None:
            await step(endpoint, "no upgrade", _no_upgrade)
        return
    if ctx.denied(1) is None:
        await step(endpoint, "wrong version", _version)
        await step(endpoint, "no upgrade", _no_upgrade)
        await step(endpoint, "foreign origin", _origin)
        await step(endpoint, "expect", _expect)
    if endpoint.secure:
        await step(endpoint, "HTTP/2", _h2)
        if not ctx.carried:
            await step(endpoint, "HTTP/3", _h3)


async def _finish(endpoint: Endpoint, result: Attempt) -> Handshake:
    """Close the socket of a variant, if it opened."""
    if result.socket is not None:
        try:
            await result.socket.close(endpoint.ctx.budget.within(CLOSE_SECONDS))
        except Failed as failed:
            endpoint.notes.unknown("closing", failed.detail)
    return result.handshake


async def _version(endpoint: Endpoint) -> None:
    result = await endpoint.variant(version=UNKNOWN_VERSION, phase="ws.version")
    endpoint.notes.learn(wrong_version=await _finish(endpoint, result))


async def _no_upgrade(endpoint: Endpoint) -> None:
    result = await endpoint.variant(upgrade=False, phase="ws.plain")
    endpoint.notes.learn(no_upgrade=result.handshake)


async def _origin(endpoint: Endpoint) -> None:
    result = await endpoint.variant(origin=FOREIGN_ORIGIN, phase="ws.origin")
    endpoint.notes.learn(
        foreign_origin=await _finish(endpoint, result), foreign_origin_sent=FOREIGN_ORIGIN
    )


async def _expect(endpoint: Endpoint) -> None:
    result = await endpoint.variant(more=(("Expect", "100-continue"),), phase="ws.expect")
    endpoint.notes.learn(expecting=await _finish(endpoint, result))


# -- the backend -----------------------------------------------------------------------------------


async def _direct(endpoint: Endpoint) -> None:
    """Make the same handshake, with the same Host, with the backend of --direct."""
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
            result = await endpoint.attempt(H1Connection(stream), request, offer)
        except Failed as failed:
            endpoint.notes.learn(direct=Handshake(outcome="failed", detail=failed.detail))
            return
    endpoint.notes.learn(direct=await _finish(endpoint, result))


def _direct_target(text: str) -> Target:
    try:
        (target,) = parse_target(text, {scheme.name: scheme for scheme in SPEC.schemes})
    except (UsageError, ValueError) as error:
        raise UsageError(f"--direct: {error}; write it as ws://host[:port]") from None
    return target


# -- HTTP/2 and HTTP/3 -----------------------------------------------------------------------------


async def _h2(endpoint: Endpoint) -> None:
    """Open and ping a socket over HTTP/2 if its SETTINGS allow it (RFC 8441)."""
    with endpoint.ctx.watch.phase("ws.h2"):
        endpoint.notes.learn(h2=await _over_h2(endpoint))


async def _over_h2(endpoint: Endpoint) -> Tunnelled:
    try:
        stream = await endpoint.start_tls(await endpoint.connect(), alpn="h2")
    except Failed as failed:
        refused = (
            failed.alert is Alert.NO_APPLICATION_PROTOCOL
            or failed.reason is Reason.NEGOTIATION_FAILED
        )
        return Tunnelled(spoken=False if refused else None, detail=failed.detail)
    if not isinstance(stream, TlsStream) or stream.alpn != "h2":
        stream.close()
        return Tunnelled(spoken=False, detail="the server does not select h2 in ALPN")
    http = H2Connection(stream)
    try:
        settings = await http.settings(endpoint.ctx.budget.within(HANDSHAKE_SECONDS))
        return await _inside(endpoint, http, "2", settings.get(ENABLE_CONNECT_PROTOCOL) == 1)
    except Failed as failed:
        return Tunnelled(spoken=True, detail=failed.detail)
    finally:
        await http.aclose()


async def _h3(endpoint: Endpoint) -> None:
    """Open and ping a socket over HTTP/3 if its SETTINGS allow it (RFC 9220).

    The certificate was judged over TCP.
    """
    from seventh.net.quic import connect as quic
    from seventh.web.h3 import ENABLE_CONNECT_PROTOCOL as BY_H3
    from seventh.web.h3 import H3Connection

    ctx = endpoint.ctx
    try:
        client = quic.prepare(ctx, endpoint.address, endpoint.name, verify=False)
    except Failed as failed:
        endpoint.notes.learn(h3=Tunnelled(detail=failed.detail))
        return
    # A server without QUIC is no fault, so its silence must not be reported as a failed phase.
    scratch = Stopwatch()
    scratch.origin_ns = ctx.watch.origin_ns
    try:
        async with Cutoff(min(QUIC_SECONDS, ctx.budget.seconds_left / 2)):
            await client.handshake(scratch, "quic")
    except (Failed, DeadlineError) as error:
        client.close()
        answered = client.first_received is not None
        detail = error.detail if isinstance(error, Failed) else "no answer in time"
        endpoint.notes.learn(h3=Tunnelled(spoken=None if answered else False, detail=detail))
        return
    ctx.watch.phases.extend(scratch.phases)
    with ctx.watch.phase("ws.h3"):
        http = H3Connection(client)
        try:
            await http.settings()
            found = await _inside(endpoint, http, "3", http.stats.setting(BY_H3) == 1)
        except Failed as failed:
            found = Tunnelled(spoken=True, detail=failed.detail)
        endpoint.notes.learn(h3=found)
        http.close()


async def _inside(endpoint: Endpoint, http: HttpConnection, over: Over, enabled: bool) -> Tunnelled:
    """Open a socket by extended CONNECT if it is ``enabled``, ping it once and close it."""
    if not enabled:
        return Tunnelled(spoken=True, enabled=False)
    offer = endpoint.offer(deflate=True)
    result = await endpoint.attempt(http, endpoint.request(offer, over=over), offer)
    ping, detail = None, ""
    if result.socket is not None and result.handshake.sound:
        try:
            ping = await result.socket.ping(endpoint.ctx.budget.within(PING_SECONDS))
            await result.socket.close(endpoint.ctx.budget.within(CLOSE_SECONDS))
        except Failed as failed:
            detail = failed.detail
    return Tunnelled(
        spoken=True,
        enabled=True,
        handshake=result.handshake,
        ping_seconds=ping.seconds if ping is not None else None,
        detail=detail,
    )
