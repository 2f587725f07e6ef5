"""Is this certificate the right one, and would a client take it? If not, precisely why.

The engine builds and checks the chain (RFC 5280); its errors come here as (code, depth). The name
is matched by this module (RFC 9525). Certificates are parsed only where someone reads them.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import ipaddress
import itertools

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa

from seventh.model.failure import Failed, Reason
from seventh.model.tlsfacts import Certificate, ChainProblem, ChainState
from seventh.net.tls import openssl as tlsopenssl
from seventh.wire.text import printable

MAX_CHAIN = 10
MAX_CHAIN_BYTES = 64 * 1024
MAX_NAMES = 256
_DAY = 86400.0

Errors = tuple[tuple[int, int], ...]
"""What the engine found wrong: (X509_V_ code, depth in the chain it built)."""

NOT_YET, EXPIRED = 9, 10
_SELF_SIGNED_LEAF, _SELF_SIGNED_IN_CHAIN = 18, 19
_ISSUER_UNKNOWN = frozenset({2, 20, 21})
_WEAK = frozenset({66, 67, 68})
_DATES = frozenset({NOT_YET, EXPIRED})
_PATH = frozenset({_SELF_SIGNED_LEAF, _SELF_SIGNED_IN_CHAIN, *_ISSUER_UNKNOWN})


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the certificate is worth; ``reason`` is None when a client takes it."""

    state: ChainState
    problems: tuple[ChainProblem, ...]
    host_matches: bool
    reason: Reason | None
    detail: str

    def raise_if_bad(self) -> None:
        """Raise the Failed that a client would end with."""
        if self.reason is not None:
            raise Failed(self.reason, self.detail)


def judge(chain: tuple[Certificate, ...], errors: Errors, host: str) -> Verdict:
    """Weigh the chain as sent, the engine's errors and the name; the detail has every complaint."""
    leaf = chain[0]
    state = _state(chain, errors)
    matches = host_matches(leaf.names, host)
    complaints = [
        *_date_complaints(chain, errors),
        *_path_complaints(chain, errors, state),
    ]
    if not matches:
        complaints.append((Reason.TLS_CERTIFICATE_HOST_MISMATCH, _mismatch(leaf, host)))
    complaints += _weak_complaints(chain, errors)
    return Verdict(
        state=state,
        problems=_problems(chain),
        host_matches=matches,
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


def _state(chain: tuple[Certificate, ...], errors: Errors) -> ChainState:
    codes = {code for code, _ in errors} - _DATES - _WEAK
    if _SELF_SIGNED_LEAF in codes:
        return "self-signed"
    if _SELF_SIGNED_IN_CHAIN in codes:
        return "unknown-root"
    if codes & _ISSUER_UNKNOWN:
        return "missing-intermediate" if _top(chain) == chain[0] else "unknown-root"
    return "invalid" if codes else "trusted"


def _top(chain: tuple[Certificate, ...]) -> Certificate:
    """How far the sent certificates lead up from the server's own."""
    top = chain[0]
    for _ in chain:
        above = next((c for c in chain if c.subject == top.issuer and c != top), None)
        if above is None or top.self_issued:
            break
        top = above
    return top


def _who(chain: tuple[Certificate, ...], depth: int) -> str:
    if depth == 0:
        return f"the server's certificate ({chain[0].subject})"
    if depth < len(chain):
        return f"the chain's certificate {depth} ({chain[depth].subject})"
    return f"a trusted certificate above the chain (depth {depth})"


def _date_complaints(chain: tuple[Certificate, ...], errors: Errors) -> list[_Complaint]:
    expired = {depth for code, depth in errors if code == EXPIRED}
    early = {depth for code, depth in errors if code == NOT_YET}
    if chain[0].days_left < 0:
        expired.add(0)
    if chain[0].days_to_start > 0:
        early.add(0)
    found: list[_Complaint] = []
    for depth in sorted(expired):
        when = ""
        if depth < len(chain):
            when = f" on {chain[depth].not_after}, {_ago(-chain[depth].days_left)} ago"
        found.append((Reason.TLS_CERTIFICATE_EXPIRED, f"{_who(chain, depth)} expired{when}"))
    for depth in sorted(early):
        when = ""
        if depth < len(chain):
            when = f" before {chain[depth].not_before}, in {_ago(chain[depth].days_to_start)}"
        text = f"{_who(chain, depth)} is not valid{when or ' yet'}"
        found.append((Reason.TLS_CERTIFICATE_NOT_YET_VALID, text))
    return found


def _ago(days: float) -> str:
    return f"{days:.0f} days" if days >= 2 else f"{days * 24:.1f} hours"


def _path_complaints(
    chain: tuple[Certificate, ...], errors: Errors, state: ChainState
) -> list[_Complaint]:
    leaf, top = chain[0], _top(chain)
    if state == "self-signed":
        text = f"{_who(chain, 0)} is signed by itself and not trusted here"
        return [(Reason.TLS_CERTIFICATE_SELF_SIGNED, text)]
    if state == "missing-intermediate":
        text = (
            f"the issuer of {_who(chain, 0)}, {leaf.issuer}, was not sent and is not trusted here"
        )
        return [(Reason.TLS_CERTIFICATE_UNTRUSTED, text)]
    if state == "unknown-root":
        root = top.subject if top.self_issued else top.issuer
        return [(Reason.TLS_CERTIFICATE_UNTRUSTED, f"the root {root} is not trusted here")]
    return [
        (Reason.TLS_CERTIFICATE_INVALID, f"{_who(chain, depth)}: {tlsopenssl.verify_text(code)}")
        for code, depth in errors
        if code not in _DATES | _WEAK | _PATH
    ]


def _weak_complaints(chain: tuple[Certificate, ...], errors: Errors) -> list[_Complaint]:
    found = [
        (Reason.TLS_CERTIFICATE_WEAK, f"{_who(chain, depth)}: {', '.join(certificate.weaknesses)}")
        for depth, certificate in enumerate(chain)
        if certificate.weaknesses and (depth == 0 or not certificate.self_issued)
    ]
    if not found:
        found = [
            (Reason.TLS_CERTIFICATE_WEAK, f"{_who(chain, depth)}: {tlsopenssl.verify_text(code)}")
            for code, depth in errors
            if code in _WEAK
        ]
    return found


def _mismatch(leaf: Certificate, host: str) -> str:
    shown = ", ".join(leaf.names[:8]) + (" …" if len(leaf.names) > 8 else "")
    if not leaf.names:
        return f"the certificate names no host at all (no subject alternative name), so not {host}"
    return f"the certificate is for {shown}, not for {host}"


def _problems(chain: tuple[Certificate, ...]) -> tuple[ChainProblem, ...]:
    found: list[ChainProblem] = []
    for below, above in itertools.pairwise(chain):
        if below.issuer != above.subject and not below.self_issued:
            text = f"{below.issuer} should follow {below.subject}, but {above.subject} does"
            found.append(ChainProblem(kind="order", text=text))
    found += [
        ChainProblem(kind="root-sent", text=f"the root {c.subject} is sent along")
        for c in chain[1:]
        if c.self_issued
    ]
    seen: set[str] = set()
    for certificate in chain:
        if certificate.sha256 in seen:
            text = f"{certificate.subject} is sent twice"
            found.append(ChainProblem(kind="duplicate", text=text))
        seen.add(certificate.sha256)
    size = sum(certificate.size_bytes for certificate in chain)
    if len(chain) > MAX_CHAIN or size > MAX_CHAIN_BYTES:
        text = f"{len(chain)} certificates of {size} bytes are sent; many clients refuse so much"
        found.append(ChainProblem(kind="too-long", text=text))
    return tuple(found)


# -- names -------------------------------------------------------------------------------------


def host_matches(names: tuple[str, ...], host: str) -> bool:
    """Whether one of the subject alternative names stands for ``host`` (RFC 9525 §6).

    The common name is not looked at. A wildcard is a whole leftmost label and stands for exactly
    one label. An address matches only an address.
    """
    address = _address(host)
    if address is not None:
        return any(_address(name) == address for name in names)
    wanted = host.rstrip(".").lower()
    _, _, parent = wanted.partition(".")
    for name in names:
        name = name.lower().rstrip(".")
        if name == wanted:
            return True
        if name.startswith("*.") and parent and name[2:] == parent and "*" not in parent:
            return True
    return False


@functools.lru_cache(maxsize=2048)
def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


class Glance(msgspec.Struct, frozen=True):
    """The little of a certificate that every handshake needs; times are Unix time."""

    names: tuple[str, ...]
    start: float
    end: float

    def fits(self, host: str, now: float) -> bool:
        """Whether the name and the dates are right."""
        return self.start <= now <= self.end and host_matches(self.names, host)


@functools.lru_cache(maxsize=2048)
def glance(der: bytes) -> Glance:
    """Names and dates, parsed once for each certificate; nothing fits one that is unreadable."""
    try:
        cert = x509.load_der_x509_certificate(der)
        start, end = cert.not_valid_before_utc, cert.not_valid_after_utc
    except (ValueError, x509.InvalidVersion):
        return Glance((), 0.0, 0.0)
    return Glance(_names(cert), start.timestamp(), end.timestamp())


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension, UnsupportedAlgorithm):
        return ()
    names: list[str] = []
    for name in list(found)[:MAX_NAMES]:
        if isinstance(name, x509.DNSName):
            names.append(printable(name.value, 255))
        elif isinstance(name, x509.IPAddress):
            names.append(str(name.value))
    return tuple(names)


# -- reading -----------------------------------------------------------------------------------


def read_certificate(der: bytes, now: dt.datetime) -> Certificate:
    """A certificate in the model's words; one that cannot be read says so in ``problem``."""
    import hashlib

    fingerprint = hashlib.sha256(der).hexdigest()
    try:
        read = _read(x509.load_der_x509_certificate(der), now)
        return msgspec.structs.replace(read, sha256=fingerprint, size_bytes=len(der))
    except (ValueError, x509.InvalidVersion, UnsupportedAlgorithm) as error:
        return Certificate(
            subject="(unreadable)", issuer="(unreadable)", sha256=fingerprint,
            size_bytes=len(der),
            problem=printable(str(error), 200) or type(error).__name__,
        )  # fmt: skip


def _read(cert: x509.Certificate, now: dt.datetime) -> Certificate:
    start, end = cert.not_valid_before_utc, cert.not_valid_after_utc
    key_type, bits = _key(cert)
    subject, issuer = _name(cert.subject), _name(cert.issuer)
    return Certificate(
        subject=subject,
        issuer=issuer,
        names=_names(cert),
        serial=f"{cert.serial_number:x}",
        not_before=_iso(start),
        not_after=_iso(end),
        days_left=(end - now).total_seconds() / _DAY,
        days_to_start=(start - now).total_seconds() / _DAY,
        lifetime_days=(end - start).total_seconds() / _DAY,
        key_type=key_type,
        key_bits=bits,
        signature_hash=_hash(cert),
        version=3 if cert.version is x509.Version.v3 else 1,
        self_issued=cert.subject == cert.issuer,
        must_staple=_must_staple(cert),
    )


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
    # The oldest hashes have no implementation any more, only a number.
    return {"1.2.840.113549.1.1.4": "md5", "1.2.840.113549.1.1.2": "md2"}.get(
        cert.signature_algorithm_oid.dotted_string
    )


def _must_staple(cert: x509.Certificate) -> bool:
    try:
        feature = cert.extensions.get_extension_for_class(x509.TLSFeature).value
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension, UnsupportedAlgorithm):
        return False
    return x509.TLSFeatureType.status_request in feature


def _name(name: x509.Name) -> str:
    try:
        return printable(name.rfc4514_string(), 256) or "(empty name)"
    except ValueError:
        return "(unreadable name)"


def _iso(moment: dt.datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
