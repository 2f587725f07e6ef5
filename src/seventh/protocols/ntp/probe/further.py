"""The requests of a check after the samples, as far as each tier is permitted."""

from __future__ import annotations

from seventh.net.probe_context import ProbeContext
from seventh.protocols.ntp import NtpOptions
from seventh.protocols.ntp.client.association import Association

STEP_SECONDS = 1.0
"""The time that a check reserves for each of these steps."""


def further_seconds(ctx: ProbeContext) -> float:
    """Return the time to reserve for these steps; on a good path each takes a third of a second."""
    steps = 1 + (ctx.options.of(NtpOptions).ntp_keys is not None) + 2 * (ctx.denied(4) is None)
    return steps * STEP_SECONDS


async def check_further(ctx: ProbeContext, main: Association) -> None:
    """Check control queries (tier 1), the symmetric key (2), monlist and port 123 (4)."""
    if main.over:
        return
    if main.answered and ctx.denied(1) is None:
        from seventh.protocols.ntp.probe.control import query_control

        await query_control(ctx, main)
    if ctx.options.of(NtpOptions).ntp_keys is not None and ctx.denied(2) is None:
        from seventh.protocols.ntp.probe.key import authenticate, load_key

        if (key := load_key(ctx.options)) is not None:
            await authenticate(ctx, main, key)
    if ctx.denied(4) is None:
        from seventh.protocols.ntp.probe.intrusive import check_intrusively

        await check_intrusively(ctx, main)
