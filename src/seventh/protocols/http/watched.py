"""What a monitoring system draws of a web server."""

from __future__ import annotations

from seventh.model.watched import Watched

WATCHED = (
    Watched("seventh_ttfb_seconds"),
    Watched("seventh_http_download_seconds"),
    Watched("seventh_http_status"),
    Watched("seventh_http_body_bytes"),
)
