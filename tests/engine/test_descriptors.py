"""Few file descriptors: fewer targets at once, and no verdict that our own limit made."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import resource
import socket
import subprocess
import sys
from pathlib import Path
from typing import Protocol

import pytest

from seventh import protocols
from seventh.engine import descriptors
from seventh.engine.check import check_many, check_one
from seventh.engine.descriptors import fitting, needed_by
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
    assert (report.failure.blame, report.failure.phase) == ("local", "-")
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


# A check over "tcp" has so many connections, and six descriptors for lookups and files; of a limit,
# 24 descriptors are no target's.
OF_TCP = protocols.rooms()["net"].connections + 6


class Limits(Protocol):
    """Sets the soft and hard limit; the result lists the limits set later."""

    def __call__(self, soft: int, hard: int, open_now: int = 10) -> list[tuple[int, int]]: ...


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> Limits:
    def limited(soft: int, hard: int, open_now: int = 10) -> list[tuple[int, int]]:
        put: list[tuple[int, int]] = []
        monkeypatch.setattr(resource, "getrlimit", lambda what: (soft, hard))
        monkeypatch.setattr(resource, "setrlimit", lambda what, limit: put.append(limit))
        monkeypatch.setattr(descriptors, "_open_now", lambda: open_now)
        return put

    return limited


UNLIMITED = resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("jobs", "parallel", "soft", "hard", "fits", "put"),
    [
        # what was asked for fits just so, or one descriptor is missing
        (3, 16, 24 + 3 * OF_TCP, 24 + 3 * OF_TCP, 16, None),
        (3, 16, 23 + 3 * OF_TCP, 23 + 3 * OF_TCP, 2, None),
        (9, 2, 24 + 2 * OF_TCP, 24 + 2 * OF_TCP, 2, None),
        (9, 2, 23 + 2 * OF_TCP, 23 + 2 * OF_TCP, 1, None),
        (9, 4, 24 + OF_TCP, 24 + OF_TCP, 1, None),
        (9, 4, 20, 20, 1, None),  # at least one is checked
        (0, 16, 24, 24, 16, None),
        # the soft limit is raised to what is needed, and no further
        (3, 16, 10, 1000, 16, 24 + 3 * OF_TCP),
        (3, 16, 10, 24 + 2 * OF_TCP, 2, 24 + 2 * OF_TCP),
        (3, 16, 10, UNLIMITED, 16, 24 + 3 * OF_TCP),
        (3, 16, UNLIMITED, UNLIMITED, 16, None),
        (3, 16, 1000, 2000, 16, None),
    ],
)
def test_as_many_fit_as_the_limit_of_descriptors_allows(
    limits: Limits,
    jobs: int, parallel: int, soft: int, hard: int, fits: int, put: int | None,
) -> None:  # fmt: skip
    raised = limits(soft, hard)
    fit, limit = fitting([(tcp(1), OPTIONS)] * jobs, parallel)
    assert raised == ([] if put is None else [(put, hard)])
    assert (fit, limit) == (fits, soft if put is None else put)


def test_open_files_and_eight_more_are_no_targets(limits: Limits) -> None:
    limits(17 + 8 + OF_TCP, 17 + 8 + OF_TCP, 17)
    assert fitting([(tcp(1), OPTIONS)] * 2, 2)[0] == 1
    limits(17 + 8 + 2 * OF_TCP, 17 + 8 + 2 * OF_TCP, 17)
    assert fitting([(tcp(1), OPTIONS)] * 2, 2)[0] == 2


def test_a_jump_host_is_one_more_connection() -> None:
    hop = Target(scheme="ssh", host="jump", port=22)
    assert needed_by(tcp(1), OPTIONS) == OF_TCP
    assert needed_by(tcp(1), OPTIONS.replace(via=(hop, hop))) == OF_TCP + 2


def test_the_largest_targets_are_counted_first(limits: Limits) -> None:
    ssh = Target(scheme="ssh", host="127.0.0.1", port=22)
    hop = OPTIONS.replace(via=(ssh,) * 50)
    large = needed_by(tcp(1), hop)
    jobs = [(tcp(1), OPTIONS), (tcp(1), hop), (tcp(1), hop)]
    limits(24 + OF_TCP + large, 24 + OF_TCP + large)
    assert fitting(jobs, 2)[0] == 1
    raised = limits(10, 1000)
    assert fitting(jobs, 1) == (1, 24 + large)
    assert raised == [(24 + large, 1000)]


def test_open_descriptors_are_counted() -> None:
    before = descriptors._open_now()
    with Path(os.devnull).open(), Path(os.devnull).open():
        assert descriptors._open_now() == before + 2
