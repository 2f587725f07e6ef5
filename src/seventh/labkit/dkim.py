"""DKIM of the lab's domain: a key to sign with, and the records that publish its keys."""

from __future__ import annotations

import base64
import hashlib
import re

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SELECTOR, RSA_SELECTOR = "s1", "s2"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
"""Signs as :data:`SELECTOR`; it protects nothing."""
RSA_2048 = (
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA7K6PYi5RB0j5D6bhM3Mb8ES9nzgIbwdbiXKBOcP8giUM"
    "MPfhftPwizyQ0EaHey3vtnV6Sd5PH3t6B2g58Dx7wBBoiAbXzQRoOB5BOHEJdWL+XQXqCaLtBPKz2QYuFWV6RI9i"
    "xffQOtoxZy7U7KGUZLtIKSOt0BBE21I4dnP2u/dDt0bs5bvCnE7j+JmaS3l5R9O1mIb1huRdXTo0/evE/KpPnM/Q"
    "4zX33nLF3MaPAc/LrzupQVyuK7zl6vWIGMDK4X8VoVzgNv7f6rxnEHBo7cPuZ7GaVQeLHT9RhH/ROhuBO++4nVLP"
    "4yrO4ftZungoOONONGVh292Qf3UVaWzc7wIDAQAB"
)
"""Public; its private key was never kept."""
RSA_512 = (
    "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAMWh4OmXoaxzEOyfYxsjaYXvXLgRNpiBChvFY1vIs9Bl30LukITWMNwL"
    "FOQhvr90RouhgLGrNBp/dycbabpEpyMCAwEAAQ=="
)
"""As weak as it looks."""


def record(tags: str, key: str = RSA_2048) -> str:
    """Return a key record in presentation form, in strings that a record can have."""
    text = f"{tags} p={key}"
    return " ".join(f'"{text[i : i + 250]}"' for i in range(0, len(text), 250))


PUBLIC = base64.b64encode(KEY.public_key().public_bytes_raw()).decode()
GOOD = {
    f"{SELECTOR}._domainkey": record("v=DKIM1; k=ed25519;", PUBLIC),
    f"{RSA_SELECTOR}._domainkey": record("v=DKIM1; k=rsa;"),
}
"""The correct records, by name below the domain: a key of each algorithm."""


def sign(message: bytes, *, partial: bool = False) -> bytes:
    """Return a message of lab.test with a signature; ``partial`` signs it with ``l=``."""
    head, _, body = message.partition(b"\r\n\r\n")
    lines = re.sub(rb"[ \t]+(?=\r\n)", b"", re.sub(rb"[ \t]+", b" ", body)).rstrip(b"\r\n")
    canonical = lines + b"\r\n" if lines else b""
    fields = [field for field in re.split(rb"\r\n(?![ \t])", head) if _is_signed(field)]
    names = b":".join(field.partition(b":")[0].lower() for field in fields)
    length = b" l=%d;" % len(canonical) if partial else b""
    own = b"DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d=lab.test; "
    own += b"s=%s; h=%s;%s bh=%s; b=" % (SELECTOR.encode(), names, length, _hash(canonical))
    signed = b"".join(_relaxed(field) + b"\r\n" for field in fields) + _relaxed(own)
    signature = base64.b64encode(KEY.sign(hashlib.sha256(signed).digest()))
    return own + signature + b"\r\n" + message


def _is_signed(field: bytes) -> bool:
    return field.partition(b":")[0].lower() in {b"from", b"to", b"subject", b"date", b"message-id"}


def _relaxed(field: bytes) -> bytes:
    name, _, value = field.partition(b":")
    return name.lower() + b":" + b" ".join(value.split())


def _hash(data: bytes) -> bytes:
    return base64.b64encode(hashlib.sha256(data).digest())
