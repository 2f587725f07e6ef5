"""SFTP version 3 from the client's side, sans-IO (draft-ietf-secsh-filexfer-02).

    sftp = Sftp()
    send(sftp.init())
    for reply in sftp.receive(data, at): ...          # Version
    number, packet = sftp.request(Open("/dev/zero"))
    send(packet)
    for reply in sftp.receive(data, at): ...          # Reply(number, Handle(...), at)

Every answer is held against its request: a handle for a read, more data than was asked for or an
answer to nothing is a ProtocolViolation.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from seventh.model.failure import ProtocolViolation
from seventh.model.phase import Mark
from seventh.wire.reader import Reader, vector

VERSION = 3
MAX_PACKET_BYTES = 256 * 1024 + 1024
"""The longest answer that is read: OpenSSH's own limit, and its head."""
MAX_HANDLE_BYTES = 256
"""Section 3: a handle has no more."""
MAX_NAMES = 1024
"""Entries that one answer to READDIR may have."""
MAX_NAME_BYTES = 4096
MAX_EXTENSIONS = 64
MAX_REQUESTS = 128
"""Requests that may be under way at once."""

_INIT, _VERSION = 1, 2
OPEN, CLOSE, READ, WRITE, LSTAT, FSTAT = 3, 4, 5, 6, 7, 8
OPENDIR, READDIR, REMOVE, REALPATH, STAT = 11, 12, 13, 16, 17
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
    """What is asked: the packet's type, its fields, and which answers suit it."""

    kind: int
    fields: bytes
    answers: tuple[int, ...] = (STATUS,)
    most: int = 0
    """Bytes of data that the answer may have."""


def _string(text: str | bytes) -> bytes:
    return vector(4, text.encode() if isinstance(text, str) else text)


def realpath(path: str | bytes) -> Request:
    """Return the absolute form of ``path``."""
    return Request(REALPATH, _string(path), (NAME,))


def stat(path: str | bytes) -> Request:
    """Return the attributes of what ``path`` leads to."""
    return Request(STAT, _string(path), (ATTRS,))


def lstat(path: str | bytes) -> Request:
    """Return the attributes of ``path`` itself, be it a link."""
    return Request(LSTAT, _string(path), (ATTRS,))


def opendir(path: str | bytes) -> Request:
    """Return a handle on a directory."""
    return Request(OPENDIR, _string(path), (HANDLE,))


def readdir(handle: bytes) -> Request:
    """Return some more of its entries; status EOF after the last."""
    return Request(READDIR, vector(4, handle), (NAME,))


def open_file(path: str | bytes, flags: int = FOR_READING, mode: int | None = None) -> Request:
    """Return a handle on a file; ``mode`` is for one that is created."""
    attrs = bytes(4) if mode is None else _MODE.to_bytes(4, "big") + mode.to_bytes(4, "big")
    return Request(OPEN, _string(path) + flags.to_bytes(4, "big") + attrs, (HANDLE,))


def read(handle: bytes, offset: int, count: int) -> Request:
    """Up to ``count`` bytes from ``offset``; status EOF where there are none."""
    fields = vector(4, handle) + offset.to_bytes(8, "big") + count.to_bytes(4, "big")
    return Request(READ, fields, (DATA,), count)


def write(handle: bytes, offset: int, data: bytes) -> Request:
    """Write ``data`` at ``offset``."""
    return Request(WRITE, vector(4, handle) + offset.to_bytes(8, "big") + vector(4, data), ())


def close(handle: bytes) -> Request:
    """Let a handle go."""
    return Request(CLOSE, vector(4, handle), ())


def remove(path: str | bytes) -> Request:
    """Delete a file."""
    return Request(REMOVE, _string(path), ())


# -- answers ---------------------------------------------------------------------------------------


class Attributes(msgspec.Struct, frozen=True, kw_only=True):
    """ATTRS (section 5); None is not told."""

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
    """STATUS: how it went."""

    code: int
    words: bytes = b""

    @property
    def name(self) -> str:
        """The code's name."""
        return STATUS_NAMES.get(self.code, f"status {self.code}")


class Handle(msgspec.Struct, frozen=True):
    """HANDLE: what to name an open file or directory by."""

    handle: bytes


class Data(msgspec.Struct, frozen=True):
    """DATA: what was read."""

    data: bytes


class Names(msgspec.Struct, frozen=True):
    """NAME: files' names, each with its attributes."""

    names: tuple[tuple[bytes, Attributes], ...]


Answer = Status | Handle | Data | Names | Attributes


class Reply(msgspec.Struct, frozen=True):
    """The answer to a request, and when its last byte came."""

    number: int
    answer: Answer
    at: Mark


class Sftp:
    """One SFTP conversation."""

    def __init__(self) -> None:
        self.version: Version | None = None
        self._buffer = bytearray()
        self._next = 0
        self._asked: dict[int, Request] = {}

    @property
    def under_way(self) -> int:
        """Requests without an answer yet."""
        return len(self._asked)

    def init(self) -> bytes:
        """Return our first packet."""
        return _packet(_INIT, VERSION.to_bytes(4, "big"))

    def request(self, request: Request) -> tuple[int, bytes]:
        """Return the packet of ``request``, and the number that its answer will have."""
        if len(self._asked) >= MAX_REQUESTS:
            raise ValueError(f"more than {MAX_REQUESTS} requests at once")
        number = self._next
        self._next = (self._next + 1) % 2**32
        self._asked[number] = request
        return number, _packet(request.kind, number.to_bytes(4, "big") + request.fields)

    def receive(self, data: bytes, at: Mark) -> list[Version | Reply]:
        """Take bytes that came at ``at``; the answers in them. Raises ProtocolViolation."""
        self._buffer += data
        replies: list[Version | Reply] = []
        while len(self._buffer) >= 4:
            length = int.from_bytes(self._buffer[:4], "big")
            if not 1 <= length <= MAX_PACKET_BYTES:
                raise ProtocolViolation(
                    f"an SFTP packet declares {length} bytes; {MAX_PACKET_BYTES} are the most"
                )
            if len(self._buffer) < 4 + length:
                break
            packet = bytes(self._buffer[4 : 4 + length])
            del self._buffer[: 4 + length]
            replies.append(self._read(packet, at))
        return replies

    def _read(self, packet: bytes, at: Mark) -> Version | Reply:
        kind = packet[0]
        reader = Reader(memoryview(packet)[1:], f"SFTP packet {kind}")
        if self.version is None:
            if kind != _VERSION:
                raise ProtocolViolation(f"SFTP packet {kind} instead of VERSION")
            self.version = Version(reader.u32(), _extensions(reader), at)
            return self.version
        number = reader.u32()
        request = self._asked.pop(number, None)
        if request is None:
            raise ProtocolViolation(f"an SFTP answer to request {number}, which was never made")
        if kind != STATUS and kind not in request.answers:
            raise ProtocolViolation(f"SFTP packet {kind} answers a request of type {request.kind}")
        answer = _READ[kind](reader)
        if isinstance(answer, Data) and len(answer.data) > request.most:
            raise ProtocolViolation(
                f"{len(answer.data)} bytes of data answer a request for {request.most}"
            )
        return Reply(number, answer, at)


def _packet(kind: int, fields: bytes) -> bytes:
    return vector(4, bytes([kind]) + fields)


def _extensions(reader: Reader) -> dict[bytes, bytes]:
    extensions: dict[bytes, bytes] = {}
    while reader.left:
        if len(extensions) >= MAX_EXTENSIONS:
            raise ProtocolViolation(f"more than {MAX_EXTENSIONS} SFTP extensions")
        name = reader.vector(4)
        extensions[name] = reader.vector(4)
    return extensions


def _status(reader: Reader) -> Status:
    # Old servers leave the words out; the code is what matters.
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
        raise ProtocolViolation(f"an SFTP answer declares {count} names; {MAX_NAMES} are the most")
    names: list[tuple[bytes, Attributes]] = []
    for _ in range(count):
        name = reader.vector(4)
        if len(name) > MAX_NAME_BYTES:
            raise ProtocolViolation(f"a file name of {len(name)} bytes")
        reader.vector(4)  # as ls -l would show it: for people, not for programs
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
