"""The name's other addresses: whether they are the same site."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from seventh.model.failure import Failed
from seventh.net.stream import Stream
from seventh.protocols.http.client.connect import Opened
from seventh.protocols.http.client.origin import Site
from seventh.wire.text import printable

if TYPE_CHECKING:
    from seventh.net.tls.session import Session


async def look(site: Site, others: list[Stream]) -> None:
    """Ask each other address for the same, and note in the network facts what differs."""
    traits = {site.address.ip: _of_first(site)}
    alone: list[str] = []
    for stream in others:
        try:
            traits[stream.address.ip] = await _of(site, stream)
            if site.secure and not await _takes_up(site, stream):
                alone.append(stream.address.ip)
        except Failed as failed:
            traits[stream.address.ip] = {"failure": str(failed.reason)}
    site.ctx.note_drift(traits)
    if site.secure:
        site.tls_notes.learn(not_resumed_at=tuple(alone))


def _of_first(site: Site) -> dict[str, str]:
    facts = site.notes.facts
    found = {
        "HTTP version": facts.version or "none",
        "status": str(facts.status),
        "server": facts.server or "none",
    }
    if site.secure:
        tls = site.tls_notes.facts
        found["certificate"] = tls.chain[0].sha256[:16] if tls.chain else "none"
        found["TLS version"] = tls.version or "none"
    return found


async def _of(site: Site, stream: Stream) -> dict[str, str]:
    opened = await site.connect(stream.address)
    with site.ctx.watch.phase("http.look"):
        response = await site.exchange(opened, site.url)
    found = {
        "HTTP version": response.version,
        "status": str(response.status),
        "server": printable(response.get("server") or "none", 120),
    }
    if opened.tls is not None:
        from seventh.net.tls import handshake
        from seventh.wire import tlsnames as n

        chain = handshake.read_chain(opened.tls)
        found["certificate"] = chain[0].sha256[:16] if chain else "none"
        found["TLS version"] = n.version_name(opened.tls.version)
    with contextlib.suppress(Failed):
        await opened.connection.aclose()
    return found


async def _takes_up(site: Site, stream: Stream) -> bool:
    """Whether an address takes up a session of the first; True where there is none to show."""
    session = _session(site)
    if session is None:
        return True
    from seventh.net.tls.inspect import takes_up

    below = await site.ctx.connect_again(stream.address)
    return await takes_up(site.ctx, below, site.name, session)


def _session(site: Site) -> Session | None:
    tls = site.tls_notes.facts
    kept: Opened | None = site.pooled_any("1.1") or site.pooled_any("2")
    if not tls.resumed or kept is None or kept.tls is None:
        return None
    return kept.tls.session
