"""The rules about what listens: both sides of every boundary."""

from __future__ import annotations

from typing import Any

import pytest

from seventh.model.listenfacts import Listener, ListenFacts, Reach, TrapReceiver
from seventh.model.localfacts import Cause, Unread
from seventh.model.netfacts import NetFacts
from seventh.protocols.net.rules.local import listen_all, trapd_vulnerable
from seventh.protocols.net.rules.services import service_of, services
from tests.verdicts import fixed, told

ALL = "0.0.0.0"
PROCESSES = "/proc/*/{comm,stat,status,cmdline,cgroup}"
TABLES = "read /proc/net/{tcp,tcp6,udp,udp6}, readlink /proc/*/fd/*"
REDIS = "on 0.0.0.0:6379/tcp [Redis documentation: Security]."
LISTEN = "[PostgreSQL documentation: listen_addresses]."
FIREWALL = "The firewall of this machine"
OPEN = f"{FIREWALL} admits connections from any address"


def listener(program: str = "redis-server", port: int = 6379, **changes: Any) -> Listener:
    fields = {"transport": "tcp", "address": ALL, "pid": 8, "firewall": Reach.OPEN} | changes
    return Listener(program=program, port=port, **fields)


def machine(*listeners: Listener, **changes: Any) -> NetFacts:
    return NetFacts(listening=ListenFacts(listeners=listeners, **changes))


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        (NetFacts(), "skip: visible only on the machine itself: run `seventh local ports` there"),
        (machine(), "pass"),
        (machine(complete=False), "skip: more sockets than this check reads"),
        (machine(listener(address="127.0.0.1")), "pass"),
        (machine(listener(address="192.0.2.1")), "pass"),
        (machine(listener(firewall=Reach.CLOSED)), "pass"),
        (machine(listener(firewall=Reach.CLOSED), container="docker"), "pass"),
        (machine(listener(), container="docker"),
         "skip: the ports of a container are those that its host publishes: run it there"),
        (machine(listener()),
         f"high: Redis or Valkey (redis-server, PID 8) {REDIS} {OPEN}"),
        (machine(listener(firewall=Reach.UNKNOWN)),
         f"medium: Redis or Valkey (redis-server, PID 8) {REDIS} {FIREWALL} could not be verified"),
        (machine(listener("", pid=None)),
         f"medium: Redis or Valkey (by its port) {REDIS} {OPEN}"),
        (machine(listener("postgres", 5432, address="::"), complete=False),
         f"medium: PostgreSQL (postgres, PID 8) on [::]:5432/tcp {LISTEN} {OPEN}"),
        (machine(listener(firewall=Reach.CLOSED), listener("postgres", 5432)),
         f"medium: PostgreSQL (postgres, PID 8) on 0.0.0.0:5432/tcp {LISTEN} {OPEN}"),
    ],
)  # fmt: skip
def test_listen_all(facts: NetFacts, verdict: str) -> None:
    assert told(listen_all, facts) == verdict


def test_what_could_not_be_read() -> None:
    unread = Unread(name=TABLES, cause=Cause.NOT_PERMITTED)
    facts = NetFacts(listening=ListenFacts(unread=(unread,)))
    assert told(listen_all, facts) == f"skip: {TABLES}: permission denied (run it as root)"


def test_the_lines_of_each_service_once() -> None:
    two = listener(), listener(address="::"), listener("postgres", 5432), listener("etcd", 2379)
    assert fixed(listen_all, machine(*two), "any").splitlines() == [
        "# redis.conf, valkey.conf", "bind 127.0.0.1 -::1",
        "# postgresql.conf", "listen_addresses = 'localhost'",
    ]  # fmt: skip
    assert fixed(listen_all, machine(listener("etcd", 2379)), "any").startswith("Bind it to")


@pytest.mark.parametrize(
    ("found", "name"),
    [
        (listener(), "Redis or Valkey"),
        (listener(port=7000), "Redis or Valkey"),
        (listener("nginx"), None),
        (listener("nginx", 80), None),
        (listener("", 6379), "Redis or Valkey"),
        (listener("", 6380), None),
        (listener("docker-proxy", 6379), "Redis or Valkey"),
        (listener("docker-proxy", 80), None),
        (listener("systemd", 111), "rpcbind"),
        (listener(transport="udp"), None),
        (listener("memcached", 11211, transport="udp"), "memcached"),
        (listener("java", 9200), "Elasticsearch or OpenSearch"),
        (listener("java", 8080), None),
        (listener("mysqld_exporter", 9104), "Prometheus exporter"),
        (listener("php-fpm8.2", 9001), "PHP-FPM"),
        (listener("caddy", 443), None),
    ],
)
def test_which_service(found: Listener, name: str | None) -> None:
    row = service_of(found)
    assert (row.name if row else None) == name


def test_the_table() -> None:
    names = [row.name for row in services()]
    assert len(names) == len(set(names))
    for row in services():
        assert row.programs
        assert row.ports
        assert row.source
        assert all(len(program) <= 15 for program in row.programs)


def traps(version: str = "5.9.3", fix: bool | None = False, **changes: Any) -> NetFacts:
    receiver = TrapReceiver(version=version, package_names_fix=fix)
    return machine(trap_receiver=receiver, **changes)


UNFIXED = "is running; the changelog of its package does not name CVE-2025-68615"
LOG = Unread(name="changelog of Debian's package", cause=Cause.FAILED, detail="exit code 2")
VERSION = Unread(name="snmptrapd -v", cause=Cause.NOT_INSTALLED)


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        (NetFacts(), "skip: visible only on the machine itself: run `seventh local ports` there"),
        (machine(), "not applicable: snmptrapd is not running"),
        (machine(processes_visible=False),
         f"skip: {PROCESSES}, {TABLES}: nothing was found"),
        (traps("5.9.4"), f"high: snmptrapd 5.9.4 {UNFIXED}"),
        (traps("5.9.4.pre2"), f"high: snmptrapd 5.9.4.pre2 {UNFIXED}"),
        (traps("5.9.5"), "pass"),
        (traps("5.9.5.2"), "pass"),
        (traps("5.10"), "pass"),
        (traps("5.10.pre1"), f"high: snmptrapd 5.10.pre1 {UNFIXED}"),
        (traps("5.10.pre2"), "pass"),
        (traps("5.10.1"), "pass"),
        (traps("5.10.rc1"), "pass"),
        (traps("5.9.5.rc1"), "skip: whether net-snmp 5.9.5.rc1 has the fix is unknown"),
        (traps("5.9.4.rc1"), f"high: snmptrapd 5.9.4.rc1 {UNFIXED}"),
        (traps("5.9dev"), "skip: whether net-snmp 5.9dev has the fix is unknown"),
        (traps("5.9.3", True), "pass"),
        (traps("5.9.3", None, unread=(LOG,)),
         "skip: changelog of Debian's package: failed: exit code 2"),
        (traps("", None, unread=(VERSION,)), "skip: snmptrapd -v: not installed"),
        (traps("", True), "pass"),
    ],
)  # fmt: skip
def test_trapd(facts: NetFacts, verdict: str) -> None:
    assert told(trapd_vulnerable, facts) == verdict
