"""Peers that send faster than we read, from a process of their own: the deadline holds.

Within this process a flooding server would have to wait for its turn, as no hostile one does.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator

import pytest

from seventh.engine.check import check_one, pulse_one
from seventh.labkit.web.h2faults import frame, head
from seventh.model.failure import Reason
from seventh.model.target import Target
from seventh.web import h2frames as f
from tests.hostile.bounds import bounded
from tests.options import changed, options_with

SECONDS = 0.8
MAX_TURN_SECONDS = 0.3
"""CPU time; a turn of reading ends after 10 ms, and processes what it read. Measuring coverage
doubles it."""
BODY_MEBIBYTES = 16

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
    async with flooding(first, again) as port:
        target = Target(scheme="http", host="127.0.0.1", port=port)
        options = options_with(timeout_seconds=SECONDS, max_body_bytes=BODY_MEBIBYTES << 20)
        options = changed(options, http_version=version)
        for verb in (check_one, pulse_one):
            # Six times the body: its pieces, the whole, and what is made of it.
            with bounded(SECONDS, mebibytes=6 * BODY_MEBIBYTES):
                report = await verb(target, options)
            if report.failure is not None:
                assert report.failure.reason in {
                    Reason.BUDGET_EXCEEDED, Reason.PEER_SILENT, Reason.PROTOCOL_VIOLATION,
                    Reason.UNEXPECTED_ANSWER,
                }  # fmt: skip


async def test_the_loop_gets_its_turn() -> None:
    """While one peer floods, other checks continue: counted in CPU time, not the machine's."""
    _, first, again = FLOODS["h2: padding and nothing else"]
    turns: list[float] = []

    async def beat() -> None:
        while True:
            begun = time.thread_time()
            await asyncio.sleep(0)
            turns.append(time.thread_time() - begun)

    async with flooding(first, again) as port:
        beating = asyncio.create_task(beat())
        options = options_with(timeout_seconds=SECONDS, http_version="2")
        await pulse_one(Target(scheme="http", host="127.0.0.1", port=port), options)
        beating.cancel()
    turns.sort()
    assert turns[-2] < MAX_TURN_SECONDS  # the longest one may load a module
