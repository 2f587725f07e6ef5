"""NTPsec's ntpd: mode 6 and symmetric keys of the other family of daemons.

Debian lets only one time daemon be installed, so where chrony is, ntpd is found only if it was
unpacked aside (``dpkg -x``) and put into the PATH. It runs in a network namespace of its own,
because its port is always 123, and without the right to set the clock.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.peers import need_binary

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a network namespace"),
]

READY_SECONDS = 15.0
KEYS = {
    1: "1 MD5 laboratory",
    2: "2 AES-128 000102030405060708090a0b0c0d0e0f",
    3: "3 SHA256 f6d7b6f1a2c3d4e5f60718293a4b5c6d7e8f90a1",
}


class Look(Protocol):
    """Checks the daemon with more options; returns the report's JSON."""

    def __call__(self, *options: str) -> Any: ...


@contextlib.contextmanager
def ntpd(folder: Path, *lines: str) -> Iterator[Look]:
    """Run ntpd with ``lines``, and yield what checks it once it answers."""
    programs = {name: need_binary(name) for name in ("ntpd", "unshare", "nsenter", "setpriv", "ip")}
    keys = folder / "ntp.keys"
    keys.write_text("\n".join(KEYS.values()) + "\n")
    conf = folder / "ntp.conf"
    always = ("refclock local", "disable ntp", f"keys {keys}", "trustedkey 1 2 3")
    conf.write_text("\n".join((*always, *lines)) + "\n")
    script = (
        f"{programs['ip']} link set lo up && exec {programs['setpriv']} --bounding-set=-sys_time "
        f"{programs['ntpd']} -n -g -c {conf} -p {folder}/ntpd.pid"
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [programs["unshare"], "-n", "sh", "-c", script], stdout=log, stderr=log
        )

    def look(*options: str) -> Any:
        checked = subprocess.run(
            [programs["nsenter"], "-t", str(process.pid), "-n", sys.executable, "-m", "seventh",
             "check", "ntp://127.0.0.1", "--samples", "1", "--timeout", "5", "--format", "json",
             *options], stdout=subprocess.PIPE, timeout=30, check=False,
        )  # fmt: skip
        return json.loads(checked.stdout)["reports"][0]

    try:
        deadline = time.monotonic() + READY_SECONDS
        while look()["failure"] is not None:
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, (folder / "log").read_text()
        yield look
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ntpd")


@pytest.fixture(scope="module")
def look(folder: Path) -> Iterator[Look]:
    with ntpd(folder, "restrict 127.0.0.1") as look:
        yield look


def ids(report: Any) -> set[str]:
    return {finding["id"] for finding in report["findings"]}


@pytest.mark.parametrize("number", KEYS)
def test_keys_authenticate_with_ntpd(number: int, look: Look, folder: Path) -> None:
    report = look("--ntp-keys", str(folder / "ntp.keys"), "--ntp-key", str(number))
    key = report["facts"]["ntp"]["key"]
    assert (key["outcome"], key["key_id"]) == ("authenticated", number)
    assert ("NTP-MAC-MD5" in ids(report)) == (number == 1)


def test_ntpd_refuses_another_key(look: Look, tmp_path: Path) -> None:
    other = tmp_path / "other.keys"
    other.write_text("1 MD5 another\n")
    report = look("--ntp-keys", str(other))
    assert report["failure"]["reason"] == "auth-rejected"
    assert report["facts"]["ntp"]["key"]["authenticated"] is False


def test_mode_6_is_answered_by_default(look: Look) -> None:
    report = look("--intrusive")
    assert report["facts"]["ntp"]["control_factor"] > 1
    assert report["facts"]["ntp"]["control_version"].startswith("ntpd ")
    assert "NTP-MODE6" in ids(report)
    has_no_mode_7_and_port_123(report)


def test_mode_6_is_not_answered_with_noquery(tmp_path: Path) -> None:
    with ntpd(tmp_path, "restrict 127.0.0.1 noquery") as look:
        report = look("--intrusive")
    assert report["facts"]["ntp"]["control_factor"] == 0
    assert "NTP-MODE6" not in ids(report)
    has_no_mode_7_and_port_123(report)


def has_no_mode_7_and_port_123(report: Any) -> None:
    ntp = report["facts"]["ntp"]
    assert ntp["monlist"]["factor"] == 0, "NTPsec has no mode 7"
    assert ntp["source_port"]["untried"], "ntpd itself has port 123"
    assert ntp["source_port"]["privileged_answered"] is None
