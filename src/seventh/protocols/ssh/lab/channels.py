"""A server on our own codec for faults of channels: a :class:`LoginServer` with channels and SFTP.

It runs ``true``, carries direct-tcpip and answers SFTP. Servers without fault are asyncssh's
(:mod:`.session`).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import msgspec

from seventh.labkit.serve import tcp_server
from seventh.protocols.ssh.lab.keys import LOOPBACK, LoginKeys
from seventh.protocols.ssh.lab.login import LoginConnection, LoginServer, LoginSetup
from seventh.protocols.ssh.wire import sftp
from seventh.protocols.ssh.wire.channel import (
    CONNECT_FAILED,
    MAX_PACKET_BYTES,
    PROHIBITED,
    UNKNOWN_TYPE,
)
from seventh.protocols.ssh.wire.channel_messages import (
    ChannelClose,
    ChannelData,
    ChannelEof,
    ChannelFailure,
    ChannelOpen,
    ChannelRequest,
    ChannelSuccess,
    OpenConfirmation,
    OpenFailure,
    WindowAdjust,
)
from seventh.protocols.ssh.wire.fields import uint32
from seventh.protocols.ssh.wire.messages import Message
from seventh.protocols.ssh.wire.values import string
from seventh.wire.reader import Reader

_LARGE_WINDOW = 2**31


class ChannelSetup(msgspec.Struct, frozen=True, kw_only=True):
    """How the server treats channels; by default without fault."""

    opens: tuple[bytes, int] = (b"", 0)
    """A channel type, and how many of it the server opens after the login."""
    overruns: bool = False
    """Sends more than the client's window allows."""
    floods: Message | None = None
    """Sent without end after the first session channel is open, which is channel 0."""
    sftp_packet: bytes | None = None
    """Sent in answer to SFTP's INIT instead of VERSION."""
    lies_in_data: bool = False
    """Answers an SFTP read with more than requested."""
    leaves_at: bytes = b""
    """The channel request at which the connection is closed."""
    ignores: bytes = b""
    """The channel request that is never answered."""
    prohibits: bool = False
    """Opens no direct-tcpip channel."""
    carries_bytes: int | None = None
    """Closes the connection after so many bytes to the client on direct-tcpip channels."""


@contextlib.asynccontextmanager
async def channel_server(login_keys: LoginKeys, setup: ChannelSetup) -> AsyncIterator[int]:
    """Run a server of this setup; yield its port."""
    login = LoginServer(login_keys, LoginSetup(any_user=True))

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _ChannelConnection(login, setup, writer).serve(reader)

    async with tcp_server(handle, LOOPBACK) as port:
        yield port


class _Forward:
    """One direct-tcpip channel: the connection behind it, and the client's window."""

    task: asyncio.Task[None]

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, window: int
    ) -> None:
        self.reader, self.writer, self.window = reader, writer, window
        self.adjusted = asyncio.Event()

    def close(self) -> None:
        """Stop copying and close the connection."""
        self.task.cancel()
        self.writer.close()


class _ChannelConnection(LoginConnection):
    """One connection. A channel has the client's number for both sides."""

    def __init__(
        self, server: LoginServer, setup: ChannelSetup, writer: asyncio.StreamWriter
    ) -> None:
        super().__init__(server, writer)
        self._channels = setup
        self._forwards: dict[int, _Forward] = {}
        self._sftp: set[int] = set()
        self._flooding: asyncio.Task[None] | None = None
        self._bytes = 0

    def end(self) -> None:
        if self._flooding is not None:
            self._flooding.cancel()
        for forward in self._forwards.values():
            forward.close()

    def accept(self) -> None:
        super().accept()
        kind, count = self._channels.opens
        for number in range(count):
            self.send(ChannelOpen(kind, 1000 + number, 65536, MAX_PACKET_BYTES))

    async def take_channel(self, message: object) -> None:
        match message:
            case ChannelOpen():
                await self._open(message)
            case ChannelRequest():
                self._request(message)
            case ChannelData():
                self._data(message)
            case WindowAdjust() if forward := self._forwards.get(message.recipient):
                forward.window += message.count
                forward.adjusted.set()
            case ChannelEof() if forward := self._forwards.get(message.recipient):
                forward.writer.write_eof()
            case ChannelClose() if forward := self._forwards.pop(message.recipient, None):
                forward.close()
            case _:
                pass

    async def _open(self, message: ChannelOpen) -> None:
        number = message.sender
        confirmed = OpenConfirmation(number, number, _LARGE_WINDOW, MAX_PACKET_BYTES)
        if message.kind == b"direct-tcpip" and self._channels.prohibits:
            self.send(OpenFailure(number, PROHIBITED, b"open failed"))
        elif message.kind == b"direct-tcpip":
            reader = Reader(message.fields, "direct-tcpip")
            host, port = reader.vector(4).decode(), reader.u32()
            try:
                back, forth = await asyncio.open_connection(host, port)
            except OSError:
                self.send(OpenFailure(number, CONNECT_FAILED, b"Connection refused"))
                return
            forward = self._forwards[number] = _Forward(back, forth, message.window)
            self.send(confirmed)
            forward.task = asyncio.create_task(self._copy(number, forward))
        elif message.kind == b"session":
            self.send(confirmed)
            if self._channels.floods is not None and self._flooding is None:
                self._flooding = asyncio.create_task(self._flood(self._channels.floods))
            if self._channels.overruns:
                # Clients tolerate a tenth more.
                for _ in range(message.window * 6 // 5 // MAX_PACKET_BYTES):
                    self.send(ChannelData(number, bytes(MAX_PACKET_BYTES)))
        else:
            self.send(OpenFailure(number, UNKNOWN_TYPE, b"unknown channel type"))

    async def _flood(self, message: Message) -> None:
        with contextlib.suppress(OSError):
            while True:
                self.send(*[message] * 16)
                await self.writer.drain()
                await asyncio.sleep(0)  # drain() does not wait while the buffers have room

    async def _copy(self, number: int, forward: _Forward) -> None:
        most = self._channels.carries_bytes
        with contextlib.suppress(OSError):
            while True:
                while forward.window <= 0:
                    forward.adjusted.clear()
                    await forward.adjusted.wait()
                data = await forward.reader.read(min(16384, forward.window))
                if not data:
                    break
                forward.window -= len(data)
                self._bytes += len(data)
                if most is not None and self._bytes > most:
                    self.writer.write_eof()
                    return
                self.send(ChannelData(number, data))
                await self.writer.drain()
            self.send(ChannelEof(number), ChannelClose(number))

    def _request(self, message: ChannelRequest) -> None:
        number = message.recipient
        reader = Reader(message.fields, "the request")
        if message.name == self._channels.leaves_at:
            self.writer.write_eof()
        elif message.name == self._channels.ignores:
            pass
        elif message.name == b"exec" and reader.vector(4) == b"true":
            self.send(ChannelSuccess(number))
            self.send(ChannelRequest(number, b"exit-status", False, bytes(4)))
            self.send(ChannelEof(number), ChannelClose(number))
        elif message.name == b"subsystem" and reader.vector(4) == b"sftp":
            self._sftp.add(number)
            self.send(ChannelSuccess(number))
        else:
            self.send(ChannelFailure(number))

    def _data(self, message: ChannelData) -> None:
        number = message.recipient
        if number in self._forwards:
            self._forwards[number].writer.write(message.data)
            self.send(WindowAdjust(number, len(message.data)))
        elif number in self._sftp:
            for packet in _packets(message.data):
                answer = self._sftp_answer(packet)
                for start in range(0, len(answer), MAX_PACKET_BYTES):
                    self.send(ChannelData(number, answer[start : start + MAX_PACKET_BYTES]))

    def _sftp_answer(self, request: Reader) -> bytes:
        """Answer an SFTP packet: every path is ``/``, every file endless zeros."""
        kind = request.u8()
        if kind == 1:
            return self._channels.sftp_packet or sftp.packet(2, uint32(sftp.VERSION))
        number = request.take(4)
        match kind:
            case sftp.REALPATH:
                return sftp.packet(sftp.NAME, number + uint32(1) + string(b"/") * 2 + bytes(4))
            case sftp.STAT:
                return sftp.packet(sftp.ATTRS, number + bytes(4))
            case sftp.OPEN:
                return sftp.packet(sftp.HANDLE, number + string(b"file"))
            case sftp.READ:
                request.vector(4)
                request.take(8)
                count = request.u32() + self._channels.lies_in_data
                return sftp.packet(sftp.DATA, number + string(bytes(count)))
            case _:
                return sftp.packet(sftp.STATUS, number + bytes(4) + string(b"") * 2)


def _packets(data: bytes) -> list[Reader]:
    """Return the SFTP packets in one message; our own client never splits one."""
    reader, packets = Reader(data, "SFTP"), []
    while reader.left:
        packets.append(reader.nested(4, "an SFTP packet"))
    return packets
