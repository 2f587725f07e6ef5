"""Public keys: parsing, fingerprints, verification, and for servers and users signing.

RFC 4253 §6.6, RFC 5656 §3.1, RFC 8332, RFC 8709; OpenSSH's certificates.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import msgspec

from seventh.model.failure import ProtocolViolation
from seventh.protocols.ssh.facts import HostKey
from seventh.protocols.ssh.facts.deviations import DeviationKind
from seventh.protocols.ssh.wire.values import Deviations, mpint, read_mpint
from seventh.wire.reader import Reader, vector
from seventh.wire.text import printable

MAX_RSA_BITS = 16384
CERTIFICATE = "-cert-v01@openssh.com"
_ECDSA = "ecdsa-sha2-"
_CURVES = {
    f"{_ECDSA}nistp256": (256, "SHA256"), f"{_ECDSA}nistp384": (384, "SHA384"),
    f"{_ECDSA}nistp521": (521, "SHA512"),
}  # fmt: skip
_RSA_HASH = {"ssh-rsa": "SHA1", "rsa-sha2-256": "SHA256", "rsa-sha2-512": "SHA512"}
_ED_BYTES = {"ssh-ed25519": 32, "ssh-ed448": 57}
_TOKEN_TYPES = {
    "sk-ssh-ed25519": "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256": "sk-ecdsa-sha2-nistp256@openssh.com",
}
"""Types of security tokens' keys (OpenSSH's PROTOCOL.u2f), by their certificates' names without the
ending. Their signatures cannot be verified here."""

SSHFP_ALGORITHMS = {
    "ssh-rsa": 1, "ssh-dss": 2, **dict.fromkeys(_CURVES, 3), "ssh-ed25519": 4, "ssh-ed448": 6,
}  # fmt: skip
"""Key type → algorithm number in an SSHFP record (RFC 4255, RFC 6594, RFC 7479, RFC 8709)."""


def key_type(algorithm: str) -> str:
    """Return the type of key that a host key algorithm uses: ``rsa-sha2-512`` → ``ssh-rsa``."""
    plain = algorithm.removesuffix(CERTIFICATE)
    return "ssh-rsa" if plain in _RSA_HASH else _TOKEN_TYPES.get(plain, plain)


def algorithms_of(kind: str) -> tuple[str, ...]:
    """Return the algorithms of a key type, best first, plain ones before certificates."""
    plain = ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa") if kind == "ssh-rsa" else (kind,)
    return (*plain, *(name + CERTIFICATE for name in plain))


KEY_TYPES = ("ssh-ed25519", *_CURVES, "ssh-ed448", "ssh-rsa", "ssh-dss")
"""The types that can be read and verified here, in order of preference."""


class UnknownKeyType(ProtocolViolation):
    """A key of a type that is not supported here."""

    def __init__(self, name: str) -> None:
        super().__init__(f"unknown key type {name!r}")


class PublicKey(msgspec.Struct, frozen=True, kw_only=True):
    """A parsed public key."""

    type: str
    certificate: bool
    plain: bytes
    """The key blob without its certificate, which fingerprints and SSHFP records are over."""
    numbers: tuple[int, ...] = ()
    """RSA: e, n. DSA: p, q, g, y."""
    point: bytes = b""

    @property
    def bits(self) -> int:
        """The key's size: RSA and DSA by the modulus, the others by the curve."""
        if self.type == "ssh-rsa":
            return self.numbers[1].bit_length()
        if self.type == "ssh-dss":
            return self.numbers[0].bit_length()
        if self.type in _ED_BYTES:
            return 256 if self.type == "ssh-ed25519" else 456
        if self.type in _TOKEN_TYPES.values():
            return 256
        return _CURVES[self.type][0]

    def facts(self, algorithm: str, valid: bool | None) -> HostKey:
        """Return the key as the report has it."""
        sha256 = hashlib.sha256(self.plain)
        text = base64.b64encode(sha256.digest()).decode().rstrip("=")
        sha1 = hashlib.sha1(self.plain, usedforsecurity=False)
        return HostKey(
            type=self.type,
            bits=self.bits,
            sha256=f"SHA256:{text}",
            sha256_hex=sha256.hexdigest(),
            sha1_hex=sha1.hexdigest(),
            certificate=self.certificate,
            signature_algorithm=algorithm,
            signature_valid=valid,
        )


def fingerprint(kind: str, blob: bytes) -> str:
    """Return a key's type and SHA-256 fingerprint, as OpenSSH writes them."""
    text = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    return f"{kind} SHA256:{text}"


def read_key(blob: bytes) -> PublicKey:
    """Parse a key blob; ProtocolViolation when it is malformed or of an unknown type."""
    reader = Reader(blob, "the host key")
    name = reader.vector(4)
    text = printable(name, 64)
    certificate = text.endswith(CERTIFICATE)
    kind = text.removesuffix(CERTIFICATE)
    if certificate:
        kind = _TOKEN_TYPES.get(kind, kind)
        reader.vector(4)  # the nonce
    numbers: tuple[int, ...] = ()
    point = b""
    if kind == "ssh-rsa":
        numbers = (read_mpint(reader, MAX_RSA_BITS), read_mpint(reader, MAX_RSA_BITS))
        body = mpint(numbers[0]) + mpint(numbers[1])
    elif kind == "ssh-dss":
        numbers = tuple(read_mpint(reader, MAX_RSA_BITS) for _ in range(4))
        body = b"".join(mpint(n) for n in numbers)
    elif kind in _ED_BYTES:
        point = reader.vector(4)
        if len(point) != _ED_BYTES[kind]:
            raise ProtocolViolation(f"the {kind} host key has {len(point)} bytes")
        body = vector(4, point)
    elif kind in _CURVES:
        curve = reader.vector(4)
        if curve != kind.removeprefix(_ECDSA).encode():
            raise ProtocolViolation(f"the curve in the {kind} host key is another one")
        point = reader.vector(4)
        body = vector(4, curve) + vector(4, point)
    elif kind in _TOKEN_TYPES.values():
        # The curve (ECDSA only), the point, the application.
        parts = [reader.vector(4) for _ in range(3 if "nistp256" in kind else 2)]
        point = parts[-2]
        body = b"".join(vector(4, part) for part in parts)
    else:
        raise UnknownKeyType(text)
    if not certificate:
        reader.end()
    plain = vector(4, kind.encode()) + body
    return PublicKey(type=kind, certificate=certificate, plain=plain, numbers=numbers, point=point)


def verify(
    key: PublicKey,
    algorithm: str,
    signature: bytes,
    data: bytes,
    deviations: Deviations | None = None,
) -> bool | None:
    """Verify the key's ``signature`` over ``data``, made with ``algorithm`` (RFC 8332 §3).

    None when the library cannot tell (an RSA key below 1024 bits, for example). ProtocolViolation
    when the type of the key or of the signature is not the negotiated one. Deviations that clients
    tolerate are noted in ``deviations``.
    """
    noted = Deviations() if deviations is None else deviations
    reader = Reader(signature, "the host key's signature")
    named = reader.vector(4)
    plain = algorithm.removesuffix(CERTIFICATE)
    if (key.type, key.certificate) != (key_type(algorithm), algorithm.endswith(CERTIFICATE)):
        what = "certificate for a key" if key.certificate else "key"
        raise ProtocolViolation(
            f"host key mismatch: {algorithm} was negotiated, received a {what} of type {key.type}"
        )
    if named != plain.encode():
        raise ProtocolViolation(
            f"signature mismatch: {algorithm} was negotiated, received {printable(named, 64)}"
        )
    if key.type in _TOKEN_TYPES.values():
        return None  # a format of its own
    blob = reader.vector(4)
    reader.end()
    if key.type == "ssh-rsa":
        # Clients accept a signature without its leading zeros, or with too many of them.
        size = (key.bits + 7) // 8
        if len(blob) != size:
            noted.add(DeviationKind.SIGNATURE_LENGTH, "the host key's signature")
        blob = blob.lstrip(b"\0").rjust(size, b"\0")
    return _verified(key, plain, blob, data)


def _verified(key: PublicKey, algorithm: str, blob: bytes, data: bytes) -> bool | None:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        public = _public(key)
    except (ValueError, UnsupportedAlgorithm):
        return None
    try:
        _check(key, public, algorithm, blob, data)
    except (InvalidSignature, ValueError):
        return False
    except UnsupportedAlgorithm:
        return None
    return True


def _public(key: PublicKey) -> Any:
    if key.type == "ssh-rsa":
        from cryptography.hazmat.primitives.asymmetric import rsa

        return rsa.RSAPublicNumbers(key.numbers[0], key.numbers[1]).public_key()
    if key.type == "ssh-dss":
        from cryptography.hazmat.primitives.asymmetric import dsa

        p, q, g, y = key.numbers
        return dsa.DSAPublicNumbers(y, dsa.DSAParameterNumbers(p, q, g)).public_key()
    if key.type == "ssh-ed25519":
        from cryptography.hazmat.primitives.asymmetric import ed25519

        return ed25519.Ed25519PublicKey.from_public_bytes(key.point)
    if key.type == "ssh-ed448":
        from cryptography.hazmat.primitives.asymmetric import ed448

        return ed448.Ed448PublicKey.from_public_bytes(key.point)
    from cryptography.hazmat.primitives.asymmetric import ec

    curve = getattr(ec, f"SECP{key.bits}R1")()
    return ec.EllipticCurvePublicKey.from_encoded_point(curve, key.point)


def _check(key: PublicKey, public: Any, algorithm: str, blob: bytes, data: bytes) -> None:
    """Verify the signature; InvalidSignature or ValueError when it is wrong."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    if key.type == "ssh-rsa":
        chosen = getattr(hashes, _RSA_HASH[algorithm])()
        public.verify(blob, data, padding.PKCS1v15(), chosen)
    elif key.type == "ssh-dss":
        if len(blob) != 40:
            raise ValueError("a DSA signature has 40 bytes")
        der = encode_dss_signature(
            int.from_bytes(blob[:20], "big"), int.from_bytes(blob[20:], "big")
        )
        public.verify(der, data, hashes.SHA1())  # noqa: S303 - what RFC 4253 §6.6 prescribes
    elif key.type in _ED_BYTES:
        public.verify(blob, data)
    else:
        reader = Reader(blob, "the ECDSA signature")
        der = encode_dss_signature(read_mpint(reader, 521), read_mpint(reader, 521))
        chosen = getattr(hashes, _CURVES[key.type][1])()
        public.verify(der, data, ec.ECDSA(chosen))


class Signer:
    """A private key of ``cryptography`` (Ed25519, ECDSA or RSA) that signs as SSH does."""

    def __init__(self, private: Any) -> None:
        self._private = private
        self.blob = _blob(private.public_key())
        self.type = read_key(self.blob).type

    def sign(self, algorithm: str, data: bytes) -> bytes:
        """Return the signature blob over ``data``."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, padding
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

        if self.type == "ssh-rsa":
            chosen = getattr(hashes, _RSA_HASH[algorithm])()
            raw = self._private.sign(data, padding.PKCS1v15(), chosen)
        elif self.type in _ED_BYTES:
            raw = self._private.sign(data)
        else:
            chosen = getattr(hashes, _CURVES[self.type][1])()
            r, s = decode_dss_signature(self._private.sign(data, ec.ECDSA(chosen)))
            raw = mpint(r) + mpint(s)
        return vector(4, algorithm.encode()) + vector(4, raw)


def _blob(public: Any) -> bytes:
    """Return a public key of ``cryptography`` as an SSH key blob."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    text = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return base64.b64decode(text.split()[1])
