"""Objectives over many targets: what is stored, what is left out, and what is remembered."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from seventh.watch.keys import SloKeys
from seventh.watch.maintenance import Maintenance
from seventh.watch.objectives import changes, judged
from seventh.watch.slo import DAY_NS, HOUR_NS, Seconds
from seventh.watch.store import Store
from seventh.watch.verdict import Condition

NOW = 20_000 * DAY_NS
UP, DOWN = Condition.UP, Condition.DOWN
WEB, ALL = (
    SloKeys(name="web", objective=0.99, match={"team": "web"}),
    SloKeys(name="all", objective=0.99, days=7),
)
LABELS = {1: {"team": "web"}, 2: {"team": "web"}, 3: {"team": "core"}}


async def test_changes_are_read_from_the_last_before_on(tmp_path: Path) -> None:
    store = Store(tmp_path)
    rows = [(1, 5, "up"), (1, 10, "down"), (1, 20, "up"), (2, 30, "down"), (3, 1, "up")]

    def write(database: object) -> None:
        for target, at_ns, condition in rows:
            database.execute(  # type: ignore[attr-defined]
                "INSERT INTO condition (target, vantage, at_ns, condition) VALUES (?, 0, ?, ?)",
                (target, at_ns, condition),
            )

    await asyncio.wrap_future(store.run(write))
    found = await asyncio.wrap_future(store.run(lambda database: changes(database, 15)))
    assert found == {1: [(10, DOWN), (20, UP)], 2: [(30, DOWN)], 3: [(1, UP)]}
    store.close()


def test_targets_are_one() -> None:
    down = [(NOW - 40 * DAY_NS, UP), (NOW - HOUR_NS, DOWN)]
    found = {1: down, 2: [(NOW - 40 * DAY_NS, UP)], 3: [(NOW - DAY_NS, UP)]}
    web, all_ = judged((WEB, ALL), (), LABELS, found, NOW, {})
    month, week = 30 * 86_400, 7 * 86_400
    assert (web.targets, web.spent) == (2, Seconds(good=2 * month - 3600, bad=3600))
    assert web.left == pytest.approx(1 - 3600 / (2 * month) / 0.01)
    assert (all_.targets, all_.spent) == (
        3, Seconds(good=2 * week - 3600 + 86_400, bad=3600, unknown=week - 86_400),
    )  # fmt: skip
    rates = [(round(one.long or 0, 3), round(one.short or 0, 3)) for one in web.burns]
    assert [(*each, one.firing) for each, one in zip(rates, web.burns, strict=True)] == [
        (50, 50, True), (8.333, 50, True), (0.694, 8.333, False),
    ]  # fmt: skip


def test_maintenance_does_not_count() -> None:
    work = Maintenance(name="w", match={"team": "web"}, rule="FREQ=DAILY", zone="UTC",
                       start="2020-01-01T22:30", seconds=5400)  # fmt: skip
    found = {1: [(NOW - 40 * DAY_NS, UP), (NOW - HOUR_NS, DOWN)]}
    (web,) = judged((WEB,), (work,), LABELS, found, NOW, {})
    assert web.spent == Seconds(good=30 * (86_400 - 5400), bad=0,
                                unknown=30 * (86_400 - 5400))  # fmt: skip
    assert web.left == 1


def test_an_alert_is_remembered_while_little_is_known() -> None:
    before = {("web", 0): True}
    (web,) = judged((WEB,), (), LABELS, {}, NOW, before)
    assert [(one.firing, one.frozen) for one in web.burns] == [
        (True, True), (False, True), (False, True),
    ]  # fmt: skip
