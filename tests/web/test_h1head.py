"""Heads of requests, byte by byte, and their effect on the connection (RFC 9112 §3)."""

from __future__ import annotations

import pytest

from seventh.model.failure import Failed, Reason
from seventh.web.h1head import head_of
from seventh.web.message import Request


@pytest.mark.parametrize(
    ("request_", "data"),
    [
        (Request(authority="a.test"), b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"),
        (
            Request(authority="a.test", path="/x?y", headers=(("X-A", "\u00fc"), ("host", "b"))),
            b"GET /x?y HTTP/1.1\r\nhost: b\r\nX-A: \xfc\r\n\r\n",
        ),
        (
            Request(authority="a.test", method="POST"),
            b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n\r\n",
        ),
        (
            Request(authority="a.test", method="PUT"),
            b"PUT / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n\r\n",
        ),
        (
            Request(authority="a.test", method="PUT", body=b"abc"),
            b"PUT / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\n",
        ),
        (
            Request(authority="a.test", method="PATCH"),
            b"PATCH / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n\r\n",
        ),
        (
            Request(authority="a.test", method="DELETE", body=b"x"),
            b"DELETE / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1\r\n\r\n",
        ),
        (
            Request(authority="a.test", method="POST", headers=(("Content-Length", "7"),)),
            b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 7\r\n\r\n",
        ),
        (
            Request(authority="a.test", method="POST", headers=(("Transfer-Encoding", "chunked"),)),
            b"POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n",
        ),
    ],
)
def test_the_bytes_of_a_head(request_: Request, data: bytes) -> None:
    head = head_of(request_)
    assert (head.data, head.closes, head.stays) == (data, False, True)
    assert head_of(request_) is head, "made once"


@pytest.mark.parametrize(
    ("request_", "target", "fields"),
    [
        (Request(authority="a:1", method="CONNECT"), b"a:1", {b"host": b"a:1"}),
        (
            Request(authority="a", path="/w", protocol="websocket"),
            b"/w",
            {b"host": b"a", b"connection": b"Upgrade", b"upgrade": b"websocket"},
        ),
        (
            Request(authority="a", method="CONNECT", path="/w", protocol="websocket"),
            b"/w",
            {b"host": b"a", b"connection": b"Upgrade", b"upgrade": b"websocket"},
        ),
        (
            Request(authority="a", path="/w", protocol="p", headers=(("Upgrade", "x"),)),
            b"/w",
            {b"host": b"a", b"upgrade": b"x"},
        ),
        (
            Request(authority="a", headers=(("UPGRADE", "h2c"),)),
            b"/",
            {b"host": b"a", b"upgrade": b"h2c"},
        ),
    ],
)
def test_what_leaves_http_is_written_by_h11(
    request_: Request, target: bytes, fields: dict[bytes, bytes]
) -> None:
    head = head_of(request_)
    assert head_of(request_) is not head or request_.protocol is None, "a key is new each time"
    assert (head.data, head.stays, head.closes) == (b"", False, False)
    assert (head.event.target, dict(head.event.headers)) == (target, fields)


@pytest.mark.parametrize(
    ("field", "closes"),
    [(("Connection", "close"), True), (("CONNECTION", "x, Close"), True),
     (("Connection", "keep-alive"), False), (("X-Connection", "close"), False)],
)  # fmt: skip
def test_whether_the_connection_ends(field: tuple[str, str], closes: bool) -> None:
    assert head_of(Request(authority="a", headers=(field,))).closes is closes


@pytest.mark.parametrize(
    "request_",
    [Request(authority="a", path="/\u00fc"), Request(authority="a", path="/ x"),
     Request(authority="a", headers=(("X", "\u0100"),)), Request(authority="a", method="\u00fc")],
)  # fmt: skip
def test_what_a_request_cannot_contain(request_: Request) -> None:
    with pytest.raises(Failed) as caught:
        head_of(request_)
    assert caught.value.reason is Reason.OPTIONS_UNUSABLE
