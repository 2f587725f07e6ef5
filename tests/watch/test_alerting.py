"""From the first failure to the notification, with real servers: its full check, and its cause."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from seventh.engine.check import check_one
from seventh.labkit.serve import Kit, tcp_server
from seventh.model.checklist import LineVerdict
from seventh.model.failure import Reason
from seventh.model.options import Options
from seventh.model.target import parse_target
from seventh.protocols import schemes
from seventh.protocols.tls import lab
from seventh.watch import alerting, runbook
from seventh.watch.alerts import VANTAGE, Alert
from seventh.watch.config import Config, WatchedTarget
from seventh.watch.evidence import Shared
from seventh.watch.grouping import Notification
from seventh.watch.keys import NotifyKeys
from seventh.watch.runbook import Runbook, evidence_of
from seventh.watch.verdict import Condition
from tests.options import changed
from tests.watch.made import REFUSED
from tests.watch.test_run import EVERY, POLICY, Peer, Watching, target, watching

MEMBERS = 6


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    server = Peer()
    async with tcp_server(server.serve) as server.port:
        yield server


async def notifications(it: Watching) -> list[Notification]:
    rows = await asyncio.wrap_future(
        it.store.run(lambda db: db.execute("SELECT data FROM notification ORDER BY id").fetchall())
    )
    return [msgspec.json.decode(data, type=Notification) for (data,) in rows]


async def sent(it: Watching, count: int = 1) -> list[Notification]:
    """Wait for notifications, looked for with each pulse."""
    async with asyncio.timeout(20):
        while len(found := await notifications(it)) < count:
            await it.watcher.alerting.queued.wait()
            it.watcher.alerting.queued.clear()
    return found


async def test_one_alert_for_all_certificates_of_one_issuer(
    kit: Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerting, "PATIENCE_SECONDS", 20.0)
    monkeypatch.setattr(runbook, "AT_ONCE", 0)
    (fault,) = (each for each in lab.FAULTS if each.name == "expired")
    async with lab.serve(fault, kit) as served:
        (one,) = parse_target(served.target, schemes())
        options = changed(Options(), **served.options)
        watched = [
            WatchedTarget(name=f"t{n}", target=one, options=options, every_ns=10 * EVERY,
                          policy=POLICY)
            for n in range(MEMBERS)
        ]  # fmt: skip
        async with watching(tmp_path, *watched) as it:
            await it.until(lambda: len(it.watcher.fleet.alerts) == MEMBERS)
            monkeypatch.setattr(runbook, "AT_ONCE", 2)
            made, *more = await sent(it)
            await it.watcher.checking.write()
            found = await asyncio.wrap_future(
                it.store.run(lambda db: db.execute("SELECT DISTINCT rule FROM finding").fetchall())
            )
    common = made.common
    assert (common.kind, common.reason, common.shared) == (
        Condition.DOWN, Reason.TLS_CERTIFICATE_EXPIRED, Shared.ISSUER,
    )  # fmt: skip
    assert more == []
    assert made.targets == tuple(range(1, MEMBERS + 1))
    evidence = made.evidence
    assert evidence is not None
    assert common.value == evidence.issuer
    assert evidence.failure is not None
    assert evidence.failure.reason is Reason.TLS_CERTIFICATE_EXPIRED
    failed = {line.text for line in evidence.lines if line.verdict is LineVerdict.FAIL}
    assert failed
    assert {line.verdict for line in evidence.lines} >= {LineVerdict.PASS, LineVerdict.FAIL}
    assert "TLS-CERT-EXPIRED" in {each.id for each in evidence.findings}
    assert ("TLS-CERT-EXPIRED",) in found


async def test_an_alert_does_not_wait_for_a_check_that_hangs(
    tmp_path: Path, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerting, "PATIENCE_SECONDS", 0.1)
    peer.silent = True
    slow = target(peer.port, scheme="ssh", options=Options(timeout_seconds=0.2))

    monkeypatch.setattr(runbook, "AT_ONCE", 0)  # it never comes to its turn
    async with watching(tmp_path, slow) as it:
        (made,) = await sent(it)
    assert (made.evidence, made.common.shared, made.common.value) == (
        None, Shared.NETWORK, "127.0.0.0/24",
    )  # fmt: skip


async def test_what_needs_something_that_fails_has_no_check(tmp_path: Path) -> None:
    parent, child = target(1, "parent"), replace(target(1, "child"), parents=("parent",))
    async with watching(tmp_path, parent, child) as it:
        (made,) = await sent(it)
        await it.until(lambda: len(it.watcher.fleet.alerts) == 2)
        book = it.watcher.alerting._runbook
        for number in (1, 2):  # the child may have failed first
            book.forget(number)
        await it.until(lambda: book.evidence(1) is not None)
        assert (book.evidence(2), 2 in book._running) == (None, False)
    assert made.targets == (1,)


async def test_a_recovery_ends_it_and_the_next_failure_has_its_own_check(
    tmp_path: Path, peer: Peer
) -> None:
    async with watching(tmp_path, target(peer.port)) as it:
        await it.until(lambda: it.condition(1) is Condition.UP)
        book = it.watcher.alerting._runbook
        assert book.evidence(1) is None
        it.watcher.alerting.observe(replace(it.watcher.last[1], cause=REFUSED))
        await book.changed.wait()  # by evidence, which the next pulse may have ended already
        await it.until(lambda: book.evidence(1) is None)  # its next pulse succeeds


async def test_few_checks_run_at_once_and_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runbook, "AT_ONCE", 2)
    monkeypatch.setattr(runbook, "A_MINUTE", 3)
    monkeypatch.setattr(runbook, "MOST_WAITING", 4)
    found: list[int] = []
    book = Runbook(lambda number, _, __: found.append(number))
    for number in (*range(7), 0):
        book.ask(number, target(1))
    assert ([*book._running], [*book._waiting]) == ([0, 1], [2, 3, 4, 5])
    while len(found) < 3:
        book.changed.clear()
        await book.changed.wait()
    assert found == [0, 1, 2]
    assert (len(book._running), [*book._waiting]) == (0, [3, 4, 5])
    book.ask(0, target(1))
    assert (0 in book._waiting, book.is_idle) == (False, False)
    book.forget(3)
    book._started.clear()  # a minute later
    book.start()
    assert [*book._running] == [4, 5]
    book.forget(4)
    await book.aclose()
    assert book.is_idle
    assert (book.evidence(0) is None, book.evidence(4)) == (False, None)


async def test_results_in_memory_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runbook, "_KEPT", 1)
    book = Runbook(lambda *_: None)
    for number in (1, 2):
        book.ask(number, target(1))
        await book.changed.wait()
        book.changed.clear()
    assert (book.evidence(1), book.evidence(2) is None) == (None, False)


async def test_evidence_of_a_report_without_tls() -> None:
    one = target(1)
    evidence = evidence_of(await check_one(one.target, one.options), 5)
    assert (evidence.at_ns, evidence.address, evidence.issuer) == (5, "127.0.0.1", "")


async def test_trouble_of_this_machine_is_for_every_receiver(tmp_path: Path) -> None:
    async with watching(tmp_path, target(1)) as it:
        keys = NotifyKeys(kind="webhook", name="ops", url="env:X", match={"team": "web"})
        it.watcher.config = Config(notify=(keys,), targets=it.watcher.config.targets)
        alert = Alert(target=VANTAGE, kind=Condition.UNKNOWN, since_ns=1, fired_ns=1)
        ours = it.watcher.alerting._suspect(alert, 1)
        theirs = it.watcher.alerting._suspect(replace(alert, target=1, kind=Condition.DOWN), 2)
    assert (ours.member.name, ours.receivers, theirs.receivers) == ("this machine", ("ops",), ())
