"""The certificate of a QUIC server, judged as one that came over TCP: the same words and facts."""

from __future__ import annotations

import datetime as dt
import time
from typing import Literal

from OpenSSL import SSL, crypto

from seventh.model.failure import Failed, Reason
from seventh.model.options import Options
from seventh.model.tlsfacts import Certificate, TlsFacts
from seventh.net.tls import context as tlscontext
from seventh.net.tls import openssl as tlsopenssl
from seventh.net.tls import verify as tlsverify

MAX_CERTIFICATES = tlsverify.MAX_CHAIN * 2
_DATES = frozenset({tlsverify.NOT_YET, tlsverify.EXPIRED})
_UNREADABLE = 1
"""X509_V_ERR_UNSPECIFIED."""

Path = tuple[tlsverify.Errors, tuple[bytes, ...]]
"""What is wrong with the chain, and the chain as it was built up to the root."""


def path(certificates: tuple[bytes, ...], options: Options) -> Path:
    """Build and verify the chain (RFC 5280).

    The verifier stops at the first error. Where that is a date, it goes once more without the
    dates, so that an expired certificate of an unknown issuer is told as both.
    """
    errors, built = _verify(certificates, tlscontext.verifier(options))
    if any(code in _DATES for code, _ in errors):
        more, built = _verify(certificates, tlscontext.verifier(options, at_any_time=True))
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


def read_chain(certificates: tuple[bytes, ...]) -> tuple[Certificate, ...]:
    """The chain in the model's words, as of now."""
    now = dt.datetime.now(dt.UTC)
    return tuple(tlsverify.read_certificate(der, now) for der in certificates[:MAX_CERTIFICATES])


def verify_or_fail(
    certificates: tuple[bytes, ...], errors: tlsverify.Errors, server_name: str
) -> None:
    """Raise Failed when a client would refuse the certificate. Cheap when it is in order."""
    if not certificates:
        raise Failed(Reason.TLS_CERTIFICATE_INVALID, "the server sent no certificate")
    if not errors and tlsverify.glance(certificates[0]).fits(server_name, time.time()):
        return
    tlsverify.judge(read_chain(certificates), errors, server_name).raise_if_bad()


def certificate_facts(
    certificates: tuple[bytes, ...], server_name: str, options: Options
) -> TlsFacts:
    """The certificate's part of :class:`TlsFacts`; of the rest nothing is learnt here."""
    if not certificates:
        return TlsFacts(server_name=server_name)
    errors, built = path(certificates, options)
    chain = read_chain(certificates)
    verdict = tlsverify.judge(chain, errors, server_name)
    return TlsFacts(
        server_name=server_name,
        version="TLSv1.3",
        chain=chain,
        chain_bytes=sum(map(len, certificates)),
        chain_state=verdict.state,
        chain_problems=verdict.problems,
        verify_errors=tuple(
            f"depth {depth}: {tlsopenssl.verify_text(code)}" for code, depth in errors
        ),
        trust=_trust(built, options) if verdict.state == "trusted" else None,
        host_matches=verdict.host_matches,
        certificate_reason=verdict.reason,
        certificate_detail=verdict.detail,
        cert_expiry_timestamp_seconds=min(tlsverify.glance(c).end for c in certificates),
    )


def _trust(built: tuple[bytes, ...], options: Options) -> Literal["system", "given"]:
    given = tlscontext.given_roots(options.ca_file) if options.ca_file else frozenset()
    return "given" if given.intersection(built) else "system"
