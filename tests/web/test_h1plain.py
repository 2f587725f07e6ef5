"""The fast path of HTTP/1.1: what it reads, h11 reads the same."""

from __future__ import annotations

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from seventh.model.failure import Failed
from seventh.model.phase import Mark
from seventh.web import limits
from seventh.web.h1head import head_of
from seventh.web.h1plain import MAX_PLAIN_HEAD, plain_handshake, plain_response
from seventh.web.h1wire import Exchange
from seventh.web.message import Request, Response

SENT, AT = Mark(1, "user"), Mark(2, "kernel")
ORDINARY = (
    b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Type: text/html\r\nContent-Length: 5\r\n"
    b"Connection: keep-alive\r\n\r\nhello"
)


def by_h11(data: bytes, body_cap: int = limits.BODY_CAP) -> Response:
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=limits.MAX_HEAD_BYTES)
    connection.send(h11.Request(method=b"GET", target=b"/", headers=[(b"Host", b"h")]))
    connection.send(h11.EndOfMessage())
    exchange = Exchange(connection, SENT, body_cap=body_cap)
    exchange.receive(data, AT)
    assert exchange.done
    assert not connection.trailing_data[0]
    assert (exchange.framing, exchange.deviations) == ("content-length", frozenset())
    return exchange.response()


def plainly(data: bytes, body_cap: int = limits.BODY_CAP) -> Response | None:
    found = plain_response(data, SENT, AT, body_cap)
    if found is None:
        return None
    assert found[1] == b""
    return found[0]


def test_an_ordinary_answer_is_read_at_once() -> None:
    assert plainly(ORDINARY) == by_h11(ORDINARY)


@pytest.mark.parametrize(
    "data",
    [
        ORDINARY[:-1],
        ORDINARY + b"!",
        ORDINARY[:40],
        b"",
        ORDINARY.replace(b"1.1", b"1.0"),
        ORDINARY.replace(b"200", b"204"),
        ORDINARY.replace(b"200", b"304"),
        ORDINARY.replace(b"200", b"103"),
        ORDINARY.replace(b"200", b"101"),
        ORDINARY.replace(b"Length: 5", b"Length: 0000000005"),
        ORDINARY.replace(b"OK", b"x" * (limits.MAX_REASON + 1)),
        ORDINARY.replace(b"\r\n", b"\n"),
        ORDINARY.replace(b"x\r\n", b"x\r\n y\r\n"),
        ORDINARY.replace(b"Server: x", b"Server : x"),
        ORDINARY.replace(b"Server: x", b"Server: \xe9"),
        ORDINARY.replace(b"Server: x", b"Server: \x00"),
        ORDINARY.replace(b"Server: x", b"Content-Length: 5"),
        ORDINARY.replace(b"Server: x", b"Content-Length: 6"),
        ORDINARY.replace(b"Length: 5", b"Length: +5"),
        ORDINARY.replace(b"Length: 5", b"Length: 5, 5"),
        ORDINARY.replace(b"Server: x", b"Transfer-Encoding: chunked"),
        ORDINARY.replace(b"text/html", b"text/event-stream"),
        ORDINARY.replace(b"Server: x", b"Server: " + b"x" * MAX_PLAIN_HEAD),
        ORDINARY.replace(b"Server: x", b"\r\n".join([b"a: b"] * (limits.MAX_FIELDS + 1))),
    ],
    ids=range(24),
)
def test_what_is_not_plain_is_left_to_h11(data: bytes) -> None:
    assert plainly(data) is None


@pytest.mark.parametrize(
    "data",
    [
        ORDINARY.replace(b"Length: 5", b"Length: 000000005"),
        ORDINARY.replace(b"OK", b"x" * limits.MAX_REASON),
        ORDINARY.replace(b"Server: x", b"\r\n".join([b"a: b"] * (limits.MAX_FIELDS - 3))),
        ORDINARY.replace(b"Server: x", b"\r\n".join([b"a: b"] * (limits.MAX_FIELDS - 4))),
    ],
    ids=range(4),
)
def test_the_most_that_is_plain(data: bytes) -> None:
    response = plainly(data)
    assert response is not None
    assert response == by_h11(data)


def test_a_body_beyond_the_cap_is_left_to_h11() -> None:
    assert plainly(ORDINARY, body_cap=4) is None
    assert plainly(ORDINARY, body_cap=5) is not None


def test_the_most_that_is_a_plain_switch() -> None:
    most = SWITCH.replace(b"Switching Protocols", b"x" * limits.MAX_REASON)
    most = most.replace(b"Upgrade: w", b"a: b\r\n" * (limits.MAX_FIELDS - 3) + b"Upgrade: w")
    assert switch(most) == switch_by_h11(most)


NAMES = st.sampled_from([b"Server", b"x-a", b"Keep-Alive", b"ETag", b"Connection", b"a!#$"])
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30).map(str.encode)
BLANKS = st.sampled_from([b"", b" ", b"\t ", b"  "])
FIELDS = st.lists(st.tuples(NAMES, BLANKS, VALUES, BLANKS), max_size=8)


@given(
    st.sampled_from([b"200", b"201", b"404", b"503", b"599"]),
    st.sampled_from([b"", b"OK", b"Not Found at all"]),
    FIELDS,
    st.binary(max_size=40),
)
def test_whatever_it_reads_h11_reads_the_same(
    status: bytes, reason: bytes, fields: list[tuple[bytes, bytes, bytes, bytes]], body: bytes
) -> None:
    lines = [name + b":" + before + value + after for name, before, value, after in fields]
    lines.append(b"Content-Length: %d" % len(body))
    data = b"HTTP/1.1 %s %s\r\n%s\r\n\r\n%s" % (status, reason, b"\r\n".join(lines), body)
    response = plainly(data)
    assert response is not None
    assert response == by_h11(data)


@given(
    st.lists(
        st.tuples(st.integers(0, len(ORDINARY) - 1), st.integers(0, 255)), min_size=1, max_size=4
    )
)
def test_of_damaged_answers_it_reads_none_that_h11_refuses(damage: list[tuple[int, int]]) -> None:
    data = bytearray(ORDINARY)
    for place, byte in damage:
        data[place] = byte
    response = plainly(bytes(data))
    if response is not None:
        try:
            other = by_h11(bytes(data))
        except Failed as failed:
            raise AssertionError(f"h11 refuses {bytes(data)!r}: {failed}") from None
        assert replace(response, body=b"") == replace(other, body=b"")
        assert response.body == other.body


# -- the 101 of a handshake -----------------------------------------------------------------------

SWITCH = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)
HANDSHAKE = Request(
    authority="h",
    protocol="websocket",
    headers=(("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), ("X-Key", "mine")),
)


def switch(data: bytes) -> tuple[Response, bytes] | None:
    return plain_response(data, SENT, AT, 0, switching=True)


def switch_by_h11(data: bytes) -> tuple[Response, bytes]:
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=limits.MAX_HEAD_BYTES)
    connection.send(head_of(HANDSHAKE).event)
    exchange = Exchange(connection, SENT)
    exchange.receive(data, AT)
    assert exchange.switched
    return exchange.response(), connection.trailing_data[0]


@pytest.mark.parametrize("rest", [b"", b"\x81\x02hi", b"\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_an_ordinary_switch_is_read_at_once(rest: bytes) -> None:
    assert switch(SWITCH + rest) == switch_by_h11(SWITCH + rest)


@pytest.mark.parametrize(
    "data",
    [
        SWITCH[:-1],
        b"HTTP/1.1 100 Continue\r\n\r\n" + SWITCH,
        SWITCH.replace(b"1.1", b"1.0"),
        SWITCH.replace(b"101", b"200"),
        SWITCH.replace(b"101", b"103"),
        ORDINARY,
        SWITCH.replace(b"Switching Protocols", b"x" * (limits.MAX_REASON + 1)),
        SWITCH.replace(b"Upgrade: w", b"a: b\r\n" * (limits.MAX_FIELDS - 2) + b"Upgrade: w"),
        SWITCH.replace(b"\r\n", b"\n"),
        SWITCH.replace(b"websocket\r\n", b"websocket\r\n more\r\n"),
        SWITCH.replace(b"Upgrade: w", b"Upgrade : w"),
        SWITCH.replace(b"Upgrade: w", b"Upgrade: \xe9"),
        SWITCH.replace(b"Upgrade: w", b"Content-Length: 0\r\nUpgrade: w"),
        SWITCH.replace(b"Upgrade: w", b"Transfer-Encoding: chunked\r\nUpgrade: w"),
        SWITCH.replace(b"Upgrade: w", b"X: " + b"x" * MAX_PLAIN_HEAD + b"\r\nUpgrade: w"),
    ],
    ids=range(15),
)
def test_what_is_no_plain_switch_is_left_to_h11(data: bytes) -> None:
    assert switch(data) is None


@given(
    st.lists(st.tuples(NAMES, st.text('ab ,;=\t"', max_size=12).map(str.encode)), max_size=6),
    st.binary(max_size=20),
)
def test_any_plain_switch_is_read_as_h11_reads_it(
    fields: list[tuple[bytes, bytes]], rest: bytes
) -> None:
    lines = b"".join(name + b": " + value + b"\r\n" for name, value in fields)
    data = SWITCH[:-2] + lines + b"\r\n" + rest
    read = switch(data)
    assert read is None or read == switch_by_h11(data)


def test_a_handshake_goes_as_h11_writes_it() -> None:
    written = h11.Connection(h11.CLIENT).send(head_of(HANDSHAKE).event)
    assert plain_handshake(HANDSHAKE) == written
    other = replace(HANDSHAKE, headers=(("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="),))
    assert b"dGhlIHNhbXBsZSBub25jZQ" not in (plain_handshake(other) or b"")
    assert b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n" in (plain_handshake(other) or b"")


@pytest.mark.parametrize(
    "changes",
    [
        {"protocol": None},
        {"headers": ()},
        {"headers": (("Sec-WebSocket-Key", "short"),)},
        {"headers": (("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==\r\nX: y"),)},
        {"method": "CONNECT"},
        {"body": b"x"},
    ],
)
def test_what_is_no_plain_handshake_goes_through_h11(changes: dict[str, object]) -> None:
    assert plain_handshake(replace(HANDSHAKE, **changes)) is None


def test_a_handshake_that_cannot_be_sent_is_refused_here_too() -> None:
    spoiled = replace(HANDSHAKE, headers=(*HANDSHAKE.headers, ("X", "a\nb")))
    with pytest.raises(Failed):
        plain_handshake(spoiled)
