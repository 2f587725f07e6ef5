"""One HTTP/1.1 exchange, sans-IO (RFC 9112): bytes and their arrival in, a response out.

:mod:`h1lenient` reads heads; h11 reads the content, framed by a minimal head that is made for it.
What h11 leaves unbounded is capped here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

import h11

from seventh.model.alert import Alert
from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.model.phase import Mark
from seventh.web import limits
from seventh.web.content import undo
from seventh.web.h1lenient import Deviation, Head, read_head
from seventh.web.message import (
    Fields,
    Informational,
    OnBody,
    Response,
    Unfinished,
    is_endless,
)
from seventh.wire.identify import identify
from seventh.wire.text import quoted

Framing = Literal["none", "content-length", "chunked", "close"]
"""What ends a body: its length, its last chunk, or the connection; ``none`` without a body."""
KEPT_HEAD = 8192
"""The bytes of a head that are kept as evidence."""
_BLANK_LINE = re.compile(rb"\n\r?\n")
_HTTP = b"HTTP/"
_ALERT = 0x15
"""The type of a TLS alert record (RFC 8446 §5.1)."""
_BLANK = frozenset([b"\r", b"\n", b"\r\n"])
_MOST_BLANK = 2
"""The bytes of an empty line before the status line, which is accepted."""


def fields_of(raw: Iterable[tuple[bytes, bytes]]) -> Fields:
    """Return header fields as text, names in lower case."""
    return tuple([(name.lower().decode("ascii"), value.decode("latin-1")) for name, value in raw])


class Exchange:
    """The response to a request that ``connection`` has sent.

    :meth:`receive` raises Failed: protocol-mismatch for another protocol, ProtocolViolation,
    peer-closed; as :class:`Unfinished` after the head.
    """

    __slots__ = (
        "_around", "_body", "_connection", "_head", "_head_bytes", "_heads_bytes",
        "_informational",
        "_last", "_length", "_on_body", "_raw", "_raw_head", "_scanned",
        "body_bytes", "body_cap", "deviations", "done", "first", "framing", "method", "sent",
        "switched",
        "trailers", "truncated", "unsent",
    )  # fmt: skip

    def __init__(
        self,
        connection: h11.Connection,
        sent: Mark,
        *,
        method: str = "GET",
        body_cap: int = limits.BODY_CAP,
        on_body: OnBody | None = None,
    ) -> None:
        self._connection = connection
        self.method = method
        self._on_body = on_body
        self._raw = b""
        """The bytes since the last complete head."""
        self._scanned = 0
        """The length of the part that contains no end of a head."""
        self._head: Head | None = None
        self._head_bytes = 0
        self._heads_bytes = 0
        """The heads of the 1xx responses and the final one."""
        self._raw_head = b""
        self._informational: list[Informational] = []
        self._body: list[bytes | bytearray] = []
        self._around = 0
        """Bytes after the head that are not body."""
        self._length = -1
        """The body's length by Content-Length; -1 without one."""
        self._last = sent
        self.sent = sent
        self.first: Mark | None = None
        self.body_cap = body_cap
        self.body_bytes = 0
        self.trailers: Fields = ()
        self.truncated = False
        self.framing: Framing = "none"
        self.deviations: frozenset[Deviation] = frozenset()
        """The deviations of the heads from the grammar."""
        self.unsent = False
        """Whether the request's body was not sent, because the server responded before it."""
        self.done = False
        self.switched = False
        """Whether the connection switched protocols: by a 101, or a 2xx to CONNECT."""

    @property
    def continued(self) -> bool:
        """Whether the server sent 100 Continue."""
        return any(i.status == 100 for i in self._informational)

    @property
    def codings(self) -> tuple[str, ...]:
        """The transfer codings of the response besides ``chunked``."""
        return self._head.codings if self._head is not None else ()

    @property
    def headed(self) -> bool:
        """Whether the final response's head is complete."""
        return self._head is not None

    @property
    def status(self) -> int:
        """The final response's status; 0 before its head."""
        return self._head.status if self._head is not None else 0

    @property
    def closes(self) -> bool:
        """Whether the response closes the connection (RFC 9112 §9.3)."""
        return self._head is None or self.framing == "close" or not self._head.persists

    def receive(self, data: bytes, mark: Mark) -> None:
        """Take the next bytes; ``b""`` when the peer has closed."""
        try:
            self._receive(data, mark)
        except Failed as failed:
            raise self.unfinished(failed) from None

    def unfinished(self, failed: Failed) -> Failed:
        """Return ``failed``, with the partial response if its head is complete."""
        if self._head is None or isinstance(failed, Unfinished):
            return failed
        return Unfinished(failed, self.response())

    def _receive(self, data: bytes, mark: Mark) -> None:
        self._last = mark
        if self._head is not None:
            self._around += len(data)
            self._content(data, mark)
            return
        self._judge(data, mark)
        while self._head is None:
            raw = self._cut_head()
            if raw is None:
                return
            head = read_head(raw)
            self.deviations |= head.deviations
            if head.status >= 200 or head.status == 101:
                self._final(head, raw, mark)
            else:
                self._interim(head, mark)

    # -- heads -----------------------------------------------------------------------------------

    def _judge(self, data: bytes, mark: Mark) -> None:
        """Take bytes of a head. Raises Failed if they are not HTTP."""
        if self.first is None and data:
            self.first = mark
        if not data:
            raise Failed(Reason.PEER_CLOSED, self._closed_early())
        self._raw = raw = self._raw + data if self._raw else data
        if raw[:1] in {b"\r", b"\n"} and len(raw) > _MOST_BLANK:
            self.deviations |= {Deviation.BLANK_LINE_FIRST}
            self._raw = raw = raw.removeprefix(b"\r\n").removeprefix(b"\n")
        if raw[:5].upper() != _HTTP[: len(raw)] and raw not in _BLANK:
            raise self._foreign(raw)

    def _closed_early(self) -> str:
        if self._raw:
            return "the peer closed the connection in the middle of the head"
        if self._informational:
            return "the peer closed the connection after a 1xx response, without a final one"
        return "the peer closed the connection without a response"

    def _cut_head(self) -> bytes | None:
        """Remove and return the next head; None if it is incomplete."""
        raw = self._raw
        if raw[:1] in {b"\r", b"\n"}:
            return None
        end = _BLANK_LINE.search(raw, max(0, self._scanned - 3))
        length = end.end() if end is not None else len(raw)
        self._heads_bytes += length
        if self._heads_bytes > limits.MAX_H1_HEAD_BYTES:
            raise ProtocolViolation(
                f"the response's head is longer than {limits.MAX_H1_HEAD_BYTES} bytes, "
                "1xx responses included"
            )
        if raw.count(b"\n", 0, length) > limits.MAX_H1_FIELDS + 2:
            raise ProtocolViolation(
                f"the response's head has more than {limits.MAX_H1_FIELDS} header fields"
            )
        if end is None:
            self._scanned = len(raw)
            self._heads_bytes -= length
            return None
        self._raw, self._scanned = raw[length:], 0
        return raw[:length]

    @staticmethod
    def _foreign(raw: bytes) -> Failed:
        name = identify(raw)
        if name is None or name == "HTTP":
            return Failed(
                Reason.PROTOCOL_MISMATCH,
                f"the answer is not an HTTP/1 response: it begins with {quoted(raw[:40])}",
            )
        alert = Alert.of(raw[6]) if name == "TLS" and raw[0] == _ALERT and len(raw) > 6 else None
        return Failed(Reason.PROTOCOL_MISMATCH, f"the peer uses {name}, not HTTP/1.1", alert=alert)

    def _interim(self, head: Head, mark: Mark) -> None:
        if len(self._informational) >= limits.MAX_INFORMATIONAL:
            raise ProtocolViolation(
                f"more than {limits.MAX_INFORMATIONAL} 1xx responses before a final one"
            )
        at = self.first or mark
        self._informational.append(Informational(status=head.status, headers=head.fields, at=at))
        # The next head begins with these bytes, or with the next ones.
        raw = self._raw
        self.first = mark if raw else None
        if raw and raw[:5].upper() != _HTTP[: len(raw)]:
            raise ProtocolViolation("no status line after a 1xx response")

    def _final(self, head: Head, raw: bytes, mark: Mark) -> None:
        """Take the final head; content or another protocol follows it."""
        self._connection.receive_data(self._framing_of(head))
        try:
            self._connection.next_event()
        except h11.RemoteProtocolError:
            # The only fault that is left in this head: h11 knows of no upgrade in the request.
            raise ProtocolViolation(
                f"{head.status} Switching Protocols without a request for an upgrade"
            ) from None
        self._head = head
        self._head_bytes = len(raw)
        self._raw_head = raw if len(raw) <= KEPT_HEAD else raw[:KEPT_HEAD]
        rest, self._raw = self._raw, b""
        self._around = len(rest)
        if head.status == 101 or self._connection.their_state is h11.SWITCHED_PROTOCOL:
            self.switched = self.done = True
        elif self.method == "HEAD" or head.status in {204, 304}:
            self.done = True
        else:
            self._frame(head)
        if rest:
            self._content(rest, mark)

    def _framing_of(self, head: Head) -> bytes:
        """Return a minimal head for h11 that frames the content like ``head``."""
        lines = [b"HTTP/%s %d" % (b"1.0" if head.old else b"1.1", head.status)]
        if head.chunked:
            lines.append(b"Transfer-Encoding: chunked")
        elif head.length is not None:
            lines.append(b"Content-Length: %d" % head.length)
        return b"\r\n".join([*lines, b"", b""])

    def _frame(self, head: Head) -> None:
        """Determine what ends the body (RFC 9112 §6.3)."""
        if head.chunked:
            self.framing = "chunked"
        elif head.length is None:
            self.framing = "close"
        else:
            self.framing = "content-length"
            self._length = head.length
            self.done = not self._length
        if head.length is None and self._on_body is None and is_endless(head.fields):
            self.truncated = self.done = True

    # -- content ---------------------------------------------------------------------------------

    def _content(self, data: bytes, mark: Mark) -> None:
        connection = self._connection
        connection.receive_data(data)
        try:
            while not self.done:
                event = connection.next_event()
                if event is h11.NEED_DATA:
                    break
                self._take(event, mark)
        except h11.RemoteProtocolError:
            raise self._wrong(closed=not data) from None
        if self._around > limits.MAX_CHUNK_FRAMING:
            self._check_framing()

    def _check_framing(self) -> None:
        left = len(self._connection.trailing_data[0]) if self.done else 0
        if self._around - left > limits.MAX_CHUNK_FRAMING:
            raise ProtocolViolation(
                f"a body of {self.body_bytes} bytes with more than "
                f"{limits.MAX_CHUNK_FRAMING} bytes of chunk sizes, extensions and trailers"
            )

    def _wrong(self, *, closed: bool) -> Failed:
        """Return the failure for an error of h11: an early end, or malformed chunks."""
        if closed:
            return Failed(
                Reason.PEER_CLOSED,
                f"the peer closed the connection in the middle of the body {self._expected()}",
            )
        if len(self._connection.trailing_data[0]) > limits.MAX_HEAD_BYTES:
            return ProtocolViolation(
                f"a chunk's framing or trailer section longer than {limits.MAX_HEAD_BYTES} bytes"
            )
        return ProtocolViolation(
            "the chunked content is malformed: no valid chunk size, line end or trailer section "
            f"after {self.body_bytes} bytes"
        )

    def _expected(self) -> str:
        if self.framing == "content-length":
            return f"after {self.body_bytes} of {self._length} bytes"
        return f"after {self.body_bytes} bytes without a last chunk"

    def field(self, name: str) -> str | None:
        """Return the first field of that name in the final head."""
        return self._head.get(name) if self._head is not None else None

    def _take(self, event: object, mark: Mark) -> None:
        kind = type(event)
        if kind is h11.Data:
            self._data(event.data, mark)  # type: ignore[attr-defined]
        elif kind is h11.EndOfMessage:
            if event.headers:  # type: ignore[attr-defined]
                self._trailer_section(fields_of(event.headers.raw_items()))  # type: ignore[attr-defined]
            self._undo()
            self.done = True
        else:
            raise ProtocolViolation("bytes after the end of the response")

    def _undo(self) -> None:
        """Undo the transfer codings of a complete body (RFC 9112 §7)."""
        codings = self.codings
        if codings:
            try:
                self._body = [undo(", ".join(codings), b"".join(self._body))]
            except ProtocolViolation as violation:
                raise ProtocolViolation(
                    f"Transfer-Encoding: {', '.join(codings)}: {violation.detail}"
                ) from None

    def _data(self, data: bytearray, mark: Mark) -> None:
        size = len(data)
        room = self.body_cap - self.body_bytes
        self.body_bytes += size
        self._around -= size
        self._body.append(data if size <= room else data[:room])
        # h11 would report the end in another event, at a tenth of the response's cost.
        self.done = self.body_bytes == self._length
        if size > room:
            self.truncated = self.done = True
        if self._on_body is not None and self._on_body(bytes(data), mark) is False:
            self.truncated = self.done = True

    def _trailer_section(self, fields: Fields) -> None:
        if len(fields) > limits.MAX_FIELDS:
            raise ProtocolViolation(f"more than {limits.MAX_FIELDS} trailer fields")
        self.trailers = fields

    def response(self) -> Response:
        """Return the response, once its head is complete."""
        head = self._head
        assert head is not None and self.first is not None  # noqa: S101, PT018 - the contract above
        body = self._body
        return Response(
            status=head.status,
            version="1.0" if head.old else "1.1",
            headers=head.fields,
            body=b"".join(body) if body else b"",
            body_bytes=self.body_bytes,
            truncated=self.truncated,
            trailers=self.trailers,
            informational=tuple(self._informational),
            reason=head.reason,
            sent=self.sent,
            first=self.first,
            last=self._last,
            head_bytes=self._head_bytes,
            raw_head=self._raw_head,
        )
