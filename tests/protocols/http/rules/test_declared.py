"""What is declared of rules: the tier of their evidence, and the settings that lint shows."""

from __future__ import annotations

import pytest

from seventh import protocols
from seventh.protocols.http.rules.content import no_brotli, no_compress
from seventh.protocols.http.rules.origin import hsts
from seventh.rules.words import fill

RULES = {rule.id: rule for rule in protocols.rules("http")}
TIERS = {
    # From the handshakes and the response that any check gets.
    0: "HTTP-STATUS HTTP-LENGTH HTTP-GRAMMAR HTTP-NO-H2 HTTP-NO-H3 HTTP-H3-DEAD HTTP-H3-HIDDEN "
    "HTTP-FALLBACK HTTP-NO-HTTPS HTTP-HSTS HTTP-REDIRECT H2-SETTINGS QUIC-AMPLIFY QUIC-IDLE "
    "QUIC-PMTU HTTP-SERVER-LEAK HTTP-HEADERS-LOST HTTP-REDIRECT-LOOP HTTP-PROXY-TRUST",
    # From further harmless requests.
    1: "HTTP-CODING HTTP-NO-REUSE HTTP-DATE-SKEW HTTP-UPGRADE-TLS HTTP-TTFB HTTP-NO-COMPRESS "
    "HTTP-NO-BR HTTP-COMPRESS-WASTE HTTP-COMPRESS-BREACH HTTP-PAYLOAD HTTP-RETRY-INFO "
    "HTTP-NO-FRESHNESS HTTP-CACHE-LEAK HTTP-NO-SWR HTTP-VARY HTTP-NO-VALIDATOR HTTP-ETAG-IGNORED "
    "HTTP-ETAG-UNSTABLE HTTP-ETAG-ENC HTTP-304-HDRS REST-SCHEMA REST-ERRORS REST-CTYPE "
    "REST-SUNSET HTTP-CORS-CREDS HTTP-COOKIE-FLAGS",
    # From a request that may change something.
    3: "HTTP-IDEMPOTENCY HTTP-0RTT-UNSAFE HTTP-100CONT HTTP-BODY-LIMIT",
    # From what no client does: invalid messages, moves, long holds.
    4: "HTTP-CLTE QUIC-MIGRATE SSE-HEARTBEAT",
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "tier"), [(name, tier) for tier, names in TIERS.items() for name in names.split()]
)
def test_tiers(name: str, tier: int) -> None:
    assert RULES[name].tier == tier


@pytest.mark.parametrize(
    ("name", "nginx", "caddy"),
    [
        ("HTTP-NO-H2", "http2, listen", "servers protocols, tls alpn"),
        ("HTTP-NO-H3", "listen, http3", "servers protocols"),
        ("HTTP-H3-DEAD", "add_header, listen", "header alt-svc, servers protocols"),
        ("HTTP-H3-HIDDEN", "add_header, listen", "header alt-svc, servers protocols"),
        ("HTTP-FALLBACK", "listen", "servers protocols"),
        ("HTTP-NO-REUSE", "keepalive_timeout, keepalive_requests", "idle"),
        ("HTTP-NO-HTTPS", "listen, return", "site, redir"),
        ("HTTP-HSTS", "add_header", "header strict-transport-security, site"),
        ("H2-SETTINGS", "http2_max_concurrent_streams", None),
        ("QUIC-AMPLIFY", "quic_retry", None),
        ("QUIC-IDLE", "keepalive_timeout", None),
        ("HTTP-0RTT-UNSAFE", "ssl_early_data, proxy_set_header, proxy_pass",
         "header_up, request_header, 0rtt"),
        ("HTTP-NO-VALIDATOR", "etag, add_header", "header etag, header last-modified"),
        ("HTTP-NO-FRESHNESS", "expires, add_header",
         "header cache-control, header expires, file_server"),
        ("HTTP-CACHE-LEAK", "proxy_cache, proxy_ignore_headers, proxy_cache_valid", None),
        ("HTTP-NO-SWR", "add_header", "header cache-control"),
        ("HTTP-VARY", "gzip_vary, gzip, brotli", "header vary, encode"),
        ("HTTP-NO-COMPRESS", "gzip, brotli", "encode"),
        ("HTTP-NO-BR", "brotli, gzip", "encode"),
        ("HTTP-COMPRESS-WASTE", "gzip_types, brotli_types", "encode"),
        ("HTTP-HEADERS-LOST", "add_header, add_header lost", None),
        ("HTTP-REDIRECT-LOOP", "return, listen", None),
        ("HTTP-PROXY-TRUST", "set_real_ip_from, real_ip_header, listen",
         "trusted_proxies, client_ip_headers"),
        ("HTTP-SERVER-LEAK", "server_tokens", None),
        ("HTTP-BODY-LIMIT", "client_max_body_size, proxy_pass", None),
        ("HTTP-RETRY-INFO", "limit_req, limit_conn, limit_req_status", None),
        ("SSE-HEARTBEAT", "proxy_buffering, proxy_pass", "response_buffers"),
    ],
)  # fmt: skip
def test_the_settings_that_lint_shows(name: str, nginx: str, caddy: str | None) -> None:
    shown = {product: ", ".join(names) for product, names in RULES[name].directives.items()}
    assert shown == {"nginx": nginx, **({"caddy": caddy} if caddy else {})}


_COMPRESSOR = """\
# in http_filters, before the router
- name: {library}
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.filters.http.compressor.v3.Compressor
    response_direction_config: {{ weaken_etag_on_compress: true }}
{more}\
    compressor_library:
      name: {library}
      typed_config: {{ "@type": \
type.googleapis.com/envoy.extensions.compression.{library}.compressor.v3.{kind} }}"""


def test_envoy_s_compressors() -> None:
    """Envoy names each library's type in its API, v3: compression/LIBRARY/compressor/v3/KIND."""
    assert fill(no_compress.words.fix["envoy"], {}) == _COMPRESSOR.format(
        library="gzip", kind="Gzip", more=""
    )
    assert fill(no_brotli.words.fix["envoy"], {}) == _COMPRESSOR.format(
        library="brotli", kind="Brotli", more="    choose_first: true\n"
    )


def test_a_comment_of_haproxy_s_two_parts() -> None:
    assert hsts.words.fix["haproxy"] == (
        "# in frontend; where every subdomain has https, append ; includeSubDomains to the value\n"
        'http-response set-header Strict-Transport-Security "max-age=31536000"'
    )
