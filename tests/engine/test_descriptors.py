"""Few file descriptors: fewer targets at once, and no verdict that our own limit made."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import socket
import subprocess
import sys

import pytest

from seventh.engine.check import check_many, check_one
from seventh.engine.descriptors import fitting
from seventh.lab import start
from seventh.labkit.serve import Kit, tcp_server
from seventh.model.failure import Reason
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.severity import Status
from seventh.model.target import Target
from seventh.net import connect

pytestmark = pytest.mark.field
OPTIONS = Options(timeout_seconds=5)


def tcp(port: int) -> Target:
    return Target(scheme="tcp", host="127.0.0.1", port=port)


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 hello FTP\r\n")
    await reader.read()


class Sockets:
    """Stands for the module ``socket`` of one that opens them: some calls find none left."""

    def __init__(self, refused: set[int], code: int) -> None:
        self._refused, self._code, self.calls = refused, code, 0

    def __getattr__(self, name: str) -> object:
        return getattr(socket, name)

    def socket(self, *words: int) -> socket.socket:
        self.calls += 1
        if self.calls in self._refused:
            raise OSError(self._code, os.strerror(self._code))
        return socket.socket(*words)


@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
async def test_our_own_limit_is_no_verdict(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect, "socket", Sockets({1}, code))
    async with tcp_server(greet) as port:
        report = await check_one(tcp(port), OPTIONS)
    assert report.failure is not None
    assert report.failure.reason is Reason.LOCAL_RESOURCE
    assert report.failure.blame == "local"
    assert os.strerror(code) in report.failure.detail
    assert (report.status, report.findings, report.passed) == (Status.UNKNOWN, (), ())


async def test_a_later_step_that_we_could_not_take_is_no_verdict_either(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That a server does not answer an older version, or resume, would be read from it."""
    monkeypatch.setattr(connect, "socket", Sockets({3, 4}, errno.EMFILE))
    async with start.serving("tls", None, kit) as served:
        target, options = start.job(served, OPTIONS)
        report = await check_one(target, options)
    assert report.facts["tls"]
    assert (report.status, report.findings) == (Status.UNKNOWN, ())


async def test_a_target_without_a_socket_is_looked_at_again_when_others_are_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def all_of(options: Options) -> list[Report]:
        monkeypatch.setattr(connect, "socket", Sockets({2}, errno.EMFILE))
        found = {i: r async for i, r in check_many([(tcp(port), options)] * 3, parallel=3)}
        return [found[index] for index in sorted(found)]

    async with tcp_server(greet) as port:
        assert [r.status for r in await all_of(OPTIONS)] == [Status.OK] * 3
        # What leaves traces is not done twice.
        intrusive = OPTIONS.replace(intrusive=True)
        assert [r.status for r in await all_of(intrusive)].count(Status.UNKNOWN) == 1


@pytest.mark.parametrize("limit", [32, 48, 96])
async def test_parallelism_adapts_and_says_so(limit: int) -> None:
    async with tcp_server(greet) as port:
        targets = " ".join([f"tcp://127.0.0.1:{port}"] * 60)
        command = (
            f"ulimit -n {limit}; exec {sys.executable} -m seventh check {targets} --parallel 64 "
            "--format json"
        )
        # Not asyncio's own: when the process ends, it may lose what is in the pipe after 128 KiB.
        process = await asyncio.to_thread(
            subprocess.run, ["sh", "-c", command], capture_output=True, timeout=60, check=False
        )
    out, err = process.stdout, process.stderr
    assert process.returncode == 0, err
    assert [report["failure"] for report in json.loads(out)["reports"]] == [None] * 60
    assert err.decode().startswith("seventh: checking ")
    assert f"this process may open only {limit} files" in err.decode()
    assert err.count(b"\n") == 1


def test_what_fits_is_what_was_asked_for() -> None:
    jobs = [(tcp(1), OPTIONS)] * 3
    assert fitting(jobs, 16)[0] == 16
    assert fitting([], 16)[0] == 16
