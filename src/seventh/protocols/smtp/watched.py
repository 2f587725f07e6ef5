"""The metrics of a mail server that a monitoring plugin draws."""

from __future__ import annotations

from seventh.model.watched import Bounds, Watched, number
from seventh.protocols.smtp.facts import SmtpFacts
from seventh.protocols.smtp.rules.session import SLOW_SECONDS, VERY_SLOW_SECONDS


def _greeting(_: SmtpFacts) -> Bounds:
    return Bounds(number(SLOW_SECONDS), number(VERY_SLOW_SECONDS))


WATCHED = (
    Watched("seventh_ttfb_seconds", _greeting),
    Watched("seventh_smtp_auth_seconds"),
    Watched("seventh_smtp_size_limit_bytes"),
)
