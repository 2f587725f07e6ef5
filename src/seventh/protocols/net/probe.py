"""Whether the port is open at every address, and what the kernel says of the path."""

from __future__ import annotations

from seventh.model.failure import Failed, Reason
from seventh.net.address import Address
from seventh.net.probe_context import ProbeContext
from seventh.net.stream import Stream
from seventh.wire.identify import identify
from seventh.wire.text import printable

LISTEN_SECONDS = 1.0
"""How long a peer may take to speak first; most that do are done in a round trip."""


async def pulse(ctx: ProbeContext) -> None:
    """Open one connection and close it."""
    await ctx.connect()


async def check(ctx: ProbeContext) -> None:
    """Connect to every address, listen for a moment, and compare what they say unasked."""
    streams = await ctx.connect_all()
    if len(streams) > 1:
        await ctx.compare(streams, _greeting)
    if ctx.holds:
        await _hold(ctx, streams[0].address)


async def _hold(ctx: ProbeContext, first: Address) -> None:
    """Hold idle connections, with ``--hold``."""
    from seventh.net import idle

    async def open_one() -> idle.Connection:
        return idle.Bytes(await ctx.connect_again(first))

    await idle.measure(ctx, "tcp", open_one)


async def _greeting(stream: Stream) -> dict[str, str]:
    """Return what a peer says first, without the parts that change at every connection."""
    try:
        data, _ = await stream.receive(stream.budget.within(LISTEN_SECONDS))
    except Failed as failed:
        if failed.reason is Reason.PEER_SILENT:
            return {"greeting": "(silent)"}
        raise
    line = printable(data.split(b"\n", 1)[0].rstrip(b"\r"), 120)
    protocol = identify(data)
    if protocol in {"SSH", "VNC", "FTP"}:
        return {"greeting": line}
    return {"greeting": protocol or ("(closed)" if not data else line)}
