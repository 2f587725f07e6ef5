"""What the checks of IMAP, POP3 and SMTP have in common: STARTTLS in place, the host around it."""

from __future__ import annotations

import contextlib
import hashlib
from typing import Literal

from cryptography import x509

from seventh.model.failure import Failed, Reason
from seventh.model.mailfacts import IMPLICIT_PORTS, MailFacts, MailPort, PortState, ServiceRecord
from seventh.model.netfacts import Lookup
from seventh.model.phase import Mark
from seventh.model.starttls import StarttlsName
from seventh.model.tlsfacts import Starttls, TlsFacts
from seventh.net.address import Address
from seventh.net.probe_context import ProbeContext
from seventh.net.secrets import read_secret
from seventh.net.stopwatch import Stopwatch
from seventh.net.stream import Stream
from seventh.net.tls.handshake import prepare
from seventh.net.tls.plaintext import detect_tls
from seventh.net.tls.stream import TlsStream
from seventh.net.wait import Cutoff, DeadlineError
from seventh.wire.address import is_literal
from seventh.wire.identify import identify
from seventh.wire.sasl import Credentials
from seventh.wire.text import printable

GREETING_SHARE = 0.8
"""The share of the time left that a server may take to greet."""
IMPLICIT_SECONDS = 3.0
"""How long the port with implicit TLS may take to accept, and then to shake hands."""
_SHOWN = 60
_STATES: dict[Reason, PortState] = {
    Reason.CONNECT_REFUSED: "refused", Reason.CONNECT_TIMEOUT: "filtered",
    Reason.CONNECT_RESET: "refused",
}  # fmt: skip
_NOT_TLS = frozenset({Reason.TLS_NOT_TLS, Reason.PROTOCOL_MISMATCH})


def server_name(ctx: ProbeContext) -> str:
    """Return the name to ask for and to compare with the certificate."""
    return ctx.options.server_name or ctx.target.host


# -- the greeting ----------------------------------------------------------------------------------


def greeting_deadline(stream: Stream) -> int:
    """Return until when to wait for a greeting; the rest of the time is for :func:`provoke`."""
    return stream.budget.within(GREETING_SHARE * stream.budget.seconds_left)


async def provoke(
    ctx: ProbeContext, stream: Stream, silent: Failed, command: bytes, service: str = ""
) -> Failed:
    """Return the failure of a server in clear that does not greet: another's, or ``silent``.

    Sends a command, then a bare ClientHello on a connection of its own: where the client begins
    (HTTP, TLS), the answer shows what the port serves. ``service`` is what it should be, where that
    is not the scheme.
    """
    if isinstance(stream, TlsStream):
        return silent
    service = service or ctx.target.scheme.upper()
    served: str | None = None
    with contextlib.suppress(Failed):
        await stream.send(command)
        data, _ = await stream.receive(stream.budget.within(0.5 * stream.budget.seconds_left))
        served = identify(data)
    if served in {None, "TLS"}:
        secure, phase = f"{service.lower()}s", f"{service.lower()}.greeting"
        found = await detect_tls(ctx, stream.address, ctx.target.host, secure, phase)
        return found or silent
    if served == service:
        return silent
    what = f"the port serves {served}, not {service}"
    return Failed(Reason.PROTOCOL_MISMATCH, what, served=served or "")


# -- STARTTLS --------------------------------------------------------------------------------------


def note_starttls(
    ctx: ProbeContext, protocol: StarttlsName, greeting: str, in_clear: bytes | None
) -> None:
    """Learn the dialogue before TLS, unless an earlier one has shown more."""
    notes = ctx.notes(TlsFacts)
    known = notes.facts.starttls
    if known is None or len(in_clear or b"") > (known.injected_bytes or 0):
        notes.learn(
            starttls=Starttls(
                protocol=protocol,
                greeting=greeting,
                injected_bytes=None if in_clear is None else len(in_clear),
                injected=printable(in_clear or b"", _SHOWN),
            )
        )


# -- credentials -----------------------------------------------------------------------------------


def credentials_of(ctx: ProbeContext, token: str | None) -> Credentials | None:
    """Return the user with the token or the password; None without them. Raises UsageError."""
    if ctx.options.user is None:
        return None
    if token is not None:
        return Credentials(ctx.options.user, token=token.encode())
    secret = read_secret(ctx.options.password_file)
    return Credentials(ctx.options.user, password=secret.reveal()) if secret is not None else None


async def send_secret(ctx: ProbeContext, stream: Stream, line: bytes) -> Mark:
    """Send a line that has a secret; a transcript says only that it was sent."""
    transcript = ctx.transcript
    kept = len(transcript) if transcript is not None else 0
    mark = await stream.send(line + b"\r\n")
    if transcript is not None:
        del transcript[kept:]
        ctx.note("credentials were sent")
    return mark


def withheld(ctx: ProbeContext, *, encrypted: bool) -> Literal["no-tls", "certificate"] | None:
    """Return why a credential may not be sent: without TLS, or to a server that is not verified."""
    if not encrypted:
        return None if ctx.options.allow_plaintext else "no-tls"
    tls = ctx.notes(TlsFacts).facts
    verified = tls.chain_state == "trusted" and tls.host_matches is True
    return None if verified and tls.certificate_reason is None else "certificate"


# -- the host around it ----------------------------------------------------------------------------


def note_port(
    ctx: ProbeContext, service: str, port: int, stream: TlsStream, *, implicit: bool
) -> None:
    """Add the certificate of a port to the mail facts."""
    if not stream.certificates:
        return
    sent = stream.certificates[0]
    made = MailPort(
        service=service, port=port, tls="implicit" if implicit else "starttls",
        sha256=hashlib.sha256(sent).hexdigest(), names=_names(sent),
    )  # fmt: skip
    notes = ctx.notes(MailFacts)
    notes.learn(ports=(*notes.facts.ports, made))


def _names(certificate: bytes) -> tuple[str, ...]:
    try:
        parsed = x509.load_der_x509_certificate(certificate)
        found = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension):
        return ()
    names = (str(each.value) for each in found if isinstance(each, x509.DNSName | x509.IPAddress))
    return tuple(sorted({printable(name, 255) for name in names}))[:64]


def implicit_port(ctx: ProbeContext) -> int | None:
    """Return the port with implicit TLS beside the target's; None if it is not known."""
    return ctx.options.implicit_port or IMPLICIT_PORTS.get(ctx.target.port)


async def look_at_implicit(ctx: ProbeContext, address: Address, service: str) -> PortState | None:
    """Return the state of the port with implicit TLS, and note its certificate."""
    port = implicit_port(ctx)
    if port is None:
        return None
    beside = Address(ip=address.ip, port=port, scope=address.scope)
    try:
        stream = await ctx.connect_again(beside, IMPLICIT_SECONDS)
    except Failed as failed:
        return _STATES.get(failed.reason, "unknown")
    tls = prepare(stream, ctx.options, server_name(ctx), profile="lenient")
    with contextlib.closing(tls):
        try:
            async with Cutoff(IMPLICIT_SECONDS):
                await tls.handshake(Stopwatch(), "implicit")
        except DeadlineError:
            return "unknown"
        except Failed as failed:
            return "not-tls" if failed.reason in _NOT_TLS else "unknown"
        note_port(ctx, service, port, tls, implicit=True)
        await tls.aclose()
    return "open"


async def look_up_services(ctx: ProbeContext, *services: str) -> None:
    """Look up the SRV records of ``services``, such as ``_imaps``, for the target's domain.

    The domain is that of ``--user``, or the host's name or one above it.
    """
    notes, host = ctx.notes(MailFacts), ctx.target.host
    if not ctx.resolves:
        return
    notes.learn(has_name=not is_literal(host))
    domains = _domains(host, ctx.options.user or "")
    for service in services:
        for domain in domains:
            found = record_of(await ctx.records(f"{service}._tcp.{domain}", "SRV"))
            notes.learn(records=(*notes.facts.records, found))
            if found.outcome == "found":
                break


def _domains(host: str, user: str) -> tuple[str, ...]:
    """Return the domains whose SRV records may name the host, likely ones first."""
    own = user.rpartition("@")[2] if "@" in user else ""
    if is_literal(host):
        return (own,) if own else ()
    parent = host.rstrip(".").partition(".")[2]
    above = [parent] if "." in parent else []
    return tuple(dict.fromkeys([*([own] if own else []), host.rstrip("."), *above]))


def record_of(lookup: Lookup) -> ServiceRecord:
    """Return what a lookup of SRV records shows."""
    answered = lookup.outcome in {"nxdomain", "no-data"}
    return ServiceRecord(
        name=lookup.name,
        outcome="found" if lookup.answers else "none" if answered else "unknown",
        targets=tuple(printable(each, 255) for each in lookup.answers[:8]),
    )
