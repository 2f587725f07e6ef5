"""Calls of any kind: requests are sent while responses are received."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

import msgspec

from seventh.model.failure import Failed, Reason
from seventh.model.phase import Mark
from seventh.net.stopwatch import user_mark
from seventh.protocols.grpc.client.call import Call
from seventh.protocols.grpc.client.channel import Channel
from seventh.protocols.grpc.wire.compression import Encoding
from seventh.protocols.grpc.wire.framing import MAX_MESSAGE
from seventh.protocols.grpc.wire.status import Status
from seventh.web.message import Fields

OnMessage = Callable[[bytes], None]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one call."""

    status: Status
    http_status: int
    sent: int
    received: int
    begun: Mark
    first: Mark | None
    """The arrival of the first message …"""
    last: Mark | None
    """… and of the last."""
    ended: Mark
    largest: int
    truncated: bool
    headers: Fields
    trailers: Fields


async def run_call(
    channel: Channel,
    path: str,
    requests: Iterable[bytes],
    on_message: OnMessage,
    *,
    timeout: float | None,
    wait: float | None = None,
    most: int | None = None,
    metadata: Fields = (),
    limit: int = MAX_MESSAGE,
    encoding: Encoding = "identity",
) -> Outcome:
    """Send the requests, hand each response to ``on_message``, and return how the call ended.

    After ``most`` responses it is cancelled. Raises Failed for what ends the connection, and for
    malformed responses.
    """
    first, *rest = requests
    call = await channel.call(
        path, first, end=not rest, timeout=timeout, wait=wait, metadata=metadata, limit=limit,
        encoding=encoding,
    )  # fmt: skip
    sent = 1
    received = 0
    truncated = False

    async def send_rest() -> None:
        nonlocal sent
        for message in rest:
            if call.status is not None or call.stream.exchange.ended:
                return
            await call.send(message)
            sent += 1
        await call.finish()

    sender = asyncio.ensure_future(send_rest()) if rest else None
    try:
        while (message := await call.receive()) is not None:
            received += 1
            on_message(message)
            if most is not None and received >= most:
                truncated = True
                break
        if sender is not None and sender.done():
            sender.result()
    finally:
        if sender is not None:
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)
        call.cancel()
    return _outcome(call, sent, received, truncated=truncated)


def _outcome(call: Call, sent: int, received: int, *, truncated: bool) -> Outcome:
    exchange = call.stream.exchange
    status = call.status
    if status is None:
        status = Status(code=0, message="cancelled after enough messages", origin="client")
    ended = exchange.last if status.origin != "client" else user_mark()
    return Outcome(
        status=status, http_status=exchange.status, sent=sent, received=received,
        begun=exchange.sent, first=call.arrivals[0] if call.arrivals else None,
        last=call.arrivals[-1] if call.arrivals else None, ended=ended, largest=call.largest,
        truncated=truncated, headers=exchange.fields, trailers=exchange.trailers,
    )  # fmt: skip


def refused(name: str, status: Status) -> Failed:
    """Return the failure for a call that did not succeed."""
    reasons = {
        "UNAUTHENTICATED": Reason.AUTH_REQUIRED, "PERMISSION_DENIED": Reason.AUTH_REJECTED,
    }  # fmt: skip
    reason = reasons.get(status.name, Reason.UNEXPECTED_ANSWER)
    if status.origin == "client" and status.name == "DEADLINE_EXCEEDED":
        reason = Reason.PEER_SILENT
    return Failed(reason, f"{name} ends with {status}")
