"""HTTP/1.1 without a socket: pieces do not matter, and no bytes do harm."""

from __future__ import annotations

import h11
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from seventh.model.alert import Alert
from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.model.phase import Mark
from seventh.web import limits
from seventh.web.h1head import head_of
from seventh.web.h1lenient import Deviation
from seventh.web.h1wire import Exchange
from seventh.web.message import Request, Response, Unfinished

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
HEADS = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: 1\r\nx-a: 2\r\n\r\nhello",
    CHUNKED + b"3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nX-T: 1\r\n\r\n",
    HINTS + b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\nContent-Length: 2\nX-Folded: one\n two\n\nok",
    b"HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nrest",
)  # fmt: skip
AT = Mark(1, "kernel")


def exchange(method: str = "GET", *, cap: int = limits.BODY_CAP) -> tuple[Exchange, h11.Connection]:
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=limits.MAX_HEAD_BYTES)
    connection.send(head_of(Request(method=method, authority="a.test")).event)
    connection.send(h11.EndOfMessage())
    return Exchange(connection, Mark(0, "user"), method=method, body_cap=cap), connection


def read(*pieces: bytes, method: str = "GET") -> Response:
    taking, _ = exchange(method)
    for piece in pieces:
        if not taking.done:
            taking.receive(piece, AT)
    assert taking.done
    return taking.response()


def outcome(pieces: list[bytes]) -> object:
    """What came of it: the response, or the kind of failure."""
    taking, _ = exchange()
    try:
        for piece in pieces:
            taking.receive(piece, AT)
            if taking.done:
                return taking.response()
    except Failed as failed:
        return failed.reason, isinstance(failed, Unfinished)
    return taking.headed, taking.body_bytes


def bytewise(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]


@pytest.mark.parametrize("data", HEADS)
def test_in_one_piece_is_byte_by_byte(data: bytes) -> None:
    assert outcome([data]) == outcome(bytewise(data))


@given(st.binary(max_size=300))
@example(b"HTTP/1.1 200 OK\r\n\r\n")
def test_any_bytes_give_a_response_or_a_typed_failure(data: bytes) -> None:
    whole, bits = outcome([data, b""]), outcome([*bytewise(data), b""])
    assert whole == bits


@given(
    st.sampled_from(HEADS),
    st.lists(st.tuples(st.integers(0, 120), st.binary(max_size=4)), max_size=4),
)
def test_damaged_responses_too(data: bytes, damage: list[tuple[int, bytes]]) -> None:
    for at, junk in damage:
        data = data[:at] + junk + data[at + 1 :]
    assert outcome([data, b""]) == outcome([*bytewise(data), b""])


def test_names_are_lower_case_and_order_and_repeats_are_kept() -> None:
    response = read(HEADS[0])
    assert response.headers == (("content-length", "5"), ("x-a", "1"), ("x-a", "2"))
    assert response.every("x-a") == ("1", "2")
    assert response.get("x-a") == "1" and response.get("x-b") is None
    assert (response.body, response.body_bytes, response.truncated) == (b"hello", 5, False)


def test_the_head_is_kept_as_it_came() -> None:
    response = read(HEADS[0])
    assert response.raw_head == HEADS[0][:-5]
    assert response.head_bytes == len(HEADS[0]) - 5
    assert response.reason == "OK"


def test_chunks_extensions_and_trailers() -> None:
    response = read(HEADS[1])
    assert response.body == b"abcde"
    assert response.trailers == (("x-t", "1"),)


def test_the_final_head_begins_after_the_informational_ones() -> None:
    taking, _ = exchange()
    hints, final = HEADS[2][:60], HEADS[2][60:]
    taking.receive(hints, Mark(1, "kernel"))
    taking.receive(final, Mark(2, "kernel"))
    response = taking.response()
    assert [i.status for i in response.informational] == [103, 100]
    assert response.informational[0].at.ns == 1
    assert response.status == 404
    assert response.first.ns == 2


def test_what_is_odd_is_noted() -> None:
    taking, _ = exchange()
    taking.receive(HEADS[3], AT)
    assert taking.deviations == {Deviation.FOLDED, Deviation.BARE_LF}
    assert taking.response().get("x-folded") == "one two"
    taking, _ = exchange()
    taking.receive(HEADS[0], AT)
    assert not taking.deviations


def test_head_has_no_body_whatever_its_length_says() -> None:
    response = read(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", method="HEAD")
    assert response.body == b"" and response.get("content-length") == "500"


def test_the_cap_ends_it() -> None:
    taking, _ = exchange(cap=3)
    taking.receive(HEADS[0], AT)
    response = taking.response()
    assert (response.body, response.truncated, response.body_bytes) == (b"hel", True, 5)


def test_exactly_the_cap_is_whole() -> None:
    taking, _ = exchange(cap=5)
    taking.receive(HEADS[0], AT)
    assert not taking.response().truncated


@pytest.mark.parametrize(
    ("data", "reason", "detail"),
    [
        (b"SSH-2.0-OpenSSH_9.9\r\n", Reason.PROTOCOL_MISMATCH, "the peer uses SSH, not HTTP/1.1"),
        (bytes.fromhex("000000040000000000"), Reason.PROTOCOL_MISMATCH,
         "the peer uses HTTP/2, not HTTP/1.1"),
        (b"\x15\x03\x01\x00\x02\x02\x46", Reason.PROTOCOL_MISMATCH,
         "the peer uses TLS, not HTTP/1.1"),
        (b"\x15\x03\x01\x00\x02\x02", Reason.PROTOCOL_MISMATCH,
         "the peer uses TLS, not HTTP/1.1"),
        (b"x" * 41, Reason.PROTOCOL_MISMATCH,
         f"the answer is not an HTTP/1 response: it begins with '{'x' * 40}'"),
        (b"\n\n", Reason.PROTOCOL_MISMATCH,
         r"the answer is not an HTTP/1 response: it begins with '\x0a\x0a'"),
        (b"HTTP/1.1 twohundred\r\n\r\n", Reason.PROTOCOL_VIOLATION,
         "the status line is malformed: 'HTTP/1.1 twohundred'"),
        (b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n", Reason.PROTOCOL_VIOLATION,
         r"a header field contains a NUL byte: 'X: a\x00b'"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", Reason.PROTOCOL_VIOLATION,
         "101 Switching Protocols without a request for an upgrade"),
        (b"HTTP/1.1 100 C\r\n\r\nx", Reason.PROTOCOL_VIOLATION,
         "no status line after a 1xx response"),
        (b"HTTP/1.1 100 C\r\n\r\n" * 101, Reason.PROTOCOL_VIOLATION,
         "more than 100 1xx responses before a final one"),
        (b"", Reason.PEER_CLOSED, "the peer closed the connection without a response"),
    ],
)  # fmt: skip
def test_what_is_no_answer(data: bytes, reason: Reason, detail: str) -> None:
    taking, _ = exchange()
    with pytest.raises(Failed) as caught:
        taking.receive(data, AT)
    assert (caught.value.reason, caught.value.detail) == (reason, detail)
    assert not isinstance(caught.value, Unfinished)
    assert caught.value.alert == (Alert.PROTOCOL_VERSION if data[6:] == b"\x46" else None)


@pytest.mark.parametrize(
    ("before", "detail"),
    [
        (b"HTTP/1.1 200", "in the middle of the head"),
        (b"\r", "in the middle of the head"),
        (b"HTTP/1.1 100 C\r\n\r\n", "after a 1xx response, without a final one"),
    ],
)
def test_a_connection_that_ends_early(before: bytes, detail: str) -> None:
    taking, _ = exchange()
    taking.receive(before, AT)
    with pytest.raises(Failed) as caught:
        taking.receive(b"", AT)
    assert (caught.value.reason, caught.value.detail) == (
        Reason.PEER_CLOSED, f"the peer closed the connection {detail}",
    )  # fmt: skip


def test_a_hundred_interim_responses_are_read() -> None:
    response = read(b"HTTP/1.1 100 C\r\n\r\n" * 100 + HEADS[5])
    assert ([each.status for each in response.informational], response.status) == ([100] * 100, 204)


def test_a_field_is_known_once_the_head_is() -> None:
    taking, _ = exchange()
    assert taking.field("x-a") is None
    taking.receive(HEADS[0], AT)
    assert (taking.field("x-a"), taking.field("x-b")) == ("1", None)


def test_a_body_cut_short_keeps_what_there_was() -> None:
    taking, _ = exchange()
    taking.receive(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", AT)
    with pytest.raises(Unfinished, match="4 of 9") as caught:
        taking.receive(b"", AT)
    assert caught.value.reason is Reason.PEER_CLOSED
    assert caught.value.response.body == b"half"


@pytest.mark.parametrize("piece", [b"X-Flood: y\r\n", b"X: " + b"y" * 8000 + b"\r\n", b"a"])
def test_a_head_is_bounded(piece: bytes) -> None:
    taking, _ = exchange()
    taking.receive(b"HTTP/1.1 200 OK\r\n", AT)
    with pytest.raises(ProtocolViolation) as caught:
        for _ in range(2000):
            taking.receive(piece * 200, AT)
    assert caught.value.detail == (
        "the response's head has more than 5000 header fields"
        if piece.startswith(b"X-")
        else "the response's head is longer than 307200 bytes, 1xx responses included"
    )


def test_a_whole_head_that_is_too_long_is_refused_too() -> None:
    taking, _ = exchange()
    with pytest.raises(ProtocolViolation) as caught:
        taking.receive(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 5001 + b"\r\n", AT)
    assert caught.value.detail == "the response's head has more than 5000 header fields"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_longest_head_is_read(method: str) -> None:
    fields = b"a: b\r\n" * 4999 + b"Content-Length: 0\r\n"
    assert len(read(b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n", method=method).headers) == 5000
    start, end = b"HTTP/1.1 204 N\r\nX: ", b"\r\n\r\n"
    value = b"y" * (limits.MAX_H1_HEAD_BYTES - len(start) - len(end))
    assert read(start + value + end, method=method).head_bytes == limits.MAX_H1_HEAD_BYTES
    taking, _ = exchange(method)
    with pytest.raises(ProtocolViolation) as caught:
        taking.receive(start + value + b"y" + end, AT)
    assert caught.value.detail == (
        "the response's head is longer than 307200 bytes, 1xx responses included"
    )


def test_a_large_chunk_is_no_framing() -> None:
    body = b"x" * 200_000
    assert read(CHUNKED, b"30d40\r\n" + body + b"\r\n0\r\n\r\n").body == body


def test_many_lines_of_body_are_no_long_head() -> None:
    body = b"\n" * 5000
    assert read(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + body).body == body


def test_framing_around_a_body_is_bounded() -> None:
    taking, _ = exchange()
    with pytest.raises(Unfinished, match="chunk sizes"):
        taking.receive(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", AT)
        for _ in range(50_000):
            taking.receive(b"1\r\nx\r\n" * 10, AT)


@pytest.mark.parametrize(
    "request_",
    [
        Request(authority="a.test", path="/a b"),
        Request(authority="a.test", path="/ä"),
        Request(authority="a.test", headers=(("X\r\nY", "z"),)),
        Request(authority="a.test", headers=(("X", "a\r\nY: z"),)),
        Request(authority="a.test", method="GE T"),
    ],
)
def test_what_cannot_be_sent_is_ours_to_mend(request_: Request) -> None:
    with pytest.raises(Failed) as caught:
        head_of(request_)
    assert caught.value.reason is Reason.OPTIONS_UNUSABLE


def test_what_is_added_to_a_request() -> None:
    def named(request: Request) -> dict[bytes, bytes]:
        return dict(head_of(request).event.headers)

    assert named(Request(authority="a.test")) == {b"host": b"a.test"}
    assert named(Request(authority="a.test", headers=(("Host", "b.test"),)))[b"host"] == b"b.test"
    assert named(Request(authority="a.test", method="POST"))[b"content-length"] == b"0"
    assert named(Request(authority="a.test", body=b"xy"))[b"content-length"] == b"2"
    upgrade = named(Request(authority="a.test", protocol="websocket"))
    assert upgrade[b"upgrade"] == b"websocket" and upgrade[b"connection"] == b"Upgrade"
    assert head_of(Request(authority="a.test:443", method="CONNECT")).event.target == b"a.test:443"
