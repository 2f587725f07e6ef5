"""What nginx would not start with: values, parameters, contexts, and names that nothing defines."""

from __future__ import annotations

import pytest

from seventh.lint.nginx import directives as nginx_directives
from seventh.lint.nginx import values
from seventh.lint.nginx.parameters.judging import pattern
from tests.lint.nginx.parameters.judged import unfit
from tests.lint.nginx.texts import refusals, refusals_with_sockets, site, whole

pytestmark = pytest.mark.field

UP = "upstream app {{ server 127.0.0.1:9000 {}; server 127.0.0.1:9001; }}"


REFUSED = {
    site("client_max_body_size 64mb;"): '"client_max_body_size" directive invalid value',
    site("client_body_timeout 12q;"): '"client_body_timeout" directive invalid value',
    site("send_timeout 30m1h;"): '"send_timeout" directive invalid value',
    site("proxy_read_timeout -5s;"): '"proxy_read_timeout" directive invalid value',
    site("keepalive_requests many;"): '"keepalive_requests" directive invalid number',
    site("keepalive_timeout 65 1ms;"): '"keepalive_timeout" directive invalid value',
    site("gzip_comp_level 11;"): "value must be between 1 and 9",
    site("gzip_buffers 0 8k;"): '"gzip_buffers" directive invalid value',
    site("gzip_proxied sometimes;"): 'invalid value "sometimes" in "gzip_proxied" directive',
    site("expires tomorrow;"): '"expires" directive invalid value',
    site("expires modified max;"): '"expires" directive invalid value',
    site("expires @25h;"): "must be less than 24 hours",
    site("ssl_protocols TLSv1.5;"): 'invalid value "TLSv1.5" in "ssl_protocols" directive',
    site("ssl_session_cache shared:x;"): 'invalid session cache "shared:x"',
    site("ssl_session_cache shared:x:4k;"): "is too small",
    site("ssl_verify_client maybe;"): 'invalid value "maybe"',
    site("limit_rate 1g;"): '"limit_rate" directive invalid value',
    site("access_log /var/log/a.log combinde;"): 'unknown log format "combinde"',
    site("access_log /var/log/a.log combined bufer=1k;"): 'invalid parameter "bufer=1k"',
    site("error_log /var/log/e.log loud;"): 'invalid log level "loud"',
    site("error_page 200 /x;"): 'value "200" must be between 300 and 599',
    site("return /there;"): 'invalid return code "/there"',
    site("return 200 $no_such;"): 'unknown "no_such" variable',
    site('return 200 "5$ ";'): "invalid variable name",
    site("rewrite ^ /x forever;"): 'invalid parameter "forever"',
    site("rewrite (a /x;"): "missing closing parenthesis",
    site("add_header A b sometimes;"): 'invalid parameter "sometimes"',
    site("allow 10.0.0.0/33;"): 'invalid parameter "10.0.0.0/33"',
    site("resolver 127.0.0.1 valid=soon;"): "invalid parameter: valid=soon",
    site("limit_req zone=nope;"): 'zero size shared memory zone "nope"',
    site("proxy_cache nope;"): '"proxy_cache" zone "nope" is unknown',
    site("proxy_buffer_size 64k;"): '"proxy_busy_buffers_size" must be less than',
    site("proxy_http_version 3;"): "invalid value",
    site("proxy_timeout 5s;"): '"proxy_timeout" directive is not allowed here',
    site("location ~ x { proxy_pass http://127.0.0.1/; }"): "cannot have URI part",
    site("location / { proxy_pass 127.0.0.1:80; }"): "invalid URL prefix",
    site("location / { proxy_pass http://127.0.0.1:99999; }"): "invalid port in upstream",
    site("location / { fastcgi_pass 127.0.0.1; }"): "no port in upstream",
    site("location /a { location /b { } }"): 'location "/b" is outside location "/a"',
    site("location == /a { }"): "invalid location modifier",
    site("location /a { root /x; alias /y; }"): 'directive is duplicate, "root" directive was',
    site("location =/a { } location = /a { }"): 'duplicate location "/a"',
    site("if ($args == a) { return 404; }"): 'unexpected "==" in condition',
    site("location / { limit_except FETCH { deny all; } }"): 'invalid method "FETCH"',
    whole("server { listen 127.0.0.1:80 tls; }"): 'invalid parameter "tls"',
    whole("server { listen 127.0.0.1:80 backlog=lots; }"): 'invalid backlog "backlog=lots"',
    whole("server { listen 80x; }"): "",
    whole("server { listen 127.0.0.1:x; }"): "invalid port in",
    whole("server { listen [::1; }"): "invalid host in",
    whole(
        "server { listen 81 default_server; } server { listen *:81 default; server_name b; }"
    ): "a duplicate default server for *:81",
    whole("upstream a { }"): "no servers are inside upstream",
    whole(UP.format("wait=1")): 'invalid parameter "wait=1"',
    whole(UP.format("resolve")): 'invalid parameter "resolve"',
    whole(UP.format("fail_timeout=5ms")): 'invalid parameter "fail_timeout=5ms"',
    whole("map $args $a { b; }"): "invalid number of the map parameters",
    whole("map $args a { b c; }"): 'invalid variable name "a"',
    whole("limit_req_zone $args zone=a:1m rate=5;"): "",
    whole("limit_req_zone $args zone=a:1m rate=5r/h;"): 'invalid rate "rate=5r/h"',
    whole("proxy_cache_path /c keys_zone=a:1m inactive=soon;"): "invalid inactive value",
    whole("log_format a b; log_format a c;"): 'duplicate "log_format" name "a"',
    "worker_processes some; events { }": '"worker_processes" directive invalid value',
    "events { worker_connections 1k; }": '"worker_connections" directive invalid number',
    "stream { server { listen 53; proxy_pass a:1; proxy_timeout soon; } } events { }":
        '"proxy_timeout" directive invalid value',
    "stream { server { listen 53; location / { } } } events { }": "is not allowed here",
    "mail { server { listen 25; protocol smtp; timeout soon; } } events { }":
        '"timeout" directive invalid value',
}  # fmt: skip


@pytest.mark.parametrize("text", [text for text, why in REFUSED.items() if why])
def test_what_nginx_refuses(text: str) -> None:
    found = refusals_with_sockets(text)
    assert len(found) == 1
    assert REFUSED[text] in found[0]


@pytest.mark.parametrize(
    "text",
    [
        site("client_max_body_size 1g; client_body_buffer_size 16K; send_timeout 1h30m;"),
        site("keepalive_timeout 0; proxy_read_timeout 1d; gzip_comp_level 9; expires -1;"),
        site("expires @12h30m; ssl_session_timeout 1M; access_log off; error_page 404 =200 /x;"),
        site("gzip_types text/css; proxy_next_upstream ERROR timeout; server_tokens build;"),
        site("set $x 1; return 200 $x$arg_y$http_z$uri;"),
        site("location ~ ^/(?<rest>.*)$ { proxy_pass http://127.0.0.1/$rest; }"),
        site("if ($request_method !~ ^(GET|HEAD)$) { return 405; }"),
        whole(UP.format("weight=2 max_fails=0 fail_timeout=1m backup")),
        whole(
            "limit_req_zone $args zone=a:1m rate=5; server { limit_req zone=a burst=2 nodelay; }"
        ),
        whole("server { listen 127.0.0.1:8080 so_keepalive=30m::10 backlog=64; }"),
        "stream { upstream d { server a:53; } server { listen 53 udp; proxy_pass d; } } events { }",
        "mail { auth_http a:1; server { listen 25; protocol smtp; smtp_auth login; } } events { }",
    ],
)
def test_what_nginx_takes(text: str) -> None:
    assert refusals_with_sockets(text) == ()


def test_a_newer_version_has_more() -> None:
    text = whole(UP.format("resolve"))
    assert refusals(text) == ['invalid parameter "resolve"']
    assert refusals(text, "1.27.3") == []


@pytest.mark.parametrize(
    ("main", "http", "why"),
    [
        ("load_module modules/ngx_http_perl_module.so;", "", ""),
        ("load_module modules/ngx_http_geoip2_module.so;", "", ""),
        ("load_module modules/ngx_stream_module.so;", "", 'unknown "no_such" variable'),
        ("load_module modules/ngx_mail_module.so;", "", 'unknown "no_such" variable'),
        ("load_module modules/ngx_http_brotli_filter_module.so;", "",
         'unknown "no_such" variable'),
        ("load_module modules/ngx_stream_module.sox;", "", ""),
        ("", "lua_package_path x;", ""), ("", "set_by_lua_block $a { return 1 }", ""),
        ("", "js_import x;", ""), ("", "perl_require x;", ""), ("", "a_module_s_own x;", ""),
        ("lua_x y;", "", ""), ("js_x y;", "", ""), ("perl_x y;", "", ""),
        ("another_module x;", "", 'unknown "no_such" variable'),
        ("", "gzip on;", 'unknown "no_such" variable'),
    ],
)  # fmt: skip
def test_another_module_may_define_what_is_unknown(main: str, http: str, why: str) -> None:
    text = f"{main}\nevents {{ }} http {{ {http} server {{ return 200 $no_such; }} }}"
    assert refusals(text) == ([why] if why else [])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("gzip on; worker_connections 9; gzipp on;", ['unknown directive "gzipp": is gzip meant?']),
        ("gzip on; worker_connections 9; a-b c;", ['unknown directive "a-b"']),
        ("gzip on; worker_connections 9; gzip maybe;", []),
        ("gzip on; worker_connections 9; default x;", []),
        ("gzipp on;", []), ("a-b c; default x;", []),
        ("gzipp { }", ['unknown directive "gzipp": is gzip meant?']),
    ],
)  # fmt: skip
def test_where_nothing_tells_the_place_names_alone_are_judged(text: str, said: list[str]) -> None:
    assert refusals(text) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stream { upstream u { server a:1; gzip on; } } events { }", "gzip"),
        ("stream { server { listen 53; gzip on; } } events { }", "gzip"),
        ("stream { gzip on; } events { }", "gzip"), ("mail { gzip on; } events { }", "gzip"),
        ("mail { server { listen 25; protocol smtp; gzip on; } } events { }", "gzip"),
        ("events { gzip on; }", "gzip"), ("gzip on; events { }", "gzip"),
        (site("location /a { location /a/b { listen 80; } }"), "listen"),
        (whole("upstream u { server a; server_name b; }"), "server_name"),
    ],
)  # fmt: skip
def test_what_stands_in_a_wrong_block(text: str, said: str) -> None:
    assert refusals(text) == [f'"{said}" directive is not allowed here']


@pytest.mark.parametrize("line", ["include none/*.conf;", "include none;"])
def test_a_group_may_have_its_servers_in_a_file_that_is_not_there(line: str) -> None:
    assert refusals(whole(f"upstream u {{ {line} }}")) == []
    assert refusals(whole(f"upstream u {{ server 127.0.0.1 backup; {line} }}")) == []


GROUP = "upstream {} {{ server 127.0.0.1; }}"


@pytest.mark.parametrize(
    ("text", "times"),
    [
        (whole(GROUP.format("u") * 2), 1), (whole(GROUP.format("u") * 3), 2),
        (whole(GROUP.format("u") + GROUP.format("v")), 0),
        (f"{GROUP.format('u') * 2} server {{ listen 80; root /s; }}", 1),
        (f"stream {{ {GROUP.format('u')} }} http {{ {GROUP.format('u')} }} events {{ }}", 0),
        (f"stream {{ {GROUP.format('u') * 2} }} events {{ }}", 1),
        (f"{GROUP.format('u') * 2} server {{ listen 53; proxy_pass u; ssl_preread on; }}", 1),
    ],
)  # fmt: skip
def test_two_groups_of_one_name(text: str, times: int) -> None:
    assert refusals(text) == ['duplicate upstream "u"'] * times


@pytest.mark.parametrize(
    ("text", "milliseconds", "seconds"),
    [("1", 1000, 1), ("1h30m", 5400000, 5400), ("1s500ms", 1500, None), ("1y", None, 31536000),
     ("2M", None, 5184000), ("1d 12h", 129600000, 129600), ("1m1h", None, None), ("", None, None),
     ("s", None, None), ("1.5s", None, None), ("9" * 19, None, None), ("9" * 30, None, None),
     ("1hs", 3600000, 3600), ("1s1", 2000, 2), ("1 ", 1000, 1), ("1 2", 3000, 3), ("h1", 1000, 1),
     ("1 s", None, None), ("1s 1", 2000, 2), ("1w", 604800000, 604800), ("1ms", 1, None),
     ("1M", None, 2592000), ("2h3", 7203000, 7203), ("1hh", None, None), ("1dms", 86400000, None),
     ("1d 1ms", 86400001, None), ("1w1d1h1m1s", 694861000, 694861),
     ("1y1M1w1d1h1m1s", None, 34822861)],
)  # fmt: skip
def test_times(text: str, milliseconds: int | None, seconds: int | None) -> None:
    assert values.milliseconds(text) == milliseconds
    assert values.seconds(text) == seconds


@pytest.mark.parametrize(
    ("text", "size", "offset"),
    [("1", 1, 1), ("8k", 8192, 8192), ("1M", 1048576, 1048576), ("1g", None, 2**30),
     ("1kb", None, None), ("-1", None, None), ("", None, None), ("9" * 20, None, None),
     ("9223372036854775807k", None, None)],
)  # fmt: skip
def test_sizes(text: str, size: int | None, offset: int | None) -> None:
    assert values.size(text) == size
    assert values.offset(text) == offset


@pytest.mark.parametrize(
    "text",
    ["", "^/a(b|c)$", "((a)(b))", "[]a]", "[^]a]", r"\(", r"\)", "[(]", "[)]", "[[:alpha:]]+",
     "[[:^alpha:](]", r"[\]]", r"[^\](]", r"\[", "(?<n>a)", "a]", "(?x)a # (", "(?ix)(", "(?i-x)(",
     "(?#()", r"\Q(\E", "[(\n]"],
)  # fmt: skip
def test_patterns_whose_brackets_close(text: str) -> None:
    assert pattern(text) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("(", "missing closing parenthesis"), ("(()", "missing closing parenthesis"),
        ("(?:a", "missing closing parenthesis"), ("(?i)(", "missing closing parenthesis"),
        (r"(\)", "missing closing parenthesis"), ("([)]", "missing closing parenthesis"),
        ("(?<x>(", "missing closing parenthesis"),
        (")", "unmatched closing parenthesis"), ("())(", "unmatched closing parenthesis"),
        ("[", "missing terminating ] for character class"),
        ("[a", "missing terminating ] for character class"),
        ("[]", "missing terminating ] for character class"),
        ("[^]", "missing terminating ] for character class"),
        (r"[\]", "missing terminating ] for character class"),
        ("([", "missing terminating ] for character class"),
    ],
)  # fmt: skip
def test_patterns_that_pcre_refuses(text: str, why: str) -> None:
    assert pattern(text) == f'pcre2_compile() failed: {why} in "{text}"'


IN_STREAM = {
    "access_log": "off x", "error_log": "a.log loud", "allow": "10.0.0.0/33", "deny": "x",
    "resolver": "valid=5s", "log_format": "a escape=html b", "limit_conn": "a 0",
    "limit_conn_zone": "$a zone=a:1k", "open_log_file_cache": "inactive=20s",
    "ssl_session_cache": "on", "set": "a b", "proxy_bind": "x", "server": "127.0.0.1:0",
    "zone": "a 1k", "hash": "$a x", "random": "one",
}  # fmt: skip


@pytest.mark.parametrize("name", IN_STREAM)
def test_words_are_the_same_in_stream(name: str) -> None:
    line = f"{name} {IN_STREAM[name]};"
    places = nginx_directives.directives("stream")[name].places
    block = f"upstream u {{ server 127.0.0.1:1; {line} }}" if "v" in places else line
    if "T" not in places and "v" not in places:
        block = f"server {{ listen 53; proxy_pass 127.0.0.1:1; {line} }}"
    said = refusals(f"stream {{ {block} }} events {{ }}", "1.30.0")
    assert said == [unfit(name, IN_STREAM[name], (1, 30, 0))]
