"""Hosts given without a scheme: the states of their ports, and the reports that are shown.

A closed port of such a host is no failure, but a host without an open port is one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from seventh import protocols
from seventh.engine.metrics import metrics_of
from seventh.model.failure import OURS, Reason
from seventh.model.host import REPORTED, Host, Port, PortState
from seventh.model.netfacts import NetFacts
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.target import Target

_NO_CONNECTION = {
    **dict.fromkeys(OURS, PortState.UNKNOWN),
    Reason.CONNECT_REFUSED: PortState.CLOSED,
    Reason.CONNECT_TIMEOUT: PortState.FILTERED,
    Reason.CONNECT_RESET: PortState.UNREACHABLE,
    Reason.CONNECT_UNREACHABLE: PortState.UNREACHABLE,
    Reason.NO_REPLY: PortState.NO_ANSWER,
    Reason.RESOLVE_NXDOMAIN: PortState.UNRESOLVED,
    Reason.RESOLVE_NO_ADDRESS: PortState.UNRESOLVED,
    Reason.RESOLVE_TIMEOUT: PortState.UNRESOLVED,
    Reason.RESOLVE_FAILED: PortState.UNRESOLVED,
    Reason.ADDRESS_POLICY: PortState.UNKNOWN,
}
_OTHER = frozenset({Reason.PROTOCOL_MISMATCH, Reason.TLS_NOT_TLS})
_WORDS = {
    PortState.CLOSED: "closed",
    PortState.FILTERED: "filtered",
    PortState.NO_ANSWER: "without an answer",
    PortState.UNREACHABLE: "unreachable",
    PortState.UNRESOLVED: "unresolved",
}


def port_of(target: Target, options: Options, report: Report) -> Port:
    """Return the port with the state that its report shows."""
    transport = protocols.schemes()[target.scheme].transport
    state = _state(transport, report, carried=options.carried)
    return Port(number=target.port, transport=transport, state=state, report=report)


def _state(transport: str, report: Report, *, carried: bool) -> PortState:
    failure = report.failure
    if failure is None:
        return PortState.OPEN
    net = report.facts.get(NetFacts.ROOM)
    attempts = net.attempts if isinstance(net, NetFacts) else ()
    if carried and not any(attempt.transport in {"via", "proxy"} for attempt in attempts):
        return PortState.UNKNOWN  # a jump host or the proxy failed before the port was tried
    if failure.reason in _OTHER:
        return PortState.OTHER
    if failure.reason in _NO_CONNECTION:
        opened = any(a.outcome == "open" for a in attempts)
        state = _NO_CONNECTION[failure.reason]
        return PortState.OPEN if opened and state is not PortState.UNKNOWN else state
    if failure.reason is Reason.PEER_SILENT and not any(a.outcome == "open" for a in attempts):
        return PortState.NO_ANSWER if transport == "udp" else PortState.FILTERED
    return PortState.OPEN


def sift(
    jobs: Sequence[tuple[Target, Options]], reports: Mapping[int, Report]
) -> tuple[tuple[Host, ...], list[Report]]:
    """Return the hosts among the jobs, and the reports to show, in the order of the jobs.

    ``reports`` are by their job's index; after an interruption some are missing.
    """
    hosts: list[Host] = []
    kept: list[Report] = []
    for indices in _grouped([target for target, _ in jobs]):
        checked = [(*jobs[index], reports[index]) for index in indices if index in reports]
        if not checked:
            continue
        if not checked[0][0].of_bare_host:
            kept += [report for _, _, report in checked]
            continue
        ports = sorted((port_of(*each) for each in checked), key=lambda p: (p.number, p.transport))
        host = Host(name=checked[0][0].host, ports=tuple(ports))
        hosts.append(host)
        shown = [port.report for port in host.ports if port.state in REPORTED]
        kept += [_of_host(host)] if not shown or _failed_alike(host) else shown
    return tuple(hosts), kept


def _grouped(targets: Sequence[Target]) -> Iterable[list[int]]:
    """Yield the indices of the targets, those of one bare host together."""
    group: list[int] = []
    for index, target in enumerate(targets):
        before = targets[group[0]] if group else None
        same = (
            before is not None
            and target.of_bare_host
            and before.of_bare_host
            and target.host == before.host
            and target.scheme not in {targets[i].scheme for i in group}
        )
        if group and not same:
            yield group
            group = []
        group.append(index)
    if group:
        yield group


def _failed_alike(host: Host) -> bool:
    """Return whether all ports have the same failure of this machine or its network."""
    failures = [port.report.failure for port in host.ports]
    unknown = all(port.state is PortState.UNKNOWN for port in host.ports)
    return unknown and len({failure.reason for failure in failures if failure is not None}) == 1


def _of_host(host: Host) -> Report:
    """Return the report of a host without an open port, with the failure of most of its ports."""
    failed = [(port.report, why) for port in host.ports if (why := port.report.failure) is not None]
    (reason, _), *_ = Counter(why.reason for _, why in failed).most_common(1)
    first, failure = next(each for each in failed if each[1].reason is reason)
    if not {port.state for port in host.ports} <= {PortState.UNRESOLVED, PortState.UNKNOWN}:
        failure = msgspec.structs.replace(failure, detail=_none_open(host))
    return msgspec.structs.replace(
        first,
        target=host.name,
        protocol=NetFacts.ROOM,
        duration_seconds=max(port.report.duration_seconds for port in host.ports),
        failure=failure, metrics=metrics_of({}, (), failure),
        phases=(), facts={}, findings=(), skipped=(), passed=(), transcript=(),
    )  # fmt: skip


def _none_open(host: Host) -> str:
    counts = Counter(port.state for port in host.ports)
    met = ", ".join(f"{counts[state]} {words}" for state, words in _WORDS.items() if counts[state])
    return (
        f"none of the {len(host.ports)} well-known ports is open: {met}; if the service uses "
        "another port, write its URL, such as ssh://HOST:PORT"
    )
