"""What a logged-in user may do: commands, a terminal, SFTP, further channels, forwarding.

Everything here is beside the login: what fails is noted as not learnt and ends nothing else. Only a
server that breaks the protocol ends the report with that failure.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable

from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import now_ns
from seventh.protocols.ssh.client.failures import RefusedError
from seventh.protocols.ssh.client.mux import ChannelStream, Mux
from seventh.protocols.ssh.client.session import Session
from seventh.protocols.ssh.client.sftp import SftpClient, SftpError
from seventh.protocols.ssh.facts import SshFacts, Topic
from seventh.protocols.ssh.facts.session import SessionFacts
from seventh.protocols.ssh.probe import forwarding
from seventh.protocols.ssh.wire import sftp
from seventh.wire.reader import vector
from seventh.wire.text import printable

READ_BYTES = 1024 * 1024
"""The most that is read to see the throughput, and how long that may take."""
READ_SECONDS = 1.0
WRITE_BYTES = 512 * 1024
WRITE_SECONDS = 1.0
CLEANUP_SECONDS = 1.5
STEP_SECONDS, STEP_SHARE = 3.0, 0.3
"""How long one step may take (a shell's start-up files are somebody else's work), and how much of
the time that is left, so that a step which gets no answer leaves some to the others."""
MAX_OUTPUT_BYTES = 64 * 1024
"""What ``true``, or whatever runs in its place, may write."""
_ZERO = "/dev/zero"
_TERMINAL = b"xterm"


async def look(ctx: ProbeContext, session: Session) -> None:
    """Learn what the user of ``session`` may do; the session is usable afterwards, unless it died.

    Phases: ``ssh.channel``, ``ssh.exec``, ``ssh.second_channel``, ``ssh.sftp``, and with
    permission to write ``ssh.forward``.
    """
    notes = ctx.notes(SshFacts)
    mux = Mux(session, deviations=session.connection.deviations)
    steps: list[tuple[Topic, Callable[[ProbeContext, Mux], Awaitable[None]]]] = [
        (Topic.EXEC, _command),
        (Topic.SECOND_CHANNEL, _second),
        (Topic.TERMINAL, _terminal),
        (Topic.SFTP, _sftp),
        (Topic.THROUGHPUT, _throughput),
    ]
    denied = ctx.denied(3)
    if denied is None:
        steps.append((Topic.FORWARDING, forwarding.look))
    else:
        notes.unknown(Topic.FORWARDING, denied)
    try:
        for what, step in steps:
            if ctx.budget.seconds_left <= 0:
                notes.unknown(what, "no time was left for it")
            elif not mux.alive:
                notes.unknown(what, f"the session had ended before: {_end_of(mux)}")
            else:
                await _taken(ctx, mux, what, step)
        if isinstance(mux.failed, ProtocolViolation):
            # It may have come when nobody was waiting for anything.
            failed = ProtocolViolation(mux.failed.detail)
            failed.phase = "ssh.channel"
            ctx.fail(failed)
    finally:
        opened = mux.channels.refused_peer_opens
        notes.part("session", SessionFacts).learn(
            peer_channels={printable(k, 32): count for k, count in opened.items()}
        )
        await mux.finish()


def _end_of(mux: Mux) -> str:
    return mux.failed.detail if mux.failed is not None else "nobody knows why"


async def _taken(
    ctx: ProbeContext, mux: Mux, what: Topic, step: Callable[[ProbeContext, Mux], Awaitable[None]]
) -> None:
    """Take one step; what goes wrong with it is noted."""
    notes = ctx.notes(SshFacts)
    try:
        await step(ctx, mux)
    except RefusedError as refused:
        notes.unknown(what, f"the channel was refused: {refused.refusal.text}")
    except ProtocolViolation as failed:
        ctx.fail(failed)
        notes.unknown(what, failed.detail)
    except Failed as failed:
        notes.unknown(what, failed.detail)
        ctx.note(f"{what}: {failed.detail}")


def step_deadline(ctx: ProbeContext) -> int:
    """When the step that begins now must have its answers."""
    return ctx.budget.within(min(STEP_SECONDS, STEP_SHARE * ctx.budget.seconds_left))


# -- commands --------------------------------------------------------------------------------------


async def _command(ctx: ProbeContext, mux: Mux) -> None:
    """The first channel, and ``true`` on it."""
    session = ctx.notes(SshFacts).part("session", SessionFacts)
    until = step_deadline(ctx)
    with ctx.watch.phase("ssh.channel", mux.session.stream.address.ip) as timer:
        stream = await mux.open_session(until)
        timer.begin(stream.requested)
        timer.stop(stream.opened)
        session.learn(channel_seconds=timer.seconds_until(stream.opened))
    with stream, ctx.watch.phase("ssh.exec", mux.session.stream.address.ip) as timer:
        asked = await stream.ask(b"exec", vector(4, b"true"))
        timer.begin(asked)
        granted, _ = await stream.answer(until)
        session.learn(exec_granted=granted)
        if not granted:
            raise Failed(Reason.NEGOTIATION_FAILED, "the server refuses to run commands")
        # A command that is forced upon the user may wait for input: there is none.
        await stream.end()
        count = await _drain(stream, until)
        ended = await stream.ended(until)
        channel = stream.channel
        signal = channel.exit_signal
        session.learn(
            exec_output_bytes=count,
            exec_status=channel.exit_status,
            exec_signal=printable(signal, 32) if signal is not None else None,
        )
        if ended is None:
            raise Failed(Reason.PEER_CLOSED, "the channel closed without an exit status")
        timer.stop(ended)
        session.learn(exec_seconds=timer.seconds_until(ended))


async def _drain(stream: ChannelStream, deadline_ns: int) -> int:
    """Read a channel to its end: how much came, what is kept of standard error included."""
    count = 0
    while True:
        data, _ = await stream.receive(deadline_ns)
        if not data:
            return count + len(stream.channel.stderr)
        count += len(data)
        if count > MAX_OUTPUT_BYTES:
            raise Failed(
                Reason.BUDGET_EXCEEDED, f"the command true wrote more than {MAX_OUTPUT_BYTES} bytes"
            )


async def _second(ctx: ProbeContext, mux: Mux) -> None:
    """Another channel on the connection that stands, against a fresh connection's whole cost."""
    notes = ctx.notes(SshFacts)
    session = notes.part("session", SessionFacts)
    until = step_deadline(ctx)
    with ctx.watch.phase("ssh.second_channel", mux.session.stream.address.ip) as timer:
        stream = await mux.open_session(until)
        with stream:
            timer.begin(stream.requested)
            seconds = timer.seconds_until(stream.opened)
            session.learn(second_channel_seconds=seconds)
            fresh = _fresh_seconds(notes.facts)
            if fresh is not None:
                session.learn(fresh_seconds=fresh, mux_saves_seconds=max(0.0, fresh - seconds))
            if not session.facts.exec_granted:
                timer.stop(stream.opened)
                return
            await stream.ask(b"exec", vector(4, b"true"))
            await stream.end()
            await _drain(stream, until)
            ended = await stream.ended(until)
            if ended is not None:
                timer.stop(ended)
                session.learn(second_exec_seconds=timer.seconds_until(ended))


def _fresh_seconds(facts: SshFacts) -> float | None:
    """From the connection's beginning to the granted login, and the first channel."""
    total = facts.login.total_seconds if facts.login is not None else None
    channel = facts.session.channel_seconds if facts.session is not None else None
    return None if total is None or channel is None else total + channel


async def _terminal(ctx: ProbeContext, mux: Mux) -> None:
    """A terminal and a shell on it: granted or not. Nothing is typed."""
    session = ctx.notes(SshFacts).part("session", SessionFacts)
    until = step_deadline(ctx)
    stream = await mux.open_session(until)
    with stream:
        size = b"".join(n.to_bytes(4, "big") for n in (80, 24, 0, 0))
        await stream.ask(b"pty-req", vector(4, _TERMINAL) + size + vector(4, b"\x00"))
        await stream.ask(b"shell", b"")
        granted, _ = await stream.answer(until)
        session.learn(pty_granted=granted)
        granted, _ = await stream.answer(until)
        session.learn(shell_granted=granted)


# -- SFTP ------------------------------------------------------------------------------------------


async def _sftp(ctx: ProbeContext, mux: Mux) -> None:
    """The subsystem, its version, the place where one lands, and a transfer."""
    notes = ctx.notes(SshFacts)
    session = notes.part("session", SessionFacts)
    until = step_deadline(ctx)
    with ctx.watch.phase("ssh.sftp", mux.session.stream.address.ip) as timer:
        stream = await mux.open_session(until)
        with stream:
            timer.begin(await stream.ask(b"subsystem", vector(4, b"sftp")))
            granted, _ = await stream.answer(until)
            if not granted:
                session.learn(sftp="refused")
                return
            client = SftpClient(stream, until)
            version = await _version(ctx, client)
            timer.stop(version.at)
            session.learn(
                sftp="works",
                sftp_version=version.version,
                sftp_extensions=tuple(printable(name, 64) for name in version.extensions),
                sftp_seconds=timer.seconds_until(version.at),
            )
            for what, step in (
                (Topic.SFTP_WHERE, _where),
                (Topic.SFTP_READ, _read),
                (Topic.SFTP_WRITE, _write),
            ):
                client.until = step_deadline(ctx)
                try:
                    await step(ctx, client)
                except SftpError as refused:
                    notes.unknown(what, str(refused))


async def _version(ctx: ProbeContext, client: SftpClient) -> sftp.Version:
    try:
        return await client.init()
    except Failed:
        ctx.notes(SshFacts).part("session", SessionFacts).learn(sftp="broken")
        raise


async def _where(ctx: ProbeContext, client: SftpClient) -> None:
    session = ctx.notes(SshFacts).part("session", SessionFacts)
    home = await client.realpath(".")
    session.learn(sftp_home=printable(home, 255))
    begun = now_ns()
    _, at = await client.stat(home)
    session.learn(sftp_stat_seconds=at.since(begun))


async def _read(ctx: ProbeContext, client: SftpClient) -> None:
    """Zeros: every system has them, they hold nothing of anybody's, and cost no disk."""
    handle = await client.open(_ZERO)
    begun = now_ns()
    count, last = await client.read(handle, READ_BYTES, READ_SECONDS)
    if count and last is not None:
        _learn_read(ctx, f"SFTP {_ZERO}", count, max(1e-9, last.since(begun)))
    await client.ask(sftp.close(handle))


def _learn_read(ctx: ProbeContext, source: str, count: int, seconds: float) -> None:
    ctx.notes(SshFacts).part("session", SessionFacts).learn(
        read_from=source,
        read_bytes=count,
        read_seconds=seconds,
        read_bytes_per_second=count / seconds,
    )


async def _write(ctx: ProbeContext, client: SftpClient) -> None:
    """Into a file of our own, with a name that nobody else has; it is removed whatever happens."""
    notes = ctx.notes(SshFacts)
    denied = ctx.denied(3)
    if denied is not None:
        notes.unknown(Topic.SFTP_WRITE, denied)
        return
    if ctx.budget.seconds_left < WRITE_SECONDS + CLEANUP_SECONDS:
        notes.unknown(Topic.SFTP_WRITE, "no time was left to write a file and to remove it")
        return
    path = f".seventh-{os.urandom(8).hex()}.tmp"
    flags = sftp.FOR_WRITING | sftp.CREATE | sftp.EXCLUSIVE
    handle = await client.open(path, flags, 0o600)
    try:
        begun = now_ns()
        count, last = await client.write(handle, os.urandom(WRITE_BYTES), WRITE_SECONDS)
        if count and last is not None:
            seconds = max(1e-9, last.since(begun))
            notes.part("session", SessionFacts).learn(
                write_bytes=count,
                write_seconds=seconds,
                write_bytes_per_second=count / seconds,
            )
        await client.ask(sftp.close(handle))
    finally:
        client.until = ctx.budget.within(CLEANUP_SECONDS)
        await client.ask(sftp.remove(path))


# -- throughput without SFTP -----------------------------------------------------------------------


async def _throughput(ctx: ProbeContext, mux: Mux) -> None:
    """Where SFTP gave nothing to read: the same bytes from a command."""
    facts = ctx.notes(SshFacts).part("session", SessionFacts).facts
    if facts.read_bytes is not None or not facts.exec_granted or facts.exec_status != 0:
        return
    until = step_deadline(ctx)
    command = f"head -c {READ_BYTES} {_ZERO}"
    stream = await mux.open_session(until)
    with stream:
        asked = await stream.ask(b"exec", vector(4, command.encode()))
        granted, _ = await stream.answer(until)
        if not granted:
            return
        await stream.end()
        stop = ctx.budget.within(READ_SECONDS)
        count, first, last = 0, asked, asked
        while now_ns() < stop:
            data, at = await stream.receive(until)
            if not data:
                break
            if not count:
                first = at
            count, last = count + len(data), at
        # The command's own start is no throughput: the clock runs from its first bytes.
        if count and last.ns > first.ns:
            _learn_read(ctx, f"exec {command}", count, last.since(first))
