"""Event streams (text/event-stream, the HTML standard's "Server-sent events"), as they arrive."""

from __future__ import annotations

from seventh.model.failure import Failed, Reason
from seventh.model.phase import Mark
from seventh.net.stopwatch import now_ns
from seventh.protocols.http.facts.content import EventStream
from seventh.protocols.http.probe.content import coding as codings
from seventh.protocols.http.probe.content.representation import Representation
from seventh.web.message import Unfinished

CUT_SECONDS = 0.2
"""An event that is incomplete for this long is behind a buffer: servers flush whole events."""
_MAX_LINE = 64 * 1024
MAX_EVENT_BYTES = 4 * 1024 * 1024
"""How much of an event stream is received."""
RESERVE_SECONDS = 0.5
"""What is left of the target's time for later steps."""
_ENOUGH = frozenset({Reason.PEER_SILENT, Reason.BUDGET_EXCEEDED})
_GONE = frozenset({Reason.PEER_CLOSED, Reason.PEER_RESET})


class Listener:
    """Parses the pieces of an event stream with their instants.

    Instants are nanoseconds of one clock. Only a line is stored, up to 64 KiB.
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

        ``ended``: whether the server stopped there; ``broken_off``: in the middle of the response.
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


async def check_events(rep: Representation) -> None:
    """Receive the event stream for as long as --hold permits (tier 4)."""
    seconds = rep.ctx.options.hold_seconds
    why = rep.ctx.denied(4) or ("" if seconds else "event streams need --hold SECONDS")
    if why:
        raise Failed(Reason.OPTIONS_UNUSABLE, why)
    opened = await rep.site.opened(rep.site.base_url.origin, None, fresh=True)
    if opened.stream is not None:
        opened.stream.expect_silence()  # a comment now and then is not too slow
    budget = rep.ctx.budget
    until = budget.within(min(seconds, max(0.0, budget.seconds_left - RESERVE_SECONDS)))
    listener, head = Listener(), now_ns()
    ended = broken_off = False
    packed = ""

    def take(piece: bytes, at: Mark) -> bool:
        listener.feed(piece, at.ns)
        return now_ns() < until

    try:
        response = await rep.site.exchange(
            opened, rep.site.base_url, body_cap=MAX_EVENT_BYTES, on_body=take, deadline_ns=until,
            headers=(("Accept", "text/event-stream"), ("Accept-Encoding", "identity")),
        )  # fmt: skip
        ended, packed, head = not response.truncated, codings.coding_of(response), response.first.ns
    except Unfinished as unfinished:
        if unfinished.reason not in _ENOUGH | _GONE:
            raise
        response = unfinished.response
        ended = broken_off = unfinished.reason in _GONE
        packed, head = codings.coding_of(response), response.first.ns
    except Failed as failed:
        if failed.reason not in _ENOUGH:
            raise
    rep.learn(
        events=listener.facts(head, now_ns(), ended=ended, coding=packed, broken_off=broken_off)
    )
