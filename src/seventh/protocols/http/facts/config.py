"""What nginx.conf or a Caddyfile decides for one server, or for one place that differs from it."""

from __future__ import annotations

from typing import Literal

import msgspec

Does = Literal["files", "passes", "redirects", "answers", "refuses", "closes", ""]
Clear = Literal["serves", "redirects", "refuses", "closes", ""]


class HttpConfigFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One server or location, with the defaults of its version in force.

    None is: the file does not decide it.
    """

    product: str = ""
    """``nginx`` or ``caddy``; empty where no file was read."""
    version: str = ""
    undecided: str = ""
    """What the file leaves to the environment, or to a matcher that cannot be judged, and that
    leaves what follows from it unknown."""
    part: bool = False
    """Whether this is a part of a configuration: what it leaves out, another file may say."""
    does: Does = ""
    """What becomes of a request. Empty where the file names no server."""
    tls: bool | None = None

    # -- versions
    h2: bool | None = None
    """Whether HTTP/2 is offered; None where there is no TLS, over which browsers speak it."""
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
    """HTTP/2: how many may be open at once."""
    h3_broken: str = ""
    """Why HTTP/3, though it is listened for, can give no reply."""

    # -- connections
    keepalive_seconds: float | None = None
    keepalive_requests: int | None = None
    closes: bool = False
    """Whether each reply says ``Connection: close``."""
    clear: Clear = ""
    """What is done without TLS; empty where nothing listens so, or only for this machine."""
    hsts: str | None = None
    """The value that is added; empty where none is; None where that is not the file's to say."""
    hsts_lost: bool = False
    """Whether the server adds it and this location's own add_header lines take it away."""
    named: bool = False
    """Whether it has a host name, without which HSTS cannot be."""

    # -- content
    etag: bool | None = None
    last_modified: bool | None = None
    cache_control: tuple[str, ...] | None = None
    """What is added as Cache-Control; None where another server may have said it."""
    expires: str = ""
    """``off``, or the time that ``expires`` gives."""
    gzip: bool | None = None
    gzip_types: tuple[str, ...] = ()
    gzip_vary: bool | None = None
    """Whether Vary names Accept-Encoding, by that directive or by add_header."""
    brotli: bool | None = None
    brotli_types: tuple[str, ...] = ()
    zstd: bool | None = None
    """Whether it compresses so: with nginx a module does that is not its own."""
    precompressed: tuple[str, ...] = ()
    """The codings in which files may lie beside those that are asked for."""
    limited: bool | None = None
    """Whether requests beyond a limit are refused …"""
    limit_status: tuple[int, ...] = ()
    """… with which statuses …"""
    retry_after: bool | None = None
    """… and whether those tell when to come back."""

    # -- passing on
    early_data: bool | None = None
    early_data_told: bool | None = None
    """Whether the server behind learns that a request came as early data, or nginx refuses it."""
    cache: str = ""
    """The zone of proxy_cache; empty for none."""
    cookies_cached: bool | None = None
    """Whether replies are kept although they set a cookie, cookie and all."""
    private_cached: bool | None = None
    """Whether what the server behind says of caching is passed over."""
    event_stream: bool = False
    """Whether the location's name is that of an event stream."""
    buffered: bool | None = None
    """Whether its replies are collected before they go on."""
