"""CONNECT: the request, and replies in pieces of any size."""

from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.model.failure import ProtocolViolation
from seventh.wire.http_connect import MAX_HEAD_BYTES, Reply, ReplyReader, request


def read(data: bytes, size: int = 1 << 20) -> tuple[Reply | None, bytes, str]:
    """Feed ``data`` in pieces; return the reply, the bytes after it, and the violation."""
    reader = ReplyReader()
    try:
        for at in range(0, len(data), size):
            reply = reader.feed(data[at : at + size])
            if reply is not None:
                return reply, reader.rest + data[at + size :], ""
    except ProtocolViolation as violation:
        return None, b"", violation.detail
    return None, b"", ""


def test_the_request() -> None:
    assert request("db.lan:22") == (
        b"CONNECT db.lan:22 HTTP/1.1\r\nHost: db.lan:22\r\nUser-Agent: seventh\r\n\r\n"
    )
    login = b64encode(b"ops:a:b")
    assert b"\r\nProxy-Authorization: Basic " + login + b"\r\n\r\n" in request(
        "h:1", (b"ops", b"a:b")
    )


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_reply_and_the_tunnel_s_bytes(size: int) -> None:
    data = (
        b"HTTP/1.1 103 Early\r\nA: b\r\n\r\nHTTP/1.0 200  Connection established \r\n"
        b"Proxy-Agent: x\x1b/1\r\nnonsense\r\n\r\nSSH-2.0-a\r\n\r\n"
    )
    reply, rest, _ = read(data, size)
    assert reply is not None
    assert (reply.status, reply.reason, reply.opens) == (200, "Connection established", True)
    assert reply.get("proxy-agent") == "x\\x1b/1"
    assert reply.get("via") == ""
    assert rest == b"SSH-2.0-a\r\n\r\n"


def test_what_is_kept_of_a_reply() -> None:
    long = b"x" * 201
    assert read(b"HTTP/1 200 %s\r\n%s : %s\n\r\n" % (long, long, long))[0] == Reply(
        status=200, reason="x" * 80 + "…", fields=(("x" * 80 + "…", "x" * 200 + "…"),)
    )


@pytest.mark.parametrize("status", [101, 199, 300, 407, 502, 999])
def test_what_opens_no_tunnel(status: int) -> None:
    reply, _, _ = read(b"HTTP/1.1 %d\n\n" % status)
    if status == 199:
        assert reply is None, "interim"
    else:
        assert reply is not None
        assert (reply.opens, reply.line) == (False, str(status))


@pytest.mark.parametrize("size", [1, 1 << 20])
@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"SSH-2.0-x\r\n", "is not HTTP"),
        (b"HTTQ", "is not HTTP"),
        (b"HTTP/1.1 OK\r\n\r\n", "has a malformed status line"),
        (b"HTTP/1.1 20\r\n\r\n", "has a malformed status line"),
        (
            b"HTTP/1.1 200 OK\r\nA: " + b"a" * MAX_HEAD_BYTES,
            "has a head of more than 16384 bytes",
        ),
        (b"HTTP/1.1 100 C\r\n\r\n" * 1000, "has a head of more than 16384 bytes"),
    ],
)
def test_what_is_no_reply(data: bytes, words: str, size: int) -> None:
    assert read(data, size)[2] == f"the reply to CONNECT {words}"


_LINES = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 100 C\r\n",
        b"HTTP/1.1 407 No\n",
        b"\r\n",
        b"\n",
        b"A: b\r\n",
        b"x",
    ]
)
_DATA = st.one_of(st.binary(max_size=64), st.lists(_LINES, max_size=8).map(b"".join))


@given(_DATA, st.integers(1, 9))
def test_any_bytes_in_any_pieces(data: bytes, size: int) -> None:
    assert read(data) == read(data, size)


@given(st.integers(-40, 40))
def test_the_limit_holds_in_any_pieces(more: int) -> None:
    head = b"HTTP/1.1 200 OK\r\nA: "
    data = head + b"a" * (MAX_HEAD_BYTES - len(head) - 4 + more) + b"\r\n\r\nrest"
    assert (read(data)[0] is None) == (more > 0)
    assert read(data) == read(data, 1000)
