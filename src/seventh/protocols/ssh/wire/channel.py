"""One channel of the connection protocol from the client's side, sans-IO (RFC 4254 §5).

A :class:`Channel` buffers what arrived and was not taken: never more than the window, which grows
only as its reader takes.
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
    ChannelRequest,
    ChannelSuccess,
    ConnectionMessage,
    ExtendedData,
    OpenConfirmation,
    OpenFailure,
    WindowAdjust,
)
from seventh.protocols.ssh.wire.values import Deviations
from seventh.wire.reader import Reader
from seventh.wire.text import printable

WINDOW_BYTES = 1024 * 1024
"""The receive window of a channel."""
MAX_PACKET_BYTES = 32768
"""The maximum packet size, both ways: RFC 4253 §6.1 limits packets to 35000 bytes."""
MAX_WINDOW = 2**32 - 1
"""RFC 4254 §5.2."""
MAX_PEER_REQUESTS = 64
"""Requests of the server on one channel, and answers that we did not ask for."""
MAX_EMPTY = 64
"""Messages with empty data on one channel."""
MAX_ADJUSTS = 256
"""WINDOW_ADJUST messages on one channel, beyond four for each message of data from us."""
MAX_STDERR_BYTES = 4096
"""What is kept of standard error."""
STDERR = 1
PROHIBITED, CONNECT_FAILED, UNKNOWN_TYPE, SHORTAGE = 1, 2, 3, 4
"""Reason codes of OPEN_FAILURE (RFC 4254 §5.1)."""
_CODES = {
    PROHIBITED: "administratively prohibited", CONNECT_FAILED: "connect failed",
    UNKNOWN_TYPE: "unknown channel type", SHORTAGE: "resource shortage",
}  # fmt: skip


class Refusal(msgspec.Struct, frozen=True):
    """The peer's OPEN_FAILURE: the reason code and the description."""

    code: int
    description: bytes

    @property
    def text(self) -> str:
        """Both, as one sanitized line."""
        description = printable(self.description, 200).strip()
        name = _CODES.get(self.code, f"code {self.code}")
        return f"{name}: {description}" if description else name


class Channel:
    """One channel of ours. Made by :class:`Channels`; its methods give the messages to send."""

    def __init__(self, number: int, deviations: Deviations) -> None:
        self._deviations = deviations
        self.number = number
        self.peer: int | None = None
        """The peer's number for it; None until it is confirmed."""
        self.opened: Mark | None = None
        self.refused: Refusal | None = None
        self.answered: deque[tuple[bool, Mark]] = deque()
        """Replies to our requests, in order: whether each was granted, and when it arrived."""
        self.waiting = 0
        """Requests of ours without a reply."""
        self.eof = False
        """Whether the peer has sent EOF or CLOSE."""
        self.closed = False
        """Whether the peer has closed it."""
        self.close_sent = False
        self.exit_status: int | None = None
        self.exit_signal: bytes | None = None
        self.ended: Mark | None = None
        """When the exit status or signal arrived."""
        self.stderr = b""
        self.send_window = 0
        """How many bytes the peer accepts."""
        self.max_packet = 0
        self._window = WINDOW_BYTES
        self._overrun = 0
        """Bytes that the peer sent beyond the window."""
        self._taken = 0
        """Bytes read since the last WINDOW_ADJUST."""
        self._eof_sent = False
        self._close_when_opened = False
        self._arrived: deque[tuple[bytes, Mark]] = deque()
        self._requests = 0
        self._sent = 0
        self._adjusts = 0
        self._empty = 0

    # -- what we send ----------------------------------------------------------------------------

    def sendable(self, data: memoryview) -> int:
        """Return how many bytes of ``data`` fit the next message; 0 while the window is closed.

        Raises ProtocolViolation when the peer accepts no data at all.
        """
        if data and self.max_packet == 0:
            raise ProtocolViolation("the channel's maximum packet size is 0: nothing can be sent")
        return min(len(data), self.send_window, self.max_packet, MAX_PACKET_BYTES)

    def data(self, data: bytes) -> ChannelData:
        """Return ``data``, at most :meth:`sendable` bytes, as a message."""
        self.send_window -= len(data)
        self._sent += 1
        return ChannelData(self._peer(), data)

    def request(
        self, name: bytes, fields: bytes = b"", *, want_reply: bool = True
    ) -> ChannelRequest:
        """Return a request (RFC 4254 §5.4); its reply will be in ``answered``."""
        self.waiting += want_reply
        return ChannelRequest(self._peer(), name, want_reply, fields)

    def end(self) -> ChannelEof | None:
        """Return our EOF; None where it was sent before, or the channel is not open."""
        if self._eof_sent or self.close_sent or self.peer is None:
            return None
        self._eof_sent = True
        return ChannelEof(self.peer)

    def close(self) -> ChannelClose | None:
        """Return our CLOSE; None where it was sent before, or the channel is not open.

        A channel that is not confirmed yet is closed once it is.
        """
        if self.peer is None:
            self._close_when_opened = True
        if self.close_sent or self.peer is None:
            return None
        self.close_sent = True
        return ChannelClose(self.peer)

    def _peer(self) -> int:
        if self.peer is None:
            raise ValueError("the channel is not open")
        return self.peer

    # -- data received ---------------------------------------------------------------------------

    @property
    def readable(self) -> bool:
        """Whether :meth:`take` has something."""
        return bool(self._arrived)

    @property
    def buffered(self) -> int:
        """Bytes received and not taken yet."""
        return sum(len(data) for data, _ in self._arrived)

    def take(self) -> tuple[bytes, Mark, WindowAdjust | None]:
        """Return the next data, when it arrived, and the WINDOW_ADJUST to send."""
        data, at = self._arrived.popleft()
        return data, at, self._reopen(len(data))

    def _reopen(self, count: int) -> WindowAdjust | None:
        """Extend the window once half of it is used."""
        self._taken += count
        if self._taken < WINDOW_BYTES // 2 or self.eof or self.closed or self.close_sent:
            return None
        opened, self._taken = self._taken, 0
        self._window += opened
        return WindowAdjust(self._peer(), opened)

    # -- what the peer sends; Channels calls these -------------------------------------------------

    def confirm(self, message: OpenConfirmation, at: Mark) -> ChannelClose | None:
        """Take the peer's confirmation; return a CLOSE where the channel was closed meanwhile."""
        if self.peer is not None or self.refused is not None:
            raise ProtocolViolation(f"channel {self.number} is confirmed twice")
        self.peer, self.opened = message.sender, at
        self.send_window, self.max_packet = message.window, message.max_packet
        return self.close() if self._close_when_opened else None

    def refuse(self, message: OpenFailure) -> None:
        """Take the peer's refusal."""
        if self.peer is not None or self.refused is not None:
            raise ProtocolViolation(f"channel {self.number} is refused after an earlier answer")
        self.refused = Refusal(message.code, message.description)

    def receive(self, message: ChannelMessage, at: Mark) -> ConnectionMessage | None:
        """Take one message of an open channel; return the answer, if it needs one."""
        if self.peer is None:
            raise ProtocolViolation(f"{type(message).__name__} on a channel that is not open")
        if self.closed:
            raise ProtocolViolation(f"{type(message).__name__} on a channel after its CLOSE")
        match message:
            case ChannelData() | ExtendedData() if self.eof:
                # Dropped, as in clients; the window limits it.
                self._deviations.add(DeviationKind.AFTER_EOF, "CHANNEL_DATA")
                self._charge(message.data)
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
                f"{self._adjusts} WINDOW_ADJUST messages for {self._sent} messages of data"
            )
        self.send_window += count
        if self.send_window > MAX_WINDOW:
            raise ProtocolViolation("WINDOW_ADJUST extends the window beyond 2^32-1 bytes")

    def _answer(self, at: Mark, *, granted: bool) -> None:
        if not self.waiting:
            self._count_request()
            self._deviations.add(DeviationKind.UNASKED_ANSWER, "a channel request")
            return
        self.waiting -= 1
        self.answered.append((granted, at))

    def _charge(self, data: bytes) -> None:
        """Reduce the window by ``data``; a tenth more is tolerated, as in OpenSSH's client."""
        self._empty += not data
        if self._empty > MAX_EMPTY:
            raise ProtocolViolation(f"more than {MAX_EMPTY} empty messages of data on one channel")
        if len(data) > MAX_PACKET_BYTES or len(data) > self._window:
            self._deviations.add(DeviationKind.WINDOW, "CHANNEL_DATA")
        self._overrun += max(0, len(data) - self._window)
        if self._overrun > WINDOW_BYTES // 10:
            raise ProtocolViolation(
                f"{len(data)} bytes on a channel whose window is {self._window} bytes"
            )
        self._window = max(0, self._window - len(data))

    def _extended(self, message: ExtendedData) -> WindowAdjust | None:
        self._charge(message.data)
        if message.code == STDERR:
            self.stderr = (self.stderr + message.data)[:MAX_STDERR_BYTES]
        return self._reopen(len(message.data))

    def _requested(self, message: ChannelRequest, at: Mark) -> ChannelFailure | None:
        self._count_request()
        reader = Reader(message.fields, message.name.decode("ascii", "replace")[:32])
        if message.name == b"exit-status":
            self.exit_status, self.ended = reader.u32(), at
        elif message.name == b"exit-signal":
            self.exit_signal, self.ended = reader.vector(4)[:32], at
        # RFC 4254 §5.4: an unknown request fails.
        return ChannelFailure(self._peer()) if message.want_reply else None

    def _count_request(self) -> None:
        self._requests += 1
        if self._requests > MAX_PEER_REQUESTS:
            raise ProtocolViolation(f"more than {MAX_PEER_REQUESTS} requests on one channel")
