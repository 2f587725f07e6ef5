"""What an exchange of HTTP/1.1 leaves behind: the stats, the socket, whether more may follow."""

from __future__ import annotations

import pytest

from seventh.model.failure import Failed, Reason
from seventh.model.phase import Mark
from seventh.net.kernel import tcp_info
from seventh.net.stopwatch import now_ns
from seventh.web.h1 import H1Connection, H1Stats, LeftOver
from seventh.web.message import Fields, Unfinished
from seventh.web.resumed import Resumed
from tests.net.scripted import Scripted, Step, reset, silent
from tests.web.support import ask

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
CLOSING = "the server closes the connection after its response"
OURS = "our request closed the connection"
UNSOLICITED = "unsolicited bytes were received"
IDLE_END = "the server closed the idle connection"
FAILED = "the last exchange failed"


def with_field(field: str, answer: bytes = OK) -> bytes:
    return answer.replace(b" OK\r\n", f" OK\r\n{field}\r\n".encode(), 1)


def left(count: int, method: str = "GET", status: int = 200) -> LeftOver:
    return LeftOver(bytes=count, method=method, status=status)


@pytest.mark.parametrize(
    ("script", "stats", "done"),
    [
        ((OK,), H1Stats(framing="content-length"), []),
        ((OK[:20], OK[20:]), H1Stats(framing="content-length"), []),
        ((CHUNKED,), H1Stats(framing="chunked"), []),
        ((with_field("Keep-Alive: timeout=5, max=9"),),
         H1Stats(framing="content-length", keep_alive_seconds=5, keep_alive_requests=9), []),
        ((with_field('Keep-Alive: Max = 1, TIMEOUT="7"', CHUNKED),),
         H1Stats(framing="chunked", keep_alive_seconds=7, keep_alive_requests=1), []),
        ((with_field("Keep-Alive: x"),), H1Stats(framing="content-length"), []),
        ((with_field("Connection: foo, Close"),),
         H1Stats(framing="content-length", spent=CLOSING), ["aclose"]),
        ((with_field("Connection: close", CHUNKED),), H1Stats(framing="chunked", spent=CLOSING),
         ["aclose"]),
        # What is there already, once the response is whole, is looked at before the close.
        ((with_field("Connection: close"), b"more"),
         H1Stats(framing="content-length", spent=CLOSING, unsolicited_bytes=4, left_over=left(4)),
         ["aclose"]),
        ((with_field("Connection: close"), b""), H1Stats(framing="content-length", spent=CLOSING),
         ["aclose"]),
        ((with_field("Connection: close", CHUNKED), b"more"),
         H1Stats(framing="chunked", spent=CLOSING), ["aclose"]),
        ((OK + b"more",),
         H1Stats(framing="content-length", spent=UNSOLICITED, unsolicited_bytes=4,
                 left_over=left(4)), ["aclose"]),
        ((OK + b"\r\nhttp/1.1 408 Late\r\n\r\n",),
         H1Stats(framing="content-length", spent=UNSOLICITED, unsolicited_bytes=23), ["aclose"]),
        ((b"HTTP/1.1 204 No Content\r\n\r\nhello",),
         H1Stats(framing="none", spent=UNSOLICITED, unsolicited_bytes=5,
                 left_over=left(5, status=204)),
         ["aclose"]),
        ((b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", b"more"),
         H1Stats(framing="none", spent=CLOSING, unsolicited_bytes=4, left_over=left(4, status=204)),
         ["aclose"]),
        ((b"HTTP/1.1 200 OK\r\n\r\nuntil", b""), H1Stats(framing="close", spent=CLOSING),
         ["aclose"]),
    ],
)  # fmt: skip
async def test_after_a_response(script: tuple[Step, ...], stats: H1Stats, done: list[str]) -> None:
    stream = Scripted(*script)
    connection = H1Connection(stream)
    assert (await connection.request(ask())).sent.ns > 0
    stats.requests = 1
    assert connection.stats == stats
    assert connection.reusable is not bool(stats.spent)
    assert connection.stats.closed_by_server is (stats.spent == CLOSING)
    assert stream.done == done


@pytest.mark.parametrize("answer", [OK, CHUNKED])
async def test_a_request_may_close_the_connection(answer: bytes) -> None:
    stream = Scripted(answer)
    connection = H1Connection(stream)
    await connection.request(ask(headers=(("Connection", "close"),)))
    assert (connection.stats.spent, stream.done) == (OURS, ["aclose"])
    stream = Scripted(with_field("Connection: close", answer))
    connection = H1Connection(stream)
    await connection.request(ask(headers=(("Connection", "close"),)))
    assert connection.stats.spent == CLOSING


@pytest.mark.parametrize(
    ("between", "spent", "unsolicited", "left_over"),
    [
        (silent(), "", 0, None),
        (b"", IDLE_END, 0, None),
        (reset(), IDLE_END, 0, None),
        (b"more", UNSOLICITED, 4, left(4, "HEAD")),
        (b"\r\nHTTP/1.1 408 Late\r\n\r\n", UNSOLICITED, 23, None),
    ],
)
async def test_between_two_requests(
    between: Step, spent: str, unsolicited: int, left_over: LeftOver | None
) -> None:
    stream = Scripted(OK.removesuffix(b"ok"), between, OK)
    connection = H1Connection(stream)
    await connection.request(ask(method="HEAD"))
    if spent:
        with pytest.raises(Failed) as raised:
            await connection.request(ask())
        assert (raised.value.reason, raised.value.detail) == (
            Reason.PEER_CLOSED, f"cannot send a request: {spent}",
        )  # fmt: skip
        assert stream.done == ["close"]
    else:
        assert (await connection.request(ask())).body == b"ok"
    stats = connection.stats
    assert (stats.spent, stats.unsolicited_bytes, stats.left_over) == (
        spent, unsolicited, left_over,
    )  # fmt: skip
    assert stats.requests == (1 if spent else 2)


@pytest.mark.parametrize(
    ("script", "reason", "status"),
    [
        ((reset(),), Reason.PEER_RESET, None),
        ((silent(),), Reason.PEER_SILENT, None),
        ((b"",), Reason.PEER_CLOSED, None),
        ((OK[:-1], reset()), Reason.PEER_RESET, 200),
        ((CHUNKED[:-9], silent()), Reason.PEER_SILENT, 200),
        ((CHUNKED[:-9], b""), Reason.PEER_CLOSED, 200),
    ],
)
async def test_an_exchange_that_fails(
    script: tuple[Step, ...], reason: Reason, status: int | None
) -> None:
    """Once the head is there, the failure has it."""
    for method in ("GET", "OPTIONS"):  # the fast path and h11
        connection = H1Connection(Scripted(*script))
        with pytest.raises(Failed) as raised:
            await connection.request(ask(method=method))
        failed = raised.value
        assert failed.reason is reason
        known = failed.response.status if isinstance(failed, Unfinished) else None
        assert (known, connection.stats.spent) == (status, FAILED)


@pytest.mark.parametrize(
    ("step", "ended", "spent", "unsolicited"),
    [
        (silent(), False, "", 0),
        (b"", True, IDLE_END, 0),
        (b"HTTP/1.1 408 Late\r\n\r\n", True, IDLE_END, 21),
        (reset(), True, IDLE_END, 0),
    ],
)
async def test_an_idle_connection(step: Step, ended: bool, spent: str, unsolicited: int) -> None:
    stream = Scripted(step)
    connection = H1Connection(stream)
    until = now_ns() + 1000
    assert (await connection.idle(until) is not None) is ended
    assert connection.stats.unsolicited_bytes == unsolicited
    assert (connection.stats.spent, stream.done, stream.until) == (
        spent,
        ["expect_silence"],
        [until],
    )


@pytest.mark.parametrize("error", [Failed(Reason.BUDGET_EXCEEDED, "too much"), silent()])
async def test_a_failure_that_is_no_end_of_an_idle_connection(error: Failed) -> None:
    """The silence that counts is the one before the check's own deadline."""
    stream = Scripted(error)
    connection = H1Connection(stream)
    with pytest.raises(Failed) as raised:
        await connection.idle(stream.budget.deadline_ns)
    assert raised.value is error
    assert connection.reusable


EXPECTING: Fields = (("Expect", "100-continue"),)
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
FINAL = b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize(
    ("script", "status", "sent", "spent"),
    [
        ((CONTINUE, OK), 200, True, ""),
        ((CONTINUE + OK,), 200, False, "the last request's body was not sent"),
        ((silent(), OK), 200, True, ""),
        ((FINAL,), 417, False, "the last request's body was not sent"),
        ((CONTINUE[:9], CONTINUE[9:], OK), 200, True, ""),
    ],
)
async def test_a_body_that_waits(
    script: tuple[Step, ...], status: int, sent: bool, spent: str
) -> None:
    stream = Scripted(*script)
    connection = H1Connection(stream)
    response = await connection.request(ask("/", "POST", EXPECTING, body=b"body"))
    assert response.status == status
    assert stream.sent[1:] == ([b"body"] if sent else [])
    assert connection.stats.spent == spent
    until = stream.until[0]
    assert until is not None and until <= now_ns() + 1_000_000_000


@pytest.mark.parametrize("script", [(reset(),), (silent(),)])
async def test_the_wait_for_100_ends_with_the_deadline_or_the_connection(
    script: tuple[Step, ...],
) -> None:
    stream = Scripted(*script)
    past = now_ns() - 1
    with pytest.raises(Failed):
        await H1Connection(stream).request(
            ask("/", "POST", EXPECTING, body=b"body"), deadline_ns=past
        )
    assert stream.until == [past] and len(stream.sent) == 1


async def test_only_a_body_may_be_cut_by_a_reset() -> None:
    """A server that refuses a body may reset the connection before it is sent (RFC 9112 §9.5)."""
    stream = Scripted(OK, refuses=reset())
    response = await H1Connection(stream).request(ask("/", "POST", body=b"body"))
    assert (response.status, response.sent.clock) == (200, "user")
    for request, error in (
        (ask("/", "OPTIONS"), reset()),
        (ask("/", "POST", body=b"body"), Failed(Reason.BUDGET_EXCEEDED, "too much")),
    ):
        with pytest.raises(Failed) as raised:
            await H1Connection(Scripted(OK, refuses=error)).request(request)
        assert raised.value is error


SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"
KEY: Fields = (("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="),)


@pytest.mark.parametrize("headers", [(), KEY])
@pytest.mark.parametrize("rest", [b"", b"early"])
async def test_a_switch_of_protocols(headers: Fields, rest: bytes) -> None:
    """With a plain key, and without one, by h11."""
    stream = Scripted(SWITCH + rest, b"late")
    connection = H1Connection(stream)
    response, tunnel = await connection.tunnel(ask(headers=headers, protocol="x"))
    assert response.status == 101 and tunnel is not None
    assert (await tunnel.receive())[0] == (rest or b"late")
    assert (tunnel is stream) is not bool(rest)
    assert (connection.stats.spent, stream.done) == ("the connection switched protocols", [])
    assert connection.stats.unsolicited_bytes == 0


async def test_what_follows_a_cut_body_is_not_unsolicited() -> None:
    connection = H1Connection(Scripted(OK + b"more"))
    response = await connection.request(ask(), body_cap=1)
    assert (response.body, response.truncated) == (b"o", True)
    stats = connection.stats
    assert (stats.spent, stats.unsolicited_bytes) == ("the last body was not read to its end", 0)


async def test_a_request_as_raw_bytes() -> None:
    stream = Scripted(OK, silent(), OK.removesuffix(b"ok"))
    connection = H1Connection(stream)
    assert (await connection.raw(b"GET /\r\n\r\n")).body == b"ok"
    response = await connection.raw(b"HEAD /\r\n\r\n", method="HEAD", deadline_ns=9)
    assert (response.body, connection.stats.requests) == (b"", 2)
    assert (stream.sent, stream.until[-1]) == ([b"GET /\r\n\r\n", b"HEAD /\r\n\r\n"], 9)
    closing = Scripted(with_field("Connection: close"))
    connection = H1Connection(closing)
    await connection.raw(b"GET /\r\n\r\n")
    assert closing.done == ["aclose"]
    with pytest.raises(Failed, match="cannot send a request: the server closes"):
        await connection.raw(b"GET /\r\n\r\n")
    with pytest.raises(Failed, match=r"^peer-reset: reset$"):
        await H1Connection(Scripted(OK, refuses=reset())).raw(b"GET /\r\n\r\n")


async def test_chunks_of_our_own_are_framed_by_h11() -> None:
    stream = Scripted(OK)
    await H1Connection(stream).request(
        ask("/", "POST", (("Transfer-Encoding", "chunked"),), body=b"body")
    )
    assert stream.sent[0].endswith(b"\r\n\r\n4\r\nbody\r\n0\r\n\r\n")


async def test_a_refused_switch_is_a_response() -> None:
    for headers in ((), KEY):
        stream = Scripted(OK)
        connection = H1Connection(stream)
        response, tunnel = await connection.tunnel(ask(headers=headers, protocol="x"))
        assert (response.status, tunnel, connection.reusable) == (200, None, True)


@pytest.mark.parametrize("closing", [H1Connection.close, H1Connection.aclose])
async def test_a_close_of_our_own_keeps_the_first_reason(closing: object) -> None:
    assert callable(closing)
    for script, spent in (((), "closed"), ((OK + b"more",), UNSOLICITED)):
        connection = H1Connection(Scripted(*script))
        if script:
            await connection.request(ask())
        ended = closing(connection)
        if ended is not None:
            await ended
        assert connection.stats.spent == spent


async def test_a_stream_that_is_read_ahead_is_the_stream_below_in_all_else() -> None:
    below = Scripted(b"next")
    stream = Resumed(below, b"first", Mark(7, "kernel"))
    assert await stream.receive() == (b"first", Mark(7, "kernel"))
    assert (await stream.receive(5))[0] == b"next"
    assert below.until == [5]
    assert (stream.address, stream.opened, stream.budget) == (
        below.address, below.opened, below.budget,
    )  # fmt: skip
    assert stream.tcp_info() is None
    below.info = tcp_info(bytes(104))
    assert stream.tcp_info() is below.info is not None
    stream.expect_silence()
    stream.expect_answers()
    await stream.send(b"out")
    await stream.aclose()
    stream.close()
    assert (below.sent, below.done) == (
        [b"out"], ["expect_silence", "expect_answers", "aclose", "close"],
    )  # fmt: skip
