"""``seventh grpc call``: one call, with JSON in and out."""

from __future__ import annotations

import sys
from typing import Any

import msgspec

from seventh.model.failure import Failed, Reason, UsageError
from seventh.net.work import Work
from seventh.protocols.grpc import CallOptions, GrpcOptions
from seventh.protocols.grpc.client.calling import run_call
from seventh.protocols.grpc.client.descriptors import Method, describe, split_name
from seventh.protocols.grpc.client.requests import MAX_FILE, read_requests, requests_of
from seventh.protocols.grpc.verbs.session import connected, deadline
from seventh.wire.text import printable

_GRACE_SECONDS = 0.25
"""How long after the deadline the server's own status is awaited."""
_MOST_BYTES = 1 << 34
"""What a stream may send: the user ends it, or --timeout."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One response."""

    message: Any

    def __str__(self) -> str:
        return printable(msgspec.json.encode(self.message).decode(), 1 << 30)


async def call(work: Work) -> int:
    """Call the method, show each response as it comes, and return 1 unless its status is OK.

    Raises Failed, UsageError.
    """
    name = work.word("method")
    split_name(name)
    own = work.ctx.options.of(CallOptions)
    most = work.ctx.options.of(GrpcOptions).max_time
    values = _values(work)
    async with connected(work, most_bytes=_MOST_BYTES) as (_, channel):
        channel.http.allow_short_frames()
        with work.ctx.watch.phase("grpc.describe"):
            method = await describe(channel, name, deadline(work, most))
        requests = [method.encode(value) for value in values]
        if len(requests) > 1 and not method.many_requests:
            raise UsageError(f"{method.name} takes one request, and {len(requests)} are given")
        with work.ctx.watch.phase("grpc.call"):
            outcome = await run_call(
                channel, method.path, requests, lambda data: _show(work, method, data),
                timeout=deadline(work, most), wait=deadline(work, most) + _GRACE_SECONDS,
                limit=own.max_message, encoding="gzip" if own.compress else "identity",
            )  # fmt: skip
    status = outcome.status
    if status.ok and not method.many_replies and outcome.received != 1:
        raise Failed(
            Reason.PROTOCOL_VIOLATION,
            f"{outcome.received} responses to a call that has one", phase="grpc.call",
        )  # fmt: skip
    if not status.ok:
        work.say(str(status))
    return 0 if status.ok else 1


def _show(work: Work, method: Method, data: bytes) -> None:
    work.show(Message(message=method.decode(data)))


def _values(work: Work) -> list[object]:
    """Return the requests: the arguments, standard input, --data, or one empty object."""
    words = work.arguments.get("request") or ()
    if not words:
        return requests_of(work.ctx.options)
    if tuple(words) == ("-",):
        text = sys.stdin.read(MAX_FILE + 1)
        if len(text) > MAX_FILE:
            raise UsageError(f"standard input: more than {MAX_FILE} characters")
        return read_requests(text, "standard input")
    return [value for word in words for value in read_requests(word, "request")]
