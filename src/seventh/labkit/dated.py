"""Certificates of the past: SHA-1 signatures, X.509 version 1.

Libraries no longer issue them, so a new certificate is decoded, changed and signed again.
"""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa

_ECDSA_SHA1 = bytes.fromhex("300906072a8648ce3d0401")
_ECDSA_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")
_SEQUENCE, _BIT_STRING, _VERSION, _EXTENSIONS = 0x30, 0x03, 0xA0, 0xA3


def sign_again(
    certificate: x509.Certificate,
    issuer_key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey,
    *,
    sha1: bool = False,
    version_1: bool = False,
) -> x509.Certificate:
    """Return the certificate signed with ECDSA over SHA-1, or as version 1 without extensions."""
    if not isinstance(issuer_key, ec.EllipticCurvePrivateKey):
        raise TypeError("the lab's issuers have elliptic-curve keys")
    algorithm = _ECDSA_SHA1 if sha1 else _ECDSA_SHA256
    parts = _children(_children(certificate.tbs_certificate_bytes)[0][1])
    kept: list[bytes] = []
    for index, (tag, body) in enumerate(parts):
        if index == 2:  # version, serial number, then the signature algorithm
            kept.append(algorithm)
        elif not (version_1 and tag in {_VERSION, _EXTENSIONS}):
            kept.append(_element(tag, body))
    signed = _element(_SEQUENCE, b"".join(kept))
    signature = issuer_key.sign(signed, ec.ECDSA(hashes.SHA1() if sha1 else hashes.SHA256()))  # noqa: S303 - the fault is the point
    bits = _element(_BIT_STRING, b"\x00" + signature)
    return x509.load_der_x509_certificate(_element(_SEQUENCE, signed + algorithm + bits))


def _element(tag: int, body: bytes) -> bytes:
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


def _children(data: bytes) -> list[tuple[int, bytes]]:
    """Return the DER elements of ``data``: tag and content."""
    found: list[tuple[int, bytes]] = []
    while data:
        length, start = data[1], 2
        if length & 0x80:
            start = 2 + (length & 0x7F)
            length = int.from_bytes(data[2:start], "big")
        found.append((data[0], data[start : start + length]))
        data = data[start + length :]
    return found
