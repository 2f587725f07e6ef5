"""The cookies that replies set (RFC 6265). Their values are secrets and never leave here.

Read as browsers do, which follow the RFC's coming revision (6265bis): prefixes, SameSite, and
cookies without a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import msgspec

from seventh.protocols.http.facts.content import Attribute, Cookie, Rejection
from seventh.protocols.http.wire import fields
from seventh.web.message import Response
from seventh.wire.text import printable

MAX_COOKIES = 50
"""How many are read; browsers store about as many for one site."""
NAMELESS = "(without a name)"
_SAME_SITES = frozenset({"strict", "lax", "none"})
"""Of another value browsers take as much notice as of none."""
_PREFIXES = ("__secure-", "__host-")
_MAX_AGE = re.compile(r"-?[0-9]+")
_TOKEN = re.compile(r"[^\x09\x20-\x2f\x3b-\x40\x5b-\x60\x7b-\x7e]{1,64}")
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?![0-9])")
_DAY = re.compile(r"([0-9]{1,2})(?![0-9])")
_YEAR = re.compile(r"([0-9]{2,4})(?![0-9])")
_MAX_TOKENS = 32
MAX_COOKIE_BYTES = 4096
"""What a browser must at least be able to keep (RFC 6265 §6.1), and most keep no more."""
_PROBLEMS: Mapping[Rejection | Attribute, str] = {
    "prefix-value": "its value starts with a prefix reserved for names",
    "prefix-secure": "its prefix requires Secure",
    "prefix-host": "its prefix requires Path=/ and no Domain",
    "none-secure": "SameSite=None requires Secure",
    "secure-in-clear": "Secure, but set over plain HTTP",
    "secure": "without Secure it is also sent over plain HTTP",
    "http-only": "without HttpOnly scripts can read it",
    "same-site": "without SameSite the default depends on the browser",
}


def cookie_names(response: Response) -> tuple[str, ...]:
    """Return the names of the cookies that a response sets, each once."""
    return tuple(dict.fromkeys(_name(line) for line in response.every("set-cookie")[:MAX_COOKIES]))


def common(responses: Iterable[Response]) -> tuple[str, ...]:
    """Return the names of cookies set more than once, each time to the same value.

    The requests must have carried no cookie: what every visitor gets is no user's own.
    """
    values: dict[str, list[str]] = {}
    for response in responses:
        for line in response.every("set-cookie")[:MAX_COOKIES]:
            values.setdefault(_name(line), []).append(_pair(line)[1])
    return tuple(name for name, v in values.items() if len(v) > 1 and len(set(v)) == 1)


def session(response: Response) -> str:
    """Return the Cookie field that a browser would send after this response."""
    lines = response.every("set-cookie")[:MAX_COOKIES]
    return "; ".join(line.partition(";")[0].strip() for line in lines)[:MAX_COOKIE_BYTES]


def _pair(line: str) -> tuple[str, str]:
    """Return name and value; without an equals sign all is value, and the name is empty."""
    name, equals, value = line.partition(";")[0].partition("=")
    return (name.strip(), value.strip()) if equals else ("", name.strip())


def _name(line: str) -> str:
    return printable(_pair(line)[0], 64) or NAMELESS


def cookies(
    responses: Iterable[Response], *, secure: bool, now_seconds: float
) -> tuple[Cookie, ...]:
    """Return the cookies of all responses, each name once; ``secure``: received over TLS."""
    found: dict[str, Cookie] = {}
    for response in responses:
        for line in response.every("set-cookie")[:MAX_COOKIES]:
            if len(found) < MAX_COOKIES:
                cookie = _read(line, secure=secure, now_seconds=now_seconds)
                found.setdefault(cookie.name, cookie)
    return tuple(found.values())


def _read(line: str, *, secure: bool, now_seconds: float) -> Cookie:
    """Read a Set-Cookie (RFC 6265 §5.2); the last of repeated attributes counts."""
    attributes: dict[str, str] = {}
    for piece in line.split(";")[1:32]:
        name, _, value = piece.partition("=")
        attributes[name.strip().lower()] = value.strip()
    name, value = _pair(line)
    same_site = attributes.get("samesite", "").lower()
    cookie = Cookie(
        name=printable(name, 64) or NAMELESS,
        secure="secure" in attributes,
        http_only="httponly" in attributes,
        same_site=same_site if same_site in _SAME_SITES else "",
        domain=printable(attributes.get("domain", ""), 255),
        path=printable(attributes.get("path", ""), 128),
        lifetime_seconds=_lifetime(attributes, now_seconds),
    )
    rejected = _rejected(cookie, name or value, secure=secure)
    lacks = _lacks(cookie, secure=secure)
    problems = [_PROBLEMS[code] for code in (*rejected, *lacks)]
    if len(line) > MAX_COOKIE_BYTES:
        problems.append(f"longer than {MAX_COOKIE_BYTES} bytes, which browsers may reject")
    return msgspec.structs.replace(cookie, rejected=rejected, lacks=lacks, problems=tuple(problems))


def _lifetime(attributes: dict[str, str], now_seconds: float) -> int | None:
    """Return the lifetime; Max-Age takes precedence over Expires (RFC 6265 §4.1.2.2)."""
    most = attributes.get("max-age", "")
    if _MAX_AGE.fullmatch(most):
        return fields.delta_seconds(most) or 0
    expires = _date(attributes.get("expires", ""))
    return None if expires is None else max(0, expires - int(now_seconds))


def _date(text: str) -> int | None:
    """Return a cookie's date as Unix time, parsed leniently (RFC 6265 §5.1.1)."""
    clock: tuple[int, int, int] | None = None
    day = month = year = None
    for token in _TOKEN.findall(text)[:_MAX_TOKENS]:
        if clock is None and (found := _TIME.match(token)):
            clock = int(found[1]), int(found[2]), int(found[3])
        elif day is None and (found := _DAY.match(token)):
            day = int(found[1])
        elif month is None and token[:3].title() in fields.MONTHS:
            month = fields.MONTHS.index(token[:3].title()) + 1
        elif year is None and (found := _YEAR.match(token)):
            year = int(found[1])
            year += 1900 if 70 <= year <= 99 else 2000 if year < 70 else 0
    if clock is None or day is None or month is None or year is None or year < 1601:
        return None
    return fields.instant(year, month, day, *clock)


def _rejected(cookie: Cookie, name: str, *, secure: bool) -> tuple[Rejection, ...]:
    """Return why browsers reject it: conditions of prefixes, SameSite=None and Secure."""
    lower = name.lower()
    if cookie.name == NAMELESS:
        # Sent back, it would look like a cookie that meets its prefix's conditions.
        return ("prefix-value",) if lower.startswith(_PREFIXES) else ()
    found: list[Rejection] = []
    if lower.startswith(_PREFIXES) and not cookie.secure:
        found.append("prefix-secure")
    if lower.startswith("__host-") and (cookie.domain or cookie.path != "/"):
        found.append("prefix-host")
    if cookie.same_site == "none" and not cookie.secure:
        found.append("none-secure")
    if cookie.secure and not secure:
        found.append("secure-in-clear")
    return tuple(found)


def _lacks(cookie: Cookie, *, secure: bool) -> tuple[Attribute, ...]:
    """Return the protecting attributes that it lacks."""
    found: list[Attribute] = []
    if secure and not cookie.secure:
        found.append("secure")
    if not cookie.http_only:
        found.append("http-only")
    if not cookie.same_site:
        found.append("same-site")
    return tuple(found)
