"""Series of real servers: kept, judged beside each other, stored and found again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from seventh.labkit.serve import Kit
from seventh.model.pathseries import PathSeries, Span
from seventh.model.target import parse_target
from seventh.protocols import schemes
from seventh.protocols.ntp.lab.responder import Responder
from seventh.protocols.ntp.lab.setup import Setup as NtpSetup
from seventh.protocols.snmp.lab import CLEAN, serve_setup
from seventh.watch import checking, series
from seventh.watch.config import WatchedTarget
from seventh.watch.series import SeriesOfTargets
from tests.options import changed
from tests.watch.test_run import EVERY, POLICY, Options, Peer, Watching, target, watching
from tests.watch.test_run import peer as peer  # noqa: PLC0414 - a fixture


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series, "ROUND_SECONDS", 0.02)
    monkeypatch.setattr(checking, "PASS_SECONDS", 0.01)


def drifts(it: Watching) -> set[tuple[int, str, bool]]:
    return {(each.target, each.rule, each.gone) for each in it.seen.drift}


async def test_a_clock_that_jumps_beside_one_that_does_not(tmp_path: Path) -> None:
    saw = Responder(replace(NtpSetup(), shifts=(0.0, 5.0)))
    even = Responder(NtpSetup())
    for each in (saw, even):
        each.start()
    watched = [
        target(each.port, name, "ntp", every_ns=5 * EVERY)
        for name, each in (("saw", saw), ("even", even))
    ]
    try:
        async with watching(tmp_path, *watched) as it:
            await it.until(lambda: (1, "NTP-VM-STEP", False) in drifts(it))
        assert {each for each in drifts(it) if each[1] == "NTP-VM-STEP"} == {
            (1, "NTP-VM-STEP", False)
        }
    finally:
        saw.stop()
        even.stop()


async def test_two_agents_with_one_engine_id(kit: Kit, tmp_path: Path) -> None:
    other = replace(CLEAN, address="127.0.0.2", clock_shift_seconds=3600)
    async with serve_setup(CLEAN, kit) as one, serve_setup(other, kit) as two:
        watched = [
            WatchedTarget(
                name=name, target=parse_target(each.target, schemes())[0],
                options=changed(Options(), retries=0), every_ns=5 * EVERY, policy=POLICY,
            )
            for name, each in (("one", one), ("two", two))
        ]  # fmt: skip
        async with watching(tmp_path, *watched) as it:
            await it.until(lambda: {
                (1, "SNMP-ENGINE-DUP", False), (2, "SNMP-ENGINE-DUP", False)
            } <= drifts(it))  # fmt: skip


async def test_series_survive_a_restart_and_not_their_target(tmp_path: Path, peer: Peer) -> None:
    watched = target(peer.port)
    async with watching(tmp_path, watched) as it:
        await it.until(lambda: it.watcher.health.ran >= 3)
    kept = it.watcher.series._kept[1]["net"]
    assert isinstance(kept, PathSeries)
    assert kept.connections >= 2
    async with watching(tmp_path, watched) as again:
        await again.until(lambda: again.watcher.health.ran >= 1)
        more = again.watcher.series._kept[1]["net"]
        assert isinstance(more, PathSeries)
        assert more.connections > kept.connections
        await again.watcher.reload(replace(again.watcher.config, targets=(target(1, "b"),)))
        await again.until(lambda: 1 not in again.watcher.series._kept)


async def test_series_that_cannot_be_read_begin_again(tmp_path: Path, peer: Peer) -> None:
    async with watching(tmp_path, target(peer.port)) as it:
        await it.until(lambda: it.watcher.health.ran >= 1)
        rows = [(1, "net", b"\xc1"), (1, "gone", b"\x80"), (2, "net", b"\x80")]
        await asyncio.wrap_future(it.store.run(lambda db: series.keep(db, rows)))
        fresh = SeriesOfTargets(it.store, it.watcher)
        await fresh.begin()
        assert fresh._kept == {2: {"net": PathSeries()}}


async def test_a_verdict_is_noted_when_it_changes_and_hourly(tmp_path: Path) -> None:
    async with watching(tmp_path, target(1)) as it:
        await it.until(lambda: it.watcher.health.ran >= 1)
        own = SeriesOfTargets(it.store, it.watcher)
        noted: list[int] = []
        it.watcher.checking.note = lambda look: noted.append(look.at_ns)  # type: ignore[method-assign]
        lossy = PathSeries(spans=(span(retransmits=500),))
        own._kept[1] = {"net": lossy}
        for now in (1, 2, 3600 * 10**9 + 1):
            await own.judge(now)
        own._kept[1] = {"net": PathSeries(spans=(span(retransmits=0),))}
        for now in (5, 10**15):
            await own.judge(now)
        assert noted == [1, 3600 * 10**9 + 1, 5]


def span(*, retransmits: int) -> Span:
    return Span(from_ns=0, segments=1000, retransmits=retransmits)
