"""The name's other addresses: whether they serve the same site."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from seventh.model.failure import Failed
from seventh.model.tlsfacts import Certificate
from seventh.net.stream import Stream
from seventh.protocols.http.client.connect import Opened
from seventh.protocols.http.client.origin import Site
from seventh.wire.text import printable

if TYPE_CHECKING:
    from seventh.net.tls.session import Session


async def compare(site: Site, others: list[Stream]) -> None:
    """Make the same request at each other address, and note what differs."""
    traits = {site.address.ip: _of_first(site)}
    alone: list[str] = []
    for stream in others:
        try:
            traits[stream.address.ip] = await _of(site, stream)
            if site.secure and not await _resumes(site, stream):
                alone.append(stream.address.ip)
        except Failed as failed:
            traits[stream.address.ip] = {"failure": str(failed.reason)}
    site.ctx.note_drift(traits)
    if site.secure:
        site.tls_notes.learn(not_resumed_at=tuple(alone))


def _of_first(site: Site) -> dict[str, str]:
    facts, tls = site.notes.facts, site.tls_notes.facts
    traits = {
        "HTTP version": facts.version or "none",
        "status": str(facts.status),
        "server": facts.server or "none",
    }
    if site.secure:
        traits |= _tls_traits(tls.chain, tls.version)
    return traits


def _tls_traits(chain: Sequence[Certificate], version: str | None) -> dict[str, str]:
    sha256 = chain[0].sha256[:16] if chain else "none"
    return {"certificate": sha256, "TLS version": version or "none"}


async def _of(site: Site, stream: Stream) -> dict[str, str]:
    opened = await site.connect(stream.address)
    with site.ctx.watch.phase("http.look"):
        response = await site.exchange(opened, site.url)
    traits = {
        "HTTP version": response.version,
        "status": str(response.status),
        "server": printable(response.get("server") or "none", 120),
    }
    if opened.tls is not None:
        from seventh.net.tls import chain as tlschain
        from seventh.wire import tlsnames

        version = tlsnames.version_name(opened.tls.version)
        traits |= _tls_traits(tlschain.read_chain(opened.tls.certificates), version)
    with contextlib.suppress(Failed):
        await opened.connection.aclose()
    return traits


async def _resumes(site: Site, stream: Stream) -> bool:
    """Return whether an address resumes a session of the first; True where there is none."""
    session = _session(site)
    if session is None:
        return True
    from seventh.net.tls.inspect import resumes

    below = await site.ctx.connect_again(stream.address)
    return await resumes(site.ctx, below, site.name, session)


def _session(site: Site) -> Session | None:
    tls = site.tls_notes.facts
    kept: Opened | None = site.pool.last("1.1") or site.pool.last("2")
    if not tls.resumed or kept is None or kept.tls is None:
        return None
    return kept.tls.session
