"""How each server's configuration says what the verdicts speak of, and which lines decide it."""

from __future__ import annotations

import msgspec

At = tuple[str, ...]
"""Names of settings, as a linter's view has them."""


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """One product's own words."""

    no_h2: str
    at_h2: At
    too_old_for_h3: str
    no_h3: str
    at_h3: At
    h3_hidden: str
    at_alt_svc: At
    announced: str
    h3_dead: str
    at_h3_broken: At
    no_tcp: str
    """QUIC on a port, and no TCP beside it; ``{port}``."""
    at_listen: At
    at_idle: At
    closes: str
    at_closes: At
    in_clear: str
    at_clear: At
    no_hsts: str
    at_hsts: At
    at_validators: At
    no_lifetime: str
    at_lifetime: At
    no_cache_control: str
    at_cache_control: At
    no_vary: str
    """``{coding}`` is compressed with; the fields that it is chosen by are not named."""
    at_vary: At
    no_coding: str
    no_styles: str
    at_coding: At
    at_types: At
    """Where the media types of gzip stand, then those of brotli."""
    own_zstd: bool
    """Whether zstd is its own, with the media types of gzip."""
    early: str
    at_early: At
    buffered: str
    at_buffered: At


NGINX = Words(
    no_h2="neither http2 on nor a listen line with http2",
    at_h2=("http2", "listen"),
    too_old_for_h3="nginx {version} has no HTTP/3",
    no_h3="no listen line with quic, or http3 is off",
    at_h3=("listen", "http3"),
    h3_hidden="a listen line has quic, and no add_header Alt-Svc says so; what DNS says of it, the "
    "file does not tell",
    at_alt_svc=("add_header", "listen"),
    announced="add_header Alt-Svc",
    h3_dead="no listen line has quic",
    at_h3_broken=("ssl_protocols",),
    no_tcp="port {port} has quic and no listen line with ssl beside it",
    at_listen=("listen",),
    at_idle=("keepalive_timeout",),
    closes="keepalive_timeout 0 closes the connection after each answer",
    at_closes=("keepalive_timeout",),
    in_clear="a listen line without ssl, and no return to https",
    at_clear=("listen",),
    no_hsts="no add_header line in force sends Strict-Transport-Security",
    at_hsts=("add_header",),
    at_validators=("etag", "add_header"),
    no_lifetime="neither expires nor add_header Cache-Control says how long files hold",
    at_lifetime=("expires", "add_header"),
    no_cache_control="no add_header line sets Cache-Control",
    at_cache_control=("add_header",),
    no_vary="{coding} is on and gzip_vary off: Accept-Encoding decides the coding, and Vary does "
    "not name it",
    at_vary=("gzip_vary",),
    no_coding="every text, for gzip is off",
    no_styles="styles, scripts and JSON, for gzip_types leaves them out",
    at_coding=("gzip", "brotli"),
    at_types=("gzip_types", "brotli_types"),
    own_zstd=False,
    early="ssl_early_data is on, and requests are passed on without proxy_set_header "
    "Early-Data $ssl_early_data",
    at_early=("ssl_early_data", "proxy_set_header", "proxy_pass"),
    buffered="proxy_buffering is on: unless each reply says X-Accel-Buffering: no, events wait "
    "until a buffer is full",
    at_buffered=("proxy_buffering", "proxy_pass"),
)

CADDY = Words(
    no_h2="protocols leaves h2 out",
    at_h2=("servers protocols", "tls alpn"),
    too_old_for_h3="caddy {version} has no HTTP/3",
    no_h3="protocols leaves h3 out",
    at_h3=("servers protocols",),
    h3_hidden="h3 is spoken, and no reply over TCP says so in Alt-Svc; what DNS says of it, the "
    "file does not tell",
    at_alt_svc=("header alt-svc", "servers protocols"),
    announced="header Alt-Svc",
    h3_dead="protocols leaves h3 out",
    at_h3_broken=("header connection", "tls protocols"),
    no_tcp="port {port} has h3 and neither h1 nor h2 beside it",
    at_listen=("servers protocols",),
    at_idle=("idle",),
    closes="header Connection close ends the connection after each answer",
    at_closes=("header connection",),
    in_clear="an address with http:// or port 80, or a port alone, and no redir to https",
    at_clear=("site",),
    no_hsts="no header line in force sends Strict-Transport-Security",
    at_hsts=("header strict-transport-security", "site"),
    at_validators=("header etag", "header last-modified"),
    no_lifetime="no header line says in Cache-Control how long files hold",
    at_lifetime=("header cache-control", "header expires", "file_server"),
    no_cache_control="no header line sets Cache-Control",
    at_cache_control=("header cache-control",),
    no_vary="encode compresses with {coding}, and a header line takes Vary away: Accept-Encoding "
    "decides the coding, and nothing says so",
    at_vary=("header vary", "encode"),
    no_coding="every text, for there is no encode",
    no_styles="styles, scripts and JSON, for the match of encode leaves them out",
    at_coding=("encode",),
    at_types=("encode",),
    own_zstd=True,
    early="HTTP/3 takes early data, and header_up or request_header takes Early-Data away from "
    "what is handed on",
    at_early=("header_up", "request_header", "0rtt"),
    buffered="response_buffers holds events back until so much has come or the reply is over",
    at_buffered=("response_buffers",),
)


def of(product: str) -> Words:
    """Return the words of a product's own configuration."""
    return CADDY if product == "caddy" else NGINX
