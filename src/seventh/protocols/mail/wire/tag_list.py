"""Tag lists, ``v=DKIM1; k=rsa; p=…``: the form of DKIM's keys and signatures (RFC 6376 §3.2)."""

from __future__ import annotations

import re

import msgspec

MAX_TAGS = 64
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_FOLD = re.compile(r"\r?\n(?=[ \t])")


class TagList(msgspec.Struct, frozen=True):
    """The tags in their order, and what does not belong to a tag list."""

    tags: dict[str, str]
    """The first of a name; the names as they are written, because they are case-sensitive."""
    repeated: tuple[str, ...] = ()
    malformed: tuple[str, ...] = ()
    """The pieces that are not ``name=value``."""

    def get(self, name: str, default: str = "") -> str:
        """Return the value, or ``default`` where the tag is absent."""
        return self.tags.get(name, default)

    def words(self, name: str, between: str = ":") -> tuple[str, ...]:
        """Return the parts of a value, without the white space around them."""
        return tuple(filter(None, (part.strip() for part in self.get(name).split(between))))

    def compact(self, name: str) -> str:
        """Return a value without any white space, as base64 may be folded."""
        return "".join(self.get(name).split())


def read_tags(text: bytes | str) -> TagList:
    """Read any text; what is wrong in it is in the result."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "surrogateescape")
    tags: dict[str, str] = {}
    repeated: list[str] = []
    malformed: list[str] = []
    pieces = _FOLD.sub("", text).split(";", MAX_TAGS)
    for at, piece in enumerate(pieces, 1):
        name, equals, value = piece.strip().partition("=")
        name = name.rstrip()
        if equals and _NAME.fullmatch(name):
            if name in tags:
                repeated.append(name)
            tags.setdefault(name, value.strip())
        elif piece.strip() or at < len(pieces):
            malformed.append(piece.strip())
    return TagList(tags, tuple(dict.fromkeys(repeated)), tuple(malformed))
