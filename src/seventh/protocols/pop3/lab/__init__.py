"""POP3's reference server: one mailbox on two ports, correct or with one fault."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from seventh.labkit import serve as labkit
from seventh.labkit.lines import LinePeer
from seventh.labkit.mailbox import FIRST, Mailbox
from seventh.labkit.mailhost import HOST, NAME, HostSetup, Security, mail_host
from seventh.labkit.serve import Kit, Served
from seventh.model.failure import Reason
from seventh.protocols.pop3.lab.server import CAPABILITIES, Pop3Server, Setup

ELSEWHERE = "198.18.77.2"
"""An address that a fault adds to this machine, from RFC 2544's range: not a loopback address."""
_VIOLATION = Reason.PROTOCOL_VIOLATION.value


class Fault(labkit.Fault, frozen=True, kw_only=True):
    """A fault, and the server that has it."""

    setup: Setup


def _fault(
    name: str, meaning: str, *triggers: str, setup: Setup, reason: str | None = None
) -> Fault:
    return Fault(
        name=name, meaning=meaning, triggers=triggers, reason=reason, setup=setup,
        needs=("root", "ip") if setup.host.address == ELSEWHERE else (),
    )  # fmt: skip


async def _endless(peer: LinePeer) -> None:
    await peer.send(b"+OK\r\n")
    while True:
        await peer.send(b"X\r\n" * 1000)


async def _long_line(peer: LinePeer) -> None:
    await peer.send(b"+OK " + b"A" * 10_000)
    await peer.line()


async def _leaves(peer: LinePeer) -> None:
    await peer.send(b"+OK\r\nUSER\r\n")


async def _foreign(peer: LinePeer) -> None:
    await peer.send(b"* OK \x1b[31mIMAP\r\n")
    await peer.line()


FAULTS = (
    _fault("clear-login", "permits logins before TLS", "POP3-CLEAR-AUTH",
           setup=Setup(clear_logins=True)),
    _fault("no-stls", "does not support STLS", "POP3-NO-STARTTLS", setup=Setup(stls="absent")),
    _fault("stls-refused", "lists STLS and refuses it", "POP3-NO-STARTTLS",
           setup=Setup(stls="refused"), reason=Reason.STARTTLS_REFUSED.value),
    _fault("no-995", "has no port with implicit TLS", "POP3-NO-995",
           setup=Setup(host=HostSetup(implicit="closed"))),
    _fault("exposed", "answers at an address of another network", "POP3-EXPOSED",
           setup=Setup(host=HostSetup(address=ELSEWHERE))),
    _fault("apop", "greets with a timestamp for APOP", "POP3-APOP",
           setup=Setup(greeting="+OK lab POP3 server ready <1.2@lab.test>")),
    _fault("no-capa", "does not know CAPA", "POP3-NO-CAPA", setup=Setup(capa=False)),
    _fault("no-uidl", "does not support UIDL", "POP3-NO-UIDL",
           setup=Setup(capabilities=tuple(c for c in CAPABILITIES if c != "UIDL"))),
    _fault("locked", "has the mailbox locked by another session", "POP3-LOCKED",
           setup=Setup(refusal="IN-USE"), reason=Reason.UNEXPECTED_ANSWER.value),
    _fault("wrong-password", "refuses the login",
           setup=Setup(host=HostSetup(password="wrong")), reason=Reason.AUTH_REJECTED.value),  # noqa: S106
    _fault("delay", "permits a login every 15 minutes", "POP3-DELAY",
           setup=Setup(capabilities=(*CAPABILITIES, "LOGIN-DELAY 900"))),
    _fault("expire-0", "deletes what was downloaded", "POP3-EXPIRE0",
           setup=Setup(capabilities=("UIDL", "EXPIRE 0"))),
    _fault("injection", "executes inside TLS what came in clear before", "MAIL-STARTTLS-INJECT",
           setup=Setup(keeps=True, host=HostSetup(options={"intrusive": True}))),
    _fault("injected", "sends data in clear after the go-ahead", "TLS-STARTTLS-INJECT",
           setup=Setup(injects=b"+OK\r\nUSER\r\n.\r\n")),
    _fault("busy", "refuses the connection", reason=Reason.PEER_CLOSED.value,
           setup=Setup(greeting="-ERR [SYS/TEMP] busy")),
    _fault("leaves", "ends the connection within a list", reason=Reason.PEER_CLOSED.value,
           setup=Setup(hostile=_leaves)),
    _fault("endless", "sends a list without end", reason=_VIOLATION,
           setup=Setup(hostile=_endless)),
    _fault("long-line", "sends a line without an end", reason=_VIOLATION,
           setup=Setup(hostile=_long_line)),
    _fault("foreign", "answers as another protocol does", reason=_VIOLATION,
           setup=Setup(hostile=_foreign)),
)  # fmt: skip

CLEAN = Setup(host=HostSetup(options={"intrusive": True}))


@contextlib.asynccontextmanager
async def serve(fault: Fault | None, kit: Kit) -> AsyncIterator[Served]:
    """Yield the server, or one with ``fault``."""
    async with serve_setup(fault.setup if fault else CLEAN, kit) as served:
        yield served


@contextlib.asynccontextmanager
async def serve_setup(
    setup: Setup, kit: Kit, mailbox: Mailbox | None = None
) -> AsyncIterator[Served]:
    """Yield the server of ``setup``, with ``mailbox`` or one of its own."""
    box = mailbox or Mailbox(FIRST)

    async def run(peer: LinePeer, security: Security) -> None:
        await Pop3Server(peer, security, setup, box).run()

    async with mail_host("pop3", ("_pop3s",), run, setup.host, kit) as served:
        yield served


@contextlib.asynccontextmanager
async def serve_box(box: Mailbox, kit: Kit, _: str) -> AsyncIterator[Served]:
    """Yield a correct server of ``box``, under its address: its name may be another lab's."""
    async with serve_setup(Setup(), kit, box) as served:
        yield Served(target=served.target.replace(NAME, HOST), options=served.options)
