"""MQTT against paho-mqtt, mosquitto's own clients, gmqtt and mqtt5, through one mosquitto.

The codec is timed without a socket: paho-mqtt and gmqtt have theirs inside their clients, so these
read from a buffer in memory instead. gmqtt and mqtt5 are left out where they are not installed.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import importlib.util
import itertools
import os
import resource
import subprocess
import sys
import threading
import time
import types
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import uvloop
from paho.mqtt.enums import CallbackAPIVersion

from bench.measure import figure, memory_bytes, percentile, ratio, spread
from bench.peers import need, process
from bench.table import Table
from seventh.engine.check import pulse_one
from seventh.labkit.serve import free_port, tcp_server
from seventh.labkit.web.peer import PlainPeer
from seventh.model.options import Options
from seventh.model.target import Target
from seventh.net.probe_context import ProbeContext
from seventh.protocols.mqtt.client.connection import Connection, connect_packet
from seventh.protocols.mqtt.client.endpoint import Endpoint
from seventh.protocols.mqtt.client.session import Client
from seventh.protocols.mqtt.lab.broker import Broker
from seventh.protocols.mqtt.lab.setup import Setup
from seventh.protocols.mqtt.wire.codec import Decoder
from seventh.protocols.mqtt.wire.encode import encode
from seventh.protocols.mqtt.wire.packets import Connack, Publish

HOST = "127.0.0.1"
GIB = 1 << 30
TOPIC, PAYLOAD = "site/device/temperature", b"x" * 100
CHUNK = 65536


def run(folder: Path, quick: bool) -> list[Table]:
    rounds, count = (3, 100) if quick else (7, 500)
    with _mosquitto(folder) as port:
        return [
            # First, when this process has no memory of others' to use again.
            _idle(port, 500 if quick else 4_000),
            uvloop.run(_pulses(port, rounds, count)),
            _codec(3 if quick else 7, 2_000 if quick else 20_000),
            uvloop.run(_latency(port, rounds, count)),
        ]


@contextlib.contextmanager
def _mosquitto(folder: Path) -> Iterator[int]:
    program, port = need("mosquitto"), free_port()
    conf = folder / "mosquitto.conf"
    user = "user root\n" if os.geteuid() == 0 else ""
    conf.write_text(
        f"{user}listener {port} {HOST}\nallow_anonymous true\nset_tcp_nodelay true\n", "ascii"
    )
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with process([program, "-c", str(conf)], **quiet):
        _await_port(port)
        yield port


def _await_port(port: int) -> None:
    import socket

    until = time.monotonic() + 20
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), 1):
            return
        time.sleep(0.02)
    raise RuntimeError("mosquitto does not listen")


# -- pulses ---------------------------------------------------------------------------------------


async def _pulses(port: int, rounds: int, count: int) -> Table:
    target, options = Target(scheme="mqtt", host=HOST, port=port), Options()

    async def ours() -> None:
        report = await pulse_one(target, options)
        if report.failure is not None:
            raise RuntimeError(report.failure.detail)

    async def theirs() -> None:
        _paho_pulse(port)

    seen: tuple[list[float], list[float]] = ([], [])
    for index in range(rounds + 1):
        for side, do in enumerate((ours, theirs)):
            gc.collect()
            cpu = time.process_time()
            for _ in range(count):
                await do()
            if index:
                seen[side].append((time.process_time() - cpu) / count)
    share = ratio(*seen)
    table = Table(
        "CPU of one pulse: connected, pinged and disconnected",
        ("client", "CPU, µs", "ratio", "goal"),
        notes=(
            f"Medians of {rounds} rounds of {count} in turn.",
            "Seventh's is a whole report; paho's script does not ping.",
        ),
    )
    mine, its = (spread(values) for values in seen)
    goal = table.hold("CPU of a pulse", share.median, 1 / 3)
    table.add(
        "Seventh", figure(mine.median, 1e6), f"{figure(share.median)} ({share.range()})", goal
    )
    table.add("paho-mqtt", figure(its.median, 1e6), "1", "—")
    return table


def _paho_pulse(port: int) -> None:
    """Connect as paho's documentation shows it, and disconnect."""
    ready = threading.Event()
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.on_connect = lambda *_: ready.set()
    client.connect(HOST, port)
    client.loop_start()
    if not ready.wait(10):
        raise RuntimeError("paho got no CONNACK")
    client.disconnect()
    client.loop_stop()


# -- the codec ------------------------------------------------------------------------------------


class _Memory:
    """What paho takes for its socket: bytes to read, and a place to write to."""

    def __init__(self, data: bytes = b"") -> None:
        self._data, self._at = data, 0

    def recv(self, size: int) -> bytes:
        found = self._data[self._at : self._at + size]
        self._at += len(found)
        if not found:
            raise BlockingIOError
        return found

    def send(self, data: bytes) -> int:
        return len(data)

    def fileno(self) -> int:
        return -1

    def close(self) -> None:
        pass


def _message(qos: int, number: int = 1) -> Publish:
    return Publish(topic=TOPIC, payload=PAYLOAD, qos=qos, packet_id=number if qos else None)


def _stream(qos: int, count: int) -> bytes:
    return b"".join(encode(_message(qos, n % 60_000 + 1), 5) for n in range(count))


def _our_decoding(data: bytes, count: int) -> None:
    decoder = Decoder("client", 5)
    decoder.receive(encode(Connack(), 5))
    found = sum(len(decoder.receive(data[at : at + CHUNK])) for at in range(0, len(data), CHUNK))
    if found != count:
        raise RuntimeError(f"{found} of {count} decoded: {decoder.error}")


def _our_encoding(qos: int, count: int) -> None:
    message = _message(qos)
    for _ in range(count):
        encode(message, 5)


def _paho_client(data: bytes = b"") -> Any:
    client: Any = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client._sock = _Memory(data)
    client._state = 2
    return client


def _paho_decoding(data: bytes, count: int) -> None:
    client, found = _paho_client(data), [0]
    client._send_puback = lambda _: 0

    def on_message(*_: object) -> None:
        found[0] += 1

    client.on_message = on_message
    while client._packet_read() == 0:
        pass
    if found[0] != count:
        raise RuntimeError(f"paho decoded {found[0]} of {count}")


def _paho_encoding(qos: int, count: int) -> None:
    client = _paho_client()
    client._packet_queue = lambda *_: 0
    for number in range(count):
        client._send_publish(number % 60_000 + 1, TOPIC.encode(), PAYLOAD, qos)


def _mqtt5_decoding(data: bytes, count: int) -> None:
    read = importlib.import_module("mqtt5").read
    buffer, at = memoryview(data), 0
    for _ in range(count):
        _, size = read(buffer[at:])
        at += size


def _mqtt5_encoding(qos: int, count: int) -> None:
    library = importlib.import_module("mqtt5")
    kind = [library.QoS.AT_MOST_ONCE, library.QoS.AT_LEAST_ONCE][qos]
    more = {"packet_id": 1} if qos else {}
    packet = library.PublishPacket(topic=TOPIC, payload=PAYLOAD, qos=kind, **more)
    for _ in range(count):
        packet.write()


def _gmqtt_encoding(qos: int, count: int) -> None:
    build = importlib.import_module("gmqtt.mqtt.package").PublishPacket.build_package
    message = importlib.import_module("gmqtt").Message(TOPIC, PAYLOAD, qos=qos)

    ids = types.SimpleNamespace(next_id=itertools.cycle(range(1, 60_000)).__next__)
    protocol = types.SimpleNamespace(proto_ver=5, id_generator=ids)
    for _ in range(count):
        build(message, protocol)


_CODECS: dict[str, tuple[Callable[[bytes, int], None] | None, Callable[[int, int], None]]] = {
    "Seventh": (_our_decoding, _our_encoding),
    "paho-mqtt": (_paho_decoding, _paho_encoding),
    "gmqtt": (None, _gmqtt_encoding),
    "mqtt5": (_mqtt5_decoding, _mqtt5_encoding),
}


def _codec(rounds: int, count: int) -> Table:
    names = [
        name for name in _CODECS
        if name in {"Seventh", "paho-mqtt"} or importlib.util.find_spec(name) is not None
    ]  # fmt: skip
    jobs: dict[tuple[str, str], Callable[[], None]] = {}
    for qos in (0, 1):
        data = _stream(qos, count)
        for name in names:
            decoding, encoding = _CODECS[name]
            if decoding is not None:
                jobs[name, f"decode {qos}"] = lambda d=decoding, s=data: d(s, count)  # type: ignore[misc]
            jobs[name, f"encode {qos}"] = lambda e=encoding, q=qos: e(q, count)  # type: ignore[misc]
    seen: dict[tuple[str, str], list[float]] = {job: [] for job in jobs}
    for index in range(rounds + 1):
        for job, do in jobs.items():
            gc.collect()
            start = time.process_time()
            do()
            if index:
                seen[job].append(count / (time.process_time() - start))
    columns = [f"{what} {qos}" for what in ("decode", "encode") for qos in (0, 1)]
    table = Table(
        "The codec of MQTT 5: PUBLISH with a topic of 23 and a payload of 100 bytes",
        ("library", *(f"{name.split()[0]} QoS {name[-1]}, thousands/s" for name in columns)),
        notes=(
            f"Medians of {rounds} rounds of {count} messages in turn, by CPU time.",
            "mqtt5 is written in Rust; gmqtt decodes inside its event loop only.",
        ),
    )
    for name in names:
        cells = [seen.get((name, column)) for column in columns]
        table.add(name, *(figure(spread(c).median, 1e-3) if c else "—" for c in cells))
    for column in columns:
        table.hold(
            f"{column} against paho-mqtt",
            ratio(seen["paho-mqtt", column], seen["Seventh", column]).median, 1.0,
        )  # fmt: skip
    return table


# -- from PUBLISH to the subscriber ---------------------------------------------------------------


async def _latency(port: int, rounds: int, count: int) -> Table:
    seen: dict[str, list[float]] = {"Seventh": [], "mosquitto_pub and _sub": [], "paho-mqtt": []}
    for _ in range(rounds):
        seen["Seventh"] += await _our_latency(port, count)
        seen["mosquitto_pub and _sub"] += await _mosquitto_latency(port, count)
        seen["paho-mqtt"] += await asyncio.to_thread(_paho_latency, port, count)
    table = Table(
        "From PUBLISH with QoS 1 to the subscriber, through mosquitto",
        ("clients", "p50, µs", "p99, µs", "goal"),
        notes=(
            f"{rounds} × {count} messages, one at a time, in turn.",
            (
                "Seventh's end with the kernel's receive timestamp; mosquitto_pub's begin with the "
                "line that is written to it, mosquitto_sub's end with its %U."
            ),
        ),
    )
    base = seen["mosquitto_pub and _sub"]
    for name, values in seen.items():
        goal = "—"
        if name == "Seventh":
            shares = [percentile(values, p) / percentile(base, p) for p in (0.5, 0.99)]
            goal = table.hold("p50 and p99 against mosquitto's clients", max(shares), 1.5)
        cells = [figure(percentile(values, p), 1e6) for p in (0.5, 0.99)]
        table.add(name, *cells, goal)
    return table


async def _clients(ctx: ProbeContext, count: int) -> list[Client]:
    endpoint = Endpoint(ctx)
    endpoint.use((await ctx.addresses())[0])
    made = []
    for _ in range(count):
        connection = Connection(ctx, await endpoint.open(), 5)
        packet = connect_packet(5)
        answer = await connection.connect(packet, endpoint.until)
        assert isinstance(answer.packet, Connack)
        made.append(Client(connection, answer.packet, packet.client_id))
    return made


def _ctx(port: int, connections: int) -> ProbeContext:
    target = Target(scheme="mqtt", host=HOST, port=port)
    return ProbeContext(target, Options(timeout_seconds=600), connections=connections)


async def _our_latency(port: int, count: int) -> list[float]:
    ctx = _ctx(port, 10)
    publisher, subscriber = await _clients(ctx, 2)
    await subscriber.subscribe(TOPIC, 1, ctx.budget.deadline_ns)
    found = []
    for number in range(count):
        payload = b"%d" % number
        message = Publish(topic=TOPIC, payload=payload, qos=1)
        until = ctx.budget.within(10)
        published = await publisher.publish(message, until)
        arrival = await subscriber.await_message(lambda _: True, until)
        if arrival is None or arrival.message.payload != payload:
            raise RuntimeError("a message is missing")
        found.append(arrival.at.since(published.sent))
    ctx.close()
    return found


async def _mosquitto_latency(port: int, count: int) -> list[float]:
    where = ["-h", HOST, "-p", str(port), "-t", TOPIC, "-q", "1"]
    pipe = asyncio.subprocess.PIPE
    sub = await asyncio.create_subprocess_exec(
        need("mosquitto_sub"), *where, "-F", "%U %p", stdout=pipe
    )
    pub = await asyncio.create_subprocess_exec(need("mosquitto_pub"), *where, "-l", stdin=pipe)
    assert sub.stdout is not None
    assert pub.stdin is not None
    found = []
    try:
        await _subscribed(sub.stdout, pub.stdin)
        for _ in range(count):
            pub.stdin.write(b"%.9f\n" % time.time())
            at, sent = (await asyncio.wait_for(sub.stdout.readline(), 10)).split()
            found.append(float(at) - float(sent))
    finally:
        pub.stdin.close()
        await pub.wait()
        sub.terminate()
        await sub.wait()
    return found


async def _subscribed(out: asyncio.StreamReader, into: asyncio.StreamWriter) -> None:
    """Publish until the subscriber has something, and drop what is on its way."""
    while True:
        into.write(b"0\n")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(out.readline(), 0.2)
            break
    into.write(b"1\n")
    while not (await asyncio.wait_for(out.readline(), 10)).endswith(b" 1\n"):
        pass


def _paho_latency(port: int, count: int) -> list[float]:
    arrived, ready = threading.Semaphore(0), threading.Semaphore(0)
    ends: list[float] = []

    def on_message(*_: object) -> None:
        ends.append(time.perf_counter())
        arrived.release()

    clients = []
    for _ in range(2):
        client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        client.on_connect = client.on_subscribe = lambda *_: ready.release()
        client.on_message = on_message
        client.connect(HOST, port)
        client.loop_start()
        ready.acquire(timeout=10)
        clients.append(client)
    publisher, subscriber = clients
    subscriber.subscribe(TOPIC, 1)
    ready.acquire(timeout=10)
    found = []
    for _ in range(count):
        start = time.perf_counter()
        info = publisher.publish(TOPIC, PAYLOAD, 1)
        if not arrived.acquire(timeout=10):
            raise RuntimeError("a message of paho's is missing")
        found.append(ends[-1] - start)
        info.wait_for_publish(10)
    for client in clients:
        client.disconnect()
        client.loop_stop()
    return found


# -- idle connections -----------------------------------------------------------------------------


def _idle(port: int, count: int) -> Table:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4 * count)), hard))
    table = Table(
        "Memory of idle connections",
        ("side", "connections", "KiB each", "per GiB", "goal"),
        notes=(
            "Resident memory after they are open, less that before; the pages of Python alone.",
        ),
    )
    uvloop.run(_idle_clients(table, port, count))
    uvloop.run(_idle_broker(table, count))
    return table


async def _idle_clients(table: Table, port: int, count: int) -> None:
    await _one_of(port)
    gc.collect()
    before = memory_bytes(os.getpid(), "VmRSS")
    ctx = _ctx(port, count + 10)
    held = await _clients(ctx, count)
    gc.collect()
    _add_idle(table, "the check's clients", len(held), memory_bytes(os.getpid(), "VmRSS") - before)
    ctx.close()


async def _one_of(port: int) -> None:
    ctx = _ctx(port, 20)
    await _clients(ctx, 10)
    ctx.close()


async def _idle_broker(table: Table, count: int) -> None:
    command = [sys.executable, "-m", "bench.mqtt"]
    with process(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        port = int(child.stdout.readline())
        await _one_of(port)
        before = memory_bytes(child.pid, "VmRSS")
        ctx = _ctx(port, count + 10)
        held = await _clients(ctx, count)
        grown = memory_bytes(child.pid, "VmRSS") - before
        _add_idle(table, "the lab's broker", len(held), grown)
        ctx.close()


def _add_idle(table: Table, side: str, count: int, grown: int) -> None:
    each = max(1, grown / count)
    goal = table.hold(f"{side}: KiB a connection", each / 1024, GIB / 20_000 / 1024)
    table.add(side, f"{count:,}", figure(each / 1024), figure(GIB / each), goal)


async def _serve() -> None:
    broker = Broker(Setup(secure=False, anonymous=True))

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await broker.serve(PlainPeer(reader, writer))

    async with _listening(plain) as port:
        print(port, flush=True)
        await asyncio.to_thread(sys.stdin.read)


@contextlib.asynccontextmanager
async def _listening(handler: Any) -> AsyncIterator[int]:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    async with tcp_server(handler) as port:
        yield port


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(_serve())
