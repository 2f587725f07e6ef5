"""A server on our own codec that lets one key log in and then does wrong on its channels.

What honest servers do past a login is shown with asyncssh (:mod:`.session`); this one runs
``true``, carries direct-tcpip, answers SFTP's INIT, and can be told to break the rules at each.
"""

from __future__ import annotations

import asyncio
import contextlib
import os

import msgspec

from seventh.model.failure import ProtocolViolation
from seventh.model.phase import Mark
from seventh.protocols.ssh.facts import Proposal
from seventh.protocols.ssh.lab.server import good_offer
from seventh.protocols.ssh.wire import sftp
from seventh.protocols.ssh.wire.auth_messages import (
    AuthFailure,
    AuthPacket,
    AuthRequest,
    AuthSuccess,
    ServiceAccept,
    ServiceRequest,
)
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
    GlobalRequest,
    OpenConfirmation,
    OpenFailure,
    RequestFailure,
    WindowAdjust,
)
from seventh.protocols.ssh.wire.exchange import Exchange, NoCommonError, negotiate
from seventh.protocols.ssh.wire.hostkeys import Signer, read_key, verify
from seventh.protocols.ssh.wire.ident import Ident
from seventh.protocols.ssh.wire.messages import KexInit, KexPacket, Message
from seventh.protocols.ssh.wire.transport import Connection, Role
from seventh.wire.reader import Reader, vector

_NOWHERE = Mark(0, "user")
_AUTH_REQUEST, _PK_OK = 50, 60
_NEVER_SHUT = 2**31


class ChannelSetup(msgspec.Struct, frozen=True, kw_only=True):
    """What the server does past the login: by default, well."""

    opens: tuple[bytes, int] = (b"", 0)
    """A channel type, and how many of it the server opens towards the client at once."""
    overruns: bool = False
    """Sends more than the client's window allows."""
    floods: Message | None = None
    """What is sent without end once the first session channel is open, which is channel 0."""
    sftp_packet: bytes | None = None
    """What is sent in answer to SFTP's INIT, instead of VERSION."""
    lies_in_data: bool = False
    """Answers an SFTP read with more than was asked for."""
    leaves_at: bytes = b""
    """The channel request at which the connection is cut."""
    ignores: bytes = b""
    """The channel request that is never answered."""
    prohibits: bool = False
    """Opens no direct-tcpip channel."""
    carries_bytes: int | None = None
    """After so many bytes towards the client on direct-tcpip channels the connection is cut."""


class ChannelServer:
    """Serves one conduct; :meth:`handle` is a handler for ``labkit.serve.tcp_server``."""

    def __init__(
        self, signer: Signer, user_key: bytes, setup: ChannelSetup, offer: Proposal | None = None
    ) -> None:
        self.signer = signer
        self.user_key = user_key
        """The blob of the public key that may log in."""
        self.setup = setup
        self.offer = offer or good_offer()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until the client leaves or either side breaks the protocol."""
        connection = Connection(Role.SERVER, "SeventhLab")
        writer.write(connection.greet())
        served = _Served(self, connection, writer)
        try:
            while data := await reader.read(65536):
                for event in connection.receive(data, _NOWHERE):
                    await served.take(event.message)
        except (ProtocolViolation, NoCommonError):
            return
        finally:
            served.end()


class _Carried:
    """One direct-tcpip channel: the connection behind it, and how much the client still takes."""

    task: asyncio.Task[None]

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, window: int
    ) -> None:
        self.reader, self.writer, self.window = reader, writer, window
        self.opened = asyncio.Event()


class _Served:
    """What one connection has come to."""

    def __init__(
        self, server: ChannelServer, connection: Connection, writer: asyncio.StreamWriter
    ) -> None:
        self._server, self._connection, self._writer = server, connection, writer
        self._conduct = server.setup
        self._exchange: Exchange | None = None
        self._carried: dict[int, _Carried] = {}
        self._sftp: set[int] = set()
        self._flooding: asyncio.Task[None] | None = None
        self._bytes = 0

    def end(self) -> None:
        """Let go of everything."""
        if self._flooding is not None:
            self._flooding.cancel()
        for carried in self._carried.values():
            carried.task.cancel()
            carried.writer.close()

    def _send(self, *messages: Message) -> None:
        self._writer.write(b"".join(self._connection.send(message) for message in messages))

    async def take(self, message: object) -> None:
        """Answer one message of the client's."""
        match message:
            case Ident():
                self._send(KexInit(cookie=os.urandom(16), offer=self._server.offer))
            case KexInit():
                self._begin(message)
            case KexPacket() if self._exchange is not None:
                self._writer.write(self._exchange.handle(message))
            case ServiceRequest():
                self._send(ServiceAccept(message.name))
            case AuthRequest():
                self._log_in(message)
            case GlobalRequest():
                if message.want_reply:
                    self._send(RequestFailure())
            case _:
                await self._take_channel(message)

    async def _take_channel(self, message: object) -> None:
        match message:
            case ChannelOpen():
                await self._open(message)
            case ChannelRequest():
                self._request(message)
            case ChannelData():
                self._data(message)
            case WindowAdjust():
                if message.recipient in self._carried:
                    self._carried[message.recipient].window += message.count
                    self._carried[message.recipient].opened.set()
            case ChannelEof():
                if message.recipient in self._carried:
                    self._carried[message.recipient].writer.write_eof()
            case ChannelClose():
                carried = self._carried.pop(message.recipient, None)
                if carried is not None:
                    carried.task.cancel()
                    carried.writer.close()
            case _:
                pass

    def _begin(self, message: KexInit) -> None:
        if self._connection.session_id:  # again: the client has begun it
            self._send(KexInit(cookie=os.urandom(16), offer=self._server.offer))
        choice = negotiate(message.offer, self._server.offer)
        self._exchange = Exchange(self._connection, choice, signer=self._server.signer)

    def _log_in(self, message: AuthRequest) -> None:
        refused = AuthFailure(("publickey",))
        if message.method != b"publickey":
            self._send(refused)
            return
        reader = Reader(message.fields, "the publickey request")
        signed, algorithm, blob = reader.u8() != 0, reader.vector(4), reader.vector(4)
        if blob != self._server.user_key:
            self._send(refused)
        elif not signed:
            self._send(AuthPacket(_PK_OK, vector(4, algorithm) + vector(4, blob)))
        else:
            asked = (message.user, message.service, message.method)
            data = (
                vector(4, self._connection.session_id) + bytes([_AUTH_REQUEST])
                + b"".join(vector(4, part) for part in asked) + b"\x01"
                + vector(4, algorithm) + vector(4, blob)
            )  # fmt: skip
            if verify(read_key(blob), algorithm.decode(), reader.vector(4), data):
                self._admit()
            else:
                self._send(refused)

    def _admit(self) -> None:
        self._send(AuthSuccess())
        self._connection.admit(_NOWHERE)
        kind, count = self._conduct.opens
        for number in range(count):
            self._send(ChannelOpen(kind, 1000 + number, 65536, MAX_PACKET_BYTES))

    # -- channels: our number for one is the client's ----------------------------------------------

    async def _open(self, message: ChannelOpen) -> None:
        number = message.sender
        confirmed = OpenConfirmation(number, number, _NEVER_SHUT, MAX_PACKET_BYTES)
        if message.kind == b"direct-tcpip" and self._conduct.prohibits:
            self._send(OpenFailure(number, PROHIBITED, b"open failed"))
        elif message.kind == b"direct-tcpip":
            reader = Reader(message.fields, "direct-tcpip")
            host, port = reader.vector(4).decode(), reader.u32()
            try:
                back, forth = await asyncio.open_connection(host, port)
            except OSError:
                self._send(OpenFailure(number, CONNECT_FAILED, b"Connection refused"))
                return
            carried = self._carried[number] = _Carried(back, forth, message.window)
            self._send(confirmed)
            carried.task = asyncio.create_task(self._carry(number, carried))
        elif message.kind == b"session":
            self._send(confirmed)
            if self._conduct.floods is not None and self._flooding is None:
                self._flooding = asyncio.create_task(self._flood(self._conduct.floods))
            if self._conduct.overruns:
                # A tenth more is what clients put up with.
                for _ in range(message.window * 6 // 5 // MAX_PACKET_BYTES):
                    self._send(ChannelData(number, bytes(MAX_PACKET_BYTES)))
        else:
            self._send(OpenFailure(number, UNKNOWN_TYPE, b"what is that?"))

    async def _flood(self, message: Message) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._send(*[message] * 16)
                await self._writer.drain()
                await asyncio.sleep(0)  # where the buffers are large, drain() lets nobody else run

    async def _carry(self, number: int, carried: _Carried) -> None:
        most = self._conduct.carries_bytes
        with contextlib.suppress(OSError):
            while True:
                while carried.window <= 0:
                    carried.opened.clear()
                    await carried.opened.wait()
                data = await carried.reader.read(min(16384, carried.window))
                if not data:
                    break
                carried.window -= len(data)
                self._bytes += len(data)
                if most is not None and self._bytes > most:
                    self._writer.write_eof()
                    return
                self._send(ChannelData(number, data))
                await self._writer.drain()
            self._send(ChannelEof(number), ChannelClose(number))

    def _request(self, message: ChannelRequest) -> None:
        number = message.recipient
        reader = Reader(message.fields, "the request")
        if message.name == self._conduct.leaves_at:
            self._writer.write_eof()
        elif message.name == self._conduct.ignores:
            pass
        elif message.name == b"exec" and reader.vector(4) == b"true":
            self._send(ChannelSuccess(number))
            self._send(ChannelRequest(number, b"exit-status", False, bytes(4)))
            self._send(ChannelEof(number), ChannelClose(number))
        elif message.name == b"subsystem" and reader.vector(4) == b"sftp":
            self._sftp.add(number)
            self._send(ChannelSuccess(number))
        else:
            self._send(ChannelFailure(number))

    def _data(self, message: ChannelData) -> None:
        number = message.recipient
        if number in self._carried:
            self._carried[number].writer.write(message.data)
            self._send(WindowAdjust(number, len(message.data)))
        elif number in self._sftp:
            for packet in _packets(message.data):
                answer = self._sftp_answer(packet)
                for start in range(0, len(answer), MAX_PACKET_BYTES):
                    self._send(ChannelData(number, answer[start : start + MAX_PACKET_BYTES]))

    def _sftp_answer(self, packet: Reader) -> bytes:
        """Enough of SFTP to be lied in: every path is ``/``, every file has no end."""
        kind = packet.u8()
        if kind == 1:
            return self._conduct.sftp_packet or _packet(2, (3).to_bytes(4, "big"))
        number = packet.take(4)
        match kind:
            case sftp.REALPATH:
                return _packet(sftp.NAME, number + (1).to_bytes(4, "big") + vector(4, b"/")
                               + vector(4, b"/") + bytes(4))  # fmt: skip
            case sftp.STAT:
                return _packet(sftp.ATTRS, number + bytes(4))
            case sftp.OPEN:
                return _packet(sftp.HANDLE, number + vector(4, b"file"))
            case sftp.READ:
                packet.vector(4)
                packet.take(8)
                count = packet.u32() + self._conduct.lies_in_data
                return _packet(sftp.DATA, number + vector(4, bytes(count)))
            case _:
                return _packet(sftp.STATUS, number + bytes(4) + vector(4, b"") + vector(4, b""))


def _packets(data: bytes) -> list[Reader]:
    """Return the SFTP packets in one message; our own client never cuts one in two."""
    reader, packets = Reader(data, "SFTP"), []
    while reader.left:
        packets.append(reader.nested(4, "an SFTP packet"))
    return packets


def _packet(kind: int, fields: bytes) -> bytes:
    return vector(4, bytes([kind]) + fields)
