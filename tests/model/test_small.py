"""Small structs whose text or property is a contract."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from seventh.model.checklist import CheckLine
from seventh.model.failure import Blame, Failure, Reason
from seventh.model.host import ANSWERED, REPORTED, Host, Port, PortState
from seventh.model.proxyfacts import ProxiedUpgrade
from seventh.model.report import SkipCause
from seventh.model.source import Line
from seventh.model.watched import NO_BOUNDS, Bounds, number
from tests.render.samples import report


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"), (-0.0, "0"), (1.0, "1"), (-1.5, "-1.5"), (1e-9, "0.000000001"), (4e-10, "0"),
        (-4e-10, "0"), (1e15, "1000000000000000"), (100.0, "100"), (0.1 + 0.2, "0.3"),
    ],
)  # fmt: skip
def test_a_number_has_no_exponent(value: float, text: str) -> None:
    assert number(value) == text


def test_bounds_are_ranges_or_none() -> None:
    assert Bounds("1:", "2:") == Bounds(warning="1:", critical="2:")
    assert Bounds(warning="", critical="") == NO_BOUNDS


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({}, ()),
        ({"version": "1.0"}, ("HTTP/1.1 or newer",)),
        ({"version": "2"}, ()),
        ({"upgrade": False}, ("Upgrade",)),
        ({"connection": False}, ("Connection",)),
        ({"version": "1.0", "upgrade": False, "connection": False},
         ("HTTP/1.1 or newer", "Upgrade", "Connection")),
    ],
)  # fmt: skip
def test_a_proxy_must_forward_the_upgrade(
    changes: dict[str, object], missing: tuple[str, ...]
) -> None:
    proxied = ProxiedUpgrade(product="p", place="/", version="1.1", upgrade=True, connection=True)
    assert replace(proxied, **changes).missing == missing


def test_a_line_has_its_file_and_number() -> None:
    assert str(Line(file="f", line=3, text="t")) == "f:3: t"
    assert str(Line(file="f", line=None, text="t")) == "f: t"


def test_states_and_causes_are_what_programs_match_on() -> None:
    assert [str(state) for state in PortState] == [
        "open", "other-protocol", "closed", "filtered", "no-answer", "unreachable", "unresolved",
        "unknown",
    ]  # fmt: skip
    assert {str(state) for state in ANSWERED} == {"open", "other-protocol"}
    assert {str(state) for state in REPORTED} == {"open", "other-protocol", "unknown"}
    assert [str(cause) for cause in SkipCause] == [
        "no-evidence", "not-permitted", "not-applicable",
    ]  # fmt: skip


def test_a_host_counts_what_answered() -> None:
    ports = tuple(
        Port(number=number, transport="tcp", state=state, report=report())
        for number, state in enumerate(PortState)
    )
    assert Host(name="h", ports=ports).answered == 2


@pytest.mark.parametrize(
    ("look", "elsewhere"),
    [("", False), ("--user NAME", False), ("-v", False), ("seventh lint FILE", True)],
)
def test_a_command_is_elsewhere_and_an_option_is_not(look: str, elsewhere: bool) -> None:
    assert CheckLine("x", look=look).is_elsewhere is elsewhere


@pytest.mark.parametrize(
    ("reason", "phase", "fails"),
    [
        (Reason.PEER_CLOSED, "tls", True), (Reason.PEER_CLOSED, "tls.certificate", True),
        (Reason.PEER_CLOSED, "tlsx", False), (Reason.PEER_CLOSED, "connect", False),
        (Reason.AUTH_REJECTED, "connect", True), (Reason.LOCAL_RESOURCE, "tls", False),
        (Reason.INTERRUPTED, "tls", True),
    ],
)  # fmt: skip
def test_a_line_is_failed_by_its_phases_and_its_reasons(
    reason: Reason, phase: str, fails: bool
) -> None:
    line = CheckLine("x", phases=("tls",), failures=(Reason.AUTH_REJECTED, Reason.INTERRUPTED))
    failure = Failure(reason=reason, phase=phase, blame=Blame.PEER, detail="")
    assert line.is_failed_by(failure) is fails
