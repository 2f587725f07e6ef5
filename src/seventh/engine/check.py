"""Checking targets, many at once; every failure is typed in one place."""

from __future__ import annotations

import asyncio
import functools
import io
import time
import traceback
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from typing import Any

import msgspec

from seventh import protocols
from seventh.engine.lateness import Lateness
from seventh.engine.metrics import metrics_of
from seventh.engine.report import make_report
from seventh.model.failure import Blame, Failed, Failure, Reason, UsageError
from seventh.model.netfacts import Ended, NetFacts
from seventh.model.options import Options
from seventh.model.report import Finding, Report, Skipped
from seventh.model.spec import Spec
from seventh.model.target import Target
from seventh.net import shortage
from seventh.net.address import Address
from seventh.net.carrier import Carrier
from seventh.net.mailbox import Mailbox
from seventh.net.probe_context import Carry, ProbeContext
from seventh.net.wait import DeadlineError, bounded
from seventh.rules.rule import AnyRule, Source
from seventh.rules.run import Selection, Verdicts, run_rules
from seventh.wire.text import printable

EVERY_RULE = Selection()
Step = Callable[[ProbeContext], Coroutine[Any, Any, None]]
"""A room's ``pulse`` or ``check``, or one of its verbs."""
_GRACE_SECONDS = 0.25
"""How long after the deadline a probe is cancelled that did not notice it."""


def prepare(jobs: Sequence[tuple[Target, Options]]) -> None:
    """Run the ``prepare`` modules of rooms, once per set of options and before any check.

    They read files and texts. Raises UsageError for those that are not valid.
    """
    for room, options in dict.fromkeys(
        (protocols.room_of(target.scheme).name, options) for target, options in jobs
    ):
        if protocols.has_part(room, "prepare"):
            protocols.part(room, "prepare").prepare(options)


async def check_one(target: Target, options: Options, selection: Selection = EVERY_RULE) -> Report:
    """Check one target; errors of the peer or the options are the report's failure."""
    report, _ = await _check(target, options, selection)
    return report


async def pulse_one(
    target: Target, options: Options, *, lateness: Lateness | None = None
) -> Report:
    """Run the cheap recurring check of one target: up, phases and metrics, without rules.

    Limits that the user has set are judged. With ``lateness``, one of many pulses, a timeout while
    this process was late is this machine's, and a cancelled pulse returns its report, too.
    """
    report, _ = await _check(target, options, None, lateness=lateness)
    return report


async def check_many(
    jobs: Sequence[tuple[Target, Options]],
    selection: Selection = EVERY_RULE,
    *,
    parallel: int = 16,
    stop: asyncio.Event | None = None,
) -> AsyncIterator[tuple[int, Report]]:
    """Check many targets, each with its options, at most ``parallel`` at a time.

    Yields each report with its target's index when it is ready. When ``stop`` is set, running
    checks report what they have learnt, with the failure ``interrupted``, and no other starts. A
    target for which this machine had no socket left is checked once more, alone, after all others,
    unless its options permit more than tier 1.
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
    """Yield each report with its index, and whether this machine ran out of sockets for it."""
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
                checking = _check(target, options, selection, lateness=lateness)
                running[asyncio.create_task(checking)] = index
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


async def _check(
    target: Target,
    options: Options,
    selection: Selection | None,
    *,
    lateness: Lateness | None = None,
    addresses: tuple[Address, ...] = (),
) -> tuple[Report, bool]:
    """Return the report, and whether this machine ran out of sockets, so that no rule could judge.

    Without ``selection`` it is a pulse, which judges limits alone. With ``lateness``, one of many
    checks, it returns a report also when it is cancelled.
    """
    spec = protocols.room_of(target.scheme)
    module = protocols.part(spec.name, "probe")
    probe: Step = module.check if selection is not None else module.pulse
    started_seconds = time.time()
    late_seconds = lateness.seconds() if lateness is not None else 0.0
    with shortage.watched() as short:
        ctx = await converse(
            target, options, spec, probe, hand_in=lateness is not None, selection=selection,
            addresses=addresses,
        )  # fmt: skip
    ctx.close()
    if short:
        short[0].phase = short[0].phase or _last_failed_phase(ctx)
        ctx.failure = short[0]
    elif lateness is not None:
        lateness.excuse(ctx, late_seconds)
    if selection is None:
        ctx.note_losses()
    else:
        ctx.note_paths()
    failure = ctx.failure.failure() if ctx.failure is not None else None
    metrics = metrics_of(ctx.facts, ctx.watch.phases, failure)
    if failure is not None and selection is not None:
        ended = Ended(reason=failure.reason, phase=failure.phase, theirs=_theirs(failure))
        ctx.notes(NetFacts).learn(ended=ended)
    wanted = selection
    if ctx.options.limited:
        from seventh.engine import limits  # for --max and --min only

        limits.note(ctx, spec.name, metrics, started_seconds)
        wanted = limits.selected(ctx, selection)
    verdicts = Verdicts()
    if wanted is not None:
        verdicts = _undecided(ctx, spec, wanted) if short else judge_facts(ctx, spec, wanted)
    report = make_report(
        str(target), spec.name, ctx.facts, verdicts,
        started_seconds=started_seconds, duration_seconds=ctx.watch.elapsed_seconds(),
        failure=failure, phases=tuple(ctx.watch.phases),
        metrics=metrics, transcript=tuple(ctx.transcript or ()), parts=tuple(ctx.parts),
    )  # fmt: skip
    return report, bool(short)


def _theirs(failure: Failure) -> bool:
    """Return whether the peer or the network can fix it, or the target's name is wrong."""
    ours = failure.blame not in {Blame.PEER, Blame.NETWORK}
    return failure.reason is Reason.RESOLVE_NXDOMAIN or not ours


async def converse(
    target: Target,
    options: Options,
    spec: Spec,
    step: Step,
    *,
    hand_in: bool = False,
    selection: Selection | None = None,
    addresses: tuple[Address, ...] = (),
) -> ProbeContext:
    """Run ``step`` with a target and type its failure; the caller closes the context.

    With ``selection`` the step may check further targets, by those rules. ``addresses`` are the
    target's where they are known.

    Errors of the peer or the options are not raised: they are the context's failure. With
    ``hand_in`` a cancelled step returns its context too.
    """
    ctx, wrong = _begin(target, options, spec)
    if addresses:
        ctx.pin(addresses)
    if selection is not None:
        ctx.check_part = functools.partial(_check_part, ctx, selection)
    try:
        if wrong is not None:
            raise wrong
        times = 2 if spec.has_parts else 1
        longest = times * options.timeout_seconds + options.held_seconds + _GRACE_SECONDS
        await bounded(step(ctx), longest)
    except UsageError as error:  # one target's options must not end the checks of the others
        ctx.fail(Failed(Reason.OPTIONS_UNUSABLE, str(error), phase=_last_failed_phase(ctx)))
    except asyncio.CancelledError:
        if not hand_in:
            ctx.close()
            raise
        ctx.fail(Failed(Reason.INTERRUPTED, "interrupted before the check was complete"))
    except Exception as error:  # noqa: BLE001 - this is the one place that types failures
        failed = as_failed(error)
        failed.phase = failed.phase or _last_failed_phase(ctx)
        ctx.fail(failed)
    return ctx


def _begin(target: Target, options: Options, spec: Spec) -> tuple[ProbeContext, UsageError | None]:
    """Return the context of a check, and the error in the target's options, if any.

    A room with a module ``host_alias`` resolves aliases of the user's configuration: one of
    ``~/.ssh/config`` changes the host and may add jump hosts.
    """
    wrong: UsageError | None = None
    carry: Carry | None = None
    try:
        if options.limited:
            from seventh.engine import limits  # for --max and --min only

            limits.limits_of(options, spec.name)
        if _has_aliases(spec.name):
            target, options = protocols.part(spec.name, "host_alias").resolve_alias(target, options)
        if options.carried:
            carry = _carry_through(options)
    except UsageError as error:
        wrong = error
    ctx = ProbeContext(target, options, connections=spec.connections, carry=carry)
    if options.roundtrip is not None:
        ctx.open_mailbox = functools.partial(_open_mailbox, ctx, options.roundtrip)
        ctx.read_message = functools.partial(_read_message, ctx)
    return ctx, wrong


async def _open_mailbox(ctx: ProbeContext, target: Target) -> Mailbox:
    """Open the mailbox of ``--roundtrip``, by the module ``mailbox`` of its room. Raises Failed."""
    spec = protocols.room_of(target.scheme)
    options = ctx.options.replace(
        user=ctx.options.roundtrip_user, password_file=ctx.options.roundtrip_password_file,
        token_file=None, server_name=None, implicit_port=None, roundtrip=None, transcript=False,
        timeout_seconds=ctx.budget.seconds_left,
    )  # fmt: skip
    beside, wrong = _begin(target, options, spec)
    if wrong is not None:
        raise wrong
    try:
        opened: Mailbox = await protocols.part(spec.name, "mailbox").open_mailbox(beside)
    except Failed as failed:
        failed.detail = f"{target}: {failed.detail}"
        raise
    return opened


async def _read_message(ctx: ProbeContext, data: bytes) -> None:
    """Learn what a message shows, by the protocol that reads messages. Raises Failed."""
    from seventh.engine import read  # for round trips only

    try:
        facts = await read.facts_of(
            io.BytesIO(data), ctx.options.replace(timeout_seconds=ctx.budget.seconds_left)
        )
    except UsageError as error:
        raise Failed(Reason.UNEXPECTED_ANSWER, f"the message that arrived: {error}") from None
    ctx.facts[facts.ROOM] = facts


async def _check_part(
    ctx: ProbeContext, selection: Selection, target: Target, addresses: tuple[Address, ...]
) -> Report:
    """Check another target of the same look, which has the whole time of a target once more."""
    options = ctx.options.replace(maximums=(), minimums=())
    ctx.extend_for_parts()
    report, _ = await _check(target, options, selection, addresses=addresses)
    ctx.parts.append(report)
    return report


@functools.cache
def _has_aliases(room: str) -> bool:
    return protocols.has_part(room, "host_alias")


def _carry_through(options: Options) -> Carry:
    """Return the function that connects through the proxy, then through the jump hosts, if any.

    The jump hosts' room has a module ``jump``.
    """

    async def carry(ctx: ProbeContext) -> Carrier:
        through: Carrier | None = None
        if options.proxy is not None:
            from seventh.net.proxy.carrier import carry as carry_by_proxy

            through = await carry_by_proxy(ctx, options.proxy)
        if options.via:
            jump = protocols.part(protocols.room_of(options.via[0].scheme).name, "jump")
            through = await jump.carry(ctx, options.via, through)
        assert through is not None  # noqa: S101 - called with one of the two
        return through

    return carry


def _last_failed_phase(ctx: ProbeContext) -> str:
    return next((p.name for p in reversed(ctx.watch.phases) if p.outcome == "failed"), "")


def as_failed(error: Exception) -> Failed:
    """Return any exception as a typed failure."""
    if isinstance(error, Failed):
        return error
    if isinstance(error, TimeoutError | DeadlineError):
        return Failed(Reason.PEER_SILENT, "the check timed out; raise --timeout for a slow peer")
    where = traceback.extract_tb(error.__traceback__)
    at = f" at {where[-1].name}:{where[-1].lineno}" if where else ""
    text = printable(f"{type(error).__name__}: {error}", 200)
    return Failed(Reason.INTERNAL, f"{text}{at}; please report this with the type of the target")


def _skipped(rules: Iterable[AnyRule], selection: Selection, reason: str) -> tuple[Skipped, ...]:
    """Return those of ``rules`` that are selected as skipped."""
    return tuple(Skipped(id=rule.id, reason=reason) for rule in rules if selection.wants(rule.id))


def _on_the_wire(key: str, selection: Selection) -> list[AnyRule]:
    """Return the rules of these facts without those that only ``seventh local`` judges.

    The latter are skipped with that reason only if ``--only`` names them.
    """
    return [
        rule
        for rule in protocols.rules(protocols.owner(key))
        if rule.facts_type.ROOM == key  # noqa: SIM300
        and (rule.source is not Source.LOCAL or rule.id in selection.only)
    ]


def _undecided(ctx: ProbeContext, spec: Spec, selection: Selection) -> Verdicts:
    """Skip every rule: a step that this machine could not take would look like a refusal."""
    keys = dict.fromkeys([*ctx.facts, *_own_facts(spec)])
    rules = [rule for key in keys for rule in _on_the_wire(key, selection)]
    reason = "this machine had no socket left during the check"
    return Verdicts(skipped=_skipped(rules, selection, reason))


def _own_facts(spec: Spec) -> tuple[str, ...]:
    """Return the keys of the facts that each check of the protocol is to learn."""
    return spec.facts or (spec.name,)


def judge_facts(ctx: ProbeContext, spec: Spec, selection: Selection) -> Verdicts:
    """Run the rules of every room whose facts were learnt; skip those of a room without facts."""
    denied = {tier: why for tier in range(5) if (why := ctx.denied(tier)) is not None}
    selection = msgspec.structs.replace(selection, denied=denied)
    findings: list[Finding] = []
    skipped: list[Skipped] = []
    passed: list[str] = []
    for key in dict.fromkeys([*ctx.facts, *_own_facts(spec)]):
        facts = ctx.facts.get(key)
        rules = _on_the_wire(key, selection)
        if facts is None:
            skipped += _skipped(rules, selection, "the check ended before anything was learnt")
            continue
        verdicts = run_rules(protocols.owner(key), rules, facts, selection)
        findings.extend(verdicts.findings)
        skipped.extend(verdicts.skipped)
        passed.extend(verdicts.passed)
    product = next((named for facts in ctx.facts.values() if (named := facts.product)), "")
    findings = [msgspec.structs.replace(finding, product=product) for finding in findings]
    findings.sort(key=lambda finding: finding.order)
    return Verdicts(findings=tuple(findings), skipped=tuple(skipped), passed=tuple(passed))
