"""The check of a mail server: one measured session, its TLS, and the permitted steps."""

from __future__ import annotations

from seventh.model.failure import NO_TLS_AT_ALL, Failed, Reason
from seventh.model.tlsfacts import TlsFacts
from seventh.net.probe_context import ProbeContext
from seventh.net.stream import Stream
from seventh.net.tls.inspect import certificate_failure, identity, inspect_tls
from seventh.protocols.smtp.client.auth import read_credentials
from seventh.protocols.smtp.client.endpoint import Endpoint
from seventh.protocols.smtp.client.session import Session
from seventh.protocols.smtp.probe import intrusive, names, ports, roundtrip, transactions
from seventh.wire.sasl import Credentials

RESERVED = 9
"""The connections that the TLS inspection leaves to the rest."""
_NO_INSPECTION = NO_TLS_AT_ALL | {Reason.PEER_RESET, Reason.PEER_CLOSED, Reason.STARTTLS_REFUSED}
_NOT_TRIED = frozenset({Reason.CONNECT_REFUSED, Reason.CONNECT_TIMEOUT, Reason.CONNECT_RESET})


async def pulse(ctx: ProbeContext) -> None:
    """Complete one session as a client would, with the login if there is a credential."""
    endpoint = Endpoint(ctx)
    credentials = _credentials(ctx)
    stream = await ctx.connect()
    endpoint.use(stream.address)
    session = await endpoint.enter(stream, recurring=True)
    await endpoint.require_tls(session)
    if credentials is not None:
        await endpoint.log_in(session, credentials)
    await session.quit()


async def check(ctx: ProbeContext) -> None:
    """Learn all facts from the first address, and compare the other addresses with it."""
    endpoint = Endpoint(ctx)
    credentials = _credentials(ctx)
    envelope = roundtrip.envelope_of(endpoint)
    try:
        first, *others = await ctx.connect_all()
    except Failed as closed:
        if closed.reason in _NOT_TRIED:
            address, *_ = await ctx.addresses()
            endpoint.use(address)
            await ports.look(endpoint, address, closed.reason)
        raise
    for other in others:
        # They may reach the same server, and its limit of connections.
        other.close()
    endpoint.use(first.address)
    failed = await _first_session(endpoint, first, credentials)
    if failed is None or failed.reason not in _NO_INSPECTION:
        await _inspect(endpoint, first)
    await names.look(endpoint)
    await ports.look(endpoint, first.address)
    if endpoint.is_submission:
        await ports.compare(endpoint, first.address)
    if others:
        await _compare(endpoint, first, others)
    if failed is None or endpoint.notes.facts.login is not None:
        await transactions.run(endpoint, first.address)
        await roundtrip.run(endpoint, first.address, envelope, credentials)
        await intrusive.run(endpoint, first.address)
    if failed is not None:
        raise failed
    if endpoint.is_submission and (refused := certificate_failure(ctx.notes(TlsFacts).facts)):
        ctx.fail(refused)


def _credentials(ctx: ProbeContext) -> Credentials | None:
    """Return what to log in with. Raises UsageError, before anything is sent.

    Without a user the secret is for others: of a host with many ports, SSH has a user by default.
    """
    options = ctx.options
    if options.user is None or options.denied(2, loopback=False) is not None:
        return None
    return read_credentials(options.user, options.password_file, options.token_file)


async def _first_session(
    endpoint: Endpoint, stream: Stream, credentials: Credentials | None
) -> Failed | None:
    """Complete the measured session; return what ended it early."""
    session: Session | None = None
    try:
        session = await endpoint.enter(stream)
        await endpoint.require_tls(session)
        if credentials is not None:
            await endpoint.log_in(session, credentials)
        await session.quit()
    except Failed as failed:
        if session is not None:
            await session.quit()
        return failed
    return None


async def _inspect(endpoint: Endpoint, first: Stream) -> None:
    """Learn the TLS facts, and leave enough connections to the rest of the check."""
    if not endpoint.implicit and endpoint.notes.facts.starttls not in {
        "started",
        "handshake-failed",
    }:
        return

    async def connect() -> Stream:
        if endpoint.ctx.connections_left(first.address) <= RESERVED:
            raise Failed(Reason.BUDGET_EXCEEDED, "the remaining connections are reserved for SMTP")
        return await endpoint.to_tls(first.address)

    try:
        await inspect_tls(endpoint.ctx, connect, endpoint.name)
    except Failed as failed:
        endpoint.notes.unknown("TLS", failed.detail)


async def _compare(endpoint: Endpoint, first: Stream, others: list[Stream]) -> None:
    """Compare the extensions and certificates of the name's addresses."""

    async def traits(stream: Stream) -> dict[str, str]:
        session = await endpoint.again(stream.address)
        listed = ", ".join(session.extensions.keywords) or "none"
        secure = session.secure
        await session.quit()
        if not secure:
            return {"extensions": listed}
        below = await endpoint.to_tls(stream.address)
        return {"extensions": listed, **await identity(endpoint.ctx, below, endpoint.name)}

    await endpoint.ctx.compare([first, *others], traits)
