"""Packet ciphers: encryption and authentication of the packets of one direction.

A cipher names how many bytes it needs to learn a packet's length, gives the length, then opens the
packet. :mod:`.transport` checks lengths. ``cryptography`` is imported with the first key.
"""

from __future__ import annotations

import abc
import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import msgspec

from seventh.model.failure import ProtocolViolation


class PacketCipher(abc.ABC):
    """One direction's cipher and MAC. ``body`` is padding_length, payload and padding."""

    head = 4
    """Bytes needed to learn a packet's length."""
    block = 8
    """Lengths are a multiple of this."""
    counts_length = True
    """Whether the length field is part of what is padded to the block."""
    tag = 0
    """Bytes after the body."""

    def length(self, sequence: int, head: bytes) -> int:
        """Return packet_length from the first ``head`` bytes: in clear, unless overridden.

        Called once for each packet.
        """
        return int.from_bytes(head, "big")

    @abc.abstractmethod
    def open(self, sequence: int, packet: bytes) -> bytes:
        """Return the body of a complete packet; ProtocolViolation when its tag is wrong."""

    @abc.abstractmethod
    def seal(self, sequence: int, body: bytes) -> bytes:
        """Return the packet around ``body``."""


def _corrupted() -> ProtocolViolation:
    return ProtocolViolation("a packet's authentication tag is wrong")


class Plain(PacketCipher):
    """Packets before the first NEWKEYS (RFC 4253 §6)."""

    def open(self, sequence: int, packet: bytes) -> bytes:
        """Return all but the length."""
        return packet[4:]

    def seal(self, sequence: int, body: bytes) -> bytes:
        """Return the length and the body."""
        return len(body).to_bytes(4, "big") + body


class ChaCha(PacketCipher):
    """chacha20-poly1305@openssh.com: two ChaCha20 keys, one for the length alone."""

    counts_length = False
    tag = 16

    def __init__(self, key: bytes) -> None:
        self._main, self._header = key[:32], key[32:]

    @staticmethod
    def _stream(key: bytes, sequence: int, counter: int) -> Any:
        from cryptography.hazmat.primitives.ciphers import Cipher
        from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

        nonce = counter.to_bytes(8, "little") + sequence.to_bytes(8, "big")
        return Cipher(ChaCha20(key, nonce), None).encryptor()

    def _poly_key(self, sequence: int) -> bytes:
        return bytes(self._stream(self._main, sequence, 0).update(bytes(32)))

    def length(self, sequence: int, head: bytes) -> int:
        """Decrypt the length with its own key."""
        return int.from_bytes(self._stream(self._header, sequence, 0).update(head), "big")

    def open(self, sequence: int, packet: bytes) -> bytes:
        """Verify the tag, which is over the encrypted packet, then decrypt."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.poly1305 import Poly1305

        try:
            Poly1305.verify_tag(self._poly_key(sequence), packet[:-16], packet[-16:])
        except InvalidSignature:
            raise _corrupted() from None
        return bytes(self._stream(self._main, sequence, 1).update(packet[4:-16]))

    def seal(self, sequence: int, body: bytes) -> bytes:
        """Encrypt the length and the body with a key each, then authenticate both."""
        from cryptography.hazmat.primitives.poly1305 import Poly1305

        head = self._stream(self._header, sequence, 0).update(len(body).to_bytes(4, "big"))
        sealed = bytes(head + self._stream(self._main, sequence, 1).update(body))
        return sealed + Poly1305.generate_tag(self._poly_key(sequence), sealed)


class Gcm(PacketCipher):
    """aes*-gcm@openssh.com (RFC 5647): the length is authenticated, the nonce is a counter."""

    block = 16
    counts_length = False
    tag = 16

    def __init__(self, key: bytes, iv: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._aead = AESGCM(key)
        self._fixed, self._count = iv[:4], int.from_bytes(iv[4:12], "big")

    def _nonce(self) -> bytes:
        nonce = self._fixed + self._count.to_bytes(8, "big")
        self._count = (self._count + 1) % 2**64
        return nonce

    def open(self, sequence: int, packet: bytes) -> bytes:
        """Decrypt and verify."""
        from cryptography.exceptions import InvalidTag

        try:
            return self._aead.decrypt(self._nonce(), packet[4:], packet[:4])
        except InvalidTag:
            raise _corrupted() from None

    def seal(self, sequence: int, body: bytes) -> bytes:
        """Encrypt the body; the length is associated data."""
        head = len(body).to_bytes(4, "big")
        return head + self._aead.encrypt(self._nonce(), body, head)


class Mac:
    """An HMAC over the sequence number and a packet, possibly truncated (RFC 4253 §6.4)."""

    __slots__ = ("_hash", "_key", "etm", "size")

    def __init__(self, hash_name: str, key: bytes, size: int, *, etm: bool) -> None:
        self._hash, self._key, self.size, self.etm = hash_name, key, size, etm

    def tag(self, sequence: int, data: bytes) -> bytes:
        """Return the tag over ``data``."""
        sealed = sequence.to_bytes(4, "big") + data
        return hmac.digest(self._key, sealed, self._hash)[: self.size]

    def check(self, sequence: int, data: bytes, tag: bytes) -> None:
        """Raise ProtocolViolation unless ``tag`` is the tag over ``data``."""
        if not hmac.compare_digest(self.tag(sequence, data), tag):
            raise _corrupted()


class CipherAndMac(PacketCipher):
    """A cipher in CTR or CBC mode, and a MAC over the plaintext or the ciphertext (-etm)."""

    def __init__(self, transform: Callable[[bytes], bytes], block: int, mac: Mac) -> None:
        self._transform, self._mac = transform, mac
        self.block = max(8, block)
        self.tag = mac.size
        self.head = 4 if mac.etm else self.block
        self.counts_length = not mac.etm
        self._first = b""

    def length(self, sequence: int, head: bytes) -> int:
        """Read the length: in clear with -etm, else from the first block, decrypted."""
        if self._mac.etm:
            return super().length(sequence, head)
        self._first = self._transform(head)
        return int.from_bytes(self._first[:4], "big")

    def open(self, sequence: int, packet: bytes) -> bytes:
        """Verify and decrypt, in the order that the MAC requires."""
        sealed, tag = packet[: -self.tag], packet[-self.tag :]
        if self._mac.etm:
            self._mac.check(sequence, sealed, tag)
            return self._transform(sealed[4:])
        plain = self._first + self._transform(sealed[self.block :])
        self._mac.check(sequence, plain, tag)
        return plain[4:]

    def seal(self, sequence: int, body: bytes) -> bytes:
        """Encrypt and authenticate, in the order that the MAC requires."""
        head = len(body).to_bytes(4, "big")
        if self._mac.etm:
            sealed = head + self._transform(body)
            return sealed + self._mac.tag(sequence, sealed)
        plain = head + body
        return self._transform(plain) + self._mac.tag(sequence, plain)


class CipherSpec(msgspec.Struct, frozen=True):
    """Sizes of a cipher that this module implements, in bytes."""

    kind: str
    key: int
    iv: int


CIPHERS = {
    "chacha20-poly1305@openssh.com": CipherSpec("chacha", 64, 0),
    "aes256-gcm@openssh.com": CipherSpec("gcm", 32, 12),
    "aes128-gcm@openssh.com": CipherSpec("gcm", 16, 12),
    "aes256-ctr": CipherSpec("ctr", 32, 16),
    "aes192-ctr": CipherSpec("ctr", 24, 16),
    "aes128-ctr": CipherSpec("ctr", 16, 16),
    "aes256-cbc": CipherSpec("cbc", 32, 16),
    "aes192-cbc": CipherSpec("cbc", 24, 16),
    "aes128-cbc": CipherSpec("cbc", 16, 16),
    "3des-cbc": CipherSpec("3des", 24, 8),
}

# name → hash, key bytes, tag bytes, encrypt-then-MAC
MACS: dict[str, tuple[str, int, int, bool]] = {
    "hmac-sha2-256-etm@openssh.com": ("sha256", 32, 32, True),
    "hmac-sha2-512-etm@openssh.com": ("sha512", 64, 64, True),
    "hmac-sha2-256": ("sha256", 32, 32, False),
    "hmac-sha2-512": ("sha512", 64, 64, False),
    "hmac-sha1-etm@openssh.com": ("sha1", 20, 20, True),
    "hmac-sha1": ("sha1", 20, 20, False),
    "hmac-sha1-96-etm@openssh.com": ("sha1", 20, 12, True),
    "hmac-sha1-96": ("sha1", 20, 12, False),
    "hmac-md5-etm@openssh.com": ("md5", 16, 16, True),
    "hmac-md5": ("md5", 16, 16, False),
    "hmac-md5-96-etm@openssh.com": ("md5", 16, 12, True),
    "hmac-md5-96": ("md5", 16, 12, False),
}

Derive = Callable[[str, int], bytes]
"""(letter of RFC 4253 §7.2, bytes wanted) → key material."""


def is_aead(cipher: str) -> bool:
    """Return whether the cipher is authenticated encryption, used without a MAC."""
    return cipher.startswith(("chacha20-poly1305", "AEAD_")) or "-gcm@" in cipher


def packet_cipher(
    cipher: str, mac: str, derive: Derive, *, to_server: bool, sealing: bool
) -> PacketCipher | None:
    """Make one direction's cipher; None where the cipher or the MAC is not implemented here."""
    spec = CIPHERS.get(cipher)
    if spec is None:
        return None
    iv_letter, key_letter, mac_letter = "ACE" if to_server else "BDF"
    key = derive(key_letter, spec.key)
    iv = derive(iv_letter, spec.iv)
    if spec.kind == "chacha":
        return ChaCha(key)
    if spec.kind == "gcm":
        return Gcm(key, iv)
    if mac not in MACS or MACS[mac][0] not in hashlib.algorithms_available:
        return None
    hash_name, key_bytes, size, etm = MACS[mac]
    keyed = Mac(hash_name, derive(mac_letter, key_bytes), size, etm=etm)
    block = 8 if spec.kind == "3des" else 16
    return CipherAndMac(_transform(spec.kind, key, iv, sealing=sealing), block, keyed)


def _transform(kind: str, key: bytes, iv: bytes, *, sealing: bool) -> Callable[[bytes], bytes]:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    made: Any
    if kind == "3des":
        from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES

        made = Cipher(TripleDES(key), modes.CBC(iv))
    else:
        made = Cipher(algorithms.AES(key), modes.CTR(iv) if kind == "ctr" else modes.CBC(iv))
    context = made.encryptor() if sealing else made.decryptor()

    def transform(data: bytes) -> bytes:
        return bytes(context.update(data))

    return transform
