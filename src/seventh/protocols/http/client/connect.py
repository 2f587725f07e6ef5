"""Opening a connection of one version, with what each step of it took."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from seventh.model.alert import Alert
from seventh.model.failure import Failed, Reason
from seventh.net.address import Address
from seventh.net.stopwatch import now_ns
from seventh.net.stream import Stream
from seventh.net.wait import Cutoff, DeadlineError
from seventh.protocols.http.client.standing import Opened, Standing
from seventh.protocols.http.wire.url import Origin
from seventh.web.connection import HttpConnection
from seventh.web.h1 import H1Connection

if TYPE_CHECKING:
    from seventh.net.quic.client import Session as QuicSession
    from seventh.net.tls.session import Session
    from seventh.net.tls.stream import TlsStream

OPEN_SECONDS = 4.0
"""How long opening one further connection may take."""
QUIC_SECONDS = 3.0
"""How long a QUIC handshake may take: where UDP is dropped, nothing ever comes back."""


async def open_stream(
    standing: Standing,
    origin: Origin,
    address: Address,
    alpn: tuple[str, ...],
    *,
    stream: Stream | None = None,
    session: Session | None = None,
    phase: str = "tls.compared",
    prior: bool = False,
    verify: bool = True,
) -> Opened:
    """A connection over TCP; with TLS where the origin is https.

    ``stream`` is a connection that is there already. In clear, ``prior`` speaks HTTP/2 from prior
    knowledge. Without ``verify`` the certificate is for the caller to judge. Raises Failed: those
    of connecting and of TLS; negotiation-failed where the server does not choose what alone was
    offered.
    """
    try:
        with Cutoff(min(OPEN_SECONDS, max(0.001, standing.talk.budget.seconds_left))):
            return await _open_stream(
                standing, origin, address, alpn, stream, session, phase, prior, verify
            )
    except DeadlineError:
        raise Failed(
            Reason.PEER_SILENT, f"no connection was ready within {OPEN_SECONDS:g} s"
        ) from None


async def _open_stream(
    standing: Standing,
    origin: Origin,
    address: Address,
    alpn: tuple[str, ...],
    stream: Stream | None,
    session: Session | None,
    phase: str,
    prior: bool,
    verify: bool,
) -> Opened:
    if stream is None:
        stream = await standing.talk.connect_again(address)
    if origin.scheme != "https":
        version = "2" if prior else "1.1"
        return Opened(
            connection=speak(version, stream), version=version, address=address, ready_ns=now_ns(),
            connect_seconds=stream.connect_seconds, stream=stream,
        )  # fmt: skip
    tls = await _shake(standing, origin, stream, alpn, session, phase, verify)
    version = "2" if tls.alpn == "h2" else "1.1"
    if alpn == ("h2",) and version != "2":
        await tls.farewell()
        raise Failed(Reason.NEGOTIATION_FAILED, "the server does not choose h2 (ALPN)")
    return Opened(
        connection=speak(version, tls), version=version, address=address, ready_ns=now_ns(),
        connect_seconds=stream.connect_seconds, tls_seconds=tls.handshake_seconds, stream=tls,
        tls=tls,
    )  # fmt: skip


async def _shake(
    standing: Standing,
    origin: Origin,
    stream: Stream,
    alpn: tuple[str, ...],
    session: Session | None,
    phase: str,
    verify: bool,
) -> TlsStream:
    from seventh.net.tls import handshake

    name = standing.server_name(origin)
    tls = handshake.prepare(
        stream, standing.talk.options, name, alpn=alpn, session=session, profile="lenient"
    )
    try:
        await tls.handshake(standing.talk.watch, phase)
        if verify and (standing.trusted or origin != standing.origin):
            handshake.verify_or_fail(tls, name)
    except Failed as failed:
        tls.close()
        if failed.alert is Alert.NO_APPLICATION_PROTOCOL:
            raise Failed(
                Reason.NEGOTIATION_FAILED, f"the server has none of {', '.join(alpn)} (ALPN)"
            ) from None
        raise
    return tls


def speak(version: str, stream: Stream) -> HttpConnection:
    """HTTP on a stream that is ready."""
    if version == "2":
        from seventh.web.h2 import H2Connection

        return H2Connection(stream)
    return H1Connection(stream)


async def open_quic(
    standing: Standing,
    origin: Origin,
    address: Address,
    *,
    session: QuicSession | None = None,
    phase: str = "quic",
    log: bool = False,
) -> Opened:
    """A connection of HTTP/3 whose handshake is complete on our side: a request may go.

    Raises Failed: connect-refused, no-reply, what a handshake can fail with; options-unusable
    where a jump host carries the talk, for it carries no datagrams.
    """
    from seventh.net.quic import connect
    from seventh.web.h3 import H3Connection

    talk = standing.talk
    no_datagrams(standing)
    client = connect.prepare(
        talk, address, standing.server_name(origin), session=session, log=log,
        verify=standing.trusted,
    )  # fmt: skip
    try:
        with Cutoff(min(QUIC_SECONDS, max(0.001, talk.budget.seconds_left))):
            await connect.shake(talk, client, phase, confirmed=False)
    except DeadlineError:
        failed = silence(client)
        failed.phase = phase
        client.close()
        raise failed from None
    except BaseException:  # of any kind, a cancelled look too: close, and let it go on
        client.close()
        raise
    return Opened(
        connection=H3Connection(client), version="3", address=address,
        ready_ns=client.completed.ns if client.completed is not None else now_ns(),
        quic_seconds=client.handshake_seconds, quic=client,
        path_rtt_seconds=standing.shared.round_trips.get(address.ip),
    )  # fmt: skip


async def open_any_quic(
    standing: Standing, addresses: tuple[Address, ...], *, log: bool = False
) -> Opened:
    """A connection of HTTP/3 to the first address that answers, tried one after another.

    Raises Failed: that of the last address.
    """
    for address in addresses[:-1]:
        with contextlib.suppress(Failed):
            return await open_quic(standing, standing.origin, address, log=log)
    return await open_quic(standing, standing.origin, addresses[-1], log=log)


def silence(client: Any) -> Failed:
    """Why a QUIC handshake did not come to its end in time."""
    if client.first_received is None:
        return Failed(
            Reason.NO_REPLY,
            f"no QUIC packet came back in {QUIC_SECONDS:g} s: {client.bytes_sent} bytes of "
            f"Initials went to UDP port {client.address.port}",
        )
    return Failed(Reason.PEER_SILENT, "the peer stopped answering during the QUIC handshake")


def no_datagrams(standing: Standing) -> None:
    """Failed where the way to the target carries no datagrams."""
    if standing.talk.carried:
        raise Failed(Reason.OPTIONS_UNUSABLE, "--via carries TCP only: no HTTP/3 through it")
