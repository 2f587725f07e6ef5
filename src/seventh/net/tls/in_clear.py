"""The dialogue in clear that precedes TLS: our name in it, and what must not follow it."""

from __future__ import annotations

import re

from seventh.model.failure import Failed, Reason
from seventh.net.probe_context import vantage
from seventh.net.stopwatch import now_ns
from seventh.net.stream import Stream

_HOST_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}")


def our_name() -> str:
    """Return this machine's name for EHLO."""
    name = vantage()
    return name if _HOST_NAME.fullmatch(name) else "localhost"


async def after_go_ahead(stream: Stream, rest: bytes) -> bytes:
    """Return ``rest``, which was read with the go-ahead, and what has arrived since; discard both.

    Nothing may come before our ClientHello (CVE-2011-0411). Raises Failed: peer-closed.
    """
    try:
        more, _ = await stream.receive(now_ns())
    except Failed as failed:
        if failed.reason is not Reason.PEER_SILENT:
            raise
        return rest
    if not more:
        raise Failed(
            Reason.PEER_CLOSED, "the peer closed the connection after its go-ahead for TLS"
        )
    return rest + more
