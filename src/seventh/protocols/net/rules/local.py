"""What listens on this machine and should not be reachable."""

from __future__ import annotations

import re

from seventh.model.listenfacts import Listener, ListenFacts, Reach, TrapReceiver
from seventh.model.netfacts import NetFacts
from seventh.model.severity import Severity
from seventh.protocols.net.rules.services import Service, service_of
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule
from seventh.rules.unread import not_looked, not_read

AREA = "ports"
_TABLES = "read /proc/net/{tcp,tcp6,udp,udp6}, readlink /proc/*/fd/*"
_PROCESSES = "/proc/*/{comm,stat,status,cmdline,cgroup}"
_VERSION = "snmptrapd -v"
_LOGS = ("changelog of Debian's package", "changelog of the RPM package")
FIXED = (5, 9, 5)
"""The first release of net-snmp with the fix."""


def _machine(*listeners: Listener, trap_receiver: TrapReceiver | None = None) -> NetFacts:
    return NetFacts(listening=ListenFacts(listeners=listeners, trap_receiver=trap_receiver))


_REDIS = Listener(
    transport="tcp", address="127.0.0.1", port=6379, program="redis-server", pid=812,
    firewall=Reach.OPEN,
)  # fmt: skip
_SSHD = Listener(
    transport="tcp", address="::", port=22, program="sshd", pid=431, service="SSH",
    firewall=Reach.OPEN,
)  # fmt: skip


@rule(
    "NET-LISTEN-ALL",
    Severity.MEDIUM,
    tier=0,
    source=Source.LOCAL,
    title="Internal service listens on all addresses",
    evidence="{services}. The firewall of this machine {firewall}",
    phrases={
        "firewall": {
            "open": "admits connections from any address",
            "unknown": "could not be verified",
        }
    },
    why="Databases, caches, monitoring agents and administration interfaces trust the network that "
    "they listen on. On every address of the machine, one firewall rule separates them from the "
    "internet, and many of them ask for no login by default.",
    fix={
        "any": "Bind it to 127.0.0.1, or to the address of the internal network that its clients "
        "use, and restart it. For a container, publish the port as 127.0.0.1:PORT:PORT.",
    },
    references=("CISA alert TA14-017A", "CISA alert TA17-156A", "Redis documentation: Security"),
    seed=("12.12", "A"),
    good=_machine(_REDIS, _SSHD),
    bad=_machine(
        _SSHD,
        Listener(
            transport="tcp", address="0.0.0.0", port=6379, program="redis-server",  # noqa: S104
            pid=812, firewall=Reach.OPEN,
        ),
    ),
)  # fmt: skip
def listen_all(net: NetFacts) -> Verdict:
    """Fail an internal service on every address, unless the firewall is seen to drop its packets.

    High if the program is visible, needs no login by default or runs code, and the firewall admits
    the packets.
    """
    local = net.listening
    if local is None:
        return not_looked(AREA)
    if local.listeners is None:
        return not_read(local.unread, _TABLES)
    internal = [(each, row) for each in local.on_all if (row := service_of(each)) is not None]
    exposed = [(each, row) for each, row in internal if each.firewall is not Reach.CLOSED]
    if exposed and local.container:
        return Skip("the ports of a container are those that its host publishes: run it there")
    if not exposed:
        return None if local.complete else Skip("more sockets than this check reads")
    open_ones = [(each, row) for each, row in exposed if each.firewall is Reach.OPEN]
    hit = Hit(
        Severity.HIGH if any(each.program and row.grave for each, row in open_ones) else None,
        services=tuple(_described(each, row) for each, row in exposed),
        firewall="open" if open_ones else "unknown",
    )
    lines = [line for row in dict.fromkeys(row for _, row in exposed) for line in row.fix]
    return hit.fixed_by("any", *lines) if lines else hit


def _described(listener: Listener, row: Service) -> str:
    address = f"[{listener.address}]" if ":" in listener.address else listener.address
    who = f"{listener.program}, PID {listener.pid}" if listener.program else "by its port"
    return f"{row.name} ({who}) on {address}:{listener.port}/{listener.transport} [{row.source}]"


@rule(
    "SNMP-TRAPD-VULN",
    Severity.HIGH,
    tier=0,
    source=Source.LOCAL,
    title="snmptrapd with a known buffer overflow",
    evidence="snmptrapd {version} is running; {package}",
    phrases={
        "package": {
            "unfixed": "the changelog of its package does not name CVE-2025-68615",
        }
    },
    why="A crafted notification overflows a buffer of snmptrapd and crashes it, or may run code. "
    "Senders need no login, and UDP source addresses can be forged.",
    fix={
        "any": "Update net-snmp to 5.9.5, or to your distribution's package that names "
        "CVE-2025-68615, and restart snmptrapd. Until then, admit UDP port 162 only from the "
        "management network, or stop it.",
    },
    references=("CVE-2025-68615",),
    seed=("12.5.3",),
    good=_machine(trap_receiver=TrapReceiver(version="5.9.5.2", package_names_fix=False)),
    bad=_machine(trap_receiver=TrapReceiver(version="5.9.3", package_names_fix=False)),
)
def trapd_vulnerable(net: NetFacts) -> Verdict:
    """Fail a running snmptrapd before 5.9.5 whose package is not seen to have the fix.

    Distributions backport it: without the package's changelog, an older version proves nothing.
    """
    local = net.listening
    if local is None:
        return not_looked(AREA)
    receiver = local.trap_receiver
    if receiver is None:
        if not local.processes_visible or local.listeners is None:
            return not_read(local.unread, _PROCESSES, _TABLES)
        return not_applicable("snmptrapd is not running")
    if receiver.package_names_fix:
        return None
    if not receiver.version:
        return not_read(local.unread, _VERSION)
    fixed = has_fix(receiver.version)
    if fixed is None:
        return Skip(f"whether net-snmp {receiver.version} has the fix is unknown")
    if fixed:
        return None
    if receiver.package_names_fix is None:
        return not_read(local.unread, *_LOGS)
    return Hit(version=receiver.version, package="unfixed")


def has_fix(version: str) -> bool | None:
    """Return whether a release of net-snmp has the fix; None for a form that is not known.

    Pre-releases of 5.10 have it from pre2; those of 5.9.5 are not known.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)*)(?:\.(pre|rc)(\d+))?", version)
    if found is None:
        return None
    numbers = tuple(map(int, found[1].split(".")))
    if numbers == FIXED and found[2]:
        return None
    return numbers >= FIXED and (numbers != (5, 10) or found[2] != "pre" or int(found[3]) >= 2)
