"""What carries a socket: HTTP/2 and HTTP/3, Expect, compression; whole verdicts."""

from __future__ import annotations

from typing import Any

import pytest

from seventh.protocols.websocket.facts import Handshake, Tunnelled, WebSocketFacts
from seventh.protocols.websocket.rules import carried
from tests.verdicts import said

NOT_OPEN = "skip: the socket did not open"
OPEN = Handshake(outcome="open", status=101, seconds=0.25)
FAILED = Handshake(outcome="failed", detail="closed")


def refused(status: int | None) -> Handshake:
    return Handshake(outcome="refused", status=status)


def over(**fields: Any) -> Tunnelled:
    """A handshake over a version that announces extended CONNECT."""
    known: dict[str, Any] = {"outcome": "open", "accept": "not-used"}
    return Tunnelled(spoken=True, enabled=True, handshake=Handshake(**(known | fields)))


@pytest.mark.parametrize(
    ("seen", "line"),
    [
        (None, "skip: {version} was not tried or gave no result"),
        (Tunnelled(), "skip: {version} was not tried or gave no result"),
        (Tunnelled(spoken=False), "info: {version} not supported on this port"),
        (Tunnelled(spoken=True, detail="reset"),
         "skip: no SETTINGS received over {version}: reset"),
        (Tunnelled(spoken=True, enabled=False),
         "info: {version} supported without extended CONNECT"),
        (Tunnelled(spoken=True, enabled=True, detail="reset"),
         "skip: no response to the handshake over {version}: reset"),
        (over(), "pass"),
        (over(outcome="refused", status=400), ("{broken}: the server announces extended CONNECT "
         "over {version} and refuses it with HTTP 400, while HTTP/1.1 succeeds: clients that reuse "
         "such a connection fail")),
        (over(outcome="failed"), ("{broken}: the server announces extended CONNECT over {version} "
         "and refuses it with HTTP 0, while HTTP/1.1 succeeds: clients that reuse such a "
         "connection fail")),
        (over(foreign_subprotocol="soap"), "{invalid}the subprotocol soap was not offered"),
        (over(foreign_extensions=("x-a", "x-b")),
         "{invalid}the extension x-a, x-b was not offered"),
        (over(problems=("two subprotocols",)),
         "{invalid}Sec-WebSocket-Protocol does not name exactly one token"),
        (over(foreign_subprotocol="soap", foreign_extensions=("x-a",), problems=("p",)),
         ("{invalid}the subprotocol soap was not offered; the extension x-a was not offered; "
         "Sec-WebSocket-Protocol does not name exactly one token")),
    ],
)  # fmt: skip
def test_later_versions(seen: Tunnelled | None, line: str) -> None:
    invalid = "{broken}: the handshake over {version} is invalid, so clients must fail it: "
    for rule, name, version, broken in (
        (carried.no_h2, "h2", "HTTP/2", "high"),
        (carried.no_h3, "h3", "HTTP/3", "medium"),
    ):
        expected = line.replace("{invalid}", invalid).format(version=version, broken=broken)
        assert said(rule, WebSocketFacts(**{name: seen})) == expected


def test_the_parameters_of_an_invalid_handshake() -> None:
    verdict = carried.no_h2(WebSocketFacts(h2=over(foreign_extensions=("x-a",))))
    assert getattr(verdict, "params", None) == {
        "what": "invalid", "breaches": ("extension",), "subprotocol": "", "extensions": ("x-a",)
    }  # fmt: skip


SLOW = "info: the handshake takes {} s longer with Expect: 100-continue"


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"continued": None, "expecting": OPEN}, NOT_OPEN),
        ({"handshake": None}, NOT_OPEN),
        ({"handshake": refused(417)}, NOT_OPEN),
        ({"continued": 1, "expecting": OPEN},
         "low: 100 Continue received although the request had no Expect"),
        ({}, "skip: no handshake with Expect was tried"),
        ({"expecting": refused(417)}, "info: Expect: 100-continue is refused with 417"),
        ({"expecting": refused(416)}, "pass"),
        ({"expecting": FAILED},
         "info: the handshake fails with Expect: 100-continue: closed"),
        ({"expecting": Handshake(outcome="open", seconds=1.25)}, "pass"),
        ({"expecting": Handshake(outcome="open", seconds=1.375)}, SLOW.format("1.1")),
        ({"expecting": Handshake(outcome="open")}, "pass"),
        ({"handshake": Handshake(outcome="open"),
          "expecting": Handshake(outcome="open", seconds=9.0)}, "pass"),
    ],
)  # fmt: skip
def test_expect(fields: dict[str, Any], line: str) -> None:
    known: dict[str, Any] = {"continued": 0, "handshake": OPEN}
    assert said(carried.expect, WebSocketFacts(**(known | fields))) == line


# zlib's compressor needs 2^(window bits + 2) and, at its memory level of 8, 2^17 bytes (zconf.h).
DEFLATE = "permessage-deflate"


@pytest.mark.parametrize(
    ("extensions", "kib"),
    [
        ((DEFLATE,), 256),
        ((f"{DEFLATE}; server_max_window_bits=15",), 256),
        ((f"{DEFLATE}; server_max_window_bits=10",), 132),
        ((f'{DEFLATE}; server_max_window_bits="9"',), 130),
        ((f"{DEFLATE}; server_max_window_bits=8",), 129),
        ((f"{DEFLATE}; server_max_window_bits=16",), 256),  # no valid value (RFC 7692 §7.1.2.1)
        ((f"{DEFLATE}; client_max_window_bits=9",), 256),
        (("x-other", f"{DEFLATE}; server_max_window_bits=12"), 144),
    ],
)
def test_what_a_compressor_keeps(extensions: tuple[str, ...], kib: int) -> None:
    facts = WebSocketFacts(
        handshake=Handshake(outcome="open", extensions=extensions), no_context_takeover=False
    )
    assert said(carried.deflate, facts) == (
        f"info: {', '.join(extensions)}: the server keeps its compressor between messages, up to "
        f"{kib} KiB for each socket"
    )
    assert said(carried.deflate, facts.learn(no_context_takeover=True)) == "pass"
    assert said(carried.deflate, facts.learn(no_context_takeover=None)) == "pass"
    for seen in (None, FAILED):
        assert said(carried.deflate, facts.learn(handshake=seen)) == NOT_OPEN
