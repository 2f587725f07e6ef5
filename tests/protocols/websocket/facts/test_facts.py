"""What is derived of an endpoint's facts: soundness, shares, drawings."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from seventh.model.drawing import Drawing, Span
from seventh.model.proxyfacts import ProxiedUpgrade
from seventh.protocols.websocket.facts import Handshake, Tunnelled, WebSocketFacts
from seventh.protocols.websocket.facts.live import Fanout, Hold, Receiver

OPEN = Handshake(outcome="open", status=101, accept="right", server="nginx/1.29.3")
ENVOY = Handshake(outcome="refused", status=403, server="Envoy")


@pytest.mark.parametrize(
    ("changes", "envoy"),
    [
        ({}, True),
        ({"via": "via: 1.1 edge"}, True),
        ({"status": 404}, False),
        ({"server": "nginx"}, False),
        ({"via": "x-envoy-upstream-service-time"}, False),
        ({"detail": "RBAC: access denied"}, False),
    ],
)
def test_a_refusal_of_envoy_itself(changes: dict[str, Any], envoy: bool) -> None:
    assert replace(ENVOY, **changes).refused_by_envoy is envoy


@pytest.mark.parametrize(
    ("changes", "breaches"),
    [
        ({}, ()),
        ({"accept": "not-used"}, ()),
        ({"oddities": ("an empty Server field",)}, ()),
        ({"accept": "wrong"}, ("Sec-WebSocket-Accept is wrong",)),
        ({"accept": "missing"}, ("Sec-WebSocket-Accept is missing",)),
        ({"foreign_subprotocol": "soap"}, ("the subprotocol soap was not offered",)),
        ({"foreign_extensions": ("x-a", "x-b")},
         ("the extension x-a was not offered", "the extension x-b was not offered")),
        ({"problems": ("no Upgrade",)}, ("no Upgrade",)),
        ({"accept": "wrong", "foreign_subprotocol": "soap", "problems": ("p",)},
         ("Sec-WebSocket-Accept is wrong", "the subprotocol soap was not offered", "p")),
    ],
)  # fmt: skip
def test_when_a_client_may_continue(changes: dict[str, Any], breaches: tuple[str, ...]) -> None:
    seen = replace(OPEN, **changes)
    assert seen.breaches == breaches
    assert seen.sound is not bool(breaches)
    assert not replace(seen, outcome="refused").sound
    assert not replace(seen, accept=None).sound


def test_what_a_tunnel_carries() -> None:
    carried = Tunnelled(handshake=replace(OPEN, extensions=("permessage-deflate",)))
    assert (carried.status, carried.extensions) == (101, ("permessage-deflate",))
    assert (Tunnelled().status, Tunnelled().extensions) == (None, ())


RECEIVERS = tuple(
    Receiver(k=k, least_seconds=0.001 * k, median_seconds=0.002 * k, most_seconds=0.003 * k,
             rounds=rounds)
    for k, rounds in ((1, 5), (8, 4))
)  # fmt: skip
FANOUT = Fanout(
    sockets=10, rounds=5, expected=45, delivered=36, p50_seconds=0.01, p95_seconds=0.02,
    receivers=RECEIVERS,
)  # fmt: skip
HOLD = Hold(
    seconds=60.0, sockets=4, cuts_seconds=(30.04,), closes=(1001, None), pinged_seconds=(20.0, 41.5)
)


def test_a_fanout_drawn() -> None:
    spans = (
        Span(label="k = 1", low=0.001, high=0.003, value="2 ms"),
        Span(label="k = 8", low=0.008, high=0.024, value="16 ms, in 4 rounds"),
    )
    title = "From publishing to the k-th of 9 receivers: median of 5 rounds, best to worst"
    assert FANOUT.drawing() == Drawing(title=f"{title}; the other 1 never received it", spans=spans)
    nearest = replace(RECEIVERS[1], k=9)
    whole = replace(FANOUT, receivers=(nearest, RECEIVERS[0])).drawing()
    assert whole is not None
    assert whole.title == title
    assert replace(FANOUT, receivers=RECEIVERS[:1]).drawing() is None


def test_a_fanout_in_numbers() -> None:
    assert FANOUT.quantiles == {"0.5": 0.01, "0.95": 0.02}
    assert replace(FANOUT, max_seconds=0.0).quantiles == {"0.5": 0.01, "0.95": 0.02, "1": 0.0}
    assert (FANOUT.reached, FANOUT.ratio) == ("36/45", 0.8)
    assert replace(FANOUT, expected=0).ratio == 0.0


def test_a_hold_drawn() -> None:
    assert HOLD.drawing() == Drawing(
        title="Sockets idle for 60.0 s",
        spans=(
            Span(label="cut", low=0.0, high=30.04, value="without a close frame after 30.0 s"),
            Span(label="closed", low=0.0, high=60.0, value="with code 1001"),
            Span(label="closed", low=0.0, high=60.0, value="with code none"),
            Span(label="open", low=0.0, high=60.0, value="to the end"),
            Span(label="ping 1", low=0.0, high=20.0, value="+20.00 s"),
            Span(label="ping 2", low=20.0, high=41.5, value="+21.50 s"),
        ),
    )


def test_an_endpoint_s_drawings_and_figures() -> None:
    assert WebSocketFacts().drawings() == ()
    both = WebSocketFacts(fanout=FANOUT, hold=HOLD, handshake=OPEN)
    assert both.drawings() == (FANOUT.drawing(), HOLD.drawing())
    few = both.learn(fanout=replace(FANOUT, receivers=()))
    assert few.drawings() == (HOLD.drawing(),)
    assert (both.product, both.fanout_ratio) == ("nginx", 0.8)
    assert both.fanout_seconds == {"0.5": 0.01, "0.95": 0.02}
    none = WebSocketFacts()
    assert (none.product, none.fanout_ratio, none.fanout_seconds) == ("", None, None)


@pytest.mark.parametrize(
    ("version", "upgrade", "connection", "missing"),
    [
        ("1.1", True, True, ()),
        ("2", True, True, ()),
        ("1.0", True, True, ("HTTP/1.1 or newer",)),
        ("1.1", False, True, ("Upgrade",)),
        ("1.1", True, False, ("Connection",)),
    ],
)
def test_what_a_proxy_does_not_send(
    version: str, upgrade: bool, connection: bool, missing: tuple[str, ...]
) -> None:
    proxied = ProxiedUpgrade(
        product="nginx", place="/", version=version, upgrade=upgrade, connection=connection
    )
    assert proxied.missing == missing
