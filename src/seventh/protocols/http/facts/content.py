"""A site's content: how it is cached, coded, validated and described.

Text from the peer is made printable before it is stored here; what identifies a user (a cookie's
value, a token) is never stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

Names = tuple[str, ...]

Freshness = Literal["explicit", "heuristic", "none"]
"""Whence a cache knows how long a reply is fresh (RFC 9111 §4.2): from the reply; by a guess of its
own, which the standard allows; or not at all, because the reply may not be kept or is stale at
once."""


class Caching(msgspec.Struct, frozen=True, kw_only=True):
    """What RFC 9111 allows caches to do with one response."""

    status: int
    authenticated: bool = False
    """Whether the request carried credentials (RFC 9111 §3.5)."""
    directives: Names = ()
    """Of Cache-Control, as sent."""
    expires: str | None = None
    storable_shared: bool = False
    storable_private: bool = False
    forbidden_by: str = ""
    """What forbids shared caches to store the response."""
    freshness: Freshness = "none"
    lifetime_shared_seconds: int | None = None
    lifetime_private_seconds: int | None = None
    """Explicit freshness lifetimes (RFC 9111 §4.2.1); None where none is given."""
    heuristic_seconds: int | None = None
    """A tenth of the time since Last-Modified, which RFC 9111 §4.2.2 names as typical."""
    must_revalidate: bool = False
    """Whether no cache may use it stale or unasked: must-revalidate, no-cache and their like."""
    public: bool = False
    stale_while_revalidate_seconds: int | None = None
    stale_if_error_seconds: int | None = None
    contradictions: Names = ()
    """Directives about freshness that contradict each other."""
    age_seconds: int | None = None
    private_cookies: bool = False
    """Whether caches must not store the cookies (``private="set-cookie"``)."""
    sets_cookies: Names = ()
    """Names of the cookies that it sets …"""
    common_cookies: Names = ()
    """… and of those among them whose value was the same in every reply: no user's own."""


class Validation(msgspec.Struct, frozen=True, kw_only=True):
    """The results of conditional requests (RFC 9110 §13)."""

    etag: str | None = None
    last_modified: str | None = None
    etag_status: int | None = None
    """The status for If-None-Match with the response's own ETag."""
    etag_same_bytes: bool | None = None
    """Where that was a full response: whether its content is the same as before."""
    coded: str = ""
    """The content coding of the response that a browser gets …"""
    coded_etag: str | None = None
    coded_status: int | None = None
    """… and the status for If-None-Match with its ETag."""
    coded_same_bytes: bool | None = None
    date_status: int | None = None
    """The status for If-Modified-Since with the response's own Last-Modified."""
    date_same_bytes: bool | None = None
    dropped: Names | None = None
    """Fields of the full response that the 304 lacks and RFC 9110 §15.4.5 requires."""
    etags: Mapping[str, str] = {}
    """The ETag by where and when it was seen (an address, ``repeated``), where the content was the
    same, byte for byte."""


CodingFault = Literal["", "corrupt", "cut-short", "unknown", "still-coded"]
"""How content and Content-Encoding differ; ``still-coded``: the decoded content is compressed data,
although its type is text."""


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """The reply to one Accept-Encoding."""

    offered: str
    """What was offered: one coding, or ``any`` for all that browsers take."""
    status: int
    coding: str = ""
    """Its Content-Encoding in lower case; empty is identity."""
    wire_bytes: int = 0
    content_bytes: int | None = None
    """Decoded; None where that failed."""
    truncated: bool = False
    """Whether the body was left before its end, so that the sizes are least values."""
    digest: str = ""
    """The first half of the content's SHA-256 in hex; empty where it was not seen whole."""
    etag: str | None = None
    vary: Names = ()
    broken: str = ""
    """Why it could not be decoded."""
    fault: CodingFault = ""


class Coding(msgspec.Struct, frozen=True, kw_only=True):
    """How the content is compressed."""

    content_type: str = ""
    compressible: bool | None = None
    """Whether this media type is worth compressing; None where unknown."""
    packed: bool = False
    """Whether it is already compressed, as images, video and archives are."""
    secure: bool = False
    """Whether it was received over TLS; browsers offer br and zstd only there."""
    variants: tuple[Variant, ...] = ()
    reflected: bool | None = None
    """Whether the content repeats a query value."""
    reflected_coding: str = ""
    secrets: Names | None = None
    """Names of anti-forgery tokens in the content."""

    def variant(self, offered: str) -> Variant | None:
        """Return the complete 200 to that offer, if there was one."""
        for variant in self.variants:
            if variant.offered == offered and variant.status == 200:
                return variant
        return None


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the page from the same origin, requested as a browser does."""

    path: str
    status: int
    content_type: str = ""
    compressible: bool | None = None
    packed: bool = False
    coding: str = ""
    wire_bytes: int = 0
    content_bytes: int | None = None
    truncated: bool = False
    fault: CodingFault = ""


Rejection = Literal["prefix-secure", "prefix-host", "prefix-value", "none-secure",
                    "secure-in-clear"]  # fmt: skip
"""Why browsers reject a cookie: its name's prefix requires Secure, or Path=/ and no Domain; it has
no name and its value starts with a prefix; SameSite=None requires Secure; Secure over plain HTTP.
"""
Attribute = Literal["secure", "http-only", "same-site"]


class Cookie(msgspec.Struct, frozen=True, kw_only=True):
    """A cookie that a reply sets, without its value (RFC 6265 §4.1)."""

    name: str
    secure: bool = False
    http_only: bool = False
    same_site: str = ""
    domain: str = ""
    path: str = ""
    lifetime_seconds: int | None = None
    """None where it ends with the browser's session."""
    rejected: tuple[Rejection, ...] = ()
    lacks: tuple[Attribute, ...] = ()
    """The protecting attributes that it lacks; Secure only where it was set over TLS."""
    problems: Names = ()
    """Why browsers reject it, or what exposes it."""


class Cors(msgspec.Struct, frozen=True, kw_only=True):
    """The response to a request with a foreign Origin."""

    allowed: str | None = None
    """Access-Control-Allow-Origin."""
    reflected: bool = False
    """Whether that is the foreign origin itself."""
    credentials: bool = False
    """Whether scripts of that origin may send the user's cookies and read the response."""
    varies: bool = False
    """Whether Vary names Origin."""


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """The declared type of a response, and the type of its content."""

    path: str
    status: int
    declared: str = ""
    """Its Content-Type without parameters; empty where it has none."""
    seen: str = ""
    """The type by the content's bytes: json, html, xml; empty where unknown."""
    problem: bool = False
    """Whether it is a problem details object (RFC 9457)."""
    misfit: str = ""
    """How the two differ."""
    coding: str = ""
    """Its Content-Encoding in lower case; empty is identity."""
    fault: CodingFault = ""
    """How that and the content differ."""


class Api(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the site is an API for programs, and how it describes itself."""

    speaks: bool = False
    """Whether the reply or its errors are JSON."""
    described_at: str | None = None
    description: str = ""
    """``OpenAPI 3.1.0``, ``Swagger 2.0`` and so on."""
    looked_at: Names = ()
    checked: int = 0
    """How many of its GET operations were checked against their schema."""
    violations: Names = ()


class Lifecycle(msgspec.Struct, frozen=True, kw_only=True):
    """The announced end of a resource."""

    deprecated: bool = False
    deprecated_in_seconds: int | None = None
    """From now until the date of the Deprecation field; negative when it has passed."""
    sunset_in_seconds: int | None = None
    """From now until the date of the Sunset field; negative when it has passed."""
    deprecation: str | None = None
    sunset: str | None = None
    successor: str | None = None
    """The link to a successor version or to information about the deprecation."""


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A 429 or 503 that any request got."""

    path: str
    status: int
    retry_after: str | None = None
    rate_limit: Names = ()
    """The fields with a limit (RateLimit, RateLimit-Policy, X-RateLimit-…)."""


class EventStream(msgspec.Struct, frozen=True, kw_only=True):
    """An event stream (text/event-stream), received for a while."""

    seconds: float = 0.0
    """How long it was received."""
    events: int = 0
    comments: int = 0
    retry_milliseconds: int | None = None
    first_seconds: float | None = None
    """From the reply's head to the first bytes of the stream."""
    silence_seconds: float = 0.0
    """The longest time without a byte."""
    ended: bool = False
    """Whether the server ended it in that time."""
    ended_silent_seconds: float | None = None
    """… and after how long a silence."""
    broken_off: bool = False
    """Whether it was cut off: the connection or the stream ended before the response."""
    cut_events: int = 0
    """How many events arrived in two parts, as from a buffer that waits until it is full."""
    coding: str = ""


class Repetition(msgspec.Struct, frozen=True, kw_only=True):
    """The user's own request, sent twice (tier 3)."""

    method: str
    keyed: bool = False
    """Whether both carried the same Idempotency-Key."""
    first_status: int = 0
    second_status: int = 0
    first_location: str | None = None
    second_location: str | None = None
    same_body: bool | None = None


class ContentFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The content at the base URL, and what belongs to it."""

    caching: Caching | None = None
    validation: Validation | None = None
    coding: Coding | None = None
    assets: tuple[Asset, ...] | None = None
    cache_hits: Mapping[str, int] = {}
    """Replies out of a cache, by how they showed it: ``cache-status``, ``age``, ``304``."""
    cache_status: Names = ()
    """Cache-Status as sent, last of the replies that had one (RFC 9211)."""
    cookies: tuple[Cookie, ...] = ()
    cors: Cors | None = None
    content: Body | None = None
    error: Body | None = None
    """The answer to a path that does not exist."""
    api: Api | None = None
    lifecycle: Lifecycle | None = None
    refusals: tuple[Refusal, ...] | None = None
    events: EventStream | None = None
    repetition: Repetition | None = None
    repetition_unlearnt: str = ""
    """Why no request was repeated."""
    unknown: Mapping[str, str] = msgspec.field(default={}, name="unlearnt")
    """What was not learnt, and why."""

    @property
    def brotli_ratio(self) -> float | None:
        """The share of compressible replies that came in br when all codings were offered."""
        shown = [(c.coding, c.wire_bytes) for c in self._compressible()]
        return sum(1 for coding, _ in shown if coding == "br") / len(shown) if shown else None

    @property
    def compression_ratio(self) -> float | None:
        """Bytes on the wire per byte of content, over the compressible replies."""
        whole = [c for c in self._compressible() if c.content_bytes and not c.truncated]
        plain = sum(c.content_bytes or 0 for c in whole)
        return sum(c.wire_bytes for c in whole) / plain if plain else None

    def _compressible(self) -> list[Variant | Asset]:
        found: list[Variant | Asset] = []
        if self.coding is not None and self.coding.compressible:
            found += [v for v in (self.coding.variant("any"),) if v is not None]
        found += [a for a in self.assets or () if a.compressible and a.status == 200]
        return found
