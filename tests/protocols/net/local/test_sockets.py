"""What listens, as a made /proc describes it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from seventh.localkit.machine import Machine
from seventh.model.listenfacts import Listener
from seventh.model.localfacts import Cause, Unread
from seventh.protocols.net.local import sockets as module
from seventh.protocols.net.local.sockets import NAME, Sockets, sockets

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when uid timeout inode\n"
pytestmark = pytest.mark.skipif(sys.byteorder != "little", reason="the addresses are written so")


def row(address: str, inode: int, state: str = "0A") -> str:
    return f"   0: {address} 00000000:0000 {state} 00000000:00000000 00:00000000 0 0 0 {inode} 1\n"


def table(root: Path, name: str, *rows: str) -> None:
    folder = root / "proc" / "net"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(HEAD + "".join(rows))


def descriptor(root: Path, pid: int, comm: str, *inodes: int) -> None:
    folder = root / "proc" / str(pid) / "fd"
    folder.mkdir(parents=True)
    (folder.parent / "comm").write_text(f"{comm}\n")
    (folder / "0").symlink_to("/dev/null")
    for number, inode in enumerate(inodes, 3):
        (folder / str(number)).symlink_to(f"socket:[{inode}]")


def found(root: Path) -> Sockets:
    result = sockets(Machine(root=root))
    assert isinstance(result, Sockets)
    return result


def test_all_four_tables(tmp_path: Path) -> None:
    table(tmp_path, "tcp", row("0100007F:18EB", 7), row("00000000:0016", 8),
          row("0100007F:18EB", 9, "01"))  # fmt: skip
    table(tmp_path, "tcp6", row(f"{'0' * 32}:0016", 10), row(f"{'0' * 24}01000000:0277", 11),
          row("0000000000000000FFFF00000100007F:1F90", 14))  # fmt: skip
    table(tmp_path, "udp", row("00000000:00A1", 12, "07"), row("00000000:00A2", 13, "01"))
    table(tmp_path, "udp6")
    descriptor(tmp_path, 40, "redis-server", 7)
    descriptor(tmp_path, 41, "redis-server", 7, 12)
    assert found(tmp_path) == Sockets(
        listeners=(
            Listener(transport="tcp", address="0.0.0.0", port=22),
            Listener(transport="tcp", address="::", port=22),
            Listener(transport="tcp", address="::1", port=631),
            Listener(
                transport="tcp", address="127.0.0.1", port=6379, program="redis-server", pid=40
            ),
            Listener(transport="tcp", address="127.0.0.1", port=8080),
            Listener(
                transport="udp", address="0.0.0.0", port=161, program="redis-server", pid=41
            ),
        )
    )  # fmt: skip


def test_without_ipv6_and_without_any_table(tmp_path: Path) -> None:
    assert sockets(Machine(root=tmp_path)) == Unread(name=NAME, cause=Cause.NOT_FOUND)
    table(tmp_path, "tcp", row("00000000:0016", 8))
    assert [each.port for each in found(tmp_path).listeners] == [22]


@pytest.mark.parametrize(
    ("name", "states", "complete"),
    [
        ("tcp", ("0A", "0A"), True), ("tcp", ("0A",) * 9, False),
        ("tcp", ("0A",) * 3 + ("01",) * 9, True), ("udp", ("07",) * 9, False),
    ],
)  # fmt: skip
def test_a_long_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    name: str, states: tuple[str, ...], complete: bool,
) -> None:  # fmt: skip
    """TCP's has those that listen first: one that shows others has shown all of them."""
    monkeypatch.setattr(module, "_MAX_BYTES", 600)
    rows = (row(f"00000000:{port:04X}", port, state) for port, state in enumerate(states, 1))
    table(tmp_path, name, *rows)
    assert found(tmp_path).complete is complete


def test_as_many_sockets_as_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_LISTENERS", 2)
    table(tmp_path, "tcp", row("00000000:0001", 1), row("00000000:0002", 2))
    assert found(tmp_path).complete
    table(tmp_path, "udp", row("00000000:0003", 3, "07"))
    assert not found(tmp_path).complete
    assert len(found(tmp_path).listeners) == 2


def test_as_many_descriptors_as_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_DESCRIPTORS", 2)
    table(tmp_path, "tcp", row("00000000:0001", 1), row("00000000:0002", 2))
    descriptor(tmp_path, 40, "one", 1)
    descriptor(tmp_path, 41, "two", 2)
    assert [each.program for each in found(tmp_path).listeners] == ["one", ""]


@pytest.mark.parametrize(
    "line", ["", "x\n", row("zz:0016", 1), row("00:0016", 1), row("00000000", 1)]
)
def test_other_lines(tmp_path: Path, line: str) -> None:
    table(tmp_path, "tcp", line, row("00000000:0016", 8))
    assert [each.port for each in found(tmp_path).listeners] == [22]
