"""Opening a connection of one version, with what each step of it took."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from seventh.model.failure import Failed, Reason
from seventh.net.address import Address
from seventh.net.stopwatch import now_ns
from seventh.net.stream import Stream
from seventh.net.wait import Cutoff, DeadlineError
from seventh.protocols.http.url import Origin
from seventh.web.connection import HttpConnection

if TYPE_CHECKING:
    from seventh.net.quic.client import QuicClient
    from seventh.net.quic.client import Session as QuicSession
    from seventh.net.tls.stream import Session, TlsStream
    from seventh.protocols.http.site import Site

OPEN_SECONDS = 4.0
"""How long opening one further connection may take."""
QUIC_SECONDS = 3.0
"""How long a QUIC handshake may take: where UDP is dropped, nothing ever comes back."""
NO_ALPN = "no_application_protocol"


class Opened(msgspec.Struct, kw_only=True):
    """A connection that is ready, and how it became so."""

    connection: HttpConnection
    version: str
    address: Address
    start_ns: int
    """When its opening began."""
    ready_ns: int
    """When a request could go."""
    connect_seconds: float | None = None
    tls_seconds: float | None = None
    quic_seconds: float | None = None
    stream: Stream | None = None
    tls: TlsStream | None = None
    quic: QuicClient | None = None
    path_rtt_seconds: float | None = None
    """What another connection knows of the same path."""
    used: int = 0
    """How many exchanges it has carried."""
    idle_since_ns: int = 0

    @property
    def rtt_seconds(self) -> float | None:
        """The least round trip that is known of the path."""
        if self.quic is not None:
            # The server's first packet came after its own share of the handshake's work.
            seen = [self.quic.rtt_seconds, self.path_rtt_seconds]
            return min((r for r in seen if r), default=None)
        info = self.stream.tcp_info() if self.stream is not None else None
        if info is None:
            return self.connect_seconds
        # The kernel's smoothed estimate takes in how long the server thought, where an
        # acknowledgement waited for the answer; its minimum does not.
        known = [info.min_rtt_seconds or info.rtt_seconds, self.connect_seconds]
        return min((r for r in known if r), default=None)


async def open_stream(
    site: Site,
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
        with Cutoff(min(OPEN_SECONDS, max(0.001, site.talk.budget.seconds_left))):
            return await _open_stream(
                site, origin, address, alpn, stream, session, phase, prior, verify
            )
    except DeadlineError:
        raise Failed(
            Reason.PEER_SILENT, f"no connection was ready within {OPEN_SECONDS:g} s"
        ) from None


async def _open_stream(
    site: Site,
    origin: Origin,
    address: Address,
    alpn: tuple[str, ...],
    stream: Stream | None,
    session: Session | None,
    phase: str,
    prior: bool,
    verify: bool,
) -> Opened:
    talk = site.talk
    start = now_ns()
    if stream is None:
        stream = await talk.connect_again(address)
    connect = max(0, stream.opened.ns - start) / 1e9
    if origin.scheme != "https":
        version = "2" if prior else "1.1"
        return Opened(
            connection=speak(version, stream), version=version, address=address, start_ns=start,
            ready_ns=now_ns(), connect_seconds=connect, stream=stream,
        )  # fmt: skip
    tls = await _shake(site, origin, stream, alpn, session, phase, verify)
    version = "2" if tls.alpn == "h2" else "1.1"
    if alpn == ("h2",) and version != "2":
        await tls.farewell()
        raise Failed(Reason.NEGOTIATION_FAILED, "the server does not choose h2 (ALPN)")
    return Opened(
        connection=speak(version, tls), version=version, address=address, start_ns=start,
        ready_ns=now_ns(), connect_seconds=connect, tls_seconds=tls.handshake_seconds,
        stream=tls, tls=tls,
    )  # fmt: skip


async def _shake(
    site: Site,
    origin: Origin,
    stream: Stream,
    alpn: tuple[str, ...],
    session: Session | None,
    phase: str,
    verify: bool,
) -> TlsStream:
    from seventh.net.tls import handshake

    name = site.server_name(origin)
    tls = handshake.prepare(
        stream, site.talk.options, name, alpn=alpn, session=session, profile="lenient"
    )
    try:
        await tls.handshake(site.talk.watch, phase)
        if verify and (site.shared.distrust is None or origin != site.origin):
            handshake.verify_or_fail(tls, name)
    except Failed as failed:
        tls.close()
        if NO_ALPN in failed.detail:
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
    from seventh.web.h1 import H1Connection

    return H1Connection(stream)


async def open_quic(
    site: Site,
    origin: Origin,
    address: Address,
    *,
    session: QuicSession | None = None,
    phase: str = "quic",
    log: bool = False,
) -> Opened:
    """A connection of HTTP/3 whose handshake is confirmed.

    Raises Failed: connect-refused, no-reply, what a handshake can fail with; options-unusable
    where a jump host carries the talk, for it carries no datagrams.
    """
    from seventh.net.quic import connect
    from seventh.web.h3 import H3Connection

    talk = site.talk
    no_datagrams(site)
    start = now_ns()
    client = connect.prepare(
        talk, address, site.server_name(origin), session=session, log=log,
        verify=site.shared.distrust is None,
    )  # fmt: skip
    try:
        with Cutoff(min(QUIC_SECONDS, max(0.001, talk.budget.seconds_left))):
            await connect.shake(talk, client, phase)
    except DeadlineError:
        failed = silence(client)
        failed.phase = phase
        client.close()
        raise failed from None
    except BaseException:
        client.close()
        raise
    return Opened(
        connection=H3Connection(client), version="3", address=address, start_ns=start,
        ready_ns=client.confirmed.ns if client.confirmed is not None else now_ns(),
        quic_seconds=client.handshake_seconds, quic=client,
        path_rtt_seconds=site.rtt_seconds,
    )  # fmt: skip


def silence(client: Any) -> Failed:
    """Why a QUIC handshake did not come to its end in time."""
    if client.first_received is None:
        return Failed(
            Reason.NO_REPLY,
            f"no QUIC packet came back in {QUIC_SECONDS:g} s: {client.bytes_sent} bytes of "
            f"Initials went to UDP port {client.address.port}",
        )
    return Failed(Reason.PEER_SILENT, "the peer stopped answering during the QUIC handshake")


def no_datagrams(site: Site) -> None:
    """Failed where the way to the target carries no datagrams."""
    if site.talk.options.via is not None:
        raise Failed(Reason.OPTIONS_UNUSABLE, "--via carries TCP only: no HTTP/3 through it")
