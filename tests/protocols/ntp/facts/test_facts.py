"""What the facts derive from their fields, on both sides of every boundary."""

from __future__ import annotations

from typing import Any

import pytest

from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.config import ConfiguredSource, DefaultRights, NtpConfigFacts
from seventh.protocols.ntp.facts.nts import clock_difference
from seventh.protocols.ntp.facts.sources import SourceFacts, SourcesFacts


@pytest.mark.parametrize(
    ("leap", "stratum", "without_time"),
    [(None, None, False), (0, 15, False), (2, 1, False), (3, 2, True), (0, 16, True),
     (3, 16, True)],
)  # fmt: skip
def test_an_unsynchronised_server(
    leap: int | None, stratum: int | None, without_time: bool
) -> None:
    assert NtpFacts(leap=leap, stratum=stratum).unsynchronised is without_time


@pytest.mark.parametrize(
    ("version", "product"),
    [("", ""), ("ntpd 4.2.8p15@1.3728-o", "ntpd"), ("ntpd ntpsec-1.2.2", "ntpsec")],
)
def test_the_software_that_mode_6_names(version: str, product: str) -> None:
    assert NtpFacts(control_version=version).product == product


def source(verdict: Any = "truechimer", **fields: Any) -> SourceFacts:
    return SourceFacts(
        **{
            "address": "192.0.2.1", "offset_seconds": 0.5, "error_seconds": 0.25,
            "verdict": verdict, **fields,
        }
    )  # fmt: skip


@pytest.mark.parametrize(
    ("verdict", "usable"),
    [("truechimer", True), ("falseticker", True), ("outvoted", True), ("undecided", True),
     ("alone", True), ("unusable", False), ("repeated", False), ("", False)],
)  # fmt: skip
def test_which_sources_took_part(verdict: str, usable: bool) -> None:
    one = source(verdict)
    assert one.usable is usable
    assert SourcesFacts(sources=(one, source())).usable == (
        (one, source()) if usable else (source(),)
    )


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"port": 123}, "192.0.2.1"), ({"port": 4460}, "192.0.2.1"), ({"port": 0}, "192.0.2.1"),
        ({"port": 1123, "target": "ntp://a:1123"}, "192.0.2.1 port 1123"),
        ({"address": "", "target": "ntp://a:123", "port": 123}, "ntp://a:123"),
    ],
)  # fmt: skip
def test_the_name_of_a_source(fields: dict[str, Any], name: str) -> None:
    assert source(**fields).name == name


def test_falsetickers_and_the_majority() -> None:
    facts = NtpFacts(
        sources=SourcesFacts(
            sources=(source("falseticker"), source(), source("outvoted"), source("falseticker")),
            own_offset_seconds=0.125,
        )
    )
    assert (facts.falsetickers, facts.majority_offset_seconds) == (2, 0.125)
    assert (NtpFacts().falsetickers, NtpFacts().majority_offset_seconds) == (None, None)


def test_the_drawing_of_two_sources() -> None:
    wrong = source("falseticker", address="192.0.2.2", offset_seconds=-4.0)
    half = (source(offset_seconds=None), source(error_seconds=None))
    facts = NtpFacts(sources=SourcesFacts(sources=(source(), wrong, *half, source("unusable"))))
    (drawing,) = facts.drawings()
    assert [(s.label, s.low, s.high, s.value, s.typical) for s in drawing.spans] == [
        ("192.0.2.1", 0.25, 0.75, "+0.500000 s ± 0.250000 s, truechimer", True),
        ("192.0.2.2", -4.25, -3.75, "-4.000000 s ± 0.250000 s, falseticker", False),
    ]
    assert NtpFacts(sources=SourcesFacts(sources=(source(), source()))).drawings()
    for few in ((), (source(),), (source(), source("unusable"))):
        assert NtpFacts(sources=SourcesFacts(sources=few)).drawings() == ()
    assert NtpFacts().drawings() == ()


@pytest.mark.parametrize(
    ("flags", "may"),
    [((), True), (("kod", "nomodify"), True), (("noquery",), False), (("kod", "ignore"), False)],
)
def test_who_may_query(flags: tuple[str, ...], may: bool) -> None:
    assert DefaultRights(family="IPv4", flags=flags).may_query is may


def test_a_source_that_is_never_selected() -> None:
    listed = tuple(
        ConfiguredSource(kind="server", name=name, setting=name, noselect=name == "b")
        for name in "abc"
    )
    assert [one.name for one in NtpConfigFacts(sources=listed).selectable] == ["a", "c"]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.0, "+0.0 s"), (119.9, "+119.9 s"), (-120.0, "-2.0 min"), (7199.0, "+120.0 min"),
        (-7200.0, "-2.0 h"), (172799.0, "+48.0 h"), (172800.0, "+2.0 d"), (-86400.0, "-24.0 h"),
    ],
)  # fmt: skip
def test_the_largest_unit_of_which_there_are_two(seconds: float, shown: str) -> None:
    assert clock_difference(seconds) == shown
