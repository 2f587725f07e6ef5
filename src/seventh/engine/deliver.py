"""What Seventh itself sends: requests and mail, by the protocols, with a check's deadline."""

from __future__ import annotations

from seventh import protocols
from seventh.engine.check import Step, converse
from seventh.model.letter import Letter
from seventh.model.options import Options
from seventh.model.target import Target
from seventh.net.probe_context import ProbeContext
from seventh.web.message import Request, Response


async def request(target: Target, options: Options, wanted: Request) -> Response:
    """Send a request to an HTTP target and return its response, whatever it is. Raises Failed."""
    made: list[Response] = []

    async def step(ctx: ProbeContext) -> None:
        made.append(await protocols.part("http", "send").send(ctx, wanted))

    await _do(target, options, step)
    return made[0]


async def mail(target: Target, options: Options, letter: Letter) -> None:
    """Send a message by a mail server. Raises Failed unless it is accepted for all."""

    async def step(ctx: ProbeContext) -> None:
        await protocols.part("smtp", "deliver").deliver(ctx, letter)

    await _do(target, options, step)


async def _do(target: Target, options: Options, step: Step) -> None:
    ctx = await converse(target, options, protocols.room_of(target.scheme), step)
    ctx.close()
    if ctx.failure is not None:
        raise ctx.failure
