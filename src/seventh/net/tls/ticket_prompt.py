"""A first request, in the protocol selected by ALPN, that prompts a server for tickets.

BoringSSL (Envoy, Google's front ends) sends session tickets only with the server's first data; a
client that sends nothing never receives one.
"""

from __future__ import annotations

from seventh.model.failure import Failed, Reason
from seventh.net.tls.stream import TlsStream
from seventh.wire.tlsnames import TLS13

_GONE = frozenset({Reason.PEER_CLOSED, Reason.PEER_RESET})
QUIET_SECONDS = 0.25
"""How long to wait for a ticket before a request is sent."""
_H2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
"""HTTP/2's preface with empty SETTINGS (RFC 9113 §3.4): the server answers with its own."""


def http1_head(host: str) -> bytes:
    """Return a HEAD request of HTTP/1.1, the last one on its connection."""
    return f"HEAD / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode("latin-1")


def request(alpn: str | None, host: str) -> bytes | None:
    """Return a request; None where the protocol is unknown, or has no harmless request."""
    return {"h2": _H2, "http/1.1": http1_head(host)}.get(alpn or "")


async def prompt_tickets(stream: TlsStream, host: str, *, ask: bool) -> None:
    """Wait for session tickets, with ``ask`` after a request if necessary.

    Raises Failed when the server refuses the handshake after all, but not when it closes the
    connection because of the request.
    """
    prompt = request(stream.alpn, host) if ask else None
    if prompt is None:
        await stream.settle()
    elif not await stream.settle(QUIET_SECONDS) and stream.version >= TLS13:
        try:
            await stream.send(prompt)
            await stream.settle()
        except Failed as failed:
            if failed.reason not in _GONE:
                raise
