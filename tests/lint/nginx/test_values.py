"""Sizes, times and numbers as nginx reads them, and what the table of directives tells alone.

tests/peers/test_nginx_values.py holds them against nginx itself.
"""

from __future__ import annotations

import pytest

from tests.lint.nginx.parameters.judged import unfit

TAKEN: dict[str, tuple[str, ...]] = {
    "client_max_body_size": (
        "0", "1g", "9223372036854775807", "8589934591G", "1", "1k", "1K", "1m", "1M", "1G",
        "9007199254740991k",
    ),
    "client_body_timeout": (
        "0", "1h30m", "106751991167d", "9223372036854775807ms", "1", "1ms", "1s500ms", "1w",
        "1w1d1h1m1s1ms", "1s1ms", "'1m 1s'", "'1h 1'", "'1 1'", "'1s '", "1h1", "1s1", "'1  1'",
        "9223372036854775s", "' 1'", "'1h '", "15250284452w",
    ),
    "connection_pool_size": ("112", "128", "1k", "256", "4k"),
    "directio": ("off", "1g", "0"),
    "gzip_buffers": ("1 1", "32 4k", "4 4k"),
    "gzip_comp_level": ("1", "9", "5"),
    "gzip_hash": ("512", "1k", "128k", "2k", "4k", "8k", "16k", "32k", "64k", "1024"),
    "gzip_proxied": (
        "any", "expired NO-CACHE", "off", "expired", "no-cache", "no-store", "private",
        "no_last_modified", "no_etag", "auth", "ANY",
    ),
    "http2_chunk_size": ("1", "8k"),
    "http2_recv_buffer_size": ("33", "1k"),
    "http2_streams_index_size": ("32",),
    "keepalive_requests": ("0", "9223372036854775807", "00", "09223372036854775807"),
    "limit_conn_status": ("400", "599"),
    "modern_browser": ("unlisted", "msie 5.5", "gecko 1", "opera 1", "safari 1", "konqueror 1"),
    "ssl_session_timeout": (
        "0", "1y", "'1y 1M 1w 1d 1h 1m 1s'", "1y1M1w1d1h1m1s", "'1 1'", "1w", "9223372036854775807",
        "1d", "292471208677y", "'1y 1'",
    ),
    "userid_expires": ("max", "off", "1y"),
    "uwsgi_modifier1": ("0", "255"),
    "worker_processes": ("auto", "4", "0"),
    "client_body_buffer_size": ("1m", "8796093022207m"),
}  # fmt: skip
"""Words that nginx 1.22.1 takes."""
REFUSED: dict[str, dict[str, str]] = {
    "client_max_body_size": {
        "9223372036854775808": '"client_max_body_size" directive invalid value',
        "8589934592g": '"client_max_body_size" directive invalid value',
        "1t": '"client_max_body_size" directive invalid value',
        "64mb": '"client_max_body_size" directive invalid value',
        "-1": '"client_max_body_size" directive invalid value',
        "x": '"client_max_body_size" directive invalid value',
        "1kk": '"client_max_body_size" directive invalid value',
        "k": '"client_max_body_size" directive invalid value',
        "''": '"client_max_body_size" directive invalid value',
        "1.5m": '"client_max_body_size" directive invalid value',
        "9223372036854775807k": '"client_max_body_size" directive invalid value',
        "9007199254740992k": '"client_max_body_size" directive invalid value',
    },
    "client_body_timeout": {
        "106751991168d": '"client_body_timeout" directive invalid value',
        "1y": '"client_body_timeout" directive invalid value',
        "1M": '"client_body_timeout" directive invalid value',
        "1s1s": '"client_body_timeout" directive invalid value',
        "1m1h": '"client_body_timeout" directive invalid value',
        "1.5s": '"client_body_timeout" directive invalid value',
        "1ms1s": '"client_body_timeout" directive invalid value',
        "'1 s'": '"client_body_timeout" directive invalid value',
        "s": '"client_body_timeout" directive invalid value',
        "ms": '"client_body_timeout" directive invalid value',
        "''": '"client_body_timeout" directive invalid value',
        "9223372036854776s": '"client_body_timeout" directive invalid value',
        "9223372036854775808ms": '"client_body_timeout" directive invalid value',
        "1d1w": '"client_body_timeout" directive invalid value',
        "1w1w": '"client_body_timeout" directive invalid value',
        "1h1h": '"client_body_timeout" directive invalid value',
        "' '": '"client_body_timeout" directive invalid value',
        "'1 ms'": '"client_body_timeout" directive invalid value',
        "15250284453w": '"client_body_timeout" directive invalid value',
    },
    "connection_pool_size": {
        "x": '"connection_pool_size" directive invalid value',
        "111": "the pool size must be no less than 112",
        "120": "the pool size must be a multiple of 16",
        "113": "the pool size must be a multiple of 16",
        "127": "the pool size must be a multiple of 16",
        "96": "the pool size must be no less than 112",
        "0": "the pool size must be no less than 112",
        "1g": '"connection_pool_size" directive invalid value',
        "-1": '"connection_pool_size" directive invalid value',
    },
    "directio": {
        "on": '"directio" directive invalid value', "OFF": '"directio" directive invalid value',
        "x": '"directio" directive invalid value',
    },
    "gzip_buffers": {
        "0 4k": '"gzip_buffers" directive invalid value',
        "4 0": '"gzip_buffers" directive invalid value',
        "4 x": '"gzip_buffers" directive invalid value',
        "1 0": '"gzip_buffers" directive invalid value',
        "0 1": '"gzip_buffers" directive invalid value',
        "x 4k": '"gzip_buffers" directive invalid value',
        "4k 4k": '"gzip_buffers" directive invalid value',
        "4 1g": '"gzip_buffers" directive invalid value',
    },
    "gzip_comp_level": {
        "0": '"gzip_comp_level" directive: value must be between 1 and 9',
        "10": '"gzip_comp_level" directive: value must be between 1 and 9',
        "1k": '"gzip_comp_level" directive invalid number',
        "x": '"gzip_comp_level" directive invalid number',
    },
    "gzip_hash": {
        "256": '"gzip_hash" directive must be 512, 1k, 2k, 4k, 8k, 16k, 32k, 64k, or 128k',
        "3k": '"gzip_hash" directive must be 512, 1k, 2k, 4k, 8k, 16k, 32k, 64k, or 128k',
        "256k": '"gzip_hash" directive must be 512, 1k, 2k, 4k, 8k, 16k, 32k, 64k, or 128k',
        "513": '"gzip_hash" directive must be 512, 1k, 2k, 4k, 8k, 16k, 32k, 64k, or 128k',
        "0": '"gzip_hash" directive must be 512, 1k, 2k, 4k, 8k, 16k, 32k, 64k, or 128k',
        "x": '"gzip_hash" directive invalid value',
        "1m": '"gzip_hash" directive must be 512, 1k, 2k, 4k, 8k, 16k, 32k, 64k, or 128k',
    },
    "gzip_proxied": {
        "any cached": 'invalid value "cached" in "gzip_proxied" directive',
        "x": 'invalid value "x" in "gzip_proxied" directive',
    },
    "http2_chunk_size": {
        "0": '"http2_chunk_size" directive: value must be equal to or greater than 1',
        "x": '"http2_chunk_size" directive invalid value',
    },
    "http2_recv_buffer_size": {
        "32": '"http2_recv_buffer_size" directive: value must be equal to or greater than 33',
    },
    "http2_streams_index_size": {"1k": '"http2_streams_index_size" directive invalid number'},
    "keepalive_requests": {
        "9223372036854775808": '"keepalive_requests" directive invalid number',
        "-1": '"keepalive_requests" directive invalid number',
        "1k": '"keepalive_requests" directive invalid number',
        "x": '"keepalive_requests" directive invalid number',
        "10000000000000000000": '"keepalive_requests" directive invalid number',
    },
    "limit_conn_status": {
        "399": '"limit_conn_status" directive: value must be between 400 and 599',
        "600": '"limit_conn_status" directive: value must be between 400 and 599',
        "x": '"limit_conn_status" directive invalid number',
    },
    "modern_browser": {"chrome": 'invalid value "chrome" in "modern_browser" directive'},
    "ssl_session_timeout": {
        "1ms": '"ssl_session_timeout" directive invalid value',
        "'1m 1h'": '"ssl_session_timeout" directive invalid value',
        "'1s 1m'": '"ssl_session_timeout" directive invalid value',
        "1M1y": '"ssl_session_timeout" directive invalid value',
        "9223372036854775808": '"ssl_session_timeout" directive invalid value',
        "292471208678y": '"ssl_session_timeout" directive invalid value',
        "1s1m": '"ssl_session_timeout" directive invalid value',
        "x": '"ssl_session_timeout" directive invalid value',
    },
    "userid_expires": {
        "min": '"userid_expires" directive invalid value',
        "1ms": '"userid_expires" directive invalid value',
        "x": '"userid_expires" directive invalid value',
        "MAX": '"userid_expires" directive invalid value',
    },
    "uwsgi_modifier1": {
        "256": '"uwsgi_modifier1" directive: value must be between 0 and 255',
        "x": '"uwsgi_modifier1" directive invalid number',
    },
    "worker_processes": {
        "some": '"worker_processes" directive invalid value',
        "AUTO": '"worker_processes" directive invalid value',
        "x": '"worker_processes" directive invalid value',
        "-1": '"worker_processes" directive invalid value',
    },
    "client_body_buffer_size": {
        "1g": '"client_body_buffer_size" directive invalid value',
        "8796093022208m": '"client_body_buffer_size" directive invalid value',
    },
}  # fmt: skip
"""Words that it refuses, and its complaint."""


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_taken(name: str) -> None:
    assert {line: why for line in TAKEN[name] if (why := unfit(name, line))} == {}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str) -> None:
    assert {line: unfit(name, line) for line in REFUSED[name]} == REFUSED[name]
