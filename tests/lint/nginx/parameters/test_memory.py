"""Caches, limits and logs, as nginx takes and refuses them.

tests/peers/test_nginx_values.py holds them against nginx itself.
"""

from __future__ import annotations

import pytest

from tests.lint.nginx.parameters.judged import unfit

TAKEN: dict[str, tuple[str, ...]] = {
    "limit_req": (
        "zone=a", "zone=a burst=1 nodelay", "zone=a delay=1 burst=5", "zone=a nodelay nodelay",
        "zone=a burst=1", "zone=", "zone=a delay=1",
    ),
    "limit_req_zone": (
        "$a zone=a:32k rate=1r/s", "$a zone=a:1m rate=30r/m", "$a zone=a:1m rate=5",
        "$a zone=a:32768 rate=1r/s", "$a rate=1r/s zone=a:1m", "$a zone=a:1m rate=2r/m",
    ),
    "limit_conn_zone": ("$a zone=a:32k", "$a zone=a:1m"),
    "limit_conn": ("a 1", "a 65535", "a 2"),
    "zone": ("a 32k", "a", "a 32768"),
    "open_file_cache": (
        "off", "max=1", "max=9 inactive=20s", "off max=1", "max=1 off", "max=1 inactive=1",
        "inactive=20s max=2", "off inactive=1s",
    ),
    "open_log_file_cache": (
        "off", "max=9 inactive=20s valid=1m min_uses=0", "max=9", "off max=1", "max=9 min_uses=1",
    ),
    "ssl_session_cache": (
        "off", "none", "builtin", "builtin:9", "shared:a:32k", "builtin:9 shared:a:1m",
        "shared:a:32768", "builtin shared:a:1m", "none shared:a:1m", "shared:a:1m builtin:9",
        "builtin:0",
    ),
    "ssl_ocsp_cache": ("off", "shared:a:32k", "shared:a:32768"),
    "proxy_cache_valid": (
        "1m", "any 1m", "200 302 10m", "100 599 1h", "404 0", "any any 1m", "599 100 1s", "1y",
    ),
    "proxy_cache_path": (
        "cache keys_zone=a:8k",
        "cache levels=1:2 keys_zone=a:1m inactive=1d max_size=1g min_free=1m",
        "cache levels=2 keys_zone=a:1m use_temp_path=off loader_files=9 loader_sleep=50ms",
        "cache levels=1:1:1 keys_zone=a:1m use_temp_path=on manager_files=9 manager_sleep=50ms",
        "cache keys_zone=a:1m loader_threshold=200ms manager_threshold=200ms",
        "cache keys_zone=a:8192", "cache keys_zone=a:1m levels=", "cache keys_zone=a:1m levels=1",
        "cache keys_zone=a:1m levels=2:2:2", "cache keys_zone=a:1m inactive=1y",
        "cache keys_zone=a:1m max_size=1", "cache keys_zone=a:1m max_size=1g",
        "cache keys_zone=a:1m min_free=1g", "cache keys_zone=a:1m loader_files=1",
        "cache keys_zone=a:1m loader_sleep=1", "cache keys_zone=a:1m loader_threshold=1s",
        "cache keys_zone=a:1m manager_files=1", "cache keys_zone=a:1m manager_sleep=1s",
        "cache keys_zone=a:1m manager_threshold=1s", "cache keys_zone=:1m keys_zone=a:1m",
    ),
    "access_log": (
        "off", "a.log", "a.log combined", "a.log combined buffer=1k flush=5s",
        "a.log combined gzip", "a.log combined gzip=9 flush=1m", "a.log combined gzip=1",
        "a.log combined if=$a", "syslog:server=127.0.0.1", "$host combined",
        "syslog:server=127.0.0.1,facility=local7,tag=a,severity=info,nohostname", "OFF",
        "a.log combined buffer=1", "a.log combined buffer=1m", "a.log combined buffer=1k flush=1ms",
        "a.log combined buffer=1k flush=1", "a.log combined gzip=2", "a.log combined gzip=01",
        "a.log combined if=", "$host combined if=$a", "$host", "a.log combined gzip=9",
        "a.log combined gzip=8", "a.log combined flush=5s gzip", "a.log combined buffer=1k gzip=1",
        "syslog:server=127.0.0.1,nohostname", "syslog:server=127.0.0.1,tag=",
    ),
    "error_log": (
        "a.log", "a.log warn", "a.log debug_http", "syslog:server=127.0.0.1,severity=alert info",
        "a.log emerg", "a.log alert", "a.log crit", "a.log error", "a.log notice", "a.log info",
        "a.log debug", "a.log debug_core", "stderr", "memory:1m",
    ),
    "log_format": (
        "a b", "a escape=json b", "a escape=default b", "a escape=none b", "a escape=json",
        "a escapes=x b", "a b escape=html", "a escape=none",
    ),
    "fastcgi_cache_valid": ("200 1m",),
    "scgi_cache_valid": ("200 1m",),
    "uwsgi_cache_valid": ("200 1m",),
    "fastcgi_cache_path": ("cache keys_zone=a:1m",),
    "scgi_cache_path": ("cache keys_zone=a:1m",),
    "uwsgi_cache_path": ("cache keys_zone=a:1m",),
}  # fmt: skip
"""Words that nginx 1.22.1 takes."""
REFUSED: dict[str, dict[str, str]] = {
    "limit_req": {
        "burst=5": '"limit_req" must have "zone" parameter',
        "zone=a burst=0": 'invalid burst value "burst=0"',
        "zone=a burst=x": 'invalid burst value "burst=x"',
        "zone=a delay=0": 'invalid delay value "delay=0"',
        "zone=a nodelays": 'invalid parameter "nodelays"', "zone": 'invalid parameter "zone"',
        "zone=a burst": 'invalid parameter "burst"',
        "zone=a rate=1r/s": 'invalid parameter "rate=1r/s"',
        "zone=a burst=": 'invalid burst value "burst="',
        "zone=a delay=x": 'invalid delay value "delay=x"',
        "zone=a delay=": 'invalid delay value "delay="',
        "zone=a delay": 'invalid parameter "delay"',
        "nodelay": '"limit_req" must have "zone" parameter', "Zone=a": 'invalid parameter "Zone=a"',
    },
    "limit_req_zone": {
        "$a rate=1r/s": '"limit_req_zone" must have "zone" parameter',
        "$a zone=a:31k rate=1r/s": 'zone "zone=a:31k" is too small',
        "$a zone=a rate=1r/s": 'invalid zone size "zone=a"',
        "$a zone=a:x rate=1r/s": 'invalid zone size "zone=a:x"',
        "$a zone=a:1m rate=0r/s": 'invalid rate "rate=0r/s"',
        "$a zone=a:1m rate=1r/h": 'invalid rate "rate=1r/h"',
        "$a zone=a:1m rate": 'invalid parameter "rate"', "$a zone": 'invalid parameter "zone"',
        "$a zone=a:32767 rate=1r/s": 'zone "zone=a:32767" is too small',
        "$a zone=a:1m rate=r/s": 'invalid rate "rate=r/s"',
        "$a zone=a:1m rate=1r": 'invalid rate "rate=1r"',
        "$a zone=a:1m rate=1/s": 'invalid rate "rate=1/s"',
        "$a zone=a:1m rate=x": 'invalid rate "rate=x"',
        "$a zone=:1m rate=1r/s": '"limit_req_zone" must have "zone" parameter',
        "$a zone=a:b:1m rate=1r/s": 'invalid zone size "zone=a:b:1m"',
        "$a zone=a:1m burst=5": 'invalid parameter "burst=5"',
        "$a zone=a:1m rate=": 'invalid rate "rate="',
        "$a zone= rate=1r/s": 'invalid zone size "zone="',
        "$a zone=a: rate=1r/s": 'invalid zone size "zone=a:"',
        "$a zone=a:1g rate=1r/s": 'invalid zone size "zone=a:1g"',
        "$a rates=1 zone=a:1m": 'invalid parameter "rates=1"',
    },
    "limit_conn_zone": {
        "$a zone=a:1m rate=1r/s": 'invalid parameter "rate=1r/s"',
        "$a zone=a:1k": 'zone "zone=a:1k" is too small',
        "$a zone=:1m": '"limit_conn_zone" must have "zone" parameter',
        "$a zone=a:32767": 'zone "zone=a:32767" is too small',
        "$a zone=a": 'invalid zone size "zone=a"', "$a zone=a:x": 'invalid zone size "zone=a:x"',
        "$a zones=a:1m": 'invalid parameter "zones=a:1m"', "$a zone": 'invalid parameter "zone"',
        "$a rate=1r/s": 'invalid parameter "rate=1r/s"',
    },
    "limit_conn": {
        "a 0": 'invalid number of connections "0"', "a x": 'invalid number of connections "x"',
        "a 65536": "connection limit must be less 65536",
        "a 1k": 'invalid number of connections "1k"', "a -1": 'invalid number of connections "-1"',
    },
    "zone": {
        "a 31k": 'zone "a" is too small', "a x": 'invalid zone size "x"',
        "'' 1m": 'invalid zone name ""', "a 32767": 'zone "a" is too small',
        "'' ": 'invalid zone name ""', "a 1g": 'invalid zone size "1g"',
        "a ''": 'invalid zone size ""',
    },
    "open_file_cache": {
        "max=0": 'invalid "open_file_cache" parameter "max=0"',
        "max": 'invalid "open_file_cache" parameter "max"',
        "inactive=20s": '"open_file_cache" must have the "max" parameter',
        "max=9 off=1": 'invalid "open_file_cache" parameter "off=1"',
        "max=9 valid=1m": 'invalid "open_file_cache" parameter "valid=1m"',
        "max=9 inactive=x": 'invalid "open_file_cache" parameter "inactive=x"',
        "on": 'invalid "open_file_cache" parameter "on"',
        "max=x": 'invalid "open_file_cache" parameter "max=x"',
        "max=": 'invalid "open_file_cache" parameter "max="',
        "max=1 inactive=": 'invalid "open_file_cache" parameter "inactive="',
        "max=1 inactive=1ms": 'invalid "open_file_cache" parameter "inactive=1ms"',
        "max=1 min_uses=1": 'invalid "open_file_cache" parameter "min_uses=1"',
    },
    "open_log_file_cache": {
        "inactive=20s": '"open_log_file_cache" must have "max" parameter',
        "max=9 min_uses=x": 'invalid "open_log_file_cache" parameter "min_uses=x"',
        "max=9 valid=x": 'invalid "open_log_file_cache" parameter "valid=x"',
        "max=0": 'invalid "open_log_file_cache" parameter "max=0"',
        "max=x": 'invalid "open_log_file_cache" parameter "max=x"',
        "max=9 inactive=x": 'invalid "open_log_file_cache" parameter "inactive=x"',
        "max=9 inactive=1ms": 'invalid "open_log_file_cache" parameter "inactive=1ms"',
        "min_uses=1": '"open_log_file_cache" must have "max" parameter',
        "max=9 valid=1ms": 'invalid "open_log_file_cache" parameter "valid=1ms"',
        "max=9 min_uses=-1": 'invalid "open_log_file_cache" parameter "min_uses=-1"',
        "on": 'invalid "open_log_file_cache" parameter "on"',
        "max=9 foo": 'invalid "open_log_file_cache" parameter "foo"',
        "valid=1s min_uses=1": '"open_log_file_cache" must have "max" parameter',
    },
    "ssl_session_cache": {
        "on": 'invalid session cache "on"', "shared": 'invalid session cache "shared"',
        "shared:a": 'invalid session cache "shared:a"',
        "shared::1m": 'invalid session cache "shared::1m"',
        "shared:a:31k": 'session cache "shared:a:31k" is too small',
        "builtin:x": 'invalid session cache "builtin:x"',
        "off shared:a:x": 'invalid session cache "shared:a:x"',
        "share:a:1m": 'invalid session cache "share:a:1m"',
        "shared:a:32767": 'session cache "shared:a:32767" is too small',
        "shared:a:1g": 'invalid session cache "shared:a:1g"',
        "builtin:": 'invalid session cache "builtin:"',
        "builtin:1k": 'invalid session cache "builtin:1k"',
        "shared:a:": 'invalid session cache "shared:a:"',
        "shared::": 'invalid session cache "shared::"', "OFF": 'invalid session cache "OFF"',
        "off on": 'invalid session cache "on"',
        "shared:a:b:1m": 'invalid session cache "shared:a:b:1m"',
        "on off": 'invalid session cache "on"', "off:a": 'invalid session cache "off:a"',
    },
    "ssl_ocsp_cache": {
        "on": 'invalid OCSP cache "on"', "shared:a": 'invalid OCSP cache "shared:a"',
        "shared:a:31k": 'OCSP cache "shared:a:31k" is too small',
        "shared:a:x": 'invalid OCSP cache "shared:a:x"',
        "shared:a:32767": 'OCSP cache "shared:a:32767" is too small',
        "shared:a:": 'invalid OCSP cache "shared:a:"',
        "shared::1m": 'invalid OCSP cache "shared::1m"', "shared": 'invalid OCSP cache "shared"',
        "none": 'invalid OCSP cache "none"', "builtin": 'invalid OCSP cache "builtin"',
        "shared:a:1m:2": 'invalid OCSP cache "shared:a:1m:2"',
        "shared:a:b": 'invalid OCSP cache "shared:a:b"',
    },
    "proxy_cache_valid": {
        "soon": 'invalid time value "soon"', "200 soon": 'invalid time value "soon"',
        "99 1m": 'invalid status "99"', "600 1m": 'invalid status "600"',
        "all 1m": 'invalid status "all"', "any 404 x 1m": 'invalid status "x"',
        "200 1ms": 'invalid time value "1ms"', "0 1m": 'invalid status "0"',
        "1m 1m": 'invalid status "1m"', "any": 'invalid time value "any"',
        "2xx 1m": 'invalid status "2xx"', "x": 'invalid time value "x"',
        "200 -1": 'invalid time value "-1"', "ANY 1m": 'invalid status "ANY"',
    },
    "proxy_cache_path": {
        "cache levels=1:2": '"proxy_cache_path" must have "keys_zone" parameter',
        "cache keys_zone=a": 'invalid keys zone size "keys_zone=a"',
        "cache keys_zone=a:x": 'invalid keys zone size "keys_zone=a:x"',
        "cache keys_zone=a:8191": 'keys zone "keys_zone=a:8191" is too small',
        "cache keys_zone=a:1m levels=3": 'invalid "levels" "levels=3"',
        "cache keys_zone=a:1m size=1g": 'invalid parameter "size=1g"',
        "cache keys_zone=a:1m levels=1:2:2:2": 'invalid "levels" "levels=1:2:2:2"',
        "cache keys_zone=a:1m levels": 'invalid parameter "levels"',
        "cache keys_zone=a:1m use_temp_path=no":
            'invalid use_temp_path value "use_temp_path=no", it must be "on" or "off"',
        "cache keys_zone=:1m": '"proxy_cache_path" must have "keys_zone" parameter',
        "cache keys_zone=a:1m inactive=1ms": 'invalid inactive value "inactive=1ms"',
        "cache keys_zone": 'invalid parameter "keys_zone"',
        "cache keys_zone=a:1m max_size=big": 'invalid max_size value "max_size=big"',
        "cache keys_zone=a:1m min_free=big": 'invalid min_free value "min_free=big"',
        "cache keys_zone=a:1m loader_files=1k": 'invalid loader_files value "loader_files=1k"',
        "cache keys_zone=a:1m loader_sleep=x": 'invalid loader_sleep value "loader_sleep=x"',
        "cache keys_zone=a:1m loader_threshold=x":
            'invalid loader_threshold value "loader_threshold=x"',
        "cache keys_zone=a:1m manager_files=1k": 'invalid manager_files value "manager_files=1k"',
        "cache keys_zone=a:1m manager_sleep=x": 'invalid manager_sleep value "manager_sleep=x"',
        "cache keys_zone=a:1m manager_threshold=x":
            'invalid manager_threshold value "manager_threshold=x"',
        "cache keys_zone=a:b:1m": 'invalid keys zone size "keys_zone=a:b:1m"',
        "cache keys_zone=a:1m levels=0": 'invalid "levels" "levels=0"',
        "cache keys_zone=a:1m levels=1:": 'invalid "levels" "levels=1:"',
        "cache keys_zone=a:1m levels=12": 'invalid "levels" "levels=12"',
        "cache keys_zone=a:1m levels=1:3": 'invalid "levels" "levels=1:3"',
        "cache keys_zone=a:1m levels=1-2": 'invalid "levels" "levels=1-2"',
        "cache keys_zone=a:1m inactive=": 'invalid inactive value "inactive="',
        "cache keys_zone=a:1m max_size=": 'invalid max_size value "max_size="',
        "cache keys_zone=a:1m min_free=": 'invalid min_free value "min_free="',
        "cache keys_zone=a:1m loader_files=": 'invalid loader_files value "loader_files="',
        "cache keys_zone=a:1m loader_sleep=": 'invalid loader_sleep value "loader_sleep="',
        "cache keys_zone=a:1m loader_sleep=1y": 'invalid loader_sleep value "loader_sleep=1y"',
        "cache keys_zone=a:1m manager_files=x": 'invalid manager_files value "manager_files=x"',
        "cache keys_zone=a:1m manager_threshold=":
            'invalid manager_threshold value "manager_threshold="',
        "cache keys_zone=a:1m use_temp_path=":
            'invalid use_temp_path value "use_temp_path=", it must be "on" or "off"',
        "cache keys_zone=a:1m use_temp_path=ON":
            'invalid use_temp_path value "use_temp_path=ON", it must be "on" or "off"',
        "cache keys_zone=a:1m inactive": 'invalid parameter "inactive"',
        "cache keys_zone=a:1m max_size": 'invalid parameter "max_size"',
        "cache keys_zone=a:1m purger=on": 'invalid parameter "purger=on"',
        "cache keys_zone=a:": 'invalid keys zone size "keys_zone=a:"',
        "cache keys_zone=": 'invalid keys zone size "keys_zone="',
        "cache foo=a": 'invalid parameter "foo=a"',
    },
    "access_log": {
        "off combined": 'invalid parameter "combined"',
        "a.log combined buffer=0": 'invalid buffer size "0"',
        "a.log combined buffer=x": 'invalid buffer size "x"',
        "a.log combined buffer=1k flush=x": 'invalid flush time "x"',
        "a.log combined buffer=1k flush=0": 'invalid flush time "0"',
        "a.log combined flush=5s": 'no buffer is defined for access_log "a.log"',
        "a.log combined gzip=0": 'invalid compression level "0"',
        "a.log combined gzip=10": 'invalid compression level "10"',
        "a.log combined gzip=x": 'invalid compression level "x"',
        "a.log combined zip": 'invalid parameter "zip"',
        "a.log combined if": 'invalid parameter "if"',
        "$host combined gzip": "buffered logs cannot have variables in name",
        "syslog:server=127.0.0.1,facility=local8": 'unknown syslog facility "local8"',
        "syslog:server=127.0.0.1,severity=loud": 'unknown syslog severity "loud"',
        "syslog:host=127.0.0.1": 'unknown syslog parameter "host=127.0.0.1"',
        "syslog:server=127.0.0.1,tag": 'unknown syslog parameter "tag"',
        "$host combined buffer=1k": "buffered logs cannot have variables in name",
        "off off": 'invalid parameter "off"', "a.log combined buffer=": 'invalid buffer size ""',
        "a.log combined buffer": 'invalid parameter "buffer"',
        "a.log combined flush": 'invalid parameter "flush"',
        "a.log combined buffer=1k flush=": 'invalid flush time ""',
        "a.log combined gzip=": 'invalid compression level ""',
        "a.log combined gzip=0000000010": 'invalid compression level "0000000010"',
        "a.log combined gzips": 'invalid parameter "gzips"',
        "a.log combined ifs=$a": 'invalid parameter "ifs=$a"',
        "$host combined flush=5s": 'no buffer is defined for access_log "$host"',
        "a.log combined flush=5s if=$a": 'no buffer is defined for access_log "a.log"',
        "a.log combined buffer=1g": 'invalid buffer size "1g"',
        "syslog:": 'unknown syslog parameter ""',
        "syslog:server=127.0.0.1,facility": 'unknown syslog parameter "facility"',
        "syslog:server=127.0.0.1,severity=": 'unknown syslog severity ""',
        "syslog:server=127.0.0.1,tags=a": 'unknown syslog parameter "tags=a"',
        "syslog:server=127.0.0.1 combined buffer=1k": "logs to syslog cannot be buffered",
        "syslog:nohostname=1,server=127.0.0.1": 'unknown syslog parameter "nohostname=1"',
        "syslog:tag=a": "no syslog server specified",
        "syslog:severity=info": "no syslog server specified",
        "syslog:server=127.0.0.1,tag=a-b":
            'syslog "tag" only allows alphanumeric characters and underscore',
        "syslog:server=127.0.0.1,facility=ALERT": 'unknown syslog facility "ALERT"',
    },
    "error_log": {
        "a.log loud": 'invalid log level "loud"', "a.log combined": 'invalid log level "combined"',
        "syslog:server=127.0.0.1,severity=loud": 'unknown syslog severity "loud"',
        "a.log warn loud": 'invalid log level "loud"',
        "a.log debug_mine": 'invalid log level "debug_mine"',
        "a.log DEBUG": 'invalid log level "DEBUG"',
        "a.log info debug_http": 'invalid log level "debug_http"',
        "syslog:server=127.0.0.1 loud": 'invalid log level "loud"',
        "syslog:server=127.0.0.1,facility=x": 'unknown syslog facility "x"',
        "syslog:x=1": 'unknown syslog parameter "x=1"',
        "a.log warn info": 'duplicate log level "info"',
    },
    "log_format": {
        "a escape=html b": 'unknown log format escaping "html"',
        "a escape=": 'unknown log format escaping ""',
        "a escape=JSON b": 'unknown log format escaping "JSON"',
    },
    "fastcgi_cache_valid": {"soon": 'invalid time value "soon"'},
    "scgi_cache_valid": {"soon": 'invalid time value "soon"'},
    "uwsgi_cache_valid": {"soon": 'invalid time value "soon"'},
    "fastcgi_cache_path": {"cache keys_zone=a": 'invalid keys zone size "keys_zone=a"'},
    "scgi_cache_path": {"cache keys_zone=a": 'invalid keys zone size "keys_zone=a"'},
    "uwsgi_cache_path": {"cache keys_zone=a": 'invalid keys zone size "keys_zone=a"'},
}  # fmt: skip
"""Words that it refuses, and its complaint."""


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_taken(name: str) -> None:
    assert {line: why for line in TAKEN[name] if (why := unfit(name, line))} == {}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str) -> None:
    assert {line: unfit(name, line) for line in REFUSED[name]} == REFUSED[name]


@pytest.mark.parametrize(
    ("parameter", "known"),
    [
        (
            "facility",
            ("kern user mail daemon auth intern lpr news uucp clock authpriv ftp ntp audit alert "
             "cron local0 local1 local2 local3 local4 local5 local6 local7"),
        ),
        ("severity", "emerg alert crit error warn notice info debug"),
    ],
)  # fmt: skip
def test_what_syslog_knows(parameter: str, known: str) -> None:
    """By nginx's documentation of logging to syslog."""
    server = "syslog:server=127.0.0.1"
    for name in known.split():
        for directive in ("access_log", "error_log"):
            assert not unfit(directive, f"{server},{parameter}={name}"), name
            said = f'unknown syslog {parameter} "{name}_"'
            assert unfit(directive, f"{server},{parameter}={name}_") == said


def test_levels_of_the_error_log() -> None:
    """By nginx's documentation; the parts of debugging by its source, ``ngx_log.c``."""
    for level in ["debug", "info", "notice", "warn", "error", "crit", "alert", "emerg"]:
        assert not unfit("error_log", f"a.log {level}")
        assert unfit("error_log", f"a.log {level}_") == f'invalid log level "{level}_"'
    parts = ["core", "alloc", "mutex", "event", "http", "mail", "stream"]
    for part in parts:
        assert not unfit("error_log", f"a.log debug_{part}")
        assert unfit("error_log", f"a.log debug_{part}_") == f'invalid log level "debug_{part}_"'
    assert not unfit("error_log", "a.log " + " ".join(f"debug_{part}" for part in parts))
