"""nginx's caching and compression, as it comes, well set up and misconfigured."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from seventh import protocols
from seventh.engine.check import check_one
from seventh.labkit.ca import Authority
from seventh.labkit.serve import free_port
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.content import ContentFacts
from seventh.rules.collect import rules_of
from tests.peers import need_binary
from tests.peers.ports import listening

pytestmark = pytest.mark.peer
BROTLI = Path("/usr/lib/nginx/modules/ngx_http_brotli_filter_module.so")
TYPES = "text/plain text/css text/javascript application/json image/svg+xml"
LIFETIME = (
    'add_header Cache-Control "public, max-age=60, stale-while-revalidate=60, '
    'stale-if-error=600" always;'
)
VARY = "add_header Vary Accept-Encoding always;"
GOOD = f"gzip on; gzip_types {TYPES}; brotli on; brotli_types {TYPES}; {VARY} {LIFETIME}"
OURS = {
    rule.id
    for module in ("caching", "content", "rest", "validators")
    for rule in rules_of(protocols.part("http", f"rules.{module}"))
}
_PIXELS = hashlib.shake_256(b"an image").digest(4096)


def need_brotli() -> None:
    if not BROTLI.exists():
        pytest.skip("nginx's brotli module is not installed")


def write_files(folder: Path) -> None:
    """A page with its assets, and a JSON file."""
    (folder / "index.html").write_text(
        '<!doctype html><link rel="stylesheet" href="a.css"><script src="a.js"></script>'
        '<img src="a.png">' + "<p>Words, and more words.</p>\n" * 100
    )
    (folder / "a.js").write_text("let value = 1;\n" * 200)
    (folder / "a.css").write_text("p { margin: 0 }\n" * 200)
    (folder / "a.png").write_bytes(_PIXELS)
    (folder / "data.json").write_text('{"numbers": [' + ", ".join(map(str, range(800))) + "]}")


@contextlib.asynccontextmanager
async def nginx(folder: Path, body: str, *, brotli: bool = True) -> AsyncIterator[tuple[int, str]]:
    """nginx with TLS on a free port; gives the port and the authority's file."""
    authority = Authority(folder)
    issued = authority.issue("www.lab.test")
    port = free_port()
    paths = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in
                     ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))  # fmt: skip
    write_files(folder)
    user = "user root; " if os.geteuid() == 0 else ""
    module = f"load_module {BROTLI};" if brotli else ""
    config = folder / "nginx.conf"
    config.write_text(
        f"{module} {user}daemon off; pid {folder}/pid; error_log {folder}/error.log;\n"
        f"worker_processes 1; events {{}}\nhttp {{ access_log off; {paths}\n"
        "types { text/html html; text/css css; text/javascript js; image/png png;\n"
        "application/json json; }\n"
        f"server {{ listen 127.0.0.1:{port} ssl http2; root {folder};\n"
        f"ssl_certificate {issued.cert_file}; ssl_certificate_key {issued.key_file};\n"
        f"{body}\n}} }}\n"
    )
    server = await asyncio.create_subprocess_exec(
        need_binary("nginx"), "-c", str(config), "-e", f"{folder}/error.log",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await listening(port, server, folder / "error.log")
        yield port, str(authority.ca_file)
    finally:
        if server.returncode is None:
            server.send_signal(signal.SIGTERM)
        await server.wait()


async def look(
    folder: Path, body: str, path: str = "/", *, brotli: bool = True
) -> tuple[ContentFacts, set[str], Report]:
    """A check; what it learnt, and which of the content's rules fired."""
    async with nginx(folder, body, brotli=brotli) as (port, ca):
        target = Target(scheme="https", host="127.0.0.1", port=port, path=path)
        report = await check_one(target, Options(ca_file=ca, server_name="www.lab.test"))
    assert report.failure is None, report.failure
    facts = report.facts["http"]
    assert isinstance(facts, HttpFacts) and facts.content is not None
    return facts.content, {f.id for f in report.findings} & OURS, report


async def test_as_it_comes(tmp_path: Path) -> None:
    content, found, _ = await look(tmp_path, "", brotli=False)
    assert found == {"HTTP-NO-FRESHNESS", "HTTP-NO-COMPRESS"}
    assert content.validation is not None
    assert (content.validation.etag_status, content.validation.date_status) == (304, 304)
    assert content.validation.dropped == ()
    assert content.caching is not None and content.caching.freshness == "heuristic"


async def test_well_set_up(tmp_path: Path) -> None:
    need_brotli()
    content, found, _ = await look(tmp_path, GOOD)
    assert found == set()
    assert content.coding is not None and content.validation is not None
    shown = {v.offered: v.coding for v in content.coding.variants}
    assert shown == {"identity": "", "any": "br", "zstd": "", "gzip": "gzip"}
    assert (content.validation.coded, content.validation.coded_status) == ("br", 304)
    assert content.brotli_ratio == 1.0
    assert content.error is not None and content.error.declared == "text/html"
    assert {a.path: a.coding for a in content.assets or ()} == {
        "/a.css": "br", "/a.js": "br", "/a.png": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("body", "path", "rule"),
    [
        ("etag off; if_modified_since off; add_header Last-Modified '';" + LIFETIME, "/",
         "HTTP-NO-VALIDATOR"),
        ("if_modified_since off; etag off;" + LIFETIME, "/", "HTTP-ETAG-IGNORED"),
        ("gzip on;" + LIFETIME, "/", "HTTP-VARY"),
        ("gzip on; gzip_vary on;" + LIFETIME, "/", "HTTP-NO-BR"),
        ("gzip on; gzip_types image/png; gzip_vary on;" + LIFETIME, "/a.png",
         "HTTP-COMPRESS-WASTE"),
        ("expires 1h; add_header Cache-Control no-cache;", "/", "HTTP-NO-FRESHNESS"),
        ('add_header Cache-Control public; add_header Set-Cookie "id=$request_id; Path=/";',
         "/", "HTTP-CACHE-LEAK"),
        ('add_header Cache-Control "max-age=60";', "/", "HTTP-NO-SWR"),
        ('add_header Cache-Control "max-age=60" always; add_header Vary "*";', "/", "HTTP-VARY"),
        (LIFETIME, "/data.json", "REST-SCHEMA"),
        (LIFETIME, "/data.json", "REST-ERRORS"),
        ("location ~ json$ { types {} default_type text/html; }" + LIFETIME, "/data.json",
         "REST-CTYPE"),
        (LIFETIME + "location / { } location ~ ^/seventh- { return 429; }", "/",
         "HTTP-RETRY-INFO"),
        ('add_header Sunset "Sun, 01 Nov 2026 00:00:00 GMT";' + LIFETIME, "/", "REST-SUNSET"),
    ],
)  # fmt: skip
async def test_misconfigured(tmp_path: Path, body: str, path: str, rule: str) -> None:
    _, found, report = await look(tmp_path, body, path, brotli=False)
    assert rule in found, [(s.id, s.reason) for s in report.skipped]


async def test_gzip_vary_leaves_304_out(tmp_path: Path) -> None:
    """It is nginx's way, and not RFC 9110 §15.4.5's."""
    content, found, _ = await look(tmp_path, f"gzip on; gzip_vary on; {LIFETIME}", brotli=False)
    assert found == {"HTTP-304-HDRS", "HTTP-NO-BR", "HTTP-NO-COMPRESS"}
    assert content.validation is not None and content.validation.dropped == ("vary",)


async def test_a_304_keeps_to_add_headers_rule(tmp_path: Path) -> None:
    """nginx's add_header without ``always`` is for 304, too: no rule fires for its own doing."""
    body = 'add_header Cache-Control "public, max-age=60, stale-if-error=60";'
    content, found, _ = await look(tmp_path, body, brotli=False)
    assert "HTTP-304-HDRS" not in found
    assert content.validation is not None and content.validation.dropped == ()
