"""Mode 6: one READVAR, whose answer shows what anybody may read and how far it amplifies."""

from __future__ import annotations

import os

from seventh.model.failure import Failed
from seventh.model.phase import Mark
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import now_ns, user_mark
from seventh.protocols.ntp.client.association import MAX_STRAY, Association
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.wire import control

CONTROL_SECONDS = 1.0
"""The most that is waited for a mode-6 answer."""


async def ask_control(ctx: ProbeContext, main: Association) -> None:
    """One READVAR on a socket of its own; silence is the good answer, so the wait is short."""
    request = control.readvar(int.from_bytes(os.urandom(2)))
    reply = control.ControlReply(int.from_bytes(request[2:4]))
    slowest = max((s.rtt_seconds for s in main.sampler.samples), default=CONTROL_SECONDS)
    until = ctx.budget.within(min(CONTROL_SECONDS, 0.3 + 4 * slowest))
    end: Mark | None = None
    sent = user_mark()
    with ctx.datagram(main.address) as datagram:
        try:
            sent = datagram.send(request)
            for _ in range(MAX_STRAY):
                arrived = await datagram.receive(until)
                if arrived is None:
                    break
                from_server = main.sampler.is_from_server(arrived.ip, arrived.port)
                if from_server and reply.receive(arrived.data):
                    end = arrived.at
                if reply.complete or now_ns() >= until:
                    break
        except Failed as failed:
            # A refusal here is as good as silence, and what was too much is the finding itself.
            ctx.note(f"mode 6: {failed.detail}")
    if end is not None:
        ctx.watch.record("ntp.control", sent.ns, end, address=main.address.ip)
    known = control.variables(reply.data)
    ctx.notes(NtpFacts).learn(
        control_factor=reply.bytes_received / len(request),
        control_packets=reply.packets,
        control_bytes=reply.bytes_received,
        control_error=reply.error_code,
        control_variables=tuple(known),
        control_version=known.get("version", ""),
        control_system=known.get("system", ""),
    )
