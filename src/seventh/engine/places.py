"""Comparing the reports that several places made of one target."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from seventh.engine.hosts import port_of
from seventh.model.host import ANSWERED, PortState
from seventh.model.netfacts import NetFacts
from seventh.model.options import Options
from seventh.model.place import Aspect, Comparison, Difference
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.model.tlsfacts import TlsFacts

Values = tuple[str, ...]
Value = Callable[[Report], Values | None]
_SILENT = frozenset({PortState.FILTERED, PortState.NO_ANSWER})


def compare(target: Target, options: Options, reports: Mapping[str, Report]) -> Comparison | None:
    """Return where the reports of one target differ, by place; None where they do not.

    A value that one of two places has not learnt is no difference.
    """
    states = {name: port_of(target, options, report).state for name, report in reports.items()}
    found = [
        difference
        for aspect, value in _VALUES.items()
        if (difference := _difference(aspect, reports, value)) is not None
    ]
    known = {name: state for name, state in states.items() if state is not PortState.UNKNOWN}
    if len(set(known.values())) > 1:
        values = {name: (state.value,) for name, state in known.items()}
        found.insert(0, Difference(aspect=Aspect.PORT, values=values))
    found += _findings(reports)
    if not found:
        return None
    is_open = not ANSWERED.isdisjoint(known.values())
    silent = tuple(name for name, state in known.items() if state in _SILENT)
    return Comparison(
        target=str(target), differences=tuple(found), filtered_near=silent if is_open else ()
    )


def _difference(aspect: Aspect, reports: Mapping[str, Report], value: Value) -> Difference | None:
    values = {name: value(report) for name, report in reports.items()}
    known = {name: each for name, each in values.items() if each is not None}
    return Difference(aspect=aspect, values=known) if len(set(known.values())) > 1 else None


def _findings(reports: Mapping[str, Report]) -> list[Difference]:
    """Return each rule that fired from one place and passed from another, with these places."""
    fired = {name: {finding.id for finding in each.findings} for name, each in reports.items()}
    found: list[Difference] = []
    for rule in sorted(set().union(*fired.values())):
        values = {
            name: (rule,) if rule in fired[name] else ()
            for name, report in reports.items()
            if rule in fired[name] or rule in report.passed
        }
        if len(set(values.values())) > 1:
            found.append(Difference(aspect=Aspect.FINDINGS, values=values))
    return found


def _failure(report: Report) -> Values | None:
    return (report.failure.reason.value,) if report.failure is not None else ("none",)


def _addresses(report: Report) -> Values | None:
    net = report.facts.get(NetFacts.ROOM)
    return tuple(sorted(net.addresses)) or None if isinstance(net, NetFacts) else None


def _certificate(report: Report) -> Values | None:
    tls = report.facts.get(TlsFacts.ROOM)
    return (tls.chain[0].sha256,) if isinstance(tls, TlsFacts) and tls.chain else None


def _versions(report: Report) -> Values | None:
    tls = report.facts.get(TlsFacts.ROOM)
    return tls.versions or None if isinstance(tls, TlsFacts) else None


_VALUES: dict[Aspect, Value] = {
    Aspect.FAILURE: _failure,
    Aspect.ADDRESSES: _addresses,
    Aspect.CERTIFICATE: _certificate,
    Aspect.VERSIONS: _versions,
}
