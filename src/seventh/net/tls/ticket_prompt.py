"""A first request, in the protocol selected by ALPN, that prompts a server for tickets.

BoringSSL (Envoy, Google's front ends) holds session tickets back until the server writes its first
data; a client that only listens never sees one.
"""

from __future__ import annotations

from seventh.model.failure import Failed, Reason
from seventh.net.tls.stream import TlsStream
from seventh.wire.tlsnames import TLS13

_GONE = frozenset({Reason.PEER_CLOSED, Reason.PEER_RESET})
QUIET_SECONDS = 0.25
"""How long a ticket is waited for in silence before the server is spoken to."""
_H2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
"""HTTP/2's preface with empty SETTINGS (RFC 9113 §3.4): the server answers with its own."""


def word(alpn: str | None, host: str) -> bytes | None:
    """Return the request; None where the protocol is unknown, or has no harmless request."""
    if alpn == "h2":
        return _H2
    if alpn == "http/1.1":
        return f"HEAD / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode("latin-1")
    return None


async def prompt_tickets(stream: TlsStream, host: str, *, ask: bool) -> int:
    """Return how many session tickets come, with ``ask`` after a request if necessary.

    Raises Failed when the server refuses the handshake after all; that it ends the connection over
    our word is no failure.
    """
    said = word(stream.alpn, host) if ask else None
    if said is None:
        return await stream.settle()
    tickets = await stream.settle(QUIET_SECONDS)
    if tickets or stream.version < TLS13:
        return tickets
    try:
        await stream.send(said)
        return await stream.settle()
    except Failed as failed:
        if failed.reason not in _GONE:
            raise
        return 0
