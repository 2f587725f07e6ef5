"""The grammar that OpenSSH's configuration files share: words, patterns, lists and times."""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Iterable, Sequence

import msgspec

Names = tuple[str, ...]
BLANK = " \t\r\n"
_DELIMITER = re.compile(r'[ \t\r\n"=]')
_WORD_END = re.compile(r'[ \t\r\n"]')
_MAX_PATTERN_CHARS = 1022
"""Longer patterns never match, as in OpenSSH."""
_MAX_TIME_SECONDS = 2**31 - 1


class GrammarError(ValueError):
    """A line that its program would refuse; the text is the reason."""


class ConfigLine(msgspec.Struct, frozen=True):
    """A line's keyword and arguments."""

    keyword: str
    """In lower case."""
    written: str
    """The keyword as written."""
    rest: str
    """Everything after the keyword."""


def config_line(line: str) -> ConfigLine | None:
    """Return a line's keyword and the rest; None for a blank line and a comment.

    One ``=`` may be between them, with or without blanks. GrammarError when the rest is missing.
    """
    text = line.rstrip(BLANK + "\f").lstrip(BLANK)
    if not text or text[0] == "#":
        return None
    word, rest = delimited(text)
    if word == "":
        word, rest = delimited(rest or "")
    if not word or word[0] == "#":
        return None
    rest = (rest or "").lstrip(BLANK)
    if not rest:
        raise GrammarError(f"{word}: argument missing")
    return ConfigLine(word.lower(), word, rest)


def delimited(text: str, *, equals: bool = True) -> tuple[str | None, str | None]:
    """Return the first word of ``text`` and what follows it, as ssh splits keywords and criteria.

    Double quotes enclose blanks; with ``equals``, one ``=`` counts as a blank. The word is None
    where a quote is not closed, the rest where nothing follows.
    """
    match = (_DELIMITER if equals else _WORD_END).search(text)
    if match is None:
        return text, None
    at = match.start()
    if text[at] == '"':
        end = text.find('"', at + 1)
        if end < 0:
            return None, None
        return text[:at] + text[at + 1 : end], text[end + 1 :].lstrip(BLANK)
    rest = text[at + 1 :].lstrip(BLANK)
    if equals and text[at] != "=" and rest.startswith("="):
        rest = rest[1:].lstrip(BLANK)
    return text[:at], rest


def arguments(rest: str) -> Names:
    """Split a directive's arguments: both kinds of quotes, backslashes, ``#`` starts a comment.

    GrammarError when a quote is not closed.
    """
    if not any(c in rest for c in "\"'\\#"):
        return tuple(word for word in re.split(r"[ \t]+", rest) if word)
    words: list[str] = []
    at, end = 0, len(rest)
    while at < end:
        if rest[at] in " \t":
            at += 1
            continue
        if rest[at] == "#":
            break
        word, at = _argument(rest, at)
        words.append(word)
    return tuple(words)


def _argument(text: str, at: int) -> tuple[str, int]:
    """Return the argument at ``at``, and where it ends."""
    out: list[str] = []
    quote = ""
    while at < len(text):
        c = text[at]
        if c == "\\":
            after = text[at + 1 : at + 2]
            if after and (after in "'\"\\" or (after == " " and not quote)):
                at += 1
                c = after
            out.append(c)
        elif not quote and c in " \t":
            break
        elif not quote and c in "'\"":
            quote = c
        elif quote and c == quote:
            quote = ""
        else:
            out.append(c)
        at += 1
    if quote:
        raise GrammarError("a quote is not closed")
    return "".join(out), at


def criteria(rest: str, without: frozenset[str]) -> tuple[tuple[str, str], ...]:
    """Return a Match line's criteria: each name in lower case, and its argument.

    Those in ``without`` take none. ``user=name`` counts as ``user name``. GrammarError when an
    argument or every criterion is missing.
    """
    found: list[tuple[str, str]] = []
    text: str | None = rest
    while text:
        name, text = delimited(text)
        if not name or name[0] == "#":
            break
        name = name.lower()
        plain = name.removeprefix("!")
        if plain in without:
            found.append((name, ""))
            continue
        argument, text = delimited(text or "")
        if not argument or argument[0] == "#":
            raise GrammarError(f"Match {plain} needs an argument")
        found.append((name, argument))
    if not found:
        raise GrammarError("Match needs at least one criterion")
    if any(name.removeprefix("!") == "all" for name, _ in found) and not _all_alone(found):
        raise GrammarError("Match all allows no other criteria")
    return tuple(found)


def _all_alone(found: Sequence[tuple[str, str]]) -> bool:
    """Return whether ``all`` is last, with at most one criterion without argument before it."""
    return len(found) == 1 or (
        len(found) == 2
        and found[0][0].removeprefix("!") in {"canonical", "final"}
        and found[1][0].removeprefix("!") == "all"
    )


# -- patterns --------------------------------------------------------------------------------------


def matches(text: str, pattern: str) -> bool:
    """Return whether ``text`` matches ``pattern``: ``*`` any characters, ``?`` one.

    Each piece between the stars is searched once, so that the time is linear in both lengths.
    """
    if "*" not in pattern:
        if "?" not in pattern:
            return text == pattern
        return len(text) == len(pattern) and _piece(pattern).match(text) is not None
    if len(pattern) - pattern.count("*") > len(text):
        return False
    first, *middle, last = pattern.split("*")
    if _piece(first).match(text) is None:
        return False
    at, end = len(first), len(text) - len(last)
    if end < at or _piece(last).match(text, end) is None:
        return False
    for piece in middle:
        if piece:
            found = _piece(piece).search(text, at, end)
            if found is None:
                return False
            at = found.end()
    return True


@functools.lru_cache(maxsize=4096)
def _piece(text: str) -> re.Pattern[str]:
    return re.compile("".join("." if c == "?" else re.escape(c) for c in text), re.DOTALL)


def matches_list(text: str, patterns: str, *, lower: bool = False) -> int:
    """Return 1 when ``text`` matches one of the patterns, -1 when it matches a negated one, or 0.

    A negated pattern (``!``) wins over all others; with ``lower``, case is ignored.
    """
    if lower:
        text, patterns = text.lower(), patterns.lower()
    found = 0
    for pattern in patterns.split(",") if patterns else ():
        negated = pattern.startswith("!")
        plain = pattern[1:] if negated else pattern
        if len(plain) > _MAX_PATTERN_CHARS:
            return 0
        if matches(text, plain):
            if negated:
                return -1
            found = 1
    return found


def address_in_list(address: str | None, patterns: str) -> int:
    """Return 1 when ``address`` matches a member of the list, -1 when a negated one, or 0.

    A member is an address, a network or a pattern. GrammarError for an empty member and for a
    network with host bits set; without an address only the list is checked.
    """
    try:
        wanted = ipaddress.ip_address(address) if address is not None else None
    except ValueError:
        return 0
    found = 0
    for member in patterns.split(","):
        negated = member.startswith("!")
        plain = member[1:] if negated else member
        if not plain:
            raise GrammarError(f"the address list {patterns} has an empty member")
        network = _network(plain)
        if wanted is None or address is None:
            continue
        if network is None:
            hit = matches(address, plain)
        else:
            hit = wanted.version == network.version and wanted in network
        if hit and negated:
            return -1
        found = 1 if hit else found
    return found


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """Return ``text`` as a network; None where it is a pattern."""
    base, slash, length = text.partition("/")
    try:
        ipaddress.ip_address(base)
    except ValueError:
        return None
    if slash and not (length.isascii() and length.isdigit()):
        return None
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        raise GrammarError(f"{text}: prefix length does not match the address") from None


# -- lists of algorithms ---------------------------------------------------------------------------


def changed_list(written: str, default: Iterable[str], known: Iterable[str]) -> Names:
    """Apply ``written`` to ``default``: ``+`` adds, ``-`` removes, ``^`` puts first.

    Patterns match names of ``default`` after ``-``, else of ``known``; a plain name stays even
    where it is unknown, so that rules see it. ``-*`` leaves nothing, which OpenSSH accepts: not
    every cipher needs a MAC. Any other empty list is a GrammarError.
    """
    default = tuple(default)
    if not written:
        return default
    sign, names = (written[0], written[1:]) if written[0] in "+-^" else ("", written)
    if sign == "-":
        return tuple(name for name in default if matches_list(name, names) != 1)
    wanted = tuple(name for name in names.split(",") if name)
    if any(name.startswith("!") for name in wanted):
        raise GrammarError(f"{written}: negated names are not allowed in this list")
    order = {"+": default + wanted, "^": wanted + default, "": wanted}[sign]
    known = tuple(known)
    result: dict[str, None] = {}
    for name in order:
        pattern = "*" in name or "?" in name
        fitting = (each for each in known if matches(each, name)) if pattern else (name,)
        result.update(dict.fromkeys(fitting))
    if not result:
        raise GrammarError(f"{written} matches no algorithm")
    return tuple(result)


def unknown_names(written: str, known: Iterable[str]) -> Names:
    """Return the names in ``written`` that are unknown; those it removes do not count."""
    if written.startswith("-"):
        return ()
    every = frozenset(known)
    names = written.lstrip("+^").split(",")
    return tuple(
        name for name in names
        if name not in every and not any(matches(each, name) for each in every)
    )  # fmt: skip


# -- numbers ---------------------------------------------------------------------------------------

_TIME = re.compile(r"(\d{1,12})([smhdw]?)", re.IGNORECASE)
_UNIT = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def seconds(text: str) -> int | None:
    """Return a time such as ``90`` or ``1h30m`` in seconds; None where it is malformed."""
    at = total = 0
    while match := _TIME.match(text, at):
        total += int(match[1]) * _UNIT[match[2].lower()]
        at = match.end()
    return total if text and at == len(text) and total <= _MAX_TIME_SECONDS else None


def port_number(text: str) -> int | None:
    """Return a port from 1 to 65535; None for any other text."""
    if text.isascii() and text.isdigit() and len(text) <= 6 and 1 <= int(text) <= 65535:
        return int(text)
    return None
