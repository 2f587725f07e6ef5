"""Where programs listen, by /proc, and what counts as the certificate from before."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from seventh.localkit.machine import Machine
from seventh.localkit.seen import Process, Seen
from seventh.model.localfacts import Cause, Unread
from seventh.model.tlslocal import Service
from seventh.protocols.tls.local import served

HEAD = "  sl  local_address rem_address   st ...\n"
pytestmark = pytest.mark.skipif(
    sys.byteorder != "little", reason="the tables are of such a machine"
)


def row(address: str, state: str, inode: int) -> str:
    return (
        f"   0: {address} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000     0"
        f"        0 {inode} 1 0000000000000000 100 0 0 10 0\n"
    )


def sockets(root: Path, tcp: str, tcp6: str = "", *processes: Process) -> object:
    seen = Seen(files={
        "/proc/net/tcp": {"/proc/net/tcp": HEAD + tcp},
        "/proc/net/tcp6": {"/proc/net/tcp6": HEAD + tcp6},
    })  # fmt: skip
    return served._sockets(Machine(root=root), seen, processes)


def process(root: Path, pid: int, name: str, *inodes: int) -> Process:
    folder = root / "proc" / str(pid) / "fd"
    folder.mkdir(parents=True)
    for number, inode in enumerate(inodes):
        (folder / str(number)).symlink_to(f"socket:[{inode}]")
    (folder / "99").symlink_to("/dev/null")
    return Process(name=name, pid=pid)


def test_where_programs_listen(tmp_path: Path) -> None:
    nginx = process(tmp_path, 7, "nginx", 1, 2, 3, 9)
    worker = process(tmp_path, 8, "nginx", 1, 4)
    dovecot = process(tmp_path, 9, "dovecot", 5, 6)
    ended = Process(name="caddy", pid=10)
    tcp = (
        row("00000000:01BB", "0A", 1) + row("0100007F:20FB", "0A", 2)
        + row("0100007F:0016", "01", 3) + row("6300000A:01BB", "0A", 4) + "odd\n"
        + row("xyz:01BB", "0A", 9)
    )  # fmt: skip
    tcp6 = (
        row("00000000000000000000000000000000:03E1", "0A", 5)
        + row("0000000000000000FFFF00000100007F:008F", "0A", 6)
    )  # fmt: skip
    assert sockets(tmp_path, tcp, tcp6, nginx, worker, dovecot, ended) == (
        {
            Service.NGINX: (("127.0.0.1", 443), ("127.0.0.1", 8443), ("10.0.0.99", 443)),
            Service.DOVECOT: (("::1", 993), ("127.0.0.1", 143)),
        },
        [],
    )


def test_descriptors_that_may_not_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: str) -> list[str]:
        raise PermissionError

    monkeypatch.setattr(served.os, "listdir", refuse)
    two = (Process(name="nginx", pid=7), Process(name="nginx", pid=8))
    unread = Unread(name="sockets of nginx", cause=Cause.NOT_PERMITTED)
    assert sockets(tmp_path, "", "", *two) == ({}, [unread])


async def test_nothing_is_asked_without_files_or_processes() -> None:
    assert await served.ask(Machine(), Seen(), None) == served.Asked()
