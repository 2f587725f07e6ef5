"""The conversation with a TLS server: a verified handshake, or everything that TLS tells."""

from __future__ import annotations

import contextlib

from seventh.model.failure import Failed
from seventh.model.tlsfacts import TlsFacts
from seventh.net.stream import Stream
from seventh.net.talk import Talk
from seventh.net.tls.inspect import certificate_failure, identity, inspect_tls, takes_up
from seventh.net.tls.recurring import start_recurring
from seventh.net.tls.session import Session

ALPN = ("h2", "http/1.1")
"""What most servers behind TLS speak; others ignore the offer or do without."""


async def pulse(talk: Talk) -> None:
    """Connect and shake hands as a client would; a certificate it would refuse is a failure."""
    name = server_name(talk)
    stream = await talk.connect()
    tls = await start_recurring(talk, stream, name)
    await tls.farewell()


async def check(talk: Talk) -> None:
    """Learn all of TLS's facts from the first address, and compare the others with it."""
    name = server_name(talk)
    streams = await talk.connect_all()
    first, others = streams[0], streams[1:]
    waiting: list[Stream] = [first]

    async def open_stream() -> Stream:
        return waiting.pop() if waiting else await talk.connect_again(first.address)

    failed: Failed | None = None
    session: Session | None = None
    try:
        session = await inspect_tls(talk, open_stream, name, ALPN)
    except Failed as error:
        failed = error
    if others:
        await _compare(talk, first, others, name)
    if session is not None:
        await _take_up_elsewhere(talk, others, name, session)
    if failed is not None:
        raise failed
    refusal = certificate_failure(talk.notes(TlsFacts).facts)
    if refusal is not None:
        talk.give_up(refusal)


async def _compare(talk: Talk, first: Stream, others: list[Stream], name: str) -> None:
    async def look(stream: Stream) -> dict[str, str]:
        fresh = await talk.connect_again(stream.address) if stream is first else stream
        return await identity(talk, fresh, name)

    await talk.compare([first, *others], look)


async def _take_up_elsewhere(talk: Talk, others: list[Stream], name: str, session: Session) -> None:
    """Nodes behind one name should share their ticket keys: clients change between them."""
    alone: list[str] = []
    for other in others:
        with contextlib.suppress(Failed):
            below = await talk.connect_again(other.address)
            if not await takes_up(talk, below, name, session):
                alone.append(other.address.ip)
    talk.notes(TlsFacts).learn(not_resumed_at=tuple(alone))


def server_name(talk: Talk) -> str:
    """The name to ask for and to hold the certificate against."""
    return talk.options.server_name or talk.target.host
