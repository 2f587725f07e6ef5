"""Keying material exported from a TLS session, and the facts of a single handshake."""

from __future__ import annotations

import asyncio

from seventh.labkit.serve import Kit
from seventh.labkit.tlsserve import TlsPeer, server_context, tls_server
from seventh.model.options import Options
from seventh.model.target import Target
from seventh.model.tlsfacts import TlsFacts
from seventh.net.probe_context import ProbeContext
from seventh.net.tls import handshake
from seventh.net.tls.inspect import note_handshake

LABEL = b"EXPORTER-seventh-test"


def context_for(port: int, kit: Kit) -> ProbeContext:
    options = Options(timeout_seconds=5.0, ca_file=str(kit.authority.ca_file))
    return ProbeContext(Target(scheme="tls", host="127.0.0.1", port=port), options)


async def test_both_ends_export_the_same(kit: Kit) -> None:
    theirs: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def application(peer: TlsPeer) -> None:
        theirs.set_result(peer.engine.export_keying_material(LABEL, 48, b"context"))
        await peer.receive()

    context = server_context(kit.authority.issue("127.0.0.1"))
    async with tls_server(context, application=application) as port:
        ctx = context_for(port, kit)
        tls = await handshake.start_tls(
            await ctx.connect(), ctx.options, "127.0.0.1", watch=ctx.watch
        )
        ours = tls.export(LABEL, 48, b"context")
        await tls.send(b"x")  # our last flight travels with it
        assert ours == await theirs
        assert len(ours) == 48
        assert tls.export(LABEL, 48, b"another") != ours
        assert tls.export(LABEL, 32, b"context") != ours[:32]
        ctx.close()


async def test_one_handshake_gives_the_facts_that_it_shows(kit: Kit) -> None:
    context = server_context(kit.authority.issue("127.0.0.1"), alpn=(b"lab/1",))
    async with tls_server(context) as port:
        ctx = context_for(port, kit)
        tls = handshake.prepare(
            await ctx.connect(), ctx.options, "127.0.0.1", alpn=("lab/1",), profile="lenient"
        )
        await tls.handshake(ctx.watch, "other")
        note_handshake(ctx, tls, "127.0.0.1")
        ctx.close()
    facts = ctx.facts["tls"]
    assert isinstance(facts, TlsFacts)
    assert (facts.version, facts.alpn, facts.server_name) == ("TLSv1.3", "lab/1", "127.0.0.1")
    assert facts.chain_state == "trusted"
    assert facts.certificate_reason is None
    assert facts.handshake_seconds == tls.handshake_seconds
    assert facts.resumed is None, "a second handshake was not made"


async def test_a_handshake_that_nobody_answered_gives_only_the_name(kit: Kit) -> None:
    context = server_context(kit.authority.issue("127.0.0.1"))
    async with tls_server(context) as port:
        ctx = context_for(port, kit)
        tls = handshake.prepare(await ctx.connect(), ctx.options, "lab.test", profile="lenient")
        note_handshake(ctx, tls, "lab.test")
        ctx.close()
    assert ctx.facts["tls"] == TlsFacts(server_name="lab.test")
