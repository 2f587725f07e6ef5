"""The lab's TLS server, met by what is no TLS."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from seventh.labkit.serve import Kit
from seventh.labkit.tlsserve import server_context, tls_server


@pytest.mark.parametrize("first", [b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", b"SSH-2.0-x\r\n"])
async def test_what_is_no_tls_is_not_waited_for(kit: Kit, first: bytes) -> None:
    """``GET /`` read as a record is one of twelve kilobytes, most of which never comes."""
    async with tls_server(server_context(kit.authority.issue())) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(first)
        with contextlib.suppress(ConnectionResetError):
            await asyncio.wait_for(reader.read(), 10)
        writer.close()
