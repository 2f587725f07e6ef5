"""Checking: one place types every failure, many run at once, an interrupt keeps what there is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from seventh import protocols
from seventh.engine.check import as_failed, check_many, check_one, prepare, pulse_one
from seventh.labkit.serve import free_port, tcp_server
from seventh.model.failure import Blame, Failed, Reason, UsageError
from seventh.model.netfacts import Attempt, Ended, NetFacts
from seventh.model.options import Options
from seventh.model.phase import Phase
from seventh.model.report import Report, Skipped
from seventh.model.severity import Status
from seventh.model.target import Target
from seventh.net.probe_context import ProbeContext
from seventh.net.wait import DeadlineError
from seventh.protocols.http.facts import HttpFacts
from seventh.rules.rule import Source
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
    elsewhere = {Source.LOCAL, Source.SERIES}
    here = {rule.id for rule in protocols.rules("net") if rule.source in elsewhere}
    assert here == {"NET-LISTEN-ALL", "SNMP-TRAPD-VULN", "NET-RETRANS"}
    assert told == {rule.id for rule in protocols.rules("net")} - here


async def test_a_rule_of_the_machine_itself_is_skipped_only_if_it_is_named() -> None:
    async with tcp_server(greet) as port:
        named = Selection(only=frozenset({"NET-LISTEN-ALL", "NET-PORT-STATE"}))
        report = await check_one(tcp(port), OPTIONS, named)
    assert report.passed == ("NET-PORT-STATE",)
    assert report.skipped == (
        Skipped(
            id="NET-LISTEN-ALL",
            reason="visible only on the machine itself: run `seventh local ports` there",
        ),
    )


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


# -- what a report is made of ----------------------------------------------------------------------


PLEASE = "please report this with the type of the target"


def _raise(error: Exception) -> Failed:
    try:
        raise error
    except Exception as caught:  # noqa: BLE001 - whatever was given
        return as_failed(caught)


@pytest.mark.parametrize(
    ("error", "reason", "detail"),
    [
        (TimeoutError(), Reason.PEER_SILENT,
         "the check timed out; raise --timeout for a slow peer"),
        (DeadlineError(), Reason.PEER_SILENT,
         "the check timed out; raise --timeout for a slow peer"),
        (ValueError("no"), Reason.INTERNAL,
         f"ValueError: no at _raise:{{line}}; {PLEASE}"),
        (ValueError("x" * 300), Reason.INTERNAL,
         f"ValueError: {'x' * 188}… at _raise:{{line}}; {PLEASE}"),
        (KeyError("a\nb"), Reason.INTERNAL,
         rf"KeyError: 'a\nb' at _raise:{{line}}; {PLEASE}"),
    ],
)  # fmt: skip
def test_every_exception_has_its_reason(error: Exception, reason: Reason, detail: str) -> None:
    failed = _raise(error)
    line = _raise.__code__.co_firstlineno + 2
    assert (failed.reason, failed.detail) == (reason, detail.format(line=line))


def test_an_exception_without_a_place_has_none() -> None:
    assert as_failed(ValueError("no")).detail == (
        "ValueError: no; please report this with the type of the target"
    )


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The network's probe, whose ``check`` and ``pulse`` a test sets."""
    probe = SimpleNamespace()
    part = protocols.part
    monkeypatch.setattr(
        protocols,
        "part",
        lambda room, name: probe if name == "probe" else part(room, name),
    )
    return probe


@pytest.mark.parametrize(
    ("error", "phase"),
    [
        (ValueError("x"), "b"),
        (UsageError("x"), "b"),
        (Failed(Reason.PEER_CLOSED, "x"), "b"),
        (Failed(Reason.PEER_CLOSED, "x", phase="mine"), "mine"),
    ],
)
async def test_a_failure_has_the_last_phase_that_failed(
    room: SimpleNamespace, error: Exception, phase: str
) -> None:
    first = Phase(name="a", start_seconds=0, seconds=1, clock="user", outcome="failed")

    async def check(ctx: ProbeContext) -> None:
        ctx.watch.phases += [
            first,
            replace(first, name="b"),
            replace(first, name="c", outcome="ok"),
        ]
        raise error

    room.check = check
    report = await check_one(tcp(1), OPTIONS)
    assert report.failure is not None
    assert report.failure.phase == phase


async def test_a_failure_outside_of_every_phase_has_none(room: SimpleNamespace) -> None:
    async def check(ctx: ProbeContext) -> None:
        raise ValueError("x")

    room.check = check
    report = await check_one(tcp(1), OPTIONS)
    assert report.failure is not None
    assert report.failure.phase == "-"


@pytest.mark.parametrize(
    ("failed", "theirs"),
    [
        (Failed(Reason.PEER_CLOSED, "x", phase="a"), True),
        (Failed(Reason.CONNECT_TIMEOUT, "x", phase="a", blame=Blame.NETWORK), True),
        (Failed(Reason.RESOLVE_NXDOMAIN, "x", phase="a"), True),
        (Failed(Reason.CONNECT_TIMEOUT, "x", phase="a", blame=Blame.LOCAL), False),
        (Failed(Reason.INTERNAL, "x", phase="a"), False),
    ],
)
async def test_facts_say_how_a_check_ended(
    room: SimpleNamespace, failed: Failed, theirs: bool
) -> None:
    async def fail(ctx: ProbeContext) -> None:
        raise failed

    async def end(ctx: ProbeContext) -> None:
        pass

    room.check = room.pulse = fail
    checked = (await check_one(tcp(1), OPTIONS)).facts["net"]
    assert isinstance(checked, NetFacts)
    assert checked.ended == Ended(reason=failed.reason, phase="a", theirs=theirs)
    pulsed = (await pulse_one(tcp(1), OPTIONS)).facts.get("net")
    assert pulsed is None or (isinstance(pulsed, NetFacts) and pulsed.ended is None)
    room.check = end
    good = (await check_one(tcp(1), OPTIONS)).facts["net"]
    assert isinstance(good, NetFacts)
    assert good.ended is None


async def test_a_check_and_a_pulse_are_different_steps(room: SimpleNamespace) -> None:
    begun: list[str] = []

    async def check(ctx: ProbeContext) -> None:
        begun.append("check")

    async def pulse(ctx: ProbeContext) -> None:
        begun.append("pulse")

    room.check, room.pulse = check, pulse
    checked = await check_one(tcp(1), OPTIONS)
    assert (begun, bool(checked.skipped)) == (["check"], True)
    pulsed = await pulse_one(tcp(1), OPTIONS)
    assert (begun[1:], pulsed.skipped) == (["pulse"], ())


async def test_a_probe_that_misses_its_deadline_is_ended_a_quarter_second_later(
    room: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[float] = []

    async def bounded(step: Coroutine[object, object, None], seconds: float) -> None:
        given.append(seconds)
        await step

    async def check(ctx: ProbeContext) -> None:
        pass

    room.check = check
    monkeypatch.setattr("seventh.engine.check.bounded", bounded)
    await check_one(tcp(1), Options(timeout_seconds=3))
    assert given == [3.25]


async def test_a_room_without_facts_has_its_rules_skipped(room: SimpleNamespace) -> None:
    async def check(ctx: ProbeContext) -> None:
        del ctx.facts["net"]

    room.check = check
    only = Selection(only=frozenset({"NET-PMTU", "NET-DNS-SLOW"}))
    report = await check_one(tcp(1), OPTIONS, only)
    assert {(skip.id, skip.reason) for skip in report.skipped} == {
        ("NET-PMTU", "the check ended before anything was learnt"),
        ("NET-DNS-SLOW", "the check ended before anything was learnt"),
    }


async def test_an_interrupted_check_says_so(room: SimpleNamespace) -> None:
    stop = asyncio.Event()

    async def check(ctx: ProbeContext) -> None:
        stop.set()
        await asyncio.Event().wait()

    room.check = check
    reports = await collect([(tcp(1), OPTIONS)] * 2, parallel=1, stop=stop)
    assert list(reports) == [0]
    assert reports[0].failure == Failed(
        Reason.INTERRUPTED, "interrupted before the check was complete"
    ).failure()  # fmt: skip


async def test_the_next_check_begins_when_one_is_done(room: SimpleNamespace) -> None:
    """In the order of the jobs, and each report with its own index."""
    begun: list[int] = []
    gates = {port: asyncio.Event() for port in (1, 2, 3)}

    async def check(ctx: ProbeContext) -> None:
        begun.append(ctx.target.port)
        await gates[ctx.target.port].wait()

    room.check = check
    done: list[int] = []
    gates[2].set()
    async for index, report in check_many([(tcp(p), OPTIONS) for p in (1, 2, 3)], parallel=2):
        assert report.target.endswith(f":{index + 1}")
        done.append(index)
        if done == [1]:
            gates[3].set()
        if done == [1, 2]:
            assert begun == [1, 2, 3]
            gates[1].set()
    assert done == [1, 2, 0]


async def test_a_product_that_any_room_knows_is_every_findings(room: SimpleNamespace) -> None:
    """And findings of all rooms are in one order, the most severe first."""

    async def check(ctx: ProbeContext) -> None:
        ctx.facts["http"] = HttpFacts(server="nginx/1.22.1")
        ctx.notes(NetFacts).learn(attempts=(
            Attempt(address="192.0.2.1", port=1, family="ipv4", transport="tcp",
                    outcome="refused", seconds=0.1, clock="user"),
        ))  # fmt: skip

    room.check = check
    report = await check_one(tcp(1), OPTIONS)
    assert report.findings
    assert {finding.product for finding in report.findings} == {HttpFacts(server="nginx/1").product}
    assert list(report.findings) == sorted(report.findings, key=lambda finding: finding.order)


def test_options_are_prepared_once_for_each_room_and_set(monkeypatch: pytest.MonkeyPatch) -> None:
    prepared: list[tuple[str, Options]] = []
    monkeypatch.setattr(protocols, "has_part", lambda room, name: room in {"http", "ssh"})
    monkeypatch.setattr(
        protocols,
        "part",
        lambda room, name: SimpleNamespace(
            prepare=lambda options: prepared.append((f"{room}.{name}", options))
        ),
    )
    other = Options(timeout_seconds=9)
    http, ssh = (Target(scheme=name, host="h", port=1) for name in ("https", "ssh"))
    prepare([(http, OPTIONS), (ssh, OPTIONS), (http, OPTIONS), (tcp(1), OPTIONS), (http, other)])
    assert prepared == [
        ("http.prepare", OPTIONS), ("ssh.prepare", OPTIONS), ("http.prepare", other),
    ]  # fmt: skip
