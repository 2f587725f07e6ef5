"""The memory of one connection (tier 4): 100 real ones to a service of this machine."""

from __future__ import annotations

import asyncio
import mmap
import os
from collections.abc import Iterator, Mapping, Sequence, Set
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec

from seventh.localkit.area import Further
from seventh.localkit.machine import Machine
from seventh.localkit.processes import described
from seventh.localkit.seen import Process, Reading, Seen
from seventh.model.failure import Failed, UsageError
from seventh.model.localfacts import Cause, Unread
from seventh.model.options import Options
from seventh.model.target import Target, parse_target
from seventh.protocols.websocket import SPEC
from seventh.protocols.websocket.facts.local import ConnectionMemory
from seventh.protocols.websocket.local import descriptors, memory, tables
from seventh.protocols.websocket.local.descriptors import Descriptors
from seventh.protocols.websocket.local.kernel import tcp_sockets
from seventh.protocols.websocket.local.tables import Row
from seventh.wire.address import reach

if TYPE_CHECKING:
    from seventh.net.address import Address
    from seventh.protocols.websocket.client.endpoint import Endpoint
    from seventh.protocols.websocket.client.socket import Socket

CONNECTIONS = 100
NAME = f"{CONNECTIONS} connections to the service of --measure"
_QUARTERS = 4
_SECONDS = 10.0
_SETTLE_SECONDS = 0.05
"""How long a server may take to finish what it does after its response to a handshake."""
_CLOSING_SECONDS = 1.0
_SIDE_BY_SIDE = 8


class Measured(Reading, frozen=True, kw_only=True):
    """What the connections took; nothing without ``--measure``."""

    memory: ConnectionMemory | None = None
    processes: tuple[Process, ...] = ()
    """Those that listen, of whatever name …"""
    descriptors: Mapping[int, Descriptors] = {}
    """… and what is open in each."""


class Sample(msgspec.Struct, frozen=True):
    """Bytes of the processes and of the kernel, and the TCP sockets of the machine."""

    processes: int
    kernel: int
    sockets: int


class _UnmeasuredError(Exception):
    """There is no measurement; the message says why."""


def service(text: str) -> str:
    """Check the URL of ``--measure``; raises UsageError."""
    _target(text)
    return text


def _target(text: str) -> Target:
    schemes = {scheme.name: scheme for scheme in SPEC.schemes}
    if not text.startswith(tuple(f"{name}://" for name in schemes)):
        raise UsageError(f"{text!r}: write a WebSocket URL of this machine, such as ws://localhost")
    (target,) = parse_target(text, schemes)
    return target


async def measure(machine: Machine, _: Seen, options: object) -> Measured:
    """Open the connections, compare the memory before and after, and close them in any case."""
    url = getattr(options, "measure", None)
    if url is None:
        return Measured()
    try:
        return await _measure(_target(url), machine)
    except (_UnmeasuredError, Failed) as error:
        unread = Unread(name=NAME, cause=Cause.FAILED, detail=str(error))
        return Measured(unread=(unread,))


MEASURE = Further(
    name=NAME, run=measure, seconds=_SECONDS + _CLOSING_SECONDS,
    reads="the memory of one connection; only with --measure and --intrusive, and closed again: "
    "RssAnon in /proc/PID/status of the processes that listen, Slab and MemAvailable in "
    "/proc/meminfo, and the limits of their control group in /sys/fs/cgroup",
)  # fmt: skip


async def _measure(target: Target, machine: Machine) -> Measured:
    from seventh.net.probe_context import ProbeContext
    from seventh.protocols.websocket.client.endpoint import Endpoint

    # One more than is measured: what a server sets up for its first is no part of each.
    context = ProbeContext(target, Options(timeout_seconds=_SECONDS), connections=CONNECTIONS + 1)
    try:
        chosen = (await context.addresses())[0]
        if not _is_here(chosen):
            raise _UnmeasuredError(f"{chosen.ip} is not an address of this machine")
        listening, held = await asyncio.to_thread(_listeners, chosen.ip, target.port, machine)
        if not listening:
            raise _UnmeasuredError(f"no visible process listens on {chosen.ip} port {target.port}")
        endpoint = Endpoint(context)
        endpoint.use(chosen)
        await (await endpoint.socket()).close(context.budget.within(_CLOSING_SECONDS))
        available = memory.meminfo("MemAvailable", machine)
        if available is None:
            raise _UnmeasuredError("/proc/meminfo has no MemAvailable")
        room = memory.group_room(listening[0].pid, machine)
        samples = await _opened(endpoint, [process.pid for process in listening], machine)
    finally:
        context.close()
    process, kernel, uncertainty = each_takes(samples, len(listening))
    first = listening[0]
    took = ConnectionMemory(
        target=str(target), name=first.name, unit=first.unit, processes=len(listening),
        connections=CONNECTIONS, resident_bytes=samples[0].processes, process_bytes=process,
        kernel_bytes=kernel, uncertainty_bytes=uncertainty, held=held, available_bytes=available,
        cgroup_limit_bytes=room.limit if room else None,
        cgroup_available_bytes=room.left if room else None,
    )  # fmt: skip
    each = {process.pid: descriptors.of_process(process.pid, machine) for process in listening}
    return Measured(memory=took, processes=listening, descriptors=each)


async def _opened(endpoint: Endpoint, pids: Sequence[int], machine: Machine) -> tuple[Sample, ...]:
    """Return a sample before the connections, and one after each quarter of them."""
    gate = asyncio.Semaphore(_SIDE_BY_SIDE)

    async def one() -> Socket:
        async with gate:
            return await endpoint.socket()

    opened: list[Socket] = []
    samples = [await _sample(pids, machine)]
    for _ in range(_QUARTERS):
        quarter = (one() for _ in range(CONNECTIONS // _QUARTERS))
        for result in await asyncio.gather(*quarter, return_exceptions=True):
            # Raised only now: no handshake is under way when all is closed.
            if isinstance(result, BaseException):
                raise result
            opened.append(result)
        samples.append(await _sample(pids, machine))
    until = endpoint.ctx.budget.within(_CLOSING_SECONDS)
    await asyncio.gather(*(each.close(until) for each in opened))
    return tuple(samples)


async def _sample(pids: Sequence[int], machine: Machine) -> Sample:
    """Read the memory once the server has settled; raises _UnmeasuredError."""
    await asyncio.sleep(_SETTLE_SECONDS)
    processes = memory.anonymous(pids, machine)
    kernel = memory.meminfo("Slab", machine)
    sockets = tcp_sockets(machine)
    if processes is None or kernel is None or sockets is None:
        raise _UnmeasuredError("the memory of its processes or of the kernel cannot be read")
    return Sample(processes, kernel, sockets)


def each_takes(samples: Sequence[Sample], processes: int) -> tuple[int, int, int]:
    """Return the bytes of process and kernel for each connection, and the uncertainty of the sum.

    Of the kernel's, the share of this end of each connection does not count. Memory that was free
    before, or taken meanwhile by others, makes the quarters differ.
    """
    first, last = samples[0], samples[-1]
    sockets = max(last.sockets - first.sockets, 2 * CONNECTIONS)
    share = 1 - CONNECTIONS / sockets
    totals = [each.processes + each.kernel * share for each in samples]
    quarters = [(after - before) * _QUARTERS / CONNECTIONS for before, after in pairwise(totals)]
    page = mmap.PAGESIZE * processes / CONNECTIONS
    return (
        max(0, round((last.processes - first.processes) / CONNECTIONS)),
        max(0, round((last.kernel - first.kernel) * share / CONNECTIONS)),
        round((max(quarters) - min(quarters)) / 2 + page),
    )


def _is_here(address: Address) -> bool:
    """Return whether an address is one of this machine: such packets have it as their source."""
    from seventh.net.datagram import local_ip

    return reach(address.ip) == "loopback" or local_ip(address) == address.ip


def _listeners(ip: str, port: int, machine: Machine) -> tuple[tuple[Process, ...], int]:
    """Return the processes that listen at an address, and how many connections they hold."""
    try:
        here = [row for row in tables.rows(machine) if row.local_port == port]
    except OSError as error:
        raise _UnmeasuredError(f"{tables.NAME}: {error.strerror}") from None
    at = [row for row in here if row.listens]
    exact = [row for row in at if tables.address(row.local) == ip]
    inodes = {row.inode for row in exact or [row for row in at if _is_any(row)]}
    found = tuple(_having(inodes, machine))
    return found, sum(row.established for row in here)


def _is_any(row: Row) -> bool:
    return not row.local.strip("0")


def _having(inodes: Set[str], machine: Machine) -> Iterator[Process]:
    """Yield the processes that have one of these sockets open, the first to start first."""
    wanted = {f"socket:[{inode}]" for inode in inodes}
    pids = sorted(int(name) for name in os.listdir(machine.at("/proc")) if name.isdigit())  # noqa: PTH208
    for pid in pids:
        try:
            names = os.listdir(machine.at(f"/proc/{pid}/fd"))  # noqa: PTH208
        except OSError:
            continue  # another user's, or it has ended
        if any(_link(machine, pid, name) in wanted for name in names):
            yield from described((pid,), machine)


def _link(machine: Machine, pid: int, name: str) -> str:
    """Return what a descriptor is; nothing for one that was closed meanwhile."""
    try:
        return os.readlink(machine.at(f"/proc/{pid}/fd/{name}"))  # noqa: PTH115 - a str
    except OSError:
        return ""
