"""``seventh local sockets`` beside a real nginx, whose limits it raises, in a namespace."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from seventh.engine.local import Wanted, look
from seventh.localkit.machine import Machine
from seventh.model.report import Report
from seventh.model.severity import Severity
from seventh.protocols.websocket.facts import WebSocketFacts
from seventh.protocols.websocket.facts.local import (
    ConnectionMemory,
    ListenQueue,
    ServerLimits,
    SocketLocalFacts,
)
from seventh.protocols.websocket.local import SocketOptions, kernel
from seventh.protocols.websocket.rules.local import few_descriptors
from seventh.rules.rule import Hit
from tests.peers import need_binary
from tests.peers.namespace import Server, alone, inside, machine_of, workers
from tests.peers.test_local_time import until

pytestmark = pytest.mark.peer
CONF = """
pid {folder}/pid; worker_processes {workers}; {main}
events {{ {events} }}
http {{
    access_log off;
    server {{
        listen 127.0.0.1:8080;
        location / {{ {location} }}
    }}
}}
"""
FORWARDS = "proxy_pass http://127.0.0.1:9000;"


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="seventh-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield Path(name)


def written(
    folder: Path, main: str = "", events: str = "", location: str = FORWARDS, workers: int = 2
) -> list[str]:
    conf = folder / "nginx.conf"
    conf.write_text(
        CONF.format(
            folder=folder, main=main, events=events, location=location, workers=workers
        )
    )  # fmt: skip
    return [need_binary("nginx"), "-c", str(conf), "-e", f"{folder}/error", "-g", "daemon off;"]


def machine(folder: Path, server: Server, *programs: str) -> Machine:
    """The server's machine, with its processes, its namespace's limits, and ``nginx -T``."""
    wanted = int((folder.parent / "nginx.conf").read_text().split("worker_processes ")[1][0])
    until(lambda: len(workers(server.pid)) == wanted, server.log)
    tree = machine_of(folder, server, *programs)
    for file in kernel.FILES:
        target = tree.root / file.path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        inside(server, "sh", "-c", f"cat {file.path} > {target} 2>/dev/null || rm {target}")
    # The table of tracked connections is the whole machine's, and empty is what most have.
    (tree.root / "proc/sys/net/netfilter/nf_conntrack_count").unlink(missing_ok=True)
    (tree.root / "proc/sys/net/netfilter/nf_conntrack_max").unlink(missing_ok=True)
    return Machine(root=tree.root, path=(*tree.path, str(Path(need_binary("nginx")).parent)))


async def seen(machine: Machine, connections: int | None) -> tuple[Report, SocketLocalFacts]:
    options = {"sockets": SocketOptions(connections=connections)}
    report = await look(Wanted(areas=("sockets",), options=options), machine, host="here")
    facts = report.facts["websocket"]
    assert isinstance(facts, WebSocketFacts)
    assert facts.local is not None
    return report, facts.local


async def test_the_first_limit_and_the_lines_that_lift_it(folder: Path) -> None:
    with alone(folder, written(folder, "worker_rlimit_nofile 1000;"), 8080) as server:
        before, local = await seen(machine(folder / "before", server), 5000)
    assert local.servers is not None
    (nginx,) = local.servers
    assert (nginx.name, nginx.processes) == ("nginx", 2)
    assert (nginx.worker_connections, nginx.forwards) == (512, True)
    assert nginx.descriptor_limit == 1000
    assert nginx.descriptors is not None
    assert 0 < nginx.other_descriptors < nginx.descriptors < 40
    (finding,) = before.findings
    assert (finding.id, finding.severity) == ("WS-FD", Severity.HIGH)
    assert finding.params["limits"] == (
        "nginx worker_connections × 2 = 512: 512",
        f"nginx RLIMIT_NOFILE × 2 = 1000: {1000 - nginx.other_descriptors}",
    )
    assert finding.params["first"] == "nginx worker_connections × 2"
    assert finding.fixes["any"] == (
        "# nginx.conf, in events {}", "worker_connections 5120;",
        "# nginx.conf, in main", "worker_rlimit_nofile 5120;",
    )  # fmt: skip
    _, events, _, main = finding.fixes["any"]
    with alone(folder, written(folder, main, events), 8080) as server:
        after, local = await seen(machine(folder / "after", server), 5000)
    assert (after.findings, after.skipped) == ((), ())
    assert after.passed == ("WS-FD",)
    assert local.servers is not None
    assert local.servers[0].descriptor_limit == 5120
    assert {each.name for each in after.metrics} == {
        "seventh_ws_used_ratio", "seventh_ws_listen_overflows_total",
        "seventh_ws_listen_drops_total", "seventh_ws_tcp_sockets",
    }  # fmt: skip


async def test_the_ports_towards_one_backend(folder: Path) -> None:
    lines = "worker_rlimit_nofile 12288;", "worker_connections 12000;"
    with alone(folder, written(folder, *lines, workers=7), 8080) as server:
        before, _ = await seen(machine(folder / "before", server), 40000)
        (finding,) = before.findings
        assert finding.severity is Severity.MEDIUM  # it may have several backends
        assert finding.params["limits"] == (
            "net.ipv4.ip_local_port_range (one backend) = 32768-60999: 28232",
        )
        (line,) = finding.fixes["any"]
        assert line == 'sysctl -w net.ipv4.ip_local_port_range="1024 65535"'
        inside(server, *shlex.split(line))
        after, local = await seen(machine(folder / "after", server), 40000)
    assert (local.first_port, local.last_port) == (1024, 65535)
    assert after.passed == ("WS-FD",)
    assert after.findings == ()


async def test_the_limit_that_systemd_sets(folder: Path) -> None:
    """A container's root may not raise its own hard limit: the service must be given it."""
    prlimit, setpriv = need_binary("prlimit"), need_binary("setpriv")

    def limited(descriptors: int, main: str, events: str = "worker_connections 9000;") -> list[str]:
        bound = f"--nofile={descriptors}:{descriptors}"
        bare = [setpriv, "--bounding-set=-sys_resource", "--inh-caps=-sys_resource"]
        return [prlimit, bound, *bare, *written(folder, main, events)]

    with alone(folder, limited(1000, ""), 8080) as server:
        before, local = await seen(machine(folder / "before", server), 9000)
    assert local.servers is not None
    assert (local.servers[0].descriptor_limit, local.servers[0].hard_limit) == (1000, 1000)
    (finding,) = before.findings
    lines = finding.fixes["any"]
    assert lines == (
        "# systemctl edit nginx.service", "[Service]", "LimitNOFILE=9216",
        "# nginx.conf, in main", "worker_rlimit_nofile 9216;",
    )  # fmt: skip
    accepted_by_systemd(folder, lines[:3])
    descriptors = int(lines[2].partition("=")[2])
    # nginx by itself cannot: the line of its own file is not enough.
    with alone(folder, limited(1000, lines[4]), 8080) as server:
        half, _ = await seen(machine(folder / "half", server), 9000)
    assert [each.id for each in half.findings] == ["WS-FD"]
    with alone(folder, limited(descriptors, lines[4]), 8080) as server:
        after, _ = await seen(machine(folder / "after", server), 9000)
    assert (after.findings, after.passed) == ((), ("WS-FD",))


def test_the_line_of_haproxy(folder: Path) -> None:
    queue = ListenQueue(name="haproxy", address="127.0.0.1:80", waiting=9, backlog=9)
    server = ServerLimits(name="haproxy", processes=1, descriptor_limit=9, descriptors=1)
    local = SocketLocalFacts(servers=(server,), queues=(queue,), listen_backlog=4096)
    hit = few_descriptors(WebSocketFacts(local=local))
    assert isinstance(hit, Hit)
    assert hit.fixes["any"] == ("# haproxy.cfg, in frontend", "backlog 1024")
    for line, code in ((hit.fixes["any"][1], 0), ("backlogs 1024", 1)):
        (folder / "haproxy.cfg").write_text(
            "defaults\n mode http\n timeout client 9s\n timeout connect 9s\n timeout server 9s\n"
            f"frontend a\n bind 127.0.0.1:8080\n {line}\n http-request deny\n"
        )
        words = need_binary("haproxy"), "-c", "-f", str(folder / "haproxy.cfg")
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=30)
        assert done.returncode == code, done.stderr


def accepted_by_systemd(folder: Path, lines: Sequence[str]) -> None:
    """Have systemd read a drop-in file, which it would name with each line that it ignores."""
    analyze = need_binary("systemd-analyze")
    unit = folder / lines[0].removeprefix("# systemctl edit ")
    unit.write_text("[Service]\nExecStart=/bin/true\n")
    drop_in = folder / f"{unit.name}.d" / "override.conf"
    drop_in.parent.mkdir()
    for text, said in (("\n".join(lines[1:]), 0), ("[Service]\nNoSuchLimit=1", 1)):
        drop_in.write_text(f"{text}\n")
        done = subprocess.run(
            [analyze, "verify", str(unit)], env={"SYSTEMD_UNIT_PATH": f"{folder}:"},
            capture_output=True, text=True, check=False, timeout=30,
        )  # fmt: skip
        assert len(done.stderr.splitlines()) == said, done.stderr


def test_lines_for_the_whole_machine(folder: Path) -> None:
    """systemd reads a limit of memory; the kernel has each of the settings under its name."""
    caddy = ServerLimits(name="caddy", processes=1, descriptor_limit=10, forwards=True)
    memory = ConnectionMemory(
        target="ws://127.0.0.1", name="caddy", unit="web.service", processes=1, connections=100,
        resident_bytes=10**6, process_bytes=9000, kernel_bytes=1000, uncertainty_bytes=0, held=0,
        available_bytes=10**12,
        cgroup_limit_bytes=2**20, cgroup_available_bytes=0,
    )  # fmt: skip
    local = SocketLocalFacts(
        servers=(caddy,),
        files=0,
        file_limit=10,
        process_file_limit=10,
        first_port=1024,
        last_port=65535,
        connections=1000,
        memory=memory,
    )
    hit = few_descriptors(WebSocketFacts(local=local))
    assert isinstance(hit, Hit)
    assert hit.fixes["any"] == (
        "# systemctl edit web.service", "[Service]", "MemoryMax=11M",
        "sysctl -w fs.nr_open=2048",
        "# systemctl edit caddy.service", "[Service]", "LimitNOFILE=2048",
        "sysctl -w fs.file-max=2048",
    )  # fmt: skip
    accepted_by_systemd(folder, hit.fixes["any"][:3])
    # These are of the whole machine, which tests leave alone: the setting's value now is asked.
    for line in (hit.fixes["any"][3], hit.fixes["any"][-1]):
        name = line.removeprefix("sysctl -w ").partition("=")[0]
        subprocess.run([need_binary("sysctl"), "-n", name], check=True, capture_output=True)


BURST = """
import socket
waiting = [socket.socket() for _ in range(6)]
for each in waiting:
    each.setblocking(False)
    each.connect_ex(("127.0.0.1", 8080))
"""


async def test_the_queue_that_overflows_when_all_clients_connect_at_once(folder: Path) -> None:
    def conf(listen: str, somaxconn: str = "") -> list[str]:
        words = written(folder, location="return 200;")
        path = folder / "nginx.conf"
        path.write_text(path.read_text().replace("listen 127.0.0.1:8080;", listen))
        change = f"{need_binary('sysctl')} {somaxconn}; " if somaxconn else ""
        return ["sh", "-c", f'{change}exec "$@"', "sh", *words]

    with alone(folder, conf("listen 127.0.0.1:8080 backlog=2;"), 8080) as server:
        until(lambda: len(workers(server.pid)) == 2, server.log)
        for pid in workers(server.pid):
            os.kill(pid, signal.SIGSTOP)
        inside(server, "sh", "-c", f"exec {sys.executable} -", text=BURST)
        full, _ = await seen(machine(folder / "full", server, "ss"), None)
        before, local = await seen(machine(folder / "before", server, "ss"), 600)
        for pid in workers(server.pid):
            os.kill(pid, signal.SIGCONT)
    assert local.queues == (
        ListenQueue(name="nginx", address="127.0.0.1:8080", waiting=3, backlog=2),
    )
    (finding,) = full.findings
    assert (finding.params["what"], finding.params["limits"]) == (
        "queue", ("nginx 127.0.0.1:8080 3/2",)
    )  # fmt: skip
    (finding,) = before.findings
    assert finding.params == {
        "what": "burst", "connections": 600, "overflows": local.listen_overflows,
        "limits": ("nginx 127.0.0.1:8080 2",),
    }  # fmt: skip
    *sysctl, listen = finding.fixes["any"]
    assert listen == "listen 127.0.0.1:8080 backlog=1024;"
    head = "# nginx.conf, in server {}"
    assert sysctl in ([head], ["sysctl -w net.core.somaxconn=1024", head])
    with alone(folder, conf(listen, "-w net.core.somaxconn=1024"), 8080) as server:
        after, local = await seen(machine(folder / "after", server, "ss"), 600)
    assert local.queues == (
        ListenQueue(name="nginx", address="127.0.0.1:8080", waiting=0, backlog=1024),
    )
    assert after.passed == ("WS-FD",)


async def test_connections_that_end_at_nginx(folder: Path) -> None:
    with alone(folder, written(folder, location="return 200;"), 8080) as server:
        here = machine(folder / "tree", server)
        fits, local = await seen(here, 1024)
        more, _ = await seen(here, 1025)
        none, _ = await seen(here, None)
    assert local.servers is not None
    assert local.servers[0].forwards is False
    assert fits.passed == none.passed == ("WS-FD",)
    assert more.findings[0].params["limits"] == ("nginx worker_connections × 2 = 512: 1024",)


async def test_an_nginx_that_another_user_runs(folder: Path) -> None:
    with alone(folder, written(folder), 8080) as server:
        here = machine(folder / "tree", server)
        status = here.root / "proc" / str(server.pid) / "status"
        status.write_text(status.read_text().replace("Uid:\t0\t0", "Uid:\t7\t7"))
        report, local = await seen(here, 100)
    assert local.servers is not None
    assert (local.servers[0].worker_connections, local.servers[0].forwards) == (None, None)
    (skip,) = report.skipped
    assert skip.reason == (
        "nginx.conf and what it includes: unexpected output: another user runs it"
    )
