"""ClientHellos that are too large for a middlebox or the server.

With a post-quantum key share it does not fit into one packet. Servers that read a hello with a
single call, and firewalls that look for the server's name in its first packet, then drop it, reset
the connection or answer with an alert (https://tldr.fail). A second handshake without that share
tells this apart from a server that refuses everybody, and learns the certificate all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from seventh.model.alert import Alert
from seventh.model.failure import Blame, Failed, Reason
from seventh.model.tlsfacts import TlsFacts
from seventh.net.probe_context import ProbeContext
from seventh.net.stream import Stream
from seventh.net.tls import handshake
from seventh.net.tls.stream import TlsStream

OpenStream = Callable[[], Awaitable[Stream]]
SILENCE_SECONDS = 3.0
"""How long a server may say nothing to the first hello before a small one is tried beside it."""
_SUSPECT = frozenset(
    {
        Reason.PEER_RESET,
        Reason.PEER_CLOSED,
        Reason.PEER_SILENT,
        Reason.TLS_HANDSHAKE,
        Reason.TLS_VERSION,
    }
)
_OTHER_CAUSE = frozenset({Alert.NO_APPLICATION_PROTOCOL, Alert.UNRECOGNIZED_NAME})


async def shake(
    ctx: ProbeContext, tls: TlsStream, open_stream: OpenStream, server_name: str, phase: str = "tls"
) -> None:
    """Shake hands on ``tls``; if its large hello fails, learn from a small one.

    ``open_stream`` gives a further stream to the same server. Raises Failed as
    :meth:`TlsStream.handshake` does, with another detail where a smaller hello is answered.
    """
    large = asyncio.ensure_future(tls.handshake(ctx.watch, phase))
    small = _Small(ctx, open_stream, server_name, tls.offered, phase)
    try:
        patience = min(SILENCE_SECONDS, ctx.budget.seconds_left / 2)
        await asyncio.wait({large}, timeout=patience)
        silent = not large.done() and not tls.handshake_bytes
        if silent and await small.succeeds() and not large.done() and not tls.handshake_bytes:
            how = f"gets no answer in {tls.waited_seconds:.1f} s"
            raise small.diagnosed(Reason.PEER_SILENT, how, tls)
        await large
    except Failed as failed:
        if small.tried or not _suspicious(failed, tls):
            raise
        if not await small.succeeds() or await _large_succeeds(ctx, open_stream, server_name):
            raise failed from None
        raise small.diagnosed(failed.reason, _HOW[failed.reason], tls, failed.alert) from None
    finally:
        large.cancel()
        await asyncio.wait((large,))  # awaited, it would swallow a cancellation that is ours
        if not large.cancelled():
            large.exception()


_HOW = {
    Reason.PEER_RESET: "is answered with a reset",
    Reason.PEER_CLOSED: "is answered by closing the connection",
    Reason.PEER_SILENT: "gets no answer",
    Reason.TLS_HANDSHAKE: "is refused",
    Reason.TLS_VERSION: "is refused",
}


def _suspicious(failed: Failed, tls: TlsStream) -> bool:
    """Return whether the hello itself may be the cause."""
    return tls.hello is None and failed.reason in _SUSPECT and failed.alert not in _OTHER_CAUSE


class _Small:
    """A handshake without a post-quantum group, for comparison."""

    def __init__(
        self,
        ctx: ProbeContext,
        open_stream: OpenStream,
        server_name: str,
        alpn: tuple[str, ...],
        phase: str,
    ) -> None:
        self._ctx = ctx
        self._open = open_stream
        self._name = server_name
        self._alpn = alpn
        self._phase = phase
        self.tried = False
        self.hello_bytes = 0

    async def succeeds(self) -> bool:
        """Return whether the handshake succeeds; its facts are noted."""
        from seventh.net.tls.inspect import note_handshake

        self.tried = True
        try:
            tls = handshake.prepare(
                await self._open(), self._ctx.options, self._name, alpn=self._alpn,
                profile="lenient", staple=True, classical=True,
            )  # fmt: skip
            with tls:
                await tls.handshake(self._ctx.watch, phase="tls.compared")
                note_handshake(self._ctx, tls, self._name)
                self.hello_bytes = tls.hello_bytes
                await tls.aclose()
        except Failed:
            return False
        return True

    def diagnosed(
        self, reason: Reason, how: str, large: TlsStream, alert: Alert | None = None
    ) -> Failed:
        """Return the failure of the large hello, in comparison with the small one."""
        self._ctx.notes(TlsFacts).learn(
            large_hello_bytes=large.hello_bytes, small_hello_bytes=self.hello_bytes
        )
        by = f" with the alert {alert.name.lower()}" if alert is not None else ""
        return Failed(
            reason,
            f"a ClientHello of {large.hello_bytes} bytes with a post-quantum key share {how}"
            f"{by}; {self.hello_bytes} bytes without it are accepted: a firewall, a proxy or the "
            "server cannot handle the large one (https://tldr.fail)",
            blame=Blame.NETWORK,
            phase=self._phase,
            alert=alert,
        )


async def _large_succeeds(ctx: ProbeContext, open_stream: OpenStream, server_name: str) -> bool:
    """Return whether a second large hello succeeds, so that size is not the cause."""
    try:
        tls = handshake.prepare(await open_stream(), ctx.options, server_name, profile="lenient")
        with tls:
            await tls.handshake(ctx.watch, phase="tls.compared")
            await tls.aclose()
    except Failed:
        return False
    return True
