"""What each setting of nginx.conf changes of the facts, and nothing else."""

from __future__ import annotations

import msgspec
import pytest

from seventh.lint.nginx import views
from seventh.lint.nginx.tls import NOTHING
from seventh.lintkit.files import Files
from seventh.lintkit.linted import View, parse_software
from seventh.model.tlsfacts import TlsFacts
from seventh.protocols.grpc.facts.config import ProxiedCalls
from seventh.protocols.http.facts.config import LostHeader, LostHeaders
from seventh.wire import opensslciphers
from tests.lint.changes import changes
from tests.lint.nginx.texts import server, whole

PASS = "proxy_pass http://127.0.0.1;"
H3 = "listen 443 quic;"
HIGH = tuple(
    suite for suite in opensslciphers.allowed("HIGH:!aNULL:!MD5:!DHE:!DSS") or ()
    if suite.startswith(("TLS_ECDHE_", "TLS_RSA_"))
)  # fmt: skip
"""What the default list allows without ``ssl_dhparam``."""
NO_CONTENT = {
    "http.brotli": None, "http.brotli_types": (), "http.cache_control": None, "http.etag": None,
    "http.expires": "", "http.gzip": None, "http.gzip_types": (), "http.gzip_vary": None,
    "http.last_modified": None, "http.limited": None, "http.retry_after": None, "http.zstd": None,
}  # fmt: skip
"""Of a place that gives no content."""


def passing(inside: str, more: str = "") -> str:
    return server(f"{more} location / {{ {PASS} {inside} }}")


def plain(inside: str) -> str:
    return whole(f"server {{ server_name a.example; {inside} }}")


def zone(inside: str) -> str:
    text = passing(inside)
    return text.replace("http {", "http {\nproxy_cache_path c keys_zone=a:1m;\n")


def front(text: str) -> View:
    """The view of where / of the first server leads."""
    files = Files()
    text_of = files.take("nginx.conf", text.encode())
    linted = views.lint(text_of, files, parse_software("nginx=1.30"))
    assert not linted.problems
    return linted.views[0]


FILES: dict[str, dict[str, object]] = {
    server("server_tokens off;"): {"http.tells_version": False},
    server("server_tokens build;"): {},
    server("more_clear_headers Server;"): {"http.tells_version": None},
    server("gzip on;"): {"http.gzip": True},
    server("gzip on; gzip_types text/css *;"): {
        "http.gzip": True, "http.gzip_types": ("text/html", "text/css", "*"),
    },
    server("gzip_types a/b; location / { gzip on; }"): {
        "http.gzip": True, "http.gzip_types": ("text/html", "a/b"),
    },
    server("gzip on; gzip_vary on;"): {"http.gzip": True, "http.gzip_vary": True},
    server("gzip on; add_header Vary Accept-Encoding;"): {
        "http.gzip": True, "http.gzip_vary": True,
    },
    server("brotli on; brotli_types text/css;"): {
        "http.brotli": True, "http.brotli_types": ("text/html", "text/css"),
    },
    server("etag off;"): {"http.etag": False},
    server('add_header ETag "";'): {"http.etag": False},
    server('add_header Last-Modified "";'): {"http.last_modified": False},
    server("expires 1h;"): {"http.expires": "1h"},
    server("add_header Cache-Control a; add_header Cache-Control b;"): {
        "http.cache_control": ("a", "b"),
    },
    server("add_header Cache-Control a; location / { }"): {"http.cache_control": ("a",)},
    server("add_header Cache-Control a; location / { add_header X y; }"): {
        "http.lost_headers": LostHeaders(
            by="nginx.conf:5", can_merge=True, headers=(
                LostHeader(name="Cache-Control", at="nginx.conf:5",
                           line='add_header Cache-Control "a";'),
            ),
        ),
    },
    server("add_header Strict-Transport-Security max-age=9;"): {"http.hsts": "max-age=9"},
    server("add_header Strict-Transport-Security max-age=9; location / { add_header X y; }"): {
        "http.hsts_lost": True,
    },
    server("add_header Strict-Transport-Security max-age=9; add_header_inherit merge; "
        "location / { add_header X y; }"): {
        "http.hsts": "max-age=9",
    },
    server("add_header Strict-Transport-Security max-age=9; "
        "location / { add_header_inherit off; }"): {
        "http.hsts_lost": True,
    },
    server("add_header Alt-Svc x;"): {"http.alt_svc": ("x",)},
    server("http2 on;"): {"http.h2": True},
    server("http2 on; http2_max_concurrent_streams 9;"): {"http.h2": True, "http.streams": 9},
    server(H3): {"http.h3": True, "http.h3_ports": (443,), "http.quic_retry": False},
    server(f"{H3} quic_retry on;"): {
        "http.h3": True, "http.h3_ports": (443,), "http.quic_retry": True,
    },
    server(f"{H3} http3 off;"): {},
    server("listen 8443 ssl;"): {"http.tls_ports": (443, 8443)},
    server("listen 8443 ssl http2;"): {"http.h2": True, "http.tls_ports": (443, 8443)},
    server("listen 8443 quic;"): {
        "http.h3": True, "http.h3_ports": (8443,), "http.quic_retry": False,
    },
    server("listen 80;"): {"http.clear": "serves"},
    server("listen 80; return 301 https://a$uri;"): {
        **NO_CONTENT, "http.clear": "redirects", "http.does": "redirects",
    },
    server("listen 80; if ($scheme = http) { return 301 https://a$uri; }"): {
        "http.clear": "redirects",
    },
    server("listen 80; if ($args = http) { return 301 https://a$uri; }"): {"http.clear": "serves"},
    server("listen 127.0.0.1:80;"): {},
    server("listen localhost:80;"): {},
    server("listen unix:a;"): {},
    server("listen [::1]:80;"): {},
    server("listen [::2]:80;"): {"http.clear": "serves"},
    server("server_name _;").replace("server_name a.example;", ""): {"http.named": False},
    server("server_name 10.0.0.1 $host [::1];").replace("server_name a.example;", ""): {
        "http.named": False,
    },
    server("").replace("server_name a.example;", ""): {"http.named": False},
    server("keepalive_timeout 0;"): {"http.keepalive_seconds": 0.0},
    server("keepalive_timeout 1m;"): {"http.keepalive_seconds": 60.0},
    server("keepalive_requests 9;"): {"http.keepalive_requests": 9},
    server("keepalive_timeout 500ms;"): {"http.keepalive_seconds": 0.5},
    server("return 404;"): {**NO_CONTENT, "http.does": "refuses"},
    server("return 200 a;"): {**NO_CONTENT, "http.does": "answers"},
    server("return 444;"): {**NO_CONTENT, "http.does": "closes", "http.hsts": None},
    server("return 302 /a;"): {**NO_CONTENT, "http.does": "redirects"},
    server("return https://b;"): {**NO_CONTENT, "http.does": "redirects"},
    server("rewrite ^ https://b permanent;"): {**NO_CONTENT, "http.does": "redirects"},
    server("rewrite ^/a /b permanent;"): {},
    server("rewrite ^ /b;"): {},
    server("rewrite ^(.*)$ https://b$1;"): {**NO_CONTENT, "http.does": "redirects"},
    server("rewrite ^ /b redirect;"): {**NO_CONTENT, "http.does": "redirects"},
    server("location = / { return 404; }"): {**NO_CONTENT, "http.does": "refuses"},
    server("location ^~ / { return 404; }"): {**NO_CONTENT, "http.does": "refuses"},
    server("location /a { return 404; }"): {},
    server("location / { location /a { return 404; } }"): {},
    server("ssl_protocols TLSv1.2;"): {
        "tls.suites": HIGH, "tls.versions": ("TLSv1.2",),
        "tls.versions_refused": ("SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.3"),
    },
    server("ssl_protocols TLSv1.3;"): {
        "tls.obsolete_suites": (), "tls.versions": ("TLSv1.3",),
        "tls.versions_refused": ("SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2"),
    },
    server("ssl_protocols TLSv1 TLSv1.2; ssl_protocols TLSv1.1;"): {
        "tls.suites": HIGH, "tls.versions": ("TLSv1.0", "TLSv1.1", "TLSv1.2"),
        "tls.versions_refused": ("SSLv3", "TLSv1.3"),
    },
    server("ssl_ciphers ECDHE-RSA-AES128-SHA:AES128-GCM-SHA256:DHE-RSA-AES128-GCM-SHA256;"): {
        "tls.obsolete_suites": (
            "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "TLS_RSA_WITH_AES_128_GCM_SHA256",
        ),
    },
    server("ssl_ciphers ECDHE+AESGCM:RC4-SHA;"): {
        "tls.broken_suites": ("TLS_RSA_WITH_RC4_128_SHA",), "tls.obsolete_suites": (),
    },
    server("ssl_ciphers ECDHE+AESGCM:@SECLEVEL=0;"): {
        "tls.obsolete_suites": (), "tls.security_level": 0,
    },
    server("ssl_ecdh_curve X25519;"): {
        "tls.group": "X25519", "tls.hybrid_group": "", "tls.unknown": {},
    },
    server("ssl_ecdh_curve X25519MLKEM768:P-256;"): {
        "tls.group": "X25519MLKEM768:P-256", "tls.hybrid_group": "X25519MLKEM768",
        "tls.unknown": {},
    },
    server("ssl_ecdh_curve X25519; ssl_protocols TLSv1.2;"): {
        "tls.suites": HIGH, "tls.unknown": {}, "tls.versions": ("TLSv1.2",),
        "tls.versions_refused": ("SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.3"),
    },
    server("ssl_session_timeout 1d;"): {"tls.ticket_lifetime_seconds": 86400},
    server("ssl_session_timeout 7d;"): {"tls.ticket_lifetime_seconds": 604800},
    server("ssl_session_timeout 8d;"): {"tls.ticket_lifetime_seconds": 604800},
    server("ssl_session_timeout 8d; ssl_protocols TLSv1.2; ssl_ciphers ECDHE+AESGCM+AES128;"): {
        "tls.obsolete_suites": (), "tls.ticket_lifetime_seconds": 691200,
        "tls.suites": ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
                       "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
        "tls.versions": ("TLSv1.2",),
        "tls.versions_refused": ("SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.3"),
    },
    server("ssl_session_tickets off; ssl_protocols TLSv1.2;"): {
        "tls.resumed": False, "tls.suites": HIGH, "tls.ticket_lifetime_seconds": None,
        "tls.tickets": 0, "tls.versions": ("TLSv1.2",),
        "tls.versions_refused": ("SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.3"),
    },
    server("ssl_session_tickets off;"): {"tls.resumed": False},
    server("ssl_session_tickets off; ssl_session_cache shared:a:1m;"): {},
    server("ssl_session_tickets off; ssl_session_cache builtin;"): {},
    server("ssl_early_data on;"): {
        "tls.early_data_accepted": True, "tls.max_early_data_bytes": 16384,
    },
    server("ssl_early_data on; ssl_protocols TLSv1.2;"): {
        "tls.suites": HIGH, "tls.versions": ("TLSv1.2",),
        "tls.versions_refused": ("SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.3"),
    },
    server("ssl_verify_client on;"): {"tls.client_certificate": "required"},
    server("ssl_verify_client optional;"): {"tls.client_certificate": "optional"},
    server("ssl_verify_client optional; if ($ssl_client_verify = NONE) { return 403; }"): {
        "tls.client_certificate": "refused-later",
    },
    server("ssl_dhparam none.pem; ssl_ciphers DHE+AESGCM;"): {
        "tls.dh_bits": None, "tls.obsolete_suites": (),
    },
    server("ssl_ciphers DHE+AESGCM;"): {"tls.obsolete_suites": ()},
}  # fmt: skip
PASSES: dict[str, dict[str, object]] = {
    server("location / { fastcgi_pass unix:a; }"): {"http.buffered": None},
    passing("proxy_buffering off;"): {"http.buffered": False},
    passing("", "ssl_early_data on;"): {
        "http.early_data": True, "tls.early_data_accepted": True, "tls.max_early_data_bytes": 16384,
    },
    passing("proxy_set_header Early-Data $ssl_early_data;", "ssl_early_data on;"): {
        "http.early_data": True, "http.early_data_told": True, "tls.early_data_accepted": True,
        "tls.max_early_data_bytes": 16384,
    },
    passing("if ($ssl_early_data) { return 425; }", "ssl_early_data on;"): {
        "http.early_data": True, "http.early_data_told": True, "tls.early_data_accepted": True,
        "tls.max_early_data_bytes": 16384,
    },
    server("ssl_early_data on; location / { grpc_pass a:1; grpc_set_header Early-Data 1; }"): {
        "http.buffered": None, "http.early_data": True, "http.early_data_told": True,
        "tls.early_data_accepted": True, "tls.max_early_data_bytes": 16384, "grpc": "there",
        "grpc.proxied": ProxiedCalls(
            product="nginx", place="/", in_clear=False, front_h2=False, backend_h2=True,
            total_seconds=0, idle_seconds=60.0,
        ),
        "grpc.authenticated": False, "grpc.goaway": "", "grpc.http_detail": "", "grpc.server": "",
        "grpc.service": "", "grpc.serving": "", "grpc.unknown": {},
    },
    passing("add_header Cache-Control a;"): {"http.cache_control": ("a",)},
    passing("expires 1h;"): {"http.expires": "1h"},
    passing("add_header Strict-Transport-Security max-age=9;"): {"http.hsts": "max-age=9"},
    passing("add_header Alt-Svc x;"): {"http.alt_svc": ("x",)},
    passing("add_header X y;", "add_header Strict-Transport-Security max-age=9;"): {
        "http.hsts": "", "http.hsts_lost": True,
    },
    passing("gzip on;"): {"http.gzip": True},
    zone("proxy_cache a;"): {"http.cache": "a"},
    zone("proxy_cache a; proxy_ignore_headers Set-Cookie;"): {
        "http.cache": "a", "http.cookies_cached": True,
    },
    zone("proxy_cache a; proxy_ignore_headers Set-Cookie; proxy_hide_header Set-Cookie;"): {
        "http.cache": "a",
    },
    zone("proxy_cache a; proxy_ignore_headers Set-Cookie; "
        "proxy_no_cache $upstream_http_set_cookie;"): {
        "http.cache": "a",
    },
    zone("proxy_cache a; proxy_cache_valid 1m; proxy_ignore_headers Cache-Control;"): {
        "http.cache": "a", "http.private_cached": True,
    },
    zone("proxy_cache a; proxy_ignore_headers Cache-Control;"): {"http.cache": "a"},
    zone("proxy_cache a; proxy_cache_valid 1m; proxy_ignore_headers Cache-Control; "
        "proxy_cache_bypass $args;"): {
        "http.cache": "a",
    },
    zone("proxy_cache off; proxy_ignore_headers Set-Cookie;"): {},
    zone("proxy_cache a; expires 1h; proxy_ignore_headers Cache-Control;"): {
        "http.cache": "a", "http.expires": "1h", "http.private_cached": True,
    },
    passing("proxy_set_header Upgrade $http_upgrade;"): {
        "websocket": "there", "websocket.connection": False, "websocket.idle_seconds": 60.0,
        "websocket.in_clear": False, "websocket.place": "/", "websocket.product": "nginx",
        "websocket.upgrade": True, "websocket.version": "1.1",
    },
    passing("proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;"): {
        "websocket": "there", "websocket.connection": True, "websocket.idle_seconds": 60.0,
        "websocket.in_clear": False, "websocket.place": "/", "websocket.product": "nginx",
        "websocket.upgrade": True, "websocket.version": "1.1",
    },
    passing("proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection close; "
        "proxy_read_timeout 1h;"): {
        "websocket": "there", "websocket.connection": False, "websocket.idle_seconds": 3600.0,
        "websocket.in_clear": False, "websocket.place": "/", "websocket.product": "nginx",
        "websocket.upgrade": True, "websocket.version": "1.1",
    },
    passing('proxy_set_header Upgrade ""; proxy_set_header Connection upgrade;'): {},
    passing("proxy_set_header Upgrade $http_upgrade; proxy_http_version 1.0;"): {
        "websocket": "there", "websocket.connection": False, "websocket.idle_seconds": 60.0,
        "websocket.in_clear": False, "websocket.place": "/", "websocket.product": "nginx",
        "websocket.upgrade": True, "websocket.version": "1.0",
    },
    plain(f"location / {{ {PASS} proxy_set_header Upgrade $http_upgrade; }}"): {
        "http.clear": "serves", "http.h2": None, "http.h3": None, "http.tls": False,
        "http.tls_ports": (), "tls": None, "websocket": "there", "websocket.connection": False,
        "websocket.idle_seconds": 60.0, "websocket.in_clear": True, "websocket.place": "/",
        "websocket.product": "nginx", "websocket.upgrade": True, "websocket.version": "1.1",
    },
}  # fmt: skip
CLEAR: dict[str, dict[str, object]] = {
    plain(""): {},
    plain("listen 80; return 301 https://a$uri;"): {
        **NO_CONTENT, "http.clear": "redirects", "http.does": "redirects",
    },
    plain("listen 80; location / { return 302 https://a$uri; }"): {
        **NO_CONTENT, "http.clear": "redirects", "http.does": "redirects",
    },
    plain("listen 80; return 404;"): {
        **NO_CONTENT, "http.clear": "refuses", "http.does": "refuses",
    },
    plain("listen 80; return 444;"): {**NO_CONTENT, "http.clear": "closes", "http.does": "closes"},
    plain("listen 80; rewrite ^ https://a permanent;"): {
        **NO_CONTENT, "http.clear": "redirects", "http.does": "redirects",
    },
    plain("listen 8080; gzip on;"): {"http.gzip": True},
    plain("listen 127.0.0.1:80; listen [::1]:80;"): {"http.clear": ""},
    plain("listen *:80 http2;"): {},
}  # fmt: skip
CASES = {server(""): FILES, passing(""): PASSES, plain("listen 80;"): CLEAR}


@pytest.mark.parametrize(
    ("without", "text"), [(without, text) for without, cases in CASES.items() for text in cases]
)
def test_what_a_setting_changes(without: str, text: str) -> None:
    assert changes(front(without), front(text)) == CASES[without][text]


PARTS: dict[str, dict[str, object]] = {
    "ssl_protocols TLSv1.2;": {
        "versions": ("TLSv1.2",), "versions_refused": ("SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.3"),
    },
    "ssl_protocols TLSv1.3; ssl_ecdh_curve X25519;": {
        "versions": ("TLSv1.3",), "versions_refused": ("SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2"),
        "group": "X25519", "hybrid_group": "",
    },
    "ssl_ciphers ECDHE+AESGCM:AES128-SHA;": {
        "broken_suites": (), "obsolete_suites": ("TLS_RSA_WITH_AES_128_CBC_SHA",),
    },
    "ssl_session_tickets off;": {"resumed": False},
    "ssl_session_cache shared:a:1m;": {"resumed": True},
    "ssl_session_tickets off; ssl_session_cache shared:a:1m;": {"resumed": True},
    "ssl_early_data on;": {"early_data_accepted": True, "max_early_data_bytes": 16384},
    "ssl_early_data off;": {"early_data_accepted": False, "max_early_data_bytes": 0},
    "ssl_verify_client off;": {"client_certificate": "not-requested"},
    "ssl_verify_client optional_no_ca;": {"client_certificate": "optional"},
    "http { ssl_verify_client on; } events { }": {"client_certificate": "required"},
}  # fmt: skip


@pytest.mark.parametrize("text", PARTS)
def test_what_a_line_decides_alone(text: str) -> None:
    tls = front(text).facts["tls"]
    assert isinstance(tls, TlsFacts)
    said = msgspec.structs.asdict(tls)
    plain = msgspec.structs.asdict(NOTHING)
    assert {name: said[name] for name in said if said[name] != plain[name]} == PARTS[text]


@pytest.mark.parametrize("text", ["gzip on;", "http { } events { }", "location / { }"])
def test_a_part_without_a_line_of_tls_decides_nothing_of_it(text: str) -> None:
    assert "tls" not in front(text).facts
