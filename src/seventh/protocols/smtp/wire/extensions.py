"""The reply to EHLO: the server's name and its extensions (RFC 5321 §4.1.1.1)."""

from __future__ import annotations

import re

from seventh.protocols.smtp.facts import Extensions
from seventh.protocols.smtp.wire.replies import Reply
from seventh.wire.text import printable

_MASKED = re.compile(r"X{4,}[A-Z]?")
"""How a firewall masks STARTTLS (Cisco's "fixup")."""
_NUMBER = re.compile(r"\d{1,18}")
_QUALIFIED = re.compile(
    r"(?=.{4,253}$)([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)+[A-Za-z0-9-]*[A-Za-z]\.?"
)
_MAX_KEYWORDS = 64
_SHOWN = 100


def read_extensions(reply: Reply) -> Extensions:
    """Read a positive reply to EHLO."""
    lines = [printable(text, _SHOWN).split() for text in reply.texts[1 : _MAX_KEYWORDS + 1]]
    # Old servers, and current ones for old clients, write AUTH=LOGIN for AUTH LOGIN.
    parts = [(*words[0].upper().partition("="), words[1:]) for words in lines if words]
    words = {name: values for name, _, _, values in parts}
    size = " ".join(words.get("SIZE", []))
    mechanisms = [
        mechanism.upper()
        for name, _, first, values in parts
        if name == "AUTH"
        for mechanism in (first, *values)
        if mechanism
    ]
    return Extensions(
        keywords=tuple(dict.fromkeys(name for name, _, _, _ in parts)),
        size_bytes=int(size) if _NUMBER.fullmatch(size) else None,
        mechanisms=tuple(dict.fromkeys(mechanisms)),
        limits={
            name.upper(): value
            for name, _, value in (each.partition("=") for each in words.get("LIMITS", []))
        },
        masked=any(map(_MASKED.fullmatch, words)),
    )


def first_word(text: bytes) -> str:
    """Return the name with which a greeting, or a reply to EHLO, begins."""
    return printable((text.split() or [b""])[0], _SHOWN)


def is_qualified(name: str) -> bool:
    """Return whether ``name`` is a fully qualified domain name of the public kind."""
    return (
        _QUALIFIED.fullmatch(name) is not None
        and name.lower().rstrip(".") != "localhost.localdomain"
    )
