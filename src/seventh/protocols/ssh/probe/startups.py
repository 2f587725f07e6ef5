"""How many connections without a login the server keeps open (tier 4).

With MaxStartups 10:30:100, OpenSSH's default, the chance that it refuses none of the first forty is
below one in a million: each from the tenth on is refused with 30 % or more.
"""

from __future__ import annotations

import re

from seventh.model.failure import Failed
from seventh.net.address import Address
from seventh.net.probe_context import ProbeContext
from seventh.net.stream import Stream
from seventh.protocols.ssh.facts import SshFacts, Startups, Topic
from seventh.protocols.ssh.probe.further import REFUSALS
from seventh.wire.text import printable

MOST = 40
"""The connections that are opened at most."""
MAX_BYTES = 8192
"""The bytes that are read for it."""
GREETING_SECONDS = 3.0
"""How long each may take until the server sends its identification string, or refuses."""


async def check(ctx: ProbeContext, address: Address) -> None:
    """Open connections one after another until one is refused; then close all.

    Nothing is sent on them. It is the check's last step, for a server may refuse this machine for
    a while afterwards (PerSourcePenalties).
    """
    if ctx.denied(4) is not None:
        return
    ctx.grant(MOST)
    streams: list[Stream] = []
    held, refusal = 0, None
    try:
        while held < MOST and refusal is None:
            refusal = await _open(ctx, address, streams)
            held += refusal is None
    except Failed as failed:
        ctx.notes(SshFacts).unknown(Topic.STARTUPS, failed.detail)
    else:
        ctx.notes(SshFacts).learn(startups=Startups(held=held, refusal=refusal))
    finally:
        for stream in streams:
            await stream.aclose()


async def _open(ctx: ProbeContext, address: Address, streams: list[Stream]) -> str | None:
    """Add a connection to ``streams``; return how it was refused, or None. Raises Failed."""
    data = b""
    try:
        stream = await ctx.connect_again(address)
        streams.append(stream)
        until = ctx.budget.within(GREETING_SECONDS)
        while not re.search(rb"^SSH-", data, re.MULTILINE) and len(data) < MAX_BYTES:
            more, _ = await stream.receive(until)
            if not more:
                return printable(data.strip(), 100) or "closed at once"
            data += more
    except Failed as failed:
        if failed.reason not in REFUSALS:
            raise
        return str(failed.reason)
    return None
