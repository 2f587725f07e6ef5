"""SMTP's reference servers: a mail server for other servers or for users, correct or faulty."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Literal

from seventh.labkit import dkim
from seventh.labkit.mailbox import Mailbox
from seventh.labkit.names import name_server
from seventh.labkit.serve import Fault, Kit, Served, tcp_server
from seventh.model.failure import Reason
from seventh.protocols.smtp.lab.server import Deliver, Hub
from seventh.protocols.smtp.lab.setup import (
    HOST,
    KEYWORDS,
    NAME,
    OWN,
    PASSWORD,
    USER,
    OptionValues,
    Setup,
)

LATE_SECONDS = 0.4
PORTS = {"smtp": 25, "submission": 587, "smtps": 465}
_WRITE: OptionValues = {"allow_write": True, "mail_to": OWN, "retry_after_seconds": 0.0}
_ALL: OptionValues = {**_WRITE, "intrusive": True}
_AUTH = ("PLAIN", "SCRAM-SHA-256")
_USERS = Setup(scheme="submission", auth=_AUTH)


class SmtpFault(Fault, frozen=True, kw_only=True):
    """A fault, and the server that has it."""

    setup: Setup


def _fault(
    name: str, meaning: str, *triggers: str, setup: Setup, reason: Reason | None = None
) -> SmtpFault:
    return SmtpFault(
        name=name, meaning=meaning, triggers=triggers, setup=setup,
        reason=reason.value if reason is not None else None,
        needs=("root",) if setup.usual_port else (),
    )  # fmt: skip


def _keywords(*left_out: str) -> tuple[str, ...]:
    return tuple(word for word in KEYWORDS if word.split()[0] not in left_out)


FAULTS = (
    _fault("greet-slow", "greets after 5.2 s", "SMTP-GREET-SLOW",
           setup=Setup(greeting_seconds=5.2, options={"timeout_seconds": 20.0})),
    _fault("bare-lf", "ends the lines of its replies with LF", "SMTP-REPLY-BAD",
           setup=Setup(end="\n")),
    _fault("long-line", "has a line of 600 bytes in its reply to EHLO", "SMTP-REPLY-BAD",
           setup=Setup(hello="long-line")),
    _fault("mixed-codes", "has two codes in one reply", "SMTP-REPLY-BAD",
           setup=Setup(hello="mixed-codes")),
    _fault("not-qualified", "calls itself localhost", "SMTP-HELO-NAME",
           setup=Setup(name="localhost")),
    _fault("unresolvable", "calls itself by a name that does not exist", "SMTP-HELO-NAME",
           setup=Setup(name="gone.lab.test")),
    _fault("no-starttls", "does not offer STARTTLS", "SMTP-NO-STARTTLS",
           setup=Setup(starttls="absent")),
    _fault("no-starttls-users", "does not offer STARTTLS to users", "SMTP-NO-STARTTLS",
           reason=Reason.STARTTLS_NOT_OFFERED,
           setup=Setup(scheme="submission", starttls="absent")),
    _fault("helo-only", "does not know EHLO", "SMTP-NO-STARTTLS", "SMTP-SIZE", "SMTP-EXT",
           setup=Setup(hello="helo-only")),
    _fault("mangled", "is behind a firewall that masks STARTTLS", "SMTP-STARTTLS-MANGLED",
           setup=Setup(starttls="masked")),
    _fault("starttls-refused", "offers STARTTLS and refuses it", "SMTP-STARTTLS-FAIL",
           reason=Reason.STARTTLS_REFUSED, setup=Setup(starttls="refused")),
    _fault("no-handshake", "closes the connection after its go-ahead", "SMTP-STARTTLS-FAIL",
           reason=Reason.PEER_CLOSED, setup=Setup(starttls="no-handshake")),
    _fault("injects", "sends a line in clear behind its go-ahead", "TLS-STARTTLS-INJECT",
           setup=Setup(injects=True)),
    _fault("keeps-clear", "answers inside TLS what came before it", "SMTP-STARTTLS-INJECT",
           setup=Setup(keeps_clear=True, options={"intrusive": True})),
    _fault("auth-clear", "offers AUTH before TLS", "SMTP-AUTH-CLEAR",
           setup=Setup(scheme="submission", auth=_AUTH, clear_auth=("PLAIN",))),
    _fault("no-auth", "offers users no AUTH", "SMTP-SUB-NOAUTH",
           setup=Setup(scheme="submission")),
    _fault("auth-weak", "offers only LOGIN and CRAM-MD5", "SMTP-AUTH-WEAK",
           setup=Setup(scheme="submission", auth=("LOGIN", "CRAM-MD5"))),
    _fault("auth-on-mx", "offers AUTH to mail servers", "SMTP-AUTH-ON-MX",
           setup=Setup(auth=_AUTH)),
    _fault("auth-rejected", "rejects the login", "SMTP-AUTH-FAIL", reason=Reason.AUTH_REJECTED,
           setup=Setup(scheme="submission", auth=_AUTH, auth_answer="rejected",
                       options={"user": USER})),
    _fault("auth-unavailable", "cannot check passwords", "SMTP-AUTH-FAIL",
           reason=Reason.AUTH_REJECTED,
           setup=Setup(scheme="smtps", auth=_AUTH, auth_answer="unavailable",
                       options={"user": USER})),
    _fault("auth-slow", "needs 2.2 s for a login", "SMTP-AUTH-SLOW",
           setup=Setup(scheme="submission", auth=_AUTH, auth_seconds=2.2,
                       options={"user": USER})),
    _fault("open-relay", "accepts recipients in foreign domains", "SMTP-RELAY",
           setup=Setup(relays=True, options=_WRITE)),
    _fault("no-postmaster", "refuses postmaster", "SMTP-POSTMASTER",
           setup=Setup(has_postmaster=False, options=_WRITE)),
    _fault("no-mailbox", "refuses a mailbox of its own", "SMTP-BOUNCE",
           setup=Setup(has_mailbox=False, options=_WRITE)),
    _fault("late", "delivers after 0.4 s", "SMTP-E2E-SLOW",
           setup=Setup(delivery="late", options={**_WRITE, "roundtrip_max_seconds": 0.2})),
    _fault("twice", "delivers every message twice", "SMTP-DUPLICATE",
           setup=Setup(delivery="twice", options=_WRITE)),
    _fault("footer", "signs messages, then adds a footer", "DKIM-SIG-FAIL",
           setup=Setup(delivery="once", signing="before-footer", options=_WRITE)),
    _fault("partial", "signs messages with l=", "DKIM-SIG-LTAG",
           setup=Setup(delivery="once", signing="partial", options=_WRITE)),
    _fault("greylist", "refuses recipients for 0.3 s", "SMTP-GREYLIST",
           setup=Setup(greylist_seconds=0.3, options={**_WRITE, "retry_after_seconds": 0.5})),
    _fault("no-size", "advertises no maximum size", "SMTP-SIZE",
           setup=Setup(keywords=_keywords("SIZE"))),
    _fault("size-small", "accepts messages of 1 MB", "SMTP-SIZE",
           setup=Setup(keywords=(*_keywords("SIZE"), "SIZE 1000000"))),
    _fault("few-extensions", "offers neither PIPELINING nor DSN", "SMTP-EXT",
           setup=Setup(keywords=_keywords("PIPELINING", "DSN"))),
    _fault("smuggle", "ends a message at LF . CR LF", "SMTP-SMUGGLE",
           setup=Setup(ends="lf-dot-crlf", options=_ALL)),
    _fault("smuggle-lf", "ends a message at LF . LF", "SMTP-SMUGGLE",
           setup=Setup(ends="lf-dot-lf", options=_ALL)),
    _fault("vrfy", "distinguishes users with VRFY", "SMTP-VRFY",
           setup=Setup(verifies=True, options={"intrusive": True})),
    _fault("closes", "ends every session with 421", reason=Reason.PEER_CLOSED,
           setup=Setup(closes_at="EHLO")),
    _fault("refuses", "refuses every session", reason=Reason.PEER_CLOSED,
           setup=Setup(greeting="554 5.7.1 No SMTP service here")),
    _fault("filtered", "does not answer on port 25, and does on 587", "SMTP-25-FILTERED",
           reason=Reason.CONNECT_TIMEOUT,
           setup=Setup(usual_port=True, silent=True, beside=(587,))),
    _fault("no-submission", "has neither 465 nor 587", "SMTP-SUB-MISSING",
           reason=Reason.CONNECT_REFUSED,
           setup=Setup(scheme="submission", usual_port=True, absent=True)),
    _fault("no-465", "has 587 and not 465", "SMTP-NO-465",
           setup=Setup(scheme="submission", auth=_AUTH, usual_port=True)),
    _fault("465-clear", "has 465 without TLS", "SMTP-NO-465",
           setup=Setup(scheme="submission", auth=_AUTH, usual_port=True, beside=(465,))),
)  # fmt: skip
TOUR = ("auth-clear",)
"""The faults that `seventh tour` shows."""
CLEAN = Setup(delivery="once", options=_ALL)


@contextlib.asynccontextmanager
async def serve(fault: Fault | None, kit: Kit) -> AsyncIterator[Served]:
    """Yield a correct mail server, or one with ``fault``."""
    setup = fault.setup if isinstance(fault, SmtpFault) else CLEAN
    async with serve_setup(setup, kit) as served:
        yield served


@contextlib.asynccontextmanager
async def serve_setup(
    setup: Setup, kit: Kit, deliver: Deliver = bytes, box: Mailbox | None = None
) -> AsyncIterator[Served]:
    """Yield the server of ``setup``, under a name that resolves to it.

    ``deliver`` takes the messages; by default nothing keeps them. With ``delivery`` they come into
    ``box``.
    """
    host = _own_address() if setup.usual_port else HOST
    async with contextlib.AsyncExitStack() as stack:
        there: OptionValues = {}
        if setup.delivery != "none":
            box = box or Mailbox()
            there = mailbox_options(await stack.enter_async_context(kit.serve_mailbox(box)))
            deliver = _into(box, setup)
        hub = Hub(setup, kit.authority.issue(), deliver)
        zone = {
            NAME: {"A": (host,), "CAA": ('0 issue "ca.lab.test"',)},
            f"_submissions._tcp.{NAME}": {"SRV": (f"0 1 465 {NAME}.",)},
            f"_dmarc.{NAME}": {"TXT": ('"v=DMARC1; p=reject"',)},
            **{f"{name}.{NAME}": {"TXT": (text,)} for name, text in dkim.GOOD.items()},
        }
        options = {
            "ca_file": str(kit.authority.ca_file),
            "resolver": await stack.enter_async_context(name_server(zone)),
            **there,
            **setup.options,
        }
        if "user" in options:
            password_file = kit.folder / "smtp-password"
            password_file.touch(mode=0o600)
            password_file.write_text(f"{PASSWORD}\n", "ascii")
            options["password_file"] = str(password_file)
        port = PORTS[setup.scheme] if setup.usual_port else 0
        if setup.silent:
            stack.enter_context(_silent(host, port))
        elif not setup.absent:
            port = await stack.enter_async_context(tcp_server(hub.serve, host, port))
        for other in setup.beside:
            await stack.enter_async_context(tcp_server(hub.serve, host, other))
        yield Served(target=f"{setup.scheme}://{NAME}:{port}", options=options)


@contextlib.asynccontextmanager
async def serve_box(
    box: Mailbox, kit: Kit, scheme: Literal["smtp", "submission", "smtps"]
) -> AsyncIterator[Served]:
    """Yield a correct server of ``scheme`` that delivers into ``box``."""
    users = scheme != "smtp"
    setup = Setup(
        scheme=scheme, delivery="once", auth=_AUTH if users else (),
        options={**_WRITE, **({"user": USER} if users else {})},
    )  # fmt: skip
    async with serve_setup(setup, kit, box=box) as served:
        yield served


def mailbox_options(mailbox: Served) -> OptionValues:
    """Return the options with which a check finds the mailbox of another lab."""
    return {
        "roundtrip": mailbox.target,
        "roundtrip_user": mailbox.options["user"],
        "roundtrip_password_file": mailbox.options["password_file"],
    }


def _into(box: Mailbox, setup: Setup) -> Deliver:
    if setup.delivery == "late":
        return lambda data: asyncio.get_running_loop().call_later(LATE_SECONDS, box.deliver, data)

    def deliver(data: bytes) -> None:
        data = dkim.sign(data, partial=setup.signing == "partial")
        if setup.signing == "before-footer":
            data += b"-- \r\nSent by lab.test\r\n"
        for _ in range(2 if setup.delivery == "twice" else 1):
            box.deliver(data)

    return deliver


def _own_address() -> str:
    """Return a loopback address that no other server is likely to use."""
    return f"127.{random.randint(64, 250)}.{random.randint(1, 250)}.{random.randint(1, 250)}"  # noqa: S311 - no secret


@contextlib.contextmanager
def _silent(host: str, port: int) -> Iterator[None]:
    """Listen without answering: the queue of connections is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind((host, port))
        listener.listen(0)
        for _ in range(2):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                waiting.connect((host, port))
        yield
