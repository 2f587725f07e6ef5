"""Processes as a made /proc describes them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from seventh.localkit.machine import Machine
from seventh.localkit.processes import NAME, running
from seventh.localkit.seen import Process
from seventh.model.localfacts import Cause, Unread

TICKS = os.sysconf("SC_CLK_TCK")


def process(root: Path, pid: int, name: str = "chronyd", **changes: str) -> None:
    folder = root / "proc" / str(pid)
    folder.mkdir(parents=True)
    files = {
        "comm": f"{name}\n",
        "stat": f"{pid} ({name}) S 1 2 3 " + "0 " * 15 + f"{100 * TICKS} 0\n",
        "status": "Name:\tx\nCapPrm:\t0000000000000001\nCapEff:\t0000000002000400\n",
        "cmdline": f"/usr/sbin/{name}\0-F\0001\0",
        "cgroup": f"0::/system.slice/{name}.service\n",
    } | changes
    for file, text in files.items():
        (folder / file).write_text(text)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    process(tmp_path, 1, "systemd", cgroup="0::/init.scope\n")
    (tmp_path / "proc" / "uptime").write_text("160.50 1.00\n")
    (tmp_path / "proc" / "self").symlink_to("1")
    return tmp_path


def test_a_process(root: Path) -> None:
    process(root, 12)
    assert running({"chronyd"}, Machine(root=root)) == (
        Process(
            name="chronyd", pid=12, parent=1, arguments=("/usr/sbin/chronyd", "-F", "1"),
            capabilities=0x2000400, unit="chronyd.service", age_seconds=60.5,
        ),
    )  # fmt: skip


def test_other_names_and_ended_ones_are_left_out(root: Path) -> None:
    process(root, 12, "chronyd2")
    process(root, 13, stat="13 (chronyd) Z 1 2 3 " + "0 " * 16 + "0 0\n")
    process(root, 14, stat="14 (chronyd) S 1\n")
    assert running({"chronyd"}, Machine(root=root)) == ()


def test_its_user_and_its_program(root: Path) -> None:
    process(root, 12, status="Uid:\t1000\t0\t0\t0\nCapEff:\t0\n")
    (root / "proc" / "12" / "exe").symlink_to("/usr/sbin/chronyd (deleted)")
    (found,) = running({"chronyd"}, Machine(root=root)) or ()
    assert isinstance(found, Process)
    assert (found.user_id, found.program) == (0, "/usr/sbin/chronyd (deleted)")


def test_a_name_with_parentheses(root: Path) -> None:
    name = "a) Z (b"
    process(root, 12, name)
    (found,) = running({name}, Machine(root=root))
    assert isinstance(found, Process)
    assert (found.name, found.parent) == (name, 1)


def test_what_cannot_be_read_is_unknown(root: Path) -> None:
    process(root, 12, cgroup="1:name=systemd:/\n0::/user.slice/session-1.scope\n")
    for name in ("status", "cmdline"):
        (root / "proc" / "12" / name).unlink()
    (root / "proc" / "uptime").unlink()
    assert running({"chronyd"}, Machine(root=root)) == (
        Process(name="chronyd", pid=12, parent=1, arguments=("",)),
    )


def test_hidden_processes_are_unknown(tmp_path: Path) -> None:
    process(tmp_path, 12)
    hidden = Unread(name=NAME, cause=Cause.NOT_PERMITTED, detail="process 1 is not visible")
    assert running({"chronyd"}, Machine(root=tmp_path)) == hidden
    process(tmp_path, 1, comm="")
    assert running({"chronyd"}, Machine(root=tmp_path)) == hidden


def test_without_proc(tmp_path: Path) -> None:
    unread = running({"chronyd"}, Machine(root=tmp_path))
    assert isinstance(unread, Unread)
    assert unread.cause is Cause.FAILED
