"""One HTTP/1.1 exchange, sans-IO (RFC 9112): bytes and their arrival in, a response out.

h11 has the grammar. Beside it stands what it hides: the head as it came, what is odd in it, how the
body is framed, and caps on what h11 leaves unbounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

import h11

from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.model.phase import Mark
from seventh.web import limits
from seventh.web.message import (
    Fields,
    Informational,
    OnBody,
    Response,
    Unfinished,
    is_endless,
)
from seventh.wire.identify import identify
from seventh.wire.text import printable

Framing = Literal["none", "content-length", "chunked", "close"]
"""What ends a body: there is none, its length, its last chunk, or the end of the connection."""
KEPT_HEAD = 8192
"""How much of a head is kept as evidence."""
_BLANK_LINE = re.compile(rb"\n\r?\n")
_LITERAL = re.compile(r"bytearray\(b(['\"])(.*?)\1\)", re.DOTALL)
"""How h11 quotes bytes, which is nobody's language but Python's."""
_HTTP = b"HTTP/"


def fields_of(raw: Iterable[tuple[bytes, bytes]]) -> Fields:
    """Header fields as text, names in lower case."""
    return tuple([(name.lower().decode("ascii"), value.decode("latin-1")) for name, value in raw])


class Exchange:
    """Takes the bytes of one response; the request has gone through ``connection`` already.

    :meth:`receive` raises Failed: protocol-mismatch for a peer that speaks something else,
    ProtocolViolation, peer-closed; as :class:`Unfinished` once the head has come.
    """

    __slots__ = (
        "_around", "_body", "_connection", "_fields", "_head", "_head_bytes", "_informational",
        "_is_head", "_last", "_length", "_lines", "_on_body", "_raw", "_raw_head", "bare_lf",
        "body_bytes", "body_cap", "done", "first", "folded", "framing", "sent", "switched",
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
        self._is_head = method == "HEAD"
        self._on_body = on_body
        self._raw = b""
        """What came since the last complete head."""
        self._lines = 0
        self._head: h11.Response | h11.InformationalResponse | None = None
        self._fields: Fields = ()
        self._head_bytes = 0
        self._raw_head = b""
        self._informational: list[Informational] = []
        self._body: list[bytearray] = []
        self._around = 0
        """Bytes after the head that were not body."""
        self._length = -1
        """The body's length where the head says it."""
        self._last = sent
        self.sent = sent
        self.first: Mark | None = None
        self.body_cap = body_cap
        self.body_bytes = 0
        self.trailers: Fields = ()
        self.truncated = False
        self.framing: Framing = "none"
        self.folded = False
        """Whether a field of the head was folded over two lines (RFC 9112 §5.2)."""
        self.bare_lf = False
        """Whether a line of the head ended with LF alone (RFC 9112 §2.2)."""
        self.unsent = False
        """Whether the request's body was held back, for the server answered before it."""
        self.done = False
        self.switched = False
        """Whether the connection has left HTTP: after a 101, or a 2xx to CONNECT."""

    @property
    def heard(self) -> bool:
        """Whether any byte has come."""
        return self.first is not None or bool(self._informational)

    @property
    def continued(self) -> bool:
        """Whether the server has asked for the body with a 100."""
        return any(i.status == 100 for i in self._informational)

    @property
    def headed(self) -> bool:
        """Whether the final response's head has come."""
        return self._head is not None

    @property
    def closes(self) -> bool:
        """Whether the response ends the connection (RFC 9112 §9.3)."""
        if self._head is None or self._head.http_version < b"1.1" or self.framing == "close":
            return True
        return any(n == "connection" and "close" in v.lower() for n, v in self._fields)

    def receive(self, data: bytes, mark: Mark) -> None:
        """Take the next bytes; ``b""`` when the peer has closed."""
        try:
            self._receive(data, mark)
        except Failed as failed:
            raise self.unfinished(failed) from None

    def unfinished(self, failed: Failed) -> Failed:
        """``failed``, with what there is of the response where its head has come."""
        if self._head is None or isinstance(failed, Unfinished):
            return failed
        return Unfinished(failed, self.response())

    def _receive(self, data: bytes, mark: Mark) -> None:
        if self._head is None:
            self._judge(data, mark)
        else:
            self._around += len(data)
        self._last = mark
        connection = self._connection
        connection.receive_data(data)
        try:
            while not self.done:
                event = connection.next_event()
                if event is h11.NEED_DATA:
                    break
                self._take(event, mark)
        except h11.RemoteProtocolError as error:
            raise self._wrong(str(error), closed=not data) from None
        if self._around > limits.MAX_CHUNK_FRAMING:
            self._check_framing()

    def _judge(self, data: bytes, mark: Mark) -> None:
        """Look at bytes of a head before h11 reads them, whether they are HTTP, and bounded."""
        if self.first is None and data:
            self.first = mark
        self._raw = raw = self._raw + data if self._raw else data
        if not raw:
            raise Failed(
                Reason.PEER_CLOSED,
                "the peer closed the connection after a 1xx response, without a final one"
                if self._informational
                else "the peer closed the connection without an answer",
            )
        if raw[:5] != _HTTP[: len(raw)]:
            raise self._foreign(raw)
        self._lines += data.count(b"\n")
        if self._lines > limits.MAX_FIELDS or len(raw) > limits.MAX_HEAD_BYTES:
            self._bound(raw)

    def _check_framing(self) -> None:
        left = len(self._connection.trailing_data[0]) if self.done else 0
        if self._around - left > limits.MAX_CHUNK_FRAMING:
            raise ProtocolViolation(
                f"a body of {self.body_bytes} bytes with more than "
                f"{limits.MAX_CHUNK_FRAMING} bytes of chunk sizes, extensions and trailers"
            )

    def _bound(self, raw: bytes) -> None:
        end = _BLANK_LINE.search(raw)
        length = end.end() if end is not None else len(raw)
        if length > limits.MAX_HEAD_BYTES:
            raise ProtocolViolation(
                f"the response's head is longer than {limits.MAX_HEAD_BYTES} bytes"
            )
        if raw.count(b"\n", 0, length) > limits.MAX_FIELDS + 2:
            raise ProtocolViolation(
                f"the response's head has more than {limits.MAX_FIELDS} header fields"
            )

    @staticmethod
    def _foreign(raw: bytes) -> Failed:
        name = identify(raw)
        if name is None or name == "HTTP":
            return Failed(
                Reason.PROTOCOL_MISMATCH,
                f"the answer is no HTTP/1 response: it begins with {printable(raw[:40])!r}",
            )
        return Failed(Reason.PROTOCOL_MISMATCH, f"the peer speaks {name}, not HTTP/1.1")

    def _wrong(self, said: str, *, closed: bool) -> Failed:
        """h11's complaint as a typed failure."""
        if closed and self._head is None:
            return Failed(
                Reason.PEER_CLOSED, "the peer closed the connection in the middle of the head"
            )
        if closed:
            return Failed(
                Reason.PEER_CLOSED,
                f"the peer closed the connection in the middle of the body, {self._expected()}",
            )
        if said == "Receive buffer too long":
            where = "head" if self._head is None else "chunk's framing or trailer section"
            return ProtocolViolation(f"a {where} longer than {limits.MAX_HEAD_BYTES} bytes")
        said = _LITERAL.sub(r"\1\2\1", said)
        return ProtocolViolation(f"the response breaks HTTP/1.1's grammar: {printable(said, 200)}")

    def _expected(self) -> str:
        length = self.field("content-length")
        if self.framing == "content-length" and length:
            return f"{self.body_bytes} of {length} bytes had come"
        return f"{self.body_bytes} bytes had come and no last chunk"

    def field(self, name: str) -> str | None:
        """The first field of that name in the final head."""
        for known, value in self._fields:
            if known == name:
                return value
        return None

    # -- events ----------------------------------------------------------------------------------

    def _take(self, event: object, mark: Mark) -> None:
        kind = type(event)
        if kind is h11.Data:
            self._data(event.data, mark)  # type: ignore[attr-defined]
        elif kind is h11.Response:
            self._final(event)  # type: ignore[arg-type]
        elif kind is h11.EndOfMessage:
            if event.headers:  # type: ignore[attr-defined]
                self._trailer_section(fields_of(event.headers.raw_items()))  # type: ignore[attr-defined]
            self.done = True
        elif kind is h11.InformationalResponse:
            self._interim(event, mark)  # type: ignore[arg-type]
        elif event is h11.PAUSED and self.switched:
            self.done = True
        else:
            raise ProtocolViolation("bytes came after the response's end")

    def _cut_head(self) -> bytes:
        """The bytes of the head that has just been read; what follows it stays."""
        raw = self._raw
        left = len(self._connection.trailing_data[0])
        if not left:
            self._raw = b""
            self._lines = 0
            return raw
        end = len(raw) - left
        self._raw = raw[end:]
        self._lines = raw.count(b"\n", end)
        return raw[:end]

    def _interim(self, event: h11.InformationalResponse, mark: Mark) -> None:
        raw = self._cut_head()
        if event.status_code == 101:
            self._settle(event, raw)
            self.switched = self.done = True
            return
        if len(self._informational) >= limits.MAX_INFORMATIONAL:
            raise ProtocolViolation(
                f"more than {limits.MAX_INFORMATIONAL} responses of class 1xx before a final one"
            )
        at = self.first or mark
        self._informational.append(
            Informational(
                status=event.status_code, headers=fields_of(event.headers.raw_items()), at=at
            )
        )
        # The next head has begun with these bytes, or begins with what comes next.
        raw = self._raw
        self.first = mark if raw else None
        if raw and raw[:5] != _HTTP[: len(raw)]:
            raise ProtocolViolation("what follows a 1xx response is no status line")

    def _final(self, event: h11.Response) -> None:
        raw = self._cut_head()
        self._settle(event, raw)
        if self._connection.their_state is h11.SWITCHED_PROTOCOL:
            self.switched = self.done = True
        elif self._is_head or event.status_code in {204, 304}:
            self.done = True
        else:
            self._frame()
        self._around = len(self._raw)
        self._raw = b""

    def _settle(self, event: h11.Response | h11.InformationalResponse, raw: bytes) -> None:
        """The final head is there."""
        self._head = event
        self._fields = fields_of(event.headers.raw_items())
        self._head_bytes = len(raw)
        self._raw_head = raw if len(raw) <= KEPT_HEAD else raw[:KEPT_HEAD]
        self.folded = b"\n " in raw or b"\n\t" in raw
        self.bare_lf = raw.count(b"\n") != raw.count(b"\r\n")

    def _frame(self) -> None:
        """What ends the body (RFC 9112 §6.3). h11 has checked the fields."""
        length = None
        if self.field("transfer-encoding") is not None:
            self.framing = "chunked"
        elif (length := self.field("content-length")) is None:
            self.framing = "close"
        else:
            self.framing = "content-length"
            self._length = int(length)
            self.done = not self._length
        if length is None and self._on_body is None and is_endless(self._fields):
            self.truncated = self.done = True

    def _data(self, data: bytearray, mark: Mark) -> None:
        size = len(data)
        room = self.body_cap - self.body_bytes
        self.body_bytes += size
        self._around -= size
        self._body.append(data if size <= room else data[:room])
        # h11 would tell of the end in one event more, at a tenth of the response's cost.
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
        """What has come; call it only once the final head has."""
        head = self._head
        assert head is not None and self.first is not None  # noqa: S101, PT018 - said above
        body = self._body
        return Response(
            status=head.status_code,
            version="1.1" if head.http_version >= b"1.1" else "1.0",
            headers=self._fields,
            body=b"".join(body) if body else b"",
            body_bytes=self.body_bytes,
            truncated=self.truncated,
            trailers=self.trailers,
            informational=tuple(self._informational),
            reason=head.reason[: limits.MAX_REASON].decode("latin-1"),
            sent=self.sent,
            first=self.first,
            last=self._last,
            head_bytes=self._head_bytes,
            raw_head=self._raw_head,
        )
