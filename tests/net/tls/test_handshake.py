"""TLS over our own streams, against OpenSSL's server side."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from OpenSSL import SSL

from seventh.labkit.serve import Kit, tcp_server
from seventh.labkit.tlsserve import TlsPeer, echo, server_context, tls_server
from seventh.model.failure import Failed, Reason, UsageError
from seventh.model.phase import Mark
from seventh.model.target import Target
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import now_ns
from seventh.net.stream import Stream
from seventh.net.tls import context as tlscontext
from seventh.net.tls.handshake import prepare, start_tls
from seventh.net.tls.session import Session
from seventh.net.tls.stream import TlsStream
from seventh.wire import tlshello
from seventh.wire import tlsnames as n
from tests.options import options_with


@contextlib.asynccontextmanager
async def probing(port: int, **options: Any) -> AsyncIterator[ProbeContext]:
    target = Target(scheme="tls", host="127.0.0.1", port=port)
    ctx = ProbeContext(target, options_with(**{"timeout_seconds": 5.0, **options}), connections=12)
    try:
        yield ctx
    finally:
        ctx.close()


async def start(ctx: ProbeContext, **more: Any) -> TlsStream:
    return await start_tls(await ctx.connect(), ctx.options, "lab.test", watch=ctx.watch, **more)


@pytest.fixture
def ca(kit: Kit) -> str:
    return str(kit.authority.ca_file)


@pytest.mark.parametrize("best", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION])
async def test_bytes_go_both_ways(kit: Kit, ca: str, best: int) -> None:
    async with (
        tls_server(server_context(kit.authority.issue(), best=best)) as port,
        probing(port, ca_file=ca) as ctx,
    ):
        stream = await start(ctx)
        assert stream.version == best
        big = bytes(range(256)) * 1024
        await stream.send(big)
        got = bytearray()
        while len(got) < len(big):
            data, mark = await stream.receive()
            assert mark.ns <= now_ns()
            got += data
        assert got == big
        phases = {p.name: p for p in ctx.watch.phases}
        assert set(phases) == {"connect", "tls", "tls.hello", "tls.finish"}
        parts = phases["tls.hello"].seconds + phases["tls.finish"].seconds
        assert phases["tls"].seconds == pytest.approx(parts, abs=1e-6)


async def test_a_goodbye_and_a_cut_both_end_the_stream(kit: Kit, ca: str) -> None:
    async def polite(peer: TlsPeer) -> None:
        await peer.send(b"last words")
        peer.engine.shutdown()
        await peer._flush()

    async def rude(peer: TlsPeer) -> None:
        await peer.send(b"last words")

    for application in (polite, rude):
        context = server_context(kit.authority.issue())
        async with (
            tls_server(context, application=application) as port,
            probing(port, ca_file=ca) as ctx,
        ):
            stream = await start(ctx)
            assert (await stream.receive())[0] == b"last words"
            assert (await stream.receive())[0] == b""


async def test_tls_inside_tls(kit: Kit, ca: str) -> None:
    inner_context = server_context(kit.authority.issue("inner.test"))

    async def inside(outer: TlsPeer) -> None:
        inner = SSL.Connection(inner_context, None)
        inner.set_accept_state()
        while data := await outer.receive():
            inner.bio_write(data)
            with contextlib.suppress(SSL.WantReadError):
                inner.do_handshake()
                inner.sendall(inner.recv(65536))
            with contextlib.suppress(SSL.WantReadError):
                await outer.send(inner.bio_read(65536))

    async with (
        tls_server(server_context(kit.authority.issue()), application=inside) as port,
        probing(port, ca_file=ca) as ctx,
    ):
        outer = await start(ctx)
        inner = await start_tls(outer, ctx.options, "inner.test", watch=ctx.watch)
        await inner.send(b"deep")
        assert (await inner.receive())[0] == b"deep"


async def test_tls_starts_in_place(kit: Kit, ca: str) -> None:
    context = server_context(kit.authority.issue())

    async def starttls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ready\r\n")
        assert await reader.readline() == b"STARTTLS\r\n"
        writer.write(b"220 go\r\n")
        peer = TlsPeer(reader, writer, context)
        await peer.shake_hands(await reader.read(65536))
        await echo(peer)

    async with tcp_server(starttls) as port, probing(port, ca_file=ca) as ctx:
        stream = await ctx.connect()
        assert (await stream.receive())[0] == b"220 ready\r\n"
        await stream.send(b"STARTTLS\r\n")
        assert (await stream.receive())[0] == b"220 go\r\n"
        tls = await start_tls(stream, ctx.options, "lab.test", watch=ctx.watch)
        await tls.send(b"EHLO\r\n")
        assert (await tls.receive())[0] == b"EHLO\r\n"


@pytest.mark.parametrize("best", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION])
async def test_a_session_is_taken_up_again(kit: Kit, ca: str, best: int) -> None:
    context = server_context(kit.authority.issue(), best=best)
    async with tls_server(context) as port, probing(port, ca_file=ca) as ctx:
        first = await start(ctx)
        assert not first.resumed
        assert await first.settle() == 2 if best == SSL.TLS1_3_VERSION else 1
        session = first.session
        assert session is not None
        await first.aclose()
        for _ in range(3):
            again = await start(ctx, session=session)
            assert again.resumed
            assert again.certificates == first.certificates
            await again.send(b"x")
            assert (await again.receive())[0] == b"x"
            await again.aclose()


async def test_a_resumed_session_is_held_against_the_name_too(kit: Kit, ca: str) -> None:
    async with (
        tls_server(server_context(kit.authority.issue())) as port,
        probing(port, ca_file=ca) as ctx,
    ):
        first = await start(ctx)
        await first.settle()
        session = first.session
        await first.aclose()
        with pytest.raises(Failed, match=r"not for other\.test") as caught:
            await start_tls(
                await ctx.connect(), ctx.options, "other.test", watch=ctx.watch, session=session
            )
        assert caught.value.reason is Reason.TLS_CERTIFICATE_HOST_MISMATCH


async def test_a_session_remembers_what_was_wrong(kit: Kit) -> None:
    async with (
        tls_server(server_context(kit.authority.issue())) as port,
        probing(port, ca_store="") as ctx,
    ):
        first = await start(ctx, verify=False, profile="lenient")
        await first.settle()
        session = first.session
        assert isinstance(session, Session)
        assert session.errors
        await first.aclose()
        with pytest.raises(Failed) as caught:
            await start(ctx, session=session)
        assert caught.value.reason is Reason.TLS_CERTIFICATE_UNTRUSTED


async def test_data_that_comes_while_settling_is_kept(kit: Kit, ca: str) -> None:
    async def greets(peer: TlsPeer) -> None:
        await peer.send(b"* OK ready\r\n")
        await echo(peer)

    context = server_context(kit.authority.issue())
    async with tls_server(context, application=greets) as port, probing(port, ca_file=ca) as ctx:
        stream = await start(ctx)
        await stream.settle()
        assert (await stream.receive())[0] == b"* OK ready\r\n"


# -- trust -------------------------------------------------------------------------------------


async def test_without_the_ca_it_is_not_trusted(kit: Kit) -> None:
    async with tls_server(server_context(kit.authority.issue())) as port, probing(port) as ctx:
        with pytest.raises(Failed) as caught:
            await start(ctx)
    assert caught.value.reason is Reason.TLS_CERTIFICATE_UNTRUSTED
    assert "Seventh throw-away root" in caught.value.detail


async def test_the_environment_does_not_decide(
    kit: Kit, ca: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SSL_CERT_FILE adds no trust, and takes none from --ca."""
    monkeypatch.setenv("SSL_CERT_FILE", ca)
    monkeypatch.setenv("SSL_CERT_DIR", "/nowhere")
    tlscontext.context_of.cache_clear()
    tlscontext._system_store.cache_clear()
    async with tls_server(server_context(kit.authority.issue())) as port:
        async with probing(port, ca_store="/etc/hostname") as ctx:
            with pytest.raises(UsageError, match="no readable PEM"):
                await start(ctx)
        async with probing(port, ca_store=str(Path("/etc"))) as ctx:
            with pytest.raises(Failed):
                await start(ctx)
        monkeypatch.setenv("SSL_CERT_FILE", "/etc/hostname")
        async with probing(port, ca_file=ca) as ctx:
            await start(ctx)


@pytest.mark.parametrize("what", ["leaf", "intermediate"])
async def test_what_is_given_is_trusted_though_no_root(kit: Kit, tmp_path: Path, what: str) -> None:
    issued = kit.authority.issue(self_signed=what == "leaf")
    given = tmp_path / "given.pem"
    if what == "leaf":
        given.write_bytes(issued.cert_file.read_bytes())
    else:
        given.write_bytes(
            issued.cert_file.read_bytes().partition(b"-----END CERTIFICATE-----\n")[2]
        )
    async with (
        tls_server(server_context(issued)) as port,
        probing(port, ca_file=str(given)) as ctx,
    ):
        await start(ctx)


async def test_a_client_certificate_is_shown(kit: Kit, ca: str) -> None:
    client = kit.authority.issue("client.test", client=True)
    context = server_context(kit.authority.issue(), need_client=True, client_ca=ca)
    async with tls_server(context) as port:
        files = {"cert_file": str(client.cert_file), "key_file": str(client.key_file)}
        async with probing(port, ca_file=ca, **files) as ctx:
            stream = await start(ctx)
            await stream.send(b"x")
            assert (await stream.receive())[0] == b"x"
        async with probing(port, ca_file=ca) as ctx:
            with pytest.raises(Failed) as caught:
                await start(ctx)
    assert caught.value.reason is Reason.TLS_CLIENT_CERTIFICATE_REQUIRED
    assert "certificate_required" in caught.value.detail


async def test_a_name_that_is_none_is_the_persons_to_mend(kit: Kit, ca: str) -> None:
    async with (
        tls_server(server_context(kit.authority.issue())) as port,
        probing(port, ca_file=ca) as ctx,
    ):
        for name in ("bücher.example", "a" * 300, "."):
            with pytest.raises(UsageError, match="--server-name"):
                await start_tls(await ctx.connect(), ctx.options, name, watch=ctx.watch)


# -- what goes wrong ---------------------------------------------------------------------------


async def _against(reply: bytes, *, close: bool = True) -> Failed:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(reply)
        await writer.drain()
        if not close:
            await reader.read(-1)

    async with tcp_server(handler) as port, probing(port, timeout_seconds=1.0) as ctx:
        with pytest.raises(Failed) as caught:
            await start(ctx)
    assert caught.value.phase == "tls"
    return caught.value


def _alert(code: int) -> bytes:
    return tlshello.alert(code)


@pytest.mark.parametrize(
    ("reply", "reason", "said"),
    [
        (b"", Reason.PEER_CLOSED, "may not support TLS"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", Reason.PROTOCOL_MISMATCH, "serves HTTP, not TLS"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", Reason.PROTOCOL_MISMATCH, "serves SSH, not TLS"),
        (b"220 mail ESMTP\r\n", Reason.PROTOCOL_MISMATCH, "serves SMTP"),
        (b"\x00\x01\x02\x03rubbish", Reason.TLS_NOT_TLS, "begins with 00 01 02 03"),
        (b"?", Reason.TLS_NOT_TLS, "begins with 3f"),
        (_alert(40), Reason.TLS_HANDSHAKE, "alert handshake_failure"),
        (_alert(112), Reason.TLS_HANDSHAKE, "alert unrecognized_name"),
        (_alert(70), Reason.TLS_VERSION, "protocol_version"),
        (_alert(116), Reason.TLS_CLIENT_CERTIFICATE_REQUIRED, "--cert"),
        (b"\x16\x03\x03\x00\x04\x02\x00\x00\x50", Reason.PEER_CLOSED, "during the handshake"),
        (b"\x16\x03\x03\x00\x04\x0b\x00\x00\x00", Reason.TLS_HANDSHAKE, "unexpected message"),
        (b"\x16\x03", Reason.PEER_CLOSED, "during the handshake"),
    ],
)
async def test_replies_that_are_no_handshake(reply: bytes, reason: Reason, said: str) -> None:
    failed = await _against(reply)
    assert failed.reason is reason
    assert said in failed.detail


async def test_an_old_version_is_named() -> None:
    hello = tlshello.ServerHello(version=n.TLS10, random=b"r" * 32, suite=0x002F)
    failed = await _against(tlshello.record(22, tlshello.encode_server_hello(hello)))
    assert failed.reason is Reason.TLS_VERSION
    assert "TLSv1.0" in failed.detail


async def test_a_silent_peer_costs_the_deadline_and_no_more() -> None:
    started = time.monotonic()
    failed = await _against(b"", close=False)
    assert failed.reason is Reason.PEER_SILENT
    assert time.monotonic() - started < 2


async def test_a_plain_text_peer_in_pieces_is_still_named() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in (b"S", b"S", b"H", b"-", b"2.0-x\r\n"):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        await reader.read(-1)

    async with tcp_server(handler) as port, probing(port) as ctx:
        with pytest.raises(Failed, match=r"SSH|no TLS"):
            await start(ctx)


class Replay(Stream):
    """A stream whose peer says the same chunk again and again."""

    def __init__(self, below: Stream, chunk: bytes) -> None:
        self.address = below.address
        self.opened = below.opened
        self._below = below
        self._chunk = chunk

    @property
    def budget(self) -> Any:
        return self._below.budget

    async def send(self, data: bytes) -> Mark:
        return Mark(now_ns(), "user")

    async def receive(self, deadline_ns: int | None = None) -> tuple[bytes, Mark]:
        return self._chunk, Mark(now_ns(), "user")

    def close(self) -> None:
        self._below.close()


async def test_endless_handshakes_are_capped(kit: Kit, ca: str) -> None:
    endless = tlshello.record(22, b"\x02\x01\xff\xff" + b"\x00" * 16000)
    async with (
        tls_server(server_context(kit.authority.issue())) as port,
        probing(port, ca_file=ca) as ctx,
    ):
        below = await ctx.connect()
        for chunk in (endless, tlshello.record(22, b"") * 100, tlshello.record(21, b"\x01\x5a")):
            stream = prepare(Replay(below, chunk), ctx.options, "lab.test")
            with pytest.raises(Failed) as caught:
                await stream.handshake(ctx.watch)
            assert caught.value.reason in {Reason.TLS_HANDSHAKE, Reason.BUDGET_EXCEEDED}
            assert stream.handshake_bytes < 200_000


async def test_a_failed_handshake_keeps_what_it_taught(kit: Kit) -> None:
    context = server_context(kit.authority.issue(), need_client=True, best=SSL.TLS1_2_VERSION)
    async with tls_server(context) as port, probing(port) as ctx:
        stream = prepare(await ctx.connect(), ctx.options, "lab.test")
        with pytest.raises(Failed) as caught:
            await stream.handshake(ctx.watch)
        assert caught.value.reason is Reason.TLS_CLIENT_CERTIFICATE_REQUIRED
        assert len(stream.certificates) == 2
        assert stream.asked_for_certificate
        assert stream.hello is not None
        assert stream.hello.negotiated == n.TLS12


@pytest.mark.parametrize("best", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION])
async def test_a_protocol_that_was_not_offered(kit: Kit, best: int) -> None:
    """Apache answers ``http/1.1`` to whoever offers what it has not."""
    context = server_context(kit.authority.issue(), best=best)
    context.set_alpn_select_callback(lambda _, offered: b"http/1.1")
    async with tls_server(context) as port, probing(port) as ctx:
        stream = prepare(await ctx.connect(), ctx.options, "lab.test", alpn=("h2",))
        with pytest.raises(Failed) as caught:
            await stream.handshake(ctx.watch)
    assert caught.value.reason is Reason.NEGOTIATION_FAILED
    assert caught.value.detail == "the server selected http/1.1 (ALPN), which was not offered"


async def test_a_busy_loop_does_not_lengthen_the_handshake(kit: Kit, ca: str) -> None:
    """The bytes wait 60 ms with the kernel; the phases leave that out."""
    context = server_context(kit.authority.issue())
    async with tls_server(context) as port, probing(port, ca_file=ca) as ctx:
        stream = prepare(await ctx.connect(), ctx.options, "lab.test")
        original = stream._below.receive
        held_ns = 0

        async def late(deadline_ns: int | None = None) -> tuple[bytes, Mark]:
            nonlocal held_ns
            data, mark = await original(deadline_ns)
            arrived = now_ns()
            time.sleep(0.06)  # holds the loop up; nothing is waited for
            held_ns += now_ns() - arrived
            return data, mark

        stream._below.receive = late  # type: ignore[method-assign]
        began = now_ns()
        await stream.handshake(ctx.watch)
        whole_ns = now_ns() - began
        phases = {p.name: p for p in ctx.watch.phases}
        assert held_ns
        assert phases["tls"].clock == "kernel"
        assert phases["tls"].seconds <= (whole_ns - held_ns) / 1e9


async def test_what_a_peer_said_before_its_reset_is_read(kit: Kit, ca: str) -> None:
    """Sending fails first; what lies with the kernel is read all the same."""
    async with (
        tls_server(server_context(kit.authority.issue())) as port,
        probing(port, ca_file=ca) as ctx,
    ):
        stream = await start(ctx)
        await stream.send(b"say this back")
        below = stream._below

        async def severed(data: bytes) -> Mark:
            raise Failed(Reason.PEER_RESET, f"{len(data)} bytes went nowhere")

        monkey = pytest.MonkeyPatch()
        monkey.setattr(type(below), "send", lambda _, data: severed(data))
        try:
            with pytest.raises(Failed):
                await stream.send(bytes(200_000))
            got = b""
            while len(got) < 13:
                got += (await stream.receive())[0]
        finally:
            monkey.undo()
    assert got == b"say this back"


async def test_the_minimum_rate_is_enforced_below(kit: Kit) -> None:
    async with (
        tls_server(server_context(kit.authority.issue())) as port,
        probing(port) as ctx,
    ):
        below = await ctx.connect()
        stream = prepare(below, ctx.options, "lab.test")
        stream.expect_silence()
        assert below._meter.patient
        stream.expect_answers()
        assert not below._meter.patient
        stream.close()
