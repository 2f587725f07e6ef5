"""``seventh local ports`` beside real servers and real packet filters, in a namespace."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from seventh.engine.local import Wanted, look
from seventh.localkit.machine import Machine
from seventh.model.listenfacts import ListenFacts, Reach
from seventh.model.netfacts import NetFacts
from seventh.model.report import Report
from seventh.model.severity import Severity
from seventh.protocols.net.rules.services import services
from tests.peers import need_binary
from tests.peers.namespace import alone, as_owner, inside, machine_of

pytestmark = pytest.mark.peer
EVERYWHERE = "0.0.0.0"


class Peer(NamedTuple):
    """How a server is told to listen on all addresses, and how it starts with a few lines."""

    row: str
    wide: str
    start: Callable[[Path, str], list[str]]
    port: int
    owner: str = ""


def _redis(folder: Path, lines: str) -> list[str]:
    (folder / "redis.conf").write_text(f'{lines}\nport 6379\nsave ""\ndir {folder}\n')
    return [need_binary("redis-server"), str(folder / "redis.conf")]


def _memcached(folder: Path, lines: str) -> list[str]:
    return [need_binary("memcached"), "-u", "nobody", *lines.split()]


def _postgres(folder: Path, lines: str) -> list[str]:
    program, data = Path(need_binary("postgres")).resolve(), folder / "data"
    if not data.exists():
        subprocess.run(["chown", "postgres", folder], check=True)
        subprocess.run(
            [*as_owner(need_binary("setpriv"), "postgres"),
             program.with_name("initdb"), "-D", data, "-A", "trust", "--no-sync"],
            check=True, capture_output=True, cwd=folder,
        )  # fmt: skip
    with (data / "postgresql.conf").open("a") as conf:
        conf.write(f"unix_socket_directories = '{folder}'\nfsync = off\n{lines}\n")
    return [str(program), "-D", str(data)]


def _mariadb(folder: Path, lines: str) -> list[str]:
    data = folder / "data"
    data.mkdir(exist_ok=True)
    subprocess.run(["chown", "nobody", folder, data], check=True)
    (folder / "my.cnf").write_text(
        f"[mysqld]\n{lines}\ndatadir = {data}\nport = 3306\nsocket = {data}/socket\n"
        f"pid_file = {data}/pid\nskip_grant_tables\nskip_networking = 0\nskip_innodb\n"
        "default_storage_engine = MyISAM\nskip_ssl\n"
    )
    return [need_binary("mariadbd"), f"--defaults-file={folder}/my.cnf"]


def _caddy(folder: Path, lines: str) -> list[str]:
    (folder / "Caddyfile").write_text(f"{{\n{lines}\n}}\n:8080\n")
    environment = f"HOME={folder}", f"XDG_DATA_HOME={folder}", f"XDG_CONFIG_HOME={folder}"
    run = ["run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]
    return ["env", *environment, need_binary("caddy"), *run]


def _cups(folder: Path, lines: str) -> list[str]:
    (folder / "cupsd.conf").write_text(f"{lines}\n")
    (folder / "cups-files.conf").write_text(
        f"ServerRoot {folder}\nStateDir {folder}\nCacheDir {folder}\nRequestRoot {folder}\n"
        f"AccessLog {folder}/access\nErrorLog {folder}/error\nPageLog {folder}/page\n"
    )
    files = str(folder / "cups-files.conf")
    return [need_binary("cupsd"), "-f", "-c", str(folder / "cupsd.conf"), "-s", files]


PEERS = (
    Peer("Redis or Valkey", f"bind {EVERYWHERE}\nprotected-mode no", _redis, 6379),
    Peer("memcached", f"-l {EVERYWHERE} -U 11211", _memcached, 11211),
    Peer("PostgreSQL", "listen_addresses = '*'", _postgres, 5432, "postgres"),
    Peer("MySQL or MariaDB", "bind_address = *", _mariadb, 3306, "nobody"),
    Peer("Caddy's admin API", "admin :2019", _caddy, 2019),
    Peer("CUPS", "Port 631", _cups, 631),
)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that a server's own user may enter, which pytest's are not."""
    with tempfile.TemporaryDirectory(prefix="seventh-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield Path(name)


async def seen(machine: Machine) -> tuple[Report, ListenFacts]:
    report = await look(Wanted(areas=("ports",)), machine, host="here")
    net = report.facts["net"]
    assert isinstance(net, NetFacts)
    assert net.listening is not None
    return report, net.listening


def test_every_line_of_a_fix_is_applied_here() -> None:
    assert {row.name for row in services() if row.fix} == {peer.row for peer in PEERS}


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.row)
async def test_a_service_on_all_addresses_and_its_fix(peer: Peer, folder: Path) -> None:
    with alone(folder, peer.start(folder, peer.wide), peer.port, peer.owner) as server:
        before, listening = await seen(machine_of(folder / "before", server))
    (finding,) = before.findings
    assert (finding.id, finding.severity) == ("NET-LISTEN-ALL", Severity.MEDIUM)
    assert finding.params["firewall"] == "unknown"
    found = finding.params["services"]
    assert isinstance(found, tuple)
    assert all(text.startswith(f"{peer.row} (") for text in found)
    assert {each.pid for each in listening.on_all if each.port == peer.port} == {server.pid}
    heading, *lines = finding.fixes["any"]
    assert heading.startswith("# ")
    with alone(folder, peer.start(folder, "\n".join(lines)), peer.port, peer.owner) as server:
        after, listening = await seen(machine_of(folder / "after", server))
    assert after.findings == ()
    assert "NET-LISTEN-ALL" in after.passed
    bound = [each for each in listening.listeners or () if each.port == peer.port]
    assert bound
    assert all(each.on_loopback and each.program for each in bound)


RULES = """
table inet filter {
  set web { type inet_service; flags interval; elements = { 80, 443, 8000-8080 } }
  chain input {
    type filter hook input priority 0; policy drop;
    ct state vmap { established : accept, related : accept, invalid : drop }
    iif lo accept
    ct state new tcp dport { 22, 8443-8445 } accept
    tcp dport @web accept
    ip saddr 10.0.0.0/8 tcp dport 5432 counter accept
    ip saddr { 10.0.0.0/8, 192.168.1.1 } udp dport 161 accept
    tcp dport 3000 limit rate 5/second accept
    meta l4proto { tcp, udp } th dport 53 accept
    jump other
    log prefix "x" reject
  }
  chain other {
    tcp dport != 3306 return
    tcp dport 3306 accept
  }
}
"""


MANY = (
    "import socket, time, sys\n"
    "for kind, port in [(1, p) for p in (22, 53, 443, 2019, 3000, 3306, 5432, 8444)] + [(2, 53),"
    " (2, 161)]:\n"
    "    s = socket.socket(socket.AF_INET, kind); s.bind(('0.0.0.0', port))\n"
    "    kind == 1 and s.listen()\n"
    "    globals()[f's{kind}{port}'] = s\n"
    "s = socket.socket(socket.AF_INET6); s.bind(('::', 9999)); s.listen()\n"
    "time.sleep(60)\n"
)


def reached(listening: ListenFacts) -> dict[str, Reach]:
    return {f"{each.port}/{each.transport}": each.firewall for each in listening.listeners or ()}


async def test_the_rules_of_nftables(folder: Path) -> None:
    programs = "nft", "iptables-save", "ip6tables-save"
    with alone(folder, [need_binary("python3"), "-c", MANY], 9999) as server:
        _, none = await seen(machine_of(folder / "none", server, *programs))
        inside(server, "nft", "-f", "-", text=RULES)
        _, some = await seen(machine_of(folder / "some", server, *programs))
        _, unread = await seen(machine_of(folder / "unread", server))
    assert set(reached(none).values()) == {Reach.OPEN}
    assert set(reached(unread).values()) == {Reach.UNKNOWN}
    assert reached(some) == {
        "22/tcp": Reach.OPEN, "53/tcp": Reach.OPEN, "443/tcp": Reach.OPEN,
        "2019/tcp": Reach.CLOSED, "3000/tcp": Reach.UNKNOWN, "3306/tcp": Reach.OPEN,
        "5432/tcp": Reach.CLOSED, "8444/tcp": Reach.OPEN, "9999/tcp": Reach.CLOSED,
        "53/udp": Reach.OPEN, "161/udp": Reach.CLOSED,
    }  # fmt: skip


async def test_the_rules_of_iptables(folder: Path) -> None:
    programs = "nft", "iptables-save", "ip6tables-save"
    with alone(folder, [need_binary("python3"), "-c", MANY], 9999) as server:
        for line in (
            "-P INPUT DROP", "-A INPUT -i lo -j ACCEPT",
            "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
            "-A INPUT -m conntrack --ctstate NEW -p tcp -m multiport --dports 22,440:450 -j ACCEPT",
            "-A INPUT -s 10.0.0.0/8 -p tcp --dport 5432 -j ACCEPT",
            "-A INPUT -p tcp --dport 3000 -m limit --limit 5/second -j ACCEPT",
            "-N own", "-A INPUT -p udp -j own", "-A own ! -p udp -j DROP",
            "-A own -p udp --dport 53 -j ACCEPT",
        ):  # fmt: skip
            inside(server, "iptables", *line.split())
        _, some = await seen(machine_of(folder / "some", server, *programs))
        line = "-t nat -A PREROUTING -p tcp --dport 22 -j REDIRECT"
        inside(server, "iptables", *line.split())
        _, sent = await seen(machine_of(folder / "sent", server, *programs))
    assert reached(some) == {
        "22/tcp": Reach.OPEN, "53/tcp": Reach.CLOSED, "443/tcp": Reach.OPEN,
        "2019/tcp": Reach.CLOSED, "3000/tcp": Reach.UNKNOWN, "3306/tcp": Reach.CLOSED,
        "5432/tcp": Reach.CLOSED, "8444/tcp": Reach.CLOSED, "9999/tcp": Reach.OPEN,  # IPv6
        "53/udp": Reach.OPEN, "161/udp": Reach.CLOSED,
    }  # fmt: skip
    assert reached(sent) == reached(some) | {"22/tcp": Reach.UNKNOWN}


async def test_a_trap_receiver(folder: Path) -> None:
    program = need_binary("snmptrapd")
    environment = [f"SNMP_PERSISTENT_DIR={folder}", "MIBS=", f"SNMPCONFPATH={folder}"]
    words = ["env", *environment, program, "-f", "-C", "-n", "-Lo", "udp:127.0.0.1:1162"]
    with alone(folder, words, 1162) as server:
        machine = machine_of(folder / "tree", server, "snmptrapd")
        log = Path(machine.path[0]) / "zgrep"
        results = {}
        for said, code in (("Fix CVE-2025-68615", 0), ("", 1), ("no such file", 2)):
            log.write_text(f"#!/bin/sh\necho '{said}'\nexit {code}\n")
            log.chmod(0o755)
            results[code], listening = await seen(machine)
    assert listening.trap_receiver is not None
    assert listening.trap_receiver.version.startswith("5.")
    assert "SNMP-TRAPD-VULN" in results[0].passed
    old = listening.trap_receiver.version < "5.9.5"
    assert [each.id for each in results[1].findings] == (["SNMP-TRAPD-VULN"] if old else [])
    skipped = {each.id: each.reason for each in results[2].skipped}
    if old:
        assert skipped["SNMP-TRAPD-VULN"].startswith("changelog of Debian's package: failed")
