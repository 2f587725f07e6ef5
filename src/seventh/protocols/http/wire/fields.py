"""Reading header fields that any server may have filled with anything.

Nothing here raises for what a peer sent: what cannot be read is None, left out, or said to be so.
"""

from __future__ import annotations

import calendar
import hashlib
import re
from collections.abc import Iterator

import msgspec

from seventh.wire.text import printable

MAX_DELTA_SECONDS = 2**31
"""Where delta-seconds end (RFC 9111 §1.2.2): a larger one counts as this."""
MAX_TAG_SHOWN = 160
MAX_MEMBERS = 128
"""How many members of a list are read."""

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_IMF = re.compile(r"\w{3}, (\d{2}) (\w{3}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) GMT", re.ASCII)
_RFC850 = re.compile(r"\w{6,9}, (\d{2})-(\w{3})-(\d{2}) (\d{2}):(\d{2}):(\d{2}) GMT", re.ASCII)
_ASCTIME = re.compile(r"\w{3} (\w{3}) ([ \d]\d) (\d{2}):(\d{2}):(\d{2}) (\d{4})", re.ASCII)
_ETAG = re.compile(r'(W/)?"[\x21\x23-\x7e\x80-\xff]*"')
_DIGITS = re.compile(r"[0-9]+")


def http_date(text: str, now_seconds: float | None = None) -> int | None:
    """Return the Unix time of a date in any of three forms (RFC 9110 §5.6.7), else None.

    ``now_seconds`` decides a two-digit year: it is never more than 50 years ahead.
    """
    text = text.strip()
    if found := _IMF.fullmatch(text):
        day, month, year, *clock = found.groups()
    elif found := _RFC850.fullmatch(text):
        day, month, short, *clock = found.groups()
        year = _century(int(short), now_seconds)
    elif found := _ASCTIME.fullmatch(text):
        month, day, *clock, year = found.groups()
    else:
        return None
    if month not in MONTHS:
        return None
    hour, minute, second = (int(part) for part in clock)
    numbers = (int(year), MONTHS.index(month) + 1, int(day), hour, minute, second)
    return instant(*numbers)


def _century(short: int, now_seconds: float | None) -> str:
    this = 1970 + int((now_seconds or 0.0) // 31556952)
    year = this - this % 100 + short
    return str(year - 100 if year > this + 50 else year)


def instant(year: int, month: int, day: int, hour: int, minute: int, second: int) -> int | None:
    """Return the Unix time of a date and time in UTC; None for an invalid one."""
    if year < 1 or hour > 23 or minute > 59 or second > 60:
        return None
    if not 1 <= day <= calendar.monthrange(year, month)[1]:
        return None
    return calendar.timegm((year, month, day, hour, minute, second))


def members(*values: str, angled: bool = False) -> Iterator[str]:
    """Yield the members of a comma-separated list over all its fields, quoted strings intact.

    With ``angled`` what stands in angle brackets is kept whole, too.
    """
    count = 0
    for value in values:
        for member in _split(value, ",", angled=angled):
            if member and count < MAX_MEMBERS:
                count += 1
                yield member


def _split(text: str, separator: str, *, angled: bool = False) -> Iterator[str]:
    """Cut ``text`` at each separator outside quotes; the pieces are stripped."""
    if '"' not in text and not (angled and "<" in text):
        yield from (piece.strip() for piece in text.split(separator))
        return
    start, quoted, escaped, inside = 0, False, False, False
    for index, char in enumerate(text):
        if escaped:
            escaped = False
        elif quoted and char == "\\":
            escaped = True
        elif char == '"' and not inside:
            quoted = not quoted
        elif angled and not quoted and char in "<>":
            inside = char == "<"
        elif char == separator and not quoted and not inside:
            yield text[start:index].strip()
            start = index + 1
    yield text[start:].strip()


class Directive(msgspec.Struct, frozen=True):
    """One directive of Cache-Control; the name in lower case, the value without its quotes."""

    name: str
    value: str | None


def directives(*values: str) -> tuple[Directive, ...]:
    """Return all directives of Cache-Control in order, with repeats (RFC 9111 §5.2)."""
    found: list[Directive] = []
    for member in members(*values):
        name, equals, value = member.partition("=")
        found.append(Directive(name.strip().lower(), _unquoted(value) if equals else None))
    return tuple(found)


def _unquoted(value: str) -> str:
    value = value.strip()
    return value[1:-1] if len(value) >= 2 and value[0] == value[-1] == '"' else value


def delta_seconds(value: str | None) -> int | None:
    """Read delta-seconds (RFC 9111 §1.2.2); None for anything else."""
    if value is None or not _DIGITS.fullmatch(value):
        return None
    return int(min(float(value), MAX_DELTA_SECONDS))  # int() refuses thousands of digits


def etag(value: str | None) -> str | None:
    """Return ``value`` where it is an entity tag (RFC 9110 §8.8.3), else None."""
    return value if value is not None and _ETAG.fullmatch(value) else None


def shown_tag(tag: str) -> str:
    """Return an entity tag for facts: printable; of a long one the start and a hash."""
    if len(tag) <= MAX_TAG_SHOWN:
        return printable(tag)
    return f"{printable(tag[:40])}…{hashlib.sha256(tag.encode('latin-1')).hexdigest()[:16]}"


def parameters(member: str, *, last: bool = False) -> dict[str, str | None]:
    """Return the parameters of a list member after its first ``;``; a bare one has None.

    Of two with one name the first one counts (RFC 8288), of structured fields the ``last``.
    """
    found: dict[str, str | None] = {}
    for piece in list(_split(member, ";"))[1:MAX_MEMBERS]:
        name, equals, value = piece.partition("=")
        name = name.strip().lower()
        if last or name not in found:
            found[name] = _unquoted(value) if equals else None
    return found


def is_cache_hit(*cache_status: str) -> bool:
    """Return whether any cache of Cache-Status served the response (RFC 9211 §2.1)."""
    for member in members(*cache_status):
        found = parameters(member, last=True)
        if "hit" in found and found["hit"] in {None, "?1"}:
            return True
    return False


def structured_date(value: str) -> int | None:
    """Read a structured date, ``@`` and seconds (RFC 9651 §3.3.7); None for anything else."""
    item = next(_split(value, ";"))
    found = re.fullmatch(r"@(-?[0-9]{1,15})", item)
    return int(found[1]) if found else None


def media_type(content_type: str | None) -> str:
    """Return the type and subtype of a Content-Type, in lower case; empty where there is none."""
    return (content_type or "").partition(";")[0].strip().lower()


def links(*values: str) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield the targets of a Link with their relations (RFC 8288 §3)."""
    for member in members(*values, angled=True):
        target, closed, _ = member.partition(">")
        if target.startswith("<") and closed:
            relations = parameters(member[len(target) :]).get("rel") or ""
            yield target[1:], frozenset(relations.lower().split())
