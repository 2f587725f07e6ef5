"""What sites expose behind real proxies, before and after the lines of each fix."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from seventh import protocols
from seventh.engine.check import check_one
from seventh.labkit.serve import Kit, free_port
from seventh.model.target import Target
from tests.options import options_with
from tests.peers import need_binary, proxies
from tests.peers.apache import HOST, PROXY, apache, site
from tests.peers.caddy import running
from tests.peers.test_fix_lines import cut, directives, said
from tests.peers.test_http_content import nginx
from tests.reports import found

pytestmark = pytest.mark.peer
RULES = {rule.id: rule for rule in protocols.rules("http")}
EXPOSED = ("HTTP-CORS-CREDS", "HTTP-COOKIE-FLAGS", "HTTP-SERVER-LEAK")


async def careless(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """An ASGI application with each of the faults."""
    while (await receive()).get("more_body"):
        pass
    head = [(b"content-type", b"text/html"), (b"set-cookie", b"session=1; Path=/"),
            (b"x-powered-by", b"PHP/8.2.7")]  # fmt: skip
    for name, value in scope["headers"]:
        if name == b"origin":
            head += [(b"access-control-allow-origin", value),
                     (b"access-control-allow-credentials", b"true")]  # fmt: skip
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": b"<!doctype html><p>A page.</p>"})


async def look(kit: Kit, port: int, ca_file: str = "", **given: str) -> set[str]:
    report = await check_one(
        Target(scheme=given.get("scheme", "https"), host="127.0.0.1", port=port),
        options_with(
            ca_file=ca_file or str(kit.authority.ca_file), server_name=given.get("name", HOST)
        ),
    )
    assert report.failure is None, report.failure
    return set(found(report)) & set(EXPOSED)


def fix_of(rule: str, product: str, usual: str) -> dict[str, str]:
    """The lines of a fix by where they belong."""
    parts = cut(said(RULES[rule], product), usual)
    return {place: "\n".join(directives(lines)) for place, lines in parts.items()}


@pytest.mark.parametrize("rule", [None, *EXPOSED])
async def test_nginx(rule: str | None, kit: Kit, tmp_path: Path) -> None:
    fix = fix_of(rule, "nginx", "server")["server"] if rule else ""
    async with proxies.behind(careless) as origin:
        body = f"location / {{ proxy_pass http://127.0.0.1:{origin}; }}\n{fix}"
        async with nginx(tmp_path, body, brotli=False) as (port, ca_file):
            assert await look(kit, port, ca_file) == set(EXPOSED) - {rule}


@pytest.mark.parametrize("rule", [None, *EXPOSED])
async def test_apache(rule: str | None, kit: Kit) -> None:
    parts = fix_of(rule, "apache", "site") if rule else {}
    issued = kit.authority.issue(HOST)
    async with proxies.behind(careless) as origin:
        lines = f"ProxyPass / http://127.0.0.1:{origin}/\n{parts.get('site', '')}"
        if "main" in parts:  # what is for the whole server stands between two virtual hosts
            lines += f"\n</VirtualHost>\n{parts['main']}\n<VirtualHost 127.0.0.1:1>"
        with site() as folder:
            async with apache(folder, lines, issued, PROXY) as port:
                seen = await look(kit, port)
    assert seen == set(EXPOSED) - {rule}


@pytest.mark.parametrize("rule", [None, *EXPOSED])
async def test_caddy(rule: str | None, kit: Kit, tmp_path: Path) -> None:
    fix = fix_of(rule, "caddy", "site")["site"] if rule else ""
    issued, port = kit.authority.issue(HOST), free_port()
    async with proxies.behind(careless) as origin:
        text = (
            "{\nadmin off\nauto_https disable_redirects\n}\n"
            f"https://{HOST}:{port} {{\nbind 127.0.0.1\ntls {issued.cert_file} {issued.key_file}\n"
            f"reverse_proxy 127.0.0.1:{origin}\n{fix}\n}}\n"
        )
        async with running(tmp_path, text, port):
            assert await look(kit, port) == set(EXPOSED) - {rule}


@pytest.mark.parametrize("rule", [None, *EXPOSED])
async def test_haproxy(rule: str | None, kit: Kit, tmp_path: Path) -> None:
    fix = fix_of(rule, "haproxy", "frontend")["backend"] if rule else ""
    async with (
        proxies.behind(careless) as origin,
        proxies.haproxy(tmp_path, origin, kit, back=fix) as port,
    ):
        assert await look(kit, port, name="lab.test") == set(EXPOSED) - {rule}


@contextlib.asynccontextmanager
async def lighttpd(folder: Path, lines: str) -> AsyncIterator[int]:
    """Run lighttpd, in clear."""
    port, file = free_port(), folder / "lighttpd.conf"
    (folder / "index.html").write_text("<!doctype html>")
    file.write_text(
        f'server.document-root = "{folder}"\nserver.port = {port}\nserver.bind = "127.0.0.1"\n'
        f'index-file.names = ("index.html")\n{lines}\n'
    )
    command = (need_binary("lighttpd"), "-D", "-f", str(file))
    async with proxies.running(command, folder / "lighttpd.log", port, secure=False):
        yield port


@pytest.mark.parametrize("fixed", [False, True])
async def test_lighttpd(fixed: bool, kit: Kit, tmp_path: Path) -> None:
    fix = said(RULES["HTTP-SERVER-LEAK"], "lighttpd") if fixed else ""
    async with lighttpd(tmp_path, fix) as port:
        seen = await look(kit, port, scheme="http")
    assert seen == (set() if fixed else {"HTTP-SERVER-LEAK"})
