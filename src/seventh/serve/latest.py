"""The last values of each target, and what was counted since the start."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from seventh.model.report import Report
from seventh.model.sample import Labels, Sample
from seventh.serve.families import families

_MAX_COUNTS = 200
"""Counters of one target; no peer can make more."""


class _Values(msgspec.Struct):
    gauges: tuple[Sample, ...] = ()
    names: frozenset[str] = frozenset()
    """What pulses have: a check's values of these are not shown."""
    counts: dict[tuple[str, Labels], float] = {}
    checked: tuple[Sample, ...] = ()
    checked_seconds: float = 0.0


class Latest:
    """What is shown of targets, by their number."""

    def __init__(self) -> None:
        self._targets: dict[int, _Values] = {}

    def pulse(self, number: int, report: Report) -> None:
        """Take a pulse's report."""
        values = self._targets.setdefault(number, _Values())
        values.gauges = _gauges(report)
        if report.failure is None:
            values.names |= {sample.name for sample in values.gauges}
        for sample in report.metrics:
            key = (sample.name, sample.labels)
            is_counter = families()[sample.name].kind == "counter"
            if is_counter and (key in values.counts or len(values.counts) < _MAX_COUNTS):
                values.counts[key] = values.counts.get(key, 0.0) + sample.value

    def check(self, number: int, report: Report) -> None:
        """Take a full check's report."""
        values = self._targets.setdefault(number, _Values())
        values.checked = _gauges(report)
        values.checked_seconds = report.started_seconds

    def forget_others(self, numbers: set[int]) -> None:
        """Keep only these targets: what is no longer watched has no series."""
        for number in self._targets.keys() - numbers:
            del self._targets[number]

    def samples(self, number: int) -> Iterator[Sample]:
        """Yield what is known of a target."""
        values = self._targets.get(number)
        if values is None:
            return
        yield from values.gauges
        for (name, labels), value in values.counts.items():
            yield Sample(name, labels, value)
        pulsed = values.names | {sample.name for sample in values.gauges}
        yield from (sample for sample in values.checked if sample.name not in pulsed)

    def checked_seconds(self, number: int) -> float | None:
        """Return when the last full check began, as Unix time; None if there was none."""
        values = self._targets.get(number)
        return (values.checked_seconds or None) if values is not None else None


def _gauges(report: Report) -> tuple[Sample, ...]:
    known = families()
    return tuple(sample for sample in report.metrics if known[sample.name].kind == "gauge")
