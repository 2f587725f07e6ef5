"""The keys of the user-based security model: RFC 3414 §2.6, RFC 7860, RFC 3826.

AES with 192 and 256 bits has no standard, and two expired drafts: Blumenthal's and Reeder's extend
a localised key that is too short differently.
"""

from __future__ import annotations

import hashlib
import hmac
from enum import StrEnum

import msgspec
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from seventh.model.failure import ProtocolViolation

_PASSWORD_OCTETS = 1024 * 1024
SALT_OCTETS = 8
_DES_BLOCK = 8


class Auth(StrEnum):
    """An authentication protocol, as ``--auth`` names it."""

    MD5 = "md5"
    SHA1 = "sha1"
    SHA224 = "sha224"
    SHA256 = "sha256"
    SHA384 = "sha384"
    SHA512 = "sha512"


MAC_OCTETS = {
    Auth.MD5: 12, Auth.SHA1: 12, Auth.SHA224: 16, Auth.SHA256: 24, Auth.SHA384: 32, Auth.SHA512: 48,
}  # fmt: skip
"""The length of the truncated HMAC (RFC 3414 §6.3.1, RFC 7860 §4.1)."""


class Priv(StrEnum):
    """A privacy protocol, as ``--priv`` names it."""

    DES = "des"
    AES = "aes"
    AES192 = "aes192"
    AES256 = "aes256"


_KEY_OCTETS = {Priv.DES: 16, Priv.AES: 16, Priv.AES192: 24, Priv.AES256: 32}
"""DES has a key and a pre-IV of 8 octets each."""


class Extension(StrEnum):
    """How a localised key that is too short is extended."""

    BLUMENTHAL = "blumenthal"
    """draft-blumenthal-aes-usm-04, as net-snmp's AES-256."""
    REEDER = "reeder"
    """draft-reeder-snmpv3-usm-3desede-00, as Cisco and net-snmp's AES-256-C."""


def password_key(password: bytes, auth: Auth) -> bytes:
    """Return Ku, the hash of a mebibyte of the repeated password (RFC 3414 §2.6)."""
    repeated = password * (_PASSWORD_OCTETS // len(password) + 1)
    return hashlib.new(auth, repeated[:_PASSWORD_OCTETS], usedforsecurity=False).digest()


def localised(key: bytes, engine_id: bytes, auth: Auth) -> bytes:
    """Return Kul, the key of one engine."""
    return hashlib.new(auth, key + engine_id + key, usedforsecurity=False).digest()


def extended(key: bytes, octets: int, engine_id: bytes, auth: Auth, how: Extension) -> bytes:
    """Return a localised key of ``octets``, extended where it is shorter."""
    last = key
    while len(key) < octets:
        if how is Extension.BLUMENTHAL:
            last = hashlib.new(auth, key, usedforsecurity=False).digest()
        else:
            last = localised(password_key(last, auth), engine_id, auth)
        key += last
    return key[:octets]


def ambiguous(auth: Auth, priv: Priv) -> bool:
    """Return whether the two extensions give different keys."""
    return hashlib.new(auth, usedforsecurity=False).digest_size < _KEY_OCTETS[priv]


class Keys(msgspec.Struct, frozen=True, kw_only=True):
    """A user's keys for one engine; made by :func:`keys_for`. Never shown."""

    auth: Auth
    auth_key: bytes
    priv: Priv | None = None
    priv_key: bytes = b""

    def __repr__(self) -> str:
        return f"<keys of {self.auth} and {self.priv}>"

    def mac(self, data: bytes) -> bytes:
        """Return the HMAC of a message whose own is zero."""
        return hmac.digest(self.auth_key, data, self.auth)[: MAC_OCTETS[self.auth]]

    def encrypt(self, plain: bytes, boots: int, time: int, salt: bytes) -> bytes:
        """Encrypt a scoped PDU; DES pads it."""
        if self.priv is Priv.DES:
            plain += bytes(-len(plain) % _DES_BLOCK)
        encryptor = self._cipher(boots, time, salt).encryptor()
        return encryptor.update(plain) + encryptor.finalize()

    def decrypt(self, data: bytes, boots: int, time: int, salt: bytes) -> bytes:
        """Decrypt a scoped PDU. Raises ProtocolViolation for a salt or length that cannot be."""
        if len(salt) != SALT_OCTETS:
            raise ProtocolViolation(f"SNMPv3: a salt of {len(salt)} octets")
        if self.priv is Priv.DES and len(data) % _DES_BLOCK:
            raise ProtocolViolation(f"SNMPv3: {len(data)} octets are no multiple of DES's block")
        decryptor = self._cipher(boots, time, salt).decryptor()
        return decryptor.update(data) + decryptor.finalize()

    def _cipher(self, boots: int, time: int, salt: bytes) -> Cipher[CBC] | Cipher[CFB]:
        if self.priv is Priv.DES:
            key, before = self.priv_key[:8], self.priv_key[8:]
            whitened = bytes(a ^ b for a, b in zip(before, salt, strict=True))
            return Cipher(TripleDES(key * 3), CBC(whitened))  # three equal keys are single DES
        clock = (boots % 2**32).to_bytes(4) + (time % 2**32).to_bytes(4)
        return Cipher(AES(self.priv_key), CFB(clock + salt))


class Passwords(msgspec.Struct, frozen=True, kw_only=True):
    """A user's algorithms, and the keys of its passwords before they are localised."""

    auth: Auth
    auth_ku: bytes
    priv: Priv | None = None
    priv_ku: bytes = b""

    def __repr__(self) -> str:
        return f"<passwords of {self.auth} and {self.priv}>"


def passwords(auth: Auth, password: bytes, priv: Priv | None, secret: bytes) -> Passwords:
    """Hash a user's passwords once, which takes milliseconds; engines differ only after it."""
    return Passwords(
        auth=auth, auth_ku=password_key(password, auth), priv=priv,
        priv_ku=password_key(secret, auth) if priv is not None else b"",
    )  # fmt: skip


def keys_for(user: Passwords, engine_id: bytes, how: Extension = Extension.BLUMENTHAL) -> Keys:
    """Localise a user's keys for an engine."""
    priv_key = b""
    if user.priv is not None:
        short = localised(user.priv_ku, engine_id, user.auth)
        priv_key = extended(short, _KEY_OCTETS[user.priv], engine_id, user.auth, how)
    return Keys(
        auth=user.auth, auth_key=localised(user.auth_ku, engine_id, user.auth), priv=user.priv,
        priv_key=priv_key,
    )  # fmt: skip
