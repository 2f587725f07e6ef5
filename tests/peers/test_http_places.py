"""Places beside the origin's own: nginx that sends its readers to Caddy, and ports 443 and 80."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from seventh.engine.check import check_one
from seventh.labkit.serve import Kit
from seventh.model.options import Options
from seventh.model.target import Target
from seventh.protocols.http.facts.alternatives import Alternative
from tests.options import options_with
from tests.peers.test_http import HSTS, facts_of, found, nginx
from tests.peers.test_quic import caddy
from tests.protocols.http.probe.test_clear import HERE, need_low_ports

pytestmark = pytest.mark.peer
NAME = "localhost"
PAGE = 'location / { default_type text/plain; return 200 "hello"; }'


def options(kit: Kit, **more: object) -> Options:
    return options_with(ca_file=str(kit.authority.ca_file), server_name=NAME, **more)


@contextlib.asynccontextmanager
async def sent_to_caddy(kit: Kit, folder: Path, certificate: str = NAME) -> AsyncIterator[int]:
    """nginx over TCP, whose Alt-Svc names Caddy for HTTP/3 and 2; ``certificate`` is Caddy's."""
    (folder / "caddy").mkdir()
    issued = kit.authority.issue(certificate)
    async with caddy(folder / "caddy", issued, kit) as there:
        field = f'h3=":{there}"; ma=60, h2="127.0.0.1:{there}"'
        more = f"{HSTS} add_header Alt-Svc '{field}' always; {PAGE}"
        async with nginx(folder, kit.authority.issue(NAME), more=more) as port:
            yield port


async def test_nginx_sends_its_readers_to_caddy(kit: Kit, tmp_path: Path) -> None:
    async with sent_to_caddy(kit, tmp_path) as port:
        report = await check_one(Target(scheme="https", host="127.0.0.1", port=port), options(kit))
    facts = facts_of(report)
    assert report.failure is None and facts.working == ("3", "2", "1.1")
    h3, h2 = facts.alternatives
    assert (h3.outcome, h3.version, h3.host, h2.outcome, h2.version, h2.host) == (
        "works", "3", "", "works", "2", "127.0.0.1",
    )  # fmt: skip
    assert h3.port == h2.port == (facts.h3.port if facts.h3 is not None else 0) != port
    rows = {c.temperature: c.outcome for c in facts.cells if c.version == "3"}
    assert (rows["cold"], rows["warm"], rows["resumed"]) == ("ok", "ok", "ok")
    assert not found(report) & {"HTTP-H3-DEAD", "HTTP-H3-HIDDEN", "HTTP-NO-H3", "HTTP-FALLBACK"}


async def test_caddy_asked_by_quic_alone(kit: Kit, tmp_path: Path) -> None:
    """A request goes as soon as the handshake is complete, and does not wait for the server."""
    issued = kit.authority.issue(NAME)
    async with caddy(tmp_path, issued, kit) as port:
        target = Target(scheme="https", host="127.0.0.1", port=port)
        report = await check_one(target, options(kit, http_version="3"))
    facts = facts_of(report)
    assert report.failure is None and facts.working == ("3",)
    rows = [c.temperature for c in facts.cells if c.outcome == "ok"]
    assert {"cold", "warm", "resumed"} <= set(rows)
    cold = facts.cells[0]
    assert facts.h3 is not None and facts.h3.quic is not None
    assert cold.quic_seconds is not None and facts.h3.quic.confirmed_seconds is not None
    assert cold.quic_seconds < facts.h3.quic.confirmed_seconds


async def test_nginx_on_ports_443_and_80(kit: Kit, tmp_path: Path) -> None:
    need_low_ports()
    plain = (
        f"}} server {{ listen {HERE}:80; server_name {NAME}; return 308 https://$host$request_uri;"
    )
    more = f"listen {HERE}:443 ssl http2; {HSTS} {PAGE} {plain}"
    async with nginx(tmp_path, kit.authority.issue(NAME), more=more):
        target = Target(scheme="https", host=HERE, port=443)
        report = await check_one(target, options(kit))
    clear = facts_of(report).clear
    assert clear is not None and (clear.outcome, clear.status) == ("redirects", 308)
    assert {"HTTP-NO-HTTPS", "HTTP-UPGRADE-TLS"} <= set(report.passed)


async def test_nginx_on_another_port_turns_plain_http_away(kit: Kit, tmp_path: Path) -> None:
    """It answers 400 in clear on its TLS port: nothing is served there."""
    async with nginx(tmp_path, kit.authority.issue(NAME), more=f"{HSTS} {PAGE}") as port:
        report = await check_one(Target(scheme="https", host="127.0.0.1", port=port), options(kit))
    clear = facts_of(report).clear
    assert clear is not None and (clear.outcome, clear.status) == ("refuses", 400)
    assert "HTTP-NO-HTTPS" in report.passed


async def test_caddy_with_another_name_s_certificate(kit: Kit, tmp_path: Path) -> None:
    async with sent_to_caddy(kit, tmp_path, "other.test") as port:
        report = await check_one(Target(scheme="https", host="127.0.0.1", port=port), options(kit))
    reasons: set[str] = {a.reason for a in facts_of(report).alternatives}
    first: Alternative = facts_of(report).alternatives[0]
    assert first.outcome == "failed" and reasons == {"tls-certificate-host-mismatch"}
    assert {"HTTP-H3-DEAD", "HTTP-FALLBACK"} <= found(report)
