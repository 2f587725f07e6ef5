"""A replay of early data: one first flight, sent on two connections (RFC 9846 §8).

OpenSSL makes the flight and shakes hands on the second connection, so that the verdict on the
replay is read with keys. The first connection's reply is compared with it: of two replies to one
ClientHello, only the one that accepts early data has the extension that says so.

Our end of the handshake is never sent. A response to the replay shows that its request was carried
out without one: an attacker, who has no keys, cannot send it either.
"""

from __future__ import annotations

import contextlib

from msgspec.structs import replace

from seventh.model.failure import Failed
from seventh.model.phase import Mark
from seventh.model.tlsfacts import EarlyDataReplay
from seventh.net.stopwatch import Stopwatch, user_mark
from seventh.net.stream import Stream
from seventh.net.tls import handshake
from seventh.net.tls.session import Session
from seventh.net.tls.stream import TlsStream
from seventh.protocols.http.client.origin import ALPN, OverTcp, Site
from seventh.protocols.http.probe.early_data import begin
from seventh.protocols.http.probe.matrix import Matrix
from seventh.web.resumed import Resumed
from seventh.wire import tlsnames as n
from seventh.wire.text import printable
from seventh.wire.tlsflight import FlightReader
from seventh.wire.tlshello import Ciphertext, Event, ServerHello

ANSWER_SECONDS = 1.0
"""How long a server may take to reply to a flight, and to respond to its request."""


async def run(matrix: Matrix) -> None:
    """Replay a safe request over TLS on TCP, where the server accepts early data."""
    site = matrix.site
    tls = site.tls_notes.facts
    if not tls.early_data_accepted:
        return
    version: OverTcp = "2" if tls.alpn == "h2" else "1.1"
    found = EarlyDataReplay(version=version)
    try:
        found = await _replay(matrix, version, found)
    except Failed as failed:
        found = replace(found, failed=printable(failed.detail, 200))
    site.tls_notes.learn(early_data_replay=found)


async def _replay(matrix: Matrix, version: OverTcp, found: EarlyDataReplay) -> EarlyDataReplay:
    site = matrix.site
    session = await _fresh_session(site, version)
    if session is None:
        return replace(found, failed="the server sent no further session ticket")
    first = await site.ctx.connect_again(site.address)
    with contextlib.closing(first):
        twice = Twice(first, await site.ctx.connect_again(site.address))
        tls = handshake.prepare(
            twice, site.ctx.options, site.name, alpn=ALPN[version], session=session,
            profile="lenient",
        )  # fmt: skip
        with contextlib.closing(tls):
            return await _judge(matrix, tls, twice, found)


async def _fresh_session(site: Site, version: OverTcp) -> Session | None:
    """Return a session whose ticket no connection has used: it could be single-use."""
    opened = await site.connect(site.address, version)
    assert opened.tls is not None  # noqa: S101 - https
    await opened.tls.settle()
    session = opened.tls.session if opened.has_ticket else None
    await opened.tls.aclose()
    return session


async def _judge(
    matrix: Matrix, tls: TlsStream, twice: Twice, found: EarlyDataReplay
) -> EarlyDataReplay:
    site = matrix.site
    request = site.request(site.url, method=matrix.method, version=found.version)
    _, data, answer = begin(matrix, tls, found.version, request, ANSWER_SECONDS)
    site.spend()
    site.spend()
    if not tls.offer_early_data(data):
        return replace(found, failed="this OpenSSL version cannot send early data")
    await tls.handshake(Stopwatch(), "tls.early")
    once, again = Reply(twice.first_reply), Reply(twice.reply)
    found = replace(
        found, first_resumed=once.resumed, resumed=again.resumed,
        accepted=tls.early_data_accepted, same_size=once.size == again.size,
    )  # fmt: skip
    if found.accepted:
        with contextlib.suppress(Failed):  # it may wait for our end of the handshake
            found = replace(found, status=(await answer()).status)
    return found


class Reply:
    """What a server's first flight shows without keys."""

    def __init__(self, data: bytes) -> None:
        events = FlightReader().receive(data)
        self.resumed = any(
            isinstance(event, ServerHello) and event.extension(n.PRE_SHARED_KEY) is not None
            for event in events
        )
        """Whether the ServerHello selected the session ticket."""
        self.size = next((e.size for e in events if isinstance(e, Ciphertext)), 0)
        """The size of the first encrypted record, which begins with EncryptedExtensions."""


class Twice(Resumed):
    """A stream that sends its first flight on ``first``, then on ``second``, and nothing more."""

    __slots__ = ("_first", "_flight", "_replayed", "first_reply", "reply")

    def __init__(self, first: Stream, second: Stream) -> None:
        super().__init__(second, b"", second.opened)
        self._first = first
        self._flight = b""
        self._replayed = False
        self.first_reply = b""
        """What came on the first connection, up to its first encrypted record."""
        self.reply = b""
        """What came on the second."""

    async def send(self, data: bytes) -> Mark:
        """Keep what belongs to the first flight; discard the rest."""
        if not self._replayed:
            self._flight += data
        return user_mark()

    async def receive(self, deadline_ns: int | None = None) -> tuple[bytes, Mark]:
        """Return what comes on the second connection, after the first has had its reply."""
        until = min(deadline_ns or self.budget.deadline_ns, self.budget.within(ANSWER_SECONDS))
        if not self._replayed:
            self._replayed = True
            await self._first.send(self._flight)
            await self._take_first_reply(until)
            await super().send(self._flight)
            until = self.budget.within(ANSWER_SECONDS)
        data, mark = await super().receive(until)
        self.reply += data
        return data, mark

    async def _take_first_reply(self, until: int) -> None:
        reader = FlightReader()
        events: list[Event] = []
        while not any(isinstance(event, Ciphertext) for event in events):
            data, _ = await self._first.receive(until)
            if not data:
                return
            self.first_reply += data
            events = reader.receive(data)
