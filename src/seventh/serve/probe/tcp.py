"""The prober ``tcp``: a connection, TLS, and lines that are expected and sent."""

from __future__ import annotations

import re

from seventh.model.failure import Failed, Reason
from seventh.net.probe_context import ProbeContext
from seventh.net.stream import Stream
from seventh.serve.probe.modules import Module
from seventh.serve.probe.outcome import Outcome
from seventh.serve.probe.reach import resolve, secure
from seventh.web.search import first_match

_MAX_LINE = 64 * 1024
_REPEATING = re.compile(r"[*+{?]")


async def probe(ctx: ProbeContext, module: Module, outcome: Outcome) -> None:
    """Run the module against the context's target. Raises Failed."""
    tcp, host = module.tcp, ctx.target.host
    stream = await ctx.connect((await resolve(ctx, module, outcome),))
    if tcp.tls:
        stream = await secure(ctx, stream, tcp.tls_config, host, outcome)
    lines = _Lines(stream)
    for step in tcp.query_response:
        if step.expect:
            await _expect(ctx, lines, step.expect, outcome)
        if step.send:
            await lines.stream.send(step.send.encode() + b"\n")
        if step.starttls:
            lines = _Lines(await secure(ctx, lines.stream, tcp.tls_config, host, outcome))
    await lines.stream.aclose()


async def _expect(ctx: ProbeContext, lines: _Lines, pattern: str, outcome: Outcome) -> None:
    while (line := await lines.next()) is not None:
        if await matches(pattern, line, ctx):
            return
    outcome.regex_failed = True
    raise Failed(Reason.UNEXPECTED_ANSWER, "the peer closed before a line matched", phase="expect")


async def matches(pattern: str, text: bytes, ctx: ProbeContext) -> bool:
    """Return whether ``text`` has a match; what can take long is searched in another process."""
    if not _REPEATING.search(pattern):
        return re.search(pattern, text.decode("utf-8", "replace")) is not None
    return await first_match(pattern, (text,), ctx.budget.deadline_ns, "utf-8") is not None


class _Lines:
    """The lines that a peer sends."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self._buffer = b""
        self._ended = False

    async def next(self) -> bytes | None:
        """Return the next line without its end; None after the last."""
        while b"\n" not in self._buffer and not self._ended:
            if len(self._buffer) > _MAX_LINE:
                raise Failed(Reason.PROTOCOL_VIOLATION, f"a line is longer than {_MAX_LINE} bytes")
            data, _ = await self.stream.receive()
            self._buffer += data
            self._ended = not data
        line, newline, self._buffer = self._buffer.partition(b"\n")
        return line.removesuffix(b"\r") if line or newline else None
