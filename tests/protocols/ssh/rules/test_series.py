"""Far and lossy paths to an SSH server."""

from __future__ import annotations

from seventh.model.pathseries import PathSeries, Span
from seventh.protocols.ssh.rules.series import lossy
from seventh.rules.rule import Hit, Skip


def judged(segments: int, retransmits: int, connections: int, rtt: float) -> object:
    verdict = lossy(PathSeries(spans=(
        Span(from_ns=0, segments=segments, retransmits=retransmits, connections=connections,
             least_rtt_seconds=rtt),
    )))  # fmt: skip
    return verdict.params if isinstance(verdict, Hit) else type(verdict)


def test_far_or_lossy() -> None:
    none = type(None)
    assert judged(1000, 0, 10, 0.1) is none
    assert judged(1000, 0, 9, 0.3) is Skip  # too few
    assert judged(100, 50, 100, 0.1) is Skip
    assert judged(100, 0, 10, 0.3) == {"what": ("slow",), "milliseconds": 300, "percent": 0.0}
    assert judged(1000, 100, 9, 0.3) == {"what": ("lossy",), "milliseconds": 300, "percent": 10.0}
    assert judged(1000, 100, 10, 0.3) == {
        "what": ("slow", "lossy"), "milliseconds": 300, "percent": 10.0,
    }  # fmt: skip
