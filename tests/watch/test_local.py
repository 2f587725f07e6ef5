"""Looks at this machine by the watch: findings, samples and metrics of a target like others."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from pathlib import Path

from msgspec.structs import replace

from seventh.model.failure import Blame, Reason
from seventh.model.options import Options
from seventh.model.sample import Sample
from seventh.watch import local
from seventh.watch.config import Config, WatchedTarget, read
from seventh.watch.local import StoredSample, look_here, note_samples, samples
from seventh.watch.samples import Outcome, cause_of
from seventh.watch.schema import migrate
from tests.serve.made import served, target

SOURCE = (("source", "local"),)


def machine(*areas: str) -> WatchedTarget:
    (made,) = read("s.toml", f"[local]\nareas = {json.dumps(areas)}\n", {}).targets
    return replace(made, every_ns=200_000_000)


async def test_a_look_is_a_target_with_samples(tmp_path: Path) -> None:
    config = Config(targets=(machine("sockets"), target(1, "gone")))
    async with served(tmp_path, config=config) as it:
        await it.pulsed()
        page = (await it.ask("/metrics")).body
        name = "seventh_ws_tcp_sockets"
        assert f'\n{name}{{target="local",source="local"}} ' in page
        assert 'protocol="local"' in page
        assert it.watcher.last[1].outcome is Outcome.OK
        path = f"/api/v1/samples?target=local&name={name}"
        content: dict[str, list[dict[str, object]]] = {"samples": []}
        async with asyncio.timeout(20):
            while not content["samples"]:
                content = json.loads((await it.ask(path)).body)
        newest = content["samples"][0]
        assert (newest["name"], newest["labels"]) == (name, {"source": "local"})
        assert (await it.ask(f"{path}&seconds=0")).body.endswith('"samples":[]}')
        assert (await it.ask("/api/v1/samples?target=x")).status == 404
        assert (await it.ask("/api/v1/check?target=local", "POST")).status == 404
        await it.watcher.series.judge(1)
        assert it.watcher.series._kept.keys() <= {2}


async def test_a_look_that_takes_too_long_says_nothing_of_the_machine() -> None:
    slow = replace(machine("web", "mail"), options=Options(timeout_seconds=1e-6))
    report = await look_here(slow)
    assert report.failure is not None
    assert (report.failure.reason, report.failure.blame, report.metrics) == (
        Reason.LOCAL_RESOURCE, Blame.LOCAL, (),
    )  # fmt: skip
    cause = cause_of(report)
    assert cause is not None
    assert cause.outcome is Outcome.UNKNOWN


def test_samples_are_kept_for_a_time() -> None:
    database = sqlite3.connect(":memory:", isolation_level=None)
    migrate(database, "memory")
    day = 86_400 * 10**9
    for at in (0, 1, 15):
        several = [Sample("a", SOURCE, float(at)), Sample("b", (), 0.5)]
        note_samples(database, 1, at * day, several)
    note_samples(database, 2, 0, [Sample("a", (), 9.0)])
    of_a = [
        StoredSample(at_ns=at * day, name="a", labels=SOURCE, value=float(at)) for at in (15, 1)
    ]
    assert samples(database, 1, "a", 0) == of_a
    assert samples(database, 1, "a", 2 * day) == of_a[:1]
    assert [each.name for each in samples(database, 1, None, 2 * day)] == ["a", "b"]
    assert [each.value for each in samples(database, 2, None, 0)] == [9.0]
    assert 14 * day == local.KEPT_NS
    database.close()
