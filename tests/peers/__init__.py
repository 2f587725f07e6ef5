"""Real servers from the system's packages, and the programs that are their oracles."""

from __future__ import annotations

import functools
import os
import pwd
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from seventh.labkit.serve import find_program

_OPENSSH = r"OpenSSH_([0-9.]+)"
_UTIL_LINUX = r"util-linux ([0-9.]+)"
# A name on PATH is no promise: `ip` may be BusyBox's, `openssl` LibreSSL's, `ntpd` one of four.
PROGRAMS: dict[str, tuple[str, str]] = {
    "amtool": ("--version", r"^amtool, version ([0-9.]+)"),
    "apache2": ("-v", r"Apache/([0-9.]+)"),
    "caddy": ("version", r"^v(2[0-9.]+)"),
    "chromium": ("--version", r"Chromium ([0-9.]+)"),
    "chronyc": ("-v", r"\(chrony\) version ([0-9.]+)"),
    "chronyd": ("-v", r"\(chrony\) version ([0-9.]+)"),
    "cupsd": ("-h", r"Usage: cupsd"),
    "curl": ("-V", r"^curl ([0-9.]+)"),
    "danted": ("-v", r"Dante v([0-9.]+)"),
    "dnssec-signzone": ("-V", r"^dnssec-signzone ([0-9.]+)"),
    "dovecot": ("--version", r"^(2\.[0-9.]+) "),
    "envoy": ("--version", r"version: \w+/([0-9.]+)/"),
    "exim4": ("-bV", r"Exim version ([0-9.]+)|for user name"),
    "haproxy": ("-v", r"HAProxy version ([0-9.]+)"),
    "innconfval": ("-v", r"^INN ([0-9.]+)"),
    "ip6tables-save": ("--version", r"^ip6tables-save v([0-9.]+) \(nf_tables\)"),
    "iptables": ("--version", r"^iptables v([0-9.]+) \(nf_tables\)"),
    "iptables-save": ("--version", r"^iptables-save v([0-9.]+) \(nf_tables\)"),
    "ip": ("-V", r"iproute2-([0-9.]+)"),
    "journalctl": ("--version", r"^systemd ([0-9]+)"),
    "java": ("-version", r"^openjdk version \"([0-9.]+)"),
    "lighttpd": ("-v", r"lighttpd/([0-9.]+)"),
    "memcached": ("-V", r"^memcached ([0-9.]+)"),
    "microsocks": ("-?", r"MicroSocks SOCKS5 Server"),
    "mosh-server": ("--version", r"^mosh-server \(mosh ([0-9.]+)\)"),
    "mariadbd": ("--version", r"Ver ([0-9.]+)-MariaDB"),
    "mosquitto": ("-h", r"mosquitto version (2[0-9.]+)"),
    "mosquitto_pub": ("--version", r"^mosquitto_pub version (2[0-9.]+)"),
    "mosquitto_sub": ("--version", r"^mosquitto_sub version (2[0-9.]+)"),
    "named": ("-v", r"^BIND ([0-9.]+)"),
    "nats-server": ("--version", r"^nats-server: v([0-9.]+)"),
    "nft": ("--version", r"^nftables v([0-9.]+)"),
    "nginx": ("-v", r"nginx/([0-9.]+)"),
    "node": ("--version", r"^v([0-9.]+)"),
    "nsenter": ("-V", _UTIL_LINUX),
    "ntpd": ("--version", r"ntpsec-([0-9.]+)"),
    "postconf": ("-d", r"^mail_version = ([0-9.]+)"),
    "postgres": ("--version", r"^postgres \(PostgreSQL\) ([0-9.]+)"),
    "prlimit": ("-V", _UTIL_LINUX),
    "proftpd": ("-v", r"ProFTPD Version ([0-9.]+)"),
    "ntpq": ("--version", r"ntpsec-([0-9.]+)"),
    "python3": ("-V", r"^Python (3[0-9.]+)"),
    "pmc": ("-v", r"^([0-9.]+)"),
    "ptp4l": ("-v", r"^([0-9.]+)"),
    "swaks": ("--version", r"^swaks version ([0-9.]+)"),
    "ss": ("-V", r"ss utility, iproute2-([0-9.]+)"),
    "sysctl": ("-V", r"sysctl from procps-ng ([0-9.]+)"),
    "strace": ("-V", r"strace -- version ([0-9.]+)"),
    "redis-server": ("--version", r"^Redis server v=([0-9.]+)"),
    "snmpd": ("-v", r"NET-SNMP [Vv]ersion:\s+([0-9.]+)"),
    "snmpbulkwalk": ("-V", r"NET-SNMP [Vv]ersion:\s+([0-9.]+)"),
    "snmpget": ("-V", r"NET-SNMP [Vv]ersion:\s+([0-9.]+)"),
    "snmpset": ("-V", r"NET-SNMP [Vv]ersion:\s+([0-9.]+)"),
    "snmpinform": ("-V", r"NET-SNMP [Vv]ersion:\s+([0-9.]+)"),
    "snmptrap": ("-V", r"NET-SNMP [Vv]ersion:\s+([0-9.]+)"),
    "snmptrapd": ("-v", r"NET-SNMP [Vv]ersion:\s+([0-9.]+)"),
    "opendkim": ("-V", r"OpenDKIM Filter v([0-9.]+)"),
    "openssl": ("version", r"^OpenSSL ([0-9.]+)"),
    "prometheus-alertmanager": ("--version", r"^alertmanager, version ([0-9.]+)"),
    "prometheus-blackbox-exporter": ("--version", r"blackbox_exporter, version ([0-9.]+)"),
    "promtool": ("--version", r"promtool, version ([0-9.]+)"),
    "prosody": ("--help", r"prosody \[ -D \| -F \]"),
    "rsync": ("--version", r"^rsync +version v?([0-9.]+)"),
    "scp": ("-?", r"usage: scp .*-J"),
    "setpriv": ("-V", _UTIL_LINUX),
    "sftp": ("-h", r"usage: sftp .*-J"),
    "sleep": ("--version", r"^sleep \(GNU coreutils\) ([0-9.]+)"),
    "smtpd": ("-h", r"OpenSMTPD ([0-9.]+)"),
    "squid": ("-v", r"Squid Cache: Version ([0-9.]+)"),
    "slapd": ("-VV", r"OpenLDAP: slapd ([0-9.]+)"),
    "ssh": ("-V", _OPENSSH),
    "ssh-add": ("-?", r"usage: ssh-add|authentication agent"),
    "ssh-agent": ("-?", r"usage: ssh-agent"),
    "ssh-keygen": ("-?", r"usage: ssh-keygen"),
    "sshd": ("-V", _OPENSSH),
    "systemd-analyze": ("--version", r"^systemd ([0-9]+)"),
    "systemctl": ("--version", r"^systemd ([0-9]+)"),
    "tinyproxy": ("-v", r"tinyproxy ([0-9.]+)"),
    "unbound": ("-V", r"^Version ([0-9.]+)"),
    "unshare": ("-V", _UTIL_LINUX),
}
"""By name: what to ask a program so that it says what it is, and how its answer is recognised.

The group is its version, where it has one to tell.
"""


def account_home() -> Path:
    """The account's own home, which is OpenSSH's whatever HOME says."""
    return Path(pwd.getpwuid(os.getuid()).pw_dir)


class Program(NamedTuple):
    """A program that is what its name says."""

    path: str
    version: str
    """Empty where it tells none."""


def need_binary(name: str) -> str:
    """Give the program's absolute path; skip the test, saying why, where it is not here."""
    return _need(name).path


def need_version(name: str) -> str:
    """Give the program's version; skip the test, saying why, where it is not here."""
    return _need(name).version


def _need(name: str) -> Program:
    found = look_for(name)
    if isinstance(found, str):
        pytest.skip(found)
    return found


@functools.cache
def look_for(name: str) -> Program | str:
    """Give the program, or why there is none that the tests can use."""
    argument, pattern = PROGRAMS[name]
    # What pip installed stands beside this Python.
    path = find_program(name) or shutil.which(name, path=str(Path(sys.executable).parent))
    if path is None:  # Debian keeps PostgreSQL's servers out of PATH
        beside = Path("/usr/lib/postgresql").glob("*/bin")
        path = shutil.which(name, path=os.pathsep.join(map(str, beside)))
    if path is None:
        return f"{name} is not installed"
    ran = subprocess.run(
        [path, argument], capture_output=True, text=True, errors="replace", check=False,
        stdin=subprocess.DEVNULL, timeout=30,
    )  # fmt: skip
    said = (ran.stdout + ran.stderr).strip()
    match = re.search(pattern, said, re.MULTILINE | re.DOTALL)
    if match is None:
        return f"{path} is not the {name} that is meant: it says {said[:60]!r}"
    return Program(path, (match[1] or "").strip(".") if match.re.groups else "")
