"""One HTTP/3 exchange (RFC 9114 §4.1)."""

from __future__ import annotations

import collections

from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.model.phase import Mark
from seventh.web import limits
from seventh.web.fieldrules import check_content, content_length
from seventh.web.fields import RawFields, response_fields
from seventh.web.h3frames import FrameScan
from seventh.web.message import (
    Fields,
    Informational,
    OnBody,
    Response,
    Unfinished,
    is_endless,
)


class Exchange:
    """The response to a request, and the arrival of its pieces."""

    __slots__ = (
        "_body", "_cap", "_head", "_informational", "_last", "_method", "_on_body", "_trailers",
        "_waiting_bytes",
        "body_bytes", "content_length", "early", "ended", "failed", "first", "left", "scan",
        "sent", "status", "stream_id", "tunnel", "waiting",
    )  # fmt: skip

    def __init__(
        self, stream_id: int, method: str, sent: Mark, body_cap: int, on_body: OnBody | None
    ) -> None:
        self.stream_id = stream_id
        self._method = method
        self.sent = sent
        self._cap = body_cap
        self._on_body = on_body
        self.scan = FrameScan()
        self.status = 0
        """The final response's status; 0 before its head."""
        self._head: Fields = ()
        self._trailers: Fields = ()
        self._informational: list[Informational] = []
        self._body = bytearray()
        self.body_bytes = 0
        self.content_length: int | None = None
        self.first: Mark | None = None
        self._last = sent
        self.ended = False
        """Whether the response is complete."""
        self.left = False
        """Whether the rest of its body is not wanted."""
        self.failed: Failed | None = None
        self.early = False
        self.tunnel = False
        """Whether data goes to ``waiting`` instead of the body."""
        self.waiting: collections.deque[tuple[bytes, Mark]] = collections.deque()
        self._waiting_bytes = 0

    @property
    def done(self) -> bool:
        """Whether the exchange is over."""
        return self.ended or self.left or self.failed is not None

    def arrived(self, at: Mark) -> None:
        """Note the arrival of bytes."""
        self.first = self.first or at
        self._last = at

    @property
    def flowing(self) -> bool:
        """Whether the response has begun and not ended."""
        return self.first is not None and not self.ended

    @property
    def last(self) -> Mark:
        """The last arrival."""
        return self._last

    def headers(self, raw: RawFields, at: Mark, *, ended: bool) -> None:
        """Take a header section: of a 1xx, the final response, or the trailers."""
        status, fields = response_fields(raw)
        if self.status:
            self._trailers = fields
        elif 100 <= status < 200:
            if len(self._informational) >= limits.MAX_INFORMATIONAL:
                raise ProtocolViolation(
                    f"more than {limits.MAX_INFORMATIONAL} 1xx responses before a final one"
                )
            self._informational.append(Informational(status=status, headers=fields, at=at))
            self.first = None  # the final head is still to come
        elif status:
            self.status, self._head = status, fields
            self.content_length = content_length(fields)
            self.left = self._on_body is None and not ended and is_endless(fields)
        if ended:
            self._end()

    def data(self, data: bytes, at: Mark, *, ended: bool) -> None:
        """Take a piece of the body or of the tunnel."""
        if self.tunnel:
            if data:
                self.waiting.append((data, at))
                self._waiting_bytes += len(data)
            if self._waiting_bytes > limits.MAX_WAITING:
                raise ProtocolViolation(f"more than {limits.MAX_WAITING} unread bytes in a tunnel")
        elif data and not self.left:
            self.body_bytes += len(data)
            self._body += data[: max(0, self._cap - len(self._body))]
            enough = self._on_body is not None and self._on_body(data, at) is False
            self.left = not ended and (enough or self.body_bytes > self._cap)
        if ended:
            self._end()

    def taken(self) -> tuple[bytes, Mark]:
        """Return the next piece of the tunnel."""
        piece = self.waiting.popleft()
        self._waiting_bytes -= len(piece[0])
        return piece

    def _end(self) -> None:
        if not self.status:
            raise ProtocolViolation("the server closed the request's stream without a response")
        if not self.tunnel:
            check_content(
                self._method, self.status, self.content_length, self.body_bytes, ended=True
            )
        self.ended = True

    def response(self) -> Response:
        """Return the response, once its head has arrived."""
        assert self.status  # noqa: S101 - the contract above
        first = self.first or self._last
        return Response(
            status=self.status,
            version="3",
            headers=self._head,
            body=bytes(self._body),
            body_bytes=self.body_bytes,
            truncated=self.left or self.body_bytes > len(self._body),
            trailers=self._trailers,
            informational=tuple(self._informational),
            early=self.early,
            sent=self.sent,
            first=first,
            last=self._last,
            head_bytes=self.scan.head_bytes,
        )

    def unfinished(self, failed: Failed) -> Failed:
        """Return ``failed``, with the partial response if its head has arrived."""
        return Unfinished(failed, self.response()) if self.status else failed


def reset(error_name: str) -> Failed:
    """Return the failure of a request whose stream the server reset."""
    return Failed(Reason.PEER_RESET, f"the server reset the request's stream ({error_name})")
