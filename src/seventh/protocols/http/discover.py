"""Where HTTP/3 is said to be: the first answer's word and the name system's together."""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from seventh.model.netfacts import Lookup
from seventh.protocols.http.announced import https_record
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts_versions import Advertised
from seventh.protocols.http.site import Site
from seventh.wire.text import printable

MAX_RECORDS = 8


async def announced(site: Site, asked: asyncio.Task[Lookup] | None) -> Advertised:
    """What announces HTTP/3; ``asked`` looks the HTTPS record up, where there is a name."""
    facts = site.talk.learn("http", HttpFacts)
    advertised = facts.advertised or Advertised()
    if asked is None:
        return advertised
    lookup = await asked
    answers = lookup.answers[:MAX_RECORDS]
    records = [record for text in answers if (record := https_record(text)) is not None]
    named = tuple(dict.fromkeys(name for record in records for name in record.protocols))
    advertised = replace(
        advertised,
        https_record=printable("; ".join(answers), 300),
        https_alpn=named if records else None,
        https_outcome=lookup.outcome,
        https_port=next((r.port for r in records if "h3" in r.alpn and r.port), None),
    )
    site.talk.learn("http", HttpFacts, advertised=advertised)
    return advertised


def port_of(site: Site, advertised: Advertised) -> int | None:
    """The UDP port to ask; None where HTTP/3 is announced for other hosts alone."""
    named = [service for service in advertised.alt_svc or () if service.protocol == "h3"]
    here = [service for service in named if service.host in {"", site.origin.host}]
    if here:
        return here[0].port
    if "h3" in (advertised.https_alpn or ()):
        return advertised.https_port or site.origin.port
    return None if named else site.origin.port
