"""HTTP/3 against a lab's server: exchanges, their instants, tunnels, and what may go wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from seventh.labkit.serve import Kit
from seventh.labkit.web.h3 import H3Setup, frame
from seventh.labkit.web.handler import Answer, Pipe
from seventh.labkit.web.quicserver import QuicSetup
from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.model.phase import Mark
from seventh.net.quic import connect as quic
from seventh.web.h3 import H3Connection
from seventh.web.message import Request, Unfinished
from tests.net.quic.served import NAME, Lab, echo, lab


async def connected(served: Lab) -> H3Connection:
    return H3Connection(await quic.connect(served.ctx, served.address, NAME))


async def test_a_get_and_its_instants(kit: Kit) -> None:
    async with lab(kit) as served:
        connection = await connected(served)
        response = await connection.request(served.request("/a?b=c"))
        assert connection.reusable
        connection.close()
        assert not connection.reusable
    assert (response.status, response.version) == (200, "3")
    assert response.body == b"GET /a?b=c early=0 body=0"
    assert response.get("content-type") == "text/plain"
    assert response.body_bytes == len(response.body)
    assert response.sent.ns < response.first.ns <= response.last.ns
    assert response.head_bytes > 0
    assert not (response.early or response.truncated)


async def test_a_body_goes_there(kit: Kit) -> None:
    async with lab(kit) as served:
        connection = await connected(served)
        response = await connection.request(served.request("/", "POST", bytes(100_000)))
        connection.close()
    assert response.body.endswith(b"body=100000")


async def test_a_head_may_name_a_length_without_a_body(kit: Kit) -> None:
    async with lab(kit) as served:
        connection = await connected(served)
        response = await connection.request(served.request("/", "HEAD"))
        again = await connection.request(served.request("/"))
        connection.close()
    assert int(response.get("content-length") or 0) > 0
    assert response.body == b""
    assert again.status == 200


async def test_a_304_may_name_a_length_too(kit: Kit) -> None:
    async def handler(_: Request) -> Answer:
        return Answer(status=304, headers=(("content-length", "4711"), ("etag", '"x"')))

    async with lab(kit, handler=handler) as served:
        connection = await connected(served)
        response = await connection.request(served.request("/"))
        connection.close()
    assert (response.status, response.body) == (304, b"")


async def test_many_at_once(kit: Kit) -> None:
    async with lab(kit) as served:
        connection = await connected(served)
        responses = await asyncio.gather(
            *(connection.request(served.request(f"/{i}")) for i in range(40))
        )
        connection.close()
    assert [r.body.split()[1] for r in responses] == [b"/%d" % i for i in range(40)]


async def test_more_than_the_server_allows_at_once(kit: Kit) -> None:
    async with lab(kit, QuicSetup(max_streams=2)) as served:
        connection = await connected(served)
        responses = await asyncio.gather(
            *(connection.request(served.request(f"/{i}")) for i in range(8))
        )
        connection.close()
    assert all(r.status == 200 for r in responses)


async def test_a_cancelled_request_harms_no_other(kit: Kit) -> None:
    gate = asyncio.Event()

    async def handler(request: Request) -> Answer:
        if request.path == "/slow":
            await gate.wait()
        return await echo(request)

    async with lab(kit, handler=handler) as served:
        connection = await connected(served)
        slow = asyncio.create_task(connection.request(served.request("/slow")))
        quick = await connection.request(served.request("/quick"))
        slow.cancel()
        with pytest.raises(asyncio.CancelledError):
            await slow
        after = await connection.request(served.request("/after"))
        connection.close()
    assert quick.status == after.status == 200


async def test_informational_trailers_and_pieces(kit: Kit) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for word in (b"one ", b"two ", b"three"):
            yield word

    async def handler(_: Request) -> Answer:
        return Answer(
            informational=((103, (("link", "</a.css>"),)),),
            body=pieces,
            trailers=(("checksum", "abc"),),
        )

    seen: list[tuple[bytes, Mark]] = []

    def watch(piece: bytes, at: Mark) -> None:
        seen.append((piece, at))

    async with lab(kit, handler=handler) as served:
        connection = await connected(served)
        response = await connection.request(served.request("/"), on_body=watch)
        connection.close()
    assert [i.status for i in response.informational] == [103]
    assert response.informational[0].headers == (("link", "</a.css>"),)
    assert response.body == b"one two three"
    assert response.trailers == (("checksum", "abc"),)
    assert b"".join(piece for piece, _ in seen) == response.body


async def test_the_body_cap_ends_the_exchange_and_not_the_connection(kit: Kit) -> None:
    async def handler(request: Request) -> Answer:
        return Answer(body=bytes(500_000)) if request.path == "/big" else await echo(request)

    async with lab(kit, handler=handler) as served:
        connection = await connected(served)
        big = await connection.request(served.request("/big"), body_cap=1000)
        whole = await connection.request(served.request("/big"), body_cap=500_000)
        stopped = await connection.request(served.request("/big"), on_body=lambda *_: False)
        after = await connection.request(served.request("/"))
        connection.close()
    assert big.truncated
    assert len(big.body) == 1000
    assert big.body_bytes < 500_000
    assert (whole.truncated, len(whole.body)) == (False, 500_000)
    assert stopped.truncated
    assert after.status == 200


async def test_a_silent_request_ends_at_its_deadline(kit: Kit) -> None:
    gate = asyncio.Event()

    async def handler(request: Request) -> Answer:
        if request.path == "/never":
            await gate.wait()
        return await echo(request)

    async with lab(kit, handler=handler) as served:
        connection = await connected(served)
        with pytest.raises(Failed) as caught:
            await connection.request(
                served.request("/never"), deadline_ns=served.ctx.budget.within(0.15)
            )
        assert (await connection.request(served.request("/"))).status == 200
        connection.close()
    assert caught.value.reason is Reason.PEER_SILENT


async def test_what_came_of_a_broken_response_is_kept(kit: Kit) -> None:
    gate = asyncio.Event()

    async def stuck() -> AsyncIterator[bytes]:
        yield b"beginning"
        await gate.wait()

    async def handler(_: Request) -> Answer:
        return Answer(body=stuck)

    async with lab(kit, handler=handler) as served:
        connection = await connected(served)
        with pytest.raises(Unfinished) as caught:
            await connection.request(served.request("/"), deadline_ns=served.ctx.budget.within(0.2))
        connection.close()
    assert caught.value.response.body == b"beginning"


async def test_a_wrong_content_length_is_a_violation(kit: Kit) -> None:
    async def handler(_: Request) -> Answer:
        return Answer(headers=(("content-length", "5"),), body=b"more than five")

    async with lab(kit, handler=handler) as served:
        connection = await connected(served)
        with pytest.raises(Failed) as caught:
            await connection.request(served.request("/"))
        connection.close()
    assert caught.value.reason is Reason.PROTOCOL_VIOLATION


async def test_settings_and_goaway(kit: Kit) -> None:
    async with lab(kit, h3=H3Setup(goaway_after=2, settings=((6, 16384),))) as served:
        connection = await connected(served)
        settings = dict(await connection.settings())
        await connection.request(served.request("/1"))
        assert connection.reusable
        await connection.request(served.request("/2"))
        await connection.ping()
        assert connection.stats.goaways == (8,)
        assert connection.stats.goaway_at is not None
        assert not connection.reusable
        with pytest.raises(Failed, match="GOAWAY"):
            await connection.request(served.request("/3"))
        connection.close()
    assert settings[6] == 16384
    assert settings[8] == 1


async def test_a_reset_request(kit: Kit) -> None:
    setup = H3Setup(wire=lambda peer, stream: peer.quic.reset_stream(stream, 0x10B))
    async with lab(kit, h3=setup) as served:
        connection = await connected(served)
        with pytest.raises(Failed) as caught:
            await connection.request(served.request("/"))
        assert connection.reusable
        connection.close()
    assert caught.value.reason is Reason.PEER_RESET
    assert "H3_REQUEST_REJECTED" in caught.value.detail


async def test_a_closed_connection_says_with_what(kit: Kit) -> None:
    async with lab(kit, h3=H3Setup(close_with=0x102)) as served:
        connection = await connected(served)
        with pytest.raises(Failed) as caught:
            await connection.request(served.request("/"))
        close = connection.quic.facts().close
        connection.close()
    assert caught.value.reason is Reason.PEER_RESET
    assert close is not None
    assert (close.by, close.layer, close.name) == ("peer", "application", "H3_INTERNAL_ERROR")
    assert close.reason == "requested by the lab's setup"


# -- tunnels -----------------------------------------------------------------------------------


def websocket(path: str = "/chat") -> Request:
    headers = (("sec-websocket-version", "13"), ("upgrade", "left-out"))
    return Request(authority=NAME, path=path, protocol="websocket", headers=headers)


async def test_an_extended_connect_is_a_stream(kit: Kit) -> None:
    asked: list[Request] = []

    async def handler(request: Request) -> Answer:
        asked.append(request)
        return await echo(request)

    async with lab(kit, handler=handler) as served:
        connection = await connected(served)
        response, stream = await connection.tunnel(websocket())
        assert stream is not None
        assert response.status == 200
        sent = await stream.send(b"hello")
        data, at = await stream.receive()
        assert data == b"hello"
        assert at.ns > sent.ns
        await stream.send(bytes(200_000))
        came = 0
        while came < 200_000:
            came += len((await stream.receive())[0])
        # The connection carries other exchanges meanwhile.
        assert (await connection.request(served.request("/aside"))).status == 200
        stream.close()
        with pytest.raises(Failed):
            await stream.send(b"more")
        connection.close()
    request = asked[0]
    assert (request.method, request.protocol, request.path) == ("CONNECT", "websocket", "/chat")
    assert request.get("sec-websocket-version") == "13"
    assert request.get("upgrade") is None


async def test_a_tunnel_that_the_server_ends(kit: Kit) -> None:
    async def once(pipe: Pipe) -> None:
        await pipe.send(b"only this")

    async def handler(_: Request) -> Answer:
        return Answer(tunnel=once)

    async with lab(kit, handler=handler) as served:
        connection = await connected(served)
        _, stream = await connection.tunnel(websocket())
        assert stream is not None
        assert (await stream.receive())[0] == b"only this"
        assert (await stream.receive())[0] == b""
        connection.close()


async def test_a_silent_tunnel_is_told_so(kit: Kit) -> None:
    async with lab(kit) as served:
        connection = await connected(served)
        _, stream = await connection.tunnel(websocket())
        assert stream is not None
        with pytest.raises(Failed) as caught:
            await stream.receive(served.ctx.budget.within(0.1))
        connection.close()
    assert caught.value.reason is Reason.PEER_SILENT


async def test_a_server_may_stay_with_http(kit: Kit) -> None:
    async def handler(_: Request) -> Answer:
        return Answer(status=403, body=b"not for you")

    async with lab(kit, handler=handler) as served:
        connection = await connected(served)
        response, stream = await connection.tunnel(websocket())
        connection.close()
    assert stream is None
    assert (response.status, response.body) == (403, b"not for you")


async def test_no_extended_connect_is_a_failed_negotiation(kit: Kit) -> None:
    async with lab(kit, h3=H3Setup(extended_connect=False)) as served:
        connection = await connected(served)
        with pytest.raises(Failed) as caught:
            await connection.tunnel(websocket())
        assert (await connection.request(served.request("/"))).status == 200
        connection.close()
    assert caught.value.reason is Reason.NEGOTIATION_FAILED


async def test_a_server_may_not_open_bidirectional_streams(kit: Kit) -> None:
    def open_one(peer: object, _: int) -> None:
        engine = peer.quic  # type: ignore[attr-defined]
        engine.send_stream_data(1, frame(0x1, b"\x00\x00\xd9"), False)

    async with lab(kit, h3=H3Setup(wire=open_one)) as served:
        connection = await connected(served)
        with pytest.raises(ProtocolViolation, match="bidirectional"):
            await connection.request(served.request("/"))
        connection.close()
