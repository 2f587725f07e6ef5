"""Places, numbers of words, repetitions and unknown names: what nginx makes of each.

tests/peers/test_nginx_values.py holds them against nginx itself.
"""

from __future__ import annotations

import pytest

from tests.lint.nginx.texts import cases, refusals_with_sockets

SITE: dict[str, str | tuple[str, ...]] = {
    "location /a { alias /b; alias /c; }": '"alias" directive is duplicate',
    "location a b c { }": 'invalid number of arguments in "location" directive',
    "rewrite ^/(?<n>a) /$n;": "",
    "if { return 404; }": 'invalid number of arguments in "if" directive',
    "location { }": 'invalid number of arguments in "location" directive',
    "location ~ a b { }": 'invalid number of arguments in "location" directive',
    "location /a { root /b; root /c; }": '"root" directive is duplicate',
    "location /a { proxy_pass; }": 'invalid number of arguments in "proxy_pass" directive',
    "location /a { proxy_pass; proxy_redirect default; }":
        'invalid number of arguments in "proxy_pass" directive',
    "location ~ a { proxy_pass; }": 'invalid number of arguments in "proxy_pass" directive',
    "location / { if ($args) { proxy_pass; } }":
        'invalid number of arguments in "proxy_pass" directive',
    "if ($args) { proxy_pass http://127.0.0.1/; }": '"proxy_pass" directive is not allowed here',
    "location / { limit_except { deny all; } }":
        'invalid number of arguments in "limit_except" directive',
    "location /a; location /a { }": 'directive "location" has no opening "{"',
    "rewrite ^/(?P<n>a) /$n;": "",
    "map_hash_max_size 5;": '"map_hash_max_size" directive is not allowed here',
    "satisfy any;": "",
    "proxy_pass http://127.0.0.1;": '"proxy_pass" directive is not allowed here',
    "server_name a; server_name ~[;":
        'pcre2_compile() failed: missing terminating ] for character class in "["',
    "listen 127.0.0.1:18082; gzip maybe; gzip on;":
        'invalid value "maybe" in "gzip" directive, it must be "on" or "off"',
    "gzip on off;": 'invalid number of arguments in "gzip" directive',
    "gzip;": 'invalid number of arguments in "gzip" directive',
    "gzip ON;": "",
    "gzip on; gzip off;": '"gzip" directive is duplicate',
    "limit_conn a 1; limit_conn a 2;": '"limit_conn" directive is duplicate',
    "limit_req zone=a; limit_req zone=a;": '"limit_req" directive is duplicate',
    "root /a; root /b;": '"root" directive is duplicate',
    "worker_processes 1;": '"worker_processes" directive is not allowed here',
    "gzip { }": 'directive "gzip" is not terminated by ";"',
    "gzip on { }": 'directive "gzip" is not terminated by ";"',
    "location / ;": 'directive "location" has no opening "{"',
    "server { }": '"server" directive is not allowed here',
    "events { }": '"events" directive is not allowed here',
    "http { }": '"http" directive is not allowed here',
    "upstream a { }": (
        '"upstream" directive is not allowed here',
        "no servers are inside upstream",
    ),
    "types { a b; } types { c d; }": "",
    "types { a b; } location / { gzip on off; } types { c d; }":
        'invalid number of arguments in "gzip" directive',
    "types { a; }": "",
    "if ($args) { gzip on; }": '"gzip" directive is not allowed here',
    "location / { if ($args) { listen 80; } }": '"listen" directive is not allowed here',
    "location / { if ($args) { gzip on; gzip off; } }": '"gzip" directive is duplicate',
    "location / { limit_except GET { gzip on; } }": '"gzip" directive is not allowed here',
    "location / { internal; internal; }": '"internal" directive is duplicate',
    "location / { internal x; }": 'invalid number of arguments in "internal" directive',
    "a-b c;": 'unknown directive "a-b"',
    "1a b;": 'unknown directive "1a"',
    "a.b c;": 'unknown directive "a.b"',
    '"gzip" on;': "",
    "'' a;": 'unknown directive ""',
    "proxy_timeout 5s;": '"proxy_timeout" directive is not allowed here',
    "smtp_auth login;": '"smtp_auth" directive is not allowed here',
}  # fmt: skip
"""Lines of a server, and why nginx refuses them; empty where it takes them."""
HTTP: dict[str, str | tuple[str, ...]] = {
    "server { location / { if ($args) { proxy_buffer_size 64k; } } }":
        '"proxy_buffer_size" directive is not allowed here',
    "upstream u { server; }": (
        'invalid number of arguments in "server" directive',
        "no servers are inside upstream",
    ),
    "upstream u;": 'directive "upstream" has no opening "{"',
    "upstream { server 127.0.0.1; }": 'invalid number of arguments in "upstream" directive',
    "upstream { server 127.0.0.1 backup; }": 'invalid number of arguments in "upstream" directive',
    "upstream u { server 127.0.0.1; keepalive 4; keepalive 5; }":
        '"keepalive" directive is duplicate',
    "upstream u { server 127.0.0.1; listen 80; }": '"listen" directive is not allowed here',
    "upstream u v { server 127.0.0.1; }": 'invalid number of arguments in "upstream" directive',
    "map $args { a b; }": 'invalid number of arguments in "map" directive',
    "map $args $a;": 'directive "map" has no opening "{"',
    "geo { default 1; }": 'invalid number of arguments in "geo" directive',
    "split_clients $args { * 1; }": 'invalid number of arguments in "split_clients" directive',
    "limit_conn_zone $args zone=a:1m; server { limit_conn a 1; limit_conn a 2; }":
        '"limit_conn" directive is duplicate',
    "limit_req_zone $args zone=a:1m rate=5r/s; server { limit_req zone=a; limit_req zone=a; }":
        '"limit_req" directive is duplicate',
}  # fmt: skip
"""The same of lines of the http block."""
CASES = cases(SITE, HTTP)


@pytest.mark.parametrize(("text", "why"), CASES.items())
def test_what_nginx_makes_of_it(text: str, why: tuple[str, ...]) -> None:
    assert refusals_with_sockets(text) == why
