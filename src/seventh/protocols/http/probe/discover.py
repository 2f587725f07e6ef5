"""Where else the origin is announced: by Alt-Svc and by HTTPS records."""

from __future__ import annotations

import asyncio

import msgspec
from msgspec.structs import replace

from seventh.model.netfacts import Lookup
from seventh.protocols.http.client.origin import Site
from seventh.protocols.http.facts.alternatives import Advertised, AltService, ServiceRecord
from seventh.protocols.http.wire.alt_svc import alt_svc, https_records, record_name
from seventh.protocols.http.wire.url import Origin
from seventh.wire.text import printable

MAX_RECORDS = 8
MAX_ALIASES = 4
"""How many records in alias mode are followed, one after another."""
FIELD = "Alt-Svc"
RECORD = "HTTPS record"
HINTS = "address hints"


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """An announced place, and what announces it."""

    protocol: str
    host: str
    """Empty for the origin's own."""
    port: int
    by: tuple[str, ...]
    hints: tuple[str, ...] = ()
    """Address hints of its record."""
    stale: bool = False
    """Whether its lifetime is 0."""


async def announced(site: Site, asked: asyncio.Task[Lookup] | None) -> Advertised:
    """Return what is announced; ``asked`` is the lookup of the HTTPS record, if any."""
    advertised = site.notes.facts.advertised or Advertised()
    advertised = replace(advertised, alt_svc=_with_frames(site, advertised))
    if asked is not None:
        advertised = await _with_records(site, advertised, await asked)
    site.notes.learn(advertised=advertised)
    return advertised


def _with_frames(site: Site, advertised: Advertised) -> tuple[AltService, ...] | None:
    """Return the services of fields and of HTTP/2's ALTSVC frames (RFC 7838 §4)."""
    opened = site.pool.last("2")
    if opened is None:
        return advertised.alt_svc
    from seventh.web.h2 import H2Connection

    connection = opened.connection
    assert isinstance(connection, H2Connection)  # noqa: S101 - by its version
    ours = {"", str(site.origin), site.origin.authority}
    framed, _ = alt_svc(*(value for of, value in connection.stats.alt_svc if of in ours))
    if not framed:
        return advertised.alt_svc
    return tuple(dict.fromkeys((*(advertised.alt_svc or ()), *framed)))


async def _with_records(site: Site, advertised: Advertised, lookup: Lookup) -> Advertised:
    origin = site.origin
    owner = record_name(origin.host, origin.port)
    first = lookup
    aliases: list[str] = []
    records, alias = https_records(lookup.answers[:MAX_RECORDS])
    while alias and alias not in aliases and len(aliases) < MAX_ALIASES:
        aliases.append(alias)
        owner = alias
        lookup = await site.ctx.records(alias, "HTTPS")
        records, alias = https_records(lookup.answers[:MAX_RECORDS])
        if not records and alias is None:
            records = (ServiceRecord(priority=1, target=owner),)
    # An empty target is the record's own name, prefix included.
    records = tuple(replace(r, target=r.target or owner) for r in records)
    usable = [record for record in records if not record.unusable]
    named = tuple(dict.fromkeys(name for record in usable for name in record.protocols))
    return replace(
        advertised,
        https_record=printable("; ".join(first.answers[:MAX_RECORDS]), 300),
        https_alpn=named if usable else None,
        https_outcome=first.outcome,
        records=records,
        aliases=tuple(aliases),
    )


def places(origin: Origin, advertised: Advertised) -> tuple[Place, ...]:
    """Return all announced places, each once, in the order in which a client tries them."""
    found: dict[tuple[str, str, int], Place] = {}

    def add(place: Place) -> None:
        own = "" if place.host == origin.host.lower() else place.host
        place = replace(place, host=own)
        key = (place.protocol, own, place.port)
        known = found.get(key)
        if known is not None:
            place = replace(
                known,
                by=tuple(dict.fromkeys((*known.by, *place.by))),
                hints=tuple(dict.fromkeys((*known.hints, *place.hints))),
                stale=known.stale and place.stale,
            )
        found[key] = place

    for service in advertised.alt_svc or ():
        add(
            Place(
                protocol=service.protocol, host=service.host, port=service.port, by=(FIELD,),
                stale=not service.max_age_seconds,
            )
        )  # fmt: skip
    for record in advertised.records:
        if not record.unusable:
            for protocol in record.protocols:
                add(
                    Place(
                        protocol=protocol, host=record.target, port=record.port or origin.port,
                        by=(RECORD,), hints=(*record.ipv6_hints, *record.ipv4_hints),
                    )
                )  # fmt: skip
    return tuple(found.values())
