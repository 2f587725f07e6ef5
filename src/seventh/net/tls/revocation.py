"""Revocation: certificates against the CRLs of ``--crl``, and stapled OCSP responses.

Nothing is fetched. What is stale, foreign or not signed by the issuer says nothing: the status is
unknown then, never good.
"""

from __future__ import annotations

import datetime as dt
import functools
import re
from collections.abc import Sequence
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from seventh.model.failure import UsageError
from seventh.model.options import Options
from seventh.model.revocation import (
    CrlProblem,
    OcspProblem,
    OcspResponse,
    Revocation,
    RevocationStatus,
)
from seventh.wire.text import printable

MAX_CRL_BYTES = 64 << 20
CLOCK_SKEW = dt.timedelta(minutes=5)
"""How far ahead of this clock a response may begin; what OpenSSL's clients allow."""
_PEM = re.compile(rb"-----BEGIN X509 CRL-----.+?-----END X509 CRL-----", re.DOTALL)
_UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension)
_KNOWN_CRITICAL = (x509.IssuingDistributionPoint,)
_STATUSES: dict[ocsp.OCSPCertStatus, RevocationStatus] = {
    ocsp.OCSPCertStatus.GOOD: "good",
    ocsp.OCSPCertStatus.REVOKED: "revoked",
    ocsp.OCSPCertStatus.UNKNOWN: "unknown",
}


# -- CRLs ----------------------------------------------------------------------------------------


def load_crls(options: Options) -> tuple[x509.CertificateRevocationList, ...]:
    """Return the CRLs of ``--crl``; raises UsageError for a file without any."""
    found: list[x509.CertificateRevocationList] = []
    for name in options.crl_files:
        try:
            state = Path(name).stat()
        except OSError as error:
            raise UsageError(f"--crl {name}: {error.strerror or error}") from None
        found += _load(name, state.st_mtime_ns, state.st_size)
    return tuple(found)


@functools.lru_cache(maxsize=32)
def _load(name: str, _modified_ns: int, size: int) -> tuple[x509.CertificateRevocationList, ...]:
    if size > MAX_CRL_BYTES:
        raise UsageError(f"--crl {name}: larger than {MAX_CRL_BYTES >> 20} MiB")
    try:
        data = Path(name).read_bytes()
    except OSError as error:
        raise UsageError(f"--crl {name}: {error.strerror or error}") from None
    blocks = _PEM.findall(data)
    try:
        if blocks:
            return tuple(x509.load_pem_x509_crl(block) for block in blocks)
        return (x509.load_der_x509_crl(data),)
    except _UNREADABLE:
        what = "contains a damaged CRL" if blocks else "no CRL found (PEM or DER)"
        raise UsageError(f"--crl {name}: {what}") from None


def by_crls(
    path: Sequence[x509.Certificate],
    pool: Sequence[x509.Certificate],
    crls: Sequence[x509.CertificateRevocationList],
    now: dt.datetime,
) -> tuple[Revocation, ...]:
    """Return the status of each certificate of ``path``; the issuers are in ``pool``."""
    return tuple(_by_crls(certificate, pool, crls, now) for certificate in path)


def _by_crls(
    certificate: x509.Certificate,
    pool: Sequence[x509.Certificate],
    crls: Sequence[x509.CertificateRevocationList],
    now: dt.datetime,
) -> Revocation:
    unknown = Revocation(subject=subject_of(certificate), status="unknown", problem="no-crl")
    issuer = issuer_of(certificate, pool)
    found: list[Revocation] = []
    for crl in crls:
        if crl.issuer != certificate.issuer:
            continue
        if issuer is None:
            return msgspec.structs.replace(unknown, problem="no-issuer")
        try:
            problem = _crl_problem(crl, certificate, issuer, now)
            found.append(_listed(crl, certificate, unknown, problem))
        except _UNREADABLE:
            found.append(msgspec.structs.replace(unknown, problem="unsupported"))
    order = ("revoked", "good", "unknown")
    return min(found, key=lambda one: order.index(one.status), default=unknown)


def _listed(
    crl: x509.CertificateRevocationList,
    certificate: x509.Certificate,
    unknown: Revocation,
    problem: CrlProblem | None,
) -> Revocation:
    """Return what this CRL says; a revocation that is not a hold outlasts the CRL's own dates."""
    entry = None
    if problem in {None, "stale"}:
        entry = crl.get_revoked_certificate_by_serial_number(certificate.serial_number)
    next_update = _iso(crl.next_update_utc)
    if entry is None:
        status = unknown.status if problem else "good"
        return msgspec.structs.replace(
            unknown, status=status, problem=problem, next_update=next_update
        )
    reason = _entry_reason(entry)
    if problem and reason is x509.ReasonFlags.certificate_hold:
        return msgspec.structs.replace(unknown, problem=problem, next_update=next_update)
    return msgspec.structs.replace(
        unknown, status="revoked", problem=None, next_update=next_update,
        revoked_at=_iso(entry.revocation_date_utc), reason=reason.value if reason else "",
    )  # fmt: skip


def _entry_reason(entry: x509.RevokedCertificate) -> x509.ReasonFlags | None:
    try:
        return entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    except x509.ExtensionNotFound:
        return None


def _crl_problem(
    crl: x509.CertificateRevocationList,
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    now: dt.datetime,
) -> CrlProblem | None:
    """Return why this CRL does not tell the status (RFC 5280 §6.3.3), or None."""
    if not _may_sign_crls(issuer):
        return "not-for-crls"
    if not crl.is_signature_valid(issuer.public_key()):  # type: ignore[arg-type]  # or TypeError
        return "signature"
    if (scope := _scope(crl, certificate)) is not None:
        return scope
    if crl.last_update_utc > now + CLOCK_SKEW:
        return "early"
    if crl.next_update_utc is None or crl.next_update_utc < now:
        return "stale"
    return None


def _may_sign_crls(issuer: x509.Certificate) -> bool:
    try:
        return issuer.extensions.get_extension_for_class(x509.KeyUsage).value.crl_sign
    except x509.ExtensionNotFound:
        return True


def _scope(crl: x509.CertificateRevocationList, certificate: x509.Certificate) -> CrlProblem | None:
    """Return why the CRL does not cover the certificate (RFC 5280 §5.2.5), or None."""
    for extension in crl.extensions:
        if extension.critical and not isinstance(extension.value, _KNOWN_CRITICAL):
            return "unsupported"  # a delta CRL among others
    try:
        limits = crl.extensions.get_extension_for_class(x509.IssuingDistributionPoint).value
    except x509.ExtensionNotFound:
        return None
    if limits.indirect_crl or limits.only_some_reasons or limits.relative_name:
        return "unsupported"
    is_ca = _is_ca(certificate)
    excluded = (
        limits.only_contains_attribute_certs
        or (limits.only_contains_user_certs and is_ca)
        or (limits.only_contains_ca_certs and not is_ca)
    )
    places = set(limits.full_name or ())
    if excluded or (places and not places & _places(certificate)):
        return "other-certificates"
    return None


def _is_ca(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _places(certificate: x509.Certificate) -> set[x509.GeneralName]:
    """Return where the certificate's CRLs are, which names the part that covers it."""
    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except x509.ExtensionNotFound:
        return set()
    return {name for point in points for name in point.full_name or ()}


# -- OCSP ----------------------------------------------------------------------------------------


def judge_staple(
    response: bytes,
    leaf: x509.Certificate,
    pool: Sequence[x509.Certificate],
    now: dt.datetime,
) -> OcspResponse:
    """Judge a stapled response about ``leaf`` as a client does (RFC 6960 §3.2)."""
    try:
        read = ocsp.load_der_ocsp_response(response)
        if read.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            return OcspResponse(problem="not-successful")
        issuer = issuer_of(leaf, pool)
        if issuer is None:
            return OcspResponse(problem="no-issuer")
        about = next((one for one in read.responses if _is_about(one, leaf, issuer)), None)
        if about is None:
            return OcspResponse(problem="other-certificate")
        problem = _signature_problem(read, issuer, now) or _time_problem(about, now)
        return _as_stated(about, problem)
    except _UNREADABLE:
        return OcspResponse(problem="unreadable")


def _as_stated(about: ocsp.OCSPSingleResponse, problem: OcspProblem | None) -> OcspResponse:
    status = about.certificate_status
    if problem is None and status is ocsp.OCSPCertStatus.UNKNOWN:
        problem = "status-unknown"
    reason = about.revocation_reason
    return OcspResponse(
        status=_STATUSES[status],
        problem=problem,
        this_update=_iso(about.this_update_utc),
        next_update=_iso(about.next_update_utc),
        revoked_at=_iso(about.revocation_time_utc),
        reason=reason.value if reason is not None else "",
    )  # fmt: skip


def _is_about(
    one: ocsp.OCSPSingleResponse, leaf: x509.Certificate, issuer: x509.Certificate
) -> bool:
    builder = ocsp.OCSPRequestBuilder().add_certificate(leaf, issuer, one.hash_algorithm)
    asked = builder.build()
    return (one.serial_number, one.issuer_name_hash, one.issuer_key_hash) == (
        asked.serial_number,
        asked.issuer_name_hash,
        asked.issuer_key_hash,
    )


def _time_problem(about: ocsp.OCSPSingleResponse, now: dt.datetime) -> OcspProblem | None:
    if about.this_update_utc > now + CLOCK_SKEW:
        return "early"
    if about.next_update_utc is not None and about.next_update_utc < now:
        return "stale"
    return None


def _signature_problem(
    read: ocsp.OCSPResponse, issuer: x509.Certificate, now: dt.datetime
) -> OcspProblem | None:
    """Return whether the issuer or its delegate made the response (RFC 6960 §4.2.2.2)."""
    signer = next((one for one in (issuer, *read.certificates) if _is_responder(read, one)), None)
    if signer is None or not (signer == issuer or _is_delegate(signer, issuer, now)):
        return "responder"
    return None if _is_signed_by(read, signer) else "signature"


def _is_responder(read: ocsp.OCSPResponse, certificate: x509.Certificate) -> bool:
    if read.responder_name is not None:
        return read.responder_name == certificate.subject
    key = x509.SubjectKeyIdentifier.from_public_key(certificate.public_key())
    return read.responder_key_hash == key.digest


def _is_delegate(certificate: x509.Certificate, issuer: x509.Certificate, now: dt.datetime) -> bool:
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (InvalidSignature, x509.ExtensionNotFound):
        return False
    return ExtendedKeyUsageOID.OCSP_SIGNING in usage


def _is_signed_by(read: ocsp.OCSPResponse, signer: x509.Certificate) -> bool:
    key, signature, signed = signer.public_key(), read.signature, read.tbs_response_bytes
    try:
        if isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
            key.verify(signature, signed)
            return True
        used = read.signature_hash_algorithm
        if used is None:
            return False
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, signed, padding.PKCS1v15(), used)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, signed, ec.ECDSA(used))
        else:
            return False
    except InvalidSignature:
        return False
    return True


# -- both ----------------------------------------------------------------------------------------


def issuer_of(
    certificate: x509.Certificate, pool: Sequence[x509.Certificate]
) -> x509.Certificate | None:
    """Return the certificate of the pool whose key signed this one, or None."""
    for candidate in pool:
        try:
            certificate.verify_directly_issued_by(candidate)
        except (InvalidSignature, *_UNREADABLE):
            continue
        return candidate
    return None


def subject_of(certificate: x509.Certificate) -> str:
    """Return the subject as facts have it."""
    return printable(certificate.subject.rfc4514_string(), 256) or "(empty name)"


def status_facts(
    certificates: Sequence[bytes],
    built: Sequence[bytes],
    options: Options,
    staple: bytes | None,
) -> tuple[tuple[Revocation, ...], OcspResponse | None]:
    """Return the statuses by ``--crl`` and by the staple, and the staple itself.

    ``built`` is the verified path; its last certificate, the trust anchor, is not judged. Without
    a path only the server's own is.
    """
    crls = load_crls(options)
    if not crls and staple is None:
        return (), None
    now = dt.datetime.now(dt.UTC)
    try:
        sent = [x509.load_der_x509_certificate(der) for der in (*built, *certificates)]
    except (*_UNREADABLE, x509.InvalidVersion):
        sent = []
    if not sent:
        return (), OcspResponse(problem="no-issuer") if staple is not None else None
    leaf = sent[0]
    path = sent[: max(1, len(built) - 1)]
    found = by_crls(path, sent, crls, now) if crls else ()
    if staple is None:
        return found, None
    judged = judge_staple(staple, leaf, sent, now)
    return _with_staple(found, leaf, judged), judged


def _with_staple(
    found: tuple[Revocation, ...], leaf: x509.Certificate, judged: OcspResponse
) -> tuple[Revocation, ...]:
    """Return the statuses with the staple's, unless the CRLs already tell the leaf's."""
    if judged.problem is not None or judged.status is None:
        return found
    if found and (found[0].status == "revoked" or judged.status == found[0].status):
        return found
    own = Revocation(
        subject=subject_of(leaf), status=judged.status, source="ocsp",
        revoked_at=judged.revoked_at, reason=judged.reason, next_update=judged.next_update,
    )  # fmt: skip
    return (own, *found[1:])


def _iso(moment: dt.datetime | None) -> str:
    if moment is None:
        return ""
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
