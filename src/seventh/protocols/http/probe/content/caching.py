"""What RFC 9111 allows caches to do with a response, and what its 304 lacks."""

from __future__ import annotations

import http

import msgspec

from seventh.protocols.http.facts.content import Caching, Freshness
from seventh.protocols.http.probe.content.cookies import cookie_names
from seventh.protocols.http.wire import fields
from seventh.web.message import Response
from seventh.wire.text import printable

HEURISTIC_STATUSES = frozenset({200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501})
"""Statuses that are heuristically cacheable (RFC 9110 §15.1)."""
UNDERSTOOD = frozenset(int(status) for status in http.HTTPStatus)
"""Statuses that a cache understands (must-understand)."""
REQUIRED_IN_304 = ("cache-control", "content-location", "date", "etag", "expires", "vary")
"""What a 304 must repeat of the 200 (RFC 9110 §15.4.5)."""
_HEURISTIC_SHARE = 10
_MAX_SHOWN = 32


class CacheFields(msgspec.Struct, frozen=True):
    """The fields of one response that concern caches."""

    directives: tuple[fields.Directive, ...]
    date: int
    """The Date field, else when the reply came, as Unix time."""
    expires: int | None
    expires_sent: bool
    last_modified: int | None
    age: int | None

    def has(self, name: str) -> bool:
        """Return whether the directive is there, in its form without field names."""
        return any(
            d.name == name and not (d.value and name in _QUALIFIABLE) for d in self.directives
        )

    def limits(self, name: str, field: str) -> bool:
        """Return whether the directive's form with field names is there and names ``field``."""
        listed = (d.value or "" for d in self.directives if d.name == name)
        return any(field in {f.strip().lower() for f in value.split(",")} for value in listed)

    def seconds(self, name: str) -> int | None:
        """Return the directive's first value; None where it is not there.

        0 where it is no number, for such a reply counts as stale (RFC 9111 §4.2.1).
        """
        for directive in self.directives:
            if directive.name == name:
                return fields.delta_seconds(directive.value) or 0
        return None

    @property
    def expires_seconds(self) -> int | None:
        """The lifetime that Expires gives; what is no date has passed (RFC 9111 §5.3)."""
        if not self.expires_sent:
            return None
        return max(0, self.expires - self.date) if self.expires is not None else 0


_QUALIFIABLE = frozenset({"private", "no-cache"})


def read(response: Response, received_seconds: float) -> CacheFields:
    """Read the fields for caches; ``received_seconds`` is the arrival as Unix time."""
    date = fields.http_date(response.get("date") or "", received_seconds)
    expires = response.get("expires")
    modified = response.get("last-modified")
    age = next(fields.members(*response.every("age")), None)
    return CacheFields(
        directives=fields.directives(*response.every("cache-control")),
        date=int(received_seconds) if date is None else date,
        expires=fields.http_date(expires, received_seconds) if expires is not None else None,
        expires_sent=expires is not None,
        last_modified=fields.http_date(modified or "", received_seconds),
        age=fields.delta_seconds(age),
    )


def judge(response: Response, received_seconds: float, *, authenticated: bool = False) -> Caching:
    """Return what caches may do with a response to GET received then (Unix time)."""
    sent = read(response, received_seconds)
    forbidden = _forbidden(sent, response.status, authenticated=authenticated)
    heuristic = response.status in HEURISTIC_STATUSES or sent.has("public")
    private_lifetime = _first(sent.seconds("max-age"), sent.expires_seconds)
    shared_lifetime = _first(sent.seconds("s-maxage"), private_lifetime)
    kept = response.status >= 200 and not _no_store(sent, response.status)
    storable_private = kept and (heuristic or sent.has("private") or private_lifetime is not None)
    storable_shared = kept and not forbidden and (heuristic or shared_lifetime is not None)
    guess = None
    if sent.last_modified is not None and heuristic:
        guess = max(0, sent.date - sent.last_modified) // _HEURISTIC_SHARE
    return Caching(
        status=response.status,
        authenticated=authenticated,
        directives=tuple(_shown(d) for d in sent.directives[:_MAX_SHOWN]),
        expires=_printable(response.get("expires")),
        storable_shared=storable_shared,
        storable_private=storable_private,
        forbidden_by=forbidden,
        freshness=_freshness(
            sent, storable_private or storable_shared, _first(shared_lifetime, private_lifetime)
        ),
        lifetime_shared_seconds=shared_lifetime,
        lifetime_private_seconds=private_lifetime,
        heuristic_seconds=guess,
        must_revalidate=any(
            sent.has(n) for n in ("must-revalidate", "proxy-revalidate", "no-cache")
        ),
        public=sent.has("public"),
        stale_while_revalidate_seconds=sent.seconds("stale-while-revalidate"),
        stale_if_error_seconds=sent.seconds("stale-if-error"),
        contradictions=contradictions(sent),
        age_seconds=sent.age,
        private_cookies=any(sent.limits(n, "set-cookie") for n in ("private", "no-cache")),
        sets_cookies=cookie_names(response),
    )


def _no_store(sent: CacheFields, status: int) -> bool:
    """Return whether nothing may be stored; must-understand lifts it for known statuses.

    (RFC 9111 §5.2.2.3)
    """
    if sent.has("must-understand"):
        return status not in UNDERSTOOD
    return sent.has("no-store")


def _forbidden(sent: CacheFields, status: int, *, authenticated: bool) -> str:
    """Return what forbids shared caches to store (RFC 9111 §3 and §3.5)."""
    if _no_store(sent, status):
        return "no-store" if sent.has("no-store") else "must-understand"
    if sent.has("private"):
        return "private"
    allowed = any(sent.has(n) for n in ("public", "s-maxage", "must-revalidate"))
    return "Authorization" if authenticated and not allowed else ""


def _freshness(sent: CacheFields, storable: bool, lifetime: int | None) -> Freshness:
    if not storable:
        return "none"
    return "explicit" if lifetime is not None or sent.has("no-cache") else "heuristic"


def contradictions(sent: CacheFields) -> tuple[str, ...]:
    """Return the directives about freshness that contradict each other."""
    found: list[str] = []
    shared, private_lifetime = sent.seconds("s-maxage"), sent.seconds("max-age")
    lifetime = f"s-maxage={shared}" if shared else f"max-age={private_lifetime}"
    if (shared or private_lifetime) and not sent.has("must-understand"):
        found += [f"{name}, {lifetime}" for name in ("no-store", "no-cache") if sent.has(name)]
    if sent.has("private") and sent.has("public"):
        found.append("private, public")
    if sent.has("private") and shared:
        found.append(f"private, s-maxage={shared}")
    for name in ("max-age", "s-maxage"):
        values = [d.value for d in sent.directives if d.name == name]
        if len(set(values)) > 1 or (values and fields.delta_seconds(values[0]) is None):
            found.append(", ".join(f"{name}={printable(value or '', 40)}" for value in values[:4]))
    # An Expires that has passed keeps caches of HTTP/1.0 off; all others ignore it (RFC 9111 §5.3).
    if private_lifetime == 0 and sent.expires_seconds:
        found.append(f"max-age=0, Expires in {sent.expires_seconds} s")
    if sent.seconds("stale-while-revalidate") and sent.has("must-revalidate"):
        found.append("must-revalidate, stale-while-revalidate")
    return tuple(found)


def dropped(full: Response, validated: Response) -> tuple[str, ...]:
    """Return the fields of the full response that its 304 lacks."""
    return tuple(
        name
        for name in REQUIRED_IN_304
        if full.get(name) is not None and validated.get(name) is None
    )


def hits(response: Response) -> tuple[str, ...]:
    """Return by what a response shows that a cache served it (RFC 9211 §2.1, RFC 9111 §5.1)."""
    age = fields.delta_seconds(next(fields.members(*response.every("age")), None))
    shown = {
        "cache-status": fields.is_cache_hit(*response.every("cache-status")),
        "age": bool(age),
        "304": response.status == 304,
    }
    return tuple(kind for kind, hit in shown.items() if hit)


def _first(*values: int | None) -> int | None:
    return next((value for value in values if value is not None), None)


def _shown(directive: fields.Directive) -> str:
    name = printable(directive.name, 64)
    return name if directive.value is None else f"{name}={printable(directive.value, 64)}"


def _printable(text: str | None) -> str | None:
    return None if text is None else printable(text, 64)
