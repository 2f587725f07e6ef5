"""What each setting of a Caddyfile changes of the facts, and nothing else."""

from __future__ import annotations

import pytest

from seventh.lint.caddy import views
from seventh.lintkit.files import Files
from seventh.lintkit.linted import View
from seventh.protocols.http.facts import HttpFacts
from tests.lint.changes import changes

PASS = "reverse_proxy a:1"
RSA, ECDSA = "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA"
OWN_SUITES = (
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
)  # fmt: skip
CIPHERS = f"ciphers {RSA} {ECDSA}"
TYPE = "match {\nheader Content-Type"
UPGRADE = "header_up Upgrade WebSocket\nheader_up Connection Upgrade"
TEXTS = (
    "text/html", "text/css", "text/javascript", "application/javascript", "application/json",
    "image/svg+xml",
)  # fmt: skip


def site(inside: str, address: str = "a.example") -> str:
    return f"{address} {{\n{inside}\n}}\n"


def options(said: str, inside: str = "file_server", address: str = "a.example") -> str:
    return f"{{\n{said}\n}}\n{site(inside, address)}"


def front(text: str) -> View:
    """The view of where / of the first site leads."""
    files = Files()
    linted = views.lint(files.take("Caddyfile", text.encode()), files, None)
    assert not linted.problems
    return linted.views[0]


FILES: dict[str, dict[str, object]] = {
    site("abort"): {
        "http.brotli": None, "http.cache_control": None, "http.does": "closes",
        "http.etag": None, "http.gzip": None, "http.gzip_vary": None, "http.hsts": None,
        "http.last_modified": None, "http.zstd": None,
    },
    site("header Connection keep-alive\nfile_server"): {
        "http.h3_broken": "header Connection makes every reply in HTTP/3 malformed (RFC 9114)",
    },
    options("servers {\ntimeouts {\nidle {$X}\n}\n}"): {"http.keepalive_seconds": None},
    options("servers {\nprotocols {$P}\n}"): {
        "http.alt_svc": None, "http.h2": None, "http.h3": None, "http.h3_ports": (),
        "http.tls_ports": (),
    },
    options("servers {\nprotocols h1 h2c\n}"): {
        "http.alt_svc": (), "http.h2": False, "http.h3": False, "http.h3_ports": (),
    },
    site("file_server", "a.example, http://localhost"): {},
    site("file_server", "a.example:8443, b.example"): {
        "http.h3_ports": (443, 8443), "http.tls_ports": (443, 8443),
    },
    site("bind 127.0.0.1\nfile_server"): {"http.clear": ""},
    site("header Cache-Control a\nheader Expires b\nfile_server"): {"http.cache_control": ("a",)},
    site("@a expression true\nheader @a -ETag\nfile_server"): {"http.etag": None},
    site("@a expression true\nheader @a -Last-*\nfile_server"): {"http.last_modified": None},
    site("@a expression true\nheader @a Strict-Transport-Security x\nfile_server"): {
        "http.hsts": None,
    },
    site("@a expression true\nheader @a Alt-Svc x\nfile_server"): {"http.alt_svc": None},
    site("encode br gzip\nfile_server"): {
        "http.brotli": True, "http.gzip": True, "http.gzip_types": TEXTS,
    },
    site("encode brotli\nfile_server"): {"http.brotli": True, "http.gzip_types": TEXTS},
    site("encode zstd\nheader -Vary\nheader +Vary accept-encoding\nfile_server"): {
        "http.gzip_types": TEXTS, "http.gzip_vary": False, "http.zstd": True,
    },
    site("file_server", "localhost"): {"http.named": False},
    site("file_server", "127.0.0.1"): {"http.named": False},
    site("tls internal\nfile_server", ":8443"): {
        "http.alt_svc": ('h3=":8443"',), "http.h3_ports": (8443,), "http.named": False,
        "http.tls_ports": (8443,),
    },
    site("file_server", "a.example, http://a.example"): {"http.clear": "serves"},
    site("file_server", "a.example:8443"): {
        "http.alt_svc": ('h3=":8443"',), "http.h3_ports": (8443,), "http.tls_ports": (8443,),
    },
    site("file_server", "https://:8443"): {
        "http.alt_svc": ('h3=":8443"',), "http.h3_ports": (8443,), "http.named": False,
        "http.tls_ports": (8443,),
    },
    options("auto_https off"): {"http.clear": ""},
    options("auto_https disable_redirects"): {"http.clear": ""},
    options("auto_https disable_certs"): {},
    options("http_port 8080"): {},
    options("https_port 8443"): {
        "http.alt_svc": ('h3=":8443"',), "http.h3_ports": (8443,), "http.tls_ports": (8443,),
    },
    site("redir https://b{uri}"): {
        "http.brotli": None, "http.cache_control": None, "http.does": "redirects",
        "http.etag": None, "http.gzip": None, "http.gzip_vary": None, "http.last_modified": None,
        "http.zstd": None,
    },
    options("servers {\nprotocols h1 h2\n}"): {
        "http.alt_svc": (), "http.h3": False, "http.h3_ports": (),
    },
    options("servers {\nprotocols h3\n}"): {
        "http.alt_svc": (), "http.h2": False, "http.tls_ports": (),
    },
    options("servers {\nprotocols h1\n}"): {
        "http.alt_svc": (), "http.h2": False, "http.h3": False, "http.h3_ports": (),
    },
    options("servers {\ntimeouts {\nidle 10s\n}\n}"): {"http.keepalive_seconds": 10.0},
    options("servers {\ntimeouts {\nidle 0\n}\n}"): {},
    # the last line counts
    options("servers {\ntimeouts {\nidle 10s\nidle 20s\n}\n}"): {"http.keepalive_seconds": 20.0},
    site("tls {\nalpn h2\nalpn http/1.1\n}\nfile_server"): {"http.h2": False},
    site("tls {\nalpn http/1.1\nalpn h2\n}\nfile_server"): {},
    # without HTTP/3, nothing breaks it
    options("servers {\nprotocols h1 h2\n}", "header Connection keep-alive\nfile_server"): {
        "http.alt_svc": (), "http.h3": False, "http.h3_ports": (),
    },
    options("servers :443 {\nprotocols h1\n}"): {
        "http.alt_svc": (), "http.h2": False, "http.h3": False, "http.h3_ports": (),
    },
    options("servers :80 {\nprotocols h1\n}"): {},
    options("servers {\nprotocols h1\n}\nservers :443 {\nprotocols h1 h2\n}"): {
        "http.alt_svc": (), "http.h3": False, "http.h3_ports": (),
    },
    options("servers 127.0.0.1:443 {\nprotocols h1\n}"): {
        "http.alt_svc": (), "http.h2": False, "http.h3": False, "http.h3_ports": (),
    },
    site("header Connection close\nfile_server"): {
        "http.closes": True,
        "http.h3_broken": "header Connection makes every reply in HTTP/3 malformed (RFC 9114)",
    },
    site("header Strict-Transport-Security max-age=9\nfile_server"): {"http.hsts": "max-age=9"},
    site("header -Strict-Transport-Security\nfile_server"): {},
    site("header Strict-Transport-Security a b\nfile_server"): {"http.hsts": None},
    site("header +Cache-Control a\nheader +Cache-Control b\nfile_server"): {
        "http.cache_control": ("a", "b"),
    },
    site("header ?Cache-Control a\nfile_server"): {"http.cache_control": ("a",)},
    site("header Cache-Control a\nheader ?Cache-Control b\nfile_server"): {
        "http.cache_control": ("a",),
    },
    site("header >Cache-Control a\nfile_server"): {"http.cache_control": ("a",)},
    site("header {\n+Cache-Control a\nCache-Control b\n}\nfile_server"): {
        "http.cache_control": ("b",),
    },
    site("header {\nCache-Control a\ndefer\n}\nfile_server"): {"http.cache_control": ("a",)},
    site("header {\nCache-Control a\nmatch {\nstatus 200\n}\n}\nfile_server"): {
        "http.cache_control": None,
    },
    site("header -Cache-*\nheader Cache-Control a\nfile_server"): {},
    site("header Cache-Control: a\nfile_server"): {"http.cache_control": ("a",)},
    site("header Cache-Control \"\"\nfile_server"): {},
    site("header Expires x\nfile_server"): {"http.cache_control": ("Expires: x",)},
    site("header -ETag\nfile_server"): {"http.etag": False},
    site("header -Last-Modified\nfile_server"): {"http.last_modified": False},
    site("header Alt-Svc x\nfile_server"): {"http.alt_svc": ("x",)},
    site("header -Alt-Svc\nfile_server"): {"http.alt_svc": ()},
    site("@a expression true\nheader @a Cache-Control a\nfile_server"): {
        "http.cache_control": None,
    },
    site("@a path /\nheader @a Cache-Control a\nfile_server"): {"http.cache_control": ("a",)},
    site("@a method POST\nheader @a Cache-Control a\nfile_server"): {},
    site("@a {\npath /\npath /b\nmethod GET\n}\nheader @a Cache-Control a\nfile_server"): {
        "http.cache_control": ("a",),
    },
    site("@a {\nnot path /b\nnot method POST\n}\nheader @a Cache-Control a\nfile_server"): {
        "http.cache_control": ("a",),
    },
    site("@a {\npath /\nexpression true\n}\nheader @a Cache-Control a\nfile_server"): {
        "http.cache_control": None,
    },
    site("encode\nfile_server"): {
        "http.gzip": True,
        "http.gzip_types": TEXTS,
        "http.zstd": True,
    },
    site("encode gzip\nfile_server"): {
        "http.gzip": True,
        "http.gzip_types": TEXTS,
    },
    site("encode {\nzstd\n}\nfile_server"): {
        "http.gzip_types": TEXTS,
        "http.zstd": True,
    },
    site(f"encode {{\ngzip 5\nminimum_length 9\n{TYPE} text/* image/png\n}}\n}}\nfile_server"): {
        "http.gzip": True,
        "http.gzip_types": ("text/html", "text/css", "text/javascript", "text/*", "image/png"),
    },
    site("encode {\nmatch header Content-Type *\n}\nfile_server"): {
        "http.gzip": True,
        "http.gzip_types": (*TEXTS, "*"),
        "http.zstd": True,
    },
    site(f"encode {{\ngzip\n{TYPE} image/png* a/* *\n}}\n}}\nfile_server"): {
        "http.gzip": True, "http.gzip_types": (*TEXTS, "image/png", "a/*", "*"),
    },
    site("encode {\nmatch {\nstatus 200\n}\n}\nfile_server"): {
        "http.gzip": True,
        "http.gzip_types": TEXTS,
        "http.zstd": True,
    },
    site("encode gzip\nheader -Vary\nfile_server"): {
        "http.gzip": True,
        "http.gzip_types": TEXTS,
        "http.gzip_vary": False,
    },
    site("encode gzip\nheader -Vary\nheader Vary Accept-Encoding\nfile_server"): {
        "http.gzip": True,
        "http.gzip_types": TEXTS,
        "http.gzip_vary": False,
    },
    site("@a expression true\nencode @a gzip\nfile_server"): {
        "http.brotli": None, "http.gzip": None, "http.gzip_vary": None, "http.zstd": None,
    },
    site("file_server {\nprecompressed\n}"): {"http.precompressed": ("br", "zstd", "gzip")},
    site("file_server {\nprecompressed br\n}"): {"http.precompressed": ("br",)},
    site("encode {$CODING}\nfile_server"): {
        "http.brotli": None, "http.gzip": None, "http.gzip_vary": None, "http.zstd": None,
    },
    site("forward_auth a:1 {\nuri /b\n}\nrespond hi"): {
        "http.brotli": None, "http.cache_control": None, "http.does": "answers", "http.etag": None,
        "http.gzip": None, "http.gzip_vary": None, "http.last_modified": None, "http.zstd": None,
    },
    site("file_server\n{$MORE}"): {
        "http.undecided": "the environment decides what stands for {$MORE}", "tls": None,
    },
    site("file_server", "{$SITE}, a.example"): {
        "http.undecided": "the environment decides the address {$SITE}",
    },
    site("tls {\nprotocols tls1.2 tls1.2\n}\nfile_server"): {
        "http.h3_broken": "tls leaves TLS 1.3 out, without which there is no QUIC",
        "tls.group": None, "tls.hybrid_group": None, "tls.suites": OWN_SUITES,
        "tls.versions": ("TLSv1.2",),
        "tls.versions_refused": ("SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.3"),
    },
    site("tls {\nalpn http/1.1\n}\nfile_server"): {"http.h2": False},
    site("tls {\nalpn h2 http/1.1\n}\nfile_server"): {},
    site(f"tls {{\nprotocols tls1.2 tls1.2\n{CIPHERS}\ncurves x25519\n}}\nfile_server"): {
        "http.h3_broken": "tls leaves TLS 1.3 out, without which there is no QUIC",
        "tls.group": None, "tls.hybrid_group": None,
        "tls.obsolete_suites": (ECDSA,), "tls.suites": (ECDSA,),
        "tls.versions": ("TLSv1.2",),
        "tls.versions_refused": ("SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.3"),
    },
}  # fmt: skip
PASSES: dict[str, dict[str, object]] = {
    options("servers {\nprotocols {$P}\n}", PASS): {
        "http.alt_svc": None, "http.early_data": None, "http.h2": None, "http.h3": None,
        "http.h3_ports": (), "http.tls_ports": (),
    },
    options("servers {\nprotocols h1 h2\n}", PASS): {
        "http.alt_svc": (), "http.early_data": False, "http.h3": False, "http.h3_ports": (),
    },
    site(f"{PASS} {{\nheader_down Expires x\n}}"): {"http.cache_control": ("Expires: x",)},
    site(f"header ETag x\nencode gzip\n{PASS}"): {
        "http.gzip": True, "http.gzip_types": TEXTS,
    },
    site("mercure"): {
        "http.buffered": None, "http.early_data": None, "http.early_data_told": None,
    },
    site("abort"): {
        "http.brotli": None, "http.buffered": None, "http.does": "closes", "http.early_data": None,
        "http.early_data_told": None, "http.gzip": None, "http.gzip_vary": None, "http.zstd": None,
    },
    site(PASS): {},
    site(f"{PASS} {{\nheader_down Cache-Control a\nresponse_buffers 1m\n}}"): {
        "http.buffered": True, "http.cache_control": ("a",),
    },
    site(f"{PASS} {{\nheader_up -Early-Data\n}}"): {"http.early_data_told": False},
    site(f"{PASS} {{\nheader_up Early-Data x\n}}"): {"http.early_data_told": False},
    site(f"request_header -Early-*\n{PASS}"): {"http.early_data_told": False},
    options("servers {\n0rtt off\n}", PASS): {"http.early_data": False},
    site("php_fastcgi a:1"): {},
    site(f"header Strict-Transport-Security max-age=9\n{PASS}"): {"http.hsts": "max-age=9"},
    site(f"header -Strict-Transport-Security\n{PASS}"): {"http.hsts": ""},
    site(f"{PASS} {{\nheader_up Upgrade {{>Upgrade}}\n}}"): {
        "websocket": "there", "websocket.connection": True, "websocket.in_clear": False,
        "websocket.place": "/", "websocket.product": "caddy", "websocket.upgrade": False,
        "websocket.version": "1.1",
    },
    site(f"{PASS} {{\n{UPGRADE}\ntransport http {{\nread_timeout 5m\n}}\nstream_timeout 1h\n}}"): {
        "websocket": "there", "websocket.connection": True, "websocket.idle_seconds": 300.0,
        "websocket.in_clear": False, "websocket.life_seconds": 3600.0, "websocket.place": "/",
        "websocket.product": "caddy", "websocket.upgrade": True, "websocket.version": "1.1",
    },
    site(f"{PASS} {{\nheader_up Upgrade {{header.Upgrade}}\n}}"): {
        "websocket": "there", "websocket.connection": True, "websocket.in_clear": False,
        "websocket.place": "/", "websocket.product": "caddy", "websocket.upgrade": True,
        "websocket.version": "1.1",
    },
    site(f"{PASS} {{\nheader_up Connection close\n}}"): {
        "websocket": "there", "websocket.connection": False, "websocket.in_clear": False,
        "websocket.place": "/", "websocket.product": "caddy", "websocket.upgrade": True,
        "websocket.version": "1.1",
    },
}  # fmt: skip
CLEAR: dict[str, dict[str, object]] = {
    site("redir /* /x", "http://a.example"): {
        "http.brotli": None, "http.cache_control": None,
        "http.does": "redirects", "http.etag": None, "http.gzip": None, "http.gzip_vary": None,
        "http.last_modified": None, "http.zstd": None,
    },
    site("respond hi", "http://a.example"): {
        "http.brotli": None, "http.cache_control": None,
        "http.does": "answers", "http.etag": None, "http.gzip": None, "http.gzip_vary": None,
        "http.last_modified": None, "http.zstd": None,
    },
    site("redir HTTPS://a.example{uri}", "http://a.example"): {
        "http.brotli": None, "http.cache_control": None, "http.clear": "redirects",
        "http.does": "redirects", "http.etag": None, "http.gzip": None, "http.gzip_vary": None,
        "http.last_modified": None, "http.zstd": None,
    },
    site("error 500", "http://a.example"): {
        "http.brotli": None, "http.cache_control": None, "http.clear": "refuses",
        "http.does": "refuses", "http.etag": None, "http.gzip": None, "http.gzip_vary": None,
        "http.last_modified": None, "http.zstd": None,
    },
    site("file_server", "http://a.example, http://localhost"): {},
    site("file_server", "http://localhost"): {"http.clear": "", "http.named": False},
    site("file_server", "http://a.example"): {},
    site("file_server", ":80"): {"http.named": False},
    site("file_server", ":8443"): {"http.named": False},
    site("file_server", "http://a.example:8080"): {},
    site("bind 127.0.0.1\nfile_server","http://a.example"): {"http.clear": ""},
    site("bind unix//run/a\nfile_server", "http://a.example"): {"http.clear": ""},
    site("bind 127.0.0.1 192.0.2.1\nfile_server","http://a.example"): {},
    options("default_bind ::1","file_server","http://a.example"): {"http.clear": ""},
    options("http_port 8080","file_server","a.example:8080"): {},
    site("redir https://b{uri}", ":80"): {
        "http.brotli": None, "http.cache_control": None, "http.clear": "redirects",
        "http.does": "redirects", "http.etag": None, "http.gzip": None, "http.gzip_vary": None,
        "http.last_modified": None, "http.named": False, "http.zstd": None,
    },
    site("redir http://b{uri}", ":80"): {
        "http.brotli": None, "http.cache_control": None, "http.does": "redirects",
        "http.etag": None, "http.gzip": None, "http.gzip_vary": None, "http.last_modified": None,
        "http.named": False, "http.zstd": None,
    },
    site("respond 404", ":80"): {
        "http.brotli": None, "http.cache_control": None, "http.clear": "refuses",
        "http.does": "refuses", "http.etag": None, "http.gzip": None, "http.gzip_vary": None,
        "http.last_modified": None, "http.named": False, "http.zstd": None,
    },
    site("abort", ":80"): {
        "http.brotli": None, "http.cache_control": None, "http.clear": "closes",
        "http.does": "closes", "http.etag": None, "http.gzip": None, "http.gzip_vary": None,
        "http.last_modified": None, "http.named": False, "http.zstd": None,
    },
    site(PASS, "http://a.example"): {
        "http.buffered": False, "http.cache_control": None, "http.does": "passes",
        "http.early_data": False, "http.early_data_told": True, "http.etag": None,
        "http.last_modified": None,
    },
    site(f"{PASS} {{\nheader_up -Connection\n}}", "http://a.example"): {
        "http.buffered": False, "http.cache_control": None, "http.does": "passes",
        "http.early_data": False, "http.early_data_told": True, "http.etag": None,
        "http.last_modified": None, "websocket": "there", "websocket.connection": False,
        "websocket.in_clear": True, "websocket.place": "/", "websocket.product": "caddy",
        "websocket.upgrade": True, "websocket.version": "1.1",
    },
    site("file_server", "{$SITE}"): {
        "http.clear": "", "http.tls": None,
        "http.undecided": "the environment decides the address {$SITE}",
    },
}  # fmt: skip
CASES = {site("file_server"): FILES, site(PASS): PASSES,
         site("file_server", "http://a.example"): CLEAR}  # fmt: skip


@pytest.mark.parametrize(
    ("plain", "text"), [(plain, text) for plain, cases in CASES.items() for text in cases]
)
def test_what_a_setting_changes(plain: str, text: str) -> None:
    assert changes(front(plain), front(text)) == CASES[plain][text]


@pytest.mark.parametrize(
    ("inside", "done"),
    [
        ("redir https://b\nhandle /x {\nfile_server\n}", {"": "redirects"}),
        ("redir /y https://b\nhandle /x {\nfile_server\n}", {"": "answers", "/x": "files",
                                                              "/y": "redirects"}),
        ("handle /x {\nfile_server\n}\nrespond hi", {"": "answers", "/x": "files"}),
        ("handle /x {\nredir https://b\nhandle /x/y {\nfile_server\n}\n}",
         {"": "answers", "/x": "redirects"}),
        ("route /x {\nrespond hi\nredir https://b\n}\nfile_server", {"": "files", "/x": "answers"}),
        ("respond /x 404\nabort /y\nfile_server", {"": "files", "/x": "refuses", "/y": "closes"}),
        ("file_server\nrespond /x/z 404\nrespond /x* 200", {"": "files", "/x/z": "refuses",
                                                            "/x*": "answers"}),
    ],
)  # fmt: skip
def test_what_becomes_of_requests_by_place(inside: str, done: dict[str, str]) -> None:
    files = Files()
    found = views.lint(files.take("Caddyfile", site(inside).encode()), files, None).views
    said: dict[str, str] = {}
    for view in found:
        http = view.facts["http"]
        assert isinstance(http, HttpFacts)
        assert http.config is not None
        said[view.label.removeprefix("site a.example").removeprefix(", ")] = http.config.does
    assert said == done


def test_a_path_that_is_not_known_decides_nothing() -> None:
    inner = "header /x/* Cache-Control a\nfile_server"
    text = site(f"@a expression true\nhandle @a {{\n{inner}\n}}\nfile_server")
    files = Files()
    found = views.lint(files.take("Caddyfile", text.encode()), files, None).views
    (view,) = [view for view in found if view.label == "site a.example, @a"]
    http = view.facts["http"]
    assert isinstance(http, HttpFacts)
    assert http.config is not None
    assert http.config.cache_control is None


def test_places_are_bounded_by_what_they_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "MAX_WORK", 20)
    one = "".join(f"header /{n} A b\n" for n in range(4))
    files = Files()
    text = "".join(site(one, f"{name}.example") for name in "abcd")
    found = views.lint(files.take("Caddyfile", text.encode()), files, None)
    assert not found.problems
    assert [line.text for line in files.problems] == [
        f"only the first {most} places of this site were judged" for most in (0, 0, 0)
    ]
