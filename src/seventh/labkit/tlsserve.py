"""A TLS server for labs: OpenSSL behind asyncio streams, with a hook for ClientHellos.

The hook gives the replies that OpenSSL no longer can (SSLv3, RC4, a 512-bit prime): a function of
the ClientHello that returns the bytes of the reply, or None to leave it to OpenSSL.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from OpenSSL import SSL

from seventh.labkit.ca import Issued
from seventh.labkit.serve import tcp_server
from seventh.model.failure import ProtocolViolation
from seventh.net.tls import openssl as tlsopenssl
from seventh.net.tls.channel_binding import end_point
from seventh.wire import tlshello
from seventh.wire import tlsnames as n
from seventh.wire.sasl import Binding

HelloHook = Callable[[tlshello.ClientHello], bytes | None]
Front = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[bool]]
"""What precedes TLS on a connection; returns whether TLS starts."""
Application = Callable[["TlsPeer"], Awaitable[None]]
GOOD_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
GOOD_GROUPS = "X25519MLKEM768:X25519:P-256"
_CHUNK = 65536


def server_context(
    issued: Issued,
    *,
    ciphers: str = GOOD_CIPHERS,
    groups: str = GOOD_GROUPS,
    best: int = SSL.TLS1_3_VERSION,
    resume: bool = True,
    early_data: int = 0,
    anti_replay: bool = True,
    ask_client: bool = False,
    need_client: bool = False,
    client_ca: str | None = None,
    alpn: tuple[bytes, ...] = (),
    second: Issued | None = None,
    default: Issued | None = None,
    staple: bytes | None = None,
) -> SSL.Context:
    """Return a server's context; without arguments, one without faults.

    ``second`` is a certificate of another key type; ``default`` that for clients without SNI;
    ``staple`` is the OCSP response to send.
    """
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_max_proto_version(best)
    context.set_cipher_list(f"{ciphers}:@SECLEVEL=0".encode())
    tlsopenssl.set_groups(context, groups)
    for each in (issued, second):
        if each is not None:
            context.use_certificate_chain_file(str(each.cert_file))
            context.use_privatekey_file(str(each.key_file))
    if default is not None:
        unnamed = server_context(default, ciphers=ciphers, groups=groups, best=best)
        context.set_tlsext_servername_callback(
            lambda engine: engine.set_context(context if engine.get_servername() else unnamed)
        )
    context.set_session_id(b"seventh-lab")
    context.set_options(SSL.OP_CIPHER_SERVER_PREFERENCE)
    if staple is not None:
        context.set_ocsp_server_callback(lambda *_: staple)
    if not resume:
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        context.set_options(SSL.OP_NO_TICKET)
    if early_data:
        tlsopenssl.allow_early_data(context, early_data)
    if not anti_replay:
        tlsopenssl.allow_replays(context)
    if ask_client or need_client:
        mode = SSL.VERIFY_PEER | (SSL.VERIFY_FAIL_IF_NO_PEER_CERT if need_client else 0)
        context.set_verify(mode, lambda *_: bool(_[4]))
        if client_ca is not None:
            context.load_verify_locations(client_ca)
    if alpn:
        context.set_alpn_select_callback(
            lambda _, offered: next(
                (name for name in alpn if name in offered), SSL.NO_OVERLAPPING_PROTOCOLS
            )
        )
    return context


class TlsPeer:
    """The server's end of one connection."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        context: SSL.Context,
        *,
        early_data: bool = False,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._expects_early_data = early_data
        """Whether the client may still send early data; until then, all that is sent goes early."""
        self._early_data = b""
        self.engine = SSL.Connection(context, None)
        self.engine.set_accept_state()

    async def shake_hands(self, first: bytes) -> None:
        """Begin with the bytes ``first``; return with the handshake's end or with early data.

        Raises SSL.Error.
        """
        self.engine.bio_write(first)
        try:
            while True:
                try:
                    self._early_data = self._take_early_data()
                    if not self._early_data:
                        self.engine.do_handshake()
                except SSL.WantReadError:
                    await self._flush()
                    await self._more()
                else:
                    return
        finally:
            await self._flush()

    def bindings(self, certificate: bytes) -> tuple[Binding, ...]:
        """Return the channel bindings of the connection; ``certificate`` is ours, in DER."""
        exported = self.engine.export_keying_material(b"EXPORTER-Channel-Binding", 32, b"")
        by_certificate = end_point(certificate)
        return (
            Binding("tls-exporter", exported),
            *([by_certificate] if by_certificate is not None else []),
        )

    def _take_early_data(self) -> bytes:
        """Return the early data that is there; ``b""`` after its end. Raises WantReadError."""
        taken, self._early_data = self._early_data, b""
        while self._expects_early_data:
            done, data = tlsopenssl.take_early_data(self.engine)
            taken += data
            self._expects_early_data = not done
            if not (done or data):
                if taken:
                    break
                raise SSL.WantReadError
        return taken

    async def receive(self) -> bytes:
        """Return the next decrypted bytes, early ones first; ``b""`` at the end."""
        while True:
            try:
                return self._take_early_data() or self.engine.recv(_CHUNK)
            except SSL.WantReadError:
                await self._flush()
                try:
                    await self._more()
                except asyncio.IncompleteReadError:
                    return b""
            except SSL.ZeroReturnError:
                self.engine.shutdown()
                await self._flush()
                return b""

    async def send(self, data: bytes) -> None:
        """Encrypt and send, before the handshake is complete where the request was early."""
        if not (self._expects_early_data and tlsopenssl.offer_early_data(self.engine, data)):
            self.engine.sendall(data)
        await self._flush()

    async def _more(self) -> None:
        data = await self._reader.read(_CHUNK)
        if not data:
            raise asyncio.IncompleteReadError(b"", None)
        self.engine.bio_write(data)

    async def _flush(self) -> None:
        with contextlib.suppress(SSL.WantReadError):
            while True:
                self._writer.write(self.engine.bio_read(_CHUNK))
        await self._writer.drain()


async def echo(peer: TlsPeer) -> None:
    """Send back what is received."""
    while data := await peer.receive():
        await peer.send(data)


@contextlib.asynccontextmanager
async def tls_server(
    context: SSL.Context,
    *,
    front: Front | None = None,
    on_hello: HelloHook | None = None,
    application: Application = echo,
    early_data: bool = False,
    host: str = "127.0.0.1",
    port: int = 0,
) -> AsyncIterator[int]:
    """Serve TLS on a free port, or on ``port``; gives the port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if front is not None and not await front(reader, writer):
            return
        first, hello = await _first_hello(reader)
        answer = on_hello(hello) if on_hello is not None and hello is not None else None
        if answer is not None:
            writer.write(answer)
            await writer.drain()
            await reader.read(_CHUNK)  # until the client closes: a reset could discard the answer
            return
        peer = TlsPeer(reader, writer, context, early_data=early_data)
        with contextlib.suppress(SSL.Error):
            await peer.shake_hands(first)
            await application(peer)

    async with tcp_server(serve, host, port) as bound:
        yield bound


async def _first_hello(
    reader: asyncio.StreamReader,
) -> tuple[bytes, tlshello.ClientHello | None]:
    """Return the first bytes, and the ClientHello where they are a record with one."""
    head = await reader.readexactly(5)
    if head[0] != n.HANDSHAKE:
        return head, None  # no TLS: OpenSSL refuses it, and it has no length to wait for
    body = await reader.readexactly(int.from_bytes(head[3:5], "big"))
    if body[:1] == bytes([n.CLIENT_HELLO]):
        with contextlib.suppress(ProtocolViolation):
            return head + body, tlshello.parse_client_hello(body[4:])
    return head + body, None
