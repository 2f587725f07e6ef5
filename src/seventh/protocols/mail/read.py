"""Hook of `seventh read`: a message, a DMARC aggregate report, or a TLS report."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from seventh.lintkit.unpack import Content
from seventh.model.failure import Failed, UsageError
from seventh.model.options import Options
from seventh.protocols.mail.facts.received import ReceivedFacts
from seventh.protocols.mail.wire.malformed import MalformedError
from seventh.protocols.mail.wire.message import Message, is_message

if TYPE_CHECKING:
    from seventh.protocols.mail.client.questions import Questions

READS = "a message (RFC 5322), a DMARC aggregate report (XML), a TLS report (JSON)"
_XML = (b"<", b"\xef\xbb\xbf<", b"\xff\xfe<", b"\xfe\xff\0<")


def recognises(head: bytes) -> bool:
    """Return whether content that begins like this is one of the three."""
    start = head.lstrip()
    return start.startswith((*_XML, b"{", b"\xef\xbb\xbf{")) or is_message(head)


async def read(content: Content, options: Options, *, offline: bool) -> ReceivedFacts:
    """Return what the content shows. Raises UsageError where it is not what it looks like."""
    try:
        start = content.head(64).lstrip()
        if start.startswith(_XML):
            return _aggregate(content)
        if start.startswith((b"{", b"\xef\xbb\xbf{")):
            return _tls_report(content)
        message = Message(content.pieces)
    except MalformedError as error:
        raise UsageError(str(error)) from None
    from seventh.protocols.mail.client.verification import (
        judge,
    )  # reports need neither DNS nor keys

    async with _questions(options, offline=offline) as (questions, why):
        judged = await judge(message, questions)
        why = why or (questions.failed if questions is not None else "")
        return ReceivedFacts(kind="message", message=judged, unknown={"DNS": why} if why else {})


@asynccontextmanager
async def _questions(
    options: Options, *, offline: bool
) -> AsyncIterator[tuple[Questions | None, str]]:
    """Yield what asks DNS, or None and why it is not asked."""
    if offline:
        yield None, "--offline was given"
        return
    from seventh.net import dns_query
    from seventh.net.budget import Budget
    from seventh.protocols.mail.client.questions import Questions

    try:
        servers = dns_query.servers_of(options.resolver)
    except Failed as failed:
        yield None, failed.detail
        return
    questions = Questions(servers, Budget(options.timeout_seconds), trusted=servers.local)
    try:
        yield questions, ""
    finally:
        await questions.aclose()


def _aggregate(content: Content) -> ReceivedFacts:
    from seventh.protocols.mail.wire.aggregate import AggregateReader

    reader = AggregateReader()
    for piece in content.pieces():
        reader.feed(piece)
    return ReceivedFacts(kind="dmarc-report", aggregate=reader.finish())


def _tls_report(content: Content) -> ReceivedFacts:
    from seventh.protocols.mail.wire.tls_report import MAX_BYTES, read_report

    data = bytearray()
    for piece in content.pieces():
        data += piece
        if len(data) > MAX_BYTES:
            raise MalformedError(f"a TLS report of more than {MAX_BYTES >> 20} MiB")
    return ReceivedFacts(kind="tls-report", tls_report=read_report(bytes(data)))
