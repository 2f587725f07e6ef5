"""The HTTP room against nginx and Caddy, in order and misconfigured; curl as the oracle."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from seventh.engine.check import check_one, pulse_one
from seventh.labkit.ca import Issued
from seventh.labkit.serve import Kit, free_port
from seventh.model.options import Options
from seventh.model.target import Target
from seventh.protocols.http.facts.write import Upload
from tests.options import options_with
from tests.peers import need_binary
from tests.peers.test_quic import caddy
from tests.reports import found
from tests.reports import http_facts as facts_of

pytestmark = pytest.mark.peer
NAME = "lab.test"
HSTS = 'add_header Strict-Transport-Security "max-age=31536000" always;'


@contextlib.asynccontextmanager
async def nginx(
    folder: Path, issued: Issued, listen: str = "ssl http2", more: str = HSTS
) -> AsyncIterator[int]:
    """nginx with one virtual host; ``listen`` are the words behind the address."""
    port = free_port()
    paths = " ".join(
        f"{kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "index.html").write_text("<!doctype html><title>nginx</title>")
    user = "user root; " if os.geteuid() == 0 else ""
    config = folder / "nginx.conf"
    config.write_text(
        f"{user}daemon off; pid {folder}/pid; worker_processes 1; events {{}}\n"
        f"http {{ access_log off; {paths} types {{ text/html html; }}\n"
        f"ssl_certificate {issued.cert_file}; ssl_certificate_key {issued.key_file}; "
        "ssl_protocols TLSv1.2 TLSv1.3;\n"
        f"server {{ listen 127.0.0.1:{port} {listen}; root {folder}; {more} }} }}\n"
    )
    server = await asyncio.create_subprocess_exec(
        need_binary("nginx"), "-c", str(config), "-e", f"{folder}/error.log",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await answers(port)
        yield port
    finally:
        server.send_signal(signal.SIGTERM)
        await server.wait()


async def answers(port: int) -> None:
    """Return as soon as somebody answers a request there."""
    async with asyncio.timeout(10):
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.01)
                continue
            writer.write(b"GET / HTTP/1.0\r\n\r\n")
            with contextlib.suppress(OSError):
                await reader.read(1)
            writer.close()
            return


def options(kit: Kit, **more: object) -> Options:
    return options_with(ca_file=str(kit.authority.ca_file), server_name=NAME, **more)


def target(port: int, path: str = "/", scheme: str = "https") -> Target:
    return Target(scheme=scheme, host="127.0.0.1", port=port, path=path)


async def curl(port: int, kit: Kit, *more: str) -> str:
    """What curl negotiates and gets: version and status."""
    process = await asyncio.create_subprocess_exec(
        need_binary("curl"), "-s", "-o", "/dev/null", "-w", "%{http_version} %{http_code}",
        "--cacert", str(kit.authority.ca_file), "--resolve", f"{NAME}:{port}:127.0.0.1", *more,
        f"https://{NAME}:{port}/", stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, _ = await process.communicate()
    return said.decode()


async def test_nginx_in_order(kit: Kit, tmp_path: Path) -> None:
    issued = kit.authority.issue(NAME)
    async with nginx(tmp_path, issued, more=f"{HSTS} keepalive_timeout 65 65;") as port:
        report = await check_one(target(port), options(kit))
        pulse = await pulse_one(target(port), options(kit))
        assert await curl(port, kit) == "2 200"
        assert await curl(port, kit, "--http1.1") == "1.1 200"
    assert report.failure is None and pulse.failure is None
    facts = facts_of(report)
    assert (facts.version, facts.working, facts.status) == ("2", ("2", "1.1"), 200)
    assert facts.server.startswith("nginx/")
    assert facts.reuse is not None and facts.reuse.keep_alive_seconds == 65
    assert facts.h2 is not None and facts.h2.max_concurrent_streams == 128
    resumed = [c for c in facts.cells if c.temperature == "resumed" and c.version != "3"]
    assert resumed and all(c.outcome == "ok" for c in resumed)
    assert not found(report) & {
        "HTTP-NO-H2", "HTTP-FALLBACK", "HTTP-NO-REUSE", "HTTP-HSTS", "H2-SETTINGS",
        "HTTP-DATE-SKEW", "HTTP-H3-DEAD",
    }  # fmt: skip
    assert "HTTP-NO-H3" in found(report)
    assert {finding.product for finding in report.findings} == {"nginx"}


async def test_nginx_misconfigured(kit: Kit, tmp_path: Path) -> None:
    issued = kit.authority.issue(NAME)
    more = "keepalive_timeout 0; add_header Alt-Svc 'h3=\":443\"' always;"
    async with nginx(tmp_path, issued, "ssl", more) as port:
        report = await check_one(target(port), options(kit))
        assert await curl(port, kit) == "1.1 200"
    assert facts_of(report).version == "1.1"
    assert {"HTTP-NO-H2", "HTTP-NO-REUSE", "HTTP-HSTS", "HTTP-H3-DEAD"} <= found(report)


async def test_nginx_with_few_streams_and_early_data(kit: Kit, tmp_path: Path) -> None:
    issued = kit.authority.issue(NAME)
    more = f"{HSTS} http2_max_concurrent_streams 8; ssl_early_data on;"
    async with nginx(tmp_path, issued, more=more) as port:
        report = await check_one(target(port), options(kit))
    assert {"H2-SETTINGS", "TLS-0RTT-ON"} <= found(report)
    early = [c for c in facts_of(report).cells if (c.version, c.temperature) == ("1.1", "0-rtt")]
    assert [(c.outcome, c.status) for c in early] == [("ok", 200)]


async def test_nginx_in_clear(kit: Kit, tmp_path: Path) -> None:
    issued = kit.authority.issue(NAME)
    async with nginx(tmp_path, issued, "", "location /go { return 301 https://$host/; }") as port:
        plain = await check_one(target(port, scheme="http"), options(kit))
        led = await check_one(target(port, "/go", scheme="http"), options(kit))
    assert plain.failure is None and "HTTP-NO-HTTPS" in found(plain)
    assert facts_of(plain).tls_upgrade is not None
    clear = facts_of(led).clear
    assert clear is not None and clear.outcome == "redirects"
    assert "HTTP-NO-HTTPS" not in found(led)


async def test_nginx_refuses_two_lengths_and_expects(kit: Kit, tmp_path: Path) -> None:
    issued = kit.authority.issue(NAME)
    async with nginx(tmp_path, issued) as port:
        report = await check_one(target(port), options(kit, allow_write=True, intrusive=True))
    write = facts_of(report).write
    assert write is not None and write.ambiguous is not None and write.expect is not None
    assert write.ambiguous.status == 400
    assert "HTTP-CLTE" in report.passed and "HTTP-100CONT" in report.passed


async def test_nginx_s_default_limit_of_content(kit: Kit, tmp_path: Path) -> None:
    """The status of 2 MiB is 413; with the fix's line it is what the location answers."""
    issued = kit.authority.issue(NAME)
    (tmp_path / "content").write_bytes(bytes(2 * 1024 * 1024))
    own = {"method": "POST", "body_file": str(tmp_path / "content"), "allow_write": True}
    uploads = []
    for number, more in enumerate(("", "client_max_body_size 50m;")):
        folder = tmp_path / str(number)
        folder.mkdir()
        place = f"location /up {{ {more} proxy_pass http://127.0.0.1:9; }}"
        async with nginx(folder, issued, more=place) as port:
            report = await check_one(target(port, "/up"), options(kit, **own))
        write = facts_of(report).write
        assert write is not None and write.upload is not None
        uploads.append((write.upload, "HTTP-BODY-LIMIT" in found(report)))
    common = {"method": "POST", "bytes": 2 * 1024 * 1024}
    mib = 1024 * 1024
    assert uploads == [
        (Upload(**common, status=413, accepted_bytes=mib), True),
        (Upload(**common, status=502, short_status=502, accepted_bytes=10 * mib), False),
    ]


async def test_caddy_speaks_all_three(kit: Kit, tmp_path: Path) -> None:
    issued = kit.authority.issue(NAME)
    async with caddy(tmp_path, issued, kit) as port:
        report = await check_one(target(port), options(kit, intrusive=True))
        for version in ("1.1", "2", "3"):
            pulse = await pulse_one(target(port), options(kit, http_version=version))
            assert pulse.failure is None, pulse.failure
            assert facts_of(pulse).version == version
    facts = facts_of(report)
    assert report.failure is None
    assert facts.working == ("3", "2", "1.1")
    assert facts.advertised is not None and facts.advertised.h3 == ("Alt-Svc",)
    assert facts.h3 is not None and facts.h3.quic is not None and facts.h3.quic.parameters
    assert facts.h3.migration is not None and facts.h3.migration.continued
    amplified = [f for f in report.findings if f.id == "QUIC-AMPLIFY"]
    assert all(f.severity == "low" for f in amplified)
    assert not found(report) & {
        "HTTP-NO-H2", "HTTP-NO-H3", "HTTP-H3-DEAD", "HTTP-H3-HIDDEN", "HTTP-FALLBACK",
        "QUIC-IDLE", "QUIC-PMTU", "QUIC-MIGRATE",
    }  # fmt: skip


async def test_timings_agree_with_pycurl(kit: Kit, tmp_path: Path) -> None:
    """The order of things and their sum, not their speed: no test is timed."""
    pycurl = pytest.importorskip("pycurl", reason="pycurl is not installed")
    issued = kit.authority.issue(NAME)
    async with nginx(tmp_path, issued) as port:
        report = await pulse_one(target(port), options(kit))
        handle = pycurl.Curl()
        handle.setopt(pycurl.URL, f"https://{NAME}:{port}/")
        handle.setopt(pycurl.CAINFO, str(kit.authority.ca_file))
        handle.setopt(pycurl.RESOLVE, [f"{NAME}:{port}:127.0.0.1"])
        handle.setopt(pycurl.WRITEFUNCTION, lambda _: None)
        await asyncio.to_thread(handle.perform)
        assert handle.getinfo(pycurl.RESPONSE_CODE) == facts_of(report).status
        size = handle.getinfo(pycurl.SIZE_DOWNLOAD_T)
        handle.close()
    assert facts_of(report).body_bytes == size
    starts = {p.name: p.start_seconds for p in report.phases}
    order = ["connect", "tls", "http.request", "http.ttfb", "http.download"]
    assert [starts[name] for name in order] == sorted(starts[name] for name in order)
