"""The cookies that replies set (RFC 6265). Their values are secrets and never leave here."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from seventh.protocols.http import fields
from seventh.protocols.http.facts_content import Cookie
from seventh.web.message import Response
from seventh.wire.text import printable

MAX_COOKIES = 50
"""How many are looked at; browsers keep about as many of one site."""
MAX_COOKIE_BYTES = 4096
"""What a browser must at least be able to keep (RFC 6265 §6.1), and most keep no more."""


def cookie_names(response: Response) -> tuple[str, ...]:
    """The names of the cookies that a reply sets, each once."""
    return tuple(dict.fromkeys(_name(line) for line in response.every("set-cookie")[:MAX_COOKIES]))


def _name(line: str) -> str:
    return printable(line.partition(";")[0].partition("=")[0].strip(), 64)


def cookies(
    responses: Iterable[Response], *, secure: bool, now_seconds: float
) -> tuple[Cookie, ...]:
    """The cookies of all replies, each name once. ``secure``: whether they came over TLS."""
    found: dict[str, Cookie] = {}
    for response in responses:
        for line in response.every("set-cookie")[:MAX_COOKIES]:
            if len(found) < MAX_COOKIES:
                cookie = _read(line, secure=secure, now_seconds=now_seconds)
                found.setdefault(cookie.name, cookie)
    return tuple(found.values())


def _read(line: str, *, secure: bool, now_seconds: float) -> Cookie:
    """One Set-Cookie (RFC 6265 §5.2): of an attribute that stands twice the last one counts."""
    attributes: dict[str, str] = {}
    for piece in line.split(";")[1:32]:
        name, _, value = piece.partition("=")
        attributes[name.strip().lower()] = value.strip()
    cookie = Cookie(
        name=_name(line),
        secure="secure" in attributes,
        http_only="httponly" in attributes,
        same_site=printable(attributes.get("samesite", "").lower(), 16),
        domain=printable(attributes.get("domain", ""), 255),
        path=printable(attributes.get("path", ""), 128),
        lifetime_seconds=_lifetime(attributes, now_seconds),
    )
    raw = line.partition(";")[0].partition("=")[0].strip()
    problems = (*_refused(cookie, raw, secure=secure), *_open(cookie, len(line), secure=secure))
    return msgspec.structs.replace(cookie, problems=problems)


def _lifetime(attributes: dict[str, str], now_seconds: float) -> int | None:
    """Max-Age comes before Expires (RFC 6265 §4.1.2.2)."""
    most = attributes.get("max-age")
    if most is not None and most.startswith("-"):
        return 0
    if (seconds := fields.delta_seconds(most)) is not None:
        return seconds
    expires = fields.http_date(attributes.get("expires", "").replace("-", " "), now_seconds)
    return None if expires is None else max(0, expires - int(now_seconds))


def _refused(cookie: Cookie, name: str, *, secure: bool) -> list[str]:
    """Why browsers do not take it: prefixes, SameSite=None and Secure are bound to conditions."""
    lower = name.lower()
    problems: list[str] = []
    prefixed = lower.startswith(("__secure-", "__host-"))
    if prefixed and not cookie.secure:
        problems.append("its prefix demands Secure")
    if lower.startswith("__host-") and (cookie.domain or cookie.path != "/"):
        problems.append("its prefix demands Path=/ and no Domain")
    if cookie.same_site == "none" and not cookie.secure:
        problems.append("SameSite=None demands Secure")
    if cookie.secure and not secure:
        problems.append("Secure, but set over plain HTTP")
    return problems


def _open(cookie: Cookie, length: int, *, secure: bool) -> list[str]:
    """What leaves it open to others."""
    problems: list[str] = []
    if secure and not cookie.secure:
        problems.append("without Secure it is also sent in clear")
    if not cookie.http_only:
        problems.append("without HttpOnly scripts can read it")
    if not cookie.same_site:
        problems.append("without SameSite its reach is each browser's choice")
    if length > MAX_COOKIE_BYTES:
        problems.append(f"longer than {MAX_COOKIE_BYTES} bytes, which browsers need not keep")
    return problems
