"""The reference site, good or with one fault: HTTP/1.1, 2 and 3 on one port number.

Its own name server (HTTPS record) and its Alt-Svc field announce it.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import msgspec
from OpenSSL import SSL

from seventh.labkit.names import name_server
from seventh.labkit.serve import Fault, Kit, Served, free_port
from seventh.labkit.tlsserve import server_context
from seventh.labkit.web.h3 import serve_h3
from seventh.labkit.web.handler import Answer, Handler
from seventh.labkit.web.serve import web_server
from seventh.protocols.http.lab import alternatives
from seventh.protocols.http.lab import content as lab_content
from seventh.protocols.http.lab.faults import FAULTS as FAULTS
from seventh.protocols.http.lab.setup import Setup, SiteFault, with_fields
from seventh.web.message import Request

NAME = "www.lab.test"
HSTS = ("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
TOUR = ("cache-leak",)
"""The faults that `seventh tour` shows."""


@contextlib.asynccontextmanager
async def serve(fault: Fault | None, kit: Kit) -> AsyncIterator[Served]:
    """Yield the reference site, with ``fault`` or without."""
    setup = fault.setup if isinstance(fault, SiteFault) else Setup()
    async with site(setup, kit) as served:
        yield served


@contextlib.asynccontextmanager
async def site(setup: Setup, kit: Kit) -> AsyncIterator[Served]:
    """Yield a site with any setup, under its own name."""
    async with contextlib.AsyncExitStack() as stack:
        port = await _listen(stack, setup, kit)
        zone: dict[str, tuple[str, ...]] = {"A": ("127.0.0.1",)}
        names: dict[str, dict[str, tuple[str, ...]]] = {
            NAME: zone, alternatives.NAME: {"A": (alternatives.ADDRESS,)},
        }  # fmt: skip
        if setup.announced and setup.secure:
            names[f"_{port}._https.{NAME}"] = {"HTTPS": (f'1 {NAME}. alpn="h3,h2" port="{port}"',)}
        resolver = await stack.enter_async_context(name_server(names))
        scheme = "https" if setup.secure else "http"
        trust = {"ca_file": str(kit.authority.ca_file)} if setup.secure else {}
        yield Served(
            target=f"{scheme}://{NAME}:{port}{setup.path}",
            options={"resolver": resolver, **trust, **setup.options},
        )


async def _listen(stack: contextlib.AsyncExitStack, setup: Setup, kit: Kit) -> int:
    handler = _dressed(setup)
    if not setup.secure:
        server = web_server(handler, versions=setup.versions, h1=setup.h1, h2=setup.h2)
        return await stack.enter_async_context(server)
    issued = kit.authority.issue(NAME)
    port = free_port()
    services = [f'h3=":{port}"; ma=3600'] if setup.announced else []
    if setup.places:
        places = alternatives.serve(setup.places, handler, NAME, kit)
        services.append(await stack.enter_async_context(places))
    announced = _announcing(handler, ", ".join(services)) if services else handler
    if setup.h3 is not None:
        await stack.enter_async_context(serve_h3(announced, issued, setup.h3, port=port))
    if not setup.tcp:
        return port
    alpn = tuple({"2": b"h2", "1.1": b"http/1.1"}[version] for version in setup.versions)
    context: SSL.Context = server_context(
        issued, alpn=alpn, early_data=setup.early_data, anti_replay=setup.anti_replay
    )
    server = web_server(
        announced, versions=setup.versions, context=context, h1=setup.h1, h2=setup.h2, port=port,
        early_data=bool(setup.early_data),
    )  # fmt: skip
    return await stack.enter_async_context(server)


def _dressed(setup: Setup) -> Handler:
    """Return a handler of the site's content, with the fields and checks of a good server."""
    content = lab_content.site(setup.content)

    async def handle(request: Request) -> Answer:
        answer = _refusal(setup, request)
        if answer is None and setup.before is not None:
            answer = setup.before(request)
        if answer is None:
            answer = await content(request if setup.heeds_early else _not_early(request))
        if setup.hsts and setup.secure:
            answer = with_fields(HSTS)(request, answer)
        return setup.change(request, answer) if setup.change is not None else answer

    return handle


def _not_early(request: Request) -> Request:
    """Return the request as a backend gets it that does not learn of early data."""
    fields = tuple(f for f in request.headers if f[0].lower() != "early-data")
    return msgspec.structs.replace(request, headers=fields)


def _refusal(setup: Setup, request: Request) -> Answer | None:
    names = {name.lower() for name, _ in request.headers}
    if setup.heeds_lengths and {"content-length", "transfer-encoding"} <= names:
        return Answer(status=400, headers=(("Connection", "close"),))
    unsafe = request.method not in {"GET", "HEAD", "OPTIONS"}
    if setup.heeds_early and unsafe and "early-data" in names:
        return Answer(status=425, headers=(("Cache-Control", "no-store"),))
    return None


def _announcing(handler: Handler, services: str) -> Handler:
    async def handle(request: Request) -> Answer:
        return with_fields(("Alt-Svc", services))(request, await handler(request))

    return handle
