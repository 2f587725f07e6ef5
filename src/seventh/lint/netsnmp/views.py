"""The facts and settings of snmpd.conf and snmptrapd.conf."""

from __future__ import annotations

import ipaddress
import re
from typing import Literal

from seventh.lint.netsnmp.access import OPAQUE, Access
from seventh.lint.netsnmp.lines import Directive, directives
from seventh.lint.netsnmp.users import created
from seventh.lintkit.files import Files, Text
from seventh.lintkit.linted import Linted, Setting, Software, View
from seventh.lintkit.place import folder_name
from seventh.model.source import Line
from seventh.protocols.snmp.facts import SnmpFacts
from seventh.protocols.snmp.facts.config import SnmpConfig

PRODUCT = "net-snmp"
NEWEST = (5, 9, 5)
Daemon = Literal["snmpd", "snmptrapd"]
Listens = Literal["every", "some", "loopback"]
_ADDRESS = {"snmpd": "agentaddress", "snmptrapd": "snmptrapdaddr"}
_PORTS = {"snmpd": 161, "snmptrapd": 162}
_TRANSPORT = re.compile(
    r"(?i)(udp|udp4|udp6|udpv6|udpipv6|tcp|tcp4|tcp6|tcpv6|tcpipv6|dtlsudp|dtlsudp6|tlstcp|ssh"
    r"|unix|aal5pvc|ipx|callback|alias|std):"
)
_WIDTH: dict[Listens, int] = {"loopback": 0, "some": 1, "every": 2}
_TRUE = frozenset({"1", "yes", "true"})


def lint(text: Text, files: Files, software: Software | None, *, daemon: Daemon) -> Linted:
    """Read a configuration of snmpd or snmptrapd with its includes, or a part of one."""
    lines = tuple(directives(text, files, daemon))
    stated = software or Software(product=PRODUCT, version=NEWEST)
    complete = folder_name(text.name) not in {"snmpd.conf.d", "snmptrapd.conf.d"} and not any(
        line.name == "usmuser"
        for line in lines  # what the daemon keeps, beside its configuration
    )
    settings: dict[str, tuple[Setting, ...]] = {line.key: (_setting(line),) for line in lines}
    for name in (_ADDRESS[daemon], "disableauthorization"):
        if found := tuple(_setting(line) for line in lines if line.name == name):
            settings[name] = found
    if (name := _ADDRESS[daemon]) not in settings:
        default = f"udp:{_PORTS[daemon]}"
        at = Line(file=text.name, line=None, text=f"{name} {default} (default of {stated})")
        settings[name] = (Setting(value=default, at=at),)
    facts = SnmpFacts(config=_config(lines, daemon, complete=complete))
    return Linted(
        views=(View(facts={"snmp": facts}, settings=settings),),
        software=str(stated),
        software_assumed=software is None,
    )


def _setting(line: Directive) -> Setting:
    return Setting(value=line.at.text, at=line.at)


def _config(lines: tuple[Directive, ...], daemon: Daemon, *, complete: bool) -> SnmpConfig:
    users = (created(line) for line in lines if line.name in {"createuser", "usmuser"})
    disabled = [
        line for line in lines if line.name == "disableauthorization" and line.words
    ]  # the last one applies
    return SnmpConfig(
        daemon=daemon,
        complete=complete,
        listens=_listens(lines, daemon, complete=complete),
        grants=Access(lines).grants(),
        created=tuple(user for user in users if user is not None),
        accepts_all=daemon == "snmptrapd"
        and bool(disabled)
        and disabled[-1].words[0].lower() in _TRUE,
        unread=tuple(line.name for line in lines if line.name in OPAQUE),
    )


def _listens(lines: tuple[Directive, ...], daemon: Daemon, *, complete: bool) -> Listens | None:
    """Return the widest of the addresses that a daemon listens on."""
    found = [
        _reach(address)
        for line in lines
        if line.name == _ADDRESS[daemon]
        for address in "".join(line.words).split(",")
        if address
    ]
    if not found:
        return "every" if complete else None
    return max(found, key=_WIDTH.__getitem__)


def _reach(address: str) -> Listens:
    """Return how far a listening address reaches; a port alone is every address."""
    match = _TRANSPORT.match(address)
    if match is not None:
        if match[1].lower() in {"unix", "callback"}:
            return "loopback"
        address = address[match.end() :]
    if not address or address.isdigit():
        return "every"
    host = address
    if address.startswith("["):
        host = address[1:].partition("]")[0]
    elif address.count(":") == 1:
        host = address.partition(":")[0]
    if host.lower() == "localhost":
        return "loopback"
    try:
        parsed = ipaddress.ip_address(host)
    except ValueError:
        return "every" if host == "*" else "some"
    if parsed.is_unspecified:
        return "every"
    return "loopback" if parsed.is_loopback else "some"
