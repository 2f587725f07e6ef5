"""Macros of SPF (RFC 7208 §7): text with what the sender is, such as ``%{ir}.sbl.example``."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from urllib.parse import quote

import msgspec

DELIMITERS = ".-+,/_="
IN_DOMAINS = frozenset("slodiphv")
"""The letters that a domain may have; ``c``, ``r`` and ``t`` are for explanations only."""
IN_EXPLANATIONS = IN_DOMAINS | frozenset("crt")
MAX_NAME = 253
_MACRO = re.compile(r"%\{([A-Za-z])([0-9]{0,9})([rR]?)([.\-+,/_=]*)\}")
_ESCAPES = {"%%": "%", "%_": " ", "%-": "%20"}
_TOP_LABEL = re.compile(r"[0-9a-z]*[a-z][0-9a-z]*|[0-9a-z]+-[0-9a-z-]*[0-9a-z]", re.IGNORECASE)
_MAX_LABEL = 63


class Macro(msgspec.Struct, frozen=True):
    """One macro: the letter's value, split at the delimiters, reversed, its last parts kept."""

    letter: str
    """As written; an upper-case letter escapes the value as in a URL."""
    keep: int | None = None
    reverse: bool = False
    delimiters: str = ""
    """Empty is a dot."""

    def __str__(self) -> str:
        keep = "" if self.keep is None else str(self.keep)
        return f"%{{{self.letter}{keep}{'r' if self.reverse else ''}{self.delimiters}}}"

    def expand(self, value: str) -> str:
        """Return what the macro makes of its letter's value."""
        parts = re.split(f"[{re.escape(self.delimiters or '.')}]", value)
        if self.reverse:
            parts.reverse()
        text = ".".join(parts if self.keep is None else parts[-self.keep :])
        return quote(text, safe="") if self.letter.isupper() else text


class MacroError(ValueError):
    """Text that is not a macro-string."""


Part = str | Macro
"""Literal text as it is written, with its ``%%``, ``%_`` and ``%-``; or a macro."""


def parse(text: str, letters: frozenset[str] = IN_DOMAINS) -> tuple[Part, ...]:
    """Return the parts of a macro-string. Raises MacroError."""
    parts: list[Part] = []
    at = 0
    while (start := text.find("%", at)) >= 0:
        if start > at:
            parts.append(text[at:start])
        if (escape := text[start : start + 2]) in _ESCAPES:
            parts.append(escape)
            at = start + 2
            continue
        found = _MACRO.match(text, start)
        if found is None or found[1].lower() not in letters:
            raise MacroError(text)
        if found[2] and not int(found[2]):
            raise MacroError(text)
        keep = int(found[2]) if found[2] else None
        parts.append(Macro(found[1], keep, bool(found[3]), found[4]))
        at = found.end()
    if at < len(text):
        parts.append(text[at:])
    return tuple(parts)


def is_domain(parts: tuple[Part, ...]) -> bool:
    """Return whether the parts end as a domain has to: with a top-level label, or a macro."""
    if not parts:
        return False
    last = parts[-1]
    if isinstance(last, Macro) or last in _ESCAPES:
        return True
    _, dot, label = last.removesuffix(".").rpartition(".")
    return bool(dot) and len(label) <= _MAX_LABEL and _TOP_LABEL.fullmatch(label) is not None


def letters(parts: tuple[Part, ...]) -> frozenset[str]:
    """Return the letters of all macros, in lower case."""
    return frozenset(part.letter.lower() for part in parts if isinstance(part, Macro))


def expand(parts: tuple[Part, ...], values: Mapping[str, str]) -> str | None:
    """Return the text, or None where ``values`` lacks a letter."""
    text = ""
    for part in parts:
        if isinstance(part, str):
            text += _ESCAPES.get(part, part)
        elif (value := values.get(part.letter.lower())) is None:
            return None
        else:
            text += part.expand(value)
    return text


def as_name(text: str) -> str | None:
    """Return an expanded name in the form to ask for, or None where DNS cannot have it.

    A name of more than 253 characters loses labels on its left (§7.3).
    """
    name = text.lower().removesuffix(".")
    if len(name) > MAX_NAME:
        name = name[len(name) - MAX_NAME - 1 :].partition(".")[2]
    good = name.isascii() and all(0 < len(label) <= _MAX_LABEL for label in name.split("."))
    return name if good else None


def address_values(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> dict[str, str]:
    """Return the values of ``i``, ``c`` and ``v``."""
    if isinstance(address, ipaddress.IPv4Address):
        return {"i": str(address), "c": str(address), "v": "in-addr"}
    return {"i": ".".join(f"{int(address):032x}"), "c": str(address), "v": "ip6"}
