"""A connection on which calls are made."""

from __future__ import annotations

from seventh.model.failure import Failed, Reason
from seventh.net.stopwatch import now_ns
from seventh.net.stream import Stream
from seventh.protocols.grpc.client.call import Call, Reply, framed
from seventh.protocols.grpc.wire.compression import ENCODINGS, Encoding
from seventh.protocols.grpc.wire.framing import MAX_MESSAGE
from seventh.protocols.grpc.wire.metadata import request_headers
from seventh.protocols.grpc.wire.status import Code, Status
from seventh.web.h2 import H2Connection
from seventh.web.message import Fields, Request

AGENT = "grpc-python-seventh/1"
"""The user agent; those of gRPC begin with ``grpc-``."""
_ACCEPTED = ",".join(ENCODINGS)
_TOGETHER = 16384
"""The longest first message that is sent together with the head."""


class Channel:
    """One HTTP/2 connection, and what every call on it sends. It owns ``stream``."""

    def __init__(
        self, stream: Stream, *, authority: str, secure: bool, metadata: Fields = ()
    ) -> None:
        self.stream = stream
        self.http = H2Connection(stream)
        self.authority = authority
        self.scheme = "https" if secure else "http"
        self.metadata = metadata

    def request(
        self,
        path: str,
        metadata: Fields = (),
        timeout: float | None = None,
        encoding: Encoding = "identity",
    ) -> Request:
        """Return the head of a call."""
        headers = request_headers(
            (*self.metadata, *metadata), timeout_seconds=timeout, encoding=encoding,
            accepted=_ACCEPTED, agent=AGENT,
        )  # fmt: skip
        return Request(
            method="POST", scheme=self.scheme, authority=self.authority, path=path, headers=headers
        )

    async def call(
        self,
        path: str,
        message: bytes | None = None,
        *,
        end: bool = False,
        timeout: float | None = None,
        wait: float | None = None,
        metadata: Fields = (),
        encoding: Encoding = "identity",
        limit: int = MAX_MESSAGE,
    ) -> Call:
        """Begin a call with its first message; ``end`` if it is the only one.

        ``timeout`` is sent as the deadline, and the call is cancelled here ``wait`` seconds from
        now, by default at the deadline. Raises Failed.
        """
        patience = wait if wait is not None else timeout
        until = None if patience is None else now_ns() + int(patience * 1e9)
        data = b"" if message is None else framed(message, encoding)
        together = len(data) <= _TOGETHER
        stream = await self.http.open(
            self.request(path, metadata, timeout, encoding), data=data if together else b"",
            end=end and together, deadline_ns=until,
        )  # fmt: skip
        call = Call(stream, until_ns=until, limit=limit, encoding=encoding)
        if not together:
            await call.send_raw(data, end=end)
        return call

    async def unary(
        self,
        path: str,
        message: bytes,
        *,
        timeout: float | None = None,
        wait: float | None = None,
        metadata: Fields = (),
        encoding: Encoding = "identity",
        limit: int = MAX_MESSAGE,
    ) -> Reply:
        """Make a call with one request and one response. Raises Failed as :meth:`Call.receive`."""
        call = await self.call(
            path, message, end=True, timeout=timeout, wait=wait, metadata=metadata,
            encoding=encoding, limit=limit,
        )  # fmt: skip
        try:
            return await one_reply(call)
        finally:
            call.cancel()

    @property
    def spent(self) -> bool:
        """Whether no further call can be made."""
        return not self.http.reusable

    async def aclose(self) -> None:
        """Send GOAWAY and close."""
        await self.http.aclose()

    def close(self) -> None:
        """Close without waiting."""
        self.http.close()


async def one_reply(call: Call) -> Reply:
    """Receive one message and the status. Raises Failed."""
    message = await call.receive()
    if message is not None and await call.receive() is not None:
        raise Failed(Reason.PROTOCOL_VIOLATION, "more than one response to a call that has one")
    status = call.status
    assert status is not None  # noqa: S101 - receive() returned None
    if status.ok and message is None:
        status = Status(code=Code.INTERNAL, message="OK without a response", origin="client")
    exchange = call.stream.exchange
    return Reply(
        status=status, message=message if status.ok else None, headers=exchange.fields,
        trailers=exchange.trailers, http_status=exchange.status, sent=exchange.sent,
        first=exchange.first, not_grpc=call.not_grpc,
    )  # fmt: skip
