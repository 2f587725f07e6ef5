"""What lint says of an nginx.conf, against what a server that runs with it shows on the wire."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from seventh.engine.check import check_one
from seventh.engine.lint import Wanted, lint_file
from seventh.labkit.serve import Kit, free_port
from seventh.lintkit.linted import parse_software
from seventh.model.options import Options
from seventh.model.report import Finding, Report
from seventh.model.target import Target
from tests.peers import need_binary, need_version

pytestmark = pytest.mark.peer

BROTLI = Path("/usr/lib/nginx/modules/ngx_http_brotli_filter_module.so")
STRONG = "ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;"
HSTS = 'add_header Strict-Transport-Security "max-age=31536000" always;'
CODED = "gzip on; gzip_vary on; gzip_types text/css application/javascript;"
PAGE = '<!doctype html><link rel="stylesheet" href="style.css"><p>' + "words and words " * 500
UNLIKE = {
    "TLS-NO-PQ",  # which groups there are is the library's to say, not the file's
}


@contextlib.asynccontextmanager
async def nginx(folder: Path, text: str, modules: str = "") -> AsyncIterator[Path]:
    """Run nginx with what stands in its http block; its ports are bound when it is there."""
    (folder / "www").mkdir(exist_ok=True)
    (folder / "www" / "index.html").write_text(PAGE)
    (folder / "www" / "style.css").write_text("p { color: red; }\n" * 300)
    path = folder / "nginx.conf"
    names = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{name}_temp_path {folder}/{name};\n" for name in names)
    user = "user root;" if os.geteuid() == 0 else ""  # pytest's folders are for their owner alone
    path.write_text(
        f"{modules}\n{user}\npid {folder}/pid;\nerror_log {folder}/error.log;\nevents {{ }}\n"
        f"http {{\naccess_log off;\n{temporary}types {{ text/html html; text/css css; }}\n"
        f"{text}\n}}\n"
    )
    starting = await asyncio.create_subprocess_exec(
        need_binary("nginx"), "-p", str(folder), "-c", str(path), "-e", str(folder / "error.log"),
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, said = await starting.communicate()
    assert starting.returncode == 0, said.decode()
    pid = int((folder / "pid").read_text())
    try:
        yield path
    finally:
        os.kill(pid, signal.SIGQUIT)


def linted(path: Path) -> Report:
    return lint_file(path, Wanted(software=(parse_software(f"nginx={need_version('nginx')}"),)))


def fired(report: Report) -> set[str]:
    return {finding.id for finding in report.findings}


SCENES: dict[str, tuple[str, set[str], set[str]]] = {
    # what stands in the server, rules that must fire, rules that must pass
    "bare": (
        "",
        {"TLS-NO13", "TLS-WEAK-CIPHER", "HTTP-NO-H2", "HTTP-NO-H3", "HTTP-HSTS",
         "HTTP-NO-COMPRESS", "HTTP-NO-FRESHNESS"},
        {"TLS-NO-RESUME", "TLS-0RTT-ON", "TLS-MTLS-OPTIONAL", "HTTP-NO-REUSE", "HTTP-VARY",
         "HTTP-NO-VALIDATOR"},
    ),
    "good": (
        f"{STRONG} {HSTS} {CODED} expires 1h;",
        {"HTTP-NO-H2", "HTTP-NO-BR"},
        {"TLS-LEGACY", "TLS-NO13", "TLS-WEAK-CIPHER", "HTTP-HSTS", "HTTP-NO-COMPRESS",
         "HTTP-VARY", "HTTP-NO-FRESHNESS"},
    ),
    "pages alone": (
        f"{STRONG} gzip on;", {"HTTP-NO-COMPRESS", "HTTP-VARY"}, {"TLS-NO13"},
    ),
    "the inheritance trap": (
        f"{STRONG} {HSTS} location / {{ add_header X-A b; }}", {"HTTP-HSTS"}, {"TLS-NO13"},
    ),
    "Vary by hand": (
        f"{STRONG} gzip on; gzip_types text/css; add_header Vary Accept-Encoding always;", set(),
        {"HTTP-VARY", "HTTP-NO-COMPRESS"},
    ),
    "a short HSTS": (
        f'{STRONG} add_header Strict-Transport-Security "max-age=60";', {"HTTP-HSTS"}, set(),
    ),
    "closed after each answer": (
        f"{STRONG} keepalive_timeout 0;", {"HTTP-NO-REUSE"}, set(),
    ),
    "few requests": (f"{STRONG} keepalive_requests 2;", {"HTTP-NO-REUSE"}, set()),
    "no validators": (
        f'{STRONG} etag off; add_header Last-Modified "";', {"HTTP-NO-VALIDATOR"}, set(),
    ),
    "no ETag": (f"{STRONG} etag off;", set(), {"HTTP-NO-VALIDATOR"}),
    "no staleness": (
        f'{STRONG} add_header Cache-Control "max-age=600";', {"HTTP-NO-SWR"},
        {"HTTP-NO-FRESHNESS"},
    ),
    "staleness": (
        f'{STRONG} add_header Cache-Control "max-age=600, stale-while-revalidate=60";', set(),
        {"HTTP-NO-SWR"},
    ),
    "two lifetimes": (
        f'{STRONG} expires 1h; add_header Cache-Control "no-store";', {"HTTP-NO-FRESHNESS"}, set(),
    ),
    "old versions": (
        "ssl_protocols TLSv1 TLSv1.1 TLSv1.2; ssl_ciphers ALL:@SECLEVEL=0;",
        {"TLS-LEGACY", "TLS-NO13", "TLS-WEAK-CIPHER"}, set(),
    ),
    "TLS 1.3 alone": (
        "ssl_protocols TLSv1.3;", set(), {"TLS-LEGACY", "TLS-NO13", "TLS-WEAK-CIPHER"},
    ),
    "static RSA": (
        "ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers AES128-GCM-SHA256;", {"TLS-WEAK-CIPHER"}, set(),
    ),
    "suites that some clients lack": (
        "ssl_protocols TLSv1.2; ssl_ciphers ECDHE-ECDSA-AES128-SHA;", {"TLS-CLIENTS-CUT"}, set(),
    ),
    "TLS 1.2 with all suites": ("ssl_protocols TLSv1.2;", set(), {"TLS-CLIENTS-CUT"}),
    "tickets for two days": (
        "ssl_protocols TLSv1.2; ssl_session_timeout 2d;", {"TLS-TICKET-LONG"}, set(),
    ),
    "tickets for more than a week": (
        "ssl_protocols TLSv1.2 TLSv1.3; ssl_session_timeout 8d;", set(), {"TLS-TICKET-LONG"},
    ),
    "no version in Server": (f"{STRONG} server_tokens off;", set(), {"HTTP-SERVER-LEAK"}),
    "the version in Server": (f"{STRONG}", {"HTTP-SERVER-LEAK"}, set()),
    "nothing resumed": (f"{STRONG} ssl_session_tickets off;", {"TLS-NO-RESUME"}, set()),
    "resumed from a cache": (
        f"{STRONG} ssl_session_tickets off; ssl_session_cache shared:TLS:1m;", set(),
        {"TLS-NO-RESUME"},
    ),
    "early data": (
        f"{STRONG} ssl_early_data on; ssl_session_cache shared:TLS:1m;", {"TLS-0RTT-ON"}, set(),
    ),
    "a certificate that nobody needs": (
        f"{STRONG} ssl_verify_client optional_no_ca;", {"TLS-MTLS-OPTIONAL"}, set(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SCENES)
async def test_lint_and_wire_agree(tmp_path: Path, kit: Kit, name: str) -> None:
    settings, wrong, fine = SCENES[name]
    key = rsa.generate_private_key(65537, 2048) if name == "static RSA" else None
    issued = kit.authority.issue("localhost", key=key)
    port = free_port()
    text = (
        f"server {{ listen 127.0.0.1:{port} ssl; server_name localhost; root www;\n"
        f"ssl_certificate {issued.cert_file}; ssl_certificate_key {issued.key_file};\n"
        f"{settings} }}"
    )
    async with nginx(tmp_path, text) as path:
        options = Options(ca_file=str(kit.authority.ca_file), timeout_seconds=20.0)
        target = Target(scheme="https", host="localhost", port=port, path="/")
        wire = await check_one(target, options)
    file = linted(path)
    assert file.failure is None, file.failure
    assert wrong <= fired(file)
    assert not fine & fired(file)
    decided = (fired(file) | set(file.passed)) & (fired(wire) | set(wire.passed)) - UNLIKE
    if "SECLEVEL" not in settings and "ssl_protocols" not in settings:
        decided.discard("TLS-LEGACY")  # allowed by the file, refused by OpenSSL's security level
    assert len(decided) > 10
    assert fired(file) & decided == fired(wire) & decided


@pytest.mark.skipif(not BROTLI.exists(), reason="nginx's brotli module is not installed")
async def test_brotli(tmp_path: Path, kit: Kit) -> None:
    issued = kit.authority.issue("localhost")
    port = free_port()
    text = (
        f"server {{ listen 127.0.0.1:{port} ssl http2; server_name localhost; root www;\n"
        f"ssl_certificate {issued.cert_file}; ssl_certificate_key {issued.key_file};\n"
        f"{STRONG} {CODED} brotli on; brotli_types text/css; }}"
    )
    async with nginx(tmp_path, text, f"load_module {BROTLI};") as path:
        options = Options(ca_file=str(kit.authority.ca_file), timeout_seconds=20.0)
        wire = await check_one(
            Target(scheme="https", host="localhost", port=port, path="/"), options
        )
    for report in (linted(path), wire):
        assert {"HTTP-NO-BR", "HTTP-NO-COMPRESS", "HTTP-VARY", "HTTP-NO-H2"} <= set(report.passed)


def ask(port: int, path: str, **fields: str) -> tuple[http.client.HTTPResponse, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers=fields)
        response = connection.getresponse()
        return response, response.read().decode()
    finally:
        connection.close()


async def test_headers_that_a_location_loses(tmp_path: Path) -> None:
    """Every field that lint calls lost is missing in the response, and comes back by its fix."""
    port = free_port()
    outer = (
        'add_header Content-Security-Policy "img-src \'self\' \\"x\\"" always;'
        f"{HSTS}\nadd_header X-Frame-Options DENY;\nadd_header X-A '$host \\\\ b';"
    )
    text = (
        f"{outer}\nserver {{ listen 127.0.0.1:{port};\nlocation /ok {{ return 200 x; }}\n"
        "location /lost {\nadd_header X-Own b;\n#fix\nreturn 200 x; }\n"
        "location /error {\nadd_header X-Own b;\nreturn 404; }\n}"
    )
    async with nginx(tmp_path, text) as path:
        lost, error = (one for one in linted(path).findings if one.id == "HTTP-HEADERS-LOST")
        full = {**(await asyncio.to_thread(ask, port, "/ok"))[0].headers}
        there = {**(await asyncio.to_thread(ask, port, "/lost"))[0].headers}
        wrong = {**(await asyncio.to_thread(ask, port, "/error"))[0].headers}
    assert (named(lost), named(error)) == (
        {"Content-Security-Policy", "X-Frame-Options", "X-A"}, {"Content-Security-Policy"}
    )  # fmt: skip
    assert set(full) - set(there) - {"Strict-Transport-Security"} == named(lost)
    assert "X-Own" in there
    assert not named(error) & set(wrong)
    async with nginx(tmp_path, text.replace("#fix", "\n".join(lost.fixes["nginx"]))) as path:
        again = {**(await asyncio.to_thread(ask, port, "/lost"))[0].headers}
        left = [one for one in linted(path).findings if one.id == "HTTP-HEADERS-LOST"]
    assert {name: again[name] for name in named(lost)} == {name: full[name] for name in named(lost)}
    assert [named(one) for one in left] == [named(error)]


def named(finding: Finding) -> set[str]:
    """The fields that the finding calls lost."""
    lost = finding.params["lost"]
    assert isinstance(lost, tuple)
    return {one.partition(" ")[0] for one in lost}


PASSED = {
    "": False,
    "proxy_http_version 1.1;": False,
    "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade;": False,
    "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;": False,
    "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; "
    "proxy_set_header Connection $connection_upgrade;": True,
}


@pytest.mark.parametrize("settings", PASSED, ids=range(len(PASSED)))
@pytest.mark.parametrize("outer", [False, True], ids=["own", "replaced"])
async def test_a_websocket_s_handshake_is_passed_on(
    tmp_path: Path, settings: str, outer: bool
) -> None:
    """The server behind says what came; with ``outer`` a header of the location's own replaces."""
    front, back = free_port(), free_port()
    inner = "proxy_set_header X-Own 1;" if outer else ""
    text = (
        "map $http_upgrade $connection_upgrade { default upgrade; '' close; }\n"
        f"server {{ listen 127.0.0.1:{back}; "
        "location / { return 200 '$server_protocol $http_upgrade $http_connection'; } }\n"
        f"server {{ listen 127.0.0.1:{front}; {settings}\n"
        f"location /ws {{ proxy_pass http://127.0.0.1:{back}; {inner} }} }}"
    )
    async with nginx(tmp_path, text) as path:
        _, said = await asyncio.to_thread(
            ask, front, "/ws", Upgrade="websocket", Connection="Upgrade"
        )
    passes = said == "HTTP/1.1 websocket upgrade"
    assert passes == (PASSED[settings] and not outer)
    assert ("WS-STRIPPED" in fired(linted(path))) == (not passes)


@pytest.mark.parametrize(
    ("settings", "leaks"),
    [
        ("", False),
        ("proxy_ignore_headers Set-Cookie;", True),
        ("proxy_ignore_headers Set-Cookie; proxy_hide_header Set-Cookie;", False),
    ],
)
async def test_cookies_in_nginx_s_cache(tmp_path: Path, settings: str, leaks: bool) -> None:
    front, back = free_port(), free_port()
    text = (
        f"proxy_cache_path {tmp_path}/cache keys_zone=one:1m;\n"
        f"server {{ listen 127.0.0.1:{back}; "
        "location / { add_header Set-Cookie session=$request_id; return 200 hello; } }\n"
        f"server {{ listen 127.0.0.1:{front}; location / {{ proxy_pass http://127.0.0.1:{back}; "
        f"proxy_cache one; proxy_cache_valid 1m; {settings} }} }}"
    )
    async with nginx(tmp_path, text) as path:
        first, _ = await asyncio.to_thread(ask, front, "/")
        second, _ = await asyncio.to_thread(ask, front, "/")
    cookies = [response.getheader("set-cookie") for response in (first, second)]
    assert (cookies[0] is not None and cookies[0] == cookies[1]) == leaks
    assert ("HTTP-CACHE-LEAK" in fired(linted(path))) == leaks


@pytest.mark.parametrize("limited", [False, True])
async def test_a_refusal_without_retry_after(tmp_path: Path, limited: bool) -> None:
    port = free_port()
    wait = "add_header Retry-After 10 always;" if limited else ""
    text = (
        "limit_req_zone $binary_remote_addr zone=one:1m rate=1r/m;\n"
        f"server {{ listen 127.0.0.1:{port}; root www; limit_req zone=one; {wait} }}"
    )
    async with nginx(tmp_path, text) as path:
        await asyncio.to_thread(ask, port, "/")
        refused, _ = await asyncio.to_thread(ask, port, "/")
    assert refused.status == 503
    assert (refused.getheader("retry-after") is not None) == limited
    assert ("HTTP-RETRY-INFO" in fired(linted(path))) == (not limited)
