"""The metrics of an agent that a monitoring plugin draws."""

from __future__ import annotations

from seventh.model.watched import Watched

WATCHED = (Watched("seventh_snmp_poll_seconds"), Watched("seventh_rtt_seconds"))
