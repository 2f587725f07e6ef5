"""A host without a scheme: what its ports' reports make of it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from seventh.cli.targets import gather
from seventh.engine.hosts import sift
from seventh.engine.metrics import metrics_of
from seventh.model.failure import Blame, Failed, Failure, Reason
from seventh.model.host import PortState
from seventh.model.netfacts import Attempt, AttemptOutcome, NetFacts
from seventh.model.options import Options
from seventh.model.proxy import proxy_url
from seventh.model.report import Report
from seventh.model.target import Target, parse_target
from seventh.protocols import schemes
from tests.render.samples import report

pytestmark = pytest.mark.field


def jobs(*texts: str) -> list[tuple[Target, Options]]:
    return [(t, Options()) for text in texts for t in parse_target(text, schemes())]


def looked(
    target: Target, reason: Reason | None = None, outcome: AttemptOutcome | None = None
) -> Report:
    net = NetFacts()
    if outcome is not None:
        transport = schemes()[target.scheme].transport
        attempt = Attempt(
            address="192.0.2.1", port=target.port, family="ipv4", outcome=outcome, seconds=0.1,
            transport="udp" if transport == "udp" else "tcp", clock="user",
        )  # fmt: skip
        net = NetFacts(attempts=(attempt,))
    failure = Failed(reason, "why", phase="connect").failure() if reason is not None else None
    return report(target=str(target), failure=failure, facts={"net": net})


def states(host_jobs: Sequence[tuple[Target, Options]], *reports: Report) -> list[PortState]:
    (host,), _ = sift(host_jobs, dict(enumerate(reports)))
    return [port.state for port in host.ports]


PORTS = len(jobs("host.example"))
"""How many ports a bare host has."""
OPEN, UNKNOWN = PortState.OPEN, PortState.UNKNOWN


@pytest.mark.parametrize(
    ("reason", "closed", "opened"),
    [
        (None, OPEN, OPEN),
        (Reason.CONNECT_REFUSED, PortState.CLOSED, OPEN),
        (Reason.CONNECT_TIMEOUT, PortState.FILTERED, OPEN),
        (Reason.CONNECT_RESET, PortState.UNREACHABLE, OPEN),
        (Reason.CONNECT_UNREACHABLE, PortState.UNREACHABLE, OPEN),
        (Reason.NO_REPLY, PortState.NO_ANSWER, OPEN),
        (Reason.PEER_SILENT, PortState.FILTERED, OPEN),
        (Reason.RESOLVE_NXDOMAIN, PortState.UNRESOLVED, OPEN),
        (Reason.RESOLVE_NO_ADDRESS, PortState.UNRESOLVED, OPEN),
        (Reason.RESOLVE_TIMEOUT, PortState.UNRESOLVED, OPEN),
        (Reason.RESOLVE_FAILED, PortState.UNRESOLVED, OPEN),
        (Reason.CONNECT_FORBIDDEN, UNKNOWN, UNKNOWN),
        (Reason.ADDRESS_POLICY, UNKNOWN, UNKNOWN),
        (Reason.LOCAL_RESOURCE, UNKNOWN, UNKNOWN),
        (Reason.OPTIONS_UNUSABLE, UNKNOWN, UNKNOWN),
        (Reason.INTERRUPTED, UNKNOWN, UNKNOWN),
        (Reason.INTERNAL, UNKNOWN, UNKNOWN),
        (Reason.PROTOCOL_MISMATCH, PortState.OTHER, PortState.OTHER),
        (Reason.TLS_NOT_TLS, PortState.OTHER, PortState.OTHER),
        (Reason.TLS_CERTIFICATE_EXPIRED, OPEN, OPEN),
    ],
)
def test_a_port_is_what_its_check_met(
    reason: Reason | None, closed: PortState, opened: PortState
) -> None:
    """Without an attempt that succeeded, and with one."""
    (first, *_) = jobs("host.example")
    assert states([first], looked(first[0], reason)) == [closed]
    assert states([first], looked(first[0], reason, "refused")) == [closed]
    assert states([first], looked(first[0], reason, "open")) == [opened]


def test_silence_over_udp_is_no_answer() -> None:
    (ntp,) = [job for job in jobs("host.example") if job[0].scheme == "ntp"]
    for reason in (Reason.NO_REPLY, Reason.PEER_SILENT):
        assert states([ntp], looked(ntp[0], reason, "timeout")) == [PortState.NO_ANSWER]
    assert states([ntp], looked(ntp[0], Reason.PEER_SILENT, "open")) == [OPEN]


def test_every_reason_has_a_state() -> None:
    """A reason that is new is not taken for an open port by chance: it needs a connection."""
    (first, *_) = jobs("host.example")
    for reason in Reason:
        state = states([first], looked(first[0], reason, "untried"))[0]
        assert state is not PortState.OPEN or not reason.startswith(("connect", "resolve"))


def test_a_closed_port_is_no_failure_and_has_no_report() -> None:
    given = jobs("host.example")
    reports = {
        index: looked(target, None if target.scheme == "ssh" else Reason.CONNECT_REFUSED)
        for index, (target, _) in enumerate(given)
    }
    (host,), kept = sift(given, reports)
    assert host.answered == 1
    assert [made.target for made in kept] == ["ssh://host.example:22"]
    assert [port.number for port in host.ports] == sorted(port.number for port in host.ports)


def test_a_host_of_which_no_port_is_open_has_failed_once() -> None:
    given = jobs("host.example", "ssh://other.example")
    reports = {
        index: looked(target, Reason.CONNECT_REFUSED if target.scheme != "ntp" else Reason.NO_REPLY)
        for index, (target, _) in enumerate(given)
    }
    (host,), kept = sift(given, reports)
    assert [made.target for made in kept] == ["host.example", "ssh://other.example:22"]
    failure = Failure(
        reason=Reason.CONNECT_REFUSED, phase="connect", blame=Blame.PEER,
        detail=f"none of the {PORTS} well-known ports is open: {PORTS - 1} closed, 1 without an "
        "answer; if the service uses another port, write its URL, such as ssh://HOST:PORT",
    )  # fmt: skip
    assert kept[0] == replace(
        reports[0], target="host.example", protocol="net", failure=failure, phases=(), facts={},
        passed=(), metrics=metrics_of({}, (), failure),
    )  # fmt: skip
    assert host.answered == 0


def test_a_host_took_as_long_as_its_slowest_port() -> None:
    given = jobs("host.example")
    times = [3.0 if index == 1 else 0.25 * (index % 3) for index in range(PORTS)]
    reports = {
        index: replace(looked(target, Reason.CONNECT_TIMEOUT), duration_seconds=times[index])
        for index, (target, _) in enumerate(given)
    }
    _, (kept,) = sift(given, reports)
    assert kept.duration_seconds == 3.0


REFUSED, TIMEOUT, RESET = Reason.CONNECT_REFUSED, Reason.CONNECT_TIMEOUT, Reason.CONNECT_RESET
NXDOMAIN, FORBIDDEN = Reason.RESOLVE_NXDOMAIN, Reason.CONNECT_FORBIDDEN


@pytest.mark.parametrize(
    ("reasons", "met"),
    [
        ((REFUSED, TIMEOUT, TIMEOUT, RESET, Reason.NO_REPLY),
         "1 closed, 2 filtered, 1 without an answer, 1 unreachable"),
        ((NXDOMAIN, REFUSED, REFUSED, REFUSED, REFUSED), "4 closed, 1 unresolved"),
        ((NXDOMAIN,) * 5, None),
        ((FORBIDDEN,) * 5, None),
    ],
)  # fmt: skip
def test_a_host_without_an_open_port_says_what_its_ports_are(
    reasons: tuple[Reason, ...], met: str | None
) -> None:
    """Where no port was tried, the failure says why by itself."""
    given = jobs("host.example")
    reports = {index: looked(given[index][0], reason) for index, reason in enumerate(reasons)}
    _, (kept,) = sift(given, reports)
    assert kept.failure is not None
    assert kept.failure.detail == (
        "why" if met is None else f"none of the 5 well-known ports is open: {met}; if the service "
        "uses another port, write its URL, such as ssh://HOST:PORT"
    )  # fmt: skip


def test_a_port_that_could_not_be_tried_is_shown() -> None:
    given = jobs("host.example")
    reports = {
        i: looked(target, TIMEOUT if i else FORBIDDEN) for i, (target, _) in enumerate(given)
    }
    assert [made.target for made in sift(given, reports)[1]] == [str(given[0][0])]


def test_a_failure_that_all_ports_share_is_shown_once_and_two_are_shown_apart() -> None:
    given = jobs("host.example")
    alike = {
        index: looked(target, Reason.LOCAL_RESOURCE) for index, (target, _) in enumerate(given)
    }
    assert [made.target for made in sift(given, alike)[1]] == ["host.example"]
    apart = {**alike, 0: looked(given[0][0], Reason.INTERNAL)}
    assert len(sift(given, apart)[1]) == len(given)
    one_open = {**alike, 0: looked(given[0][0])}
    assert len(sift(given, one_open)[1]) == len(given)


def test_only_the_ports_of_one_bare_host_belong_together() -> None:
    bare, other = jobs("host.example"), jobs("ssh://host.example", "ssh://host.example")
    mixed = [bare[0], other[0], bare[1], bare[2]]
    reports = {index: looked(target) for index, (target, _) in enumerate(mixed)}
    hosts, kept = sift(mixed, reports)
    assert [len(host.ports) for host in hosts] == [1, 2]
    assert {made.target for made in kept} == {str(target) for target, _ in mixed}
    hosts, kept = sift(other, {0: looked(other[0][0]), 1: looked(other[1][0])})
    assert (hosts, len(kept)) == ((), 2)


def test_two_hosts_and_one_host_twice_are_apart() -> None:
    given = jobs("a.example", "a.example", "b.example")
    reports = {index: looked(target) for index, (target, _) in enumerate(given)}
    hosts, kept = sift(given, reports)
    assert [host.name for host in hosts] == ["a.example", "a.example", "b.example"]
    assert len({len(host.ports) for host in hosts}) == 1
    assert len(kept) == len(given)


def test_after_an_interruption_only_what_was_looked_at_is_there() -> None:
    given = jobs("a.example", "b.example")
    hosts, kept = sift(given, {0: looked(given[0][0], Reason.INTERRUPTED)})
    assert [len(host.ports) for host in hosts] == [1]
    assert len(kept) == 1
    assert sift(given, {}) == ((), [])


CARRIED = [
    Options(via=parse_target("ssh://ops@jump.example", schemes())),
    Options(proxy=proxy_url("http://p.example:3128")),
]


@pytest.mark.parametrize("through", CARRIED, ids=["via", "proxy"])
def test_where_a_jump_host_failed_nothing_is_said_of_the_ports(through: Options) -> None:
    """A refusal by the jump host is none by the target's port."""
    given = [(target, through) for target, _ in jobs("host.example") if target.scheme != "ntp"]
    failed = looked(given[0][0], Reason.CONNECT_REFUSED, "refused")
    (host,), kept = sift(given, dict.fromkeys(range(len(given)), failed))
    assert {port.state for port in host.ports} == {PortState.UNKNOWN}
    assert [made.target for made in kept] == ["host.example"]
    assert kept[0].failure == failed.failure


@pytest.mark.parametrize("through", CARRIED, ids=["via", "proxy"])
def test_through_jump_hosts_and_proxies_only_tcp_is_asked(through: Options) -> None:
    typed = gather(["host.example", "ntp://host.example"], [], through, {})
    assert [
        target.scheme for target, _ in typed if target.of_bare_host and target.port == 123
    ] == []
    assert typed[-1][0].scheme == "ntp"
