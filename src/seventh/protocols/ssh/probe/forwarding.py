"""Which forwardings a user may request: requested, tested and cancelled (RFC 4254 §7)."""

from __future__ import annotations

import contextlib
import ipaddress
from typing import Literal

from seventh.model.failure import Failed, Reason
from seventh.net.address import Address
from seventh.net.connect import open_tcp
from seventh.net.probe_context import ProbeContext
from seventh.protocols.ssh.client.failures import RefusedError
from seventh.protocols.ssh.client.mux import Mux
from seventh.protocols.ssh.facts import SshFacts
from seventh.protocols.ssh.facts.session import Bind, Permission, SessionFacts
from seventh.protocols.ssh.wire.channel import CONNECT_FAILED, PROHIBITED
from seventh.wire.address import reach
from seventh.wire.reader import Reader, vector

ANSWER_SECONDS = 2.0
"""Timeout of one request."""
TRY_SECONDS = 1.0
"""Timeout of a connection to a forwarded port."""
_LOOPBACK, _EVERYWHERE = b"localhost", b"0.0.0.0"
_ANOTHER_LOOPBACK = "127.0.0.2"
"""On this machine, a port bound to 127.0.0.1 refuses here, and one bound to 0.0.0.0 accepts."""

Tried = Literal["allowed", "forbidden", "unsettled", "failed"]


async def check(ctx: ProbeContext, mux: Mux) -> None:
    """Test local, dynamic and remote forwarding, and cancel what was granted."""
    session = ctx.notes(SshFacts).part("session", SessionFacts)
    address = mux.session.stream.address
    with ctx.watch.phase("ssh.forward", address.ip):
        # Its own SSH port surely exists, and a connection without data does no harm there.
        local = await _direct(ctx, mux, "localhost", address.port)
        dynamic = await _direct(ctx, mux, address.ip, address.port)
        if local == "failed" and dynamic == "allowed":
            local = "allowed"  # it may listen on that address only
        session.learn(local_forward=_settled(local), dynamic_forward=_settled(dynamic))
        session.learn(remote_forward=await _remote(ctx, mux, _LOOPBACK))
        session.learn(remote_forward_all=await _remote(ctx, mux, _EVERYWHERE))


def _settled(tried: Tried) -> Permission:
    """Return what a test proves: asyncssh answers "connect failed" to what it forbids."""
    return "unsettled" if tried == "failed" else tried


async def _direct(ctx: ProbeContext, mux: Mux, host: str, port: int) -> Tried:
    """Test whether the server connects to ``host`` for us."""
    try:
        stream = await mux.open_direct(host, port, ctx.budget.within(ANSWER_SECONDS))
    except RefusedError as error:
        if error.refusal.code == PROHIBITED:
            return "forbidden"
        return "failed" if error.refusal.code == CONNECT_FAILED else "unsettled"
    except Failed as failed:
        if failed.reason is Reason.PEER_SILENT and mux.alive:
            return "unsettled"
        raise
    stream.close()
    return "allowed"


async def _remote(ctx: ProbeContext, mux: Mux, host: bytes) -> Bind:
    """Have the server listen on a port of its choice, test who can connect, and cancel it."""
    until = ctx.budget.within(ANSWER_SECONDS)
    fields, _ = await mux.ask(b"tcpip-forward", vector(4, host) + bytes(4), until)
    if fields is None:
        return "refused"
    port = Reader(fields, "the answer to tcpip-forward").u32()
    mux.channels.expect_forward(port)
    try:
        return await _listens(ctx, mux, port)
    finally:
        mux.channels.forget_forward(port)
        await ask_cancel(ctx, mux, host, port)


async def ask_cancel(ctx: ProbeContext, mux: Mux, host: bytes, port: int) -> bool:
    """Cancel one grant, unless the end of the connection has done so; return whether it is."""
    session = ctx.notes(SshFacts).part("session", SessionFacts)
    request = vector(4, host) + port.to_bytes(4, "big")
    cancelled = False
    with contextlib.suppress(Failed):
        until = ctx.budget.within(ANSWER_SECONDS)
        fields, _ = await mux.ask(b"cancel-tcpip-forward", request, until)
        cancelled = fields is not None
    known = session.facts.forward_cancelled
    session.learn(forward_cancelled=cancelled and known is not False)
    return cancelled


async def _listens(ctx: ProbeContext, mux: Mux, port: int) -> Bind:
    """Return where the port listens, by connecting to it from outside the server's loopback."""
    server = mux.session.stream.address
    if ctx.carried or not 1 <= port <= 65535:
        return "unsettled"  # this machine must not connect directly
    ip = outside(server.ip)
    if ip is None:
        return "unsettled"
    there = Address(ip=ip, port=port, scope=server.scope)
    connected = await open_tcp(there, ctx.budget, ctx.budget.within(TRY_SECONDS))
    if connected.stream is None:
        return "loopback" if connected.attempt.outcome == "refused" else "unsettled"
    try:
        forwarded = await mux.forwarded(port, ctx.budget.within(TRY_SECONDS))
    finally:
        connected.stream.close()
    # Another program may listen there; only a channel from the server proves that it was ours.
    return "open" if forwarded else "unsettled"


def outside(ip: str) -> str | None:
    """Return the server's address for a connection from outside; None if there is none."""
    if reach(ip) != "loopback":
        return ip
    return _ANOTHER_LOOPBACK if ipaddress.ip_address(ip).version == 4 else None
