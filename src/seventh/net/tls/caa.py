"""Looking up who may issue certificates for a server's name: CAA records (RFC 8659)."""

from __future__ import annotations

import asyncio

from seventh.model.failure import Failed
from seventh.model.tlsfacts import Caa, TlsFacts, Topic
from seventh.net import resolve
from seventh.net.probe_context import ProbeContext
from seventh.wire.caa import MAX_NAMES, climb
from seventh.wire.text import printable

LOOKUP_SECONDS = 5.0
_MAX_RECORDS = 20


async def look_up_caa(ctx: ProbeContext, server_name: str) -> None:
    """Learn the CAA records that apply to a name, or why that is unknown.

    Nothing is looked up for a root given with --ca, which is no public CA's. These lookups are
    no client's, so they are not among the lookups of the network facts.
    """
    notes, names = ctx.notes(TlsFacts), climb(server_name)
    if not names or notes.facts.trust == "given":
        return
    if not ctx.resolves:
        notes.unknown(Topic.CAA, f"with {ctx.route}, {server_name} is resolved elsewhere")
        return
    if len(names) > MAX_NAMES:
        notes.unknown(Topic.CAA, f"the name has more than {MAX_NAMES} labels")
        return
    until = ctx.budget.within(LOOKUP_SECONDS)
    asked = (
        resolve.record(name, "CAA", resolver=ctx.options.resolver, deadline_ns=until)
        for name in names
    )
    try:
        lookups = await asyncio.gather(*asked)
    except Failed as failed:
        notes.unknown(Topic.CAA, failed.detail)
        return
    for lookup in lookups:
        if lookup.outcome == "ok":
            records = tuple(printable(text, 256) for text in lookup.answers[:_MAX_RECORDS])
            notes.learn(caa=Caa(name=lookup.name, records=records))
            return
        if lookup.outcome not in {"nxdomain", "no-data"}:
            notes.unknown(Topic.CAA, f"{lookup.name}: {lookup.outcome}: {lookup.detail}")
            return
    notes.learn(caa=Caa())
