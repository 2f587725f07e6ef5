"""What the connections show: HTTP/2's settings, QUIC's parameters, keep-alive."""

from __future__ import annotations

import contextlib
import os

from msgspec.structs import replace

from seventh.model.failure import Failed
from seventh.model.quicfacts import Amplification
from seventh.net.stopwatch import now_ns
from seventh.protocols.http import HttpOptions
from seventh.protocols.http.client.connect import Opened, need_datagrams
from seventh.protocols.http.client.notice import notice
from seventh.protocols.http.client.origin import Site
from seventh.protocols.http.facts.quic import H2Facts, H3Facts, H3Setting
from seventh.protocols.http.facts.versions import Reuse
from seventh.protocols.http.wire.url import bare

AMPLIFICATION_SECONDS = 1.25
"""How long an unanswered Initial is watched: past the first repetition of a server's flight, which
comes after about a second (RFC 9002 §6.2)."""
PING_SECONDS = 1.0
TOKEN_BYTES = 64
"""The size of a forged address validation token: about what servers issue."""


async def learn_h2(site: Site, opened: Opened) -> None:
    """Learn SETTINGS, the round trip of a PING, and GOAWAY, after a connection's requests."""
    from seventh.web.h2 import H2Connection

    connection = opened.connection
    assert isinstance(connection, H2Connection)  # noqa: S101 - by its version
    facts = H2Facts()
    until = site.ctx.budget.within(PING_SECONDS)
    try:
        await connection.settings(until)
        facts = replace(facts, settings=dict(connection.stats.named_settings))
        pings = [(await connection.ping(until)).seconds for _ in range(2)]
        facts = replace(facts, ping_seconds=min(pings))
    except Failed as failed:
        site.notes.unknown("HTTP/2 PING", failed.detail)
    known = [r for r in (opened.rtt_seconds, facts.ping_seconds) if r]
    goaway = connection.stats.goaway
    facts = replace(
        facts,
        rtt_seconds=min(known, default=None),
        goaway=goaway.name if goaway is not None else "",
        connection_window_bytes=connection.stats.connection_window,
    )
    site.notes.learn(h2=facts)


def load(*, quic: bool) -> None:
    """Import TLS, HTTP/2 and QUIC now, so that no exchange's time includes it."""
    from seventh.net.tls import inspect
    from seventh.web import h1, h2

    del inspect, h1, h2
    if quic:
        from seventh.net.quic import client, engine
        from seventh.web import h3

        del client, engine, h3


async def count_amplification(site: Site, port: int) -> bool:
    """Send one Initial, acknowledge nothing, count the replies; return whether any came.

    It waits for more than a second, so it runs as a task of its own. Raises nothing.
    """
    from seventh.net.quic import connect

    try:
        need_datagrams(site.ctx)
        counted = await connect.amplification(
            site.ctx, replace(site.address, port=port), site.name, seconds=AMPLIFICATION_SECONDS
        )
    except Failed:
        return False
    if counted.datagrams:
        site.notes.learn_part(
            "h3", H3Facts, amplification=counted, port=port, address=site.address.ip
        )
    return bool(counted.datagrams)


async def forge_token(site: Site, opened: Opened) -> None:
    """Send an Initial with a token that the server never issued, and count the reply."""

    async def count(token: bytes) -> Amplification:
        return await connect.amplification(
            site.ctx, opened.address, site.name, token=token, seconds=AMPLIFICATION_SECONDS
        )

    from seventh.net.quic import connect

    h3 = site.notes.facts.h3
    plain = h3.amplification if h3 is not None else None
    try:
        forged = await count(os.urandom(TOKEN_BYTES))
        if not forged.datagrams:  # one packet may be lost
            forged = await count(os.urandom(TOKEN_BYTES))
        # Some servers send Retry only while they are busy: ask once more whether they still do.
        accepted = forged.shook and plain is not None and plain.retry and (await count(b"")).retry
    except Failed as failed:
        site.notes.unknown("forged QUIC token", failed.detail)
        return
    site.notes.learn_part(
        "h3", H3Facts, forged_token=forged, forged_instead_of_retry=bool(accepted)
    )


async def learn_h3(site: Site, opened: Opened) -> None:
    """Learn transport parameters, settings and PING; with tier 4, move to another port."""
    from seventh.web import h3frames
    from seventh.web.h3 import H3Connection

    connection, quic = opened.connection, opened.quic
    assert isinstance(connection, H3Connection)  # noqa: S101 - by its version
    assert quic is not None  # noqa: S101
    site.notes.learn_part(
        "h3", H3Facts, quic=quic.facts(), port=opened.address.port, address=opened.address.ip
    )
    try:
        settings = await connection.settings(PING_SECONDS)
        named = tuple(H3Setting(s.name, s.value) for s in h3frames.named(settings))
        site.notes.learn_part("h3", H3Facts, settings=named, ping_seconds=await connection.ping())
        if await quic.loses_full_size():
            site.ctx.note_lost_datagrams(opened.address)
        if site.ctx.denied(4) is None:
            site.notes.learn_part("h3", H3Facts, migration=await quic.migrate())
            response = await site.exchange(opened, site.url)
            site.notes.learn_part("h3", H3Facts, after_migration_status=response.status)
    except Failed as failed:
        site.notes.unknown("HTTP/3 connection", failed.detail)
    finally:
        site.notes.learn_part("h3", H3Facts, quic=quic.facts())
    name = site.ctx.options.of(HttpOptions).qlog_file
    if name is not None:
        quic.write_qlog(name)
        site.notes.learn_part("h3", H3Facts, qlog=name)


async def learn_reuse(site: Site, opened: Opened | None) -> None:
    """Learn how an HTTP/1.1 connection, idle since its last exchange, was kept."""
    from seventh.web.h1 import H1Connection

    if opened is None or not isinstance(opened.connection, H1Connection) or not opened.used:
        return
    connection = opened.connection
    stats = connection.stats
    closes = opened.ended_by_server
    idle = (now_ns() - opened.idle_since_ns) / 1e9
    closed = opened.idled_seconds
    if connection.reusable:
        with contextlib.suppress(Failed):
            ended = await connection.idle(now_ns() + 1_000_000)
            notice(site.notes, connection, bare(site.url))
            if ended is not None:
                closed = ended.since(opened.idle_since_ns)
    site.notes.learn(
        reuse=Reuse(
            requests=opened.used,
            said_close=closes,
            keep_alive_seconds=stats.keep_alive_seconds,
            keep_alive_requests=stats.keep_alive_requests,
            idle_closed_seconds=closed,
            idle_open_seconds=idle if connection.reusable and closed is None else None,
        ),
    )
