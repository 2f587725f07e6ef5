"""Hosts as people's formats show them: a line of words, and a row for each well-known port."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from seventh.model.host import ANSWERED, Host, Port, PortState
from seventh.model.ports import PORTS
from seventh.model.severity import Status
from seventh.render.entries import HostEntry, PortEntry, clean
from seventh.render.view import Document, View, status_of, worst
from seventh.render.wording import Wording

STATES = {
    PortState.OPEN: "open",
    PortState.OTHER: "other protocol",
    PortState.CLOSED: "closed",
    PortState.FILTERED: "filtered",
    PortState.NO_ANSWER: "no answer",
    PortState.UNREACHABLE: "unreachable",
    PortState.UNRESOLVED: "unresolved",
    PortState.UNKNOWN: "unknown",
}
"""How people read them."""
_SERVICES = {(row.scheme, row.port, row.transport): row.service for row in PORTS}


def host_entries(document: Document, view: View) -> tuple[HostEntry, ...]:
    """Return every host of ``document``, in the shape that is printed."""
    wording = Wording(view.lang)
    return tuple(_host(host, wording, view) for host in document.hosts)


def _host(host: Host, wording: Wording, view: View) -> HostEntry:
    ports = tuple(_port(port, wording, view) for port in host.ports)
    judged = [port.status for port in ports if port.status is not None]
    status = worst(judged) if judged else Status.CRITICAL
    return HostEntry(host=clean(host.name), status=status, open=host.answered, ports=ports)


def _port(port: Port, wording: Wording, view: View) -> PortEntry:
    report = port.report
    scheme = report.target.partition("://")[0]
    judged = port.state in ANSWERED or port.state is PortState.UNKNOWN
    failure = report.failure if judged else None
    gravest = min(report.findings, key=lambda f: (-f.severity.rank, f.id), default=None)
    finding = gravest if judged and failure is None else None
    said = wording.words(finding).title if finding is not None else ""
    return PortEntry(
        target=clean(report.target),
        port=port.number,
        transport=port.transport,
        protocol=clean(report.protocol),
        service=_SERVICES.get((scheme, port.number, port.transport), clean(scheme).upper()),
        state=port.state,
        software=next((clean(f.product) for f in report.facts.values() if f.product), ""),
        status=status_of(report, view) if judged else None,
        failure=failure.reason if failure is not None else None,
        finding=finding.id if finding is not None else None,
        said=clean(failure.detail) if failure is not None else said,
        duration_seconds=max(0.0, round(report.duration_seconds, 9)),
    )


def headline(entry: HostEntry) -> str:
    """Return ``2 of 5 well-known ports open; 3 closed``; that no address was found goes before."""
    if is_untried(entry):
        unresolved = entry.ports[0].state is PortState.UNRESOLVED
        return "no address was found for the name" if unresolved else "no port could be tried"
    rest = Counter(port.state for port in entry.ports if port.state not in ANSWERED)
    counts = ", ".join(f"{rest[state]} {words}" for state, words in STATES.items() if rest[state])
    opened = f"{entry.open} of {len(entry.ports)} well-known ports open"
    return f"{opened}; {counts}" if counts else opened


def is_untried(entry: HostEntry) -> bool:
    """Whether no port was reached for one common reason, so that a table would only repeat it."""
    states = {port.state for port in entry.ports}
    alike = len({port.failure for port in entry.ports}) == 1
    return states == {PortState.UNRESOLVED} or (states == {PortState.UNKNOWN} and alike)


def shows_all(entry: HostEntry, targets: Iterable[str]) -> bool:
    """Return whether the host's table sums up everything that was looked at."""
    return set(targets) <= {entry.host, *(port.target for port in entry.ports)}


def worst_of(port: PortEntry) -> str:
    """The failure or the gravest finding of a port, in a few words; empty where there is none."""
    if port.failure is not None:
        return f"{port.failure}: {port.said}"
    return f"{port.finding} {port.said}" if port.finding is not None else ""


def number(port: PortEntry) -> str:
    """Return ``22/tcp``."""
    return f"{port.port}/{port.transport}"
