"""A correct endpoint, from which the rules' examples are made, and what rules share."""

from __future__ import annotations

from typing import Literal

import msgspec

from seventh.protocols.websocket.facts import Handshake, Tunnelled, WebSocketFacts
from seventh.protocols.websocket.facts.live import Fanout, Violation, ViolationKind
from seventh.rules.rule import Skip

NOT_OPEN = Skip("the socket did not open")

OPEN = Handshake(
    outcome="open",
    status=101,
    version="1.1",
    seconds=0.002,
    accept="right",
    subprotocol="chat.v2",
    extensions=("permessage-deflate; server_no_context_takeover",),
    server="nginx",
)
REFUSED = Handshake(outcome="refused", status=403, version="1.1", seconds=0.001, server="nginx")
UPGRADE_REQUIRED = Handshake(
    outcome="refused", status=426, version="1.1", seconds=0.001, versions=("13",)
)
GOOD = WebSocketFacts(
    secure=True,
    reach="public",
    credential_parameters=(),
    origin="https://chat.example",
    sends_cookie=False,
    sets_cookie=False,
    subprotocols_offered=("chat.v2",),
    handshake=OPEN,
    upgrade_seconds=0.002,
    no_context_takeover=True,
    continued=0,
    pings_sent=5,
    pings_seconds=(0.001, 0.001, 0.002, 0.001, 0.001),
    ping_seconds=0.001,
    limits_declared=("ratelimit-policy",),
    greeting_bytes=0,
    close_sent=True,
    close_code=1000,
    close_frame=True,
    close_ended=True,
    close_seconds=0.001,
    open_sockets=1,
    foreign_origin=REFUSED,
    foreign_origin_sent="https://elsewhere.invalid",
    wrong_version=UPGRADE_REQUIRED,
    no_upgrade=UPGRADE_REQUIRED,
    expecting=OPEN,
    h2=Tunnelled(spoken=True, enabled=True, handshake=OPEN),
    h3=Tunnelled(spoken=True, enabled=True, handshake=OPEN),
)


def answered(**changes: object) -> WebSocketFacts:
    """Return the endpoint with other fields in the response to its first handshake."""
    return GOOD.learn(handshake=msgspec.structs.replace(OPEN, **changes))


def turned_away(status: int, **changes: object) -> WebSocketFacts:
    """Return an endpoint that refuses the first handshake."""
    refused = msgspec.structs.replace(REFUSED, status=status, **changes)
    return WebSocketFacts(secure=True, reach="public", handshake=refused, upgrade_seconds=0.001)


def fanned(**changes: float | int | None) -> WebSocketFacts:
    """Return the endpoint after a broadcast, with other figures."""
    known = {
        "sockets": 10, "rounds": 5, "expected": 45, "delivered": 45,
        "p50_seconds": 0.01, "p95_seconds": 0.02, "max_seconds": 0.03, "wait_seconds": 2.0,
    }  # fmt: skip
    return GOOD.learn(fanout=Fanout(**{**known, **changes}))  # type: ignore[arg-type]


def violation(
    kind: ViolationKind, name: str, outcome: Literal["refused", "accepted"]
) -> WebSocketFacts:
    """Return the endpoint after one violation."""
    return GOOD.learn(violations=(Violation(kind=kind, name=name, outcome=outcome),))
