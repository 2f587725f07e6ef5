"""What lint says of a Caddyfile, against what a Caddy that runs with it shows on the wire."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from seventh.engine.check import check_one
from seventh.engine.lint import Wanted, lint_file
from seventh.labkit.serve import Kit, free_port
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.protocols.http.facts import HttpFacts
from tests.options import changed
from tests.peers.caddy import running
from tests.peers.test_quic import answers_h3, free_for_both

pytestmark = pytest.mark.peer

NAME = "lab.test"
HSTS = 'header Strict-Transport-Security "max-age=31536000"'
KEPT = 'header Cache-Control "max-age=600, stale-while-revalidate=60"'
PAGE = '<!doctype html><link rel="stylesheet" href="style.css"><p>' + "words and words " * 500
FILES = "root * www\nfile_server"


def caddyfile(port: int, kit: Kit, inside: str, options: str = "") -> str:
    """One site with TLS, the page, and what is said; nothing on port 80."""
    key = rsa.generate_private_key(65537, 2048) if "RSA" in inside else None
    issued = kit.authority.issue(NAME, key=key)
    certificate = "" if "tls " in inside else f"tls {issued.cert_file} {issued.key_file}"
    inside = inside.replace("CERTIFICATE", f"{issued.cert_file} {issued.key_file}")
    return (
        "{\nadmin off\nauto_https disable_redirects\npersist_config off\n"
        f"default_bind 127.0.0.1\n{options}\n}}\n"
        f"https://{NAME}:{port} {{\n{certificate}\n{inside}\n}}\n"
    )


def pages(folder: Path) -> None:
    (folder / "www").mkdir()
    (folder / "www" / "index.html").write_text(PAGE)
    (folder / "www" / "style.css").write_text("p { color: red; }\n" * 300)


def linted(path: Path) -> Report:
    return lint_file(path, Wanted())


def fired(report: Report) -> set[str]:
    return {finding.id for finding in report.findings}


async def on_the_wire(port: int, kit: Kit, **more: object) -> Report:
    options = Options(ca_file=str(kit.authority.ca_file), server_name=NAME, timeout_seconds=20.0)
    target = Target(scheme="https", host="127.0.0.1", port=port, path="/")
    return await check_one(target, changed(options, **more))


H1 = "servers {\nprotocols h1\n}"
SCENES: dict[str, tuple[str, str, set[str], set[str]]] = {
    # what stands in the site, the global options, rules that must fire, rules that must pass
    "bare": (
        FILES, "", {"HTTP-HSTS", "HTTP-NO-COMPRESS", "HTTP-NO-FRESHNESS"},
        {"HTTP-NO-H2", "HTTP-NO-H3", "HTTP-H3-HIDDEN", "HTTP-FALLBACK", "HTTP-NO-REUSE",
         "HTTP-NO-VALIDATOR", "HTTP-VARY", "TLS-LEGACY", "TLS-NO13", "TLS-WEAK-CIPHER",
         "TLS-NO-PQ", "TLS-NO-RESUME", "TLS-MTLS-OPTIONAL"},
    ),
    "good": (
        f"{FILES}\nencode zstd gzip\n{HSTS}\n{KEPT}", "", set(),
        {"HTTP-HSTS", "HTTP-NO-COMPRESS", "HTTP-NO-FRESHNESS", "HTTP-NO-SWR", "HTTP-NO-BR"},
    ),
    "HTTP/1.1 alone": (FILES, H1, {"HTTP-NO-H2", "HTTP-NO-H3"}, set()),
    "no HTTP/3": (FILES, "servers {\nprotocols h1 h2\n}", {"HTTP-NO-H3"}, {"HTTP-NO-H2"}),
    "no HTTP/2": (FILES, "servers {\nprotocols h1 h3\n}", {"HTTP-NO-H2"}, {"HTTP-NO-H3"}),
    "no HTTP/2 in ALPN": (
        f"{FILES}\ntls CERTIFICATE {{\nalpn http/1.1\n}}", "", {"HTTP-NO-H2"}, set(),
    ),
    "Alt-Svc taken away": (f"{FILES}\nheader -Alt-Svc", "", {"HTTP-H3-HIDDEN"}, {"HTTP-NO-H3"}),
    "Alt-Svc without HTTP/3": (
        f"{FILES}\nheader Alt-Svc `h3=\":PORT\"`", H1, {"HTTP-H3-DEAD"}, set(),
    ),
    "Connection: close": (
        f"{FILES}\nheader Connection close", "", {"HTTP-NO-REUSE", "HTTP-H3-DEAD"}, set(),
    ),
    "no validators": (
        f"{FILES}\nheader -ETag\nheader -Last-Modified", "", {"HTTP-NO-VALIDATOR"}, set(),
    ),
    "no ETag": (f"{FILES}\nheader -ETag", "", set(), {"HTTP-NO-VALIDATOR"}),
    "no staleness": (
        f'{FILES}\nheader Cache-Control "max-age=600"', "", {"HTTP-NO-SWR"}, {"HTTP-NO-FRESHNESS"},
    ),
    "a later line without matcher wins": (
        f'{FILES}\nheader Cache-Control "max-age=600"\nheader /* Cache-Control "no-cache"', "",
        set(), {"HTTP-NO-FRESHNESS"},
    ),
    "a short HSTS": (
        f'{FILES}\nheader Strict-Transport-Security "max-age=60"', "", {"HTTP-HSTS"}, set(),
    ),
    "HSTS in a handle": (f"handle {{\n{FILES}\n{HSTS}\n}}", "", set(), {"HTTP-HSTS"}),
    "HSTS for another path": (
        f"{FILES}\n{HSTS.replace('header', 'header /a/*')}", "", {"HTTP-HSTS"}, set(),
    ),
    "HSTS taken away again": (f"{FILES}\n{HSTS}\nheader -Strict-*", "", {"HTTP-HSTS"}, set()),
    "gzip alone": (f"{FILES}\nencode gzip", "", {"HTTP-NO-BR"}, {"HTTP-NO-COMPRESS", "HTTP-VARY"}),
    "pages alone": (
        f"{FILES}\nencode gzip {{\nmatch {{\nheader Content-Type text/html*\n}}\n}}", "",
        {"HTTP-NO-COMPRESS"}, set(),
    ),
    "Vary taken away": (f"{FILES}\nencode gzip\nheader -Vary", "", {"HTTP-VARY"}, set()),
    "TLS 1.3 alone": (
        f"{FILES}\ntls CERTIFICATE {{\nprotocols tls1.3\n}}", "", set(),
        {"TLS-NO13", "TLS-WEAK-CIPHER"},
    ),
    "TLS 1.2 alone": (
        f"{FILES}\ntls CERTIFICATE {{\nprotocols tls1.2 tls1.2\n}}", "", {"TLS-NO13"}, set(),
    ),
    "suites that some clients lack": (
        (f"{FILES}\ntls CERTIFICATE {{\nprotocols tls1.2 tls1.2\n"
        "ciphers TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA\n}"), H1, {"TLS-CLIENTS-CUT"}, set(),
    ),
    "CBC": (
        f"{FILES}\ntls CERTIFICATE {{\nciphers TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA\n}}", H1,
        {"TLS-WEAK-CIPHER"}, set(),
    ),
    "one curve": (
        f"{FILES}\ntls CERTIFICATE {{\ncurves secp256r1\n}}", "", {"TLS-NO-PQ"}, set(),
    ),
    "a certificate that nobody needs": (
        f"{FILES}\ntls CERTIFICATE {{\nclient_auth {{\nmode request\n}}\n}}", H1,
        {"TLS-MTLS-OPTIONAL"}, set(),
    ),
}  # fmt: skip


async def h3_ready(port: int, kit: Kit) -> None:
    """Return as soon as HTTP/3 is served: Caddy's first responses over TCP may come before it.

    They lack Alt-Svc, so that a check would find HTTP/3 hidden that was not there yet.
    """
    for _ in range(100):
        if await answers_h3(port, kit, NAME):
            return
        await asyncio.sleep(0.05)  # its port is not open yet; nothing can be waited on
    pytest.fail("Caddy does not answer over HTTP/3")


@pytest.mark.parametrize("name", SCENES)
async def test_lint_and_wire_agree(tmp_path: Path, kit: Kit, name: str) -> None:
    inside, options, wrong, fine = SCENES[name]
    pages(tmp_path)
    port = free_for_both()
    text = caddyfile(port, kit, inside.replace("PORT", str(port)), options)
    async with running(tmp_path, text, port) as path:
        file = linted(path)
        if "HTTP-NO-H3" in file.passed and "HTTP-H3-DEAD" not in fired(file):
            await h3_ready(port, kit)
        wire = await on_the_wire(port, kit)
    assert file.failure is None, file.failure
    assert wrong <= fired(file)
    assert fine <= set(file.passed)
    decided = (fired(file) | set(file.passed)) & (fired(wire) | set(wire.passed))
    assert len(decided) > 10
    assert fired(file) & decided == fired(wire) & decided


async def test_http3_alone_has_no_way_back(tmp_path: Path, kit: Kit) -> None:
    pages(tmp_path)
    port = free_for_both()
    text = caddyfile(port, kit, FILES, "servers {\nprotocols h3\n}")
    async with running(tmp_path, text) as path:
        wire = await on_the_wire(port, kit)
        for _ in range(100):  # nothing but QUIC tells when it is there
            facts = wire.facts["http"]
            if isinstance(facts, HttpFacts) and facts.working:
                break
            wire = await on_the_wire(port, kit)
    for report in (linted(path), wire):
        assert {"HTTP-FALLBACK", "HTTP-H3-HIDDEN"} <= fired(report)


# -- what a server behind Caddy sees ---------------------------------------------------------------


@contextlib.asynccontextmanager
async def behind(heads: list[str]) -> AsyncIterator[int]:
    """A server that opens every WebSocket it is asked for, keeps silent, and notes what it got."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            heads.append(head)
            if "/events" in head:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
                writer.write(b"data: first\n\n")
                await reader.read()
            elif "upgrade: websocket" in head and "connection: upgrade" in head:
                writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                             b"Connection: Upgrade\r\n\r\n")  # fmt: skip
                await reader.read()
            else:
                writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def proxy(port: int, site: str, back: int) -> str:
    return (
        "{\nadmin off\npersist_config off\ndefault_bind 127.0.0.1\n}\n"
        f"http://:{port} {{\n{site.replace('BACK', f'127.0.0.1:{back}')}\n}}\n"
    )


Asked = tuple[asyncio.StreamReader, asyncio.StreamWriter, bytes]


async def asked(port: int, path: str, *fields: str) -> Asked:
    """The connection, and the head of what came within a while; empty where nothing came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = [f"GET {path} HTTP/1.1", "Host: lab.test", *fields, "", ""]
    writer.write("\r\n".join(lines).encode())
    try:
        return reader, writer, await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 2)
    except TimeoutError:
        return reader, writer, b""


UPGRADE = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")  # fmt: skip
HANDED_ON = {
    "reverse_proxy BACK": True,
    "reverse_proxy BACK {\nheader_up -Upgrade\n}": False,
    "reverse_proxy BACK {\nheader_up -Connection\n}": False,
    "reverse_proxy BACK {\nheader_up -U*\n}": False,
    "reverse_proxy BACK {\nheader_up Connection close\n}": False,
    "reverse_proxy BACK {\nheader_up Connection {>Connection}\nheader_up Upgrade {>Upgrade}\n}": False,  # noqa: E501
    "reverse_proxy BACK {\nheader_up Connection Upgrade\nheader_up Upgrade websocket\n}": True,
    "reverse_proxy BACK {\nheader_up Connection {http.request.header.Connection}\n}": True,
    "request_header -Upgrade\nreverse_proxy BACK": False,
    "request_header Connection keep-alive\nreverse_proxy BACK": False,
    "request_header -X-Other\nreverse_proxy BACK": True,
}


@pytest.mark.parametrize("site", HANDED_ON, ids=range(len(HANDED_ON)))
async def test_a_websocket_s_handshake_is_handed_on(tmp_path: Path, site: str) -> None:
    port = free_port()
    site = site.replace("reverse_proxy BACK", "reverse_proxy /ws BACK")
    async with behind([]) as back, running(tmp_path, proxy(port, site, back), port) as path:
        _, writer, head = await asked(port, "/ws", *UPGRADE)
        writer.close()
    passes = b" 101 " in head
    assert passes == HANDED_ON[site.replace("reverse_proxy /ws BACK", "reverse_proxy BACK")]
    assert ("WS-STRIPPED" in fired(linted(path))) == (not passes)


@pytest.mark.parametrize(
    ("inside", "cut"),
    [("", False), ("stream_timeout 1s", True), ("transport http {\nread_timeout 1s\n}", True)],
)
async def test_an_idle_websocket_is_cut(tmp_path: Path, inside: str, cut: bool) -> None:
    port = free_port()
    site = f"reverse_proxy /ws BACK {{\n{inside}\n}}"
    async with behind([]) as back, running(tmp_path, proxy(port, site, back), port) as path:
        reader, writer, head = await asked(port, "/ws", *UPGRADE)
        assert b" 101 " in head
        try:
            ended = await asyncio.wait_for(reader.read(), 3) == b""
        except TimeoutError:
            ended = False
        writer.close()
    assert ended == cut
    assert ("WS-IDLE-CUT" in fired(linted(path))) == cut


@pytest.mark.parametrize(
    ("inside", "held"), [("", False), ("flush_interval 1m", False), ("response_buffers 1MB", True)]
)
async def test_events_are_held_back(tmp_path: Path, inside: str, held: bool) -> None:
    port = free_port()
    site = f"reverse_proxy /events BACK {{\n{inside}\n}}"
    async with behind([]) as back, running(tmp_path, proxy(port, site, back), port) as path:
        _, writer, head = await asked(port, "/events")
        writer.close()
    assert (head == b"") == held
    assert ("SSE-HEARTBEAT" in fired(linted(path))) == held


@pytest.mark.parametrize(
    ("inside", "options", "unsafe"),
    [("", "", False), ("header_up -Early-Data", "", True),
     ("header_up -Early-Data", "servers {\n0rtt off\n}", False)],
)  # fmt: skip
async def test_early_data_is_told(
    tmp_path: Path, kit: Kit, inside: str, options: str, unsafe: bool
) -> None:
    """Caddy takes early data in HTTP/3, and says so to the server behind it."""
    port, heads = free_for_both(), list[str]()
    async with behind(heads) as back:
        site = f"reverse_proxy 127.0.0.1:{back} {{\n{inside}\n}}"
        async with running(tmp_path, caddyfile(port, kit, site, options), port) as path:
            wire = await on_the_wire(port, kit, method="POST", allow_write=True)
    facts = wire.facts["http"]
    assert isinstance(facts, HttpFacts)
    post = facts.write.early_post if facts.write is not None else None
    early = post is not None and post.accepted
    assert early == (not options)
    told = any("early-data: 1" in head for head in heads if head.startswith("post"))
    assert (early and not told) == unsafe
    assert ("HTTP-0RTT-UNSAFE" in fired(linted(path))) == unsafe


@pytest.mark.parametrize(
    ("redirects", "clear"), [("", True), ("auto_https disable_redirects", False)]
)
async def test_plain_http_beside_https(
    tmp_path: Path, kit: Kit, redirects: str, clear: bool
) -> None:
    """Caddy leads plain HTTP to HTTPS by itself, unless it is told not to."""
    plain, secure = free_port(), free_for_both()
    issued = kit.authority.issue(NAME)
    text = (
        f"{{\nadmin off\npersist_config off\nhttp_port {plain}\nhttps_port {secure}\n"
        f"default_bind 127.0.0.1\n{redirects}\n}}\n{NAME} {{\ntls {issued.cert_file} "
        f"{issued.key_file}\nrespond hi\n}}\n"
    )
    async with running(tmp_path, text, secure) as path:
        head = b""
        with contextlib.suppress(OSError):
            _, writer, head = await asked(plain, "/")
            writer.close()
    assert (b" 308 " in head) == clear
    file = linted(path)
    assert "HTTP-NO-HTTPS" not in fired(file)
    path.write_text(text.replace(f"{NAME} {{\ntls {issued.cert_file} {issued.key_file}",
                                 f"http://{NAME} {{"))  # fmt: skip
    assert ("HTTP-NO-HTTPS" in fired(linted(path))) is False  # bound to this machine alone
    path.write_text(f"http://{NAME} {{\nrespond hi\n}}\n")
    assert "HTTP-NO-HTTPS" in fired(linted(path))
