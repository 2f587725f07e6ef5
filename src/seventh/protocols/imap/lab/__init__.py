"""IMAP's reference server: one mailbox on two ports, correct or with one fault."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from seventh.labkit import serve as labkit
from seventh.labkit.lines import LinePeer
from seventh.labkit.mailbox import FIRST, Mailbox
from seventh.labkit.mailhost import HOST, NAME, HostSetup, OptionValues, Security, mail_host
from seventh.labkit.serve import Kit, Served
from seventh.model.failure import Reason
from seventh.protocols.imap.lab import hostile
from seventh.protocols.imap.lab.server import ImapServer, Setup

_VIOLATION = Reason.PROTOCOL_VIOLATION.value
_IDLE: OptionValues = {"idle_seconds": 0.5}


class Fault(labkit.Fault, frozen=True, kw_only=True):
    """A fault, and the server that has it."""

    setup: Setup


def _fault(
    name: str, meaning: str, *triggers: str, setup: Setup, reason: str | None = None
) -> Fault:
    return Fault(name=name, meaning=meaning, triggers=triggers, reason=reason, setup=setup)


FAULTS = (
    _fault("clear-login", "permits logins before TLS", "IMAP-CLEAR-LOGIN",
           setup=Setup(clear_logins=True)),
    _fault("no-starttls", "does not offer STARTTLS", "IMAP-NO-STARTTLS",
           setup=Setup(starttls="absent")),
    _fault("starttls-refused", "offers STARTTLS and refuses it", "IMAP-NO-STARTTLS",
           setup=Setup(starttls="refused"), reason=Reason.STARTTLS_REFUSED.value),
    _fault("no-993", "has no port with implicit TLS", "IMAP-NO-993",
           setup=Setup(host=HostSetup(implicit="closed"))),
    _fault("preauth", "greets with PREAUTH in clear", "IMAP-PREAUTH",
           setup=Setup(greeting="PREAUTH")),
    _fault("weak-mechanisms", "offers only CRAM-MD5 and LOGIN", "IMAP-SASL-WEAK",
           setup=Setup(mechanisms=("CRAM-MD5", "LOGIN"))),
    _fault("few-extensions", "offers none of the extensions", "IMAP-NO-IDLE", "IMAP-NO-SYNC",
           "IMAP-REV2", "IMAP-COMPRESS", "IMAP-LITERAL",
           setup=Setup(lacks=("IDLE", "CONDSTORE", "QRESYNC", "IMAP4rev2", "COMPRESS=DEFLATE",
                              "LITERAL-"))),
    _fault("shows-version", "shows its version in ID", "IMAP-ID",
           setup=Setup(id_fields='("name" "lab" "version" "1.2.3")')),
    _fault("wrong-password", "refuses the login", "IMAP-AUTH-FAIL",
           setup=Setup(host=HostSetup(password="wrong")), reason=Reason.AUTH_REJECTED.value),  # noqa: S106
    _fault("backend-down", "cannot reach its user database", "IMAP-AUTH-FAIL",
           setup=Setup(refusal="UNAVAILABLE"), reason=Reason.UNEXPECTED_ANSWER.value),
    _fault("login-slow", "logs in after 2.1 s", "IMAP-LOGIN-SLOW",
           setup=Setup(login_seconds=2.1)),
    _fault("examine-slow", "opens the mailbox after 1.1 s", "IMAP-SELECT-SLOW",
           setup=Setup(examine_seconds=1.1)),
    _fault("idle-refused", "offers IDLE and refuses it", "IMAP-IDLE-DEAF",
           setup=Setup(idle="refused")),
    _fault("idle-cut", "resets sessions after 0.2 s of IDLE", "IMAP-IDLE-DEAF",
           setup=Setup(idle="cut", host=HostSetup(options=_IDLE))),
    _fault("quota-full", "has 95 % of the quota used", "IMAP-QUOTA", setup=Setup(used=490)),
    _fault("injected", "sends data in clear after the go-ahead", "TLS-STARTTLS-INJECT",
           setup=Setup(injects=b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n")),
    _fault("says-goodbye", "refuses the connection", reason=Reason.PEER_CLOSED.value,
           setup=Setup(greeting="BYE")),
    _fault("leaves", "ends the session", reason=Reason.PEER_CLOSED.value,
           setup=Setup(hostile=hostile.leaves)),
    _fault("declares-2^32", "declares a literal of 4 GiB", reason=_VIOLATION,
           setup=Setup(hostile=hostile.literal)),
    _fault("nested", "opens lists without end", reason=_VIOLATION,
           setup=Setup(hostile=hostile.nested)),
    _fault("endless", "sends responses without end", reason=_VIOLATION,
           setup=Setup(hostile=hostile.endless)),
    _fault("long-line", "sends a line without an end", reason=_VIOLATION,
           setup=Setup(hostile=hostile.long_line)),
    _fault("foreign-tag", "completes a command that was not sent", reason=_VIOLATION,
           setup=Setup(hostile=hostile.foreign_tag)),
)  # fmt: skip

TOUR = ("clear-login",)
"""The faults that `seventh tour` shows."""
CLEAN = Setup(host=HostSetup(options={**_IDLE, "intrusive": True}))


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
        await ImapServer(peer, security, setup, box).run()

    async with mail_host("imap", ("_imaps",), run, setup.host, kit) as served:
        yield served


@contextlib.asynccontextmanager
async def serve_box(box: Mailbox, kit: Kit, _: str) -> AsyncIterator[Served]:
    """Yield a correct server of ``box``, under its address: its name may be another lab's."""
    async with serve_setup(Setup(), kit, box) as served:
        yield Served(target=served.target.replace(NAME, HOST), options=served.options)
