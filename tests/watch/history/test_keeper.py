"""The monitor's part: a child writes, and what it says is written leaves the journal."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from seventh.watch.health import Health
from seventh.watch.history.files import hour_files, hour_path
from seventh.watch.history.keeper import keep_once
from seventh.watch.store import Store
from tests.watch.history.made import DAY, expected, filled, now_ns, present, some


def left(store: Store) -> int:
    (count,) = store.run(lambda db: db.execute("SELECT count(*) FROM journal").fetchone()).result(
        10
    )
    assert isinstance(count, int)
    return count


async def test_hours_leave_the_journal_when_they_are_written(tmp_path: Path) -> None:
    health = Health()
    filled(tmp_path, some())
    with closing(Store(tmp_path)) as store:
        await keep_once(store, health, now_ns(1))
        assert (health.history, left(store)) == ("", 1)
        assert list(hour_files(tmp_path)) == [DAY * 24]
        await keep_once(store, health, now_ns(2))
        assert (health.history, left(store)) == ("", 0)
    assert present(tmp_path) == expected(some())


async def test_what_fails_is_told_until_it_works(tmp_path: Path) -> None:
    health = Health()
    filled(tmp_path, some())
    day = hour_path(tmp_path, DAY * 24).parent
    day.parent.mkdir()
    day.write_bytes(b"")  # in the way
    with closing(Store(tmp_path)) as store:
        await keep_once(store, health, now_ns(1))
        assert (health.history, left(store)) == (f"{day / '00.parquet'}: File exists", 2)
        day.unlink()
        await keep_once(store, health, now_ns(1))
        assert (health.history, left(store)) == ("", 1)
