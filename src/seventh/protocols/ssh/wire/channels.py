"""A connection's channels and global requests from the client's side, sans-IO (RFC 4254).

    channels = Channels()
    channel, message = channels.open_session()
    send(message)
    for reply in channels.receive(message_of_the_peer, at): send(reply)

Every channel that the server opens is refused, but for those of a remote forwarding of ours: they
are noted, or accepted.
"""

from __future__ import annotations

from collections import deque

from seventh.model.failure import ProtocolViolation
from seventh.model.phase import Mark
from seventh.protocols.ssh.facts.deviations import DeviationKind
from seventh.protocols.ssh.wire.channel import (
    CONNECT_FAILED,
    MAX_PACKET_BYTES,
    MAX_PEER_REQUESTS,
    PROHIBITED,
    SHORTAGE,
    WINDOW_BYTES,
    Channel,
)
from seventh.protocols.ssh.wire.channel_messages import (
    ChannelMessage,
    ChannelOpen,
    ConnectionMessage,
    GlobalRequest,
    OpenConfirmation,
    OpenFailure,
    RequestFailure,
    RequestSuccess,
)
from seventh.protocols.ssh.wire.fields import uint32
from seventh.protocols.ssh.wire.values import Deviations, string
from seventh.wire.reader import Reader

MAX_CHANNELS = 32
"""Open channels in one connection."""
MAX_ACCEPTED = 4
"""Accepted channels of one remote forwarding that were not taken."""
MAX_PEER_OPENS = 64
"""Attempts of the server to open a channel in one connection."""


class Channels:
    """All channels of one connection, and its global requests."""

    def __init__(self, deviations: Deviations | None = None) -> None:
        self._deviations = Deviations() if deviations is None else deviations
        self._unasked = 0
        self.open: dict[int, Channel] = {}
        """By our number, until both sides have closed the channel or it was refused."""
        self.refused_peer_opens: dict[bytes, int] = {}
        """How often the server tried to open a channel, by type; always refused."""
        self.forwarded: set[int] = set()
        """The forwarded ports of ours that received a connection."""
        self.answered: deque[tuple[bytes | None, Mark]] = deque()
        """Replies to our global requests: the fields of a success, None for a failure."""
        self._waiting = 0
        self._next = 0
        self._peer_opens = 0
        self._forwards: set[int] = set()
        self.accepted: dict[int, deque[Channel]] = {}
        """By forwarded port: the channels that the server opened and we accepted."""

    # -- what we send ----------------------------------------------------------------------------

    def open_session(self) -> tuple[Channel, ChannelOpen]:
        """Return a channel for a command, a shell or a subsystem (RFC 4254 §6.1)."""
        return self._open(b"session")

    def open_direct(
        self, host: str, port: int, origin: str = "127.0.0.1", origin_port: int = 0
    ) -> tuple[Channel, ChannelOpen]:
        """Return a channel to ``host`` and ``port``, as seen from the server (RFC 4254 §7.2)."""
        fields = string(host.encode()) + uint32(port) + string(origin.encode())
        return self._open(b"direct-tcpip", fields + uint32(origin_port))

    def _open(self, kind: bytes, fields: bytes = b"") -> tuple[Channel, ChannelOpen]:
        if len(self.open) >= MAX_CHANNELS:
            raise ValueError(f"more than {MAX_CHANNELS} channels at once")
        channel = Channel(self._next, self._deviations)
        self._next += 1
        self.open[channel.number] = channel
        message = ChannelOpen(kind, channel.number, WINDOW_BYTES, MAX_PACKET_BYTES, fields)
        return channel, message

    def global_request(self, name: bytes, fields: bytes = b"") -> GlobalRequest:
        """Return a global request that wants a reply, which will be in ``answered``."""
        self._waiting += 1
        return GlobalRequest(name, True, fields)

    def expect_forward(self, port: int) -> None:
        """Note in ``forwarded`` the connections to the remote forwarding on ``port``."""
        self._forwards.add(port)

    def accept_forward(self, port: int) -> None:
        """Accept the connections to the remote forwarding on ``port``."""
        self.accepted[port] = deque()

    def forget_forward(self, port: int) -> None:
        """Undo :meth:`expect_forward` and :meth:`accept_forward`."""
        self._forwards.discard(port)
        self.accepted.pop(port, None)

    # -- what the peer sends ---------------------------------------------------------------------

    def receive(self, message: ConnectionMessage, at: Mark) -> list[ConnectionMessage]:
        """Take one message; return what to send for it. Raises ProtocolViolation."""
        match message:
            case ChannelOpen():
                return [self._peer_opens_channel(message, at)]
            case OpenConfirmation():
                unwanted = self._channel(message.recipient).confirm(message, at)
                return [unwanted] if unwanted is not None else []
            case OpenFailure():
                self._channel(message.recipient).refuse(message)
                del self.open[message.recipient]
            case RequestSuccess() | RequestFailure():
                self._answer(message, at)
            case GlobalRequest():
                # Keepalives, for example: an unknown request fails (RFC 4254 §4).
                return [RequestFailure()] if message.want_reply else []
            case _:
                return self._to_channel(message, at)
        return []

    def _answer(self, message: RequestSuccess | RequestFailure, at: Mark) -> None:
        if not self._waiting:
            self._unasked += 1
            if self._unasked > MAX_PEER_REQUESTS:
                raise ProtocolViolation(
                    f"more than {MAX_PEER_REQUESTS} replies without a global request"
                )
            self._deviations.add(DeviationKind.UNASKED_ANSWER, "a global request")
            return
        self._waiting -= 1
        granted = message.fields if isinstance(message, RequestSuccess) else None
        self.answered.append((granted, at))

    def _to_channel(self, message: ChannelMessage, at: Mark) -> list[ConnectionMessage]:
        assert not isinstance(message, ChannelOpen)  # noqa: S101 - receive() has taken it
        channel = self._channel(message.recipient)
        reply = channel.receive(message, at)
        if channel.closed and channel.close_sent:
            del self.open[channel.number]
        return [reply] if reply is not None else []

    def _channel(self, number: int) -> Channel:
        channel = self.open.get(number)
        if channel is None:
            raise ProtocolViolation(f"a message for channel {number}, which is not open")
        return channel

    def _peer_opens_channel(self, message: ChannelOpen, at: Mark) -> OpenConfirmation | OpenFailure:
        """Accept, note or refuse a channel of the server's."""
        self._peer_opens += 1
        if self._peer_opens > MAX_PEER_OPENS:
            raise ProtocolViolation(f"the server tries to open more than {MAX_PEER_OPENS} channels")
        if message.kind == b"forwarded-tcpip":
            reader = Reader(message.fields, "forwarded-tcpip")
            reader.vector(4)  # the address
            port = reader.u32()
            waiting = self.accepted.get(port)
            if waiting is not None and len(waiting) < MAX_ACCEPTED:
                return self._accept(message, waiting, at)
            if port in self._forwards:
                self.forwarded.add(port)
                return OpenFailure(message.sender, CONNECT_FAILED, b"noted; not connected")
        kind = message.kind[:32]
        self.refused_peer_opens[kind] = self.refused_peer_opens.get(kind, 0) + 1
        return OpenFailure(message.sender, PROHIBITED, b"this client accepts no channels")

    def _accept(
        self, message: ChannelOpen, waiting: deque[Channel], at: Mark
    ) -> OpenConfirmation | OpenFailure:
        if len(self.open) >= MAX_CHANNELS:
            return OpenFailure(message.sender, SHORTAGE, b"too many channels")
        channel = Channel(self._next, self._deviations)
        self._next += 1
        self.open[channel.number] = channel
        theirs = (message.sender, message.window, message.max_packet)
        channel.confirm(OpenConfirmation(channel.number, *theirs), at)
        waiting.append(channel)
        return OpenConfirmation(message.sender, channel.number, WINDOW_BYTES, MAX_PACKET_BYTES)
