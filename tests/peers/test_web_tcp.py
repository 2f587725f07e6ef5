"""HTTP/1.1 and HTTP/2 against nginx."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from seventh.labkit.ca import Authority
from seventh.labkit.serve import free_port
from seventh.model.failure import Failed, Reason
from seventh.web.content import undo
from seventh.web.h1 import H1Connection
from seventh.web.h2 import H2Connection
from tests.peers import need_binary
from tests.peers.ports import listening
from tests.web.support import ask, tcp, tls

pytestmark = pytest.mark.peer
TEXT = b"A line of text that compresses well.\n" * 400


@contextlib.asynccontextmanager
async def nginx(folder: Path, *listen: str, more: str = "") -> AsyncIterator[int]:
    """nginx on a free port; ``listen`` are the words behind the address."""
    port = free_port()
    paths = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in
                     ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))  # fmt: skip
    (folder / "text.txt").write_bytes(TEXT)
    config = folder / "nginx.conf"
    # The workers of a root's nginx are somebody else, who may not read our folder.
    user = "user root; " if os.geteuid() == 0 else ""
    config.write_text(
        f"{user}daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1;\n"
        f"events {{}}\nhttp {{ access_log off; {paths} types {{ text/plain txt; }}\n"
        f"gzip on; gzip_types text/plain; gzip_vary on; {more}\n"
        f"server {{ listen 127.0.0.1:{port} {' '.join(listen)}; root {folder}; "
        "location = /no { return 204; } location = /old { return 301 /text.txt; } } }\n"
    )
    server = await asyncio.create_subprocess_exec(
        need_binary("nginx"), "-c", str(config), "-e", f"{folder}/error.log",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await listening(port, server)
        yield port
    finally:
        server.send_signal(signal.SIGTERM)
        await server.wait()


async def test_http_1(tmp_path: Path) -> None:
    async with nginx(tmp_path, more="keepalive_requests 6;") as port:
        connection = H1Connection(await tcp(port))
        plain = await connection.request(ask("/text.txt"))
        assert (plain.status, plain.body, connection.stats.framing) == (200, TEXT, "content-length")
        etag = plain.get("etag")
        assert etag is not None
        same = await connection.request(ask("/text.txt", headers=(("If-None-Match", etag),)))
        assert (same.status, same.body) == (304, b"")
        packed = await connection.request(ask("/text.txt", headers=(("Accept-Encoding", "gzip"),)))
        assert packed.get("content-encoding") == "gzip" and packed.body_bytes < len(TEXT) // 4
        assert connection.stats.framing == "chunked"
        assert undo("gzip", packed.body) == TEXT
        assert (await connection.request(ask("/text.txt", "HEAD"))).get("content-length")
        assert (await connection.request(ask("/no"))).status == 204
        assert connection.reusable
        assert (await connection.request(ask("/old"))).get(
            "location",
        ) is not None
        assert not connection.reusable and connection.stats.requests == 6
        connection.close()


async def test_http_2(tmp_path: Path) -> None:
    async with nginx(tmp_path, "http2", more="keepalive_requests 40;") as port:
        connection = H2Connection(await tcp(port))
        settings = await connection.settings()
        assert settings[3] == 128
        assert (await connection.ping()).seconds < 5
        got = await asyncio.gather(
            *(connection.request(ask("/text.txt")) for _ in range(30)),
            connection.request(ask("/text.txt", headers=(("accept-encoding", "gzip"),))),
        )
        assert all(r.status == 200 for r in got)
        assert undo("gzip", got[-1].body) == TEXT
        while connection.reusable:
            assert (await connection.request(ask("/no"))).status == 204
        goaway = connection.stats.goaway
        assert goaway is not None and goaway.name == "NO_ERROR"
        connection.close()


async def test_versions_by_alpn(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    issued = authority.issue()
    more = f"ssl_certificate {issued.cert_file}; ssl_certificate_key {issued.key_file};"
    async with nginx(tmp_path, "ssl", "http2", more=more) as port:
        ca = str(authority.ca_file)
        two = H2Connection(await tls(port, ca, "h2"))
        assert (await two.request(ask("/text.txt"))).body == TEXT
        await two.aclose()
        one = H1Connection(await tls(port, ca, "http/1.1"))
        assert (await one.request(ask("/text.txt"))).body == TEXT
        one.close()
        clear = H1Connection(await tcp(port))
        refused = await clear.request(ask())
        assert refused.status == 400 and b"HTTPS port" in refused.body
        clear.close()


async def test_the_wrong_version_on_a_port(tmp_path: Path) -> None:
    async with nginx(tmp_path) as port:
        connection = H2Connection(await tcp(port))
        with pytest.raises(Failed) as caught:
            await connection.request(ask())
        assert caught.value.reason is Reason.PROTOCOL_MISMATCH
        connection.close()
    async with nginx(tmp_path, "http2") as port:
        one = H1Connection(await tcp(port))
        with pytest.raises(Failed) as caught:
            await one.request(ask())
        assert caught.value.reason is Reason.PROTOCOL_MISMATCH
        assert "HTTP/2" in caught.value.detail
        one.close()
