"""An agent over time, and beside others."""

from __future__ import annotations

from seventh.model.look import Look
from seventh.protocols.snmp.facts import Engine, SnmpFacts, System
from seventh.protocols.snmp.series import AgentSeries, add, beside

SECOND = 10**9
DAY = 86_400


def look(
    at: int,
    boots: int | None = None,
    time: int = 0,
    *,
    host: str = "a",
    engine: str = "80",
    uptime: float | None = None,
    poll: float | None = None,
) -> Look:
    facts = SnmpFacts(
        engine=Engine(id=engine, boots=boots, time_seconds=time) if boots is not None else None,
        system=System(uptime_seconds=uptime) if uptime is not None else None, poll_seconds=poll,
    )  # fmt: skip
    return Look(host=host, at_ns=at * SECOND, steady_ns=0, every_seconds=60, facts={"snmp": facts})


def seen(*looks: Look) -> AgentSeries:
    series = AgentSeries()
    for each in looks:
        series = add(series, each)
    return series


def restarts(*looks: Look) -> list[int]:
    return [each // SECOND for each in seen(*looks).restarts_ns]


def test_restarts() -> None:
    assert restarts(look(1, 3, 100), look(2, 3, 101), look(3, 4, 0), look(4, 4, 1)) == [3]
    assert restarts(look(1, 3), look(2, 9, engine="81")) == []  # another agent
    assert restarts(look(1, 3), look(2, 4), look(2 + DAY, 4)) == []
    assert restarts(look(1, poll=1, uptime=500), look(2, poll=1, uptime=3)) == [2]
    wrap = 2**32 / 100
    assert restarts(look(1, poll=1, uptime=wrap - 5), look(11, poll=1, uptime=5)) == []
    assert restarts(look(1, poll=1, uptime=wrap / 2), look(11, poll=1, uptime=5)) == [11]
    assert seen(look(1), Look(host="a", at_ns=1, steady_ns=0, every_seconds=1, facts={})) == (
        AgentSeries()
    )


def test_whole_polls_are_kept() -> None:
    series = seen(*(look(at, poll=float(at)) for at in range(1, 12)))
    assert series.polls_seconds == (4, 5, 6, 7, 8, 9, 10, 11)
    assert series.every_seconds == 60


def twins(**every: AgentSeries) -> dict[str, tuple[str, ...]]:
    return {name: each.twins for name, each in beside(every).items()}


def test_the_same_engine_by_two_names_is_no_twin() -> None:
    one = seen(look(1, 3, 100), look(21, 3, 120))
    again = seen(look(5, 3, 104, host="b"), look(30, 3, 129, host="b"))
    assert twins(x=one, y=again) == {"x": (), "y": ()}
    assert twins(x=one, y=one) == {"x": (), "y": ()}


def test_another_time_or_boots_is_a_twin() -> None:
    one = seen(look(1, 3, 100), look(21, 3, 120))
    for other in (
        seen(look(2, 3, 5000, host="b"), look(22, 3, 5020, host="b")),
        seen(look(2, 4, 101, host="b"), look(22, 4, 121, host="b")),
    ):
        assert twins(x=one, y=other) == {"x": ("b",), "y": ("a",)}
    apart = seen(look(2, 4, 101, host="b", engine="81"), look(22, 4, 121, host="b", engine="81"))
    found = beside({"x": one, "y": apart, "z": AgentSeries()})
    assert {name: (each.compared, each.twins) for name, each in found.items()} == {
        "x": (1, ()), "y": (1, ()),
    }  # fmt: skip


def test_a_restart_between_two_looks_makes_no_twin() -> None:
    before = seen(look(1, 3, 100), look(21, 3, 120))
    after = seen(look(2, 3, 101, host="b"), look(22, 4, 1, host="b"))
    assert twins(x=before, y=after) == {"x": (), "y": ()}
