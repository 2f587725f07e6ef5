"""The reference server and grpcio's, for tests."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from concurrent import futures
from typing import Any

from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

import grpc
from seventh import given, protocols
from seventh.engine.check import check_one
from seventh.labkit.serve import Kit
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.target import parse_target
from seventh.protocols.grpc.facts import GrpcFacts
from seventh.protocols.grpc.lab import serve_setup
from seventh.protocols.grpc.lab.schema import messages
from seventh.protocols.grpc.lab.setup import Setup

LIMIT = ("grpc.max_concurrent_streams", 128)


async def look(kit: Kit, setup: Setup, **options: object) -> Report:
    """Check the reference server."""
    async with serve_setup(setup, kit) as served:
        merged = {**served.options, **options}
        return await look_at(served.target, **merged)


async def look_at(target: str, **options: object) -> Report:
    (parsed,) = parse_target(target, protocols.schemes())
    return await check_one(parsed, given.make(options))


def facts_of(report: Report) -> GrpcFacts:
    facts = report.facts["grpc"]
    assert isinstance(facts, GrpcFacts)
    return facts


def fired(report: Report) -> set[str]:
    return {finding.id for finding in report.findings if finding.id.startswith("GRPC-")}


@contextlib.contextmanager
def grpcio_server(
    *,
    options: tuple[tuple[str, Any], ...] = (LIMIT,),
    credentials: Any = None,
    status: int = health_pb2.HealthCheckResponse.SERVING,
    with_health: bool = True,
    host: str = "127.0.0.1",
) -> Iterator[int]:
    """grpcio's own server: health, reflection, and the echo service."""
    server = grpc.server(futures.ThreadPoolExecutor(8), options=options)
    if with_health:
        servicer = health.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
        servicer.set("", status)
    server.add_generic_rpc_handlers((_echo(),))
    names = ("grpc.health.v1.Health", "seventh.lab.Echo", reflection.SERVICE_NAME)
    reflection.enable_server_reflection(names, server, pool=_pool())
    if credentials is None:
        port = server.add_insecure_port(f"{host}:0")
    else:
        port = server.add_secure_port(f"{host}:0", credentials)
    server.start()
    try:
        yield port
    finally:
        server.stop(0).wait(5)


def _pool() -> Any:
    from google.protobuf import descriptor_pool

    from seventh.protocols.grpc.lab.schema import echo_file

    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(echo_file())
    pool.AddSerializedFile(health_pb2.DESCRIPTOR.serialized_pb)
    return pool


def _echo() -> Any:
    request_type, reply_type = messages()

    def say(request: Any, context: Any) -> Any:
        if request.code:
            context.abort(
                grpc.StatusCode(next(c for c in grpc.StatusCode if c.value[0] == request.code)),
                request.text,
            )
        return reply_type(text=request.text, padding=bytes(request.size))

    def repeat(request: Any, _: Any) -> Any:
        for index in range(request.count):
            yield reply_type(text=request.text, index=index, padding=bytes(request.size))

    def collect(requests: Any, _: Any) -> Any:
        texts = [request.text for request in requests]
        return reply_type(text=" ".join(texts), index=len(texts))

    def chat(requests: Any, _: Any) -> Any:
        for index, request in enumerate(requests):
            yield reply_type(text=request.text, index=index)

    kinds = {
        "Say": (grpc.unary_unary_rpc_method_handler, say),
        "Repeat": (grpc.unary_stream_rpc_method_handler, repeat),
        "Collect": (grpc.stream_unary_rpc_method_handler, collect),
        "Chat": (grpc.stream_stream_rpc_method_handler, chat),
    }
    handlers = {
        name: make(
            function,
            request_deserializer=request_type.FromString,
            response_serializer=reply_type.SerializeToString,
        )
        for name, (make, function) in kinds.items()
    }
    return grpc.method_handlers_generic_handler("seventh.lab.Echo", handlers)


@contextlib.asynccontextmanager
async def lab_server(kit: Kit, setup: Setup | None = None) -> AsyncIterator[str]:
    """The reference server, in clear by default."""
    async with serve_setup(setup or Setup(), kit) as served:
        yield served.target


def options(**given_: object) -> Options:
    return given.make(given_)
