"""Mode 6: one READVAR request, for the exposed variables and the amplification."""

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
"""The longest wait for a mode-6 response."""


async def query_control(ctx: ProbeContext, main: Association) -> None:
    """Send one READVAR on a socket of its own; no response is a pass, so the wait is short."""
    request = control.readvar(int.from_bytes(os.urandom(2)))
    reply = control.ControlReply(int.from_bytes(request[2:4]))
    until = ctx.budget.within(main.reply_seconds(CONTROL_SECONDS))
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
            # A refusal counts as no response, and too long a response is already the finding.
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
