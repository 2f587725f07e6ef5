"""What nginx.conf or a Caddyfile decides for one server, or for a location that differs."""

from __future__ import annotations

from typing import Literal

import msgspec

Does = Literal["files", "passes", "redirects", "answers", "refuses", "closes", ""]
Clear = Literal["serves", "redirects", "refuses", "closes", ""]


class LostHeader(msgspec.Struct, frozen=True, kw_only=True):
    """A field that an outer block adds and that is not sent at this place."""

    name: str
    at: str
    """Where the outer line is: ``nginx.conf:7``."""
    line: str
    """That line, as the inner block would repeat it."""


class LostHeaders(msgspec.Struct, frozen=True, kw_only=True):
    """The fields that a block loses because it adds others."""

    by: str
    """Where the first line is that replaces the outer ones."""
    headers: tuple[LostHeader, ...]
    can_merge: bool = False
    """Whether this version can add a block's own fields to the inherited ones."""


class HttpConfigFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One server or location, with the defaults of its version in force.

    None: the file does not decide it.
    """

    product: str = ""
    """``nginx`` or ``caddy``; empty where no file was read."""
    version: str = ""
    undecided: str = ""
    """What depends on the environment or on a matcher that cannot be evaluated, so that the rest
    is unknown."""
    part: bool = False
    """Whether this is a part of a configuration: another file may set what is missing."""
    does: Does = ""
    """How a request is handled. Empty where the file defines no server."""
    tls: bool | None = None

    # -- versions
    h2: bool | None = None
    """Whether HTTP/2 is offered; None without TLS, which browsers require for it."""
    h3: bool | None = None
    h3_known: bool = False
    """Whether this version of the server can do HTTP/3 at all."""
    h3_ports: tuple[int, ...] = ()
    tls_ports: tuple[int, ...] = ()
    """Those of TCP."""
    alt_svc: tuple[str, ...] | None = None
    """The values of Alt-Svc that it adds."""
    quic_retry: bool | None = None
    streams: int | None = None
    """HTTP/2's concurrent streams."""
    h3_broken: str = ""
    """Why HTTP/3, although enabled, cannot respond."""

    # -- connections
    keepalive_seconds: float | None = None
    keepalive_requests: int | None = None
    closes: bool = False
    """Whether each response has ``Connection: close``."""
    clear: Clear = ""
    """How requests without TLS are handled; empty where none can come from a network."""
    hsts: str | None = None
    """The value that is added; empty for none; None where the file does not decide it."""
    hsts_lost: bool = False
    """Whether the server adds it and this location's own add_header lines replace it."""
    lost_headers: LostHeaders | None = None
    """Other fields than HSTS that an outer block adds and this place's lines replace."""
    loops: bool = False
    """Whether https requests are redirected to the URL that they have."""
    tells_version: bool | None = None
    """Whether responses have the server's version in Server."""
    trusts_any: tuple[str, ...] = ()
    """Networks of every address whose field is believed to name the client …"""
    trusted_field: str = ""
    """… and that field."""
    named: bool = False
    """Whether it has a host name, which HSTS requires."""

    # -- content
    etag: bool | None = None
    last_modified: bool | None = None
    cache_control: tuple[str, ...] | None = None
    """What is added as Cache-Control; None where the backend may have set it."""
    expires: str = ""
    """``off``, or the time of ``expires``."""
    gzip: bool | None = None
    gzip_types: tuple[str, ...] = ()
    gzip_vary: bool | None = None
    """Whether Vary names Accept-Encoding, by that directive or by add_header."""
    brotli: bool | None = None
    brotli_types: tuple[str, ...] = ()
    zstd: bool | None = None
    """Whether it compresses with zstd; nginx needs a third-party module."""
    precompressed: tuple[str, ...] = ()
    """The codings of precompressed files that may exist."""
    limited: bool | None = None
    """Whether requests over a limit are rejected …"""
    limit_status: tuple[int, ...] = ()
    """… with which statuses …"""
    retry_after: bool | None = None
    """… and whether those have Retry-After."""

    # -- passing on
    early_data: bool | None = None
    early_data_told: bool | None = None
    """Whether the backend learns that a request was early data, or nginx rejects it."""
    cache: str = ""
    """The zone of proxy_cache; empty for none."""
    cookies_cached: bool | None = None
    """Whether responses are stored with the cookies that they set."""
    private_cached: bool | None = None
    """Whether the backend's Cache-Control is ignored."""
    upload: bool = False
    """Whether the location has the name of a place for uploads."""
    default_body_limit: bool | None = None
    """Whether no line sets the largest request content."""
    event_stream: bool = False
    """Whether the location has the name of an event stream."""
    buffered: bool | None = None
    """Whether its responses are buffered."""
