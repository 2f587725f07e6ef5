"""A mail host of the lab: IMAP up to TLS, with the faults that concern the host as a whole."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from seventh.labkit import serve as labkit
from seventh.labkit.lines import LinePeer
from seventh.labkit.mailhost import HostSetup, Security, mail_host
from seventh.labkit.serve import Kit, Served


class HostFault(labkit.Fault, frozen=True, kw_only=True):
    """A fault, and the host that has it."""

    host: HostSetup = HostSetup(login=False)
    keeps: bool = False
    """Whether commands that came before TLS are executed inside it."""


FAULTS = (
    HostFault(
        name="injection", meaning="executes inside TLS what came in clear before",
        triggers=("MAIL-STARTTLS-INJECT",), keeps=True,
        host=HostSetup(login=False, options={"intrusive": True}),
    ),
    HostFault(
        name="same-names", meaning="has one certificate on both ports", triggers=("MAIL-OPOSSUM",)
    ),
    HostFault(
        name="other-name", meaning="has another host's certificate on the port of implicit TLS",
        triggers=("MAIL-CERT-DIFF",), host=HostSetup(implicit="other-name", login=False),
    ),
    HostFault(
        name="not-reloaded", meaning="has an older certificate on the port of implicit TLS",
        triggers=("MAIL-CERT-DIFF",), host=HostSetup(implicit="renewed", login=False),
    ),
    HostFault(
        name="no-srv", meaning="has no SRV records", triggers=("MAIL-SRV",),
        host=HostSetup(records=False, login=False),
    ),
)  # fmt: skip


@contextlib.asynccontextmanager
async def serve(fault: HostFault, kit: Kit) -> AsyncIterator[Served]:
    """Yield the host with ``fault``."""
    keeps = fault.keeps

    async def run(peer: LinePeer, security: Security) -> None:
        await _imap(peer, security, keeps=keeps)

    async with mail_host("imap", ("_imaps",), run, fault.host, kit) as served:
        yield served


async def _imap(peer: LinePeer, security: Security, *, keeps: bool) -> None:
    """Answer what precedes a login."""
    await peer.send(b"* OK lab mail host ready\r\n")
    while line := await peer.line():
        tag, _, command = line.partition(b" ")
        more = b"AUTH=PLAIN" if peer.secure else b"STARTTLS LOGINDISABLED"
        untagged = {b"CAPABILITY": b"* CAPABILITY IMAP4rev1 " + more + b"\r\n",
                    b"LOGOUT": b"* BYE\r\n"}.get(command, b"")  # fmt: skip
        await peer.send(untagged + tag + b" OK Done\r\n")
        if command == b"STARTTLS":
            await peer.start_tls(security.context, security.certificate, keeps=keeps)
        elif command == b"LOGOUT":
            return
