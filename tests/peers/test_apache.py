"""Apache httpd as its packages set it up, well set up, and misconfigured; curl as the oracle."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path
from typing import Any

import httplint
import pytest
from httplint.cache import ResponseCacheChecker

from seventh import protocols
from seventh.engine.check import check_one
from seventh.labkit.ca import Authority
from seventh.labkit.names import name_server
from seventh.labkit.serve import free_port
from seventh.model.failure import Blame
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.protocols.http.facts.content import ContentFacts
from seventh.rules.rule import Hit
from seventh.rules.words import fill
from tests.options import changed, options_with
from tests.peers import need_binary
from tests.peers.apache import HOST, PROXY, apache, configuration, site, write_files
from tests.reports import http_facts as facts_of

pytestmark = pytest.mark.peer
H2 = "Protocols h2 h2c http/1.1\n"
GZIP = "AddOutputFilterByType DEFLATE text/html text/css text/javascript application/json\n"
SMALL = GZIP.replace("DEFLATE", "BROTLI_COMPRESS;DEFLATE")
LIFETIME = 'Header always set Cache-Control "public, max-age=60, stale-while-revalidate=60"\n'
VARY = "Header always merge Vary Accept-Encoding\n"
DEBIAN = f"{H2}{GZIP}KeepAliveTimeout 5\nSSLSessionTickets off\n"
GOOD = (
    f"{H2}{SMALL}{LIFETIME}{VARY}KeepAliveTimeout 15\n"
    "DeflateAlterETag Remove\nBrotliAlterETag Remove\n"
    'Header always set Strict-Transport-Security "max-age=31536000"\n'
)
BROTLI = ("brotli",)


def content_of(report: Report) -> ContentFacts:
    content = facts_of(report).content
    assert content is not None
    return content


def found(report: Report) -> set[str]:
    """What an Apache decides: not its OpenSSL's groups, nor that it has no HTTP/3.

    Nor that it names its version, which no virtual host can change.
    """
    return {f.id for f in report.findings if f.id.startswith(("HTTP-", "REST-", "H2-"))} - {
        "HTTP-NO-H3", "HTTP-SERVER-LEAK",
    }  # fmt: skip


def said(report: Report, rule: str) -> str:
    """The codes and values of a finding."""
    (finding,) = (f for f in report.findings if f.id == rule)
    return " ".join(map(str, finding.params.values()))


async def look(lines: str, path: str = "/", *, secure: bool = True, **options: Any) -> Report:
    """A check of Apache with ``lines`` in its virtual host, all permitted."""
    with site() as folder:
        authority = Authority(folder)
        issued = authority.issue(HOST) if secure else None
        lines = lines.replace("FOLDER", str(folder))
        async with apache(folder, lines, issued, BROTLI) as port:
            target = Target(
                scheme="https" if secure else "http", host="127.0.0.1", port=port, path=path
            )
            given = Options(
                ca_file=str(authority.ca_file), server_name=HOST, allow_write=True, intrusive=True
            )
            return await check_one(target, changed(given, **options))


# -- as it comes, and well set up -----------------------------------------------------------------


async def test_as_debian_sets_it_up() -> None:
    """With mod_http2 and mod_ssl beside what is on by default."""
    report = await look(DEBIAN)
    assert report.failure is None
    assert found(report) == {
        "HTTP-HSTS", "HTTP-NO-FRESHNESS", "HTTP-NO-BR", "HTTP-NO-REUSE", "HTTP-304-HDRS",
        "HTTP-ETAG-IGNORED",
    }  # fmt: skip
    facts, content = facts_of(report), content_of(report)
    assert facts.server.startswith("Apache/2.4")
    assert (facts.version, facts.working) == ("2", ("2", "1.1"))
    assert facts.reuse is not None and facts.reuse.keep_alive_seconds == 5
    assert content.validation is not None and content.validation.coded == "gzip"
    # mod_deflate's suffix: the plain reply is revalidated, the coded one is not.
    assert (content.validation.etag_status, content.validation.coded_status) == (304, 200)
    assert content.validation.coded_etag is not None
    assert content.validation.coded_etag.endswith('-gzip"')
    assert content.validation.dropped == ("vary",)
    write = facts.write
    assert write is not None and write.expect is not None and write.expect.continued
    assert {"HTTP-100CONT", "HTTP-CLTE", "HTTP-ETAG-ENC", "HTTP-VARY"} <= set(report.passed)
    # Each row is the site's time alone: loading our own codecs is in none of them.
    cold = next(c for c in facts.cells if (c.version, c.temperature) == ("2", "cold"))
    parts = (cold.connect_seconds, cold.tls_seconds, cold.request_seconds, cold.ttfb_seconds,
             cold.download_seconds)  # fmt: skip
    assert cold.total_seconds == pytest.approx(sum(p or 0.0 for p in parts), abs=1e-6)


async def test_in_order() -> None:
    report = await look(GOOD)
    assert report.failure is None and found(report) == set()
    coding = content_of(report).coding
    assert coding is not None
    shown = {v.offered: v.coding for v in coding.variants}
    assert shown == {"identity": "", "any": "br", "zstd": "", "gzip": "gzip"}
    assert facts_of(report).h2 is not None


async def test_curl_and_httplint_see_the_same() -> None:
    with site() as folder:
        authority = Authority(folder)
        async with apache(folder, GOOD, authority.issue(HOST), BROTLI) as port:
            target = Target(scheme="https", host="127.0.0.1", port=port)
            ca = str(authority.ca_file)
            report = await check_one(target, Options(ca_file=ca, server_name=HOST))
            for version, flag in (("2", "--http2"), ("1.1", "--http1.1")):
                assert (await curl(port, ca, flag))[0] == version
            _, fields = await curl(port, ca, "--http1.1", "-H", "Accept-Encoding: br, gzip")
            seen = ResponseCacheChecker(linted(fields))
    assert dict(fields)["content-encoding"] == "br"
    caching = content_of(report).caching
    assert caching is not None
    assert (caching.storable_shared, caching.storable_private) == (
        seen.store_shared, seen.store_private
    )  # fmt: skip
    assert caching.lifetime_shared_seconds == seen.freshness_lifetime_shared == 60


async def curl(port: int, ca: str, *more: str) -> tuple[str, list[tuple[str, str]]]:
    """The version that curl negotiates, and the fields that it gets."""
    process = await asyncio.create_subprocess_exec(
        need_binary("curl"), "-s", "-o", "/dev/null", "-D", "-", "-w", "%{http_version}",
        "--cacert", ca, "--resolve", f"{HOST}:{port}:127.0.0.1", *more, f"https://{HOST}:{port}/",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await process.communicate()
    head, _, version = out.decode().rpartition("\r\n")
    lines = [line.partition(":") for line in head.splitlines() if ":" in line]
    return version, [(name.lower(), value.strip()) for name, _, value in lines]


def linted(fields: list[tuple[str, str]]) -> httplint.HttpResponseLinter:
    request = httplint.HttpRequestLinter()
    request.process_request_topline(b"GET", f"https://{HOST}/".encode(), b"HTTP/1.1")
    request.process_headers([(b"Host", HOST.encode())])
    response = httplint.HttpResponseLinter(_related=request)
    response.process_response_topline(b"HTTP/1.1", b"200", b"OK")
    response.process_headers([(name.encode(), value.encode()) for name, value in fields])
    return response


# -- one thing wrong each -------------------------------------------------------------------------

REFUSES = "RedirectMatch 429 ^/seventh-\n"
CASES: list[tuple[str, str, str, str]] = [
    ("HTTP-ETAG-ENC", f"{H2}{GZIP}{LIFETIME}DeflateAlterETag NoChange", "/",
     "('identity', 'gzip')"),
    ("HTTP-NO-VALIDATOR", f"{H2}{LIFETIME}FileETag None\nHeader unset Last-Modified", "/",
     "max-age=60"),
    ("HTTP-VARY", f"{H2}{GZIP}{LIFETIME}Header unset Vary", "/", "encoding"),
    ("HTTP-NO-COMPRESS", f"{H2}{LIFETIME}", "/", "/a.css (3200 bytes)"),
    ("HTTP-NO-BR", f"{H2}{GZIP}{LIFETIME}", "/", "gzip"),
    ("HTTP-COMPRESS-WASTE", f"{H2}{LIFETIME}SetOutputFilter DEFLATE", "/a.png", "image/png"),
    ("HTTP-CACHE-LEAK", f'{H2}{LIFETIME}Header always set Set-Cookie "id=%t"', "/", "id"),
    ("HTTP-NO-SWR", f'{H2}Header always set Cache-Control "max-age=60"', "/", "max-age=60"),
    ("HTTP-NO-FRESHNESS", f"{H2}Header set Cache-Control no-cache\n{LIFETIME}", "/",
     "contradictory"),
    ("HTTP-304-HDRS", f"{H2}{GZIP}{LIFETIME}", "/", "vary"),
    ("HTTP-NO-REUSE", f"{H2}KeepAlive Off", "/", "closed-first"),
    ("HTTP-NO-REUSE", f"{H2}KeepAliveTimeout 60\nMaxKeepAliveRequests 3", "/", "few 4"),
    ("HTTP-NO-REUSE", "KeepAliveTimeout 60\nMaxKeepAliveRequests 2", "/", "closed 3"),
    ("HTTP-NO-REUSE", f"{H2}KeepAliveTimeout 2", "/", "idle 2"),
    ("HTTP-NO-H2", "Protocols http/1.1", "/", "not-negotiated"),
    ("HTTP-NO-H2", "Protocols http/1.1 h2", "/", "not-preferred"),
    ("H2-SETTINGS", f"{H2}H2MaxSessionStreams 8", "/", "streams"),
    ("HTTP-HSTS", f'{H2}Header always set Strict-Transport-Security "max-age=3600"', "/",
     "short max-age=3600"),
    ("HTTP-H3-DEAD", f"{H2}Header always set Alt-Svc 'h3=\":443\"'", "/", "Alt-Svc"),
    ("HTTP-REDIRECT", f"{H2}Redirect /a /b\nRedirect /b /c\nRedirect /c /", "/a", "3 "),
    ("HTTP-RETRY-INFO", f"{H2}{REFUSES}", "/", "429"),
    ("REST-CTYPE", f"{H2}<Files data.json>\nForceType text/html\n</Files>", "/data.json", "JSON"),
    ("REST-ERRORS", H2, "/data.json", "other-type 404 text/html"),
    ("REST-SCHEMA", H2, "/data.json", "missing"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "lines", "path", "words"), CASES, ids=[f"{c[0]}-{n}" for n, c in enumerate(CASES)]
)
async def test_misconfigured(rule: str, lines: str, path: str, words: str) -> None:
    report = await look(lines, path)
    assert report.failure is None
    assert rule in found(report), [(s.id, s.reason) for s in report.skipped if s.id == rule]
    assert words in said(report, rule)


async def test_what_it_does_not_get_wrong() -> None:
    """Its lax grammar still ends a connection whose lengths disagree; h2c is no TLS."""
    report = await look(f"{H2}HttpProtocolOptions Unsafe")
    assert "HTTP-CLTE" in report.passed
    plain = await look(DEBIAN, secure=False)
    assert {"HTTP-UPGRADE-TLS", "HTTP-CLTE", "HTTP-100CONT"} <= set(plain.passed)
    by_2 = await look(DEBIAN, secure=False, http_version="2")
    assert by_2.failure is None and facts_of(by_2).version == "2"


async def test_tls_inside_http() -> None:
    """Since 2.4.64 ``SSLEngine optional`` is read and does nothing; the rule has to say so."""
    report = await look(f"{DEBIAN}SSLEngine optional", secure=False)
    upgrade = facts_of(report).tls_upgrade
    assert upgrade is not None
    version = tuple(map(int, facts_of(report).server.split("/")[1].split()[0].split(".")))
    assert ("HTTP-UPGRADE-TLS" in found(report)) == upgrade.offered == (version < (2, 4, 64))


async def test_a_place_that_wants_a_certificate() -> None:
    """HTTP/2 cannot ask for one later, so Apache sends its clients to HTTP/1.1 for that place."""
    where = "<Location />\nSSLVerifyClient require\n</Location>\nSSLCACertificateFile FOLDER/ca.pem"
    report = await look(f"{H2}{where}")
    assert "HTTP-FALLBACK" not in found(report)
    assert "HTTP_1_1_REQUIRED" in said(report, "HTTP-NO-H2")


async def test_a_version_that_it_does_not_speak() -> None:
    report = await look("Protocols http/1.1", http_version="2")
    assert report.failure is not None and report.failure.reason == "negotiation-failed"
    assert report.failure.blame is Blame.PEER


# -- two nodes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "stable"), [("INode", False), ("All", False), ("MTime Size", True)]
)
async def test_two_nodes_with_the_same_files(how: str, stable: bool) -> None:
    """Copied with their times, files differ in their inodes alone."""
    lines = f"{GOOD}FileETag {how}\n"
    with site() as folder:
        write_files(folder / "two")
        authority = Authority(folder)
        nodes = {"127.0.0.1": lines, "127.0.0.2": f"{lines}DocumentRoot {folder}/two"}
        zone = {HOST: {"A": tuple(nodes)}}
        async with (
            name_server(zone) as resolver,
            apache(folder, nodes, authority.issue(HOST), BROTLI) as port,
        ):
            target = Target(scheme="https", host=HOST, port=port)
            report = await check_one(
                target, options_with(ca_file=str(authority.ca_file), resolver=resolver)
            )
    if stable:
        assert found(report) == set()
        return
    assert found(report) == {"HTTP-ETAG-UNSTABLE"}
    seen = said(report, "HTTP-ETAG-UNSTABLE")
    assert "(127.0.0.1)" in seen and "(127.0.0.2)" in seen and "repeated" not in seen


# -- what the rules advise ------------------------------------------------------------------------

MENDS: dict[str, tuple[str, str]] = {
    rule: (lines, path) for rule, lines, path, _ in CASES
    if rule not in {"HTTP-REDIRECT", "HTTP-H3-DEAD", "REST-SCHEMA"}
} | {
    "HTTP-NO-FRESHNESS": (H2, "/"),
    "HTTP-NO-BR": (f"{H2}{GZIP}{LIFETIME}", "/"),
    "HTTP-ETAG-IGNORED": (f"{H2}{SMALL}{LIFETIME}", "/"),
    "HTTP-NO-REUSE": (f"{H2}KeepAliveTimeout 1\nMaxKeepAliveRequests 3", "/"),
    "HTTP-NO-H2": ("Protocols http/1.1 h2", "/"),
    "REST-CTYPE": (f"{H2}ForceType text/html\nAlias /api FOLDER/www", "/api/data.json"),
    "REST-ERRORS": (f"{H2}Alias /api FOLDER/www", "/api/data.json"),
}  # fmt: skip
"""What the lines of a rule's own fix must make good; its path under /api where they say so."""


def fixes(product: str) -> dict[str, str]:
    """What the rules tell to write for a product, with each bad example's parameters."""
    told = {}
    for room in ("http", "websocket"):
        for rule in protocols.rules(room):
            verdict = rule(rule.bad)
            assert isinstance(verdict, Hit)
            if product in rule.words.fix:
                told[rule.id] = fill(rule.words.fix[product], verdict.params)
    return told


ADVISED = fixes("apache")


@pytest.mark.parametrize("rule", ADVISED)
def test_apache_takes_what_is_advised(tmp_path: Path, rule: str) -> None:
    """Pasted as it stands: Apache has no comment behind a directive."""
    inside, _, whole = ADVISED[rule].partition("# in main\n")
    with site() as folder:
        issued = Authority(tmp_path).issue(HOST)
        config = configuration(
            folder, free_port(), {"127.0.0.1": inside}, issued, (*BROTLI, *PROXY)
        )
        config.write_text(f"{config.read_text()}\n{whole}\n")
        done = subprocess.run(
            [need_binary("apache2"), "-t", "-f", str(config)],
            capture_output=True, text=True, check=False, timeout=20,
        )  # fmt: skip
    assert done.returncode == 0, f"{ADVISED[rule]}\n{done.stderr}"


@pytest.mark.parametrize("rule", sorted(MENDS.keys() & ADVISED.keys()))
async def test_what_is_advised_mends_it(rule: str) -> None:
    lines, path = MENDS[rule]
    before = await look(lines, path)
    assert rule in found(before)
    if "# replaces" in ADVISED[rule] or "; replaces" in ADVISED[rule]:
        lines = lines.replace(GZIP, "").replace("Protocols http/1.1 h2", "")
    after = await look(f"{lines}\n{ADVISED[rule]}", path)
    assert after.failure is None
    assert rule not in found(after), said(after, rule)
