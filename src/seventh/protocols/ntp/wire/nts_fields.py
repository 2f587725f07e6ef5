"""NTS in NTP packets: its extension fields, and what they authenticate (RFC 8915 §5).

A :class:`Client` makes a request's fields and judges the replies. It accepts only what its key
authenticates, except the kiss code NTSN, which it accepts with our unique identifier.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable, Sequence
from enum import Enum, IntEnum, auto

import msgspec
from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV, AESSIV

from seventh.model.failure import ProtocolViolation
from seventh.protocols.ntp.wire.nts_ke import MAX_COOKIES, Aead
from seventh.protocols.ntp.wire.packet import HEADER_BYTES, MAX_EXTENSIONS, ExtensionField, Packet

UNIQUE_ID_BYTES = 32
"""The minimum of RFC 8915 §5.3."""
MAX_REQUEST_BYTES = 1200
"""The limit for placeholders, so that no request is fragmented."""
NTS_NAK = "NTSN"

_FIELD = struct.Struct("!HH")
_LENGTHS = struct.Struct("!HH")
_TAG_BYTES = 16


class FieldType(IntEnum):
    """The extension fields of RFC 8915 §5.3 to §5.6."""

    UNIQUE_IDENTIFIER = 0x0104
    COOKIE = 0x0204
    COOKIE_PLACEHOLDER = 0x0304
    AUTHENTICATOR = 0x0404


_KEY_BYTES = {
    Aead.AES_SIV_CMAC_256: 32,
    Aead.AES_SIV_CMAC_384: 48,
    Aead.AES_SIV_CMAC_512: 64,
    Aead.AES_128_GCM_SIV: 16,
}
_NONCE_BYTES = {Aead.AES_128_GCM_SIV: 12}


def key_bytes(aead: int) -> int:
    """Return the key length of an algorithm; ValueError for one that NTS does not use."""
    return _KEY_BYTES[Aead(aead)]


@functools.cache
def supported() -> tuple[int, ...]:
    """Return the algorithms that OpenSSL supports here, the mandatory one first."""
    found = [Aead.AES_SIV_CMAC_256]
    for aead in (Aead.AES_128_GCM_SIV, Aead.AES_SIV_CMAC_512, Aead.AES_SIV_CMAC_384):
        try:
            Cipher(aead, bytes(key_bytes(aead)))
        except UnsupportedAlgorithm:
            continue
        found.append(aead)
    return tuple(int(aead) for aead in found)


class Cipher:
    """One AEAD algorithm with one key, which cannot be read back."""

    __slots__ = ("_gcm", "_siv", "aead", "nonce_bytes")

    def __init__(self, aead: int, key: bytes) -> None:
        self.aead = Aead(aead)
        self.nonce_bytes = _NONCE_BYTES.get(self.aead, 16)
        gcm = self.aead is Aead.AES_128_GCM_SIV
        self._gcm = AESGCMSIV(key) if gcm else None
        self._siv = None if gcm else AESSIV(key)

    def seal(self, nonce: bytes, plaintext: bytes, associated: bytes) -> bytes:
        """Return the ciphertext with its tag."""
        if self._siv is not None:
            return self._siv.encrypt(plaintext, [associated, nonce])
        assert self._gcm is not None  # noqa: S101 - one of the two is always there
        return self._gcm.encrypt(nonce, plaintext, associated)

    def open(self, nonce: bytes, ciphertext: bytes, associated: bytes) -> bytes | None:
        """Return the plaintext; None if it is not authentic."""
        if not nonce or len(ciphertext) < _TAG_BYTES:
            return None
        try:
            if self._siv is not None:
                return self._siv.decrypt(ciphertext, [associated, nonce])
            assert self._gcm is not None  # noqa: S101 - one of the two is always there
            if len(nonce) != self.nonce_bytes:
                return None
            return self._gcm.decrypt(nonce, ciphertext, associated)
        except InvalidTag:
            return None


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """The NTS fields of a packet, without those after the authenticator: they are not authentic."""

    unique_id: bytes | None = None
    cookie: bytes | None = None
    placeholders: tuple[int, ...] = ()
    """The length of each placeholder's value."""
    associated: bytes = b""
    """The packet up to the authenticator."""
    nonce: bytes = b""
    ciphertext: bytes | None = None
    """None where there is no authenticator."""


def dissect(packet: Packet, data: bytes) -> Parts:
    """Return the NTS fields of ``packet``, which was parsed from ``data``.

    Raises ProtocolViolation for a repeated field or an authenticator with inconsistent lengths.
    """
    at = HEADER_BYTES
    unique_id: bytes | None = None
    cookie: bytes | None = None
    placeholders: list[int] = []
    for field in packet.extensions:
        if field.type == FieldType.AUTHENTICATOR:
            nonce, ciphertext = _read_authenticator(field.value)
            return Parts(
                unique_id=unique_id, cookie=cookie, placeholders=tuple(placeholders),
                associated=data[:at], nonce=nonce, ciphertext=ciphertext,
            )  # fmt: skip
        if field.type == FieldType.UNIQUE_IDENTIFIER:
            if unique_id is not None:
                raise ProtocolViolation("two unique identifiers in one packet")
            unique_id = field.value
        elif field.type == FieldType.COOKIE:
            if cookie is not None:
                raise ProtocolViolation("two cookies in the clear in one packet")
            cookie = field.value
        elif field.type == FieldType.COOKIE_PLACEHOLDER:
            placeholders.append(len(field.value))
        at += _FIELD.size + len(field.value)
    return Parts(unique_id=unique_id, cookie=cookie, placeholders=tuple(placeholders))


def _read_authenticator(value: bytes) -> tuple[bytes, bytes]:
    """Return nonce and ciphertext (RFC 8915 §5.6)."""
    if len(value) < _LENGTHS.size:
        raise ProtocolViolation("an authenticator without its lengths")
    nonce_length, length = _LENGTHS.unpack_from(value)
    start = _LENGTHS.size + _padded(nonce_length)
    if start + _padded(length) > len(value):
        raise ProtocolViolation(
            f"an authenticator declares {nonce_length} and {length} bytes, but has "
            f"{len(value) - _LENGTHS.size}"
        )
    nonce = value[_LENGTHS.size : _LENGTHS.size + nonce_length]
    return nonce, value[start : start + length]


def authenticator(
    cipher: Cipher, nonce: bytes, associated: bytes, plaintext: bytes = b""
) -> ExtensionField:
    """Return the field that authenticates ``associated``, the packet before it (RFC 8915 §5.6)."""
    ciphertext = cipher.seal(nonce, plaintext, associated)
    return ExtensionField(
        FieldType.AUTHENTICATOR,
        _LENGTHS.pack(len(nonce), len(ciphertext)) + _pad(nonce) + _pad(ciphertext),
    )


def unlock(parts: Parts, cipher: Cipher) -> tuple[ExtensionField, ...] | None:
    """Return the encrypted fields of a packet; None if it is not authentic.

    Raises ProtocolViolation if it is authentic and its content is not a sequence of fields.
    """
    if parts.ciphertext is None:
        return None
    inside = cipher.open(parts.nonce, parts.ciphertext, parts.associated)
    if inside is None:
        return None
    fields: list[ExtensionField] = []
    at = 0
    while at < len(inside):
        left = len(inside) - at
        kind, length = _FIELD.unpack_from(inside, at) if left >= _FIELD.size else (0, 0)
        if length < _FIELD.size or length % 4 or length > left:
            raise ProtocolViolation(
                f"an encrypted field declares {length} bytes, but {left} are left"
            )
        if len(fields) == MAX_EXTENSIONS:
            raise ProtocolViolation(f"more than {MAX_EXTENSIONS} encrypted fields")
        fields.append(ExtensionField(kind, inside[at + _FIELD.size : at + length]))
        at += length
    return tuple(fields)


def _padded(length: int) -> int:
    return (length + 3) & ~3


def _pad(data: bytes) -> bytes:
    return data.ljust(_padded(len(data)), b"\0")


# -- the client's side -----------------------------------------------------------------------------


class Keys(msgspec.Struct, frozen=True):
    """One key for each direction."""

    to_server: Cipher
    to_client: Cipher


class Judgement(Enum):
    """A client's judgement of a packet."""

    AUTHENTIC = auto()
    NAK = auto()
    """NTSN with our unique identifier: not authentic, but unknown to attackers off the path."""
    UNRELATED = auto()
    """It answers none of our requests."""
    REFUSED = auto()
    """It answers one of our requests and is not authentic."""


class _Pending(msgspec.Struct):
    unique_id: bytes
    cookies: int
    """The number of fresh cookies requested."""
    answered: bool = False


class Client:
    """One association: its keys, its cookies, and its pending requests (RFC 8915 §5.7).

    ``random`` returns that many random bytes. A cookie is never sent twice, because it would link
    two requests to one sender.
    """

    __slots__ = (
        "_keys", "_pending", "_random", "cookies", "cookies_asked", "cookies_returned",
        "request_bytes",
    )  # fmt: skip

    def __init__(
        self, keys: Keys, cookies: Sequence[bytes], random: Callable[[int], bytes]
    ) -> None:
        self._keys = keys
        self._random = random
        self._pending: dict[int, _Pending] = {}
        self.cookies = list(cookies)
        self.cookies_asked = 0
        """The number of fresh cookies that the answered requests asked for."""
        self.cookies_returned = 0
        self.request_bytes = 0
        """The size of the first request."""

    def change_keys(self, keys: Keys) -> None:
        """Continue with other keys of the same key establishment."""
        self._keys = keys

    def request(self, nonce: int) -> tuple[ExtensionField, ...]:
        """Return the fields of a request with the transmit timestamp ``nonce``; uses up a cookie.

        Requests as many fresh cookies as are missing and fit. Raises LookupError without a cookie.
        """
        if not self.cookies:
            raise LookupError("no cookie left")
        cookie = self.cookies.pop(0)
        unique_id = self._random(UNIQUE_ID_BYTES)
        wanted = MAX_COOKIES - len(self.cookies) - 1
        placeholder = ExtensionField(FieldType.COOKIE_PLACEHOLDER, bytes(len(cookie)))
        fields = [
            ExtensionField(FieldType.UNIQUE_IDENTIFIER, unique_id),
            ExtensionField(FieldType.COOKIE, cookie),
        ]
        size = HEADER_BYTES + sum(len(field.encode()) for field in fields)
        size += len(self._sealed(b"").encode())
        one = len(placeholder.encode())
        wanted = max(0, min(wanted, (MAX_REQUEST_BYTES - size) // one))
        fields += [placeholder] * wanted
        prefix = Packet(transmit=nonce, extensions=tuple(fields)).encode()
        fields.append(self._sealed(prefix))
        self._pending[nonce] = _Pending(unique_id, wanted + 1)
        self.request_bytes = self.request_bytes or size + wanted * one
        return tuple(fields)

    def _sealed(self, prefix: bytes) -> ExtensionField:
        cipher = self._keys.to_server
        return authenticator(cipher, self._random(cipher.nonce_bytes), prefix)

    def judge(self, packet: Packet, data: bytes) -> tuple[Judgement, str]:
        """Judge ``packet``, parsed from ``data``, and store its cookies; return why it fails."""
        pending = self._pending.get(packet.origin)
        if pending is None:
            return Judgement.UNRELATED, ""
        try:
            parts = dissect(packet, data)
            if parts.unique_id != pending.unique_id:
                found = "wrong" if parts.unique_id else "no"
                return Judgement.REFUSED, f"{found} unique identifier"
            if parts.ciphertext is None:
                if packet.kiss_code == NTS_NAK:
                    return Judgement.NAK, ""
                return Judgement.REFUSED, "no authenticator"
            inside = unlock(parts, self._keys.to_client)
        except ProtocolViolation as violation:
            return Judgement.REFUSED, violation.detail
        if inside is None:
            return Judgement.REFUSED, "invalid authenticator"
        if not pending.answered:
            pending.answered = True
            fresh = [field.value for field in inside if field.type == FieldType.COOKIE]
            self.cookies_asked += pending.cookies
            self.cookies_returned += len(fresh)
            self.cookies += [c for c in fresh if c][: MAX_COOKIES - len(self.cookies)]
        return Judgement.AUTHENTIC, ""
