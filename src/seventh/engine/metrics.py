"""Metrics, made from phases and facts; nothing is measured for them alone."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any

from seventh import protocols
from seventh.model.facts import Facts
from seventh.model.failure import OURS, Failure
from seventh.model.netfacts import NetFacts
from seventh.model.phase import Phase
from seventh.model.sample import Sample
from seventh.model.spec import Metric

# Tuples, not unions, which would be built on every call: a pulse calls this for every metric.
_NUMBERS = (bool, int, float)
_COLLECTIONS = (tuple, list, dict)

_UP, _DOWN = (Sample("seventh_up", (), value) for value in (1.0, 0.0))
_RTT = "seventh_rtt_seconds"


def metrics_of(
    facts: Mapping[str, Facts], phases: Iterable[Phase], failure: Failure | None
) -> tuple[Sample, ...]:
    """Collect every metric of the facts and phases.

    ``seventh_phase_seconds{phase="connect"}`` is the first run of a phase that ran more than once.
    """
    samples: list[Sample] = []
    if failure is None or failure.reason not in OURS:  # else it is unknown
        samples.append(_DOWN if failure is not None else _UP)
    _add_facts(samples, facts)
    net = facts.get("net")
    if isinstance(net, NetFacts):
        _add_path(samples, net, facts)
    timed: set[str] = set()
    for phase in phases:
        if phase.outcome == "ok" and (name := phase.name) not in timed:
            timed.add(name)
            samples.append(Sample("seventh_phase_seconds", (("phase", name),), phase.seconds))
    if failure is not None:
        labels = (("phase", failure.phase), ("class", failure.reason.value))
        samples.append(Sample("seventh_errors_total", labels, 1.0))
    return tuple(samples)


def metrics_of_facts(facts: Mapping[str, Facts]) -> tuple[Sample, ...]:
    """Collect only the metrics that the rooms read from their facts."""
    samples: list[Sample] = []
    _add_facts(samples, facts)
    return tuple(samples)


def _add_path(samples: list[Sample], net: NetFacts, facts: Mapping[str, Facts]) -> None:
    """Add what the kernel measured on the first TCP connection, which the check uses.

    A room's own round trip replaces the kernel's.
    """
    for attempt in net.attempts:
        if attempt.outcome == "open" and attempt.transport == "tcp":
            if (rtt := attempt.rtt_seconds) is not None and not any(map(_reports_rtt, facts)):
                samples.append(Sample(_RTT, (), rtt))
            if (loss := attempt.loss_ratio) is not None:
                samples.append(Sample("seventh_packet_loss_ratio", (("source", "tcp"),), loss))
            return


_Read = tuple[tuple[str, Metric], ...]


@functools.cache
def _read_by(room: str) -> tuple[tuple[str, _Read], ...]:
    """Return a room's metrics by the struct of its facts that they read, each with the field."""
    spec = protocols.rooms().get(room)
    parts: dict[str, list[tuple[str, Metric]]] = {}
    for metric in spec.metrics if spec is not None else ():
        part, _, name = metric.fact.rpartition(".")
        parts.setdefault(part, []).append((name, metric))
    return tuple((part, tuple(read)) for part, read in parts.items())


@functools.cache
def _reports_rtt(room: str) -> bool:
    return any(metric.name == _RTT for _, read in _read_by(room) for _, metric in read)


def _add_facts(samples: list[Sample], facts: Mapping[str, Facts]) -> None:
    for room, learnt in facts.items():
        for part, read_there in _read_by(learnt.OWNER or room):
            holder = getattr(learnt, part, None) if part else learnt
            if holder is None:
                continue
            for name, metric in read_there:
                fact: Any = getattr(holder, name, None)
                if metric.source:
                    _add_sourced(samples, metric, fact)
                elif type(fact) is float:  # the fast path: most are
                    if isfinite(fact):
                        samples.append(Sample(metric.name, (), fact))
                elif fact is not None:
                    _add(samples, metric, fact)


def _add_sourced(samples: list[Sample], metric: Metric, fact: Any) -> None:
    """Add one metric with the label ``source``; a labelled one has a sample per key of the fact."""
    source = ("source", metric.source)
    if metric.label and fact is not None:
        for key, number in fact.items():
            labels = ((metric.label, str(key)), source)
            samples.append(Sample(metric.name, labels, float(number)))
    elif fact is not None and (value := _number(fact)) is not None:
        samples.append(Sample(metric.name, (source,), value))


def _add(samples: list[Sample], metric: Metric, fact: Any) -> None:
    """Add one metric; a labelled one has a sample per key of the fact."""
    if metric.label:
        for key, number in fact.items():
            samples.append(Sample(metric.name, ((metric.label, str(key)),), float(number)))
    elif (value := _number(fact)) is not None:
        samples.append(Sample(metric.name, (), value))


def _number(value: object) -> float | None:
    if isinstance(value, _NUMBERS):
        return float(value) if isfinite(value) else None
    return float(len(value)) if isinstance(value, _COLLECTIONS) else None
