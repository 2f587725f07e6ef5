"""One HTTP/3 exchange, event by event: its head, its body, its tunnel, and their limits."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.model.phase import Mark
from seventh.web import limits
from seventh.web.fields import RawFields, request_fields, response_fields
from seventh.web.h3exchange import Exchange
from seventh.web.message import OnBody, Request, Unfinished

SENT, AT, LATER = Mark(1, "user"), Mark(2, "kernel"), Mark(3, "kernel")
OK: RawFields = [(b":status", b"200"), (b"x", b"y")]


def exchange(body_cap: int = 8, on_body: OnBody | None = None, method: str = "GET") -> Exchange:
    return Exchange(0, method, SENT, body_cap, on_body)


def answered(*pieces: bytes, body_cap: int = 8, on_body: OnBody | None = None) -> Exchange:
    """An exchange whose head and ``pieces`` have arrived, and not its end."""
    found = exchange(body_cap, on_body)
    found.arrived(AT)
    found.headers(OK, AT, ended=False)
    for piece in pieces:
        found.data(piece, AT, ended=False)
    return found


def test_a_response_in_pieces() -> None:
    found = answered(b"ab", b"cd")
    assert found.flowing and not found.done
    found.arrived(LATER)
    found.headers([(b"sum", b"4")], LATER, ended=True)
    assert found.done and found.ended and not found.flowing
    response = found.response()
    assert (response.status, response.headers, response.trailers) == (
        200, (("x", "y"),), (("sum", "4"),),
    )  # fmt: skip
    assert (response.body, response.body_bytes, response.truncated) == (b"abcd", 4, False)
    assert (response.sent, response.first, response.last) == (SENT, AT, LATER)


def test_a_body_ends_at_its_cap() -> None:
    whole = answered(b"x" * 8)
    assert not whole.done and not whole.response().truncated
    over = answered(b"x" * 8, b"y", b"z")
    assert over.done and over.response().truncated
    assert (over.response().body, over.response().body_bytes) == (b"x" * 8, 9)
    last = answered()
    last.data(b"x" * 9, AT, ended=True)
    assert last.ended and last.response().truncated


def test_a_listener_ends_a_body() -> None:
    pieces: list[bytes] = []

    def listen(piece: bytes, _: Mark) -> bool | None:
        pieces.append(piece)
        return False if piece == b"b" else None

    found = answered(b"a", b"b", b"c", on_body=listen)
    assert pieces == [b"a", b"b"]
    assert found.done and found.response().truncated


def test_an_event_stream_ends_at_its_head_without_a_listener() -> None:
    stream: RawFields = [*OK, (b"content-type", b"text/event-stream")]
    alone, listening = exchange(), exchange(on_body=lambda *_: None)
    for each in (alone, listening):
        each.headers(stream, AT, ended=False)
    assert alone.done and not listening.done


def test_interim_responses_are_limited() -> None:
    found = exchange()
    for _ in range(limits.MAX_INFORMATIONAL):
        found.arrived(AT)
        found.headers([(b":status", b"103")], AT, ended=False)
    assert found.first is None and found.status == 0
    with pytest.raises(
        ProtocolViolation,
        match=r"^protocol-violation: more than 100 1xx responses before a final one$",
    ):
        found.headers([(b":status", b"103")], AT, ended=False)
    found.arrived(LATER)
    found.headers(OK, LATER, ended=True)
    assert len(found.response().informational) == limits.MAX_INFORMATIONAL
    assert found.response().first == LATER


def test_a_tunnel_keeps_only_so_much() -> None:
    found = answered()
    found.tunnel = True
    half = bytes(limits.MAX_WAITING // 2)
    found.data(half, AT, ended=False)
    found.data(half, LATER, ended=False)
    assert found.taken() == (half, AT)
    found.data(half, AT, ended=False)
    found.data(b"", AT, ended=False)
    assert len(found.waiting) == 2
    with pytest.raises(
        ProtocolViolation, match=r"^protocol-violation: more than 1048576 unread bytes in a tunnel$"
    ):
        found.data(b"x", AT, ended=False)
    assert found.body_bytes == 0


def test_a_tunnel_may_end_with_another_length() -> None:
    found = exchange(method="CONNECT")
    found.headers([*OK, (b"content-length", b"9")], AT, ended=False)
    found.tunnel = True
    found.data(b"", AT, ended=True)
    assert found.ended


@pytest.mark.parametrize(("method", "fails"), [("GET", True), ("HEAD", False)])
def test_a_length_must_be_kept(method: str, fails: bool) -> None:
    found = exchange(method=method)
    found.headers([*OK, (b"content-length", b"9")], AT, ended=False)
    if fails:
        with pytest.raises(
            ProtocolViolation,
            match=r"^protocol-violation: content-length is 9, but 0 bytes were received$",
        ):
            found.data(b"", AT, ended=True)
    else:
        found.data(b"", AT, ended=True)
    assert found.ended is not fails


def test_an_end_without_a_response() -> None:
    with pytest.raises(
        ProtocolViolation,
        match=r"^protocol-violation: the server closed the request's stream without a response$",
    ):
        exchange().data(b"", AT, ended=True)


def test_a_failure_keeps_the_response_once_its_head_has_arrived() -> None:
    failed = Failed(Reason.PEER_RESET, "gone")
    assert exchange().unfinished(failed) is failed
    kept = answered(b"half").unfinished(failed)
    assert isinstance(kept, Unfinished)
    assert (kept.reason, kept.response.body) == (Reason.PEER_RESET, b"half")


def test_the_limits_of_a_field_section() -> None:
    most = (limits.MAX_HEAD_BYTES // 2) - 33
    assert len(response_fields([(b"n", b"v" * most)] * 2)[1]) == 2
    with pytest.raises(
        ProtocolViolation,
        match=r"^protocol-violation: a header list of 65537 bytes; the limit is 65536$",
    ):
        response_fields([(b"n", b"v" * most), (b"n", b"v" * (most + 1))])
    assert len(response_fields([(b"n", b"v")] * limits.MAX_FIELDS)[1]) == limits.MAX_FIELDS
    with pytest.raises(
        ProtocolViolation, match=r"^protocol-violation: 257 header fields; the limit is 256$"
    ):
        response_fields([(b"n", b"v")] * (limits.MAX_FIELDS + 1))
    assert response_fields([(b":status", b"100")])[0] == 100
    with pytest.raises(ProtocolViolation, match=r"^protocol-violation: a :status of '099'$"):
        response_fields([(b":status", b"099")])


def test_a_request_s_fields() -> None:
    request = Request(
        method="POST", authority="h", path="/x", body=b"12",
        headers=(("Host", "other"), ("Upgrade", "x"), ("X-Y", "z")),
    )  # fmt: skip
    assert request_fields(request) == [
        (b":method", b"POST"), (b":scheme", b"https"), (b":path", b"/x"),
        (b":authority", b"other"), (b"x-y", b"z"), (b"content-length", b"2"),
    ]  # fmt: skip
    connect = Request(method="CONNECT", authority="h", path="/x")
    assert request_fields(connect) == [(b":method", b"CONNECT"), (b":authority", b"h")]
    extended = request_fields(replace(connect, protocol="websocket"))
    assert extended == [
        (b":method", b"CONNECT"), (b":protocol", b"websocket"), (b":scheme", b"https"),
        (b":path", b"/x"), (b":authority", b"h"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {"path": "/a b"}, {"authority": "h\x7f"}, {"headers": (("a b", "c"),)},
        {"headers": (("a", "b\r\nc: d"),)}, {"headers": (("a", "\x7f"),)},
        {"method": "GET\t"}, {"headers": (("ä", "b"),)},
    ],
)  # fmt: skip
def test_what_a_request_cannot_contain(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of any kind, an encoding's too
        request_fields(replace(Request(authority="h"), **changes))
