"""A QUIC server for labs: aioquic behind one UDP socket, with selectable faults.

Importing this module loads aioquic.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from typing import Any, Literal

import msgspec
from aioquic import tls
from aioquic._buffer import Buffer
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import ConnectionIdIssued, ConnectionTerminated, QuicEvent
from aioquic.quic.packet import (
    QuicHeader,
    QuicPacketType,
    encode_quic_retry,
    encode_quic_version_negotiation,
    pull_quic_header,
    pull_quic_transport_parameters,
    push_quic_transport_parameters,
)
from aioquic.quic.retry import QuicRetryTokenHandler

from seventh.labkit.ca import Issued
from seventh.labkit.serve import UdpHandler

VERSION_1 = 0x00000001
_SMALLEST_INITIAL = 1200
_TICKETS = 64
Source = tuple[str, int]
Migration = Literal["follow", "mute", "ignore"]
EarlyData = Literal["accept", "reject", "none"]


class QuicSetup(msgspec.Struct, frozen=True, kw_only=True):
    """How the server behaves; the defaults are a correct one."""

    silent: bool = False
    """Answer nothing, like a firewall that drops UDP."""
    retry: bool = False
    """Send Retry first (RFC 9000 §8.1.2)."""
    any_token: bool = False
    """Send no Retry to a client with a token, whether it is valid or not."""
    copies: int = 1
    """The copies of each datagram of the first flight; more than one violates RFC 9000 §8.1."""
    idle_seconds: float = 60.0
    max_udp_payload: int | None = None
    max_streams: int = 128
    window: int = 1024 * 1024
    """The flow-control credit of the connection and of each stream, in bytes."""
    disable_migration: bool = False
    """Declare disable_active_migration."""
    migration: Migration = "follow"
    """``mute`` answers no PATH_CHALLENGE; ``ignore`` drops datagrams from other addresses, like a
    load balancer that routes by address."""
    versions: tuple[int, ...] = (VERSION_1,)
    alpn: tuple[str, ...] = ("h3",)
    tickets: bool = True
    early_data: EarlyData = "accept"
    ask_client: bool = False
    """Request a client certificate."""
    forget_after: int | None = None
    """The number of datagrams after which it answers with stateless resets."""
    mangle: Callable[[bytes], bytes] | None = None
    """Changes the server's TLS handshake messages before encryption."""
    preferred: Source | None = None
    """The preferred address (RFC 9000 §9.6)."""


class ServerEngine(QuicConnection):
    """The server's side of one connection."""

    def __init__(self, setup: QuicSetup, **rest: Any) -> None:
        super().__init__(**rest)
        self._setup = setup
        self._local_max_streams_bidi.value = self._local_max_streams_bidi.sent = setup.max_streams

    @property
    def address_validated(self) -> bool:
        """Whether the client's address is validated."""
        return self._network_paths[0].is_validated

    @property
    def handshake_complete(self) -> bool:
        """Whether the handshake is complete."""
        return self._handshake_complete

    @property
    def reset_token(self) -> bytes:
        """The token of a stateless reset."""
        return self._host_cids[0].stateless_reset_token

    def _initialize(self, peer_cid: bytes) -> None:
        super()._initialize(peer_cid)
        self.tls._request_client_certificate = self._setup.ask_client
        if self._setup.early_data == "none":
            self.tls._max_early_data = None

    def _update_traffic_key(
        self,
        direction: tls.Direction,
        epoch: tls.Epoch,
        cipher_suite: tls.CipherSuite,
        secret: bytes,
    ) -> None:
        if epoch is tls.Epoch.ZERO_RTT and self._setup.early_data == "reject":
            self.tls.early_data_accepted = False
            return
        super()._update_traffic_key(direction, epoch, cipher_suite, secret)

    def _push_crypto_data(self) -> None:
        mangle = self._setup.mangle
        for buffer in self._crypto_buffers.values() if mangle is not None else ():
            message = buffer.data
            if message and mangle is not None:
                buffer.seek(0)
                buffer.push_bytes(mangle(message))
        super()._push_crypto_data()

    def _serialize_transport_parameters(self) -> bytes:
        declared = pull_quic_transport_parameters(
            Buffer(data=super()._serialize_transport_parameters())
        )
        declared.disable_active_migration = self._setup.disable_migration
        declared.max_udp_payload_size = self._setup.max_udp_payload
        if self._setup.preferred is not None:
            from aioquic.quic.packet import QuicPreferredAddress

            declared.preferred_address = QuicPreferredAddress(
                ipv4_address=self._setup.preferred,
                ipv6_address=None,
                connection_id=os.urandom(8),
                stateless_reset_token=os.urandom(16),
            )
        out = Buffer(capacity=4096)
        push_quic_transport_parameters(out, declared)
        return out.data

    def _handle_path_challenge_frame(self, context: Any, frame_type: int, buf: Buffer) -> None:
        if self._setup.migration == "mute":
            buf.pull_bytes(8)
            return
        super()._handle_path_challenge_frame(context, frame_type, buf)


class Peer:
    """One client's connection: its engine, its timer and its tasks."""

    def __init__(self, server: QuicServer, engine: ServerEngine, source: Source) -> None:
        self._server = server
        self.engine = engine
        self.source = source
        self.on_event: Callable[[QuicEvent], None] = lambda _: None
        self._timer: asyncio.TimerHandle | None = None
        self.datagrams = 0
        self.tasks: set[asyncio.Task[None]] = set()

    def receive(self, data: bytes, source: Source) -> None:
        """Handle a datagram and answer."""
        self.datagrams += 1
        setup = self._server.setup
        if source != self.source and setup.migration == "ignore":
            return
        if setup.forget_after is not None and self.datagrams > setup.forget_after:
            padding = bytes([0x40 | (os.urandom(1)[0] & 0x3F)]) + os.urandom(24)
            self._server.send(padding + self.engine.reset_token, source)
            return
        self.engine.receive_datagram(data, source, self._server.now())
        self._pass_on()
        self.transmit()

    def _pass_on(self) -> None:
        while (event := self.engine.next_event()) is not None:
            if isinstance(event, ConnectionIdIssued):
                self._server.assign(event.connection_id, self)
            elif isinstance(event, ConnectionTerminated):
                self.stop()
            self.on_event(event)

    def transmit(self) -> None:
        """Send the engine's datagrams and set its timer."""
        copies = 1 if self.engine.address_validated else self._server.setup.copies
        for data, to in self.engine.datagrams_to_send(self._server.now()):
            for _ in range(copies):
                self._server.send(data, to)
        if self._timer is not None:
            self._timer.cancel()
        at = self.engine.get_timer()
        self._timer = (
            asyncio.get_running_loop().call_at(at, self._on_timer) if at is not None else None
        )

    def _on_timer(self) -> None:
        self._timer = None
        self.engine.handle_timer(max(self._server.now(), self.engine.get_timer() or 0))
        self._pass_on()
        if self.engine.get_timer() is not None:
            self.transmit()

    def stop(self) -> None:
        """Cancel the timer and the tasks."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for task in self.tasks:
            task.cancel()


class QuicServer:
    """Assigns datagrams to connections, and answers those of none."""

    def __init__(self, issued: Issued, setup: QuicSetup, accept: Callable[[Peer], None]) -> None:
        self.setup = setup
        self._accept = accept
        self._retry = QuicRetryTokenHandler()
        self._peers: dict[bytes, Peer] = {}
        self._tickets: dict[bytes, tls.SessionTicket] = {}
        self._socket: UdpHandler | None = None
        self.now = asyncio.get_running_loop().time
        self.seen: list[Source] = []
        """The sources of the connections in order."""
        self._configuration = QuicConfiguration(
            is_client=False,
            alpn_protocols=list(setup.alpn),
            idle_timeout=setup.idle_seconds,
            max_data=setup.window,
            max_stream_data=setup.window,
            supported_versions=list(setup.versions),
        )
        self._configuration.load_cert_chain(issued.cert_file, issued.key_file)

    @property
    def peers(self) -> list[Peer]:
        """The connections, each once."""
        return list(dict.fromkeys(self._peers.values()))

    def send(self, data: bytes, to: Source) -> None:
        """Send a datagram from the server's port."""
        if self._socket is not None:
            self._socket.send(data, to)

    def assign(self, connection_id: bytes, peer: Peer) -> None:
        """Assign ``connection_id`` to ``peer``."""
        self._peers[connection_id] = peer

    def answer(self, socket: UdpHandler, data: bytes, source: Source) -> None:
        """Handle a datagram."""
        self._socket = socket
        source = source[:2]
        if self.setup.silent:
            return
        try:
            header = pull_quic_header(Buffer(data=data), host_cid_length=8)
        except ValueError:
            return
        peer = self._peers.get(header.destination_cid)
        if peer is None:
            peer = self._accept_new(header, len(data), source)
        if peer is not None:
            peer.receive(data, source)

    def _accept_new(self, header: QuicHeader, size: int, source: Source) -> Peer | None:
        if header.version is None or header.packet_type is QuicPacketType.VERSION_NEGOTIATION:
            return None
        if header.version not in self.setup.versions:
            self.send(
                encode_quic_version_negotiation(
                    source_cid=header.destination_cid,
                    destination_cid=header.source_cid,
                    supported_versions=list(self.setup.versions),
                ),
                source,
            )
            return None
        if header.packet_type is not QuicPacketType.INITIAL or size < _SMALLEST_INITIAL:
            return None
        original, retried = header.destination_cid, None
        if self.setup.retry:
            if not header.token:
                self._send_retry(header, source)
                return None
            try:
                original = self._retry.validate_token(
                    address=source, destination_cid=header.destination_cid,
                    token=header.token, now=self.now(),
                )  # fmt: skip
            except ValueError:
                if not self.setup.any_token:
                    return None
            else:
                retried = header.destination_cid
        return self._create(header, original, retried, source)

    def _send_retry(self, header: QuicHeader, source: Source) -> None:
        mine = os.urandom(8)
        token = self._retry.create_token(
            address=source, original_destination_connection_id=header.destination_cid,
            retry_source_connection_id=mine, now=self.now(),
        )  # fmt: skip
        self.send(
            encode_quic_retry(
                version=header.version or VERSION_1, source_cid=mine,
                destination_cid=header.source_cid,
                original_destination_cid=header.destination_cid, retry_token=token,
            ),
            source,
        )  # fmt: skip

    def _create(
        self, header: QuicHeader, original: bytes, retried: bytes | None, source: Source
    ) -> Peer:
        engine = ServerEngine(
            self.setup,
            configuration=self._configuration,
            original_destination_connection_id=original,
            retry_source_connection_id=retried,
            session_ticket_fetcher=self._tickets.get if self.setup.tickets else None,
            session_ticket_handler=self._keep if self.setup.tickets else None,
        )
        peer = Peer(self, engine, source)
        self.seen.append(source)
        self._peers[header.destination_cid] = peer
        self._peers[engine.host_cid] = peer
        self._accept(peer)
        return peer

    def _keep(self, ticket: tls.SessionTicket) -> None:
        if len(self._tickets) < _TICKETS:
            self._tickets[ticket.ticket] = ticket

    def stop(self) -> None:
        """Drop all connections silently."""
        for peer in self.peers:
            peer.stop()
        self._peers.clear()


@contextlib.asynccontextmanager
async def quic_server(
    issued: Issued,
    setup: QuicSetup,
    accept: Callable[[Peer], None],
    *,
    host: str = "127.0.0.1",
    port: int = 0,
) -> AsyncIterator[tuple[QuicServer, int]]:
    """Serve QUIC; yield the server and its port. ``accept`` is called with each connection."""
    server = QuicServer(issued, setup, accept)
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: UdpHandler(server.answer), local_addr=(host, port)
    )
    try:
        yield server, transport.get_extra_info("sockname")[1]
    finally:
        server.stop()
        transport.close()
