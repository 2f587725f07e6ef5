"""DKIM's public keys: the TXT record at ``SELECTOR._domainkey.DOMAIN`` (RFC 6376 §3.6.1)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from seventh.protocols.mail.facts.dkim import DkimKey, KeyFault
from seventh.protocols.mail.wire.tag_list import TagList, read_tags
from seventh.wire.text import printable

MAX_KEY_BYTES = 4096
"""Of a key's base64; an RSA key of 16,384 bits needs 2,700."""
PublicKey = RSAPublicKey | Ed25519PublicKey
_ED25519_BYTES = 32
_SERVICES = frozenset({"*", "email"})
_HASHES = frozenset({"sha1", "sha256"})


class Parsed(msgspec.Struct, frozen=True, kw_only=True):
    """A record as facts, and its key where one can be read."""

    key: DkimKey
    public: PublicKey | None = None


def read_key(record: bytes, *, selector: str = "") -> Parsed:
    """Read any record; every fault of it is named."""
    tags = read_tags(record)
    kind = tags.get("k", "rsa").lower()
    public, faults = _public(tags, kind)
    faults = [*_structure(tags), *faults]
    hashes = tuple(word.lower() for word in tags.words("h")) if "h" in tags.tags else None
    if hashes is not None and not _HASHES & set(hashes):
        faults.append("hash")
    if kind == "ed25519" and hashes is not None and "sha256" not in hashes:
        faults.append("hash")
    services = tuple(word.lower() for word in tags.words("s")) or ("*",)
    if not _SERVICES & set(services):
        faults.append("service")
    flags = tags.words("t")
    key = DkimKey(
        selector=selector,
        state="revoked" if "p" in tags.tags and not tags.compact("p") else
        "broken" if faults else "usable",
        kind=printable(kind, 32),
        bits=_bits(public),
        hashes=None if hashes is None else tuple(printable(word, 16) for word in hashes[:8]),
        testing="y" in flags,
        strict="s" in flags,
        services=tuple(printable(word, 16) for word in services[:8]),
        faults=tuple(dict.fromkeys(faults)),
        record_bytes=len(record),
    )  # fmt: skip
    return Parsed(key=key, public=public)


def choose(records: Sequence[bytes], *, selector: str = "") -> Parsed | None:
    """Return what the TXT records of one name give: the only key, or one with a fault.

    Records that are no key at all, as of a wildcard, are left out beside a key (RFC 6376 §3.6.2.2).
    """
    keys = [read_key(record, selector=selector) for record in records]
    likely = [one for one in keys if "version" not in one.key.faults and one.key.has_key]
    if not keys:
        return None
    chosen = (likely or keys)[0]
    if len(likely) < 2:
        return chosen
    several = msgspec.structs.replace(
        chosen.key, state="broken", faults=(*chosen.key.faults, "several")
    )
    return Parsed(key=several, public=chosen.public)


def record_of(kind: str, public: bytes) -> bytes:
    """Return the record that publishes a key: DER of RSA, the 32 raw bytes of Ed25519."""
    return b"v=DKIM1; k=" + kind.encode() + b"; p=" + base64.b64encode(public)


def _structure(tags: TagList) -> list[KeyFault]:
    faults: list[KeyFault] = []
    if "v" in tags.tags and (tags.get("v") != "DKIM1" or next(iter(tags.tags)) != "v"):
        faults.append("version")
    if tags.malformed:
        faults.append("syntax")
    if tags.repeated:
        faults.append("repeated")
    if "p" not in tags.tags:
        faults.append("no-key")
    return faults


def _public(tags: TagList, kind: str) -> tuple[PublicKey | None, list[KeyFault]]:
    text = tags.compact("p")
    if not text:
        return None, []
    if kind not in {"rsa", "ed25519"}:
        return None, ["kind"]
    if len(text) > MAX_KEY_BYTES:
        return None, ["base64"]
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None, ["base64"]
    public = _ed25519(data) if kind == "ed25519" else _rsa(data)
    return public, [] if public is not None else ["key"]


def _ed25519(data: bytes) -> PublicKey | None:
    return Ed25519PublicKey.from_public_bytes(data) if len(data) == _ED25519_BYTES else None


def _rsa(data: bytes) -> PublicKey | None:
    """Return the key of a SubjectPublicKeyInfo, or of a bare RSAPublicKey, which exists as well."""
    try:
        loaded = load_der_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        return None
    return loaded if isinstance(loaded, RSAPublicKey) else None


def _bits(public: PublicKey | None) -> int | None:
    if public is None:
        return None
    return public.key_size if isinstance(public, RSAPublicKey) else 256
