"""The server of a domain's MTA-STS policy."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import msgspec

from seventh.labkit.serve import Kit
from seventh.labkit.web.handler import Answer
from seventh.labkit.web.serve import web_server
from seventh.web.message import Request

POLICY_HOST = "mta-sts.lab.test"
_PATH = "/.well-known/mta-sts.txt"
POLICY = "version: STSv1\r\nmode: enforce\r\nmx: lab.test\r\nmax_age: 604800\r\n"


class PolicySetup(msgspec.Struct, frozen=True, kw_only=True):
    """The server; the defaults are a correct one."""

    text: str = POLICY
    media_type: str = "text/plain"
    status: int = 200
    location: str = ""
    """Where it redirects to."""
    names: tuple[str, ...] = (POLICY_HOST,)
    """The names of its certificate."""


@contextlib.asynccontextmanager
async def policy_server(setup: PolicySetup, kit: Kit) -> AsyncIterator[int]:
    """Serve the policy on 127.0.0.1; gives the port."""
    location = (("Location", setup.location),) if setup.location else ()

    async def answer(request: Request) -> Answer:
        if request.path != _PATH:
            return Answer(status=404)
        headers = (("Content-Type", setup.media_type), *location)
        return Answer(status=setup.status, headers=headers, body=setup.text.encode())

    async with web_server(answer, issued=kit.authority.issue(*setup.names)) as port:
        yield port
