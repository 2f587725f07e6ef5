"""What a hostile peer can write in HTTP's own grammar: each ends typed, in time, fit to show."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pylsqpack
import pytest
from hpack import Encoder

from seventh.labkit.serve import Handler as TcpHandler
from seventh.labkit.serve import Kit, tcp_server
from seventh.labkit.web import h2faults
from seventh.labkit.web.h2faults import Fault, frame, head
from seventh.labkit.web.h3 import H3Peer, H3Setup, Wire
from seventh.labkit.web.h3 import frame as h3frame
from seventh.labkit.web.peer import H1Setup, Peer, linger
from seventh.model.failure import Failed, Reason
from seventh.net.quic import connect as quic
from seventh.web import h2frames as f
from seventh.web.connection import HttpConnection
from seventh.web.h1 import H1Connection
from seventh.web.h3 import H3Connection
from seventh.web.message import Request
from seventh.wire.text import printable
from tests.hostile import servers
from tests.net.quic.served import NAME, lab
from tests.web.support import ask, h2, tcp

V, M, C, S = (
    Reason.PROTOCOL_VIOLATION, Reason.PROTOCOL_MISMATCH, Reason.PEER_CLOSED, Reason.PEER_SILENT,
)  # fmt: skip
SECONDS = 1.5


async def end_of(connection: HttpConnection, request: Request) -> Reason | int:
    """The reason, whose words are fit for a terminal and no Python; or the status."""
    try:
        return (await connection.request(request)).status
    except Failed as caught:
        failed = caught
    finally:
        connection.close()
    assert failed.detail == printable(failed.detail, len(failed.detail))
    assert "bytearray" not in failed.detail
    return failed.reason


# -- HTTP/1.1 --------------------------------------------------------------------------------------


def h1_head(*lines: bytes, status: bytes = b"HTTP/1.1 200 OK") -> bytes:
    return b"\r\n".join((status, *lines, b"", b""))


NONE = b"Content-Length: 0"
CHUNKED = h1_head(b"Transfer-Encoding: chunked")
SAID: dict[str, tuple[bytes, Reason | int]] = {
    "status 099": (h1_head(NONE, status=b"HTTP/1.1 099 X"), V),
    "status 600": (h1_head(NONE, status=b"HTTP/1.1 600 X"), 600),
    "status 1000": (h1_head(NONE, status=b"HTTP/1.1 1000 X"), V),
    "no minor version": (h1_head(NONE, status=b"HTTP/9 200 X"), V),
    "escapes in the reason": (h1_head(NONE, status=b"HTTP/1.1 200 \x1b[2J\xff"), 200),
    "HTTP/0.9": (b"<html>as in 1991</html>", M),
    "one letter": (b"H", S),
    "negative length": (h1_head(b"Content-Length: -1"), V),
    "signed length": (h1_head(b"Content-Length: +1") + b"x", V),
    "hexadecimal length": (h1_head(b"Content-Length: 0x1") + b"x", V),
    "length beyond all": (h1_head(b"Content-Length: " + b"9" * 30), V),
    "the same length twice": (h1_head(b"Content-Length: 1", b"Content-Length: 1") + b"x", 200),
    "two lengths": (h1_head(b"Content-Length: 1", b"Content-Length: 2") + b"xy", V),
    "another transfer coding": (h1_head(b"Transfer-Encoding: cake, chunked"), V),
    "chunked twice": (h1_head(*[b"Transfer-Encoding: chunked"] * 2), V),
    "NUL in a value": (h1_head(b"X: a\0b", NONE), V),
    "CR in a value": (h1_head(b"X: a\rb", NONE), 200),
    "escapes in a value": (h1_head(b"X: \x1b[2J", NONE), 200),
    "blank in a name": (h1_head(b"X Y: a", NONE), 200),
    "blank before the colon": (h1_head(b"X : a", NONE), 200),
    "no name": (h1_head(b": a", NONE), 200),
    "no colon": (h1_head(b"nonsense", NONE), 200),
    "folded from the start": (h1_head(b" folded", NONE), 200),
    "folded without end": (h1_head(b"X: a" + b"\r\n b" * 400, NONE), 200),
    "negative chunk": (CHUNKED + b"-1\r\nx\r\n", V),
    "signed chunk": (CHUNKED + b"+1\r\nx\r\n", V),
    "0x chunk": (CHUNKED + b"0x1\r\nx\r\n", V),
    "chunk beyond all": (CHUNKED + b"f" * 300 + b"\r\nx\r\n", V),
    "chunk of 2^64-1": (CHUNKED + b"f" * 16 + b"\r\nx", S),
    "chunk without its end": (CHUNKED + b"1\r\nxy\r\n0\r\n\r\n", V),
    "an extension of megabytes": (CHUNKED + b"1;a=" + b"x" * (4 << 20) + b"\r\nx\r\n", V),
    "a broken trailer": (CHUNKED + b"0\r\nbad name: x\r\n\r\n", V),
    "a 1xx and then another protocol": (b"HTTP/1.1 100 C\r\n\r\nSSH-2.0", V),
    "a 101 that nobody asked for": (b"HTTP/1.1 101 S\r\nUpgrade: x\r\n\r\n", V),
    "a body behind a 204": (h1_head(status=b"HTTP/1.1 204 N") + b"abc", 204),
    "a body behind a 304": (h1_head(b"Content-Length: 3", status=b"HTTP/1.1 304 N") + b"abc", 304),
    "a TLS alert": (b"\x15\x03\x03\x00\x02\x02\x28", M),
    "HTTP/2": (bytes(3) + b"\4" + bytes(5), M),
}


def h1_loop(first: bytes, again: bytes) -> TcpHandler:
    async def serve(reader: servers.Reader, writer: servers.Writer) -> None:
        await reader.read(65536)
        writer.write(first)
        while True:
            writer.write(again * max(1, 32768 // len(again)))
            await writer.drain()

    return serve


LOOPS: dict[str, tuple[TcpHandler, Reason | int]] = {
    "1xx": (h1_loop(b"", b"HTTP/1.1 100 C\r\n\r\n"), V),
    "long 1xx": (h1_loop(b"", b"HTTP/1.1 103 C\r\nX: " + b"y" * 60000 + b"\r\n\r\n"), V),
    "one line": (h1_loop(b"HTTP/1.1 200 OK\r\n", b"a" * 100), V),
    "fields": (h1_loop(b"HTTP/1.1 200 OK\r\n", b"a: b\r\n"), V),
    "blank lines": (h1_loop(b"", b"\r\n"), M),
    "extensions": (h1_loop(CHUNKED, b"1;" + b"x" * 1000 + b"\r\nx\r\n"), V),
    "small chunks": (h1_loop(CHUNKED, b"10\r\n" + b"x" * 16 + b"\r\n"), V),
    "trailers": (h1_loop(CHUNKED + b"0\r\n", b"a: b\r\n"), V),
    "a body": (h1_loop(h1_head(), b"x" * 32768), 200),
}


@pytest.mark.parametrize("case", SAID)
async def test_an_http_1_server_says(case: str) -> None:
    said, end = SAID[case]
    async with tcp_server(servers.saying(said)) as port:
        assert await end_of(H1Connection(await tcp(port, SECONDS)), ask()) == end


@pytest.mark.parametrize("case", LOOPS)
async def test_an_http_1_server_says_without_end(case: str) -> None:
    serve, end = LOOPS[case]
    async with tcp_server(serve) as port:
        assert await end_of(H1Connection(await tcp(port, SECONDS)), ask()) == end


# -- HTTP/2 ----------------------------------------------------------------------------------------

WHOLE = f.END_HEADERS | f.END_STREAM


def h2_says(make: Callable[[int], bytes]) -> Fault:
    async def fault(peer: Peer, _: H1Setup, stream_id: int) -> None:
        await peer.send(make(stream_id))
        await linger(peer)

    return fault


def h2_answer(i: int, *fields: tuple[str, str], status: str = "200", end: bool = True) -> bytes:
    flags = WHOLE if end else f.END_HEADERS
    return frame(f.HEADERS, flags, i, head(*fields, status=status))


def h2_raw(*fields: tuple[str, str]) -> Callable[[int], bytes]:
    return lambda i: frame(f.HEADERS, WHOLE, i, bytes(Encoder().encode(fields)))


def h2_good(i: int) -> bytes:
    return h2_answer(i, end=False) + frame(f.DATA, f.END_STREAM, i, b"ok")


MANY = b"".join(struct.pack(">HI", n, 1) for n in range(99, 2799))
UP = struct.pack(">I", 0x7FFFFFFF)
H2_SAYS: dict[str, tuple[Callable[[int], bytes], Reason | int]] = {
    "status 099": (lambda i: h2_answer(i, status="099"), V),
    "status 1000": (lambda i: h2_answer(i, status="1000"), V),
    "no status": (h2_raw(("a", "b")), V),
    "two statuses": (h2_raw((":status", "200"), (":status", "404")), V),
    "a request's fields": (h2_raw((":status", "200"), (":path", "/")), V),
    "a 1xx that ends": (lambda i: h2_answer(i, status="103"), V),
    "a 1xx and an end": (
        lambda i: h2_answer(i, status="100", end=False) + frame(f.DATA, f.END_STREAM, i), V,
    ),
    "negative length": (lambda i: h2_answer(i, ("content-length", "-5")), V),
    "long length": (lambda i: h2_answer(i, ("content-length", "9" * 5000)), V),
    "two lengths": (
        lambda i: h2_answer(i, ("content-length", "2"), ("content-length", "3"), end=False)
        + frame(f.DATA, f.END_STREAM, i, b"ok"), V,
    ),
    "304 with a length": (lambda i: h2_answer(i, ("content-length", "55"), status="304"), 304),
    "304 with a length and an empty frame": (
        lambda i: h2_answer(i, ("content-length", "55"), status="304", end=False)
        + frame(f.DATA, f.END_STREAM, i), 304,
    ),
    "CR LF NUL in a value": (lambda i: h2_answer(i, ("x", "a\r\nb: c\0")), V),
    "blank in a name": (lambda i: h2_answer(i, ("x y", "a")), V),
    "connection": (lambda i: h2_answer(i, ("connection", "close")), V),
    "an integer without end": (
        lambda i: frame(f.HEADERS, 0, i, b"\x88\x0f" + b"\xff" * 16000)
        + frame(f.CONTINUATION, f.END_HEADERS, i, b"\xff" * 16000), V,
    ),
    "table sizes without end": (
        lambda i: frame(f.HEADERS, f.END_STREAM, i, b"\x20\x3f\xe1\x1f" * 4000)
        + frame(f.CONTINUATION, f.END_HEADERS, i, b"\x88"), 200,
    ),
    "a table too large": (lambda i: frame(f.HEADERS, WHOLE, i, b"\x3f\xff\xff\xff\x0f\x88"), V),
    "a table size in the middle": (lambda i: frame(f.HEADERS, WHOLE, i, b"\x88\x20"), V),
    "an answer to nobody": (lambda i: h2_answer(i + 2), V),
    "an answer on the server's stream": (lambda _: h2_answer(2), V),
    "an answer twice": (lambda i: h2_answer(i, end=False) + h2_answer(i), V),
    "data before the answer": (lambda i: frame(f.DATA, f.END_STREAM, i, b"x"), V),
    "connection window over 2^31": (lambda _: frame(f.WINDOW_UPDATE, 0, 0, UP) * 3, V),
    "stream window over 2^31": (lambda i: frame(f.WINDOW_UPDATE, 0, i, UP) * 3, V),
    "window setting over 2^31": (
        lambda _: frame(f.SETTINGS, 0, 0, struct.pack(">HI", 4, 2**32 - 1)), V,
    ),
    "frame size of one byte": (lambda _: frame(f.SETTINGS, 0, 0, struct.pack(">HI", 5, 1)), V),
    "half a setting": (lambda _: frame(f.SETTINGS, 0, 0, b"xxxx"), V),
    "2700 settings": (lambda i: frame(f.SETTINGS, 0, 0, MANY) + h2_good(i), 200),
    "half a GOAWAY": (lambda _: frame(f.GOAWAY, 0, 0, b"xxxx"), V),
    "GOAWAY above all streams": (lambda i: frame(f.GOAWAY, 0, 0, UP + bytes(4)) + h2_good(i), 200),
    "GOAWAY with escapes": (
        lambda _: frame(f.GOAWAY, 0, 0, UP + b"\0\0\0\1" + b"\x1b[2J" * 999), C,
    ),
    "CONTINUATION of nothing": (lambda i: frame(f.CONTINUATION, f.END_HEADERS, i, head()), V),
    "CONTINUATION of another": (
        lambda i: frame(f.HEADERS, 0, i, head()) + frame(f.CONTINUATION, f.END_HEADERS, i + 2), V,
    ),
    "PING within a head": (
        lambda i: frame(f.HEADERS, 0, i, head()) + frame(f.PING, 0, 0, b"x" * 8), V,
    ),
    "more padding than frame": (
        lambda i: frame(f.HEADERS, f.END_HEADERS | 8, i, b"\xff" + head()), V,
    ),
    "trailers without an end": (
        lambda i: h2_answer(i, end=False)
        + frame(f.HEADERS, f.END_HEADERS, i, bytes(Encoder().encode([("a", "b")]))), V,
    ),
    "a stream that depends on itself": (
        lambda i: frame(f.PRIORITY, 0, i, struct.pack(">IB", i, 0)), V,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", H2_SAYS)
async def test_an_http_2_server_says(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make, end = H2_SAYS[case]
    monkeypatch.setitem(h2faults.FAULTS, case, h2_says(make))
    async with h2(H1Setup(fault=case), SECONDS) as connection:
        assert await end_of(connection, ask()) == end


# -- HTTP/3 ----------------------------------------------------------------------------------------


def h3_says(*frames: bytes) -> Wire:
    def answer(peer: H3Peer, stream_id: int) -> None:
        peer.send(stream_id, b"".join(frames), end=True)

    return answer


def h3_head(*fields: tuple[bytes, bytes], status: bytes = b"200") -> bytes:
    _, block = pylsqpack.Encoder().encode(0, [(b":status", status), *fields])
    return h3frame(0x1, block)


def h3_opens(start: bytes, *, times: int = 1) -> Wire:
    def answer(peer: H3Peer, _: int) -> None:
        for _ in range(times):
            stream_id = peer.quic.get_next_available_stream_id(is_unidirectional=True)
            peer.send(stream_id, start, end=times > 1)

    return answer


def h3_instructs(data: bytes, *, encoder: bool) -> Wire:
    def answer(peer: H3Peer, _: int) -> None:
        assert peer.h3 is not None
        h3 = peer.h3
        stream = h3._local_encoder_stream_id if encoder else h3._local_decoder_stream_id
        peer.send(stream or 0, data)

    return answer


H3_SAYS: dict[str, tuple[Wire, Reason | int]] = {
    "nothing": (h3_says(), V),
    "an unknown frame and no answer": (h3_says(h3frame(0x21, b"x")), V),
    "a 1xx and no answer": (h3_says(h3_head(status=b"103")), V),
    "data and no answer": (h3_says(h3frame(0, b"x")), V),
    "status 099": (h3_says(h3_head(status=b"099")), V),
    "status 1000": (h3_says(h3_head(status=b"1000")), V),
    "status in other digits": (h3_says(h3_head(status="²00".encode())), V),
    "status 101": (h3_says(h3_head(status=b"101")), V),
    "negative length": (h3_says(h3_head((b"content-length", b"-1"))), V),
    "long length": (h3_says(h3_head((b"content-length", b"9" * 5000))), V),
    "two lengths": (
        h3_says(h3_head((b"content-length", b"1"), (b"content-length", b"2")), h3frame(0, b"x")), V,
    ),
    "a length too long": (h3_says(h3_head((b"content-length", b"5")), h3frame(0, b"abc")), V),
    "304 with a length": (h3_says(h3_head((b"content-length", b"5"), status=b"304")), 304),
    "CR LF in a value": (h3_says(h3_head((b"x", b"a\r\nb"))), V),
    "escapes in a value": (h3_says(h3_head((b"server", b"\x1b[2J"))), 200),
    "blank in a name": (h3_says(h3_head((b"x y", b"a"))), V),
    "transfer-encoding": (h3_says(h3_head((b"transfer-encoding", b"chunked"))), V),
    "another protocol's frame": (h3_says(h3frame(0x6, b"")), V),
    "GOAWAY on a request": (h3_says(h3frame(0x7, b"\0")), V),
    "SETTINGS on a request": (h3_says(h3frame(0x4, b"")), V),
    "CANCEL_PUSH on a request": (h3_says(h3frame(0x3, b"\0")), V),
    "a push that nobody allowed": (h3_says(h3frame(0x5, b"\0\0\0\xd1")), V),
    "half a frame": (h3_says(h3frame(0x1, b"\0\0", length=50)), V),
    "a reference to what never comes": (h3_says(h3frame(0x1, b"\x05\0\x80\x80")), V),
    "a push stream": (h3_opens(b"\x01\0"), V),
    "a second control stream": (h3_opens(b"\0"), V),
    "streams without end": (h3_opens(b"\x21x", times=100), V),
    "junk to the decoder": (h3_instructs(b"\xff" * 5000, encoder=True), V),
    "acknowledgements of nothing": (h3_instructs(b"\x80" * 9999, encoder=False), V),
}  # fmt: skip


@pytest.mark.parametrize("case", H3_SAYS)
async def test_an_http_3_server_says(case: str, kit: Kit) -> None:
    wire, end = H3_SAYS[case]
    async with lab(kit, h3=H3Setup(wire=wire), seconds=SECONDS) as served:
        connection = H3Connection(await quic.connect(served.ctx, served.address, NAME))
        assert await end_of(connection, served.request("/")) == end
