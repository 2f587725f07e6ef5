"""A mail host for labs: a name with SRV records, and one service on two ports."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Literal

import msgspec
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL

from seventh.labkit.elsewhere import added
from seventh.labkit.lines import LinePeer, line_server
from seventh.labkit.mailbox import PASSWORD, USER
from seventh.labkit.names import name_server
from seventh.labkit.serve import Kit, Served, free_port
from seventh.labkit.tlsserve import server_context

NAME = "lab.test"
HOST = "127.0.0.2"
"""A loopback address that is not the client's own."""
OptionValues = Mapping[str, str | float | int | tuple[str, ...]]


class Security(msgspec.Struct, frozen=True):
    """What the service needs for TLS."""

    context: SSL.Context
    certificate: bytes
    """In DER."""


class HostSetup(msgspec.Struct, frozen=True, kw_only=True):
    """The host around the service; the defaults are a correct one."""

    address: str = HOST
    """Where it listens; not a loopback address is added to this machine."""
    implicit: Literal["same", "other-name", "renewed", "closed"] = "same"
    """The port with implicit TLS, and its certificate."""
    records: bool = True
    """Whether the name has SRV records."""
    login: bool = True
    """Whether the check gets a credential."""
    password: str = PASSWORD
    options: OptionValues = {}


Serve = Callable[[LinePeer, Security], Awaitable[None]]


@contextlib.asynccontextmanager
async def mail_host(
    scheme: str, services: tuple[str, ...], serve: Serve, setup: HostSetup, kit: Kit
) -> AsyncIterator[Served]:
    """Serve ``scheme`` in clear and with implicit TLS under a name of its own."""
    host = setup.address
    names = (NAME, host)
    issued = kit.authority.issue(*names)
    other = issued
    if setup.implicit in {"renewed", "other-name"}:
        other = kit.authority.issue(*(names if setup.implicit == "renewed" else ("old.lab.test",)))
    mine, theirs = (
        Security(server_context(each), each.certificate.public_bytes(Encoding.DER))
        for each in (issued, other)
    )
    options: dict[str, str | float | int | tuple[str, ...]] = {
        "ca_file": str(kit.authority.ca_file), "timeout_seconds": 20.0
    }  # fmt: skip
    async with contextlib.AsyncExitStack() as stack:
        if host != HOST:
            stack.enter_context(added(host))
        port = await stack.enter_async_context(line_server(lambda peer: serve(peer, mine), host))
        implicit = free_port(host=host)
        if setup.implicit != "closed":
            implicit = await stack.enter_async_context(
                line_server(
                    lambda peer: serve(peer, theirs), host,
                    context=theirs.context, certificate=theirs.certificate,
                )
            )  # fmt: skip
        zone = {NAME: {"A": (host,), "CAA": ('0 issue "lab.test"',)}}
        if setup.records:
            for service in services:
                zone[f"{service}._tcp.{NAME}"] = {"SRV": (f"0 1 {implicit} {NAME}.",)}
        options["resolver"] = await stack.enter_async_context(name_server(zone))
        options["implicit_port"] = implicit
        if setup.login:
            file = kit.folder / f"password-{port}"
            file.write_text(f"{setup.password}\n", "utf-8")
            options |= {"user": USER, "password_file": str(file)}
        yield Served(target=f"{scheme}://{NAME}:{port}", options={**options, **setup.options})
