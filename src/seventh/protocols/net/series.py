"""The series of a path: what the kernel counted and measured in each half hour of three hours."""

from __future__ import annotations

from seventh.model.look import Look
from seventh.model.netfacts import Attempt, NetFacts
from seventh.model.pathseries import PathSeries, Span

SERIES = PathSeries
SPAN_NS = 1800 * 10**9
_SPANS = 6


def add(series: PathSeries, look: Look) -> PathSeries:
    """Add the connections of one look."""
    net = look.facts.get(NetFacts.ROOM)
    if not isinstance(net, NetFacts):
        return series
    opened = [e for e in net.attempts if e.transport == "tcp" and e.outcome == "open"]
    if not opened:
        return series
    from_ns = look.at_ns - look.at_ns % SPAN_NS
    if series.spans and series.spans[-1].from_ns == from_ns:
        return PathSeries(spans=(*series.spans[:-1], _added(series.spans[-1], opened)))
    # A clock that was set back may have made later ones.
    kept = (e for e in series.spans if from_ns - _SPANS * SPAN_NS < e.from_ns < from_ns)
    return PathSeries(spans=(*kept, _added(Span(from_ns=from_ns), opened)))


def _added(span: Span, attempts: list[Attempt]) -> Span:
    rtts = [each.rtt_seconds for each in attempts if each.rtt_seconds is not None]
    known = [span.least_rtt_seconds] if span.least_rtt_seconds is not None else []
    counted = [each for each in attempts if each.segments_sent]
    return Span(
        from_ns=span.from_ns,
        segments=span.segments + sum(each.segments_sent or 0 for each in counted),
        retransmits=span.retransmits + sum(each.retransmits or 0 for each in counted),
        connections=span.connections + len(rtts),
        least_rtt_seconds=min([*known, *rtts], default=None),
    )
