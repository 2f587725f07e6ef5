"""The rules about the machine itself: both sides of every boundary."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from seventh.model.localfacts import Cause, Unread
from seventh.model.report import SkipCause
from seventh.model.severity import Severity
from seventh.protocols.ntp.facts.local import (
    ClockSetter,
    LocalSource,
    PtpFacts,
    Selection,
    Setter,
    Stamping,
)
from seventh.protocols.ntp.facts.local import SourceState as State
from seventh.protocols.ntp.rules.local import (
    clock_drift,
    clock_offset,
    clock_unsync,
    reach,
)
from seventh.protocols.ntp.rules.local_examples import GOOD_LOCAL, with_local, with_state
from seventh.protocols.ntp.rules.local_machine import clock_source, dual_daemon, ptp_hint
from seventh.rules.rule import Hit, Skip, Verdict

PROCESSES = Unread(name="/proc/*/{comm,stat,status,cmdline,cgroup}", cause=Cause.NOT_PERMITTED)
TRACKING = Unread(name="chronyc tracking", cause=Cause.TIMED_OUT, detail="1.5 s")


def hit(verdict: Verdict) -> Hit:
    assert isinstance(verdict, Hit), verdict
    return verdict


def why(verdict: Verdict, cause: SkipCause = SkipCause.NO_EVIDENCE) -> str:
    assert isinstance(verdict, Skip), verdict
    assert verdict.cause is cause
    return verdict.reason


def setter(kind: Setter = Setter.CHRONYD, sets: bool | None = True, **fields: Any) -> ClockSetter:
    return ClockSetter(kind=kind, sets=sets, **({"pid": 7} | fields))


@pytest.mark.parametrize("age", [120.0, None])
def test_a_daemon_without_a_usable_source(age: float | None) -> None:
    source = LocalSource(name="192.0.2.1", state=State.UNUSABLE, stratum=0, reach=0)
    ntp = with_state(synchronised=False)
    assert ntp.local is not None
    local = replace(ntp.local, sources=(source,), setters=(setter(age_seconds=age),))
    found = hit(clock_unsync(ntp.learn(local=local)))
    assert found.params == {
        "what": "daemon", "daemon": "chrony", "sources": ("192.0.2.1 (unusable)",),
    }  # fmt: skip
    for none, what in (((), "sourceless"), (None, "unlisted")):
        found = hit(clock_unsync(ntp.learn(local=replace(local, sources=none))))
        assert found.params == {"what": what, "daemon": "chrony"}
    waits = replace(source, selection=Selection.WAITS_FOR_OTHERS)
    found = hit(clock_unsync(ntp.learn(local=replace(local, sources=(waits,)))))
    assert found.params["sources"] == ("192.0.2.1 (waits-for-other-sources)",)


def test_a_daemon_that_has_just_started() -> None:
    ntp = with_state(synchronised=False)
    assert ntp.local is not None
    local = replace(ntp.local, setters=(setter(age_seconds=119.9),))
    assert "less than two minutes" in why(clock_unsync(ntp.learn(local=local)))


def without_state(**changes: Any) -> Any:
    facts: dict[str, Any] = {"state": None, "sources": None, "system_synchronised": None}
    return with_local(**(facts | changes))


def test_what_the_kernel_and_systemd_say_of_another_daemon() -> None:
    one = (setter(Setter.TIMESYNCD, age_seconds=500.0),)
    found = hit(clock_unsync(without_state(setters=one, system_synchronised=False)))
    assert found.params == {"what": "system", "daemon": "systemd-timesyncd"}
    assert clock_unsync(without_state(setters=one, system_synchronised=True)) is None
    assert clock_unsync(without_state(setters=one, kernel_error_seconds=5.0)) is None
    young = (setter(Setter.TIMESYNCD, age_seconds=5.0),)
    skip = clock_unsync(without_state(setters=young, system_synchronised=False, unread=(TRACKING,)))
    assert why(skip) == "chronyc tracking: timed out: 1.5 s"
    assert why(clock_unsync(without_state(setters=one))).startswith("chronyc tracking, ntpq rv")


def test_no_daemon() -> None:
    assert hit(clock_unsync(without_state(setters=()))).params == {"what": "no-daemon"}
    only_serves = (setter(sets=False),)
    assert hit(clock_unsync(without_state(setters=only_serves))).params == {"what": "no-daemon"}
    skip = clock_unsync(without_state(setters=(), container="docker"))
    assert "its host" in why(skip, SkipCause.NOT_APPLICABLE)
    hidden = clock_unsync(without_state(setters=None, unread=(PROCESSES,)))
    assert why(hidden) == f"{PROCESSES.name}: permission denied (run it as root)"


def test_a_clock_that_was_set_a_short_time_ago() -> None:
    assert clock_unsync(without_state(setters=(), kernel_error_seconds=0.99)) is None
    found = hit(clock_unsync(without_state(setters=(), kernel_error_seconds=1.0)))
    assert found.params == {"what": "no-daemon"}


@pytest.mark.parametrize(
    ("seconds", "severity"),
    [
        (0.1, None),
        (-0.1, None),
        (0.11, Severity.MEDIUM),
        (-1.0, Severity.MEDIUM),
        (1.01, Severity.HIGH),
        (128.0, Severity.HIGH),
        (-128.1, Severity.CRITICAL),
    ],
)
def test_the_offset(seconds: float, severity: Severity | None) -> None:
    verdict = clock_offset(with_state(correction_seconds=seconds))
    if severity is None:
        assert verdict is None
        return
    found = hit(verdict)
    assert found.severity is severity
    assert found.params == {
        "offset": abs(seconds), "direction": "behind" if seconds > 0 else "ahead",
        "how": "slewed", "daemon": "chrony", "minutes": pytest.approx(abs(seconds) / 5),
    }  # fmt: skip


def test_how_an_offset_is_corrected() -> None:
    for seconds, how in ((-0.128, "slewed"), (0.1281, "stepped")):
        for product in ("ntpd", "ntpsec"):
            found = hit(clock_offset(with_state(product=product, correction_seconds=seconds)))
            assert found.params["how"] == how
    ntpd = with_state(product="ntpd", correction_seconds=0.12)
    assert hit(clock_offset(ntpd)).params["minutes"] == 4.0
    assert ntpd.local is not None
    local = replace(ntpd.local, setters=(setter(sets=False),))
    assert hit(clock_offset(ntpd.learn(local=local))).params["how"] == "never"
    for unknown in (None, (setter(sets=None),)):
        local = replace(ntpd.local, setters=unknown)
        assert hit(clock_offset(ntpd.learn(local=local))).params["how"] == "slewed"


def test_an_offset_that_is_not_known() -> None:
    unknown = clock_offset(with_local(state=None, unread=(TRACKING,)))
    assert why(unknown) == "chronyc tracking: timed out: 1.5 s"
    assert "not synchronised" in why(clock_offset(with_state(synchronised=False)))


@pytest.mark.parametrize(
    ("ppm", "severity"),
    [(200.0, "passed"), (-200.1, None), (450.0, None), (-450.1, Severity.MEDIUM)],
)
def test_the_frequency(ppm: float, severity: object) -> None:
    verdict = clock_drift(with_state(frequency_ppm=ppm))
    if severity == "passed":
        assert verdict is None
        return
    found = hit(verdict)
    assert found.severity is severity
    assert found.params == {"daemon": "chrony", "ppm": abs(ppm), "day": abs(ppm) * 0.0864}
    assert clock_drift.severity is Severity.LOW


@pytest.mark.parametrize(
    ("register", "fails"),
    [
        (0b11111111, False),
        (0b11011011, False),
        (0b11010011, True),
        (0b00000111, False),  # added three requests ago
        (0b00010011, False),
        (0b00100011, True),
        (0b10000000, True),
        (0b00000000, True),
    ],
)
def test_the_register_of_a_source(register: int, fails: bool) -> None:
    source = LocalSource(name="192.0.2.9", state=State.COMBINED, stratum=2, reach=register)
    verdict = reach(with_local(sources=(source,)))
    if fails:
        names = (f"192.0.2.9 ({register:08b})",)
        assert hit(verdict).params == {"count": 1, "all": 1, "names": names}
    else:
        assert verdict is None


def test_sources_that_are_not_judged() -> None:
    clock = LocalSource(
        name="GPS", state=State.UNUSABLE, stratum=0, reach=0, is_reference_clock=True
    )
    assert "no source" in why(reach(with_local(sources=(clock,))))
    silent = LocalSource(name="192.0.2.9", state=State.UNUSABLE, stratum=0, reach=0)
    young = (setter(age_seconds=119.0),)
    assert "two minutes" in why(reach(with_local(sources=(silent,), setters=young)))
    old = (setter(age_seconds=120.0),)
    assert hit(reach(with_local(sources=(silent, clock), setters=old))).params["all"] == 1
    unread = (Unread(name="chronyc sources", cause=Cause.NOT_INSTALLED),)
    assert why(reach(with_local(sources=None, unread=unread))) == "chronyc sources: not installed"


def test_two_programs_and_the_one_to_keep() -> None:
    running = (
        setter(Setter.VMWARE, pid=1),
        setter(Setter.TIMESYNCD, pid=2, unit="systemd-timesyncd.service"),
        setter(Setter.NTPD, pid=3),
        setter(Setter.CHRONYD, pid=4, unit="chrony.service"),
        setter(Setter.VIRTUALBOX, pid=5),
        setter(Setter.PHC2SYS, pid=6, sets=False),
    )
    assert hit(dual_daemon(with_local(setters=running))).params == {
        "names": ("vmware-tools (PID 1)", "systemd-timesyncd (PID 2)", "ntpd (PID 3)",
                  "chronyd (PID 4)", "VBoxService (PID 5)"),
        "kept": "chronyd (PID 4)",
        "commands": (
            "vmware-toolbox-cmd timesync disable",
            "systemctl disable --now systemd-timesyncd.service",
            "kill 3",
            "VBoxService --disable-timesync   # instead of VBoxService alone",
        ),
    }  # fmt: skip


def test_one_program_or_none() -> None:
    for running in ((), (setter(),), (setter(), setter(sets=False)), (setter(sets=None),)):
        assert dual_daemon(with_local(setters=running)) is None
    unknown = (setter(), setter(Setter.PTP4L, sets=None))
    assert "set by ptp4l is unknown" in why(dual_daemon(with_local(setters=unknown)))
    hidden = dual_daemon(with_local(setters=None, unread=(PROCESSES,)))
    assert "permission denied" in why(hidden)


def test_a_slow_clock_source() -> None:
    path = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
    found = hit(clock_source(with_local(clock_source="acpi_pm", clock_sources=("hpet", "tsc"))))
    assert found.params["what"] == "better"
    assert found.fixes == {
        "any": (
            f"echo tsc > {path}",
            "# and for the next start, the kernel parameter clocksource=tsc",
        )
    }
    found = hit(clock_source(with_local(clock_source="hpet", clock_sources=("hpet", "acpi_pm"))))
    assert (found.params["what"], found.fixes) == ("only", {})
    for fast in ("tsc", "kvm-clock", "arch_sys_counter"):
        assert clock_source(with_local(clock_source=fast)) is None
    unread = (Unread(name=path, cause=Cause.NOT_FOUND),)
    assert why(clock_source(with_local(clock_source="", unread=unread))) == f"{path}: no such file"


def parts(**changes: Any) -> tuple[object, ...]:
    ptp = replace(GOOD_LOCAL.local.ptp, **changes)  # type: ignore[union-attr, type-var]
    found = hit(ptp_hint(with_local(ptp=ptp)))
    return tuple(found.params[name] for name in ("nic", "switch", "daemon"))


def test_which_part_of_ptp_is_missing() -> None:
    soft = (Stamping(name="eth1", hardware=False),)
    assert parts(interfaces=soft) == ("missing", "master", "running")
    assert parts(interfaces=()) == ("missing", "master", "running")
    assert parts(interfaces=None) == ("unknown", "master", "running")
    assert parts(offset_seconds=None, port_states=("LISTENING",)) == (
        "present",
        "silent",
        "running",
    )
    assert parts(offset_seconds=None, port_states=()) == ("present", "unknown", "running")
    assert parts(phc2sys=False) == ("present", "master", "no-phc2sys")
    assert parts(ptp4l=False) == ("present", "master", "no-ptp4l")
    assert parts(ptp4l=None) == ("present", "master", "unknown")
    assert parts(offset_seconds=-0.0000101) == ("present", "master", "running")


def test_chronyd_may_read_the_hardware_clock() -> None:
    ptp = replace(GOOD_LOCAL.local.ptp, phc2sys=False)  # type: ignore[union-attr, type-var]
    clock = LocalSource(
        name="PHC0", state=State.SELECTED, stratum=0, reach=255, is_reference_clock=True
    )
    assert ptp_hint(with_local(ptp=ptp, sources=(clock,))) is None


def test_the_accuracy_that_needs_ptp() -> None:
    nothing = PtpFacts()
    assert "--accuracy" in why(ptp_hint(with_local(accuracy_seconds=None, ptp=nothing)))
    enough = ptp_hint(with_local(accuracy_seconds=100e-6, ptp=nothing))
    assert "NTP can keep" in why(enough, SkipCause.NOT_APPLICABLE)
    found = hit(ptp_hint(with_local(accuracy_seconds=99e-6, ptp=None)))
    assert found.params == {
        "accuracy": 99e-6, "nic": "unknown", "switch": "unknown", "daemon": "unknown",
        "offset": 0.0, "interface": "eth0", "steps": 0, "ports": (),
    }  # fmt: skip
    exact = replace(GOOD_LOCAL.local.ptp, offset_seconds=-0.00001)  # type: ignore[union-attr, type-var]
    assert ptp_hint(with_local(ptp=exact)) is None
