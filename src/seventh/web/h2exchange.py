"""One HTTP/2 exchange: the state of its stream (RFC 9113 §8.1)."""

from __future__ import annotations

from collections import deque

from seventh.model.failure import Failed, ProtocolViolation
from seventh.model.phase import Mark
from seventh.web import limits
from seventh.web.message import Fields, Informational, Response, Unfinished


class Exchange:
    """The received part of one stream."""

    __slots__ = (
        "_informational", "ended", "failed", "fields", "first", "head_bytes", "id", "last",
        "length", "method", "pieces", "received_bytes", "sent", "status", "taken_bytes", "trailers",
    )  # fmt: skip

    def __init__(self, stream_id: int, sent: Mark, method: str = "GET") -> None:
        self.id = stream_id
        self.method = method
        self.length: int | None = None
        """The value of content-length."""
        self.received_bytes = 0
        """The body bytes received, read or not."""
        self.sent = sent
        self.first: Mark | None = None
        self.last = sent
        self.status = 0
        self.fields: Fields = ()
        self.head_bytes = 0
        self.trailers: Fields = ()
        self.pieces: deque[tuple[bytes, Mark, int]] = deque()
        """The unread body: data, arrival, and flow-control bytes."""
        self.taken_bytes = 0
        """The body bytes read."""
        self.ended = False
        """Whether the peer sent END_STREAM."""
        self.failed: Failed | None = None
        self._informational: list[Informational] = []

    @property
    def informational(self) -> tuple[Informational, ...]:
        """The 1xx responses so far."""
        return tuple(self._informational)

    def inform(self, informational: Informational) -> None:
        """Add a 1xx response. Raises ProtocolViolation for a 101 and for too many."""
        if informational.status == 101:
            raise ProtocolViolation("status 101, which HTTP/2 does not allow (RFC 9113 §8.6)")
        if len(self._informational) >= limits.MAX_INFORMATIONAL:
            raise ProtocolViolation(
                f"more than {limits.MAX_INFORMATIONAL} 1xx responses before a final one"
            )
        self._informational.append(informational)

    def response(self, body: bytes = b"", *, truncated: bool = False) -> Response:
        """Return the response, once its head has arrived."""
        assert self.first is not None  # noqa: S101 - the contract above
        return Response(
            status=self.status,
            version="2",
            headers=self.fields,
            body=body,
            body_bytes=self.taken_bytes,
            truncated=truncated,
            trailers=self.trailers,
            informational=self.informational,
            sent=self.sent,
            first=self.first,
            last=self.last,
            head_bytes=self.head_bytes,
        )

    def unfinished(self, failed: Failed, body: bytes = b"") -> Failed:
        """Return ``failed``, with the partial response if its head has arrived."""
        if self.first is None or isinstance(failed, Unfinished):
            return failed
        return Unfinished(failed, self.response(body))
