"""The identification string and the lines before it (RFC 4253 §4.2)."""

from __future__ import annotations

import functools
import re

import msgspec

from seventh.model.failure import ProtocolViolation
from seventh.protocols.ssh.facts.deviations import Deviation, DeviationKind
from seventh.protocols.ssh.wire.values import Deviations

MAX_IDENT_BYTES = 255
"""Its CR LF included (RFC 4253 §4.2)."""
MAX_PRE_IDENT_LINES = 1024
MAX_PRE_IDENT_LINE_BYTES = 8192
"""The limits of OpenSSH's client."""
MAX_PRE_IDENT_BYTES = 1024 * 1024
_FIRST_BYTES = 8192
_GRAMMAR = re.compile(rb"SSH-([0-9]{1,9}\.[0-9]{1,9})-([^ ]*)(?: (.*))?", re.DOTALL)


class Ident(msgspec.Struct, frozen=True):
    """An identification string: ``raw``, without its line end, and its parts, not yet sanitized."""

    raw: bytes
    protocol_version: str
    software: bytes
    comments: bytes

    @property
    def supports_2(self) -> bool:
        """Whether it announces protocol 2: 2.x, as in OpenSSH's client, or 1.99 (RFC 4253 §5.1)."""
        major, _, minor = self.protocol_version.partition(".")
        return int(major) == 2 or (int(major), int(minor)) == (1, 99)


@functools.lru_cache(maxsize=1024)
def parse_ident(line: bytes) -> Ident:
    """Parse an identification line without its line end; ProtocolViolation when malformed."""
    match = _GRAMMAR.fullmatch(line)
    if match is None:
        raise ProtocolViolation("the identification string is not SSH-protoversion-software")
    version, software, comments = match.groups()
    return Ident(line, version.decode("ascii"), software, comments or b"")


class IdentReader:
    """Buffers bytes until the identification string is complete.

    ``lines`` are those before it, ``rest`` what follows it. Only a server may send lines before it;
    from a client (``allow_lines=False``) they are a violation.
    """

    __slots__ = (
        "_allow_lines", "_buffer", "_deviations", "_first", "_skipped", "ident", "lines",
    )  # fmt: skip

    def __init__(self, *, allow_lines: bool = True, deviations: Deviations | None = None) -> None:
        self._buffer = b""
        self._allow_lines = allow_lines
        self._deviations = Deviations() if deviations is None else deviations
        self._first = b""
        self._skipped = 0
        self.lines: list[bytes] = []
        self.ident: Ident | None = None

    @property
    def first_bytes(self) -> bytes:
        """The first bytes received, for protocol detection."""
        return (self._first + self._buffer)[:_FIRST_BYTES]

    @property
    def pending(self) -> bytes:
        """The incomplete line."""
        return self._buffer if self.ident is None else b""

    @property
    def deviations(self) -> tuple[Deviation, ...]:
        """Violations of the standard that clients accept."""
        return self._deviations.seen

    @property
    def rest(self) -> bytes:
        """The bytes after the identification string."""
        return self._buffer if self.ident is not None else b""

    def feed(self, data: bytes) -> Ident | None:
        """Buffer more bytes; return the identification string once it is complete.

        Raises ProtocolViolation when a limit is exceeded or the line is malformed.
        """
        buffer = self._buffer + data if self._buffer else data
        while True:
            end = buffer.find(b"\n")
            is_ident = buffer.startswith(b"SSH-")
            if is_ident and (end if end >= 0 else len(buffer)) >= MAX_IDENT_BYTES:
                raise ProtocolViolation(
                    f"the identification string is longer than {MAX_IDENT_BYTES} bytes"
                )
            if end < 0:
                self._buffer = buffer
                self._check_lines(len(buffer) if not b"SSH-".startswith(buffer[:4]) else 0)
                return None
            if is_ident:
                # No CR before the LF is hashed, as in OpenSSH and PuTTY.
                line = buffer[:end].rstrip(b"\r")
                if end - len(line) != 1:
                    self._deviations.add(DeviationKind.LINE_END, "the identification string")
                self._buffer = buffer[end + 1 :]
                self.ident = parse_ident(line)
                return self.ident
            line = buffer[:end].removesuffix(b"\r")
            if len(self._first) < _FIRST_BYTES:
                self._first += buffer[: end + 1]
            self._skipped += end + 1
            self.lines.append(line)
            buffer = buffer[end + 1 :]
            self._buffer = buffer
            self._check_lines(0)

    def _check_lines(self, pending: int) -> None:
        if not self._allow_lines and (self.lines or pending):
            raise ProtocolViolation("data before the client's identification string")
        if len(self.lines) > MAX_PRE_IDENT_LINES:
            raise ProtocolViolation(
                f"more than {MAX_PRE_IDENT_LINES} lines before the identification string"
            )
        longest = max(pending, len(self.lines[-1]) if self.lines else 0)
        if longest > MAX_PRE_IDENT_LINE_BYTES:
            raise ProtocolViolation(
                f"a line of more than {MAX_PRE_IDENT_LINE_BYTES} bytes before the identification "
                "string"
            )
        if self._skipped + pending > MAX_PRE_IDENT_BYTES:
            raise ProtocolViolation(
                f"more than {MAX_PRE_IDENT_BYTES} bytes before the identification string"
            )
