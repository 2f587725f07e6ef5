"""Starting TLS on any stream, with the certificate verified as a client would."""

from __future__ import annotations

import hashlib
import time

from OpenSSL import SSL

from seventh.model.failure import Failed
from seventh.model.options import Options
from seventh.model.tlsfacts import TlsFacts
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import Stopwatch
from seventh.net.stream import Stream
from seventh.net.tls import chain as tlschain
from seventh.net.tls import context as tlscontext
from seventh.net.tls import key_share
from seventh.net.tls import openssl as tlsopenssl
from seventh.net.tls.session import Session
from seventh.net.tls.stream import TlsStream
from seventh.wire import tlshello
from seventh.wire import tlsnames as n


async def start_tls(
    stream: Stream,
    options: Options,
    server_name: str,
    *,
    watch: Stopwatch,
    alpn: tuple[str, ...] = (),
    session: Session | None = None,
    verify: bool = True,
    profile: tlscontext.Profile = "modern",
    staple: bool = False,
    recurring: bool = False,
    phase: str = "tls",
) -> TlsStream:
    """Start TLS on ``stream`` and shake hands with ``server_name``.

    With ``verify`` a certificate that a client would refuse raises Failed with the precise reason.
    ``session`` is resumed where the server agrees. A ``recurring`` check sends one key share, the
    one that the server used last, and verifies a chain's signatures only where it did not do so
    lately (:mod:`seventh.net.tls.chain`). When it fails the stream is closed; to keep the facts of
    a failed handshake, use :func:`prepare`.
    """
    tls = prepare(
        stream, options, server_name, alpn=alpn, session=session, profile=profile, staple=staple,
        recurring=recurring,
    )  # fmt: skip
    try:
        await tls.handshake(watch, phase)
        if recurring:
            tls.remember_share(server_name)
        if verify:
            if tls.asked_for_certificate and tls.version >= n.TLS13:
                await tls.settle()  # TLS 1.3 refuses a missing certificate only after the handshake
            verify_or_fail(tls, server_name)
    except Failed as failed:
        failed.phase = failed.phase or phase
        await tls.aclose()
        raise
    except BaseException:
        tls.close()
        raise
    return tls


async def start_recurring(
    ctx: ProbeContext, stream: Stream, name: str, *, alpn: tuple[str, ...] = (), phase: str = "tls"
) -> TlsStream:
    """Shake hands with ``name``, and learn the duration and the certificate's expiry.

    Raises Failed for what :func:`start_tls` does; a certificate that
    a client would refuse is one of them.
    """
    tls = await start_tls(
        stream, ctx.options, name, watch=ctx.watch, alpn=alpn, recurring=True, phase=phase
    )
    sent = tls.certificates
    ctx.notes(TlsFacts).learn(
        server_name=name,
        handshake_seconds=tls.handshake_seconds,
        cert_expiry_timestamp_seconds=tlschain.earliest_expiry(
            sent, tlschain.known_path(sent, tls.setting)
        ),
    )
    return tls


def prepare(
    stream: Stream,
    options: Options,
    server_name: str,
    *,
    alpn: tuple[str, ...] = (),
    session: Session | None = None,
    profile: tlscontext.Profile = "modern",
    staple: bool = False,
    recurring: bool = False,
    classical: bool = False,
    signatures: str = "",
    named: bool = True,
) -> TlsStream:
    """Return a TLS stream before its handshake; raises UsageError for unusable options.

    Without ``named`` the server name is not sent.
    """
    share = key_share.last_group(stream.address, server_name) if recurring else ""
    wanted = tlscontext.setting(
        options, profile, verifying=not recurring, share=share, classical=classical,
        signatures=signatures,
    )  # fmt: skip
    context = session.context if session is not None else tlscontext.context_of(wanted)
    engine = SSL.Connection(context, None)
    engine.set_connect_state()
    name = tlshello.sni(server_name) if named else None
    if name is not None:
        engine.set_tlsext_host_name(name.encode("ascii"))
    if alpn:
        tlsopenssl.offer_protocols(engine, alpn)
    if staple:
        engine.request_ocsp()
    tls = TlsStream(stream, engine, context, wanted)
    tls.offered = alpn
    if session is not None:
        tls.resume(session)
    return tls


def verify_or_fail(tls: TlsStream, server_name: str) -> None:
    """Raise Failed when a client would refuse the certificate; cheap for a good one."""
    certificates, now = tls.certificates, time.time()
    if tls.setting.verifying:
        errors = tls.verify_errors()
        tlschain.verify_or_fail(certificates, errors, server_name, now, tls.built_chain)
    else:
        tlschain.verify_again(certificates, tls.setting, server_name, now)


def traits(tls: TlsStream) -> dict[str, str]:
    """Return the traits in which the servers of one name may differ: certificate and version."""
    sent = tls.certificates
    return {
        "certificate": hashlib.sha256(sent[0]).hexdigest()[:16] if sent else "none",
        "TLS version": n.version_name(tls.version),
    }
