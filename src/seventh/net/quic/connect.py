"""Connecting by QUIC, with the certificate verified as a client would."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from seventh.model.failure import Failed
from seventh.model.netfacts import AttemptOutcome
from seventh.model.options import Options
from seventh.model.phase import Mark
from seventh.model.quicfacts import Amplification
from seventh.net.address import Address
from seventh.net.connect import OUTCOMES
from seventh.net.on_failure import on_failure
from seventh.net.probe_context import ProbeContext
from seventh.net.quic.client import IDLE_SECONDS, QuicClient, Session
from seventh.net.quic.names import transport_error
from seventh.net.stopwatch import now_ns
from seventh.net.tls import context as tlscontext
from seventh.wire import tlshello

if TYPE_CHECKING:
    from aioquic.quic.configuration import QuicConfiguration

H3 = ("h3",)
AMPLIFICATION_SECONDS = 3.0
"""How long to count: long enough for a server to repeat its flight twice."""
MAX_AMPLIFICATION_DATAGRAMS = 256


async def connect(
    ctx: ProbeContext,
    address: Address,
    server_name: str,
    *,
    alpn: tuple[str, ...] = H3,
    session: Session | None = None,
    verify: bool = True,
    log: bool = False,
    phase: str = "quic",
) -> QuicClient:
    """Return a connection to ``address`` whose handshake is confirmed.

    With ``verify`` a certificate that a client would refuse raises Failed with the precise reason;
    without it, ask :func:`seventh.net.tls.chain.certificate_facts`. ``session`` is resumed where
    the server agrees. When it fails the connection is closed; to keep the facts of a failed
    handshake, use :func:`prepare`. The attempt joins the network facts.
    """
    client = prepare(ctx, address, server_name, alpn=alpn, session=session, verify=verify, log=log)
    with on_failure(client.close):
        await shake(ctx, client, phase)
    return client


async def shake(
    ctx: ProbeContext, client: QuicClient, phase: str = "quic", *, confirmed: bool = True
) -> None:
    """Shake hands; the first to an address, ``quic``, is an attempt of the network facts.

    ``confirmed`` is :meth:`QuicClient.handshake`'s.
    """
    start = now_ns()
    outcome: AttemptOutcome = "open"
    detail = ""
    try:
        await client.handshake(ctx.watch, phase, confirmed=confirmed)
    except Failed as failed:
        if not client.reached:
            outcome, detail = OUTCOMES.get(failed.reason, "timeout"), failed.detail
        raise
    finally:
        end = client.first_received or Mark(now_ns(), "user")
        sent = client.first_sent.ns if client.first_sent is not None else start
        if phase == "quic":
            ctx.attempted_datagram(client.address, outcome, sent, end, detail)


def prepare(
    ctx: ProbeContext,
    address: Address,
    server_name: str,
    *,
    alpn: tuple[str, ...] = H3,
    session: Session | None = None,
    token: bytes = b"",
    early: bool = False,
    verify: bool = True,
    log: bool = False,
) -> QuicClient:
    """Return a connection before its handshake; raises UsageError for unusable options.

    ``token`` goes into its Initial instead of the session's (RFC 9000 §8.1.3).

    It counts as a connection: raises Failed (budget-exceeded) where none is left.

    With ``early``, data written to its streams before the handshake is sent as 0-RTT data, where
    ``session`` allows it: attackers can replay it, so only for idempotent requests
    (RFC 8470).
    """
    from seventh.net.quic import engine as quicengine

    logger = None
    if log:
        from seventh.net.quic.qlog import Log

        logger = Log()
    name = tlshello.sni(server_name) or server_name
    configuration = quicengine.configuration(
        alpn=alpn,
        server_name=name,
        ticket=session.ticket if session is not None else None,
        early=early,
        token=token or (session.token if session is not None else b""),
        idle_seconds=IDLE_SECONDS,
        logger=logger,
    )
    _identify(configuration, ctx.options)
    ctx.spend(address)
    return QuicClient(
        lambda: ctx.datagram(address),
        quicengine.Engine(configuration),
        ctx.budget,
        ctx.options,
        name,
        session=session,
        verify=verify,
        log=logger,
    )


def _identify(configuration: QuicConfiguration, options: Options) -> None:
    """Configure the client certificate of the options, if any."""
    tlscontext.context(options, "modern")  # says which file cannot be used, and why
    if options.cert_file is None:
        return
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    leaf, *rest = x509.load_pem_x509_certificates(Path(options.cert_file).read_bytes())
    configuration.certificate, configuration.certificate_chain = leaf, rest
    key_file = options.key_file or options.cert_file
    configuration.private_key = load_pem_private_key(Path(key_file).read_bytes(), None)


async def amplification(
    ctx: ProbeContext,
    address: Address,
    server_name: str,
    *,
    alpn: tuple[str, ...] = H3,
    token: bytes = b"",
    seconds: float = AMPLIFICATION_SECONDS,
) -> Amplification:
    """Send one Initial, acknowledge nothing, and count the reply within ``seconds``.

    This is what a victim sees whose address somebody put on that Initial (RFC 9000 §8.1); by_us is
    our own. Afterwards the server is told that nobody goes on. Raises Failed: connect-refused.
    """
    client = prepare(ctx, address, server_name, alpn=alpn, token=token, verify=False)
    engine, datagram = client.engine, ctx.datagram(address)
    client.start()
    out = engine.datagrams_to_send(now_ns() / 1e9)
    sent = datagram.send(out[0][0])
    until = min(ctx.budget.deadline_ns, sent.ns + int(seconds * 1e9))
    kept: list[bytes] = []
    received = count = largest = 0
    retry, close = False, ""
    first: float | None = None
    try:
        while count < MAX_AMPLIFICATION_DATAGRAMS:
            arrived = await datagram.receive(until)
            if arrived is None:
                break
            if (arrived.ip.partition("%")[0], arrived.port) != address.sockaddr[:2]:
                continue
            count += 1
            received += len(arrived.data)
            largest = max(largest, len(arrived.data))
            retry = retry or engine.kind_of(arrived.data) == "retry"
            if first is None:
                first = arrived.at.since(sent)
            if len(kept) < 4:
                kept.append(arrived.data)
    finally:
        close = _excuse(client, datagram.send, kept)
        datagram.close()
    return Amplification(
        sent_bytes=len(out[0][0]),
        received_bytes=received,
        datagrams=count,
        largest_bytes=largest,
        retry=retry,
        close=close,
        window_seconds=(min(until, now_ns()) - sent.ns) / 1e9,
        first_seconds=first,
    )


def _excuse(client: QuicClient, send: Callable[[bytes], Mark], kept: list[bytes]) -> str:
    """Close the half-open connection at the server; failures are ignored.

    Return the error with which the server had closed it already; empty where it had not.
    """
    engine = client.engine
    close = ""
    with contextlib.suppress(Failed, *engine.ERRORS):
        for data in kept:
            engine.receive_datagram(data, client.address.sockaddr[:2], now_ns() / 1e9)
        if engine.ended is not None and engine.closed_by_us is None:
            close = transport_error(engine.ended[0])
        engine.close(0, 0, "")
        for data, _ in engine.datagrams_to_send(now_ns() / 1e9):
            send(data)
    client.abandon()
    return close
