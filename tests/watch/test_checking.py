"""Scheduled full checks of real servers: behind the pulses, few at once, and what drifts."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from seventh.engine.check import check_one
from seventh.labkit.serve import Kit, tcp_server
from seventh.model.report import Report
from seventh.model.severity import Severity
from seventh.model.target import parse_target
from seventh.protocols import schemes
from seventh.protocols.tls import lab
from seventh.watch import checking
from seventh.watch.checking import Checking
from seventh.watch.config import WatchedTarget
from seventh.watch.evidence import Common
from seventh.watch.findings import Looked
from seventh.watch.health import Health
from seventh.watch.run import Watcher
from seventh.watch.verdict import Condition
from tests.options import changed
from tests.watch.test_alerting import sent
from tests.watch.test_findings import found
from tests.watch.test_run import EVERY, POLICY, Options, Watching, target, watching


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "SETTLE_SECONDS", 0.0)
    monkeypatch.setattr(checking, "PASS_SECONDS", 0.01)
    monkeypatch.setattr(checking, "A_MINUTE", 10_000)
    monkeypatch.setattr(Health, "overloaded", lambda *_: False)  # other tests may run beside


class Switch:
    """A port whose connections go to another port, which may change."""

    def __init__(self) -> None:
        self.to = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        other_reader, other_writer = await asyncio.open_connection("127.0.0.1", self.to)
        await asyncio.gather(_pass_on(reader, other_writer), _pass_on(other_reader, writer))


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@contextlib.asynccontextmanager
async def switched(kit: Kit, faulty: str) -> AsyncIterator[tuple[Switch, WatchedTarget, int, int]]:
    """A target behind a switch, and the ports of a clean server and of a faulty one."""
    (fault,) = (each for each in lab.FAULTS if each.name == faulty)
    switch = Switch()
    async with (
        lab.serve(None, kit) as clean,
        lab.serve(fault, kit) as wrong,
        tcp_server(switch.serve) as at,
    ):
        (one,) = parse_target(clean.target, schemes())
        (two,) = parse_target(wrong.target, schemes())
        watched = WatchedTarget(
            name="t", target=replace(one, port=at), options=changed(Options(), **clean.options),
            every_ns=10 * EVERY, policy=replace(POLICY, findings=Severity.MEDIUM),
            check_every_ns=EVERY,
        )  # fmt: skip
        yield switch, watched, one.port, two.port


def drifts(it: Watching) -> list[tuple[str, bool]]:
    return [(each.rule, each.gone) for each in it.seen.drift]


async def test_what_drifts_is_an_alert_until_it_is_gone(kit: Kit, tmp_path: Path) -> None:
    async with switched(kit, "no-tls13") as (switch, watched, clean, wrong):
        switch.to = clean
        async with watching(tmp_path, watched) as it:
            await it.until(lambda: 1 in it.watcher.checking._last)
            assert drifts(it) == []
            switch.to = wrong
            await it.until(lambda: ("TLS-NO13", False) in drifts(it))
            made = None
            while made is None:  # a check during which the server changes may find more
                several = await sent(it)
                made = next((n for n in several if n.common.phase == "TLS-NO13"), None)
            switch.to = clean
            await it.until(lambda: ("TLS-NO13", True) in drifts(it))
            rows = await asyncio.wrap_future(it.store.run(lambda db: db.execute(
                "SELECT resolved_ns > 0, given_up FROM incident WHERE phase = 'TLS-NO13'"
            ).fetchall()))  # fmt: skip
    assert made.common == Common(kind=Condition.FINDING, phase="TLS-NO13")
    assert made.evidence is not None
    assert [each.id for each in made.evidence.findings] == ["TLS-NO13"]
    assert rows[0] == (1, 0)


async def test_what_is_down_is_checked_again_and_again_until_it_is_whole(tmp_path: Path) -> None:
    async with watching(tmp_path, target(1, check_every_ns=24 * EVERY)) as it:
        await it.until(lambda: len(it.watcher.checking._started) >= 3)
        assert it.watcher.checking._last == {}


@pytest.mark.parametrize("why", ["busy", "overloaded"])
async def test_pulses_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    every = [target(1, f"t{n}", every_ns=10 * EVERY, check_every_ns=EVERY) for n in range(9)]
    blocked, began, running, most = True, 0, 0, 0

    async def check(*given: Any) -> Report:
        nonlocal began, running, most
        began, running = began + 1, running + 1
        most = max(most, running)
        try:
            return await check_one(*given)
        finally:
            running -= 1

    monkeypatch.setattr(checking, "check_one", check)
    monkeypatch.setattr(checking, "AT_ONCE", 2)
    if why == "busy":
        monkeypatch.setattr(Watcher, "is_busy", property(lambda _: blocked))
    else:
        monkeypatch.setattr(Health, "overloaded", lambda *_: blocked)
    async with watching(tmp_path, *every) as it:
        await it.until(lambda: it.watcher.health.ran >= 30)
        assert began == 0
        blocked = False
        await it.until(lambda: began > 9)
        assert most == 2


async def test_a_reload_ends_the_checks_and_their_alerts(tmp_path: Path) -> None:
    watched = target(1, policy=replace(POLICY, findings=Severity.LOW))
    async with watching(tmp_path, watched) as it:
        await it.until(lambda: it.watcher.health.ran >= 1)
        it.watcher.checking.note(Looked(target=1, at_ns=1, findings=(found("A"),), series=True))
        await it.until(lambda: drifts(it) == [("A", False)])
        await it.until(lambda: len(it.watcher.fleet.alerts) == 1)
        await sent(it, 2)
        config = it.watcher.config
        await it.watcher.reload(replace(config, targets=(replace(watched, policy=POLICY),)))
        ended: list[tuple[int]] = []
        while not ended:
            await it.watcher.alerting.queued.wait()
            it.watcher.alerting.queued.clear()
            ended = await asyncio.wrap_future(it.store.run(lambda db: db.execute(
                "SELECT given_up FROM incident WHERE kind = 'finding' AND resolved_ns > 0"
            ).fetchall()))  # fmt: skip
        assert ended == [(1,)]


async def test_what_cannot_be_stored_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watching(tmp_path, target(1)) as it:
        await it.until(lambda: it.watcher.health.ran >= 1)
        await asyncio.wrap_future(
            it.store.run(lambda db: db.execute("ALTER TABLE finding RENAME TO away"))
        )
        checks: Checking = it.watcher.checking
        checks.note(Looked(target=1, at_ns=1, findings=(found("A"),), series=True))
        with pytest.raises(Exception, match="no such table: finding"):
            await checks.write()
        await asyncio.wrap_future(
            it.store.run(lambda db: db.execute("ALTER TABLE away RENAME TO finding"))
        )
        await it.until(lambda: drifts(it) == [("A", False)])
    assert msgspec.json.encode([*checks._waiting]) == b"[]"
