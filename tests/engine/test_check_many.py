"""Many checks: which are made again, what ends with them, and what each is given."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from seventh import protocols
from seventh.engine import check
from seventh.engine.check import check_many, check_one, pulse_one
from seventh.model.failure import Reason, UsageError
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.net.probe_context import ProbeContext
from tests.render.samples import report

OPTIONS = Options(timeout_seconds=3)
TCP = Target(scheme="tcp", host="127.0.0.1", port=1)


class Scripted:
    """Stands for the check of one target: some run out of sockets at their first run."""

    def __init__(self, *short: int) -> None:
        self.short = short
        self.runs: list[int] = []
        self.now = self.most = 0

    async def __call__(
        self, target: Target, options: Options, selection: object, *, lateness: object = None
    ) -> tuple[Report, bool]:
        self.runs.append(target.port)
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0)
        self.now -= 1
        again = self.runs.count(target.port) > 1
        return report(target=f"{target} again" if again else str(target)), (
            target.port in self.short and not again
        )


async def run(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch, options: Options, parallel: int,
    stop: asyncio.Event | None = None,
) -> list[tuple[int, str]]:  # fmt: skip
    monkeypatch.setattr(check, "_check", scripted)
    jobs = [(Target(scheme="tcp", host="h", port=port), options) for port in (1, 2, 3)]
    return [
        (index, made.target) async for index, made in check_many(jobs, parallel=parallel, stop=stop)
    ]


async def test_targets_without_a_socket_are_checked_again_alone_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scripted = Scripted(1, 2)
    assert await run(scripted, monkeypatch, OPTIONS, 2) == [
        (2, "tcp://h:3"), (0, "tcp://h:1 again"), (1, "tcp://h:2 again"),
    ]  # fmt: skip
    assert scripted.runs == [1, 2, 3, 1, 2]
    assert scripted.most == 2


@pytest.mark.parametrize(
    ("options", "parallel"),
    [
        (OPTIONS, 1),  # it was alone
        (OPTIONS.replace(user="ops"), 3),  # what leaves a trace is not done twice
        (OPTIONS.replace(allow_write=True), 3),
        (OPTIONS.replace(intrusive=True), 3),
        (OPTIONS.replace(max_tier=2), 3),
    ],
)
async def test_a_check_that_was_alone_or_may_leave_traces_is_not_made_again(
    options: Options, parallel: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted = Scripted(1, 2)
    made = await run(scripted, monkeypatch, options, parallel)
    assert sorted(made) == [(0, "tcp://h:1"), (1, "tcp://h:2"), (2, "tcp://h:3")]
    assert sorted(scripted.runs) == [1, 2, 3]


async def test_after_a_signal_no_check_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    stop = asyncio.Event()

    class Stopping(Scripted):
        async def __call__(self, *words: Any, **named: Any) -> tuple[Report, bool]:
            made = await super().__call__(*words, **named)
            stop.set()
            return made

    scripted = Stopping(1)
    assert await run(scripted, monkeypatch, OPTIONS, 2, stop) == [
        (0, "tcp://h:1"), (1, "tcp://h:2"),
    ]  # fmt: skip


@pytest.fixture
def probe(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The network's probe, whose ``check`` and ``pulse`` a test sets."""
    made = SimpleNamespace()
    part = protocols.part
    monkeypatch.setattr(
        protocols, "part", lambda room, name: made if name == "probe" else part(room, name)
    )
    return made


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> list[ProbeContext]:
    """The contexts that were closed."""
    found: list[ProbeContext] = []

    def close(self: ProbeContext) -> None:
        found.append(self)

    monkeypatch.setattr(ProbeContext, "close", close)
    return found


async def test_each_check_closes_what_it_opened(
    probe: SimpleNamespace, closed: list[ProbeContext]
) -> None:
    given: list[ProbeContext] = []

    async def look(ctx: ProbeContext) -> None:
        given.append(ctx)

    probe.check = probe.pulse = look
    await check_one(TCP, OPTIONS)
    await pulse_one(TCP, OPTIONS)
    assert closed == given
    assert len(given) == 2
    waiting = asyncio.Event()

    async def wait(ctx: ProbeContext) -> None:
        given.append(ctx)
        waiting.set()
        await asyncio.Event().wait()

    probe.check = wait
    task = asyncio.create_task(check_one(TCP, OPTIONS))
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert closed == given


async def test_who_stops_asking_ends_the_checks_that_run(probe: SimpleNamespace) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def look(ctx: ProbeContext) -> None:
        if ctx.target.port == 1:
            await begun.wait()
            return
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    probe.check = look
    jobs = [(Target(scheme="tcp", host="h", port=port), OPTIONS) for port in (1, 2)]
    before = asyncio.all_tasks()
    checking = check_many(jobs, parallel=2)
    assert (await anext(checking))[0] == 0
    await checking.aclose()  # type: ignore[attr-defined]
    await asyncio.gather(*asyncio.all_tasks() - before, return_exceptions=True)
    assert ended.is_set()


async def test_a_context_has_the_rooms_connections_and_the_alias_resolved(
    probe: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[ProbeContext] = []

    async def look(ctx: ProbeContext) -> None:
        given.append(ctx)

    probe.check = look
    await check_one(TCP, OPTIONS)
    assert given[0]._per_address == protocols.rooms()["net"].connections
    assert (given[0].target, given[0].options) == (TCP, OPTIONS)
    other, changed = Target(scheme="tcp", host="real", port=2), OPTIONS.replace(user="ops")
    alias = SimpleNamespace(resolve_alias=lambda target, options: (other, changed))
    monkeypatch.setattr(protocols, "has_part", lambda room, name: name == "host_alias")
    monkeypatch.setattr(
        protocols, "part", lambda room, name: {"host_alias": alias, "probe": probe}[name]
    )
    check._has_aliases.cache_clear()
    try:
        made = await check_one(TCP, OPTIONS)
        assert (given[1].target, given[1].options) == (other, changed)
        assert made.target == str(TCP), "the report has the target as it was typed"

        def wrong(target: Target, options: Options) -> None:
            raise UsageError("no such alias")

        alias.resolve_alias = wrong
        made = await check_one(TCP, OPTIONS)
        assert len(given) == 2
        assert made.failure is not None
        assert (made.failure.reason, made.failure.detail) == (
            Reason.OPTIONS_UNUSABLE, "no such alias",
        )  # fmt: skip
    finally:
        check._has_aliases.cache_clear()


async def test_jump_hosts_are_carried_through_by_their_room(
    probe: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    hops = (Target(scheme="ssh", host="jump", port=22),)
    asked: list[object] = []

    async def carry(ctx: ProbeContext, given: tuple[Target, ...], through: None) -> str:
        assert through is None
        asked.append(given)
        return "carrier"

    async def look(ctx: ProbeContext) -> None:
        assert ctx._carry is not None
        assert await ctx._carry(ctx) == "carrier"

    probe.check = look
    part = protocols.part
    jump = SimpleNamespace(carry=carry)
    monkeypatch.setattr(
        protocols, "part", lambda room, name: jump if name == "jump" else part(room, name)
    )
    made = await check_one(TCP, OPTIONS.replace(via=hops))
    assert made.failure is None
    assert asked == [hops]


@pytest.mark.parametrize("wanted", [True, False])
async def test_a_transcript_is_kept_on_request(probe: SimpleNamespace, wanted: bool) -> None:
    async def look(ctx: ProbeContext) -> None:
        ctx.note("hello")

    probe.check = look
    made = await check_one(TCP, OPTIONS.replace(transcript=wanted))
    assert made.transcript == (("# hello",) if wanted else ())
