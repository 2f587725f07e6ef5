"""The check of a WebSocket server: one socket, or everything that an endpoint shows."""

from __future__ import annotations

import statistics

from seventh.model.failure import NO_TLS_AT_ALL, Failed, Reason
from seventh.model.tlsfacts import CERTIFICATE_REFUSALS, TlsFacts
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import now_ns
from seventh.net.stream import Stream
from seventh.net.tls.inspect import certificate_failure, identity, inspect_tls
from seventh.net.tls.plaintext import detect_tls, may_be_tls
from seventh.protocols.websocket import WebSocketOptions
from seventh.protocols.websocket.client.endpoint import Attempt, Endpoint
from seventh.protocols.websocket.client.failure import failure_of
from seventh.protocols.websocket.client.socket import CLOSE_SECONDS, Socket
from seventh.protocols.websocket.facts import Handshake
from seventh.protocols.websocket.probe import reply, variants
from seventh.protocols.websocket.probe.cookies import may_name_a_user
from seventh.protocols.websocket.probe.permitted import with_permission
from seventh.web.h1 import H1Connection
from seventh.wire.websocket_frames import Message, close_code_text

_ORIGIN_REFUSALS = frozenset({400, 403, 404})
"""How servers refuse an Origin: with 403 (RFC 6455 §4.2.2), some libraries with others."""
PINGS = 5
PONG_SECONDS = 10.0
"""The longest wait for a pong; at most half of the time left."""
GREETING_SECONDS = 0.3
"""The longest wait for a message that the server sends first."""
RESERVED = 6
"""The connections that the TLS inspection leaves to the rest."""
_HINTS = ("ratelimit", "rate-limit", "retry-after", "x-max", "max-message", "max-payload")
_WORDS = ("limit", "max_", "maxsize", "max-size", "maxmessage", "maxpayload", "max_payload",
          "heartbeat", "buffer", "quota", "per_second", "persecond", "burst")  # fmt: skip
_NO_INSPECTION = NO_TLS_AT_ALL - {Reason.PROTOCOL_MISMATCH} | {Reason.PEER_RESET}
"""Failures after which TLS is not inspected. A mismatch may be that of HTTP inside TLS."""


async def pulse(ctx: ProbeContext) -> None:
    """Open a socket, ping it once and close it."""
    endpoint = Endpoint(ctx)
    below = await ctx.connect()
    endpoint.use(below.address)
    stream = await endpoint.start_verified_tls(below)
    socket = await _open(endpoint, stream, deflate=False)
    endpoint.count(1)
    if (unmet := await reply.exchange(endpoint, socket, None)) is not None:
        socket.abort()
        raise unmet
    await _ping(endpoint, socket, 1)
    waited = endpoint.notes.facts.pong_wait_seconds
    if waited is not None and socket.alive:
        socket.abort()
        raise Failed(Reason.PEER_SILENT, f"no pong received in {waited:.1f} s", phase="ws.ping")
    await _close(endpoint, socket)


async def check(ctx: ProbeContext) -> None:
    """Learn all facts from the first address, and compare the other addresses with it."""
    endpoint = Endpoint(ctx)
    first, *others = await ctx.connect_all()
    for other in others:
        # They may reach the same server, and one with a single worker waits for each.
        other.close()
    endpoint.use(first.address)
    failed: Failed | None = None
    try:
        await _first_socket(endpoint, first)
    except Failed as error:
        failed = error
    if endpoint.secure and (failed is None or failed.reason not in _NO_INSPECTION):
        await _inspect(endpoint)
        if failed is not None and failed.reason is Reason.TLS_CLIENT_CERTIFICATE_REQUIRED:
            ctx.notes(TlsFacts).learn(client_certificate="refused-later")
    if failed is None or endpoint.notes.facts.handshake is not None:
        await variants.run(endpoint)
    if others:
        await _compare(endpoint, first, others)
    if failed is None:
        await with_permission(endpoint)
    endpoint.close()
    if failed is not None:
        raise failed
    refused = certificate_failure(ctx.notes(TlsFacts).facts) if endpoint.secure else None
    if refused is not None:
        ctx.fail(refused)


# -- the first socket ------------------------------------------------------------------------------


async def _first_socket(endpoint: Endpoint, below: Stream) -> None:
    """Open a socket, wait for a greeting, ping, close."""
    stream = await endpoint.start_tls(below, phase="tls")
    socket = await _open(endpoint, stream, deflate=True)
    endpoint.count(1)
    greeting = await _greeting(endpoint, socket)
    if (unmet := await reply.exchange(endpoint, socket, greeting)) is not None:
        endpoint.ctx.fail(unmet)
        if not socket.alive:
            raise unmet
    await _ping(endpoint, socket, PINGS)
    await _close(endpoint, socket)
    endpoint.count(-1)


async def _open(endpoint: Endpoint, stream: Stream, *, deflate: bool) -> Socket:
    """Return the first socket. Raises Failed with the cause of a refusal, if it is known.

    If the Origin may be the cause, the handshake is repeated without it.
    """
    try:
        return await _handshake(endpoint, stream, deflate=deflate)
    except Failed as failed:
        refused = failed
    seen = endpoint.notes.facts.handshake
    status = seen.status if seen is not None and seen.outcome == "refused" else None
    await _raise_tls_cause(endpoint, refused, status)
    own_origin = endpoint.ctx.options.of(WebSocketOptions).origin is None
    if status not in _ORIGIN_REFUSALS or not own_origin:
        raise refused
    origin, endpoint.origin = endpoint.origin, None
    result = await endpoint.variant(deflate=deflate, phase="ws.upgrade")
    if result.socket is not None and result.handshake.sound:
        endpoint.notes.learn(own_origin=seen)
        _learn_handshake(endpoint, result)
        return result.socket
    if result.socket is not None:
        result.socket.abort()
    endpoint.origin = origin
    raise refused


async def _raise_tls_cause(endpoint: Endpoint, failed: Failed, status: int | None) -> None:
    """Raise Failed if the cause is TLS on the port, or a missing client certificate."""
    if not endpoint.secure:
        if may_be_tls(None if status is not None else failed, status):
            endpoint.close()
            instead = await detect_tls(
                endpoint.ctx, endpoint.address, endpoint.name, "wss", "ws.upgrade"
            )
            if instead is not None:
                raise instead
        return
    tls = endpoint.ctx.notes(TlsFacts)
    if status in CERTIFICATE_REFUSALS - {401} and tls.facts.client_certificate == "optional":
        tls.learn(client_certificate="refused-later")
        raise Failed(
            Reason.TLS_CLIENT_CERTIFICATE_REQUIRED,
            f"HTTP {status} to the handshake without a client certificate, which the server "
            "requests in TLS: give one with --cert and --key",
            phase="ws.upgrade",
        )


async def _handshake(endpoint: Endpoint, stream: Stream, *, deflate: bool) -> Socket:
    """Make the first handshake, and learn its response even if it fails."""
    http = H1Connection(stream)
    offer = endpoint.offer(deflate=deflate)
    with endpoint.ctx.watch.phase("ws.upgrade") as timer:
        try:
            result = await endpoint.attempt(http, endpoint.request(offer), offer)
        except Failed as failed:
            http.close()
            if failed.reason not in {Reason.PROTOCOL_MISMATCH, Reason.BUDGET_EXCEEDED}:
                seen = Handshake(outcome="failed", detail=failed.detail)
                endpoint.notes.learn(handshake=seen)
            raise
        if result.response is not None:
            timer.begin(result.response.sent)
            timer.stop(result.response.first)
        _learn_handshake(endpoint, result)
        if result.socket is None or not result.handshake.sound:
            if result.socket is not None:
                result.socket.abort()
            else:
                endpoint.keep(http)
            raise failure_of(result.handshake, endpoint.handshake_options.credential())
    return result.socket


def _learn_handshake(endpoint: Endpoint, result: Attempt) -> None:
    seen, response = result.handshake, result.response
    assert response is not None  # noqa: S101 - there was a response
    endpoint.notes.learn(
        handshake=seen,
        upgrade_seconds=seen.seconds,
        no_context_takeover=result.deflate.remote_no_context_takeover if result.deflate else None,
        continued=sum(1 for i in response.informational if i.status == 100),
        sets_cookie=any(map(may_name_a_user, response.every("set-cookie"))),
    )
    if seen.outcome == "open":
        fields = (name for name, _ in response.headers if any(h in name for h in _HINTS))
        endpoint.notes.learn(limits_declared=tuple(dict.fromkeys(fields))[:8])


async def _greeting(endpoint: Endpoint, socket: Socket) -> Message | None:
    """Return the message that the server sends first, if any; learn whether it declares limits."""
    if endpoint.ctx.denied(1) is not None:
        return None
    with endpoint.ctx.watch.phase("ws.greeting"):
        message = await socket.message(endpoint.ctx.budget.within(GREETING_SECONDS))
    endpoint.notes.learn(greeting_bytes=len(message.data) if message is not None else 0)
    if message is None:
        return None
    endpoint.notes.learn(greeting_seconds=message.at.since(socket.opened))
    text = message.data[:4096].decode("utf-8", "replace").lower()
    words = [f"the first message ({word})" for word in _WORDS if word in text]
    endpoint.notes.learn(
        limits_declared=(*(endpoint.notes.facts.limits_declared or ()), *words[:1])
    )
    return message


async def _ping(endpoint: Endpoint, socket: Socket, count: int) -> None:
    """Ping ``count`` times and learn the round trips. Raises Failed if the server closes first."""
    ctx = endpoint.ctx
    delays: list[float] = []
    for sent in range(1, count + 1):
        begun = now_ns()
        until = ctx.budget.within(min(PONG_SECONDS, ctx.budget.seconds_left / 2))
        with ctx.watch.phase("ws.ping") as timer:
            ping = await socket.ping(until)
            if ping is not None:
                timer.begin(ping.sent)
                timer.stop(ping.back)
        endpoint.notes.learn(pings_sent=sent)
        if ping is None:
            endpoint.notes.learn(
                pong_wait_seconds=(now_ns() - begun) / 1e9, closed_on_ping=not socket.alive
            )
            break
        delays.append(ping.seconds)
        endpoint.notes.learn(pings_seconds=tuple(delays), ping_seconds=statistics.median(delays))
    if delays or socket.alive:
        return
    closed = socket.frames.closed
    how = "without a close frame"
    reason = ""
    if closed is not None:
        how = f"with code {close_code_text(closed.code)}"
        reason = endpoint.handshake_options.hide(closed.reason)
    endpoint.notes.learn(closed_by="server", close_code=socket.close_code, close_reason=reason)
    raise Failed(
        Reason.PEER_CLOSED,
        f"the server closed the socket right after the handshake, {how}"
        + (f": {reason}" if reason else ""),
        phase="ws.ping",
    )


async def _close(endpoint: Endpoint, socket: Socket) -> None:
    """Close with 1000 and learn the response. A missing one is a fact, not a failure."""
    if not socket.alive:
        socket.abort()
        return
    ctx = endpoint.ctx
    limit = min(CLOSE_SECONDS, ctx.budget.seconds_left / 2)
    with ctx.watch.phase("ws.close") as timer:
        seen = await socket.close(ctx.budget.within(limit))
        timer.begin(seen.sent)
        if seen.frame is not None:
            timer.stop(max(seen.frame.at, seen.sent, key=lambda mark: mark.ns))
    endpoint.notes.learn(
        close_sent=True,
        closed_by="us",
        close_reason=endpoint.handshake_options.hide(seen.frame.reason) if seen.frame else "",
        close_frame=seen.frame is not None,
        close_code=socket.close_code,
        close_ended=seen.ended,
        close_seconds=seen.seconds,
    )


# -- TLS, and other addresses ----------------------------------------------------------------------


async def _inspect(endpoint: Endpoint) -> None:
    """Learn the TLS facts, and leave enough connections to the rest of the check."""
    ctx = endpoint.ctx

    async def connect() -> Stream:
        if ctx.connections_left(endpoint.address) <= RESERVED:
            raise Failed(
                Reason.BUDGET_EXCEEDED, "the remaining connections are reserved for WebSocket"
            )
        return await endpoint.connect()

    try:
        await inspect_tls(ctx, connect, endpoint.name, ("http/1.1",))
    except Failed as failed:
        endpoint.notes.unknown("TLS", failed.detail)


async def _compare(endpoint: Endpoint, first: Stream, others: list[Stream]) -> None:
    """Compare the handshakes and certificates of the name's addresses."""

    async def traits(stream: Stream) -> dict[str, str]:
        certificate = {}
        if endpoint.secure:
            fresh = await endpoint.ctx.connect_again(stream.address)
            certificate = await identity(endpoint.ctx, fresh, endpoint.name)
        seen = endpoint.notes.facts.handshake if stream is first else await shake(stream)
        if seen is None:
            return certificate
        return {
            **certificate,
            "upgrade": f"{seen.outcome} {seen.status or ''}".strip(),
            "subprotocol": seen.subprotocol or "none",
            "extensions": ", ".join(seen.extensions) or "none",
        }

    async def shake(stream: Stream) -> Handshake:
        stream = await endpoint.ctx.connect_again(stream.address)
        offer = endpoint.offer(deflate=True)
        with endpoint.ctx.watch.phase("ws.elsewhere", stream.address.ip):
            http = H1Connection(await endpoint.start_tls(stream))
            result = await endpoint.attempt(http, endpoint.request(offer), offer)
        http.close()
        return result.handshake

    await endpoint.ctx.compare([first, *others], traits)
