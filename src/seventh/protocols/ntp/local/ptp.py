"""What this machine has of PTP: clocks, interfaces and daemons."""

from __future__ import annotations

import re
from collections.abc import Mapping

from seventh.localkit.seen import Seen, Text
from seventh.model.localfacts import Unread
from seventh.protocols.ntp.facts.local import PtpFacts, Stamping
from seventh.protocols.ntp.local import stamping
from seventh.wire.text import printable

DEVICES = "/dev/ptp*"
NAMES = "/sys/class/ptp/*/clock_name"
_FIELD = re.compile(r"^\s+(\w+)\s+(\S+)\s*$", re.MULTILINE)
_NANO = 1e-9
_SYNCHRONISING = {"SLAVE", "UNCALIBRATED"}


def ptp(seen: Seen, unread: list[Unread]) -> PtpFacts:
    """Return what was seen of PTP."""
    names: frozenset[str] | None = None
    if not isinstance(seen.processes, Unread):
        names = frozenset(process.name for process in seen.processes)
    asked = seen.calls.get(stamping.NAME)
    said = seen.output("pmc")
    fields = [] if isinstance(said, Unread) else _FIELD.findall(said)
    states = tuple(printable(value, 32) for name, value in fields if name == "portState")
    numbers = {name: value for name, value in fields if re.fullmatch(r"-?[\d.]+", value)}
    has_master = not _SYNCHRONISING.isdisjoint(states)
    return PtpFacts(
        clocks=_clocks(seen.matching(DEVICES), seen.matching(NAMES)),
        interfaces=_interfaces(asked, unread),
        ptp4l="ptp4l" in names if names is not None else None,
        phc2sys="phc2sys" in names if names is not None else None,
        port_states=states,
        steps_removed=int(float(numbers["stepsRemoved"])) if "stepsRemoved" in numbers else None,
        offset_seconds=_NANO * float(numbers["offsetFromMaster"])
        if has_master and "offsetFromMaster" in numbers
        else None,
    )


def _clocks(devices: Mapping[str, Text], names: Mapping[str, Text]) -> tuple[str, ...]:
    found: list[str] = []
    for device in devices:
        number = device.rpartition("/")[2]
        name = names.get(f"/sys/class/ptp/{number}/clock_name", "")
        label = f" ({printable(name.strip(), 64)})" if isinstance(name, str) and name else ""
        found.append(f"{number}{label}")
    return tuple(found)


def _interfaces(asked: object, unread: list[Unread]) -> tuple[Stamping, ...] | None:
    """Return the interfaces that were asked; None if there are some and none could be."""
    if not isinstance(asked, tuple):
        return None
    found = tuple(each for each in asked if isinstance(each, Stamping))
    refused = [each for each in asked if isinstance(each, Unread)]
    unread += refused
    return None if refused and not found else found
