"""Addresses: who may ask, where to connect to, who resolves names.

tests/peers/test_nginx_values.py holds them against nginx itself.
"""

from __future__ import annotations

import pytest

from tests.lint.nginx.parameters.judged import unfit

TAKEN: dict[str, tuple[str, ...]] = {
    "allow": (
        "all", "unix:", "10.0.0.1", "10.1.2.3/8", "::1", "2001:db8::/32", "::1/128", "0.0.0.0/0",
        "::/0", "010.0.0.1",
    ),
    "deny": ("all", "unix:", "::1"),
    "resolver": (
        "127.0.0.1", "127.0.0.1:53 [::1]:5353", "127.0.0.1 valid=30s ipv6=off", "127.0.0.1 ipv6=on",
        "127.0.0.1 valid=0", "[::1]:65535", "unix:/a", "[::1] valid=1d",
    ),
    "server": (
        "127.0.0.1", "127.0.0.1:1", "127.0.0.1:65535", "[::1]:80", "[::1]", "unix:/run/a",
        "127.0.0.1 weight=1 max_conns=0 max_fails=0 fail_timeout=5s", "127.0.0.1 down",
        "127.0.0.1 fail_timeout=0", "127.0.0.1 max_conns=1", "127.0.0.1 backup", "unix:/a:/b",
        "127.0.0.1:0080", "unix:a",
    ),
    "proxy_pass": (
        "http://127.0.0.1", "HTTPS://127.0.0.1:8443", "http://127.0.0.1:80/a:b", "$there",
        "http://127.0.0.1?a=b:c", "http://unix:/run/a:/path", "https://127.0.0.1",
        "http://unix:/run/a", "HTTP://UNIX:/a", "http://127.0.0.1/", "http://127.0.0.1:80?x",
        "http://[::1]:80/a", "http://$a", "ftp://$a", "http://127.0.0.1:65535", "http://a?b:c",
    ),
    "fastcgi_pass": ("127.0.0.1:9000", "unix:/run/a", "[::1]:9000", "$a"),
    "grpc_pass": (
        "127.0.0.1:9000", "grpc://127.0.0.1:9000", "grpcs://127.0.0.1:9000", "GRPC://127.0.0.1:80",
        "grpc://unix:/a", "$a:x",
    ),
    "uwsgi_pass": (
        "127.0.0.1:9000", "uwsgi://127.0.0.1:9000", "suwsgi://127.0.0.1:9000",
        "UWSGI://127.0.0.1:1", "$a",
    ),
    "scgi_pass": ("127.0.0.1:9000", "unix:/a"),
    "memcached_pass": ("127.0.0.1:11211", "127.0.0.1:65535"),
    "proxy_bind": (
        "off", "$remote_addr", "127.0.0.1", "127.0.0.1:1", "127.0.0.1:65535", "::1", "[::1]:80",
        "127.0.0.1 transparent", "::1:80", "[::1]:65535", "[::1]:1", "$a transparent",
        "[127.0.0.1]:80",
    ),
    "memcached_bind": ("127.0.0.1", "127.0.0.1:5"),
    "grpc_bind": ("127.0.0.1", "127.0.0.1 transparent"),
    "fastcgi_bind": ("127.0.0.1",),
    "scgi_bind": ("127.0.0.1",),
    "uwsgi_bind": ("127.0.0.1",),
}  # fmt: skip
"""Words that nginx 1.22.1 takes."""
REFUSED: dict[str, dict[str, str]] = {
    "allow": {
        "10.0.0": 'invalid parameter "10.0.0"', "10.0.0.0/33": 'invalid parameter "10.0.0.0/33"',
        "a.example": 'invalid parameter "a.example"',
        "fe80::1%eth0": 'invalid parameter "fe80::1%eth0"',
        "10.0.0.0/8/8": 'invalid parameter "10.0.0.0/8/8"', "any": 'invalid parameter "any"',
        "::1/129": 'invalid parameter "::1/129"', "10.0.0.0/": 'invalid parameter "10.0.0.0/"',
        "1.2.3.4.5": 'invalid parameter "1.2.3.4.5"',
        "10.0.0.1/255.255.255.0": 'invalid parameter "10.0.0.1/255.255.255.0"',
        "unix": 'invalid parameter "unix"', "''": 'invalid parameter ""',
        "10.0.0.1:80": 'invalid parameter "10.0.0.1:80"',
    },
    "deny": {"10.0.0.1-9": 'invalid parameter "10.0.0.1-9"', "x": 'invalid parameter "x"'},
    "resolver": {
        "valid=5s": "no name servers defined",
        "127.0.0.1 ipv6=maybe": "invalid parameter: ipv6=maybe",
        "127.0.0.1 valid=": "invalid parameter: valid=",
        "127.0.0.1:0": 'invalid port in resolver "127.0.0.1:0"',
        "127.0.0.1 timeout=5s": "invalid parameter: timeout=5s",
        "127.0.0.1 ipv4=off": "invalid parameter: ipv4=off",
        "127.0.0.1 status_zone=a": "invalid parameter: status_zone=a",
        "127.0.0.1 valid=5ms": "invalid parameter: valid=5ms",
        "[::1": 'invalid host in resolver "[::1"', "[::1]:0": 'invalid port in resolver "[::1]:0"',
        "[::1]:x": 'invalid port in resolver "[::1]:x"',
        "127.0.0.1 ipv6=": "invalid parameter: ipv6=",
        "127.0.0.1 127.0.0.1:x": 'invalid port in resolver "127.0.0.1:x"',
        "127.0.0.1:65536": 'invalid port in resolver "127.0.0.1:65536"',
        "ipv6=on": "no name servers defined", "127.0.0.1 ipv6=ON": "invalid parameter: ipv6=ON",
        "127.0.0.1 valid=1x": "invalid parameter: valid=1x",
    },
    "server": {
        "127.0.0.1:0": 'invalid port in upstream "127.0.0.1:0"',
        "127.0.0.1:65536": 'invalid port in upstream "127.0.0.1:65536"',
        "127.0.0.1:": 'invalid port in upstream "127.0.0.1:"',
        "http://127.0.0.1": 'invalid host in upstream "http://127.0.0.1"',
        "127.0.0.1/a": 'invalid host in upstream "127.0.0.1/a"', ":80": 'no host in upstream ":80"',
        "127.0.0.1:80/a": 'invalid host in upstream "127.0.0.1:80/a"',
        "unix:": 'no path in the unix domain socket in upstream "unix:"',
        "[::1": 'invalid host in upstream "[::1"',
        "[a]:80": 'invalid IPv6 address in upstream "[a]:80"',
        "127.0.0.1 weight=0": 'invalid parameter "weight=0"',
        "127.0.0.1 down=1": 'invalid parameter "down=1"',
        "127.0.0.1 max_conns=": 'invalid parameter "max_conns="',
        "127.0.0.1 backups": 'invalid parameter "backups"',
        "127.0.0.1 drain": 'invalid parameter "drain"',
        "127.0.0.1 slow_start=5s": 'invalid parameter "slow_start=5s"',
        "[::1]:": 'invalid port in upstream "[::1]:"',
        "127.0.0.1 route=a": 'invalid parameter "route=a"',
        "127.0.0.1 service=a": 'invalid parameter "service=a"',
        "127.0.0.1 fail_timeout=5ms": 'invalid parameter "fail_timeout=5ms"',
        "127.0.0.1 fail_timeout=": 'invalid parameter "fail_timeout="',
        "127.0.0.1 weight=": 'invalid parameter "weight="',
        "127.0.0.1 weight=1k": 'invalid parameter "weight=1k"',
        "127.0.0.1 max_fails=-1": 'invalid parameter "max_fails=-1"',
        "127.0.0.1 max_fails=x": 'invalid parameter "max_fails=x"',
        "127.0.0.1 backup=1": 'invalid parameter "backup=1"',
        "127.0.0.1 resolve": 'invalid parameter "resolve"',
        "[::1]80": 'invalid host in upstream "[::1]80"',
        "[::1]x": 'invalid host in upstream "[::1]x"',
        "[::1]/a": 'invalid host in upstream "[::1]/a"',
        "[]": 'invalid IPv6 address in upstream "[]"',
        "[]:80": 'invalid IPv6 address in upstream "[]:80"',
        "a:b:c": 'invalid port in upstream "a:b:c"',
        "127.0.0.1 weight=5 foo": 'invalid parameter "foo"',
        "127.0.0.1:80:90": 'invalid port in upstream "127.0.0.1:80:90"',
        "/a": 'invalid host in upstream "/a"', "''": 'no host in upstream ""',
        "[::1]:65536": 'invalid port in upstream "[::1]:65536"',
        "[::1]:0": 'invalid port in upstream "[::1]:0"',
        "127.0.0.1 weight": 'invalid parameter "weight"',
    },
    "proxy_pass": {
        "127.0.0.1:80": "invalid URL prefix", "ftp://127.0.0.1": "invalid URL prefix",
        "http://127.0.0.1:99999": 'invalid port in upstream "127.0.0.1:99999"',
        "http://:80": 'no host in upstream ":80"', "http://": 'no host in upstream ""',
        "http://unix:": 'no path in the unix domain socket in upstream "unix:"',
        "http://127.0.0.1:/a": 'invalid port in upstream "127.0.0.1:/a"',
        "http://[::1": 'invalid host in upstream "[::1"',
        "http://[x]": 'invalid IPv6 address in upstream "[x]"',
        "http://127.0.0.1:0": 'invalid port in upstream "127.0.0.1:0"',
        "https://127.0.0.1:65536/a": 'invalid port in upstream "127.0.0.1:65536/a"',
        "http://unix::/a": 'no path in the unix domain socket in upstream "unix::/a"',
        "grpc://127.0.0.1": "invalid URL prefix", "http:/127.0.0.1": "invalid URL prefix",
        "http://?a": 'no host in upstream "?a"',
    },
    "fastcgi_pass": {
        "127.0.0.1:0": 'invalid port in upstream "127.0.0.1:0"',
        "127.0.0.1:9000/a": 'invalid host in upstream "127.0.0.1:9000/a"',
        "unix:": 'no path in the unix domain socket in upstream "unix:"',
        "[::1]:x": 'invalid port in upstream "[::1]:x"', ":9000": 'no host in upstream ":9000"',
        "127.0.0.1:65536": 'invalid port in upstream "127.0.0.1:65536"',
        "http://127.0.0.1:80": 'invalid host in upstream "http://127.0.0.1:80"',
    },
    "grpc_pass": {
        "http://127.0.0.1:80": 'invalid host in upstream "http://127.0.0.1:80"',
        "grpc://127.0.0.1:x": 'invalid port in upstream "127.0.0.1:x"',
        "grpcs://127.0.0.1:0": 'invalid port in upstream "127.0.0.1:0"',
        "grpc://127.0.0.1:80/a": 'invalid host in upstream "127.0.0.1:80/a"',
    },
    "uwsgi_pass": {
        "suwsgi://127.0.0.1:x": 'invalid port in upstream "127.0.0.1:x"',
        "uwsgi://127.0.0.1:x": 'invalid port in upstream "127.0.0.1:x"',
        "uwsgi://127.0.0.1:1/a": 'invalid host in upstream "127.0.0.1:1/a"',
        "http://127.0.0.1:1": 'invalid host in upstream "http://127.0.0.1:1"',
    },
    "scgi_pass": {
        "127.0.0.1:x": 'invalid port in upstream "127.0.0.1:x"',
        "scgi://127.0.0.1:80": 'invalid host in upstream "scgi://127.0.0.1:80"',
    },
    "memcached_pass": {
        "127.0.0.1:x": 'invalid port in upstream "127.0.0.1:x"',
        "127.0.0.1:0": 'invalid port in upstream "127.0.0.1:0"',
    },
    "proxy_bind": {
        "a": 'invalid address "a"', "127.0.0.1:x": 'invalid address "127.0.0.1:x"',
        "[::1]:x": 'invalid address "[::1]:x"', "127.0.0.1 opaque": 'invalid parameter "opaque"',
        "127.0.0": 'invalid address "127.0.0"', "127.0.0.1:0": 'invalid address "127.0.0.1:0"',
        "127.0.0.1:65536": 'invalid address "127.0.0.1:65536"', "[::1]": 'invalid address "[::1]"',
        "off transparent": 'invalid address "off"', "OFF": 'invalid address "OFF"',
        "127.0.0.1 $a": 'invalid parameter "$a"', "[::1]:0": 'invalid address "[::1]:0"',
        "[::1]:65536": 'invalid address "[::1]:65536"',
        "127.0.0.1:": 'invalid address "127.0.0.1:"',
        "127.0.0.1 TRANSPARENT": 'invalid parameter "TRANSPARENT"',
        "[::1": 'invalid address "[::1"', "1:2:3": 'invalid address "1:2:3"',
    },
    "memcached_bind": {"a": 'invalid address "a"', "127.0.0.1:x": 'invalid address "127.0.0.1:x"'},
    "grpc_bind": {"a": 'invalid address "a"', "127.0.0.1 x": 'invalid parameter "x"'},
    "fastcgi_bind": {"a": 'invalid address "a"'},
    "scgi_bind": {"a": 'invalid address "a"'},
    "uwsgi_bind": {"a": 'invalid address "a"'},
}  # fmt: skip
"""Words that it refuses, and its complaint."""


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_taken(name: str) -> None:
    assert {line: why for line in TAKEN[name] if (why := unfit(name, line))} == {}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str) -> None:
    assert {line: unfit(name, line) for line in REFUSED[name]} == REFUSED[name]
