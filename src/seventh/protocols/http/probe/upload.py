"""The size of content that a server accepts: the user's own request, then declared lengths.

A declared length needs no content: with ``Expect: 100-continue`` a server that has a limit answers
413 to the head (RFC 9110 §10.1.1). The connection is closed before any content is due.
"""

from __future__ import annotations

import re

from msgspec.structs import replace

from seventh.model.failure import Failed, Reason
from seventh.protocols.http.client.origin import Site
from seventh.protocols.http.facts.write import Upload, WriteFacts
from seventh.protocols.http.wire.url import Url
from seventh.web.h1 import CONTINUE_SECONDS, H1Connection
from seventh.web.h1head import head_of

MIB = 1024 * 1024
SIZES = (MIB, 10 * MIB)
"""The declared lengths, each on a connection of its own, until one gets no 100. nginx's default
limit is the first."""
TOO_LARGE = 413
DOUBTFUL = frozenset({400, 500, 502, 503, 504})
"""Statuses that a proxy or its backend may also give for content that is too large."""
CUT = frozenset({Reason.PEER_RESET, Reason.PEER_CLOSED})
_SHORT = b"seventh=1"
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2}) ")


def sent(site: Site, status: int | None, failed: Failed | None = None) -> None:
    """Note how the user's own request with content ended."""
    template = site.template
    if template.body:
        upload = Upload(
            method=template.method, bytes=len(template.body), status=status,
            failure=failed.reason if failed else None,
        )  # fmt: skip
        site.notes.learn_part("write", WriteFacts, upload=upload)


async def run(site: Site) -> None:
    """Learn the sizes that are accepted, by the user's method or POST (tier 3)."""
    write = site.notes.facts.write
    method = "POST" if site.template.safe else site.template.method
    found = (write.upload if write is not None else None) or Upload(method=method)
    try:
        if found.status in DOUBTFUL or found.failure in CUT:
            found = replace(found, short_status=await _short(site, method))
        if found.failure in CUT:
            found = replace(found, declared_status=await _declare(site, method, found.bytes))
        for size in SIZES:
            if found.status == TOO_LARGE and size >= found.bytes:
                break
            status = await _declare(site, method, size)
            if status == TOO_LARGE:
                found = replace(found, refused_bytes=size)
            if status != 100:
                break
            found = replace(found, accepted_bytes=size)
    finally:
        site.notes.learn_part("write", WriteFacts, upload=found)


async def _short(site: Site, method: str) -> int | None:
    """Return the status of a short request; None where it fails, too."""
    url = Url(site.origin, site.url.path)
    try:
        opened = await site.open(site.origin, "1.1")
        response = await site.exchange(opened, url, method=method, body=_SHORT)
        opened.connection.close()
    except Failed:
        return None
    return response.status


async def _declare(site: Site, method: str, size: int) -> int | None:
    """Return the first status for a head that declares ``size``; None without one."""
    url = Url(site.origin, site.url.path)
    fields = (("Expect", "100-continue"), ("Content-Length", str(size)))
    opened = await site.open(site.origin, "1.1")
    connection = opened.connection
    assert isinstance(connection, H1Connection)  # noqa: S101 - by its version
    site.spend()
    until = site.ctx.budget.within(CONTINUE_SECONDS)
    try:
        with site.ctx.watch.phase("http.look"):
            await connection.stream.send(
                head_of(site.request(url, method=method, headers=fields)).data
            )
            data, _ = await connection.stream.receive(until)
    except Failed as failed:
        if failed.reason in CUT or failed.reason is Reason.PEER_SILENT:
            return None
        raise
    finally:
        connection.close()
    status = _STATUS.match(data)
    return int(status[1]) if status else None
