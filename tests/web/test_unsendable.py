"""Requests that cannot be written are refused in every version, and no secret of theirs is told."""

from __future__ import annotations

import pytest

from seventh.labkit.serve import Kit
from seventh.model.failure import Failed, Reason
from seventh.net.quic import connect as quic
from seventh.web.connection import HttpConnection
from seventh.web.h3 import H3Connection
from tests.net.quic.served import NAME, lab
from tests.web.support import ask, h1, h2

WRONG = (
    ask(headers=(("Authorization", "Bearer s3cret\r\nX: y"),)),
    ask(headers=(("X-s3cret\n", "x"),)),
    ask(path="/\u20acs3cret"),
)


async def refused(connection: HttpConnection) -> None:
    for request in WRONG:
        with pytest.raises(Failed) as caught:
            await connection.request(request)
        assert caught.value.reason is Reason.OPTIONS_UNUSABLE
        assert "s3cret" not in caught.value.detail
        assert "the request cannot be sent" in caught.value.detail


async def test_over_http_1() -> None:
    async with h1() as connection:
        await refused(connection)


async def test_over_http_2() -> None:
    async with h2() as connection:
        await refused(connection)


async def test_over_http_3(kit: Kit) -> None:
    async with lab(kit) as served:
        connection = H3Connection(await quic.connect(served.ctx, served.address, NAME))
        await refused(connection)
        connection.close()
