"""HAProxy before real servers: in order, misconfigured, and set up as the rules advise."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from seventh.labkit.serve import Kit
from tests.peers.proxies import behind, by_place, fixes, haproxy
from tests.peers.test_envoy import evidence, look, skipped
from tests.peers.test_http import curl, facts_of, found
from tests.peers.test_websocket import facts_of as socket_facts
from tests.peers.test_websocket import websockets_server

pytestmark = pytest.mark.peer
_PLACES = {"global": "main", "defaults": "defaults", "frontend": "front", "backend": "back"}


def placed(rule: str) -> dict[str, str]:
    """A rule's advice as the places of :func:`haproxy_config`."""
    advised = by_place(dict(fixes("haproxy"))[rule])
    return {_PLACES[place]: lines for place, lines in advised.items()}


# -- HTTP ------------------------------------------------------------------------------------------


async def test_haproxy_in_order(kit: Kit, tmp_path: Path) -> None:
    places = {**placed("HTTP-HSTS"), **placed("HTTP-NO-COMPRESS"), **placed("HTTP-NO-REUSE")}
    async with behind() as origin, haproxy(tmp_path, origin, kit, **places) as port:
        report = await look("https", port, kit, intrusive=True, allow_write=True)
        assert await curl(port, kit) == "2 200"
        assert await curl(port, kit, "--http1.1") == "1.1 200"
    assert report.failure is None, report.failure
    facts = facts_of(report)
    assert facts.working == ("2", "1.1")
    resumed = [c for c in facts.cells if c.temperature == "resumed" and c.version != "3"]
    assert resumed and all(c.outcome == "ok" for c in resumed)
    assert facts.h2 is not None and facts.h2.max_concurrent_streams == 100
    # HAProxy weakens the ETag of what it compresses.
    assert facts.content is not None and facts.content.validation is not None
    assert facts.content.validation.coded_etag == 'W/"one"'
    assert not found(report) & {
        "HTTP-NO-H2", "HTTP-FALLBACK", "HTTP-NO-REUSE", "HTTP-HSTS", "H2-SETTINGS", "HTTP-CLTE",
        "HTTP-NO-COMPRESS", "HTTP-NO-VALIDATOR", "HTTP-VARY", "HTTP-ETAG-ENC", "HTTP-100CONT",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "wrong"),
    [
        ("HTTP-NO-H2", {"bind": "alpn http/1.1"}),
        ("H2-SETTINGS", {"main": "tune.h2.max-concurrent-streams 5"}),
        ("HTTP-NO-REUSE", {"defaults": "option httpclose"}),
        ("HTTP-HSTS", {}),
        ("HTTP-NO-COMPRESS", {}),
        # It names Accept-Encoding only in what it has compressed.
        ("HTTP-VARY", {"back": "filter compression\ncompression algo gzip\n"
                               "compression type text/html"}),
    ],
)  # fmt: skip
async def test_misconfigured_and_mended(
    kit: Kit, tmp_path: Path, rule: str, wrong: dict[str, str]
) -> None:
    mended = placed(rule)
    if rule == "HTTP-NO-H2":
        mended = {}  # its line is a bind of its own: as haproxy_config has it
    if rule == "HTTP-VARY":
        mended = {"back": f"{wrong['back']}\n{mended['back']}"}
    async with behind() as origin:
        async with haproxy(tmp_path, origin, kit, **wrong) as port:
            assert rule in found(await look("https", port, kit))
        async with haproxy(tmp_path, origin, kit, **mended) as port:
            report = await look("https", port, kit)
    assert rule not in found(report), report.findings


async def test_closing_towards_the_server_alone_is_no_fault(kit: Kit, tmp_path: Path) -> None:
    defaults = "option http-server-close"
    async with behind() as origin, haproxy(tmp_path, origin, kit, defaults=defaults) as port:
        report = await look("https", port, kit)
    assert "HTTP-NO-REUSE" in report.passed


@contextlib.asynccontextmanager
async def never_says_100() -> AsyncIterator[int]:
    """A server that reads on after Expect without a word."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = head.partition(b"content-length:")[2].partition(b"\r\n")[0].strip()
                await reader.readexactly(int(length or b"0"))
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_a_server_that_never_says_100(kit: Kit, tmp_path: Path) -> None:
    """HAProxy hands Expect on; with the advice it answers by itself."""
    async with never_says_100() as origin:
        async with haproxy(tmp_path, origin, kit) as port:
            stalls = await look("https", port, kit, allow_write=True)
        async with haproxy(tmp_path, origin, kit, **placed("HTTP-100CONT")) as port:
            mended = await look("https", port, kit, allow_write=True)
    assert "stalled" in evidence(stalls, "HTTP-100CONT")
    assert "HTTP-100CONT" in mended.passed


async def test_event_streams_are_cut(kit: Kit, tmp_path: Path) -> None:
    short = "timeout server 1s"
    async with behind() as origin:
        async with haproxy(tmp_path, origin, kit, defaults=short) as port:
            silent = await look("https", port, kit, "/events", intrusive=True, hold_seconds=3.0)
            beating = await look(
                "https", port, kit, "/events?beat", intrusive=True, hold_seconds=2.0
            )
        places = {"defaults": short, **placed("SSE-HEARTBEAT")}
        async with haproxy(tmp_path, origin, kit, **places) as port:
            mended = await look("https", port, kit, "/events", intrusive=True, hold_seconds=2.0)
    assert "no-heartbeats" in evidence(silent, "SSE-HEARTBEAT")
    assert "SSE-HEARTBEAT" in beating.passed
    assert "SSE-HEARTBEAT" not in found(mended)


# -- WebSocket -------------------------------------------------------------------------------------


async def test_sockets_over_http_1_and_2(kit: Kit, tmp_path: Path) -> None:
    async with websockets_server() as origin:
        async with haproxy(tmp_path, origin, kit, **placed("WS-IDLE-CUT")) as port:
            report = await look("wss", port, kit)
        async with haproxy(
            tmp_path, origin, kit, main="h2-workaround-bogus-websocket-clients"
        ) as port:
            without = await look("wss", port, kit)
    assert report.failure is None, report.failure
    facts = socket_facts(report)
    assert facts.handshake is not None and facts.handshake.sound
    # HAProxy makes up a key for the server behind.
    assert facts.h2 is not None and facts.h2.handshake is not None
    assert (facts.h2.handshake.status, facts.h2.ping_seconds is not None) == (200, True)
    assert not found(report) & {"WS-NO-H2", "WS-STRIPPED"}
    assert "no-connect" in evidence(without, "WS-NO-H2")


@pytest.mark.parametrize("option", ["httpclose", "http-server-close", "http-buffer-request"])
async def test_options_that_leave_the_upgrade_alone(kit: Kit, tmp_path: Path, option: str) -> None:
    async with websockets_server() as origin:
        async with haproxy(tmp_path, origin, kit, defaults=f"option {option}") as port:
            report = await look("wss", port, kit)
    assert report.failure is None and "WS-STRIPPED" in report.passed


async def test_an_upgrade_that_is_taken_away(kit: Kit, tmp_path: Path) -> None:
    async with websockets_server() as origin:
        async with haproxy(tmp_path, origin, kit, front="http-request del-header Upgrade") as port:
            alone = await look("wss", port, kit)
            compared = await look("wss", port, kit, direct=f"ws://127.0.0.1:{origin}")
        server = placed("WS-STRIPPED")["back"].partition("127.0.0.1:8080 ")[2]
        async with haproxy(tmp_path, origin, kit, server=server) as port:
            mended = await look("wss", port, kit)
    assert "upgrade-required" in evidence(alone, "WS-STRIPPED")
    assert "status-here 426" in evidence(compared, "WS-STRIPPED")
    assert mended.failure is None


@pytest.mark.parametrize(
    ("places", "reason"),
    [
        ({"front": "http-request auth"}, "HTTP 401"),
        ({"server": "disabled"}, "HTTP 503"),
    ],
)
async def test_what_everybody_is_refused_for_strips_nothing(
    kit: Kit, tmp_path: Path, places: dict[str, str], reason: str
) -> None:
    async with websockets_server() as origin:
        async with haproxy(tmp_path, origin, kit, **places) as port:
            report = await look("wss", port, kit, direct=f"ws://127.0.0.1:{origin}")
    assert report.failure is not None
    said = skipped(report, "WS-STRIPPED")
    assert reason in said and "the upgrade is not the cause" in said


async def test_a_short_tunnel(kit: Kit, tmp_path: Path) -> None:
    async with websockets_server(ping_interval=None) as origin:
        async with haproxy(tmp_path, origin, defaults="timeout tunnel 1s") as port:
            cut = await look("ws", port, None, intrusive=True, hold_seconds=2.5)
        async with haproxy(tmp_path, origin, None, **placed("WS-IDLE-CUT")) as port:
            mended = await look("ws", port, None, intrusive=True, hold_seconds=2.5)
    assert "WS-IDLE-CUT" in found(cut)
    hold = socket_facts(cut).hold
    assert hold is not None and all(0.9 <= age <= 1.9 for age in hold.cuts_seconds)
    assert "WS-IDLE-CUT" not in found(mended)


async def test_a_cookie_of_affinity_names_no_user(kit: Kit, tmp_path: Path) -> None:
    async with websockets_server() as origin:
        async with haproxy(
            tmp_path, origin, kit, back="cookie SRV insert indirect nocache", server="cookie one"
        ) as port:
            report = await look("wss", port, kit)
    (hit,) = (f for f in report.findings if f.id == "WS-ORIGIN")
    assert hit.severity != "critical"


async def test_origins_are_checked_as_advised(kit: Kit, tmp_path: Path) -> None:
    async with websockets_server() as origin:
        async with haproxy(tmp_path, origin, kit, **placed("WS-ORIGIN")) as port:
            right = await look("wss", port, kit, origin="https://example.org")
            wrong = await look("wss", port, kit, origin="https://example.com")
    assert right.failure is None and "WS-ORIGIN" in right.passed
    assert wrong.failure is not None and wrong.failure.reason == "auth-rejected"
