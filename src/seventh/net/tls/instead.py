"""TLS on a port that was addressed in plain text, proven by one bare hello."""

from __future__ import annotations

import os

from seventh.model.failure import Failed, Reason
from seventh.net.address import Address
from seventh.net.probe_context import ProbeContext
from seventh.net.tls.ask import question
from seventh.wire import tlshello
from seventh.wire import tlsnames as n

REFUSALS = frozenset({400, 497})
"""How servers answer a request in clear on a port that has TLS (nginx, Apache, Go): 400."""
_ENDS = frozenset({Reason.PEER_CLOSED, Reason.PEER_RESET})


def may_be_tls(failed: Failed | None, status: int | None) -> bool:
    """Return whether a plain request ended as one on a TLS port does."""
    if failed is not None:
        return failed.reason in _ENDS or failed.alert is not None
    return status in REFUSALS


async def tls_instead(
    ctx: ProbeContext, address: Address, name: str, scheme: str, phase: str
) -> Failed | None:
    """Return the failure to report if a bare hello to ``address`` is answered, else None.

    ``name`` is the host's, as it stands in a URL.

    ``scheme`` is the one to use instead. One more connection; never raises Failed.
    """
    from seventh.net.tls.handshake import sni  # loads OpenSSL, which plain HTTP can do without

    hello = tlshello.offer(
        n.TLS12, (*n.GOOD_SUITES, *n.OBSOLETE_SUITES), os.urandom(32), name=sni(name)
    )
    try:
        stream = await ctx.connect_again(address)
        with stream:
            answer = await question(stream, hello)
    except Failed:
        return None
    if answer.outcome != "hello" and answer.alert is None:
        return None
    plain = "plain WebSocket" if scheme == "wss" else "HTTP"
    host = f"[{name}]" if ":" in name else name
    return Failed(
        Reason.PROTOCOL_MISMATCH,
        f"the port serves TLS, not {plain}: use {scheme}://{host}:{address.port}",
        phase=phase,
    )
