"""A host without a scheme: what its ports' reports make of it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from seventh.cli.targets import gather
from seventh.engine.hosts import sift
from seventh.model.failure import Failed, Reason
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


@pytest.mark.parametrize(
    ("reason", "outcome", "state"),
    [
        (None, "open", PortState.OPEN),
        (Reason.CONNECT_REFUSED, "refused", PortState.CLOSED),
        (Reason.CONNECT_REFUSED, "open", PortState.OPEN),
        (Reason.CONNECT_TIMEOUT, "timeout", PortState.FILTERED),
        (Reason.PEER_SILENT, None, PortState.FILTERED),
        (Reason.PEER_SILENT, "open", PortState.OPEN),
        (Reason.CONNECT_UNREACHABLE, "unreachable", PortState.UNREACHABLE),
        (Reason.RESOLVE_NXDOMAIN, None, PortState.UNRESOLVED),
        (Reason.PROTOCOL_MISMATCH, "open", PortState.OTHER),
        (Reason.TLS_NOT_TLS, "open", PortState.OTHER),
        (Reason.TLS_CERTIFICATE_EXPIRED, "open", PortState.OPEN),
        (Reason.CONNECT_FORBIDDEN, "forbidden", PortState.UNKNOWN),
        (Reason.INTERNAL, "open", PortState.UNKNOWN),
        (Reason.OPTIONS_UNUSABLE, None, PortState.UNKNOWN),
    ],
)
def test_a_port_is_what_its_look_met(
    reason: Reason | None, outcome: AttemptOutcome | None, state: PortState
) -> None:
    (first, *_) = jobs("host.example")
    assert states([first], looked(first[0], reason, outcome)) == [state]


def test_silence_over_udp_is_no_answer() -> None:
    (ntp,) = [job for job in jobs("host.example") if job[0].scheme == "ntp"]
    made = looked(ntp[0], Reason.NO_REPLY, "timeout")
    assert states([ntp], made) == [PortState.NO_ANSWER]


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
    assert kept[0].failure is not None
    assert kept[0].failure.reason is Reason.CONNECT_REFUSED
    assert "4 closed, 1 without an answer" in kept[0].failure.detail
    assert host.answered == 0


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
