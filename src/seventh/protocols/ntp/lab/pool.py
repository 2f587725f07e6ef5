"""Several NTP servers behind one name, on loopback."""

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
from seventh.protocols.ntp.lab.responder import Responder
from seventh.protocols.ntp.lab.setup import Setup

NAME = "pool.lab.test"
_HOSTS = tuple(f"127.0.0.{last}" for last in range(1, 9))
_ATTEMPTS = 16


@contextlib.asynccontextmanager
async def pool(setups: Sequence[Setup]) -> AsyncIterator[Served]:
    """Run the servers, and a name server that resolves their name."""
    responders = _bind(setups)
    for responder in responders:
        responder.start()
    try:
        async with name_server({NAME: {"A": _HOSTS[: len(setups)]}}) as resolver:
            options = {**setups[0].options, "resolver": resolver}
            yield Served(target=f"ntp://{NAME}:{responders[0].port}", options=options)
    finally:
        for responder in responders:
            responder.stop()


def _bind(setups: Sequence[Setup]) -> list[Responder]:
    """Return responders on 127.0.0.1, 127.0.0.2 and so on, on one port that is free on each."""
    for attempt in range(_ATTEMPTS):
        responders: list[Responder] = []
        port = 0
        try:
            for host, setup in zip(_HOSTS, setups, strict=False):
                responders.append(Responder(setup, host, port))
                port = responders[0].port
        except OSError:
            for responder in responders:
                responder.close()
            if attempt == _ATTEMPTS - 1:
                raise
        else:
            return responders
    raise AssertionError


@contextlib.asynccontextmanager
async def exclusive_port_123() -> AsyncIterator[None]:
    """Wait until no other lab of this user is checked from port 123."""
    path = Path(tempfile.gettempdir()) / f"seventh-lab-port-123-{os.getuid()}"
    # Never through a link, which another user could have put into the shared folder.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "r+b") as file:
        await asyncio.to_thread(fcntl.flock, file, fcntl.LOCK_EX)
        yield
