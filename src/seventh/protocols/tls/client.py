"""Bringing a stream to where TLS starts, by the dialogue of ``--starttls``."""

from __future__ import annotations

from seventh.model.failure import Failed, Reason
from seventh.model.phase import Mark
from seventh.model.tlsfacts import Starttls, TlsFacts
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import user_mark
from seventh.net.stream import Stream
from seventh.net.tls.in_clear import after_go_ahead
from seventh.protocols.tls.wire.dialogue import Dialogue, Event, Go, Greeting, Send
from seventh.wire.text import printable

_MAY_BE_TLS = frozenset({Reason.PEER_SILENT, Reason.PEER_RESET})
_SHOWN = 60
_AT_ONCE = "the port may expect TLS at once: try without --starttls"
_NO_GREETING = (
    "the port may expect TLS at once (try without --starttls), or serve a protocol in which the "
    "client begins (ldap, postgres, xmpp)"
)


async def start(ctx: ProbeContext, stream: Stream, dialogue: Dialogue, *, timed: bool) -> None:
    """Talk with the server up to its go-ahead; with ``timed``, in phases of the report.

    Raises Failed, and closes the stream then.
    """
    try:
        await _Talk(ctx, stream, dialogue, timed=timed).run()
    except Failed:
        stream.close()
        raise


class _Talk:
    def __init__(
        self, ctx: ProbeContext, stream: Stream, dialogue: Dialogue, *, timed: bool
    ) -> None:
        self._ctx, self._stream, self._dialogue, self._timed = ctx, stream, dialogue, timed
        greets = dialogue.protocol.greets
        self._phase = "tls.greeting" if greets else "tls.starttls"
        self._since = stream.opened if greets else None
        """When the phase began; None before the first command."""
        self._last = stream.opened
        """When bytes came last."""
        self._end: Mark | None = None
        """When the answer came that ended it."""
        self._greeting = ""
        self._in_clear: bytes | None = None

    async def run(self) -> None:
        try:
            events = self._dialogue.begin()
            while not await self._act(events):
                events = self._dialogue.receive(await self._receive())
            self._in_clear = await after_go_ahead(self._stream, self._dialogue.rest)
            self._record(self._last)
        except Failed as failed:
            failed.phase = failed.phase or self._phase
            self._record(self._end or user_mark(), ok=False)
            raise
        finally:
            self._note()

    async def _act(self, events: list[Event]) -> bool:
        """Do what the events say; return whether the last is the go-ahead."""
        for event in events:
            match event:
                case Greeting(text):
                    self._greeting = text
                case Send(data):
                    await self._send(data)
                case Go():
                    return True
                case Failed():
                    self._end = self._last
                    raise event
        return False

    async def _send(self, data: bytes) -> None:
        """Send a command; the first one begins the phase after the greeting."""
        if self._phase == "tls.greeting":
            self._record(self._last)
            self._phase, self._since = "tls.starttls", None
        mark = await self._stream.send(data)
        self._since = self._since or mark

    async def _receive(self) -> bytes:
        try:
            data, self._last = await self._stream.receive()
        except Failed as failed:
            if failed.reason in _MAY_BE_TLS and not self._dialogue.heard:
                greets = self._phase == "tls.greeting"
                failed.detail += f"; {_NO_GREETING if greets else _AT_ONCE}"
            raise
        if data:
            return data
        if not self._dialogue.heard:
            raise Failed(
                Reason.PEER_CLOSED, f"the peer closed the connection without a word; {_AT_ONCE}"
            )
        raise Failed(
            Reason.PEER_CLOSED, "the peer closed the connection before its go-ahead for TLS"
        )

    def _record(self, end: Mark, *, ok: bool = True) -> None:
        """Record the phase, unless it has no answer: MySQL's SSLRequest is not answered."""
        since = self._since
        if self._timed and since is not None and since.ns <= end.ns:
            address = self._stream.address.ip
            self._ctx.watch.record(self._phase, since.ns, end, ok=ok, address=address)

    def _note(self) -> None:
        """Learn from this dialogue, unless another connection has shown more."""
        notes, in_clear = self._ctx.notes(TlsFacts), self._in_clear
        learnt = Starttls(
            protocol=self._dialogue.protocol.name,
            greeting=self._greeting,
            injected_bytes=len(in_clear) if in_clear is not None else None,
            injected=printable(in_clear or b"", _SHOWN),
        )
        if notes.facts.starttls is None or _shown(learnt) > _shown(notes.facts.starttls):
            notes.learn(starttls=learnt)


def _shown(learnt: Starttls) -> int:
    """Return how much came after the go-ahead; -1 where there was none."""
    return -1 if learnt.injected_bytes is None else learnt.injected_bytes
