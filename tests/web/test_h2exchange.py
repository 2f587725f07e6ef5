"""The state of one HTTP/2 stream, and the response that is made of it."""

from __future__ import annotations

import pytest

from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.model.phase import Mark
from seventh.web.h2exchange import Exchange
from seventh.web.message import Informational, Response, Unfinished

SENT, FIRST, LAST = (Mark(ns, "kernel") for ns in (1, 2, 3))
GONE = Failed(Reason.PEER_RESET, "the peer reset the stream")


def begun() -> Exchange:
    exchange = Exchange(5, SENT, "POST")
    exchange.status, exchange.fields, exchange.head_bytes = 200, (("a", "b"),), 7
    exchange.first, exchange.last = FIRST, LAST
    return exchange


def response(body: bytes = b"", *, truncated: bool = False, taken: int = 0) -> Response:
    return Response(
        status=200, version="2", headers=(("a", "b"),), body=body, body_bytes=taken,
        truncated=truncated, trailers=(), informational=(), sent=SENT, first=FIRST, last=LAST,
        head_bytes=7,
    )  # fmt: skip


def test_nothing_is_known_of_a_new_one() -> None:
    exchange = Exchange(5, SENT)
    assert (exchange.id, exchange.method, exchange.sent, exchange.last) == (5, "GET", SENT, SENT)
    assert (exchange.first, exchange.length, exchange.failed) == (None, None, None)
    assert (exchange.received_bytes, exchange.taken_bytes, exchange.head_bytes) == (0, 0, 0)
    assert (exchange.status, exchange.fields, exchange.trailers) == (0, (), ())
    assert (list(exchange.pieces), exchange.ended, exchange.informational) == ([], False, ())


def test_a_response_has_what_arrived() -> None:
    exchange = begun()
    assert exchange.response() == response()
    exchange.taken_bytes = 9
    assert exchange.response(b"body", truncated=True) == response(b"body", truncated=True, taken=9)


def test_what_a_response_has_where_nothing_is_said() -> None:
    made = Response(status=200, version="1.1", sent=SENT, first=FIRST, last=LAST)
    assert (made.headers, made.body, made.undone, made.body_bytes) == ((), b"", None, 0)
    assert (made.truncated, made.trailers, made.informational) == (False, (), ())
    assert (made.reason, made.early, made.head_bytes, made.raw_head) == ("", False, 0, b"")


def test_a_failure_keeps_a_response_that_has_begun() -> None:
    assert Exchange(5, SENT).unfinished(GONE) is GONE
    unfinished = begun().unfinished(GONE)
    assert isinstance(unfinished, Unfinished)
    assert (unfinished.reason, unfinished.detail) == (GONE.reason, GONE.detail)
    assert unfinished.response == response()
    assert begun().unfinished(unfinished, b"other") is unfinished


def test_interim_responses_have_limits() -> None:
    exchange = Exchange(5, SENT)
    hints = Informational(status=103, headers=(), at=FIRST)
    for _ in range(100):
        exchange.inform(hints)
    with pytest.raises(ProtocolViolation) as raised:
        exchange.inform(hints)
    assert raised.value.detail == "more than 100 1xx responses before a final one"
    assert exchange.informational == (hints,) * 100
    with pytest.raises(ProtocolViolation) as raised:
        Exchange(5, SENT).inform(Informational(status=101, headers=(), at=FIRST))
    assert raised.value.detail == "status 101, which HTTP/2 does not allow (RFC 9113 §8.6)"
    exchange = Exchange(5, SENT)
    exchange.inform(Informational(status=100, headers=(), at=FIRST))
    assert [each.status for each in exchange.informational] == [100]
