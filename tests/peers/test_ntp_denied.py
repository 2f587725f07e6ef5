"""A source whose replies ``restrict`` drops, with ntpsec's ntpd and chronyd as its server.

Each daemon has a network namespace of its own, as both need port 123.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from seventh.engine.lint import Wanted, lint_file
from seventh.lintkit.linted import parse_software
from seventh.model.report import Finding
from seventh.protocols.ntp.rules.config import sources_denied
from tests.peers import need_binary

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a network namespace"),
]
SERVER = "10.99.0.1"
RULE = "NTP-SOURCES-DENIED"
OPEN = "restrict 127.0.0.1\n"
ASK = """
import socket, struct, sys, time
until = time.monotonic() + 20
names = b"stratum,ss_restricted"
while time.monotonic() < until:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.3)
        sock.sendto(struct.pack("!BBHHHHH", 0x16, 2, 1, 0, 0, 0, len(names)) + names + bytes(3),
                    ("127.0.0.1", 123))
        try:
            text = sock.recv(2000)[12:].decode()
        except OSError:
            continue
    pairs = (one.strip().split("=") for one in text.strip("\\0\\r\\n ").split(","))
    values = dict(pair for pair in pairs if len(pair) == 2)
    if int(values.get("ss_restricted", 0)) > 0:
        sys.exit("dropped")
    if values.get("stratum") not in {None, "0", "16"}:
        sys.exit("synchronised")
    time.sleep(0.05)  # it has nothing new before its source's next reply
sys.exit("nothing")
"""
"""Reads ntpd's own counters until its source's replies are used, or dropped."""


@contextlib.contextmanager
def namespace() -> Iterator[str]:
    """Yield the process ID of a new network namespace."""
    with subprocess.Popen(
        [need_binary("unshare"), "-n", "sh", "-c", "ip link set lo up; echo; exec cat"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as holder:  # fmt: skip
        assert holder.stdout is not None
        holder.stdout.readline()
        try:
            yield str(holder.pid)
        finally:
            holder.terminate()


@contextlib.contextmanager
def daemon(space: str, *command: str) -> Iterator[None]:
    with subprocess.Popen(
        [need_binary("nsenter"), "-t", space, "-n", need_binary("setpriv"),
         "--bounding-set=-sys_time", *command],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as running:  # fmt: skip
        try:
            yield
        finally:
            running.terminate()


def outcome(folder: Path, text: str) -> str:
    """What ntpd with this configuration does with the replies of chronyd."""
    ntpd, chronyd, ip = (need_binary(name) for name in ("ntpd", "chronyd", "ip"))
    (folder / "ntp.conf").write_text(f"disable ntp\n{text}")
    (folder / "chrony.conf").write_text(
        f"local stratum 3\nallow\ncmdport 0\nbindcmdaddress /\npidfile {folder}/chronyd.pid\n"
    )
    with namespace() as server, namespace() as client:
        inside = [need_binary("nsenter"), "-t", client, "-n", ip]
        for line in (
            [*inside, "link", "add", "near", "type", "veth", "peer", "name", "far",
             "netns", server],
            [*inside, "addr", "add", "10.99.0.2/24", "dev", "near"],
            [*inside, "link", "set", "near", "up"],
            [*inside[:2], server, "-n", ip, "addr", "add", f"{SERVER}/24", "dev", "far"],
            [*inside[:2], server, "-n", ip, "link", "set", "far", "up"],
        ):  # fmt: skip
            subprocess.run(line, check=True, timeout=10)
        with (
            daemon(server, chronyd, "-d", "-x", "-U", "-u", "root", "-f", f"{folder}/chrony.conf"),
            daemon(client, ntpd, "-n", "-g", "-c", f"{folder}/ntp.conf", "-p", f"{folder}/ntp.pid"),
        ):
            asked = subprocess.run(
                [*inside[:4], sys.executable, "-c", ASK], capture_output=True, text=True,
                timeout=40, check=False,
            )  # fmt: skip
    return asked.stderr.strip()


def findings(folder: Path, text: str) -> list[Finding]:
    (folder / "ntp.conf").write_text(text)
    wanted = Wanted(kind="ntp.conf", software=(parse_software("ntpsec=1.2.2"),))
    report = lint_file(folder / "ntp.conf", wanted)
    return [one for one in report.findings if one.id == RULE]


@pytest.mark.parametrize(
    ("restrict", "fires"),
    [
        ("restrict default ignore\n", True),
        ("restrict default noquery nomodify\n", False),
        (f"restrict default ignore\nrestrict {SERVER} noquery\n", False),
        (f"restrict default noquery\nrestrict {SERVER} ignore\n", True),
    ],
)  # fmt: skip
def test_lint_and_ntpd_agree(tmp_path: Path, restrict: str, fires: bool) -> None:
    text = f"server {SERVER} iburst\n{OPEN}{restrict}"
    found = findings(tmp_path, text)
    assert bool(found) is fires
    assert outcome(tmp_path, text) == ("dropped" if fires else "synchronised")
    if fires and "default ignore" in restrict:
        fixed = f"{text}{sources_denied.words.fix['ntpsec']}\n"
        assert not findings(tmp_path, fixed)
        assert outcome(tmp_path, fixed) == "synchronised"
