"""The metrics of a broker that a monitoring plugin draws."""

from __future__ import annotations

from seventh.model.watched import Watched

WATCHED = (Watched("seventh_ttfb_seconds"), Watched("seventh_mqtt_ping_seconds"))
