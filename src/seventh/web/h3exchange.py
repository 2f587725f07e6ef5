"""One HTTP/3 exchange as it is put together from events (RFC 9114 §4.1)."""

from __future__ import annotations

import collections

from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.model.phase import Mark
from seventh.web import limits
from seventh.web.fieldrules import check_content, content_length
from seventh.web.h3frames import FrameScan
from seventh.web.message import (
    Fields,
    Informational,
    OnBody,
    Request,
    Response,
    Unfinished,
    check_sendable,
    is_endless,
)
from seventh.wire.text import quoted

# What belongs to a connection of HTTP/1.1 and makes a request malformed here (RFC 9114 §4.2).
_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "host"}
)
RawFields = list[tuple[bytes, bytes]]


class Exchange:
    """A request's response, and when its pieces came."""

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
        self.status: int | None = None
        self._head: Fields = ()
        self._trailers: Fields = ()
        self._informational: list[Informational] = []
        self._body = bytearray()
        self.body_bytes = 0
        self.content_length: int | None = None
        self.first: Mark | None = None
        self._last = sent
        self.ended = False
        """Whether the server has sent all of it."""
        self.left = False
        """Whether we have had enough of its body."""
        self.failed: Failed | None = None
        self.early = False
        self.tunnel = False
        """Whether data is kept in ``waiting`` instead of being a body."""
        self.waiting: collections.deque[tuple[bytes, Mark]] = collections.deque()
        self._waiting_bytes = 0

    @property
    def done(self) -> bool:
        """Whether nothing more is waited for."""
        return self.ended or self.left or self.failed is not None

    def arrived(self, at: Mark) -> None:
        """Bytes of this exchange came."""
        self.first = self.first or at
        self._last = at

    @property
    def flowing(self) -> bool:
        """Whether the answer has begun, so that :attr:`last` is when more of it came."""
        return self.first is not None and not self.ended

    @property
    def last(self) -> Mark:
        """When bytes of it came last."""
        return self._last

    def headers(self, raw: RawFields, at: Mark, *, ended: bool) -> None:
        """A header section came: of a 1xx, the final response, or the trailers."""
        status, fields = read_fields(raw)
        if self.status is not None:
            self._trailers = fields
        elif status is not None and 100 <= status < 200:
            if len(self._informational) >= limits.MAX_INFORMATIONAL:
                raise ProtocolViolation(
                    f"more than {limits.MAX_INFORMATIONAL} informational responses"
                )
            self._informational.append(Informational(status=status, headers=fields, at=at))
            self.first = None  # the final head is still to come
        elif status is not None:
            self.status, self._head = status, fields
            self.content_length = content_length(fields)
            self.left = self._on_body is None and not ended and is_endless(fields)
        if ended:
            self._end()

    def data(self, data: bytes, at: Mark, *, ended: bool) -> None:
        """A piece of the body came, or of what is tunnelled."""
        if self.tunnel:
            if data:
                self.waiting.append((data, at))
                self._waiting_bytes += len(data)
            if self._waiting_bytes > limits.MAX_WAITING:
                raise ProtocolViolation(f"over {limits.MAX_WAITING} bytes wait in a tunnel")
        elif data and not self.left:
            self.body_bytes += len(data)
            self._body += data[: max(0, self._cap - len(self._body))]
            enough = self._on_body is not None and self._on_body(data, at) is False
            self.left = not ended and (enough or self.body_bytes > self._cap)
        if ended:
            self._end()

    def taken(self) -> tuple[bytes, Mark]:
        """Return the next piece of what is tunnelled."""
        piece = self.waiting.popleft()
        self._waiting_bytes -= len(piece[0])
        return piece

    def _end(self) -> None:
        if self.status is None:
            raise ProtocolViolation("the server ended the request's stream without a response")
        if not self.tunnel:
            check_content(
                self._method, self.status, self.content_length, self.body_bytes, ended=True
            )
        self.ended = True

    def response(self) -> Response:
        """Return what there is of the response; its head must have come."""
        assert self.status is not None  # noqa: S101 - the callers have looked
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

    def broke_off(self, failed: Failed) -> Failed:
        """Return ``failed``, with what came of the response where its head had come."""
        return Unfinished(failed, self.response()) if self.status is not None else failed


def request_fields(request: Request, *, protocol: str | None = None) -> RawFields:
    """Return the request's fields with the pseudo-header fields in front (RFC 9114 §4.3.1).

    Raises ValueError for what cannot stand in a request.
    """
    fields: RawFields = [(b":method", request.method.encode("ascii"))]
    if request.method != "CONNECT" or protocol is not None:
        fields += [
            (b":scheme", request.scheme.encode("ascii")),
            (b":authority", request.authority.encode("ascii")),
            (b":path", request.path.encode("latin-1")),
        ]
    else:
        fields.append((b":authority", request.authority.encode("ascii")))
    if protocol is not None:
        fields.append((b":protocol", protocol.encode("ascii")))
    for name, value in request.headers:
        if name.lower() not in _HOP_BY_HOP:
            fields.append((name.lower().encode("ascii"), value.encode("latin-1")))
    if request.body and request.get("content-length") is None:
        fields.append((b"content-length", b"%d" % len(request.body)))
    check_sendable(fields)
    return fields


def read_fields(raw: RawFields) -> tuple[int | None, Fields]:
    """The status, where there is one, and the fields; ProtocolViolation beyond the limits."""
    size = sum(len(name) + len(value) + 32 for name, value in raw)
    if size > limits.MAX_HEAD_BYTES:
        raise ProtocolViolation(
            f"a header list of {size} bytes; {limits.MAX_HEAD_BYTES} are the most"
        )
    if len(raw) > limits.MAX_FIELDS:
        raise ProtocolViolation(f"{len(raw)} header fields; {limits.MAX_FIELDS} are the most")
    status: int | None = None
    fields: list[tuple[str, str]] = []
    for name, value in raw:
        if name == b":status":
            status = int(value)  # the engine has checked that it is three digits
            if status < 100:
                raise ProtocolViolation(f"a :status of {quoted(value, 20)}")
        else:
            fields.append((name.decode("latin-1"), value.decode("latin-1")))
    return status, tuple(fields)


def refused(error_name: str) -> Failed:
    """Return the server reset the stream of a request."""
    return Failed(Reason.PEER_RESET, f"the server reset the request's stream ({error_name})")
