"""One line for a monitoring system, as the Monitoring Plugins' guidelines say.

``SEVENTH STATUS - text | 'label'=value[UOM];warn;crit;min;max …``, then long output, a line a fact.
Which values, and the bounds that their rules have, is the rooms' to say (``watched``).
The exit code is the caller's: :func:`seventh.render.view.worst` of the reports' statuses.
"""

from __future__ import annotations

import math
import re

import msgspec

from seventh import protocols
from seventh.model.facts import Facts
from seventh.model.sample import Sample
from seventh.model.severity import Status
from seventh.model.watched import NO_BOUNDS, Bounds, Watched, number
from seventh.render.entries import HostEntry
from seventh.render.fixes import fixes_of
from seventh.render.hosts import STATES, headline, host_entries, is_untried, shows_all
from seventh.render.hosts import number as number_of
from seventh.render.presentation import Presentation, blamed, count, failed, present, tally_statuses
from seventh.render.summary import duration
from seventh.render.view import Document, View, worst

# A pipe begins the performance data; a line break ends the line.
_FIRST_STEPS = ("resolve", "connect", "tls")
_MOST = 8
_PHASES = "seventh_phase_seconds"
_ENDING = re.compile(r"[|\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+")


def render(document: Document, view: View) -> str:
    """Return ``document`` as a plugin's output."""
    told = present(document, view)
    hosts = host_entries(document, view)
    status = worst(one.entry.status for one in told)
    several = len(told) > 1
    perfdata = " ".join(
        value for one in told for value in _perfdata(one, several, everything=view.verbose)
    )
    first = f"SEVENTH {status.value.upper()} - {_headline(told, hosts)}"
    lines = [_plain(first) + (f" | {perfdata}" if perfdata else "")]
    for host in hosts:
        lines += [_plain(line) for line in _ports(host)]
    for one in told:
        lines += [_plain(line) for line in _long(one, view)]
    return "\n".join(lines) + "\n"


def _headline(told: tuple[Presentation, ...], hosts: tuple[HostEntry, ...]) -> str:
    if not told:
        return "no target"
    if len(hosts) == 1 and shows_all(hosts[0], [one.entry.target for one in told]):
        words = f"{hosts[0].host}: {headline(hosts[0])}"
        if hosts[0].status is Status.OK:
            return words
        gravest = next(one for one in told if one.entry.status is hosts[0].status)
        return f"{words}; {_about(gravest)}"
    if len(told) == 1:
        one = told[0]
        return f"{one.entry.target} {_first(one)} in {duration(one.entry.duration_seconds)}"
    bad = worst(one.entry.status for one in told)
    first = next(one for one in told if one.entry.status == bad)
    tally = f"{count(len(told), 'target')}: {tally_statuses(told)}"
    return tally if bad.exit_code == 0 else f"{tally}; {_about(first)}"


def _about(one: Presentation) -> str:
    return f"{one.entry.target} {_first(one)}"


def _ports(host: HostEntry) -> list[str]:
    """Return a line for each port of a host that was given without a scheme."""
    if is_untried(host):
        return []
    return [
        f"{host.host} {number_of(port)} {port.service}: {STATES[port.state]}" for port in host.ports
    ]


def _first(one: Presentation) -> str:
    """Return what an operator must know of this target, in a few words."""
    entry = one.entry
    if entry.failure is not None:
        return f"{failed(entry.failure)}: {entry.failure.detail}"
    if not entry.findings:
        return "nothing found"
    gravest = entry.findings[0]
    rest = len(entry.findings) - 1
    more = f" and {rest} more" if rest else ""
    return f"{gravest.id} ({gravest.severity}) {gravest.title}{more}"


def _long(one: Presentation, view: View) -> list[str]:
    entry = one.entry
    lines = [f"[{entry.status.value.upper()}] {entry.target} {one.headline}"]
    if entry.failure is not None:
        lines.append(f"  {entry.failure.detail} (blame: {blamed(entry.failure)})")
    lines += [f"  note: {note}" for note in one.notes]
    for finding in entry.findings:
        lines.append(f"  {finding.severity} {finding.id}: {finding.title}: {finding.evidence}")
        lines += [f"    at: {line.place}: {line.text}" for line in finding.source]
        for product, fix in fixes_of(finding, view).shown:
            where = "fix" if product == "any" else f"fix in {product}"
            lines += [f"    {where}: {line}" for line in fix.splitlines() if line.strip()]
    if view.verbose:
        lines += [f"  not judged {skipped.id}: {skipped.reason}" for skipped in entry.skipped]
    return lines


def _plain(text: str) -> str:
    return _ENDING.sub(" ", text).rstrip()


def _perfdata(one: Presentation, several: bool, *, everything: bool) -> list[str]:
    """About eight values: the whole conversation, its first steps, what the rooms have watched.

    With -v every phase and metric follows, as graphs may have been made from them.
    """
    entry = one.entry
    phases: dict[str, float] = {}
    for phase in entry.phases:
        phases[phase.name] = phases.get(phase.name, 0.0) + phase.seconds
    data = [_Datum("time", entry.duration_seconds, "s", least="0")]
    data += [
        _Datum(f"phase {name}", seconds, "s", least="0")
        for name, seconds in phases.items()
        if everything or name in _FIRST_STEPS
    ]
    data += _watched(one)
    if everything:
        data += [_plain_datum(sample) for sample in one.samples]
    prefix = f"{entry.target} " if several else ""
    return [each.text(prefix) for each in data if math.isfinite(each.value)]


class _Datum(msgspec.Struct, frozen=True):
    """``'label'=value[UOM];warn;crit;min;max``."""

    name: str
    value: float
    unit: str = ""
    bounds: Bounds = NO_BOUNDS
    least: str = ""
    most: str = ""

    def text(self, prefix: str) -> str:
        """As the guidelines write it, its label after ``prefix``."""
        return (
            f"{_label(prefix + self.name)}={number(self.value)}{self.unit}"
            f";{self.bounds.warning};{self.bounds.critical};{self.least};{self.most}"
        )


def _watched(one: Presentation) -> list[_Datum]:
    """Return what the rooms of the report want drawn; the first few metrics where none says."""
    by_name = {sample.name: sample for sample in one.samples if not sample.labels}
    rooms = sorted(one.facts, key=lambda room: (room != one.entry.protocol, room))
    found = [
        _drawn(one, by_name[watched.metric], _bounds(watched, one.facts[room]))
        for room in rooms
        for watched in protocols.watched(room)
        if watched.metric in by_name
    ]
    others = [sample for sample in one.samples if sample.name != _PHASES]  # they are there already
    return found or [_drawn(one, sample, NO_BOUNDS) for sample in others[:_MOST]]


def _bounds(watched: Watched, facts: Facts) -> Bounds:
    return watched.bounds(facts) if watched.bounds is not None else NO_BOUNDS


def _drawn(one: Presentation, sample: Sample, bounds: Bounds) -> _Datum:
    """A sample under a short label: a share in percent, an instant as the time that is left."""
    name = sample.key.removeprefix("seventh_")
    if sample.name.endswith("_timestamp_seconds"):
        left = sample.value - one.started_seconds
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
    """Unit of measure and least value, from the ending of a Prometheus name.

    An offset has a sign, so a metric in seconds gets no least.
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
    """A label in quotes: no equals sign, no quote and nothing that ends a line stands in it."""
    return "'" + _plain(name).replace("=", ":").replace("'", "") + "'"
