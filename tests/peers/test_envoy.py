"""Envoy before real servers: in order, misconfigured, and set up as the rules advise."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seventh.engine.check import check_one
from seventh.labkit.serve import Kit, free_port
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.model.tlsfacts import TlsFacts
from tests.options import changed
from tests.peers import need_binary
from tests.peers.proxies import (
    QUIC,
    WEBSOCKETS,
    behind,
    by_place,
    compressor,
    envoy,
    envoy_config,
    fixes,
)
from tests.peers.test_http import NAME, curl, facts_of, found
from tests.peers.test_websocket import facts_of as socket_facts
from tests.peers.test_websocket import under_hypercorn, websockets_server

pytestmark = pytest.mark.peer
OVER_H2 = "http2_protocol_options: { allow_connect: true }"
OVER_H3 = "http3_protocol_options: { allow_extended_connect: true }"
_UPSTREAM_H2 = """typed_extension_protocol_options:
  envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
    "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
    explicit_http_config: { http2_protocol_options: { allow_connect: true } }
transport_socket:
  name: tls
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
    common_tls_context: { alpn_protocols: [h2] }
"""


def fix(rule: str) -> dict[str, str]:
    """What the rule tells an operator of Envoy to write, by place."""
    return by_place(dict(fixes("envoy"))[rule])


async def look(scheme: str, port: int, kit: Kit | None, path: str = "/", **more: Any) -> Report:
    options = Options(timeout_seconds=30, ca_file=str(kit.authority.ca_file) if kit else None)
    target = Target(scheme=scheme, host="127.0.0.1", port=port, path=path)
    return await check_one(target, changed(options, server_name=NAME, **more))


def evidence(report: Report, rule: str) -> str:
    hit = next((f for f in report.findings if f.id == rule), None)
    assert hit is not None, [s for s in report.skipped if s.id == rule] or f"{rule} passed"
    return " ".join(map(str, hit.params.values()))


def skipped(report: Report, rule: str) -> str:
    return next(s.reason for s in report.skipped if s.id == rule)


# -- HTTP ------------------------------------------------------------------------------------------


async def test_envoy_in_order(kit: Kit, tmp_path: Path) -> None:
    advised = fix("HTTP-HSTS")["virtual_hosts"]
    filters = "\n".join(fix(rule)["http_filters"] for rule in ("HTTP-NO-COMPRESS", "HTTP-NO-BR"))
    places = {"quic": QUIC, "host": advised, "filters": filters}
    async with behind() as origin, envoy(tmp_path, origin, kit, **places) as port:
        report = await look("https", port, kit, intrusive=True)
        assert await curl(port, kit) == "2 200"
        assert await curl(port, kit, "--http1.1") == "1.1 200"
    assert report.failure is None, report.failure
    facts = facts_of(report)
    assert (facts.working, facts.server) == (("3", "2", "1.1"), "envoy")
    resumed = [c for c in facts.cells if c.temperature == "resumed"]
    assert {c.version for c in resumed} == {"3", "2", "1.1"}
    assert all(c.outcome == "ok" for c in resumed)
    assert facts.content is not None and facts.content.coding is not None
    shown = {v.offered: v.coding for v in facts.content.coding.variants}
    assert (shown["any"], shown["identity"]) == ("br", "")
    # It moves with its client; quiche challenges a new port only where Chrome's own option asks.
    assert facts.h3 is not None and facts.h3.migration is not None
    assert (facts.h3.migration.continued, facts.h3.migration.validated) == (True, True)
    moved = [f.severity for f in report.findings if f.id == "QUIC-MIGRATE"]
    assert moved == ([] if facts.h3.migration.challenged else ["low"])
    assert not found(report) & {
        "HTTP-NO-H2", "HTTP-NO-H3", "HTTP-H3-DEAD", "HTTP-FALLBACK", "HTTP-NO-REUSE", "HTTP-HSTS",
        "H2-SETTINGS", "HTTP-NO-COMPRESS", "HTTP-NO-BR", "HTTP-NO-VALIDATOR", "HTTP-VARY",
        "HTTP-ETAG-ENC", "QUIC-IDLE", "TLS-NO-RESUME", "HTTP-CLTE", "QUIC-AMPLIFY",
    }  # fmt: skip
    assert "HTTP-H3-HIDDEN" in found(report)  # nothing announced it


async def test_h3_announced_where_it_is_and_where_it_is_not(kit: Kit, tmp_path: Path) -> None:
    async with behind() as origin:
        advised = fix("HTTP-H3-HIDDEN")["virtual_hosts"]
        async with envoy(tmp_path, origin, kit, host=advised) as port:
            dead = await look("https", port, kit)
        async with envoy(tmp_path, origin, kit, host=fix("HTTP-H3-DEAD")["virtual_hosts"]) as port:
            taken_back = await look("https", port, kit)
    assert "port 443" in str(next(f for f in dead.findings if f.id == "HTTP-H3-DEAD").params)
    assert "HTTP-H3-DEAD" not in found(taken_back)
    assert "HTTP-NO-H3" in found(taken_back)


@pytest.mark.parametrize(
    ("rule", "wrong"),
    [
        ("HTTP-NO-H2", {"alpn": "http/1.1"}),
        ("H2-SETTINGS", {"manager": "http2_protocol_options: { max_concurrent_streams: 5 }"}),
        ("HTTP-NO-REUSE",
         {"manager": "common_http_protocol_options: { max_requests_per_connection: 1 }"}),
        ("HTTP-NO-COMPRESS", {}),
        ("HTTP-NO-BR", {"filters": compressor("gzip")}),
        # Envoy takes strong ETags off what it compresses.
        ("HTTP-NO-VALIDATOR", {"filters": compressor("gzip")}),
        ("QUIC-IDLE", {"quic": "udp_listener_config:\n  quic_options:\n    quic_protocol_options: "
                       "{ idle_network_timeout: 5s }"}),
    ],
)  # fmt: skip
async def test_misconfigured_and_mended(
    kit: Kit, tmp_path: Path, rule: str, wrong: dict[str, str]
) -> None:
    async with behind() as origin:
        async with envoy(tmp_path, origin, kit, **wrong) as port:
            assert rule in found(await look("https", port, kit))
        async with envoy(tmp_path, origin, kit, **placed(rule)) as port:
            assert rule not in found(report := await look("https", port, kit)), report.findings


async def test_early_data_is_handed_on(kit: Kit, tmp_path: Path) -> None:
    """A POST goes through in 0-RTT, until early data is switched off."""
    async with behind() as origin:
        async with envoy(tmp_path, origin, kit, quic=QUIC) as port:
            open_to_all = await look("https", port, kit, allow_write=True)
        async with envoy(tmp_path, origin, kit, **placed("HTTP-0RTT-UNSAFE")) as port:
            mended = await look("https", port, kit, allow_write=True)
    assert evidence(open_to_all, "HTTP-0RTT-UNSAFE")
    assert "HTTP-0RTT-UNSAFE" not in found(mended)


def folder(parent: Path, name: str) -> Path:
    """A folder of its own for one of several servers that run side by side."""
    made = parent / name
    made.mkdir()
    return made


@pytest.mark.parametrize(
    ("places", "path", "said"),
    [
        ({"manager": "stream_idle_timeout: 1s"}, "/events", "no-heartbeats"),
        ({"route": "timeout: 1s"}, "/events?beat", "time-limit"),
    ],
)
async def test_event_streams_are_cut(
    kit: Kit, tmp_path: Path, places: dict[str, str], path: str, said: str
) -> None:
    mended = {"manager": places.get("manager", ""), **placed("SSE-HEARTBEAT")}
    async with (
        behind() as origin,
        envoy(folder(tmp_path, "cut"), origin, kit, **places) as cutting,
        envoy(folder(tmp_path, "mended"), origin, kit, **mended) as port,
    ):
        cut, whole = await asyncio.gather(
            look("https", cutting, kit, path, intrusive=True, hold_seconds=3.0),
            look("https", port, kit, path, intrusive=True, hold_seconds=2.0),
        )
    assert said in evidence(cut, "SSE-HEARTBEAT")
    assert "SSE-HEARTBEAT" not in found(whole)


async def test_tickets_that_come_with_the_first_data(kit: Kit, tmp_path: Path) -> None:
    """BoringSSL holds them back; a look that says nothing would see none."""
    async with behind() as origin, envoy(tmp_path, origin, kit) as port:
        for scheme in ("tls", "wss"):
            report = await look(scheme, port, kit)
            facts = report.facts["tls"]
            assert isinstance(facts, TlsFacts)
            assert facts.tickets and facts.resumed, (scheme, facts.tickets)
            assert "TLS-NO-RESUME" not in found(report)


# -- WebSocket -------------------------------------------------------------------------------------


async def test_sockets_over_all_three(kit: Kit, tmp_path: Path) -> None:
    manager = f"{WEBSOCKETS}\n{OVER_H2}\n{OVER_H3}"
    async with under_hypercorn(kit) as origin:
        places = {"manager": manager, "quic": QUIC, "cluster": _UPSTREAM_H2}
        async with envoy(tmp_path, origin, kit, **places) as port:
            report = await look("wss", port, kit)
    assert report.failure is None, report.failure
    facts = socket_facts(report)
    assert facts.handshake is not None and facts.handshake.sound
    for inside in (facts.h2, facts.h3):
        assert inside is not None and inside.handshake is not None
        assert (inside.handshake.status, inside.ping_seconds is not None) == (200, True)
    assert not found(report) & {"WS-NO-H2", "WS-NO-H3", "WS-STRIPPED"}


async def test_extended_connect_to_a_server_of_http_1(kit: Kit, tmp_path: Path) -> None:
    """Envoy makes up no Sec-WebSocket-Key: announced, and refused; the advice gives it one."""
    manager = f"{WEBSOCKETS}\n{OVER_H2}\n{OVER_H3}"
    async with websockets_server() as origin:
        async with envoy(tmp_path, origin, kit, manager=manager, quic=QUIC) as port:
            broken = await look("wss", port, kit)
        host = fix("WS-NO-H2")["virtual_hosts"]
        assert fix("WS-NO-H3")["virtual_hosts"] == host
        async with envoy(tmp_path, origin, kit, manager=manager, host=host, quic=QUIC) as port:
            mended = await look("wss", port, kit)
    severities = {f.id: f.severity for f in broken.findings}
    assert (severities["WS-NO-H2"], severities["WS-NO-H3"]) == ("high", "medium")
    assert "400" in evidence(broken, "WS-NO-H2")
    assert not found(mended) & {"WS-NO-H2", "WS-NO-H3"}


async def test_no_upgrade_configs(kit: Kit, tmp_path: Path) -> None:
    """Envoy's own 403 is for the upgrade: nobody's origin or credential is refused."""
    async with websockets_server() as origin:
        async with envoy(tmp_path, origin, kit) as port:
            alone = await look("wss", port, kit)
            compared = await look("wss", port, kit, direct=f"ws://127.0.0.1:{origin}")
        async with envoy(tmp_path, origin, kit, **placed("WS-STRIPPED")) as port:
            mended = await look("wss", port, kit)
    for report in (alone, compared):
        assert report.failure is not None and report.failure.reason == "negotiation-failed"
        assert "upgrade_configs" in report.failure.detail
    assert all(each in evidence(alone, "WS-STRIPPED") for each in ("envoy", "426"))
    assert "status-here" in evidence(compared, "WS-STRIPPED")
    assert mended.failure is None


async def test_a_route_that_refuses_everybody_strips_nothing(kit: Kit, tmp_path: Path) -> None:
    routes = "- match: { prefix: / }\n  direct_response: { status: 403 }"
    async with websockets_server() as origin:
        async with envoy(tmp_path, origin, kit, manager=WEBSOCKETS, routes=routes) as port:
            alone = await look("wss", port, kit)
            compared = await look("wss", port, kit, direct=f"ws://127.0.0.1:{origin}")
    assert "to a plain GET as well" in skipped(alone, "WS-STRIPPED")
    assert "the upgrade is not the cause" in skipped(compared, "WS-STRIPPED")


async def test_idle_sockets_are_cut(kit: Kit, tmp_path: Path) -> None:
    manager = f"{WEBSOCKETS}\nstream_idle_timeout: 1s"
    route = fix("WS-IDLE-CUT")["route"]
    async with (
        websockets_server(ping_interval=None) as origin,
        envoy(folder(tmp_path, "cut"), origin, manager=manager) as cutting,
        envoy(folder(tmp_path, "mended"), origin, manager=manager, route=route) as port,
    ):
        cut, mended = await asyncio.gather(
            look("ws", cutting, None, intrusive=True, hold_seconds=3.5),
            look("ws", port, None, intrusive=True, hold_seconds=3.5),
        )
    assert "WS-IDLE-CUT" in found(cut)
    hold = socket_facts(cut).hold
    assert hold is not None and len(hold.cuts_seconds) == 2
    assert "WS-IDLE-CUT" not in found(mended)


async def test_origins_are_checked_as_advised(kit: Kit, tmp_path: Path) -> None:
    routes = fix("WS-ORIGIN")["routes"]
    manager = f"{WEBSOCKETS}\n{OVER_H2}"
    async with websockets_server() as origin:
        async with envoy(tmp_path, origin, kit, manager=manager, routes=routes) as port:
            right = await look("wss", port, kit, origin="https://example.org")
            wrong = await look("wss", port, kit, origin="https://example.com")
    assert right.failure is None and "WS-ORIGIN" in right.passed
    assert wrong.failure is not None and "403" in wrong.failure.detail


# -- the advice ------------------------------------------------------------------------------------


_PLACES: dict[str, Callable[[str], tuple[str, str]]] = {
    "HttpConnectionManager": lambda lines: ("manager", lines),
    "virtual_hosts": lambda lines: ("host", lines),
    "route": lambda lines: ("route", lines),
    "routes": lambda lines: ("routes", lines),
    "http_filters": lambda lines: ("filters", lines),
    "common_tls_context": lambda lines: ("alpn", lines.partition("[")[2].partition("]")[0]),
    "udp_listener_config": lambda lines: ("quic", f"udp_listener_config:\n  {lines}"),
    "QuicDownstreamTransport": lambda lines: ("transport", lines),
    "a second listener": lambda lines: ("quic", lines),
    # envoy_config has codec_type: HTTP3 there.
    "the second listener's HttpConnectionManager": lambda lines: ("codec", lines),
    "the compressor's common_config": lambda lines: ("filters", compressor(common=lines)),
    "the compressor's response_direction_config": lambda lines: (
        "filters", compressor(direction=lines)
    ),
}  # fmt: skip


def placed(rule: str) -> dict[str, str]:
    """A rule's advice as the places of :func:`envoy_config`."""
    places = dict(_PLACES[place](lines) for place, lines in fix(rule).items())
    assert places.pop("codec", "codec_type: HTTP3") == "codec_type: HTTP3"
    if "transport" in places or "http3" in places.get("manager", ""):
        places.setdefault("quic", QUIC)
    return places


@pytest.mark.parametrize("rule", [rule for rule, _ in fixes("envoy")])
def test_envoy_takes_what_is_advised(kit: Kit, tmp_path: Path, rule: str) -> None:
    file = tmp_path / "envoy.yaml"
    file.write_text(
        envoy_config(free_port(), free_port(), kit.authority.issue(NAME), **placed(rule))
    )
    done = subprocess.run(
        [need_binary("envoy"), "--mode", "validate", "-c", str(file), "--log-level", "error"],
        capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    assert done.returncode == 0, f"{file.read_text()}\n{done.stdout}{done.stderr}"
