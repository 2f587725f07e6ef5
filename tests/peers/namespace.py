"""Servers in a network namespace of their own, where all addresses are nobody else's."""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from seventh.localkit.machine import Machine
from tests.peers import need_binary
from tests.peers.local_tree import machine_tree

READY_SECONDS = 15.0


class Server(NamedTuple):
    """A running server, and what it printed."""

    pid: int
    log: Path


@contextlib.contextmanager
def alone(folder: Path, words: Sequence[str], port: int, owner: str = "") -> Iterator[Server]:
    """Run a server until it has ``port``, of TCP or UDP, in a namespace with a loopback only."""
    if os.geteuid() != 0:
        pytest.skip("needs root for a network namespace")
    unshare, ip, setpriv = map(need_binary, ("unshare", "ip", "setpriv"))
    as_user = as_owner(setpriv, owner) if owner else []
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [unshare, "-n", "sh", "-c", f'{ip} link set lo up; exec "$@"', "sh", *as_user, *words],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=folder,
            start_new_session=True,
        )  # fmt: skip
    try:
        _until_it_has(port, process, log)
        yield Server(process.pid, log)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def as_owner(setpriv: str, owner: str) -> list[str]:
    """The words before a command that another user runs."""
    account = pwd.getpwnam(owner)
    return [setpriv, f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]


def _until_it_has(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    ours = Path("/proc/self/ns/net").stat().st_ino
    while True:
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(FileNotFoundError):
            net = Path(f"/proc/{process.pid}/net")
            tables = [net / name for name in ("tcp", "tcp6", "udp", "udp6")]
            if Path(f"/proc/{process.pid}/ns/net").stat().st_ino != ours and any(
                f":{port:04X} " in table.read_text() for table in tables if table.exists()
            ):
                return
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)  # its port is not open yet; nothing can be waited on


def machine_of(folder: Path, server: Server, *programs: str) -> Machine:
    """A machine whose network is the server's, with ``programs`` that run in its namespace."""
    pids = [server.pid, *workers(server.pid)]
    root = machine_tree(folder, {pid: {} for pid in pids})
    (root / "proc" / "net").mkdir()
    for name in ("tcp", "tcp6", "udp", "udp6"):
        source = Path(f"/proc/{server.pid}/net/{name}")
        if source.exists():
            (root / "proc" / "net" / name).write_text(source.read_text())
    for pid in pids:
        links = root / "proc" / str(pid) / "fd"
        links.mkdir()
        (links.parent / "limits").write_text(Path(f"/proc/{pid}/limits").read_text())
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                (links / link.name).symlink_to(link.readlink())
    # The server's own files are where they are.
    there = root / str(folder.parent).lstrip("/")
    there.parent.mkdir(parents=True)
    there.symlink_to(folder.parent)
    bin_folder = folder / "bin"
    bin_folder.mkdir()
    nsenter = need_binary("nsenter") if programs else ""
    for name in programs:
        script = bin_folder / name
        script.write_text(
            f'#!/bin/sh\nexec {nsenter} -t {server.pid} -n {need_binary(name)} "$@"\n'
        )
        script.chmod(0o755)
    return Machine(root=root, path=(str(bin_folder),))


def workers(pid: int, name: str = "nginx") -> list[int]:
    """The processes that a process of ``name`` has started; none for another."""
    if Path(f"/proc/{pid}/comm").read_text().strip() != name:
        return []
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def inside(server: Server, *words: str, text: str = "") -> None:
    """Run a program in the server's namespace."""
    program, *rest = words
    path = "/bin/sh" if program == "sh" else need_binary(program)
    subprocess.run(
        [need_binary("nsenter"), "-t", str(server.pid), "-n", path, *rest],
        input=text, text=True, check=True, timeout=10,
    )  # fmt: skip
