"""grpcio's client is the oracle of the reference server: every call that it makes succeeds."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

import grpc
from seventh.labkit.serve import Kit
from seventh.protocols.grpc.lab.schema import messages
from seventh.protocols.grpc.lab.setup import Setup
from tests.protocols.grpc.lab.running import lab_server


def channel_to(target: str) -> Any:
    return grpc.aio.insecure_channel(target.removeprefix("grpc://"))


async def test_health(kit: Kit) -> None:
    async with lab_server(kit) as target, channel_to(target) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        reply = await stub.Check(health_pb2.HealthCheckRequest(), compression=grpc.Compression.Gzip)
        assert reply.status == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.Check(health_pb2.HealthCheckRequest(service="absent"))
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND
        assert caught.value.details() == "unknown service"
        watch = stub.Watch(health_pb2.HealthCheckRequest(), timeout=0.3)
        assert (await watch.read()).status == 1
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await watch.read()
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_reflection(kit: Kit) -> None:
    async with lab_server(kit) as target, channel_to(target) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        requests = [reflection_pb2.ServerReflectionRequest(list_services="")]
        replies = [reply async for reply in stub.ServerReflectionInfo(iter(requests))]
        (reply,) = replies
        names = [service.name for service in reply.list_services_response.service]
        assert names == ["grpc.health.v1.Health", "seventh.lab.Echo"]


async def test_every_kind_of_call(kit: Kit) -> None:
    request_type, reply_type = messages()
    how = {
        "request_serializer": request_type.SerializeToString,
        "response_deserializer": reply_type.FromString,
    }
    async with lab_server(kit) as target, channel_to(target) as channel:
        say = channel.unary_unary("/seventh.lab.Echo/Say", **how)
        reply = await say(request_type(text="é", size=3_000_000))
        assert (reply.text, len(reply.padding)) == ("é", 3_000_000)
        repeat = channel.unary_stream("/seventh.lab.Echo/Repeat", **how)
        assert [r.index async for r in repeat(request_type(count=3))] == [0, 1, 2]
        collect = channel.stream_unary("/seventh.lab.Echo/Collect", **how)
        reply = await collect(iter([request_type(text="a"), request_type(text="b")]))
        assert (reply.text, reply.index) == ("a b", 2)
        chat = channel.stream_stream("/seventh.lab.Echo/Chat", **how)()
        for text in ("x", "y"):
            await chat.write(request_type(text=text))
            assert (await chat.read()).text == text
        await chat.done_writing()
        assert await chat.code() is grpc.StatusCode.OK


async def test_limits_and_a_missing_method(kit: Kit) -> None:
    request_type, _ = messages()
    async with lab_server(kit, Setup(max_bytes=1000)) as target, channel_to(target) as channel:
        for path, text, code in (
            ("/seventh.lab.Echo/Say", "x" * 2000, grpc.StatusCode.RESOURCE_EXHAUSTED),
            ("/seventh.lab.Echo/Absent", "", grpc.StatusCode.UNIMPLEMENTED),
        ):
            call = channel.unary_unary(path, request_serializer=request_type.SerializeToString)
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await asyncio.wait_for(call(request_type(text=text)), 5)
            assert caught.value.code() is code
