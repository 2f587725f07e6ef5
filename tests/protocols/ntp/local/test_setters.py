"""Which programs set the clock, by their arguments and rights."""

from __future__ import annotations

import pytest

from seventh.localkit.seen import Process, Seen
from seventh.model.localfacts import Cause, Unread
from seventh.protocols.ntp.facts.local import ClockSetter, Setter
from seventh.protocols.ntp.local.setters import setters

MAY = 1 << 25
ALL_BUT = (1 << 40) - 1 - MAY


def process(name: str, words: str = "", pid: int = 7, **fields: object) -> Process:
    arguments = (f"/usr/sbin/{name}", *words.split())
    given = {"parent": 1, "capabilities": MAY, "arguments": arguments} | fields
    return Process(name=name, pid=pid, **given)  # type: ignore[arg-type]


def sets(one: Process, **outputs: str) -> bool | None:
    (found,) = setters(Seen(processes=(one,), outputs=outputs)) or ()
    return found.sets


def test_what_a_setter_is() -> None:
    one = process("chronyd", "-F 1", unit="chrony.service", age_seconds=12.0)
    assert setters(Seen(processes=(one, process("qemu-ga", pid=8)))) == (
        ClockSetter(kind=Setter.CHRONYD, pid=7, sets=True, unit="chrony.service", age_seconds=12.0),
    )


@pytest.mark.parametrize(
    ("name", "words", "expected"),
    [
        ("chronyd", "-F 1", True),
        ("chronyd", "-x", False),
        ("chronyd", "-Q", False),
        ("ntpd", "-g", True),
        ("systemd-timesyn", "", True),
        ("ntp-daemon", "", True),
        ("ptpd2", "", True),
        ("ptp4l", "-i eth0", False),
        ("ptp4l", "-S -i eth0", None),
        ("ptp4l", "-f /etc/linuxptp/ptp4l.conf", None),
        ("phc2sys", "-s eth0 -w", True),
        ("phc2sys", "-s eth0 -c CLOCK_REALTIME", True),
        ("phc2sys", "-s CLOCK_REALTIME -c eth0", False),
        ("phc2sys", "-a", False),
        ("phc2sys", "-a -r", True),
        ("phc2sys", "-ar", True),
        ("phc2sys", "-a -r -E ntpshm -M 0", False),
        ("VBoxService", "--pidfile /run/x", True),
        ("VBoxService", "--disable-timesync", False),
        ("vmtoolsd", "", None),
    ],
)
def test_arguments(name: str, words: str, expected: bool | None) -> None:
    assert sets(process(name, words)) is expected


def test_rights() -> None:
    assert sets(process("chronyd", capabilities=ALL_BUT)) is False
    assert sets(process("chronyd", capabilities=None)) is None
    assert sets(process("chronyd", "-x", capabilities=None)) is False


@pytest.mark.parametrize(
    ("said", "expected"), [("Enabled\n", True), ("Disabled\n", False), ("what\n", None)]
)
def test_vmware_says_it_itself(said: str, expected: bool | None) -> None:
    outputs = {"vmware-toolbox-cmd timesync status": said}
    assert sets(process("vmtoolsd", capabilities=None), **outputs) is expected


def test_several_processes_of_one_daemon() -> None:
    chronyd = (process("chronyd", pid=7), process("chronyd", pid=8, parent=7))
    other = process("chronyd", pid=9)
    found = setters(Seen(processes=(*chronyd, other)))
    assert [each.pid for each in found or ()] == [7, 9]


def test_openntpd_is_told_by_its_engine() -> None:
    parent = process("ntpd", "-f /etc/openntpd/ntpd.conf", pid=7)
    engine = process("ntpd", pid=8, parent=7, arguments=("ntpd: ntp engine",))
    dns = process("ntpd", pid=9, parent=8, arguments=("ntpd: dns engine",))
    (found,) = setters(Seen(processes=(parent, engine, dns))) or ()
    assert (found.kind, found.pid, found.sets) == (Setter.OPENNTPD, 7, True)
    (found,) = setters(Seen(processes=(parent,))) or ()
    assert found.kind is Setter.NTPD


def test_processes_that_are_not_visible() -> None:
    assert setters(Seen(processes=Unread(name="/proc", cause=Cause.NOT_PERMITTED))) is None
    assert setters(Seen()) == ()
