"""Idle connections: when they are used, and what their ends are taken for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from seventh.model.failure import Failed, Reason
from seventh.model.idlefacts import Held, Idle, schedule, used_after
from seventh.model.netfacts import NetFacts
from seventh.model.options import Options
from seventh.model.target import Target
from seventh.net import idle
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import now_ns

HOLD = 0.08
"""Connections are used 0.022 and 0.088 s after they were opened."""


@pytest.mark.parametrize(
    ("hold", "own", "ages"),
    [
        (4.0, None, (1.0, 4.0)),
        (15.0, None, (3.75, 15.0)),
        (16.0, None, (15.0, 16.0)),
        (60.0, None, (15.0, 30.0, 60.0)),
        (600.0, None, (15.0, 30.0, 60.0, 120.0, 300.0, 600.0)),
        (3600.0, None, (15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 3600.0)),
        # A server that declares 30 s is not asked for more than it gives.
        (600.0, 30.0, (15.0, 27.0)),
        (20.0, 30.0, (15.0, 20.0)),
        (600.0, 10.0, (2.25, 9.0)),
    ],
)
def test_the_schedule(hold: float, own: float | None, ages: tuple[float, ...]) -> None:
    assert schedule(hold, own) == ages


@pytest.mark.parametrize(("age", "at"), [(2.0, 2.2), (10.0, 11.0), (60.0, 61.0), (600.0, 601.0)])
def test_a_connection_is_used_when_timers_of_that_time_have_expired(age: float, at: float) -> None:
    assert used_after(age) == at


def test_what_a_timer_cut_is_older_than_all_that_lived() -> None:
    young, lived = Held(seconds=15.0, ending="reset"), Held(seconds=30.0, ending="alive")
    old, older = Held(seconds=60.0, ending="silent"), Held(seconds=120.0, ending="reset")
    closed = Held(seconds=90.0, ending="closed")
    idle_facts = Idle(transport="tcp", hold_seconds=120.0, held=(young, lived, old, closed, older))
    assert idle_facts.cuts == (old, older)
    assert (idle_facts.lived_seconds, idle_facts.died_seconds) == (30.0, 60.0)
    assert idle_facts.closed_seconds == 90.0
    nothing = Idle(transport="tcp", hold_seconds=120.0)
    assert (nothing.lived_seconds, nothing.died_seconds, nothing.closed_seconds) == (None,) * 3


class Script(idle.Connection):
    """A connection that ends as told, by its age at the use."""

    def __init__(self, ends: Callable[[str, float], Failed | None], quiet: float | None) -> None:
        self._ends, self._quiet = ends, quiet
        self._begun = now_ns()
        self.closed = 0

    async def idle(self, until_ns: int) -> None:
        if failed := self._ends("idle", (until_ns - self._begun) / 1e9):
            raise failed

    async def use(self) -> None:
        if failed := self._ends("use", 0.0):
            raise failed

    def quiet_seconds(self) -> float | None:
        return self._quiet

    def close(self) -> None:
        self.closed += 1


def context(**more: Any) -> ProbeContext:
    given = {"hold_seconds": HOLD, "intrusive": True, "i_own_this": True, **more}
    return ProbeContext(Target(scheme="tcp", host="192.0.2.1", port=1), Options(**given))


async def measured(
    ends: Callable[[str, float], Failed | None] = lambda *_: None,
    quiet: float | None = 3.0,
    **more: Any,
) -> tuple[tuple[Idle, ...], list[Script]]:
    made: list[Script] = []

    async def open_one() -> idle.Connection:
        made.append(Script(ends, quiet))
        return made[-1]

    ctx = context(**more)
    await idle.measure(ctx, "tcp", open_one)
    assert all(script.closed == 1 for script in made)
    return ctx.notes(NetFacts).facts.idle, made


@pytest.mark.parametrize(
    "more", [{"hold_seconds": 0.0}, {"intrusive": False}, {"i_own_this": False}]
)
async def test_nothing_is_held_that_was_not_permitted(more: dict[str, Any]) -> None:
    assert await measured(**more) == ((), [])


@pytest.mark.parametrize(
    ("reason", "ending"),
    [
        (Reason.PEER_CLOSED, "closed"), (Reason.PEER_RESET, "reset"),
        (Reason.PEER_SILENT, "silent"), (Reason.PROTOCOL_VIOLATION, "unknown"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("when", ["idle", "use"])
async def test_each_end_is_named_by_its_failure(reason: Reason, ending: str, when: str) -> None:
    seen = 0

    def ends(now: str, _: float) -> Failed | None:
        nonlocal seen
        seen += now == "use"
        # The first use is the control's.
        return (
            Failed(reason, "so it ended") if now == when and (when == "idle" or seen > 1) else None
        )

    (learnt,), made = await measured(ends, quiet=0.0)
    assert [(h.ending, h.when, h.detail) for h in learnt.held] == [
        (ending, when, "so it ended")
    ] * 2
    # To the kernel a close in order is traffic: how long it took is the time.
    assert all((h.seconds > 0) == (when == "idle" and ending == "closed") for h in learnt.held)
    assert len(made) == 3


async def test_traffic_makes_a_connection_less_idle() -> None:
    (learnt,), _ = await measured(quiet=0.0)
    assert [each.seconds for each in learnt.held] == [0.0, 0.0]
    (learnt,), _ = await measured(quiet=None)
    assert all(0.0 < each.seconds < 1.0 for each in learnt.held)


async def test_nothing_is_held_where_a_fresh_connection_cannot_be_used() -> None:
    (learnt,), made = await measured(lambda *_: Failed(Reason.PEER_SILENT, "no answer"))
    assert learnt == Idle(transport="tcp", hold_seconds=HOLD, failed="no answer")
    assert len(made) == 1


async def test_connections_that_do_not_open_are_counted() -> None:
    count = 0

    async def open_one() -> idle.Connection:
        nonlocal count
        count += 1
        if count > 1:
            raise Failed(Reason.CONNECT_REFUSED, "refused")
        return Script(lambda *_: None, 0.0)

    ctx = context()
    await idle.measure(ctx, "quic", open_one, own_seconds=2.0)
    (learnt,) = ctx.notes(NetFacts).facts.idle
    assert learnt == Idle(transport="quic", hold_seconds=HOLD, own_seconds=2.0, unopened=2)


async def test_the_hold_is_added_to_the_time_of_the_target_once() -> None:
    ctx = context(timeout_seconds=1.0, hold_seconds=30.0)
    ctx.extend()
    ctx.extend()
    assert 49.0 < ctx.budget.seconds_left <= 51.0
