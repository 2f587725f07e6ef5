"""The forwardings of ``--forward``: requested, used, and cancelled (RFC 4254 §7)."""

from __future__ import annotations

import os

import msgspec

from seventh.model.failure import Failed, Reason
from seventh.net.address import Address
from seventh.net.connect import open_tcp
from seventh.net.probe_context import ProbeContext
from seventh.net.stream import Stream
from seventh.protocols.ssh import SshOptions
from seventh.protocols.ssh.client.failures import RefusedError
from seventh.protocols.ssh.client.mux import ChannelStream, Mux
from seventh.protocols.ssh.facts import SshFacts
from seventh.protocols.ssh.facts.session import Bind, RequestedForward, SessionFacts
from seventh.protocols.ssh.probe.forwarding import (
    ANSWER_SECONDS,
    TRY_SECONDS,
    ask_cancel,
    outside,
)
from seventh.protocols.ssh.wire.channel import CONNECT_FAILED, PROHIBITED
from seventh.protocols.ssh.wire.forwards import EVERYWHERE, Forward, parse_forward
from seventh.wire.reader import Reader, vector
from seventh.wire.text import printable

GREETING_SECONDS = 0.5
"""How long the destination of a local forwarding may take to send its first bytes."""
_TOKEN_BYTES = 16
MOST = 16
"""Forwardings that are tested."""


async def check(ctx: ProbeContext, mux: Mux) -> None:
    """Test each forwarding of ``--forward``, one after the other."""
    session = ctx.notes(SshFacts).part("session", SessionFacts)
    given = ctx.options.of(SshOptions).forward
    done: list[RequestedForward] = []
    with ctx.watch.phase("ssh.requested_forward", mux.session.stream.address.ip):
        for text in given[:MOST]:
            done.append(await _test(ctx, mux, parse_forward(text)))
            session.learn(forwards=tuple(done))


async def _test(ctx: ProbeContext, mux: Mux, forward: Forward) -> RequestedForward:
    if forward.kind == "remote":
        return await _remote(ctx, mux, forward)
    host, port = forward.host, forward.host_port
    if forward.kind == "dynamic":
        # A destination that surely exists: the server's own SSH port.
        host, port = mux.session.stream.address.ip, mux.session.stream.address.port
    found = RequestedForward(text=printable(forward.text, 200), kind=forward.kind)
    try:
        stream = await mux.open_direct(host, port, ctx.budget.within(ANSWER_SECONDS))
    except RefusedError as error:
        code = {PROHIBITED: "refused", CONNECT_FAILED: "unreachable"}.get(error.refusal.code)
        return msgspec.structs.replace(found, result=code or "unsettled", detail=error.refusal.text)
    except Failed as failed:
        if failed.reason is Reason.PEER_SILENT and mux.alive:
            return msgspec.structs.replace(found, result="unreachable", detail=failed.detail)
        raise
    with stream:
        count = len(await _first_bytes(ctx, stream))
    return msgspec.structs.replace(found, result="granted", received_bytes=count)


async def _first_bytes(ctx: ProbeContext, stream: Stream) -> bytes:
    """Return what the destination sends first; nothing of ours is sent to it."""
    try:
        return (await stream.receive(ctx.budget.within(GREETING_SECONDS)))[0]
    except Failed as failed:
        if failed.reason is not Reason.PEER_SILENT:
            raise
        return b""


# -- remote forwardings ----------------------------------------------------------------------------


async def _remote(ctx: ProbeContext, mux: Mux, forward: Forward) -> RequestedForward:
    found = RequestedForward(text=printable(forward.text, 200), kind="remote")
    port = await _request(ctx, mux, forward.requested_bind, forward.port)
    if port is None:
        return await _refused(ctx, mux, forward, found)
    mux.channels.accept_forward(port)
    cancelled = False
    try:
        listens = await _where(ctx, mux, port)
        echoed = await _echo(ctx, mux, forward, port, listens)
    finally:
        mux.channels.forget_forward(port)
        cancelled = await ask_cancel(ctx, mux, forward.requested_bind, port)
    result = "granted" if echoed else "silent" if echoed is False else "unsettled"
    if forward.for_others and listens == "loopback":
        result = "narrowed"
    return msgspec.structs.replace(
        found, result=result, listens=listens, port=port, cancelled=cancelled,
        received_bytes=_TOKEN_BYTES if echoed else 0,
    )  # fmt: skip


async def _request(ctx: ProbeContext, mux: Mux, bind: bytes, port: int) -> int | None:
    """Have the server listen; return the port, or None if it refuses."""
    request = vector(4, bind) + port.to_bytes(4, "big")
    fields, _ = await mux.ask(b"tcpip-forward", request, ctx.budget.within(ANSWER_SECONDS))
    if fields is None:
        return None
    return port or Reader(fields, "the answer to tcpip-forward").u32()


async def _refused(
    ctx: ProbeContext, mux: Mux, forward: Forward, found: RequestedForward
) -> RequestedForward:
    """Return whether the port is what the server refuses: another one is then granted."""
    another = await _request(ctx, mux, forward.requested_bind, 0) if forward.port else None
    if another is None:
        return msgspec.structs.replace(found, result="refused")
    cancelled = await ask_cancel(ctx, mux, forward.requested_bind, another)
    return msgspec.structs.replace(found, result="port", cancelled=cancelled)


async def _where(ctx: ProbeContext, mux: Mux, port: int) -> Bind:
    """Return whether the port accepts connections from outside the server's loopback."""
    stream, refused = await _from_outside(ctx, mux, port)
    if stream is None:
        return "loopback" if refused else "unsettled"
    with stream:
        inner = await _accepted(ctx, mux, port)
    if inner is None:
        return "unsettled"  # another program may listen there
    inner.close()
    return "open"


async def _from_outside(ctx: ProbeContext, mux: Mux, port: int) -> tuple[Stream | None, bool]:
    """Connect directly; return the stream, or whether the connection was refused."""
    server = mux.session.stream.address
    there = None if ctx.carried or not 1 <= port <= 65535 else outside(server.ip)
    if there is None:
        return None, False
    address = Address(ip=there, port=port, scope=server.scope)
    connected = await open_tcp(address, ctx.budget, ctx.budget.within(TRY_SECONDS))
    return connected.stream, connected.attempt.outcome == "refused"


async def _accepted(ctx: ProbeContext, mux: Mux, port: int) -> ChannelStream | None:
    return await mux.accept(port, ctx.budget.within(TRY_SECONDS))


async def _echo(
    ctx: ProbeContext, mux: Mux, forward: Forward, port: int, listens: Bind
) -> bool | None:
    """Send random bytes through the forwarding and back; None if no way leads to its port."""
    outer: Stream | None = None
    if listens == "open":
        outer, _ = await _from_outside(ctx, mux, port)
    else:
        narrowed = forward.for_others and listens == "loopback"
        host = "localhost" if narrowed or forward.bind in EVERYWHERE else forward.bind
        try:
            outer = await mux.open_direct(host, port, ctx.budget.within(ANSWER_SECONDS))
        except RefusedError:
            return None
    if outer is None:
        return None
    with outer:
        inner = await _accepted(ctx, mux, port)
        if inner is None:
            return False
        with inner:
            token = os.urandom(_TOKEN_BYTES)
            await outer.send(token)
            if await _exactly(ctx, inner, len(token)) != token:
                return False
            await inner.send(token)
            return await _exactly(ctx, outer, len(token)) == token


async def _exactly(ctx: ProbeContext, stream: Stream, count: int) -> bytes:
    """Return ``count`` bytes, or those that came in time."""
    until, found = ctx.budget.within(ANSWER_SECONDS), b""
    try:
        while len(found) < count:
            data, _ = await stream.receive(until)
            if not data:
                break
            found += data
    except Failed as failed:
        if failed.reason is not Reason.PEER_SILENT:
            raise
    return found
