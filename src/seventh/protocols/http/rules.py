"""Every rule of the HTTP room; each part declares its own."""

from __future__ import annotations

from seventh.protocols.http.rules_caching import cache_leak, no_freshness, no_stale, vary
from seventh.protocols.http.rules_content import (
    breach,
    compress_waste,
    idempotency,
    no_brotli,
    no_compress,
    payload,
    retry_info,
)
from seventh.protocols.http.rules_quic import (
    early_unsafe,
    h2_settings,
    quic_amplify,
    quic_idle,
    quic_migrate,
    quic_pmtu,
)
from seventh.protocols.http.rules_rest import content_type, error_format, heartbeat, schema, sunset
from seventh.protocols.http.rules_site import (
    date_skew,
    expect_continue,
    hsts,
    no_https,
    no_reuse,
    redirect,
    two_lengths,
    upgrade_tls,
)
from seventh.protocols.http.rules_validators import (
    etag_encoding,
    etag_ignored,
    etag_unstable,
    no_validator,
    thin_304,
)
from seventh.protocols.http.rules_versions import (
    fallback,
    h3_dead,
    h3_hidden,
    no_h2,
    no_h3,
    ttfb,
)

__all__ = [
    "breach", "cache_leak", "compress_waste", "content_type", "date_skew", "early_unsafe",
    "error_format", "etag_encoding", "etag_ignored", "etag_unstable", "expect_continue",
    "fallback", "h2_settings", "h3_dead", "h3_hidden", "heartbeat", "hsts", "idempotency",
    "no_brotli", "no_compress", "no_freshness", "no_h2", "no_h3", "no_https", "no_reuse",
    "no_stale", "no_validator", "payload", "quic_amplify", "quic_idle", "quic_migrate",
    "quic_pmtu", "redirect", "retry_info", "schema", "sunset", "thin_304", "ttfb", "two_lengths",
    "upgrade_tls", "vary",
]  # fmt: skip
