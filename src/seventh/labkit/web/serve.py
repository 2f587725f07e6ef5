"""The reference server over TCP: HTTP/1.1 and HTTP/2, in clear or in TLS with ALPN."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Literal

from OpenSSL import SSL

from seventh.labkit.ca import Issued
from seventh.labkit.serve import tcp_server
from seventh.labkit.tlsserve import TlsPeer, server_context, tls_server
from seventh.labkit.web.h1 import serve_h1
from seventh.labkit.web.h2 import serve_h2
from seventh.labkit.web.handler import Handler
from seventh.labkit.web.peer import H1Setup, PlainPeer

TcpVersion = Literal["1.1", "2"]
_ALPN: dict[TcpVersion, bytes] = {"2": b"h2", "1.1": b"http/1.1"}
_PREFACE = b"PRI"


@contextlib.asynccontextmanager
async def web_server(
    handler: Handler,
    *,
    versions: tuple[TcpVersion, ...] = ("2", "1.1"),
    issued: Issued | None = None,
    context: SSL.Context | None = None,
    h1: H1Setup | None = None,
    h2: H1Setup | None = None,
    early_data: bool = False,
    host: str = "127.0.0.1",
    port: int = 0,
) -> AsyncIterator[int]:
    """Serve ``handler`` until the block ends; yield the port.

    Without ``issued`` and ``context`` in clear, where the preface selects HTTP/2. In TLS, ALPN
    selects the version in the order of ``versions``; clients without ALPN get the last one. A
    ``context`` has its own ALPN.
    """
    if issued is None and context is None:

        async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            greets = (h1 or H1Setup()).fault in {"greets", "closes-at-once"} and versions == (
                "1.1",
            )
            first = b"" if greets else await reader.read(65536)
            peer = PlainPeer(reader, writer, first)
            if versions == ("2",) or (first[:3] == _PREFACE and "2" in versions):
                await serve_h2(peer, handler, h2, "http")
            else:
                await serve_h1(peer, handler, h1, "http")

        async with tcp_server(plain, host, port) as bound:
            yield bound
        return

    async def encrypted(peer: TlsPeer) -> None:
        chosen = peer.engine.get_alpn_proto_negotiated() or _ALPN[versions[-1]]
        if chosen == _ALPN["2"]:
            await serve_h2(peer, handler, h2, "https")
        else:
            await serve_h1(peer, handler, h1, "https")

    if context is None:
        assert issued is not None  # noqa: S101 - one of the two was given
        context = server_context(issued, alpn=tuple(_ALPN[version] for version in versions))
    async with tls_server(
        context, application=encrypted, early_data=early_data, host=host, port=port
    ) as bound:
        yield bound
