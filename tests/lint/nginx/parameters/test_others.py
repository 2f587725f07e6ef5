"""The other directives with a grammar of their own, as nginx takes and refuses them.

tests/peers/test_nginx_values.py holds them against nginx itself.
"""

from __future__ import annotations

import pytest

from tests.lint.nginx.parameters.judged import unfit

NO_REFERER = (
    'the "none" or "blocked" referers are specified in the "valid_referers" directive without any '
    "valid referer"
)
TAKEN: dict[str, tuple[str, ...]] = {
    "add_header": ("A b", "A b always", "A 'always' always"),
    "add_trailer": ("A b", "A b always"),
    "fastcgi_param": ("A b", "A b if_not_empty"),
    "server_name": (
        "a.example", "*.a.example", "www.a.*", ".a.example", "a.*.example", "~^(a|b)$", "_", "''",
        "a.*", "a.b*", "*.*", ".a", "~a", "*..a", "a..b", "a.*.*", "..", ".a.", "a. b", "$hostname",
        "~^(?<n>a)$",
    ),
    "keepalive_timeout": ("1s", "1s 2s", "1s 0", "1s 1y", "1ms", "1s 1M"),
    "keepalive": ("4",),
    "hash": ("$a", "$a consistent", "a"),
    "random": ("two", "two least_conn"),
    "set": (
        "$a b", "$a ''", "$args b", "$limit_rate 1k", "$1 b", "$http_x y", "$arg_x y",
        "$memcached_key y", "$invalid_referer y", "$cookie_a y", "$limit_rate y", "$args y",
        "$ARGS y",
    ),
    "auth_request_set": ("$a $b", "$args b", "$x $host"),
    "dav_access": (
        "user:rw", "user:rw group:r all:r", "user:r", "group:rw", "all:r", "group:r all:rw",
        "user:rw user:r",
    ),
    "proxy_store_access": ("user:rw group:rw all:r", "user:r"),
    "root": ("/a", "/a$host", "$Document_root", "/a/document_root"),
    "alias": ("/a",),
    "worker_priority": ("5", "-5", "0", "-0", "20", "-21"),
    "worker_cpu_affinity": ("auto", "auto 0101", "01 10", "0", "1"),
    "thread_pool": (
        "a threads=1", "a threads=4 max_queue=0", "a threads=1 foo", "a threads=1 max_queue=0",
        "a threads=2", "default threads=32", "a threads=1 threadss=x",
    ),
    "aio": ("on", "off", "threads", "threads=a", "threads=", "threads=$a"),
    "disable_symlinks": (
        "on", "off", "if_not_owner", "on from=$document_root", "on from=",
        "if_not_owner from=$document_root",
    ),
    "userid_mark": ("off", "a", "Z", "9", "=", "A", "0", "z"),
    "valid_referers": (
        "a.example", "none blocked a.example", "*.a.example", "a.*", "a.example.*/x", "~a",
        "none a", "server_names", "none server_names", "*.a", ".a", "a.*/", "NONE", "a.b/c*",
        "*.a/b", "*.a/b*",
    ),
    "fastcgi_split_path_info": (
        "^(.+?\\.php)(/.*)$", "^(?<a>a)(?<b>b)$", "^(?P<a>a)(b)$", "^[(](a)(b)$", "^(?<=a)(b)(c)$",
        "^(?!a)(b)(c)$", "^((a))$", "^(?<!a)(b)(c)$",
    ),
    "proxy_redirect": (
        "off", "default", "/a /b", "~^/(a|b) /$1", "off x", "~*^/a /b", "http://a/ /", "default /b",
        "$a $b",
    ),
    "proxy_cookie_domain": ("off", "a b", "~(a) $1", "$a $b", "off b"),
    "proxy_cookie_path": ("off", "/a /b", "~*^/a /b", "off /a"),
    "fastcgi_store_access": ("user:r",),
    "scgi_store_access": ("user:r",),
    "uwsgi_store_access": ("user:r",),
    "scgi_param": ("A b", "A b if_not_empty"),
    "uwsgi_param": ("A b", "A b if_not_empty"),
    "proxy_cookie_flags": (
        "off", "a secure", "~a secure httponly", "one secure httponly samesite=strict",
        "one samesite=lax", "one x", "one nosecure nohttponly nosamesite", "one samesite",
        "one samesite=none", "one samesite=x",
    ),
}  # fmt: skip
"""Words that nginx 1.22.1 takes."""
REFUSED: dict[str, dict[str, str]] = {
    "add_header": {
        "A b alway": 'invalid parameter "alway"', "A b ALWAYS": 'invalid parameter "ALWAYS"',
    },
    "add_trailer": {
        "A b alway": 'invalid parameter "alway"', "A b ALWAYS": 'invalid parameter "ALWAYS"',
    },
    "fastcgi_param": {
        "A b if_empty": 'invalid parameter "if_empty"',
        "A b IF_NOT_EMPTY": 'invalid parameter "IF_NOT_EMPTY"',
    },
    "server_name": {
        "*a.example": 'server name "*a.example" is invalid', "*": 'server name "*" is invalid',
        "*.": 'server name "*." is invalid', ".": 'server name "." is invalid',
        "a.example *b": 'server name "*b" is invalid',
        "~(": 'pcre2_compile() failed: missing closing parenthesis in "("',
        "~[": 'pcre2_compile() failed: missing terminating ] for character class in "["',
        "~": 'empty regex in server name "~"', "*a": 'server name "*a" is invalid',
        "a *": 'server name "*" is invalid',
    },
    "keepalive_timeout": {
        "1s x": '"keepalive_timeout" directive invalid value',
        "1s 2ms": '"keepalive_timeout" directive invalid value',
        "x": '"keepalive_timeout" directive invalid value',
        "0 1ms": '"keepalive_timeout" directive invalid value',
    },
    "keepalive": {
        "4 local": 'invalid number of arguments in "keepalive" directive',
        "0": '"keepalive" directive: value must be equal to or greater than 1',
        "x": '"keepalive" directive invalid number', "1k": '"keepalive" directive invalid number',
    },
    "hash": {
        "$a consistant": 'invalid parameter "consistant"',
        "$a CONSISTENT": 'invalid parameter "CONSISTENT"',
    },
    "random": {
        "one": 'invalid parameter "one"', "two least": 'invalid parameter "least"',
        "two x": 'invalid parameter "x"', "TWO": 'invalid parameter "TWO"',
        "two least_time": 'invalid parameter "least_time"',
        "two least_conns": 'invalid parameter "least_conns"',
    },
    "set": {
        "a b": 'invalid variable name "a"', "$ b": 'invalid variable name "$"',
        "$host b": 'the duplicate "host" variable', "$HOST b": 'the duplicate "HOST" variable',
        "$ ''": 'invalid variable name "$"', "$uri y": 'the duplicate "uri" variable',
        "$document_root y": 'the duplicate "document_root" variable',
    },
    "auth_request_set": {
        "a $b": 'invalid variable name "a"', "$host b": 'the duplicate "host" variable',
        "$ b": 'invalid variable name "$"',
    },
    "dav_access": {
        "user:w": 'invalid value "user:w"', "user:rw other:r": 'invalid value "other:r"',
        "user:rw group:x": 'invalid value "group:x"', "user": 'invalid value "user"',
        "user:": 'invalid value "user:"', ":rw": 'invalid value ":rw"',
        "user:rwx": 'invalid value "user:rwx"', "users:r": 'invalid value "users:r"',
        "user:wr": 'invalid value "user:wr"',
    },
    "proxy_store_access": {
        "owner:rw": 'invalid value "owner:rw"', "all:x": 'invalid value "all:x"',
    },
    "root": {
        "$document_root/a": 'the $document_root variable cannot be used in the "root" directive',
        "${document_root}/a":
            'the $document_root variable cannot be used in the "root" directive',
        "$realpath_root": 'the $realpath_root variable cannot be used in the "root" directive',
        "$document_roots": 'the $document_root variable cannot be used in the "root" directive',
        "$document_root": 'the $document_root variable cannot be used in the "root" directive',
        "a$realpath_root": 'the $realpath_root variable cannot be used in the "root" directive',
        "${realpath_root}x": 'the $realpath_root variable cannot be used in the "root" directive',
        "\\$document_root": 'the $document_root variable cannot be used in the "root" directive',
        "$$document_root": 'the $document_root variable cannot be used in the "root" directive',
    },
    "alias": {
        "$document_root/a": 'the $document_root variable cannot be used in the "alias" directive',
        "$realpath_root": 'the $realpath_root variable cannot be used in the "alias" directive',
        "${document_root}": 'the $document_root variable cannot be used in the "alias" directive',
    },
    "worker_priority": {
        "x": '"worker_priority" directive invalid number',
        "--5": '"worker_priority" directive invalid number',
        "-": '"worker_priority" directive invalid number',
        "1k": '"worker_priority" directive invalid number',
        "5-": '"worker_priority" directive invalid number',
    },
    "worker_cpu_affinity": {
        "auto 2": 'invalid character "2" in "worker_cpu_affinity"',
        "01 0x": 'invalid character "x" in "worker_cpu_affinity"',
        "auto x": 'invalid character "x" in "worker_cpu_affinity"',
        "012": 'invalid character "2" in "worker_cpu_affinity"',
        "01 02": 'invalid character "2" in "worker_cpu_affinity"',
        "auto auto": 'invalid character "a" in "worker_cpu_affinity"',
        "0101 auto": 'invalid character "a" in "worker_cpu_affinity"',
        "AUTO": 'invalid character "A" in "worker_cpu_affinity"',
    },
    "thread_pool": {
        "a max_queue=5": '"thread_pool" must have "threads" parameter',
        "a threads=0": 'invalid threads value "threads=0"',
        "a threads=4 max_queue=x": 'invalid max_queue value "max_queue=x"',
        "a threads=1 max_queue=-1": 'invalid max_queue value "max_queue=-1"',
        "a threads=x": 'invalid threads value "threads=x"',
        "a threads=": 'invalid threads value "threads="',
        "a threads=1 max_queue=": 'invalid max_queue value "max_queue="',
        "a max_queue=1": '"thread_pool" must have "threads" parameter',
        "a threads=1k": 'invalid threads value "threads=1k"',
        "a threads": '"thread_pool" must have "threads" parameter',
    },
    "aio": {
        "thread": '"aio" directive invalid value', "ON": '"aio" directive invalid value',
        "sendfile": '"aio" directive invalid value', "threadss": '"aio" directive invalid value',
        "on=1": '"aio" directive invalid value',
    },
    "disable_symlinks": {
        "yes": 'invalid parameter "yes"', "on form=/a": 'invalid parameter "form=/a"',
        "off from=/a": '"from=" cannot be used with "off" parameter',
        "from=/a": '"disable_symlinks" must have "off", "on" or "if_not_owner" parameter',
        "on off": 'duplicate parameters "on off"', "ON": 'invalid parameter "ON"',
        "on on": 'duplicate parameters "on on"',
    },
    "userid_mark": {
        "ab": '"userid_mark" directive value must be "off" or a single letter, digit or "="',
        "-": '"userid_mark" directive value must be "off" or a single letter, digit or "="',
        "+": '"userid_mark" directive value must be "off" or a single letter, digit or "="',
        "''": '"userid_mark" directive value must be "off" or a single letter, digit or "="',
        "OFF": '"userid_mark" directive value must be "off" or a single letter, digit or "="',
        "off2": '"userid_mark" directive value must be "off" or a single letter, digit or "="',
        "==": '"userid_mark" directive value must be "off" or a single letter, digit or "="',
        "_": '"userid_mark" directive value must be "off" or a single letter, digit or "="',
        "é": '"userid_mark" directive value must be "off" or a single letter, digit or "="',
    },
    "valid_referers": {
        "none": NO_REFERER,
        "none blocked": NO_REFERER,
        "*a.example": 'invalid hostname or wildcard "*a.example"',
        "a.*.b": 'invalid hostname or wildcard "a.*.b"',
        "~(": 'pcre2_compile() failed: missing closing parenthesis in "("',
        "a.b*": 'invalid hostname or wildcard "a.b*"',
        "blocked": NO_REFERER,
        "blocked none": NO_REFERER,
        "~[": 'pcre2_compile() failed: missing terminating ] for character class in "["',
        "*": 'invalid hostname or wildcard "*"', "a*": 'invalid hostname or wildcard "a*"',
        "*.a.*": 'invalid hostname or wildcard "*.a.*"', "*.": 'invalid hostname or wildcard "*."',
        "a.*x": 'invalid hostname or wildcard "a.*x"',
        "none ~a": NO_REFERER,
        "*.*": 'invalid hostname or wildcard "*.*"',
        "none none": NO_REFERER,
        "none a *b": 'invalid hostname or wildcard "*b"',
        "~a ~(": 'pcre2_compile() failed: missing closing parenthesis in "("',
    },
    "fastcgi_split_path_info": {
        "^(.+)$": 'pattern "^(.+)$" must have 2 captures',
        "(": 'pcre2_compile() failed: missing closing parenthesis in "("',
        "^(?:a)(b)$": 'pattern "^(?:a)(b)$" must have 2 captures',
        "^(a)(b)(c)$": 'pattern "^(a)(b)(c)$" must have 2 captures',
        "^(?=a)(b)$": 'pattern "^(?=a)(b)$" must have 2 captures',
        "^(a)$": 'pattern "^(a)$" must have 2 captures',
        "[": 'pcre2_compile() failed: missing terminating ] for character class in "["',
        "a": 'pattern "a" must have 2 captures',
    },
    "proxy_redirect": {
        "/a": 'invalid parameter "/a"',
        "~( /a": 'pcre2_compile() failed: missing closing parenthesis in "("',
        "on": 'invalid parameter "on"', "$a": 'invalid parameter "$a"',
        "~[ /a": 'pcre2_compile() failed: missing terminating ] for character class in "["',
        "~*( /a": 'pcre2_compile() failed: missing closing parenthesis in "("',
        "~a": 'invalid parameter "~a"',
    },
    "proxy_cookie_domain": {
        "a": 'invalid parameter "a"', "on": 'invalid parameter "on"',
        "~( a": 'pcre2_compile() failed: missing closing parenthesis in "("',
        "default": 'invalid parameter "default"',
    },
    "proxy_cookie_path": {
        "/a": 'invalid parameter "/a"', "on": 'invalid parameter "on"',
        "~( /a": 'pcre2_compile() failed: missing closing parenthesis in "("',
        "default": 'invalid parameter "default"',
    },
    "fastcgi_store_access": {"all:x": 'invalid value "all:x"'},
    "scgi_store_access": {"all:x": 'invalid value "all:x"'},
    "uwsgi_store_access": {"all:x": 'invalid value "all:x"'},
    "scgi_param": {"A b if_empty": 'invalid parameter "if_empty"'},
    "uwsgi_param": {"A b if_empty": 'invalid parameter "if_empty"'},
    "proxy_cookie_flags": {
        "~( secure": 'pcre2_compile() failed: missing closing parenthesis in "("',
        "on": 'invalid parameter "on"', "a": 'invalid parameter "a"',
        "default": 'invalid parameter "default"',
    },
}  # fmt: skip
"""Words that it refuses, and its complaint."""


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_taken(name: str) -> None:
    assert {line: why for line in TAKEN[name] if (why := unfit(name, line))} == {}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str) -> None:
    assert {line: unfit(name, line) for line in REFUSED[name]} == REFUSED[name]
