"""Parents, silences and this machine's own trouble: alerts are suppressed, their ends never."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seventh.watch.alerts import VANTAGE, Alert, Hold, Notice, Parent, hold
from seventh.watch.fleet import Fleet, Seen, Snapshot, Watched
from seventh.watch.samples import Cause, Pulse
from seventh.watch.vantage import Networks, Vantage
from seventh.watch.verdict import (
    Changed,
    Condition,
    Event,
    Fired,
    Flaps,
    Policy,
    Resolved,
    Slow,
    State,
    Threshold,
    Trigger,
)
from tests.watch.made import OURS, REFUSED, SECOND, pulse

THRESHOLD = Threshold(bad=2, of=3, good=2, good_of=2)
POLICY = Policy(
    down=THRESHOLD, flaps=Flaps(changes=6, within_ns=90 * SECOND), stale_ns=45 * SECOND,
    slow=(Slow(phase="tls", limit_ns=100, threshold=THRESHOLD),),
)  # fmt: skip
DOWN, UNKNOWN = Condition.DOWN, Condition.UNKNOWN
PATIENCE = 60 * SECOND


def watched(target: int, *parents: int, network: str = "lan", policy: Policy = POLICY) -> Watched:
    return Watched(
        target=target, policy=policy, parents=parents, network=network, patience_ns=PATIENCE
    )


def told(seen: Iterable[Seen]) -> list[tuple[int, str]]:
    """Each notice: its target, and whether it is an alert or its end."""
    return [
        (notice.alert.target, "resolved" if notice.resolved else "fired")
        for each in seen
        for notice in each.notices
    ]


def rounds(fleet: Fleet, *results: str, start: int = 0) -> list[Seen]:
    """A round of pulses per string, ten seconds apart: a letter per target, ``x`` a failure."""
    causes = {"x": REFUSED, "?": OURS}
    return [
        fleet.observe(pulse((start + number) * 10 + target / 100, causes.get(result), target))
        for number, row in enumerate(results, 1)
        for target, result in enumerate(row, 1)
        if result != " "
    ]


ALERT = Alert(target=2, kind=DOWN, since_ns=100, fired_ns=200)
UP = State(condition=Condition.UP, last_ns=100)
FAILING = State(condition=Condition.UP, last_ns=100, down=Trigger(bits=1, seen=1))


@pytest.mark.parametrize(
    ("parents", "at_ns", "expected"),
    [
        ([], 200, None),
        ([UP], 200, None),
        ([msgspec.structs.replace(UP, last_ns=99)], 200, Hold.UNDECIDED),
        ([msgspec.structs.replace(UP, last_ns=99)], 209, Hold.UNDECIDED),
        ([msgspec.structs.replace(UP, last_ns=99)], 210, None),
        ([FAILING], 209, Hold.UNDECIDED),
        ([FAILING], 210, None),
        ([State()], 209, Hold.UNDECIDED),
        ([State()], 210, None),
        ([State(condition=DOWN)], 999, Hold.PARENT),
        ([UP, State(condition=DOWN)], 999, Hold.PARENT),
        ([State(), State(condition=DOWN)], 200, Hold.PARENT),
        ([State(), UP], 200, Hold.UNDECIDED),
        # The parent's alert is firing while nothing new is known of it, or it is flapping.
        ([State(down=Trigger(firing=True))], 999, Hold.PARENT),
    ],
)
def test_what_an_alert_waits_for(parents: list[State], at_ns: int, expected: Hold | None) -> None:
    them = [Parent(state, 10) for state in parents]
    assert hold(ALERT, them, at_ns, patience_ns=5) is expected
    assert hold(ALERT, them, at_ns, patience_ns=5, in_trouble=True) is Hold.VANTAGE
    silenced = hold(ALERT, them, at_ns, patience_ns=5, silenced=True)
    assert silenced is (expected if expected is Hold.PARENT else Hold.SILENCED)


@pytest.mark.parametrize(("at_ns", "expected"), [(304, Hold.RECOVERING), (305, None)])
def test_after_a_hold_the_target_has_time_to_recover(at_ns: int, expected: Hold | None) -> None:
    alert = msgspec.structs.replace(ALERT, excused_ns=300)
    assert hold(alert, [], at_ns, patience_ns=5) is expected


def test_one_notice_for_a_parent_with_a_thousand_children() -> None:
    count = 1000
    children = [watched(target, 1) for target in range(2, count + 2)]
    fleet = Fleet([watched(1), *children])
    # The children fail before their parent has its pulse.
    failing = " " + "x" * count
    assert told(rounds(fleet, "." * (count + 1), failing, failing)) == []
    assert set(fleet.holds.values()) == {Hold.UNDECIDED}
    assert told(rounds(fleet, "x", "x", start=3)) == [(1, "fired")]
    assert told(rounds(fleet, failing, failing, failing, start=20)) == []
    assert set(fleet.holds.values()) == {Hold.PARENT}
    assert told(rounds(fleet, "." * (count + 1), "." * (count + 1), start=30)) == [(1, "resolved")]
    assert (fleet.alerts, fleet.holds) == ({}, {})


def test_the_end_of_an_alert_that_was_sent_is_sent_while_the_parent_is_down() -> None:
    fleet = Fleet([watched(1), watched(2, 1)])
    assert told(rounds(fleet, "..", ".x", ".x")) == [(2, "fired")]
    assert told(rounds(fleet, "xx", "xx", start=3)) == [(1, "fired")]
    assert told(rounds(fleet, "x.", "x.", start=5)) == [(2, "resolved")]


def test_an_alert_that_outlives_its_parents_is_sent() -> None:
    fleet = Fleet([watched(1), watched(2, 1)])
    assert told(rounds(fleet, "..", "xx", "xx", "xx")) == [(1, "fired")]
    assert told(rounds(fleet, ".x", ".x", start=4)) == [(1, "resolved")]
    # The parent was last seen down at 50.02 s.
    assert told(rounds(fleet, *[".x"] * 4, ". ", start=6)) == []
    assert fleet.holds == {(2, DOWN, ""): Hold.RECOVERING}
    (seen,) = rounds(fleet, " x", start=10)
    alert = Alert(
        target=2, kind=DOWN, since_ns=20_020_000_000, fired_ns=30_020_000_000, cause=REFUSED,
        sent_ns=110_020_000_000, excused_ns=50_020_000_000,
    )  # fmt: skip
    assert seen.notices == [Notice(alert=alert, at_ns=110_020_000_000)]
    assert fleet.alerts == {alert.key: alert}


def test_a_grandparent_suppresses_because_the_parent_is_down_too() -> None:
    fleet = Fleet([watched(1), watched(2, 1), watched(3, 2)])
    assert told(rounds(fleet, "...", "xxx", "xxx", "xxx", "xxx")) == [(1, "fired")]


def test_after_a_start_alerts_wait_for_the_parents_verdict_and_not_for_ever() -> None:
    fleet = Fleet([watched(1), watched(2, 1)])
    assert told(rounds(fleet, " x", " x", " x", "?x")) == []
    assert told(rounds(fleet, "?x", "?x", "?x", start=6)) == [(2, "fired")]


def test_a_silence_prevents_the_alert_and_not_its_end() -> None:
    silent = [True]
    fleet = Fleet([watched(1)], silenced=lambda target, at_ns: target == 1 and silent[0])
    assert told(rounds(fleet, ".", "x", "x")) == []
    assert fleet.holds == {(1, DOWN, ""): Hold.SILENCED}
    assert told(rounds(fleet, ".", ".", start=3)) == []  # never sent, so that it has no end
    rounds(fleet, "x", "x", start=5)
    silent[0] = False
    assert told(rounds(fleet, "x", start=7)) == [(1, "fired")]
    silent[0] = True
    assert told(rounds(fleet, ".", ".", start=8)) == [(1, "resolved")]


def test_trouble_of_this_machine_is_one_notice_and_no_verdict_on_targets() -> None:
    policy = msgspec.structs.replace(POLICY, down=Threshold(bad=1, of=1, good=1, good_of=1))
    targets = [watched(t, policy=policy, network=f"{t}") for t in range(1, 11)]
    fleet = Fleet(targets)
    # With one failure for an alert, seven are sent before eight of ten have failed.
    first = [(target, "fired") for target in range(1, 8)]
    assert told(rounds(fleet, "." * 10, "x" * 10)) == [*first, (VANTAGE, "fired")]
    conditions = [fleet.states[target].condition for target in range(1, 11)]
    assert conditions == [DOWN] * 7 + [UNKNOWN] * 3
    assert told(rounds(fleet, "x" * 10, start=2)) == []
    assert fleet.alerts[VANTAGE, UNKNOWN, ""].since_ns == 20_080_000_000
    # With the sixth of ten networks the trouble is over.
    ends = [(target, "resolved") for target in (1, 2, 3, 4, 5, VANTAGE, 6, 7)]
    assert told(rounds(fleet, "." * 10, start=3)) == ends
    assert {state.condition for state in fleet.states.values()} == {Condition.UP}


def trouble(*events: tuple[str, float, str], within: int = 30) -> str:
    """Whether there is trouble after each event: a network, its time, and ``x`` for a failure."""
    vantage = Vantage(within * SECOND, Networks())
    shown = ""
    for network, at, result in events:
        vantage.observe(network, round(at * SECOND), failed=result == "x")
        vantage = Vantage(within * SECOND, vantage.networks())  # as after a restart
        shown += "T" if vantage.in_trouble else "-"
    return shown


def series(text: str, results: str, at: float = 0) -> list[tuple[str, float, str]]:
    return [
        (network, at + i, result)
        for i, (network, result) in enumerate(zip(text, results, strict=True))
    ]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        (series("abc", "...") + series("abc", "xxx", 10), "-----T"),
        (series("ab", "..") + series("ab", "xx", 10), "----"),
        (series("abc", "...") + series("abc", "xxx"), "-----T"),
        # exactly four fifths, and less
        (series("abcde", ".....") + series("abcd", "xxxx", 10), "--------T"),
        (series("abcd", "....") + series("abc", "xxx", 10), "-------"),
        # within 30 seconds, and one more
        ([*series("abc", "..."), ("a", 10, "x"), ("b", 10, "x"), ("c", 40, "x")], "-----T"),
        ([*series("abc", "..."), ("a", 10, "x"), ("b", 10, "x"), ("c", 41, "x")], "------"),
        # what has never answered, or has been down for long, counts for nothing
        (series("abcdef", "...xxx") + series("abc", "xxx", 10), "--------T"),
        (series("abc", "...") + series("aaabbbc", "xxxxxxx", 10), "---------T"),
        # it ends when fewer than half are still silent
        (series("abcd", "....") + series("abcd", "xxxx", 10) + series("abc", "...", 90),
         "-------TTT-"),
    ],
)  # fmt: skip
def test_networks_that_stop_together(events: list[tuple[str, float, str]], expected: str) -> None:
    assert trouble(*events) == expected


def test_networks_of_removed_targets_are_forgotten() -> None:
    vantage = Vantage(30, Networks(good=("a", "b"), stopped_ns={"c": 1, "d": 2}, in_trouble=True))
    vantage.forget({"b", "d"})
    assert vantage.networks() == Networks(good=("b",), stopped_ns={"d": 2}, in_trouble=True)


def test_a_reload_touches_only_what_changed() -> None:
    fleet = Fleet([watched(1), watched(2)])
    rounds(fleet, "..", "xx", "xx")
    before = fleet.states[1]
    seen = fleet.reload([watched(1), watched(3)], 99)
    is_over = Resolved(at_ns=99, kind=DOWN, given_up=True)
    assert seen.events == [(2, is_over)]
    assert [(n.alert.target, n.resolved, n.given_up) for n in seen.notices] == [(2, True, True)]
    assert fleet.states == {1: before}
    assert fleet.observe(pulse(50, REFUSED, 2)) == Seen()


def test_targets_without_pulses_become_unknown() -> None:
    fleet = Fleet([watched(1), watched(2)])
    rounds(fleet, "..")
    assert fleet.expire(55_010_000_000).events == []
    assert fleet.expire(55_020_000_000).events == [
        (1, Changed(at_ns=55_010_000_000, old=Condition.UP, new=UNKNOWN))
    ]


def test_after_a_restart_with_another_configuration() -> None:
    fleet = Fleet([watched(1), watched(2), watched(3)])
    rounds(fleet, "...", "xxx", "xxx")
    recorded = [*fleet.alerts.values()]
    eager = msgspec.structs.replace(POLICY, down=Threshold(bad=1, of=1))
    again = Fleet([watched(1), watched(4, policy=eager)])  # without the snapshot
    rounds(again, "x", "x", start=1)
    again.observe(pulse(25, REFUSED, 4))
    seen = again.begin(recorded, 99 * SECOND)
    assert told([seen]) == [(2, "resolved"), (3, "resolved")]
    assert seen.events == [
        (4, Fired(at_ns=99 * SECOND, since_ns=25 * SECOND, kind=DOWN, cause=REFUSED)),
        *[(t, Resolved(at_ns=99 * SECOND, kind=DOWN, given_up=True)) for t in (2, 3)],
    ]
    assert [alert for alert in again.alerts.values() if alert.target == 1] == [recorded[0]]
    assert told(rounds(again, "   x", start=11)) == [(4, "fired")]


GRAPHS = [
    [watched(1), watched(2, 1), watched(3, 2), watched(4)],
    [watched(1), watched(2), watched(3, 1, 2), watched(4, 1)],
]
ROUNDS = st.lists(
    st.tuples(
        st.lists(st.sampled_from(".xxs?"), min_size=4, max_size=4),
        st.sampled_from([1, 1, 1, 8]),
        st.sampled_from(["", "", "", "restart", "replay", "silence"]),
    ),
    max_size=25,
)


def played(
    graph: list[Watched], table: list[tuple[list[str], int, str]], *, restart: bool
) -> Iterator[Seen]:
    """Play rounds of pulses, with silences; with restarts, where the table has them."""
    silent = [False]
    silenced: Callable[[int, int], bool] = lambda target, at_ns: silent[0]  # noqa: E731
    fleet = Fleet(graph, silenced=silenced)
    kept, since = fleet.snapshot(), list[Pulse]()
    causes: dict[str, Cause] = {"x": REFUSED, "?": OURS}
    number = 0
    for row, gap, what in table:
        number += gap
        if what == "silence":
            silent[0] = not silent[0]
            kept, since = fleet.snapshot(), []  # silences are not in the journal
        if what == "restart":
            kept, since = fleet.snapshot(), []
        if what in {"restart", "replay"} and restart:
            recorded = [*fleet.alerts.values()]
            stored = msgspec.msgpack.decode(msgspec.msgpack.encode(kept), type=Snapshot)
            fleet = Fleet(graph, stored, silenced=silenced)
            for each in since:
                fleet.observe(each)
            yield fleet.begin(recorded, number * 10 * SECOND)
        for target, result in enumerate(row, 1):
            took = 101 if result == "s" else 100
            each = pulse(number * 10 + target / 100, causes.get(result), target, tls=took)
            since.append(each)
            yield fleet.observe(each)
    yield fleet.reload([], (number + 1) * 10 * SECOND)
    assert (fleet.states, fleet.alerts, fleet.holds) == ({}, {}, {}) or fleet.alerts.keys() == {
        (VANTAGE, UNKNOWN, "")
    }


def events_of(seen: Iterable[Seen]) -> list[tuple[int, Event]]:
    return [event for each in seen for event in each.events]


@pytest.mark.parametrize("graph", GRAPHS)
@settings(max_examples=50)
@given(table=ROUNDS)
def test_every_alert_ends_once_under_silences_parents_and_restarts(
    graph: list[Watched], table: list[tuple[list[str], int, str]]
) -> None:
    alternate([*played(graph, table, restart=True)])


OTHER = [
    watched(1, policy=msgspec.structs.replace(POLICY, slow=())),
    watched(2, policy=msgspec.structs.replace(POLICY, down=Threshold(bad=1, of=1))),
    watched(5, 1),
]


@settings(max_examples=100)
@given(
    table=st.lists(
        st.tuples(
            st.lists(st.sampled_from(".xxs?"), min_size=5, max_size=5),
            st.sampled_from(["", "", "reload", "restart", "crash"]),
        ),
        max_size=20,
    )
)
def test_every_alert_ends_once_whatever_the_configuration_becomes(
    table: list[tuple[list[str], str]],
) -> None:
    graphs = itertools.cycle([GRAPHS[0], OTHER])
    graph = next(graphs)
    fleet, kept = Fleet(graph), Snapshot()
    seen: list[Seen] = []
    for number, (row, what) in enumerate(table, 1):
        if what:
            graph = next(graphs)
        if what == "reload":
            seen.append(fleet.reload(graph, number * 10 * SECOND))
        elif what:  # the pulses since the snapshot are lost with a crash of the journal's disk
            fleet = replayed(graph, fleet.snapshot() if what == "restart" else kept, fleet, seen)
        if what == "restart":
            kept = fleet.snapshot()
        for target, result in enumerate(row, 1):
            took = 101 if result == "s" else 100
            cause = {"x": REFUSED, "?": OURS}.get(result)
            seen.append(fleet.observe(pulse(number * 10 + target / 100, cause, target, tls=took)))
    seen.append(fleet.reload([], 10**18))
    alternate(seen)


def replayed(graph: list[Watched], kept: Snapshot, before: Fleet, seen: list[Seen]) -> Fleet:
    """A fleet after a restart, compared with what was recorded."""
    fleet = Fleet(graph, kept)
    seen.append(fleet.begin([*before.alerts.values()], 10**18))
    return fleet


def alternate(seen: Iterable[Seen]) -> None:
    """Fail unless every alert, and every notice of one, has its end, once."""
    firing: set[tuple[int, Condition, str]] = set()
    sent: set[tuple[int, Condition, str]] = set()
    for each in itertools.chain.from_iterable(one.log for one in seen):
        if isinstance(each, Notice):
            if each.resolved:
                sent.remove(each.alert.key)
            else:
                assert each.alert.key not in sent
                sent.add(each.alert.key)
        elif isinstance(each[1], Fired):
            key = (each[0], each[1].kind, each[1].phase)
            assert key not in firing
            firing.add(key)
        elif isinstance(each[1], Resolved):
            firing.remove((each[0], each[1].kind, each[1].phase))
    assert firing == sent <= {(VANTAGE, UNKNOWN, "")}


@pytest.mark.parametrize("graph", GRAPHS)
@settings(max_examples=50)
@given(table=ROUNDS)
def test_a_restart_changes_nothing(
    graph: list[Watched], table: list[tuple[list[str], int, str]]
) -> None:
    without = [*played(graph, table, restart=False)]
    assert events_of(played(graph, table, restart=True)) == events_of(without)
    assert told(played(graph, table, restart=True)) == told(without)


def test_this_machine_itself_is_no_network_that_answers() -> None:
    targets = [watched(t, network=f"{t}") for t in range(1, 4)] + [watched(4, network="")]
    fleet = Fleet(targets)
    for at, cause in ((1, None), (2, REFUSED)):
        for each in targets:
            fleet.observe(pulse(at, cause if each.target != 4 else None, target=each.target))
    assert fleet._vantage.in_trouble
    assert "" not in fleet.snapshot().networks.good


def test_what_is_stale_is_found_between_looks_that_look_at_nothing() -> None:
    """Each target when its own patience ends, however often it is looked at."""
    quick = Policy(stale_ns=10 * SECOND)
    slow = Policy(stale_ns=100 * SECOND)
    fleet = Fleet([Watched(target=1, policy=slow), Watched(target=2, policy=quick)])
    for target in (1, 2):
        fleet.observe(pulse(50, None, target))
    found = []
    for at in range(51, 200):
        if at == 55:
            fleet.observe(pulse(55, None, 2))
        found += [(at, target) for target, _ in fleet.expire(at * SECOND).events]
    assert found == [(66, 2), (151, 1)]
    fleet.observe(pulse(200, None, 2))
    assert [target for target, _ in fleet.expire(211 * SECOND).events] == [2]
