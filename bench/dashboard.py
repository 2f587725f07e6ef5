"""The dashboard's pages of 10,000 targets: bytes and time, as a client on loopback sees them.

States and times are random, so that nothing is compressed by luck. One target has 90 days with a
change of its condition each hour. The server shares the process with the client, and pulses none.
"""

from __future__ import annotations

import asyncio
import http.client
import random
import time
from pathlib import Path

from tests.serve.made import Served, fleet, served

from bench.measure import figure
from bench.table import Table
from seventh.model.failure import Blame, Reason
from seventh.watch.samples import Cause
from seventh.watch.verdict import Condition

DAYS = 90
REFUSED = Cause(Reason.CONNECT_REFUSED, "connect", Blame.PEER)
PAGES = (("fleet", "/", 60.0, 150.0), ("fleet by label", "/?group=team", 60.0, 150.0),
         ("fleet, a search", "/?q=team%3Dweb&sort=latency", 60.0, 150.0),
         ("one target, 90 days", "/targets/1", 60.0, 200.0))  # fmt: skip
"""Each with the most kB and milliseconds."""


def run(folder: Path, quick: bool) -> list[Table]:
    return asyncio.run(tables(folder, 1000 if quick else 10_000, 3 if quick else 15))


async def tables(folder: Path, targets: int, rounds: int) -> list[Table]:
    table = Table(
        f"pages of {targets} targets",
        ("page", "kB, gzip", "median, ms", "worst, ms", "size", "time"),
    )  # fmt: skip
    random.seed(1)
    async with served(folder, *fleet(targets)) as it:
        await it.watcher.ready.wait()
        for number in it.watcher.targets:
            it.pulse(number, REFUSED if random.random() < 0.02 else None,
                     connect=round(random.lognormvariate(17, 1.3)))  # fmt: skip
        await asyncio.wrap_future(it.store.run(_remember))
        for name, path, most_kb, most_ms in PAGES:
            got = [await asyncio.to_thread(ask, it, path) for _ in range(rounds)]
            times = sorted(seconds * 1000 for _, seconds in got)
            size, middle = got[0][0] / 1000, times[len(times) // 2]
            table.add(
                name, figure(size), figure(middle), figure(times[-1]),
                table.hold(f"{name}: kB", size, most_kb),
                table.hold(f"{name}: ms", middle, most_ms),
            )  # fmt: skip
    return [table]


def _remember(database: object) -> None:
    now_ns = time.time_ns()
    kinds = (Condition.UP, Condition.UP, Condition.DEGRADED, Condition.UNKNOWN, Condition.DOWN)
    for hour in range(DAYS * 24):
        database.execute(  # type: ignore[attr-defined]
            "INSERT OR REPLACE INTO condition VALUES (1, 0, ?, ?, NULL, NULL, NULL)",
            (now_ns - (hour + 1) * 3600 * 10**9, random.choice(kinds)),
        )


def ask(it: Served, path: str) -> tuple[int, float]:
    """The bytes of an answer, and its seconds."""
    connection = http.client.HTTPConnection("127.0.0.1", it.port, timeout=30)
    connection.connect()
    begun = time.perf_counter()
    connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
    answer = connection.getresponse()
    content = answer.read()
    seconds = time.perf_counter() - begun
    connection.close()
    assert answer.status == 200, answer.status
    return len(content), seconds
