"""Starting TLS on any stream, with the certificate verified as a client would."""

from __future__ import annotations

import datetime as dt
import functools
import ipaddress
import time
from typing import Literal

from OpenSSL import SSL

from seventh.model.failure import Failed, Reason, UsageError
from seventh.model.options import Options
from seventh.model.tlsfacts import Certificate
from seventh.net.stopwatch import Stopwatch
from seventh.net.stream import Stream
from seventh.net.tls import chain as tlschain
from seventh.net.tls import context as tlscontext
from seventh.net.tls import openssl as tlsopenssl
from seventh.net.tls import shares
from seventh.net.tls import verify as tlsverify
from seventh.net.tls.session import Session
from seventh.net.tls.stream import TlsStream
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

    With ``verify`` a certificate that a client would refuse raises Failed with the precise reason;
    without it, ask :func:`verdict` when convenient. ``session`` is taken up where the server lets.
    A ``recurring`` look sends the key share that this server took last time, and no other; and it
    verifies a chain's signatures only where it did not do so lately (:mod:`seventh.net.tls.chain`).
    When it fails the stream is closed; to keep what a failed handshake taught, use :func:`prepare`.
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
) -> TlsStream:
    """Return a TLS stream before its handshake; raises UsageError for unusable options."""
    share = shares.last_taken(stream.address, server_name) if recurring else ""
    wanted = tlscontext.setting(
        options, profile, verifying=not recurring, share=share, classical=classical,
        signatures=signatures,
    )  # fmt: skip
    context = session.context if session is not None else tlscontext.context_of(wanted)
    engine = SSL.Connection(context, None)
    engine.set_connect_state()
    name = sni(server_name)
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


@functools.lru_cache(maxsize=2048)
def sni(server_name: str) -> str | None:
    """Return the name for the server_name extension; None for an address, which has none.

    RFC 6066 §3. Raises UsageError for what is no DNS name.
    """
    try:
        ipaddress.ip_address(server_name)
    except ValueError:
        pass
    else:
        return None
    name = server_name.rstrip(".")
    if not name.isascii() or not 0 < len(name) <= 253:
        raise UsageError(
            f"--server-name {server_name!r} is not an ASCII DNS name: write other letters as xn--…"
        )
    return name


def verify_or_fail(tls: TlsStream, server_name: str) -> None:
    """Raise Failed when a client would refuse the certificate; cheap for a good one."""
    certificates = tls.certificates
    if not tls.setting.verifying:
        tlschain.verify_again(certificates, tls.setting, server_name, time.time())
        return
    if not certificates:
        raise Failed(Reason.TLS_CERTIFICATE_INVALID, "the server sent no certificate")
    if not tls.verify_errors() and tlsverify.glance(certificates[0]).fits(server_name, time.time()):
        return
    verdict(certificates, server_name, tls.verify_errors(), tls.built_chain()).raise_if_bad()


def read_chain(tls: TlsStream) -> tuple[Certificate, ...]:
    """Return the chain as facts, as of now."""
    now = dt.datetime.now(dt.UTC)
    return tuple(tlsverify.read_certificate(der, now) for der in tls.certificates)


def verdict(
    certificates: tuple[bytes, ...],
    server_name: str,
    errors: tlsverify.Errors,
    built: tuple[bytes, ...],
) -> tlsverify.Verdict:
    """Judge the certificate; ``built`` is the path that the engine made of the chain."""
    sent = tlschain.read_chain(certificates)
    errors = tuple((code, _depth_of(code, sent) if depth < 0 else depth) for code, depth in errors)
    return tlschain.verdict(certificates, built, errors, server_name)


def trust(built: tuple[bytes, ...], options: Options) -> Literal["system", "given"]:
    """Return which roots the verified chain leads to."""
    given = tlscontext.given_roots(options.ca_file) if options.ca_file else frozenset()
    return "given" if given.intersection(built) else "system"


def _depth_of(code: int, sent: tuple[Certificate, ...]) -> int:
    """Return the depth of an error without one: the first certificate that it applies to."""
    for depth, certificate in enumerate(sent):
        expired = code == tlsverify.EXPIRED and certificate.days_left < 0
        early = code == tlsverify.NOT_YET and certificate.days_to_start > 0
        if expired or early:
            return depth
    return 0
