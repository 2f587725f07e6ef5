"""A response that never ends is left at its head, unless somebody listens to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from seventh.labkit.web.handler import Answer
from seventh.labkit.web.serve import TcpVersion, web_server
from seventh.model.phase import Mark
from seventh.web.connection import HttpConnection
from seventh.web.h1 import H1Connection
from seventh.web.h2 import H2Connection
from seventh.web.message import Request, is_endless
from tests.web.support import ask, tcp


async def _silent() -> AsyncIterator[bytes]:
    yield b": hello\n\n"
    await asyncio.Event().wait()


async def handler(request: Request) -> Answer:
    if request.path == "/events":
        kind = ("Content-Type", "Text/Event-Stream; charset=utf-8")
        return Answer(headers=(kind,), body=_silent)
    return Answer(headers=(("Content-Type", "text/event-stream"),), body=b"data: whole\n\n")


@pytest.mark.parametrize("version", ["1.1", "2"])
async def test_an_event_stream_ends_at_its_head(version: TcpVersion) -> None:
    async with web_server(handler, versions=(version,)) as port:
        kind: type[H1Connection | H2Connection] = H1Connection if version == "1.1" else H2Connection
        connection: HttpConnection = kind(await tcp(port))
        response = await connection.request(ask("/events"))
        assert (response.status, response.truncated) == (200, True)
        connection.close()
        connection = kind(await tcp(port))
        heard: list[bytes] = []

        def listen(piece: bytes, _: Mark) -> bool:
            heard.append(piece)
            return False

        response = await connection.request(ask("/events"), on_body=listen)
        assert (heard, response.truncated) == ([b": hello\n\n"], True)
        connection.close()


async def test_one_whose_length_is_known_is_read() -> None:
    async with web_server(handler, versions=("1.1",)) as port:
        connection = H1Connection(await tcp(port))
        response = await connection.request(ask("/whole"))
        assert (response.body, response.truncated) == (b"data: whole\n\n", False)
        assert connection.reusable
        connection.close()


def test_which_responses_never_end() -> None:
    assert is_endless((("content-type", "text/event-stream"),))
    assert not is_endless((("content-type", "text/event"),))
    assert not is_endless(())
