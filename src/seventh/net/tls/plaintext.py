"""TLS on a port that was addressed in plain text, proven by one bare hello."""

from __future__ import annotations

import os

from seventh.model.failure import Failed, Reason
from seventh.net.address import Address
from seventh.net.probe_context import ProbeContext
from seventh.net.tls.bare_hellos import exchange
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


async def detect_tls(
    ctx: ProbeContext, address: Address, name: str, scheme: str, phase: str
) -> Failed | None:
    """Return the failure to report if a bare hello to ``address`` is answered, else None.

    ``name`` is the host as in a URL, ``scheme`` the one to use instead. One more
    connection; never raises Failed.
    """
    suites = (*n.GOOD_SUITES, *n.OBSOLETE_SUITES)
    hello = tlshello.offer(n.TLS12, suites, os.urandom(32), name=tlshello.sni(name))
    try:
        stream = await ctx.connect_again(address)
        with stream:
            answer = await exchange(stream, hello)
    except Failed:
        return None
    if answer.outcome != "hello" and answer.alert is None:
        return None
    plain = "plain WebSocket" if scheme.endswith("wss") else scheme.removesuffix("s").upper()
    host = f"[{name}]" if ":" in name else name
    return Failed(
        Reason.PROTOCOL_MISMATCH,
        f"the port serves TLS, not {plain}: use {scheme}://{host}:{address.port}",
        phase=phase,
    )
