"""``seventh local time`` beside NTPsec's ntpd, which may not set the clock."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.peers import need_binary
from tests.peers.local_tree import machine_tree

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a network namespace"),
]
READY_SECONDS = 15.0
LOOK = """
import asyncio, sys
from pathlib import Path
import msgspec
from seventh.engine.local import Wanted, look
from seventh.localkit.machine import Machine

machine = Machine(root=Path(sys.argv[1]), path=(sys.argv[2], "/usr/bin"))
report = asyncio.run(look(Wanted(areas=("time",)), machine))
judged = {"passed": report.passed, "found": {each.id: each.params for each in report.findings}}
print(msgspec.json.encode(judged | {"local": report.facts["ntp"].local}).decode())
"""


def test_ntpd_is_asked_by_its_own_client(tmp_path: Path) -> None:
    ntpq = need_binary("ntpq")
    programs = {name: need_binary(name) for name in ("ntpd", "unshare", "nsenter", "setpriv", "ip")}
    conf = tmp_path / "ntp.conf"
    conf.write_text("refclock local\ndisable ntp\nrestrict 127.0.0.1\n")
    script = (
        f"{programs['ip']} link set lo up && exec {programs['setpriv']} --bounding-set=-sys_time "
        f"{programs['ntpd']} -n -g -c {conf} -p {tmp_path}/ntpd.pid"
    )
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [programs["unshare"], "-n", "sh", "-c", script], stdout=log, stderr=log
        )
    inside = [programs["nsenter"], "-t", str(process.pid), "-n"]
    try:
        deadline = time.monotonic() + READY_SECONDS
        while "stratum" not in said(*inside, ntpq, "-n", "-c", "rv", "127.0.0.1"):
            assert time.monotonic() < deadline, (tmp_path / "log").read_text()
            time.sleep(0.1)
        root = machine_tree(tmp_path / "tree", {process.pid: {}})
        folder = str(Path(ntpq).parent)
        seen: dict[str, Any] = json.loads(
            said(*inside, sys.executable, "-c", LOOK, str(root), folder)
        )
    finally:
        process.terminate()
        process.wait(10)
    local = seen["local"]
    assert local["unread"] == [each for each in local["unread"] if "ntpq" not in each["name"]]
    assert local["state"]["product"] == "ntpsec"
    (only,) = local["sources"]
    assert (only["name"], only["is_reference_clock"]) == ("LOCAL(0)", True)
    ((kind, sets),) = [(each["kind"], each["sets"]) for each in local["setters"]]
    assert (kind, sets) == ("ntpd", False)
    assert {"NTP-DUAL-DAEMON", "NTP-CLOCK-DRIFT"} <= {*seen["passed"]}
    assert local["state"]["synchronised"] is ("NTP-CLOCK-UNSYNC" in seen["passed"])


def said(*command: str) -> str:
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    return ran.stdout
