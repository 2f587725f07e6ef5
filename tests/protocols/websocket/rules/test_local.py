"""WS-FD: both sides of every boundary, and the lines that lift each limit."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from seventh.model.localfacts import Cause, Unread
from seventh.protocols.websocket.facts import WebSocketFacts
from seventh.protocols.websocket.facts.local import (
    ConnectionMemory,
    Destination,
    ListenQueue,
    ServerLimits,
    SocketLocalFacts,
)
from seventh.protocols.websocket.rules.local import few_descriptors
from tests.verdicts import fixed, told

SERVER = ServerLimits(
    name="nginx", processes=2, descriptor_limit=10010, hard_limit=1048576, descriptors=100,
    other_descriptors=10, worker_connections=10000, forwards=True,
)  # fmt: skip
MACHINE = SocketLocalFacts(
    servers=(SERVER,), files=1000, file_limit=101000, process_file_limit=1048576,
    first_port=1024, last_port=65535,
)  # fmt: skip
HEAD = "high: {} connections do not fit. The first limit reached is "
TAIL = ". Client connections that each limit admits, the lowest first: "


def machine(connections: int | None = 10000, **changes: Any) -> WebSocketFacts:
    return WebSocketFacts(local=replace(MACHINE, connections=connections, **changes))


def with_server(connections: int | None = 10000, **changes: Any) -> WebSocketFacts:
    return machine(connections, servers=(replace(SERVER, **changes),))


def exceeded(connections: int, *limits: str) -> str:
    return HEAD.format(connections) + limits[0].partition(" =")[0] + TAIL + ", ".join(limits)


CADDY = {"name": "caddy", "processes": 1, "worker_connections": None, "forwards": None}
FILES = "nginx.conf and what it includes"
NO_NGINX = Unread(name=FILES, cause=Cause.NOT_PERMITTED)


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        (WebSocketFacts(),
         "skip: visible only on the machine itself: run `seventh local sockets` there"),
        (machine(servers=None),
         "skip: /proc/*/{comm,stat,status,cmdline,cgroup}: nothing was found"),
        (machine(servers=()), "not applicable: no known web or WebSocket server is running"),
        (with_server(None, descriptors=70, descriptor_limit=100), "pass"),
        (with_server(None, descriptors=71, descriptor_limit=100),
         "medium: more than 70 % of the descriptors of a process are open: nginx 71/100"),
        (with_server(None, descriptors=None),
         "skip: read /proc/*/limits, list /proc/*/fd: nothing was found"),
        (with_server(None, descriptor_limit=None),
         "skip: read /proc/*/limits, list /proc/*/fd: nothing was found"),
        (machine(10000), "pass"),
        (machine(10001), exceeded(10001, "nginx worker_connections × 2 = 10000: 10000",
                                  "nginx RLIMIT_NOFILE × 2 = 10010: 10000")),
        (with_server(10000, descriptor_limit=10009),
         exceeded(10000, "nginx RLIMIT_NOFILE × 2 = 10009: 9999")),
        (with_server(10000, worker_connections=9999),
         exceeded(10000, "nginx worker_connections × 2 = 9999: 9999")),
        (with_server(20000, forwards=False), "pass"),
        (with_server(20001, forwards=False),
         exceeded(20001, "nginx worker_connections × 2 = 10000: 20000",
                  "nginx RLIMIT_NOFILE × 2 = 10010: 20000")),
        (with_server(worker_connections=None), f"skip: {FILES}: nothing was found"),
        (machine(servers=(replace(SERVER, worker_connections=None, forwards=None),),
                 unread=(NO_NGINX,)), f"skip: {FILES}: permission denied (run it as root)"),
        (with_server(descriptor_limit=None),
         "skip: read /proc/*/limits, list /proc/*/fd: nothing was found"),
        (with_server(descriptor_limit=None, worker_connections=1),
         exceeded(10000, "nginx worker_connections × 2 = 1: 1")),
        (machine(file_limit=20999), exceeded(10000, "fs.file-max = 20999: 9999")),
        (machine(file_limit=21000), "pass"),
        (machine(file_limit=None), "skip: /proc/sys/fs/file-nr: nothing was found"),
        (machine(conntrack_limit=20099, tracked=100),
         exceeded(10000, "net.netfilter.nf_conntrack_max = 20099: 9999")),
        (machine(conntrack_limit=20100, tracked=100), "pass"),
        (machine(conntrack_limit=20100),
         "skip: /proc/sys/net/netfilter/nf_conntrack_count: nothing was found"),
        (machine(first_port=32768, last_port=42767), "pass"),
        (machine(first_port=32768, last_port=42766),
         exceeded(10000, "net.ipv4.ip_local_port_range (one backend) = 32768-42766: 9999")
         .replace("high: ", "medium: ")),
        (machine(first_port=None),
         "skip: /proc/sys/net/ipv4/ip_local_port_range: nothing was found"),
        (machine(servers=(replace(SERVER, **CADDY),), connections=5000), "pass"),
        (machine(servers=(replace(SERVER, **CADDY),), connections=5001),
         "skip: unknown whether caddy forwards to a backend: the connections would not fit twice"),
        (machine(servers=(replace(SERVER, **CADDY),), connections=10001),
         exceeded(10001, "caddy RLIMIT_NOFILE × 1 = 10010: 10000")),
        (with_server(descriptor_limit=5), exceeded(10000, "nginx RLIMIT_NOFILE × 2 = 5: 0")),
    ],
)  # fmt: skip
def test_verdicts(facts: WebSocketFacts, verdict: str) -> None:
    assert told(few_descriptors, facts) == verdict


MIB = 1024 * 1024
MEMORY = ConnectionMemory(
    target="ws://127.0.0.1", name="nginx", unit="nginx.service", processes=3, connections=100,
    resident_bytes=500_000, process_bytes=8000, kernel_bytes=2000, uncertainty_bytes=1000, held=100,
    available_bytes=10**9,
)  # fmt: skip
GROUP = replace(MEMORY, cgroup_limit_bytes=200 * MIB, cgroup_available_bytes=0)
EACH = "(10000 ± 1000 bytes each)"
UNCERTAIN = (
    f"skip: the memory of one connection is uncertain: MemAvailable {EACH}; measure soon after the "
    "server has started"
)
MEASURED = "100 connections to the service of --measure"


def remembered(**changes: Any) -> WebSocketFacts:
    return machine(10000, memory=replace(MEMORY, **changes))


def in_group(left: int) -> WebSocketFacts:
    return machine(10000, memory=replace(GROUP, cgroup_available_bytes=left))


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        (remembered(available_bytes=9900 * 11000), "pass"),
        (remembered(available_bytes=9900 * 11000 - 1), UNCERTAIN),
        (remembered(available_bytes=9900 * 9000), UNCERTAIN),
        (remembered(available_bytes=9900 * 9000 - 1),
         exceeded(10000, f"MemAvailable {EACH} = 84 MiB: 9999")),
        (remembered(held=10000, available_bytes=0), "pass"),
        (remembered(held=9999, available_bytes=0),
         exceeded(10000, f"MemAvailable {EACH} = 0 MiB: 9999")),
        (in_group(9900 * 11000), "pass"),
        (in_group(9900 * 9000 - 1),
         exceeded(10000, f"memory.max of nginx {EACH} = 200 MiB: 9999")),
        (in_group(-5), exceeded(10000, f"memory.max of nginx {EACH} = 200 MiB: 100")),
        # Processes that did not grow may have used all that they had: 5000 bytes for each.
        (remembered(process_bytes=1001, kernel_bytes=0, available_bytes=9900 * 2001), "pass"),
        (remembered(process_bytes=1000, kernel_bytes=0, available_bytes=9900 * 7000), "pass"),
        (remembered(process_bytes=1000, kernel_bytes=0, available_bytes=9900 * 7000 - 1),
         UNCERTAIN.replace("10000 ±", "1000 ±")),
        (remembered(process_bytes=0, kernel_bytes=2000, available_bytes=9900 * 1000 - 1),
         exceeded(10000, "MemAvailable (2000 ± 1000 bytes each) = 9 MiB: 9999")),
        (machine(10000, unread=(Unread(name=MEASURED, cause=Cause.FAILED, detail="refused"),)),
         f"skip: {MEASURED}: failed: refused"),
        (replace(remembered(), local=replace(MACHINE, memory=MEMORY)), "pass"),
    ],
)  # fmt: skip
def test_memory(facts: WebSocketFacts, verdict: str) -> None:
    assert told(few_descriptors, facts) == verdict


QUEUE = ListenQueue(name="nginx", address="0.0.0.0:80", waiting=70, backlog=100)
CADDY_QUEUE = ListenQueue(name="caddy", address="*:443", waiting=0, backlog=4096)
BACKEND = Destination(address="10.0.0.5", port=80, connections=700)
SMALL = {"first_port": 1001, "last_port": 2000}
FULL = "medium: more than 70 % of the {} are in use: "
NO_SS = Unread(name="ss -Htlnp", cause=Cause.NOT_INSTALLED)
BURST = (
    "medium: 3 connections met a full queue since the machine has started. Connections that can "
    "wait to be accepted if 101 arrive at once: "
)


def queues(*each: ListenQueue, connections: int | None = None, **changes: Any) -> WebSocketFacts:
    return machine(connections, queues=each, **changes)


def ports(connections: int, **changes: Any) -> WebSocketFacts:
    return machine(None, destinations=(replace(BACKEND, connections=connections),),
                   **SMALL | changes)  # fmt: skip


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        (queues(QUEUE), "pass"),
        (queues(replace(QUEUE, waiting=71)),
         FULL.format("places for connections that wait to be accepted")
         + "nginx 0.0.0.0:80 71/100"),
        (queues(replace(QUEUE, waiting=71), connections=100), "pass"),
        (ports(700), "pass"),
        (ports(701),
         f"{FULL.format('outgoing ports towards one destination')}10.0.0.5:80 701/1000"),
        (ports(701, servers=(replace(SERVER, forwards=False),)), "pass"),
        (ports(701, servers=(replace(SERVER, forwards=None),)), "pass"),
        (ports(701, first_port=None), "pass"),
        (queues(QUEUE, connections=101, listen_overflows=0), "pass"),
        (queues(QUEUE, connections=101, listen_overflows=None), "pass"),
        (queues(QUEUE, connections=100, listen_overflows=3), "pass"),
        (queues(QUEUE, CADDY_QUEUE, connections=101, listen_overflows=3),
         f"{BURST}nginx 0.0.0.0:80 100"),
        (machine(101, listen_overflows=3, unread=(NO_SS,)), "skip: ss -Htlnp: not installed"),
    ],
)  # fmt: skip
def test_queues_and_ports_in_use(facts: WebSocketFacts, verdict: str) -> None:
    assert told(few_descriptors, facts) == verdict


NGINX = ["# nginx.conf, in main", "worker_rlimit_nofile 50176;"]
UNIT = ["# systemctl edit nginx.service", "[Service]", "LimitNOFILE=50176"]


@pytest.mark.parametrize(
    ("facts", "lines"),
    [
        (with_server(50000, worker_connections=90000, hard_limit=50176), NGINX),
        (with_server(50000, worker_connections=90000, hard_limit=50175), [*UNIT, *NGINX]),
        (with_server(50000, worker_connections=90000, hard_limit=None), NGINX),
        (with_server(50000, descriptor_limit=90000),
         ["# nginx.conf, in events {}", "worker_connections 50176;"]),
        (machine(file_limit=1001), ["sysctl -w fs.file-max=21504"]),
        (machine(conntrack_limit=200, tracked=100),
         ["sysctl -w net.netfilter.nf_conntrack_max=20480"]),
        (machine(first_port=32768, last_port=33000),
         ['sysctl -w net.ipv4.ip_local_port_range="1024 65535"']),
        (machine(servers=(replace(SERVER, **CADDY, unit="web.service", descriptor_limit=20),)),
         ["# systemctl edit web.service", "[Service]", "LimitNOFILE=20480"]),
        (machine(servers=(replace(SERVER, **CADDY, descriptor_limit=20),),
                 process_file_limit=20479),
         ["sysctl -w fs.nr_open=20480", "# systemctl edit caddy.service", "[Service]",
          "LimitNOFILE=20480"]),
        (with_server(None, descriptors=99, descriptor_limit=100),
         ["# nginx.conf, in main", "worker_rlimit_nofile 200;"]),
        (ports(999), ['sysctl -w net.ipv4.ip_local_port_range="1024 65535"']),
        (ports(64000, first_port=1024, last_port=65535),
         ["# and spread the connections over 2 addresses of the backend"]),
        (remembered(available_bytes=9900 * 9000 - 1 - MIB), ["# add 20 MiB of memory"]),
        (remembered(available_bytes=9900 * 11000 - 30 * MIB), ["# add 30 MiB of memory"]),
        (in_group(9900 * 11000 - 30 * MIB),
         ["# systemctl edit nginx.service", "[Service]", "MemoryMax=230M"]),
        (machine(10000, memory=replace(GROUP, unit="")),
         ["# systemctl edit nginx.service", "[Service]", "MemoryMax=304M"]),
        (queues(replace(QUEUE, waiting=99), listen_backlog=100),
         ["sysctl -w net.core.somaxconn=1024", "# nginx.conf, in server {}",
          "listen 80 backlog=1024;"]),
        (queues(replace(QUEUE, waiting=99, address="[::1]:80"), listen_backlog=1024),
         ["# nginx.conf, in server {}", "listen [::1]:80 backlog=1024;"]),
        (queues(replace(QUEUE, waiting=99, backlog=128, name="haproxy"), listen_backlog=1023),
         ["sysctl -w net.core.somaxconn=1024", "# haproxy.cfg, in frontend", "backlog 1024"]),
        (queues(replace(CADDY_QUEUE, backlog=4096), connections=5000, listen_overflows=1,
                listen_backlog=4096),
         ["sysctl -w net.core.somaxconn=5120",
          "# restart caddy: it asks for the longest queue when it listens"]),
        (queues(replace(QUEUE, waiting=99, name="node"), listen_backlog=101),
         ["sysctl -w net.core.somaxconn=1024",
          "# and raise the backlog for which node asks: it is 100"]),
    ],
)  # fmt: skip
def test_the_lines(facts: WebSocketFacts, lines: list[str]) -> None:
    assert fixed(few_descriptors, facts, "any").splitlines() == lines


@pytest.mark.parametrize(("wanted", "backends"), [(64512, None), (64513, 2), (129025, 3)])
def test_more_connections_than_ports(wanted: int, backends: int | None) -> None:
    server = replace(SERVER, worker_connections=10**6, descriptor_limit=10**6)
    facts = machine(wanted, servers=(server,), file_limit=10**9)
    if backends is None:
        assert told(few_descriptors, facts) == "pass"
        return
    assert fixed(few_descriptors, facts, "any") == (
        f"# and spread the connections over {backends} addresses of the backend"
    )
