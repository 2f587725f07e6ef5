"""What ``--from`` needs of SSH: a command on a host, and targets that another host checks."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from msgspec.structs import replace

from seventh.model.failure import Failed, Reason
from seventh.model.options import Options
from seventh.model.target import Target
from seventh.net.probe_context import ProbeContext
from seventh.protocols.ssh import SshOptions
from seventh.protocols.ssh.client.failures import RefusedError
from seventh.protocols.ssh.client.known_hosts import read_known_hosts
from seventh.protocols.ssh.client.mux import ChannelStream, Mux
from seventh.protocols.ssh.host_alias import resolve_alias
from seventh.protocols.ssh.jump import Chain
from seventh.wire.reader import vector
from seventh.wire.text import printable


@contextlib.asynccontextmanager
async def run(ctx: ProbeContext, line: str) -> AsyncIterator[ChannelStream]:
    """Log in at the context's target as at a jump host, and run ``line`` in the user's shell.

    The channel is the command's standard input and output. ~/.ssh/config may add jump hosts.
    Raises Failed.
    """
    _, known = resolve_alias(ctx.target, ctx.options)
    chain = Chain(ctx, read_known_hosts(known.of(SshOptions).known_hosts), None)
    try:
        for hop in known.via:
            await chain.extend(hop)
        mux = await chain.extend(ctx.target, "host")
        stream = await _start(mux, line)
        try:
            yield stream
        finally:
            stream.close()
            await mux.finish()
    finally:
        chain.close()


async def _start(mux: Mux, line: str) -> ChannelStream:
    try:
        stream = await mux.open_session()
    except RefusedError as refused:
        raise Failed(Reason.AUTH_REJECTED, f"no session: {refused.refusal.text}") from None
    stream.expect_silence()
    await stream.ask(b"exec", vector(4, line.encode()))
    granted, _ = await stream.answer()
    if not granted:
        raise Failed(Reason.AUTH_REJECTED, "the server does not run commands for this user")
    return stream


def last_words(stream: ChannelStream) -> str:
    """Return how the command ended, and the last line of its standard error."""
    channel = stream.channel
    lines = [line for line in channel.stderr.splitlines() if line.strip()]
    said = printable(lines[-1], 300) if lines else ""
    if channel.exit_signal is not None:
        how = f"killed by the signal {printable(channel.exit_signal, 32)}"
    elif channel.exit_status is not None:
        how = f"exit status {channel.exit_status}"
    else:
        how = "without an exit status"
    return f"{how}: {said}" if said else how


def to_send(target: Target, options: Options) -> tuple[Target, Options]:
    """Return a target of this protocol as another machine checks it: without a login.

    Its alias is resolved here. The credentials log in at the other machine; neither a key nor the
    agent leaves this one.
    """
    without = replace(options.of(SshOptions), identities=())
    target, options = resolve_alias(
        replace(target, user=None),
        options.having(without).replace(user=None, password_file=None),
    )
    known = options.of(SshOptions).known_hosts
    own = SshOptions(agent=False, known_hosts=known, ssh_config="none")
    return replace(target, user=None), options.having(own).replace(via=(), user=None)
