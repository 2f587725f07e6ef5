"""The limits of connections, as a made /proc and ``nginx -T`` describe them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seventh.localkit.machine import Machine
from seventh.localkit.nginx import NginxFiles
from seventh.localkit.seen import Process, Seen
from seventh.model.localfacts import Cause, Unread
from seventh.protocols.websocket.facts import WebSocketFacts
from seventh.protocols.websocket.facts.local import ServerLimits, SocketLocalFacts
from seventh.protocols.websocket.local import SocketOptions, descriptors, kernel, learn, nginx
from seventh.protocols.websocket.local.descriptors import Descriptors

LIMITS = "Limit                     Soft Limit           Hard Limit           Units     \n"


def process(root: Path, pid: int, comm: str, links: tuple[str, ...] = (), limits: str = "") -> None:
    folder = root / "proc" / str(pid) / "fd"
    folder.mkdir(parents=True)
    (folder.parent / "comm").write_text(f"{comm}\n")
    (folder.parent / "limits").write_text(LIMITS + limits)
    for number, link in enumerate(links):
        (folder / str(number)).symlink_to(link)


def test_descriptors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = "Max open files            1024                 524288               files     \n"
    links = "/dev/null", "socket:[1]", "socket:[2]", "anon_inode:[eventpoll]"
    process(tmp_path, 7, "nginx", links, f"Max processes  9  9  processes\n{line}")
    process(tmp_path, 8, "caddy", (), "Max open files            unlimited   unlimited  files\n")
    process(tmp_path, 9, "sshd", links, line)
    (tmp_path / "proc" / "self").symlink_to("7")
    found = descriptors.descriptors(Machine(root=tmp_path))
    assert found == {
        7: Descriptors(pid=7, limit=1024, hard_limit=524288, open=4, others=2),
        8: Descriptors(pid=8, open=0),
    }
    monkeypatch.setattr(descriptors, "_MAX_READ", 1)
    again = descriptors.descriptors(Machine(root=tmp_path))
    assert isinstance(again, dict)
    assert again[7].open == 4
    assert again[7].others <= 1
    monkeypatch.setattr(descriptors, "_MAX_PROCESSES", 1)
    fewer = descriptors.descriptors(Machine(root=tmp_path))
    assert isinstance(fewer, dict)
    assert len(fewer) == 1


def test_descriptors_that_may_not_be_listed(tmp_path: Path) -> None:
    process(tmp_path, 7, "nginx", (), "Max open files            10    20   files\n")
    (tmp_path / "proc" / "7" / "fd").rmdir()
    assert descriptors.descriptors(Machine(root=tmp_path)) == {
        7: Descriptors(pid=7, limit=10, hard_limit=20)
    }


def files(**texts: str) -> Seen:
    by_end = {Path(file.path).name.replace("-", "_"): file.path for file in kernel.FILES}
    paths = {by_end[name]: text for name, text in texts.items()}
    return Seen(files={path: {path: text} for path, text in paths.items()})


NETSTAT = (
    "TcpExt: SyncookiesSent ListenOverflows ListenDrops\nTcpExt: 1 20 30\nIpExt: A\nIpExt: 1\n"
)
NOTHING = dict.fromkeys(kernel.limits(Seen()))


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        ({}, {}),
        ({"file_max": "9223372036854775807\n"}, {"file_limit": 9223372036854775807}),
        ({"file_nr": "1300\t100\t999\n"}, {"files": 1200}),
        ({"file_nr": "1300\t0\t999\n"}, {"files": 1300}),
        ({"file_nr": "1300\t0\n"}, {}),
        ({"nr_open": "1048576\n"}, {"process_file_limit": 1048576}),
        ({"nf_conntrack_count": "5\n", "nf_conntrack_max": "6\n"},
         {"tracked": 5, "conntrack_limit": 6}),
        ({"ip_local_port_range": "32768\t60999\n"}, {"first_port": 32768, "last_port": 60999}),
        ({"ip_local_port_range": "32768 x\n"}, {}),
        ({"somaxconn": "4096\n", "tcp_max_syn_backlog": "512\n"},
         {"listen_backlog": 4096, "syn_backlog": 512}),
        ({"netstat": NETSTAT}, {"listen_overflows": 20, "listen_drops": 30}),
        ({"netstat": "TcpExt: ListenDrops\nTcpExt: 1 2\n"}, {}),
        ({"netstat": "TcpExt: ListenDrops\n"}, {}),
        ({"sockstat": "sockets: used 9\nTCP: inuse 31 orphan 0\n"}, {"tcp_sockets": 31}),
        ({"sockstat": "TCP: inuse x\n"}, {}),
    ],
)  # fmt: skip
def test_the_kernel(texts: dict[str, str], found: dict[str, int]) -> None:
    assert kernel.limits(files(**texts)) == NOTHING | found


def dump(text: str, path: str = "/etc/nginx/nginx.conf") -> str:
    return f"# configuration file {path}:\n{text}\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("events {}", nginx.Nginx(512, forwards=False)),
        ("events { worker_connections 768; }", nginx.Nginx(768, forwards=False)),
        ("events {\n  # worker_connections 1;\n  worker_connections\t768 ;\n}",
         nginx.Nginx(768, forwards=False)),
        ("events {}\nhttp { server { location / { proxy_pass http://x; } } }",
         nginx.Nginx(512, forwards=True)),
        ("events {}\nhttp { server { location / { grpc_pass x; } } }",
         nginx.Nginx(512, forwards=True)),
        ("events {}\n# proxy_pass http://x;", nginx.Nginx(512, forwards=False)),
        ("events {}\nhttp { log_format x '; proxy_pass ;'; }", nginx.Nginx(512, forwards=False)),
        ("events {}\nhttp { proxy_pass_header X; }", nginx.Nginx(512, forwards=False)),
        ("events { worker_connections 1; worker_connections 2; }", None),
    ],
)  # fmt: skip
def test_nginx_configuration(text: str, found: nginx.Nginx | None) -> None:
    unread: list[Unread] = []
    seen = Seen(calls={nginx.READ: NginxFiles(text=dump(text))})
    assert nginx.configured(seen, unread) == found
    assert bool(unread) is (found is None)


def test_nginx_files_that_are_not_all_read() -> None:
    """A file that is missing may forward; one that was read decides if it does."""
    gone = (Unread(name="/x", cause=Cause.NOT_PERMITTED),)
    for text, found in (
        ("events { worker_connections 9; }", nginx.Nginx(9, forwards=None)),
        ("events { worker_connections 9; } proxy_pass x;", nginx.Nginx(9, forwards=True)),
        ("events {}", None),
    ):
        files = NginxFiles(text=dump(text), unread=gone)
        assert nginx.configured(Seen(calls={nginx.READ: files}), []) == found


def server(**fields: Any) -> tuple[ServerLimits, ...]:
    return (ServerLimits(**({"name": "nginx", "processes": 1} | fields)),)


def counted(*each: Descriptors) -> dict[str, Any]:
    return {descriptors.NAME: {one.pid: one for one in each}}


MASTER = Process(name="nginx", pid=1, unit="nginx.service", arguments=("nginx: master",))
WORKERS = tuple(Process(name="nginx", pid=pid, parent=1) for pid in (2, 3))
OF_MASTER = Descriptors(pid=1, limit=1024, hard_limit=4096, open=900, others=8)
OF_TWO = Descriptors(pid=2, limit=2000, hard_limit=2000, open=50, others=9)
OF_THREE = Descriptors(pid=3, limit=1999, hard_limit=1999, open=60, others=7)


@pytest.mark.parametrize(
    ("seen", "found"),
    [
        (Seen(), ()),
        (Seen(processes=Unread(name="/proc", cause=Cause.FAILED)), None),
        (Seen(processes=(MASTER, *WORKERS), calls={
            **counted(OF_MASTER, OF_TWO, OF_THREE),
            nginx.READ: NginxFiles(text=dump("events { worker_connections 768; }")),
        }),
         server(processes=2, unit="nginx.service", descriptor_limit=1999, hard_limit=4096,
                descriptors=60, other_descriptors=9, worker_connections=768, forwards=False)),
        (Seen(processes=(MASTER, *WORKERS), calls=counted(OF_MASTER, OF_TWO)),
         server(processes=2, unit="nginx.service", hard_limit=4096, other_descriptors=9)),
        (Seen(processes=(MASTER,), calls=counted(OF_MASTER)),
         server(unit="nginx.service", descriptor_limit=1024, hard_limit=4096, descriptors=900,
                other_descriptors=8)),
        (Seen(processes=(Process(name="haproxy", pid=5),)), server(name="haproxy", forwards=True)),
        (Seen(processes=(Process(name="caddy", pid=5), Process(name="node", pid=6)),
              calls={descriptors.NAME: Unread(name="x", cause=Cause.FAILED)}),
         (*server(name="caddy"), *server(name="node"))),
    ],
)  # fmt: skip
def test_servers(seen: Seen, found: tuple[ServerLimits, ...] | None) -> None:
    local = learn(WebSocketFacts(), seen, SocketOptions(connections=5)).local
    assert local is not None
    assert local.servers == found
    assert local.connections == 5
    assert {*local.unread} >= {*seen.unread}


def test_ratios() -> None:
    each = ServerLimits(name="x", processes=1, descriptors=3, descriptor_limit=4)
    other = ServerLimits(name="y", processes=1, descriptors=1, descriptor_limit=4)
    assert SocketLocalFacts(servers=(other, each)).used_ratio == 0.75
    assert SocketLocalFacts(servers=server(descriptors=3, descriptor_limit=0)).used_ratio is None
    assert SocketLocalFacts().used_ratio is None
    assert SocketLocalFacts(tracked=1, conntrack_limit=4).tracked_ratio == 0.25
    assert SocketLocalFacts(tracked=1, conntrack_limit=0).tracked_ratio is None
    assert SocketLocalFacts(conntrack_limit=4).tracked_ratio is None
