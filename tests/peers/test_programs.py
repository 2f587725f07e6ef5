"""A test asks what a program is before it relies on it; without it the test is skipped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from seventh.labkit.serve import Fault, find_program
from tests.peers import PROGRAMS, Program, look_for, need_binary, need_version


@pytest.fixture
def only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A machine whose only programs are those put into this folder."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    look_for.cache_clear()
    yield folder
    look_for.cache_clear()


def put(folder: Path, name: str, says: str) -> Path:
    file = folder / name
    file.write_text(f"#!/bin/sh\necho '{says}'\n")
    file.chmod(0o755)
    return file


def test_a_program_is_known_by_what_it_says(only: Path) -> None:
    file = put(only, "nginx", "nginx version: nginx/1.22.1")
    assert look_for("nginx") == Program(str(file), "1.22.1")
    assert need_version("nginx") == "1.22.1"


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_another_program_of_the_same_name_is_not_taken_for_it(only: Path, name: str) -> None:
    put(only, name, "usage: something else 1.0")
    with pytest.raises(pytest.skip.Exception, match=f"is not the {name} that is meant"):
        need_binary(name)


def test_a_missing_program_is_named(only: Path) -> None:
    with pytest.raises(pytest.skip.Exception, match="nginx is not installed"):
        need_binary("nginx")


def test_sbin_is_searched_beside_bin_and_nowhere_else(only: Path) -> None:
    assert find_program("sshd") is None
    (only.parent / "sbin").mkdir()
    file = put(only.parent / "sbin", "sshd", "OpenSSH_9.2p1")
    assert find_program("sshd") == str(file)


@pytest.mark.parametrize(
    ("says", "lacks"),
    [("ip utility, iproute2-6.1.0", None), ("BusyBox v1.36", "needs the program ip (iproute2)")],
)
def test_a_lab_fault_needs_iproute2(only: Path, says: str, lacks: str | None) -> None:
    put(only, "ip", says)
    assert Fault(name="x", meaning="x", triggers=(), needs=("ip",)).lacks() == lacks
