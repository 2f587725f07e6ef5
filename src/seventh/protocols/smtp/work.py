"""``seventh mail send``: one message to a server, or to a domain's mail exchanger."""

from __future__ import annotations

import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from seventh.model.failure import Failed, Reason, UsageError, system_error
from seventh.model.options import Options
from seventh.model.target import Target
from seventh.net.address import Address
from seventh.net.probe_context import ProbeContext
from seventh.net.stream import Stream
from seventh.net.work import Work
from seventh.protocols.smtp import SendOptions
from seventh.protocols.smtp.client.auth import read_credentials
from seventh.protocols.smtp.client.endpoint import Endpoint
from seventh.protocols.smtp.client.session import Session
from seventh.protocols.smtp.client.submit import Submitted, submit
from seventh.protocols.smtp.facts.mail import Answer, Cause, Tried
from seventh.protocols.smtp.wire.message import (
    Attachment,
    Envelope,
    address,
    compose,
    domain_of,
)
from seventh.wire.address import is_literal

MAX_BYTES = 128 << 20
"""The most bytes of a body, and of an attachment."""
_SMTP_PORT = 25
_ADVICE = {
    Cause.LOGIN_REQUIRED: "give --user and --password-file",
    Cause.ENCRYPTION_REQUIRED: "the server requires TLS: use a server that offers it",
    Cause.RELAYING: "the server does not take mail for this domain: log in, or use its MX",
    Cause.TOO_LARGE: "the message exceeds the server's limit",
    Cause.NOT_NOW: "temporary: try again later",
    Cause.NO_SUCH_USER: "check the address",
    Cause.NO_SUCH_DOMAIN: "check the domain",
    Cause.FULL: "the mailbox is full",
}


class Step(msgspec.Struct, frozen=True):
    """One timed phase."""

    phase: str
    seconds: float
    outcome: str


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a message, also of one that did not get as far as the server's queue."""

    server: str
    address: str | None = None
    phases: tuple[Step, ...] = ()
    recipients: tuple[Tried, ...] = ()
    answer: Answer | None = None
    """The reply to the message; None where it was not sent."""
    message_id: str
    size_bytes: int | None = None
    """None where the message was not made."""

    def __str__(self) -> str:
        lines = [f"server {self.server}" + (f" at {self.address}" if self.address else "")]
        for step in self.phases:
            failed = "  failed" if step.outcome == "failed" else ""
            lines.append(f"  {step.phase:<14} {step.seconds * 1000:9.1f} ms{failed}")
        lines += [f"to {each.recipient}: {_worded(each.answer)}" for each in self.recipients]
        size = f", {self.size_bytes} bytes" if self.size_bytes is not None else ""
        became = _worded(self.answer) if self.answer is not None else "not sent"
        lines.append(f"message {self.message_id}{size}: {became}")
        return "\n".join(lines)


def _worded(answer: Answer) -> str:
    if answer.accepts:
        return f"accepted ({answer})"
    kind = "refused for now" if answer.is_temporary else "refused"
    cause = "" if answer.cause is Cause.OTHER else f", {answer.cause.replace('-', ' ')}"
    advice = f": {_ADVICE[answer.cause]}" if answer.cause in _ADVICE else ""
    return f"{kind}{cause} ({answer}){advice}"


def target_of(options: Options) -> Target:
    """Return the server: --server, else the recipients' domain. Raises UsageError."""
    given = options.of(SendOptions)
    if not given.sender or not given.recipients:
        raise UsageError("mail send needs --from ADDRESS and --to ADDRESS")
    domains = {domain_of(each) for each in _envelope(given).recipients}
    if given.server is not None:
        return given.server
    if len(domains) > 1:
        raise UsageError(
            f"the recipients are in {len(domains)} domains: give --server, or send to one domain"
        )
    return Target(scheme="smtp", host=_host(domains.pop()), port=_SMTP_PORT, port_given=False)


def _host(domain: str) -> str:
    """Return the domain, or the address of a literal (RFC 5321 §4.1.3). Raises UsageError."""
    if not domain.startswith("["):
        return domain
    host = domain[1:-1].removeprefix("ipv6:")
    if not domain.endswith("]") or not is_literal(host):
        raise UsageError(f"{domain!r}: write an address as [192.0.2.1] or [IPv6:2001:db8::1]")
    return host


def _envelope(given: SendOptions) -> Envelope:
    return Envelope(
        sender=address(given.sender or ""), recipients=tuple(map(address, given.recipients))
    )


async def send(work: Work) -> int:
    """Send one message; the exit code is 2 unless it was accepted for every recipient."""
    ctx, given = work.ctx, work.ctx.options.of(SendOptions)
    envelope = _envelope(given)
    text = _body(given.text_file)
    attachments = [Attachment(Path(n).name, _read(n, "--attach")) for n in given.attachments]
    credentials = read_credentials(
        ctx.options.user, ctx.options.password_file, ctx.options.token_file
    )
    message_id = f"<{secrets.token_hex(12)}@{domain_of(envelope.sender)}>"
    size: int | None = None
    done = Submitted(recipients=())
    endpoint = Endpoint(ctx)
    session: Session | None = None
    try:
        stream = await _connect(endpoint, given)
        endpoint.use(stream.address)
        session = await endpoint.enter(stream, recurring=True)
        await endpoint.require_tls(session)
        if credentials is not None:
            await endpoint.log_in(session, credentials)
        message = compose(
            envelope, message_id=message_id, date=datetime.now(UTC).astimezone(),
            subject=given.subject, text=text, attachments=attachments,
            eight_bit=session.extensions.offers("8BITMIME"),
        )  # fmt: skip
        size = len(message)
        done = await submit(session, envelope, message)
        await session.quit()
    finally:
        work.show(
            Sent(
                server=f"{ctx.target.scheme}://{endpoint.name}",
                address=session.stream.address.ip if session is not None else None,
                phases=_phases(ctx), recipients=done.recipients, answer=done.answer,
                message_id=message_id, size_bytes=size,
            )
        )  # fmt: skip
    return 0 if done.is_complete else 2


def _phases(ctx: ProbeContext) -> tuple[Step, ...]:
    return tuple(Step(each.name, each.seconds, each.outcome) for each in ctx.watch.phases)


# -- the server ------------------------------------------------------------------------------------


async def _connect(endpoint: Endpoint, given: SendOptions) -> Stream:
    if given.server is not None or is_literal(endpoint.ctx.target.host):
        return await endpoint.ctx.connect()
    failed: Failed | None = None
    for name in await exchangers(endpoint.ctx):
        try:
            stream = await endpoint.ctx.connect(await _addresses(endpoint.ctx, name))
        except Failed as error:
            failed = error
        else:
            endpoint.name = endpoint.ctx.options.server_name or name
            return stream
    assert failed is not None  # noqa: S101 - exchangers() never gives an empty tuple
    raise failed


async def _addresses(ctx: ProbeContext, name: str) -> tuple[Address, ...]:
    return await ctx.addresses_of(name, ctx.target.port)


async def exchangers(ctx: ProbeContext) -> tuple[str, ...]:
    """Return the domain's mail exchangers, the preferred first; without any, the domain itself.

    RFC 5321 §5.1. Raises Failed where the domain takes no mail (RFC 7505), or is unknown.
    """
    domain = ctx.target.host
    with ctx.watch.phase("resolve"):
        found = await ctx.records(domain, "MX")
        if found.outcome == "nxdomain":
            raise Failed(Reason.RESOLVE_NXDOMAIN, f"the domain {domain} does not exist")
        if found.outcome not in {"ok", "no-data"}:
            raise Failed(Reason.RESOLVE_FAILED, f"MX of {domain}: {found.detail or found.outcome}")
    records = sorted((int(number), name) for number, name in map(str.split, found.answers))
    names = tuple(name.removesuffix(".") for _, name in records)
    if names == ("",):
        raise Failed(
            Reason.RESOLVE_NO_ADDRESS,
            f"{domain} accepts no mail: its MX record is the null MX (RFC 7505)",
            phase="resolve",
        )
    return names or (domain,)


# -- files -----------------------------------------------------------------------------------------


def _body(name: str | None) -> str:
    if name is None:
        return "This message was sent by `seventh mail send` as a test.\n"
    data = _read_input() if name == "-" else _read(name, "--body")
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise UsageError(f"--body {name}: not UTF-8 text; use --attach") from None


def _read(name: str, flag: str) -> bytes:
    try:
        with Path(name).expanduser().open("rb") as file:
            return _bounded(file.read(MAX_BYTES + 1), f"{flag} {name}")
    except (OSError, ValueError, RuntimeError) as error:
        why = system_error(error) if isinstance(error, OSError) else str(error)
        raise UsageError(f"{flag} {name}: cannot be read: {why}") from None


def _read_input() -> bytes:
    return _bounded(sys.stdin.buffer.read(MAX_BYTES + 1), "--body -")


def _bounded(data: bytes, what: str) -> bytes:
    if len(data) > MAX_BYTES:
        raise UsageError(f"{what}: more than {MAX_BYTES >> 20} MiB")
    return data
