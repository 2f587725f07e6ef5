"""chronyc's columns, of several versions."""

from __future__ import annotations

import pytest

from seventh.localkit.seen import Seen
from seventh.model.localfacts import Cause, Unread
from seventh.protocols.ntp.facts.local import (
    ClockState,
    LocalSource,
    Selection,
    SourceState,
)
from seventh.protocols.ntp.local import chronyc

TRACKING = (
    "CB00710F,203.0.113.15,3,1480093942.123456789,-0.000001501,0.000001632,0.000002360,-331.898,"
    "0.004,0.039,0.000373169,0.000024780,64.2,Normal\n"
)
SOURCES = """\
#,*,GPS,0,4,377,11,-0.000000479,-0.000000621,0.000000134
^,?,192.0.2.1,2,6,17,23,-0.000000923,-0.000000924,0.043
^,x,192.0.2.2,1,6,21,21,-2.629,-2.619,0.086
^,-,192.0.2.3,1,10,200,21,0.1,0.1,0.1
^,~,192.0.2.4,1,-2,1,1,0.1,0.1,0.1
=,+,192.0.2.5,1,6,0,4294967295,0.000000000,0.000000000,0.000000000
"""
# 4.1 has these columns; 3.5 has no such command.
SELECTDATA = """\
*,GPS,N,-,-,-,-,-,-,-,-,-,-,0,1.0,-0.1,0.1,Normal
M,192.0.2.1,N,-,-,-,-,-,-,-,-,-,-,0,1.0,0.0,0.0,Not synchronised
"""
NTPDATA = (
    "192.0.2.1,C0000201,123,198.51.100.7,C6336407,Normal,4,Server,2,6,64,-23,0.000000119,0.0,0.0,"
    "CB00710F,,1480093942.1,0.0,0.0,0.0,0.0,0.00,111,111,1111,No,No,Kernel,Hardware,1,1,1,1\n"
)


def seen(**outputs: str | Unread) -> Seen:
    return Seen(outputs={f"chronyc {name}": text for name, text in outputs.items()})


def test_tracking() -> None:
    unread: list[Unread] = []
    state = chronyc.state(seen(tracking=TRACKING), unread)
    assert state == ClockState(
        product="chrony", synchronised=True, stratum=3, reference="203.0.113.15",
        correction_seconds=-0.000001501, jitter_seconds=0.00000236, frequency_ppm=-331.898,
        skew_ppm=0.039, root_delay_seconds=0.000373169, root_dispersion_seconds=0.00002478,
    )  # fmt: skip
    assert state.error_seconds == pytest.approx(0.000373169 / 2 + 0.00002478 + 0.000001501)
    assert unread == []


@pytest.mark.parametrize(
    ("leap", "synchronised"),
    [("Normal", True), ("Insert second", True), ("Delete second", True),
     ("Not synchronised", False)],
)  # fmt: skip
def test_the_leap_status_decides(leap: str, synchronised: bool) -> None:
    state = chronyc.state(seen(tracking=TRACKING.replace("Normal", leap)), [])
    assert state is not None
    assert state.synchronised is synchronised


@pytest.mark.parametrize(
    ("reference", "shown"), [("47505300", "GPS"), ("7F7F0101", "7F7F0101"), ("x", "x")]
)
def test_a_reference_clock_has_a_name(reference: str, shown: str) -> None:
    line = TRACKING.replace("CB00710F,203.0.113.15", f"{reference},")
    state = chronyc.state(seen(tracking=line), [])
    assert state is not None
    assert state.reference == shown


@pytest.mark.parametrize(
    ("before", "after"),
    [("Normal", "x"), (",Normal", ""), ("-331.898", "nan"), ("-331.898", "-inf"), (",3,", ",a,"),
     (TRACKING, ""), (TRACKING, TRACKING * 2)],
)  # fmt: skip
def test_columns_that_are_something_else(before: str, after: str) -> None:
    unread: list[Unread] = []
    assert chronyc.state(seen(tracking=TRACKING.replace(before, after)), unread) is None
    assert unread == [Unread(name="chronyc tracking", cause=Cause.UNEXPECTED)]


def test_without_an_output() -> None:
    unread: list[Unread] = []
    nothing = seen(
        tracking=Unread(name="chronyc tracking", cause=Cause.TIMED_OUT),
        sources=Unread(name="chronyc sources", cause=Cause.NOT_PERMITTED),
    )
    assert chronyc.state(nothing, unread) is None
    assert chronyc.sources(nothing, unread) is None
    assert chronyc.served(nothing, unread) == (None, None)
    assert unread == []  # the runner has said it


def test_sources() -> None:
    unread: list[Unread] = []
    found = chronyc.sources(seen(sources=SOURCES, selectdata=SELECTDATA, ntpdata=NTPDATA), unread)
    assert found is not None
    assert found[:2] == (
        LocalSource(
            name="GPS", is_reference_clock=True, state=SourceState.SELECTED, stratum=0,
            poll_seconds=16.0, reach=0o377, offset_seconds=-4.79e-07, error_seconds=1.34e-07,
        ),
        LocalSource(
            name="192.0.2.1", state=SourceState.UNUSABLE, stratum=2, poll_seconds=64.0, reach=0o17,
            offset_seconds=-9.23e-07, error_seconds=0.043, selection=Selection.FEW_MEASUREMENTS,
            receive_timestamps="Hardware",
        ),
    )  # fmt: skip
    assert [each.state for each in found[2:]] == [
        SourceState.FALSETICKER, SourceState.NOT_COMBINED, SourceState.VARIABLE,
        SourceState.COMBINED,
    ]  # fmt: skip
    assert found[4].poll_seconds == 0.25
    assert (found[5].reach, found[5].offset_seconds, found[5].error_seconds) == (0, None, None)
    assert unread == []


def test_sources_of_a_version_without_selectdata() -> None:
    found = chronyc.sources(seen(sources=SOURCES), [])
    assert found is not None
    assert [each.selection for each in found] == [None] * 6
    assert chronyc.sources(seen(sources=""), []) == ()


@pytest.mark.parametrize(("before", "after"), [("^,x", "^,q"), (",21,21", ",29,21")])
def test_a_source_that_is_not_understood(before: str, after: str) -> None:
    unread: list[Unread] = []
    assert chronyc.sources(seen(sources=SOURCES.replace(before, after)), unread) is None
    assert unread == [Unread(name="chronyc sources", cause=Cause.UNEXPECTED)]


@pytest.mark.parametrize(
    "line",
    [
        "1596,4,8,0,0\n",  # 3.5
        "1596,4,8,0,0,0,0,0\n",  # 4.0
        "1596,4,8,0,0,0,0,0,0,0,0\n",  # 4.3
        "1596,4,8,0,0,0,0,0,0,0,0,0,0,0,0,0,0\n",  # 4.4
    ],
)
def test_serverstats_of_any_version(line: str) -> None:
    assert chronyc.served(seen(serverstats=line), []) == (1596, 4)


def test_serverstats_that_are_none() -> None:
    unread: list[Unread] = []
    assert chronyc.served(seen(serverstats="a,b\n"), unread) == (None, None)
    assert unread == [Unread(name="chronyc serverstats", cause=Cause.UNEXPECTED)]
