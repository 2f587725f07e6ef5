"""Rules on the path over time."""

from __future__ import annotations

from seventh.model.pathseries import PathSeries, Span
from seventh.model.severity import Severity
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

MOST_LOSS = 0.02


@rule(
    "NET-RETRANS",
    Severity.MEDIUM,
    tier=0,
    source=Source.SERIES,
    title="Many TCP retransmissions",
    evidence="{percent} % of {segments:,} segments retransmitted within three hours",
    why="TCP takes each loss for congestion and slows down, and a lost segment delays all that "
    "follows it by at least a round trip.",
    fix={
        "any": "Find the hop that loses packets, for example with `mtr --tcp`. On a path that "
        "stays lossy, QUIC (HTTP/3) and mosh wait less for lost packets.",
    },
    references=("RFC 9293 §3.8.1",),
    seed=("12.10.1",),
    good=PathSeries(spans=(Span(from_ns=0, segments=1000, retransmits=25),)),
    bad=PathSeries(spans=(Span(from_ns=0, segments=1000, retransmits=60),)),
)
def retrans(path: PathSeries) -> Verdict:
    """Find a share of retransmissions that chance alone does not explain."""
    if (loss := path.certain_loss_ratio) is None:
        return Skip("too few segments were sent: pulses over TCP send them")
    if loss <= MOST_LOSS:
        return None
    percent = round(100 * path.retransmits / path.segments, 1)
    return Hit(percent=percent, segments=path.segments)
