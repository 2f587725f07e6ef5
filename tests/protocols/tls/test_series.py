"""The names of ticket keys over time: rotated or not."""

from __future__ import annotations

from seventh.model.look import Look
from seventh.model.tlsfacts import TlsFacts
from seventh.protocols.tls.rules.series import ticket_stale
from seventh.protocols.tls.series import TicketSeries, add
from seventh.rules.rule import Hit, Skip

HOUR = 3600 * 10**9


def seen(*tickets: tuple[int, str | None]) -> TicketSeries:
    series = TicketSeries()
    for hour, name in tickets:
        series = add(series, Look(
            host="a", at_ns=1 + hour * HOUR, steady_ns=0, every_seconds=10,
            facts={"tls": TlsFacts(ticket_key_name=name)},
        ))  # fmt: skip
    return series


def judged(*tickets: tuple[int, str | None]) -> object:
    verdict = ticket_stale(seen(*tickets))
    return verdict.params if isinstance(verdict, Hit) else type(verdict)


def test_a_key_is_stale_after_two_days_until_there_is_another() -> None:
    assert judged((0, "a")) is Skip
    assert judged((0, "a"), (48, "a")) is Skip
    assert judged((0, "a"), (49, "a")) == {"hours": 49}
    assert judged((0, "a"), (49, "a"), (50, None)) == {"hours": 49}
    assert judged((0, "a"), (49, "a"), (50, "b")) is type(None)
    assert judged((0, "a"), (24, "b"), (48, "c"), (72, "d")) is type(None)


def test_each_node_of_a_cluster_has_its_key() -> None:
    assert judged((0, "a"), (1, "b"), (50, "a"), (51, "b")) == {"hours": 50}


def test_few_names_are_kept() -> None:
    series = seen(*((hour, str(hour)) for hour in range(40)))
    assert [each.name for each in series.names] == [str(hour) for hour in range(24, 40)]
    assert series.since_ns == 1
    assert add(series, Look(host="a", at_ns=9, steady_ns=0, every_seconds=1, facts={})) is series
