"""Lines from a peer, within limits: what SMTP, IMAP and POP3 read.

The end of a line is CRLF. A bare LF is accepted as one, because some servers send it, and counted.
"""

from __future__ import annotations

import msgspec

from seventh.model.failure import ProtocolViolation

MAX_LINE = 8192
"""The most bytes of one line, with its end."""
MAX_BYTES = 262_144
"""The most bytes of one answer, with all its lines."""


class Line(msgspec.Struct, frozen=True):
    """One line without its end."""

    text: bytes
    bare: bool = False
    """Whether it ended with LF alone."""


class Lines:
    """A bounded reader of lines: :meth:`feed` what came, then :meth:`next` until it gives None."""

    __slots__ = ("_buffer", "_max_bytes", "_max_line", "_searched", "_taken", "bare", "longest")

    def __init__(self, *, max_line: int = MAX_LINE, max_bytes: int = MAX_BYTES) -> None:
        self._buffer = bytearray()
        self._searched = 0
        """How much of the buffer is known to have no end of a line."""
        self._taken = 0
        self._max_line, self._max_bytes = max_line, max_bytes
        self.bare = 0
        """The number of lines so far that ended with LF alone."""
        self.longest = 0
        """The most bytes of one line so far, with its end."""

    def begin(self) -> None:
        """Begin a new answer: the limit of its bytes counts from here."""
        self._taken = 0

    def feed(self, data: bytes) -> None:
        """Add bytes that have arrived."""
        self._buffer += data

    def next(self) -> Line | None:
        """Return the next line; None until it is complete.

        Raises ProtocolViolation for a line or an answer that is too long.
        """
        left = self._max_bytes - self._taken
        most = min(left, self._max_line)
        end = self._buffer.find(b"\n", self._searched, most)
        if end < 0:
            if self._buffer and len(self._buffer) >= most:
                raise (
                    self._too_long()
                    if left < self._max_line
                    else ProtocolViolation(
                        f"more than {self._max_line} bytes without the end of a line"
                    )
                )
            self._searched = len(self._buffer)
            return None
        line = self._take(end + 1)
        self.longest = max(self.longest, len(line))
        bare = not line.endswith(b"\r\n")
        self.bare += bare
        return Line(line[:-1] if bare else line[:-2], bare)

    def exactly(self, count: int) -> bytes | None:
        """Return the next ``count`` bytes, such as a literal; None until all are there.

        Raises ProtocolViolation at once where the answer would be too long: nothing is allocated.
        """
        if count > self._max_bytes - self._taken:
            raise self._too_long()
        return self._take(count) if len(self._buffer) >= count else None

    def rest(self) -> bytes:
        """Take all that has arrived and was not read, as after a go-ahead for TLS."""
        self._searched = 0
        rest = bytes(self._buffer)
        self._buffer.clear()
        return rest

    def _take(self, count: int) -> bytes:
        self._taken += count
        self._searched = 0
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    def _too_long(self) -> ProtocolViolation:
        return ProtocolViolation(f"an answer of more than {self._max_bytes} bytes")
