"""Verdicts: both sides of every boundary, and what holds for any series of pulses."""

from __future__ import annotations

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.watch.samples import Cause, Pulse
from seventh.watch.verdict import (
    MAX_WINDOW,
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
    expire,
    fit,
    retire,
    step,
)
from tests.watch.made import OURS, REFUSED, SECOND, pulse

CALM = Flaps(changes=1000)
PLAIN = Policy(flaps=CALM)


def alerts(policy: Policy, results: str, *, every: float = 10) -> str:
    """The alerts of a series of pulses: ``.`` ok, ``x`` failed, ``?`` unknown; ``s`` a slow one.

    The answer has ``F`` and ``R`` where an alert fires and is resolved, else ``-``.
    """
    shown = ""
    state = State()
    for number, result in enumerate(results, 1):
        cause = {"x": REFUSED, "?": OURS}.get(result)
        each = pulse(number * every, cause, tls=200 if result == "s" else 100)
        state, events = step(policy, state, each)
        marks = {Fired: "F", Resolved: "R"}
        shown += "".join(m for e in events if (m := marks.get(type(e)))) or "-"
    return shown


def down(**fields: int) -> Policy:
    return Policy(flaps=CALM, down=Threshold(**fields))


@pytest.mark.parametrize(
    ("policy", "results", "expected"),
    [
        # N of M
        (down(bad=1, of=1, good=1, good_of=1), "x.x.", "FRFR"),
        (down(bad=3, of=3), "xx.xxx", "-----F"),
        (down(bad=3, of=5), "xx..x", "----F"),
        (down(bad=3, of=5), "xx...x", "------"),
        (down(bad=3, of=5), "x.x.x", "----F"),
        (down(bad=2, of=2), "xxxx", "-F--"),
        (down(bad=5, of=5), "xxxx", "----"),
        (down(bad=5, of=5), "xxxxx", "----F"),
        # K of L
        (down(bad=2, of=2, good=2, good_of=2), "xx.x..", "-F---R"),
        (down(bad=2, of=2, good=2, good_of=3), "xx.x.", "-F--R"),
        (down(bad=2, of=2, good=2, good_of=3), "xx.xx.x", "-F-----"),
        (down(bad=2, of=2, good=1, good_of=1), "xxx.", "-F-R"),
        (down(bad=1, of=1, good=3, good_of=3), "x..", "F--"),
        (down(bad=1, of=1, good=3, good_of=3), "x...", "F--R"),
        # N of M is met at the moment at which K of L clears: the clearing wins, once
        (down(bad=2, of=5, good=1, good_of=1), "xx.x", "-FRF"),
        (down(bad=2, of=5, good=2, good_of=2), "xx..x", "-F-RF"),
        # unknown pulses count for nothing
        (down(bad=2, of=2), "x?x", "--F"),
        (down(bad=2, of=2), "????", "----"),
        (down(bad=2, of=2, good=2, good_of=2), "xx?.?.", "-F---R"),
        # for: measured from the pulse that met the threshold
        (down(bad=2, of=2, for_ns=20 * SECOND), "xxx", "---"),
        (down(bad=2, of=2, for_ns=20 * SECOND), "xxxx", "---F"),
        (down(bad=2, of=2, for_ns=20 * SECOND, good=1, good_of=1), "xxx.xxx", "-------"),
        (down(bad=2, of=2, for_ns=20 * SECOND), "xx.x", "---F"),
        (down(bad=2, of=2, for_ns=10 * SECOND + 1), "xxx", "---"),
        # keep firing: measured from the pulse that cleared it
        (down(bad=1, of=1, good=1, good_of=1, keep_ns=20 * SECOND), "x..", "F--"),
        (down(bad=1, of=1, good=1, good_of=1, keep_ns=20 * SECOND), "x...", "F--R"),
        (down(bad=1, of=1, good=1, good_of=1, keep_ns=20 * SECOND), "x.x...", "F----R"),
        (down(bad=1, of=1, good=1, good_of=1, keep_ns=20 * SECOND), "x.?.?", "F--R-"),
    ],
)
def test_when_an_alert_fires_and_is_resolved(policy: Policy, results: str, expected: str) -> None:
    assert alerts(policy, results) == expected


def slow(limit: int = 100, phase: str = "tls", **fields: int) -> Policy:
    threshold = Threshold(**({"bad": 2, "of": 3, "good": 2, "good_of": 2} | fields))
    return Policy(flaps=CALM, slow=(Slow(phase=phase, limit_ns=limit, threshold=threshold),))


@pytest.mark.parametrize(
    ("policy", "results", "expected"),
    [
        (slow(), "s.s", "--F"),
        (slow(), "s..s", "----"),
        (slow(), "ss.s..", "-F---R"),
        (slow(limit=200), "sss", "---"),
        (slow(limit=199), "sss", "-F-"),
        (slow(limit=99), "...", "-F-"),
        (slow(phase=""), "ss", "-F"),
        (slow(phase="connect"), "sss", "---"),
        (slow(), "s?s", "--F"),
        # a failed pulse has no duration
        (slow(), "sxs", "--F"),
        (slow(), "ssx.x.", "-F---R"),
        (slow(for_ns=10 * SECOND), "ss", "--"),
        (slow(for_ns=10 * SECOND), "sss", "--F"),
        (slow(keep_ns=10 * SECOND), "ss...", "-F--R"),
    ],
)
def test_when_a_phase_is_too_slow(policy: Policy, results: str, expected: str) -> None:
    assert alerts(policy, results) == expected


FLAPS = Policy(
    down=Threshold(bad=1, of=1, good=1, good_of=1),
    flaps=Flaps(changes=4, within_ns=30 * SECOND),
)


@pytest.mark.parametrize(
    ("policy", "results", "expected"),
    [
        (FLAPS, "x.x.", "FRF-"),  # the fourth change: flapping, the alert is held
        (FLAPS, "x.x....", "FRF----"),  # quiet for 30 s, not longer
        (FLAPS, "x.x.....", "FRF----R"),
        (FLAPS, "x.x..x.....", "FRF-------R"),  # a change begins the quiet time again
        (FLAPS, "x.xx.", "FRF-R"),  # four changes in 40 s
        (FLAPS, "x.x.?????.", "FRF------R"),
        (FLAPS, "x.x.x????x.", "FRF-------R"),
        # never down long enough for an alert, and still an alert
        (msgspec.structs.replace(FLAPS, down=Threshold(
            bad=1, of=1, good=1, good_of=1, for_ns=60 * SECOND)), "x.x.....", "---F---R"),
    ],
)  # fmt: skip
def test_flapping_is_one_alert(policy: Policy, results: str, expected: str) -> None:
    assert alerts(policy, results) == expected


def run(policy: Policy, pulses: list[Pulse], state: State = State()) -> tuple[State, list[Event]]:  # noqa: B008
    events: list[Event] = []
    for each in pulses:
        state, more = step(policy, state, each)
        events += more
    return state, events


def test_events_have_all_that_is_known() -> None:
    policy = Policy(down=Threshold(bad=2, of=3, good=1, good_of=1), slow=slow(bad=1).slow)
    slept = Cause(REFUSED.reason, "tls", REFUSED.blame)
    _, events = run(policy, [
        pulse(1, tls=1), pulse(2, REFUSED), pulse(3, tls=1), pulse(4, slept), pulse(5, tls=101),
        pulse(6, OURS), pulse(7, tls=1),
    ])  # fmt: skip
    up, unknown, is_down = Condition.UP, Condition.UNKNOWN, Condition.DOWN
    at = [round(n * SECOND) for n in range(9)]
    assert events == [
        Changed(at_ns=at[1], old=unknown, new=up),
        Fired(at_ns=at[4], since_ns=at[2], kind=is_down, cause=slept),
        Changed(at_ns=at[4], old=up, new=is_down, cause=slept),
        Resolved(at_ns=at[5], kind=is_down),
        Fired(at_ns=at[5], since_ns=at[5], kind=Condition.DEGRADED, phase="tls"),
        Changed(at_ns=at[5], old=is_down, new=Condition.DEGRADED),
        Changed(at_ns=at[6], old=Condition.DEGRADED, new=unknown, cause=OURS),
        Changed(at_ns=at[7], old=unknown, new=Condition.DEGRADED),
    ]


@pytest.mark.parametrize(
    ("results", "condition"),
    [
        ("", Condition.UNKNOWN), ("x", Condition.UNKNOWN), ("xx", Condition.UNKNOWN),
        ("xxx", Condition.DOWN), (".", Condition.UP), (".xx", Condition.UP),
        ("?", Condition.UNKNOWN), (".?", Condition.UNKNOWN), (".?x", Condition.UNKNOWN),
        (".?.", Condition.UP), ("xxx?", Condition.UNKNOWN), ("xxx?x", Condition.DOWN),
        ("xxx..", Condition.DOWN), ("xxx...", Condition.UP),
    ],
)  # fmt: skip
def test_too_few_failures_are_no_verdict(results: str, condition: Condition) -> None:
    causes = {"x": REFUSED, "?": OURS}
    state, _ = run(PLAIN, [pulse(i, causes.get(r)) for i, r in enumerate(results, 1)])
    assert state.condition is condition


def test_after_flapping_one_more_failure_is_no_verdict() -> None:
    policy = msgspec.structs.replace(
        FLAPS, down=Threshold(bad=2, of=2, good=1, good_of=1), flaps=Flaps(changes=2, within_ns=1)
    )
    at = itertools.count()
    flapping, _ = run(policy, [Pulse(target=1, at_ns=next(at), cause=c)
                               for c in (REFUSED, REFUSED, None)])  # fmt: skip
    assert flapping.condition is Condition.FLAPPING
    after, _ = step(policy, flapping, Pulse(target=1, at_ns=9, cause=REFUSED))
    assert after.condition is Condition.UP


def test_in_local_trouble_a_failure_is_unknown_and_a_success_is_not() -> None:
    policy = down(bad=1, of=1)
    state, events = step(policy, State(), pulse(1, REFUSED), local=True)
    assert (state, events) == (State(), ())
    state, events = step(policy, state, pulse(2), local=True)
    assert events == (Changed(at_ns=2 * SECOND, old=Condition.UNKNOWN, new=Condition.UP),)


def test_without_pulses_nothing_is_known() -> None:
    policy = Policy(stale_ns=30 * SECOND)
    state, _ = run(policy, [pulse(10)])
    assert expire(policy, state, 40 * SECOND) == (state, ())
    gone, events = expire(policy, state, 99 * SECOND)
    assert events == (Changed(at_ns=40 * SECOND, old=Condition.UP, new=Condition.UNKNOWN),)
    assert (gone.condition, gone.since_ns) == (Condition.UNKNOWN, 40 * SECOND)
    assert expire(policy, gone, 999 * SECOND) == (gone, ())
    # The same whether or not it was looked at in between.
    assert run(policy, [pulse(99)], state)[1][0] == events[0]
    assert run(policy, [pulse(99)], state)[0] == run(policy, [pulse(99)], gone)[0]


def test_a_clock_that_was_set_back_lengthens_a_wait_by_no_more_than_the_wait() -> None:
    policy = down(bad=1, of=1, for_ns=20 * SECOND)
    state, before = run(policy, [pulse(1000, REFUSED), pulse(500, REFUSED), pulse(519, REFUSED)])
    assert not [event for event in before if isinstance(event, Fired)]
    _, events = step(policy, state, pulse(520, REFUSED))
    assert [type(event) for event in events] == [Fired]


def test_what_is_no_longer_watched_is_resolved() -> None:
    policy = Policy(down=Threshold(bad=1, of=1), slow=slow(bad=1).slow)
    state, _ = run(policy, [pulse(1, tls=101), pulse(2, REFUSED)])
    degraded = Resolved(at_ns=9, kind=Condition.DEGRADED, phase="tls", given_up=True)
    is_down = Resolved(at_ns=9, kind=Condition.DOWN, given_up=True)
    assert retire(state, 9) == (is_down, degraded)
    assert retire(State(), 9) == ()
    assert fit(policy, state, 9) == (state, ())
    fitted, events = fit(PLAIN, state, 9)
    assert (fitted.slow, fitted.down, events) == ((), state.down, (degraded,))
    assert retire(fitted, 9) == (is_down,)


def test_the_longest_window_is_counted_and_stored_as_a_whole() -> None:
    policy = down(bad=MAX_WINDOW, of=MAX_WINDOW, good=MAX_WINDOW, good_of=MAX_WINDOW)
    assert alerts(policy, "x" * 64 + "." * 64) == "-" * 63 + "F" + "-" * 63 + "R"
    state, _ = run(policy, [pulse(n, REFUSED) for n in range(1, 100)])
    assert (state.down.bits, state.down.seen) == (2**64 - 1, 64)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=State) == state


THRESHOLDS = st.builds(
    lambda of, bad, good_of, good, wait, keep: Threshold(
        of=of, bad=min(bad, of), good_of=good_of, good=min(good, good_of), for_ns=wait * SECOND,
        keep_ns=keep * SECOND,
    ),
    *[st.integers(1, 5)] * 4, *[st.integers(0, 30)] * 2,
)  # fmt: skip
POLICIES = st.builds(
    lambda threshold, slow, changes, within: Policy(
        down=threshold, slow=(Slow(phase="tls", limit_ns=100, threshold=slow),),
        flaps=Flaps(changes=changes, within_ns=within * SECOND), stale_ns=45 * SECOND,
    ),
    THRESHOLDS, THRESHOLDS, st.integers(2, 6), st.integers(10, 200),
)  # fmt: skip
SERIES = st.lists(
    st.tuples(st.integers(0, 60), st.sampled_from([None, REFUSED, OURS]), st.integers(99, 102)),
    max_size=60,
)


def pulses(series: list[tuple[int, Cause | None, int]]) -> list[Pulse]:
    at = itertools.accumulate((gap for gap, _, _ in series), initial=1_000_000)
    next(at)
    return [pulse(t, cause, tls=took) for t, (_, cause, took) in zip(at, series, strict=True)]


@given(POLICIES, SERIES)
def test_every_alert_that_fires_is_resolved_once(
    policy: Policy, series: list[tuple[int, Cause | None, int]]
) -> None:
    state, events = run(policy, pulses(series))
    events += retire(state, 10**18)
    firing: set[tuple[Condition, str]] = set()
    for event in events:
        if isinstance(event, Fired):
            assert (event.kind, event.phase) not in firing
            firing.add((event.kind, event.phase))
        elif isinstance(event, Resolved):
            firing.remove((event.kind, event.phase))
    assert not firing


@given(POLICIES, SERIES, st.data())
def test_a_restart_and_looking_at_it_change_nothing(
    policy: Policy, series: list[tuple[int, Cause | None, int]], data: st.DataObject
) -> None:
    expected = run(policy, pulses(series))
    state = State()
    events: list[Event] = []
    for each in pulses(series):
        if data.draw(st.booleans()):
            state = msgspec.json.decode(msgspec.json.encode(state), type=State)
        if data.draw(st.booleans()):
            state, more = expire(policy, state, each.at_ns)
            events += more
        state, more = step(policy, state, each)
        events += more
    assert (state, events) == expected


@given(POLICIES, SERIES)
def test_no_alert_without_enough_failures(
    policy: Policy, series: list[tuple[int, Cause | None, int]]
) -> None:
    state = State()
    failed: list[bool] = []
    for each in pulses(series):
        if each.cause is not OURS:
            failed.append(each.cause is not None)
        state, events = step(policy, state, each)
        changes = [event for event in events if isinstance(event, Changed)]
        assert all(a.new is b.old for a, b in itertools.pairwise(changes))
        assert all(change.old is not change.new for change in changes)
        if any(isinstance(e, Fired) and e.kind is Condition.DOWN for e in events):
            assert sum(failed) >= policy.down.bad
