"""The examples of the rules about the machine itself."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.local import (
    ClockSetter,
    ClockState,
    LocalSource,
    NtpLocalFacts,
    PtpFacts,
    Selection,
    Setter,
    SourceState,
    Stamping,
)

CLOCK = tuple(
    LocalSource(
        name=f"192.0.2.{number}", stratum=2, reach=0o377, poll_seconds=64.0,
        state=SourceState.SELECTED if number == 1 else SourceState.COMBINED,
    )
    for number in (1, 2, 3, 4)
)  # fmt: skip
UNUSABLE = tuple(
    LocalSource(
        name=f"192.0.2.{number}", stratum=0, reach=0, state=SourceState.UNUSABLE,
        selection=Selection.FEW_MEASUREMENTS,
    )
    for number in (1, 2)
)  # fmt: skip
_LOCAL = NtpLocalFacts(
    state=ClockState(
        product="chrony", synchronised=True, stratum=3, reference="192.0.2.1",
        correction_seconds=0.000012, jitter_seconds=0.00003, frequency_ppm=-12.3, skew_ppm=0.02,
        root_delay_seconds=0.01, root_dispersion_seconds=0.001,
    ),
    sources=CLOCK,
    setters=(
        ClockSetter(
            kind=Setter.CHRONYD, pid=612, sets=True, unit="chrony.service", age_seconds=86400.0
        ),
    ),
    system_synchronised=True,
    clock_source="tsc",
    clock_sources=("tsc", "hpet", "acpi_pm"),
    virtual_machine="",
    ptp=PtpFacts(
        clocks=("ptp0 (ice)",),
        interfaces=(Stamping(name="eth0", hardware=True, clock_index=0),),
        ptp4l=True, phc2sys=True, port_states=("SLAVE",), steps_removed=1,
        offset_seconds=0.0000002,
    ),
    accuracy_seconds=0.00001,
)  # fmt: skip
GOOD_LOCAL = NtpFacts(local=_LOCAL)
"""A machine with nothing wrong."""


def with_local(**changes: Any) -> NtpFacts:
    """Return that machine with other facts."""
    return NtpFacts(local=replace(_LOCAL, **changes))


def with_state(*, sources: tuple[LocalSource, ...] = CLOCK, **changes: Any) -> NtpFacts:
    """Return that machine with another state of its clock."""
    assert _LOCAL.state is not None  # noqa: S101 - it is above
    return with_local(state=replace(_LOCAL.state, **changes), sources=sources)
