"""Each form of receiver: what arrives there, and what is said where nothing does."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import pytest

from seventh.labkit.serve import tcp_server
from seventh.model.failure import UsageError
from seventh.notify.forward.receivers import append, sender_of
from seventh.notify.forward.syslog import _host
from seventh.notify.receiver import NotReceivedError
from seventh.watch.traps.keys import ForwardKeys
from seventh.watch.traps.spool import Batch
from tests.notify.sink import sink

LINE = b'{"at":"2026-12-01T00:00:00.000001Z","event":"finding","n":1}'
BATCH = Batch(seq=7, records=1, data=LINE + b"\n")
MESSAGE = (
    f"<132>1 2026-12-01T00:00:00.000001Z {_host()} seventh {os.getpid()} finding - ".encode() + LINE
)


def keys(to: str, **more: str) -> ForwardKeys:
    return ForwardKeys(name="one", to=to, **more)


async def error_of(to: str) -> tuple[str, bool]:
    with pytest.raises(NotReceivedError) as caught:
        await sender_of(keys(to))(BATCH)
    return str(caught.value), caught.value.refused


async def test_a_file_gets_lines_and_ends_what_a_crash_left(tmp_path: Path) -> None:
    path = tmp_path / "traps.jsonl"
    path.write_bytes(b'{"torn":')
    send = sender_of(keys(str(path)))
    await send(BATCH)
    path.rename(tmp_path / "rotated")
    await send(BATCH)
    assert (tmp_path / "rotated").read_bytes() == b'{"torn":\n' + BATCH.data
    assert path.read_bytes() == BATCH.data


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(NotReceivedError) as caught:
        append(tmp_path / "absent" / "file", b"x\n")
    assert str(caught.value) == (
        f"{tmp_path}/absent/file: cannot be written: No such file or directory"
    )


def test_a_full_disk() -> None:
    with pytest.raises(NotReceivedError) as caught:
        append(Path("/dev/full"), b"x\n")
    assert str(caught.value) == "/dev/full: cannot be written: No space left on device"


async def test_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "t0ken")
    async with sink() as it:
        url = f"http://127.0.0.1:{it.port}/traps"
        await sender_of(keys(url, token="env:TOKEN"))(BATCH)
        (got,) = it.received
        it.status = 400
        assert await error_of(url) == ("status 400: no", True)
        it.status = 503
        assert await error_of(url) == ("status 503: no", False)
    assert (got.path, got.body["n"]) == ("/traps", 1)
    wanted = {
        "content-type": "application/x-ndjson", "idempotency-key": "seventh-traps-7",
        "authorization": "Bearer t0ken",
    }  # fmt: skip
    assert got.headers.items() >= wanted.items()


async def test_syslog_over_udp() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(5)
        await sender_of(keys(f"syslog://127.0.0.1:{sock.getsockname()[1]}"))(BATCH)
        assert sock.recv(65535) == MESSAGE


async def test_syslog_over_tcp() -> None:
    got: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        got.set_result(await reader.read())

    async with tcp_server(serve) as port:
        two = Batch(seq=8, records=2, data=BATCH.data * 2)
        await sender_of(keys(f"syslog+tcp://127.0.0.1:{port}"))(two)
        assert await got == (f"{len(MESSAGE)} ".encode() + MESSAGE) * 2


async def test_syslog_that_is_refused() -> None:
    error, refused = await error_of("syslog+tcp://127.0.0.1:9")
    assert (error.partition(":")[0], refused) == ("connect-refused in connect", False)


@pytest.mark.parametrize(
    ("to", "says"),
    [
        ("traps.jsonl", "[[forward]] one: to: write a path from / on, or a URL"),
        ("syslog+quic://h",
         ("[[forward]] one: to: target 'syslog+quic://h': unknown scheme syslog+quic://: did you "
         "mean syslog+tcp://h or syslog://h? `seventh check --help` describes targets")),
        ("https://", "[[forward]] one: to: target 'https://' has no host"),
    ],
    ids=["relative", "scheme", "host"],
)  # fmt: skip
def test_a_receiver_that_cannot_be(to: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        sender_of(keys(to))
    assert str(caught.value) == says
