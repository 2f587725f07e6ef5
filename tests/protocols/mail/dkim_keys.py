"""Keys for tests of DKIM, made once, and their records."""

from __future__ import annotations

import base64
import functools

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

ED25519 = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@functools.cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def p(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey, *, bare: bool = False) -> bytes:
    """The value of p=."""
    public = key.public_key()
    if isinstance(public, ed25519.Ed25519PublicKey):
        return base64.b64encode(public.public_bytes_raw())
    kind = (
        serialization.PublicFormat.PKCS1
        if bare
        else serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return base64.b64encode(public.public_bytes(serialization.Encoding.DER, kind))


def pem(key: rsa.RSAPrivateKey) -> bytes:
    """The private key, as dkimpy and opendkim read it."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )  # fmt: skip
