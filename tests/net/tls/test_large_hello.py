"""A ClientHello of more than one packet fails, and a small one does not."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator

import pytest

from seventh.engine.check import check_one
from seventh.labkit.serve import Kit, tcp_server
from seventh.labkit.tlsserve import server_context as context_of
from seventh.labkit.tlsserve import tls_server
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.model.tlsfacts import TlsFacts
from seventh.net.tls import large_hello
from tests.options import options_with
from tests.reports import found

pytestmark = pytest.mark.field
ONE_PACKET = 1400
ALERTS = {"alert": 40, "decode-error": 50, "version": 70}


class Middle:
    """Something before a TLS server that reads one packet of the first hellos that come."""

    def __init__(self, how: str, port: int, *, most: int = 99) -> None:
        self.how, self.port, self.left = how, port, most

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readexactly(5)
        hello = head + await reader.readexactly(int.from_bytes(head[3:5]))
        if len(hello) > ONE_PACKET and self.left:
            self.left -= 1
            await self._drop(reader, writer)
            return
        there, back = await asyncio.open_connection("127.0.0.1", self.port)
        back.write(hello)
        await asyncio.gather(_pump(reader, back), _pump(there, writer))

    async def _drop(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.how == "reset":
            linger = struct.pack("ii", 1, 0)
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()
        elif self.how in ALERTS:
            writer.write(bytes([21, 3, 3, 0, 2, 2, ALERTS[self.how]]))
            await writer.drain()
        elif self.how == "silence":
            await reader.read(1)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def behind(kit: Kit, how: str, *, most: int = 99) -> AsyncIterator[int]:
    """A server without fault behind something that drops what is large."""
    context = context_of(kit.authority.issue(), alpn=(b"http/1.1",))
    async with tls_server(context) as port, tcp_server(Middle(how, port, most=most)) as before:
        yield before


async def look(kit: Kit, port: int, scheme: str = "tls") -> Report:
    target = Target(scheme=scheme, host="127.0.0.1", port=port)
    ca = str(kit.authority.ca_file)
    return await check_one(
        target, options_with(timeout_seconds=5.0, ca_file=ca, server_name="lab.test")
    )


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("reset", "peer-reset"),
        ("close", "peer-closed"),
        ("alert", "tls-handshake-failed"),
        ("decode-error", "tls-handshake-failed"),
        ("version", "tls-version-unsupported"),
        ("silence", "peer-silent"),
    ],
)
@pytest.mark.parametrize("scheme", ["tls", "https", "wss"])
async def test_the_size_is_named_and_the_rest_is_learnt(
    kit: Kit, scheme: str, how: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large_hello, "SILENCE_SECONDS", 0.05)
    async with behind(kit, how) as port:
        report = await look(kit, port, scheme)
    assert report.failure is not None
    assert (report.failure.reason, report.failure.blame) == (reason, "network")
    assert "post-quantum key share" in report.failure.detail
    assert "may not support TLS" not in report.failure.detail
    facts = report.facts["tls"]
    assert isinstance(facts, TlsFacts)
    assert facts.chain_state == "trusted" and facts.host_matches
    assert facts.large_hello_bytes and facts.small_hello_bytes
    assert facts.large_hello_bytes > ONE_PACKET > facts.small_hello_bytes
    assert "TLS-BIG-HELLO" in found(report)
    assert "TLS-NO-PQ" not in found(report)
    if scheme != "wss":  # which sends no bare hellos
        assert facts.versions_refused == ("SSLv3", "TLSv1.0", "TLSv1.1"), "time was left for them"
        assert not facts.unknown


async def test_a_server_that_fails_once_is_not_blamed_for_its_size(kit: Kit) -> None:
    async with behind(kit, "reset", most=1) as port:
        report = await look(kit, port)
    assert report.failure is not None and report.failure.reason == "peer-reset"
    assert "TLS-BIG-HELLO" not in found(report)


async def test_a_slow_server_is_waited_for(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    """The large hello goes on while the small one is tried."""
    monkeypatch.setattr(large_hello, "SILENCE_SECONDS", 0.0)
    context = context_of(kit.authority.issue())
    async with tls_server(context) as port:
        report = await look(kit, port)
    assert report.failure is None
    assert "TLS-BIG-HELLO" not in found(report)
