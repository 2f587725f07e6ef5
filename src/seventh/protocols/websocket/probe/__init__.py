"""The conversation with a WebSocket server: one socket, or everything that an endpoint tells."""

from __future__ import annotations

import statistics

from seventh.model.failure import NO_TLS_AT_ALL, Failed, Reason
from seventh.model.phase import Mark
from seventh.model.tlsfacts import CERTIFICATE_REFUSALS, TlsFacts
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import now_ns
from seventh.net.stream import Stream
from seventh.net.tls.inspect import certificate_failure, identity, inspect_tls
from seventh.net.tls.instead import may_be_tls, tls_instead
from seventh.protocols.websocket import WebSocketOptions
from seventh.protocols.websocket.client.answers import broken, failure_of
from seventh.protocols.websocket.client.endpoint import Answered, Endpoint
from seventh.protocols.websocket.client.socket import CLOSE_SECONDS, Socket
from seventh.protocols.websocket.probe import variants
from seventh.protocols.websocket.probe.cookies import may_name_a_user
from seventh.protocols.websocket.probe.permitted import with_permission
from seventh.protocols.websocket.wire.frames import Closed, code_words
from seventh.web.h1 import H1Connection

_ORIGIN_REFUSALS = frozenset({400, 403, 404})
"""How servers refuse an Origin: 403 by the standard (RFC 6455 §4.2.2), some libraries otherwise."""
PINGS = 5
PONG_SECONDS = 10.0
"""How long a pong is waited for, at most half of the time that is left."""
GREETING_SECONDS = 0.3
"""How long a server may take to say something unasked."""
RESERVED = 6
"""How many connections the TLS questions leave to the rest."""
_HINTS = ("ratelimit", "rate-limit", "retry-after", "x-max", "max-message", "max-payload")
_WORDS = ("limit", "max_", "maxsize", "max-size", "maxmessage", "maxpayload", "max_payload",
          "heartbeat", "buffer", "quota", "per_second", "persecond", "burst")  # fmt: skip
_TLS_UNASKED = NO_TLS_AT_ALL - {Reason.PROTOCOL_MISMATCH} | {Reason.PEER_RESET}
"""After these the TLS questions are left out. A mismatch may be that of what is inside TLS."""


async def pulse(ctx: ProbeContext) -> None:
    """Open a socket, ping it once and close it."""
    endpoint = Endpoint(ctx)
    below = await ctx.connect()
    endpoint.begin(below.address)
    socket = await _open(endpoint, await endpoint.verified(below), deflate=False)
    endpoint.count(1)
    await _ping(endpoint, socket, 1)
    waited = endpoint.notes.facts.pong_wait_seconds
    if waited is not None and socket.alive:
        socket.drop()
        raise Failed(Reason.PEER_SILENT, f"no pong came within {waited:.1f} s", phase="ws.ping")
    await _close(endpoint, socket)


async def check(ctx: ProbeContext) -> None:
    """Learn all of the room's facts from the first address, and compare the others with it."""
    endpoint = Endpoint(ctx)
    streams = await ctx.connect_all()
    first, others = streams[0], streams[1:]
    for other in others:
        # They may lead to the same server, and one with a single worker waits for each.
        other.close()
    endpoint.begin(first.address)
    failed: Failed | None = None
    try:
        await _conversation(endpoint, first)
    except Failed as error:
        failed = error
    if endpoint.secure and (failed is None or failed.reason not in _TLS_UNASKED):
        await _inspect(endpoint)
        if failed is not None and failed.reason is Reason.TLS_CLIENT_CERTIFICATE_REQUIRED:
            ctx.notes(TlsFacts).learn(client_certificate="refused-later")
    if failed is None or endpoint.notes.facts.handshake is not None:
        await variants.look(endpoint)
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


async def _conversation(endpoint: Endpoint, below: Stream) -> None:
    """Open, listen for a greeting, ping, close."""
    stream = await endpoint.shaken(below, phase="tls")
    socket = await _open(endpoint, stream, deflate=True)
    endpoint.count(1)
    await _greeting(endpoint, socket)
    await _ping(endpoint, socket, PINGS)
    await _close(endpoint, socket)
    endpoint.count(-1)


async def _open(endpoint: Endpoint, stream: Stream, *, deflate: bool) -> Socket:
    """Return the handshake; where it is refused for another cause than the service's, that is said.

    Once more without Origin, as clients that are not browsers come, where ours may be the cause.
    """
    try:
        return await _opening(endpoint, stream, deflate=deflate)
    except Failed as failed:
        refused = failed
    seen = endpoint.notes.facts.handshake
    status = seen.status if seen is not None and seen.outcome == "refused" else None
    await _of_tls(endpoint, refused, status)
    asked_for = endpoint.ctx.options.of(WebSocketOptions).origin is not None
    if status not in _ORIGIN_REFUSALS or asked_for:
        raise refused
    endpoint.leave_origin()
    answered = await endpoint.variant(deflate=deflate, phase="ws.upgrade")
    if answered.socket is not None and answered.handshake.sound:
        endpoint.notes.learn(own_origin=seen)
        _note_opening(endpoint, answered)
        return answered.socket
    if answered.socket is not None:
        answered.socket.drop()
    endpoint.take_origin()
    raise refused


async def _of_tls(endpoint: Endpoint, failed: Failed, status: int | None) -> None:
    """Raise what is behind a refusal: TLS on the port, or a client certificate that is missing."""
    assert endpoint.address is not None  # noqa: S101 - the conversation has begun
    if not endpoint.secure:
        if may_be_tls(None if status is not None else failed, status):
            endpoint.close()
            instead = await tls_instead(
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
            f"HTTP {status} to the handshake without a client certificate, which the server asks "
            "for in TLS: give one with --cert and --key",
            phase="ws.upgrade",
        )


async def _opening(endpoint: Endpoint, stream: Stream, *, deflate: bool) -> Socket:
    """Return the first handshake; every word of its answer is a fact, even where it fails."""
    http = H1Connection(stream)
    offer = endpoint.offer(deflate=deflate)
    request = endpoint.request(offer)
    with endpoint.ctx.watch.phase("ws.upgrade") as timer:
        try:
            answered = await endpoint.shake(http, request, offer)
        except Failed as failed:
            http.close()
            if failed.reason not in {Reason.PROTOCOL_MISMATCH, Reason.BUDGET_EXCEEDED}:
                endpoint.notes.learn(handshake=broken(failed))
            raise
        seen, response = answered.handshake, answered.response
        if response is not None:
            timer.begin(response.sent)
            timer.stop(response.first)
        _note_opening(endpoint, answered)
        if answered.socket is None or not seen.sound:
            if answered.socket is not None:
                answered.socket.drop()
            else:
                endpoint.keep(http)
            raise failure_of(seen, endpoint.handshake_options.credential())
    return answered.socket


def _note_opening(endpoint: Endpoint, answered: Answered) -> None:
    seen, judged, response = answered.handshake, answered.judged, answered.response
    assert response is not None  # noqa: S101 - a handshake that was answered
    endpoint.notes.learn(
        handshake=seen,
        upgrade_seconds=seen.seconds,
        no_context_takeover=judged.no_context_takeover if judged is not None else None,
        continued=sum(1 for i in response.informational if i.status == 100),
        sets_cookie=any(map(may_name_a_user, response.every("set-cookie"))),
    )
    if seen.outcome == "open":
        fields = (name for name, _ in response.headers if any(h in name for h in _HINTS))
        endpoint.notes.learn(limits_declared=tuple(dict.fromkeys(fields))[:8])


async def _greeting(endpoint: Endpoint, socket: Socket) -> None:
    """What the server says unasked, and whether it speaks of limits."""
    if endpoint.ctx.denied(1) is not None:
        return
    with endpoint.ctx.watch.phase("ws.greeting"):
        message = await socket.message(endpoint.ctx.budget.within(GREETING_SECONDS))
    endpoint.notes.learn(greeting_bytes=len(message.data) if message is not None else 0)
    if message is None:
        return
    endpoint.notes.learn(greeting_seconds=message.at.since(socket.opened))
    text = message.data[:4096].decode("utf-8", "replace").lower()
    words = [f"the first message ({word})" for word in _WORDS if word in text]
    endpoint.notes.learn(
        limits_declared=(*(endpoint.notes.facts.limits_declared or ()), *words[:1])
    )


async def _ping(endpoint: Endpoint, socket: Socket, count: int) -> None:
    """Ping and wait for the pong that carries the same; the times are the server's whole way."""
    ctx = endpoint.ctx
    delays: list[float] = []
    for sent in range(1, count + 1):
        begun = now_ns()
        until = ctx.budget.within(min(PONG_SECONDS, ctx.budget.seconds_left / 2))
        with ctx.watch.phase("ws.ping") as timer:
            round_trip = await socket.ping(until)
            if round_trip is not None:
                timer.begin(round_trip[0])
                timer.stop(round_trip[1])
        endpoint.notes.learn(pings_sent=sent)
        if round_trip is None:
            endpoint.notes.learn(
                pong_wait_seconds=(now_ns() - begun) / 1e9, closed_on_ping=not socket.alive
            )
            break
        delays.append(round_trip[1].since(round_trip[0]))
        endpoint.notes.learn(pings_seconds=tuple(delays), ping_seconds=statistics.median(delays))
    if not delays and not socket.alive:
        closed = socket.frames.closed
        code = code_words(closed.code if closed is not None else None)
        said = f"with code {code}" if closed is not None else "without a close frame"
        reason = endpoint.handshake_options.hide(closed.reason) if closed is not None else ""
        endpoint.notes.learn(
            closed_by="server",
            close_code=closed.code if closed is not None else None,
            close_reason=reason,
        )
        why = f": {reason}" if reason else ""
        raise Failed(
            Reason.PEER_CLOSED,
            f"the server ended the socket right after the handshake, {said}{why}",
            phase="ws.ping",
        )


async def _close(endpoint: Endpoint, socket: Socket) -> None:
    """Close with 1000 and see what comes back. A missing answer is a fact, not a failure."""
    if not socket.alive:
        socket.drop()
        return
    ctx = endpoint.ctx
    limit = min(CLOSE_SECONDS, ctx.budget.seconds_left / 2)
    with ctx.watch.phase("ws.close") as timer:
        seen = await socket.close(ctx.budget.within(limit))
        timer.begin(seen.sent)
        if seen.frame is not None:
            timer.stop(_later(seen.frame, seen.sent))
    endpoint.notes.learn(
        close_sent=True,
        closed_by="us",
        close_reason=endpoint.handshake_options.hide(seen.frame.reason)
        if seen.frame is not None
        else "",
        close_frame=seen.frame is not None,
        close_code=seen.frame.code if seen.frame is not None else None,
        close_ended=seen.ended,
        close_seconds=seen.seconds,
    )


def _later(frame: Closed, sent: Mark) -> Mark:
    return frame.at if frame.at.ns >= sent.ns else sent


# -- TLS, and other addresses ----------------------------------------------------------------------


async def _inspect(endpoint: Endpoint) -> None:
    """All of TLS's facts; what the rest of the check needs is left of the connections."""
    ctx = endpoint.ctx

    async def open_stream() -> Stream:
        assert endpoint.address is not None  # noqa: S101 - the conversation has begun
        if ctx.connections_left(endpoint.address) <= RESERVED:
            raise Failed(Reason.BUDGET_EXCEEDED, "the other connections are for the WebSocket")
        return await endpoint.below()

    try:
        await inspect_tls(ctx, open_stream, endpoint.name, ("http/1.1",))
    except Failed as failed:
        endpoint.notes.unknown("TLS", failed.detail)


async def _compare(endpoint: Endpoint, first: Stream, others: list[Stream]) -> None:
    """A handshake at each of the name's addresses; they should answer alike."""

    async def look(stream: Stream) -> dict[str, str]:
        if stream is first:
            seen = endpoint.notes.facts.handshake
            certificate = {}
            if endpoint.secure:
                fresh = await endpoint.ctx.connect_again(stream.address)
                certificate = await identity(endpoint.ctx, fresh, endpoint.name)
        else:
            certificate = {}
            if endpoint.secure:
                fresh = await endpoint.ctx.connect_again(stream.address)
                certificate = await identity(endpoint.ctx, fresh, endpoint.name)
            stream = await endpoint.ctx.connect_again(stream.address)
            offer = endpoint.offer(deflate=True)
            with endpoint.ctx.watch.phase("ws.elsewhere", stream.address.ip):
                http = H1Connection(await endpoint.shaken(stream))
                answered = await endpoint.shake(http, endpoint.request(offer), offer)
            http.close()
            seen = answered.handshake
        if seen is None:
            return certificate
        return {
            **certificate,
            "upgrade": f"{seen.outcome} {seen.status or ''}".strip(),
            "subprotocol": seen.subprotocol or "none",
            "extensions": ", ".join(seen.extensions) or "none",
        }

    await endpoint.ctx.compare([first, *others], look)
