"""aioquic's engine, with what a stopwatch and a diagnosis need; private parts are used only here.

Importing this module loads aioquic; only code that is about to speak QUIC does so.
"""

from __future__ import annotations

import contextlib
import logging
import ssl
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from aioquic import tls
from aioquic._buffer import Buffer
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection, QuicConnectionState
from aioquic.quic.packet import (
    QuicPacketType,
    QuicProtocolVersion,
    QuicTransportParameters,
    pull_quic_header,
    pull_quic_transport_parameters,
)
from aioquic.quic.packet_builder import QuicDeliveryState

from seventh.model.quicfacts import TransportParameters
from seventh.net.quic.names import is_reserved, version_name
from seventh.wire import tlsnames

_MAX_VERSIONS = 32
INITIAL_RTT_SECONDS = 0.333
"""What is assumed before anything came back (RFC 9002 §6.2.2)."""
_PATH_CREDIT = 1 << 40
_MIN_RESET = 21
"""The shortest datagram that can be a stateless reset (RFC 9000 §10.3)."""

# Whatever a peer's bytes make of the engine is an error of one of these kinds.
ENGINE_ERRORS = (
    ValueError, LookupError, AssertionError, TypeError, AttributeError, ArithmeticError,
    RuntimeError,
)  # fmt: skip

Ticket = tls.SessionTicket

# The engine's warnings say what our failures say better; without a handler they go to stderr.
for _name in ("quic", "http3"):
    logging.getLogger(_name).addHandler(logging.NullHandler())


class Engine(QuicConnection):
    """One client connection. Bytes and instants come in, bytes and events go out."""

    ERRORS = ENGINE_ERRORS

    def __init__(self, configuration: QuicConfiguration) -> None:
        super().__init__(configuration=configuration)
        self.closed_by_us: tuple[int, int | None, str] | None = None
        """(code, frame type, reason) when this side found something to close for."""
        self.challenges_received = 0
        self.versions_offered: tuple[int, ...] = ()
        self.taken_up = False
        """Whether a packet of the server's handshake could be read."""
        self.negotiations = 0
        """How many Version Negotiation packets came."""
        self.offers_version_in_use = False
        """Whether one of them offers the very version that it answers (RFC 9000 §6.2)."""
        self.preferred_address: tuple[str, ...] = ()
        self.timed_out = False
        """Whether the idle timeout ended it."""
        self._peer_der: tuple[bytes, ...] = ()
        self.padded: dict[int, bool | None] = {}
        """Whether each padded PING was acknowledged; None while that is not known."""

    # -- what the base class is made to do otherwise ----------------------------------------------

    def close(
        self, error_code: int = 0, frame_type: int | None = None, reason_phrase: str = ""
    ) -> None:
        """Close, and record that this side did."""
        if self._close_event is None and self.closed_by_us is None:
            self.closed_by_us = (error_code, frame_type, reason_phrase)
        super().close(error_code, frame_type, reason_phrase)

    def handle_timer(self, now: float) -> None:
        """Run the expired timers."""
        if self._close_event is None and self._close_at is not None and now >= self._close_at:
            self.timed_out = True
        super().handle_timer(now)

    def _initialize(self, peer_cid: bytes) -> None:
        super()._initialize(peer_cid)
        # The engine makes a key share for every group that it names, so it names those that
        # servers choose; P-384 stays for the few that have nothing else.
        self.tls._supported_groups = [tls.Group.X25519, tls.Group.SECP256R1, tls.Group.SECP384R1]
        keep = self.tls._set_peer_certificate

        def note(certificate: tls.Certificate) -> None:
            # Before it is parsed: what cannot be parsed is evidence too.
            self._peer_der = tuple(der for der, _ in certificate.certificates)
            keep(certificate)

        self.tls._set_peer_certificate = note  # type: ignore[method-assign]

    def _discard_epoch(self, epoch: tls.Epoch) -> None:
        super()._discard_epoch(epoch)
        # An idle connection keeps no 16 KiB for TLS messages that are not sent any more. After the
        # handshake, a client sends none.
        self._crypto_buffers[epoch] = Buffer(capacity=0)
        if epoch is tls.Epoch.HANDSHAKE:
            self._crypto_buffers[tls.Epoch.ONE_RTT] = Buffer(capacity=0)

    def _parse_transport_parameters(self, data: bytes, from_session_ticket: bool = False) -> None:
        super()._parse_transport_parameters(data, from_session_ticket)
        preferred = self._remote_preferred_address
        if preferred is not None:
            named = (preferred.ipv4_address, preferred.ipv6_address)
            self.preferred_address = tuple(f"{a[0]} port {a[1]}" for a in named if a is not None)
            # A peer may not make us send packets elsewhere.
            self._remote_preferred_address = None

    def _set_state(self, state: QuicConnectionState) -> None:
        self.taken_up |= state is QuicConnectionState.CONNECTED
        super()._set_state(state)

    def _receive_version_negotiation_packet(self, header: Any, now: float) -> None:
        self.negotiations += 1
        self.offers_version_in_use |= self._version in header.supported_versions
        if not self.versions_offered:
            offered = header.supported_versions[:_MAX_VERSIONS]
            self.versions_offered = tuple(v for v in offered if not is_reserved(v))
        super()._receive_version_negotiation_packet(header, now)

    def _connect(self, now: float) -> None:
        """Start, again after a Retry or a Version Negotiation.

        The base class then forgets the packets that went before. What they carried of streams
        (early data) must go again, so they are declared lost.
        """
        begun = list(self._spaces.values())
        super()._connect(now)
        for space in begun:
            packets = tuple(space.sent_packets.values())
            self._loss._on_packets_lost(
                congestion_event=False, now=now, packets=packets, space=space
            )

    def _handle_path_challenge_frame(self, context: Any, frame_type: int, buf: Buffer) -> None:
        self.challenges_received += 1
        super()._handle_path_challenge_frame(context, frame_type, buf)

    def hand_over(
        self, on_ticket: Callable[[Ticket], None], on_token: Callable[[bytes], None]
    ) -> None:
        """Call these with session tickets and address tokens; before :meth:`connect`."""
        self._session_ticket_handler, self._token_handler = on_ticket, on_token

    # -- what it knows -----------------------------------------------------------------------------

    @property
    def confirmed(self) -> bool:
        """Whether the handshake is confirmed (RFC 9001 §4.1.2)."""
        return self._handshake_confirmed

    @property
    def complete(self) -> bool:
        """Whether the handshake is complete on this side."""
        return self._handshake_complete

    @property
    def version(self) -> int | None:
        """The version in use."""
        return self._version

    @property
    def retried(self) -> bool:
        """Whether a valid Retry was followed."""
        return self._retry_count > 0

    @property
    def ended(self) -> tuple[int, int | None, str] | None:
        """(code, frame type, reason) when either side has ended the connection.

        The frame type is None where an application closed.
        """
        event = self._close_event
        return (event.error_code, event.frame_type, event.reason_phrase) if event else None

    @property
    def certificates(self) -> tuple[bytes, ...]:
        """The server's certificates as sent, as DER; empty with a resumed session."""
        return self._peer_der

    @property
    def asked_for_certificate(self) -> bool:
        """Whether the server asked for a client certificate."""
        return getattr(self, "tls", None) is not None and self.tls._certificate_request is not None

    @property
    def alpn(self) -> str | None:
        """The application protocol that the server selected."""
        return self.tls.alpn_negotiated

    @property
    def offered_alpn(self) -> tuple[str, ...]:
        """The application protocols that we offered."""
        return tuple(self.configuration.alpn_protocols or ())

    @property
    def early_offered(self) -> bool:
        """Whether we offered early data."""
        ticket = self.configuration.session_ticket
        return ticket is not None and ticket.max_early_data_size is not None

    @property
    def least_rtt_seconds(self) -> float | None:
        """The shortest round trip of an acknowledgement; None before the first one."""
        return self._loss._rtt_min if self._loss._rtt_initialized else None

    @property
    def cipher(self) -> str | None:
        """The cipher suite, by its name in the registry."""
        schedule = self.tls.key_schedule
        return tlsnames.suite_name(int(schedule.cipher_suite)) if schedule else None

    @property
    def resumed(self) -> bool:
        """Whether an earlier session was resumed."""
        return self.tls.session_resumed

    @property
    def early_data_accepted(self) -> bool:
        """Whether the server accepted the early data."""
        return bool(self.tls.early_data_accepted)

    @property
    def connection_ids(self) -> int:
        """The number of spare connection IDs from the server."""
        return len(self._peer_cid_available)

    def parameters(self) -> TransportParameters | None:
        """Return the server's transport parameters; None before them, or if unreadable."""
        received = getattr(getattr(self, "tls", None), "received_extensions", None) or ()
        for kind, data in received:
            if kind == tls.ExtensionType.QUIC_TRANSPORT_PARAMETERS:
                with contextlib.suppress(ValueError):
                    read = pull_quic_transport_parameters(Buffer(data=data))
                    return _parameters(read, self.preferred_address)
        return None

    @staticmethod
    def kind_of(data: bytes) -> str | None:
        """Return the type of a datagram's first packet; None for other protocols.

        ``initial``, ``handshake``, ``retry``, ``version_negotiation``, ``zero_rtt``, ``one_rtt``.
        """
        try:
            header = pull_quic_header(Buffer(data=data), host_cid_length=8)
        except ValueError:
            return None
        kind = header.packet_type
        if kind is QuicPacketType.VERSION_NEGOTIATION and not header.supported_versions:
            return None
        return kind.name.lower()

    def is_for_us(self, data: bytes) -> bool:
        """Return whether a datagram has the connection ID that we chose."""
        try:
            header = pull_quic_header(Buffer(data=data), host_cid_length=8)
        except ValueError:
            return False
        return bool(header.destination_cid == self.host_cid)

    def is_stateless_reset(self, data: bytes) -> bool:
        """Return whether a datagram is a stateless reset."""
        if len(data) < _MIN_RESET or data[0] & 0x80:
            return False
        tail = data[-16:]
        known = (self._peer_cid, *self._peer_cid_available)
        return any(cid.stateless_reset_token == tail for cid in known if cid.stateless_reset_token)

    # -- the size of datagrams ---------------------------------------------------------------------

    def padded_ping(self, uid: int, size: int, now: float) -> list[tuple[bytes, Any]]:
        """Return a PING in a datagram of ``size`` bytes (RFC 9000 §14.4), after what else waits."""
        others = self.datagrams_to_send(now)
        usual, self._max_datagram_size = self._max_datagram_size, size
        self.padded[uid] = None
        self.send_ping(uid)
        try:
            return others + self.datagrams_to_send(now)
        finally:
            self._max_datagram_size = usual

    def _write_ping_frame(self, builder: Any, uids: Any = (), comment: str = "") -> None:
        super()._write_ping_frame(builder, uids, comment)
        if self.padded.keys() & set(uids):
            builder._datagram_needs_padding = True

    def _on_ping_delivery(self, delivery: Any, uids: Any) -> None:
        """Note what became of a padded PING, and do not repeat it: the next one would be small."""
        if padded := self.padded.keys() & set(uids):
            self.padded.update(dict.fromkeys(padded, delivery is QuicDeliveryState.ACKED))
        else:
            super()._on_ping_delivery(delivery, uids)

    # -- a new path --------------------------------------------------------------------------------

    def probe_path(self) -> None:
        """Send a PATH_CHALLENGE with the next packet, as after a change of our address."""
        path = self._network_paths[0]
        path.is_validated = False
        path.local_challenge_sent = False
        # The engine limits what is sent on a path that is not validated. That rule is for servers
        # (RFC 9000 §8.1): the server's address is the one it had.
        path.bytes_received += _PATH_CREDIT

    def _path_validation_deadline(self) -> float | None:
        """Return no deadline: a client's only path is not abandoned for want of an answer."""
        return None

    @property
    def path_validated(self) -> bool:
        """Whether the challenge was answered."""
        return self._network_paths[0].is_validated

    def trust_path(self) -> None:
        """Continue without the answer to the challenge."""
        self._network_paths[0].is_validated = True


def configuration(
    *,
    alpn: tuple[str, ...],
    server_name: str,
    ticket: Ticket | None,
    early: bool,
    token: bytes,
    idle_seconds: float,
    logger: Any = None,
) -> QuicConfiguration:
    """Return the engine's configuration; it does not verify certificates, which is done here."""
    if ticket is not None and not early:
        ticket = replace(ticket, max_early_data_size=None)
    return QuicConfiguration(
        alpn_protocols=list(alpn),
        server_name=server_name,
        session_ticket=ticket,
        token=token,
        verify_mode=ssl.CERT_NONE,
        supported_versions=list(VERSIONS),
        idle_timeout=idle_seconds,
        initial_rtt=INITIAL_RTT_SECONDS,
        quic_logger=logger,
    )


VERSIONS = (int(QuicProtocolVersion.VERSION_1), int(QuicProtocolVersion.VERSION_2))


def _parameters(read: QuicTransportParameters, preferred: tuple[str, ...]) -> TransportParameters:
    versions = read.version_information.available_versions if read.version_information else []
    delay = read.max_ack_delay
    known = TransportParameters()  # where the server says nothing, the standard's defaults hold

    def given(value: int | None, otherwise: int) -> int:
        return otherwise if value is None else value

    return TransportParameters(
        max_idle_timeout_seconds=read.max_idle_timeout / 1000 if read.max_idle_timeout else None,
        max_udp_payload_bytes=given(read.max_udp_payload_size, known.max_udp_payload_bytes),
        initial_max_data_bytes=read.initial_max_data or 0,
        initial_max_stream_data_bidi_local_bytes=read.initial_max_stream_data_bidi_local or 0,
        initial_max_stream_data_bidi_remote_bytes=read.initial_max_stream_data_bidi_remote or 0,
        initial_max_stream_data_uni_bytes=read.initial_max_stream_data_uni or 0,
        initial_max_streams_bidi=read.initial_max_streams_bidi or 0,
        initial_max_streams_uni=read.initial_max_streams_uni or 0,
        max_ack_delay_seconds=known.max_ack_delay_seconds if delay is None else delay / 1000,
        disable_active_migration=bool(read.disable_active_migration),
        active_connection_id_limit=given(
            read.active_connection_id_limit, known.active_connection_id_limit
        ),
        max_datagram_frame_bytes=read.max_datagram_frame_size,
        preferred_address=preferred,
        versions=tuple(version_name(v) for v in versions[:_MAX_VERSIONS] if not is_reserved(v)),
    )
