"""The HTTP/2 client against the reference server."""

from __future__ import annotations

import asyncio

import pytest

from seventh.labkit.ca import Authority
from seventh.labkit.web.peer import H1Setup
from seventh.labkit.web.serve import web_server
from seventh.model.failure import Failed, Reason
from seventh.model.phase import Mark
from seventh.net.stopwatch import now_ns
from seventh.web.h2 import H2Connection
from seventh.web.message import Unfinished
from tests.web.support import ask, h2, handler, tls


async def test_a_request_and_its_marks() -> None:
    async with h2() as connection:
        before = now_ns()
        response = await connection.request(ask(headers=(("Accept", "*/*"),)))
        assert (response.status, response.version) == (200, "2")
        assert response.body == b"hello lab.test"
        assert response.every("set-cookie") == ("a=1", "b=2")
        assert before <= response.sent.ns <= response.first.ns <= response.last.ns <= now_ns()
        assert connection.reusable


async def test_a_first_request_as_bytes() -> None:
    """What goes as early data: preface, settings and request, sent by somebody else."""
    async with h2() as connection:
        data, stream = connection.begin(ask())
        assert data.startswith(b"PRI * HTTP/2.0")
        await connection.stream.send(data)
        response = await stream.response(None, 1000)
        assert (response.status, response.body) == (200, b"hello lab.test")
        assert (await connection.request(ask())).status == 200


async def test_many_at_once_and_large_ones() -> None:
    async with h2() as connection:
        paths = ["/big", "/", "/pieces", "/", "/hints", "/empty", "/same"] * 2
        got = await asyncio.gather(*(connection.request(ask(p), body_cap=1000) for p in paths))
        assert [r.status for r in got] == [
            204 if p == "/empty" else 304 if p == "/same" else 200 for p in paths
        ]
        assert got[0].truncated and len(got[0].body) == 1000
        assert got[2].trailers == (("x-sum", "3"),)
        assert [i.status for i in got[4].informational] == [103]
        assert (await connection.request(ask())).status == 200


async def test_more_than_the_peer_lets_be_open_wait_their_turn() -> None:
    async with h2(H1Setup(settings=((3, 2),))) as connection:
        await connection.settings()
        got = await asyncio.gather(*(connection.request(ask()) for _ in range(9)))
        assert {r.status for r in got} == {200}
        assert connection.stats.streams == 9


async def test_a_body_goes_as_the_windows_let_it() -> None:
    async with h2(H1Setup(settings=((4, 1000),))) as connection:
        await connection.settings()
        body = bytes(range(256)) * 1000
        response = await connection.request(ask("/echo", "POST", body=body))
        assert response.body == body


async def test_a_large_body_comes_whole() -> None:
    async with h2() as connection:
        response = await connection.request(ask("/big"), body_cap=4_000_000)
        assert response.body_bytes == 3_200_000 and not response.truncated


async def test_settings_pings_and_windows_are_told() -> None:
    async with h2(H1Setup(settings=((3, 77), (4, 12345)))) as connection:
        settings = await connection.settings()
        assert settings[3] == 77
        named = connection.stats.named_settings
        assert named["INITIAL_WINDOW_SIZE"] == 12345
        assert named["ENABLE_CONNECT_PROTOCOL"] == 1
        ping = await connection.ping()
        assert 0 <= ping.seconds < 5
        assert connection.stats.settings_acked_at is not None
        assert connection.stats.connection_window == 65535
        assert connection.frames[4] == 1
        assert connection.stats.pings == 0  # its acknowledgement, and other frames, are none


async def test_a_stream_in_both_directions() -> None:
    async with h2() as connection:
        stream = await connection.open(ask("/echo", "POST"))
        await stream.send(b"one ")
        await stream.send(b"two", end=True)
        await stream.head()
        assert stream.status == 200 and ("x-method", "POST") in stream.headers
        assert stream.informational == ()
        got = b""
        while data := (await stream.receive())[0]:
            got += data
        assert got == b"one two" and stream.trailers == ()
        stream.leave()


async def test_pieces_are_given_as_they_come_and_may_end_it() -> None:
    async with h2() as connection:
        seen: list[bytes] = []

        def take(data: bytes, _: Mark) -> bool:
            seen.append(data)
            return False

        response = await connection.request(ask("/pieces"), on_body=take)
        assert response.truncated and seen == [b"piece 0\n"]
        assert (await connection.request(ask())).status == 200


async def test_tunnels_beside_requests() -> None:
    async with h2() as connection:
        response, stream = await connection.tunnel(ask("/shout", protocol="shout"))
        assert response.status == 200 and stream is not None
        assert (await stream.receive())[0] == b"hello"
        await stream.send(b"loud")
        assert (await stream.receive())[0] == b"LOUD"
        assert (await connection.request(ask())).status == 200
        stream.expect_silence()
        assert stream.tcp_info() is not None and stream.budget.seconds_left > 0
        stream.close()
        stream.close()
        assert (await connection.request(ask())).status == 200


async def test_a_tunnel_is_ended_from_either_side() -> None:
    async with h2() as connection:
        _, stream = await connection.tunnel(ask("/shout", protocol="shout"))
        assert stream is not None
        await stream.receive()
        await stream.finish()  # type: ignore[attr-defined]
        assert (await stream.receive())[0] == b""
        with pytest.raises(Failed) as caught:
            await stream.send(b"more")
        assert caught.value.reason is Reason.PEER_CLOSED


async def test_a_server_may_refuse_a_tunnel() -> None:
    async with h2() as connection:
        response, stream = await connection.tunnel(ask("/refused", protocol="shout"))
        assert stream is None and response.status == 403
        assert response.body == b"no"
        assert (await connection.request(ask())).status == 200


async def test_a_peer_without_extended_connect() -> None:
    async with h2(H1Setup(settings=((8, 0),))) as connection:
        with pytest.raises(Failed) as caught:
            await connection.tunnel(ask("/shout", protocol="shout"))
        assert caught.value.reason is Reason.NEGOTIATION_FAILED


async def test_a_graceful_goaway_does_not_cost_the_answer() -> None:
    async with h2(H1Setup(fault="goaway-first", raw=b"maintenance")) as connection:
        response = await connection.request(ask())
        assert response.body == b"hello lab.test"
        assert not connection.reusable
        goaway = connection.stats.goaway
        assert goaway is not None and goaway.debug == b"maintenance"
        with pytest.raises(Failed, match="maintenance"):
            await connection.request(ask())


async def test_one_deadline_does_not_end_the_others() -> None:
    async with h2() as connection:
        _, stream = await connection.tunnel(ask("/shout", protocol="shout"))
        assert stream is not None
        await stream.receive()

        async def short() -> Reason:
            with pytest.raises(Failed) as caught:
                await stream.receive(now_ns() + 30_000_000)
            return caught.value.reason

        async def longer() -> bytes:
            await asyncio.wait({waiting})
            await stream.send(b"still")
            return (await stream.receive())[0]

        waiting = asyncio.ensure_future(short())
        assert await longer() == b"STILL"
        assert waiting.result() is Reason.PEER_SILENT


async def test_the_reader_may_be_cancelled_while_others_wait() -> None:
    async with h2() as connection:
        _, stream = await connection.tunnel(ask("/shout", protocol="shout"))
        assert stream is not None
        await stream.receive()
        reader = asyncio.ensure_future(stream.receive())
        await asyncio.sleep(0)
        other = asyncio.ensure_future(connection.ping())
        await asyncio.sleep(0)
        reader.cancel()
        assert (await other).seconds >= 0


async def test_idle() -> None:
    async with h2() as connection:
        await connection.request(ask())
        assert await connection.idle(now_ns() + 20_000_000) is None
        assert connection.reusable
    async with h2(H1Setup(fault="goaway")) as connection:
        await connection.open(ask(), end=True)
        assert await connection.idle(connection.stream.budget.deadline_ns) is not None


@pytest.mark.parametrize("code", [2, 7, 8, 11])
async def test_a_reset_is_named(code: int) -> None:
    async with h2(H1Setup(fault="reset", code=code)) as connection:
        with pytest.raises(Failed) as caught:
            await connection.request(ask())
        assert caught.value.reason is Reason.PEER_RESET
        assert connection.stats.resets == 1 and connection.reusable


async def test_a_reset_after_the_head_keeps_it() -> None:
    async with h2(H1Setup(fault="reset-body", code=2)) as connection:
        with pytest.raises(Unfinished) as caught:
            await connection.request(ask())
        assert caught.value.response.status == 200
        assert caught.value.response.body == b"half"


async def test_goaway_with_its_words() -> None:
    async with h2(H1Setup(fault="goaway", code=11, raw=b"too_many_pings")) as connection:
        with pytest.raises(Failed, match="ENHANCE_YOUR_CALM: too_many_pings"):
            await connection.request(ask())


async def test_in_tls_by_alpn(tmp_path_factory: pytest.TempPathFactory) -> None:
    authority = Authority(tmp_path_factory.mktemp("ca"))
    async with web_server(handler, issued=authority.issue()) as port:
        stream = await tls(port, str(authority.ca_file), "h2", "http/1.1")
        connection = H2Connection(stream)
        got = await asyncio.gather(
            connection.request(ask("/big"), body_cap=4_000_000),
            connection.request(ask("/echo", "POST", body=b"x" * 300_000)),
        )
        assert [r.body_bytes for r in got] == [3_200_000, 300_000]
        await connection.aclose()
        with pytest.raises(Failed):
            await connection.request(ask())
