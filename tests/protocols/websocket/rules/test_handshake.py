"""The opening handshake: each rule's whole verdict, at both sides of each border."""

from __future__ import annotations

from typing import Any

import pytest

from seventh.model.proxyfacts import ProxiedUpgrade
from seventh.protocols.websocket.facts import Handshake, WebSocketFacts
from seventh.protocols.websocket.rules import handshake
from seventh.rules.rule import AnyRule
from tests.verdicts import said

NO_ANSWER = "skip: no response to the handshake"
NOT_OPEN = "skip: the socket did not open"
OPEN = Handshake(outcome="open", status=101, accept="right")
FAILED = Handshake(outcome="failed", detail="closed")
ENVOY = Handshake(outcome="refused", status=403, server="Envoy")


def refused(status: int | None = 400, **fields: Any) -> Handshake:
    return Handshake(outcome="refused", status=status, **fields)


def ws(seen: Handshake | None = OPEN, **fields: Any) -> WebSocketFacts:
    return WebSocketFacts(handshake=seen, **fields)


UNCLEAR = "skip: HTTP {} does not show whether a proxy is the cause"
COMPARE = "skip: HTTP {} from {}: give --direct URL to compare with the backend"
REQUIRED = "high: 426 Upgrade Required, although the request asks for this upgrade"
OLD = "high: 505 HTTP Version Not Supported: the server received the request as HTTP/1.0"


@pytest.mark.parametrize(
    ("seen", "line"),
    [
        (None, NO_ANSWER),
        (OPEN, "pass"),
        (FAILED, NO_ANSWER),
        (refused(426), REQUIRED),
        (refused(426, server="nginx"), f"{REQUIRED} (nginx)"),
        (refused(426, server="nginx", via="via: 1.1 edge"), f"{REQUIRED} (via: 1.1 edge)"),
        (refused(426, versions=("8", "13")), REQUIRED),
        (refused(426, versions=("8",)), UNCLEAR.format(426)),
        (refused(426, versions=("8",), server="nginx"), COMPARE.format(426, "nginx")),
        (refused(505), OLD),
        (refused(505, server="nginx"), f"{OLD} (nginx)"),
        (refused(506), UNCLEAR.format(506)),
        (refused(400, via="via: 1.1 edge"),
         "high: HTTP 400 to a valid handshake (via: 1.1 edge)"),
        (refused(400, server="nginx"), COMPARE.format(400, "nginx")),
        (refused(400), UNCLEAR.format(400)),
        (refused(200, via="via: 1.1 edge"), COMPARE.format(200, "via: 1.1 edge")),
        (refused(200), UNCLEAR.format(200)),
        (refused(404, server="nginx"), UNCLEAR.format(404)),
        (refused(403, server="envoy", detail="RBAC"), UNCLEAR.format(403)),
    ],
)  # fmt: skip
def test_a_refusal_alone(seen: Handshake | None, line: str) -> None:
    assert said(handshake.stripped, ws(seen)) == line


@pytest.mark.parametrize(
    ("plain", "line"),
    [
        (None, "skip: Envoy itself responds 403; the response to a plain GET is unknown"),
        (FAILED, "skip: Envoy itself responds 403; the response to a plain GET is unknown"),
        (refused(403), ("skip: Envoy itself responds 403 to a plain GET as well: a filter or "
         "route refuses")),
        (refused(404), "high: Envoy itself answers the upgrade with 403 and a plain GET with 404"),
        (refused(None), "high: Envoy itself answers the upgrade with 403 and a plain GET with 0"),
    ],
)  # fmt: skip
def test_a_refusal_by_envoy(plain: Handshake | None, line: str) -> None:
    assert said(handshake.stripped, ws(ENVOY, no_upgrade=plain)) == line


HERE = "high: HTTP {} here, 101 from the backend itself"
ELSE = "skip: HTTP {} here may have another cause than the upgrade"
BOTH = "skip: HTTP {} here to a plain GET as well: the upgrade is not the cause"
SILENT = "skip: no response here (closed), not even to a plain GET"


@pytest.mark.parametrize(
    ("seen", "plain", "line"),
    [
        (OPEN, None, "pass"),
        (FAILED, None, SILENT),
        (FAILED, FAILED, SILENT),
        (FAILED, refused(426), "high: no response here (closed), 101 from the backend itself"),
        (refused(404), None, HERE.format(404)),
        (refused(404, server="nginx"), refused(404), f"{HERE.format(404)} (nginx)"),
        (refused(None), None, HERE.format(0)),
        (ENVOY, refused(426), f"{HERE.format(403)} (Envoy)"),
        *((refused(status), None, ELSE.format(status))
          for status in (300, 399, 401, 403, 407, 429, 502, 503, 504)),
        *((refused(status), None, HERE.format(status)) for status in (299, 400, 402, 500, 505)),
        (refused(502), FAILED, ELSE.format(502)),
        (refused(502), refused(502), BOTH.format(502)),
        (refused(502), refused(426), HERE.format(502)),
    ],
)  # fmt: skip
def test_a_refusal_that_the_backend_does_not_share(
    seen: Handshake, plain: Handshake | None, line: str
) -> None:
    assert said(handshake.stripped, ws(seen, direct=OPEN, no_upgrade=plain)) == line
    neither = "skip: the backend itself does not open the socket either"
    for direct in (FAILED, refused(400)):
        expected = "pass" if seen is OPEN else neither
        facts = ws(seen, direct=direct, no_upgrade=plain)
        assert said(handshake.stripped, facts) == expected


def proxied(**changes: Any) -> WebSocketFacts:
    known = {"product": "nginx", "place": "/ws", "version": "1.1", "upgrade": True}
    return WebSocketFacts(proxied=ProxiedUpgrade(**{**known, "connection": True, **changes}))


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "pass"),
        ({"version": "1.0", "upgrade": False, "connection": False},
         "high: /ws is forwarded without HTTP/1.1 or newer, Upgrade, Connection"),
        ({"connection": False}, "high: /ws is forwarded without Connection"),
    ],
)  # fmt: skip
def test_a_proxy_s_file(changes: dict[str, Any], line: str) -> None:
    assert said(handshake.stripped, proxied(**changes)) == line


@pytest.mark.parametrize("rule", [handshake.accept, handshake.subproto, handshake.ext])
@pytest.mark.parametrize("seen", [None, FAILED, refused(400)])
def test_what_only_an_open_socket_shows(rule: AnyRule, seen: Handshake | None) -> None:
    assert said(rule, ws(seen)) == NOT_OPEN


@pytest.mark.parametrize(
    ("found", "line"),
    [
        ("right", "pass"),
        ("not-used", "pass"),
        ("wrong", "critical: Sec-WebSocket-Accept is wrong in the 101 response"),
        ("missing", "critical: Sec-WebSocket-Accept is missing in the 101 response"),
    ],
)
def test_accept(found: Any, line: str) -> None:
    assert said(handshake.accept, ws(Handshake(outcome="open", accept=found))) == line


@pytest.mark.parametrize(
    ("foreign", "offered", "line"),
    [
        (None, ("a",), "pass"),
        ("soap", ("a", "b"),
         "high: the server chose the subprotocol soap; the client offered: a, b"),
        ("soap", (), "high: the server chose the subprotocol soap; the client offered: none"),
    ],
)  # fmt: skip
def test_subprotocols(foreign: str | None, offered: tuple[str, ...], line: str) -> None:
    facts = ws(Handshake(outcome="open", foreign_subprotocol=foreign), subprotocols_offered=offered)
    assert said(handshake.subproto, facts) == line


@pytest.mark.parametrize(
    ("foreign", "line"), [((), "pass"), (("x-a", "x-b"), "high: the server enabled x-a, x-b")]
)
def test_extensions(foreign: tuple[str, ...], line: str) -> None:
    facts = ws(Handshake(outcome="open", foreign_extensions=foreign))
    assert said(handshake.ext, facts) == line


UNTRIED = "skip: no other version was tried, or there was no response"
UNLISTED = "low: version 99 is refused with HTTP {}, without Sec-WebSocket-Version"


@pytest.mark.parametrize(
    ("seen", "line"),
    [
        (None, UNTRIED),
        (FAILED, UNTRIED),
        (OPEN, "low: version 99, which does not exist, is accepted with HTTP 101"),
        (refused(426, versions=("13",)), "pass"),
        (refused(400, versions=("8", "13")), "pass"),
        (refused(400, versions=("8",)), UNLISTED.format(400)),
        *((refused(status), UNLISTED.format(status)) for status in (400, 403, 409, 426, 501, 505)),
        # Of a login, a limit, or the server's state.
        *((refused(status), f"skip: HTTP {status} has another cause than the version")
          for status in (401, 407, 408, 429, 500, 502, 503, 504)),
    ],
)  # fmt: skip
def test_versions(seen: Handshake | None, line: str) -> None:
    assert said(handshake.version, ws(wrong_version=seen)) == line


JUMPED = "skip: connected through a jump host or a proxy: the address is unknown"


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (ws(secure=False, reach="public"), "high: ws:// to a public address"),
        (ws(secure=False, reach="private"), "high: ws:// to a private address"),
        (ws(secure=False, reach="loopback"), "pass"),
        (ws(secure=False), JUMPED),
        (ws(secure=True, reach="public"), "pass"),
        (ws(reach="public"), NOT_OPEN),
        (ws(None, secure=False, reach="public"), NOT_OPEN),
        (ws(refused(400), secure=False, reach="public"), NOT_OPEN),
        (proxied(in_clear=True), "high: ws:// to a public or private address"),
        (proxied(), "pass"),
    ],
)
def test_sockets_without_tls(facts: WebSocketFacts, line: str) -> None:
    assert said(handshake.clear, facts) == line


UNASKED = "skip: no foreign origin was tried, or there was no response"
OPENED = "the socket opened for Origin: https://x.invalid;"
NOBODY = f"low: {OPENED} no cookie, HTTP authentication or client certificate identifies a user"


@pytest.mark.parametrize(
    ("seen", "fields", "line"),
    [
        (None, {}, UNASKED),
        (FAILED, {}, UNASKED),
        (refused(403), {"sends_cookie": True}, "pass"),
        (OPEN, {}, NOBODY),
        (OPEN, {"sends_cookie": False, "sets_cookie": False}, NOBODY),
        (OPEN, {"sends_cookie": True}, f"critical: {OPENED} the handshake sent a cookie"),
        (OPEN, {"sends_cookie": True, "sets_cookie": True, "ambient": ("client-certificate",)},
         f"critical: {OPENED} the handshake sent a cookie"),
        (OPEN, {"sets_cookie": True},
         f"critical: {OPENED} the server set a cookie that may identify a user"),
        (OPEN, {"ambient": ("http-authentication", "client-certificate")},
         (f"high: {OPENED} the handshake sent HTTP authentication; the handshake used a client "
         "certificate")),
    ],
)  # fmt: skip
def test_foreign_origins(seen: Handshake | None, fields: dict[str, Any], line: str) -> None:
    facts = ws(foreign_origin=seen, foreign_origin_sent="https://x.invalid", **fields)
    assert said(handshake.origin, facts) == line


OWN = (
    "info: Origin: {} is refused with HTTP {}; the rest of the check sent no Origin, like clients "
    "other than browsers"
)


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (ws(None, own_origin=refused(403)), NO_ANSWER),
        (ws(), "pass"),
        (ws(own_origin=refused(403), origin="https://a.example"),
         OWN.format("https://a.example", 403)),
        (ws(own_origin=refused(None)), OWN.format("", 0)),
    ],
)  # fmt: skip
def test_the_own_origin(facts: WebSocketFacts, line: str) -> None:
    assert said(handshake.own_origin, facts) == line
