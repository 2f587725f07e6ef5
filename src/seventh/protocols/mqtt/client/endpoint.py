"""The target: streams to the broker, through TLS and WebSocket as its scheme says."""

from __future__ import annotations

from seventh.model.target import Target
from seventh.model.tlsfacts import TlsFacts
from seventh.net.address import Address
from seventh.net.on_failure import on_failure
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import Stopwatch
from seventh.net.stream import Stream
from seventh.net.tls.handshake import prepare, start_recurring, start_tls
from seventh.net.tls.inspect import note_handshake
from seventh.net.tls.large_hello import shake
from seventh.protocols.mqtt.facts import MqttFacts
from seventh.wire.address import reach

ANSWER_SECONDS = 5.0
"""How long any reply of the broker may take."""


class Endpoint:
    """One broker, within the budget of the check."""

    def __init__(self, ctx: ProbeContext, other: Target | None = None) -> None:
        self.ctx = ctx
        self.notes = ctx.notes(MqttFacts)
        self.target = other or ctx.target
        self.secure = self.target.scheme in {"mqtts", "mqtt+wss"}
        self.websocket = "+" in self.target.scheme
        self.alpn = ("http/1.1",) if self.websocket else ()
        own_name = ctx.options.server_name if other is None else None
        self.name = own_name or self.target.host
        self._other = other
        self._address: Address | None = None

    @property
    def address(self) -> Address:
        """The address that :meth:`use` has set."""
        assert self._address is not None  # noqa: S101 - the contract above
        return self._address

    @property
    def until(self) -> int:
        """The deadline of a reply to what is sent now."""
        return self.ctx.budget.within(min(ANSWER_SECONDS, self.ctx.budget.seconds_left / 2))

    def use(self, address: Address) -> None:
        """Set the address of all connections, and learn what the target itself decides."""
        self._address = address
        if self._other is not None:
            return
        self.notes.learn(
            secure=self.secure, websocket=self.websocket,
            reach=None if self.ctx.carried else reach(address.ip),
        )  # fmt: skip

    async def connect(self) -> Stream:
        """Return a new TCP connection."""
        return await self.ctx.connect_again(self.address)

    async def open(self, below: Stream | None = None) -> Stream:
        """Return a stream that carries MQTT, on ``below`` if it is the first of the check.

        Accepts any certificate of the target: the TLS facts hold its errors. Another server's must
        be valid, as a credential may be sent to it. Raises Failed.
        """
        if self._other is not None:
            return await self._open_other()
        first = below is not None
        stream = below if below is not None else await self.connect()
        watch = self.ctx.watch if first else Stopwatch()
        if self.secure:
            tls = prepare(stream, self.ctx.options, self.name, alpn=self.alpn, profile="lenient")
            try:
                with on_failure(tls.close):
                    if first:
                        await shake(self.ctx, tls, self.connect, self.name)
                    else:
                        await tls.handshake(watch, "tls")
            finally:
                if first:
                    note_handshake(self.ctx, tls, self.name)
                    self._learn_client_certificate()
            stream = tls
        return await self._tunnel(stream, watch) if self.websocket else stream

    async def open_verified(self, below: Stream) -> Stream:
        """Return a stream that carries MQTT, for a pulse: the certificate must be valid."""
        stream = below
        if self.secure:
            stream = await start_recurring(self.ctx, below, self.name, alpn=self.alpn)
        return await self._tunnel(stream, self.ctx.watch) if self.websocket else stream

    async def _open_other(self) -> Stream:
        stream, watch = await self.connect(), Stopwatch()
        if self.secure:
            stream = await start_tls(
                stream, self.ctx.options, self.name, watch=watch, alpn=self.alpn
            )
        return await self._tunnel(stream, watch) if self.websocket else stream

    def _learn_client_certificate(self) -> None:
        asked = self.ctx.notes(TlsFacts).facts.client_certificate
        if asked in {"not-requested", "optional", "required", "given"}:
            self.notes.learn(client_certificate=asked)

    async def _tunnel(self, below: Stream, watch: Stopwatch) -> Stream:
        """Return the stream inside a WebSocket, and learn its handshake. Raises Failed."""
        from seventh.protocols.mqtt.client.tunnel import failure_of, upgrade

        with on_failure(below.close), watch.phase("mqtt.upgrade") as timer:
            seen, response, tunnel = await upgrade(below, self.target, self.until)
            timer.begin(response.sent)
            timer.stop(response.first)
            if self._other is None:
                self.notes.learn(upgrade=seen)
            failed = failure_of(seen)
            if failed is not None:
                raise failed
        assert tunnel is not None  # noqa: S101 - which is why it did not fail
        return tunnel
