"""One line for a monitoring system, as the Monitoring Plugins' guidelines say.

``SEVENTH STATUS - text | 'label'=value[UOM];warn;crit;min;max …``, then long output, a line a fact.
The exit code is the caller's: :func:`seventh.render.view.worst` of the reports' statuses.
"""

from __future__ import annotations

import math
import re

from seventh.render.fixes import fixes_of
from seventh.render.gist import duration
from seventh.render.told import Told, count, failed, tally_statuses, tell
from seventh.render.view import Document, View, worst

# A pipe begins the performance data; a line break ends the line.
_ENDING = re.compile(r"[|\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+")


def render(document: Document, view: View) -> str:
    """``document`` as a plugin's output."""
    told = tell(document, view)
    status = worst(one.entry.status for one in told)
    several = len(told) > 1
    perfdata = " ".join(value for one in told for value in _perfdata(one, several))
    first = f"SEVENTH {status.value.upper()} - {_headline(told)}"
    lines = [_plain(first) + (f" | {perfdata}" if perfdata else "")]
    for one in told:
        lines += [_plain(line) for line in _long(one, view)]
    return "\n".join(lines) + "\n"


def _headline(told: tuple[Told, ...]) -> str:
    if not told:
        return "no target"
    if len(told) == 1:
        one = told[0]
        return f"{one.entry.target} {_first(one)} in {duration(one.entry.duration_seconds)}"
    bad = worst(one.entry.status for one in told)
    first = next(one for one in told if one.entry.status == bad)
    tally = f"{count(len(told), 'target')}: {tally_statuses(told)}"
    return tally if bad.exit_code == 0 else f"{tally}; {first.entry.target} {_first(first)}"


def _first(one: Told) -> str:
    """What an operator must know of this target, in a few words."""
    entry = one.entry
    if entry.failure is not None:
        return f"{failed(entry.failure)}: {entry.failure.detail}"
    if not entry.findings:
        return "nothing found"
    gravest = entry.findings[0]
    rest = len(entry.findings) - 1
    more = f" and {rest} more" if rest else ""
    return f"{gravest.id} ({gravest.severity}) {gravest.title}{more}"


def _long(one: Told, view: View) -> list[str]:
    entry = one.entry
    lines = [f"[{entry.status.value.upper()}] {entry.target} {one.headline}"]
    if entry.failure is not None:
        lines.append(f"  {entry.failure.detail} (blame: {entry.failure.blame})")
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


def _perfdata(one: Told, several: bool) -> list[str]:
    """The whole conversation, each phase's total, then every metric."""
    entry = one.entry
    phases: dict[str, float] = {}
    for phase in entry.phases:
        phases[phase.name] = phases.get(phase.name, 0.0) + phase.seconds
    values = [("time", entry.duration_seconds, "s", "0", "")]
    values += [(f"phase {name}", seconds, "s", "0", "") for name, seconds in phases.items()]
    values += [(sample.key, sample.value, *_unit(sample.name)) for sample in one.samples]
    prefix = f"{entry.target} " if several else ""
    return [
        f"{_label(prefix + name)}={_number(value)}{unit};;;{least};{most}"
        for name, value, unit, least, most in values
        if math.isfinite(value)
    ]


def _unit(name: str) -> tuple[str, str, str]:
    """Unit of measure, least and most, from the ending of a Prometheus name.

    An offset has a sign, so a metric in seconds or bytes gets no least.
    """
    if name.endswith("_seconds"):
        return "s", "", ""
    if name.endswith("_bytes"):
        return "B", "", ""
    if name.endswith("_total"):
        return "c", "0", ""
    if name.endswith("_ratio"):
        return "", "0", "1"
    return "", "", ""


def _label(name: str) -> str:
    """A label in quotes: no equals sign, no quote and nothing that ends a line stands in it."""
    return "'" + _plain(name).replace("=", ":").replace("'", "") + "'"


def _number(value: float) -> str:
    """Digits, a point and a sign only: the guidelines know no exponent."""
    text = f"{value:.9f}".rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text
