"""What broke a signature: only what is proven, by undoing one change after which it verifies."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from seventh.protocols.mail.facts.message import BodyChange, HeaderChange
from seventh.protocols.mail.wire.canonical import Body, Canon
from seventh.protocols.mail.wire.dkim import Signature, decoded, matches, signed_bytes
from seventh.protocols.mail.wire.dkim_key import PublicKey
from seventh.protocols.mail.wire.header import Field

MOST_ATTEMPTS = 200
"""Signatures that are verified to find the changed field."""
TAIL_BYTES = 1 << 16
"""Where the end of the body that was signed is looked for."""
_BRACKETS = re.compile(rb"^\s*(?:\[[^\[\]\r\n]{1,78}\]|\([^()\r\n]{1,78}\))\s*")
_OTHERS = ("x-original-from", "x-original-sender", "reply-to", "x-original-subject", "sender")
"""Fields in which mailing lists keep a value that they replace."""
_QUOTED = re.compile(r"=([0-9A-Fa-f]{2})")


def header_cause(
    signature: Signature, fields: Sequence[Field], public: PublicKey
) -> tuple[HeaderChange, str] | None:
    """Return the one change that, undone, makes the signature verify, and its field's name."""
    wanted = decoded(signature.tags.compact("b")) or b""
    attempts = _attempts(signature, fields)
    for (change, name, data), _ in zip(attempts, range(MOST_ATTEMPTS), strict=False):
        if matches(data, wanted, signature.hash, public):
            return change, name
    return None


def _attempts(
    signature: Signature, fields: Sequence[Field]
) -> Iterator[tuple[HeaderChange, str, bytes]]:
    signed = [f for f in fields if f.name.lower() in signature.signed and f is not signature.field]
    copies = _copied(signature)
    for field in signed:
        name = field.name.lower()
        yield "added", field.name, signed_bytes(signature, [f for f in fields if f is not field])
        shorter = _BRACKETS.sub(b" ", field.value, count=1)
        if shorter != field.value:
            yield "prefix", field.name, _with(signature, fields, field, shorter)
        for other in (f for f in fields if f.name.lower() in _OTHERS and f is not field):
            yield "copied", field.name, _with(signature, fields, field, other.value)
        for value in copies.get(name, ()):
            yield "restored", field.name, _with(signature, fields, field, value)
        for value in _refolded(field, signature.header):
            yield "refolded", field.name, _with(signature, fields, field, value)


def _with(signature: Signature, fields: Sequence[Field], old: Field, value: bytes) -> bytes:
    new = Field(old.raw.partition(b":")[0] + b":" + value + b"\r\n")
    return signed_bytes(signature, [new if field is old else field for field in fields])


def _refolded(field: Field, canon: Canon) -> Iterator[bytes]:
    """Yield a value as it may have been before it was folded differently."""
    if canon == "simple":
        one_line = re.sub(rb"\r\n(?=[ \t])", b"", field.value)
        yield one_line
        yield b" " + b" ".join(one_line.split())
        yield one_line.removeprefix(b" ")
    yield re.sub(rb"\r\n[ \t]+", b"", field.value)


def _copied(signature: Signature) -> dict[str, list[bytes]]:
    """Return the values of z=, the header as the signer saw it, by name."""
    found: dict[str, list[bytes]] = {}
    for pair in signature.tags.words("z", "|")[:64]:
        name, colon, value = pair.partition(":")
        if colon:
            plain = _QUOTED.sub(lambda m: chr(int(m[1], 16)), value)
            texts = found.setdefault(name.strip().lower(), [])
            texts.append(plain.encode("latin-1", "replace"))
    return found


def body_cause(
    signature: Signature, body: Callable[[], Iterator[bytes]], size: int
) -> tuple[BodyChange, int | None] | None:
    """Return what was done to the body: lines appended (how many), or white space changed.

    ``body`` yields it again from its beginning; it has ``size`` bytes.
    """
    for canon in dict.fromkeys((signature.body, "simple", "relaxed")):
        prefixes = _Prefixes(canon, signature, size)
        for piece in body():
            prefixes.feed(piece)
        whole, appended = prefixes.finish()
        if whole and canon != signature.body:
            return "white-space", None
        if appended is not None and canon == signature.body:
            return "appended", appended
    return None


class _Prefixes:
    """Compares the hash at every line end of the body's tail with the one that was signed."""

    def __init__(self, canon: Canon, signature: Signature, size: int) -> None:
        self._body = Body(canon, signature.hash, signature.length)
        self._wanted = signature.body_hash
        self._skip = max(0, size - TAIL_BYTES)
        self._since: int | None = None
        """The lines since the last end that matched."""

    def feed(self, piece: bytes) -> None:
        if self._skip >= len(piece):
            self._skip -= len(piece)
            self._body.feed(piece)
            return
        self._body.feed(piece[: self._skip])
        piece, self._skip = piece[self._skip :], 0
        for line in piece.splitlines(keepends=True):
            self._body.feed(line)
            if not line.endswith(b"\n"):
                continue
            if self._body.copy().finish() == self._wanted:
                self._since = 0
            elif self._since is not None:
                self._since += 1

    def finish(self) -> tuple[bool, int | None]:
        """Return whether the whole body matches, and how many lines follow the part that does."""
        whole = self._body.finish() == self._wanted
        return whole, None if whole else self._since
