"""The connection protocol of SSH from the client's side, sans-IO (RFC 4254).

    channels = Channels()
    channel, message = channels.open_session()
    send(message)
    for reply in channels.receive(message_of_the_peer, at): send(reply)

A :class:`Channel` holds what came and was not read yet: never more than the window that we gave,
and the window grows only as its reader takes. A channel that the server opens is refused, whatever
it is for; only for a port whose forwarding we asked for is it known as ours.
"""

from __future__ import annotations

from collections import deque

import msgspec

from seventh.model.failure import ProtocolViolation
from seventh.model.phase import Mark
from seventh.protocols.ssh.facts.deviations import DeviationKind
from seventh.protocols.ssh.wire.channel_messages import (
    ChannelClose,
    ChannelData,
    ChannelEof,
    ChannelFailure,
    ChannelMessage,
    ChannelOpen,
    ChannelRequest,
    ChannelSuccess,
    ConnectionMessage,
    ExtendedData,
    GlobalRequest,
    OpenConfirmation,
    OpenFailure,
    RequestFailure,
    RequestSuccess,
    WindowAdjust,
)
from seventh.protocols.ssh.wire.values import Deviations
from seventh.wire.reader import Reader, vector
from seventh.wire.text import printable

WINDOW_BYTES = 1024 * 1024
"""How much a peer may send on one channel before its reader takes any of it."""
MAX_PACKET_BYTES = 32768
"""The most data in one message, either way; RFC 4253 §6.1 holds every packet to 35000 bytes."""
MAX_WINDOW = 2**32 - 1
"""RFC 4254 §5.2."""
MAX_CHANNELS = 32
"""Channels that we keep at once."""
MAX_PEER_OPENS = 64
"""Channels that a server may try to open in one connection before that is an attack."""
MAX_PEER_REQUESTS = 64
"""Requests that a server may make on one channel."""
MAX_EMPTY = 64
"""Messages of one channel that carry nothing, such as empty data."""
MAX_ADJUSTS = 256
"""WINDOW_ADJUST messages on one channel, beyond four for each message of data from us."""
MAX_STDERR_BYTES = 4096
"""What is kept of standard error; the rest is counted and dropped."""
STDERR = 1
PROHIBITED, CONNECT_FAILED, UNKNOWN_TYPE, SHORTAGE = 1, 2, 3, 4
"""Reason codes of OPEN_FAILURE (RFC 4254 §5.1)."""
_CODES = {
    PROHIBITED: "administratively prohibited", CONNECT_FAILED: "connect failed",
    UNKNOWN_TYPE: "unknown channel type", SHORTAGE: "resource shortage",
}  # fmt: skip


class Refusal(msgspec.Struct, frozen=True):
    """The peer did not open a channel: RFC 4254's code and the peer's raw words."""

    code: int
    words: bytes

    @property
    def text(self) -> str:
        """Both, cleaned."""
        said = printable(self.words, 200).strip()
        name = _CODES.get(self.code, f"code {self.code}")
        return f"{name}: {said}" if said else name


class Channel:
    """One channel of ours. Made by :class:`Channels`; its methods give the messages to send."""

    def __init__(self, number: int, kind: bytes, deviations: Deviations | None = None) -> None:
        self._deviations = Deviations() if deviations is None else deviations
        self._beyond = 0
        self.number = number
        self.kind = kind
        self.peer: int | None = None
        """The peer's number for it; None until it is confirmed."""
        self.opened: Mark | None = None
        self.refused: Refusal | None = None
        self.answered: deque[tuple[bool, Mark]] = deque()
        """Answers to our requests that nobody has taken yet, in order."""
        self.waiting = 0
        """Requests of ours that have no answer yet."""
        self.eof = False
        """Whether the peer will send no more data."""
        self.closed = False
        """Whether the peer has closed it."""
        self.close_sent = False
        self.exit_status: int | None = None
        self.exit_signal: bytes | None = None
        self.ended: Mark | None = None
        """When the exit status or signal came."""
        self.stderr = b""
        self.send_window = 0
        """How many bytes the peer still takes."""
        self.max_packet = 0
        self._window = WINDOW_BYTES
        self._taken = 0
        self._eof_sent = False
        self._unwanted = False
        self._arrived: deque[tuple[bytes, Mark]] = deque()
        self._requests = 0
        self._sent = 0
        self._adjusts = 0
        self._empty = 0

    # -- what we send ----------------------------------------------------------------------------

    def sendable(self, data: memoryview) -> int:
        """How many of ``data``'s bytes may go in the next message; 0 where the window is shut."""
        if data and self.max_packet == 0:
            raise ProtocolViolation("the channel's maximum packet size is 0: nothing can be sent")
        return min(len(data), self.send_window, self.max_packet, MAX_PACKET_BYTES)

    def data(self, data: bytes) -> ChannelData:
        """Return ``data`` as a message, no more than :meth:`sendable` allows."""
        self.send_window -= len(data)
        self._sent += 1
        return ChannelData(self._peer(), data)

    def request(
        self, name: bytes, fields: bytes = b"", *, want_reply: bool = True
    ) -> ChannelRequest:
        """Return a request (RFC 4254 §5.4); its answer will be in ``answered``."""
        self.waiting += want_reply
        return ChannelRequest(self._peer(), name, want_reply, fields)

    def end(self) -> ChannelEof | None:
        """No more data from us; None where that was said or does not matter any more."""
        if self._eof_sent or self.close_sent or self.peer is None:
            return None
        self._eof_sent = True
        return ChannelEof(self.peer)

    def close(self) -> ChannelClose | None:
        """Let go; None where that was said or there is nothing to close yet.

        A channel that was given up before the peer's answer is closed when it is confirmed.
        """
        if self.peer is None:
            self._unwanted = True
        if self.close_sent or self.peer is None:
            return None
        self.close_sent = True
        return ChannelClose(self.peer)

    def _peer(self) -> int:
        if self.peer is None:
            raise ValueError("the channel is not open")
        return self.peer

    # -- what we have got ------------------------------------------------------------------------

    @property
    def readable(self) -> bool:
        """Whether :meth:`take` has something."""
        return bool(self._arrived)

    @property
    def buffered(self) -> int:
        """Bytes that came and were not taken."""
        return sum(len(data) for data, _ in self._arrived)

    def take(self) -> tuple[bytes, Mark, WindowAdjust | None]:
        """The next data, when it came, and what to send so that the peer may go on sending."""
        data, at = self._arrived.popleft()
        return data, at, self._give_back(len(data))

    def _give_back(self, count: int) -> WindowAdjust | None:
        """Open the window again, once half of it is used up."""
        self._taken += count
        if self._taken < WINDOW_BYTES // 2 or self.eof or self.closed or self.close_sent:
            return None
        opened, self._taken = self._taken, 0
        self._window += opened
        return WindowAdjust(self._peer(), opened)

    # -- what the peer sends; Channels calls these -------------------------------------------------

    def confirm(self, message: OpenConfirmation, at: Mark) -> ChannelClose | None:
        """Return the peer opens it; a CLOSE where nobody wants it any more."""
        if self.peer is not None or self.refused is not None:
            raise ProtocolViolation(f"channel {self.number} is confirmed twice")
        self.peer, self.opened = message.sender, at
        self.send_window, self.max_packet = message.window, message.max_packet
        return self.close() if self._unwanted else None

    def refuse(self, message: OpenFailure) -> None:
        """The peer does not open it."""
        if self.peer is not None or self.refused is not None:
            raise ProtocolViolation(f"channel {self.number} is refused after it was answered")
        self.refused = Refusal(message.code, message.description)

    def receive(self, message: ChannelMessage, at: Mark) -> ConnectionMessage | None:
        """Take one message of an open channel; the answer to it, where it needs one."""
        if self.peer is None:
            raise ProtocolViolation(f"{type(message).__name__} on a channel that is not open")
        if self.closed:
            raise ProtocolViolation(f"{type(message).__name__} on a channel after its CLOSE")
        match message:
            case ChannelData() | ExtendedData() if self.eof:
                return self._late(message.data)
            case ChannelData():
                self._charge(message.data)
                if message.data and not self.close_sent:
                    self._arrived.append((message.data, at))
            case ExtendedData():
                return self._extended(message)
            case WindowAdjust():
                self._adjust(message.count)
            case ChannelEof():
                self.eof = True
            case ChannelClose():
                self.eof = self.closed = True
                return self.close()
            case ChannelRequest():
                return self._requested(message, at)
            case ChannelSuccess() | ChannelFailure():
                self._answer(at, granted=isinstance(message, ChannelSuccess))
        return None

    def _adjust(self, count: int) -> None:
        self._adjusts += 1
        if self._adjusts > MAX_ADJUSTS + 4 * self._sent:
            raise ProtocolViolation(
                f"{self._adjusts} times WINDOW_ADJUST for {self._sent} messages of data"
            )
        self.send_window += count
        if self.send_window > MAX_WINDOW:
            raise ProtocolViolation("WINDOW_ADJUST opens the window beyond 2^32-1 bytes")

    def _answer(self, at: Mark, *, granted: bool) -> None:
        if not self.waiting:
            self._requests += 1  # it counts with those that the peer makes
            self._bound_requests()
            self._deviations.add(DeviationKind.UNASKED_ANSWER, "a channel request")
            return
        self.waiting -= 1
        self.answered.append((granted, at))

    def _late(self, data: bytes) -> WindowAdjust | None:
        """Drop data after EOF, as clients do; the window bounds it."""
        self._deviations.add(DeviationKind.AFTER_EOF, "CHANNEL_DATA")
        self._charge(data)
        return None

    def _charge(self, data: bytes) -> None:
        """Take data off the window; OpenSSH's client allows a tenth beyond it, and so do we."""
        self._empty += not data
        if self._empty > MAX_EMPTY:
            raise ProtocolViolation(f"more than {MAX_EMPTY} empty messages of data on one channel")
        if len(data) > MAX_PACKET_BYTES or len(data) > self._window:
            self._deviations.add(DeviationKind.WINDOW, "CHANNEL_DATA")
        self._beyond += max(0, len(data) - self._window)
        if self._beyond > WINDOW_BYTES // 10:
            raise ProtocolViolation(
                f"{len(data)} bytes on a channel whose window is {self._window} bytes"
            )
        self._window = max(0, self._window - len(data))

    def _extended(self, message: ExtendedData) -> WindowAdjust | None:
        self._charge(message.data)
        if message.code == STDERR:
            self.stderr = (self.stderr + message.data)[:MAX_STDERR_BYTES]
        return self._give_back(len(message.data))

    def _requested(self, message: ChannelRequest, at: Mark) -> ChannelFailure | None:
        self._requests += 1
        self._bound_requests()
        reader = Reader(message.fields, message.name.decode("ascii", "replace")[:32])
        if message.name == b"exit-status":
            self.exit_status, self.ended = reader.u32(), at
        elif message.name == b"exit-signal":
            self.exit_signal, self.ended = reader.vector(4)[:32], at
        # RFC 4254 §5.4: what we do not know (or do not grant) fails.
        return ChannelFailure(self._peer()) if message.want_reply else None

    def _bound_requests(self) -> None:
        if self._requests > MAX_PEER_REQUESTS:
            raise ProtocolViolation(f"more than {MAX_PEER_REQUESTS} requests on one channel")


class Channels:
    """All channels of one connection, and its global requests."""

    def __init__(self, deviations: Deviations | None = None) -> None:
        self._deviations = Deviations() if deviations is None else deviations
        self._unasked = 0
        self.open: dict[int, Channel] = {}
        """By our number; a channel leaves when both sides have closed it, or it was refused."""
        self.refused_peer_opens: dict[bytes, int] = {}
        """Channels that the server tried to open, by type: every one was refused."""
        self.forwarded: set[int] = set()
        """The ports of forwardings of ours to which somebody connected."""
        self.answered: deque[tuple[bytes | None, Mark]] = deque()
        """Answers to our global requests: the fields of a success, None for a failure."""
        self._waiting = 0
        self._next = 0
        self._peer_opens = 0
        self._forwards: set[int] = set()

    # -- what we send ----------------------------------------------------------------------------

    def open_session(self) -> tuple[Channel, ChannelOpen]:
        """Return a channel for a command, a shell or a subsystem (RFC 4254 §6.1)."""
        return self._open(b"session", b"")

    def open_direct(
        self, host: str, port: int, origin: str = "127.0.0.1", origin_port: int = 0
    ) -> tuple[Channel, ChannelOpen]:
        """Return a channel to ``host`` and ``port`` as the server reaches them (RFC 4254 §7.2)."""
        to, ours = (vector(4, name.encode()) for name in (host, origin))
        fields = to + port.to_bytes(4, "big") + ours + origin_port.to_bytes(4, "big")
        return self._open(b"direct-tcpip", fields)

    def _open(self, kind: bytes, fields: bytes) -> tuple[Channel, ChannelOpen]:
        if len(self.open) >= MAX_CHANNELS:
            raise ValueError(f"more than {MAX_CHANNELS} channels at once")
        channel = Channel(self._next, kind, self._deviations)
        self._next += 1
        self.open[channel.number] = channel
        message = ChannelOpen(kind, channel.number, WINDOW_BYTES, MAX_PACKET_BYTES, fields)
        return channel, message

    def global_request(self, name: bytes, fields: bytes = b"") -> GlobalRequest:
        """Return a global request that wants an answer; it will be in ``answered``."""
        self._waiting += 1
        return GlobalRequest(name, True, fields)

    def expect_forward(self, port: int) -> None:
        """From now on connections to the forwarding on ``port`` are known as ours."""
        self._forwards.add(port)

    def forget_forward(self, port: int) -> None:
        """It was cancelled."""
        self._forwards.discard(port)

    # -- what the peer sends ---------------------------------------------------------------------

    def receive(self, message: ConnectionMessage, at: Mark) -> list[ConnectionMessage]:
        """Take one message that came at ``at``; what to send for it. Raises ProtocolViolation."""
        match message:
            case ChannelOpen():
                return [self._refuse(message)]
            case OpenConfirmation():
                unwanted = self._channel(message.recipient).confirm(message, at)
                return [unwanted] if unwanted is not None else []
            case OpenFailure():
                self._channel(message.recipient).refuse(message)
                del self.open[message.recipient]
            case RequestSuccess() | RequestFailure():
                self._answer(message, at)
            case GlobalRequest():
                # Keepalives and the like: what is not known fails (RFC 4254 §4).
                return [RequestFailure()] if message.want_reply else []
            case _:
                return self._to_channel(message, at)
        return []

    def _answer(self, message: RequestSuccess | RequestFailure, at: Mark) -> None:
        if not self._waiting:
            self._unasked += 1
            if self._unasked > MAX_PEER_REQUESTS:
                raise ProtocolViolation(f"more than {MAX_PEER_REQUESTS} answers never asked for")
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
            # Both sides have closed it: nothing more may come.
            del self.open[channel.number]
        return [reply] if reply is not None else []

    def _channel(self, number: int) -> Channel:
        channel = self.open.get(number)
        if channel is None:
            raise ProtocolViolation(f"a message for channel {number}, which is not open")
        return channel

    def _refuse(self, message: ChannelOpen) -> OpenFailure:
        """No channel of the server's is ever opened; those of our own forwardings are noted."""
        self._peer_opens += 1
        if self._peer_opens > MAX_PEER_OPENS:
            raise ProtocolViolation(f"the server tries to open more than {MAX_PEER_OPENS} channels")
        if message.kind == b"forwarded-tcpip":
            reader = Reader(message.fields, "forwarded-tcpip")
            reader.vector(4)  # the address: as we asked for it, or as it was connected to
            port = reader.u32()
            if port in self._forwards:
                self.forwarded.add(port)
                return OpenFailure(message.sender, CONNECT_FAILED, b"seen; nothing listens here")
        kind = message.kind[:32]
        self.refused_peer_opens[kind] = self.refused_peer_opens.get(kind, 0) + 1
        return OpenFailure(message.sender, PROHIBITED, b"nothing may be opened towards this client")
