"""What a logged-in user may do: commands, a terminal, SFTP, further channels, forwardings.

A step that fails is noted as not learnt, and the others go on. Only a server that violates the
protocol fails the report.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable

from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.model.phase import Mark
from seventh.net.notes import Part
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import now_ns
from seventh.protocols.ssh import SshOptions
from seventh.protocols.ssh.client.failures import RefusedError
from seventh.protocols.ssh.client.mux import ChannelStream, Mux
from seventh.protocols.ssh.client.session import Session
from seventh.protocols.ssh.client.sftp import SftpClient, SftpError
from seventh.protocols.ssh.facts import SshFacts, Topic
from seventh.protocols.ssh.facts.session import SessionFacts
from seventh.protocols.ssh.probe import forwarding, programs, requested
from seventh.protocols.ssh.wire import sftp
from seventh.wire.reader import vector
from seventh.wire.text import printable

READ_BYTES = 1024 * 1024
"""The most that is read to measure throughput, and for how long."""
READ_SECONDS = 1.0
WRITE_BYTES = 512 * 1024
WRITE_SECONDS = 1.0
CLEANUP_SECONDS = 1.5
STEP_SECONDS, STEP_SHARE = 3.0, 0.3
"""Timeout of one step, as a shell's start-up files may take long, and its share of the time that is
left, so that a step without an answer leaves some to the others."""
MAX_OUTPUT_BYTES = 64 * 1024
"""The most output of ``true``, or of a command that is forced in its place."""
_ZERO = "/dev/zero"
_TERMINAL = b"xterm"

Step = Callable[[ProbeContext, Mux], Awaitable[None]]


async def check(ctx: ProbeContext, session: Session) -> None:
    """Test what the user of ``session`` may do; the session stays usable unless it ends itself.

    Phases: ``ssh.channel``, ``ssh.exec``, ``ssh.second_channel``, ``ssh.sftp``, and with
    permission to write ``ssh.forward`` and, for ``--forward``, ``ssh.requested_forward``.
    """
    notes = ctx.notes(SshFacts)
    mux = Mux(session, deviations=session.connection.deviations)
    steps: dict[Topic, Step] = {
        Topic.EXEC: _command,
        Topic.SECOND_CHANNEL: _second,
        Topic.TERMINAL: _terminal,
        Topic.SFTP: _sftp,
        Topic.THROUGHPUT: _throughput,
        Topic.PROGRAMS: programs.check,
    }
    denied = ctx.denied(3)
    if denied is None:
        steps[Topic.FORWARDING] = forwarding.check
        if ctx.options.of(SshOptions).forward:
            steps[Topic.REQUESTED_FORWARDS] = requested.check
    else:
        notes.unknown(Topic.FORWARDING, denied)
    try:
        for topic, step in steps.items():
            if ctx.budget.seconds_left <= 0:
                notes.unknown(topic, "no time left")
            elif not mux.alive:
                why = mux.failed.detail if mux.failed is not None else "reason unknown"
                notes.unknown(topic, f"the session had ended: {why}")
            else:
                await _take(ctx, mux, topic, step)
        if isinstance(mux.failed, ProtocolViolation):
            # It may have arrived when no step was waiting.
            failed = ProtocolViolation(mux.failed.detail)
            failed.phase = "ssh.channel"
            ctx.fail(failed)
    finally:
        opened = mux.channels.refused_peer_opens
        _facts(ctx).learn(peer_channels={printable(k, 32): count for k, count in opened.items()})
        await mux.finish()


def _facts(ctx: ProbeContext) -> Part[SessionFacts]:
    return ctx.notes(SshFacts).part("session", SessionFacts)


async def _take(ctx: ProbeContext, mux: Mux, topic: Topic, step: Step) -> None:
    """Take one step; note its failure."""
    notes = ctx.notes(SshFacts)
    try:
        await step(ctx, mux)
    except RefusedError as refused:
        notes.unknown(topic, f"the server refused the channel: {refused.refusal.text}")
    except ProtocolViolation as failed:
        ctx.fail(failed)
        notes.unknown(topic, failed.detail)
    except Failed as failed:
        notes.unknown(topic, failed.detail)
        ctx.note(f"{topic}: {failed.detail}")


def step_deadline(ctx: ProbeContext) -> int:
    """Return the deadline of a step that begins now, in ns."""
    return ctx.budget.within(min(STEP_SECONDS, STEP_SHARE * ctx.budget.seconds_left))


# -- commands --------------------------------------------------------------------------------------


async def _command(ctx: ProbeContext, mux: Mux) -> None:
    """Open the first channel, and run ``true`` on it."""
    facts = _facts(ctx)
    until = step_deadline(ctx)
    with ctx.watch.phase("ssh.channel", mux.session.stream.address.ip) as timer:
        stream = await mux.open_session(until)
        timer.begin(stream.requested)
        timer.stop(stream.opened)
        facts.learn(channel_seconds=timer.seconds_until(stream.opened))
    with stream, ctx.watch.phase("ssh.exec", mux.session.stream.address.ip) as timer:
        timer.begin(await stream.ask(b"exec", vector(4, b"true")))
        granted, _ = await stream.answer(until)
        facts.learn(exec_granted=granted)
        if not granted:
            raise Failed(Reason.NEGOTIATION_FAILED, "the server refuses to run commands")
        count, ended = await _finish(stream, until)
        signal = stream.channel.exit_signal
        facts.learn(
            exec_output_bytes=count,
            exec_status=stream.channel.exit_status,
            exec_signal=printable(signal, 32) if signal is not None else None,
        )
        if ended is None:
            raise Failed(Reason.PEER_CLOSED, "the server closed the channel without an exit status")
        timer.stop(ended)
        facts.learn(exec_seconds=timer.seconds_until(ended))


async def _finish(stream: ChannelStream, deadline_ns: int) -> tuple[int, Mark | None]:
    """Read a command's output to its end; return its bytes and when the exit status came.

    The output of standard error counts as far as it is kept.
    """
    await stream.end()  # a command that is forced on the user may wait for input
    count = 0
    while data := (await stream.receive(deadline_ns))[0]:
        count += len(data)
        if count > MAX_OUTPUT_BYTES:
            raise Failed(
                Reason.BUDGET_EXCEEDED, f"the command true wrote more than {MAX_OUTPUT_BYTES} bytes"
            )
    return count + len(stream.channel.stderr), await stream.ended(deadline_ns)


async def _second(ctx: ProbeContext, mux: Mux) -> None:
    """Open another channel, and compare it with the time of a new connection."""
    facts = _facts(ctx)
    until = step_deadline(ctx)
    with ctx.watch.phase("ssh.second_channel", mux.session.stream.address.ip) as timer:
        stream = await mux.open_session(until)
        with stream:
            timer.begin(stream.requested)
            seconds = timer.seconds_until(stream.opened)
            facts.learn(second_channel_seconds=seconds)
            fresh = _fresh_seconds(ctx.notes(SshFacts).facts)
            if fresh is not None:
                facts.learn(fresh_seconds=fresh, mux_saves_seconds=max(0.0, fresh - seconds))
            if not facts.facts.exec_granted:
                timer.stop(stream.opened)
                return
            await stream.ask(b"exec", vector(4, b"true"))
            _, ended = await _finish(stream, until)
            if ended is not None:
                timer.stop(ended)
                facts.learn(second_exec_seconds=timer.seconds_until(ended))


def _fresh_seconds(facts: SshFacts) -> float | None:
    """Return the time from a new connection to its first channel; None if not measured."""
    total = facts.login.total_seconds if facts.login is not None else None
    channel = facts.session.channel_seconds if facts.session is not None else None
    return None if total is None or channel is None else total + channel


async def _terminal(ctx: ProbeContext, mux: Mux) -> None:
    """Request a terminal and a shell on it; nothing is typed."""
    until = step_deadline(ctx)
    stream = await mux.open_session(until)
    with stream:
        size = b"".join(n.to_bytes(4, "big") for n in (80, 24, 0, 0))
        await stream.ask(b"pty-req", vector(4, _TERMINAL) + size + vector(4, b"\x00"))
        await stream.ask(b"shell", b"")
        for field in ("pty_granted", "shell_granted"):
            granted, _ = await stream.answer(until)
            _facts(ctx).learn(**{field: granted})


# -- SFTP ------------------------------------------------------------------------------------------


async def _sftp(ctx: ProbeContext, mux: Mux) -> None:
    """Start the SFTP subsystem; learn its version and start directory, and transfer data."""
    notes, facts = ctx.notes(SshFacts), _facts(ctx)
    until = step_deadline(ctx)
    with ctx.watch.phase("ssh.sftp", mux.session.stream.address.ip) as timer:
        stream = await mux.open_session(until)
        with stream:
            timer.begin(await stream.ask(b"subsystem", vector(4, b"sftp")))
            granted, _ = await stream.answer(until)
            if not granted:
                facts.learn(sftp="refused")
                return
            client = SftpClient(stream, until)
            try:
                version = await client.init()
            except Failed:
                facts.learn(sftp="broken")
                raise
            timer.stop(version.at)
            facts.learn(
                sftp="works",
                sftp_version=version.version,
                sftp_extensions=tuple(printable(name, 64) for name in version.extensions),
                sftp_seconds=timer.seconds_until(version.at),
            )
            for topic, step in (
                (Topic.SFTP_WHERE, _start_directory),
                (Topic.SFTP_READ, _read),
                (Topic.SFTP_WRITE, _write),
            ):
                client.until = step_deadline(ctx)
                try:
                    await step(ctx, client)
                except SftpError as refused:
                    notes.unknown(topic, str(refused))


async def _start_directory(ctx: ProbeContext, client: SftpClient) -> None:
    home = await client.realpath(".")
    _facts(ctx).learn(sftp_home=printable(home, 255))
    begun = now_ns()
    _, at = await client.stat(home)
    _facts(ctx).learn(sftp_stat_seconds=at.since(begun))


async def _read(ctx: ProbeContext, client: SftpClient) -> None:
    """Read zeros, which every Unix has: no user's data, and no disk access."""
    handle = await client.open(_ZERO)
    begun = now_ns()
    count, last = await client.read(handle, READ_BYTES, READ_SECONDS)
    if count and last is not None:
        _facts(ctx).learn(read_from=f"SFTP {_ZERO}", **_throughput_of("read", count, begun, last))
    await client.ask(sftp.close(handle))


def _throughput_of(direction: str, count: int, begun: Mark | int, last: Mark) -> dict[str, float]:
    """Return the facts of ``count`` bytes transferred from ``begun`` to ``last``."""
    seconds = max(1e-9, last.since(begun))
    return {
        f"{direction}_bytes": count,
        f"{direction}_seconds": seconds,
        f"{direction}_bytes_per_second": count / seconds,
    }


async def _write(ctx: ProbeContext, client: SftpClient) -> None:
    """Write into a new file with a random name, and remove it in any case."""
    notes = ctx.notes(SshFacts)
    denied = ctx.denied(3)
    if denied is not None:
        notes.unknown(Topic.SFTP_WRITE, denied)
        return
    if ctx.budget.seconds_left < WRITE_SECONDS + CLEANUP_SECONDS:
        notes.unknown(Topic.SFTP_WRITE, "not enough time left to write and remove a file")
        return
    path = f".seventh-{os.urandom(8).hex()}.tmp"
    flags = sftp.FOR_WRITING | sftp.CREATE | sftp.EXCLUSIVE
    handle = await client.open(path, flags, 0o600)
    try:
        begun = now_ns()
        count, last = await client.write(handle, os.urandom(WRITE_BYTES), WRITE_SECONDS)
        if count and last is not None:
            _facts(ctx).learn(**_throughput_of("write", count, begun, last))
        await client.ask(sftp.close(handle))
    finally:
        client.until = ctx.budget.within(CLEANUP_SECONDS)
        await client.ask(sftp.remove(path))


# -- throughput without SFTP -----------------------------------------------------------------------


async def _throughput(ctx: ProbeContext, mux: Mux) -> None:
    """Read the same bytes from a command if SFTP gave none."""
    facts = _facts(ctx).facts
    if facts.read_bytes is not None or not facts.exec_granted or facts.exec_status != 0:
        return
    until = step_deadline(ctx)
    command = f"head -c {READ_BYTES} {_ZERO}"
    stream = await mux.open_session(until)
    with stream:
        await stream.ask(b"exec", vector(4, command.encode()))
        granted, _ = await stream.answer(until)
        if not granted:
            return
        await stream.end()
        stop = ctx.budget.within(READ_SECONDS)
        count, marks = 0, list[Mark]()
        while now_ns() < stop:
            data, at = await stream.receive(until)
            if not data:
                break
            count += len(data)
            marks.append(at)
        # From the first bytes on: the start of the command is not throughput.
        if marks and marks[-1].since(marks[0]) > 0:
            throughput = _throughput_of("read", count, marks[0], marks[-1])
            _facts(ctx).learn(read_from=f"exec {command}", **throughput)
