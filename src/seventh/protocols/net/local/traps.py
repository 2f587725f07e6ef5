"""The version of a running snmptrapd, and whether its package has the fix of a known fault."""

from __future__ import annotations

import re

from seventh.localkit.seen import Seen
from seventh.model.listenfacts import TrapReceiver
from seventh.model.localfacts import Unread

PROGRAM = "snmptrapd"
FAULT = "CVE-2025-68615"
VERSION = "snmptrapd -v"
DEBIAN = "changelog of Debian's package"
RPM = "changelog of the RPM package"


def trap_receiver(seen: Seen) -> TrapReceiver | None:
    """Return what is known of a running snmptrapd; None if none is seen to run."""
    running = () if isinstance(seen.processes, Unread) else seen.processes
    if PROGRAM not in {process.name for process in running}:
        return None
    said = seen.output(VERSION)
    found = re.search(
        r"NET-SNMP [Vv]ersion:\s+([0-9][\w.]*)", said if isinstance(said, str) else ""
    )
    logs = [log for log in map(seen.output, (DEBIAN, RPM)) if isinstance(log, str)]
    return TrapReceiver(
        version=found[1] if found else "",
        package_names_fix=any(FAULT in log for log in logs) if logs else None,
    )
