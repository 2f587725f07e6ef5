"""Verification of certificates: whether a client accepts one, and if not, why.

The engine builds and checks the chain (RFC 5280); its errors come here as (code, depth), the depth
counted in the path that it built. Names are matched by :mod:`seventh.wire.certnames` (RFC 9525).
Certificates are parsed only where someone reads them.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import functools

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa

from seventh.model.failure import Blame, Failed, Reason
from seventh.model.tlsfacts import Certificate, ChainProblem, ChainState, Mismatch, path_up
from seventh.net.tls import openssl as tlsopenssl
from seventh.net.tls.chain_problems import problems
from seventh.wire.certkey import public_key
from seventh.wire.certnames import HostNames, read_names
from seventh.wire.text import printable

SHOWN_NAMES = 256
"""How many names a fact carries; all of them are matched."""
_DAY = 86400.0

Errors = tuple[tuple[int, int], ...]
"""What the engine found wrong: (X509_V_ code, depth in the chain it built)."""

NOT_YET, EXPIRED = 9, 10
_SELF_SIGNED_LEAF, _SELF_SIGNED_IN_CHAIN = 18, 19
_ISSUER_UNKNOWN = frozenset({2, 20, 21})
_WEAK = frozenset({66, 67, 68})
_DATES = frozenset({NOT_YET, EXPIRED})
_PATH = frozenset({_SELF_SIGNED_LEAF, _SELF_SIGNED_IN_CHAIN, *_ISSUER_UNKNOWN})
_UNVERIFIED = frozenset({1, 6, 76})
"""The engine could not check it: that says nothing against the certificate."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on a certificate; ``reason`` is None when a client accepts it."""

    state: ChainState
    problems: tuple[ChainProblem, ...]
    mismatch: Mismatch | None
    reason: Reason | None
    detail: str

    @property
    def host_matches(self) -> bool | None:
        """Whether one of its names stands for the host; None where they cannot be read."""
        return None if self.mismatch is Mismatch.UNREADABLE else self.mismatch is None

    def raise_if_bad(self) -> None:
        """Raise the Failed that a client would report."""
        if self.reason is not None:
            blame = Blame.LOCAL if self.state == "unverified" else None
            raise Failed(self.reason, self.detail, blame=blame)


def judge(
    chain: tuple[Certificate, ...],
    errors: Errors,
    host: str,
    names: HostNames,
    built: tuple[Certificate, ...] = (),
) -> Verdict:
    """Judge the chain as sent, the engine's errors and the name; the detail has every fault.

    ``names`` are the leaf's; ``built`` is the chain as the engine built it, where that is known.
    """
    path = built or path_up(chain)
    state = _state(chain, path, errors)
    mismatch = names.mismatch(host)
    complaints = _date_complaints(path, errors)
    complaints += _path_complaints(chain, path, errors, state)
    if mismatch is not None:
        reason = Reason.TLS_CERTIFICATE_HOST_MISMATCH
        if mismatch is Mismatch.UNREADABLE:
            reason = Reason.TLS_CERTIFICATE_INVALID
        complaints.append((reason, _mismatched(mismatch, names, host)))
    complaints += _weak_complaints(path, errors)
    return Verdict(
        state=state,
        problems=problems(chain, path, verified=bool(built) and state == "trusted"),
        mismatch=mismatch,
        reason=complaints[0][0] if complaints else None,
        detail="; ".join(dict.fromkeys(text for _, text in complaints)),
    )


_Complaint = tuple[Reason, str]


def error_texts(errors: Errors) -> tuple[str, ...]:
    """Word each error as OpenSSL does, with the depth where it is known (-1 is not)."""
    return tuple(
        f"depth {depth}: {tlsopenssl.verify_text(code)}"
        if depth >= 0
        else tlsopenssl.verify_text(code)
        for code, depth in errors
    )


def expired(errors: Errors) -> Errors:
    """Pick the errors of certificates past their end, those above the sent ones included."""
    return tuple((code, depth) for code, depth in errors if code == EXPIRED)


def _state(
    chain: tuple[Certificate, ...], path: tuple[Certificate, ...], errors: Errors
) -> ChainState:
    codes = {code for code, _ in errors} - _DATES - _WEAK
    if codes and (codes & _UNVERIFIED or _unknown_link(chain, path) is not None):
        return "unverified"
    if _SELF_SIGNED_LEAF in codes:
        return "self-signed"
    if _SELF_SIGNED_IN_CHAIN in codes:
        return "unknown-root"
    if codes & _ISSUER_UNKNOWN:
        return "missing-intermediate" if path[-1].sha256 == chain[0].sha256 else "unknown-root"
    return "invalid" if codes else "trusted"


def _unknown_link(
    chain: tuple[Certificate, ...], path: tuple[Certificate, ...]
) -> tuple[Certificate, str] | None:
    """Return the certificate with an algorithm that the engine lacks, and which one.

    OpenSSL accepts no issuer whose key or signature type it does not support, and reports
    the issuer as missing though it was sent.
    """
    top = path[-1]
    for link in (top, *(c for c in chain if c.subject == top.issuer)):
        if link.unjudged and not link.self_issued:
            return link, link.unjudged
    return None


def _label(path: tuple[Certificate, ...], depth: int) -> str:
    if depth == 0:
        return f"server certificate ({path[0].subject})"
    if depth < len(path):
        return f"certificate {depth} of the chain ({path[depth].subject})"
    return f"trusted certificate above the chain (depth {depth})"


def _date_complaints(path: tuple[Certificate, ...], errors: Errors) -> list[_Complaint]:
    expired = {depth for code, depth in errors if code == EXPIRED}
    early = {depth for code, depth in errors if code == NOT_YET}
    if path[0].days_left < 0:
        expired.add(0)
    if path[0].days_to_start > 0:
        early.add(0)
    found: list[_Complaint] = []
    for depth in sorted(expired):
        when = ""
        if depth < len(path):
            when = f" {_ago(-path[depth].days_left)} ago, on {path[depth].not_after}"
        found.append((Reason.TLS_CERTIFICATE_EXPIRED, f"{_label(path, depth)} expired{when}"))
    for depth in sorted(early):
        when = ""
        if depth < len(path):
            when = f": valid from {path[depth].not_before}, in {_ago(path[depth].days_to_start)}"
        text = f"{_label(path, depth)} is not valid yet{when}"
        found.append((Reason.TLS_CERTIFICATE_NOT_YET_VALID, text))
    return found


def _ago(days: float) -> str:
    return f"{days:.0f} days" if days >= 2 else f"{days * 24:.1f} hours"


def _path_complaints(
    chain: tuple[Certificate, ...],
    path: tuple[Certificate, ...],
    errors: Errors,
    state: ChainState,
) -> list[_Complaint]:
    leaf, top = chain[0], path[-1]
    if state == "self-signed":
        text = f"{_label(path, 0)} is self-signed and not trusted here"
        return [(Reason.TLS_CERTIFICATE_SELF_SIGNED, text)]
    if state == "missing-intermediate":
        text = (
            f"issuer of the {_label(path, 0)}, {leaf.issuer}, is neither sent nor trusted here "
            "(private CA: add --ca FILE)"
        )
        return [(Reason.TLS_CERTIFICATE_UNTRUSTED, text)]
    if state == "unknown-root":
        text = (
            f"root {top.subject} is sent but not trusted here"
            if top.self_issued
            else f"issuer of {top.subject}, {top.issuer}, is neither sent nor trusted here"
        )
        text = f"{text} (private CA: add --ca FILE)"
        return [(Reason.TLS_CERTIFICATE_UNTRUSTED, text)]
    if state == "unverified":
        link, what = _unknown_link(chain, path) or (
            path[0],
            "key or signature type not supported here",
        )
        text = f"chain could not be verified here: {link.subject}: {what}"
        return [(Reason.TLS_CERTIFICATE_INVALID, text)]
    return [
        (Reason.TLS_CERTIFICATE_INVALID, f"{_label(path, depth)}: {tlsopenssl.verify_text(code)}")
        for code, depth in errors
        if code not in _DATES | _WEAK | _PATH
    ]


def _weak_complaints(path: tuple[Certificate, ...], errors: Errors) -> list[_Complaint]:
    found = [
        (
            Reason.TLS_CERTIFICATE_WEAK,
            f"{_label(path, depth)} is weak: {', '.join(certificate.weaknesses)}",
        )
        for depth, certificate in enumerate(path)
        if certificate.weaknesses and (depth == 0 or not certificate.self_issued)
    ]
    if not found:
        found = [
            (Reason.TLS_CERTIFICATE_WEAK, f"{_label(path, depth)}: {tlsopenssl.verify_text(code)}")
            for code, depth in errors
            if code in _WEAK
        ]
    return found


_MISMATCHED = {
    Mismatch.UNREADABLE: "subject alternative names of the certificate cannot be read",
    Mismatch.NONE: "the certificate has no subject alternative name, so it does not match {host}",
    Mismatch.NO_HOST: "the certificate has no DNS name or address among its alternative names, so "
    "it does not match {host}",
    Mismatch.ADDRESS_AS_DNS: "the certificate has {host} as a DNS name; clients compare addresses "
    "with iPAddress entries only",
    Mismatch.OTHER: "the certificate is for {names}, not for {host}",
}


def _mismatched(why: Mismatch, names: HostNames, host: str) -> str:
    shown, more = ", ".join(names.shown(8)), len(names.entries) - 8
    if more > 0:
        shown += f" and {more} more"
    return _MISMATCHED[why].format(host=host, names=shown)


# -- a glance ------------------------------------------------------------------------------------


class Glance(msgspec.Struct, frozen=True):
    """The names and dates of a certificate, for every handshake; Unix time."""

    names: HostNames
    start: float
    end: float

    def fits(self, host: str, now: float) -> bool:
        """Return whether the name and the dates are right."""
        return self.start <= now <= self.end and self.names.fit(host)


@functools.lru_cache(maxsize=2048)
def glance(der: bytes) -> Glance:
    """Parse names and dates, once for each certificate; nothing fits an unreadable one."""
    try:
        cert = x509.load_der_x509_certificate(der)
        start, end = cert.not_valid_before_utc, cert.not_valid_after_utc
    except (ValueError, x509.InvalidVersion):
        return Glance(read_names(der), 0.0, 0.0)
    return Glance(read_names(der), start.timestamp(), end.timestamp())


# -- reading -----------------------------------------------------------------------------------


def read_certificate(der: bytes, now: dt.datetime) -> Certificate:
    """Return a certificate as facts; of an unreadable one, ``problem`` says so."""
    import hashlib

    key = public_key(der)
    names = read_names(der)
    try:
        read = _read(x509.load_der_x509_certificate(der), now)
    except (ValueError, x509.InvalidVersion, UnsupportedAlgorithm):
        read = Certificate(
            subject="(unreadable)", issuer="(unreadable)",
            problem="not a readable certificate",
        )  # fmt: skip
    return msgspec.structs.replace(
        read,
        sha256=hashlib.sha256(der).hexdigest(),
        sha512=hashlib.sha512(der).hexdigest(),
        key_sha256=hashlib.sha256(key).hexdigest() if key is not None else "",
        key_sha512=hashlib.sha512(key).hexdigest() if key is not None else "",
        size_bytes=len(der),
        names=names.shown(SHOWN_NAMES),
        names_count=len(names.entries),
    )


def _read(cert: x509.Certificate, now: dt.datetime) -> Certificate:
    start, end = cert.not_valid_before_utc, cert.not_valid_after_utc
    key_type, bits = _key(cert)
    subject, issuer = _name(cert.subject), _name(cert.issuer)
    return Certificate(
        subject=subject,
        issuer=issuer,
        serial=f"{cert.serial_number:x}",
        not_before=_iso(start),
        not_after=_iso(end),
        days_left=(end - now).total_seconds() / _DAY,
        days_to_start=(start - now).total_seconds() / _DAY,
        lifetime_days=(end - start).total_seconds() / _DAY,
        key_type=key_type,
        key_bits=bits,
        signature_hash=_hash(cert),
        unjudged=_unjudged(cert, key_type),
        version=3 if cert.version is x509.Version.v3 else 1,
        self_issued=cert.subject == cert.issuer,
        must_staple=_must_staple(cert),
    )


_OLD_HASHES = {"1.2.840.113549.1.1.2": "md2"}
_ML_DSA = "2.16.840.1.101.3.4.3."
"""NIST's arc of signatures: ML-DSA and SLH-DSA have no hash of their own."""


def _key(cert: x509.Certificate) -> tuple[str, int | None]:
    try:
        key = cert.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return f"({printable(cert.public_key_algorithm_oid.dotted_string)})", None
    if isinstance(key, rsa.RSAPublicKey):
        return "RSA", key.key_size
    if isinstance(key, ec.EllipticCurvePublicKey):
        return "EC", key.key_size
    if isinstance(key, dsa.DSAPublicKey):
        return "DSA", key.key_size
    return type(key).__name__.removesuffix("PublicKey"), None


def _hash(cert: x509.Certificate) -> str | None:
    with contextlib.suppress(UnsupportedAlgorithm):
        used = cert.signature_hash_algorithm
        return used.name if used is not None else None
    # The oldest has no implementation any more, only a number.
    return _OLD_HASHES.get(cert.signature_algorithm_oid.dotted_string)


def _unjudged(cert: x509.Certificate, key_type: str) -> str:
    """Return which of key and signature is not supported here; empty for none."""
    unknown: list[str] = []
    if key_type.startswith("("):
        unknown.append(f"key type not supported here {key_type}")
    algorithm = cert.signature_algorithm_oid.dotted_string
    try:
        _ = cert.signature_hash_algorithm
    except UnsupportedAlgorithm:
        if algorithm not in _OLD_HASHES and not algorithm.startswith(_ML_DSA):
            unknown.append(f"signature algorithm not supported here ({algorithm})")
    return "; ".join(unknown)


def _must_staple(cert: x509.Certificate) -> bool | None:
    try:
        feature = cert.extensions.get_extension_for_class(x509.TLSFeature).value
    except x509.ExtensionNotFound:
        return False
    except (ValueError, x509.DuplicateExtension, UnsupportedAlgorithm):
        return None
    return x509.TLSFeatureType.status_request in feature


def _name(name: x509.Name) -> str:
    return printable(name.rfc4514_string(), 256) or "(empty name)"


def _iso(moment: dt.datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
