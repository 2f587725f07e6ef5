"""Event streams (text/event-stream, the HTML standard's "Server-sent events"), as they arrive."""

from __future__ import annotations

from seventh.protocols.http.facts.content import EventStream

CUT_SECONDS = 0.2
"""An event that stands half-sent this long does so behind a buffer: events are flushed whole."""
_MAX_LINE = 64 * 1024


class Listener:
    """Takes the pieces of an event stream and their instants; ``facts`` tells what they were.

    Instants are nanoseconds of one clock. Bounded: a line is kept up to 64 KiB, nothing else is.
    """

    def __init__(self) -> None:
        self._last = 0
        self._line = b""
        self._after_cr = False
        self._begun = False
        self._data = False
        self._first: int | None = None
        self._silence = 0
        self._events = 0
        self._comments = 0
        self._cuts = 0
        self._retry: int | None = None

    def feed(self, piece: bytes, at_ns: int) -> None:
        """Take what was received at ``at_ns``."""
        if not piece:
            return
        if self._first is None:
            self._first = self._last = at_ns
        waited = at_ns - self._last
        self._silence = max(self._silence, waited)
        if (self._line or self._data) and waited >= CUT_SECONDS * 1e9:
            self._cuts += 1
        self._last = at_ns
        if self._after_cr and piece.startswith(b"\n"):
            piece = piece[1:]
        self._after_cr = piece.endswith(b"\r")
        lines = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        for line in lines[:-1]:
            self._take((self._line + line)[:_MAX_LINE])
            self._line = b""
        if len(self._line) < _MAX_LINE:
            self._line = (self._line + lines[-1])[:_MAX_LINE]

    def _take(self, line: bytes) -> None:
        """Take one line: a comment, a field, or the empty one that ends an event."""
        if not self._begun:
            self._begun = True
            line = line.removeprefix(b"\xef\xbb\xbf")
        name, _, value = line.partition(b":")
        if not line:
            self._events += self._data
            self._data = False
        elif line.startswith(b":"):
            self._comments += 1
        elif name == b"retry":
            value = value.removeprefix(b" ")
            if value.isdigit() and len(value) <= 12:
                self._retry = int(value)
        elif name == b"data":
            self._data = True

    def facts(
        self,
        head_ns: int,
        until_ns: int,
        *,
        ended: bool,
        coding: str,
        broken_off: bool = False,
    ) -> EventStream:
        """Return what was received between the response's head and ``until_ns``.

        ``ended``: whether the other side stopped there; ``broken_off``: in the middle of the reply.
        """
        first = until_ns if self._first is None else self._first
        waited = max(0, until_ns - (head_ns if self._first is None else self._last))
        silence = max(self._silence, first - head_ns, waited)
        return EventStream(
            seconds=max(0, until_ns - head_ns) / 1e9,
            events=self._events,
            comments=self._comments,
            retry_milliseconds=self._retry,
            first_seconds=None if self._first is None else max(0, first - head_ns) / 1e9,
            silence_seconds=silence / 1e9,
            ended=ended,
            ended_silent_seconds=waited / 1e9 if ended else None,
            broken_off=ended and broken_off,
            cut_events=self._cuts,
            coding=coding,
        )
