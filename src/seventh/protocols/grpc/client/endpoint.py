"""The target: its connections, within the budget of the check, and what every call on them has."""

from __future__ import annotations

from seventh.model.alert import Alert
from seventh.model.failure import Failed, Reason, UsageError
from seventh.model.options import Options
from seventh.model.tlsfacts import TlsFacts
from seventh.net.address import Address
from seventh.net.on_failure import on_failure
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import Stopwatch
from seventh.net.stream import Stream
from seventh.net.tls.handshake import prepare, start_recurring
from seventh.net.tls.inspect import note_handshake
from seventh.net.tls.large_hello import shake
from seventh.net.tls.plaintext import detect_tls, may_be_tls
from seventh.protocols.grpc import GrpcOptions
from seventh.protocols.grpc.client.channel import Channel
from seventh.protocols.grpc.facts import GrpcFacts
from seventh.protocols.grpc.wire.metadata import RESERVED, is_key
from seventh.web.given import FRAMING, first_line, header_field
from seventh.web.message import Fields
from seventh.wire.address import reach

ANSWER_SECONDS = 5.0
"""How long a response may take; at most half of the time left."""
_CREDENTIALS = frozenset({"authorization", "cookie", "x-api-key"})


def metadata_of(options: Options) -> Fields:
    """Return the metadata of --header and --token-file. Raises UsageError."""
    fields: list[tuple[str, str]] = []
    for text in options.headers:
        name, value = header_field(text, FRAMING | RESERVED)
        if not is_key(name.lower()):
            raise UsageError(
                f"--header {name}: a key of metadata has letters, digits, '-', '_' and '.'"
            )
        fields.append((name.lower(), value))
    if options.token_file is not None:
        fields.append(("authorization", f"Bearer {first_line(options.token_file)}"))
    return tuple(fields)


class Endpoint:
    """One server; its metadata holds secrets and is never shown."""

    def __init__(self, ctx: ProbeContext) -> None:
        self.ctx = ctx
        self.notes = ctx.notes(GrpcFacts)
        self.target = ctx.target
        self.secure = self.target.scheme == "grpcs"
        self.name = ctx.options.server_name or self.target.host
        self.metadata = metadata_of(ctx.options)
        self.service = self.target.path.strip("/")
        self._address: Address | None = None

    def __repr__(self) -> str:
        return f"Endpoint({self.target})"

    @property
    def address(self) -> Address:
        """The address that :meth:`use` has set."""
        assert self._address is not None  # noqa: S101 - the contract above
        return self._address

    @property
    def patience(self) -> float:
        """How long a response to what is sent now may take, in seconds."""
        most = self.ctx.options.of(GrpcOptions).max_time or ANSWER_SECONDS
        return max(0.05, min(most, self.ctx.budget.seconds_left / 2))

    def use(self, address: Address) -> None:
        """Set the address of all connections, and learn what the target itself decides."""
        self._address = address
        self.notes.learn(
            secure=self.secure,
            reach=None if self.ctx.carried else reach(address.ip),
            authenticated=any(name in _CREDENTIALS for name, _ in self.metadata)
            or self.ctx.options.cert_file is not None,
            service=self.service,
        )

    async def connect(self) -> Stream:
        """Return a new TCP connection."""
        return await self.ctx.connect_again(self.address)

    async def open(self, below: Stream | None = None) -> Channel:
        """Return a channel, on ``below`` if it is the first of the check.

        Accepts any certificate: the TLS facts hold its errors. Raises Failed.
        """
        first = below is not None
        stream = below if below is not None else await self.connect()
        return self.channel(await self._start_tls(stream, first=first) if self.secure else stream)

    async def _start_tls(self, below: Stream, *, first: bool) -> Stream:
        tls = prepare(below, self.ctx.options, self.name, alpn=("h2",), profile="lenient")
        try:
            with on_failure(tls.close):
                if first:
                    await shake(self.ctx, tls, self.connect, self.name)
                else:
                    await tls.handshake(Stopwatch(), "tls")
        except Failed as failed:
            if failed.alert is Alert.NO_APPLICATION_PROTOCOL:
                self.notes.learn(http="refused", http_detail=failed.detail)
                raise Failed(
                    Reason.NEGOTIATION_FAILED,
                    "TLS: the server does not select h2 (ALPN), which gRPC requires",
                    phase="tls",
                ) from None
            raise
        finally:
            if first:
                note_handshake(self.ctx, tls, self.name)
        if first:
            self.notes.learn(alpn=tls.alpn or "")
        return tls

    async def open_verified(self, below: Stream) -> Channel:
        """Return a channel for a pulse or a verb: the certificate must be valid. Raises Failed."""
        if not self.secure:
            return self.channel(below)
        stream = await start_recurring(self.ctx, below, self.name, alpn=("h2",))
        self.notes.learn(alpn=stream.alpn or "")
        return self.channel(stream)

    def channel(self, stream: Stream) -> Channel:
        """Return a channel on a stream."""
        host, port = self.target.host, self.target.port
        default = 443 if self.secure else 80
        bracketed = f"[{host}]" if ":" in host else host
        return Channel(
            stream, authority=bracketed if port == default else f"{bracketed}:{port}",
            secure=self.secure, metadata=self.metadata,
        )  # fmt: skip

    async def settle(self, channel: Channel) -> None:
        """Wait for the server's SETTINGS, and learn them. Raises Failed with the cause."""
        http = channel.http
        with self.ctx.watch.phase("grpc.settings") as timer:
            try:
                await http.settings(self.ctx.budget.within(self.patience))
            except Failed as failed:
                raise await self._not_http2(failed) from None
            at = http.stats.settings_at
            assert at is not None  # noqa: S101 - just awaited
            timer.stop(at)
            seconds = timer.seconds_until(at)
        self.learn_settings(channel, seconds)

    def learn_settings(self, channel: Channel, seconds: float | None = None) -> None:
        """Learn what the server allows."""
        stats = channel.http.stats
        self.notes.learn(
            http="2", settings=stats.named_settings, settings_seconds=seconds,
            connection_window_bytes=stats.connection_window,
        )  # fmt: skip

    async def _not_http2(self, failed: Failed) -> Failed:
        """Learn what the port serves instead of HTTP/2, and return the failure to report."""
        if failed.reason is Reason.PROTOCOL_MISMATCH:
            http = "1.1" if failed.served == "HTTP/1" else "other"
            self.notes.learn(http=http, http_detail=failed.detail)
            return Failed(failed.reason, failed.detail, phase="grpc.settings")
        if self.secure and self._lacks_certificate(failed):
            return Failed(
                Reason.TLS_CLIENT_CERTIFICATE_REQUIRED,
                "the server closes the connection after a handshake without a client certificate, "
                "which it requests: give one with --cert and --key",
                phase="grpc.settings",
            )
        if not self.secure and may_be_tls(failed, None):
            instead = await detect_tls(self.ctx, self.address, self.name, "grpcs", "grpc.settings")
            if instead is not None:
                return instead
        return failed

    def _lacks_certificate(self, failed: Failed) -> bool:
        """Return whether the connection ended where TLS 1.3 refuses a missing certificate."""
        tls = self.ctx.notes(TlsFacts)
        asked = tls.facts.client_certificate in {"optional", "required"}
        if not asked or failed.reason not in {Reason.PEER_CLOSED, Reason.PEER_RESET}:
            return False
        tls.learn(client_certificate="refused-later")
        return True
