"""What a check asks beside the time, as far as each tier is permitted."""

from __future__ import annotations

from seventh.net.probe_context import ProbeContext
from seventh.protocols.ntp import NtpOptions
from seventh.protocols.ntp.client.association import Association

ASKING_SECONDS = 1.0
"""What a check keeps back for each of these questions."""


def asking_seconds(ctx: ProbeContext) -> float:
    """How much time these questions want: a quarter second each on a good path, more on a bad."""
    questions = 1 + (ctx.options.of(NtpOptions).ntp_keys is not None) + 2 * (ctx.denied(4) is None)
    return questions * ASKING_SECONDS


async def ask_further(ctx: ProbeContext, main: Association) -> None:
    """Control (tier 1), the symmetric key (2), monlist and port 123 (4), where they make sense."""
    if main.over:
        return
    if main.answered and ctx.denied(1) is None:
        from seventh.protocols.ntp.probe.control import ask_control

        await ask_control(ctx, main)
    if ctx.options.of(NtpOptions).ntp_keys is not None and ctx.denied(2) is None:
        from seventh.protocols.ntp.probe.key import ask_with_key, load_key

        if (key := load_key(ctx.options)) is not None:
            await ask_with_key(ctx, main, key)
    if ctx.denied(4) is None:
        from seventh.protocols.ntp.probe.intrusive import ask_intrusively

        await ask_intrusively(ctx, main)
