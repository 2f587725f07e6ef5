"""The HTTP/1.1 client against the reference server."""

from __future__ import annotations

import pytest

from seventh.labkit.ca import Authority
from seventh.labkit.web.peer import H1Setup
from seventh.labkit.web.serve import web_server
from seventh.model.failure import Failed, Reason
from seventh.model.phase import Mark
from seventh.net.stopwatch import now_ns
from seventh.web import h1 as module
from seventh.web.h1 import H1Connection
from tests.web.support import ask, h1, handler, tcp, tls


async def test_a_request_and_its_marks() -> None:
    async with h1() as connection:
        before = now_ns()
        response = await connection.request(ask(headers=(("Accept", "*/*"),)))
        assert (response.status, response.version) == (200, "1.1")
        assert response.body == b"hello lab.test"
        assert response.every("set-cookie") == ("a=1", "b=2")
        assert b"X-Case: Kept" in response.raw_head
        assert before <= response.sent.ns <= response.first.ns <= response.last.ns <= now_ns()


async def test_one_connection_carries_many() -> None:
    async with h1() as connection:
        for path in ("/", "/echo", "/empty", "/same", "/pieces", "/hints", "/"):
            assert connection.reusable
            await connection.request(ask(path))
        assert connection.stats.requests == 7
        assert connection.reusable


async def test_bodies_trailers_and_informational_responses() -> None:
    async with h1() as connection:
        assert (
            await connection.request(ask("/echo", "POST", body=b"x" * 200_000))
        ).body_bytes == 200_000
        response = await connection.request(ask("/pieces"))
        assert response.body == b"piece 0\npiece 1\npiece 2\n"
        assert response.trailers == (("x-sum", "3"),)
        assert connection.stats.framing == "chunked"
        hinted = await connection.request(ask("/hints"))
        assert [i.status for i in hinted.informational] == [103]
        assert hinted.informational[0].at.ns <= hinted.first.ns
        head = await connection.request(ask("/", "HEAD"))
        assert head.body == b"" and head.get("content-length") == "14"


async def test_pieces_are_given_as_they_come_and_may_end_it() -> None:
    async with h1() as connection:
        seen: list[tuple[bytes, Mark]] = []

        def take(data: bytes, at: Mark) -> bool:
            seen.append((data, at))
            return False

        response = await connection.request(ask("/pieces"), on_body=take)
        assert response.truncated and len(seen) == 1
        assert not connection.reusable
        with pytest.raises(Failed, match="not read to its end"):
            await connection.request(ask())


async def test_the_cap_leaves_a_large_body() -> None:
    async with h1() as connection:
        response = await connection.request(ask("/big"), body_cap=1000)
        assert len(response.body) == 1000 and response.truncated
        assert not connection.reusable


async def test_what_the_server_says_of_reuse() -> None:
    setup = H1Setup(keep_alive_requests=2, keep_alive_seconds=7)
    async with h1(setup) as connection:
        await connection.request(ask())
        stats = connection.stats
        assert (stats.keep_alive_seconds, stats.keep_alive_requests) == (7, 1)
        await connection.request(ask())
        assert stats.spent and not connection.reusable
        with pytest.raises(Failed) as caught:
            await connection.request(ask())
        assert caught.value.reason is Reason.PEER_CLOSED


async def test_an_idle_cut_is_seen() -> None:
    async with h1(H1Setup(keep_alive_seconds=0.05)) as connection:
        await connection.request(ask())
        ended = await connection.idle(connection.stream.budget.deadline_ns)
        assert ended is not None and not connection.reusable


async def test_an_idle_connection_is_left_alone() -> None:
    async with h1() as connection:
        await connection.request(ask())
        assert await connection.idle(now_ns() + 20_000_000) is None
        assert (await connection.request(ask())).status == 200


async def test_a_body_waits_for_its_100() -> None:
    expecting = (("Expect", "100-continue"),)
    async with h1() as connection:
        response = await connection.request(ask("/echo", "POST", expecting, body=b"body"))
        assert response.body == b"body"
        assert [i.status for i in response.informational] == [100]
        assert connection.reusable


async def test_a_server_without_100_gets_the_body_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "CONTINUE_SECONDS", 0.05)
    async with h1(H1Setup(fault="expect-stall")) as connection:
        response = await connection.request(
            ask("/echo", "POST", (("Expect", "100-continue"),), body=b"body")
        )
        assert response.body == b"body" and not response.informational


async def test_a_refused_body_is_not_sent() -> None:
    async with h1(H1Setup(fault="expect-refused")) as connection:
        response = await connection.request(
            ask("/echo", "POST", (("Expect", "100-continue"),), body=b"body")
        )
        assert response.status == 417
        assert not connection.reusable


async def test_a_tunnel_keeps_what_came_with_the_101() -> None:
    async with h1() as connection:
        response, stream = await connection.tunnel(ask("/shout", protocol="shout"))
        assert response.status == 101 and stream is not None
        assert response.get("upgrade") == "shout"
        said = b""
        while said != b"hello":
            said += (await stream.receive())[0]
        await stream.send(b"loud")
        assert (await stream.receive())[0] == b"LOUD"
        assert not connection.reusable
        stream.close()


async def test_bytes_in_the_same_segment_as_the_101_are_not_lost() -> None:
    raw = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nearly"
    async with h1(H1Setup(fault="raw", raw=raw)) as connection:
        _, stream = await connection.tunnel(ask(protocol="x"))
        assert stream is not None
        data, mark = await stream.receive()
        assert data == b"early" and mark.ns > 0
        assert stream.address == connection.address
        stream.expect_silence()
        assert stream.tcp_info() is not None and stream.budget.seconds_left > 0
        await stream.send(b"late")
        stream.close()


async def test_a_server_may_stay_with_http() -> None:
    async with h1() as connection:
        response, stream = await connection.tunnel(ask("/", protocol="shout"))
        assert stream is None and response.body == b"hello lab.test"
        assert connection.reusable


async def test_connect_gives_a_tunnel_too() -> None:
    async with h1(H1Setup(fault="raw", raw=b"HTTP/1.1 200 OK\r\n\r\nfar")) as connection:
        response, stream = await connection.tunnel(ask(method="CONNECT"))
        assert response.status == 200 and stream is not None
        assert (await stream.receive())[0] == b"far"


async def test_raw_requests() -> None:
    async with h1() as connection:
        response = await connection.raw(b"GET / HTTP/1.1\r\nhOsT: raw.test\r\n\r\n")
        assert response.body == b"hello raw.test"
        assert connection.reusable


async def test_a_server_that_answers_before_it_has_read_a_body() -> None:
    refusal = b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    async with h1(H1Setup(fault="greets", raw=refusal)) as connection:
        response = await connection.request(ask("/", "POST", body=b"x" * 500_000))
        assert response.status == 413


async def test_in_tls(tmp_path_factory: pytest.TempPathFactory) -> None:
    authority = Authority(tmp_path_factory.mktemp("ca"))
    async with web_server(handler, issued=authority.issue()) as port:
        stream = await tls(port, str(authority.ca_file), "http/1.1")
        connection = H1Connection(stream)
        assert (await connection.request(ask())).status == 200
        assert (await connection.request(ask("/big"), body_cap=4_000_000)).body_bytes == 3_200_000
        await connection.aclose()


async def test_the_reference_server_tells_versions_apart() -> None:
    async with web_server(handler) as port:
        connection = H1Connection(await tcp(port))
        assert (await connection.request(ask())).version == "1.1"
        connection.close()
        connection.close()
