"""What is declared of rules: the tier of their evidence, and the settings that lint shows."""

from __future__ import annotations

import pytest

from seventh import protocols

RULES = {rule.id: rule for rule in protocols.rules("websocket")}
TIERS = {
    # From the handshake and the socket that any check opens.
    0: "WS-STRIPPED WS-ACCEPT WS-SUBPROTO WS-EXT WS-CLEAR WS-OWN-ORIGIN WS-NO-H2 WS-NO-H3 "
    "WS-DEFLATE WS-TOKEN-URL WS-NO-PONG WS-CLOSE",
    # From further handshakes, and from waiting for a greeting.
    1: "WS-VERSION WS-ORIGIN WS-100CONT WS-LIMITS-UNDECLARED",
    # With a token.
    2: "WS-TOKEN-STALE",
    # By a message that others receive.
    3: "WS-FANOUT-SLOW WS-FANOUT-LOSS",
    # By invalid frames, bursts, or held sockets.
    4: "WS-MASK WS-RSV WS-UTF8 WS-FRAG WS-MSG-LIMIT WS-RATE WS-BACKPRESSURE WS-NO-SERVER-PING "
    "WS-IDLE-CUT",
}


@pytest.mark.parametrize(
    ("name", "tier"), [(name, tier) for tier, names in TIERS.items() for name in names.split()]
)
def test_tiers(name: str, tier: int) -> None:
    assert RULES[name].tier == tier


@pytest.mark.parametrize(
    ("name", "nginx", "caddy"),
    [
        ("WS-STRIPPED", "proxy_set_header, proxy_http_version, proxy_pass",
         "header_up, request_header"),
        ("WS-CLEAR", "listen, proxy_pass", "site"),
        ("WS-IDLE-CUT", "proxy_read_timeout, proxy_pass", "read_timeout, stream_timeout"),
    ],
)  # fmt: skip
def test_the_settings_that_lint_shows(name: str, nginx: str, caddy: str) -> None:
    shown = {product: ", ".join(names) for product, names in RULES[name].directives.items()}
    assert shown == {"nginx": nginx, "caddy": caddy}
