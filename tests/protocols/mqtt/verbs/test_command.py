"""The command itself: standard input, signals, closed pipes, and kill -9."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from seventh.labkit.serve import Kit
from seventh.protocols.mqtt.lab import Broker, serve_setup
from seventh.protocols.mqtt.lab.setup import Setup
from seventh.protocols.mqtt.wire.packets import Publish

CLEAR = Setup(secure=False, logs_in=False, anonymous=True)


class Recorder(Broker):
    """A broker that records what it is given to deliver."""

    def __init__(self) -> None:
        super().__init__(CLEAR)
        self.received: list[str] = []
        self.enough = asyncio.Event()
        self.wanted = 0

    async def publish(self, message: Publish, sender: str) -> bool:
        self.received.append(message.payload.decode())
        if len(self.received) >= self.wanted:
            self.enough.set()
        return await super().publish(message, sender)


@contextlib.asynccontextmanager
async def serving(kit: Kit) -> AsyncIterator[tuple[Recorder, str]]:
    recorder = Recorder()
    async with serve_setup(CLEAR, kit, recorder) as served:
        yield recorder, served.target


async def started(*words: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "seventh", "mqtt", *words, stdin=pipe, stdout=pipe, stderr=pipe
    )


async def ended(process: asyncio.subprocess.Process, given: bytes = b"") -> tuple[int, str, str]:
    out, err = await process.communicate(given)
    return process.returncode or 0, out.decode(), err.decode()


async def test_lines_of_standard_input(kit: Kit) -> None:
    async with serving(kit) as (recorder, url):
        process = await started("pub", url, "a/b", "--lines", "-", "--qos", "2")
        result = await ended(process, b"one\r\ntwo\n\nlast")
    assert result == (0, "4 delivered\n", "")
    assert recorder.received == ["one", "two", "", "last"]


async def test_options_between_arguments(kit: Kit) -> None:
    async with serving(kit) as (recorder, url):
        result = await ended(await started("pub", url, "a/b", "--qos", "0", "x", "y"))
    assert result == (0, "2 delivered\n", "")
    assert recorder.received == ["x", "y"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "term"])
async def test_a_signal_keeps_what_was_stored(kit: Kit, tmp_path: Path, number: int) -> None:
    spool = str(tmp_path)
    async with serving(kit) as (recorder, url):
        closed = "mqtt://127.0.0.1:1"
        process = await started("pub", closed, "a/b", "--lines", "-", "--spool", spool,
                                "--receipts", "--format", "json")  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"one\ntwo\npart of a line")
        receipts = [json.loads(await process.stdout.readline())["number"] for _ in range(2)]
        process.send_signal(number)
        out = (await process.stdout.read()).decode()
        await process.wait()
        after = await ended(await started("pub", url, "--spool", spool))
    assert receipts == [1, 2]
    assert json.loads(out) == {"accepted": 2, "delivered": 0, "refused": 0, "expired": 0,
                               "dropped": 0, "waiting": 2, "spool": spool}  # fmt: skip
    assert process.returncode == 3
    assert after == (0, "2 delivered\n", "")
    assert recorder.received == ["one", "two"]


async def test_a_closed_pipe_ends_sub(kit: Kit) -> None:
    async with serving(kit) as (_, url):
        process = await started("sub", url, "a/b")
        await ended(await started("pub", url, "a/b", "--retain", "x"))
        assert process.stdout is not None
        await process.stdout.readline()
        process.stdout._transport.close()  # type: ignore[attr-defined]
        for _ in range(2):
            await ended(await started("pub", url, "a/b", "y"))
        assert process.stderr is not None
        assert (await process.stderr.read(), await process.wait()) == (b"", 0)


@pytest.mark.parametrize("qos", [1, 2])
async def test_kill_9_loses_nothing_and_keeps_the_order(kit: Kit, tmp_path: Path, qos: int) -> None:
    """Each run is killed while it reads, stores, sends and records; QoS 2 arrives once."""
    stored: list[str] = []
    number = 0
    async with serving(kit) as (recorder, url):
        for _ in range(4):
            process = await started("pub", url, "a/b", "--lines", "-", "--qos", str(qos),
                                    "--spool", str(tmp_path), "--receipts")  # fmt: skip
            recorder.wanted = len(recorder.received) + 60
            recorder.enough.clear()
            assert process.stdin is not None
            assert process.stdout is not None
            words = [f"{number + n}" for n in range(400)]
            process.stdin.write("".join(f"{word}\n" for word in words).encode())
            await recorder.enough.wait()
            os.kill(process.pid, signal.SIGKILL)
            out, _ = await process.communicate()
            lines = out.decode().splitlines(keepends=True)
            count = len([line for line in lines if line.endswith("\n")])
            stored += words[:count]
            number += 400
        last = await ended(await started("pub", url, "--spool", str(tmp_path)))
    assert (last[0], last[2]) == (0, "")
    first = list(dict.fromkeys(recorder.received))
    assert set(stored) <= set(first)
    assert first == sorted(first, key=int)
    if qos == 2:
        assert len(recorder.received) == len(first)


async def test_a_full_disk_is_one_line(kit: Kit, tmp_path: Path) -> None:
    """A limit of the file size stands for a full disk."""
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (40000, 40000));"
        "sys.argv = ['seventh', *sys.argv[1:]]; from seventh.cli.main import run; run()"
    )
    spool, pipe = str(tmp_path), asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, "mqtt", "pub", "mqtt://127.0.0.1:1", "a", "--spool", spool,
        "--lines", "-", "--receipts", "--wait", "0.1", stdin=pipe, stdout=pipe, stderr=pipe,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    for n in range(4):
        process.stdin.write(b"%d " % n + b"x" * 15_000 + b"\n")
        if n < 2:
            await process.stdout.readline()
    _, out, err = await ended(process)
    said = [line for line in err.splitlines() if "trying again" not in line]
    stored = "2 messages are stored in it, and the next run sends them"
    assert said == [f"seventh: local-resource in -: --spool {spool}: File too large; {stored}"]
    assert out == f"0 delivered, 2 waiting in {spool}\n"
    async with serving(kit) as (recorder, url):
        await ended(await started("pub", url, "--spool", spool))
    assert [word[:1] for word in recorder.received] == ["0", "1"]
