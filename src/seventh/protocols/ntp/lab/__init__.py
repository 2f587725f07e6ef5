"""NTP's reference servers on loopback, correct or with one fault."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator

from seventh.labkit.serve import Fault, Kit, Served, free_port
from seventh.protocols.ntp.lab import faults, nts_faults, pool_faults
from seventh.protocols.ntp.lab.faults import CLEAN
from seventh.protocols.ntp.lab.responder import HOST, Responder
from seventh.protocols.ntp.lab.setup import NtsSetup, Options, Setup

TOUR = ("wrong-time",)
"""The faults that `seventh tour` shows."""
FAULTS = (*faults.FAULTS, *pool_faults.FAULTS, *nts_faults.FAULTS)


@contextlib.asynccontextmanager
async def serve(fault: Fault | None, kit: Kit) -> AsyncIterator[Served]:
    """Yield a correct server, or one with ``fault``."""
    setup = next((known.setup for known in FAULTS if known == fault), CLEAN)
    async with contextlib.AsyncExitStack() as stack:
        if isinstance(setup, NtsSetup):
            from seventh.protocols.ntp.lab.nts import serve_nts  # OpenSSL loads late

            yield await stack.enter_async_context(serve_nts(setup, kit))
            return
        if isinstance(setup, tuple):
            from seventh.protocols.ntp.lab.pool import pool  # dnspython loads late

            yield await stack.enter_async_context(pool(setup))
            return
        if fault is not None and fault.reason == "connect-refused":
            port = free_port(socket.SOCK_DGRAM, HOST)
            yield Served(target=f"ntp://{HOST}:{port}", options=setup.options)
            return
        if setup.options.get("intrusive"):
            from seventh.protocols.ntp.lab.pool import exclusive_port_123

            await stack.enter_async_context(exclusive_port_123())
        responder = Responder(setup)
        responder.start()
        stack.callback(responder.stop)
        options = {**setup.options, **_key_options(setup, kit)}
        yield Served(target=f"ntp://{HOST}:{responder.port}", options=options)


def _key_options(setup: Setup, kit: Kit) -> Options:
    """Return the options with which a check authenticates, where the server has a key for it."""
    if not setup.client_keys:
        return {}
    file = kit.folder / f"ntp-{setup.client_keys.split()[1]}.keys"
    file.write_text(setup.client_keys + "\n", encoding="ascii")
    file.chmod(0o600)
    return {"ntp_keys": str(file)}
