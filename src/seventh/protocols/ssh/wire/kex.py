"""Key exchange methods, for both roles: public values, the shared secret, what is hashed.

Each is a :class:`Method` of one message each way; group exchange (RFC 4419) finds a group first.
"""

from __future__ import annotations

import abc
import hashlib
import os
from collections.abc import Callable
from typing import Any

import msgspec

from seventh.model.failure import ProtocolViolation
from seventh.protocols.ssh.wire import groups
from seventh.protocols.ssh.wire.values import mpint, read_mpint, string
from seventh.wire.reader import Reader

MAX_MODULUS_BITS = 8192
"""The limit of RFC 4419 §3 and RFC 8270: a larger modulus only wastes a client's time."""


class Shared(msgspec.Struct, frozen=True):
    """The result of a method."""

    public: bytes
    """Both public values, encoded for the exchange hash."""
    secret: bytes
    """K, encoded for the exchange hash: an mpint, or a string with the hybrids."""


class Method(abc.ABC):
    """One method of one message each way. An instance serves one exchange."""

    init_number = 30
    reply_number = 31

    @abc.abstractmethod
    def start(self) -> bytes:
        """Return the client's public value, encoded."""

    @abc.abstractmethod
    def finish(self, reply: Reader) -> Shared:
        """Read the server's public value. Raises ProtocolViolation."""

    @abc.abstractmethod
    def answer(self, init: Reader) -> tuple[bytes, Shared]:
        """Read the client's public value; return the server's, encoded, and the result."""


class Curve:
    """One elliptic curve's key agreement (RFC 5656, RFC 8731)."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._private: Any = None

    def public(self) -> bytes:
        """Generate a key; return its public part as SSH encodes it."""
        if self._name in {"x25519", "x448"}:
            self._private = _montgomery(self._name)[0].generate()
            return bytes(self._private.public_key().public_bytes_raw())
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        self._private = ec.generate_private_key(self._nist(ec))
        return bytes(
            self._private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        )

    def agree(self, peer: bytes) -> bytes:
        """Return the shared secret; ProtocolViolation when ``peer`` is not a valid point."""
        try:
            if self._name in {"x25519", "x448"}:
                key = _montgomery(self._name)[1].from_public_bytes(peer)
                return bytes(self._private.exchange(key))
            from cryptography.hazmat.primitives.asymmetric import ec

            point = ec.EllipticCurvePublicKey.from_encoded_point(self._nist(ec), peer)
            return bytes(self._private.exchange(ec.ECDH(), point))
        except ValueError:
            raise ProtocolViolation(f"the peer's {self._name} public key is not valid") from None

    def _nist(self, ec: Any) -> Any:
        return getattr(ec, f"SECP{self._name.removeprefix('nistp')}R1")()


def _montgomery(name: str) -> tuple[Any, Any]:
    """Return the classes of private and public keys of X25519 or X448."""
    from cryptography.hazmat.primitives.asymmetric import x448, x25519

    if name == "x25519":
        return x25519.X25519PrivateKey, x25519.X25519PublicKey
    return x448.X448PrivateKey, x448.X448PublicKey


class Symmetric(Method):
    """A method in which both sides do the same: send a public value, combine it with the peer's."""

    def __init__(self) -> None:
        self._ours = b""

    @abc.abstractmethod
    def _public(self) -> bytes:
        """Generate a private value; return the public one, encoded."""

    @abc.abstractmethod
    def _agree(self, reader: Reader) -> tuple[bytes, bytes]:
        """Read the peer's value; return it, encoded, and the shared secret as an mpint."""

    def start(self) -> bytes:
        """Return the client's public value, encoded."""
        self._ours = self._public()
        return self._ours

    def finish(self, reply: Reader) -> Shared:
        """Read the server's public value. Raises ProtocolViolation."""
        theirs, secret = self._agree(reply)
        return Shared(self._ours + theirs, secret)

    def answer(self, init: Reader) -> tuple[bytes, Shared]:
        """Read the client's public value; return the server's, encoded, and the result."""
        ours = self._public()
        theirs, secret = self._agree(init)
        return ours, Shared(theirs + ours, secret)


class Ecdh(Symmetric):
    """ECDH on one curve (RFC 5656 §4, RFC 8731)."""

    def __init__(self, curve: str) -> None:
        super().__init__()
        self._curve = Curve(curve)

    def _public(self) -> bytes:
        return string(self._curve.public())

    def _agree(self, reader: Reader) -> tuple[bytes, bytes]:
        theirs = reader.vector(4)
        return string(theirs), mpint(int.from_bytes(self._curve.agree(theirs), "big"))


class Kem(msgspec.Struct, frozen=True):
    """Sizes of a KEM's values in bytes; for ML-KEM, its key classes' prefix in cryptography."""

    public: int
    ciphertext: int
    prefix: str = ""

    def classes(self) -> tuple[Any, Any]:
        """Return the classes of private and public keys."""
        if not self.prefix:
            from seventh.protocols.ssh.wire.sntrup761 import PrivateKey, PublicKey

            return PrivateKey, PublicKey
        from cryptography.hazmat.primitives.asymmetric import mlkem

        return getattr(mlkem, f"{self.prefix}PrivateKey"), getattr(mlkem, f"{self.prefix}PublicKey")


_KEMS = {
    "mlkem768": Kem(1184, 1088, "MLKEM768"),
    "mlkem1024": Kem(1568, 1568, "MLKEM1024"),
    "sntrup761": Kem(1158, 1039),
}


class Hybrid(Method):
    """A KEM with ECDH (RFC 10042, RFC 9941): K is the hash of both secrets, a string."""

    def __init__(self, kem: str, curve: str, hash_name: str) -> None:
        self._kem, self._curve, self._hash = _KEMS[kem], Curve(curve), hash_name
        self._ours = b""
        self._private: Any = None

    def start(self) -> bytes:
        """Return C_INIT: the KEM's public key, then the curve's."""
        self._private = self._kem.classes()[0].generate()
        kem_public = bytes(self._private.public_key().public_bytes_raw())
        self._ours = string(kem_public + self._curve.public())
        return self._ours

    def finish(self, reply: Reader) -> Shared:
        """Read S_REPLY: the KEM's ciphertext, then the curve's public key."""
        theirs = reply.vector(4)
        size = self._kem.ciphertext
        try:
            inner = bytes(self._private.decapsulate(theirs[:size]))
        except ValueError:
            raise ProtocolViolation("the KEM ciphertext is not valid") from None
        return self._shared(self._ours + string(theirs), inner, theirs[size:])

    def answer(self, init: Reader) -> tuple[bytes, Shared]:
        """Read C_INIT; return S_REPLY."""
        theirs = init.vector(4)
        size = self._kem.public
        try:
            inner, cipher = self._kem.classes()[1].from_public_bytes(theirs[:size]).encapsulate()
        except ValueError:
            raise ProtocolViolation("the KEM public key is not valid") from None
        ours = string(bytes(cipher) + self._curve.public())
        return ours, self._shared(string(theirs) + ours, bytes(inner), theirs[size:])

    def _shared(self, public: bytes, inner: bytes, point: bytes) -> Shared:
        both = inner + self._curve.agree(point)
        return Shared(public, string(hashlib.new(self._hash, both).digest()))


class Dh(Symmetric):
    """Diffie-Hellman modulo a prime (RFC 4253 §8).

    The exponent has 512 bits, twice the strength of the largest group, so that it costs little.
    """

    def __init__(self, modulus: int, generator: int) -> None:
        super().__init__()
        self._p, self._g = modulus, generator
        self._x = 0

    def _public(self) -> bytes:
        self._x = int.from_bytes(os.urandom(64), "big") | 1
        return mpint(pow(self._g, self._x, self._p))

    def _agree(self, reader: Reader) -> tuple[bytes, bytes]:
        theirs = read_mpint(reader, MAX_MODULUS_BITS)
        if not 1 < theirs < self._p - 1:
            raise ProtocolViolation("the peer's Diffie-Hellman value is out of range")
        return mpint(theirs), mpint(pow(theirs, self._x, self._p))


class GroupSizes(msgspec.Struct, frozen=True):
    """A client's request for a group, in bits (RFC 4419 §3, limits of RFC 8270)."""

    minimum: int = 2048
    preferred: int = 3072
    maximum: int = MAX_MODULUS_BITS

    def encode(self) -> bytes:
        """Encode it for SSH_MSG_KEX_DH_GEX_REQUEST and the exchange hash."""
        return b"".join(n.to_bytes(4, "big") for n in (self.minimum, self.preferred, self.maximum))


class Group(msgspec.Struct, frozen=True):
    """A Diffie-Hellman group."""

    modulus: int
    generator: int

    @classmethod
    def read(cls, reader: Reader) -> Group:
        """Read SSH_MSG_KEX_DH_GEX_GROUP; ProtocolViolation for a group that is not usable."""
        group = cls(read_mpint(reader, MAX_MODULUS_BITS), read_mpint(reader, MAX_MODULUS_BITS))
        reader.end()
        if group.modulus.bit_length() > MAX_MODULUS_BITS:
            raise ProtocolViolation(f"the group's modulus has more than {MAX_MODULUS_BITS} bits")
        if group.modulus % 2 == 0 or group.modulus.bit_length() < 256:
            raise ProtocolViolation("the group's modulus is even or has less than 256 bits")
        if not 1 < group.generator < group.modulus - 1:
            raise ProtocolViolation("the group's generator is out of range")
        return group

    def encode(self) -> bytes:
        """Encode it for SSH_MSG_KEX_DH_GEX_GROUP and the exchange hash."""
        return mpint(self.modulus) + mpint(self.generator)


class GroupDh(Dh):
    """The second half of group exchange, which hashes the request and the group (RFC 4419 §3)."""

    init_number = 32
    reply_number = 33

    def __init__(self, asked: bytes, group: Group) -> None:
        super().__init__(group.modulus, group.generator)
        self._prefix = asked + group.encode()

    def finish(self, reply: Reader) -> Shared:
        """Read f. Raises ProtocolViolation."""
        return self._with_group(super().finish(reply))

    def answer(self, init: Reader) -> tuple[bytes, Shared]:
        """Read e; return f and the result."""
        ours, shared = super().answer(init)
        return ours, self._with_group(shared)

    def _with_group(self, shared: Shared) -> Shared:
        return Shared(self._prefix + shared.public, shared.secret)


def _sntrup() -> Method:
    return Hybrid("sntrup761", "x25519", "sha512")


def _fixed(number: int) -> Callable[[], Method]:
    return lambda: Dh(groups.prime(number), groups.GENERATOR)


METHODS: dict[str, tuple[str, Callable[[], Method]]] = {
    "mlkem768x25519-sha256": ("sha256", lambda: Hybrid("mlkem768", "x25519", "sha256")),
    "mlkem768nistp256-sha256": ("sha256", lambda: Hybrid("mlkem768", "nistp256", "sha256")),
    "mlkem1024nistp384-sha384": ("sha384", lambda: Hybrid("mlkem1024", "nistp384", "sha384")),
    "curve25519-sha256": ("sha256", lambda: Ecdh("x25519")),
    "curve25519-sha256@libssh.org": ("sha256", lambda: Ecdh("x25519")),
    "curve448-sha512": ("sha512", lambda: Ecdh("x448")),
    "ecdh-sha2-nistp256": ("sha256", lambda: Ecdh("nistp256")),
    "ecdh-sha2-nistp384": ("sha384", lambda: Ecdh("nistp384")),
    "ecdh-sha2-nistp521": ("sha512", lambda: Ecdh("nistp521")),
    "sntrup761x25519-sha512": ("sha512", _sntrup),
    "sntrup761x25519-sha512@openssh.com": ("sha512", _sntrup),
    "diffie-hellman-group16-sha512": ("sha512", _fixed(16)),
    "diffie-hellman-group15-sha512": ("sha512", _fixed(15)),
    "diffie-hellman-group17-sha512": ("sha512", _fixed(17)),
    "diffie-hellman-group18-sha512": ("sha512", _fixed(18)),
    "diffie-hellman-group14-sha256": ("sha256", _fixed(14)),
    "diffie-hellman-group14-sha1": ("sha1", _fixed(14)),
    "diffie-hellman-group1-sha1": ("sha1", _fixed(1)),
}
"""Method → its hash and its class with arguments, best first.

sntrup761 costs 30 ms on each connection, so that curves go first; :data:`QUANTUM_SAFE` has those
that go first where a secret is sent.
"""
QUANTUM_SAFE = tuple(name for name in METHODS if name.startswith(("mlkem", "sntrup")))

GROUP_EXCHANGES = {
    "diffie-hellman-group-exchange-sha256": "sha256",
    "diffie-hellman-group-exchange-sha1": "sha1",
}


def hash_of(name: str) -> str:
    """Return the hash of a method that this module implements."""
    return GROUP_EXCHANGES.get(name) or METHODS[name][0]


def implemented() -> tuple[str, ...]:
    """List the methods that can be used here, best first.

    It depends on the library: in FIPS mode it has no X25519.
    """
    weak = ("diffie-hellman-group14-sha1", "diffie-hellman-group1-sha1")
    missing = ["mlkem"] if not _has_mlkem() else []
    for names, curve in (("curve25519 x25519", "x25519"), ("curve448", "x448")):
        if not _has_curve(curve):
            missing += names.split()
    fixed = tuple(
        name for name in METHODS if name not in weak and not any(part in name for part in missing)
    )
    sha256, sha1 = GROUP_EXCHANGES
    return (*fixed, sha256, weak[0], sha1, weak[1])


def _has_curve(name: str) -> bool:
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        Curve(name).public()
    except UnsupportedAlgorithm:
        return False
    return True


def _has_mlkem() -> bool:
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        from cryptography.hazmat.primitives.asymmetric import mlkem

        mlkem.MLKEM768PrivateKey.generate()
    except (ImportError, AttributeError, UnsupportedAlgorithm):
        return False
    return True
