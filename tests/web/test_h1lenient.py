"""Heads of HTTP/1.1 that curl and browsers accept are read, and what is odd about them is noted."""

from __future__ import annotations

import gzip

import pytest

from seventh.model.failure import Failed, ProtocolViolation
from seventh.model.phase import Mark
from seventh.web import limits
from seventh.web.h1lenient import Deviation, read_head
from seventh.web.h1wire import Exchange
from seventh.web.message import Response
from tests.web.test_h1wire import exchange

pytestmark = pytest.mark.field
AT = Mark(1, "kernel")


def head(*lines: bytes, first: bytes = b"HTTP/1.1 200 OK") -> bytes:
    return b"\r\n".join((first, *lines, b"", b""))


@pytest.mark.parametrize(
    ("raw", "odd"),
    [
        (head(b"Server: a"), set()),
        (head(b"Server : a"), {Deviation.SPACE_BEFORE_COLON}),
        (head(b"X(Y): a"), {Deviation.FIELD_NAME}),
        (head(b"B\xfcro: a"), {Deviation.FIELD_NAME}),
        (head(b"X-A: a\x01b"), {Deviation.CONTROL}),
        (head(b"X-A: a\rb"), {Deviation.CONTROL}),
        (head(b"X-A: a", b"\tb"), {Deviation.FOLDED}),
        (head(b"no colon here"), {Deviation.NO_COLON}),
        (head(b": no name"), {Deviation.NO_COLON}),
        (head(first=b"http/1.1 200 OK"), {Deviation.STATUS_LINE}),
        (head(first=b"HTTP/1.1  200  OK"), {Deviation.STATUS_LINE}),
        (head(first=b"HTTP/1 200 OK"), {Deviation.STATUS_LINE}),
        (head(first=b"HTTP/1.1 200"), set()),
        (head(first=b"HTTP/1.1 200 "), set()),
        (head(first=b"HTTP/1.0 200 OK"), set()),
        (head(b"Server: a").replace(b"\r\n", b"\n"), {Deviation.BARE_LF}),
        (head(b"Content-Length: 3", b"content-length: 3"), {Deviation.LENGTH_TWICE}),
        (head(b"Content-Length: 3, 3"), {Deviation.LENGTH_TWICE}),
        (head(b"Content-Length: 3", b"Transfer-Encoding: chunked"), {Deviation.LENGTH_AND_CHUNKED}),
        (head(b"Transfer-Encoding: identity", b"Content-Length: 3"), {Deviation.IDENTITY}),
        (head(b"Transfer-Encoding: gzip, chunked"), {Deviation.TRANSFER_CODING}),
        (head(b"Transfer-Encoding: Chunked"), set()),
    ],
)
def test_what_is_read_and_noted(raw: bytes, odd: set[Deviation]) -> None:
    found = read_head(raw)
    assert (found.status, found.deviations) == (200, odd)


CHUNKED_LAST = "Transfer-Encoding names chunked twice, or not as the last"


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (head(b"X-A: a\0b"), r"a header field contains a NUL byte: 'X-A: a\x00b'"),
        (
            head(b"Content-Length: 3", b"Content-Length: 4"),
            "the response has different lengths: Content-Length 3 and 4",
        ),
        (head(b"Content-Length: -3"), "Content-Length is not a number: '-3'"),
        (head(b"Transfer-Encoding: cake, chunked"), "unknown transfer coding 'cake'"),
        (head(b"Transfer-Encoding: chunked, chunked"), CHUNKED_LAST),
        (head(b"Transfer-Encoding: chunked, gzip"), CHUNKED_LAST),
        (head(first=b"HTTP/1.1 099 X"), "the status line is malformed: 'HTTP/1.1 099 X'"),
        (head(first=b"HTTP/1.1 OK"), "the status line is malformed: 'HTTP/1.1 OK'"),
    ],
)
def test_what_no_client_accepts_is_said_in_our_words(raw: bytes, said: str) -> None:
    with pytest.raises(ProtocolViolation) as caught:
        read_head(raw)
    assert caught.value.detail == said


@pytest.mark.parametrize(
    ("lines", "first", "persists"),
    [
        ((), b"HTTP/1.1 200 OK", True),
        ((b"Connection: close",), b"HTTP/1.1 200 OK", False),
        ((b"Connection: x-close-soon",), b"HTTP/1.1 200 OK", True),
        ((b"Connection: foo", b"Connection: bar, CLOSE"), b"HTTP/1.1 200 OK", False),
        ((), b"HTTP/1.0 200 OK", False),
        ((b"Connection: Keep-Alive",), b"HTTP/1.0 200 OK", True),
        ((b"Connection: keep-alive, close",), b"HTTP/1.0 200 OK", False),
    ],
)
def test_whether_the_connection_stays(
    lines: tuple[bytes, ...], first: bytes, persists: bool
) -> None:
    assert read_head(head(*lines, first=first)).persists is persists


def answer(raw: bytes) -> tuple[Response, Exchange]:
    taking, _ = exchange()
    taking.receive(raw, AT)
    assert taking.done
    return taking.response(), taking


def test_a_transfer_coding_is_undone() -> None:
    packed = gzip.compress(b"some words " * 40)
    raw = head(b"Transfer-Encoding: gzip, chunked") + b"%x\r\n%s\r\n0\r\n\r\n" % (
        len(packed), packed,
    )  # fmt: skip
    response, taking = answer(raw)
    assert response.body == b"some words " * 40
    assert taking.codings == ("gzip",)


def test_heads_as_large_as_curl_takes() -> None:
    large = head(b"X-Large: " + b"a" * 290_000, b"Content-Length: 0")
    assert answer(large)[0].head_bytes == len(large)
    many = head(*(b"X-%d: v" % n for n in range(4000)), b"Content-Length: 0")
    assert len(answer(many)[0].headers) == 4001
    with pytest.raises(ProtocolViolation) as caught:
        answer(head(b"X-Large: " + b"a" * limits.MAX_H1_HEAD_BYTES, b"Content-Length: 0"))
    assert caught.value.detail == (
        "the response's head is longer than 307200 bytes, 1xx responses included"
    )


def test_many_interim_responses() -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" * 40
    response, _ = answer(hints + head(b"Content-Length: 2") + b"ok")
    assert (response.status, len(response.informational)) == (200, 40)


def test_one_empty_line_before_the_status_line() -> None:
    response, taking = answer(b"\r\n" + head(b"Content-Length: 2") + b"ok")
    assert (response.body, taking.deviations) == (b"ok", {Deviation.BLANK_LINE_FIRST})


def test_a_switch_that_was_not_asked_for() -> None:
    taking, _ = exchange()
    with pytest.raises(
        ProtocolViolation,
        match=r"^protocol-violation: 101 Switching Protocols without a request for an upgrade$",
    ):
        taking.receive(head(b"Upgrade: h2c", first=b"HTTP/1.1 101 Switching Protocols"), AT)


def test_no_words_of_a_library() -> None:
    taking, _ = exchange()
    with pytest.raises(Failed) as caught:
        taking.receive(head(b"Transfer-Encoding: chunked") + b"zz\r\nx", AT)
    assert "the chunked content is malformed" in caught.value.detail
