"""CRLs and OCSP responses of the throw-away authority, faulty ones too."""

from __future__ import annotations

import datetime as dt

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from seventh.labkit.ca import Authority, Issued, Key

_HOUR = dt.timedelta(hours=1)
_WEEK = dt.timedelta(days=7)


def staple(
    authority: Authority,
    issued: Issued,
    *,
    revoked: bool = False,
    status: ocsp.OCSPCertStatus | None = None,
    begins: dt.timedelta = -_HOUR,
    lasts: dt.timedelta | None = _WEEK,
    responder: tuple[x509.Certificate, Key] | None = None,
    sent: tuple[x509.Certificate, ...] = (),
) -> bytes:
    """Return an OCSP response about the certificate, as DER; ``begins`` counts from now.

    ``responder`` signs instead of the issuer, and ``sent`` are the certificates inside.
    """
    now = dt.datetime.now(dt.UTC).replace(microsecond=0, tzinfo=None)
    begin = now + begins
    certificate, key = responder or (authority.intermediate, authority.intermediate_key)
    builder = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            cert=issued.certificate, issuer=authority.intermediate, algorithm=hashes.SHA1(),  # noqa: S303
            cert_status=status
            or (ocsp.OCSPCertStatus.REVOKED if revoked else ocsp.OCSPCertStatus.GOOD),
            this_update=begin, next_update=begin + lasts if lasts is not None else None,
            revocation_time=begin if revoked else None,
            revocation_reason=x509.ReasonFlags.key_compromise if revoked else None,
        )
        .responder_id(ocsp.OCSPResponderEncoding.HASH, certificate)
    )  # fmt: skip
    if sent:
        builder = builder.certificates(sent)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def crl(
    authority: Authority,
    *revoked: x509.Certificate,
    begins: dt.timedelta = -_HOUR,
    lasts: dt.timedelta = _WEEK,
    reason: x509.ReasonFlags | None = x509.ReasonFlags.key_compromise,
    issuer: tuple[x509.Certificate, Key] | None = None,
    extensions: tuple[tuple[x509.ExtensionType, bool], ...] = (),
) -> x509.CertificateRevocationList:
    """Return a CRL of the intermediate, or of ``issuer``; extensions are (value, critical)."""
    certificate, key = issuer or (authority.intermediate, authority.intermediate_key)
    begin = dt.datetime.now(dt.UTC).replace(microsecond=0) + begins
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(certificate.subject)
        .last_update(begin)
        .next_update(begin + lasts)
    )
    for each in revoked:
        entry = (
            x509.RevokedCertificateBuilder()
            .serial_number(each.serial_number)
            .revocation_date(begin)
        )
        if reason is not None:
            entry = entry.add_extension(x509.CRLReason(reason), critical=False)
        builder = builder.add_revoked_certificate(entry.build())
    for value, critical in extensions:
        builder = builder.add_extension(value, critical=critical)
    return builder.sign(key, hashes.SHA256())
