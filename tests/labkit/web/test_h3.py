"""The lab's HTTP/3 server, looked at by somebody else's client: aioquic's own."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import QuicEvent

from seventh.labkit.serve import Kit
from seventh.labkit.web.h3 import H3Setup, serve_h3
from seventh.labkit.web.quicserver import QuicSetup
from tests.net.quic.served import DAY, echo


class Client(QuicConnectionProtocol):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.http = H3Connection(self._quic)
        self.head: list[tuple[bytes, bytes]] = []
        self.body = b""
        self.over = asyncio.Event()

    def quic_event_received(self, event: QuicEvent) -> None:
        for found in self.http.handle_event(event):
            if isinstance(found, HeadersReceived):
                self.head += found.headers
            if isinstance(found, DataReceived):
                self.body += found.data
            if getattr(found, "stream_ended", False):
                self.over.set()

    async def get(self, path: str) -> None:
        stream_id = self._quic.get_next_available_stream_id()
        head = [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"localhost"),
                (b":path", path.encode())]  # fmt: skip
        self.http.send_headers(stream_id, head, end_stream=True)
        self.transmit()
        await self.over.wait()


@pytest.mark.parametrize(
    "setup",
    [
        QuicSetup(),
        QuicSetup(retry=True),
        QuicSetup(max_udp_payload=1200, disable_migration=True, early_data="none"),
        QuicSetup(copies=3),
    ],
)
async def test_a_correct_server(kit: Kit, setup: QuicSetup) -> None:
    issued = kit.authority.issue()
    configuration = QuicConfiguration(
        alpn_protocols=["h3"], server_name="localhost", cafile=str(kit.authority.ca_file)
    )
    async with serve_h3(echo, issued, H3Setup(quic=setup)) as (server, port):
        async with (
            asyncio.timeout(5),
            connect(
                "127.0.0.1", port, configuration=configuration, create_protocol=Client
            ) as client,
        ):
            assert isinstance(client, Client)
            await client.get("/lab")
            assert client.head[0] == (b":status", b"200")
            assert client.body == b"GET /lab early=0 body=0"
            assert client.http.received_settings is not None
            assert client.http.received_settings[8] == 1
        assert len(server.seen) == 1


async def test_an_expired_certificate_is_refused_by_others_too(kit: Kit) -> None:
    issued = kit.authority.issue(not_before=-30 * DAY, lifetime=10 * DAY)
    configuration = QuicConfiguration(
        alpn_protocols=["h3"], server_name="localhost", cafile=str(kit.authority.ca_file)
    )
    async with serve_h3(echo, issued) as (_, port):
        with pytest.raises(ConnectionError):
            async with connect("127.0.0.1", port, configuration=configuration):
                pytest.fail("it was accepted")
