"""NTP's labs: the reference server on loopback, as it should be or with one fault."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator

from seventh.labkit.serve import Fault, Kit, Served, free_port
from seventh.protocols.ntp.lab.faults import BEHAVIOURS, Setup
from seventh.protocols.ntp.lab.faults import FAULTS as NTP_FAULTS
from seventh.protocols.ntp.lab.nts_faults import NTS_BEHAVIOURS, NTS_FAULTS
from seventh.protocols.ntp.lab.pool_faults import POOL_FAULTS, POOLS
from seventh.protocols.ntp.lab.responder import HOST, Responder

TOUR = ("wrong-time",)
"""The faults that `seventh tour` shows."""
FAULTS = (*NTP_FAULTS, *POOL_FAULTS, *NTS_FAULTS)


@contextlib.asynccontextmanager
async def serve(fault: Fault | None, kit: Kit) -> AsyncIterator[Served]:
    """Yield a correct responder, or one with ``fault``."""
    if fault is not None and fault.name in NTS_BEHAVIOURS:
        from seventh.protocols.ntp.lab.nts import serve_nts  # OpenSSL loads late

        async with serve_nts(NTS_BEHAVIOURS[fault.name], kit) as served:
            yield served
        return
    if fault is not None and fault.name == "refused":
        port = free_port(socket.SOCK_DGRAM, HOST)
        yield Served(target=f"ntp://{HOST}:{port}", options=BEHAVIOURS["refused"].options)
        return
    if fault is not None and fault.name in POOLS:
        from seventh.protocols.ntp.lab.pool import pool  # dnspython loads late

        async with pool(POOLS[fault.name]) as served:
            yield served
        return
    setup = BEHAVIOURS[fault.name if fault else "clean"]
    async with contextlib.AsyncExitStack() as stack:
        if setup.options.get("intrusive"):
            from seventh.protocols.ntp.lab.pool import having_port_123

            await stack.enter_async_context(having_port_123())
        responder = Responder(setup)
        responder.start()
        stack.callback(responder.stop)
        options = setup.options | _key_options(setup, kit)
        yield Served(target=f"ntp://{HOST}:{responder.port}", options=options)


def _key_options(setup: Setup, kit: Kit) -> dict[str, str | float | int]:
    """Return what a check needs in order to authenticate, where the server has a key for it."""
    if not setup.client_keys:
        return {}
    file = kit.folder / f"ntp-{setup.client_keys.split()[1]}.keys"
    file.write_text(setup.client_keys + "\n", encoding="ascii")
    file.chmod(0o600)
    return {"ntp_keys": str(file)}
