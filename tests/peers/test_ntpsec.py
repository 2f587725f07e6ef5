"""NTPsec's ntpd: mode 6 and symmetric keys as the other family of daemons has them.

Debian lets only one time daemon be installed, so where chrony is, ntpd is found only if it was
unpacked aside (``dpkg -x``) and put into the PATH. It runs in a network namespace of its own,
because its port is always 123, and without the right to set the clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

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
Look = Callable[..., Any]


@contextlib.asynccontextmanager
async def ntpd(folder: Path, *lines: str) -> AsyncIterator[Look]:
    """Run ntpd with ``lines``; gives a function that checks it and gives the report's JSON."""
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
        process = await asyncio.create_subprocess_exec(
            programs["unshare"], "-n", "sh", "-c", script, stdout=log, stderr=log
        )

    async def look(*options: str) -> Any:
        asking = await asyncio.create_subprocess_exec(
            programs["nsenter"], "-t", str(process.pid), "-n", sys.executable, "-m", "seventh",
            "check", "ntp://127.0.0.1", "--samples", "1", "--timeout", "5", "--format", "json",
            *options, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        output, _ = await asyncio.wait_for(asking.communicate(), 30)
        return json.loads(output)["reports"][0]

    try:
        deadline = time.monotonic() + READY_SECONDS
        while (await look())["failure"] is not None:
            assert process.returncode is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, (folder / "log").read_text()
        yield look
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), 10)


def ids(report: Any) -> set[str]:
    return {finding["id"] for finding in report["findings"]}


@pytest.mark.parametrize("number", KEYS)
async def test_keys_authenticate_with_ntpd(number: int, tmp_path: Path) -> None:
    async with ntpd(tmp_path) as look:
        report = await look("--ntp-keys", str(tmp_path / "ntp.keys"), "--ntp-key", str(number))
    key = report["facts"]["ntp"]["key"]
    assert (key["outcome"], key["key_id"]) == ("authenticated", number)
    assert ("NTP-MAC-MD5" in ids(report)) == (number == 1)


async def test_ntpd_does_not_believe_another_key(tmp_path: Path) -> None:
    other = tmp_path / "other.keys"
    other.write_text("1 MD5 another\n")
    async with ntpd(tmp_path) as look:
        report = await look("--ntp-keys", str(other))
    assert report["failure"]["reason"] == "auth-rejected"
    assert report["facts"]["ntp"]["key"]["authenticated"] is False


@pytest.mark.parametrize(
    ("line", "answers"), [("restrict 127.0.0.1", True), ("restrict 127.0.0.1 noquery", False)]
)
async def test_mode_6_is_answered_by_the_restrictions(
    line: str, answers: bool, tmp_path: Path
) -> None:
    async with ntpd(tmp_path, line) as look:
        report = await look("--intrusive")
    ntp = report["facts"]["ntp"]
    assert (ntp["control_factor"] > 1) == answers
    assert ("NTP-MODE6" in ids(report)) == answers
    if answers:
        assert ntp["control_version"].startswith("ntpd ")
    assert ntp["monlist"]["factor"] == 0, "NTPsec has no mode 7"
    assert "another program uses it" in ntp["source_port"]["untried"], "ntpd itself has port 123"
