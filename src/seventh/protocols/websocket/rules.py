"""Every rule of the room, from the modules that declare them."""

from __future__ import annotations

from seventh.protocols.websocket.rules_carried import deflate, expect, no_h2, no_h3
from seventh.protocols.websocket.rules_handshake import (
    accept,
    clear,
    ext,
    origin,
    stripped,
    subproto,
    version,
)
from seventh.protocols.websocket.rules_limits import (
    backpressure,
    frag,
    mask,
    msg_limit,
    rate,
    rsv,
    utf8,
)
from seventh.protocols.websocket.rules_live import (
    close,
    fanout_loss,
    fanout_slow,
    idle_cut,
    limits_undeclared,
    no_pong,
    no_server_ping,
    token_stale,
    token_url,
)

__all__ = [
    "accept",
    "backpressure",
    "clear",
    "close",
    "deflate",
    "expect",
    "ext",
    "fanout_loss",
    "fanout_slow",
    "frag",
    "idle_cut",
    "limits_undeclared",
    "mask",
    "msg_limit",
    "no_h2",
    "no_h3",
    "no_pong",
    "no_server_ping",
    "origin",
    "rate",
    "rsv",
    "stripped",
    "subproto",
    "token_stale",
    "token_url",
    "utf8",
    "version",
]
