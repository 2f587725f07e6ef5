"""The path over time: half hours are added up, old ones are dropped, and losses are judged."""

from __future__ import annotations

from typing import Any

import pytest

from seventh.model.look import Look
from seventh.model.netfacts import Attempt, NetFacts
from seventh.model.pathseries import PathSeries, Span
from seventh.protocols.net.rules.series import retrans
from seventh.protocols.net.series import SPAN_NS, add
from seventh.rules.rule import Hit, Skip


def attempt(**more: Any) -> Attempt:
    return Attempt(
        **{
            "address": "192.0.2.1", "port": 22, "family": "ipv4", "transport": "tcp",
            "outcome": "open", "seconds": 0.01, "clock": "kernel",
        }
        | more
    )  # fmt: skip


def look(at_ns: int, *attempts: Attempt) -> Look:
    return Look(
        host="a", at_ns=at_ns, steady_ns=0, every_seconds=10,
        facts={"net": NetFacts(attempts=attempts)},
    )  # fmt: skip


def test_connections_are_added_up_by_half_hours() -> None:
    path = PathSeries()
    path = add(path, look(SPAN_NS, attempt(segments_sent=7, retransmits=1, rtt_seconds=0.2)))
    path = add(path, look(SPAN_NS + 9, attempt(segments_sent=5, retransmits=0, rtt_seconds=0.1)))
    path = add(path, look(2 * SPAN_NS, attempt(segments_sent=4, retransmits=0)))
    assert path.spans == (
        Span(from_ns=SPAN_NS, segments=12, retransmits=1, connections=2, least_rtt_seconds=0.1),
        Span(from_ns=2 * SPAN_NS, segments=4),
    )
    assert (path.segments, path.retransmits, path.connections, path.least_rtt_seconds) == (
        16, 1, 2, 0.1,
    )  # fmt: skip


def test_three_hours_are_kept_also_when_the_clock_was_set_back() -> None:
    path = PathSeries()
    for span in range(1, 10):
        path = add(path, look(span * SPAN_NS, attempt(segments_sent=1, retransmits=0)))
    assert [each.from_ns // SPAN_NS for each in path.spans] == [4, 5, 6, 7, 8, 9]
    path = add(path, look(5 * SPAN_NS, attempt(segments_sent=1, retransmits=0)))
    assert [each.from_ns // SPAN_NS for each in path.spans] == [4, 5]


@pytest.mark.parametrize(
    "other", [{"outcome": "timeout"}, {"transport": "udp"}, {"transport": "proxy"}]
)
def test_only_open_tcp_connections_count(other: dict[str, Any]) -> None:
    assert add(PathSeries(), look(1, attempt(segments_sent=3, retransmits=3, **other))) == (
        PathSeries()
    )
    without = Look(host="a", at_ns=1, steady_ns=0, every_seconds=1, facts={})
    assert add(PathSeries(), without) == PathSeries()


@pytest.mark.parametrize(
    ("segments", "retransmits", "fires"),
    [(499, 400, None), (500, 19, True), (500, 18, False), (100_000, 2000, False),
     (100_000, 2100, True)],
)  # fmt: skip
def test_losses_that_chance_explains_are_no_finding(
    segments: int, retransmits: int, fires: bool | None
) -> None:
    verdict = retrans(
        PathSeries(spans=(Span(from_ns=0, segments=segments, retransmits=retransmits),))
    )
    assert isinstance(verdict, Skip) is (fires is None)
    assert isinstance(verdict, Hit) is bool(fires)
