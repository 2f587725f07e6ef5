"""Journal, files and roll-ups together: each pulse once, quantiles exact, damage told."""

from __future__ import annotations

import math
import os
import random
import shutil
import sqlite3
import statistics
from collections import Counter
from pathlib import Path

import duckdb
import pytest

from seventh.watch.history import compact, files, log16, rollup
from seventh.watch.history.files import Skipped, hour_path, rollup_path
from seventh.watch.history.query import Row, merged, opened
from seventh.watch.samples import Pulse
from tests.watch.history.made import DAY, NAMES, START, filled, now_ns
from tests.watch.history.test_compact import forget
from tests.watch.made import OURS, REFUSED, pulse

HOUR = DAY * 24
DAY_S = 86_400


def noisy() -> list[Pulse]:
    """Pulses of a day and two hours: some fail, a few say nothing, the times are noise."""
    random.seed(7)
    found = []
    for at in range(0, DAY_S + 7200, 90):
        cause = random.choices([None, REFUSED, OURS], (20, 2, 1))[0]
        times = {"connect": round(1e6 * random.lognormvariate(0, 0.3))}
        if cause is None:
            times["tls"] = round(3e6 * random.lognormvariate(0, 0.3))
        found.append(pulse(START + at, cause, random.choice((1, 2)), **times))
    return found


PULSES = noisy()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first day has a roll-up, an hour is a file, and the last hour is in the journal."""
    made = tmp_path_factory.mktemp("history")
    filled(made, PULSES)
    # One hour is in both: the monitor was killed before it deleted it from the journal.
    written = list(compact.compact(made, now_ns(25)))
    assert [each.hour for each in written] == [HOUR + n for n in range(25)]
    forget(made, written[1:])
    (day,) = rollup.make(made, now_ns(26))
    assert day == rollup.Made(path=rollup_path(made, "2024-10-04"))
    return made


def row(pulses: list[Pulse], phase: str) -> Row:
    """What the history is to say of these pulses."""
    codes = []
    for each in pulses:
        durations = {name: log16.encode(ns) for name, ns in each.phases}
        if phase == rollup.TOTAL and each.cause is None:
            codes.append(
                log16.encode(round(sum(log16.decode(code) for code in durations.values())))
            )
        elif phase in durations:
            codes.append(durations[phase])
    codes.sort()
    causes = [each.cause for each in pulses if each.cause is not None]
    return Row(
        pulses=len(pulses), ok=len(pulses) - len(causes),
        unknown=sum(cause is OURS for cause in causes),
        reasons=dict(Counter(cause.reason.value for cause in causes)),
        quantiles=tuple(codes[math.ceil(len(codes) * q) - 1] for q in rollup.QUANTILES)
        if codes else None,
        buckets=dict(Counter(code // 32 for code in codes)),
    )  # fmt: skip


def wanted(target: int, since: int, until: int, span: int, phase: str) -> dict[int, Row]:
    cells: dict[int, list[Pulse]] = {}
    for each in PULSES:
        at = each.at_ns // 10**9
        if each.target == target and since <= at < until:
            cells.setdefault(at // span * span, []).append(each)
    return {at: row(pulses, phase) for at, pulses in cells.items()}


@pytest.mark.parametrize("phase", ["", "tls", "connect"])
@pytest.mark.parametrize(
    ("since", "until", "span"),
    [
        (0, DAY_S + 7200, 3600),  # the roll-up, a file and the journal
        (0, DAY_S, DAY_S),
        (0, 7200, 1800),  # pulse by pulse, one hour of it also in the journal
        (DAY_S + 1800, DAY_S + 5400, 600),
        (3600, 10_800, 3600),  # part of a day: its files
    ],
)
def test_each_span_has_its_pulses_once(
    folder: Path, since: int, until: int, span: int, phase: str
) -> None:
    with opened(folder) as history:
        for number, name in enumerate(NAMES, 1):
            found = history.spans(name, START + since, START + until, span, phase)
            assert found == wanted(number, START + since, START + until, span, phase)
        assert (history.skipped, history.damaged) == ([], [])
        assert history.names() == sorted(NAMES)


def test_longer_spans_are_merged_from_buckets(folder: Path) -> None:
    with opened(folder) as history:
        (found,) = history.spans(NAMES[0], START, START + DAY_S, 7200 * 12).values()
        halves = history.spans(NAMES[0], START, START + DAY_S, 43_200)
        none = history.spans(NAMES[0], START, START + DAY_S, 43_200, buckets=False)
    exact = wanted(1, START, START + DAY_S, DAY_S, "")[START]
    assert found == exact
    whole = merged([*halves.values()])
    assert (whole.pulses, whole.ok, whole.unknown, whole.failed) == (
        exact.pulses, exact.ok, exact.unknown, exact.failed
    )  # fmt: skip
    assert (whole.reasons, whole.buckets, whole.exact) == (exact.reasons, exact.buckets, False)
    assert whole.quantiles is not None and exact.quantiles is not None
    assert [about // 32 for about in whole.quantiles] == [code // 32 for code in exact.quantiles]
    assert [each.quantiles for each in none.values()] == [None, None]


def test_a_roll_up_is_made_again_when_pulses_came_late(tmp_path: Path) -> None:
    pulses = [pulse(START + at, None, connect=10**6) for at in (0, 3600)]
    filled(tmp_path, pulses[:1])
    forget(tmp_path, list(compact.compact(tmp_path, now_ns(1))))
    path = rollup_path(tmp_path, "2024-10-04")
    assert rollup.make(tmp_path, (START + DAY_S + 3599) * 10**9) == []
    due_ns = (START + DAY_S + 3600) * 10**9
    assert [each.path for each in rollup.make(tmp_path, due_ns)] == [path]
    assert rollup.make(tmp_path, due_ns) == []
    filled(tmp_path, pulses[1:])
    forget(tmp_path, list(compact.compact(tmp_path, now_ns(2))))
    assert [each.path for each in rollup.make(tmp_path, due_ns)] == [path]
    with opened(tmp_path) as history:
        found = history.spans(NAMES[0], START, START + DAY_S, DAY_S)
    assert [each.pulses for each in found.values()] == [2]


def test_the_files_are_enough(folder: Path, tmp_path: Path) -> None:
    """Without the database, and with a file of some other place of the history."""
    shutil.copytree(folder / "history", tmp_path / "history")
    with opened(tmp_path) as history:
        assert history.names() == sorted(NAMES)
        assert not history.has(NAMES[0])
        found = history.spans(NAMES[0], START, START + DAY_S, 3600, "tls")
    assert found == wanted(1, START, START + DAY_S, 3600, "tls")


def test_100_000_targets(tmp_path: Path) -> None:
    filled(tmp_path, [pulse(START, None, n, connect=n) for n in range(1, 100_000, 99)])
    with sqlite3.connect(tmp_path / "watch.sqlite3") as database:
        rows = [(n + 1, f"target {n + 1}") for n in range(2, 100_000)]
        database.executemany(
            "INSERT INTO target (id, name, url, labels, every_ns, since_ns)"
            " VALUES (?, ?, '', '', 1, 0)", rows,
        )  # fmt: skip
    database.close()
    list(compact.compact(tmp_path, now_ns(1)))
    with opened(tmp_path) as history:
        assert len(history.names()) == 100_000
        found = history.spans("target 77716", START, START + 3600, 3600, "connect")
    code = log16.encode(77_716)
    assert found == {START: Row(pulses=1, ok=1, quantiles=(code,) * 4, buckets={code // 32: 1})}


def test_pulses_without_a_roll_up_are_never_deleted(tmp_path: Path) -> None:
    filled(tmp_path, [pulse(START, None, connect=5)])
    list(compact.compact(tmp_path, now_ns(1)))
    rollup.make(tmp_path, now_ns(24 * 400))
    assert hour_path(tmp_path, HOUR).exists()


def test_files_that_cannot_be_read_are_named_and_skipped(tmp_path: Path) -> None:
    pulses = [pulse(START + hour * 3600, None, connect=10**6) for hour in range(4)]
    filled(tmp_path, pulses)
    written = list(compact.compact(tmp_path, now_ns(4)))
    forget(tmp_path, written)
    cut, foreign, other = (hour_path(tmp_path, HOUR + n) for n in (0, 1, 2))
    os.truncate(cut, cut.stat().st_size // 2)
    with duckdb.connect() as database:
        database.execute(f"COPY (SELECT 'x' AS target) TO '{foreign}'")
        text = '{"version": 1, "kind": "rollup"}'
        database.execute(f"COPY (SELECT 1 AS x) TO '{other}' (KV_METADATA {{seventh: '{text}'}})")
    (cut.parent / "notes.txt").write_text("not ours", encoding="utf-8")
    (cut.parent / "24.parquet").write_text("not ours", encoding="utf-8")
    (tmp_path / "history" / "2024-02-30").mkdir()
    with opened(tmp_path) as history:
        found = history.spans(NAMES[0], START, START + 14_400, 3600)
        assert list(found) == [START + 3 * 3600]
        assert history.skipped == [
            Skipped(path=str(cut), why=f"No magic bytes found at end of file '{cut}'"),
            Skipped(
                path=str(foreign), why="is not of the history: its metadata has no key seventh"
            ),
            Skipped(path=str(other), why="has no pulses, but rollup"),
        ]
    made = rollup.make(tmp_path, now_ns(26))
    assert [each.why for each in made[0].skipped] == [each.why for each in history.skipped]


def test_a_folder_without_anything_is_empty(tmp_path: Path) -> None:
    with opened(tmp_path) as history:
        assert history.names() == []
        assert history.spans("x", START, START + 60, 60) == {}


def test_a_name_of_10_kb_and_quotes(tmp_path: Path) -> None:
    name = "http://[::1]:80/" + "'\"" * 5000
    filled(tmp_path, [pulse(START, None, connect=10**6), pulse(START + 3600, None, connect=5)])
    with sqlite3.connect(tmp_path / "watch.sqlite3") as database:
        database.execute("UPDATE target SET name = ? WHERE id = 1", (name,))
    database.close()
    forget(tmp_path, list(compact.compact(tmp_path, now_ns(1))))
    rollup.make(tmp_path, now_ns(26))
    with opened(tmp_path) as history:
        assert history.names() == [name, NAMES[1]]
        found = history.spans(name, START, START + 7200, 1800)
    assert [(at - START, each.pulses) for at, each in found.items()] == [(0, 1), (3600, 1)]


def test_the_bound_of_merged_quantiles() -> None:
    """The middle of a bucket is within 4.5 % of each duration in it."""
    edges = [log16.decode(5 * 32), log16.decode(5 * 32 + 31)]
    middle = log16.decode(5 * 32 + 16)
    assert max(abs(middle / edge - 1) for edge in edges) < 0.0451
    assert statistics.fmean(edges) == pytest.approx(middle, rel=0.01)
    assert files.VERSION == 1
