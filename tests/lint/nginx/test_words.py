"""The words of directives that have a grammar of their own: what is taken, and what is not."""

from __future__ import annotations

import shlex

import pytest

from seventh.lint.nginx import parameters, values
from seventh.lint.nginx.directives import Version, directives, version_of

OLD = (1, 22, 1)
"""The version that tests/peers hold these against, in tests/peers/test_nginx_values.py."""

TAKEN: dict[str, tuple[str, ...]] = {
    "allow": ("all", "unix:", "10.0.0.1", "10.1.2.3/8", "::1", "2001:db8::/32"),
    "deny": ("all",),
    "resolver": (
        "127.0.0.1", "127.0.0.1:53 [::1]:5353", "127.0.0.1 valid=30s ipv6=off",
        "127.0.0.1 ipv6=on",
    ),
    "server": (
        "127.0.0.1", "127.0.0.1:1", "127.0.0.1:65535", "[::1]:80", "[::1]", "unix:/run/a",
        "127.0.0.1 weight=1 max_conns=0 max_fails=0 fail_timeout=5s", "127.0.0.1 down",
    ),
    "proxy_pass": (
        "http://127.0.0.1", "HTTPS://127.0.0.1:8443", "http://127.0.0.1:80/a:b", "$there",
        "http://127.0.0.1?a=b:c", "http://unix:/run/a:/path",
    ),
    "fastcgi_pass": ("127.0.0.1:9000", "unix:/run/a", "[::1]:9000"),
    "grpc_pass": ("127.0.0.1:9000", "grpc://127.0.0.1:9000", "grpcs://127.0.0.1:9000"),
    "uwsgi_pass": ("127.0.0.1:9000", "uwsgi://127.0.0.1:9000", "suwsgi://127.0.0.1:9000"),
    "scgi_pass": ("127.0.0.1:9000",),
    "memcached_pass": ("127.0.0.1:11211",),
    "proxy_bind": (
        "off", "$remote_addr", "127.0.0.1", "127.0.0.1:1", "127.0.0.1:65535", "::1", "[::1]:80",
        "127.0.0.1 transparent",
    ),
    "memcached_bind": ("127.0.0.1",),
    "grpc_bind": ("127.0.0.1",),
    "return": ("0", "99", "404", "999 text", "http://a/", "https://a/", "$scheme://a/", "301 /a"),
    "rewrite": ("^ /a", "^/(a|b)$ /c last", "^ /a break", "^ /a redirect", "^ /a permanent"),
    "error_page": (
        "404 /a", "300 599 /a", "404 = /a", "404 =200 /a", "404 =0 /a", "404 498 /a", "404 =",
    ),
    "try_files": ("$uri =404", "$uri =999", "$uri =0", "$uri /a"),
    "add_header": ("A b", "A b always"),
    "add_trailer": ("A b", "A b always"),
    "fastcgi_param": ("A b", "A b if_not_empty"),
    "expires": (
        "epoch", "max", "off", "$a", "1h", "-1", "+1h", "@0h", "@24h", "modified 1h",
        "modified +1h", "modified -1h", "modified $a",
    ),
    "limit_req": ("zone=a", "zone=a burst=1 nodelay", "zone=a delay=1 burst=5"),
    "limit_req_zone": ("$a zone=a:32k rate=1r/s", "$a zone=a:1m rate=30r/m", "$a zone=a:1m rate=5"),
    "limit_conn_zone": ("$a zone=a:32k",),
    "limit_conn": ("a 1", "a 65535"),
    "zone": ("a 32k", "a"),
    "open_file_cache": ("off", "max=1", "max=9 inactive=20s"),
    "open_log_file_cache": ("off", "max=9 inactive=20s valid=1m min_uses=0"),
    "ssl_session_cache": (
        "off", "none", "builtin", "builtin:9", "shared:a:32k", "builtin:9 shared:a:1m",
    ),
    "ssl_ocsp_cache": ("off", "shared:a:32k"),
    "proxy_cache_valid": ("1m", "any 1m", "200 302 10m", "100 599 1h", "404 0"),
    "proxy_cache_path": (
        "cache keys_zone=a:8k",
        "cache levels=1:2 keys_zone=a:1m inactive=1d max_size=1g min_free=1m",
        "cache levels=2 keys_zone=a:1m use_temp_path=off loader_files=9 loader_sleep=50ms",
        "cache levels=1:1:1 keys_zone=a:1m use_temp_path=on manager_files=9 manager_sleep=50ms",
        "cache keys_zone=a:1m loader_threshold=200ms manager_threshold=200ms",
    ),
    "access_log": (
        "off", "a.log", "a.log combined", "a.log combined buffer=1k flush=5s",
        "a.log combined gzip",
        "a.log combined gzip=9 flush=1m", "a.log combined gzip=1", "a.log combined if=$a",
        "syslog:server=127.0.0.1", "$host combined",
        "syslog:server=127.0.0.1,facility=local7,tag=a,severity=info,nohostname",
    ),
    "error_log": (
        "a.log", "a.log warn", "a.log debug_http", "syslog:server=127.0.0.1,severity=alert info",
    ),
    "log_format": ("a b", "a escape=json b", "a escape=default b", "a escape=none b"),
    "server_name": (
        "a.example", "*.a.example", "www.a.*", ".a.example", "a.*.example", "~^(a|b)$", "_", "''",
    ),
    "keepalive_timeout": ("1s", "1s 2s"),
    "keepalive": ("4",),
    "hash": ("$a", "$a consistent"),
    "random": ("two", "two least_conn"),
    "set": ("$a b", "$a ''", "$args b", "$limit_rate 1k"),
    "auth_request_set": ("$a $b",),
    "dav_access": ("user:rw", "user:rw group:r all:r"),
    "proxy_store_access": ("user:rw group:rw all:r",),
    "root": ("/a", "/a$host"),
    "alias": ("/a",),
    "worker_priority": ("5", "-5"),
    "worker_cpu_affinity": ("auto", "auto 0101", "01 10"),
    "thread_pool": ("a threads=1", "a threads=4 max_queue=0"),
    "aio": ("on", "off", "threads", "threads=a"),
    "disable_symlinks": ("on", "off", "if_not_owner", "on from=$document_root"),
    "userid_mark": ("off", "a", "Z", "9", "="),
    "valid_referers": (
        "a.example", "none blocked a.example", "*.a.example", "a.*", "a.example.*/x", "~a",
    ),
    "fastcgi_split_path_info": ("^(.+?\\.php)(/.*)$",),
    "proxy_redirect": ("off", "default", "/a /b", "~^/(a|b) /$1"),
    "proxy_cookie_domain": ("off", "a b", "~(a) $1"),
    "proxy_cookie_path": ("off", "/a /b"),
    # what the table of directives tells alone
    "client_max_body_size": ("0", "1g", "9223372036854775807", "8589934591G"),
    "client_body_timeout": ("0", "1h30m", "106751991167d", "9223372036854775807ms"),
    "connection_pool_size": ("112", "128", "1k"),
    "directio": ("off", "1g"),
    "gzip_buffers": ("1 1", "32 4k"),
    "gzip_comp_level": ("1", "9"),
    "gzip_hash": ("512", "1k", "128k"),
    "gzip_proxied": ("any", "expired NO-CACHE"),
    "http2_chunk_size": ("1",),
    "http2_recv_buffer_size": ("33",),
    "http2_streams_index_size": ("32",),
    "keepalive_requests": ("0", "9223372036854775807"),
    "limit_conn_status": ("400", "599"),
    "modern_browser": ("unlisted", "msie 5.5"),
    "ssl_session_timeout": ("0", "1y", "'1y 1M 1w 1d 1h 1m 1s'"),
    "userid_expires": ("max", "off", "1y"),
    "uwsgi_modifier1": ("0", "255"),
    "worker_processes": ("auto", "4"),
}  # fmt: skip

REFUSED: dict[str, dict[str, str]] = {
    "allow": {
        "10.0.0": "invalid parameter", "10.0.0.0/33": "invalid parameter", "a.example": "invalid",
        "fe80::1%eth0": "invalid parameter", "10.0.0.0/8/8": "invalid parameter", "any": "invalid",
    },
    "deny": {"10.0.0.1-9": "invalid parameter"},
    "resolver": {
        "valid=5s": "no name servers", "127.0.0.1 ipv6=maybe": "invalid parameter: ipv6=maybe",
        "127.0.0.1 valid=": "invalid parameter: valid=", "127.0.0.1:0": "invalid port in resolver",
        "127.0.0.1 timeout=5s": "invalid parameter: timeout=5s", "127.0.0.1 ipv4=off": "ipv4=off",
        "127.0.0.1 status_zone=a": "status_zone=a",
    },
    "server": {
        "127.0.0.1:0": "invalid port", "127.0.0.1:65536": "invalid port", "127.0.0.1:": "port",
        "http://127.0.0.1": "invalid host", "127.0.0.1/a": "invalid host", ":80": "no host",
        "127.0.0.1:80/a": "invalid host", "unix:": "no path", "[::1": "invalid host",
        "[a]:80": "invalid IPv6", "127.0.0.1 weight=0": "weight=0", "127.0.0.1 down=1": "down=1",
        "127.0.0.1 max_conns=": "max_conns=", "127.0.0.1 backups": "backups",
        "127.0.0.1 drain": "drain", "127.0.0.1 slow_start=5s": "slow_start", "[::1]:": "port",
        "127.0.0.1 route=a": "route=a", "127.0.0.1 service=a": "service=a",
    },
    "proxy_pass": {
        "127.0.0.1:80": "invalid URL prefix", "ftp://127.0.0.1": "invalid URL prefix",
        "http://127.0.0.1:99999": "invalid port", "http://:80": "no host", "http://": "no host",
        "http://unix:": "no path", "http://127.0.0.1:/a": "invalid port",
    },
    "fastcgi_pass": {"127.0.0.1:0": "invalid port", "127.0.0.1:9000/a": "invalid host"},
    "grpc_pass": {"http://127.0.0.1:80": "invalid host", "grpc://127.0.0.1:x": "invalid port"},
    "uwsgi_pass": {"suwsgi://127.0.0.1:x": "invalid port"},
    "scgi_pass": {"127.0.0.1:x": "invalid port"},
    "memcached_pass": {"127.0.0.1:x": "invalid port"},
    "proxy_bind": {
        "a": 'invalid address "a"', "127.0.0.1:x": "invalid address", "[::1]:x": "invalid address",
        "127.0.0.1 opaque": 'invalid parameter "opaque"', "127.0.0": "invalid address",
        "127.0.0.1:0": "invalid address", "127.0.0.1:65536": "invalid address",
        "[::1]": "invalid address", "off transparent": 'invalid address "off"',
    },
    "memcached_bind": {"a": "invalid address"},
    "grpc_bind": {"a": "invalid address"},
    "return": {
        "4o4": "invalid return code", "1000": "invalid return code", "/a": "invalid return code",
        "ftp://a": "invalid return code", "http://a b": "invalid return code", "-1": "invalid",
    },
    "rewrite": {"^ /a end": 'invalid parameter "end"', "( /a": "missing closing parenthesis"},
    "error_page": {
        "299 /a": "between 300 and 599", "600 /a": "between 300 and 599", "499 /a": "invalid value",
        "4o4 /a": 'invalid value "4o4"', "404 =x /a": 'invalid value "=x"', "=200 /a": "invalid",
        "404 =200 /a /b": 'invalid value "=200"', "200 404 /a": "between 300 and 599",
    },
    "try_files": {
        "$uri =1000": "invalid code", "$uri =x": "invalid code", "$uri =": "invalid code",
    },
    "add_header": {"A b alway": 'invalid parameter "alway"'},
    "add_trailer": {"A b alway": 'invalid parameter "alway"'},
    "fastcgi_param": {"A b if_empty": 'invalid parameter "if_empty"'},
    "expires": {
        "soon": "invalid value", "@24h1s": "less than 24 hours", "@x": "invalid value",
        "modified off": "invalid value", "modified max": "invalid value", "1h 1h": "invalid value",
        "modified @1h": "invalid value", "--1": "invalid value",
    },
    "limit_req": {
        "burst=5": 'must have "zone"', "zone=a burst=0": "invalid burst", "zone=a burst=x": "burst",
        "zone=a delay=0": "invalid delay", "zone=a nodelays": "nodelays", "zone": '"zone"',
        "zone=a burst": 'invalid parameter "burst"', "zone=a rate=1r/s": "rate=1r/s",
    },
    "limit_req_zone": {
        "$a rate=1r/s": 'must have "zone"', "$a zone=a:31k rate=1r/s": "too small",
        "$a zone=a rate=1r/s": "invalid zone size", "$a zone=a:x rate=1r/s": "invalid zone size",
        "$a zone=a:1m rate=0r/s": "invalid rate", "$a zone=a:1m rate=1r/h": "invalid rate",
        "$a zone=a:1m rate": "invalid parameter", "$a zone": "invalid parameter",
    },
    "limit_conn_zone": {
        "$a zone=a:1m rate=1r/s": "invalid parameter", "$a zone=a:1k": "too small",
        "$a zone=:1m": 'must have "zone"',
    },
    "limit_conn": {"a 0": "invalid number", "a x": "invalid number", "a 65536": "less 65536"},
    "zone": {"a 31k": "too small", "a x": "invalid zone size", "'' 1m": "invalid zone name"},
    "open_file_cache": {
        "max=0": "max=0", "max": '"max"', "inactive=20s": 'must have the "max"',
        "max=9 off=1": "off=1",
        "max=9 valid=1m": "valid=1m", "max=9 inactive=x": "inactive=x", "on": 'parameter "on"',
    },
    "open_log_file_cache": {
        "inactive=20s": 'must have "max"', "max=9 min_uses=x": "min_uses",
        "max=9 valid=x": "valid=x",
    },
    "ssl_session_cache": {
        "on": "invalid session cache", "shared": "invalid session cache",
        "shared:a": "invalid session cache", "shared::1m": "invalid session cache",
        "shared:a:31k": "too small", "builtin:x": "invalid session cache",
        "off shared:a:x": "invalid session cache", "share:a:1m": "invalid session cache",
    },
    "ssl_ocsp_cache": {
        "on": "invalid OCSP cache", "shared:a": "invalid OCSP", "shared:a:31k": "too small",
        "shared:a:x": "invalid OCSP",
    },
    "proxy_cache_valid": {
        "soon": "invalid time value", "200 soon": "invalid time value",
        "99 1m": "invalid status", "600 1m": "invalid status", "all 1m": 'invalid status "all"',
        "any 404 x 1m": 'invalid status "x"',
    },
    "proxy_cache_path": {
        "cache levels=1:2": 'must have "keys_zone"', "cache keys_zone=a": "invalid keys zone size",
        "cache keys_zone=a:x": "invalid keys zone size", "cache keys_zone=a:8191": "too small",
        "cache keys_zone=a:1m levels=3": "invalid levels",
        "cache keys_zone=a:1m size=1g": "size=1g",
        "cache keys_zone=a:1m levels=1:2:2:2": "invalid levels",
        "cache keys_zone=a:1m levels": "levels",
        "cache keys_zone=a:1m use_temp_path=no": "use_temp_path",
        "cache keys_zone=:1m": "keys_zone",
        "cache keys_zone=a:1m inactive=1ms": "invalid inactive", "cache keys_zone": "keys_zone",
        "cache keys_zone=a:1m max_size=big": "invalid max_size",
        "cache keys_zone=a:1m min_free=big": "invalid min_free",
        "cache keys_zone=a:1m loader_files=1k": "invalid loader_files",
        "cache keys_zone=a:1m loader_sleep=x": "invalid loader_sleep",
        "cache keys_zone=a:1m loader_threshold=x": "invalid loader_threshold",
        "cache keys_zone=a:1m manager_files=1k": "invalid manager_files",
        "cache keys_zone=a:1m manager_sleep=x": "invalid manager_sleep",
        "cache keys_zone=a:1m manager_threshold=x": "invalid manager_threshold",
    },
    "access_log": {
        "off combined": 'invalid parameter "combined"',
        "a.log combined buffer=0": "invalid buffer size",
        "a.log combined buffer=x": "invalid buffer size",
        "a.log combined buffer=1k flush=x": "flush time",
        "a.log combined buffer=1k flush=0": "invalid flush time",
        "a.log combined flush=5s": "no buffer",
        "a.log combined gzip=0": "compression level", "a.log combined gzip=10": "compression level",
        "a.log combined gzip=x": "compression level",
        "a.log combined zip": 'invalid parameter "zip"',
        "a.log combined if": 'invalid parameter "if"',
        "$host combined gzip": "cannot have variables",
        "syslog:server=127.0.0.1,facility=local8": 'unknown syslog facility "local8"',
        "syslog:server=127.0.0.1,severity=loud": 'unknown syslog severity "loud"',
        "syslog:host=127.0.0.1": 'unknown syslog parameter "host=127.0.0.1"',
        "syslog:server=127.0.0.1,tag": 'unknown syslog parameter "tag"',
        "$host combined buffer=1k": "cannot have variables",
    },
    "error_log": {
        "a.log loud": 'invalid log level "loud"', "a.log combined": "invalid log level",
        "syslog:server=127.0.0.1,severity=loud": 'unknown syslog severity "loud"',
    },
    "log_format": {"a escape=html b": 'unknown log format escaping "html"'},
    "server_name": {
        "*a.example": "is invalid", "*": "is invalid", "*.": "is invalid", ".": "is invalid",
        "a.example *b": "is invalid", "~(": "missing closing parenthesis",
    },
    "keepalive_timeout": {"1s x": "invalid value", "1s 2ms": "invalid value"},
    "keepalive": {"4 local": "invalid number of arguments"},
    "hash": {"$a consistant": 'invalid parameter "consistant"'},
    "random": {"one": 'invalid parameter "one"', "two least": 'invalid parameter "least"'},
    "set": {
        "a b": 'invalid variable name "a"', "$ b": 'invalid variable name "$"',
        "$host b": 'the duplicate "host" variable', "$HOST b": 'the duplicate "HOST" variable',
    },
    "auth_request_set": {"a $b": 'invalid variable name "a"'},
    "dav_access": {"user:w": 'invalid value "user:w"', "user:rw other:r": "other:r"},
    "proxy_store_access": {"owner:rw": 'invalid value "owner:rw"'},
    "root": {
        "$document_root/a": "$document_root variable", "${document_root}/a": "$document_root",
        "$realpath_root": "$realpath_root variable", "$document_roots": "$document_root variable",
    },
    "alias": {"$document_root/a": '"alias" directive'},
    "worker_priority": {"x": "invalid number", "--5": "invalid number"},
    "worker_cpu_affinity": {"auto 2": 'invalid character "2"', "01 0x": 'invalid character "x"'},
    "thread_pool": {
        "a max_queue=5": 'must have "threads"', "a threads=0": "invalid threads value",
        "a threads=4 max_queue=x": "invalid max_queue value",
    },
    "aio": {"thread": "invalid value"},
    "disable_symlinks": {"yes": 'invalid parameter "yes"', "on form=/a": "form=/a"},
    "userid_mark": {"ab": "single letter", "-": "single letter"},
    "valid_referers": {
        "none": "without any valid referer", "none blocked": "without any valid referer",
        "*a.example": "invalid hostname or wildcard", "a.*.b": "invalid hostname or wildcard",
        "~(": "missing closing parenthesis", "a.b*": "invalid hostname or wildcard",
    },
    "fastcgi_split_path_info": {
        "^(.+)$": "must have 2 captures", "(": "missing closing parenthesis",
        "^(?:a)(b)$": "must have 2 captures",
    },
    "proxy_redirect": {"/a": 'invalid parameter "/a"', "~( /a": "missing closing parenthesis"},
    "proxy_cookie_domain": {"a": 'invalid parameter "a"'},
    "proxy_cookie_path": {"/a": 'invalid parameter "/a"'},
    "client_max_body_size": {
        "9223372036854775808": "invalid value", "8589934592g": "invalid value",
        "1t": "invalid value", "64mb": "invalid value", "-1": "invalid value",
    },
    "client_body_timeout": {
        "106751991168d": "invalid value", "1y": "invalid value", "1M": "invalid value",
        "1s1s": "invalid value", "1m1h": "invalid value", "1.5s": "invalid value",
    },
    "connection_pool_size": {
        "x": '"connection_pool_size" directive invalid value', "111": "no less than 112",
        "120": "multiple of 16",
    },
    "directio": {"on": '"directio" directive invalid value'},
    "gzip_buffers": {"0 4k": "invalid value", "4 0": "invalid value", "4 x": "invalid value"},
    "gzip_comp_level": {
        "0": "must be between 1 and 9", "10": "must be between 1 and 9", "1k": "invalid number",
    },
    "gzip_hash": {"256": "must be 512, 1k, 2k", "3k": "must be 512, 1k", "256k": "must be 512, 1k"},
    "gzip_proxied": {"any cached": 'invalid value "cached" in "gzip_proxied" directive'},
    "http2_chunk_size": {"0": "equal to or greater than 1", "x": "invalid value"},
    "http2_recv_buffer_size": {"32": "equal to or greater than 33"},
    "http2_streams_index_size": {"1k": "invalid number"},
    "keepalive_requests": {"9223372036854775808": "invalid number", "-1": "invalid number"},
    "limit_conn_status": {"399": "between 400 and 599", "600": "between 400 and 599"},
    "modern_browser": {"chrome": 'invalid value "chrome" in "modern_browser" directive'},
    "ssl_session_timeout": {"1ms": "invalid value", "'1m 1h'": "invalid", "'1s 1m'": "invalid"},
    "userid_expires": {"min": "invalid value"},
    "uwsgi_modifier1": {"256": "between 0 and 255"},
    "worker_processes": {"some": '"worker_processes" directive invalid value'},
}  # fmt: skip
NEWER = {
    "resolver": {"127.0.0.1 ipv4=off": "1.23.1", "127.0.0.1 status_zone=a": "1.27.3"},
    "server": {"127.0.0.1 resolve service=a": "1.27.3", "127.0.0.1 drain route=a": "1.29.6"},
    "keepalive": {"4 local": "1.29.7"},
}


def unfit(name: str, line: str, version: Version = OLD) -> str:
    words = tuple(shlex.split(line.replace("\\", "\\\\")))
    by_table = values.unfit(name, directives()[name], words)
    return by_table or parameters.unfit(name, words, version) or ""


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_taken(name: str) -> None:
    assert {line: why for line in TAKEN[name] if (why := unfit(name, line))} == {}


@pytest.mark.parametrize(
    ("name", "line", "why"),
    [(name, line, why) for name, lines in REFUSED.items() for line, why in lines.items()],
)
def test_what_is_refused(name: str, line: str, why: str) -> None:
    assert why in unfit(name, line)


@pytest.mark.parametrize("name", NEWER)
def test_what_a_newer_version_takes(name: str) -> None:
    for line, since in NEWER[name].items():
        assert unfit(name, line)
        assert not unfit(name, line, version_of(since))


def test_every_grammar_is_tried() -> None:
    alike = {judge: name for name, judge in parameters.JUDGES.items()}
    tried = [{parameters.JUDGES.get(name) for name in table} for table in (TAKEN, REFUSED)]
    assert [{name for judge, name in alike.items() if judge not in some} for some in tried] == [
        set(), set(),
    ]  # fmt: skip
