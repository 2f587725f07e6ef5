"""What was measured waits while there is room, on disks that are really full or read-only."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from seventh.watch import records
from seventh.watch.config import typed_targets
from seventh.watch.fleet import Snapshot
from seventh.watch.health import Health
from seventh.watch.history.files import hour_files
from seventh.watch.history.keeper import keep_once
from seventh.watch.history.retention import WAITING_NS, Dropped, drop
from seventh.watch.records import Batch
from seventh.watch.samples import HOUR_NS
from seventh.watch.store import Store
from tests.watch.history.made import DAY, NAMES, START, expected, filled, now_ns, present, some
from tests.watch.history.test_keeper import left
from tests.watch.made import pulse

PULSES_A_HOUR = 3600
HOURS = 36


def an_hour() -> Batch:
    """Pulses that take some 1.4 MB."""
    random.seed(1)
    names = [f"p{n}" for n in range(40)]
    pulses = [
        pulse(START + at, None, 1, **{name: random.getrandbits(60) for name in names})
        for at in range(PULSES_A_HOUR)
    ]
    return Batch(pulses=pulses, snapshot=Snapshot())


async def watched(folder: Path, hours: int) -> dict[str, object]:
    """Write hour after hour into a store whose history cannot be written; tell what happened."""
    store, health, first_hour = Store(folder), Health(), an_hour()
    with closing(store):
        config = typed_targets(NAMES, {}, 10.0)
        store.run(lambda db: records.register(db, config.targets, 0)).result(10)
        for hour in range(hours):
            later = hour * HOUR_NS
            batch = replace(
                first_hour,
                pulses=[replace(each, at_ns=each.at_ns + later) for each in first_hour.pulses],
            )
            await asyncio.wrap_future(
                store.run(lambda db, batch=batch: records.write(db, batch))  # type: ignore[misc]
            )
            if hour % 6 == 5:
                await keep_once(store, health, now_ns(hour + 1))
        first, count = store.run(
            lambda db: db.execute("SELECT min(first_ns), sum(pulses) FROM journal").fetchone()
        ).result()
    return {
        "told": health.history, "dropped": health.dropped, "kept": count,
        "first": first // HOUR_NS - DAY * 24, "files": len(hour_files(folder)),
    }  # fmt: skip


def on_a_disk(folder: Path, sizes: str, code: str) -> dict[str, object]:
    """Run ``code`` where ``folder`` is a file system of its own; skip where that is not allowed."""
    words = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    mount = f"mount -t tmpfs -o {sizes} none {folder}"
    if shutil.which("unshare") is None or subprocess.run([*words, mount], check=False).returncode:
        pytest.skip("user namespaces with mounts (unshare) are not permitted here")
    script = f'{mount} && exec {sys.executable} -c "$0"'
    done = subprocess.run(
        [*words, script, code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


_WATCHED = """
import asyncio, json, sys
from pathlib import Path
from tests.watch.history.test_retention import watched
folder = Path({folder!r})
{before}
print(json.dumps(asyncio.run(watched(folder, {hours}))))
"""
_IN_THE_WAY = "(folder / 'history').write_bytes(b'')"


def test_a_disk_that_fills_keeps_the_newest(tmp_path: Path) -> None:
    """The history cannot be written, so that the journal takes all there is."""
    code = _WATCHED.format(folder=str(tmp_path), before=_IN_THE_WAY, hours=HOURS)
    found = on_a_disk(tmp_path, "size=92m", code)
    dropped, first = found["dropped"], found["first"]
    assert isinstance(dropped, int)
    assert isinstance(first, int)
    assert 6 < first < HOURS
    assert dropped == first * PULSES_A_HOUR
    assert found["kept"] == (HOURS - first) * PULSES_A_HOUR
    told = str(found["told"]).partition("; ")
    assert told[0].endswith(".parquet: Not a directory")
    until = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(START + first * 3600))
    assert told[2].endswith(f" pulses of before {until} dropped from the journal")


@pytest.mark.parametrize(
    ("options", "why"),
    [("size=4k", "No space left on device"), ("ro", "Read-only file system")],
    ids=["full", "read-only"],
)
def test_a_history_that_cannot_be_written_for_days_loses_nothing(
    tmp_path: Path, options: str, why: str
) -> None:
    pulses = some(hours=3, every=10)
    filled(tmp_path, pulses)
    history = tmp_path / "history"
    history.mkdir()
    code = f"""
import asyncio, json
from contextlib import closing
from pathlib import Path
from seventh.watch.health import Health
from seventh.watch.history.keeper import keep_once
from seventh.watch.store import Store
health = Health()
with closing(Store(Path({str(tmp_path)!r}))) as store:
    asyncio.run(keep_once(store, health, {now_ns(3) + 10 * 24 * HOUR_NS}))
print(json.dumps([health.history, health.dropped]))
"""
    told, dropped = on_a_disk(history, options, code)
    assert (why in told, dropped) == (True, 0), told
    assert present(tmp_path) == expected(pulses)


async def test_after_14_days_it_is_dropped_and_counted(tmp_path: Path) -> None:
    pulses = some(hours=2)
    filled(tmp_path, pulses)
    (tmp_path / "history").write_bytes(b"")
    health = Health()
    with closing(Store(tmp_path)) as store:
        end_ns = START * 10**9 + HOUR_NS
        await keep_once(store, health, end_ns + WAITING_NS - 1)
        assert (left(store), health.dropped) == (2, 0)
        await keep_once(store, health, end_ns + WAITING_NS)
        assert (left(store), health.dropped) == (1, 12)
        assert health.history.partition("; ")[2] == (
            "12 pulses of before 2024-10-04 01:00 UTC dropped from the journal"
        )


def test_what_a_start_needs_stays(tmp_path: Path) -> None:
    filled(tmp_path, some(hours=1))
    with closing(Store(tmp_path)) as store:
        late = [pulse(START + 5, None)]
        store.run(lambda db: records.write(db, Batch(pulses=late))).result(10)
        dropped = store.run(lambda db: drop(db, tmp_path, now_ns(24 * 30), 0)).result(10)
        assert dropped == Dropped(pulses=12, until_ns=(START + 3600) * 10**9)
        assert store.run(lambda db: drop(db, tmp_path, now_ns(24 * 30), 0)).result(10) is None
    assert present(tmp_path) == expected(late)
