"""Hosts given without a scheme: a headline, and a row per well-known port."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from seventh.model.host import ANSWERED, REPORTED, Host, Port, PortState
from seventh.model.ports import PORTS
from seventh.model.severity import Status
from seventh.render.document import length
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
"""The states as text."""
_SERVICES = {(row.scheme, row.port, row.transport): row.service for row in PORTS}


def host_entries(document: Document, view: View) -> tuple[HostEntry, ...]:
    """Return the entries of the hosts of ``document``."""
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
    judged = port.state in REPORTED
    failure = report.failure if judged else None
    gravest = min(report.findings, key=lambda finding: finding.order, default=None)
    finding = gravest if judged and failure is None else None
    said = wording.words(finding).title if finding is not None else ""
    if judged and not said and report.unmeasured:
        said = f"limits not measured: {', '.join(map(clean, report.unmeasured))}"
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
        duration_seconds=length(report.duration_seconds),
    )


def headline(entry: HostEntry) -> str:
    """Return ``2 of 5 well-known ports open; 3 closed``, or why no port was tried."""
    if is_untried(entry):
        unresolved = entry.ports[0].state is PortState.UNRESOLVED
        return "the host name has no address" if unresolved else "no port could be tried"
    rest = Counter(port.state for port in entry.ports if port.state not in ANSWERED)
    counts = ", ".join(f"{rest[state]} {words}" for state, words in STATES.items() if rest[state])
    opened = f"{entry.open} of {len(entry.ports)} well-known ports open"
    return f"{opened}; {counts}" if counts else opened


def is_untried(entry: HostEntry) -> bool:
    """Return whether no port was tried, all for one reason, which a table would only repeat."""
    states = {port.state for port in entry.ports}
    alike = len({port.failure for port in entry.ports}) == 1
    return states == {PortState.UNRESOLVED} or (states == {PortState.UNKNOWN} and alike)


def shows_all(entry: HostEntry, targets: Iterable[str]) -> bool:
    """Return whether the host's table has all the targets."""
    return set(targets) <= {entry.host, *(port.target for port in entry.ports)}


def worst_of(port: PortEntry) -> str:
    """Return the failure of a port, its most severe finding, or why its status is unknown."""
    if port.failure is not None:
        return f"{port.failure}: {port.said}"
    return f"{port.finding} {port.said}" if port.finding is not None else port.said


def number(port: PortEntry) -> str:
    """Return ``22/tcp``."""
    return f"{port.port}/{port.transport}"
