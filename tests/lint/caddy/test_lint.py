"""Lint of Caddyfiles: each rule fires and is silent, and points at the lines that decide."""

from __future__ import annotations

from pathlib import Path

import pytest

from seventh.engine.lint import Wanted, lint_file, lint_text
from seventh.engine.recognise import by_content
from seventh.lint.caddy import file as caddy_file
from seventh.lint.caddy import site as caddy_site
from seventh.lintkit.files import Files
from seventh.lintkit.linted import parse_software
from seventh.model.failure import Reason
from seventh.model.lintfacts import LintFacts
from seventh.model.report import Finding, Report
from seventh.model.tlsfacts import TlsFacts
from seventh.protocols.http.facts import HttpFacts

HSTS = 'header Strict-Transport-Security "max-age=31536000"'


def site(inside: str, address: str = "a.example") -> str:
    return f"{address} {{\n{inside}\n}}\n"


def options(inside: str, more: str = "file_server") -> str:
    return f"{{\n{inside}\n}}\n{site(more)}"


def trusting(proxies: str, inside: str = "file_server") -> str:
    return options(f"servers {{\ntrusted_proxies {proxies}\n}}", inside)


def judge(text: str, software: str = "") -> Report:
    wanted = Wanted(software=(parse_software(software),) if software else ())
    return lint_text("Caddyfile", text.encode(), wanted)


def found(report: Report, rule: str) -> list[Finding]:
    return [finding for finding in report.findings if finding.id == rule]


TYPE = "match {\nheader Content-Type"
PROXY = "reverse_proxy localhost:8080"
CASES: list[tuple[str, str, str]] = [
    # the rule, a file that it fires on, and one that is in order
    ("HTTP-NO-H2", options("servers {\nprotocols h1\n}"), site("file_server")),
    ("HTTP-NO-H2", site("tls {\nalpn http/1.1\n}"), site("tls {\nalpn h2\n}")),
    ("HTTP-NO-H3", options("servers {\nprotocols h1 h2\n}"), options("servers {\ntrace\n}")),
    ("HTTP-NO-H3", options("servers :443 {\nprotocols h1\n}"),
     options("servers :80 {\nprotocols h1\n}")),
    ("HTTP-NO-H3", site("bind 0.0.0.0 {\nprotocols h1\n}\nlog"), site("bind 0.0.0.0\nlog")),
    ("HTTP-H3-HIDDEN", site("header -Alt-Svc"), site("header -Server")),
    ("HTTP-H3-DEAD", options("servers {\nprotocols h1\n}", 'header Alt-Svc `h3=":443"`'),
     site("log")),
    ("HTTP-H3-DEAD", site("tls {\nprotocols tls1.2 tls1.2\n}"), site("tls {\nprotocols tls1.2\n}")),
    ("HTTP-H3-DEAD", site("header Connection close"), site("header -Connection")),
    ("HTTP-FALLBACK", options("servers {\nprotocols h3\n}"), site("log")),
    ("HTTP-NO-REUSE", options("servers {\ntimeouts {\nidle 5s\n}\n}"),
     options("servers {\ntimeouts {\nidle 1m\n}\n}")),
    ("HTTP-NO-REUSE", site("header Connection close"),
     options("servers {\ntimeouts {\nidle 0\n}\n}")),
    ("HTTP-NO-HTTPS", site("file_server", "http://a.example"), site("file_server")),
    ("HTTP-NO-HTTPS", site("file_server", ":80"), site("redir https://{host}{uri}", ":80")),
    ("HTTP-NO-HTTPS", site("file_server", ":8080"), site("tls internal\nfile_server", ":8080")),
    ("HTTP-NO-HTTPS", site("redir * /b", ":80"), site("respond 404", ":80")),
    ("HTTP-NO-HTTPS", site("log", "a.example, http://a.example"), site("log", "http://localhost")),
    ("HTTP-NO-HTTPS", site("bind 0.0.0.0", ":80"), site("bind 127.0.0.1 ::1", ":80")),
    ("HTTP-NO-HTTPS", site("log", "http://b.example"),
     "{\ndefault_bind ::1\n}\n" + site("log", ":80")),
    ("HTTP-HSTS", site("file_server"), site(f"{HSTS}\nfile_server")),
    ("HTTP-HSTS", site(HSTS.replace("header", "header /a/*")),
     site(HSTS.replace("header", "header *"))),
    ("HTTP-HSTS", site('header Strict-Transport-Security "max-age=60"'),
     site(f"header {{\n{HSTS[7:]}\n}}")),
    ("HTTP-HSTS", site(f"{HSTS}\nheader -Strict-Transport-Security"),
     site("handle {\n" + HSTS + "\n}")),
    ("HTTP-NO-VALIDATOR", site("file_server\nheader {\n-ETag\n-Last-Modified\n}"),
     site("file_server\nheader -ETag")),
    ("HTTP-NO-FRESHNESS", site("file_server"), site("file_server\nheader Cache-Control no-cache")),
    ("HTTP-NO-FRESHNESS", site("file_server\nheader /a/* Cache-Control no-cache"),
     site("file_server\nheader ?Cache-Control no-cache")),
    ("HTTP-NO-FRESHNESS", site("file_server"), site("file_server\nheader Expires 0")),
    ("HTTP-NO-SWR", site("file_server\nheader Cache-Control max-age=9"),
     site('file_server\nheader Cache-Control "max-age=9, stale-while-revalidate=9"')),
    ("HTTP-VARY", site("file_server\nencode\nheader -Vary"), site("file_server\nencode")),
    ("HTTP-VARY", site("file_server\nencode zstd\nheader -Vary"),
     site("file_server\nencode\nheader -Vary\nheader >Vary Accept-Encoding")),
    ("HTTP-NO-COMPRESS", site("file_server"), site("file_server\nencode")),
    ("HTTP-NO-COMPRESS", site("file_server\nencode {\ngzip\n" + TYPE + " text/html*\n}\n}"),
     site("file_server\nencode {\ngzip\n" + TYPE + " text/*\n}\n}")),
    ("HTTP-NO-COMPRESS", site("file_server\nencode /a/* gzip"),
     site("file_server {\nprecompressed br\n}")),
    ("HTTP-NO-BR", site("file_server\nencode gzip"), site("file_server\nencode zstd gzip")),
    ("HTTP-NO-BR", site("file_server\nencode gzip"),
     site("encode gzip\nfile_server {\nprecompressed\n}")),
    ("HTTP-COMPRESS-WASTE", site("file_server\nencode {\ngzip\n" + TYPE + " image/*\n}\n}"),
     site("file_server\nencode gzip")),
    ("HTTP-0RTT-UNSAFE", site(PROXY + " {\nheader_up -Early-Data\n}"), site(PROXY)),
    ("HTTP-0RTT-UNSAFE", site("request_header -Early-*\n" + PROXY),
     options("servers {\n0rtt off\n}", "request_header -Early-*\n" + PROXY)),
    ("HTTP-PROXY-TRUST", trusting("static 10.0.0.0/8 ::/0"),
     trusting("static 10.0.0.0/8 fd00::/8")),
    ("HTTP-PROXY-TRUST", trusting("static 0.0.0.0/1"), trusting("static 0.0.0.0/2")),
    ("HTTP-PROXY-TRUST", trusting("static 0.0.0.0/0"), trusting("static private_ranges")),
    ("HTTP-PROXY-TRUST", trusting("static 0.0.0.0/0"),
     trusting("static 0.0.0.0/0\ntrusted_proxies static 10.0.0.0/8")),
    ("HTTP-PROXY-TRUST", trusting("static 0.0.0.0/0"),
     trusting("static 0.0.0.0/0", "bind 127.0.0.1\nfile_server")),
    ("HTTP-PROXY-TRUST", site(PROXY + " {\ntrusted_proxies 0.0.0.0/0\n}"),
     site(PROXY + " {\ntrusted_proxies private_ranges\n}")),
    ("HTTP-PROXY-TRUST", site("handle /a/* {\n" + PROXY + " {\ntrusted_proxies ::/0\n}\n}"),
     site("handle /a/* {\n" + PROXY + "\n}")),
    ("SSE-HEARTBEAT", site("reverse_proxy /events localhost:1 {\nresponse_buffers 1MB\n}"),
     site("reverse_proxy /events localhost:1 {\nflush_interval 1m\n}")),
    ("WS-STRIPPED", site(PROXY + " {\nheader_up Connection {>Connection}\n}"), site(PROXY)),
    ("WS-STRIPPED",
     site("@ws header Upgrade websocket\nrequest_header @ws -Upgrade\nreverse_proxy @ws a:1"),
     site("@ws header Upgrade websocket\nreverse_proxy @ws a:1")),
    ("WS-IDLE-CUT", site("reverse_proxy /ws a:1 {\nstream_timeout 10s\n}"),
     site("reverse_proxy /ws a:1")),
    ("WS-IDLE-CUT", site("reverse_proxy /ws a:1 {\ntransport http {\nread_timeout 10s\n}\n}"),
     site("reverse_proxy /ws a:1 {\ntransport http {\nread_timeout 1h\n}\n}")),
    ("WS-CLEAR", site("reverse_proxy /ws a:1", "http://a.example"), site("reverse_proxy /ws a:1")),
    ("TLS-NO13", site("tls {\nprotocols tls1.2 tls1.2\n}"), site("tls {\nprotocols tls1.2\n}")),
    ("TLS-CLIENTS-CUT", site("tls {\nprotocols tls1.2 tls1.2\nciphers "
                             "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA\n}"),
     site("tls {\nciphers TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA\n}")),
    ("TLS-WEAK-CIPHER", site("tls c k {\nciphers TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA\n}"),
     site("tls c k {\nprotocols tls1.3\nciphers TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA\n}")),
    ("TLS-WEAK-CIPHER", site("tls {\nciphers TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA\n}"),
     site("tls {\nciphers TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA\n}")),
    ("TLS-NO-PQ", site("tls {\ncurves x25519\n}"), site("tls {\ncurves x25519mlkem768\n}")),
    ("TLS-NO-RESUME", site("tls {\nclient_auth {\nmode request\n}\n}"), site("log")),
    ("TLS-MTLS-OPTIONAL", site("tls {\nclient_auth {\nmode verify_if_given\n}\n}"),
     site("tls {\nclient_auth {\nmode require\n}\n}")),
    ("TLS-MTLS-OPTIONAL", site("tls {\nclient_auth {\nmode request\n}\n}"),
     site("tls {\nclient_auth {\nmode request\n}\n}\n@none expression {tls_client_subject}==null\n"
          "abort @none")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "wrong", "mended"), CASES, ids=[f"{n}-{case[0]}" for n, case in enumerate(CASES)]
)
def test_fires_and_is_silent(rule: str, wrong: str, mended: str) -> None:
    bad, good = judge(wrong), judge(mended)
    assert bad.failure is None, bad.failure
    assert good.failure is None, good.failure
    assert found(bad, rule)
    for finding in found(bad, rule):
        assert finding.product == "caddy"
        assert finding.source, "a finding points at lines, or at a default"
        assert finding.room == {"TLS": "tls", "WS-": "websocket"}.get(rule[:3], "http")
    assert not found(good, rule)


def test_a_finding_s_lines() -> None:
    report = judge("(tls) {\n\ttls {\n\t\tcurves x25519\n\t}\n}\na.example {\n\timport tls\n}\n")
    (finding,) = found(report, "TLS-NO-PQ")
    assert finding.view == "site a.example"
    assert [(line.line, line.text) for line in finding.source] == [(3, "curves x25519")]
    (finding,) = found(report, "HTTP-HSTS")
    assert [(line.line, line.text) for line in finding.source] == [(6, "a.example {")]


def test_a_default_is_told_with_its_version() -> None:
    report = judge(site("log"), "caddy=2.8")
    facts, tls = report.facts["lint"], report.facts["tls"]
    assert isinstance(facts, LintFacts)
    assert isinstance(tls, TlsFacts)
    assert facts.software == "caddy 2.8"
    assert tls.hybrid_group is None
    assert any(one.id == "TLS-NO-PQ" for one in report.skipped)


def test_without_a_version_the_newest_is_assumed() -> None:
    facts = judge(site("log")).facts["lint"]
    assert isinstance(facts, LintFacts)
    assert (facts.software, facts.software_assumed) == ("caddy 2.11", True)


def test_sites_and_places_are_judged_apart() -> None:
    report = judge(
        site("root * /srv\nencode\nfile_server\nhandle /api/* {\nreverse_proxy a:1\n}\n"
             "header /old/* Cache-Control max-age=9")
        + site("respond hi", "http://b.example")
    )  # fmt: skip
    facts = report.facts["lint"]
    assert isinstance(facts, LintFacts)
    assert facts.views == (
        "site a.example", "site a.example, /api/*", "site a.example, /old/*", "site http://b.example",
    )  # fmt: skip
    assert [f.view for f in found(report, "HTTP-NO-SWR")] == ["site a.example, /old/*"]
    assert [f.view for f in found(report, "HTTP-NO-HTTPS")] == ["site http://b.example"]


def test_what_the_file_order_does_not_change() -> None:
    text = site("file_server\nrespond /health ok\nredir /old /new\nheader Cache-Control no-cache")
    http = judge(text).facts["http"]
    assert isinstance(http, HttpFacts)
    assert http.config is not None
    assert http.config.does == "files"


@pytest.mark.parametrize(
    ("inside", "does"),
    [
        ("", "answers"), ("respond hi", "answers"), ("respond 404", "refuses"), ("abort", "closes"),
        ("respond hi 301", "redirects"), ("error 500", "refuses"), ("redir https://b", "redirects"),
        ("file_server\nredir https://b", "redirects"), ("file_server\nreverse_proxy a:1", "passes"),
        ("file_server\nreverse_proxy /api a:1", "files"), ("php_fastcgi a:9000", "passes"),
        ("handle {\nfile_server\n}\nrespond hi", "files"), ("handle /a {\nabort\n}", "answers"),
        ("route {\nrespond hi\nredir https://b\n}", "answers"), ("mercure", "passes"),
        ("@get method GET\nrespond @get hi", "answers"), ("metrics /metrics", "answers"),
        ("@not not path /a\nreverse_proxy @not a:1", "passes"), ("redir /* /x", "redirects"),
        ("file_server {\npass_thru\n}\nrespond hi", "answers"), ("redir / /x", "redirects"),
    ],
)  # fmt: skip
def test_what_becomes_of_a_request(inside: str, does: str) -> None:
    http = judge(site(inside)).facts["http"]
    assert isinstance(http, HttpFacts)
    assert http.config is not None
    assert http.config.does == does


@pytest.mark.parametrize(
    ("order", "before", "after"),
    [
        ("file_server first", "file_server", "tracing"),
        ("header last", "acme_server", "header"),
        ("respond before redir", "respond", "redir"),
        ("header after respond", "respond", "header"),
        ("rate_limit before header", "rate_limit", "header"),
        ("respond before nothing", "header", "redir"),
    ],
)
def test_how_order_moves_a_directive(order: str, before: str, after: str) -> None:
    files = Files()
    read = caddy_file.read(files.take("Caddyfile", options(f"order {order}").encode()), files)
    (one,) = caddy_site.sites(read, 1)
    assert one.server.order.index(before) < one.server.order.index(after)
    assert len(one.server.order) == len(set(one.server.order))
    neighbours = one.server.order.index(after) - one.server.order.index(before) == 1
    assert neighbours == ("nothing" not in order)


def test_the_order_that_the_options_give() -> None:
    http = judge(options("order respond before redir", "redir https://b\nrespond hi")).facts["http"]
    assert isinstance(http, HttpFacts)
    assert http.config is not None
    assert http.config.does == "answers"


def test_what_the_environment_decides_is_said() -> None:
    report = judge("{$SITE} {\n\tfile_server\n}\n")
    assert report.failure is None
    reasons = {one.id: one.reason for one in report.skipped}
    for rule in ("HTTP-NO-HTTPS", "HTTP-HSTS", "HTTP-NO-H2", "HTTP-NO-H3"):
        assert "{$SITE}" in reasons[rule]
    assert found(report, "HTTP-NO-COMPRESS")


def test_a_line_that_the_environment_is_leaves_the_file_unread() -> None:
    report = judge(site("{$MORE}\nfile_server"))
    assert report.failure is not None
    assert report.failure.reason is Reason.FILE_UNREADABLE
    assert "{$MORE} is left unexpanded" in report.failure.detail


def test_a_condition_that_cannot_be_judged_is_no_finding() -> None:
    hsts = HSTS.replace("header", "header @a")
    report = judge(site(f"@a expression {{http.request.uri}}\n{hsts}\nencode @a gzip\nfile_server"))
    assert not found(report, "HTTP-HSTS")
    assert not found(report, "HTTP-NO-COMPRESS")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (site("file_servr"), "is file_server meant"),
        (options("emial a@b"), "is email meant"),
        (site("tls {\nprotocols tls1.0\n}"), "tls1.0"),
        (site("respond @m x"), "unrecognized matcher name"),
        (site("encode deflate"), "http.encoders.deflate"),
        (site("reverse_proxy a {\nflush_intervall 1s\n}"), "unknown subdirective"),
        ("a.example:80000 {\n}\n", "out of range"),
        (site("log") + site("log"), "ambiguous"),
        ("file_server\n", "directives must appear in a site block"),
    ],
)
def test_a_refused_file_is_malformed_and_judged(text: str, why: str) -> None:
    report = judge(text)
    assert report.failure is not None
    assert report.failure.reason is Reason.FILE_MALFORMED
    assert why in report.failure.detail


def test_another_module_s_directive_is_said_and_not_refused() -> None:
    report = judge(site("rate_limit {\n\tzone x\n}\nfile_server"))
    assert report.failure is not None
    assert report.failure.reason is Reason.FILE_UNREADABLE
    assert "rate_limit is of a module" in report.failure.detail
    assert found(report, "HTTP-HSTS")


@pytest.mark.parametrize(
    "text",
    [
        options("email a@b.example"), site("root * /srv\nfile_server"),
        options("email a@b", "tls internal\nreverse_proxy a:1 {\n\theader_up A b\n}"),
    ],
)  # fmt: skip
def test_content_tells_the_kind(text: str) -> None:
    kind = by_content(tuple(text.splitlines()))
    assert kind is not None
    assert kind.name == "Caddyfile"


def test_other_kinds_are_not_taken_for_it(tmp_path: Path) -> None:
    assert by_content(("server {", "  listen 80;", "  root /srv;", "}")) is not None
    kind = by_content(("events { }", "http {", "gzip on;", "server {", "listen 80;", "}", "}"))
    assert kind is not None
    assert kind.name == "nginx.conf"
    path = tmp_path / "app.ini"
    path.write_text("[log]\nlevel = info\n[bind]\nport = 80\n")
    assert lint_file(path, Wanted()).failure is not None


@pytest.mark.parametrize(
    ("text", "params"),
    [
        (trusting("static ::/0 0.0.0.0/0"),
         {"networks": ("::/0", "0.0.0.0/0"), "field": "X-Forwarded-For"}),
        (trusting("static ::/0\nclient_ip_headers CF-Connecting-IP X-Real-IP"),
         {"networks": ("::/0",), "field": "CF-Connecting-IP, X-Real-IP"}),
        (options("servers {\nclient_ip_headers X-Real-IP\n}",
                 "reverse_proxy a:1 {\ntrusted_proxies 0.0.0.0/0 10.0.0.0/8\n}"),
         {"networks": ("0.0.0.0/0",), "field": "X-Forwarded-For"}),
    ],
)  # fmt: skip
def test_whose_word_is_taken(text: str, params: dict[str, object]) -> None:
    (finding,) = (one for one in judge(text).findings if one.id == "HTTP-PROXY-TRUST")
    assert finding.params == params
    assert finding.source[0].text.startswith("trusted_proxies ")
