"""Proxies that lie, drip, flood and hang: typed, bounded, and never a word about the target."""

from __future__ import annotations

import pytest

from seventh.engine.check import check_one
from seventh.labkit.serve import Handler, tcp_server
from seventh.model.failure import Blame, Reason
from seventh.model.options import Options
from seventh.model.target import Target
from tests.hostile.bounds import bounded
from tests.hostile.servers import Reader, Writer, answering, dripping, flooding, saying, silent
from tests.options import options_with

TARGET = Target(scheme="ssh", host="behind.seventh.invalid", port=22)
SECONDS = 1.5
"""The deadline of a check; the peers would go on for ever."""
HEAD = b"HTTP/1.1 200 OK\r\n"


async def half_a_reply(reader: Reader, writer: Writer) -> None:
    await reader.readexactly(3)
    writer.write(b"\5\0")
    await reader.read(99)
    writer.write(b"\5\0\0\3\xff")
    await reader.read(-1)


FAULTS: dict[str, tuple[str, Handler]] = {
    "http-drips-a-head": ("http", dripping(HEAD + b"A: b\r\n" * 9)),
    "http-floods-a-head": ("http", flooding(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 99)),
    "http-floods-a-line": ("http", flooding(b"HTTP/1.1 200 OK")),
    "http-interim-for-ever": ("http", flooding(b"HTTP/1.1 100 Continue\r\n\r\n")),
    "http-cut-head": ("http", answering(HEAD + b"A: b")),
    "http-half-a-head": ("http", saying(HEAD + b"A: b")),
    "socks-drips-refused-methods": ("socks5h", dripping(b"\5\7")),
    "socks-silent": ("socks5h", silent),
    "socks-half-a-method": ("socks5h", saying(b"\5")),
    "socks-cut-method": ("socks5h", answering(b"\5")),
    "socks-half-a-reply": ("socks5h", half_a_reply),
    "socks-cut-reply": ("socks5h", answering(b"\5\0\5\0\0\3\xff")),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_a_proxy_that_never_gets_it_done(name: str) -> None:
    scheme, handler = FAULTS[name]
    async with tcp_server(handler) as port:
        with bounded(SECONDS, 8):
            report = await check_one(TARGET, options(scheme, port))
    assert report.failure is not None
    assert (report.failure.reason, report.failure.blame) == (Reason.PROXY_FAILED, Blame.PROXY)
    assert "the proxy " in report.failure.detail
    assert report.failure.phase in {"connect", "proxy.auth"}
    assert not report.findings
    assert "ssh" not in report.facts or not report.passed


@pytest.mark.parametrize("scheme", ["http", "socks5h"])
async def test_a_proxy_that_hangs_with_our_request(scheme: str) -> None:
    """It may be waiting for the target: that is not known, and said so."""

    async def hangs(reader: Reader, writer: Writer) -> None:
        if scheme != "http":
            await reader.readexactly(3)
            writer.write(b"\5\0")
        await reader.read(-1)

    async with tcp_server(hangs) as port:
        with bounded(SECONDS, 8):
            report = await check_one(TARGET, options(scheme, port))
    assert report.failure is not None
    assert report.failure.reason is Reason.CONNECT_TIMEOUT
    assert "or the proxy hangs" in report.failure.detail


@pytest.mark.parametrize("data", [b"\x1b[2J" * 9, b"HTTP/1.1 403 \x1b[2J\r\n\r\n"])
async def test_nothing_that_it_says_reaches_the_terminal(data: bytes) -> None:
    async with tcp_server(answering(data)) as port:
        report = await check_one(TARGET, options("http", port))
    assert report.failure is not None
    assert report.failure.detail.isprintable()
    assert "\\x1b" in report.failure.detail


@pytest.mark.parametrize("scheme", ["http", "socks5h"])
async def test_a_flood_in_the_tunnel_is_the_target_s(scheme: str) -> None:
    async def floods(reader: Reader, writer: Writer) -> None:
        if scheme != "http":
            await reader.readexactly(3)
            writer.write(b"\5\0")
        await reader.read(999)
        writer.write(HEAD + b"\r\n" if scheme == "http" else b"\5\0\0\1" + bytes(6))
        await flooding(b"SSH")(reader, writer)

    async with tcp_server(floods) as port:
        with bounded(SECONDS, 16):
            report = await check_one(TARGET, options(scheme, port))
    assert report.failure is not None
    assert report.failure.phase == "ssh.banner"
    assert report.failure.blame is Blame.PEER


def options(scheme: str, port: int) -> Options:
    return options_with(proxy=f"{scheme}://127.0.0.1:{port}", timeout_seconds=SECONDS)
