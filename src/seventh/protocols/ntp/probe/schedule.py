"""The schedule of the samples of one check, fitted into its time."""

from __future__ import annotations

import msgspec

from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import now_ns
from seventh.protocols.ntp import NtpOptions
from seventh.protocols.ntp.client.association import Association
from seventh.protocols.ntp.probe.further import further_seconds
from seventh.protocols.ntp.wire.sampler import FILTER_STAGES

REPLY_SECONDS = 2.0
"""How long a request waits for its reply; a later one still counts, as late."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How the time of one check is used."""

    samples: int
    interval_ns: int
    reply_ns: int
    end_ns: int
    """When the wait for the last reply ends; the remaining time is for the further steps."""


def plan(ctx: ProbeContext) -> Plan:
    """Fit the samples into the time that is left, if necessary with a shorter interval."""
    samples = max(1, min(ctx.options.of(NtpOptions).samples, FILTER_STAGES))
    left = ctx.budget.seconds_left
    # The last reply and the further steps need time, too, but never most of it.
    further = further_seconds(ctx)
    reserve = min(REPLY_SECONDS + further, left * 0.4)
    kept = reserve * further / (REPLY_SECONDS + further)
    interval = max(0.0, ctx.options.of(NtpOptions).interval_seconds)
    if samples > 1:
        interval = min(interval, (left - reserve) / (samples - 1))
    return Plan(
        samples=samples,
        interval_ns=int(interval * 1e9),
        reply_ns=int(min(REPLY_SECONDS, left) * 1e9),
        end_ns=now_ns() + int((left - kept) * 1e9),
    )


async def take_samples(main: Association, planned: Plan) -> None:
    """Take the second and further samples, an interval apart."""
    for index in range(1, planned.samples):
        await main.linger(min(main.last_sent_ns + planned.interval_ns, planned.end_ns))
        if main.over or now_ns() >= planned.end_ns:
            return
        wait = planned.reply_ns
        if index < planned.samples - 1:
            wait = min(wait, planned.interval_ns)
        await main.exchange(min(now_ns() + wait, planned.end_ns))
        main.learn()
