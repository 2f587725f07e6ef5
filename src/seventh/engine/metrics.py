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
from seventh.model.sample import Sample
from seventh.model.spec import Metric

# Tuples, not unions: a pulse comes here for every metric, and a union is made anew each time.
_NUMBERS = (bool, int, float)
_COLLECTIONS = (tuple, list, dict)

_Found = dict[str, Sample]
"""What was found so far, by name, or by the whole key of a labelled sample: the later counts."""

_TCP_LOSS = 'seventh_packet_loss_ratio{source="tcp"}'


def metrics_of(
    facts: Mapping[str, Facts], phases: Iterable[Phase], failure: Failure | None
) -> tuple[Sample, ...]:
    """Collect every metric that the report's facts and phases give.

    A phase's metric carries its name as a label, ``seventh_phase_seconds{phase="connect"}``; where
    a phase ran more than once, the first counts.
    """
    found: _Found = {"seventh_up": Sample("seventh_up", (), 0.0 if failure is not None else 1.0)}
    net = facts.get("net")
    if isinstance(net, NetFacts):
        _add_path(found, net)
    _add_facts(found, facts)
    timed: dict[str, Sample] = {}
    for phase in phases:
        if phase.outcome == "ok" and (name := phase.name) not in timed:
            timed[name] = Sample("seventh_phase_seconds", (("phase", name),), phase.seconds)
    samples = [*found.values(), *timed.values()]
    if failure is not None:
        labels = (("phase", failure.phase), ("class", failure.reason.value))
        samples.append(Sample("seventh_errors_total", labels, 1.0))
    return tuple(samples)


def _add_path(found: _Found, net: NetFacts) -> None:
    """Add what the kernel saw of the first connection over TCP, which is the conversation's."""
    for attempt in net.attempts:
        if attempt.outcome == "open" and attempt.transport == "tcp":
            if (rtt := attempt.rtt_seconds) is not None:
                found["seventh_rtt_seconds"] = Sample("seventh_rtt_seconds", (), rtt)
            if (loss := attempt.loss_ratio) is not None:
                found[_TCP_LOSS] = Sample("seventh_packet_loss_ratio", (("source", "tcp"),), loss)
            return


def metrics_of_facts(facts: Mapping[str, Facts]) -> tuple[Sample, ...]:
    """Collect the metrics that the rooms read from their facts, and no others."""
    found: _Found = {}
    _add_facts(found, facts)
    return tuple(found.values())


_Read = tuple[tuple[str, Metric], ...]


@functools.cache
def _read_by(room: str) -> tuple[tuple[str, _Read], ...]:
    """List a room's metrics by the struct in its facts that they read, each with the fact there."""
    parts: dict[str, list[tuple[str, Metric]]] = {}
    for metric in protocols.rooms()[room].metrics:
        part, _, name = metric.fact.rpartition(".")
        parts.setdefault(part, []).append((name, metric))
    return tuple((part, tuple(read)) for part, read in parts.items())


def _add_facts(found: _Found, facts: Mapping[str, Facts]) -> None:
    known = protocols.rooms()
    for room, learnt in facts.items():
        if room not in known:
            continue
        for part, read_there in _read_by(room):
            holder = getattr(learnt, part) if part else learnt
            if holder is None:
                continue
            for name, metric in read_there:
                fact: Any = getattr(holder, name, None)
                kind = type(fact)
                if kind is float:  # most of them are, and a pulse comes here for every one
                    if isfinite(fact):
                        found[metric.name] = Sample(metric.name, (), fact)
                elif kind is int:
                    found[metric.name] = Sample(metric.name, (), float(fact))
                elif fact is not None:
                    _add(found, metric, fact)


def _add(found: _Found, metric: Metric, fact: Any) -> None:
    """Add one metric; of a labelled one, a sample for each key of the fact."""
    if metric.label:
        for key, number in fact.items():
            sample = Sample(metric.name, ((metric.label, str(key)),), float(number))
            found[sample.key] = sample
    elif (value := _number(fact)) is not None:
        found[metric.name] = Sample(metric.name, (), value)


def _number(value: object) -> float | None:
    if isinstance(value, _NUMBERS):
        return float(value) if isfinite(value) else None
    return float(len(value)) if isinstance(value, _COLLECTIONS) else None
