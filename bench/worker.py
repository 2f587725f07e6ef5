"""Our side, a process of its own: pulses and checks on command, with the CPU time that they took.

One JSON request a line on stdin, one JSON answer a line on stdout. The CPU time is the whole
process's (all threads, user and system) over the pulses alone: starting, importing and making the
TLS context belong to the first round, which is not kept.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import socket
import sys
import time
from typing import Any

import uvloop

from bench.measure import memory_bytes
from seventh import given, protocols
from seventh.engine.check import check_many, pulse_one
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.target import Target, parse_target


def target_of(url: str) -> Target:
    """The one target that ``url`` names."""
    (target,) = parse_target(url, protocols.schemes())
    return target


async def pulses(url: str, count: int, options: Options, *, afresh: bool = False) -> None:
    """``count`` pulses one after another; each must succeed.

    ``afresh`` forgets before each which chains were found good.
    """
    from seventh.net.tls import chain

    target = target_of(url)
    for _ in range(count):
        if afresh:
            chain.forget()
        report = await pulse_one(target, options)
        if report.failure is not None:
            verify(report)


async def pulses_at_once(url: str, count: int, options: Options, parallel: int) -> None:
    """``count`` pulses, ``parallel`` at any time."""
    target = target_of(url)
    left = iter(range(count))

    async def run() -> None:
        for _ in left:
            verify(await pulse_one(target, options))

    await asyncio.gather(*(run() for _ in range(parallel)))


def verify(report: Report) -> None:
    """The time of a look that failed is the time of something else."""
    if report.failure is not None:
        raise RuntimeError(f"{report.target}: {report.failure}")


async def resumed(url: str, count: int, options: Options) -> None:
    """Pulses that take a session up again, each with the ticket of the one before."""
    from seventh.net.probe_context import ProbeContext
    from seventh.net.tls.handshake import start_tls

    target = target_of(url)
    name = options.server_name or target.host
    session = None
    for index in range(count + 1):
        ctx = ProbeContext(target, options)
        tls = await start_tls(await ctx.connect(), options, name, watch=ctx.watch, session=session)
        if index and not tls.resumed:
            raise RuntimeError(f"{url}: the session was not taken up")
        await tls.settle()
        session = tls.session
        await tls.aclose()
        ctx.close()


def bare(url: str, count: int) -> None:
    """The same conversation by a blocking socket alone: what the kernel takes for it."""
    target = target_of(url)
    for _ in range(count):
        with socket.create_connection((target.host, target.port)) as sock:
            if target.scheme == "ssh":
                sock.sendall(b"SSH-2.0-Bare\r\n")
                if not sock.recv(255).startswith(b"SSH-"):
                    raise RuntimeError(f"{url}: no identification string")


async def exchanges(url: str, count: int, options: Options) -> None:
    """``count`` NTP exchanges, each on a socket of its own; with nts:// on one pair of keys."""
    from seventh.net.probe_context import ProbeContext
    from seventh.protocols.ntp.client.association import Conversation
    from seventh.protocols.ntp.client.nts import NtsAssociation
    from seventh.protocols.ntp.client.nts_ke import establish, follow, start_as_client
    from seventh.protocols.ntp.wire.nts_fields import supported

    target = target_of(url)
    ctx = ProbeContext(target, options)
    (address,) = await ctx.addresses()
    established = None
    cookies: list[bytes] = []
    if target.scheme == "nts":
        tls = await start_as_client(ctx, await ctx.connect())
        established = await establish(ctx, tls, supported())
        cookies = list(established.response.cookies)
        (address,) = await follow(ctx, established)
    for _ in range(count):
        one = Conversation(ctx, address)
        if established is not None:
            one = NtsAssociation(ctx, address, established, cookies)
        await one.exchange(ctx.budget.within(1.0))
        if not one.sampler.tally.replies:
            raise RuntimeError(f"{url}: {one.failure()}")
        if isinstance(one, NtsAssociation):
            cookies = one.client.cookies
        one.close()
    ctx.close()


async def refused(url: str, options: Options) -> str | None:
    """The reason that a pulse fails with."""
    report = await pulse_one(target_of(url), options)
    return str(report.failure.reason) if report.failure is not None else None


async def held_up(url: str, count: int, options: Options, hold: float, phase: str) -> list[Any]:
    """Pulses while the loop is held up for ``hold`` at a time: the phase's seconds and clock."""
    target = target_of(url)
    done = asyncio.Event()

    async def block() -> None:
        while not done.is_set():
            time.sleep(hold)  # noqa: ASYNC251 - holding the loop up is the purpose
            await asyncio.sleep(0)

    blocker = asyncio.create_task(block())
    measured: list[Any] = []
    for _ in range(count):
        report = await pulse_one(target, options)
        verify(report)
        measured += [(p.seconds, p.clock) for p in report.phases if p.name == phase]
    done.set()
    await blocker
    return measured


async def many(urls: list[str], options: Options, parallel: int) -> list[Report]:
    """Check them all and keep every report, as the command does."""
    jobs = [(target_of(url), options) for url in urls]
    kept: list[Report] = []
    async for _, report in check_many(jobs, parallel=parallel):
        verify(report)
        kept.append(report)
    return kept


def answer(runner: asyncio.Runner, request: dict[str, Any]) -> dict[str, Any]:
    """Do what one request asks."""
    options = given.make(request.get("options", {}))
    wall, cpu = time.perf_counter(), time.process_time()
    extra: dict[str, Any] = {}
    match request["do"]:
        case "pulse":
            runner.run(pulses(request["url"], request["count"], options))
        case "afresh":
            runner.run(pulses(request["url"], request["count"], options, afresh=True))
        case "bare":
            bare(request["url"], request["count"])
        case "resume":
            runner.run(resumed(request["url"], request["count"], options))
        case "exchanges":
            runner.run(exchanges(request["url"], request["count"], options))
        case "refused":
            extra["reason"] = runner.run(refused(request["url"], options))
        case "parallel":
            count, parallel = request["count"], request["parallel"]
            runner.run(pulses_at_once(request["url"], count, options, parallel))
        case "held":
            if not request["kernel"]:
                from seventh.net import kernel

                kernel.LINUX = False
            held = held_up(
                request["url"], request["count"], options, request["hold"], request["phase"]
            )
            extra["phases"] = runner.run(held)
        case "many":
            gc.collect()
            extra["before"] = memory_bytes(os.getpid(), "VmRSS")
            reports = runner.run(many(request["urls"], options, request["parallel"]))
            extra["after"] = memory_bytes(os.getpid(), "VmRSS")
            extra["peak"] = memory_bytes(os.getpid(), "VmHWM")
            extra["reports"] = len(reports)
    return {
        "cpu": time.process_time() - cpu,
        "wall": time.perf_counter() - wall,
        **extra,
    }


def main() -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for line in sys.stdin:
            print(json.dumps(answer(runner, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
