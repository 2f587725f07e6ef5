"""Peers that send faster than we read, from a process of their own: the deadline holds.

Within this process a flooding server would have to wait for its turn, as no hostile one does.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import sys
import time
from collections.abc import AsyncIterator

import pytest

from seventh.engine.check import check_one, pulse_one
from seventh.labkit.web.h2faults import frame, head
from seventh.model.failure import Reason
from seventh.model.target import Target
from seventh.web import h2frames as f
from tests.options import changed, options_with

SECONDS = 1.5
LATE_SECONDS = 1.0
"""How far past its deadline a look may come on a machine that does much else."""
MAX_GROWTH_KIB = 96 * 1024

_SERVER = """
import socket, sys, threading
first, again = bytes.fromhex(sys.argv[1]), bytes.fromhex(sys.argv[2])
again *= max(1, 65536 // len(again))
listener = socket.create_server(("127.0.0.1", 0), backlog=64)
print(listener.getsockname()[1], flush=True)
def serve(connection):
    try:
        connection.recv(65536)
        connection.sendall(first)
        while True:
            connection.sendall(again)
    except OSError:
        connection.close()
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""
H2_FIRST = frame(f.SETTINGS, 0, 0) + frame(f.HEADERS, f.END_HEADERS, 1, head())
H1_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
FLOODS = {
    "h2: padding and nothing else": (
        "2", H2_FIRST, frame(f.DATA, 0x8, 1, b"\x10" + bytes(16)),
    ),
    "h2: much padding": ("2", H2_FIRST, frame(f.DATA, 0x8, 1, b"\xff" + bytes(255))),
    "h2: unknown frames and data": (
        "2", H2_FIRST, frame(0xEE, 0, 0, b"x" * 9) * 9 + frame(f.DATA, 0, 1, b"y" * 16),
    ),
    "h1: small chunks": ("1.1", H1_CHUNKED, b"800\r\n" + b"x" * 2048 + b"\r\n"),
    "h1: a body until the end": ("1.1", b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 4096),
    "h1: behind an answer": ("1.1", b"HTTP/1.1 204 No\r\n\r\n", b"x" * 4096),
}  # fmt: skip


@contextlib.asynccontextmanager
async def flooding(first: bytes, again: bytes) -> AsyncIterator[int]:
    """A server that floods every connection, until the block ends; gives its port."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _SERVER, first.hex(), again.hex(), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield int(await process.stdout.readline())
    finally:
        process.kill()
        await process.wait()


@pytest.mark.parametrize("name", FLOODS)
async def test_the_deadline_holds(name: str) -> None:
    version, first, again = FLOODS[name]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with flooding(first, again) as port:
        target = Target(scheme="http", host="127.0.0.1", port=port)
        options = options_with(timeout_seconds=SECONDS, max_body_bytes=64 * 1024 * 1024)
        options = changed(options, http_version=version)
        for verb in (check_one, pulse_one):
            started = time.monotonic()
            report = await verb(target, options)
            assert time.monotonic() - started < SECONDS + LATE_SECONDS
            if report.failure is not None:
                assert report.failure.reason in {
                    Reason.BUDGET_EXCEEDED, Reason.PEER_SILENT, Reason.PROTOCOL_VIOLATION,
                    Reason.UNEXPECTED_ANSWER,
                }  # fmt: skip
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < MAX_GROWTH_KIB + 64 * 1024, f"{grown} KiB"  # a body may be that long


async def test_the_loop_gets_its_turn() -> None:
    """While one peer floods, the looks at others go on."""
    _, first, again = FLOODS["h2: padding and nothing else"]
    longest, last = 0.0, time.monotonic()

    async def beat() -> None:
        nonlocal longest, last
        while True:
            await asyncio.sleep(0)  # a turn of the loop: how late it comes is what is measured
            now = time.monotonic()
            longest, last = max(longest, now - last), now

    async with flooding(first, again) as port:
        beating = asyncio.create_task(beat())
        options = options_with(timeout_seconds=SECONDS, http_version="2")
        await pulse_one(Target(scheme="http", host="127.0.0.1", port=port), options)
        beating.cancel()
    assert longest < SECONDS / 2
