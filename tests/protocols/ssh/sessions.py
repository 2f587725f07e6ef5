"""Logged-in sessions with the lab's servers, for the tests of what runs over them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from seventh.model.target import Target
from seventh.net.talk import Talk
from seventh.protocols.ssh import SPEC, SshOptions
from seventh.protocols.ssh.client.auth import log_in
from seventh.protocols.ssh.client.authenticate_host import enter
from seventh.protocols.ssh.client.credentials import gather
from seventh.protocols.ssh.client.known_hosts import read_known_hosts
from seventh.protocols.ssh.client.session import Session
from seventh.protocols.ssh.lab.channels import Conduct
from seventh.protocols.ssh.lab.session import USER, Door, dishonest
from tests.options import options_with


def talk_at(port: int, door: Door, **options: Any) -> Talk:
    target = Target(scheme="ssh", host="127.0.0.1", port=port)
    given: dict[str, Any] = {"timeout_seconds": 5.0, **door.options(port), **options}
    return Talk(target, options_with(**given), connections=SPEC.connections)


@contextlib.asynccontextmanager
async def logged_in(port: int, door: Door, **options: Any) -> AsyncIterator[tuple[Talk, Session]]:
    """A talk with a session of its user's."""
    talk = talk_at(port, door, **options)
    try:
        stream = await talk.connect()
        known = read_known_hosts(talk.options.of(SshOptions).known_hosts)
        session, trust = await enter(stream, known, "127.0.0.1", port)
        credentials = (await gather(talk.options, USER)).for_host(trust)
        await log_in(session, credentials)
        yield talk, session
    finally:
        talk.close()


@contextlib.asynccontextmanager
async def conducting(
    door: Door, conduct: Conduct, **options: Any
) -> AsyncIterator[tuple[Talk, Session]]:
    """A session with a server of this conduct."""
    async with dishonest(door, conduct) as port, logged_in(port, door, **options) as made:
        yield made


def folder_of(door: Door) -> Path:
    return door.identity.parent
