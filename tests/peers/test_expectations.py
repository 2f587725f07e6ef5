"""What is expected of a page, with real web servers: compressed, cut, in several charsets."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from seventh.engine.check import pulse_one
from seventh.labkit.serve import Kit, free_port
from seventh.model.failure import Reason
from seventh.model.report import Report
from tests.options import changed
from tests.peers import need_binary
from tests.peers.apache import apache, site
from tests.peers.test_http import answers, nginx, options, target
from tests.peers.test_quic import caddy

pytestmark = pytest.mark.peer

PAGE = "<!doctype html><title>Grüße</title><p>all systems operational</p></html>\n"
TWICE = "add_header X-Twice one always; add_header X-Twice two always;"


async def looked(
    port: int, kit: Kit, path: str = "/p.html", scheme: str = "https", **expected: object
) -> Report:
    given = options(kit, timeout_seconds=20, **expected)
    return await pulse_one(target(port, path, scheme), given)


async def met(
    port: int, kit: Kit, path: str = "/p.html", scheme: str = "https", **expected: object
) -> None:
    report = await looked(port, kit, path, scheme, **expected)
    assert report.failure is None, report.failure


async def unmet(port: int, kit: Kit, says: str, scheme: str = "https", **expected: object) -> None:
    report = await looked(port, kit, scheme=scheme, **expected)
    assert report.failure is not None
    assert report.failure.reason is Reason.UNEXPECTED_ANSWER
    assert says in report.failure.detail


async def judge(port: int, kit: Kit, server: str, scheme: str = "https") -> None:
    """What holds of the page at every server, and what does not."""
    body, fields = r"(?i)ALL systems (go|operational)</p></html>\s*\Z", f"server: (?i){server}"
    await met(port, kit, scheme=scheme, expect_body=body,
              expect_headers=("Content-Type: ^text/html", fields))  # fmt: skip
    for says, expected in (
        ("was not found in the 7", {"expect_body": "maintenance"}),
        ("it begins '<!doctype html>", {"expect_body": "main(t)enance"}),
        ("has no field X-Nothing", {"expect_headers": ("X-Nothing",)}),
        ("expected 'Gandalf'", {"expect_headers": ("Server: Gandalf",)}),
    ):
        await unmet(port, kit, says, scheme, **expected)


async def test_nginx_compressed_and_in_another_charset(kit: Kit, tmp_path: Path) -> None:
    (tmp_path / "p.html").write_text(PAGE, encoding="latin-1")
    more = f"charset iso-8859-1; gzip on; gzip_min_length 0; {TWICE}"
    async with nginx(tmp_path, kit.authority.issue("lab.test"), more=more) as port:
        await judge(port, kit, "nginx")
        for version in ("1.1", "2"):
            await met(
                port, kit, headers=("Accept-Encoding: gzip",), http_version=version,
                expect_body="Gr(ü)ße", expect_headers=("Content-Encoding: gzip",),
            )  # fmt: skip
        await met(port, kit, expect_headers=("X-Twice: ^two$", "X-Twice: ^one, two$"))
        await unmet(port, kit, "is 'one'; 'two', expected", expect_headers=("X-Twice: three",))


async def test_apache(kit: Kit) -> None:
    with site() as folder:
        (folder / "www" / "p.html").write_text(PAGE, encoding="utf-8")
        async with apache(folder, "") as port:
            await judge(port, kit, "apache", "http")
            await met(port, kit, scheme="http", expect_body="Gr(ü)ße")


async def test_caddy_over_http_3(kit: Kit, tmp_path: Path) -> None:
    given = options(kit, http_version="3").replace(server_name="localhost")
    async with caddy(tmp_path, kit.authority.issue("localhost"), kit) as port:
        zeros = changed(given, expect_body=r"\A\x00+\Z")
        report = await pulse_one(target(port, "/big"), zeros)
        assert report.failure is None, report.failure
        report = await pulse_one(target(port, "/big"), changed(zeros, max_body_bytes=1000))
        assert report.failure is not None
        assert report.failure.reason is Reason.OPTIONS_UNUSABLE, "the end was not read"
        assert "is undecided in the first 1000 bytes" in report.failure.detail


async def test_lighttpd(kit: Kit, tmp_path: Path) -> None:
    (tmp_path / "p.html").write_text(PAGE, encoding="utf-8")
    port = free_port()
    file = tmp_path / "lighttpd.conf"
    file.write_text(
        f'server.document-root = "{tmp_path}"\nserver.port = {port}\nserver.bind = "127.0.0.1"\n'
        'mimetype.assign = (".html" => "text/html")\n'
    )
    server = await asyncio.create_subprocess_exec(
        need_binary("lighttpd"), "-D", "-f", str(file), stdout=asyncio.subprocess.DEVNULL
    )
    try:
        await answers(port)
        await judge(port, kit, "lighttpd", "http")
    finally:
        server.terminate()
        await server.wait()
