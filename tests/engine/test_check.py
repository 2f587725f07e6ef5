"""Checking: one place types every failure, many run at once, an interrupt keeps what there is."""

from __future__ import annotations

import asyncio
import time

import pytest

from seventh import protocols
from seventh.engine.check import as_failed, check_many, check_one, pulse_one
from seventh.labkit.serve import free_port, tcp_server
from seventh.model.failure import Blame, Failed, Reason
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.severity import Status
from seventh.model.target import Target
from seventh.rules.run import Selection
from tests.reports import metrics

OPTIONS = Options(timeout_seconds=3)


def tcp(port: int) -> Target:
    return Target(scheme="tcp", host="127.0.0.1", port=port)


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 hello FTP\r\n")
    await reader.read()


async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def test_a_report_is_whole() -> None:
    async with tcp_server(greet) as port:
        report = await check_one(tcp(port), OPTIONS)
    assert report.failure is None
    assert report.status is Status.OK
    assert report.protocol == "net"
    assert report.target == f"tcp://127.0.0.1:{port}"
    assert metrics(report)["seventh_up"] == 1.0
    assert metrics(report)["seventh_rtt_seconds"] > 0
    assert 'seventh_phase_seconds{phase="connect"}' in metrics(report)
    assert "NET-PORT-STATE" in report.passed
    told = {*report.passed, *(s.id for s in report.skipped), *(f.id for f in report.findings)}
    assert told == {rule.id for rule in protocols.rules("net")}


async def test_a_refused_port_fails_and_is_found() -> None:
    report = await check_one(tcp(free_port()), OPTIONS)
    assert report.failure is not None
    assert report.failure.reason is Reason.CONNECT_REFUSED
    assert report.failure.phase == "connect"
    assert [f.id for f in report.findings] == ["NET-PORT-STATE"]
    assert report.status is Status.CRITICAL
    assert metrics(report)["seventh_up"] == 0.0
    key = 'seventh_errors_total{phase="connect",class="connect-refused"}'
    assert metrics(report)[key] == 1.0


async def test_a_pulse_runs_no_rules() -> None:
    async with tcp_server(greet) as port:
        report = await pulse_one(tcp(port), OPTIONS)
    assert report.failure is None
    assert not (report.findings or report.skipped or report.passed)


async def test_rules_are_chosen() -> None:
    report = await check_one(
        tcp(free_port()), OPTIONS, Selection(skip=frozenset({"NET-PORT-STATE"}))
    )
    assert report.findings == ()


async def test_a_bug_of_ours_is_told_as_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(ctx: object) -> None:
        raise ZeroDivisionError("oh\x1b[31m no")

    monkeypatch.setattr(protocols.part("net", "probe"), "check", broken)
    report = await check_one(tcp(1), OPTIONS)
    assert report.failure is not None
    assert report.failure.reason is Reason.INTERNAL
    assert report.failure.blame is Blame.SEVENTH
    assert "\x1b" not in report.failure.detail
    assert report.status is Status.UNKNOWN


async def test_unusable_options_cost_only_their_own_target() -> None:
    async with tcp_server(greet) as port:
        bad = Options(timeout_seconds=3, ca_file=__file__)
        target = Target(scheme="tls", host="127.0.0.1", port=port)
        reports = await collect([(target, bad), (tcp(port), OPTIONS)], parallel=2)
    assert reports[0].failure is not None
    assert reports[0].failure.reason is Reason.OPTIONS_UNUSABLE
    assert "no PEM certificate" in reports[0].failure.detail
    assert reports[0].status is Status.UNKNOWN
    assert reports[1].failure is None


def test_a_timeout_is_silence() -> None:
    assert as_failed(TimeoutError()).reason is Reason.PEER_SILENT
    failed = Failed(Reason.PEER_CLOSED, "x")
    assert as_failed(failed) is failed


async def collect(
    jobs: list[tuple[Target, Options]], *, parallel: int, stop: asyncio.Event | None = None
) -> dict[int, Report]:
    return {i: r async for i, r in check_many(jobs, parallel=parallel, stop=stop)}


async def test_many_run_at_once_but_no_more_than_asked() -> None:
    now, most = 0, 0
    three = asyncio.Event()

    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        if now == 3:
            three.set()
        await three.wait()
        writer.write(b"220 hello FTP\r\n")
        await reader.read()
        now -= 1

    async with tcp_server(count) as port:
        target = Target(scheme="ssh", host="127.0.0.1", port=port)
        reports = await collect([(target, OPTIONS)] * 9, parallel=3)
    assert sorted(reports) == list(range(9))
    assert most == 3
    reasons = {r.failure.reason for r in reports.values() if r.failure}
    assert reasons == {Reason.PROTOCOL_MISMATCH}


async def test_an_interrupt_hands_in_what_was_learnt() -> None:
    stop = asyncio.Event()
    connected = asyncio.Event()

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.set()
        await reader.read()

    async with tcp_server(hold) as port:
        target = Target(scheme="ssh", host="127.0.0.1", port=port)
        jobs = [(target, OPTIONS)] * 3

        async def interrupt() -> None:
            await connected.wait()
            stop.set()

        interrupting = asyncio.create_task(interrupt())
        started = time.monotonic()
        reports = await collect(jobs, parallel=1, stop=stop)
        await interrupting
    assert time.monotonic() - started < 2
    assert len(reports) == 1
    (report,) = reports.values()
    assert report.failure is not None
    assert report.failure.reason is Reason.INTERRUPTED
    assert report.status is Status.UNKNOWN


async def test_a_cancelled_check_is_cancelled() -> None:
    async with tcp_server(wait) as port:
        target = Target(scheme="ssh", host="127.0.0.1", port=port)
        task = asyncio.create_task(check_one(target, OPTIONS))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
