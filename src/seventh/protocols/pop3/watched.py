"""The metrics of a POP3 server that a monitoring plugin draws."""

from __future__ import annotations

from seventh.model.watched import Watched

WATCHED = (Watched("seventh_ttfb_seconds"), Watched("seventh_pop3_login_seconds"))
