"""The open socket: each rule's whole verdict, at both sides of each border."""

from __future__ import annotations

from typing import Any

import pytest

from seventh.model.proxyfacts import ProxiedUpgrade
from seventh.protocols.websocket.facts import Handshake, WebSocketFacts
from seventh.protocols.websocket.facts.live import Fanout, Hold, Token
from seventh.protocols.websocket.rules import live
from tests.verdicts import said

OPEN = Handshake(outcome="open", status=101)
REFUSED = Handshake(outcome="refused", status=401)


@pytest.mark.parametrize(
    ("names", "seen", "line"),
    [
        (None, OPEN, "skip: the check ended before the handshake"),
        ((), OPEN, "pass"),
        ((), REFUSED, "pass"),
        (("access_token", "sid"), OPEN,
         "medium: the target's URL contains access_token, sid"),
        (("access_token",), REFUSED,
         "skip: the socket did not open, so the server may not accept the credential"),
        (("access_token",), None,
         "skip: the socket did not open, so the server may not accept the credential"),
    ],
)  # fmt: skip
def test_a_credential_in_the_url(
    names: tuple[str, ...] | None, seen: Handshake | None, line: str
) -> None:
    assert said(live.token_url, WebSocketFacts(credential_parameters=names, handshake=seen)) == line


NO_EXP = "skip: the token has no exp claim"


@pytest.mark.parametrize(
    ("token", "line"),
    [
        (None, "skip: no JWT was given"),
        ({"outcome": "open"}, NO_EXP),
        ({"lifetime_seconds": 2.0}, NO_EXP),
        ({"lifetime_seconds": 99.4, "outcome": "not-reached"},
         "skip: the token expires in 99 s: give a longer --timeout to wait for it"),
        ({"lifetime_seconds": 2.0, "outcome": "closed"}, "pass"),
        ({"lifetime_seconds": -2.0, "outcome": "refused"},
         "skip: the token had expired: give a new one"),
        ({"lifetime_seconds": -5.4, "outcome": "open"},
         "medium: a token that expired 5 s earlier opened a socket"),
        ({"lifetime_seconds": 0.0, "outcome": "open"},
         "medium: a token that expired 0 s earlier opened a socket"),
        ({"lifetime_seconds": 0.4, "outcome": "open", "after_seconds": 1.25},
         "medium: the socket still answers 1.2 s after its token expired"),
        ({"lifetime_seconds": 1.0, "outcome": "open"},
         "medium: the socket still answers 0.0 s after its token expired"),
    ],
)  # fmt: skip
def test_tokens(token: dict[str, Any] | None, line: str) -> None:
    found = None if token is None else Token(source="--token-file", **token)
    assert said(live.token_stale, WebSocketFacts(token=found)) == line


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({}, "skip: no ping was sent"),
        ({"pings_sent": 1}, "pass"),
        ({"pings_sent": 1, "pong_wait_seconds": 5.0, "closed_on_ping": True},
         "skip: the server closed the socket before it could answer"),
        ({"pings_sent": 1, "pong_wait_seconds": 0.9},
         "skip: no time left to wait for the pong: give a longer --timeout"),
        ({"pings_sent": 1, "pong_wait_seconds": 1.0}, "high: no pong within 1.0 s"),
        ({"pings_sent": 1, "pong_wait_seconds": 5.0, "closed_on_ping": False},
         "high: no pong within 5.0 s"),
    ],
)  # fmt: skip
def test_pongs(fields: dict[str, Any], line: str) -> None:
    assert said(live.no_pong, WebSocketFacts(**fields)) == line


LIVELY = "not applicable: the server sends messages by itself, which detect dead clients as well"
GONE = "skip: the socket closed before a ping was due"


@pytest.mark.parametrize(
    ("hold", "line"),
    [
        (None, "skip: no socket was held: give --intrusive --hold 60"),
        ({"seconds": 60.0, "pings": 1}, "pass"),
        ({"seconds": 59.0}, "low: no ping received in 59 s"),
        ({"seconds": 58.9}, "info: no ping received in 59 s; use --hold 60 to be certain"),
        # A message a minute, but for a greeting.
        ({"seconds": 60.0, "messages": 1}, "low: no ping received in 60 s"),
        ({"seconds": 60.0, "messages": 2}, LIVELY),
        ({"seconds": 180.0, "messages": 2}, "low: no ping received in 180 s"),
        ({"seconds": 180.0, "messages": 3}, LIVELY),
        ({"seconds": 60.0, "cuts_seconds": (30.0,)}, GONE),
        ({"seconds": 60.0, "closes": (1001,)}, GONE),
        ({"seconds": 60.0, "closes": (1001,), "messages": 9}, LIVELY),
    ],
)  # fmt: skip
def test_pings_of_the_server(hold: dict[str, Any] | None, line: str) -> None:
    found = None if hold is None else Hold(**hold)
    assert said(live.no_server_ping, WebSocketFacts(hold=found)) == line


AGES = "medium: idle sockets end without a close frame after {} s"
SAME = f"{AGES}, each at the same age"


@pytest.mark.parametrize(
    ("cuts", "line"),
    [
        (None, "skip: no socket was held: give --intrusive --hold SECONDS"),
        ((), "pass"),
        ((30.04,), AGES.format("30.0")),
        ((30.0, 12.0), AGES.format("30.0, 12.0")),
        ((40.0, 42.0), SAME.format("40.0, 42.0")),  # within a twentieth of the longer
        ((39.75, 42.0), AGES.format("39.8, 42.0")),
        ((1.0, 1.1875), SAME.format("1.0, 1.2")),  # within a fifth of a second
        ((1.0, 1.25), AGES.format("1.0, 1.2")),
        ((30.0, 30.0, 12.0), AGES.format("30.0, 30.0, 12.0")),
    ],
)
def test_idle_sockets(cuts: tuple[float, ...] | None, line: str) -> None:
    hold = None if cuts is None else Hold(seconds=60.0, cuts_seconds=cuts)
    assert said(live.idle_cut, WebSocketFacts(hold=hold)) == line


def test_a_cut_behind_a_proxy_may_be_the_proxys() -> None:
    cut = Hold(seconds=60.0, cuts_seconds=(30.0, 30.0), carried=True)
    assert said(live.idle_cut, WebSocketFacts(hold=cut)) == (
        "skip: a socket was cut, by the server or by a proxy: hold it without --proxy and --via"
    )
    whole = Hold(seconds=60.0, carried=True)
    assert said(live.idle_cut, WebSocketFacts(hold=whole)) == "pass"


LIFE = "medium: the proxy cuts sockets after {} s, idle or not"
IDLE = "medium: the proxy cuts sockets after {} s without data"


@pytest.mark.parametrize(
    ("idle", "life", "line"),
    [
        (None, None, "pass"),
        (119.5, None, IDLE.format("119.5")),
        (120.0, 120.0, "pass"),
        (None, 119.0, LIFE.format("119")),
        (60.0, 90.0, LIFE.format("90")),
        (60.0, 3600.0, IDLE.format("60")),
    ],
)
def test_a_proxy_s_timeouts(idle: float | None, life: float | None, line: str) -> None:
    proxied = ProxiedUpgrade(
        product="nginx", place="/", version="1.1", upgrade=True, connection=True,
        idle_seconds=idle, life_seconds=life,
    )  # fmt: skip
    hold = Hold(seconds=60.0, cuts_seconds=(1.0,))
    assert said(live.idle_cut, WebSocketFacts(proxied=proxied, hold=hold)) == line


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"close_frame": True, "close_code": 1000}, "skip: no close frame was sent"),
        ({"close_sent": True}, "skip: no close frame was sent"),
        ({"close_sent": True, "close_frame": False},
         "low: no close frame in response to ours (clients report 1006)"),
        ({"close_sent": True, "close_frame": True},
         "info: the close frame in response to 1000 has no code (clients report 1005)"),
        ({"close_sent": True, "close_frame": True, "close_code": 1001}, "pass"),
    ],
)  # fmt: skip
def test_closing(fields: dict[str, Any], line: str) -> None:
    assert said(live.close, WebSocketFacts(**fields)) == line


UNSEEN = "skip: the socket did not open, or its first message was not awaited"
UNDECLARED = "info: neither the response nor a first message declares a size or rate limit"


@pytest.mark.parametrize(
    ("declared", "greeting", "seen", "line"),
    [
        (None, 0, OPEN, UNSEEN),
        ((), None, OPEN, UNSEEN),
        (("ratelimit-policy",), 0, OPEN, "pass"),
        ((), 0, OPEN, UNDECLARED),
        ((), 0, None, UNDECLARED),
        ((), 0, Handshake(outcome="open", subprotocol="mqtt"),
         "skip: the subprotocol mqtt may define limits itself"),
    ],
)  # fmt: skip
def test_declared_limits(
    declared: tuple[str, ...] | None, greeting: int | None, seen: Handshake | None, line: str
) -> None:
    facts = WebSocketFacts(limits_declared=declared, greeting_bytes=greeting, handshake=seen)
    assert said(live.limits_undeclared, facts) == line


UNPUBLISHED = "skip: nothing was published: give --allow-write --message-template TEXT"
IMPOSSIBLE = "skip: nothing could be published"
NOWHERE = "skip: {} received the message: the endpoint or the template does not broadcast"
SLOW = "medium: 95 % of the deliveries to 10 sockets took up to {} ms (median: {} ms)"
LOST = "high: {} of 45 deliveries arrived within {} s"


@pytest.mark.parametrize(
    ("changes", "slow", "loss"),
    [
        (None, UNPUBLISHED, UNPUBLISHED),
        ({"rounds": 0}, IMPOSSIBLE, IMPOSSIBLE),
        ({"expected": 0}, IMPOSSIBLE, IMPOSSIBLE),
        ({"delivered": 0}, NOWHERE.format("no socket"), NOWHERE.format("no socket")),
        ({"delivered": 0, "echoed": 1}, NOWHERE.format("only the sender"),
         NOWHERE.format("only the sender")),
        ({}, "pass", "pass"),
        ({"p95_seconds": None}, "skip: no delivery was timed", "pass"),
        ({"p95_seconds": 0.5006, "p50_seconds": 0.0206}, SLOW.format(501, 21), "pass"),
        ({"p95_seconds": 1.0, "p50_seconds": None}, SLOW.format(1000, 0), "pass"),
        ({"delivered": 44}, "pass", LOST.format(44, 2.5)),
        ({"delivered": 1}, "pass", LOST.format(1, 2.5)),
        ({"delivered": 46}, "pass", "pass"),
    ],
)  # fmt: skip
def test_broadcasts(changes: dict[str, Any] | None, slow: str, loss: str) -> None:
    known: dict[str, Any] = {
        "sockets": 10, "rounds": 5, "expected": 45, "delivered": 45, "p50_seconds": 0.01,
        "p95_seconds": 0.5, "wait_seconds": 2.5,
    }  # fmt: skip
    facts = WebSocketFacts(fanout=None if changes is None else Fanout(**(known | changes)))
    assert (said(live.fanout_slow, facts), said(live.fanout_loss, facts)) == (slow, loss)
