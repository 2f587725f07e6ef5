"""QUIC and HTTP/3 against Caddy (quic-go) and against aioquic's own server."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import serve as aioquic_serve
from aioquic.h3.connection import H3Connection as ServerH3
from aioquic.h3.events import HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ProtocolNegotiated, QuicEvent

from seventh.labkit.ca import Issued
from seventh.labkit.serve import Kit, free_port
from seventh.model.failure import Failed, Reason
from seventh.model.options import Options
from seventh.net.address import Address
from seventh.net.probe_context import ProbeContext
from seventh.net.quic import connect as quic
from seventh.net.tls import chain as tlschain
from seventh.web import h3frames
from seventh.web.h3 import H3Connection
from seventh.web.message import Request
from tests.net.quic.served import DAY, NAME, context_for
from tests.peers import need_binary

pytestmark = pytest.mark.peer

CADDYFILE = """{{
  admin off
  auto_https off
  persist_config off
  default_bind 127.0.0.1 {bind}
  servers {{
    protocols h1 h2 h3
  }}
}}
https://localhost:{port}, https://127.0.0.1:{port} {{
  tls {cert} {key}
  handle /big {{
    root * {root}
    file_server
  }}
  handle {{
    header Content-Type text/plain
    respond "hello from caddy"
  }}
}}
"""


def a_context(port: int, kit: Kit) -> ProbeContext:
    return context_for(port, Options(timeout_seconds=8, ca_file=str(kit.authority.ca_file)))


def free_for_both() -> int:
    """A port that TCP and UDP have free: an HTTP/3 server takes the same number of both."""
    for _ in range(50):
        port = free_port(socket.SOCK_DGRAM)
        with (
            contextlib.suppress(OSError),
            socket.socket() as tcp,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        ):
            # Without SO_REUSEADDR, as servers are: what is in use for anything is refused.
            tcp.bind(("127.0.0.1", port))
            udp.bind(("127.0.0.1", port))
            return port
    pytest.fail("no port is free for both TCP and UDP")


@contextlib.asynccontextmanager
async def caddy(folder: Path, issued: Issued, kit: Kit, *, bind: str = "") -> AsyncIterator[int]:
    """Run Caddy with HTTP/3 on a free port; ready when it answers over QUIC.

    ``bind`` is another address to listen on.
    """
    port = free_for_both()
    config = folder / "Caddyfile"
    (folder / "big").write_bytes(bytes(300_000))
    config.write_text(
        CADDYFILE.format(
            port=port, bind=bind, cert=issued.cert_file, key=issued.key_file, root=folder
        )
    )
    log = (folder / "caddy.log").open("wb")
    server = await asyncio.create_subprocess_exec(
        need_binary("caddy"), "run", "--config", str(config), "--adapter", "caddyfile",
        stdout=log, stderr=log,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "XDG_DATA_HOME": str(folder / "d"),
             "XDG_CONFIG_HOME": str(folder / "c")},
    )  # fmt: skip
    log.close()
    try:
        await _ready(server, port, kit, folder)
        yield port
    finally:
        with contextlib.suppress(ProcessLookupError):
            server.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(server.wait(), 5)
        except TimeoutError:
            server.kill()
            await server.wait()


async def _ready(server: asyncio.subprocess.Process, port: int, kit: Kit, folder: Path) -> None:
    for _ in range(100):
        assert server.returncode is None, (folder / "caddy.log").read_text()
        if await answers_h3(port, kit):
            return
        await asyncio.sleep(0.05)  # its port is not open yet; nothing can be waited on
    pytest.fail((folder / "caddy.log").read_text())


async def answers_h3(port: int, kit: Kit, name: str = NAME) -> bool:
    """Whether a request over HTTP/3 gets a response; from then on Caddy announces it over TCP.

    A handshake alone is no sign: quic-go completes it before Caddy takes requests from it.
    """
    ctx = a_context(port, kit)
    try:
        address = Address(ip="127.0.0.1", port=port)
        client = await quic.connect(ctx, address, name, verify=False)
        await H3Connection(client).request(Request(authority=name, path="/"))
    except Failed:
        return False
    else:
        client.close()
        return True
    finally:
        ctx.close()


def get(path: str = "/") -> Request:
    return Request(authority=NAME, path=path)


async def test_caddy_in_full(kit: Kit, tmp_path: Path) -> None:
    issued = kit.authority.issue()
    async with caddy(tmp_path, issued, kit) as port:
        ctx, address = a_context(port, kit), Address(ip="127.0.0.1", port=port)
        client = await quic.connect(ctx, address, NAME)
        connection = H3Connection(client)
        response = await connection.request(get())
        big = await connection.request(get("/big"))
        many = await asyncio.gather(*(connection.request(get(f"/{i}")) for i in range(20)))
        settings = h3frames.named(await connection.settings())
        rtt = await connection.ping()
        await client.settle()
        session, facts = client.session, client.facts()
        migration = await client.migrate()
        after = await connection.request(get("/after"))
        connection.close()
        judged = tlschain.certificate_facts(client.certificates, NAME, ctx.options)

        resumed = await quic.connect(ctx, address, NAME, session=session)
        again = resumed.facts()
        resumed.close()
        early = quic.prepare(ctx, address, NAME, session=session, early=True)
        hasty = H3Connection(early)
        replay = await hasty.request(get())
        hasty.close()
        amplified = await quic.amplification(ctx, address, NAME, seconds=1.0)
        ctx.close()
    assert response.body == b"hello from caddy"
    assert (response.get("server"), response.version) == ("Caddy", "3")
    assert big.body == bytes(300_000)
    assert all(r.status == 200 for r in many)
    assert "ENABLE_CONNECT_PROTOCOL" in {s.name for s in settings}
    assert 0 < rtt < 0.5
    assert facts.parameters is not None
    assert facts.parameters.initial_max_streams_bidi >= 100
    assert facts.parameters.max_idle_timeout_seconds == 30
    assert (migration.challenged, migration.validated, migration.continued) == (True, True, True)
    assert after.status == 200
    assert judged["chain_state"] == "trusted"
    assert session is not None
    assert again.resumed is True
    assert session.early_data
    assert session.token  # NEW_TOKEN
    assert (replay.early, replay.body) == (True, b"hello from caddy")
    # quic-go asks whether the limit is reached, and then sends one whole datagram.
    assert 0 < amplified.excess_bytes < amplified.largest_bytes
    assert amplified.largest_bytes <= 1452


async def test_caddy_with_an_expired_certificate(kit: Kit, tmp_path: Path) -> None:
    issued = kit.authority.issue(not_before=-30 * DAY, lifetime=10 * DAY)
    async with caddy(tmp_path, issued, kit) as port:
        ctx = a_context(port, kit)
        with pytest.raises(Failed) as caught:
            await quic.connect(ctx, Address(ip="127.0.0.1", port=port), NAME)
        ctx.close()
    assert caught.value.reason is Reason.TLS_CERTIFICATE_EXPIRED


async def test_caddy_speaks_no_other_protocol_here(kit: Kit, tmp_path: Path) -> None:
    async with caddy(tmp_path, kit.authority.issue(), kit) as port:
        ctx = a_context(port, kit)
        with pytest.raises(Failed) as caught:
            await quic.connect(ctx, Address(ip="127.0.0.1", port=port), NAME, alpn=("doq",))
        ctx.close()
    assert caught.value.reason is Reason.NEGOTIATION_FAILED


# -- aioquic's own server ----------------------------------------------------------------------


class Example(QuicConnectionProtocol):
    """As in aioquic's examples: an HTTP/3 server on its asyncio protocol."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._http: ServerH3 | None = None

    def quic_event_received(self, event: QuicEvent) -> None:
        if isinstance(event, ProtocolNegotiated):
            self._http = ServerH3(self._quic)
        if self._http is None:
            return
        for found in self._http.handle_event(event):
            if isinstance(found, HeadersReceived):
                head = [(b":status", b"200"), (b"server", b"aioquic-example")]
                self._http.send_headers(found.stream_id, head)
                self._http.send_data(found.stream_id, b"hello", True)
                self.transmit()


@pytest.mark.parametrize("retry", [False, True])
async def test_aioquic_s_own_server(kit: Kit, retry: bool) -> None:
    issued = kit.authority.issue()
    configuration = QuicConfiguration(is_client=False, alpn_protocols=["h3"])
    configuration.load_cert_chain(issued.cert_file, issued.key_file)
    tickets: dict[bytes, Any] = {}
    server = await aioquic_serve(
        "127.0.0.1", 0, configuration=configuration, create_protocol=Example, retry=retry,
        session_ticket_fetcher=tickets.pop,
        session_ticket_handler=lambda t: tickets.__setitem__(t.ticket, t),
    )  # fmt: skip
    assert server._transport is not None
    port = server._transport.get_extra_info("sockname")[1]
    ctx, address = a_context(port, kit), Address(ip="127.0.0.1", port=port)
    try:
        client = await quic.connect(ctx, address, NAME)
        connection = H3Connection(client)
        response = await connection.request(get())
        await client.settle()
        session, facts = client.session, client.facts()
        connection.close()
        assert session is not None
        early = quic.prepare(ctx, address, NAME, session=session, early=True)
        second = H3Connection(early)
        replay = await second.request(get())
        second.close()
    finally:
        ctx.close()
        server.close()
    assert (response.status, response.body) == (200, b"hello")
    assert facts.retry is retry
    assert replay.early
    assert replay.body == b"hello"


async def test_a_forged_token_is_as_none(kit: Kit, tmp_path: Path) -> None:
    """quic-go validates nothing on its account: it keeps the limit of an unknown address."""
    async with caddy(tmp_path, kit.authority.issue(), kit) as port:
        ctx, address = a_context(port, kit), Address(ip="127.0.0.1", port=port)
        plain = await quic.amplification(ctx, address, NAME, seconds=0.5)
        forged = await quic.amplification(ctx, address, NAME, token=bytes(range(64)), seconds=0.5)
        ctx.close()
    assert plain.shook and forged.shook
    assert forged.excess_bytes <= forged.largest_bytes
