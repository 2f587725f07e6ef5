"""Verifying a chain apart from a handshake: for QUIC, and for recurring checks.

A recurring look mostly gets the certificates of the look before. Their signatures are not verified
again each time: a chain that was found good stays so for a while, within its dates. That the server
holds the key is proven in each handshake all the same (CertificateVerify, RFC 9846 §4.5.2).
"""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
from collections.abc import Callable
from typing import Any

from OpenSSL import SSL, crypto

from seventh.model.failure import Failed, Reason
from seventh.model.options import Options
from seventh.model.tlsfacts import Certificate, path_up
from seventh.net.tls import context as tlscontext
from seventh.net.tls import verify as tlsverify
from seventh.net.tls.chain_problems import MAX_CHAIN
from seventh.net.tls.revocation import status_facts
from seventh.wire.certnames import read_names

MAX_CERTIFICATES = MAX_CHAIN * 2
GOOD_SECONDS = 600.0
"""How long a chain that was found good is not verified again: as long as a root that the system
stops trusting may go unnoticed."""
MOST = 4096
"""How many chains are remembered; then all are forgotten."""
_DATES = frozenset({tlsverify.NOT_YET, tlsverify.EXPIRED})
_UNREADABLE = 1
"""X509_V_ERR_UNSPECIFIED."""

Path = tuple[tlsverify.Errors, tuple[bytes, ...]]
"""What is wrong with the chain, and the chain as it was built up to the root."""

_Known = tuple[float, float, tuple[bytes, ...]]
_good: dict[object, _Known] = {}
"""The chains that were found good under some roots: from when to when, as Unix time, and by which
path."""
_UNKNOWN: _Known = (0.0, 0.0, ())


def path(certificates: tuple[bytes, ...], options: Options) -> Path:
    """Build and verify the chain (RFC 5280).

    The verifier stops at the first error. Where that is a date, it goes once more without the
    dates, so that an expired certificate of an unknown issuer is told as both.
    """
    return _path(certificates, tlscontext.setting(options, "modern"))


def verify_or_fail(
    certificates: tuple[bytes, ...],
    errors: tlsverify.Errors,
    server_name: str,
    now: float,
    built: Callable[[], tuple[bytes, ...]] = tuple,
) -> None:
    """Raise Failed when a client would refuse the certificate; cheap for a good one.

    ``errors`` are the engine's, ``built`` gives its path (empty: unknown), ``now`` is Unix time.
    """
    if not certificates:
        raise Failed(Reason.TLS_CERTIFICATE_INVALID, "the server sent no certificate")
    if errors or not tlsverify.glance(certificates[0]).fits(server_name, now):
        verdict(certificates, built(), errors, server_name).raise_if_bad()


def verify_again(
    certificates: tuple[bytes, ...], wanted: tlscontext.Setting, server_name: str, now: float
) -> None:
    """Raise Failed when a client would refuse the certificate; cheap for one verified lately.

    ``wanted`` says whose roots count; ``now`` is Unix time.
    """
    if not certificates:
        raise Failed(Reason.TLS_CERTIFICATE_INVALID, "the server sent no certificate")
    known = (wanted.store, wanted.ca, certificates)
    start, end, _ = _good.get(known, _UNKNOWN)
    fits = tlsverify.glance(certificates[0]).fits(server_name, now)
    if fits and start <= now < end:
        return
    errors, built = _path(certificates, wanted)
    if errors or not fits or not all(map(_sound, built)):
        verdict(certificates, built, errors, server_name).raise_if_bad()
        return  # only what is entirely in order is remembered
    _remember(known, built, now)


def known_path(certificates: tuple[bytes, ...], wanted: tlscontext.Setting) -> tuple[bytes, ...]:
    """Return the path of a chain that was verified lately; empty for others."""
    return _good.get((wanted.store, wanted.ca, certificates), _UNKNOWN)[2]


def forget() -> None:
    """Forget the verified chains."""
    _good.clear()


def read_chain(certificates: tuple[bytes, ...]) -> tuple[Certificate, ...]:
    """Return the chain as facts, as of now."""
    now = dt.datetime.now(dt.UTC)
    return tuple(tlsverify.read_certificate(der, now) for der in certificates[:MAX_CERTIFICATES])


def verdict(
    certificates: tuple[bytes, ...],
    built: tuple[bytes, ...],
    errors: tlsverify.Errors,
    host: str,
    chain: tuple[Certificate, ...] = (),
) -> tlsverify.Verdict:
    """Judge the sent chain, and ``built``, the path that the engine made of it (empty: unknown).

    ``chain`` is the sent one, where it has been read already.
    """
    chain, path = chain or read_chain(certificates), read_chain(built)
    errors = tuple((code, _depth_of(code, chain) if depth < 0 else depth) for code, depth in errors)
    return tlsverify.judge(chain, errors, host, read_names(certificates[0]), path)


def _depth_of(code: int, sent: tuple[Certificate, ...]) -> int:
    """Return the depth of an error without one: the first certificate that it applies to."""
    for depth, certificate in enumerate(sent):
        expired = code == tlsverify.EXPIRED and certificate.days_left < 0
        early = code == tlsverify.NOT_YET and certificate.days_to_start > 0
        if expired or early:
            return depth
    return 0


def certificate_facts(
    certificates: tuple[bytes, ...],
    server_name: str,
    options: Options,
    found: Path | None = None,
    staple: bytes | None = None,
) -> dict[str, Any]:
    """Return the certificate's fields of :class:`TlsFacts`; empty without a certificate.

    ``found`` is what a handshake's engine found; without it the chain is verified here. ``staple``
    is the OCSP response that came with it.
    """
    if not certificates:
        return {}
    errors, built = found or path(certificates, options)
    chain = read_chain(certificates)
    judged = verdict(certificates, built, errors, server_name, chain)
    given = tlscontext.given_roots(options.ca_file) if options.ca_file else frozenset()
    revocation, ocsp = status_facts(certificates, built, options, staple)
    trust = "given" if given.intersection(built) else "system"
    return {
        "chain": chain,
        "verified_path": tuple(hashlib.sha256(der).hexdigest() for der in built),
        "chain_bytes": sum(map(len, certificates)),
        "chain_state": judged.state,
        "chain_problems": judged.problems,
        "verify_errors": tlsverify.error_texts(errors),
        "expired_errors": tlsverify.error_texts(tlsverify.expired(errors)),
        "trust": trust if judged.state == "trusted" else None,
        "host_matches": judged.host_matches,
        "mismatch": judged.mismatch,
        "certificate_reason": judged.reason,
        "certificate_detail": judged.detail,
        "revocation": revocation,
        "ocsp": ocsp,
        "cert_expiry_timestamp_seconds": earliest_expiry(certificates, built, chain),
    }


def earliest_expiry(
    certificates: tuple[bytes, ...], built: tuple[bytes, ...], chain: tuple[Certificate, ...] = ()
) -> float | None:
    """Return the earliest expiry of the certificates that clients need, as Unix time.

    None where one of them cannot be read. Where no path was built, the names lead up; ``chain`` is
    for that, where it has been read already.
    """
    if built:
        needed = [der for der in certificates if der in built]
    else:
        chain = chain or read_chain(certificates)
        fingerprints = {certificate.sha256 for certificate in path_up(chain)}
        needed = [d for d, c in zip(certificates, chain, strict=False) if c.sha256 in fingerprints]
    return min((tlsverify.glance(der).end for der in needed), default=0.0) or None


@functools.lru_cache(maxsize=2048)
def _sound(der: bytes) -> bool:
    """Return whether a certificate is readable and not weak, at any time."""
    read = tlsverify.read_certificate(der, dt.datetime.now(dt.UTC))
    return not (read.weaknesses or read.problem)


def _remember(known: object, built: tuple[bytes, ...], now: float) -> None:
    dates = [tlsverify.glance(der) for der in built]
    if len(_good) >= MOST:
        _good.clear()
    until = min(now + GOOD_SECONDS, *(date.end for date in dates))
    _good[known] = max(date.start for date in dates), until, built


def _path(certificates: tuple[bytes, ...], wanted: tlscontext.Setting) -> Path:
    errors, built = _verify(certificates, tlscontext.verifier(wanted))
    if any(code in _DATES for code, _ in errors):
        more, built = _verify(certificates, tlscontext.verifier(wanted, at_any_time=True))
        errors = (*errors, *more)
    return errors, built


def _verify(certificates: tuple[bytes, ...], verifier: SSL.Context) -> Path:
    store = verifier.get_cert_store()
    assert store is not None  # noqa: S101 - a context always has one
    try:
        leaf, *rest = (
            crypto.load_certificate(crypto.FILETYPE_ASN1, der)
            for der in certificates[:MAX_CERTIFICATES]
        )
        context = crypto.X509StoreContext(store, leaf, rest)
        built = context.get_verified_chain()
    except crypto.X509StoreContextError as error:
        code, depth = error.errors[0], error.errors[1]
        return ((int(code), int(depth)),), ()
    except crypto.Error:
        return ((_UNREADABLE, 0),), ()
    return (), tuple(crypto.dump_certificate(crypto.FILETYPE_ASN1, c) for c in built)
