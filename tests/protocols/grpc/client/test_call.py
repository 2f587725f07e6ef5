"""Calls on the reference server and on grpcio's: kinds, deadlines, resets, flow control."""

from __future__ import annotations

import contextlib
import gzip
from collections.abc import AsyncIterator

import pytest

from seventh import given, protocols
from seventh.labkit.serve import Kit
from seventh.model.failure import Failed, Reason, UsageError
from seventh.model.target import parse_target
from seventh.net.probe_context import ProbeContext
from seventh.protocols.grpc.client.calling import refused, run_call
from seventh.protocols.grpc.client.channel import Channel
from seventh.protocols.grpc.client.descriptors import Method, describe, reflected_pool, split_name
from seventh.protocols.grpc.client.endpoint import Endpoint
from seventh.protocols.grpc.client.requests import read_requests
from seventh.protocols.grpc.lab.schema import echo_file
from seventh.protocols.grpc.lab.setup import Setup
from seventh.protocols.grpc.wire import services
from seventh.protocols.grpc.wire.framing import frame
from seventh.protocols.grpc.wire.status import Status
from seventh.web.limits import H2_STREAM_WINDOW
from tests.protocols.grpc.lab.running import grpcio_server, lab_server


@contextlib.asynccontextmanager
async def channel_to(target: str, **options: object) -> AsyncIterator[Channel]:
    (parsed,) = parse_target(target, protocols.schemes())
    ctx = ProbeContext(parsed, given.make(options))
    ctx.budget.allow_bytes(1 << 28)
    endpoint = Endpoint(ctx)
    below = await ctx.connect()
    endpoint.use(below.address)
    channel = await endpoint.open_verified(below)
    try:
        yield channel
    finally:
        channel.close()
        ctx.close()


@contextlib.asynccontextmanager
async def either(which: str, kit: Kit) -> AsyncIterator[Channel]:
    if which == "lab":
        async with lab_server(kit) as target, channel_to(target) as channel:
            yield channel
    else:
        with grpcio_server() as port:
            async with channel_to(f"grpc://127.0.0.1:{port}") as channel:
                yield channel


async def made(channel: Channel, name: str, *values: object) -> tuple[Method, list[object], Status]:
    method = await describe(channel, f"seventh.lab.Echo/{name}", 5.0)
    found: list[object] = []
    outcome = await run_call(
        channel, method.path, [method.encode(v) for v in values],
        lambda data: found.append(method.decode(data)), timeout=5.0,
    )  # fmt: skip
    assert outcome.received == len(found)
    assert outcome.sent == len(values)
    return method, found, outcome.status


@pytest.mark.parametrize("which", ["lab", "grpcio"])
async def test_every_kind_of_call(which: str, kit: Kit) -> None:
    async with either(which, kit) as channel:
        method, found, status = await made(channel, "Say", {"text": "é"})
        assert (method.kind, found, status.ok) == ("unary", [{"text": "é"}], True)
        method, found, status = await made(channel, "Repeat", {"text": "a", "count": 3})
        assert method.kind == "server-streaming"
        assert found == [{"text": "a"}, {"text": "a", "index": 1}, {"text": "a", "index": 2}]
        method, found, status = await made(channel, "Collect", *({"text": t} for t in "abc"))
        assert method.kind == "client-streaming"
        assert found == [{"text": "a b c", "index": 3}]
        method, found, status = await made(channel, "Chat", *({"text": t} for t in "xy"))
        assert method.kind == "bidirectional"
        assert found == [{"text": "x"}, {"text": "y", "index": 1}]
        _, found, status = await made(channel, "Say", {"code": 9, "text": "no\x1b[31m"})
        assert (found, status) == ([], Status(code=9, message="no\\x1b[31m", origin=status.origin))


@pytest.mark.parametrize("which", ["lab", "grpcio"])
async def test_ten_megabytes_pass_in_both_directions(which: str, kit: Kit) -> None:
    """Windows are opened as data is read: a stream is longer than any of them."""
    async with either(which, kit) as channel:
        _, found, status = await made(channel, "Repeat", {"count": 100, "size": 100_000})
        assert (len(found), status.ok) == (100, True)
        big = [{"text": "x" * 100_000}] * 100
        _, found, status = await made(channel, "Chat", *big)
        assert (len(found), status.ok) == (100, True)


async def test_a_held_stream_stops_at_its_window(kit: Kit) -> None:
    async with lab_server(kit) as target, channel_to(target) as channel:
        method = await describe(channel, "seventh.lab.Echo/Repeat", 5.0)
        request = method.encode({"count": 3000, "size": 1000})
        call = await channel.call(method.path, request, end=True, timeout=20.0)
        await call.stream.head()
        reply = await channel.unary(services.CHECK, b"", timeout=5.0)  # the connection goes on
        assert reply.status.ok
        for _ in range(100):
            await channel.http.ping()
            if call.stream.exchange.received_bytes >= H2_STREAM_WINDOW:
                break
        await channel.http.ping()
        assert call.stream.exchange.received_bytes == H2_STREAM_WINDOW
        count = 0
        while await call.receive() is not None:
            count += 1
        assert (count, call.status) == (3000, Status(code=0))


async def test_a_deadline_is_sent_and_kept(kit: Kit) -> None:
    async with lab_server(kit) as target, channel_to(target) as channel:
        method = await describe(channel, "seventh.lab.Echo/Say", 5.0)
        slow = method.encode({"wait_ms": 5000})
        reply = await channel.unary(method.path, slow, timeout=0.1, wait=3.0)
        assert (reply.status.name, reply.status.origin) == ("DEADLINE_EXCEEDED", "trailers-only")
    async with lab_server(kit, Setup(deadlines=False)) as target, channel_to(target) as channel:
        reply = await channel.unary(method.path, slow, timeout=0.1)
        assert (reply.status.name, reply.status.origin) == ("DEADLINE_EXCEEDED", "client")
        assert (await channel.unary(services.CHECK, b"", timeout=5.0)).status.ok


@pytest.mark.parametrize("step", ["headers", "message", "trailers"])
async def test_a_reset_ends_only_its_call(step: str, kit: Kit) -> None:
    async with lab_server(kit, Setup(reset_at=step)) as target:  # type: ignore[arg-type]
        async with channel_to(target) as channel:
            reply = await channel.unary(services.CHECK, b"", timeout=5.0)
            assert reply.status == Status(
                code=13, message="the stream was reset with INTERNAL_ERROR", origin="reset"
            )
            assert (await channel.unary(services.LIST, b"", timeout=5.0)).status.ok


async def test_a_compressed_reply(kit: Kit) -> None:
    raw = frame(gzip.compress(b"\x08\x01"), compressed=True)
    setup = Setup(raw_message=raw, encoding="gzip")
    async with lab_server(kit, setup) as target, channel_to(target) as channel:
        reply = await channel.unary(services.CHECK, b"", timeout=5.0)
        assert services.serving(reply.message or b"") == "SERVING"


@pytest.mark.parametrize(
    ("setup", "reason", "detail"),
    [
        (Setup(raw_message=frame(b"\x08\x01")[:-1]), Reason.PROTOCOL_VIOLATION,
         "the response ends inside a message"),
        (Setup(raw_message=frame(b"") * 2), Reason.PROTOCOL_VIOLATION,
         "more than one response to a call that has one"),
    ],
    ids=["cut", "two"],
)  # fmt: skip
async def test_malformed_responses(setup: Setup, reason: Reason, detail: str, kit: Kit) -> None:
    async with lab_server(kit, setup) as target, channel_to(target) as channel:
        with pytest.raises(Failed) as caught:
            await channel.unary(services.CHECK, b"", timeout=5.0)
        assert (caught.value.reason, caught.value.detail) == (reason, detail)


async def test_what_cannot_be_described(kit: Kit) -> None:
    async with lab_server(kit) as target, channel_to(target) as channel:
        for name, detail in (
            (
                "seventh.lab.Echo/Absent",
                "the server describes no method Absent of seventh.lab.Echo",
            ),
            ("shop.Cart/Get", "reflection does not describe shop.Cart: not found: shop.Cart"),
        ):
            with pytest.raises(Failed) as caught:
                await describe(channel, name, 5.0)
            assert caught.value.detail == detail
    async with lab_server(kit, Setup(reflection=())) as target, channel_to(target) as channel:
        with pytest.raises(Failed) as caught:
            await describe(channel, "seventh.lab.Echo/Say", 5.0)
        assert caught.value.detail == "the server has no reflection"


def test_a_request_is_the_method_s_message() -> None:
    from seventh.protocols.grpc.client.descriptors import method_of

    method = method_of(reflected_pool({"seventh/lab.proto": echo_file()}), "seventh.lab.Echo.Say")
    with pytest.raises(UsageError, match=r"is not seventh.lab.EchoRequest: .*no field named"):
        method.encode({"colour": "red"})
    with pytest.raises(Failed, match=r"a response is not seventh\.lab\.EchoReply"):
        method.decode(b"\xff")


@pytest.mark.parametrize("name", ["", "Say", "/", "a/", "a/b/c"])
def test_what_is_no_method(name: str) -> None:
    with pytest.raises(UsageError, match=r"is not a method: write package\.Service/Method"):
        split_name(name)


@pytest.mark.parametrize(
    ("text", "found"),
    [("", [{}]), ('{"a": 1}', [{"a": 1}]), ('{"a":1}{"b":2}\n\n {} ', [{"a": 1}, {"b": 2}, {}])],
    ids=["empty", "one", "several"],
)
def test_requests(text: str, found: list[object]) -> None:
    assert read_requests(text, "--data x") == found


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('{}\n{"a":}', "--data x, line 2: not JSON: Expecting value"),
        ("[1]", "--data x: a request is a JSON object, {…}"),
        ("{} " * 10_001, "--data x: more than 10000 requests"),
    ],
    ids=["syntax", "list", "many"],
)
def test_what_is_no_request(text: str, error: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_requests(text, "--data x")
    assert str(caught.value) == error


def test_why_a_call_failed() -> None:
    for status, reason in (
        (Status(code=16), Reason.AUTH_REQUIRED), (Status(code=7), Reason.AUTH_REJECTED),
        (Status(code=13), Reason.UNEXPECTED_ANSWER),
        (Status(code=4, origin="client"), Reason.PEER_SILENT),
        (Status(code=4), Reason.UNEXPECTED_ANSWER),
    ):  # fmt: skip
        assert refused("a.B/C", status).reason is reason
