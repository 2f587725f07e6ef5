"""The handshake of recurring checks: verified, and cheap."""

from __future__ import annotations

from seventh.model.tlsfacts import TlsFacts
from seventh.net.probe_context import ProbeContext
from seventh.net.stream import Stream
from seventh.net.tls.handshake import start_tls
from seventh.net.tls.stream import TlsStream


async def start_recurring(
    ctx: ProbeContext, stream: Stream, name: str, *, alpn: tuple[str, ...] = (), phase: str = "tls"
) -> TlsStream:
    """Shake hands with ``name``, and learn the duration and the certificate's expiry.

    Raises Failed for what :func:`~seventh.net.tls.handshake.start_tls` does; a certificate that
    a client would refuse is one of them.
    """
    tls = await start_tls(
        stream, ctx.options, name, watch=ctx.watch, alpn=alpn, recurring=True, phase=phase
    )
    ctx.notes(TlsFacts).learn(
        server_name=name,
        handshake_seconds=tls.handshake_seconds,
        cert_expiry_timestamp_seconds=tls.earliest_expiry(),
    )
    return tls
