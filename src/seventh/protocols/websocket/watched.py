"""The metrics of a WebSocket endpoint that a monitoring plugin draws."""

from __future__ import annotations

from seventh.model.watched import Watched

WATCHED = (
    Watched("seventh_ttfb_seconds"),
    Watched("seventh_ws_ping_seconds"),
    Watched("seventh_ws_close_seconds"),
    Watched("seventh_ws_fanout_ratio"),
)
