"""TLS-0RTT-REPLAY against nginx, which disables OpenSSL's own protection, and HAProxy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seventh import protocols
from seventh.engine.check import check_one
from seventh.labkit.serve import Kit
from seventh.model.report import Report
from seventh.model.tlsfacts import EarlyDataReplay
from tests.peers.proxies import behind, haproxy
from tests.peers.test_envoy import look, skipped
from tests.peers.test_http import HSTS, nginx, options, target
from tests.reports import found, tls_facts

pytestmark = pytest.mark.peer
RULE = "TLS-0RTT-REPLAY"


def replayed(version: str, **what: Any) -> EarlyDataReplay:
    return EarlyDataReplay(
        version=version, first_resumed=True, resumed=True, accepted=True, same_size=True, **what
    )


async def on_nginx(kit: Kit, folder: Path, more: str, listen: str = "ssl http2") -> Report:
    issued = kit.authority.issue("lab.test")
    async with nginx(folder, issued, listen, f"{HSTS} {more}") as port:
        return await check_one(target(port), options(kit, intrusive=True))


@pytest.mark.parametrize(("listen", "version"), [("ssl", "1.1"), ("ssl http2", "2")])
async def test_nginx_accepts_a_replay(kit: Kit, tmp_path: Path, listen: str, version: str) -> None:
    report = await on_nginx(kit, tmp_path, "ssl_early_data on;", listen)
    assert tls_facts(report).early_data_replay == replayed(version, status=200)
    assert RULE in found(report)


async def test_nginx_with_a_server_that_answers_425(kit: Kit, tmp_path: Path) -> None:
    too_early = "ssl_early_data on; if ($ssl_early_data) { return 425; }"
    report = await on_nginx(kit, tmp_path, too_early)
    assert tls_facts(report).early_data_replay == replayed("2", status=425)
    assert RULE in report.passed


async def test_nginx_mended(kit: Kit, tmp_path: Path) -> None:
    (rule,) = (rule for rule in protocols.rules("tls") if rule.id == RULE)
    report = await on_nginx(kit, tmp_path, rule.words.fix["nginx"])
    assert RULE in report.passed


async def test_haproxy_answers_only_after_the_handshake(kit: Kit, tmp_path: Path) -> None:
    bind = "alpn h2,http/1.1 allow-0rtt"
    async with behind() as origin, haproxy(tmp_path, origin, kit, bind=bind) as port:
        report = await look("https", port, kit, intrusive=True)
    assert tls_facts(report).early_data_replay == replayed("2")
    assert "whether the request was carried out is not known" in skipped(report, RULE)
