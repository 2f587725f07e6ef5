"""Metrics fall out of phases and facts: nothing is measured for them alone."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any

from seventh import protocols
from seventh.model.facts import Facts
from seventh.model.failure import Failure
from seventh.model.netfacts import NetFacts
from seventh.model.phase import Phase
from seventh.model.spec import Metric

# Tuples, not unions: a pulse comes here for every metric, and a union is made anew each time.
_NUMBERS = (bool, int, float)
_COLLECTIONS = (tuple, list, dict)


def metrics_of(
    facts: Mapping[str, Facts], phases: Iterable[Phase], failure: Failure | None
) -> dict[str, float]:
    """Every metric that the report's facts and phases give.

    A phase's metric carries its name as a label, ``seventh_phase_seconds{phase="connect"}``; where
    a phase ran more than once, the first counts.
    """
    metrics: dict[str, float] = {"seventh_up": 0.0 if failure is not None else 1.0}
    net = facts.get("net")
    if isinstance(net, NetFacts):
        for attempt in net.attempts:
            if attempt.outcome == "open":
                if attempt.rtt_seconds is not None:
                    metrics["seventh_rtt_seconds"] = attempt.rtt_seconds
                break
    known = protocols.rooms()
    for room, learnt in facts.items():
        if room in known:
            _add_facts(metrics, room, learnt)
    for phase in phases:
        if phase.outcome == "ok":
            metrics.setdefault(_phase_metric(phase.name), phase.seconds)
    if failure is not None:
        metrics[f'seventh_errors_total{{phase="{failure.phase}",class="{failure.reason}"}}'] = 1.0
    return metrics


_Read = tuple[tuple[str, Metric], ...]


@functools.cache
def _read_by(room: str) -> tuple[tuple[str, _Read], ...]:
    """A room's metrics by the struct in its facts that they read, each with the fact there."""
    parts: dict[str, list[tuple[str, Metric]]] = {}
    for metric in protocols.rooms()[room].metrics:
        part, _, name = metric.fact.rpartition(".")
        parts.setdefault(part, []).append((name, metric))
    return tuple((part, tuple(read)) for part, read in parts.items())


def _add_facts(metrics: dict[str, float], room: str, learnt: Facts) -> None:
    for part, read_there in _read_by(room):
        holder = getattr(learnt, part) if part else learnt
        if holder is None:
            continue
        for name, metric in read_there:
            fact = getattr(holder, name, None)
            if type(fact) is float:  # most of them are, and a pulse comes here for every one
                if isfinite(fact):
                    metrics[metric.name] = fact
            elif fact is not None:
                _add(metrics, metric, fact)


def _add(metrics: dict[str, float], metric: Metric, fact: Any) -> None:
    """One metric; of a labelled one, a value for each key of the fact."""
    if metric.label:
        for key, number in fact.items():
            metrics[f'{metric.name}{{{metric.label}="{key}"}}'] = float(number)
    elif (value := _number(fact)) is not None:
        metrics[metric.name] = value


@functools.lru_cache(maxsize=256)
def _phase_metric(name: str) -> str:
    return f'seventh_phase_seconds{{phase="{name}"}}'


def _number(value: object) -> float | None:
    if isinstance(value, _NUMBERS):
        return float(value) if isfinite(value) else None
    return float(len(value)) if isinstance(value, _COLLECTIONS) else None
