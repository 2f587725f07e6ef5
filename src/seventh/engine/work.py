"""Running a protocol's own verb, with the deadline and the typed failures of a check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from seventh import protocols
from seventh.engine.check import converse
from seventh.model.failure import Failure
from seventh.model.options import Options
from seventh.model.target import Target
from seventh.model.verb import Verb
from seventh.net.probe_context import ProbeContext
from seventh.net.work import Progress, Say, Show, Work

ENDLESS_SECONDS = 10 * 365 * 86400.0


async def do(
    target: Target,
    options: Options,
    verb: Verb,
    words: Mapping[str, Sequence[str]],
    show: Show,
    progress: Progress,
    *,
    say: Say = lambda _: None,
    update: Show | None = None,
    format: str = "text",  # noqa: A002 - the option's name
) -> tuple[int, Failure | None]:
    """Run ``verb`` and return its exit code and its failure, if any.

    Typing a verb permits its tier.
    """
    spec = protocols.room_of(target.scheme)
    run = getattr(protocols.part(spec.name, "work"), verb.name)
    options = options.replace(
        max_tier=min(verb.tier, 3), intrusive=verb.tier == 4,
        timeout_seconds=ENDLESS_SECONDS if verb.endless else options.timeout_seconds,
    )  # fmt: skip
    code: int | None = None

    async def step(ctx: ProbeContext) -> None:
        nonlocal code
        code = await run(Work(ctx, words, show, progress, say=say, update=update, format=format))

    ctx = await converse(target, options, spec, step, hand_in=True)
    ctx.close()
    return code or 0, ctx.failure.failure() if ctx.failure is not None else None
