"""TLS over any stream: in place after a STARTTLS, inside another TLS, through any tunnel.

The engine is OpenSSL with memory buffers, so the bytes travel over our own streams: their kernel
timestamps, budgets and transcripts stay in force.
"""

from __future__ import annotations

import contextlib

from OpenSSL import SSL, crypto

from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.model.phase import Mark
from seventh.net.address import Address
from seventh.net.budget import Budget
from seventh.net.kernel import BlackHole, TcpInfo
from seventh.net.stopwatch import Stopwatch, Timer, now_ns
from seventh.net.stream import CHUNK, Stream
from seventh.net.tls import failures as tlsfailed
from seventh.net.tls import key_share
from seventh.net.tls import openssl as tlsopenssl
from seventh.net.tls.context import Setting
from seventh.net.tls.session import Session, certificates_in
from seventh.wire import tlsflight, tlshello
from seventh.wire import tlsnames as n

MAX_HANDSHAKE_BYTES = tlsflight.MAX_FLIGHT
IDENTIFY_SECONDS = 0.5
"""How long to collect the first bytes of a peer that does not speak TLS, to name what it speaks."""
SETTLE_SECONDS = 1.0
"""How long a server may take to send its tickets, or to refuse after all."""


class TlsStream(Stream):
    """A stream inside TLS. Made by :func:`start_tls`."""

    def __init__(
        self, below: Stream, engine: SSL.Connection, context: SSL.Context, setting: Setting
    ) -> None:
        self.address: Address = below.address
        self.opened = below.opened
        self._below = below
        self._engine = engine
        self._context = context
        self.setting = setting
        """What the handshake works with."""
        self._resumed_from: Session | None = None
        self._last = Mark(now_ns(), "user")
        self.tap = tlsopenssl.tap(engine)
        self.errors: list[tuple[int, int]] = []
        engine.set_app_data(self.errors)
        self._lag_ns = 0
        """How long bytes of the handshake lay unread in the kernel."""
        self.handshake_bytes = 0
        self.hello_bytes = 0
        """The size of our ClientHello, once it has been sent."""
        self._hello_sent: Mark | None = None
        self.handshake_seconds = 0.0
        self.offered: tuple[str, ...] = ()
        """The application protocols that were offered (ALPN)."""
        self._waiting: list[bytes] = []
        self._flushing = False
        self._unread = True
        """Whether the engine may have more to give without another byte from the peer."""

    def resume(self, session: Session) -> None:
        """Offer to resume ``session``; before the handshake."""
        self._engine.set_session(session.engine_session)
        self._resumed_from = session

    # -- what was negotiated -----------------------------------------------------------------------

    @property
    def budget(self) -> Budget:
        """The limits for this peer."""
        return self._below.budget

    def expect_silence(self) -> None:
        """Stop enforcing a minimum rate."""
        self._below.expect_silence()

    def expect_answers(self) -> None:
        """Enforce the minimum rate again."""
        self._below.expect_answers()

    def tcp_info(self) -> TcpInfo | None:
        """Return the kernel's view of the path below."""
        return self._below.tcp_info()

    def black_hole(self) -> BlackHole | None:
        """Return whose full-size segments are lost below, while smaller ones arrive."""
        return self._below.black_hole()

    async def keepalive(self) -> None:
        """Have TCP ask, below, whether the peer still has the connection."""
        await self._below.keepalive()

    @property
    def version(self) -> int:
        """The negotiated version's number."""
        return self._engine.get_protocol_version()

    @property
    def hello(self) -> tlshello.ServerHello | None:
        """The ServerHello; None before it came."""
        hellos = self.tap.every(n.SERVER_HELLO)
        with contextlib.suppress(ProtocolViolation):
            return tlshello.parse_server_hello(hellos[-1]) if hellos else None
        return None

    @property
    def alpn(self) -> str | None:
        """The application protocol that the server selected."""
        return self._engine.get_alpn_proto_negotiated().decode("ascii", "replace") or None

    def remember_share(self, server_name: str) -> None:
        """Store the group of this handshake for recurring checks."""
        if not self.setting.share or len(self.tap.every(n.SERVER_HELLO)) > 1:
            key_share.remember(self.address, server_name, self._engine)

    @property
    def resumed(self) -> bool:
        """Whether an earlier session was resumed."""
        return tlsopenssl.resumed(self._engine)

    @property
    def session(self) -> Session | None:
        """A session to resume later; with TLS 1.3, after :meth:`settle` received a ticket."""
        session = self._engine.get_session()
        if session is None:
            return None
        return Session(
            engine_session=session,
            context=self._context,
            certificates=self.certificates,
            errors=tuple(self.errors),
        )

    @property
    def certificates(self) -> tuple[bytes, ...]:
        """The server's certificates as sent, as DER; for a resumed session, those of the first."""
        body = self.tap.first(n.CERTIFICATE)
        if body is None:
            return self._resumed_from.certificates if self._resumed_from is not None else ()
        return certificates_in(body, self.version)

    def verify_errors(self) -> tuple[tuple[int, int], ...]:
        """Return the errors of the chain: (code, depth); depth -1 is unknown.

        Where the setting does not have it verify chains, ask :mod:`seventh.net.tls.chain`.
        """
        known = self._resumed_from.errors if self._resumed_from is not None and self.resumed else ()
        found = (*known, *self.errors)
        code = tlsopenssl.verify_result(self._engine)
        return found if not code or found else ((code, -1),)

    def built_chain(self) -> tuple[bytes, ...]:
        """Return the chain as the engine built it, up to the root, as DER."""
        built = self._engine.get_verified_chain() or []
        return tuple(crypto.dump_certificate(crypto.FILETYPE_ASN1, c) for c in built)

    @property
    def waited_seconds(self) -> float:
        """The time since our ClientHello was sent."""
        return (now_ns() - self._hello_sent.ns) / 1e9 if self._hello_sent is not None else 0.0

    def export(self, label: bytes, length: int, context: bytes) -> bytes:
        """Return ``length`` bytes of exported keying material (RFC 5705).

        A secret: it may never reach a fact, a failure or a transcript.
        """
        return self._engine.export_keying_material(label, length, context)

    @property
    def refused(self) -> bool:
        """Whether the server ended it with an alert."""
        return tlsfailed.fatal(self.tap.alerts_received) is not None

    def offer_early_data(self, data: bytes = b"") -> bool:
        """Offer early data and send ``data`` in it, before the handshake; False where that fails.

        An attacker can replay it: only for idempotent requests (RFC 9846 §8).
        """
        return tlsopenssl.offer_early_data(self._engine, data)

    @property
    def early_data_accepted(self) -> bool:
        """Whether the server accepted the offered early data."""
        body = self.tap.first(n.ENCRYPTED_EXTENSIONS)
        extensions = tlshello.parse_encrypted_extensions(body) if body is not None else ()
        return any(kind == n.EARLY_DATA for kind, _ in extensions)

    @property
    def asked_for_certificate(self) -> bool:
        """Whether the server asked for a client certificate."""
        return self.tap.first(n.CERTIFICATE_REQUEST) is not None

    # -- bytes -------------------------------------------------------------------------------------

    async def send(self, data: bytes) -> Mark:
        """Encrypt and send."""
        try:
            self._engine.sendall(data)
        except SSL.Error as error:
            raise self._broken(error) from None
        return await self._flush()

    async def receive(self, deadline_ns: int | None = None) -> tuple[bytes, Mark]:
        """Return the next decrypted bytes; ``b""`` when the peer has closed, cleanly or not."""
        if self._waiting:
            return self._waiting.pop(0), self._last
        while not self._unread or (data := self._decrypt()) is None:
            if tlsopenssl.has_output(self._engine):
                await self._flush_unless_reset()
            arrived, self._last = await self._below.receive(deadline_ns)
            if not arrived:
                return b"", self._last
            self._feed(arrived)
        return data, self._last

    def _feed(self, arrived: bytes) -> None:
        self._engine.bio_write(arrived)
        self._unread = True

    def _decrypt(self) -> bytes | None:
        """Return decrypted bytes; None when more input is needed, ``b""`` after close_notify."""
        try:
            return self._engine.recv(CHUNK)
        except SSL.WantReadError:
            self._unread = False
            return None
        except SSL.ZeroReturnError:
            return b""
        except SSL.Error as error:
            raise self._broken(error) from None

    async def _flush(self) -> Mark:
        """Send the engine's output; the mark is the instant just before.

        While one task sends, another's records wait for it to take them along, in their order.
        """
        mark = Mark(now_ns(), "user")
        if self._flushing:
            return mark
        self._flushing = True
        is_hello, self._hello_sent = self._hello_sent is None, self._hello_sent or mark
        try:
            while tlsopenssl.has_output(self._engine):
                data = self._engine.bio_read(CHUNK)
                self.hello_bytes += len(data) if is_hello else 0
                await self._below.send(data)
        finally:
            self._flushing = False
        return mark

    async def _flush_unless_reset(self) -> None:
        """Send the output; after a reset, data received before can still be read."""
        try:
            await self._flush()
        except Failed as failed:
            if failed.reason is not Reason.PEER_RESET:
                raise

    async def settle(self, seconds: float = SETTLE_SECONDS) -> int:
        """Wait for a server's messages after the handshake: tickets, or an alert.

        Ends with the first ticket, application data or close, or after ``seconds``; returns the
        number of tickets. Raises Failed when the server refuses after all. Data that came is kept
        for :meth:`receive`.
        """
        until = self.budget.within(seconds)
        while self.version >= n.TLS13:
            data = self._decrypt()
            if data:
                self._waiting.append(data)
            if data is not None or self.tap.first(n.NEW_SESSION_TICKET) is not None:
                break
            await self._flush()
            try:
                arrived, self._last = await self._below.receive(until)
            except Failed as failed:
                if failed.reason is Reason.PEER_SILENT:
                    break
                raise
            if not arrived:
                break
            self._feed(arrived)
        return len(self.tap.every(n.NEW_SESSION_TICKET))

    async def aclose(self) -> None:
        """Send close_notify and close, without waiting for the peer's."""
        with contextlib.suppress(SSL.Error, Failed):
            self._engine.shutdown()
            await self._flush()
        self.close()

    def close(self) -> None:
        """Close at once."""
        # Without this OpenSSL takes the session for broken and will not take it up again.
        self._engine.set_shutdown(SSL.SENT_SHUTDOWN | SSL.RECEIVED_SHUTDOWN)
        self._below.close()

    # -- the handshake -----------------------------------------------------------------------------

    async def handshake(self, watch: Stopwatch, phase: str = "tls") -> None:
        """Shake hands; the phases are ``tls``, ``tls.hello`` and ``tls.finish``.

        ``tls`` leaves out the time that bytes lay unread while this process was busy with others,
        so its clock is the kernel's wherever every arrival was stamped by the kernel.
        """
        with watch.phase(phase, self.address.ip) as whole:
            start, first = await self._shake(whole)
        self.handshake_seconds = whole.seconds_until(whole.end or Mark(now_ns(), "user"))
        if first is not None and phase == "tls":
            watch.record("tls.hello", start.ns, first, address=self.address.ip)
            watch.record("tls.finish", first.ns, whole.end or first, address=self.address.ip)

    async def _shake(self, whole: Timer) -> tuple[Mark, Mark | None]:
        engine, until = self._engine, self.budget.deadline_ns
        start: Mark | None = None
        first: Mark | None = None
        kernel = True
        while True:
            try:
                engine.do_handshake()
            except SSL.WantReadError:
                pass
            except SSL.Error as error:
                with contextlib.suppress(Failed):
                    await self._flush()  # the engine's alert; the peer may have closed already
                raise self._refused(error) from None
            else:
                # Our last flight waits in the engine, and is sent with the next data.
                self._unread = tlsopenssl.has_input(engine)
                whole.stop(Mark(now_ns() - self._lag_ns, "kernel" if kernel else "user"))
                return start or Mark(whole.start_ns, "user"), first
            mark = await self._flush()
            if start is None:
                start = mark
                whole.begin(mark)
            data, self._last = await self._next(until, first is None)
            first = first or self._last
            kernel = kernel and self._last.clock == "kernel"
            self._lag_ns += max(0, now_ns() - self._last.ns)
            engine.bio_write(data)

    async def _next(self, until: int, is_first: bool) -> tuple[bytes, Mark]:
        """Return the next bytes of the handshake, within its cap; the first must look like TLS."""
        data, mark = await self._below.receive(until)
        if not data:
            raise self._closed(is_first)
        if is_first:
            data += await self._rest_of_header(data, until)
            tlsfailed.check_first_bytes(data)
        self.handshake_bytes += len(data)
        if self.handshake_bytes > MAX_HANDSHAKE_BYTES:
            raise Failed(
                Reason.BUDGET_EXCEEDED,
                f"the handshake is longer than {MAX_HANDSHAKE_BYTES} bytes",
            )
        return data, mark

    async def _rest_of_header(self, data: bytes, until: int) -> bytes:
        """Receive the rest of a first reply that is shorter than a record header."""
        more = b""
        if data[0] not in {n.ALERT, n.HANDSHAKE}:
            until = self.budget.within(IDENTIFY_SECONDS)
        with contextlib.suppress(Failed):
            while len(data) + len(more) < 5:
                arrived, _ = await self._below.receive(until)
                if not arrived:
                    break
                more += arrived
        return more

    # -- failures ----------------------------------------------------------------------------------

    def _alerted(self) -> Failed | None:
        """Return the failure for the peer's alert, if it sent one."""
        alert = tlsfailed.fatal(self.tap.alerts_received)
        return tlsfailed.alerted(alert, self.asked_for_certificate) if alert is not None else None

    def _closed(self, is_first: bool) -> Failed:
        closed = tlsfailed.closed_on_hello if is_first else tlsfailed.closed_in_handshake
        return self._alerted() or closed()

    def _broken(self, error: SSL.Error) -> Failed:
        """Return the failure for an engine error after the handshake."""
        return self._alerted() or tlsfailed.broke(error, tlsfailed.fatal(self.tap.alerts_sent))

    def _refused(self, error: SSL.Error) -> Failed:
        """Return the failure for an engine error in the handshake; the peer's alert first."""
        extensions = self.tap.first(n.ENCRYPTED_EXTENSIONS)
        return self._alerted() or tlsfailed.refused(
            error, self.hello, extensions, self.offered, tlsfailed.fatal(self.tap.alerts_sent)
        )
