"""gRPC's reference server: health, reflection and echo, correct or with one fault."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
from collections.abc import AsyncIterator

from seventh.labkit import serve as labkit
from seventh.labkit.ca import Issued
from seventh.labkit.elsewhere import added
from seventh.labkit.names import name_server
from seventh.labkit.serve import Kit, Served, tcp_server
from seventh.labkit.tlsserve import TlsPeer, server_context, tls_server
from seventh.labkit.web.handler import Answer
from seventh.labkit.web.peer import H1Setup, Peer, PlainPeer
from seventh.model.failure import Reason
from seventh.protocols.grpc.lab.schema import ECHO
from seventh.protocols.grpc.lab.server import GrpcServer, serve_http1
from seventh.protocols.grpc.lab.services import methods
from seventh.protocols.grpc.lab.setup import OptionValues, Setup
from seventh.protocols.grpc.wire.framing import frame

ELSEWHERE = "198.18.77.1"
"""An address that a fault adds to this machine, from RFC 2544's range: not a loopback address."""
_NAME = "lab.test"
_VIOLATION = Reason.PROTOCOL_VIOLATION.value
_MISMATCH = Reason.PROTOCOL_MISMATCH.value
_UNEXPECTED = Reason.UNEXPECTED_ANSWER.value
_RESET = Reason.PEER_RESET.value
_CLOSED = Reason.PEER_CLOSED.value
_CALL: OptionValues = {"call": f"{ECHO}/Say", "timeout_seconds": 20.0}
_STREAM: OptionValues = {"call": f"{ECHO}/Repeat", "timeout_seconds": 20.0}
_WRITE: OptionValues = {**_CALL, "allow_write": True}
_SPREAD: OptionValues = {**_CALL, "calls": 6, "backend_header": "x-backend"}
_HOLD: OptionValues = {"intrusive": True, "hold_seconds": 1.0}
_LONG = '{"text": "x", "count": 2000, "size": 1000}'
_PAGE = Answer(
    status=502, headers=(("Content-Type", "text/html"), ("Server", "nginx")),
    body=b"<html><h1>502 Bad Gateway</h1></html>\n",
)  # fmt: skip
_HTTP1 = Answer(headers=(("Content-Type", "text/html"),), body=b"<h1>Welcome</h1>\n")


class Fault(labkit.Fault, frozen=True, kw_only=True):
    """A fault, and the server that has it."""

    setup: Setup


def _fault(
    name: str, meaning: str, *triggers: str, setup: Setup, reason: str | None = None
) -> Fault:
    return Fault(
        name=name, meaning=meaning, triggers=triggers, reason=reason, setup=setup,
        needs=("root", "ip") if setup.host == ELSEWHERE else (),
    )  # fmt: skip


def _flood(name: str, meaning: str, fault: str, reason: str = _VIOLATION, code: int = 0) -> Fault:
    return _fault(name, meaning, reason=reason, setup=Setup(h2=H1Setup(fault=fault, code=code)))


FAULTS = (
    _fault("http1", "answers with HTTP/1.1", "GRPC-NO-H2", reason=_MISMATCH,
           setup=Setup(http1=_HTTP1)),
    _fault("no-h2", "selects only http/1.1 in TLS", "GRPC-NO-H2",
           reason=_MISMATCH, setup=Setup(secure=True, alpn=(b"http/1.1",), http1=_HTTP1)),
    _fault("no-alpn", "selects no protocol in TLS", "GRPC-NO-H2",
           setup=Setup(secure=True, alpn=())),
    _fault("page", "a proxy answers with its own error page", "GRPC-NOT-GRPC", reason=_MISMATCH,
           setup=Setup(page=_PAGE)),
    _fault("no-trailers", "a proxy removes the trailers", "GRPC-NOT-GRPC", reason=_UNEXPECTED,
           setup=Setup(no_trailers=True)),
    _fault("status-map", "sends HTTP 503 with INTERNAL", "GRPC-STATUS-MAP",
           setup=Setup(http_status=503)),
    _fault("clear", "serves gRPC in clear beyond loopback", "GRPC-PLAINTEXT",
           "GRPC-REFLECT-OPEN", setup=Setup(host=ELSEWHERE)),
    _fault("admin", "serves channelz beyond loopback", "GRPC-CHANNELZ",
           setup=Setup(host=ELSEWHERE, channelz=True, secure=True)),
    _fault("no-health", "has no health service", "GRPC-HEALTH-NONE", setup=Setup(health=False)),
    _fault("not-serving", "is not serving", "GRPC-NOT-SERVING", reason=_UNEXPECTED,
           setup=Setup(status=2)),
    _fault("no-watch", "has no Watch", "GRPC-WATCH", setup=Setup(watch="absent")),
    _fault("silent-watch", "sends no first status to a Watch", "GRPC-WATCH",
           setup=Setup(watch="silent")),
    _fault("watch-ends", "ends a Watch after its first status", "GRPC-WATCH",
           setup=Setup(watch="ends")),
    _fault("no-list", "has no List", "GRPC-HEALTH-LIST", setup=Setup(lists=False)),
    _fault("reflect-alpha", "has only reflection v1alpha", "GRPC-REFLECT-ALPHA",
           setup=Setup(reflection=("v1alpha",))),
    _fault("reflect-off", "has no reflection", "GRPC-REFLECT-OFF", setup=Setup(reflection=())),
    _fault("no-deadline", "ignores deadlines", "GRPC-DEADLINE", setup=Setup(deadlines=False)),
    _fault("few-streams", "allows ten streams", "GRPC-STREAMS",
           setup=Setup(settings=((3, 10), (4, 1048576)))),
    _fault("any-streams", "does not limit streams", "GRPC-STREAMS",
           setup=Setup(settings=((4, 1048576),))),
    _fault("small-window", "allows 16 bytes at once", "GRPC-WINDOW",
           setup=Setup(settings=((3, 128), (4, 16)))),
    _fault("small-headers", "announces 4 KiB of header fields", "GRPC-META-LIMIT",
           setup=Setup(settings=((3, 128), (4, 1048576), (6, 4096)))),
    _fault("refuses-metadata", "refuses more than 4 KiB of metadata", "GRPC-META-LIMIT",
           setup=Setup(settings=((3, 128), (4, 1048576)), max_metadata=4096)),
    _fault("no-gzip", "does not decompress gzip", "GRPC-COMPRESS", setup=Setup(gzip=False)),
    _fault("wrong-unknown", "answers NOT_FOUND for a missing method", "GRPC-CONTROL-STATUS",
           setup=Setup(unknown_code=5)),
    _fault("pushback", "forbids retries with -1", "GRPC-PUSHBACK", setup=Setup(pushback="-1")),
    _fault("bad-pushback", "sends a pushback that is not a number", "GRPC-PUSHBACK",
           setup=Setup(pushback="soon")),
    _fault("impatient", "resets streams with a full window", "GRPC-BACKPRESSURE",
           setup=Setup(patient=False, options=_STREAM, data=_LONG)),
    _fault("no-limit", "accepts messages of any size", "GRPC-MSG-LIMIT",
           setup=Setup(max_bytes=None, options=_WRITE)),
    _fault("drops-long", "resets streams of long messages", "GRPC-MSG-LIMIT",
           setup=Setup(drops_long=True, options=_WRITE)),
    _fault("one-backend", "sends all calls to one backend", "GRPC-LB-PIN",
           setup=Setup(backends=("a",), also="127.0.0.2", options=_SPREAD)),
    _fault("idle-cut", "cuts streams that are idle for 0.4 s", "GRPC-PROXY-CUT",
           setup=Setup(watch_seconds=0.4, options=_HOLD)),
    _fault("call-fails", "fails the call of --call", reason=_UNEXPECTED,
           setup=Setup(options=_CALL, data='{"code": 9, "text": "no \\u001b[31mstock"}')),
    # -- hostile
    _fault("control-message", "sends control characters in grpc-message", reason=_UNEXPECTED,
           setup=Setup(message_text="%1B[2J%0A%E2%80%AEdone")),
    _fault("reset-headers", "resets Check before its head", reason=_RESET,
           setup=Setup(reset_at="headers")),
    _fault("reset-message", "resets Check inside a message", reason=_RESET,
           setup=Setup(reset_at="message")),
    _fault("reset-trailers", "resets Check before its trailers", reason=_RESET,
           setup=Setup(reset_at="trailers")),
    _fault("four-gib", "declares a message of 4 GiB", reason=_VIOLATION,
           setup=Setup(raw_message=b"\0\xff\xff\xff\xff")),
    _fault("bad-flag", "sends a compressed flag of 2", reason=_VIOLATION,
           setup=Setup(raw_message=b"\2\0\0\0\0")),
    _fault("not-protobuf", "sends a message that is not Protocol Buffers", reason=_VIOLATION,
           setup=Setup(raw_message=frame(b"\xff" * 30))),
    _fault("gzip-bomb", "sends 64 KB that decompress to 64 MiB", reason=_VIOLATION,
           setup=Setup(encoding="gzip", raw_message=frame(
               gzip.compress(bytes(1 << 26), 9, mtime=0), compressed=True))),
    _fault("endless", "sends to a Watch without end", reason=_VIOLATION,
           setup=Setup(endless=True)),
    _fault("huge-descriptors", "sends 600 descriptors", reason=_VIOLATION,
           setup=Setup(descriptors="huge", options=_CALL)),
    _fault("recursive-descriptors", "sends a descriptor that imports itself", reason=_VIOLATION,
           setup=Setup(descriptors="recursive", options=_CALL)),
    _fault("damaged-descriptors", "sends a descriptor that is not one", reason=_VIOLATION,
           setup=Setup(descriptors="damaged", options=_CALL)),
    _flood("ping-flood", "sends PINGs without end", "ping-flood"),
    _flood("settings-flood", "sends SETTINGS without end", "settings-flood"),
    _flood("reset-flood", "sends RST_STREAM without end", "reset-flood", _RESET),
    _flood("header-flood", "sends a thousand header fields", "header-flood"),
    _flood("continuation-flood", "sends CONTINUATION without end", "continuation-flood"),
    _flood("hpack-bomb", "sends a header block that grows", "hpack-bomb"),
    _flood("calm", "closes with ENHANCE_YOUR_CALM", "goaway", _CLOSED, code=11),
    _flood("no-answer", "ends the connection after the request", "no-answer", _CLOSED),
)  # fmt: skip

TOUR = ("page", "no-deadline")
"""The faults that `seventh tour` shows."""
CLEAN = Setup(
    secure=True, pushback="250", also="127.0.0.2", data=_LONG,
    options={**_STREAM, **_HOLD, "allow_write": True, "calls": 4, "backend_header": "x-backend"},
)  # fmt: skip


@contextlib.asynccontextmanager
async def serve(fault: Fault | None, kit: Kit) -> AsyncIterator[Served]:
    """Yield the server, or one with ``fault``."""
    async with serve_setup(fault.setup if fault else CLEAN, kit) as served:
        yield served


@contextlib.asynccontextmanager
async def serve_setup(setup: Setup, kit: Kit) -> AsyncIterator[Served]:
    """Yield the server of ``setup``."""
    options = dict(setup.options)
    host = setup.host
    async with contextlib.AsyncExitStack() as stack:
        if host == ELSEWHERE:
            stack.enter_context(added(ELSEWHERE))
        issued = kit.authority.issue(_NAME, host) if setup.secure else None
        port = await _listen(setup, issued, stack, host, 0)
        if setup.secure:
            options["ca_file"] = str(kit.authority.ca_file)
        if setup.also:
            await _listen(setup, issued, stack, setup.also, port)
            zone = {_NAME: {"A": (host, setup.also)}}
            options["resolver"] = await stack.enter_async_context(name_server(zone))
        if setup.data:
            data = kit.folder / f"grpc-data-{port}.json"
            data.write_text(setup.data, encoding="utf-8")
            options["data_file"] = str(data)
        scheme = "grpcs" if setup.secure else "grpc"
        yield Served(target=f"{scheme}://{_NAME if setup.also else host}:{port}", options=options)


async def _listen(
    setup: Setup, issued: Issued | None, stack: contextlib.AsyncExitStack, host: str, port: int
) -> int:
    """Serve on an address until the stack ends; return the port."""
    find = methods(setup)

    async def serve_peer(peer: Peer) -> None:
        if setup.http1 is not None:
            await serve_http1(peer, _http1_bytes(setup.http1))
        else:
            await GrpcServer(peer, setup, find).run()

    if issued is not None:
        context = server_context(issued, alpn=setup.alpn)

        async def encrypted(peer: TlsPeer) -> None:
            await serve_peer(peer)

        return await stack.enter_async_context(
            tls_server(context, application=encrypted, host=host, port=port)
        )

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await serve_peer(PlainPeer(reader, writer))

    return await stack.enter_async_context(tcp_server(plain, host, port))


def _http1_bytes(answer: Answer) -> bytes:
    assert isinstance(answer.body, bytes)  # noqa: S101 - as it is set up
    fields = "".join(f"{name}: {value}\r\n" for name, value in answer.fields())
    return f"HTTP/1.1 {answer.status} OK\r\n{fields}\r\n".encode() + answer.body
