"""Check now: one look at each target, many at once, every failure typed in one place."""

from __future__ import annotations

import asyncio
import functools
import time
import traceback
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any

import msgspec

from seventh import protocols
from seventh.engine.lateness import Lateness
from seventh.engine.metrics import metrics_of
from seventh.model.failure import Failed, Failure, Reason, UsageError
from seventh.model.options import Options
from seventh.model.report import Finding, Report, Skipped
from seventh.model.severity import Severity
from seventh.model.spec import Spec
from seventh.model.target import Target
from seventh.net import shortage
from seventh.net.carrier import Carrier
from seventh.net.probe_context import Carry, ProbeContext, vantage
from seventh.net.wait import DeadlineError, bounded
from seventh.rules.run import Selection, Verdicts, run_rules
from seventh.wire.text import printable

EVERY_RULE = Selection()
Step = Callable[[ProbeContext], Coroutine[Any, Any, None]]
"""What is done in a conversation: a room's ``pulse``, its ``check``, or a verb of its own."""
_GRACE_SECONDS = 0.25
"""How long after the deadline a probe may take to notice it before it is cut off."""


def prepare(jobs: Sequence[tuple[Target, Options]]) -> None:
    """Have rooms read what they need of each distinct set of options, once and before any look.

    A room with a module ``prepare`` reads files and texts there. Raises UsageError for what cannot
    be used.
    """
    for room, options in dict.fromkeys(
        (protocols.room_of(target.scheme).name, options) for target, options in jobs
    ):
        if protocols.has_part(room, "prepare"):
            protocols.part(room, "prepare").prepare(options)


async def check_one(target: Target, options: Options, selection: Selection = EVERY_RULE) -> Report:
    """Return the full conversation with one target, and all rules over what it gave.

    Never raises for what the peer does or the options have wrong: that is the report's failure.
    """
    report, _ = await _look(target, options, selection, "check")
    return report


async def pulse_one(target: Target, options: Options) -> Report:
    """Return the cheap look: up, phases and metrics; no rules."""
    report, _ = await _look(target, options, None, "pulse")
    return report


async def check_many(
    jobs: Sequence[tuple[Target, Options]],
    selection: Selection = EVERY_RULE,
    *,
    parallel: int = 16,
    stop: asyncio.Event | None = None,
) -> AsyncIterator[tuple[int, Report]]:
    """Check many targets, each with its options, at most ``parallel`` at a time.

    Reports come, each with its target's index, as they are ready. When ``stop`` is set, what
    runs hands in what it has learnt, as a report that failed with ``interrupted``, and nothing more
    is started. A target for which this machine had no socket left is looked at once more, alone,
    after all others; not one whose options permit what leaves traces.
    """
    stop = stop or asyncio.Event()
    again: list[tuple[int, tuple[Target, Options]]] = []
    async for index, report, short in _side_by_side(
        list(enumerate(jobs)), selection, parallel, stop
    ):
        if short and parallel > 1 and not _leaves_traces(jobs[index][1]) and not stop.is_set():
            again.append((index, jobs[index]))
        else:
            yield index, report
    async for index, report, _ in _side_by_side(again, selection, 1, stop):
        yield index, report


def _leaves_traces(options: Options) -> bool:
    return any(options.denied(tier, loopback=True) is None for tier in (2, 3, 4))


async def _side_by_side(
    jobs: Sequence[tuple[int, tuple[Target, Options]]],
    selection: Selection,
    parallel: int,
    stop: asyncio.Event,
) -> AsyncIterator[tuple[int, Report, bool]]:
    """Yield each report with its index, and whether this machine's limits cost it its verdicts."""
    stopping = asyncio.create_task(stop.wait())
    lateness = Lateness()
    watching = asyncio.create_task(lateness.watch())
    waiting = iter(jobs)
    running: dict[asyncio.Task[tuple[Report, bool]], int] = {}
    try:
        while True:
            while len(running) < parallel and not stop.is_set():
                job = next(waiting, None)
                if job is None:
                    break
                index, (target, options) = job
                looking = _look(target, options, selection, "check", lateness=lateness)
                running[asyncio.create_task(looking)] = index
            if not running:
                return
            await asyncio.wait([*running, stopping], return_when=asyncio.FIRST_COMPLETED)
            if stop.is_set():
                for task in running:
                    task.cancel()
                await asyncio.wait(running)
            for task in [task for task in running if task.done()]:
                yield running.pop(task), *task.result()
    finally:
        stopping.cancel()
        watching.cancel()
        for task in running:
            task.cancel()


async def _look(
    target: Target,
    options: Options,
    selection: Selection | None,
    verb: str,
    *,
    lateness: Lateness | None = None,
) -> tuple[Report, bool]:
    """Return one look, and whether this machine's limits cost it its verdicts.

    One of many, with ``lateness``, gives a report also when it is cancelled.
    """
    spec = protocols.room_of(target.scheme)
    probe: Step = getattr(protocols.part(spec.name, "probe"), verb)
    started_seconds = time.time()
    late_seconds = lateness.seconds() if lateness is not None else 0.0
    with shortage.watched() as short:
        ctx = await converse(target, options, spec, probe, hand_in=lateness is not None)
    ctx.close()
    if short:
        short[0].phase = short[0].phase or _last_failed_phase(ctx)
        ctx.failure = short[0]
    elif lateness is not None:
        lateness.excuse(ctx, late_seconds)
    if selection is not None:
        ctx.note_paths()
    else:
        ctx.note_losses()
    judged = Verdicts(findings=(), skipped=(), passed=())
    if selection is not None:
        judged = _undecided(ctx, spec, selection) if short else judge_facts(ctx, spec, selection)
    return _report(target, ctx, spec, started_seconds, judged), bool(short)


async def converse(
    target: Target, options: Options, spec: Spec, step: Step, *, hand_in: bool = False
) -> ProbeContext:
    """Run ``step`` in a talk with ``target`` and type its failure; the caller closes the talk.

    Never raises for what the peer does or the options have wrong. With ``hand_in`` a cancelled
    step still returns the talk and what it has learnt.
    """
    ctx, wrong = _begin(target, options, spec)
    try:
        if wrong is not None:
            raise wrong
        await bounded(step(ctx), options.timeout_seconds + _GRACE_SECONDS)
    except UsageError as error:
        # What this target's options have wrong must not cost the other targets their reports.
        ctx.fail(Failed(Reason.OPTIONS_UNUSABLE, str(error), phase=_last_failed_phase(ctx)))
    except asyncio.CancelledError:
        if not hand_in:
            ctx.close()
            raise
        ctx.fail(Failed(Reason.INTERRUPTED, "interrupted before the conversation ended"))
    except Exception as error:  # noqa: BLE001 - this is the one place that types failures
        failed = as_failed(error)
        failed.phase = failed.phase or _last_failed_phase(ctx)
        ctx.fail(failed)
    return ctx


def _begin(target: Target, options: Options, spec: Spec) -> tuple[ProbeContext, UsageError | None]:
    """Return the talk, and what is wrong with the target's options, where something is.

    A room with a module ``host_alias`` may have the user's own configuration change where it goes:
    an alias of ``~/.ssh/config`` means another host and perhaps a jump host.
    """
    aimed, wrong = target, None
    carry: Carry | None = None
    try:
        if _aims(spec.name):
            aimed, options = protocols.part(spec.name, "host_alias").aim(target, options)
        if options.via:
            carry = _carried(options.via)
    except UsageError as error:
        wrong = error
    return ProbeContext(aimed, options, connections=spec.connections, carry=carry), wrong


@functools.cache
def _aims(room: str) -> bool:
    return protocols.has_part(room, "host_alias")


def _carried(hops: tuple[Target, ...]) -> Carry:
    """Return what leads a talk through jump hosts: the module ``jump`` of their room."""
    jump = protocols.part(protocols.room_of(hops[0].scheme).name, "jump")

    async def carry(ctx: ProbeContext) -> Carrier:
        carrier: Carrier = await jump.carry(ctx, hops)
        return carrier

    return carry


def _last_failed_phase(ctx: ProbeContext) -> str:
    return next((p.name for p in reversed(ctx.watch.phases) if p.outcome == "failed"), "")


def as_failed(error: Exception) -> Failed:
    """Return any exception as a typed failure; this is the only place that does it."""
    if isinstance(error, Failed):
        return error
    if isinstance(error, TimeoutError | DeadlineError):
        return Failed(Reason.PEER_SILENT, "the deadline passed before the conversation ended")
    where = traceback.extract_tb(error.__traceback__)
    at = f" at {where[-1].name}:{where[-1].lineno}" if where else ""
    said = printable(f"{type(error).__name__}: {error}", 200)
    return Failed(Reason.INTERNAL, f"{said}{at}; please report this with the target's kind")


def _report(
    target: Target,
    ctx: ProbeContext,
    spec: Spec,
    started_seconds: float,
    verdicts: Verdicts,
) -> Report:
    failed = ctx.failure
    failure: Failure | None = failed.failure() if failed is not None else None
    duration = ctx.watch.elapsed_seconds()
    return Report(
        target=str(target),
        protocol=spec.name,
        vantage=vantage(),
        started_seconds=started_seconds,
        duration_seconds=duration,
        failure=failure,
        phases=tuple(ctx.watch.phases),
        facts=dict(ctx.facts),
        metrics=metrics_of(ctx.facts, ctx.watch.phases, failure),
        findings=verdicts.findings,
        skipped=verdicts.skipped,
        passed=verdicts.passed,
        transcript=tuple(ctx.transcript or ()),
    )


def _undecided(ctx: ProbeContext, spec: Spec, selection: Selection) -> Verdicts:
    """No verdict by any rule: a step that this machine could not take looks like a refusal."""
    why = "this machine had no socket left during the check"
    skipped = tuple(
        Skipped(id=rule.id, reason=why)
        for room in dict.fromkeys([*ctx.facts, spec.name])
        for rule in protocols.rules(room)
        if selection.wants(rule.id)
    )
    return Verdicts(findings=(), skipped=skipped, passed=())


def judge_facts(ctx: ProbeContext, spec: Spec, selection: Selection) -> Verdicts:
    """Run the rules of every room whose facts the talk has; rules of a room without facts skip."""
    denied = {tier: why for tier in range(5) if (why := ctx.denied(tier)) is not None}
    selection = msgspec.structs.replace(selection, denied=denied)
    findings: list[Finding] = []
    skipped: list[Skipped] = []
    passed: list[str] = []
    for room in dict.fromkeys([*ctx.facts, spec.name]):
        rules = protocols.rules(room)
        facts = ctx.facts.get(room)
        if facts is None:
            skipped.extend(
                Skipped(id=rule.id, reason="the conversation ended before anything was learnt")
                for rule in rules
                if selection.wants(rule.id)
            )
            continue
        verdicts = run_rules(room, rules, facts, selection)
        findings.extend(verdicts.findings)
        skipped.extend(verdicts.skipped)
        passed.extend(verdicts.passed)
    product = next((named for facts in ctx.facts.values() if (named := facts.product)), "")
    findings = [msgspec.structs.replace(finding, product=product) for finding in findings]
    findings.sort(key=lambda f: (-Severity(f.severity).rank, f.id))
    return Verdicts(findings=tuple(findings), skipped=tuple(skipped), passed=tuple(passed))
