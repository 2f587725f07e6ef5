"""The output of a monitoring plugin, by the Monitoring Plugins guidelines.

``SEVENTH STATUS - text | 'label'=value[UOM];warn;crit;min;max …``, then long output. The rooms
declare the values and their thresholds (``watched``).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import msgspec

from seventh import protocols
from seventh.model.facts import Facts
from seventh.model.limit import Limit
from seventh.model.netfacts import NetFacts
from seventh.model.place import Place
from seventh.model.sample import Sample
from seventh.model.severity import Status
from seventh.model.watched import NO_BOUNDS, Bounds, Watched, number
from seventh.render import place_lines
from seventh.render.entries import HostEntry
from seventh.render.fixes import fixes_of
from seventh.render.hosts import STATES, headline, host_entries, is_untried, shows_all
from seventh.render.hosts import number as number_of
from seventh.render.presentation import (
    Presentation,
    blamed,
    count,
    failed,
    present,
    tally_statuses,
    whole,
)
from seventh.render.summary import duration
from seventh.render.view import Document, View, status_of_run, worst

_FIRST_STEPS = ("resolve", "connect", "tls")
_MOST = 8
_PHASES = "seventh_phase_seconds"
_ENDING = re.compile(r"[|\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+")
"""A pipe, which begins the performance data, and line breaks."""


def render(document: Document, view: View) -> str:
    """Return ``document`` as a plugin's output."""
    reports = present(document, view)
    hosts = host_entries(document, view)
    status = status_of_run(document, view)
    several = len(reports) > 1
    perfdata = " ".join(
        value for report in reports for value in _perfdata(report, several, everything=view.verbose)
    )
    first = f"SEVENTH {status.value.upper()} - {_headline(document, reports, hosts)}"
    lines = [_plain(first) + (f" | {perfdata}" if perfdata else "")]
    lines += [_plain(line) for host in hosts for line in _ports(host)]
    lines += [_plain(line) for report in reports for line in _long(report, view)]
    lines += [_plain(line) for line in _places(document)]
    return "\n".join(lines) + "\n"


def _headline(
    document: Document, reports: tuple[Presentation, ...], hosts: tuple[HostEntry, ...]
) -> str:
    incomplete = [line for place, line in _states(document) if place.missing]
    words = _of_reports(reports, hosts)
    return "; ".join([words, *incomplete] if reports or not incomplete else incomplete)


def _states(document: Document) -> Iterator[tuple[Place, str]]:
    """Yield each place of ``--from`` with the line on it."""
    return zip(document.places, place_lines.places(document), strict=True)


def _places(document: Document) -> Iterator[str]:
    """Yield the places of ``--from``, and the targets whose reports differ between them."""
    yield from (f"place {line}" for _, line in _states(document))
    if document.places and not document.comparisons:
        yield "no difference between the places"
    for target, lines in place_lines.targets(document):
        yield f"differs: {target}"
        yield from (f"  {line}" for line in lines)


def _of_reports(reports: tuple[Presentation, ...], hosts: tuple[HostEntry, ...]) -> str:
    if not reports:
        return "no target"
    is_host = len(hosts) == 1 and shows_all(hosts[0], [report.entry.target for report in reports])
    if len(whole(reports)) == 1 and not is_host:
        report = reports[0]
        return f"{_about(report)} in {duration(report.entry.duration_seconds)}"
    status = worst(report.entry.status for report in reports)
    words = f"{count(len(whole(reports)), 'target')}: {tally_statuses(reports)}"
    if is_host:
        words = f"{hosts[0].host}: {headline(hosts[0])}"
    if status is Status.OK:
        return words
    return f"{words}; {_about(next(r for r in reports if r.entry.status is status))}"


def _about(report: Presentation) -> str:
    return f"{report.name} {_first(report)}"


def _ports(host: HostEntry) -> list[str]:
    """Return a line per port of a host that was given without a scheme."""
    if is_untried(host):
        return []
    return [
        f"{host.host} {number_of(port)} {port.service}: {STATES[port.state]}" for port in host.ports
    ]


def _first(report: Presentation) -> str:
    """Return the failure or the most severe finding of a report."""
    entry = report.entry
    if entry.failure is not None:
        return f"{failed(entry.failure)}: {entry.failure.detail}"
    counted = [finding for finding in entry.findings if not finding.known]
    if not counted:
        return report.headline
    gravest = counted[0]
    rest = len(counted) - 1
    more = f" and {rest} more" if rest else ""
    undecided = f"; {report.undecided}" if report.undecided else ""
    return f"{gravest.id} ({gravest.severity}) {gravest.title}{more}{undecided}"


def _long(report: Presentation, view: View) -> list[str]:
    entry = report.entry
    lines = [f"[{entry.status.value.upper()}] {report.name} {report.headline}"]
    if entry.failure is not None:
        lines.append(f"  {entry.failure.detail} (blame: {blamed(entry.failure)})")
    lines += [f"  note: {note}" for note in report.notes]
    for finding in report.findings:
        why = f" ({finding.known})" if finding.known else ""
        lines.append(f"  {finding.label} {finding.id}: {finding.title}: {finding.evidence}{why}")
        if finding.known:
            continue
        lines += [f"    at: {line.place}: {line.text}" for line in finding.source]
        for product, fix in fixes_of(finding, view).shown:
            where = "fix" if product == "any" else f"fix in {product}"
            lines += [f"    {where}: {line}" for line in fix.splitlines() if line.strip()]
    if view.verbose:
        lines += [f"  skipped {skipped.id}: {skipped.reason}" for skipped in entry.skipped]
    return lines


def _plain(text: str) -> str:
    return _ENDING.sub(" ", text).rstrip()


def _perfdata(report: Presentation, several: bool, *, everything: bool) -> list[str]:
    """Return about eight values: the whole time, the first phases, and the rooms' watched metrics.

    With -v all other phases and metrics follow.
    """
    entry = report.entry
    phases: dict[str, float] = {}
    for phase in entry.phases:
        phases[phase.name] = phases.get(phase.name, 0.0) + phase.seconds
    data = [_Datum("time", entry.duration_seconds, "s", least="0")]
    data += [
        _Datum(f"phase {name}", seconds, "s", least="0")
        for name, seconds in phases.items()
        if everything or name in _FIRST_STEPS
    ]
    data += _watched(report)
    if everything:
        data += [_plain_datum(sample) for sample in report.samples]
    by_name = {each.name: each for each in data}
    for limited in _limited(report):
        known = by_name.get(limited.name, limited)
        bounds = Bounds(known.bounds.warning, limited.bounds.critical)
        by_name[limited.name] = msgspec.structs.replace(limited, bounds=bounds)
    prefix = f"{report.name} " if several else ""
    return [
        each.text(prefix)
        for each in by_name.values()
        if each.value is None or math.isfinite(each.value)
    ]


class _Datum(msgspec.Struct, frozen=True):
    """``'label'=value[UOM];warn;crit;min;max``."""

    name: str
    value: float | None
    """None for ``U``, a value that could not be determined."""
    unit: str = ""
    bounds: Bounds = NO_BOUNDS
    least: str = ""
    most: str = ""

    def text(self, prefix: str) -> str:
        """Return it as the guidelines write it, with ``prefix`` before its label."""
        value = "U" if self.value is None else f"{number(self.value)}{self.unit}"
        return (
            f"{_label(prefix + self.name)}={value}"
            f";{self.bounds.warning};{self.bounds.critical};{self.least};{self.most}"
        )


def _watched(report: Presentation) -> list[_Datum]:
    """Return the metrics that the rooms watch, else the first few."""
    by_name = {sample.name: sample for sample in report.samples if not sample.labels}
    found = [
        _short_datum(report, by_name[watched.metric], _bounds(watched, report.facts[room]))
        for room in report.rooms
        for watched in protocols.watched(room)
        if watched.metric in by_name
    ]
    others = [sample for sample in report.samples if sample.name != _PHASES]
    return found or [_short_datum(report, sample, NO_BOUNDS) for sample in others[:_MOST]]


def _limited(report: Presentation) -> Iterator[_Datum]:
    """Yield what the user limits, with the limits as critical; of a phase, its worst run."""
    net = report.facts.get(NetFacts.ROOM)
    for limit in net.limits if isinstance(net, NetFacts) else ():
        phase = limit.metric.partition('{phase="')[2].removesuffix('"}')
        if phase:
            value = limit.worst.value if limit.worst is not None else None
            yield _Datum(f"phase {phase}", value, "s", _range(limit), least="0")
            continue
        samples = [sample for sample in report.samples if sample.name == limit.metric]
        for sample in samples or [Sample(limit.metric, (), 0.0)]:
            made = _short_datum(report, sample, NO_BOUNDS)
            bounds = _range(limit, 100.0 if made.unit == "%" else 1.0)
            value = made.value if samples else None
            yield msgspec.structs.replace(made, value=value, bounds=bounds)


def _range(limit: Limit, scale: float = 1.0) -> Bounds:
    """Return limits as a range of good values."""
    low, high = (
        number(each * scale) if each is not None else "" for each in (limit.minimum, limit.maximum)
    )
    # An expired certificate has a time left below 0, which is within a maximum.
    below = "~:" if limit.metric.endswith("_timestamp_seconds") else ""
    return Bounds(critical=f"{low}:{high}" if low else f"{below}{high}")


def _bounds(watched: Watched, facts: Facts) -> Bounds:
    return watched.bounds(facts) if watched.bounds is not None else NO_BOUNDS


def _short_datum(report: Presentation, sample: Sample, bounds: Bounds) -> _Datum:
    """Return a sample with a short label: a share in percent, a timestamp as the time left."""
    name = sample.key.removeprefix("seventh_")
    if sample.name.endswith("_timestamp_seconds"):
        left = sample.value - report.started_seconds
        return _Datum(name.removesuffix("_timestamp_seconds"), round(left), "s", bounds)
    if sample.name.endswith("_ratio") and 0 <= sample.value <= 1:
        return _Datum(name.removesuffix("_ratio"), sample.value * 100, "%", bounds, "0", "100")
    unit, least = _unit(sample.name)
    return _Datum(name.removesuffix("_seconds").removesuffix("_bytes"), sample.value, unit, bounds,
                  least)  # fmt: skip


def _plain_datum(sample: Sample) -> _Datum:
    unit, least = _unit(sample.name)
    return _Datum(sample.key, sample.value, unit, least=least)


def _unit(name: str) -> tuple[str, str]:
    """Return the unit of measure and the minimum of a Prometheus name.

    Seconds have no minimum, as an offset may be negative.
    """
    if name.endswith("_timestamp_seconds"):
        return "", ""
    if name.endswith("_seconds"):
        return "s", ""
    if name.endswith("_bytes"):
        return "B", "0"
    if name.endswith("_total"):
        return "c", "0"
    return "", ""


def _label(name: str) -> str:
    """Return a label in quotes, without equals signs, quotes and line breaks."""
    return "'" + _plain(name).replace("=", ":").replace("'", "") + "'"
