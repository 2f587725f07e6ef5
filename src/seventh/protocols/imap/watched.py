"""The metrics of an IMAP server that a monitoring plugin draws."""

from __future__ import annotations

from seventh.model.watched import Watched

WATCHED = (
    Watched("seventh_ttfb_seconds"),
    Watched("seventh_imap_login_seconds"),
    Watched("seventh_imap_examine_seconds"),
    Watched("seventh_imap_quota_ratio"),
)
