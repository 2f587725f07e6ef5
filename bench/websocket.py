"""WebSocket against the library websockets' own client, on the same hub, in the same run.

The hub is a process of its own, made of websockets' server. Ping times and fan-out are measured by
both clients one after another; ours end with the kernel's receive timestamp, the library's when its
task runs. A free loop and one that is held up show what that makes.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed

from bench.measure import figure, percentile, ratio, spread
from bench.peers import process
from bench.table import Table
from seventh import given
from seventh.engine.check import pulse_one
from seventh.model.options import Options
from seventh.model.target import Target
from seventh.net.probe_context import ProbeContext
from seventh.protocols.websocket.client.endpoint import Endpoint
from seventh.protocols.websocket.probe import fanout

SOCKETS = 50
HOLD_SECONDS = 0.005
"""How long the loop is held up at a time, by a task that computes."""
PUBLISH = "publish {id}"


def run(folder: Path, quick: bool) -> list[Table]:
    del folder
    rounds, count = (3, 50) if quick else (9, 400)
    command = [sys.executable, "-m", "bench.websocket"]
    with process(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        port = int(child.stdout.readline())
        return asyncio.run(_measure(port, rounds, count))


async def _measure(port: int, rounds: int, count: int) -> list[Table]:
    return [
        await _pulses(port, rounds, count),
        await _pings(port, rounds, count),
        await _fanouts(port, rounds),
    ]


# -- sockets --------------------------------------------------------------------------------------


def _ctx(port: int, **options: object) -> ProbeContext:
    target = Target(scheme="ws", host="127.0.0.1", port=port)
    return ProbeContext(target, given.make({"timeout_seconds": 120, **options}), connections=1000)


async def _door(port: int, **options: object) -> Endpoint:
    ctx = _ctx(port, **options)
    endpoint = Endpoint(ctx)
    endpoint.begin((await ctx.addresses())[0])
    return endpoint


@contextlib.asynccontextmanager
async def _held(hold: bool) -> AsyncIterator[None]:
    """The loop, held up again and again where ``hold``."""

    async def hog() -> None:
        while True:
            end = time.perf_counter() + HOLD_SECONDS
            while time.perf_counter() < end:
                pass
            await asyncio.sleep(0)

    task = asyncio.create_task(hog()) if hold else None
    try:
        yield
    finally:
        if task is not None:
            task.cancel()


# -- upgrade, one ping, close ---------------------------------------------------------------------


async def _pulses(port: int, rounds: int, count: int) -> Table:
    target, options = Target(scheme="ws", host="127.0.0.1", port=port), Options()

    async def ours() -> None:
        report = await pulse_one(target, options)
        if report.failure is not None:
            raise RuntimeError(report.failure.detail)

    async def theirs() -> None:
        async with connect(f"ws://127.0.0.1:{port}", compression=None) as socket:
            await (await socket.ping())

    cpu: tuple[list[float], list[float]] = ([], [])
    wall: tuple[list[float], list[float]] = ([], [])
    for index in range(rounds + 1):
        for side, do in enumerate((ours, theirs)):
            used, took = await _timed(do, count)
            if index:
                cpu[side].append(used)
                wall[side].append(took)
    table = Table(
        "A socket opened, pinged once and closed",
        ("per pulse", "Seventh, µs", "websockets, µs", "ratio", "range"),
        notes=(
            f"Medians of {rounds} rounds of {count} in turn, without compression.",
            "Seventh's is a whole report.",
        ),
    )
    for name, (mine, its) in (("CPU", cpu), ("wall", wall)):
        share = ratio(mine, its)
        table.add(
            name, figure(spread(mine).median, 1e6), figure(spread(its).median, 1e6),
            figure(share.median), share.range(),
        )  # fmt: skip
    return table


async def _timed(do: Callable[[], Awaitable[None]], count: int) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(count):
        await do()
    return (time.process_time() - cpu) / count, (time.perf_counter() - wall) / count


# -- pings ----------------------------------------------------------------------------------------


async def _pings(port: int, rounds: int, count: int) -> Table:
    table = Table(
        "Ping to pong, as each client measures it",
        ("loop", "Seventh p50, µs", "p99, µs", "websockets p50, µs", "p99, µs"),
        notes=(
            f"{rounds} × {count} pings on one socket each, in turn.",
            f"Held up: a task computes for {HOLD_SECONDS * 1e3:g} ms at a time.",
        ),
    )
    for hold in (False, True):
        number = max(20, count // 4) if hold else count
        mine: list[float] = []
        its: list[float] = []
        for _ in range(rounds):
            async with _held(hold):
                mine += await _our_pings(port, number)
            async with _held(hold):
                its += await _their_pings(port, number)
        cells = [figure(percentile(v, p), 1e6) for v in (mine, its) for p in (0.5, 0.99)]
        table.add("held up" if hold else "free", *cells)
    return table


async def _our_pings(port: int, count: int) -> list[float]:
    endpoint = await _door(port)
    found: list[float] = []
    async with endpoint.opened() as socket:
        for _ in range(count):
            seen = await socket.ping(endpoint.ctx.budget.within(5))
            if seen is None:
                raise RuntimeError("no pong")
            found.append((seen[1].ns - seen[0].ns) / 1e9)
    endpoint.ctx.close()
    return found


async def _their_pings(port: int, count: int) -> list[float]:
    async with connect(f"ws://127.0.0.1:{port}", compression=None) as socket:
        return [await (await socket.ping()) for _ in range(count)]


# -- fan-out --------------------------------------------------------------------------------------


async def _fanouts(port: int, rounds: int) -> Table:
    table = Table(
        f"Publishing to {SOCKETS} sockets: to the k-th receiver",
        ("client", "p50, ms", "p95, ms", "last, ms", "reached"),
        notes=(f"Medians of {rounds} runs of {fanout.ROUNDS} messages each, in turn.",),
    )
    rows: dict[str, list[tuple[float, float, float, float]]] = {"Seventh": [], "websockets": []}
    for _ in range(rounds):
        rows["Seventh"].append(await _our_fanout(port))
        rows["websockets"].append(await _their_fanout(port))
    for name, seen in rows.items():
        p50, p95, last, reached = (spread(values).median for values in zip(*seen, strict=True))
        table.add(name, figure(p50, 1e3), figure(p95, 1e3), figure(last, 1e3), figure(reached))
    return table


async def _our_fanout(port: int) -> tuple[float, float, float, float]:
    endpoint = await _door(port, sockets=SOCKETS, message_template=PUBLISH, allow_write=True)
    await fanout.measure(endpoint)
    seen = endpoint.notes.facts.fanout
    endpoint.ctx.close()
    if seen is None or not seen.delivered:
        raise RuntimeError("nothing was delivered")
    return seen.p50_seconds or 0, seen.p95_seconds or 0, seen.max_seconds or 0, seen.ratio


async def _their_fanout(port: int) -> tuple[float, float, float, float]:
    async with contextlib.AsyncExitStack() as stack:
        sockets: list[ClientConnection] = [
            await stack.enter_async_context(
                connect(f"ws://127.0.0.1:{port}", compression=None, ping_interval=None)
            )
            for _ in range(SOCKETS)
        ]
        delays: list[float] = []

        async def arrival(socket: ClientConnection, word: str) -> float:
            while word not in str(await socket.recv()):
                pass
            return time.perf_counter()

        for number in range(fanout.ROUNDS):
            word = f"number {number} of {id(sockets)}"
            tasks = [asyncio.create_task(arrival(socket, word)) for socket in sockets]
            await asyncio.sleep(0)
            sent = time.perf_counter()
            await sockets[0].send(PUBLISH.replace("{id}", word))
            delays += [at - sent for at in (await asyncio.gather(*tasks))[1:]]
        delays.sort()
    expected = fanout.ROUNDS * (SOCKETS - 1)
    return (
        fanout.quantile(delays, 0.5) or 0,
        fanout.quantile(delays, 0.95) or 0,
        delays[-1],
        len(delays) / expected,
    )


# -- the hub, a process of its own ----------------------------------------------------------------


async def _hub() -> None:
    members: set[ServerConnection] = set()

    async def handler(connection: ServerConnection) -> None:
        members.add(connection)
        try:
            # Who just goes is nobody's fault here; the server would tell of each.
            with contextlib.suppress(ConnectionClosed):
                async for message in connection:
                    broadcast(members, message)
        finally:
            members.discard(connection)

    async with serve(handler, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        print(next(iter(server.sockets)).getsockname()[1], flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_hub())
