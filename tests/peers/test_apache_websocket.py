"""WebSocket through Apache: passed on, stripped, cut when idle, and turned away by origin."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from seventh.engine.check import check_one
from seventh.labkit.ca import Authority
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.protocols.websocket.facts import WebSocketFacts
from seventh.protocols.websocket.rules import live
from seventh.rules.rule import Hit
from tests.options import changed
from tests.peers.apache import HOST, PROXY, apache, site
from tests.peers.test_apache import ADVISED
from tests.peers.test_websocket import held, websockets_server
from tests.reports import found
from tests.reports import websocket_facts as facts_of

pytestmark = pytest.mark.peer
H2 = "Protocols h2 http/1.1\n"
PASSES = "ProxyPass / http://127.0.0.1:BACKEND/ upgrade=websocket\n"
REWRITES = (
    "RewriteEngine on\nRewriteCond %{HTTP:Upgrade} websocket [NC]\n"
    "RewriteRule ^/(.*) ws://127.0.0.1:BACKEND/$1 [P,L]\n"
)
KNOWS_NOTHING = "ProxyPass / http://127.0.0.1:BACKEND/\n"
ADVISED_PLACE = "http://127.0.0.1:8080/socket"


@contextlib.asynccontextmanager
async def behind(lines: str, *, secure: bool = False) -> AsyncIterator[tuple[int, int, Authority]]:
    """Apache's port, the backend's, and the CA of Apache's certificate."""
    with site() as folder:
        authority = Authority(folder)
        issued = authority.issue(HOST) if secure else None
        async with websockets_server(ping_interval=None) as backend:
            lines = lines.replace("BACKEND", str(backend))
            async with apache(folder, lines, issued, PROXY) as port:
                yield port, backend, authority


async def look(
    lines: str, *, secure: bool = False, compared: bool = False, path: str = "/", **options: Any
) -> Report:
    """A check of a socket behind Apache; ``compared`` with the server itself."""
    async with behind(lines, secure=secure) as (port, backend, authority):
        if compared:
            options["direct"] = f"ws://127.0.0.1:{backend}"
        scheme = "wss" if secure else "ws"
        target = Target(scheme=scheme, host="127.0.0.1", port=port, path=path)
        given = Options(ca_file=str(authority.ca_file), server_name=HOST, timeout_seconds=30.0)
        return await check_one(target, changed(given, **options))


async def idle(lines: str) -> WebSocketFacts:
    """The facts of idle sockets behind Apache."""
    async with behind(lines) as (port, _, _):
        return await held(port, 2.0)


@pytest.mark.parametrize("lines", [PASSES, REWRITES], ids=["upgrade", "rewrite"])
@pytest.mark.parametrize("secure", [False, True], ids=["ws", "wss"])
async def test_passed_on(lines: str, secure: bool) -> None:
    report = await look(
        f"{H2}{lines}", secure=secure, allow_write=True, intrusive=True, sockets=5,
        message_template="to all {id}",
    )  # fmt: skip
    assert report.failure is None, report.failure
    facts = facts_of(report)
    assert facts.handshake is not None and facts.handshake.sound
    assert facts.fanout is not None and facts.fanout.ratio == 1.0
    assert not found(report) & {"WS-STRIPPED", "WS-ACCEPT", "WS-NO-PONG", "WS-CLOSE", "WS-100CONT",
                                "WS-MASK", "WS-RSV", "WS-FRAG", "WS-UTF8"}  # fmt: skip
    if secure:
        # mod_http2 knows no extended CONNECT.
        assert facts.h2 is not None and (facts.h2.spoken, facts.h2.enabled) == (True, False)
        assert "WS-NO-H2" in found(report)


async def test_a_server_that_speaks_no_h2() -> None:
    """Asked for h2 alone, it picks http/1.1 all the same."""
    report = await look(PASSES, secure=True)
    facts = facts_of(report)
    assert facts.h2 is not None and facts.h2.spoken is False
    assert "WS-NO-H2" in found(report)


async def test_stripped() -> None:
    """What is behind refuses the plain GET with 426; it alone opens when it is asked itself."""
    alone, compared = await look(KNOWS_NOTHING), await look(KNOWS_NOTHING, compared=True)
    for report in (alone, compared):
        assert report.failure is not None and report.failure.phase == "ws.upgrade"
        assert "WS-STRIPPED" in found(report)
    mended = ADVISED["WS-STRIPPED"].replace(ADVISED_PLACE, "http://127.0.0.1:BACKEND/socket")
    assert "BACKEND" in mended
    after = await look(f"{mended}\n{KNOWS_NOTHING}", path="/socket")
    assert after.failure is None and "WS-STRIPPED" not in found(after)


async def test_nothing_behind_it() -> None:
    report = await look("ProxyPass / http://127.0.0.1:9/ upgrade=websocket")
    assert report.failure is not None and report.failure.reason == "negotiation-failed"
    assert "503" in report.failure.detail
    assert "WS-STRIPPED" not in found(report)


async def test_cut_when_idle() -> None:
    """``Timeout`` decides, and ProxyTimeout and ``timeout=`` do not, whatever their names say."""
    cut, *others = await asyncio.gather(
        idle(f"Timeout 1\n{PASSES}"),
        idle(f"ProxyTimeout 1\n{PASSES}"),
        idle(f"{PASSES.rstrip()} timeout=1"),
        idle(f"Timeout 1\n{PASSES}{ADVISED['WS-IDLE-CUT']}"),
    )
    assert isinstance(live.idle_cut(cut), Hit)
    for kept in others:
        assert kept.hold is not None and live.idle_cut(kept) is None


async def test_foreign_origins() -> None:
    open_to_all = await look(PASSES)
    assert "WS-ORIGIN" in found(open_to_all)
    own = "https://www.example.org"
    guarded = await look(f"{ADVISED['WS-ORIGIN']}\n{PASSES}", origin=own)
    assert guarded.failure is None and "WS-ORIGIN" in guarded.passed
