"""Hours become files: exactly once, whatever is killed, damaged, late, or full."""

from __future__ import annotations

import os
import resource
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from seventh.watch import records
from seventh.watch.history import compact, files
from seventh.watch.history.compact import GRACE_NS, Written
from seventh.watch.history.database import HistoryError
from seventh.watch.history.files import hour_path
from seventh.watch.samples import HOUR_NS, Cause
from seventh.watch.store import Store
from tests.watch.history.made import DAY, START, expected, filled, now_ns, present, some
from tests.watch.made import REFUSED, pulse

HOUR = DAY * 24


def forget(folder: Path, written: list[Written]) -> None:
    store = Store(folder)
    try:
        for each in written:
            hour, seq = each.hour, each.seq
            store.run(lambda db: records.forget_hour(db, hour, seq)).result(10)  # noqa: B023
    finally:
        store.close()


def rows(path: Path) -> list[tuple[object, ...]]:
    with duckdb.connect() as database:
        return database.execute(f"SELECT * FROM read_parquet('{path}')").fetchall()  # noqa: S608


def test_an_hour_is_a_file_sorted_by_target_and_time(tmp_path: Path) -> None:
    filled(tmp_path, [
        pulse(START + 20, REFUSED, 2), pulse(START + 10, None, 2, tls=5, connect=7),
        pulse(START + 30, None, 1, connect=9),
    ])  # fmt: skip
    assert list(compact.compact(tmp_path, now_ns(1))) == [Written(hour=HOUR, seq=1)]
    ms = START * 1000
    assert rows(hour_path(tmp_path, HOUR)) == [
        ("ssh://a:22", 0, ms + 30_000, 0, None, None, None, None, 813),
        ("tcp://b:1", 0, ms + 10_000, 0, None, None, None, 595, 720),
        ("tcp://b:1", 0, ms + 20_000, 0, "connect-refused", "connect", "peer", None, None),
    ]
    assert hour_path(tmp_path, HOUR).relative_to(tmp_path) == Path("history/2024-10-04/00.parquet")


@pytest.mark.parametrize(("late_ns", "hours"), [(-1, []), (0, [HOUR])])
def test_an_hour_is_due_when_its_pulses_have_ended(
    tmp_path: Path, late_ns: int, hours: list[int]
) -> None:
    filled(tmp_path, some())
    at_ns = (HOUR + 1) * HOUR_NS + GRACE_NS + late_ns
    assert [each.hour for each in compact.compact(tmp_path, at_ns)] == hours


def test_what_follows_the_snapshot_stays(tmp_path: Path) -> None:
    filled(tmp_path, some(hours=1))
    store = Store(tmp_path)
    late = pulse(START + 5, None)
    store.run(lambda db: records.write(db, records.Batch(pulses=[late]))).result(10)
    store.close()
    written = list(compact.compact(tmp_path, now_ns(1)))
    forget(tmp_path, written)
    assert present(tmp_path) == expected([*some(hours=1), late])
    assert len(rows(hour_path(tmp_path, HOUR))) == len(some(hours=1))


def run_killed(folder: Path, kill_at: int) -> bool:
    """Compact in a child that is killed before the step ``kill_at``; return whether it ended.

    A step is each call of what changes the disk: making a folder, writing a file, fsync, rename,
    and the transaction that deletes from the journal; the last is the end of all.
    """
    child = os.fork()
    if child == 0:
        steps = 0

        def step() -> None:
            nonlocal steps
            steps += 1
            if steps == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

        def stepped(real: Callable[..., object]) -> Callable[..., object]:
            def call(*arguments: object, **named: object) -> object:
                step()
                return real(*arguments, **named)

            return call

        os.fsync = stepped(os.fsync)  # type: ignore[assignment]
        os.replace = stepped(os.replace)  # type: ignore[assignment]
        os.mkdir = stepped(os.mkdir)  # type: ignore[assignment]
        real_replace = files.replace
        files.replace = lambda path, make: real_replace(path, stepped(make))  # type: ignore[arg-type]
        real_forget = records.forget_hour

        def forget_hour(*arguments: Any) -> None:
            step()
            real_forget(*arguments)
            step()  # deleted, and not committed

        records.forget_hour = forget_hour
        code = 1
        try:
            for written in compact.compact(folder, now_ns(1)):
                forget(folder, [written])
            step()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return False
    assert os.waitstatus_to_exitcode(status) == 0
    return True


def test_kill_9_at_any_step_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    pulses = some(hours=1)
    filled(tmp_path / "0", pulses)
    ended, step = False, 0
    while not ended:
        step += 1
        folder = tmp_path / str(step)
        shutil.copytree(tmp_path / "0", folder)
        ended = run_killed(folder, step)
        forget(folder, list(compact.compact(folder, now_ns(1))))
        assert present(folder) == expected(pulses)
        assert list(folder.rglob(".*.new")) == []
    assert step == 13


def test_pulses_that_come_late_are_added(tmp_path: Path) -> None:
    """Also the same instant twice, as after a step of the clock: both are pulses."""
    pulses = some(hours=1)
    filled(tmp_path, pulses)
    forget(tmp_path, list(compact.compact(tmp_path, now_ns(1))))
    late = [pulse(START + 7, REFUSED, 1, connect=3), *pulses[:3]]
    filled(tmp_path, late)
    assert [each.hour for each in compact.compact(tmp_path, now_ns(1))] == [HOUR]
    found = rows(hour_path(tmp_path, HOUR))
    assert found == sorted(found, key=lambda row: (row[0], row[1], row[2]))  # type: ignore[index]
    forget(tmp_path, list(compact.compact(tmp_path, now_ns(1))))
    assert present(tmp_path) == expected([*pulses, *late])


def test_a_new_database_does_not_hide_what_the_old_one_had(tmp_path: Path) -> None:
    pulses = some(hours=1)
    filled(tmp_path, pulses)
    list(compact.compact(tmp_path, now_ns(1)))
    for path in tmp_path.glob("watch.sqlite3*"):
        path.unlink()
    late = [pulse(START + 11, None)]
    filled(tmp_path, late)  # its numbers begin again
    forget(tmp_path, list(compact.compact(tmp_path, now_ns(1))))
    assert present(tmp_path) == expected([*pulses, *late])


@pytest.mark.parametrize("kind", ["truncated", "foreign"])
def test_a_damaged_file_is_moved_aside_and_told(tmp_path: Path, kind: str) -> None:
    pulses = some(hours=1)
    path, aside = (
        hour_path(tmp_path, HOUR),
        hour_path(tmp_path, HOUR).with_suffix(".parquet.damaged"),
    )
    path.parent.mkdir(parents=True)
    if kind == "truncated":
        path.write_bytes(b"PAR1")
        why = f"{path}: File '{path}' too small to be a Parquet file"
    else:
        with duckdb.connect() as database:
            database.execute(f"COPY (SELECT 1 AS x) TO '{path}'")
        why = f"{path}: is not of the history: its metadata has no key seventh"
    filled(tmp_path, pulses)
    (written,) = compact.compact(tmp_path, now_ns(1))
    assert written.notes == (f"{why}; it is now {aside}",)
    assert aside.exists()
    forget(tmp_path, [written])
    assert present(tmp_path) == expected(pulses)


def test_a_file_of_a_later_seventh_is_not_touched(tmp_path: Path) -> None:
    path = hour_path(tmp_path, HOUR)
    path.parent.mkdir(parents=True)
    with duckdb.connect() as database:
        text = '{"version": 2, "kind": "pulses"}'
        database.execute(f"COPY (SELECT 1 AS x) TO '{path}' (KV_METADATA {{seventh: '{text}'}})")
    before = path.read_bytes()
    filled(tmp_path, some(hours=1))
    with pytest.raises(HistoryError) as caught:
        list(compact.compact(tmp_path, now_ns(1)))
    assert str(caught.value) == f"{path}: made by a later Seventh (version 2, this one knows 1)"
    assert path.read_bytes() == before


def test_a_full_disk_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    pulses = some(hours=1, every=1)
    filled(tmp_path, pulses)
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        try:
            with compact.reading(tmp_path):  # SQLite's shared memory is a file, too
                resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
                list(compact.compact(tmp_path, now_ns(1)))
        except HistoryError as error:
            os.write(write, str(error).encode())
        os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    with os.fdopen(read) as said:
        path = hour_path(tmp_path, HOUR)
        assert said.read() == f"{path}: File too large"
    assert present(tmp_path) == expected(pulses)
    assert list(path.parent.iterdir()) == []
    forget(tmp_path, list(compact.compact(tmp_path, now_ns(1))))
    assert present(tmp_path) == expected(pulses)


def test_a_cause_is_its_reason_phase_and_blame(tmp_path: Path) -> None:
    cause = Cause(REFUSED.reason, "it's", REFUSED.blame)
    filled(tmp_path, [pulse(START, cause, 1), pulse(START + 1, None, 1, tls=0)])
    list(compact.compact(tmp_path, now_ns(1)))
    ms = START * 1000
    assert rows(hour_path(tmp_path, HOUR)) == [
        ("ssh://a:22", 0, ms, 0, "connect-refused", "it's", "peer", None),
        ("ssh://a:22", 0, ms + 1000, 0, None, None, None, 0),
    ]
