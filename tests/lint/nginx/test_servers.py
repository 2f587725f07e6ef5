"""Servers and locations: where each listens, who decides, what becomes of requests."""

from __future__ import annotations

import pytest

from seventh.lint.nginx import check as nginx_check
from seventh.lint.nginx import servers as nginx_servers
from seventh.lint.nginx.servers import Server
from tests.lint.nginx.texts import read, refusals_with_sockets, whole

NEW = (1, 30, 0)


def servers(http: str, version: tuple[int, int, int] = NEW, limit: int = 9) -> list[Server]:
    conf = read(whole(http))
    found = nginx_servers.servers(conf, nginx_check.root_place(conf), version, limit)
    assert not conf.refused
    return found


def one(inside: str) -> Server:
    (server,) = servers(f"server {{ {inside} }}")
    return server


@pytest.mark.parametrize(
    ("inside", "label"),
    [
        ("", "server _ (80)"), ("server_name _;", "server _ (80)"),
        ('server_name "" _ a.example b.example;', "server a.example (80)"),
        ("server_name _; server_name b.example;", "server b.example (80)"),
        ("listen 192.0.2.1:80; listen 192.0.2.2:80;", "server _ (80)"),
        ("listen 80; listen 443 ssl; listen 443 quic; server_name a;",
         "server a (80, 443 ssl, 443 quic)"),
        ("listen unix:/run/a;", "server _ (unix:/run/a)"),
        (f"server_name {'a' * 300};", f"server {'a' * 193}…"),
    ],
)  # fmt: skip
def test_what_a_server_is_called(inside: str, label: str) -> None:
    assert one(inside).label == label


def test_a_server_without_a_listen_line_listens_on_port_80_in_the_clear() -> None:
    server = one("")
    (listener,) = server.listeners
    assert (listener.address, listener.port) == ("*", 80)
    assert not (listener.tls or listener.h2 or listener.quic or listener.default)
    assert listener.at == server.directive.at
    assert not server.tls
    assert server.defaults == ()


@pytest.mark.parametrize(
    ("inside", "version", "tls"),
    [
        ("listen 443 ssl;", NEW, True), ("listen 443 quic;", NEW, True),
        ("listen 443;", NEW, False),
        ("listen 443; ssl on;", (1, 25, 0), True), ("listen 443; ssl on;", (1, 25, 1), False),
        ("listen 443; ssl off;", (1, 25, 0), False), ("listen 80; listen 443 ssl;", NEW, True),
        ("ssl on;", (1, 24, 0), True),
    ],
)  # fmt: skip
def test_which_servers_have_tls(inside: str, version: tuple[int, int, int], tls: bool) -> None:
    (server,) = servers(f"server {{ {inside} }}", version)
    assert server.tls is tls


PAIRS = {
    # the first server's lines, the other's: TLS and HTTP/2 of each, and whose settings decide
    ("listen 443 ssl;", "listen 443;"): ("tls", "tls", "aa"),
    ("listen 443;", "listen 443 ssl;"): ("tls", "tls", "aa"),
    ("listen 443 ssl;", "listen 443 ssl default_server;"): ("tls", "tls", "bb"),
    ("listen 443 ssl default_server;", "listen 443 ssl;"): ("tls", "tls", "aa"),
    ("listen 443 ssl http2;", "listen 443 ssl;"): ("tls h2", "tls h2", "aa"),
    ("listen 443 ssl;", "listen 443 ssl http2;"): ("tls h2", "tls h2", "aa"),
    ("listen 443 ssl;", "listen 444 ssl http2;"): ("tls", "tls h2", "ab"),
    ("listen 443 ssl;", "listen 192.0.2.1:443;"): ("tls", "", "a"),
    ("listen 443 ssl;", "listen 443 quic;"): ("tls", "tls", "ab"),
    ("listen 80;", "listen 80;"): ("", "", ""),
    ("listen 443 ssl;", "listen 443 ssl; listen 444 ssl;"): ("tls", "tls", "aab"),
    ("listen 0.0.0.0:443 ssl;", "listen *:443;"): ("tls", "tls", "aa"),
}  # fmt: skip


@pytest.mark.parametrize("lines", PAIRS)
def test_what_holds_for_a_socket_and_who_decides_it(lines: tuple[str, str]) -> None:
    first, other = servers("".join(f"server {{ {inside} }}" for inside in lines))
    *marks, decide = PAIRS[lines]
    for server, said in zip((first, other), marks, strict=True):
        assert {one.tls for one in server.listeners if "tls" in said or one.tls} <= {True}
        assert any(one.tls for one in server.listeners) is ("tls" in said)
        assert any(one.h2 for one in server.listeners) is ("h2" in said)
    names = {id(first.scope): "a", id(other.scope): "b"}
    assert "".join(names[id(s)] for each in (first, other) for s in each.defaults) == decide


def test_no_more_servers_are_read_than_the_bound() -> None:
    three = "server { } gzip on; server { listen 81; } server { listen 82; }"
    assert [len(servers(three, limit=limit)) for limit in (1, 2, 3, 4)] == [1, 2, 3, 3]
    assert servers("gzip on; upstream u { server a; }") == []


DOES = {
    "": "files", "root /srv;": "files", "return 404;": "refuses", "return 500;": "refuses",
    "return 444;": "closes", "return 204;": "answers", "return 200 a;": "answers",
    "return 301 /a;": "redirects", "return 307;": "redirects", "return http://b/;": "redirects",
    "return $a;": "redirects", "return 400 a;": "refuses", "return 404; return 200;": "refuses",
    "location / { return 404; }": "refuses", "return 200; location / { return 404; }": "answers",
    "location / { proxy_pass http://a; }": "passes", "location / { fastcgi_pass a:1; }": "passes",
    "location / { uwsgi_pass a:1; }": "passes", "location / { scgi_pass a:1; }": "passes",
    "location / { grpc_pass a:1; }": "passes", "location / { memcached_pass a:1; }": "passes",
    "return 404; location / { proxy_pass http://a; }": "refuses",
    "location /a { proxy_pass http://a; }": "files",
    "rewrite ^ /b permanent;": "redirects", "rewrite ^ /b redirect;": "redirects",
    "rewrite ^ /b last;": "files", "rewrite ^ /b;": "files", "rewrite ^ /b break;": "files",
    "rewrite ^ https://b;": "redirects", "rewrite ^ http://b;": "redirects",
    "rewrite ^ $scheme://b;": "redirects", "rewrite ^ https://b last;": "redirects",
    "rewrite ^/a https://b;": "files", "rewrite ^/a /b permanent;": "files",
    "rewrite .* /b permanent;": "redirects", "rewrite ^.*$ /b permanent;": "redirects",
    "rewrite (.*) /b permanent;": "redirects", "rewrite ^(.*) /b permanent;": "redirects",
    "rewrite ^(.*)$ /b permanent;": "redirects", "rewrite ^/(.*) /b permanent;": "redirects",
    "rewrite ^/(.*)$ /b permanent;": "redirects", "rewrite ^/a /b; rewrite ^ /c redirect;":
        "redirects",
    "location / { rewrite ^ /b permanent; }": "redirects",
    "rewrite;": "files", "rewrite ^;": "files", "return;": "redirects",
}  # fmt: skip
"""Lines of a server, and what becomes of a request for ``/``, by nginx's documentation."""


@pytest.mark.parametrize("inside", DOES)
def test_what_becomes_of_a_request(inside: str) -> None:
    server = one(inside)
    front = nginx_servers.front(server, nginx_servers.locations(server, 9))
    assert nginx_servers.does(server, front) == DOES[inside]


HTTPS = {
    "return 301 https://a$uri;": True, "return 301 HTTPS://a;": True,
    "return 301 http://a;": False, "return 301 /https://a;": False,
    "rewrite ^ https://a permanent;": True,
    "root https://;": False,
    "location / { return 301 https://a; }": True, "location /a { return 301 https://a; }": False,
    "location / { rewrite ^ https://a; }": True,
    "if ($scheme = http) { return 301 https://a; }": True,
    "if ($scheme != https) { rewrite ^ https://a; }": True,
    "if ($https = '') { return 301 https://a; }": True,
    "if ($server_port = 80) { return 301 https://a; }": True,
    "if ($http_x_forwarded_proto = http) { return 301 https://a; }": True,
    "if ($args) { return 301 https://a; }": False, "if ($schemes) { return 301 https://a; }": False,
    "if ($scheme = http) { }": False, "if ($scheme = http) { return 301 /a; }": False,
    "location / { if ($scheme = http) { return 301 https://a; } }": True, "": False,
}  # fmt: skip


@pytest.mark.parametrize("inside", HTTPS)
def test_what_leads_to_https(inside: str) -> None:
    server = one(inside)
    front = nginx_servers.front(server, nginx_servers.locations(server, 9))
    assert nginx_servers.leads_to_https(server, front) is HTTPS[inside]


FRONTS = {
    # locations: the words of the one that / leads to, and whether every other path is the server's
    "": ((), False), "location /a { }": ((), False), "location / { }": (("/",), False),
    "location ^~ / { }": (("^~", "/"), False), "location = / { }": (("=", "/"), True),
    "location =/ { }": (("=/",), True), "location ^~/ { }": (("^~/",), False),
    "location =/ { } location / { }": (("=/",), False),
    "location / { } location = / { }": (("=", "/"), False),
    "location ^~ / { } location = / { }": (("=", "/"), False),
    "location ~ / { }": ((), False), "location /a { location / { } }": ((), False),
    "location / { location = / { } }": (("/",), False),
    "location = / { } location /a { }": (("=", "/"), True),
    "location = / { } location /a { location / { } }": (("=", "/"), True),
    "location /a { location = / { } }": ((), False),
}  # fmt: skip


@pytest.mark.parametrize("inside", FRONTS)
def test_where_the_path_of_the_front_page_leads(inside: str) -> None:
    server = one(inside)
    found = nginx_servers.locations(server, 9)
    rest = nginx_servers.rest(server, found)
    assert (nginx_servers.front(server, found).words, rest is not None) == FRONTS[inside]
    if rest is not None:
        assert rest.words == ()
        assert rest.scope is server.scope


def test_the_path_of_a_place() -> None:
    server = one("location ~* ^/a { }")
    (location,) = nginx_servers.locations(server, 9)
    assert location.path == "^/a"
    assert nginx_servers.front(server, [location]).path == "/"


def test_locations_are_those_within_others_too_up_to_a_bound() -> None:
    server = one("location /a { location /a/b { } } location; location / ; location ~ ^/c { }")
    paths = [
        [location.path for location in nginx_servers.locations(server, limit)]
        for limit in (1, 2, 3, 9)
    ]
    assert paths == [["/a"], ["/a", "^/c"], ["/a", "^/c", "/a/b"], ["/a", "^/c", "/a/b"]]


@pytest.mark.parametrize(
    ("http", "why"),
    [
        ("server { listen 443 ssl; }", True),
        ("server { listen 443 ssl; ssl_certificate c; }", False),
        ("ssl_certificate c; server { listen 443 ssl; }", False), ("server { listen 80; }", False),
        ("server { listen 443 ssl; ssl_reject_handshake on; }", False),
        ("server { listen 443 ssl; ssl_reject_handshake off; }", True),
        ("server { listen 443; } server { listen 443 ssl; ssl_certificate c; }", True),
    ],
)  # fmt: skip
def test_a_server_with_tls_needs_a_certificate(http: str, why: bool) -> None:
    said = 'no "ssl_certificate" is defined for the "listen … ssl" directive'
    assert refusals_with_sockets(whole(http)) == (said,) * why


def test_who_asks_for_a_variable() -> None:
    server = one("if ($a) { } location / { if ($b = c) { } set $d e; } location /x { }")
    front, other = nginx_servers.locations(server, 9)
    asked = [
        [nginx_servers.asks(server, place, f"${name}") for name in "abcd"]
        for place in (front, other)
    ]
    assert asked == [[True, True, False, False], [True, False, False, False]]
