"""MQTT's reference broker: over TLS, TCP or WebSocket, correct or with one fault."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from seventh.labkit.elsewhere import added
from seventh.labkit.serve import Kit, Served, tcp_server
from seventh.labkit.tlsserve import server_context, tls_server
from seventh.labkit.tokens import renewed
from seventh.labkit.web.peer import PlainPeer
from seventh.labkit.web.serve import web_server
from seventh.protocols.mqtt.lab.broker import Broker
from seventh.protocols.mqtt.lab.faults import ELSEWHERE, FAULTS, Fault
from seventh.protocols.mqtt.lab.setup import LIMITED, USER, Setup
from seventh.protocols.mqtt.lab.websocket import answering

__all__ = ["FAULTS", "Fault"]
TOUR = ("anonymous", "no-will")
"""The faults that `seventh tour` shows."""
CLEAN = LIMITED


@contextlib.asynccontextmanager
async def serve(fault: Fault | None, kit: Kit) -> AsyncIterator[Served]:
    """Yield the broker, or one with ``fault``."""
    async with serve_setup(fault.setup if fault else CLEAN, kit) as served:
        yield served


@contextlib.asynccontextmanager
async def serve_setup(
    setup: Setup, kit: Kit, broker: Broker | None = None
) -> AsyncIterator[Served]:
    """Yield the broker of ``setup``."""
    broker = broker or Broker(setup)
    options = dict(setup.options)
    if setup.secure:
        options["ca_file"] = str(kit.authority.ca_file)
    async with contextlib.AsyncExitStack() as stack:
        if setup.host == ELSEWHERE:
            stack.enter_context(added(ELSEWHERE))
        port = await stack.enter_async_context(_listening(setup, kit, broker))
        scheme = ("mqtt+ws" if setup.websocket else "mqtt") + ("s" if setup.secure else "")
        if setup.pair is not None:
            other = broker if setup.pair == "bridged" else Broker(setup)
            beside = await stack.enter_async_context(_listening(setup, kit, other))
            options["pair"] = f"{scheme}://{setup.host}:{beside}"
        if setup.token_seconds is not None:
            file = kit.folder / f"mqtt-token-{port}"
            await stack.enter_async_context(renewed(file, setup.token_seconds))
            options["token_file"] = str(file)
        elif setup.logs_in:
            file = kit.folder / f"mqtt-password-{port}"
            file.touch(mode=0o600)
            file.write_text(f"{setup.password}\n", encoding="utf-8")
            options |= {"user": USER, "password_file": str(file)}
        yield Served(target=f"{scheme}://{setup.host}:{port}", options=options)


@contextlib.asynccontextmanager
async def _listening(setup: Setup, kit: Kit, broker: Broker) -> AsyncIterator[int]:
    """Serve ``broker`` on a free port, which is the value."""
    context = None
    if setup.secure:
        context = server_context(
            kit.authority.issue(),
            ask_client=setup.certificates == "optional",
            need_client=setup.certificates == "required",
            client_ca=str(kit.authority.ca_file),
            alpn=(b"http/1.1",) if setup.websocket else (),
        )
    if setup.websocket:
        handle = answering(broker)
        async with web_server(handle, versions=("1.1",), context=context, host=setup.host) as port:
            yield port
    elif context is not None:
        async with tls_server(context, application=broker.serve, host=setup.host) as port:
            yield port
    else:

        async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await broker.serve(PlainPeer(reader, writer))

        async with tcp_server(plain, setup.host) as port:
            yield port
