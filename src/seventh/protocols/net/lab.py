"""Reference servers for the network's rules: faulty ports, names and paths."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping

from seventh.labkit.names import name_server
from seventh.labkit.serve import Fault, Handler, Kit, Served, find_program, free_port, tcp_server

NAME = "lab.test"
IDLE_SECONDS = 1.5
SMALL_MTU = 1400
SMALL_MTU_IP = "127.77.0.1"

FAULTS = (
    Fault(
        name="closed-port",
        meaning="no service listens on the port",
        triggers=("NET-PORT-STATE",),
        reason="connect-refused",
    ),
    Fault(
        name="no-name",
        meaning="the name does not exist",
        triggers=("NET-FAILED",),
        reason="resolve-nxdomain",
    ),
    Fault(
        name="ipv6-dead",
        meaning="the name has an AAAA record, and no service listens at that address",
        triggers=("NET-IPV6-BROKEN", "NET-PORT-STATE"),
        needs=("ipv6",),
    ),
    Fault(
        name="slow-dns",
        meaning="the name server answers after 300 ms",
        triggers=("NET-DNS-SLOW",),
    ),
    Fault(
        name="over-limit",
        meaning="the name server answers after 300 ms, with --max resolve=100ms",
        triggers=("NET-DNS-SLOW", "NET-LIMIT"),
    ),
    Fault(
        name="dns-servfail",
        meaning="the name server answers AAAA queries with SERVFAIL",
        triggers=("NET-DNS-SLOW",),
    ),
    Fault(
        name="drift",
        meaning="the greetings of two addresses of one name differ",
        triggers=("NET-ADDR-DRIFT",),
    ),
    Fault(
        name="idle-cut",
        meaning=f"connections idle for {IDLE_SECONDS:g} s are reset",
        triggers=("NET-IDLE-CUT",),
    ),
    Fault(
        name="small-mtu",
        meaning=f"the path MTU is {SMALL_MTU} bytes",
        triggers=("NET-PMTU",),
        needs=("root", "ip"),
    ),
)
_OPTIONS: dict[str, Mapping[str, str | float | int | tuple[str, ...]]] = {
    "over-limit": {"maximums": ("resolve=100ms",)},
    "idle-cut": {"intrusive": True, "hold_seconds": 2.5},
}


def _greeting(line: bytes) -> Handler:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(line)
        await writer.drain()
        await reader.read()

    return greet


async def _forget(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Greet, and reset the connection when it has been idle."""
    writer.write(b"220 lab FTP\r\n")
    try:
        await asyncio.wait_for(reader.read(), IDLE_SECONDS)
    except TimeoutError:
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()


@contextlib.asynccontextmanager
async def serve(fault: Fault | None, kit: Kit) -> AsyncIterator[Served]:
    """Run a TCP server that sends a greeting, under a name of its own; or one with ``fault``."""
    del kit
    name = fault.name if fault else ""
    if name == "closed-port":
        yield Served(target=f"tcp://127.0.0.1:{free_port()}")
        return
    host = SMALL_MTU_IP if name == "small-mtu" else "127.0.0.1"
    zone: dict[str, tuple[str, ...]] = {"A": (host,)}
    async with contextlib.AsyncExitStack() as stack:
        if name == "small-mtu":
            stack.enter_context(_small_route())
        handler = _forget if name == "idle-cut" else _greeting(b"220 lab FTP\r\n")
        port = await stack.enter_async_context(tcp_server(handler, host))
        if name == "ipv6-dead":
            zone["AAAA"] = ("::1",)
        if name == "drift":
            zone["A"] = ("127.0.0.1", "127.0.0.2")
            other = _greeting(b"220 other lab FTP\r\n")
            await stack.enter_async_context(tcp_server(other, "127.0.0.2", port))
        resolver = await stack.enter_async_context(
            name_server(
                {} if name == "no-name" else {NAME: zone},
                delay_seconds=0.3 if name in {"slow-dns", "over-limit"} else 0.0,
                servfail=frozenset({"AAAA"}) if name == "dns-servfail" else frozenset(),
            )
        )
        options = {"resolver": resolver, **_OPTIONS.get(name, {})}
        yield Served(target=f"tcp://{NAME}:{port}", options=options)


@contextlib.contextmanager
def _small_route() -> Iterator[None]:
    """Give a loopback address a route with a small MTU, until the block ends."""
    ip = find_program("ip") or "ip"
    route = ["local", SMALL_MTU_IP, "dev", "lo", "mtu", str(SMALL_MTU)]
    subprocess.run([ip, "route", "replace", *route], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run([ip, "route", "del", *route], check=False, capture_output=True)
