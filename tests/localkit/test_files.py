"""The reader: bounded, and never waiting."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from seventh.localkit import files
from seventh.localkit.area import File
from seventh.localkit.files import read_files
from seventh.localkit.machine import Machine
from seventh.model.localfacts import Cause, Unread


def made(root: Path, **contents: str) -> Machine:
    for name, text in contents.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Machine(root=root)


def read(path: str, machine: Machine, **changes: object) -> object:
    return read_files(File(path=path, reads="", **changes), machine)  # type: ignore[arg-type]


def test_a_file_below_the_root(tmp_path: Path) -> None:
    machine = made(tmp_path, etc__name="tsc\n")
    assert read("/etc/name", machine) == {"/etc/name": "tsc\n"}
    assert machine.shown(machine.at("/etc/name")) == "/etc/name"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    absent = Unread(name="/etc/name", cause=Cause.NOT_FOUND)
    assert read("/etc/name", Machine(root=tmp_path)) == {"/etc/name": absent}
    machine = made(tmp_path, etc="a file")
    assert read("/etc/name", machine) == {"/etc/name": absent}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_the_right(tmp_path: Path) -> None:
    machine = made(tmp_path, name="x")
    (tmp_path / "name").chmod(0)
    denied = Unread(name="/name", cause=Cause.NOT_PERMITTED)
    assert read("/name", machine) == {"/name": denied}


def test_the_limit(tmp_path: Path) -> None:
    machine = made(tmp_path, name="12345")
    assert read("/name", machine, max_bytes=5) == {"/name": "12345"}
    long = Unread(name="/name", cause=Cause.TOO_LARGE, detail="more than 4 bytes")
    assert read("/name", machine, max_bytes=4) == {"/name": long}


def test_the_end_of_a_log(tmp_path: Path) -> None:
    machine = made(tmp_path, log="one\ntwo\n")
    assert read("/log", machine, max_bytes=4, from_end=True) == {"/log": "two\n"}
    assert read("/log", machine, max_bytes=100, from_end=True) == {"/log": "one\ntwo\n"}


def test_a_huge_log_costs_its_end_only(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as file:
        file.truncate(10 * 1024**3)
        file.seek(0, os.SEEK_END)
        file.write(b"last\n")
    assert read("/log", Machine(root=tmp_path), max_bytes=5, from_end=True) == {"/log": "last\n"}


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    other = Unread(name="/pipe", cause=Cause.UNEXPECTED, detail="not a regular file")
    assert read("/pipe", Machine(root=tmp_path)) == {"/pipe": other}


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    other = Unread(name="/folder", cause=Cause.UNEXPECTED, detail="not a regular file")
    assert read("/folder", Machine(root=tmp_path)) == {"/folder": other}


def test_a_pattern(tmp_path: Path) -> None:
    machine = made(tmp_path, sys__ptp1__name="b", sys__ptp0__name="a", sys__other__name="c")
    (tmp_path / "sys" / "ptp2").mkdir()
    assert read("/sys/ptp*/name", machine) == {"/sys/ptp0/name": "a", "/sys/ptp1/name": "b"}
    assert read("/sys/*0/n*", machine) == {"/sys/ptp0/name": "a"}
    assert read("/sys/ptp*", machine, names_only=True) == {
        "/sys/ptp0": "", "/sys/ptp1": "", "/sys/ptp2": "",
    }  # fmt: skip


def test_a_pattern_without_its_folder(tmp_path: Path) -> None:
    machine = Machine(root=tmp_path)
    assert read("/sys/ptp*", machine) == Unread(name="/sys/ptp*", cause=Cause.NOT_FOUND)
    (tmp_path / "sys").mkdir()
    assert read("/sys/ptp*", machine) == {}
    assert read("/sys/none", machine, names_only=True) == {}


def test_a_pattern_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_NAMES", 3)
    machine = made(tmp_path, **{f"sys__{number}": "" for number in range(5)})
    found = read("/sys/*", machine, names_only=True)
    assert isinstance(found, dict)
    assert len(found) == 3


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "name").write_bytes(b"\xffa")
    assert read("/name", Machine(root=tmp_path)) == {"/name": "\N{REPLACEMENT CHARACTER}a"}
