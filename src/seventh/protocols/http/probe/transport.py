"""What the connections themselves tell: HTTP/2's settings, QUIC's parameters, keep-alive."""

from __future__ import annotations

import asyncio
import contextlib

from msgspec.structs import replace

from seventh.model.failure import Failed
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


async def look_at_h2(site: Site, opened: Opened) -> None:
    """SETTINGS, the round trip of a PING, and GOAWAY, of a connection that has carried requests."""
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
        site.notes.unknown("HTTP/2's PING", failed.detail)
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
    """Load what TLS, HTTP/2 and QUIC need now, so that no exchange's time holds their start-up."""
    from seventh.net.tls import hellos, inspect
    from seventh.web import h1, h2

    del hellos, inspect, h1, h2
    if quic:
        from seventh.net.quic import engine, verify
        from seventh.web import h3

        del engine, verify, h3


async def count_amplification(site: Site, port: int) -> bool:
    """Send one Initial, answer nothing, count what comes; whether anything came."""
    from seventh.net.quic import connect

    need_datagrams(site.ctx)
    counted = await connect.amplification(
        site.ctx, replace(site.address, port=port), site.name,
        seconds=AMPLIFICATION_SECONDS,
    )  # fmt: skip
    if counted.datagrams:
        site.notes.learn_part(
            "h3", H3Facts, amplification=counted, port=port, address=site.address.ip
        )
    return bool(counted.datagrams)


def begin_counting(site: Site, port: int) -> asyncio.Task[bool]:
    """Return the same beside what else is done: it waits for more than a second."""

    async def quietly() -> bool:
        with contextlib.suppress(Failed):
            return await count_amplification(site, port)
        return False

    return asyncio.create_task(quietly())


async def look_at_h3(site: Site, opened: Opened) -> None:
    """Transport parameters, settings, PING, and with permission a move to another port."""
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
        if site.ctx.denied(4) is None:
            site.notes.learn_part("h3", H3Facts, migration=await quic.migrate())
            response = await site.exchange(opened, site.url)
            site.notes.learn_part("h3", H3Facts, after_migration_status=response.status)
    except Failed as failed:
        site.notes.unknown("HTTP/3's connection", failed.detail)
    finally:
        site.notes.learn_part("h3", H3Facts, quic=quic.facts())
    _write_qlog(site, opened)


def _write_qlog(site: Site, opened: Opened) -> None:
    name = site.ctx.options.of(HttpOptions).qlog_file
    if name is not None and opened.quic is not None:
        opened.quic.write_qlog(name)
        site.notes.learn_part("h3", H3Facts, qlog=name)


async def look_at_reuse(site: Site, opened: Opened | None) -> None:
    """How HTTP/1.1's connection was kept; ``opened`` has stood idle since its last exchange."""
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
                closed = max(0, ended.ns - opened.idle_since_ns) / 1e9
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
