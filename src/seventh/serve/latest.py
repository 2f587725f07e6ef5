"""The last values of each target, and what was counted since the start."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from seventh.model.localfacts import LocalFacts
from seventh.model.report import Report
from seventh.model.sample import Labels, Sample
from seventh.serve.families import families
from seventh.watch.samples import Outcome, cause_of

ERRORS, RECONNECTS = "seventh_errors_total", "seventh_reconnects_total"
LOSS = "seventh_packet_loss_ratio"
_MAX_COUNTS = 200
"""Counters of one target; no peer can make more."""


class _Values(msgspec.Struct):
    gauges: tuple[Sample, ...] = ()
    names: frozenset[str] = frozenset()
    """What pulses have: a check's values of these are not shown."""
    counts: dict[tuple[str, Labels], float] = {}
    failing: bool = False
    """Whether the last pulse failed that was not unknown."""
    reconnects: int | None = None
    """None before the first pulse."""
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
        counted = [each for each in report.metrics if families()[each.name].kind == "counter"]
        if report.failure is None:
            values.names |= {sample.name for sample in values.gauges}
            values.reconnects = (values.reconnects or 0) + values.failing
        cause = cause_of(report)
        if cause is None or cause.outcome is Outcome.FAILED:
            values.failing = cause is not None
        for sample in counted:
            key = (sample.name, sample.labels)
            if key in values.counts or len(values.counts) < _MAX_COUNTS:
                # The system's own counters go on; those of one check begin with it.
                before = 0.0 if report.protocol == LocalFacts.ROOM else values.counts.get(key, 0.0)
                values.counts[key] = before + sample.value

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
        if values.reconnects is not None:
            yield Sample(RECONNECTS, (), values.reconnects)
        for (name, labels), value in values.counts.items():
            yield Sample(name, labels, value)
        pulsed = values.names | {sample.name for sample in values.gauges}
        yield from (sample for sample in values.checked if sample.name not in pulsed)

    def errors(self, number: int) -> int:
        """Return how many pulses of a target failed since the start."""
        counts = self._targets.get(number, _Values()).counts
        return round(sum(value for (name, _), value in counts.items() if name == ERRORS))

    def reconnects(self, number: int) -> int:
        """Return how many pulses of a target succeeded after one that failed."""
        return self._targets.get(number, _Values()).reconnects or 0

    def gauge(self, number: int, name: str) -> float | None:
        """Return the first sample of a gauge of the last pulse; None without one."""
        gauges = self._targets.get(number, _Values()).gauges
        return next((sample.value for sample in gauges if sample.name == name), None)

    def checked_seconds(self, number: int) -> float | None:
        """Return when the last full check began, as Unix time; None if there was none."""
        values = self._targets.get(number)
        return (values.checked_seconds or None) if values is not None else None


def _gauges(report: Report) -> tuple[Sample, ...]:
    known = families()
    return tuple(sample for sample in report.metrics if known[sample.name].kind == "gauge")
