"""The memory of one connection: what is computed from samples, and from the kernel's files."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from seventh.localkit.machine import Machine
from seventh.localkit.seen import Process, Seen
from seventh.model.failure import UsageError
from seventh.protocols.websocket.facts import WebSocketFacts
from seventh.protocols.websocket.facts.local import (
    ConnectionMemory,
    Destination,
    ListenQueue,
    ServerLimits,
)
from seventh.protocols.websocket.local import SocketOptions, learn, measure, queues, tables
from seventh.protocols.websocket.local.descriptors import Descriptors
from seventh.protocols.websocket.local.kernel import tcp_sockets
from seventh.protocols.websocket.local.measure import Measured, Sample, each_takes
from seventh.protocols.websocket.local.memory import Room, anonymous, group_room, meminfo

PAGE = 4096


def tree(folder: Path, **files: str) -> Machine:
    """A machine with these files; ``__`` in a name stands for a slash."""
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Machine(root=folder)


@pytest.mark.parametrize(
    ("grown", "kernel", "sockets", "processes", "takes"),
    [
        # Both ends are here: half of the kernel's memory is ours.
        ((0, 250, 500, 750, 1000), (0, 0, 0, 0, 800), 200, 0, (10, 4, 8)),
        ((0, 250, 500, 750, 1000), (0, 200, 400, 600, 800), 200, 0, (10, 4, 0)),
        ((0, 250, 500, 750, 1000), (0, 200, 400, 600, 800), 400, 0, (10, 6, 0)),
        ((0, 250, 500, 750, 1000), (0, 200, 400, 600, 800), 0, 0, (10, 4, 0)),
        ((0, 0, 0, 250, 1250), (0, 0, 0, 0, 0), 200, 0, (12, 0, 20)),
        ((0, 0, 0, 0, 1000), (0, 0, 0, 0, 0), 200, 5, (10, 0, 20 + round(PAGE * 5 / 100))),
        ((1000, 750, 500, 250, 0), (800, 600, 400, 200, 0), 200, 0, (0, 0, 0)),
    ],
)
def test_what_each_takes(
    monkeypatch: pytest.MonkeyPatch,
    grown: tuple[int, ...],
    kernel: tuple[int, ...],
    sockets: int,
    processes: int,
    takes: tuple[int, int, int],
) -> None:
    monkeypatch.setattr("mmap.PAGESIZE", PAGE)
    counts = (30, 30, 30, 30, 30 + sockets)
    samples = [Sample(*one) for one in zip(grown, kernel, counts, strict=True)]
    assert each_takes(samples, processes) == takes


def test_memory_of_processes_and_the_kernel(tmp_path: Path) -> None:
    machine = tree(
        tmp_path, proc__7__status="RssAnon:\t  20 kB\n",
        proc__8__status="VmRSS: 3 kB\nRssAnon: 1 kB\n",
        proc__9__status="Name: x\n", proc__meminfo="MemFree: 3 kB\nSlab:    17 kB\n",
        proc__net__sockstat="sockets: used 9\nTCP: inuse 31 orphan 0\n",
        proc__net__sockstat6="TCP6: inuse 4\nUDP6: inuse 7\n",
    )  # fmt: skip
    assert anonymous((7, 8), machine) == 21 * 1024
    assert anonymous((7, 9), machine) is None
    assert anonymous((7, 10), machine) is None
    assert meminfo("Slab", machine) == 17 * 1024
    assert meminfo("MemAvailable", machine) is None
    assert tcp_sockets(machine) == 35
    (tmp_path / "proc/net/sockstat6").unlink()
    assert tcp_sockets(machine) == 31
    (tmp_path / "proc/net/sockstat").unlink()
    assert tcp_sockets(machine) is None


GROUP = "sys__fs__cgroup"
SERVICE = f"{GROUP}__system.slice__web.service__memory"
V1 = f"{GROUP}__memory__docker"


@pytest.mark.parametrize(
    ("files", "room"),
    [
        ({"proc__7__cgroup": "0::/\n"}, None),
        ({}, None),
        ({"proc__7__cgroup": "0::/system.slice/web.service\n", f"{SERVICE}.max": "1000\n",
          f"{SERVICE}.current": "900\n", f"{SERVICE}.stat": "anon 1\ninactive_file 50\n"},
         Room(1000, 150)),
        ({"proc__7__cgroup": "0::/system.slice/web.service\n", f"{SERVICE}.max": "1000\n",
          f"{SERVICE}.current": "900\n"}, Room(1000, 100)),
        ({"proc__7__cgroup": "0::/system.slice/web.service\n", f"{SERVICE}.max": "max\n",
          f"{SERVICE}.current": "900\n"}, None),
        ({"proc__7__cgroup": "0::/system.slice/web.service\n", f"{SERVICE}.max": "5000\n",
          f"{SERVICE}.current": "900\n", f"{GROUP}__system.slice__memory.max": "3000\n",
          f"{GROUP}__system.slice__memory.current": "2500\n"}, Room(3000, 500)),
        ({"proc__7__cgroup": "9:pids:/x\n4:memory:/docker\n0::/\n",
          f"{V1}__memory.limit_in_bytes": "800\n", f"{V1}__memory.usage_in_bytes": "300\n",
          f"{V1}__memory.stat": "inactive_file 7\ntotal_inactive_file 20\n"}, Room(800, 520)),
        ({"proc__7__cgroup": "4:cpu,memory:/docker\n", f"{V1}__memory.usage_in_bytes": "300\n",
          f"{V1}__memory.limit_in_bytes": f"{(1 << 60) - 1}\n"},
         Room((1 << 60) - 1, (1 << 60) - 301)),
        ({"proc__7__cgroup": "4:cpu,memory:/docker\n", f"{V1}__memory.usage_in_bytes": "300\n",
          f"{V1}__memory.limit_in_bytes": f"{1 << 60}\n"}, None),
    ],
)  # fmt: skip
def test_the_control_group(tmp_path: Path, files: dict[str, str], room: Room | None) -> None:
    assert group_room(7, tree(tmp_path, **files)) == room


HEAD = "sl local_address rem_address st tx_queue rx_queue tr tm->when retrnsmt uid timeout inode\n"


def row(local: str, remote: str, state: str, inode: int = 0) -> str:
    return f"0: {local} {remote} {state} 0:0 0:0 0 0 0 {inode} 1\n"


MINE, OTHER = "0100007F", "0500000A"
FIVE = "000080FE00000000000000000500000A"  # fe80::a00:5
MAPPED = f"0000000000000000FFFF0000{OTHER}"
TABLE = HEAD + "".join([
    row(f"{MINE}:1F90", "00000000:0000", "0A", 1),
    row(f"{MINE}:1F90", f"{OTHER}:1234", "01"),  # a client's
    row(f"{MINE}:8001", f"{OTHER}:0050", "01"),
    row(f"{MINE}:8002", f"{OTHER}:0050", "02"),
    row(f"{MINE}:8003", f"{OTHER}:0050", "06"),  # TIME-WAIT
    row(f"{MINE}:8004", f"{OTHER}:0051", "01"),
    "short\n", row("x:zz", "y:1", "01"),
])  # fmt: skip
TABLE_6 = HEAD + "".join([
    row(f"{MAPPED}:8005", f"{MAPPED}:0050", "01"), row(f"{FIVE}:8006", f"{FIVE}:0052", "01"),
])  # fmt: skip


def test_where_the_connections_go(tmp_path: Path) -> None:
    machine = tree(tmp_path, proc__net__tcp=TABLE)
    assert tables.destinations(machine) == (
        Destination(address="10.0.0.5", port=80, connections=2),
        Destination(address="10.0.0.5", port=81, connections=1),
    )
    both = tables.destinations(tree(tmp_path, proc__net__tcp6=TABLE_6))
    assert [(e.shown, e.connections) for e in both] == [
        ("10.0.0.5:80", 2), ("10.0.0.5:81", 1), ("10.0.0.5:80", 1), ("[fe80::a00:5]:82", 1),
    ]  # fmt: skip
    (tmp_path / "proc/net/tcp").unlink()
    (tmp_path / "proc/net/tcp6").unlink()
    with pytest.raises(FileNotFoundError):
        tables.destinations(machine)


@pytest.mark.parametrize(("length", "fits"), [(511, True), (512, False)])
def test_a_line_that_is_too_long(tmp_path: Path, length: int, fits: bool) -> None:
    machine = tree(tmp_path, proc__net__tcp=HEAD + "x" * length + "\n")
    if fits:
        assert tables.destinations(machine) == ()
    else:
        with pytest.raises(OSError, match=r"File too large"):
            tables.destinations(machine)


def test_a_table_that_is_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = tree(tmp_path, proc__net__tcp=HEAD + row(f"{MINE}:8001", f"{OTHER}:0050", "01"))
    monkeypatch.setattr(tables, "_MAX_ROWS", 2)
    assert len([*tables.rows(machine)]) == 1
    monkeypatch.setattr(tables, "_MAX_ROWS", 1)
    with pytest.raises(OSError, match=r"File too large"):
        tables.destinations(machine)


def test_no_more_than_five_destinations(tmp_path: Path) -> None:
    text = HEAD + "".join(row(f"{MINE}:8001", f"{OTHER}:{n:04X}", "01") for n in range(1, 8))
    found = tables.destinations(tree(tmp_path, proc__net__tcp=text))
    assert [each.port for each in found] == [1, 2, 3, 4, 5]


SS = """\
LISTEN 3      511         0.0.0.0:80        0.0.0.0:*    users:(("nginx",pid=9,fd=6),("nginx",pid=7,fd=6))
LISTEN 0      4096           [::]:443          [::]:*    users:(("caddy",pid=8,fd=3))
LISTEN 0      128         0.0.0.0:22        0.0.0.0:*    users:(("sshd",pid=3,fd=3))
LISTEN 0      128         0.0.0.0:25        0.0.0.0:*
"""  # noqa: E501 - as it is printed


def test_queues() -> None:
    names = {7: "nginx", 8: "caddy"}
    seen = Seen(outputs={queues.COMMAND.name: SS})
    assert queues.queues(seen, names) == (
        ListenQueue(name="nginx", address="0.0.0.0:80", waiting=3, backlog=511),
        ListenQueue(name="caddy", address="[::]:443", waiting=0, backlog=4096),
    )
    assert queues.queues(seen, {}) is None
    assert queues.queues(Seen(), names) is None


@pytest.mark.parametrize("text", ["ws://localhost", "wss://[::1]:8443/chat", "ws://127.0.0.2:80/x"])
def test_a_service(text: str) -> None:
    assert measure.service(text) == text


@pytest.mark.parametrize("text", ["http://localhost", "localhost:80", "wsx://localhost"])
def test_no_service(text: str) -> None:
    with pytest.raises(UsageError) as error:
        measure.service(text)
    wanted = "write a WebSocket URL of this machine, such as ws://localhost"
    assert str(error.value) == f"{text!r}: {wanted}"


MEMORY = ConnectionMemory(
    target="ws://127.0.0.1:9", name="python", processes=1, connections=100, resident_bytes=900,
    process_bytes=5, kernel_bytes=6, uncertainty_bytes=4, held=0, available_bytes=1000,
)  # fmt: skip


def test_the_server_that_was_measured_is_one_of_the_servers() -> None:
    found = Measured(
        memory=MEMORY, processes=(Process(name="python", pid=4, unit="app.service"),),
        descriptors={4: Descriptors(pid=4, limit=1024, hard_limit=4096, open=20, others=5)},
    )  # fmt: skip
    seen = Seen(
        outputs={queues.COMMAND.name: 'LISTEN 0 100 *:9 *:* users:(("python",pid=4,fd=6))\n'},
        calls={measure.NAME: found},
    )
    local = learn(WebSocketFacts(), seen, SocketOptions()).local
    assert local is not None
    assert local.memory == MEMORY
    assert local.servers == (
        ServerLimits(
            name="python",
            processes=1,
            unit="app.service",
            descriptor_limit=1024,
            hard_limit=4096,
            descriptors=20,
            other_descriptors=5,
        ),
    )
    assert local.queues == (ListenQueue(name="python", address="*:9", waiting=0, backlog=100),)


@pytest.mark.parametrize(("process", "most"), [(4, 4 + 6 + 4 + 9), (5, 5 + 6 + 4)])
def test_growth(process: int, most: int) -> None:
    memory = replace(MEMORY, process_bytes=process)
    assert (memory.bytes, memory.most_bytes) == (process + 6, most)
