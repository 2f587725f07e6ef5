"""DKIM signatures (RFC 6376, 8301, 8463): read, and verified piece by piece.

The body is hashed as it is read, once for every signature, so that its size costs no memory. A
signature of a message is verified in two steps, which tell apart what was changed: the hash of the
body (``bh``), then the signature over the header fields.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

from seventh.protocols.mail.facts.message import SignatureFault
from seventh.protocols.mail.wire.canonical import Body, Canon, header_field, without_value
from seventh.protocols.mail.wire.dkim_key import PublicKey
from seventh.protocols.mail.wire.header import Field
from seventh.protocols.mail.wire.tag_list import TagList, read_tags

_HASHES = {"sha1": SHA1, "sha256": SHA256}
_REQUIRED = ("a", "b", "bh", "d", "s", "h")
_MOST_SIGNED = 256
"""How many names of ``h=`` are read."""


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """A signature field, read."""

    field: Field
    tags: TagList
    kind: str
    """The key's: ``rsa`` or ``ed25519``."""
    hash: str
    header: Canon
    body: Canon
    length: int | None
    """``l=``: how much of the body is signed; None for all of it."""
    fault: SignatureFault | None = None
    """Why it cannot be verified, whatever its key."""

    @property
    def domain(self) -> str:
        """``d=``, in lower case."""
        return self.tags.get("d").lower().rstrip(".")

    @property
    def selector(self) -> str:
        """``s=``."""
        return self.tags.get("s")

    @property
    def is_arc(self) -> bool:
        """Whether it is an ARC-Message-Signature, whose i= is the instance."""
        return self.field.name.lower() != "dkim-signature"

    @property
    def identity(self) -> str:
        """The domain of i=, in lower case; empty without it."""
        return "" if self.is_arc else self.tags.get("i").rpartition("@")[2].lower()

    @property
    def key_name(self) -> str:
        """Where the key is published."""
        return f"{self.selector}._domainkey.{self.domain}"

    @property
    def signed(self) -> tuple[str, ...]:
        """The names of ``h=``, in lower case and in order; one that occurs twice signs two."""
        return tuple(name.lower() for name in self.tags.words("h")[:_MOST_SIGNED])

    @property
    def body_hash(self) -> bytes:
        """``bh=``."""
        return decoded(self.tags.compact("bh")) or b""


def read_signature(field: Field) -> Signature:
    """Read a DKIM-Signature or ARC-Message-Signature field, whatever it contains."""
    tags = read_tags(field.value)
    kind, _, digest = tags.get("a").lower().partition("-")
    header, _, body = tags.get("c", "simple/simple").lower().partition("/")
    length = tags.get("l")
    made = Signature(
        field=field, tags=tags, kind=kind, hash=digest,
        header="relaxed" if header == "relaxed" else "simple",
        body="relaxed" if body == "relaxed" else "simple",
        length=int(length) if length.isascii() and length.isdigit() and len(length) < 16 else None,
    )  # fmt: skip
    return msgspec.structs.replace(made, fault=_fault(made, {header, body or "simple"}))


def _fault(signature: Signature, canons: set[str]) -> SignatureFault | None:
    tags = signature.tags
    if any(not tags.get(name) for name in _REQUIRED) or tags.malformed or tags.repeated:
        return "syntax"
    if not signature.is_arc and tags.get("v") != "1":
        return "version"
    if signature.kind not in {"rsa", "ed25519"} or signature.hash not in _HASHES:
        return "algorithm"
    if not canons <= {"simple", "relaxed"}:
        return "canonicalisation"
    if "l" in tags.tags and signature.length is None:
        return "syntax"
    if not signature.body_hash or decoded(tags.compact("b")) is None:
        return "syntax"
    if not signature.is_arc and "from" not in signature.signed:
        return "from-not-signed"
    if signature.identity and not f".{signature.identity}".endswith(f".{signature.domain}"):
        return "identity"
    return None


def body_for(signature: Signature) -> Body:
    """Return what hashes a body as the signature says."""
    return Body(signature.body, signature.hash, signature.length)


def verified(signature: Signature, fields: Sequence[Field], public: PublicKey) -> bool:
    """Return whether the signature is right for these header fields."""
    return matches(
        signed_bytes(signature, fields), decoded(signature.tags.compact("b")) or b"",
        signature.hash, public,
    )  # fmt: skip


def signed_bytes(signature: Signature, fields: Sequence[Field]) -> bytes:
    """Return what is signed: the fields of h=, each the lowest that is left, then its own field."""
    left: dict[str, list[Field]] = {}
    for field in fields:
        if field is not signature.field:
            left.setdefault(field.name.lower(), []).append(field)
    chosen = [left[name].pop() for name in signature.signed if left.get(name)]
    return b"".join(header_field(field, signature.header) for field in chosen) + own_bytes(
        signature.field, signature.header
    )


def own_bytes(field: Field, canon: Canon) -> bytes:
    """Return the signature's own field as it is signed: without the value of b=, and no CRLF."""
    return header_field(without_value(field), canon).removesuffix(b"\r\n")


def matches(data: bytes, signature: bytes, digest: str, public: PublicKey) -> bool:
    """Return whether ``signature`` is that of ``data``."""
    try:
        if isinstance(public, Ed25519PublicKey):
            # RFC 8463 §3: the hash is what is signed.
            public.verify(signature, hashlib.new(digest, data, usedforsecurity=False).digest())
        else:
            public.verify(signature, data, padding.PKCS1v15(), _HASHES[digest]())
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True


def decoded(text: str) -> bytes | None:
    """Return what base64 encodes; None where it is malformed."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
