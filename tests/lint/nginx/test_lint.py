"""Each rule on nginx.conf: fires for what is wrong, is silent when mended, points at lines."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import pytest

from seventh.engine.lint import Wanted, lint_file, lint_text
from seventh.model.failure import Reason
from seventh.model.lintfacts import LintFacts
from seventh.model.report import Report
from seventh.model.severity import Severity
from seventh.model.tlsfacts import TlsFacts
from seventh.protocols.http.facts import HttpFacts
from tests.lint.nginx.texts import TLS, found, judge, server, whole, zoned

PASS = "proxy_pass http://127.0.0.1:8080;"
HSTS = 'add_header Strict-Transport-Security "max-age=31536000" always;'
QUIC = "listen 443 quic reuseport;"
ALT_SVC = "add_header Alt-Svc 'h3=\":443\"; ma=86400' always;"
UPGRADE = "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade;"
NEW = "nginx=1.28.0"

CASES: list[tuple[str, str, str, str]] = [
    # rule, version, wrong, mended
    ("HTTP-NO-H2", "nginx=1.22.1", server(""), server("listen 8443 ssl http2;")),
    ("HTTP-NO-H2", NEW, server("http2 off;"), server("http2 on;")),
    ("HTTP-NO-H3", NEW, server(""), server(QUIC)),
    ("HTTP-NO-H3", NEW, server(f"{QUIC} http3 off;"), server(QUIC)),
    ("HTTP-NO-H3", "nginx=1.22.1", server(""), whole("server { listen 80; }")),
    ("HTTP-H3-HIDDEN", NEW, server(QUIC), server(QUIC + ALT_SVC)),
    ("HTTP-H3-HIDDEN", NEW, server(f"{QUIC}{ALT_SVC} location / {{ add_header X y; }}"),
     server(f"{QUIC}{ALT_SVC} location / {{ expires 1h; }}")),
    ("HTTP-H3-DEAD", NEW, server(ALT_SVC), server("")),
    ("HTTP-FALLBACK", NEW, server("listen 8443 quic;"), server(QUIC)),
    ("HTTP-NO-REUSE", NEW, server("keepalive_timeout 0;"), server("keepalive_timeout 65;")),
    ("HTTP-NO-REUSE", NEW, server("keepalive_timeout 5s 4s;"), server("")),
    ("HTTP-NO-REUSE", NEW, server("keepalive_requests 3;"), server("keepalive_requests 99;")),
    ("HTTP-NO-HTTPS", NEW, whole("server { listen 80; root /srv; }"),
     whole("server { listen 80; return 301 https://$host$request_uri; }")),
    ("HTTP-NO-HTTPS", NEW, whole(f"server {{ listen 80; {PASS} }}").replace(PASS, "root /s;"),
     whole("server { listen 127.0.0.1:80; listen [::1]:80; listen unix:/s; root /srv; }")),
    ("HTTP-NO-HTTPS", NEW, server("listen 80;"),
     server("listen 80; if ($scheme = http) { return 301 https://$host$request_uri; }")),
    ("HTTP-NO-HTTPS", NEW, whole("server { listen 80; location / { root /srv; } }"),
     whole("server { listen 80; location /.well-known/ { root /srv; } "
           "location / { return 308 https://$host$request_uri; } }")),
    ("HTTP-NO-HTTPS", NEW, whole("server { root /srv; }"), whole("server { return 444; }")),
    ("HTTP-HSTS", NEW, server(""), server(HSTS)),
    ("HTTP-HSTS", NEW, server('add_header Strict-Transport-Security "max-age=300";'),
     server("server_name _;").replace("server_name a.example;", "")),
    ("HTTP-HSTS", NEW, server(f"{HSTS} location /x {{ add_header X y; }}"),
     server(f"{HSTS} location /x {{ add_header X y; {HSTS} }}")),
    ("HTTP-HSTS", "nginx=1.29.3", server(f"{HSTS} location /x {{ add_header X y; }}"),
     server(f"{HSTS} add_header_inherit merge; location /x {{ add_header X y; }}")),
    ("HTTP-HSTS", NEW, server("return 301 https://www.a.example$request_uri;"),
     server(f"location / {{ {PASS} }}")),
    ("HTTP-NO-VALIDATOR", NEW, server('etag off; add_header Last-Modified "";'),
     server("etag off;")),
    ("HTTP-NO-FRESHNESS", NEW, server(""), server("expires 1h;")),
    ("HTTP-NO-FRESHNESS", NEW, server('expires 1h; add_header Cache-Control "no-store";'),
     server('expires 1h; add_header Cache-Control "public";')),
    ("HTTP-NO-SWR", NEW, server('add_header Cache-Control "max-age=60";'),
     server('add_header Cache-Control "max-age=60, stale-while-revalidate=60";')),
    ("HTTP-VARY", NEW, server("gzip on;"), server("gzip on; gzip_vary on;")),
    ("HTTP-VARY", NEW, server("brotli on;"),
     server("gzip on; add_header Vary 'Origin, Accept-Encoding' always;")),
    ("HTTP-NO-COMPRESS", NEW, server(""), server("gzip on; gzip_types text/css;")),
    ("HTTP-NO-COMPRESS", NEW, server("gzip on;"), server("brotli on; brotli_types *;")),
    ("HTTP-NO-COMPRESS", NEW, server("location / { gzip off; }"),
     server(f"location / {{ {PASS} }}")),
    ("HTTP-NO-BR", NEW, server("gzip on;"), server("gzip on; brotli on;")),
    ("HTTP-COMPRESS-WASTE", NEW, server("gzip on; gzip_types text/css image/png;"),
     server("gzip on; gzip_types text/css image/svg+xml;")),
    ("HTTP-COMPRESS-WASTE", NEW, server("gzip on; gzip_types *;"),
     server("gzip off; gzip_types image/png;")),
    ("HTTP-RETRY-INFO", NEW, zoned("limit_req zone=r;"),
     zoned("limit_req zone=r; add_header Retry-After 10 always;")),
    ("HTTP-CACHE-LEAK", NEW,
     zoned(f"location / {{ {PASS} proxy_cache a; proxy_ignore_headers Set-Cookie; }}"),
     zoned(f"location / {{ {PASS} proxy_cache a; proxy_ignore_headers Set-Cookie; "
            "proxy_hide_header Set-Cookie; }")),
    ("HTTP-CACHE-LEAK", NEW,
     zoned(f"location / {{ {PASS} proxy_cache a; proxy_cache_valid 1m; "
            "proxy_ignore_headers Cache-Control; }"),
     zoned(f"location / {{ {PASS} proxy_cache a; proxy_cache_valid 1m; }}")),
    ("HTTP-0RTT-UNSAFE", NEW, server(f"ssl_early_data on; location / {{ {PASS} }}"),
     server("ssl_early_data on; proxy_set_header Early-Data $ssl_early_data; "
            f"location / {{ {PASS} }}")),
    ("HTTP-0RTT-UNSAFE", NEW,
     server("ssl_early_data on; proxy_set_header Early-Data $ssl_early_data; "
            f"location / {{ {PASS} proxy_set_header Host $host; }}"),
     server(f"ssl_early_data on; ssl_protocols TLSv1.2; location / {{ {PASS} }}")),
    ("H2-SETTINGS", NEW, server("http2 on; http2_max_concurrent_streams 10;"), server("http2 on;")),
    ("QUIC-IDLE", NEW, server(f"{QUIC} keepalive_timeout 12;"), server(QUIC)),
    ("SSE-HEARTBEAT", NEW, server(f"location /events {{ {PASS} }}"),
     server(f"location /events {{ {PASS} proxy_buffering off; }}")),
    ("WS-STRIPPED", NEW, server(f"location /ws {{ {PASS} }}"),
     server(f"location /ws {{ {PASS} {UPGRADE} proxy_set_header Connection upgrade; }}")),
    ("WS-STRIPPED", NEW, server(f"location /chat {{ {PASS} {UPGRADE} }}"),
     server(f"location /chat {{ {PASS} }}")),
    ("WS-STRIPPED", "nginx=1.22.1",
     server(f"location /chat {{ {PASS} proxy_set_header Upgrade $http_upgrade; "
            "proxy_set_header Connection $http_connection; }"),
     server(f"location /chat {{ {PASS} {UPGRADE} proxy_set_header Connection $http_upgrade; }}")),
    ("WS-IDLE-CUT", NEW,
     server(f"location /ws {{ {PASS} {UPGRADE} proxy_set_header Connection upgrade; }}"),
     server(f"location /ws {{ {PASS} {UPGRADE} proxy_set_header Connection upgrade; "
            "proxy_read_timeout 1h; }")),
    ("WS-CLEAR", NEW, whole(f"server {{ listen 80; location /ws {{ {PASS} }} }}"),
     server(f"location /ws {{ {PASS} }}")),
    ("TLS-LEGACY", NEW, server("ssl_protocols TLSv1 TLSv1.2;"),
     server("ssl_protocols TLSv1.2 TLSv1.3;")),
    ("TLS-LEGACY", "nginx=1.22.1", server(""), server("ssl_protocols TLSv1.2;")),
    ("TLS-NO13", "nginx=1.22.1", server(""), server("ssl_protocols TLSv1.2 TLSv1.3;")),
    ("HTTP-SERVER-LEAK", NEW, server(""), server("server_tokens off;")),
    ("HTTP-SERVER-LEAK", NEW, server("server_tokens build;"),
     server('server_tokens on; more_set_headers "Server: web";')),
    ("HTTP-SERVER-LEAK", NEW, server("location / { proxy_pass http://a; }"),
     server("location / { proxy_pass http://a; proxy_pass_header Server; }")),
    ("TLS-CLIENTS-CUT", NEW, server("ssl_protocols TLSv1.2; ssl_ciphers AES128-GCM-SHA256;"),
     server("ssl_ciphers AES128-GCM-SHA256;")),
    ("TLS-CLIENTS-CUT", NEW, server("ssl_protocols TLSv1.1;"), server("ssl_protocols TLSv1.2;")),
    ("TLS-TICKET-LONG", NEW, server("ssl_protocols TLSv1.2; ssl_session_timeout 86401;"),
     server("ssl_protocols TLSv1.2; ssl_session_timeout 1d;")),
    ("TLS-TICKET-LONG", NEW, server("ssl_protocols TLSv1.2; ssl_session_timeout 2d;"),
     server("ssl_protocols TLSv1.2 TLSv1.3; ssl_session_timeout 8d;")),
    ("TLS-TICKET-LONG", NEW, server("ssl_protocols TLSv1.2; ssl_session_timeout 2d;"),
     server("ssl_protocols TLSv1.2; ssl_session_timeout 2d; ssl_session_tickets off;")),
    ("TLS-WEAK-CIPHER", NEW, server(""), server("ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;")),
    ("TLS-WEAK-CIPHER", NEW, server("ssl_ciphers RC4-SHA;"), server("ssl_protocols TLSv1.3;")),
    ("TLS-NO-PQ", NEW, server("ssl_ecdh_curve X25519:P-256;"),
     server("ssl_ecdh_curve X25519MLKEM768:X25519;")),
    ("TLS-NO-RESUME", NEW, server("ssl_session_tickets off;"),
     server("ssl_session_tickets off; ssl_session_cache shared:TLS:1m;")),
    ("TLS-0RTT-ON", NEW, server("ssl_early_data on;"), server("ssl_early_data off;")),
    ("TLS-MTLS-OPTIONAL", NEW, server("ssl_verify_client optional;"),
     server("ssl_verify_client on;")),
    ("TLS-MTLS-OPTIONAL", NEW, server("ssl_verify_client optional_no_ca;"),
     server("ssl_verify_client optional; if ($ssl_client_verify != SUCCESS) { return 403; }")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "software", "wrong", "mended"), CASES,
    ids=[f"{n}-{case[0]}" for n, case in enumerate(CASES)],
)  # fmt: skip
def test_fires_and_is_silent(
    tmp_path: Path, rule: str, software: str, wrong: str, mended: str
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    bad = judge(tmp_path / "a", wrong, software)
    assert bad.failure is None, bad.failure
    findings = found(bad, rule)
    assert findings
    for finding in findings:
        assert finding.product == "nginx"
        assert finding.source, "a finding points at lines, or at a default"
        assert finding.room == {"TLS": "tls", "WS-": "websocket"}.get(rule[:3], "http")
    good = judge(tmp_path / "b", mended, software)
    assert good.failure is None, good.failure
    assert not found(good, rule)


def the_one(report: Report, rule: str) -> tuple[str, list[tuple[int | None, str]]]:
    (finding,) = found(report, rule)
    return finding.view, [(line.line, line.text) for line in finding.source]


def test_the_inheritance_trap_is_shown_by_both_lines(tmp_path: Path) -> None:
    text = server(f"{HSTS}\nlocation /img/ {{\nadd_header X y;\n}}")
    view, lines = the_one(judge(tmp_path, text), "HTTP-HSTS")
    assert view == "server a.example (443 ssl), location /img/"
    assert [number for number, _ in lines] == [7, 5]
    assert lines[0][1] == "add_header X y;"


def test_a_default_is_told_with_its_version(tmp_path: Path) -> None:
    _, lines = the_one(judge(tmp_path, server("")), "TLS-NO13")
    assert lines == [(None, "ssl_protocols TLSv1 TLSv1.1 TLSv1.2 (default of nginx 1.22.1)")]


def test_without_a_version_the_newest_is_assumed(tmp_path: Path) -> None:
    path = tmp_path / "nginx.conf"
    path.write_text(server(""))
    report = lint_file(path, Wanted())
    facts = report.facts["lint"]
    assert isinstance(facts, LintFacts)
    assert facts.software == "nginx 1.30"
    assert facts.software_assumed
    assert not found(report, "TLS-LEGACY")


def test_a_line_of_an_included_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "snippets").mkdir()
    (tmp_path / "snippets" / "tls.conf").write_text("\nssl_protocols TLSv1;\n")
    report = judge(tmp_path, server("include snippets/tls.conf;"))
    (finding,) = found(report, "TLS-LEGACY")
    assert [(Path(s.file).name, s.line) for s in finding.source] == [("tls.conf", 2)]
    assert finding.params["versions"] == ("TLSv1.0",)


def test_two_servers_are_judged_apart(tmp_path: Path) -> None:
    text = whole(
        f"server {{ {TLS} ssl_protocols TLSv1.1; }}\n"
        f"server {{ {TLS.replace('443', '8443')} server_name b.example; ssl_protocols TLSv1; }}"
    )
    findings = found(judge(tmp_path, text), "TLS-LEGACY")
    assert [f.params["versions"] for f in findings] == [("TLSv1.1",), ("TLSv1.0",)]


def test_what_the_http_block_says_is_told_once(tmp_path: Path) -> None:
    text = whole(f"ssl_protocols TLSv1;\nserver {{ {TLS} }}\nserver {{ {TLS} location / {{}} }}")
    assert len(found(judge(tmp_path, text), "TLS-LEGACY")) == 1


def test_a_socket_has_tls_and_h2_for_all_its_servers(tmp_path: Path) -> None:
    text = whole(
        f"server {{ {TLS.replace('443 ssl', '443 ssl http2')} }}\n"
        "server { listen 443; server_name b.example; ssl_certificate c; ssl_certificate_key k; }"
    )
    report = judge(tmp_path, text)
    assert not found(report, "HTTP-NO-H2")
    assert not found(report, "HTTP-NO-HTTPS")
    views = report.facts["lint"]
    assert isinstance(views, LintFacts)
    assert "server b.example (443 ssl)" in views.views


def test_locations_that_change_nothing_are_no_views(tmp_path: Path) -> None:
    text = server("location / { } location /a { root /b; } location /c { gzip on; }")
    facts = judge(tmp_path, text).facts["lint"]
    assert isinstance(facts, LintFacts)
    assert facts.views == (
        "server a.example (443 ssl)", "server a.example (443 ssl), location /c",
    )  # fmt: skip


def test_the_facts_of_tls_stand_in_the_report(tmp_path: Path) -> None:
    report = judge(tmp_path, server("ssl_protocols TLSv1.2 TLSv1.3;"))
    tls, http = report.facts["tls"], report.facts["http"]
    assert isinstance(tls, TlsFacts)
    assert tls.versions == ("TLSv1.2", "TLSv1.3")
    assert tls.configured
    assert isinstance(http, HttpFacts)
    assert http.config is not None
    assert http.config.does == "files"


def test_a_part_says_only_what_it_says(tmp_path: Path) -> None:
    report = lint_text("tls.conf", b"ssl_protocols TLSv1 TLSv1.2;\n", Wanted(kind="nginx.conf"))
    assert {f.id for f in report.findings} == {"TLS-LEGACY", "TLS-NO13"}
    assert report.failure is None


def test_a_site_of_its_own_is_judged_as_a_part(tmp_path: Path) -> None:
    folder = tmp_path / "nginx" / "sites-enabled"
    folder.mkdir(parents=True)
    (tmp_path / "nginx" / "nginx.conf").write_text("events { }\n")
    (tmp_path / "nginx" / "mine").write_text("gzip off;\n")
    site = folder / "default"
    site.write_text("server { listen 80; root /srv; include mine; }\n")
    report = lint_file(site, Wanted())
    assert report.protocol == "http"
    assert report.failure is None, report.failure
    assert found(report, "HTTP-NO-HTTPS")
    (finding,) = found(report, "HTTP-NO-COMPRESS")
    assert finding.source[0].file == str(tmp_path / "nginx" / "mine")


def test_content_tells_the_kind() -> None:
    report = lint_text("-", server("gzip on;\nroot /srv;").encode(), Wanted())
    facts = report.facts["lint"]
    assert isinstance(facts, LintFacts)
    assert facts.kind == "nginx.conf"


@pytest.mark.parametrize("spoilt", ["MIGH", "BEGIN DH", ""])
def test_a_small_prime_is_measured(tmp_path: Path, spoilt: str) -> None:
    prime = (2**1023 + 1).to_bytes(129)  # only its size is looked at
    der = b"\x30\x81\x87\x02\x81\x81" + prime + b"\x02\x01\x02"
    pem = f"-----BEGIN DH PARAMETERS-----\n{b64encode(der).decode()}\n-----END DH PARAMETERS-----\n"
    path = tmp_path / "dh.pem"
    path.write_text(pem)
    (finding,) = found(judge(tmp_path, server("ssl_dhparam dh.pem;")), "TLS-DH-SMALL")
    assert finding.params["bits"] == 1024
    path.write_text(pem.replace(spoilt, "//") if spoilt else "")
    assert not found(judge(tmp_path, server("ssl_dhparam dh.pem;")), "TLS-DH-SMALL")
    path.unlink()
    assert not found(judge(tmp_path, server("ssl_dhparam dh.pem;")), "TLS-DH-SMALL")


def test_buffered_events_are_a_remark(tmp_path: Path) -> None:
    (finding,) = found(judge(tmp_path, server(f"location /sse {{ {PASS} }}")), "SSE-HEARTBEAT")
    assert finding.severity is Severity.LOW


def test_a_part_that_is_missing_leaves_the_rest_judged(tmp_path: Path) -> None:
    report = judge(tmp_path, server("include gone.conf; ssl_protocols TLSv1;"))
    assert report.failure is not None
    assert report.failure.reason is Reason.FILE_UNREADABLE
    assert found(report, "TLS-LEGACY")


def test_a_refused_file_is_malformed_and_judged(tmp_path: Path) -> None:
    report = judge(tmp_path, server("gzip maybe; ssl_protocols TLSv1;"))
    assert report.failure is not None
    assert report.failure.reason is Reason.FILE_MALFORMED
    assert "gzip" in report.failure.detail
    assert found(report, "TLS-LEGACY")


def test_no_certificate_is_refused(tmp_path: Path) -> None:
    report = judge(tmp_path, whole("server { listen 443 ssl; }"))
    assert report.failure is not None
    assert "ssl_certificate" in report.failure.detail
    fine = judge(tmp_path, whole("server { listen 443 ssl; ssl_reject_handshake on; }"))
    assert fine.failure is None
