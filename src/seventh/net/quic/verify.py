"""The certificate of a QUIC server, judged as one over TCP."""

from __future__ import annotations

import hashlib
import time
from typing import Literal

from seventh.model.failure import Failed, Reason
from seventh.model.options import Options
from seventh.model.tlsfacts import TlsFacts
from seventh.net.tls import chain as tlschain
from seventh.net.tls import context as tlscontext
from seventh.net.tls import verify as tlsverify


def verify_or_fail(
    certificates: tuple[bytes, ...], errors: tlsverify.Errors, server_name: str
) -> None:
    """Raise Failed when a client would refuse the certificate; cheap for a good one."""
    if not certificates:
        raise Failed(Reason.TLS_CERTIFICATE_INVALID, "the server sent no certificate")
    if not errors and tlsverify.glance(certificates[0]).fits(server_name, time.time()):
        return
    tlschain.verdict(certificates, (), errors, server_name).raise_if_bad()


def certificate_facts(
    certificates: tuple[bytes, ...], server_name: str, options: Options
) -> TlsFacts:
    """Return the certificate's part of :class:`TlsFacts`."""
    if not certificates:
        return TlsFacts(server_name=server_name)
    errors, built = tlschain.path(certificates, options)
    chain = tlschain.read_chain(certificates)
    verdict = tlschain.verdict(certificates, built, errors, server_name)
    return TlsFacts(
        server_name=server_name,
        version="TLSv1.3",
        chain=chain,
        chain_bytes=sum(map(len, certificates)),
        chain_state=verdict.state,
        chain_problems=verdict.problems,
        verify_errors=tlsverify.error_texts(errors),
        expired_errors=tlsverify.error_texts(tlsverify.expired(errors)),
        trust=_trust(built, options) if verdict.state == "trusted" else None,
        verified_path=tuple(hashlib.sha256(der).hexdigest() for der in built),
        host_matches=verdict.host_matches,
        mismatch=verdict.mismatch,
        certificate_reason=verdict.reason,
        certificate_detail=verdict.detail,
        cert_expiry_timestamp_seconds=tlschain.earliest_expiry(certificates, built),
    )


def _trust(built: tuple[bytes, ...], options: Options) -> Literal["system", "given"]:
    given = tlscontext.given_roots(options.ca_file) if options.ca_file else frozenset()
    return "given" if given.intersection(built) else "system"
