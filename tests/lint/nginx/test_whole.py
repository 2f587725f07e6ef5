"""Zones, formats, buffers and variables, which other lines of a configuration define.

tests/peers/test_nginx_values.py holds them against nginx itself.
"""

from __future__ import annotations

import pytest

from tests.lint.nginx.texts import cases, refusals_with_sockets

SITE: dict[str, str | tuple[str, ...]] = {
    "set $a b; return 200 $a;": "",
    "return 200 $a; set $a b;": "",
    "return 200 $A; set $a b;": "",
    "return 200 ${a}; set $a b;": "",
    "return 200 ${a; set $a b;": "invalid variable name",
    "return 200 a$; set $a b;": "invalid variable name",
    "return 200 $arg_x$cookie_y$http_z$sent_http_a$upstream_http_b;": "",
    "return 200 $1;": "",
    "rewrite ^/$x /$args;": "",
    "rewrite ^/a /$x;": 'unknown "x" variable',
    "if ($x) { return 404; }": 'unknown "x" variable',
    "if ($args = $x) { return 404; }": 'unknown "x" variable',
    "add_header $x b;": "",
    "add_header a $x;": 'unknown "x" variable',
    "server_name ~^(?<n>a)$; return 200 $n;": "",
    "server_name ~^(?P<n>a)$; return 200 $n;": "",
    "proxy_set_header a $x;": 'unknown "x" variable',
    "set $a $x;": 'unknown "x" variable',
    "proxy_redirect ~^(.*)$x b;": "",
    "auth_request_set $a $upstream_http_a; return 200 $a;": "",
    "gzip_types $x;": "",
    "include none/*.conf; return 200 $x;": 'unknown "x" variable',
    "error_page 404 $x;": 'unknown "x" variable',
    "access_log log combined if=$x;": 'unknown "x" variable',
    "set $a $a;": "",
    "set $a b; set $c $a$b;": 'unknown "b" variable',
    "return 200 $uid_got;": "",
    "return 200 ${arg_x};": "",
    "return 200 $9;": "",
    "return 200 $12;": "",
    "return 200 '$';": "invalid variable name",
    "return 200 'a$ b';": "invalid variable name",
    "return 200 $$;": "invalid variable name",
    "return 200 ${};": "invalid variable name",
    "return 200 ${a-b};": "invalid variable name",
    "return 200 $a-b;": 'unknown "a" variable',
    "return 200 $HOST;": "",
    "return 200 $Arg_X;": "",
    "if ($x = a) { }": 'unknown "x" variable',
    "if (-f $x) { }": 'unknown "x" variable',
    "if ($args != $x) { }": 'unknown "x" variable',
    "rewrite ^/$x /a;": "",
    "rewrite ^/a /$;": "invalid variable name",
    "rewrite $x /a;": "",
    "fastcgi_split_path_info ^($x)(b)$;": "",
    "add_header $x $y;": 'unknown "y" variable',
    "add_header a b; add_header c $d;": 'unknown "d" variable',
    "add_trailer $x b;": "",
    "add_trailer b $x;": 'unknown "x" variable',
    "proxy_set_header $x a;": "",
    "proxy_set_header a $;": "invalid variable name",
    "auth_request_set $a $x;": 'unknown "x" variable',
    "set $a b; auth_request_set $b $a;": "",
    "auth_request_set $q a; return 200 $q;": "",
    "proxy_redirect ~^$x b;": "",
    "expires $x;": 'unknown "x" variable',
    "root $x;": 'unknown "x" variable',
    "try_files $x =404;": 'unknown "x" variable',
    "access_log $x;": 'unknown "x" variable',
    "error_page 404 =200 $x;": 'unknown "x" variable',
    "userid_name $x;": "",
    "limit_rate $x;": 'unknown "x" variable',
    "sub_filter a $x;": 'unknown "x" variable',
    "secure_link $x;": 'unknown "x" variable',
    "auth_basic $x;": 'unknown "x" variable',
    "memcached_bind $x;": 'unknown "x" variable',
    "fastcgi_param a $x;": 'unknown "x" variable',
    "fastcgi_param $x a;": "",
    "fastcgi_index $x;": "",
    "server_name $x;": "",
    "valid_referers $x;": "",
    "default_type $x;": "",
    "ssl_ciphers $x;": "",
    "charset $x;": 'unknown "x" variable',
    "index $x;": 'unknown "x" variable',
    "return 200 $document_root;": "",
    "return 200 $realpath_root;": "",
    "valid_referers a.example; return 200 $invalid_referer;": "",
    "userid on; return 200 $uid_set;": "",
    "return 200 $limit_rate;": "",
    "return 200 $args;": "",
    "server_name ~^(?<n>a)$ b; return 200 $N;": "",
}  # fmt: skip
"""Lines of a server, and why nginx refuses them; empty where it takes them."""
HTTP: dict[str, str | tuple[str, ...]] = {
    "map $args $ { }": 'invalid variable name "$"',
    "geo $args a { default 1; }": 'invalid variable name "a"',
    "geo a { default 1; }": 'invalid variable name "a"',
    "geo $ { default 1; }": 'invalid variable name "$"',
    "split_clients $args a { 50% 1; }": 'invalid variable name "a"',
    "split_clients $args $ { 50% 1; }": 'invalid variable name "$"',
    "limit_req_zone $args zone=a:1m rate=5r/s; server { limit_req zone=a; }": "",
    "limit_conn_zone $args zone=a:1m; server { limit_conn a 1; }": "",
    "limit_conn_zone $args zone=a:1m; server { limit_req zone=a; }":
        'zero size shared memory zone "a"',
    "server { limit_conn a 1; }": 'zero size shared memory zone "a"',
    "proxy_cache_path cache keys_zone=a:1m; server { location / { fastcgi_cache a; } }":
        '"fastcgi_cache" zone "a" is unknown',
    "server { location / { uwsgi_cache a; } }": '"uwsgi_cache" zone "a" is unknown',
    "server { location / { scgi_cache off; } }": "",
    "server { location / { proxy_cache $a; } }": 'unknown "a" variable',
    "access_log log combined; log_format a b; access_log log a;": "",
    "access_log log a; log_format a b;": 'unknown log format "a"',
    "access_log OFF a;": 'unknown log format "a"',
    "log_format combined a;": 'duplicate "log_format" name "combined"',
    "server { location / { fastcgi_pass u; } } upstream u { server 127.0.0.1; }": "",
    "server { location / { fastcgi_pass U; } } upstream u { server 127.0.0.1; }": "",
    "server { location / { fastcgi_pass v; } }": 'no port in upstream "v"',
    "server { location / { fastcgi_pass $args; } }": "",
    "server { location / { uwsgi_pass suwsgi://127.0.0.1; } }": 'no port in upstream "127.0.0.1"',
    "server { location / { grpc_pass grpcs://127.0.0.1; } }": 'no port in upstream "127.0.0.1"',
    "server { location / { grpc_pass 127.0.0.1; } }": 'no port in upstream "127.0.0.1"',
    "server { location / { scgi_pass 127.0.0.1; } }": 'no port in upstream "127.0.0.1"',
    "server { location / { memcached_pass 127.0.0.1; } }": 'no port in upstream "127.0.0.1"',
    "server { location / { uwsgi_pass uwsgi://127.0.0.1:1; } }": "",
    "upstream u { zone a; server 127.0.0.1; }": 'zero size shared memory zone "a"',
    "upstream u { zone a 64k; server 127.0.0.1; } upstream v { zone a; server 127.0.0.1; }": "",
    "proxy_buffers 1 4k;": "",
    "proxy_buffers 1 4k; server { }": 'there must be at least 2 "proxy_buffers"',
    "proxy_buffers 2 4k; server { }":
        '"proxy_busy_buffers_size" must be less than the size of all "proxy_buffers" minus one '
        "buffer",
    "proxy_buffers 3 4k; server { }": "",
    "server { proxy_buffers 8 16k; proxy_busy_buffers_size 8k; }":
        '"proxy_busy_buffers_size" must be equal to or greater than the maximum of the value of '
        '"proxy_buffer_size" and one of the "proxy_buffers"',
    "server { proxy_busy_buffers_size 29k; }":
        '"proxy_busy_buffers_size" must be less than the size of all "proxy_buffers" minus one '
        "buffer",
    "server { proxy_buffer_size 16k; }":
        '"proxy_busy_buffers_size" must be less than the size of all "proxy_buffers" minus one '
        "buffer",
    "server { proxy_buffer_size 15k; }":
        '"proxy_busy_buffers_size" must be less than the size of all "proxy_buffers" minus one '
        "buffer",
    "server { proxy_buffer_size 32k; proxy_buffers 4 32k; location / { proxy_buffers 8 4k; } }":
        '"proxy_busy_buffers_size" must be less than the size of all "proxy_buffers" minus one '
        "buffer",
    "server { fastcgi_buffers 2 16k; fastcgi_buffer_size 16k; }":
        '"fastcgi_busy_buffers_size" must be less than the size of all "fastcgi_buffers" minus '
        "one buffer",
    "server { uwsgi_busy_buffers_size 2k; }":
        '"uwsgi_busy_buffers_size" must be equal to or greater than the maximum of the value of '
        '"uwsgi_buffer_size" and one of the "uwsgi_buffers"',
    "map $x $a { }": 'unknown "x" variable',
    "map $args $a { a $x; }": 'unknown "x" variable',
    "geo $x $a { default 1; }": 'unknown "x" variable',
    "split_clients $x $a { * 1; }": 'unknown "x" variable',
    "log_format a $x;": 'unknown "x" variable',
    "log_format $x a;": "",
    "log_format a $upstream_cache_status;": "",
    "upstream u { zone a 64k; }": "no servers are inside upstream",
    "map $args a { b c; }": 'invalid variable name "a"',
    "map $args$x $a { }": 'unknown "x" variable',
    "geo $args $ { default 1; }": 'invalid variable name "$"',
    "geo $args $a b { default 1; }": (
        'invalid number of arguments in "geo" directive',
        'invalid variable name "b"',
    ),
    "split_clients $args $ { * 1; }": 'invalid variable name "$"',
    "proxy_cache_path c keys_zone=a:1m; server { location / { proxy_cache a; } }": "",
    "proxy_cache_path c keys_zone=a:1m; server { location / { proxy_cache b; } }":
        '"proxy_cache" zone "b" is unknown',
    "proxy_cache_path c keys_zone=a:1m; server { location / { scgi_cache a; } }":
        '"scgi_cache" zone "a" is unknown',
    "fastcgi_cache_path c keys_zone=a:1m; server { location / { fastcgi_cache a; } }": "",
    "fastcgi_cache_path c keys_zone=a:1m; server { location / { uwsgi_cache a; } }":
        '"uwsgi_cache" zone "a" is unknown',
    "scgi_cache_path c keys_zone=a:1m; server { location / { scgi_cache a; } }": "",
    "uwsgi_cache_path c keys_zone=a:1m; server { location / { uwsgi_cache a; } }": "",
    "server { location / { fastcgi_cache $args; } }": "",
    "server { location / { proxy_cache off; fastcgi_cache off; uwsgi_cache off; } }": "",
    "server { location / { scgi_cache b; } }": '"scgi_cache" zone "b" is unknown',
    "server { location / { fastcgi_cache b; } }": '"fastcgi_cache" zone "b" is unknown',
    "server { location / { uwsgi_cache b; } }": '"uwsgi_cache" zone "b" is unknown',
    "limit_req_zone $args zone=a:1m rate=5r/s; server { limit_req zone=b; }":
        'zero size shared memory zone "b"',
    "limit_req_zone $args zone=a:1m rate=5r/s; server { limit_req burst=5 zone=a; }": "",
    "limit_req_zone $args zone=a:1m rate=5r/s; server { limit_conn a 1; }":
        'zero size shared memory zone "a"',
    "limit_conn_zone $args zone=a:1m; server { limit_conn b 1; }":
        'zero size shared memory zone "b"',
    "limit_conn_zone $args zone=a:1m; limit_conn_zone $args zone=b:1m; server { limit_conn a 1; "
    "limit_conn b 2; }":
        "",
    "limit_req_zone $args zone=a:1m rate=5r/s; limit_req_zone $args zone=b:1m rate=5r/s; server { "
    "limit_req zone=a; limit_req zone=b; }":
        "",
    "log_format a b; log_format b c; log_format a d;": 'duplicate "log_format" name "a"',
    "log_format a b; access_log log a;": "",
    "access_log log combined;": "",
    "access_log log main;": 'unknown log format "main"',
    "access_log off;": "",
    "access_log log;": "",
    "server { access_log log x; location / { access_log log y; } }": (
        'unknown log format "x"',
        'unknown log format "y"',
    ),
    "log_format '' a;": "",
    "log_format a 'b' 'c$x';": 'unknown "x" variable',
    "log_format a escape=json $x;": 'unknown "x" variable',
    "log_format a escape=json $args;": "",
    "upstream u { zone a; server 127.0.0.1; } upstream v { zone b 64k; server 127.0.0.1; }":
        'zero size shared memory zone "a"',
    "upstream u { zone a 64k; server 127.0.0.1; }": "",
    "server { location / { fastcgi_pass 127.0.0.1; } }": 'no port in upstream "127.0.0.1"',
    "server { location / { fastcgi_pass unix:/a; } }": "",
    "server { location / { uwsgi_pass uwsgi://u; } } upstream u { server 127.0.0.1; }": "",
    "server { location / { uwsgi_pass suwsgi://u; } } upstream u { server 127.0.0.1; }": "",
    "server { location / { grpc_pass grpc://u; } } upstream u { server 127.0.0.1; }": "",
    "server { location / { grpc_pass grpcs://u; } } upstream u { server 127.0.0.1; }": "",
    "server { location / { grpc_pass grpc://v; } } upstream u { server 127.0.0.1; }":
        'no port in upstream "v"',
    "server { location / { memcached_pass $args; } }": 'no port in upstream "$args"',
    "server { location / { proxy_pass http://127.0.0.1; } }": "",
    "server { location / { scgi_pass u; } } upstream u { server 127.0.0.1; }": "",
    "server { location / { memcached_pass u; set $memcached_key a; } } upstream u { server "
    "127.0.0.1; }":
        "",
    "server { location / { uwsgi_pass 127.0.0.1:9; } }": "",
    "server { location / { grpc_pass $args; } }": "",
    "proxy_buffers 2 8k; server { }":
        '"proxy_busy_buffers_size" must be less than the size of all "proxy_buffers" minus one '
        "buffer",
    "proxy_buffers 2 8k; proxy_busy_buffers_size 8k; server { }": "",
    "proxy_buffers 2 8k; proxy_busy_buffers_size 8193; server { }":
        '"proxy_busy_buffers_size" must be less than the size of all "proxy_buffers" minus one '
        "buffer",
    "proxy_buffers 8 4k; proxy_busy_buffers_size 28k; server { }": "",
    "proxy_buffers 8 4k; proxy_busy_buffers_size 28673; server { }":
        '"proxy_busy_buffers_size" must be less than the size of all "proxy_buffers" minus one '
        "buffer",
    "proxy_busy_buffers_size 4k; server { }": "",
    "proxy_busy_buffers_size 4095; server { }":
        '"proxy_busy_buffers_size" must be equal to or greater than the maximum of the value of '
        '"proxy_buffer_size" and one of the "proxy_buffers"',
    "proxy_buffer_size 14k; server { }": "",
    "proxy_buffer_size 14337; server { }":
        '"proxy_busy_buffers_size" must be less than the size of all "proxy_buffers" minus one '
        "buffer",
    "server { proxy_buffers 1 4k; }": 'there must be at least 2 "proxy_buffers"',
    "server { location / { proxy_buffers 1 4k; } }": 'there must be at least 2 "proxy_buffers"',
    "server { location / { location /a { proxy_buffers 1 4k; } } }":
        'there must be at least 2 "proxy_buffers"',
    "proxy_buffers 8 16k; server { location / { proxy_buffer_size 32k; } }": "",
    "proxy_buffers 8 16k; server { location / { proxy_buffer_size 64k; } }":
        '"proxy_busy_buffers_size" must be less than the size of all "proxy_buffers" minus one '
        "buffer",
    "proxy_buffer_size 32k; proxy_buffers 4 32k; server { location / { proxy_buffers 8 4k; } }":
        '"proxy_busy_buffers_size" must be less than the size of all "proxy_buffers" minus one '
        "buffer",
    "scgi_buffers 1 4k; server { }": 'there must be at least 2 "scgi_buffers"',
    "uwsgi_buffers 1 4k; server { }": 'there must be at least 2 "uwsgi_buffers"',
    "fastcgi_buffers 1 4k; server { }": 'there must be at least 2 "fastcgi_buffers"',
    "fastcgi_buffer_size 64k; server { }":
        '"fastcgi_busy_buffers_size" must be less than the size of all "fastcgi_buffers" minus '
        "one buffer",
    "scgi_buffer_size 64k; server { }":
        '"scgi_busy_buffers_size" must be less than the size of all "scgi_buffers" minus one '
        "buffer",
    "uwsgi_buffer_size 64k; server { }":
        '"uwsgi_busy_buffers_size" must be less than the size of all "uwsgi_buffers" minus one '
        "buffer",
    "scgi_busy_buffers_size 1k; server { }":
        '"scgi_busy_buffers_size" must be equal to or greater than the maximum of the value of '
        '"scgi_buffer_size" and one of the "scgi_buffers"',
    "fastcgi_busy_buffers_size 1k; server { }":
        '"fastcgi_busy_buffers_size" must be equal to or greater than the maximum of the value of '
        '"fastcgi_buffer_size" and one of the "fastcgi_buffers"',
    "server { proxy_buffers 1 4k; } server { proxy_buffers 1 4k; listen 127.0.0.1:81; }":
        'there must be at least 2 "proxy_buffers"',
    "proxy_buffers 1 4k; server { location / { proxy_buffers 8 4k; } }":
        'there must be at least 2 "proxy_buffers"',
    "server { proxy_buffer_size 2k; proxy_buffers 4 2k; proxy_busy_buffers_size 6145; }":
        '"proxy_busy_buffers_size" must be less than the size of all "proxy_buffers" minus one '
        "buffer",
    "server { proxy_buffers 0 4k; }": '"proxy_buffers" directive invalid value',
    "map $x$y $a { }": 'unknown "x" variable',
    "map $args $a { a $; }": "invalid variable name",
    "split_clients $args$x $a { * 1; }": 'unknown "x" variable',
    "limit_req_zone $x zone=a:1m rate=1r/s;": 'unknown "x" variable',
    "limit_conn_zone $x zone=a:1m;": 'unknown "x" variable',
    "upstream u { hash $x; server 127.0.0.1; }": 'unknown "x" variable',
    "proxy_cache_path c$x keys_zone=a:1m;": "",
    "server { set $A b; return 200 $a; }": "",
    "server { set a b; return 200 $a; }": 'invalid variable name "a"',
    "proxy_headers_hash_max_size 5; server { return 200 $x; }": 'unknown "x" variable',
    "types { a $x; }": "",
    "server { if ($args) { return 200 $x; } }": 'unknown "x" variable',
    "server { location / { limit_except GET { deny all; } return 200 $x; } }":
        'unknown "x" variable',
}  # fmt: skip
"""The same of lines of the http block."""
CASES = cases(SITE, HTTP)


@pytest.mark.parametrize(("text", "why"), CASES.items())
def test_what_nginx_makes_of_it(text: str, why: tuple[str, ...]) -> None:
    assert refusals_with_sockets(text) == why
