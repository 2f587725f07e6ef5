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
from seventh.net.kernel import BlackHole
from seventh.net.probe_context import ProbeContext
from seventh.net.stream import Stream
from seventh.net.tls import handshake
from seventh.net.tls.stream import TlsStream

OpenStream = Callable[[], Awaitable[Stream]]
SILENCE_SECONDS = 3.0
"""How long a server may say nothing to the first hello before a small one is tried beside it."""
_OTHER_CAUSE = frozenset({Alert.NO_APPLICATION_PROTOCOL, Alert.UNRECOGNIZED_NAME})


async def shake(
    ctx: ProbeContext, tls: TlsStream, open_stream: OpenStream, server_name: str, phase: str = "tls"
) -> None:
    """Shake hands on ``tls``; if its large hello fails, learn from a small one.

    ``open_stream`` gives a further stream to the same server. Raises Failed as
    :meth:`TlsStream.handshake` does, with another detail where a smaller hello is answered.
    """
    large = asyncio.ensure_future(tls.handshake(ctx.watch, phase))
    tried = False

    async def small_hello() -> int:
        return await _second_hello(ctx, open_stream, server_name, tls.offered, classical=True)

    try:
        patience = min(SILENCE_SECONDS, ctx.budget.seconds_left / 2)
        await asyncio.wait({large}, timeout=patience)
        if not large.done() and (whose := tls.black_hole()) is not None:
            tried = True  # what the hello contains is not the cause
            raise _black_hole(whose, phase)
        if not large.done() and not tls.handshake_bytes:
            tried = True
            small = await small_hello()
            if small and not large.done() and not tls.handshake_bytes:
                how = f"gets no answer in {tls.waited_seconds:.1f} s"
                raise _too_large(ctx, tls.hello_bytes, small, Reason.PEER_SILENT, how, phase)
        await large
    except Failed as failed:
        if tried or not _suspicious(failed, tls):
            raise
        small = await small_hello()
        if not small or await _second_hello(ctx, open_stream, server_name):
            raise failed from None
        how = _HOW[failed.reason]
        if failed.alert is not None:
            how += f" with the alert {failed.alert.name.lower()}"
        failure = _too_large(ctx, tls.hello_bytes, small, failed.reason, how, phase)
        failure.alert = failed.alert
        raise failure from None
    finally:
        large.cancel()
        await asyncio.wait((large,))  # awaited, it would swallow a cancellation that is ours
        if not large.cancelled():
            large.exception()


def _black_hole(whose: BlackHole, phase: str) -> Failed:
    """Return the failure of a handshake whose full-size segments are lost."""
    return Failed(
        Reason.PEER_SILENT,
        f"full-size TCP segments {whose} are lost on the path and smaller ones arrive: a path MTU "
        "black hole (ICMP filtered)",
        blame=Blame.NETWORK,
        phase=phase,
    )


_HOW = {
    Reason.PEER_RESET: "is answered with a reset",
    Reason.PEER_CLOSED: "is answered by closing the connection",
    Reason.PEER_SILENT: "gets no answer",
    Reason.TLS_HANDSHAKE: "is refused",
    Reason.TLS_VERSION: "is refused",
}


def _suspicious(failed: Failed, tls: TlsStream) -> bool:
    """Return whether the hello itself may be the cause."""
    return tls.hello is None and failed.reason in _HOW and failed.alert not in _OTHER_CAUSE


async def _second_hello(
    ctx: ProbeContext,
    open_stream: OpenStream,
    server_name: str,
    alpn: tuple[str, ...] = (),
    *,
    classical: bool = False,
) -> int:
    """Return the size of a further hello, if its handshake succeeds; else 0.

    A ``classical`` one has no post-quantum group; the facts of its handshake are noted.
    """
    from seventh.net.tls.inspect import note_handshake

    try:
        tls = handshake.prepare(
            await open_stream(), ctx.options, server_name, alpn=alpn, profile="lenient",
            staple=classical, classical=classical,
        )  # fmt: skip
        with tls:
            await tls.handshake(ctx.watch, phase="tls.compared")
            if classical:
                note_handshake(ctx, tls, server_name)
            await tls.aclose()
    except Failed:
        return 0
    return tls.hello_bytes


def _too_large(
    ctx: ProbeContext, large: int, small: int, reason: Reason, how: str, phase: str
) -> Failed:
    """Return the failure of a hello of ``large`` bytes where one of ``small`` succeeds."""
    ctx.notes(TlsFacts).learn(large_hello_bytes=large, small_hello_bytes=small)
    return Failed(
        reason,
        f"a ClientHello of {large} bytes with a post-quantum key share {how}; {small} bytes "
        "without it are accepted: a firewall, a proxy or the server cannot handle the large one "
        "(https://tldr.fail)",
        blame=Blame.NETWORK,
        phase=phase,
    )
