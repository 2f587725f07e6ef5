"""Host keys: reading, measuring, fingerprinting, verifying, and (for a server) signing.

RFC 4253 §6.6, RFC 5656 §3.1, RFC 8332, RFC 8709; certificates as OpenSSH defines them.
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
_CURVES = {"nistp256": (256, "sha256"), "nistp384": (384, "sha384"), "nistp521": (521, "sha512")}
_RSA_HASH = {"ssh-rsa": "SHA1", "rsa-sha2-256": "SHA256", "rsa-sha2-512": "SHA512"}
_ED_BYTES = {"ssh-ed25519": 32, "ssh-ed448": 57}
_TOKEN_TYPES = {
    "sk-ssh-ed25519": "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256": "sk-ecdsa-sha2-nistp256@openssh.com",
}
"""Keys of security tokens (OpenSSH's PROTOCOL.u2f): a certificate's name without its ending → the
key's. They are read and compared; their signatures cannot be verified here."""

SSHFP_ALGORITHMS = {"ssh-rsa": 1, "ssh-dss": 2, "ssh-ed25519": 4, "ssh-ed448": 6} | dict.fromkeys(
    (f"ecdsa-sha2-{curve}" for curve in _CURVES), 3
)
"""Key type → number in an SSHFP record (RFC 4255, RFC 6594, RFC 7479, RFC 8709)."""


def key_type(algorithm: str) -> str:
    """Return the type of key that a host key algorithm uses: ``rsa-sha2-512`` → ``ssh-rsa``."""
    plain = algorithm.removesuffix(CERTIFICATE)
    return "ssh-rsa" if plain in _RSA_HASH else _TOKEN_TYPES.get(plain, plain)


def algorithms_of(kind: str) -> tuple[str, ...]:
    """Return the algorithms that show a key of this type, best first, plain before certificate."""
    plain = ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa") if kind == "ssh-rsa" else (kind,)
    return (*plain, *(name + CERTIFICATE for name in plain))


KEY_TYPES = (
    "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-ed448",
    "ssh-rsa", "ssh-dss",
)  # fmt: skip
"""The types that can be read and verified here, in the order in which they are wanted."""


class UnknownKeyType(ProtocolViolation):
    """A key of a type that cannot be read here: it may be a good one."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the key type {name!r} is not known")


class PublicKey(msgspec.Struct, frozen=True, kw_only=True):
    """A host key as it was sent, taken apart."""

    type: str
    certificate: bool
    plain: bytes
    """The key without certificate, as fingerprints and SSHFP take it."""
    numbers: tuple[int, ...] = ()
    """RSA: e, n. DSA: p, q, g, y."""
    point: bytes = b""

    @property
    def bits(self) -> int:
        """The size that a person would call the key's."""
        if self.type == "ssh-rsa":
            return self.numbers[1].bit_length()
        if self.type == "ssh-dss":
            return self.numbers[0].bit_length()
        if self.type in _ED_BYTES:
            return 256 if self.type == "ssh-ed25519" else 456
        if self.type in _TOKEN_TYPES.values():
            return 256
        return _CURVES[self.type.removeprefix("ecdsa-sha2-")][0]

    def facts(self, algorithm: str, valid: bool | None) -> HostKey:
        """Return what the report says of it."""
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


def read_key(blob: bytes) -> PublicKey:
    """Take a host key blob apart; ProtocolViolation when it is malformed or of an unknown type."""
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
    elif kind.removeprefix("ecdsa-sha2-") in _CURVES and kind.startswith("ecdsa-sha2-"):
        curve = reader.vector(4)
        if curve != kind.removeprefix("ecdsa-sha2-").encode():
            raise ProtocolViolation(f"the {kind} host key names another curve")
        point = reader.vector(4)
        body = vector(4, curve) + vector(4, point)
    elif kind in _TOKEN_TYPES.values():
        # The curve of ECDSA, then the point, then the application that the key is for.
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
    """Whether ``signature`` is the key's over ``data``, made with ``algorithm`` (RFC 8332 §3).

    None when the library refuses the key (an RSA key below 1024 bits, say): then nothing is proven.
    ProtocolViolation when the key's type or the signature's own name is not the one agreed on.
    What clients put up with is noted in ``deviations``.
    """
    noted = Deviations() if deviations is None else deviations
    reader = Reader(signature, "the host key's signature")
    named = reader.vector(4)
    plain = algorithm.removesuffix(CERTIFICATE)
    if (key.type, key.certificate) != (key_type(algorithm), algorithm.endswith(CERTIFICATE)):
        what = "certificate for a key" if key.certificate else "key"
        raise ProtocolViolation(
            f"the host shows a {what} of type {key.type} although {algorithm} was agreed"
        )
    if named != plain.encode():
        raise ProtocolViolation(
            f"the host key signs with {printable(named, 64)} although {algorithm} was agreed"
        )
    if key.type in _TOKEN_TYPES.values():
        return None  # it signs in a form of its own
    blob = reader.vector(4)
    reader.end()
    if key.type == "ssh-rsa":
        blob = _as_long_as_the_modulus(blob, key.bits, noted)
    return _verified(key, plain, blob, data)


def _as_long_as_the_modulus(blob: bytes, bits: int, noted: Deviations) -> bytes:
    """An RSA signature with or without the zeros that belong before it, as clients take it."""
    size = (bits + 7) // 8
    if len(blob) != size:
        noted.add(DeviationKind.SIGNATURE_LENGTH, "the host key's signature")
    return blob.lstrip(b"\0").rjust(size, b"\0")


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

    curves: dict[str, Any] = {"256": ec.SECP256R1, "384": ec.SECP384R1, "521": ec.SECP521R1}
    return ec.EllipticCurvePublicKey.from_encoded_point(curves[key.type[-3:]](), key.point)


def _check(key: PublicKey, public: Any, algorithm: str, blob: bytes, data: bytes) -> None:
    """Raise InvalidSignature or ValueError unless the signature holds."""
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
        chosen = getattr(hashes, _CURVES[key.type.removeprefix("ecdsa-sha2-")][1].upper())()
        public.verify(der, data, ec.ECDSA(chosen))


class Signer:
    """A server's host key: Ed25519, ECDSA or RSA private key of ``cryptography``."""

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
            chosen = getattr(hashes, _CURVES[self.type.removeprefix("ecdsa-sha2-")][1].upper())()
            r, s = decode_dss_signature(self._private.sign(data, ec.ECDSA(chosen)))
            raw = mpint(r) + mpint(s)
        return vector(4, algorithm.encode()) + vector(4, raw)


def _blob(public: Any) -> bytes:
    """Return a public key of ``cryptography`` as SSH writes it."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    text = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return base64.b64decode(text.split()[1])
