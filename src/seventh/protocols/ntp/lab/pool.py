"""Several NTP servers behind one name, and what can be wrong with them as a set."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from seventh.labkit.names import name_server
from seventh.labkit.serve import Served
from seventh.protocols.ntp.lab.faults import Setup
from seventh.protocols.ntp.lab.responder import Responder

NAME = "pool.lab.test"
_HOSTS = tuple(f"127.0.0.{last}" for last in range(1, 9))
_TRIES = 16


@contextlib.asynccontextmanager
async def pool(behaviours: Sequence[Setup]) -> AsyncIterator[Served]:
    """Run the servers behind one name, with the name server that knows it."""
    made = _bound(behaviours)
    for responder in made:
        responder.start()
    try:
        async with name_server({NAME: {"A": _HOSTS[: len(made)]}}) as resolver:
            options = behaviours[0].options | {"resolver": resolver}
            yield Served(target=f"ntp://{NAME}:{made[0].port}", options=options)
    finally:
        for responder in made:
            responder.stop()


def _bound(behaviours: Sequence[Setup]) -> list[Responder]:
    """A responder on each of 127.0.0.1, 127.0.0.2 and so on, all of one port that all have free."""
    for tried in range(_TRIES):
        made = [Responder(behaviours[0], _HOSTS[0])]
        try:
            for host, setup in zip(_HOSTS[1:], behaviours[1:], strict=False):
                made.append(Responder(setup, host, made[0].port))
        except OSError:
            for responder in made:
                responder.close()
            if tried == _TRIES - 1:
                raise
        else:
            return made
    raise AssertionError


@contextlib.asynccontextmanager
async def having_port_123() -> AsyncIterator[None]:
    """Yield one lab at a time may be looked at from port 123: this machine has the port once."""
    path = Path(tempfile.gettempdir()) / f"seventh-lab-port-123-{os.getuid()}"
    # Not through a link: anybody may have put one into a folder that all share.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "r+b") as file:
        await asyncio.to_thread(fcntl.flock, file, fcntl.LOCK_EX)
        yield
