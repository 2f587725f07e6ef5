"""Opening a connection of one version, with what each step of it took."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from seventh.model.alert import Alert
from seventh.model.failure import Failed, Reason
from seventh.net.address import Address
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import now_ns
from seventh.net.stream import Stream
from seventh.net.wait import Cutoff, DeadlineError
from seventh.protocols.http.wire.url import Origin
from seventh.web.connection import HttpConnection
from seventh.web.h1 import H1Connection
from seventh.web.message import Fields, Response, Unfinished
from seventh.wire.tlsnames import NEW_SESSION_TICKET, TLS13

if TYPE_CHECKING:
    from seventh.net.quic.client import QuicClient
    from seventh.net.quic.client import Session as QuicSession
    from seventh.net.tls.session import Session
    from seventh.net.tls.stream import TlsStream

OPEN_SECONDS = 4.0
"""How long opening one further connection may take."""
QUIC_SECONDS = 3.0
"""How long a QUIC handshake may take: where UDP is dropped, nothing ever comes back."""


class Opened(msgspec.Struct, kw_only=True):
    """A connection that is ready, how it became so, and what it has carried since."""

    connection: HttpConnection
    version: str
    address: Address
    ready_ns: int
    """When a request could go."""
    connect_seconds: float | None = None
    tls_seconds: float | None = None
    quic_seconds: float | None = None
    stream: Stream | None = None
    tls: TlsStream | None = None
    quic: QuicClient | None = None
    path_rtt_seconds: float | None = None
    """The round trip of the path that an earlier connection to the address has shown."""
    alternative: str = ""
    """The alternative service that it leads to, as Alt-Used names it (RFC 7838 §5)."""
    used: int = 0
    """How many exchanges it has carried."""
    ordinary: bool = True
    """Whether the last exchange was one after which a connection is kept: a GET that succeeded."""
    idle_since_ns: int = 0
    idled_seconds: float | None = None
    """How long an earlier connection in this place had stood idle when the server had ended it."""

    def renew(self, fresh: Opened) -> None:
        """Replace a connection that the server closed while it was idle."""
        idled = (now_ns() - self.idle_since_ns) / 1e9
        self.idled_seconds = min(idled, self.idled_seconds or idled)
        self.connection, self.stream, self.tls = fresh.connection, fresh.stream, fresh.tls
        self.quic, self.ready_ns, self.used = fresh.quic, fresh.ready_ns, 0

    def carried(self, method: str, response: Response) -> None:
        """Count a completed exchange."""
        self.used += 1
        self.ordinary = method in {"GET", "HEAD"} and response.status < 400
        self.idle_since_ns = response.last.ns

    def offered_upgrade(self) -> None:
        """Note that an upgrade was offered: its end shows nothing of keep-alive."""
        self.ordinary = False

    @property
    def ended_by_server(self) -> bool:
        """Whether the server ended an HTTP/1.1 connection with an ordinary answer.

        After an error, or a body that they did not read, even those that keep connections end one.
        """
        stats = getattr(self.connection, "stats", None)
        return self.ordinary and bool(getattr(stats, "closed_by_server", False))

    @property
    def fields(self) -> Fields:
        """What a request on this connection has beside what it has on any other."""
        return (("Alt-Used", self.alternative),) if self.alternative else ()

    @property
    def has_ticket(self) -> bool:
        """Whether its TLS session can be resumed: with TLS 1.3, whether a ticket has come."""
        tls = self.tls
        return tls is not None and (
            tls.version < TLS13 or tls.tap.first(NEW_SESSION_TICKET) is not None
        )

    @property
    def rtt_seconds(self) -> float | None:
        """The least round trip that is known of the path."""
        if self.quic is not None:
            # The server's first packet came after its own share of the handshake's work.
            seen = [self.quic.rtt_seconds, self.quic.least_rtt_seconds, self.path_rtt_seconds]
            return min((r for r in seen if r), default=None)
        info = self.stream.tcp_info() if self.stream is not None else None
        if info is None:
            return self.connect_seconds
        # The kernel's smoothed estimate takes in how long the server thought, where an
        # acknowledgement waited for the answer; its minimum does not.
        known = [info.min_rtt_seconds or info.rtt_seconds, self.connect_seconds]
        return min((r for r in known if r), default=None)


def is_stale(failed: Failed) -> bool:
    """Return whether a request failed because the server had just closed the kept connection.

    Nothing of an answer had come: it is asked again on a new connection, as clients do.
    """
    if isinstance(failed, Unfinished):
        return False
    gone = failed.reason in {Reason.PEER_CLOSED, Reason.PEER_RESET}
    return gone and failed.http_error in {"", "NO_ERROR", "REFUSED_STREAM"}


# -- over TCP --------------------------------------------------------------------------------------


async def over_tcp(
    ctx: ProbeContext,
    origin: Origin,
    address: Address,
    alpn: tuple[str, ...],
    *,
    stream: Stream | None = None,
    session: Session | None = None,
    phase: str = "tls.compared",
    prior: bool = False,
    verify: bool = True,
    alternative: str = "",
) -> Opened:
    """Return a connection over TCP; with TLS where the origin is https.

    ``stream`` is a connection that is there already. In clear, ``prior`` starts HTTP/2 with prior
    knowledge (RFC 9113 §3.3). Without ``verify`` the caller judges the certificate. Raises Failed:
    those of connecting and of TLS; negotiation-failed where the server does not choose what alone
    was offered.
    """
    try:
        async with Cutoff(min(OPEN_SECONDS, max(0.001, ctx.budget.seconds_left))):
            if stream is None:
                stream = await ctx.connect_again(address)
            if origin.scheme != "https":
                return in_clear(stream, address, prior=prior)
            tls = await _start_tls(ctx, origin, stream, alpn, session, phase, verify)
            if alpn == ("h2",) and tls.alpn != "h2":
                await tls.aclose()
                raise Failed(Reason.NEGOTIATION_FAILED, "the server does not select h2 (ALPN)")
            return on_tls(tls, stream, address, alternative)
    except DeadlineError:
        raise Failed(
            Reason.PEER_SILENT, f"no connection was established within {OPEN_SECONDS:g} s"
        ) from None


async def _start_tls(
    ctx: ProbeContext,
    origin: Origin,
    stream: Stream,
    alpn: tuple[str, ...],
    session: Session | None,
    phase: str,
    verify: bool,
) -> TlsStream:
    from seventh.net.tls import handshake

    tls = handshake.prepare(
        stream, ctx.options, origin.host, alpn=alpn, session=session, profile="lenient"
    )
    try:
        await tls.handshake(ctx.watch, phase)
        if verify:
            handshake.verify_or_fail(tls, origin.host)
    except Failed as failed:
        tls.close()
        if failed.alert is Alert.NO_APPLICATION_PROTOCOL:
            raise Failed(
                Reason.NEGOTIATION_FAILED, f"the server supports none of {', '.join(alpn)} (ALPN)"
            ) from None
        raise
    return tls


def in_clear(stream: Stream, address: Address, *, prior: bool = False) -> Opened:
    """Return plain HTTP on a TCP connection: 1.1, or 2 with ``prior`` knowledge."""
    version = "2" if prior else "1.1"
    return Opened(
        connection=http_on(version, stream), version=version, address=address, ready_ns=now_ns(),
        connect_seconds=stream.connect_seconds, stream=stream,
    )  # fmt: skip


def on_tls(tls: TlsStream, below: Stream, address: Address, alternative: str = "") -> Opened:
    """Return the version that the server selected (ALPN) on TLS after its handshake."""
    version = "2" if tls.alpn == "h2" else "1.1"
    return Opened(
        connection=http_on(version, tls), version=version, address=address, ready_ns=now_ns(),
        connect_seconds=below.connect_seconds, tls_seconds=tls.handshake_seconds, stream=tls,
        tls=tls, alternative=alternative,
    )  # fmt: skip


def http_on(version: str, stream: Stream) -> HttpConnection:
    """Return HTTP of that version on a stream."""
    if version == "2":
        from seventh.web.h2 import H2Connection

        return H2Connection(stream)
    return H1Connection(stream)


# -- over QUIC -------------------------------------------------------------------------------------


async def over_quic(
    ctx: ProbeContext,
    origin: Origin,
    address: Address,
    *,
    session: QuicSession | None = None,
    phase: str = "quic",
    verify: bool = True,
    path_rtt_seconds: float | None = None,
    alternative: str = "",
    log: bool = False,
) -> Opened:
    """Return an HTTP/3 connection whose handshake is complete on our side.

    Raises Failed: connect-refused, no-reply, what a handshake can fail with; options-unusable
    where a jump host or a proxy carries the talk, for it carries no datagrams.
    """
    from seventh.net.quic import connect
    from seventh.web.h3 import H3Connection

    need_datagrams(ctx)
    client = connect.prepare(ctx, address, origin.host, session=session, log=log, verify=verify)
    try:
        async with Cutoff(min(QUIC_SECONDS, max(0.001, ctx.budget.seconds_left))):
            await connect.shake(ctx, client, phase, confirmed=False)
    except DeadlineError:
        failed = silence(client, phase)
        client.close()
        raise failed from None
    except BaseException:  # of any kind, a cancelled look too: close, and let it go on
        client.close()
        raise
    return Opened(
        connection=H3Connection(client), version="3", address=address,
        ready_ns=client.completed.ns if client.completed is not None else now_ns(),
        quic_seconds=client.handshake_seconds, quic=client, path_rtt_seconds=path_rtt_seconds,
        alternative=alternative,
    )  # fmt: skip


def silence(client: QuicClient, phase: str = "") -> Failed:
    """Return why a QUIC handshake did not complete in time."""
    failed = client.silence()
    failed.phase = phase
    return failed


def need_datagrams(ctx: ProbeContext) -> None:
    """Raise Failed (options-unusable) where jump hosts or a proxy carry the connections."""
    if ctx.carried:
        why = f"{ctx.route} carries TCP only, so HTTP/3 cannot be used"
        raise Failed(Reason.OPTIONS_UNUSABLE, why)
