"""Symmetric keys: the key files of chrony and ntpd, and MACs.

RFC 5905 §7.3 appends a key identifier and a digest of key and packet; RFC 8573 replaces MD5 with
AES-CMAC. No key is ever shown: a :class:`Key` prints without its secret.
"""

from __future__ import annotations

import hashlib
import hmac
import re

from seventh.model.failure import UsageError
from seventh.wire.text import printable

MAX_FILE_BYTES = 1 << 20
MAX_KEYS = 65_535
"""The number of identifiers of ntpd."""
MAX_DIGEST_BYTES = 20
"""Longer digests are truncated to the length of SHA-1, so that a MAC and an extension field can be
distinguished (RFC 7822); chronyd and ntpd do the same."""
KEY_ID_BYTES = 4
_HASHES = frozenset(
    {
        "MD5", "SHA1", "SHA224", "SHA256", "SHA384", "SHA512",
        "SHA3-224", "SHA3-256", "SHA3-384", "SHA3-512",
    }
)  # fmt: skip
_CMAC_KEY_BYTES = {"AES128": 16, "AES192": 24, "AES256": 32}
_SPELLINGS = {
    "M": "MD5", "SHA": "SHA1", "SHA-1": "SHA1", "SHA-224": "SHA224", "SHA-256": "SHA256",
    "SHA-384": "SHA384", "SHA-512": "SHA512", "AES": "AES128", "AES-128": "AES128",
    "AES-192": "AES192", "AES-256": "AES256", "AES128CMAC": "AES128", "AES-128-CMAC": "AES128",
    "AES192CMAC": "AES192", "AES256CMAC": "AES256",
}  # fmt: skip
"""Names of ntpd and NTPsec that differ from those of chrony."""
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_NTPD_HEX_FROM = 21
"""ntpd reads a key of more than 20 characters as hexadecimal."""


class Key:
    """One symmetric key, which prints without its secret."""

    __slots__ = ("_secret", "algorithm", "id", "reading")

    def __init__(self, id: int, algorithm: str, secret: bytes, reading: str = "") -> None:  # noqa: A002
        self.id = id
        self.algorithm = algorithm
        self._secret = secret
        self.reading = reading
        """How the key's text was read, if chrony and ntpd differ; else empty."""

    def __repr__(self) -> str:
        return f"<Key {self.id} {self.algorithm}>"

    def mac(self, packet: bytes) -> bytes:
        """Return the MAC of ``packet``: the key's identifier and the digest."""
        return self.id.to_bytes(KEY_ID_BYTES, "big") + self._digest(packet)[:MAX_DIGEST_BYTES]

    def verifies(self, packet: bytes, mac: bytes) -> bool:
        """Return whether ``mac`` is this key's MAC of ``packet``."""
        return hmac.compare_digest(self.mac(packet), mac)

    def _digest(self, packet: bytes) -> bytes:
        if self.algorithm in _HASHES:
            name = self.algorithm.lower().replace("-", "_")
            return hashlib.new(name, self._secret + packet, usedforsecurity=False).digest()
        from cryptography.hazmat.primitives.ciphers.algorithms import AES
        from cryptography.hazmat.primitives.cmac import CMAC

        cmac = CMAC(AES(self._secret))
        cmac.update(packet)
        return cmac.finalize()


def find_key(text: str, wanted: int | None) -> Key:
    """Return the key with that identifier, or the first one, of a key file.

    Raises UsageError, which never quotes a key, if there is none or it cannot be used.
    """
    count = 0
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        # The comment signs of chrony and ntpd differ, but no identifier begins with any of them.
        if not words or words[0][0] in "#!;%":
            continue
        count += 1
        if count > MAX_KEYS:
            break
        identifier = _identifier(words[0])
        if identifier is None:
            if wanted is None:
                raise UsageError(f"line {number} of the key file does not begin with a key ID")
            continue
        if wanted is None or identifier == wanted:
            return _key(identifier, words, number)
    if wanted is None:
        raise UsageError("the key file has no key")
    raise UsageError(f"the key file has no key {wanted}")


def _identifier(word: str) -> int | None:
    if not re.fullmatch(r"[0-9]{1,10}", word) or not 0 < int(word) < 1 << 32:
        return None
    return int(word)


def _key(identifier: int, words: list[str], number: int) -> Key:
    """Read ``ID KEY`` (of chrony, MD5) or ``ID TYPE KEY …`` (ntpd allows addresses after it)."""
    where = f"key {identifier} (line {number} of the key file)"
    if len(words) < 2:
        raise UsageError(f"{where} has no key after its ID")
    named = "MD5" if len(words) == 2 else words[1].upper()
    algorithm = _SPELLINGS.get(named, named)
    if algorithm not in _HASHES and algorithm not in _CMAC_KEY_BYTES:
        raise UsageError(f"{where}: type not supported: {printable(named, 20)}")
    secret, reading = _secret(words[1] if len(words) == 2 else words[2], where)
    size = _CMAC_KEY_BYTES.get(algorithm)
    if size is not None and len(secret) != size:
        raise UsageError(
            f"{where}: {algorithm} requires {size} bytes, but this key has {len(secret)}"
        )
    return Key(identifier, algorithm, secret, reading)


def _secret(text: str, where: str) -> tuple[bytes, str]:
    """Return the key's bytes, and how they were read if that depends on the daemon."""
    if text.startswith("ASCII:"):
        return text[6:].encode(), ""
    if text.startswith("HEX:"):
        if not _HEX.fullmatch(text[4:]):
            raise UsageError(f"{where}: HEX: must be followed by pairs of hexadecimal digits")
        return bytes.fromhex(text[4:]), ""
    if len(text) >= _NTPD_HEX_FROM and _HEX.fullmatch(text):
        return bytes.fromhex(text), "hexadecimal, as by ntpd; chrony would read it as text"
    return text.encode(), ""
