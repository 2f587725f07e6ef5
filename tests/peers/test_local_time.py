"""``seventh local time`` beside real daemons: chronyd, NTPsec's ntpd, ptp4l."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from seventh.engine.local import Wanted, look
from seventh.labkit.serve import free_port
from seventh.localkit.machine import Machine
from seventh.model.report import Report
from seventh.model.severity import Severity
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.local import NtpLocalFacts, Setter, SourceState
from seventh.protocols.ntp.local import TimeOptions
from tests.peers import need_binary
from tests.peers.local_tree import machine_tree
from tests.peers.test_ntp import faketime_library, user_name

pytestmark = pytest.mark.peer
READY_SECONDS = 15.0
SETS_IT = "0000000002000000"
"""The capability CAP_SYS_TIME, as /proc/PID/status has it."""


class Daemon:
    """A running chronyd with a command socket of its own; it never sets the clock."""

    def __init__(self, folder: Path, *lines: str, shift: str | None = None) -> None:
        self.port = free_port(socket.SOCK_DGRAM)
        self.folder = folder / f"chronyd-{self.port}"
        self.folder.mkdir(mode=0o700)
        self.socket = f"{self.folder}/chronyd.sock"
        conf = self.folder / "chrony.conf"
        always = (
            f"port {self.port}", "bindaddress 127.0.0.1", "allow 127.0.0.0/8", "cmdport 0",
            f"bindcmdaddress {self.socket}", f"pidfile {self.folder}/pid",
        )  # fmt: skip
        conf.write_text("\n".join((*always, *lines)) + "\n")
        environment = dict(os.environ)
        if shift is not None:
            environment |= {"LD_PRELOAD": faketime_library(), "FAKETIME": shift,
                            "FAKETIME_DONT_FAKE_MONOTONIC": "1"}  # fmt: skip
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [need_binary("chronyd"), "-d", "-x", "-U", "-u", user_name(), "-f", str(conf)],
                stdout=log, stderr=log, env=environment,
            )  # fmt: skip

    @property
    def machine(self) -> Machine:
        return Machine(arguments={"chronyc": ("-h", self.socket)})

    def ask(self, *words: str) -> str:
        done = subprocess.run(
            [need_binary("chronyc"), "-h", self.socket, "-n", *words],
            capture_output=True, text=True, check=False, timeout=10,
        )  # fmt: skip
        return done.stdout

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)


@contextlib.contextmanager
def chronyd(
    folder: Path, *lines: str, shift: str | None = None, ready: str = "Leap status"
) -> Iterator[Daemon]:
    """Run chronyd until ``chronyc tracking`` prints ``ready``."""
    daemon = Daemon(folder, *lines, shift=shift)
    try:
        until(lambda: ready in daemon.ask("tracking"), daemon.folder / "log")
        yield daemon
    finally:
        daemon.stop()


def until(holds: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not holds():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)


def source(daemon: Daemon) -> str:
    return f"server 127.0.0.1 port {daemon.port} iburst minpoll -2 maxpoll 0"


async def seen(
    machine: Machine,
    folder: Path,
    pids: Mapping[int, Mapping[str, str]],
    accuracy: float | None = None,
) -> tuple[Report, NtpLocalFacts]:
    """Look at a machine on which only these processes run."""
    root = machine_tree(folder, pids)
    here = Machine(root=root, path=machine.path, arguments=machine.arguments)
    options = {"time": TimeOptions(accuracy_seconds=accuracy)}
    report = await look(Wanted(areas=("time",), options=options), here, host="here")
    facts = report.facts["ntp"]
    assert isinstance(facts, NtpFacts)
    assert facts.local is not None
    return report, facts.local


async def shell(line: str) -> None:
    """Run a line of a fix as a person does."""
    process = await asyncio.create_subprocess_shell(line)
    assert await process.wait() == 0


def fired(report: Report) -> dict[str, Severity]:
    return {finding.id: finding.severity for finding in report.findings}


async def test_a_synchronised_machine_is_clean(tmp_path: Path) -> None:
    with chronyd(tmp_path, "local stratum 3") as server:
        with chronyd(tmp_path, source(server), ready="Leap status     : Normal") as daemon:
            pids = {daemon.process.pid: {}}
            report, local = await seen(daemon.machine, tmp_path / "tree", pids)
    assert fired(report) == {}
    assert {"NTP-CLOCK-UNSYNC", "NTP-CLOCK-OFFSET", "NTP-CLOCK-DRIFT", "NTP-DUAL-DAEMON"} <= {
        *report.passed
    }
    assert local.state is not None
    assert local.state.synchronised
    assert (local.state.product, local.state.stratum) == ("chrony", 4)
    assert local.sources is not None
    (only,) = local.sources
    assert (only.name, only.state, only.selection) == ("127.0.0.1", SourceState.SELECTED, None)
    assert only.receive_timestamps in {"Daemon", "Kernel"}
    numbers = {each.name: each for each in report.metrics}
    assert {each.labels for each in report.metrics} == {(("source", "local"),)}
    assert abs(numbers["seventh_ntp_offset_seconds"].value) < 0.1
    assert numbers["seventh_ntp_stratum"].value == 4
    assert local.served_packets is not None


async def test_a_source_that_does_not_answer(tmp_path: Path) -> None:
    lines = f"server 127.0.0.1 port {free_port(socket.SOCK_DGRAM)} iburst"
    with chronyd(tmp_path, lines) as daemon:
        pid = daemon.process.pid
        report, _ = await seen(daemon.machine, tmp_path / "old", {pid: {}})
        young, _ = await seen(daemon.machine, tmp_path / "young", {pid: {"age": "119"}})
    assert fired(report) == {"NTP-CLOCK-UNSYNC": Severity.HIGH, "NTP-REACH": Severity.MEDIUM}
    params = {each.id: each.params for each in report.findings}
    assert params["NTP-CLOCK-UNSYNC"]["sources"] == ("127.0.0.1 (too-few-measurements)",)
    assert params["NTP-REACH"]["names"] == ("127.0.0.1 (00000000)",)
    assert fired(young) == {}
    assert {each.id for each in young.skipped} >= {"NTP-CLOCK-UNSYNC", "NTP-REACH"}


async def test_an_offset_that_is_not_stepped(tmp_path: Path) -> None:
    """chronyc's makestep cannot be seen to work: chronyd would have to set this machine's clock."""
    with chronyd(tmp_path, "local stratum 3", shift="+37s") as server:
        with chronyd(tmp_path, source(server), ready="Leap status     : Normal") as daemon:
            pid = daemon.process.pid
            sets = {"cmdline": "chronyd\0", "status": f"CapEff:\t{SETS_IT}\n"}
            report, local = await seen(daemon.machine, tmp_path / "slews", {pid: sets})
            (finding,) = report.findings
            assert (finding.id, finding.severity) == ("NTP-CLOCK-OFFSET", Severity.HIGH)
            assert (finding.params["direction"], finding.params["how"]) == ("behind", "slewed")
            assert finding.params["minutes"] == pytest.approx(37 * 12 / 60, abs=0.2)
            assert finding.product == "chrony"
            assert local.correction_seconds == pytest.approx(37, abs=1)
            report, _ = await seen(daemon.machine, tmp_path / "never", {pid: {}})
            (finding,) = report.findings
            assert finding.params["how"] == "never"
            assert daemon.ask("makestep").strip() == "500 Failure"  # understood, and not permitted


async def test_two_daemons_that_set_the_clock(tmp_path: Path) -> None:
    with chronyd(tmp_path, "local stratum 3") as one, chronyd(tmp_path, "local") as other:
        pids = [one.process.pid, other.process.pid]
        alone, local = await seen(one.machine, tmp_path / "x", {pid: {} for pid in pids})
        assert local.setters is not None
        assert [each.sets for each in local.setters] == [False, False]  # both with -x
        assert "NTP-DUAL-DAEMON" in alone.passed
        changed = {"cmdline": "chronyd\0-d\0", "status": f"CapEff:\t{SETS_IT}\n"}
        report, _ = await seen(one.machine, tmp_path / "both", dict.fromkeys(pids, changed))
        (finding,) = (each for each in report.findings if each.id == "NTP-DUAL-DAEMON")
        assert finding.params["names"] == tuple(f"chronyd (PID {pid})" for pid in pids)
        assert finding.params["commands"] == (f"kill {pids[1]}",)
        (line,) = finding.params["commands"]
        await shell(line)
        other.process.wait(10)
        after, _ = await seen(one.machine, tmp_path / "after", {pids[0]: changed})
    assert "NTP-DUAL-DAEMON" in after.passed


@contextlib.contextmanager
def named(folder: Path, name: str) -> Iterator[int]:
    """A process of that name, which waits; its number."""
    program = folder / name
    shutil.copy(need_binary("sleep"), program)
    process = subprocess.Popen([str(program), "600"], cwd=folder)
    try:
        comm = Path(f"/proc/{process.pid}/comm")
        until(lambda: comm.read_text() == f"{name[:15]}\n", comm)
        yield process.pid
    finally:
        process.kill()
        process.wait()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may set a clock")
async def test_guest_tools_that_set_the_clock(tmp_path: Path) -> None:
    """Their processes are real, as far as /proc shows them; only VMware's client is not."""
    state, client = tmp_path / "state", tmp_path / "vmware-toolbox-cmd"
    state.write_text("Enabled\n")
    client.write_text(
        f'#!/bin/sh\ncase "$*" in *status) read said < {state}; echo $said;;\n'
        f"*disable) echo Disabled > {state};; esac\n"
    )
    client.chmod(0o755)
    names = "VBoxService", "vmtoolsd", "qemu-ga"
    with contextlib.ExitStack() as stack:
        pids = {name: stack.enter_context(named(tmp_path, name)) for name in names}

        async def judged(number: int) -> tuple[Report, NtpLocalFacts]:
            machine = Machine(path=(str(tmp_path),))
            return await seen(machine, tmp_path / f"{number}", {pid: {} for pid in pids.values()})

        report, local = await judged(1)
        assert local.setters is not None
        assert {(each.kind, each.pid, each.sets) for each in local.setters} == {
            (Setter.VIRTUALBOX, pids["VBoxService"], True),
            (Setter.VMWARE, pids["vmtoolsd"], True),
        }
        (finding,) = (each for each in report.findings if each.id == "NTP-DUAL-DAEMON")
        (line,) = finding.params["commands"]
        assert line in {
            "vmware-toolbox-cmd timesync disable",
            "VBoxService --disable-timesync   # instead of VBoxService alone",
        }
        await shell(f"PATH={tmp_path} vmware-toolbox-cmd timesync disable")
        report, local = await judged(2)
        assert local.setters is not None
        assert {each.kind: each.sets for each in local.setters} == {
            Setter.VIRTUALBOX: True, Setter.VMWARE: False,
        }  # fmt: skip
        assert "NTP-DUAL-DAEMON" in report.passed


NAMESPACE = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a network namespace")


@contextlib.contextmanager
def ptp4l(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], Machine]]:
    """Run a PTP master and a slave with software timestamps, over a veth pair; no clock is set."""
    ip, program = need_binary("ip"), need_binary("ptp4l")
    need_binary("pmc")
    names = [f"seventh-{os.getpid()}-{side}" for side in ("a", "b")]
    started: list[subprocess.Popen[bytes]] = []

    def run(*words: str) -> None:
        subprocess.run([ip, *words], check=True, timeout=10)

    try:
        for name in names:
            run("netns", "add", name)
        run("link", "add", "v0", "netns", names[0], "type", "veth", "peer", "v0", "netns", names[1])
        for number, (name, role) in enumerate(zip(names, ("masterOnly", "slaveOnly"), strict=True)):
            run("-n", name, "addr", "add", f"192.0.2.{number + 1}/24", "dev", "v0")
            run("-n", name, "link", "set", "v0", "up")
            conf = folder / f"{role}.conf"
            conf.write_text(
                "[global]\ntime_stamping software\nfree_running 1\nlogAnnounceInterval -3\n"
                f"logSyncInterval -4\n{role} 1\nuds_address {folder}/{role}\n"
            )
            with (folder / f"{role}.log").open("wb") as log:
                command = [ip, "netns", "exec", name, program, "-f", str(conf), "-i", "v0", "-m"]
                started.append(subprocess.Popen(command, stdout=log, stderr=log))
        until(lambda: "new foreign master" in (folder / "slaveOnly.log").read_text(),
              folder / "slaveOnly.log")  # fmt: skip
        yield started[1], Machine(arguments={"pmc": ("-s", f"{folder}/slaveOnly")})
    finally:
        for process in started:
            process.terminate()
            process.wait(10)
        for name in names:
            subprocess.run([ip, "netns", "del", name], check=False, timeout=10)


@NAMESPACE
async def test_what_is_missing_for_ptp(tmp_path: Path) -> None:
    with ptp4l(tmp_path) as (process, machine):
        pids = {process.pid: {}}
        deadline = time.monotonic() + READY_SECONDS
        number = 0
        while True:
            number += 1
            report, local = await seen(machine, tmp_path / f"{number}", pids, accuracy=1e-6)
            assert local.ptp is not None
            if local.ptp.offset_seconds is not None or time.monotonic() > deadline:
                break
            await asyncio.sleep(0.1)
    assert local.ptp.port_states == ("UNCALIBRATED",)  # it may not steer a clock
    assert local.ptp.steps_removed == 1
    assert local.ptp.offset_seconds is not None
    assert abs(local.ptp.offset_seconds) < 0.01
    (finding,) = (each for each in report.findings if each.id == "NTP-PTP-HINT")
    parts = [finding.params[name] for name in ("nic", "switch", "daemon")]
    assert parts == ["unknown", "master", "no-phc2sys"]  # the tree has no /sys/class/net
    assert local.setters is not None
    assert [(each.kind.value, each.sets) for each in local.setters] == [("ptp4l", None)]


async def test_the_line_that_selects_a_better_clock_source(tmp_path: Path) -> None:
    clocks = "sys/devices/system/clocksource/clocksource0"
    report, before = await with_clocks(tmp_path / "before", current="hpet")
    (finding,) = report.findings
    assert (finding.id, before.clock_source) == ("NTP-CLOCK-SOURCE", "hpet")
    fix, _ = finding.fixes["any"]
    line = fix.replace(f"/{clocks}", str(tmp_path / "before" / clocks))
    assert line != fix
    await shell(line)
    current = (tmp_path / "before" / clocks / "current_clocksource").read_text()
    report, after = await with_clocks(tmp_path / "after", current=current)
    assert (report.findings, after.clock_source) == ((), "tsc")


async def with_clocks(folder: Path, current: str) -> tuple[Report, NtpLocalFacts]:
    """Look at a machine whose kernel uses the clock source ``current``."""
    clocks = folder / "sys/devices/system/clocksource/clocksource0"
    clocks.mkdir(parents=True)
    (clocks / "current_clocksource").write_text(current)
    (clocks / "available_clocksource").write_text("tsc hpet acpi_pm \n")
    (folder / "run").mkdir()
    (folder / ".dockerenv").touch()
    return await seen(Machine(), folder, {})
