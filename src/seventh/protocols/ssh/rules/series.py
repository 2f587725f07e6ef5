"""The rule on the path to an SSH server over time."""

from __future__ import annotations

from seventh.model.pathseries import PathSeries, Span
from seventh.model.severity import Severity
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

_SLOW_SECONDS = 0.15
_MOST_LOSS = 0.02
_LEAST_CONNECTIONS = 10


@rule(
    "SSH-LOSSY",
    Severity.INFO,
    tier=0,
    source=Source.SERIES,
    title="The path is slow or lossy for interactive use",
    evidence="{what}",
    phrases={
        "what": {
            "slow": "the shortest round trip within three hours took {milliseconds} ms",
            "lossy": "{percent} % of the segments were retransmitted within three hours",
        }
    },
    why="A terminal shows each key after a round trip, and waits longer for a lost segment. Large "
    "transfers that break off start from their beginning.",
    fix={
        "any": "Use mosh for terminals; it shows keys at once. Resume transfers: "
        "`rsync -e ssh --partial`.",
    },
    seed=("12.2.4",),
    good=PathSeries(
        spans=(Span(from_ns=0, segments=1000, connections=10, least_rtt_seconds=0.15),)
    ),
    bad=PathSeries(spans=(Span(from_ns=0, segments=1000, connections=10, least_rtt_seconds=0.16),)),
)
def lossy(path: PathSeries) -> Verdict:
    """Find round trips that are all long, or a share of losses that is not chance."""
    rtt, loss = path.least_rtt_seconds, path.certain_loss_ratio
    far = rtt is not None and rtt > _SLOW_SECONDS and path.connections >= _LEAST_CONNECTIONS
    bad = loss is not None and loss > _MOST_LOSS
    if not far and not bad:
        decided = loss is not None and path.connections >= _LEAST_CONNECTIONS
        return None if decided else Skip("too few connections were measured")
    what = ("slow",) * far + ("lossy",) * bad
    return Hit(
        what=what, milliseconds=round((rtt or 0) * 1000),
        percent=round(100 * path.retransmits / path.segments, 1) if path.segments else 0,
    )  # fmt: skip
