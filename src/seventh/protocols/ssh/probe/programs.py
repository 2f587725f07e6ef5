"""Programs that clients start on the server: rsync, scp and mosh-server; mosh's way over UDP."""

from __future__ import annotations

import re
import shlex

from seventh.model.failure import Failed, Reason
from seventh.net.address import Address
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import now_ns
from seventh.protocols.ssh.client.mux import Mux
from seventh.protocols.ssh.facts import SshFacts, Topic
from seventh.protocols.ssh.facts.session import MoshFacts, SessionFacts
from seventh.protocols.ssh.wire import mosh
from seventh.wire.reader import vector

PROGRAMS = ("rsync", "scp", "mosh-server")
STEP_SECONDS = 3.0
ANSWER_SECONDS = 1.0
"""How long each of the datagrams may go without an answer."""
TRIES = 3
MAX_OUTPUT_BYTES = 16 * 1024
_MARK = "seventh:"
"""Before each line of ours, as a shell's start-up files may print others."""
_SCRIPT = (
    "for p in rsync scp mosh-server; do if command -v $p >/dev/null 2>&1; then "
    f'echo "{_MARK}$p=$(if [ $p != scp ]; then $p --version 2>&1 </dev/null | head -n 1; fi)"; '
    f'else echo "{_MARK}$p"; fi; done'
)
QUERY = f"sh -c {shlex.quote(_SCRIPT)}"
START = (
    "sh -c 'MOSH_SERVER_NETWORK_TMOUT=10 LC_ALL=C.UTF-8 mosh-server new -s -c 8 </dev/null 2>&1'"
)
"""It ends by itself after ten seconds without a datagram."""
_LINE = re.compile(rf"^{_MARK}([a-z-]+)(?:=(.{{0,200}}))?\r?$", re.MULTILINE)
_VERSION = re.compile(r"\d+(?:\.\d+)+")


async def check(ctx: ProbeContext, mux: Mux) -> None:
    """Learn which programs are there, with one command; test mosh if it may be started."""
    notes = ctx.notes(SshFacts)
    session = notes.part("session", SessionFacts)
    known = session.facts
    if not known.exec_granted or known.exec_status != 0 or known.exec_output_bytes:
        notes.unknown(Topic.PROGRAMS, "the account does not run plain commands without output")
        return
    found = parse_programs(await _output(ctx, mux, QUERY))
    if found is None:
        notes.unknown(Topic.PROGRAMS, "the command did not run as given")
        return
    session.learn(programs=found)
    if found["mosh-server"] is not None and ctx.denied(3) is None:
        with ctx.watch.phase("ssh.mosh", mux.session.stream.address.ip):
            session.learn(mosh=await _mosh(ctx, mux))


def parse_programs(output: str) -> dict[str, str | None] | None:
    """Return each program's version, empty if unknown, None if absent; None for other output."""
    lines = {match[1]: match[2] for match in _LINE.finditer(output)}
    if set(lines) != set(PROGRAMS):
        return None
    return {name: _version(lines[name]) for name in PROGRAMS}


def _version(said: str | None) -> str | None:
    """Return the version in what a program printed; None for a program that is absent."""
    if said is None:
        return None
    found = _VERSION.search(said)
    return found[0] if found else ""


async def _output(ctx: ProbeContext, mux: Mux, command: str) -> str:
    """Run a command; return its output as far as it came in time."""
    until = ctx.budget.within(STEP_SECONDS)
    found = b""
    with await mux.open_session(until) as stream:
        await stream.ask(b"exec", vector(4, command.encode()))
        granted, _ = await stream.answer(until)
        if not granted:
            return ""
        await stream.end()
        while data := (await stream.receive(until))[0]:
            found += data
            if len(found) > MAX_OUTPUT_BYTES:
                raise Failed(
                    Reason.BUDGET_EXCEEDED, f"more than {MAX_OUTPUT_BYTES} bytes of output"
                )
    return found.decode("utf-8", "replace")


# -- mosh ------------------------------------------------------------------------------------------


async def _mosh(ctx: ProbeContext, mux: Mux) -> MoshFacts:
    """Start mosh-server, have it answer a datagram, and end it."""
    if ctx.carried:
        return MoshFacts(result="unsettled")
    started = mosh.parse_started(await _output(ctx, mux, START))
    if started is None:
        return MoshFacts(result="not-started")
    try:
        seconds = await _answer(ctx, mux, started)
    finally:
        ended = started.pid is not None and await _end(ctx, mux, started.pid)
    return MoshFacts(
        result="silent" if seconds is None else "answered",
        port=started.port, answer_seconds=seconds, ended=ended,
    )  # fmt: skip


async def _answer(ctx: ProbeContext, mux: Mux, started: mosh.Started) -> float | None:
    """Return the time to the answer; None if there is none."""
    server = mux.session.stream.address
    address = Address(ip=server.ip, port=started.port, scope=server.scope)
    with ctx.datagram(address) as socket:
        for _ in range(TRIES):
            until = ctx.budget.within(ANSWER_SECONDS)
            try:
                sent = socket.send(mosh.hello(started.key, now_ns() // 1_000_000))
                while (arrived := await socket.receive(until)) is not None:
                    if mosh.is_answer(started.key, arrived.data):
                        socket.send(mosh.goodbye(started.key, now_ns() // 1_000_000))
                        return arrived.at.since(sent)
            except Failed as failed:
                if failed.reason not in {Reason.CONNECT_REFUSED, Reason.CONNECT_UNREACHABLE}:
                    raise
                return None
    return None


async def _end(ctx: ProbeContext, mux: Mux, pid: int) -> bool:
    """End mosh-server, unless it has ended; return whether the command ran."""
    command = f"sh -c 'kill {pid} 2>/dev/null; echo {_MARK}done'"
    return f"{_MARK}done" in await _output(ctx, mux, command)
