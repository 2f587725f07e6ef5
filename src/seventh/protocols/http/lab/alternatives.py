"""Other places that the site's Alt-Svc names, each good or with one fault."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable
from typing import Literal

import msgspec

from seventh.labkit.serve import Kit, free_port
from seventh.labkit.web.h3 import H3Setup, serve_h3
from seventh.labkit.web.handler import Answer, Handler
from seventh.labkit.web.quicserver import QuicSetup
from seventh.labkit.web.serve import TcpVersion, web_server
from seventh.web.message import Request

NAME = "alt.lab.test"
ADDRESS = "127.0.0.2"


class AltPlace(msgspec.Struct, frozen=True, kw_only=True):
    """One place."""

    protocol: Literal["h3", "h2", "http/1.1"]
    certificate: str = ""
    """The name that its certificate is for; empty for the origin's."""
    silent: bool = False
    """Whether nothing answers there."""
    misdirected: bool = False
    """Whether it does not serve the origin, and says so."""


@contextlib.asynccontextmanager
async def serve(
    places: Iterable[AltPlace], handler: Handler, name: str, kit: Kit
) -> AsyncIterator[str]:
    """Serve ``handler`` at each place; yield the Alt-Svc value."""
    async with contextlib.AsyncExitStack() as stack:
        services = []
        for place in places:
            port = free_port(host=ADDRESS)
            services.append(f'{place.protocol.replace("/", "%2F")}="{NAME}:{port}"; ma=3600')
            answering = _misdirected if place.misdirected else handler
            issued = kit.authority.issue(place.certificate or name)
            if place.protocol == "h3":
                setup = H3Setup(quic=QuicSetup(silent=place.silent))
                await stack.enter_async_context(
                    serve_h3(answering, issued, setup, host=ADDRESS, port=port)
                )
            elif not place.silent:
                versions: tuple[TcpVersion, ...] = ("2",) if place.protocol == "h2" else ("1.1",)
                server = web_server(
                    answering, versions=versions, issued=issued, host=ADDRESS, port=port
                )
                await stack.enter_async_context(server)
        yield ", ".join(services)


async def _misdirected(_: Request) -> Answer:
    return Answer(status=421)
