"""Which forwardings a server lets a user have: asked for, looked at, and undone (RFC 4254 §7)."""

from __future__ import annotations

import contextlib
import ipaddress
from typing import Literal

from seventh.model.failure import Failed, Reason
from seventh.model.netfacts import NetFacts
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
"""How long the server may take to answer one request."""
TRY_SECONDS = 1.0
"""How long a forwarded port may take to accept from here."""
_LOOPBACK, _EVERYWHERE = b"localhost", b"0.0.0.0"
_ANOTHER_LOOPBACK = "127.0.0.2"
"""On this machine: what is bound to 127.0.0.1 does not answer here, what is bound to all does."""

Tried = Literal["allowed", "forbidden", "unsettled", "failed"]


async def look(ctx: ProbeContext, mux: Mux) -> None:
    """Local, dynamic and remote forwarding; what was granted is cancelled, whatever happens."""
    session = ctx.notes(SshFacts).part("session", SessionFacts)
    address = mux.session.stream.address
    with ctx.watch.phase("ssh.forward", address.ip):
        # Its own SSH port is the one place that is sure to exist and to which a connection that
        # says nothing is harmless.
        local = await _direct(ctx, mux, "localhost", address.port)
        dynamic = await _direct(ctx, mux, address.ip, address.port)
        if local == "failed" and dynamic == "allowed":
            local = "allowed"  # it may well listen on that address only
        session.learn(local_forward=_settled(local), dynamic_forward=_settled(dynamic))
        session.learn(remote_forward=await _remote(ctx, mux, _LOOPBACK))
        session.learn(remote_forward_all=await _remote(ctx, mux, _EVERYWHERE))


def _settled(tried: Tried) -> Permission:
    """Return some servers (asyncssh) say of what they forbid that connecting failed."""
    return "unsettled" if tried == "failed" else tried


async def _direct(ctx: ProbeContext, mux: Mux, host: str, port: int) -> Tried:
    """Return whether the server connects there for us."""
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
    """Have the server listen on a port of its choice, see who can reach it, and undo it."""
    until = ctx.budget.within(ANSWER_SECONDS)
    fields, _ = await mux.ask(b"tcpip-forward", vector(4, host) + bytes(4), until)
    if fields is None:
        return "refused"
    port = Reader(fields, "the answer to tcpip-forward").u32()
    mux.channels.expect_forward(port)
    try:
        return await _seen(ctx, mux, port)
    finally:
        mux.channels.forget_forward(port)
        await _cancel(ctx, mux, host, port)


async def _cancel(ctx: ProbeContext, mux: Mux, host: bytes, port: int) -> None:
    """Undo one grant. A connection that has died has undone it already."""
    session = ctx.notes(SshFacts).part("session", SessionFacts)
    asked = vector(4, host) + port.to_bytes(4, "big")
    cancelled = False
    with contextlib.suppress(Failed):
        until = ctx.budget.within(ANSWER_SECONDS)
        fields, _ = await mux.ask(b"cancel-tcpip-forward", asked, until)
        cancelled = fields is not None
    known = session.facts.forward_cancelled
    session.learn(forward_cancelled=cancelled and known is not False)


async def _seen(ctx: ProbeContext, mux: Mux, port: int) -> Bind:
    """Return where the port listens, by connecting to it from outside the server's loopback."""
    server = mux.session.stream.address
    if ctx.notes(NetFacts).facts.hops or not 1 <= port <= 65535:
        return "unsettled"  # there is no way to it but through the jump hosts
    outside = _outside(server.ip)
    if outside is None:
        return "unsettled"
    there = Address(ip=outside, port=port, scope=server.scope)
    connected = await open_tcp(there, ctx.budget, ctx.budget.within(TRY_SECONDS))
    if connected.stream is None:
        return "loopback" if connected.attempt.outcome == "refused" else "unsettled"
    try:
        heard = await mux.forwarded(port, ctx.budget.within(TRY_SECONDS))
    finally:
        connected.stream.close()
    # Somebody else may listen there; only the server's word tells that it was ours.
    return "open" if heard else "unsettled"


def _outside(ip: str) -> str | None:
    """Return the server's address as another host would use it."""
    if reach(ip) != "loopback":
        return ip
    return _ANOTHER_LOOPBACK if ipaddress.ip_address(ip).version == 4 else None
