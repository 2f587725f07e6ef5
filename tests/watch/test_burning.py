"""Alerts of objectives: they begin when theory says, once, freeze, and are sent as others are."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from seventh.notify.message import message_of
from seventh.watch import burning, outbox
from seventh.watch.keys import NotifyKeys, SloKeys
from seventh.watch.objectives import LOOK_SECONDS, Objective, judged, phase_of, stored
from seventh.watch.records import register
from seventh.watch.schema import migrate
from seventh.watch.slo import DAY_NS, HOUR_NS, MINUTE_NS, PAIRS
from seventh.watch.spans import Change
from seventh.watch.verdict import Condition
from tests.watch.test_run import Watching, target

S = 10**9
UP, DOWN, UNKNOWN = Condition.UP, Condition.DOWN, Condition.UNKNOWN
BEGUN = 20_000 * DAY_NS + 7 * S
"""When the outage begins; looks are at other times."""
SLO = SloKeys(name="web", objective=0.999)
LABELS: dict[int, dict[str, str]] = {number: {} for number in range(1, 101)}


def first_alert(bad: int, phase: str, most_ns: int) -> int | None:
    """How long after the outage of ``bad`` of a hundred targets the alert begins, in nanoseconds.

    Only the last step is looked at in steps of a look: rates grow while it lasts.
    """
    found: dict[int, list[Change]] = {number: [(BEGUN - 60 * DAY_NS, UP)] for number in LABELS}
    for number in range(1, bad + 1):
        found[number].append((BEGUN, DOWN))

    def fires(look: int) -> bool:
        now_ns = BEGUN - 7 * S + look * round(LOOK_SECONDS * 1e9)
        (one,) = judged((SLO,), (), LABELS, found, now_ns, {})
        return any(each.firing for each in one.burns if phase_of(each.pair) == phase)

    low, high = 0, most_ns // round(LOOK_SECONDS * 1e9)
    if not fires(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fires(middle) else (middle, high)
    return high * round(LOOK_SECONDS * 1e9) - 7 * S


@pytest.mark.parametrize("bad", [1, 2, 10, 100])
@pytest.mark.parametrize("phase", ["page", "ticket"])
def test_an_outage_is_an_alert_within_one_look_of_theory(bad: int, phase: str) -> None:
    rate = bad / 100 / (1 - SLO.objective)
    pairs = [each for each in PAIRS if phase_of(each) == phase]
    theory = min(
        (each.rate(30 * DAY_NS) / rate * each.long_ns for each in pairs
         if rate >= each.rate(30 * DAY_NS)), default=None,
    )  # fmt: skip
    found = first_alert(bad, phase, 3 * DAY_NS)
    if theory is None:
        assert found is None
    else:
        assert found is not None
        assert theory <= found + 1e-3 <= theory + LOOK_SECONDS * 1e9 + 1


def made() -> sqlite3.Connection:
    database = sqlite3.connect(":memory:", isolation_level=None)
    migrate(database, "memory")
    register(database, stored([SLO]), 0)
    return database


def rows(database: sqlite3.Connection) -> list[tuple[object, ...]]:
    return database.execute(
        "SELECT target, phase, fired_ns, sent_ns, resolved_ns, given_up FROM incident ORDER BY id"
    ).fetchall()


def test_an_alert_begins_once_and_ends_once() -> None:
    database = made()
    page, known = {(1, "page"): False}, {1}
    assert [burning.note(database, page, known, at) for at in (10, 20)] == [True, False]
    assert burning.firing(database) == [(1, "page")]
    assert burning.note(database, page | {(1, "ticket"): True}, known, 30) is False
    assert rows(database) == [(1, "page", 10, 10, None, 0), (1, "ticket", 30, None, None, 0)]
    assert burning.note(database, {(1, "ticket"): False}, known, 40) is True
    assert burning.note(database, {}, (), 50) is True
    assert rows(database) == [(1, "page", 10, 10, 40, 0), (1, "ticket", 30, 40, 50, 1)]
    assert burning.note(database, {}, (), 60) is False


async def prepared(it: Watching, *changes: Change) -> None:
    """Have a target whose conditions of the past are known."""

    def write(database: sqlite3.Connection) -> None:
        number = register(database, it.watcher.config.targets, 0)["web1"]
        database.executemany(
            "INSERT INTO condition (target, vantage, at_ns, condition) VALUES (?, 0, ?, ?)",
            [(number, at_ns, condition) for at_ns, condition in changes],
        )

    await asyncio.wrap_future(it.store.run(write))


def watch_with(folder: Path, *slos: SloKeys) -> Watching:
    it = Watching(folder, target(9, "web1", every_ns=3600 * S, labels={"team": "web"}))
    receiver = NotifyKeys(kind="webhook", name="chat", url="env:X", match={"severity": "page"})
    it.watcher.config = replace(it.watcher.config, slos=slos, notify=(receiver,))
    return it


async def due(it: Watching) -> list[outbox.Due]:
    """What is to be sent; waits until there is something."""
    async with asyncio.timeout(20):
        while not (found := await asyncio.wrap_future(
            it.store.run(lambda db: outbox.claim(db, time.time_ns()))
        )):  # fmt: skip
            await it.watcher.alerting.queued.wait()
            it.watcher.alerting.queued.clear()
    return found


async def test_a_page_is_sent_and_a_restart_sends_nothing_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slo = SloKeys(name="web", objective=0.999, match={"team": "web"})
    now_ns = time.time_ns()
    for start in range(2):
        it = watch_with(tmp_path, slo)
        if start == 0:
            await prepared(it, (now_ns - 40 * DAY_NS, UP), (now_ns - 30 * MINUTE_NS, DOWN))
        running = asyncio.create_task(it.watcher.run(it.stop))
        try:
            if start == 0:
                (one,) = await due(it)
                message = message_of(one)
                await asyncio.wrap_future(
                    it.store.run(lambda db, number=one.id: outbox.done(db, number, now_ns))
                )
            else:
                await it.watcher.ready.wait()
                await it.watcher.objectives._look()
                assert await asyncio.wrap_future(it.store.run(outbox.pending)) == []
        finally:
            it.stop.set()
            await asyncio.wait_for(running, 20)
            it.store.close()
    assert one.receiver == "chat"
    first, _, last = message.text.partition("\n\n")
    assert first.splitlines()[0] == "slo:web: error budget is spent too fast (page)"
    assert last.splitlines()[0] == (
        "objective 0.999 over 30 days, 1 target: 31% of the error budget is left"
    )
    assert last.splitlines()[1].startswith("burn rate 500 over 1 h and 1e+03 over 5 min; the limit")
    assert message.data["kind"] == "burning"
    assert message.data["check"] is None
    assert message.data["targets"][0]["labels"] == {
        "team": "web", "slo": "web", "severity": "page"
    }  # fmt: skip
    burns = message.data["budget"]["burns"]
    assert [(each["long_seconds"], each["short_seconds"], round(each["limit"], 6))
            for each in burns] == [(3600, 300, 14.4), (21_600, 1800, 6)]  # fmt: skip
    assert msgspec.json.decode(msgspec.json.encode(message.data)) == message.data


async def test_an_alert_is_frozen_over_a_restart_while_little_is_known(tmp_path: Path) -> None:
    now_ns = time.time_ns()
    it = watch_with(tmp_path, SLO)
    await prepared(it, (now_ns - 2 * HOUR_NS, DOWN), (now_ns - HOUR_NS, UNKNOWN))

    def fire(database: sqlite3.Connection) -> None:
        numbers = register(database, [*it.watcher.config.targets, *stored([SLO])], 0)
        burning.note(database, {(numbers[Objective(SLO).name], "page"): False}, (), now_ns)

    await asyncio.wrap_future(it.store.run(fire))
    running = asyncio.create_task(it.watcher.run(it.stop))
    await it.watcher.ready.wait()
    await it.watcher.objectives.restore()
    await it.watcher.objectives._look()
    (known,) = await it.watcher.objectives.judged()
    firing = await asyncio.wrap_future(it.store.run(burning.firing))
    it.stop.set()
    await asyncio.wait_for(running, 20)
    it.store.close()
    assert [(each.firing, each.frozen) for each in known.burns] == [
        (True, True), (True, True), (False, True)
    ]  # fmt: skip
    assert [phase for _, phase in firing] == ["page"]
