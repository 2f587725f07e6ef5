"""Logged-in sessions with the lab's servers, for the tests of what runs over them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from seventh.model.target import Target
from seventh.net.probe_context import ProbeContext
from seventh.protocols.ssh import SPEC, SshOptions
from seventh.protocols.ssh.client.auth import log_in
from seventh.protocols.ssh.client.authenticate_host import open_session
from seventh.protocols.ssh.client.credentials import read_credentials
from seventh.protocols.ssh.client.known_hosts import read_known_hosts
from seventh.protocols.ssh.client.session import Session
from seventh.protocols.ssh.lab.channels import ChannelSetup, channel_server
from seventh.protocols.ssh.lab.keys import USER, LoginKeys
from tests.options import options_with


def context_at(port: int, login_keys: LoginKeys, **options: Any) -> ProbeContext:
    target = Target(scheme="ssh", host="127.0.0.1", port=port)
    given: dict[str, Any] = {"timeout_seconds": 5.0, **login_keys.options(port), **options}
    return ProbeContext(target, options_with(**given), connections=SPEC.connections)


@contextlib.asynccontextmanager
async def logged_in(
    port: int, login_keys: LoginKeys, **options: Any
) -> AsyncIterator[tuple[ProbeContext, Session]]:
    """A talk with a session of its user's."""
    ctx = context_at(port, login_keys, **options)
    try:
        stream = await ctx.connect()
        known = read_known_hosts(ctx.options.of(SshOptions).known_hosts)
        session, trust = await open_session(stream, known, "127.0.0.1", port)
        credentials = (await read_credentials(ctx.options, USER)).for_host(trust)
        await log_in(session, credentials)
        yield ctx, session
    finally:
        ctx.close()


@contextlib.asynccontextmanager
async def conducting(
    login_keys: LoginKeys, setup: ChannelSetup, **options: Any
) -> AsyncIterator[tuple[ProbeContext, Session]]:
    """A session with a server of this conduct."""
    async with (
        channel_server(login_keys, setup) as port,
        logged_in(port, login_keys, **options) as made,
    ):
        yield made


def folder_of(login_keys: LoginKeys) -> Path:
    return login_keys.identity.parent
