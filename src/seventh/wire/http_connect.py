"""The CONNECT method of HTTP/1.1 (RFC 9110 §9.3.6): the request, and a proxy's reply. Sans-IO."""

from __future__ import annotations

import re
from base64 import b64encode

import msgspec

from seventh.model.failure import ProtocolViolation
from seventh.wire.text import printable

MAX_HEAD_BYTES = 16384
"""All that a proxy may send before the tunnel, interim responses included."""
_START = b"HTTP/"
_END = re.compile(rb"\r?\n\r?\n")
_END_BYTES = 4
_STATUS_LINE = re.compile(rb"HTTP/\d(?:\.\d)?[ \t]+([1-9]\d\d)(?:[ \t]+(.*))?")
_SWITCHING = 101


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """A proxy's final reply to CONNECT."""

    status: int
    reason: str
    """The reason phrase, printable."""
    fields: tuple[tuple[str, str], ...]
    """The header fields, printable, with names in lower case."""

    def get(self, name: str) -> str:
        """Return the first field of that name; empty if there is none."""
        return next((value for known, value in self.fields if known == name), "")

    @property
    def line(self) -> str:
        """The status and its reason phrase."""
        return f"{self.status} {self.reason}".rstrip()

    @property
    def opens(self) -> bool:
        """Whether it opens the tunnel."""
        return 200 <= self.status <= 299


def request(authority: str, login: tuple[bytes, bytes] | None = None) -> bytes:
    """Return a request for a tunnel to ``authority``, with ``login`` as Basic credentials."""
    head = f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: seventh"
    lines = [head.encode("ascii")]
    if login is not None:
        lines.append(b"Proxy-Authorization: Basic " + b64encode(b":".join(login)))
    return b"\r\n".join([*lines, b"", b""])


class ReplyReader:
    """Reads the reply to CONNECT in pieces."""

    __slots__ = ("_before", "_buffer")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._before = 0
        """The bytes of interim responses."""

    @property
    def rest(self) -> bytes:
        """What came after the reply: it belongs to the tunnel."""
        return bytes(self._buffer)

    def feed(self, data: bytes) -> Reply | None:
        """Take the next bytes; return the final reply once it is complete.

        Raises ProtocolViolation for what is not HTTP, and for a head that is too long.
        """
        searched = max(0, len(self._buffer) - _END_BYTES)
        self._buffer += data
        while True:
            if not self._buffer.startswith(_START[: len(self._buffer)]):
                raise ProtocolViolation("the reply to CONNECT is not HTTP")
            end = _END.search(self._buffer, searched)
            if self._before + (end.end() if end else len(self._buffer)) > MAX_HEAD_BYTES:
                raise ProtocolViolation(
                    f"the reply to CONNECT has a head of more than {MAX_HEAD_BYTES} bytes"
                )
            if end is None:
                return None
            reply = _read(bytes(self._buffer[: end.start()]))
            del self._buffer[: end.end()]
            if reply.status >= 200 or reply.status == _SWITCHING:
                return reply
            self._before += end.end()
            searched = 0


def _read(head: bytes) -> Reply:
    status_line, *lines = head.split(b"\n")
    found = _STATUS_LINE.fullmatch(status_line.rstrip(b"\r"))
    if found is None:
        raise ProtocolViolation("the reply to CONNECT has a malformed status line")
    named = (line.partition(b":") for line in lines if b":" in line)
    return Reply(
        status=int(found[1]),
        reason=printable((found[2] or b"").strip(), 80),
        fields=tuple(
            (printable(name.strip().lower(), 80), printable(value.strip(), 200))
            for name, _, value in named
        ),
    )
