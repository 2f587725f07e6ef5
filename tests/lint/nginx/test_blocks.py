"""Blocks, groups, tables, and names that other lines define: what nginx makes of each.

tests/peers/test_nginx_values.py holds them against nginx itself.
"""

from __future__ import annotations

import pytest

from tests.lint.nginx.test_refused import refusals_with_sockets, site
from tests.lint.nginx.texts import whole

SITE = {
    "if () { return 404; }": 'invalid condition ")"',
    "if (a) { return 404; }": 'invalid condition "a"',
    "if ( $args ) { return 404; }": "",
    "if ($args { return 404; }": 'invalid condition "$args"',
    "if $args { return 404; }": 'invalid condition "$args"',
    "if ($) { return 404; }": 'invalid condition "$"',
    "if ($args =) { return 404; }": 'invalid condition "$args"',
    "if ($args = a b) { return 404; }": 'invalid condition "$args"',
    "if ($args x a) { return 404; }": 'unexpected "x" in condition',
    "if ($args !x a) { return 404; }": 'unexpected "!x" in condition',
    'if ($args ~ "(") { return 404; }':
        'pcre2_compile() failed: missing closing parenthesis in "("',
    'if ($args !~* "(") { return 404; }':
        'pcre2_compile() failed: missing closing parenthesis in "("',
    "if (-f $args) { return 404; }": "",
    "if (!-e $args) { return 404; }": "",
    "if (-d a) { return 404; }": "",
    "if (-x $args) { return 404; }": "",
    "if (-z $args) { return 404; }": 'invalid condition "-z"',
    "if (-f) { return 404; }": 'invalid condition "-f"',
    "if (-f a b) { return 404; }": 'invalid condition "-f"',
    "if (!$args) { return 404; }": 'invalid condition "!$args"',
    "if ($args != a) { return 404; }": "",
    "if ($args !~ a) { return 404; }": "",
    "if ($args ~* a) { return 404; }": "",
    'if ($args "= a") { return 404; }': 'invalid condition "$args"',
    "location / { limit_except get POST { deny all; } }": "",
    "location /a { location = /a/b { } location ~ b { } location ^~ /a/c { } }": "",
    "location = /a { location /a/b { } }":
        'location "/a/b" cannot be inside the exact location "/a"',
    "location @a { location /b { } }": 'location "/b" cannot be inside the named location "@a"',
    "location /a { location @b { } }": 'named location "@b" can be on the server level only',
    "location ~ a { location /b { } }": 'location "/b" is outside location "a"',
    "location ~ ( { }": 'pcre2_compile() failed: missing closing parenthesis in "("',
    "location ~* ( { }": 'pcre2_compile() failed: missing closing parenthesis in "("',
    "location ^~ ( { }": "",
    "location @a { alias /b; }": 'the "alias" directive cannot be used inside the named location',
    "location /a { alias /b; root /c; }":
        '"root" directive is duplicate, "alias" directive was specified earlier',
    "location /a { alias /b; alias /c; }": '"alias" directive is duplicate',
    "location /a { proxy_redirect default; proxy_pass http://127.0.0.1; }":
        '"proxy_redirect default" should be placed after the "proxy_pass" directive',
    "location /a { proxy_pass http://127.0.0.1; proxy_redirect default; }": "",
    "location ~ a { proxy_pass http://unix:/a:/b; }":
        '"proxy_pass" cannot have URI part in location given by regular expression, or '
        'inside named location, or inside "if" statement, or inside "limit_except" block',
    "location ~ a { proxy_pass http://unix:/a; }": "",
    "location ~ a { proxy_pass http://127.0.0.1?a; }":
        '"proxy_pass" cannot have URI part in location given by regular expression, or '
        'inside named location, or inside "if" statement, or inside "limit_except" block',
    "location @a { proxy_pass http://127.0.0.1/; }":
        '"proxy_pass" cannot have URI part in location given by regular expression, or '
        'inside named location, or inside "if" statement, or inside "limit_except" block',
    "location / { if ($args) { proxy_pass http://127.0.0.1/; } }":
        '"proxy_pass" cannot have URI part in location given by regular expression, or '
        'inside named location, or inside "if" statement, or inside "limit_except" block',
    "location / { if ($args) { proxy_pass http://127.0.0.1; } }": "",
    "location / { limit_except GET { proxy_pass http://127.0.0.1/; } }":
        '"proxy_pass" cannot have URI part in location given by regular expression, or '
        'inside named location, or inside "if" statement, or inside "limit_except" block',
    "location = / { proxy_pass http://127.0.0.1/; }": "",
    "location ~ a { proxy_pass http://127.0.0.1$uri; }": "",
    "location ^~ /a { } location /a { }": 'duplicate location "/a"',
    "location = /a { } location /a { }": "",
    "location =/a { } location /a { } location ^~/b { }": "",
    "location ^~/b { } location /b { }": 'duplicate location "/b"',
    "location ~ a { } location ~ a { }": "",
    "location @a { } location @a { }": "",
    "location a b c { }": 'invalid number of arguments in "location" directive',
    "set $a b; return 200 $a;": "",
    "return 200 $a; set $a b;": "",
    "return 200 $A; set $a b;": "",
    "return 200 ${a}; set $a b;": "",
    "return 200 ${a; set $a b;": "invalid variable name",
    "return 200 a$; set $a b;": "invalid variable name",
    "return 200 $arg_x$cookie_y$http_z$sent_http_a$upstream_http_b;": "",
    "return 200 $1;": "",
    "rewrite ^/(?<n>a) /$n;": "",
    "rewrite ^/$x /$args;": "",
    "rewrite ^/a /$x;": 'unknown "x" variable',
    "if ($x) { return 404; }": 'unknown "x" variable',
    "if ($args ~ $x) { return 404; }": "",
    "if ($args ~ (?<n>a)) { return 200 $n; }": "",
    "if ($args = $x) { return 404; }": 'unknown "x" variable',
    "add_header $x b;": "",
    "add_header a $x;": 'unknown "x" variable',
    "server_name ~^(?<n>a)$; return 200 $n;": "",
    "server_name ~^(?P<n>a)$; return 200 $n;": "",
    "location ~ ^/(?<n>a) { return 200 $n; }": "",
    "proxy_set_header a $x;": 'unknown "x" variable',
    "set $a $x;": 'unknown "x" variable',
    "proxy_redirect ~^(.*)$x b;": "",
    "auth_request_set $a $upstream_http_a; return 200 $a;": "",
    "gzip_types $x;": "",
    "include none/*.conf; return 200 $x;": 'unknown "x" variable',
    "error_page 404 $x;": 'unknown "x" variable',
    "access_log log combined if=$x;": 'unknown "x" variable',
}  # fmt: skip
"""Lines of a server, and why nginx refuses them; empty where it takes them."""
HTTP = {
    "upstream u { server 127.0.0.1 backup; }": 'no servers in upstream "u"',
    "upstream u { server 127.0.0.1; server 127.0.0.2 backup; }": "",
    "upstream u { ip_hash; server 127.0.0.1; server 127.0.0.2 backup; }":
        'balancing method does not support parameter "backup"',
    "upstream u { server 127.0.0.2 backup; server 127.0.0.1; ip_hash; }": "",
    "upstream u { hash $args; server 127.0.0.1; server 127.0.0.2 backup; }":
        'balancing method does not support parameter "backup"',
    "upstream u { random; server 127.0.0.1; server 127.0.0.2 backup; }":
        'balancing method does not support parameter "backup"',
    "upstream u { least_conn; server 127.0.0.1; server 127.0.0.2 backup; }": "",
    "upstream u { server 127.0.0.1; } upstream u { server 127.0.0.1; }": 'duplicate upstream "u"',
    "upstream u { server 127.0.0.1; } upstream U { server 127.0.0.1; }": 'duplicate upstream "U"',
    "map $args $a { default 1; default 2; }": "duplicate default map parameter",
    "map $args $a { a 1; a 2; }": 'conflicting parameter "a"',
    "map $args $a { hostnames; *.a 1; a.* 2; .b 3; }": "",
    "map $args $a { hostnames; a.*.b 1; }": 'invalid hostname or wildcard "a.*.b"',
    "map $args $a { ~( 1; }": 'pcre2_compile() failed: missing closing parenthesis in "("',
    "map $args $a { ~*( 1; }": 'pcre2_compile() failed: missing closing parenthesis in "("',
    "map $args $a { a 1 2; }": "invalid number of the map parameters",
    "map $args $a { volatile; a 1; }": "",
    "map $args $a { b { c; } }": 'unexpected "{"',
    "map $args $ { }": 'invalid variable name "$"',
    "map $args $a { ~a 1; ~a 2; }": "",
    "map $args $a { a.*.b 1; }": "",
    "map args $a { a 1; }": "",
    "map $args $a { volatile 1; hostnames 2; }": "",
    "geo $a { default 1; 10.0.0.0/8 2; 127.0.0.1 3; ::1 4; 2001:db8::/32 5; }": "",
    "geo $a { 10.0.0 1; }": 'invalid network "10.0.0"',
    "geo $a { 10.0 1; }": 'invalid network "10.0"',
    "geo $a { x 1; }": 'invalid network "x"',
    "geo $a { 10.0.0.0/33 1; }": 'invalid network "10.0.0.0/33"',
    "geo $a { ranges; 10.0.0.0-10.0.0.9 1; default 2; }": "",
    "geo $a { 10.0.0.0-10.0.0.9 1; }": 'invalid network "10.0.0.0-10.0.0.9"',
    "geo $a { proxy 10.0.0.0/8; proxy_recursive; default 1; }": "",
    "geo $a { proxy x; }": 'invalid network "x"',
    "geo $a { delete 10.0.0.0/8; 10.0.0.0/8 1; }": "",
    "geo $a { delete x; }": 'invalid network "x"',
    "geo $args $a { default 1; }": "",
    "geo $args a { default 1; }": 'invalid variable name "a"',
    "geo a { default 1; }": 'invalid variable name "a"',
    "geo $a { default; }": "invalid number of the geo parameters",
    "geo $a { default 1 2; }": "invalid number of the geo parameters",
    "geo $ { default 1; }": 'invalid variable name "$"',
    "split_clients $args $a { 50% 1; 50% 2; }": "",
    "split_clients $args $a { 50% 1; * 2; }": "",
    "split_clients $args $a { 50% 1; 50.01% 2; }": "percent total is greater than 100%",
    "split_clients $args $a { 0% 1; }": 'invalid percent value "0%"',
    "split_clients $args $a { 50 1; }": 'invalid percent value "50"',
    "split_clients $args $a { 0.001% 1; }": 'invalid percent value "0.001%"',
    "split_clients $args $a { 99.99% 1; 0.01% 2; }": "",
    "split_clients $args a { 50% 1; }": 'invalid variable name "a"',
    "split_clients $args $a { 101% 1; }": "percent total is greater than 100%",
    "split_clients $args $ { 50% 1; }": 'invalid variable name "$"',
    "limit_req_zone $args zone=a:1m rate=5r/s; server { limit_req zone=a; }": "",
    "limit_conn_zone $args zone=a:1m; server { limit_conn a 1; }": "",
    "limit_conn_zone $args zone=a:1m; server { limit_req zone=a; }":
        'zero size shared memory zone "a"',
    "server { limit_conn a 1; }": 'zero size shared memory zone "a"',
    "proxy_cache_path cache keys_zone=a:1m; server { location / { fastcgi_cache a; }"
    " }":
        '"fastcgi_cache" zone "a" is unknown',
    "server { location / { uwsgi_cache a; } }": '"uwsgi_cache" zone "a" is unknown',
    "server { location / { scgi_cache off; } }": "",
    "server { location / { proxy_cache $a; } }": 'unknown "a" variable',
    "map $args $a { } server { location / { proxy_cache $a; } }": "",
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
        '"proxy_busy_buffers_size" must be less than the size of all "proxy_buffers" '
        "minus one buffer",
    "proxy_buffers 3 4k; server { }": "",
    "server { proxy_buffers 8 16k; }": "",
    "server { proxy_buffers 8 16k; proxy_busy_buffers_size 8k; }":
        '"proxy_busy_buffers_size" must be equal to or greater than the maximum of the '
        'value of "proxy_buffer_size" and one of the "proxy_buffers"',
    "server { proxy_busy_buffers_size 28k; }": "",
    "server { proxy_busy_buffers_size 29k; }":
        '"proxy_busy_buffers_size" must be less than the size of all "proxy_buffers" '
        "minus one buffer",
    "server { proxy_buffer_size 16k; }":
        '"proxy_busy_buffers_size" must be less than the size of all "proxy_buffers" '
        "minus one buffer",
    "server { proxy_buffer_size 15k; }":
        '"proxy_busy_buffers_size" must be less than the size of all "proxy_buffers" '
        "minus one buffer",
    "server { proxy_buffer_size 32k; proxy_buffers 4 32k; location / { proxy_buffers "
    "8 4k; } }":
        '"proxy_busy_buffers_size" must be less than the size of all "proxy_buffers" '
        "minus one buffer",
    "server { fastcgi_buffers 2 16k; fastcgi_buffer_size 16k; }":
        '"fastcgi_busy_buffers_size" must be less than the size of all "fastcgi_buffers" '
        "minus one buffer",
    "server { uwsgi_busy_buffers_size 2k; }":
        '"uwsgi_busy_buffers_size" must be equal to or greater than the maximum of the '
        'value of "uwsgi_buffer_size" and one of the "uwsgi_buffers"',
    "server { location / { if ($args) { proxy_buffer_size 64k; } } }":
        '"proxy_buffer_size" directive is not allowed here',
    "map $x $a { }": 'unknown "x" variable',
    "map $args $a { a $x; }": 'unknown "x" variable',
    "map $args $a { ~(?<n>b) $n; }": "",
    "map $args $a { b 1; } server { return 200 $a; }": "",
    "geo $x $a { default 1; }": 'unknown "x" variable',
    "geo $a { default 1; } server { return 200 $a; }": "",
    "geo $a { default $x; }": "",
    "split_clients $x $a { * 1; }": 'unknown "x" variable',
    "split_clients $args $a { * 1; } server { return 200 $a; }": "",
    "log_format a $x;": 'unknown "x" variable',
    "log_format $x a;": "",
    "log_format a $upstream_cache_status;": "",
    "server { listen 127.0.0.1:81; listen 127.0.0.1:81; }": "a duplicate listen 127.0.0.1:81",
    "server { listen 127.0.0.1:81; } server { listen 127.0.0.1:81; }": "",
    "server { listen 127.0.0.1:81 backlog=5; } server { listen 127.0.0.1:81 "
    "backlog=5; server_name a; }":
        "duplicate listen options for 127.0.0.1:81",
    "server { listen 127.0.0.1:81 backlog=5; } server { listen 127.0.0.1:81; server_name a; }": "",
    "server { listen 127.0.0.1:81 http2; } server { listen 127.0.0.1:81 http2; "
    "server_name a; }":
        "",
    "server { listen 127.0.0.1:0; }": 'invalid port in "127.0.0.1:0" of the "listen" directive',
    "server { listen 127.0.0.1:65535; }": "",
    "server { listen 65536; }": 'invalid port in "65536" of the "listen" directive',
    "server { listen 8101-8099; }": 'invalid port range in "8101-8099" of the "listen" directive',
    "server { listen 127.0.0.1:8099-8101; }": "",
    "server { listen :81; }": 'no host in ":81" of the "listen" directive',
    "server { listen *:81; }": "",
    "server { listen *a:81; }": 'host not found in "*a:81" of the "listen" directive',
    "server { listen a/b; }": 'invalid host in "a/b" of the "listen" directive',
    "server { listen unix:; }":
        'no path in the unix domain socket in "unix:" of the "listen" directive',
    "server { listen [::1]81; }": 'invalid host in "[::1]81" of the "listen" directive',
    "server { listen [x]:81; }": 'invalid IPv6 address in "[x]:81" of the "listen" directive',
    "server { listen [::1]:81 ipv6only=maybe; }": 'invalid ipv6only "ipv6only=maybe"',
    "server { listen 127.0.0.1:81 so_keepalive=on; listen 127.0.0.1:82 so_keepalive=off; }": "",
    "server { listen 127.0.0.1:81 so_keepalive=::; }": 'invalid so_keepalive "so_keepalive=::"',
    "server { listen 127.0.0.1:81 so_keepalive=1:2:3:4; }":
        'invalid so_keepalive "so_keepalive=1:2:3:4"',
    "server { listen 127.0.0.1:81 so_keepalive=x::; }": 'invalid so_keepalive "so_keepalive=x::"',
    "server { listen 127.0.0.1:81 so_keepalive=::x; }": 'invalid so_keepalive "so_keepalive=::x"',
    "server { listen 127.0.0.1:81 so_keepalive=1h:1s:3; }": "",
    "server { listen 127.0.0.1:81 so_keepalive=:x:; }": 'invalid so_keepalive "so_keepalive=:x:"',
    "server { listen 127.0.0.1:81 rcvbuf=x; }": 'invalid rcvbuf "rcvbuf=x"',
    "server { listen 127.0.0.1:81 sndbuf=1k rcvbuf=1k fastopen=3 setfib=x; }":
        'invalid setfib "setfib=x"',
    "server { listen 127.0.0.1:81 backlog=0; }": 'invalid backlog "backlog=0"',
    "server { listen 127.0.0.1:81 fastopen=x; }": 'invalid fastopen "fastopen=x"',
    "server { listen 127.0.0.1:81 udp; }": 'invalid parameter "udp"',
    "server { listen 127.0.0.1:81 default_server; } server { listen 127.0.0.1:81 "
    "default_server; server_name a; }":
        "a duplicate default server for 127.0.0.1:81",
    "server { listen 127.0.0.1:81 multipath; }": 'invalid parameter "multipath"',
    "server { listen 127.0.0.1:81 bind deferred reuseport proxy_protocol; }": "",
    "server { listen 127.0.0.1:81; server_name a.*.b; } server { listen 127.0.0.1:81;"
    " }":
        'invalid server name or wildcard "a.*.b"',
    "server { listen 127.0.0.1:81; server_name a.*.b; } server { listen 127.0.0.1:82; }": "",
    "server { listen 127.0.0.1:81; server_name *.a .b c.* ~^a..*b*; } server { listen"
    " 127.0.0.1:81; }":
        "",
    "server { listen 127.0.0.1:81; server_name a..b; } server { listen 127.0.0.1:81; "
    "}":
        'invalid server name or wildcard "a..b"',
    "server { listen 127.0.0.1:81; server_name *.a.*; } server { listen 127.0.0.1:81;"
    " }":
        'invalid server name or wildcard "*.a.*"',
}  # fmt: skip
"""The same of lines of the http block."""
CASES = {**{site(text): why for text, why in SITE.items()},
         **{whole(text): why for text, why in HTTP.items()}}  # fmt: skip


@pytest.mark.parametrize("text", CASES)
def test_what_nginx_makes_of_it(text: str) -> None:
    why = CASES[text]
    assert refusals_with_sockets(text) == ([why] if why else [])
