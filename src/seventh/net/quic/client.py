"""A QUIC client connection: handshake, verification, measurements."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from seventh.model.alert import Alert
from seventh.model.failure import Failed, Reason
from seventh.model.options import Options
from seventh.model.phase import Mark
from seventh.model.quicfacts import Migration, QuicFacts
from seventh.net.budget import Budget
from seventh.net.datagram import Datagram, path_mtu
from seventh.net.quic import failures, names
from seventh.net.quic.driver import Driver
from seventh.net.stopwatch import Stopwatch, now_ns
from seventh.net.tls import chain as tlschain
from seventh.net.tls import verify as tlsverify
from seventh.wire.identify import identify
from seventh.wire.text import printable

if TYPE_CHECKING:
    from aioquic.quic.events import QuicEvent

    from seventh.net.quic.engine import Engine, Ticket
    from seventh.net.quic.qlog import Log

IDLE_SECONDS = 600.0
"""The idle timeout that we ask for: long, so that the one in force is the server's."""
MIGRATION_SECONDS = 3.0
"""How long a new path may take to show that it works."""
CHALLENGE_SECONDS = 0.5
"""How long a server may then still take to ask whether we are really there."""
PING_SECONDS = 5.0
_MAX_TICKETS = 8
_BAD_CERTIFICATE = names.CRYPTO_ERROR + Alert.BAD_CERTIFICATE


SMALLEST_BYTES = 1200
"""The UDP payload that every path has to carry (RFC 9000 §14)."""
ETHERNET_MTU = 1500
IPV4_HEADERS, IPV6_HEADERS = 28, 48
"""Of a UDP datagram without IP options."""
FULL_SIZE_TRIES = 3


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A session to resume, with the certificates it was created with, as DER."""

    ticket: Ticket
    """Holds a secret: it may never reach a fact, a failure or a transcript."""
    certificates: tuple[bytes, ...]
    errors: tlsverify.Errors = ()
    """What was wrong with them; a resumed handshake does not verify again."""
    token: bytes = b""
    """Proves our address without a Retry (RFC 9000 §8.1.3)."""

    @property
    def early_data(self) -> bool:
        """Whether early data may be sent with it."""
        return self.ticket.max_early_data_size is not None


class QuicClient(Driver):
    """One connection. Made by :func:`seventh.net.quic.connect.prepare`, or ``connect``."""

    def __init__(
        self,
        open_datagram: Callable[[], Datagram],
        engine: Engine,
        budget: Budget,
        options: Options,
        server_name: str,
        *,
        session: Session | None = None,
        verify: bool = True,
        log: Log | None = None,
    ) -> None:
        super().__init__(open_datagram, engine, budget)
        self.options = options
        self.server_name = server_name
        self._session = session
        self._verify = verify
        self._log = log
        self._errors: tlsverify.Errors = ()
        self._pings: dict[int, Mark | None] = {}
        self._ping_count = 0
        self.tickets: list[Ticket] = []
        self.token = session.token if session is not None else b""
        engine.hand_over(self._take_ticket, self._take_token)

    # -- what is known -----------------------------------------------------------------------------

    @property
    def certificates(self) -> tuple[bytes, ...]:
        """The server's certificates as DER; for a resumed session, those of the first."""
        sent = self.engine.certificates
        return sent or (self._session.certificates if self._session is not None else ())

    @property
    def session(self) -> Session | None:
        """A session to resume later; None without a ticket (:meth:`settle` waits for one)."""
        if not self.tickets:
            return None
        return Session(
            ticket=self.tickets[-1],
            certificates=self.certificates,
            errors=self._errors,
            token=self.token,
        )

    @property
    def rtt_seconds(self) -> float | None:
        """From our first Initial to the server's first packet."""
        if self.first_sent is None or self.first_received is None:
            return None
        return self.first_received.since(self.first_sent)

    @property
    def least_rtt_seconds(self) -> float | None:
        """The shortest round trip of an acknowledged packet."""
        return self.engine.least_rtt_seconds

    @property
    def handshake_seconds(self) -> float | None:
        """From our first Initial to the complete handshake, when a request can be sent."""
        return self._since_first_sent(self.completed)

    @property
    def confirmed_seconds(self) -> float | None:
        """From our first Initial to the confirmed handshake, one round trip later."""
        return self._since_first_sent(self.confirmed)

    def _since_first_sent(self, mark: Mark | None) -> float | None:
        if self.first_sent is None or mark is None:
            return None
        return mark.since(self.first_sent)

    def facts(self) -> QuicFacts:
        """Return the facts of the connection so far, also after a failure."""
        engine, started = self.engine, self.first_received is not None
        shaken = engine.complete
        received, sent_bytes = self._before_validation or (self.bytes_received, self.bytes_sent)
        return QuicFacts(
            version=names.version_name(engine.version) if started else None,
            versions_offered=tuple(map(names.version_name, engine.versions_offered)),
            retry=engine.retried if started else None,
            rtt_seconds=self.rtt_seconds,
            handshake_seconds=self.handshake_seconds,
            confirmed_seconds=self.confirmed_seconds,
            parameters=engine.parameters(),
            alpn=printable(engine.alpn, 64) if shaken and engine.alpn else None,
            cipher=engine.cipher if shaken else None,
            tickets=len(self.tickets),
            early_data_offered=any(t.max_early_data_size is not None for t in self.tickets)
            if self.tickets
            else None,
            resumed=engine.resumed if shaken else None,
            early_data_accepted=engine.early_data_accepted
            if shaken and engine.early_offered
            else None,
            close=self.close_code,
            datagrams_received=self.datagrams_received,
            bytes_received=self.bytes_received,
            bytes_before_validation=received,
            bytes_sent_before_validation=sent_bytes,
        )

    # -- the handshake -----------------------------------------------------------------------------

    def start(self) -> None:
        """Start, once; data written to streams before the first packet is early data."""
        if self.first_sent is None and self.engine.version is None:
            self.engine.connect(self._datagram.address.sockaddr[:2], now_ns() / 1e9)

    async def handshake(
        self, watch: Stopwatch, phase: str = "quic", *, confirmed: bool = True
    ) -> None:
        """Shake hands; the phases are ``quic``, ``.hello``, ``.finish``.

        They end where the handshake is complete on this side, for a request may go from then on;
        ``hello`` ends with the server's first packet. With ``confirmed`` it is waited on until the
        server has confirmed, which it does only for a client that it takes: without, a client that
        it turns away learns so with its first request. A handshake that early data has carried out
        already is recorded with its own instants. Raises Failed: connect-refused, no-reply, and
        all that a handshake and a certificate can fail with.
        """
        with watch.phase(phase, self.address.ip) as whole:
            self.start()
            self.flush()
            if self.first_sent is not None:
                whole.begin(self.first_sent)

            def ready() -> bool:
                return (self.confirmed if confirmed else self.completed) is not None

            if not await self.until(ready, self.budget.deadline_ns):
                raise self.silence()
            self.check()  # what completes a handshake may still be a certificate to refuse
            self.flush()
            if self.completed is not None:
                whole.stop(self.completed)
        first, sent, done = self.first_received, self.first_sent, self.completed
        if phase == "quic" and first is not None and sent is not None and done is not None:
            watch.record(f"{phase}.hello", sent.ns, first, address=self.address.ip)
            watch.record(f"{phase}.finish", first.ns, done, address=self.address.ip)

    async def settle(self, seconds: float = 1.0) -> int:
        """Wait for a session ticket, at most ``seconds``, and return how many came."""
        await self.until(lambda: bool(self.tickets), self.budget.within(seconds))
        return len(self.tickets)

    def silence(self) -> Failed:
        """Return the failure for a handshake that timed out."""
        waited = (now_ns() - (self.first_sent.ns if self.first_sent else now_ns())) / 1e9
        if self.first_received is not None and not self.engine.taken_up:
            return failures.never_taken_up(
                self._kinds,
                names.version_name(self.engine.version or 0),
                offers_it=self.engine.offers_version_in_use,
            )
        if self.first_received is not None:
            return Failed(
                Reason.PEER_SILENT,
                f"the peer stopped answering during the QUIC handshake (waited {waited:.1f} s)",
            )
        if self._unreadable is not None:
            other = identify(self._unreadable)
            answer = f"serves {other}" if other else f"sends {self._unreadable[:8].hex(' ')} …"
            return Failed(Reason.PROTOCOL_MISMATCH, f"the UDP port {answer}, not QUIC")
        if self.answered_from:
            return Failed(
                Reason.UNEXPECTED_ANSWER,
                f"the answer comes from {self.answered_from}, not from {self.address.ip} port "
                f"{self.address.port}: clients drop it. Configure the server to answer from the "
                "queried address, or look for a NAT that rewrites addresses",
            )
        return Failed(
            Reason.NO_REPLY,
            f"no QUIC packet received in {waited:.1f} s: {self.bytes_sent} bytes of Initials "
            f"sent to UDP port {self.address.port}",
        )

    def _on_event(self, event: QuicEvent, at: Mark) -> None:
        kind = type(event).__name__
        if kind == "PingAcknowledged":
            uid = getattr(event, "uid", -1)
            if uid in self._pings:
                self._pings[uid] = at
        elif kind == "HandshakeCompleted":
            self._judge()

    def _judge(self) -> None:
        """Verify the certificate, before any data of the server is used."""
        sent = self.engine.certificates
        if sent:
            self._errors = tlschain.path(sent, self.options)[0]
        elif self._session is not None:
            self._errors = self._session.errors
        if not self._verify:
            return
        try:
            tlschain.verify_or_fail(self.certificates, self._errors, self.server_name, time.time())
        except Failed as failed:
            self.engine.close(_BAD_CERTIFICATE, 0, "")
            self._send_close()
            self._fail(failed)

    def _take_ticket(self, ticket: Ticket) -> None:
        if len(self.tickets) < _MAX_TICKETS:
            self.tickets.append(ticket)

    def _take_token(self, token: bytes) -> None:
        self.token = token

    def write_qlog(self, path: str) -> None:
        """Write the connection's qlog; raises UsageError where there is none or it fails."""
        from seventh.net.quic import qlog

        (self._log or qlog.Log()).write(path)

    # -- measuring ---------------------------------------------------------------------------------

    async def ping(self, seconds: float = PING_SECONDS) -> float:
        """Return the round trip of a PING, in seconds. Raises Failed: peer-silent, or how it ended.

        Two go at once: a peer may sit on its acknowledgement of one packet for max_ack_delay, of
        a second it does not (RFC 9000 §13.2.2).
        """
        last = self._ping_count + 1
        self.flush()
        self.engine.send_ping(last - 1)
        self.flush()
        self.engine.send_ping(last)
        sent = self.flush()
        self._ping_count += 2
        self._pings[last] = None
        if not await self.until(lambda: self._pings[last] is not None, self.budget.within(seconds)):
            del self._pings[last]
            raise Failed(Reason.PEER_SILENT, f"no acknowledgement of a PING within {seconds:g} s")
        back = self._pings.pop(last)
        return back.since(sent) if back else 0.0

    async def loses_full_size(self) -> bool | None:
        """Return whether our full-size datagrams are lost while smaller ones arrive.

        None where that cannot be known: the server or the interface allows no more than every path
        must carry, or neither size arrives reliably. Raises Failed as :meth:`ping` does.
        """
        size = self._full_size()
        if size <= SMALLEST_BYTES:
            return None
        for _ in range(FULL_SIZE_TRIES):
            uid = self._ping_count
            self._ping_count += 1
            self._guarded(lambda: self._send_padded(uid, size))  # noqa: B023 - called at once
            await self.ping()  # its acknowledgement is what makes an earlier packet count as lost
            padded = self.engine.padded
            await self.until(lambda: padded[uid] is not None, self.budget.within(PING_SECONDS))  # noqa: B023
            if padded[uid] is not False:
                return None if padded[uid] is None else False
        # An ICMP message that has come meanwhile told the kernel, and so every program.
        return True if self._full_size() >= size else None

    def _send_padded(self, uid: int, size: int) -> None:
        sent = self.engine.padded_ping(uid, size, now_ns() / 1e9)
        self._send([data for data, _ in sent])

    def _full_size(self) -> int:
        """Return the largest datagram that Ethernet, the kernel and the server allow, or 0."""
        mtu = path_mtu(self.address) or 0
        headers = IPV4_HEADERS if self.address.family == "ipv4" else IPV6_HEADERS
        declared = self.engine.parameters()
        allowed = declared.max_udp_payload_bytes if declared is not None else 0
        return min(min(mtu, ETHERNET_MTU) - headers, allowed)

    async def migrate(self, seconds: float = MIGRATION_SECONDS) -> Migration:
        """Continue from a new local port, as a phone that changes networks does; tier 4.

        Never raises for a server that does not follow: that is the finding. Raises Failed when the
        connection is not confirmed yet, or had ended before.
        """
        engine = self.engine
        if self.completed is None or not self.alive:
            raise Failed(
                Reason.OPTIONS_UNUSABLE, "the connection is not confirmed, so it cannot migrate"
            )
        await self.until(lambda: self.confirmed is not None, self.budget.within(seconds))
        if self.confirmed is None:
            raise Failed(Reason.PEER_SILENT, "the handshake was not confirmed")
        challenges, spare = engine.challenges_received, engine.connection_ids > 0
        engine.change_connection_id()
        old, self._datagram = self._datagram, self._open_datagram()
        old.close()
        uid = self._ping_count
        self._ping_count += 1
        self._pings[uid] = None
        engine.send_ping(uid)
        sent, seen = self.flush(), self.datagrams_received
        # In a packet of its own: Envoy leaves a challenge unanswered that opens the first packet
        # from a new port.
        engine.probe_path()
        self.flush()
        first: list[Mark] = []

        def done() -> bool:
            if self.datagrams_received > seen and not first:
                first.append(self.last_received)
            return engine.path_validated and self._pings[uid] is not None

        def challenged() -> bool:
            return engine.challenges_received > challenges

        # A failure stays: whoever uses the connection next meets it.
        with contextlib.suppress(Failed):
            await self.until(done, self.budget.within(seconds))
            if done():
                await self.until(challenged, self.budget.within(CHALLENGE_SECONDS))
        validated = engine.path_validated
        engine.trust_path()
        back = self._pings.pop(uid)
        return Migration(
            new_connection_id=spare,
            challenged=challenged(),
            validated=validated,
            continued=back is not None,
            rtt_seconds=first[0].since(sent) if first else None,
        )
