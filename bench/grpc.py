"""gRPC against blackbox_exporter, grpcio and grpclib, on grpcio's server in a process of its own.

``python -m bench.grpc PORT CERT KEY`` is that server.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import uvloop
from tests.options import options_with

from bench.measure import Ran, figure, in_turn, ratio, run_process, spread
from bench.peers import MissingError, blackbox, need, process, server
from bench.table import Table
from seventh.labkit.ca import Authority
from seventh.labkit.serve import free_port
from seventh.model.target import Target
from seventh.net.probe_context import ProbeContext
from seventh.protocols.grpc.client.calling import run_call
from seventh.protocols.grpc.client.channel import Channel
from seventh.protocols.grpc.client.endpoint import Endpoint

HOST = "127.0.0.1"
NAME = "lab.test"
MESSAGE = b"\x0a\x64" + b"x" * 100
"""A field of 100 bytes."""
UNARY, STREAM = "/bench.Echo/Unary", "/bench.Echo/Stream"
TWO_THIRDS = 2 / 3


def run(folder: Path, quick: bool) -> list[Table]:
    authority = Authority(folder)
    issued = authority.issue(NAME)
    ca = str(authority.ca_file)
    with _serving(issued.cert_file, issued.key_file) as port:
        return [
            _pulses(folder, port, ca, quick),
            uvloop.run(
                _calls(port, ca, Path(ca).read_bytes(), *((3, 300) if quick else (7, 2000)))
            ),
            _list(folder, port, ca, 3 if quick else 11),
        ]


@contextlib.contextmanager
def _serving(cert: Path, key: Path) -> Iterator[int]:
    port = free_port()
    words = [sys.executable, "-m", "bench.grpc", str(port), str(cert), str(key)]
    with process(words, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        if child.stdout.readline() != "ready\n":
            raise RuntimeError("grpcio's server does not start")
        yield port


# -- pulses ----------------------------------------------------------------------------------------


def _pulses(folder: Path, port: int, ca: str, quick: bool) -> Table:
    rounds, count = (3, 100) if quick else (9, 500)
    url = f"grpcs://{HOST}:{port}"
    options = {"ca_file": ca, "server_name": NAME}
    grpc_client = _worker("_grpcio_pulses", port, ca, count)
    sides: dict[str, Callable[[], float]] = {
        "Seventh": _worker("_our_pulses", url, json.dumps(options), count),
        "grpcio": grpc_client,
    }
    table = Table(
        "CPU of a health pulse over TLS: connected, asked, disconnected",
        ("client", "CPU, µs", "Seventh/it", "goal"),
        notes=(f"Medians of {rounds} rounds of {count} in turn, a process each.",),
    )
    with contextlib.ExitStack() as stack:
        try:
            module = {
                "prober": "grpc", "timeout": "5s",
                "grpc": {"tls": True, "preferred_ip_protocol": "ip4",
                         "tls_config": {"ca_file": ca, "server_name": NAME}},
            }  # fmt: skip
            exporter = stack.enter_context(blackbox(folder, {"grpc": module}))
            sides["blackbox_exporter"] = lambda: exporter.cpu_per_probe(
                f"{HOST}:{port}", "grpc", count
            )
        except MissingError as error:
            print(f"grpc: not compared: {error}")
        measured = in_turn(rounds, *sides.values())
    for name, values in zip(sides, measured, strict=True):
        share = ratio(measured[0], values)
        goal = table.hold("a pulse", share.median, TWO_THIRDS) if "blackbox" in name else "—"
        table.add(name, figure(spread(values).median, 1e6), share.text(), goal)
    return table


def _worker(name: str, *words: object) -> Callable[[], float]:
    """Return what runs a function of this module in a new process, and reads its figure."""
    code = f"import bench.grpc, sys; print(bench.grpc.{name}(*sys.argv[1:]))"

    def ask() -> float:
        done = subprocess.run(
            [sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True,
            check=True,
        )  # fmt: skip
        return float(done.stdout)

    return ask


def _our_pulses(url: str, options: str, count: str) -> float:
    from seventh import protocols
    from seventh.engine.check import pulse_one
    from seventh.model.target import parse_target

    (target,) = parse_target(url, protocols.schemes())
    given = options_with(**json.loads(options))

    async def pulses(times: int) -> None:
        for _ in range(times):
            report = await pulse_one(target, given)
            if report.failure is not None:
                raise RuntimeError(report.failure.detail)

    async def measured() -> float:
        await pulses(10)
        begun = time.process_time()
        await pulses(int(count))
        return (time.process_time() - begun) / int(count)

    return uvloop.run(measured())


def _grpcio_pulses(port: str, ca: str, count: str) -> float:
    grpc: Any = importlib.import_module("grpc")
    pb2: Any = importlib.import_module("grpc_health.v1.health_pb2")
    stubs: Any = importlib.import_module("grpc_health.v1.health_pb2_grpc")
    credentials = grpc.ssl_channel_credentials(Path(ca).read_bytes())
    named = [("grpc.ssl_target_name_override", NAME), ("grpc.use_local_subchannel_pool", 1)]

    def pulse() -> None:
        with grpc.secure_channel(f"{HOST}:{port}", credentials, named) as channel:
            answer = stubs.HealthStub(channel).Check(pb2.HealthCheckRequest(), timeout=5)
        if answer.status != pb2.HealthCheckResponse.SERVING:
            raise RuntimeError("not serving")

    for _ in range(10):
        pulse()
    begun = time.process_time()
    for _ in range(int(count)):
        pulse()
    return (time.process_time() - begun) / int(count)


# -- calls -----------------------------------------------------------------------------------------


async def _calls(port: int, ca: str, roots: bytes, rounds: int, count: int) -> Table:
    table = Table(
        "messages of 100 bytes over one TLS connection, one call after another, and one stream",
        ("client", "unary calls/s", "Seventh/it", "messages/s of a stream", "Seventh/it", "goal"),
        notes=(f"Medians of {rounds} rounds; {count} calls, a stream of {20 * count} messages.",),
    )
    async with _ours(port, ca) as mine, _theirs(port, _context(ca), roots) as others:
        sides = {"Seventh": mine, **others}
        unary: dict[str, list[float]] = {name: [] for name in sides}
        streamed: dict[str, list[float]] = {name: [] for name in sides}
        for index in range(rounds + 1):
            for name, (call, stream) in sides.items():
                begun = time.perf_counter()
                await call(count)
                took = time.perf_counter() - begun
                begun = time.perf_counter()
                received = await stream(20 * count)
                assert received == 20 * count, received
                if index:
                    unary[name].append(count / took)
                    streamed[name].append(20 * count / (time.perf_counter() - begun))
    for name in sides:
        calls, messages = (
            ratio(unary["Seventh"], unary[name]),
            ratio(streamed["Seventh"], streamed[name]),
        )
        goal = "—"
        if name == "grpclib":
            least = min(calls.median, messages.median)
            goal = table.hold("grpclib: its time/ours", 1 / least, 1.0)
        table.add(
            name, figure(spread(unary[name]).median), calls.text(),
            figure(spread(streamed[name]).median), messages.text(), goal,
        )  # fmt: skip
    return table


Side = tuple[Callable[[int], Awaitable[None]], Callable[[int], Awaitable[int]]]


@contextlib.asynccontextmanager
async def _ours(port: int, ca: str) -> AsyncIterator[Side]:
    target = Target(scheme="grpcs", host=HOST, port=port)
    ctx = ProbeContext(target, options_with(ca_file=ca, server_name=NAME, timeout_seconds=600))
    ctx.budget.allow_bytes(1 << 40)
    endpoint = Endpoint(ctx)
    below = await ctx.connect()
    endpoint.use(below.address)
    channel: Channel = await endpoint.open_verified(below)

    async def call(count: int) -> None:
        for _ in range(count):
            outcome = await run_call(channel, UNARY, (MESSAGE,), lambda _: None, timeout=60)
            if not outcome.status.ok:
                raise RuntimeError(str(outcome.status))

    async def stream(count: int) -> int:
        asked = str(count).encode()
        outcome = await run_call(channel, STREAM, (asked,), lambda _: None, timeout=300)
        return outcome.received

    try:
        yield call, stream
    finally:
        channel.close()
        ctx.close()


@contextlib.asynccontextmanager
async def _theirs(
    port: int, context: ssl.SSLContext, roots: bytes
) -> AsyncIterator[dict[str, Side]]:
    grpc: Any = importlib.import_module("grpc")
    credentials = grpc.ssl_channel_credentials(roots)
    named = [("grpc.ssl_target_name_override", NAME)]
    grpclib: Any = importlib.import_module("grpclib.client")
    config: Any = importlib.import_module("grpclib.config").Configuration(
        ssl_target_name_override=NAME
    )
    async with (
        grpc.aio.secure_channel(f"{HOST}:{port}", credentials, named) as theirs,
        grpclib.Channel(HOST, port, ssl=context, codec=_Raw(), config=config) as other,
    ):
        unary, many = theirs.unary_unary(UNARY), theirs.unary_stream(STREAM)
        plain = grpclib.UnaryUnaryMethod(other, UNARY, bytes, bytes)
        several = grpclib.UnaryStreamMethod(other, STREAM, bytes, bytes)

        async def call(count: int) -> None:
            for _ in range(count):
                await unary(MESSAGE)

        async def stream(count: int) -> int:
            return sum([1 async for _ in many(str(count).encode())])

        async def lib_call(count: int) -> None:
            for _ in range(count):
                await plain(MESSAGE)

        async def lib_stream(count: int) -> int:
            received = 0
            async with several.open() as opened:
                await opened.send_message(str(count).encode(), end=True)
                async for _ in opened:
                    received += 1
            return received

        yield {"grpcio (asyncio)": (call, stream), "grpclib": (lib_call, lib_stream)}


def _context(ca: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca)
    context.set_alpn_protocols(["h2"])
    return context


class _Raw:
    """grpclib's codec of bytes."""

    __content_subtype__ = "proto"

    def encode(self, message: bytes, message_type: object) -> bytes:
        return message

    def decode(self, data: bytes, message_type: object) -> bytes:
        return data


# -- whole commands --------------------------------------------------------------------------------

_LIST = """
import sys, grpc
from pathlib import Path
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
port, ca, name = sys.argv[1:]
credentials = grpc.ssl_channel_credentials(Path(ca).read_bytes())
named = [("grpc.ssl_target_name_override", name)]
with grpc.secure_channel(f"127.0.0.1:{port}", credentials, named) as channel:
    print(sorted(ProtoReflectionDescriptorDatabase(channel).get_services()))
"""


def _list(folder: Path, port: int, ca: str, rounds: int) -> Table:
    seventh, url = need("seventh"), f"grpcs://{HOST}:{port}"
    given = ["--ca", ca, "--server-name", NAME]
    with server("greet") as greeter:
        commands = {
            "seventh check tcp://": [
                seventh, "check", f"tcp://{HOST}:{greeter.port}", "--format", "json"
            ],
            "seventh grpc health": [seventh, "grpc", "health", url, *given],
            "seventh grpc list": [seventh, "grpc", "list", url, *given],
            "grpcio: a script that lists": [sys.executable, "-c", _LIST, str(port), ca, NAME],
        }  # fmt: skip
        sides = [lambda c=command: _ran(c, folder) for command in commands.values()]
        measured: list[list[Ran]] = in_turn(rounds, *sides)
    walls = [[each.wall for each in runs] for runs in measured]
    table = Table(
        "whole commands", ("command", "wall, ms", "ratio to the first", "goal"),
        notes=(f"Medians of {rounds} runs in turn.",),
    )  # fmt: skip
    for name, times in zip(commands, walls, strict=True):
        share = ratio(times, walls[0])
        goal = table.hold("start of grpc health", share.median, 2) if "health" in name else "—"
        table.add(name, figure(spread(times).median, 1e3), share.text(), goal)
    return table


def _ran(command: list[str], folder: Path) -> Ran:
    ran = run_process(command, folder)
    if ran.code not in {0, 1}:
        raise RuntimeError(f"{command}: exit {ran.code}: {ran.stdout[-300:]!r}")
    return ran


# -- the server ------------------------------------------------------------------------------------


def main(port: str, cert: str, key: str) -> None:
    grpc: Any = importlib.import_module("grpc")
    health: Any = importlib.import_module("grpc_health.v1.health")
    stubs: Any = importlib.import_module("grpc_health.v1.health_pb2_grpc")
    reflection: Any = importlib.import_module("grpc_reflection.v1alpha.reflection")
    made = grpc.server(ThreadPoolExecutor(4))
    stubs.add_HealthServicer_to_server(health.HealthServicer(), made)
    reflection.enable_server_reflection(("grpc.health.v1.Health", reflection.SERVICE_NAME), made)
    methods = {
        "Unary": grpc.unary_unary_rpc_method_handler(lambda request, _: request),
        "Stream": grpc.unary_stream_rpc_method_handler(
            lambda request, _: (MESSAGE for _ in range(int(request)))
        ),
    }
    made.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("bench.Echo", methods),))
    pair = (Path(key).read_bytes(), Path(cert).read_bytes())
    made.add_secure_port(f"{HOST}:{port}", grpc.ssl_server_credentials([pair]))
    made.start()
    print("ready", flush=True)
    made.wait_for_termination()


if __name__ == "__main__":
    main(*sys.argv[1:])
