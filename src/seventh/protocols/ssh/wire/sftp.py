"""SFTP version 3 from the client's side, sans-IO (draft-ietf-secsh-filexfer-02).

    sftp = Sftp()
    send(sftp.init())
    for reply in sftp.receive(data, at): ...          # Version
    number, packet = sftp.request(open_file("/dev/zero"))
    send(packet)
    for reply in sftp.receive(data, at): ...          # Reply(number, Handle(...), at)

An answer that does not match its request (a handle for a read, more data than requested, an unknown
request number) is a ProtocolViolation.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from seventh.model.failure import ProtocolViolation
from seventh.model.phase import Mark
from seventh.protocols.ssh.wire.fields import uint32
from seventh.protocols.ssh.wire.values import string
from seventh.wire.reader import Reader

VERSION = 3
MAX_PACKET_BYTES = 256 * 1024 + 1024
"""OpenSSH's own limit, with the header."""
MAX_HANDLE_BYTES = 256
"""Section 3."""
MAX_NAMES = 1024
"""Entries in one NAME answer."""
MAX_NAME_BYTES = 4096
MAX_EXTENSIONS = 64
MAX_REQUESTS = 128
"""Requests without an answer."""

_INIT, _VERSION = 1, 2
OPEN, CLOSE, READ, WRITE, REMOVE, REALPATH, STAT = 3, 4, 5, 6, 13, 16, 17
STATUS, HANDLE, DATA, NAME, ATTRS = 101, 102, 103, 104, 105
OK, EOF, NO_SUCH_FILE, PERMISSION_DENIED, FAILURE, UNSUPPORTED = 0, 1, 2, 3, 4, 8
STATUS_NAMES = {
    OK: "ok", EOF: "end of file", NO_SUCH_FILE: "no such file",
    PERMISSION_DENIED: "permission denied", FAILURE: "failure", 5: "bad message",
    6: "no connection", 7: "connection lost", UNSUPPORTED: "operation unsupported",
}  # fmt: skip
FOR_READING, FOR_WRITING, CREATE, EXCLUSIVE = 0x01, 0x02, 0x08, 0x20
_SIZE, _OWNER, _MODE, _TIMES, _EXTENDED = 0x01, 0x02, 0x04, 0x08, 0x80000000


class Request(msgspec.Struct, frozen=True):
    """A request: the packet's type, its fields, and which answers besides STATUS may follow."""

    kind: int
    fields: bytes
    answers: tuple[int, ...] = ()
    most: int = 0
    """The maximum of data in the answer, in bytes."""


def _path(path: str | bytes) -> bytes:
    return string(path.encode() if isinstance(path, str) else path)


def realpath(path: str | bytes) -> Request:
    """Ask for the absolute form of ``path``."""
    return Request(REALPATH, _path(path), (NAME,))


def stat(path: str | bytes) -> Request:
    """Ask for the attributes of ``path``, with links followed."""
    return Request(STAT, _path(path), (ATTRS,))


def open_file(path: str | bytes, flags: int = FOR_READING, mode: int | None = None) -> Request:
    """Ask for a handle on a file; ``mode`` is for one that is created."""
    attributes = uint32(0) if mode is None else uint32(_MODE) + uint32(mode)
    return Request(OPEN, _path(path) + uint32(flags) + attributes, (HANDLE,))


def read(handle: bytes, offset: int, count: int) -> Request:
    """Ask for up to ``count`` bytes from ``offset``; at the end of the file the status is EOF."""
    return Request(READ, string(handle) + _uint64(offset) + uint32(count), (DATA,), count)


def write(handle: bytes, offset: int, data: bytes) -> Request:
    """Write ``data`` at ``offset``."""
    return Request(WRITE, string(handle) + _uint64(offset) + string(data))


def close(handle: bytes) -> Request:
    """Close a handle."""
    return Request(CLOSE, string(handle))


def remove(path: str | bytes) -> Request:
    """Delete a file."""
    return Request(REMOVE, _path(path))


def _uint64(value: int) -> bytes:
    return value.to_bytes(8, "big")


# -- answers ---------------------------------------------------------------------------------------


class Attributes(msgspec.Struct, frozen=True, kw_only=True):
    """ATTRS (section 5); None where the server omits it."""

    size: int | None = None
    owner: tuple[int, int] | None = None
    mode: int | None = None
    times: tuple[int, int] | None = None
    """Of the last access and the last change, in seconds since 1970."""


class Version(msgspec.Struct, frozen=True):
    """The server's answer to our INIT."""

    version: int
    extensions: dict[bytes, bytes]
    at: Mark


class Status(msgspec.Struct, frozen=True):
    """STATUS: the result of a request."""

    code: int
    message: bytes = b""

    @property
    def name(self) -> str:
        """The code's name."""
        return STATUS_NAMES.get(self.code, f"status {self.code}")


class Handle(msgspec.Struct, frozen=True):
    """HANDLE: the reference to an open file."""

    handle: bytes


class Data(msgspec.Struct, frozen=True):
    """DATA: the bytes read."""

    data: bytes


class Names(msgspec.Struct, frozen=True):
    """NAME: file names, each with its attributes."""

    names: tuple[tuple[bytes, Attributes], ...]


Answer = Status | Handle | Data | Names | Attributes


class Reply(msgspec.Struct, frozen=True):
    """The answer to a request, and when its last byte arrived."""

    number: int
    answer: Answer
    at: Mark


class Sftp:
    """The client's side of one SFTP session."""

    def __init__(self) -> None:
        self.version: Version | None = None
        self._buffer = bytearray()
        self._next = 0
        self._asked: dict[int, Request] = {}

    @property
    def under_way(self) -> int:
        """Requests without an answer."""
        return len(self._asked)

    def init(self) -> bytes:
        """Return the INIT packet."""
        return packet(_INIT, uint32(VERSION))

    def request(self, request: Request) -> tuple[int, bytes]:
        """Return the number that the answer to ``request`` will have, and its packet."""
        if len(self._asked) >= MAX_REQUESTS:
            raise ValueError(f"more than {MAX_REQUESTS} requests at once")
        number = self._next
        self._next = (self._next + 1) % 2**32
        self._asked[number] = request
        return number, packet(request.kind, uint32(number) + request.fields)

    def receive(self, data: bytes, at: Mark) -> list[Version | Reply]:
        """Buffer bytes that arrived at ``at``; return the answers in them.

        Raises ProtocolViolation.
        """
        self._buffer += data
        replies: list[Version | Reply] = []
        while len(self._buffer) >= 4:
            length = int.from_bytes(self._buffer[:4], "big")
            if not 1 <= length <= MAX_PACKET_BYTES:
                raise ProtocolViolation(
                    f"an SFTP packet declares {length} bytes (maximum: {MAX_PACKET_BYTES})"
                )
            if len(self._buffer) < 4 + length:
                break
            body = bytes(self._buffer[4 : 4 + length])
            del self._buffer[: 4 + length]
            replies.append(self._read(body, at))
        return replies

    def _read(self, body: bytes, at: Mark) -> Version | Reply:
        kind = body[0]
        reader = Reader(memoryview(body)[1:], f"SFTP packet {kind}")
        if self.version is None:
            if kind != _VERSION:
                raise ProtocolViolation(f"received SFTP packet {kind} instead of VERSION")
            self.version = Version(reader.u32(), _extensions(reader), at)
            return self.version
        number = reader.u32()
        request = self._asked.pop(number, None)
        if request is None:
            raise ProtocolViolation(f"SFTP answer to request {number}, which was not sent")
        if kind != STATUS and kind not in request.answers:
            raise ProtocolViolation(f"SFTP packet {kind} answers a request of type {request.kind}")
        answer = _READ[kind](reader)
        if isinstance(answer, Data) and len(answer.data) > request.most:
            raise ProtocolViolation(
                f"{len(answer.data)} bytes of data answer a request for {request.most}"
            )
        return Reply(number, answer, at)


def packet(kind: int, fields: bytes) -> bytes:
    """Return a packet: its length, its type and its fields."""
    return string(bytes([kind]) + fields)


def _extensions(reader: Reader) -> dict[bytes, bytes]:
    extensions: dict[bytes, bytes] = {}
    while reader.left:
        if len(extensions) >= MAX_EXTENSIONS:
            raise ProtocolViolation(f"more than {MAX_EXTENSIONS} SFTP extensions")
        name = reader.vector(4)
        extensions[name] = reader.vector(4)
    return extensions


def _status(reader: Reader) -> Status:
    # Old servers omit the message.
    code = reader.u32()
    return Status(code, reader.vector(4)[:512] if reader.left else b"")


def _handle(reader: Reader) -> Handle:
    handle = reader.vector(4)
    if len(handle) > MAX_HANDLE_BYTES:
        raise ProtocolViolation(f"an SFTP handle of {len(handle)} bytes")
    reader.end()
    return Handle(handle)


def _data(reader: Reader) -> Data:
    return Data(reader.vector(4))


def _names(reader: Reader) -> Names:
    count = reader.u32()
    if count > MAX_NAMES:
        raise ProtocolViolation(f"an SFTP answer declares {count} names (maximum: {MAX_NAMES})")
    names: list[tuple[bytes, Attributes]] = []
    for _ in range(count):
        name = reader.vector(4)
        if len(name) > MAX_NAME_BYTES:
            raise ProtocolViolation(f"a file name of {len(name)} bytes")
        reader.vector(4)  # longname, as in ls -l
        names.append((name, _attributes(reader)))
    return Names(tuple(names))


def _attributes(reader: Reader) -> Attributes:
    flags = reader.u32()
    size = reader.uint(8) if flags & _SIZE else None
    owner = (reader.u32(), reader.u32()) if flags & _OWNER else None
    mode = reader.u32() if flags & _MODE else None
    times = (reader.u32(), reader.u32()) if flags & _TIMES else None
    if flags & _EXTENDED:
        count = reader.u32()
        if count > MAX_EXTENSIONS:
            raise ProtocolViolation(f"{count} extended attributes of one file")
        for _ in range(count):
            reader.vector(4)
            reader.vector(4)
    return Attributes(size=size, owner=owner, mode=mode, times=times)


_READ: dict[int, Callable[[Reader], Answer]] = {
    STATUS: _status, HANDLE: _handle, DATA: _data, NAME: _names, ATTRS: _attributes,
}  # fmt: skip
