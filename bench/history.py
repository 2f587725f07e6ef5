"""The history of ``seventh watch``: bytes a pulse, the child that writes an hour, and queries.

The journal is written as the monitor writes it, with times of 8 % noise; further hours and days are
the first one, moved. ``python -m bench.history --full`` has a year of 200 targets.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.measure import figure
from bench.table import Table
from seventh.watch import journal
from seventh.watch.history import files, rollup
from seventh.watch.history.database import connect
from seventh.watch.history.files import Meta, hour_path, rollup_path
from seventh.watch.history.query import opened
from seventh.watch.samples import Pulse
from seventh.watch.store import Store

EVERY = 10
COMMITS = 4
"""Commits a second."""
DAY = 20_000
START = DAY * 86_400
PHASES = ("resolve", "connect", "tls", "http.request", "http.body")
MOST_BYTES, MOST_SECONDS, MOST_MIB, MOST_DAY_MS, MOST_YEAR_MS = 9.0, 1.0, 400.0, 40.0, 150.0
_CHILD = """
import json, re, sys, time
from pathlib import Path
begun = time.perf_counter(), time.process_time()
from seventh.watch.history.compact import compact
folder, now_ns = Path(sys.argv[1]), int(sys.argv[2])
done = list(compact(folder, now_ns))
print(json.dumps({
    "wall": time.perf_counter() - begun[0], "cpu": time.process_time() - begun[1],
    "mib": int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024,
}))
"""
_ROLL_UP = _CHILD.replace("compact import compact", "rollup import make as compact")


def name(number: int) -> str:
    return f"https://host{number:06}.example.org/"


def fill(folder: Path, targets: int) -> None:
    """Write an hour into the journal of a new store."""
    random.seed(1)
    noise = [2 ** random.gauss(0, 0.115) for _ in range(100_003)]
    base = [
        [round(1e6 * random.lognormvariate(0, 1) * (n + 1)) for n in range(5)]
        for _ in range(targets)
    ]
    commit = max(1, targets // (EVERY * COMMITS))
    store = Store(folder)

    def write(database: object) -> None:
        execute = database.execute  # type: ignore[attr-defined]
        for number in range(targets):
            execute(
                "INSERT INTO target (id, name, url, labels, every_ns, since_ns)"
                " VALUES (?, ?, '', '{}', 0, 0)",
                (number + 1, name(number)),
            )
        at = 0
        for second in range(0, 3600, EVERY):
            for first in range(0, targets, commit):
                pulses = []
                for number in range(first, min(first + commit, targets)):
                    at += 1
                    slot = (START + second) * 10**9 + number * EVERY * 10**9 // targets
                    lag = round(2e6 * noise[at * 13 % 100_003])
                    durations = [
                        round(ns * noise[(at * 7 + n) % 100_003])
                        for n, ns in enumerate(base[number])
                    ]
                    pulses.append(
                        Pulse(
                            target=number + 1, at_ns=slot + lag, lag_ns=lag,
                            phases=tuple(zip(PHASES, durations, strict=True)),
                        )
                    )  # fmt: skip
                data, began = journal.encode(pulses), pulses[0].at_ns
                execute(
                    "INSERT INTO journal (vantage, first_ns, last_ns, pulses, data)"
                    " VALUES (0, ?, ?, ?, ?)",
                    (began, began, len(pulses), data),
                )
        execute("INSERT INTO snapshot SELECT 1, max(seq), x'' FROM journal")

    store.run(write).result()
    store.close()


def child(code: str, folder: Path, hours: int) -> dict[str, float]:
    """Run one of the steps in a process of its own, as the monitor does."""
    now_ns = (START + hours * 3600) * 10**9
    words = [sys.executable, "-c", code, str(folder), str(now_ns)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    got: dict[str, float] = json.loads(done.stdout)
    return got


def moved(folder: Path, hours: int) -> None:
    """Make further hours of the first one."""
    source = hour_path(folder, DAY * 24)
    with connect(folder / "spill") as database:
        for hour in range(1, hours):
            files.write(
                database, hour_path(folder, DAY * 24 + hour),
                f"SELECT * REPLACE (at_ms + {hour * 3_600_000} AS at_ms)"  # noqa: S608
                f" FROM read_parquet('{source}')",
                Meta(phases=tuple(sorted(PHASES))),
            )  # fmt: skip


def moved_days(folder: Path, days: int) -> None:
    """Make further roll-ups of the first one."""
    source = rollup_path(folder, "2024-10-04")
    with connect(folder / "spill") as database:
        for day in range(1, days):
            at = time.strftime("%Y-%m-%d", time.gmtime(START + day * 86_400))
            files.write(
                database, rollup_path(folder, at),
                f"SELECT * REPLACE (at_ms + {day * 86_400_000} AS at_ms)"  # noqa: S608
                f" FROM read_parquet('{source}')",
                Meta(kind="rollup"),
            )  # fmt: skip
    rollup.make(folder, (START + (days + 1) * 86_400) * 10**9)  # merges those of past months


def query_ms(folder: Path, target: str, seconds: int, span: int, *, buckets: bool) -> list[float]:
    """Milliseconds of a query, in a database that is open, and the number of its spans."""
    times = []
    with opened(folder) as history:
        for _ in range(7):
            begun = time.perf_counter()
            found = history.spans(target, START, START + seconds, span, buckets=buckets)
            times.append((time.perf_counter() - begun) * 1000)
            assert len(found) == seconds // span, len(found)
    return sorted(times)


def _rollups(folder: Path) -> int:
    return len(files.rollup_files(folder)) + len(files.month_files(folder))


def run(folder: Path, quick: bool) -> list[Table]:
    return tables(folder, 1000 if quick else 10_000, 30 if quick else 365)


def tables(folder: Path, targets: int, days: int) -> list[Table]:
    big, small = folder / "big", folder / "small"
    hour = Table(
        f"an hour of {targets} targets, every {EVERY} s, five phases; one thread",
        ("step", "wall, s", "cpu, s", "most memory, MiB", "bytes each", "time", "memory", "size"),
        notes=("Bytes: a pulse of the hour's file; a phase of a target and hour in the roll-up.",),
    )  # fmt: skip
    fill(big, targets)
    got = child(_CHILD, big, 2)
    size = hour_path(big, DAY * 24).stat().st_size / (targets * 360)
    hour.add(
        "journal to file", figure(got["wall"]), figure(got["cpu"]), figure(got["mib"]),
        figure(size), hour.hold("an hour: CPU", got["cpu"], MOST_SECONDS),
        hour.hold("an hour: memory", got["mib"], MOST_MIB),
        hour.hold("bytes a pulse", size, MOST_BYTES),
    )  # fmt: skip
    fill(small, 200)
    child(_CHILD, small, 2)
    moved(small, 24)
    got = child(_ROLL_UP, small, 25)
    size = rollup_path(small, "2024-10-04").stat().st_size / (200 * 25 * 6)
    hour.add(
        "a day of 200 targets to its roll-up", figure(got["wall"]), figure(got["cpu"]),
        figure(got["mib"]), figure(size), "", hour.hold("a roll-up: memory", got["mib"], MOST_MIB),
        "",
    )  # fmt: skip
    moved(big, 24)
    moved_days(small, days)
    queries = Table("queries of one target", ("query", "files", "median, ms", "worst, ms", "time"))
    for what, many, folder_, span, most in (
        (f"24 h of {targets} targets, pulse by pulse", 1, big, 1800, MOST_DAY_MS),
        (f"hourly p95 of {days} days", days, small, 3600, MOST_YEAR_MS),
        (f"daily p95 of {days} days", days, small, 86_400, MOST_YEAR_MS),
    ):
        times = query_ms(folder_, name(111), many * 86_400, span, buckets=False)
        middle = times[len(times) // 2]
        queries.add(
            what, str(24 if many == 1 else _rollups(small)), figure(middle), figure(times[-1]),
            queries.hold(what, middle, most),
        )  # fmt: skip
    return [hour, queries]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.history")
    parser.add_argument("--full", action="store_true", help="10,000 targets and a year of 200")
    full = parser.parse_args().full
    with tempfile.TemporaryDirectory(prefix="seventh-bench-") as folder:
        for table in run(Path(folder), quick=not full):
            table.show()


if __name__ == "__main__":
    main()
