"""Seventh against chronyd, good and wrong, and beside it: both measure the same servers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import re
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest

from seventh.engine.check import check_one, pulse_one
from seventh.labkit.serve import free_port
from seventh.model.failure import Reason
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.severity import Severity
from seventh.model.target import Target
from seventh.protocols.ntp.facts import NtpFacts
from tests.options import options_with
from tests.peers import need_binary
from tests.reports import ntp_facts as facts_of

pytestmark = pytest.mark.peer

READY_SECONDS = 10.0
LOOK = options_with(timeout_seconds=5.0, samples=4, interval_seconds=0.2)
PULSE = Options(timeout_seconds=0.5)
LOOPBACK_AGREEMENT_SECONDS = 0.005
"""chronyd -Q measures the same server seconds later, in a process of its own that shares two cores
with others: how late the kernel lets either run is in both measurements. On an idle machine the two
agree to a few microseconds."""


def target_of(host: str, port: int) -> Target:
    return Target(scheme="ntp", host=host, port=port)


def ids(report: Report) -> set[str]:
    return {finding.id for finding in report.findings}


def user_name() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name


@contextlib.asynccontextmanager
async def chronyd(
    folder: Path,
    *lines: str,
    host: str = "127.0.0.1",
    clients: str = "127.0.0.0/8",
    port: int | None = None,
    shift: str | None = None,
    ready: Callable[[NtpFacts], bool] | None = lambda facts: facts.replies > 0,
) -> AsyncIterator[int]:
    """Run chronyd with ``lines``, never touching the clock; gives its port when it is ``ready``."""
    program = need_binary("chronyd")
    port = port or free_port(socket.SOCK_DGRAM, host)
    started = Started(folder, program, port, host, (f"allow {clients}", *lines), shift)
    try:
        if ready is not None:
            await until_ready(started, target_of(host, port), ready)
        yield port
    finally:
        started.stop()


class Started:
    """A running chronyd: its process, and what it writes."""

    def __init__(
        self,
        folder: Path,
        program: str,
        port: int,
        host: str,
        lines: Sequence[str],
        shift: str | None,
    ) -> None:
        conf = folder / f"chrony-{port}.conf"
        pidfile = folder / f"chrony-{port}.pid"
        always = (
            f"port {port}\nbindaddress {host}\ncmdport 0\nbindcmdaddress /\npidfile {pidfile}\n"
        )
        conf.write_text(always + "\n".join(lines) + "\n")
        self._log = folder / f"chrony-{port}.log"
        environment = dict(os.environ)
        if shift is not None:
            environment["LD_PRELOAD"] = faketime_library()
            environment["FAKETIME"] = shift
            environment["FAKETIME_DONT_FAKE_MONOTONIC"] = "1"
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(
                [program, "-d", "-x", "-U", "-u", user_name(), "-f", str(conf)],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
            )

    def said(self) -> str:
        return self._log.read_text()

    def alive(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(5)


async def until_ready(started: Started, target: Target, ready: Callable[[NtpFacts], bool]) -> None:
    """Ask until the server says what it should; it starts in a fraction of a second."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        report = await pulse_one(target, PULSE)
        if "ntp" in report.facts and ready(facts_of(report)):
            return
        assert started.alive(), started.said()
        await asyncio.sleep(0.05)
    raise AssertionError(f"chronyd is not ready after {READY_SECONDS} s:\n{started.said()}")


def faketime_library() -> str:
    for path in Path("/usr/lib").glob("*/faketime/libfaketime.so.1"):
        return str(path)
    pytest.skip("libfaketime is not installed")


async def chronyd_says(folder: Path, host: str, port: int) -> float:
    """What ``chronyd -Q`` measures: the server's clock minus ours."""
    process = await asyncio.create_subprocess_exec(
        need_binary("chronyd"), "-Q", "-U", "-u", user_name(), "-f", "/dev/null",
        f"server {host} port {port} iburst maxsamples 1", "cmdport 0", "bindcmdaddress /",
        f"pidfile {folder}/query.pid",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await asyncio.wait_for(process.communicate(), 30)
    found = re.search(rb"System clock wrong by (-?[\d.]+) seconds", output)
    assert found, output.decode()
    return float(found.group(1))


async def test_a_server_on_its_own_clock(tmp_path: Path) -> None:
    async with chronyd(tmp_path, "local stratum 2") as port:
        report = await check_one(target_of("127.0.0.1", port), LOOK)
    facts = facts_of(report)
    assert report.failure is None
    assert ids(report) == {"NTP-LOCALCLOCK"}, "a server with `local` follows nothing"
    assert (facts.stratum, facts.leap, facts.reference_id_hex) == (2, 0, "7f7f0101")
    assert (facts.requests, facts.replies, facts.reach) == (4, 4, 0b1111)
    assert facts.control_factor == 0.0, "chronyd does not speak mode 6"


def follows(facts: NtpFacts) -> bool:
    return facts.stratum == 3 and facts.leap == 0


async def test_a_good_server_has_no_finding_and_chronyd_agrees(tmp_path: Path) -> None:
    async with chronyd(tmp_path, "local stratum 2", host="127.0.0.2") as upstream:
        source = f"server 127.0.0.2 port {upstream} iburst minpoll 0 maxpoll 2"
        async with chronyd(tmp_path, source, ready=follows) as port:
            report = await check_one(target_of("127.0.0.1", port), LOOK)
            oracle = await chronyd_says(tmp_path, "127.0.0.1", port)
    facts = facts_of(report)
    assert report.failure is None
    assert report.findings == ()
    assert facts.reference_id == "127.0.0.2"
    assert facts.reference_age_seconds is not None
    assert facts.reference_age_seconds < READY_SECONDS + 5
    assert facts.offset_seconds is not None
    assert facts.offset_error_seconds is not None
    # The follower's estimate of a clock that is this machine's own: zero, within its root distance.
    assert facts.root_distance_seconds is not None
    bound = facts.offset_error_seconds + facts.root_distance_seconds
    assert abs(facts.offset_seconds) <= bound + LOOPBACK_AGREEMENT_SECONDS
    assert abs(facts.offset_seconds - oracle) <= bound + LOOPBACK_AGREEMENT_SECONDS


async def test_a_server_that_follows_its_own_address(tmp_path: Path) -> None:
    # Another process on the same address: to the clients, the server follows itself.
    async with chronyd(tmp_path, "local stratum 2") as upstream:
        source = f"server 127.0.0.1 port {upstream} iburst minpoll 0 maxpoll 2"
        async with chronyd(tmp_path, source, ready=follows) as port:
            report = await check_one(target_of("127.0.0.1", port), LOOK)
    assert ids(report) == {"NTP-LOOP"}


async def test_an_unsynchronised_server(tmp_path: Path) -> None:
    async with chronyd(tmp_path) as port:
        report = await check_one(target_of("127.0.0.1", port), LOOK)
    facts = facts_of(report)
    assert ids(report) == {"NTP-UNSYNC"}
    assert (facts.leap, facts.stratum) == (3, 16)
    assert facts.kiss_codes == (), "stratum 0 without a code is no kiss"


async def test_a_wrong_clock_is_measured_and_chronyd_agrees(tmp_path: Path) -> None:
    async with chronyd(tmp_path, "local stratum 3", shift="+37s") as port:
        report = await check_one(target_of("127.0.0.1", port), LOOK)
        oracle = await chronyd_says(tmp_path, "127.0.0.1", port)
    facts = facts_of(report)
    offset = next(finding for finding in report.findings if finding.id == "NTP-OFFSET")
    assert offset.severity is Severity.HIGH
    assert facts.offset_seconds is not None
    assert facts.offset_error_seconds is not None
    # libfaketime shifts what the process reads, to within the time of a call.
    assert abs(facts.offset_seconds - 37) <= facts.offset_error_seconds + 1e-3
    tolerance = facts.offset_error_seconds + LOOPBACK_AGREEMENT_SECONDS
    assert abs(facts.offset_seconds - oracle) <= tolerance


async def test_a_server_that_does_not_allow_us_is_silent(tmp_path: Path) -> None:
    async with chronyd(tmp_path, "local stratum 2", clients="192.0.2.0/24", ready=None) as port:
        target = target_of("127.0.0.1", port)
        # Until it has bound its port, ICMP refuses; then there is silence.
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            report = await check_one(
                target, options_with(timeout_seconds=0.6, samples=2, interval_seconds=0.1)
            )
            if report.failure is not None and report.failure.reason is Reason.NO_REPLY:
                break
    assert report.failure is not None
    assert report.failure.reason is Reason.NO_REPLY
    finding = next(finding for finding in report.findings if finding.id == "NTP-NO-REPLY")
    assert finding.params["instead"] == ("timeout",)
