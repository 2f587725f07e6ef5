"""What ties a login to its TLS connection (RFC 5929, 9266)."""

from __future__ import annotations

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes

from seventh.net.tls.stream import TlsStream
from seventh.wire import tlsnames as n
from seventh.wire.sasl import Binding

_REPLACED = (hashes.MD5, hashes.SHA1)
"""Hashes of a certificate's signature for which SHA-256 is used (RFC 5929 §4.1)."""


def channel_binding(stream: TlsStream) -> Binding | None:
    """Return the connection's binding, a secret; None if it has none.

    ``tls-exporter`` needs TLS 1.3, or a protection of TLS 1.2 that is not certain.
    """
    if stream.version >= n.TLS13:
        return Binding("tls-exporter", stream.export(b"EXPORTER-Channel-Binding", 32, b""))
    return end_point(stream.certificates[0]) if stream.certificates else None


def end_point(certificate: bytes) -> Binding | None:
    """Return ``tls-server-end-point`` of a certificate in DER; None where it is not defined."""
    try:
        used = x509.load_der_x509_certificate(certificate).signature_hash_algorithm
    except (ValueError, UnsupportedAlgorithm):
        return None
    if used is None:  # a signature without a hash, such as Ed25519's
        return None
    digest = hashes.Hash(hashes.SHA256() if isinstance(used, _REPLACED) else used)
    digest.update(certificate)
    return Binding("tls-server-end-point", digest.finalize())
