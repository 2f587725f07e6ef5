"""``listen``: where a line listens, and how it is shown."""

from __future__ import annotations

import pytest

from seventh.lint.nginx import listen as nginx_listen
from seventh.lint.nginx.listen import Listener
from tests.lint.nginx.texts import cases, read, refusals_with_sockets


def sockets(words: str) -> list[Listener]:
    conf = read(f"listen {words};")
    found = nginx_listen.read(conf, conf.directives[0], (1, 30, 0))
    assert not conf.refused
    return found


@pytest.mark.parametrize(
    ("words", "address", "port", "loopback", "shown"),
    [
        ("80", "*", 80, False, "80"), ("*:81", "*", 81, False, "81"), ("*", "*", 80, False, "80"),
        ("0.0.0.0:81", "*", 81, False, "81"), ("192.0.2.1", "192.0.2.1", 80, False, "80"),
        ("127.0.0.1:81", "127.0.0.1", 81, True, "81"), ("127.9.9.9", "127.9.9.9", 80, True, "80"),
        ("localhost:81", "localhost", 81, True, "81"), ("a.example", "a.example", 80, False, "80"),
        ("[::1]:81", "[::1]", 81, True, "81"), ("[::1]", "[::1]", 80, True, "80"),
        ("[::]:81", "[::]", 81, False, "81"), ("unix:/run/a", "unix:/run/a", None, True,
                                               "unix:/run/a"),
        ("443 ssl", "*", 443, False, "443 ssl"), ("443 quic", "*", 443, False, "443 quic"),
    ],
)  # fmt: skip
def test_where_it_listens(
    words: str, address: str, port: int | None, loopback: bool, shown: str
) -> None:
    (one,) = sockets(words)
    assert (one.address, one.port, one.loopback, str(one)) == (address, port, loopback, shown)
    assert one.socket == (address, port, "quic" in words)


@pytest.mark.parametrize(
    ("words", "marks"),
    [
        ("80", set()), ("443 ssl", {"tls"}), ("443 quic", {"tls", "quic"}),
        ("443 ssl http2", {"tls", "h2"}), ("80 default_server", {"default"}),
        ("80 default", {"default"}), ("80 backlog=9", {"options"}), ("80 bind", {"options"}),
        ("80 proxy_protocol", set()), ("443 quic reuseport", {"tls", "quic", "options"}),
    ],
)  # fmt: skip
def test_what_its_parameters_mean(words: str, marks: set[str]) -> None:
    (one,) = sockets(words)
    names = ("tls", "h2", "quic", "default", "options")
    assert {name for name in names if getattr(one, name)} == marks


@pytest.mark.parametrize(
    ("parameter", "before", "since"),
    [("quic", (1, 24, 9), (1, 25, 0)), ("multipath", (1, 29, 6), (1, 29, 7))],
)
def test_parameters_of_newer_versions(
    parameter: str, before: tuple[int, int, int], since: tuple[int, int, int]
) -> None:
    conf = read(f"listen 443 {parameter};")
    nginx_listen.read(conf, conf.directives[0], since)
    assert not conf.refused
    nginx_listen.read(conf, conf.directives[0], before)
    assert [line.text for line in conf.refused] == [f'invalid parameter "{parameter}"']


@pytest.mark.parametrize(
    ("words", "ports"),
    [
        ("8000-8002", [8000, 8001, 8002]),
        ("127.0.0.1:80-80", [80]),
        ("8000-9000", list(range(8000, 8064))),
    ],
)
def test_a_range_of_ports(words: str, ports: list[int]) -> None:
    assert [one.port for one in sockets(words)] == ports


HTTP: dict[str, str | tuple[str, ...]] = {
    "server { proxy_buffers 8 16k; }": "",
    "server { proxy_busy_buffers_size 28k; }": "",
    "server { listen 127.0.0.1:81; listen 127.0.0.1:81; }": "a duplicate listen 127.0.0.1:81",
    "server { listen 127.0.0.1:81; } server { listen 127.0.0.1:81; }": "",
    "server { listen 127.0.0.1:81 backlog=5; } server { listen 127.0.0.1:81 backlog=5; "
    "server_name a; }":
        "duplicate listen options for 127.0.0.1:81",
    "server { listen 127.0.0.1:81 backlog=5; } server { listen 127.0.0.1:81; server_name a; }": "",
    "server { listen 127.0.0.1:81 http2; } server { listen 127.0.0.1:81 http2; server_name a; }":
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
    "server { listen 127.0.0.1:81 default_server; } server { listen 127.0.0.1:81 default_server; "
    "server_name a; }":
        "a duplicate default server for 127.0.0.1:81",
    "server { listen 127.0.0.1:81 multipath; }": 'invalid parameter "multipath"',
    "server { listen 127.0.0.1:81 bind deferred reuseport proxy_protocol; }": "",
    "server { listen 127.0.0.1:81; server_name a.*.b; } server { listen 127.0.0.1:81; }":
        'invalid server name or wildcard "a.*.b"',
    "server { listen 127.0.0.1:81; server_name a.*.b; } server { listen 127.0.0.1:82; }": "",
    "server { listen 127.0.0.1:81; server_name *.a .b c.* ~^a..*b*; } server { listen "
    "127.0.0.1:81; }":
        "",
    "server { listen 127.0.0.1:81; server_name a..b; } server { listen 127.0.0.1:81; }":
        'invalid server name or wildcard "a..b"',
    "server { listen 127.0.0.1:81; server_name *.a.*; } server { listen 127.0.0.1:81; }":
        'invalid server name or wildcard "*.a.*"',
    "server { proxy_buffer_size 2k; proxy_buffers 4 2k; proxy_busy_buffers_size 2k; }": "",
    "server { proxy_buffer_size 2k; proxy_buffers 4 2k; proxy_busy_buffers_size 6k; }": "",
    "server { listen 127.0.0.1:81; listen 127.0.0.1:82; }": "",
    "server { listen 127.0.0.1:81 default_server; } server { listen 127.0.0.1:82 default_server; }":
        "",
    "server { listen 127.0.0.1:81 default_server; listen 127.0.0.1:82 default_server; }": "",
    "server { listen unix:/tmp/x default_server; } server { listen unix:/tmp/x default_server; "
    "server_name b; }":
        "a duplicate default server for unix:/tmp/x",
    "server { listen unix:/tmp/x backlog=5; } server { listen unix:/tmp/x backlog=5; server_name "
    "b; }":
        "duplicate listen options for unix:/tmp/x",
    "server { listen unix:/tmp/x; listen unix:/tmp/x; }": "a duplicate listen unix:/tmp/x",
    "server { listen [::1]:81 default_server; } server { listen [::1]:81 default_server; "
    "server_name b; }":
        "a duplicate default server for [::1]:81",
    "server { listen 127.0.0.1:81 so_keepalive=1; }": "",
    "server { listen 127.0.0.1:81 so_keepalive=1:; }": "",
    "server { listen 127.0.0.1:81 so_keepalive=; }": 'invalid so_keepalive "so_keepalive="',
    "server { listen 127.0.0.1:81 so_keepalive=:1; }": "",
    "server { listen 127.0.0.1:81 so_keepalive=::1; }": "",
    "server { listen 127.0.0.1:81 so_keepalive=ON; }": 'invalid so_keepalive "so_keepalive=ON"',
    "server { listen 127.0.0.1:81 so_keepalive=1ms; }": 'invalid so_keepalive "so_keepalive=1ms"',
    "server { listen 127.0.0.1:81 so_keepalive=1:2:3; }": "",
    "server { listen 127.0.0.1:81 so_keepalive=1:2:3k; }":
        'invalid so_keepalive "so_keepalive=1:2:3k"',
    "server { listen 127.0.0.1:81 so_keepalive; }": 'invalid parameter "so_keepalive"',
    "server { listen 127.0.0.1:81 so_keepalive=1:2ms; }":
        'invalid so_keepalive "so_keepalive=1:2ms"',
    "server { listen 127.0.0.1:81 backlog=1; }": "",
    "server { listen 127.0.0.1:81 backlog=x; }": 'invalid backlog "backlog=x"',
    "server { listen 127.0.0.1:81 backlog; }": 'invalid parameter "backlog"',
    "server { listen 127.0.0.1:81 rcvbuf=1k; }": "",
    "server { listen 127.0.0.1:81 rcvbuf=; }": 'invalid rcvbuf "rcvbuf="',
    "server { listen 127.0.0.1:81 sndbuf=x; }": 'invalid sndbuf "sndbuf=x"',
    "server { listen 127.0.0.1:81 sndbuf=1m; }": "",
    "server { listen 127.0.0.1:81 fastopen=0; }": "",
    "server { listen 127.0.0.1:81 fastopen=; }": 'invalid fastopen "fastopen="',
    "server { listen 127.0.0.1:81 ssl=1; }": 'invalid parameter "ssl=1"',
    "server { listen 127.0.0.1:81 bind=1; }": 'invalid parameter "bind=1"',
    "server { listen 127.0.0.1:81 default; }": "",
    "server { listen 127.0.0.1:81 quic; }": (
        'invalid parameter "quic"',
        'no "ssl_certificate" is defined for the "listen … ssl" directive',
    ),
    "server { listen [::1]:81 ipv6only=on; }": "",
    "server { listen [::1]:82 ipv6only=off; }": "",
    "server { listen 127.0.0.1:81 ipv6only=on; }": "",
    "server { listen [::1]:81 ipv6only; }": 'invalid parameter "ipv6only"',
    "server { listen [::1]:81 ipv6only=ON; }": 'invalid ipv6only "ipv6only=ON"',
    "server { listen 127.0.0.1:81 x=y; }": 'invalid parameter "x=y"',
    "server { listen 127.0.0.1:81 reuseport; }": "",
    "server { listen 127.0.0.1:81 deferred bind; }": "",
    "server { listen 127.0.0.1:81 proxy_protocol; }": "",
    "server { listen 127.0.0.1:81 http2; }": "",
    "server { listen 127.0.0.1:81 http2 ssl; }":
        'no "ssl_certificate" is defined for the "listen … ssl" directive',
    "server { listen 127.0.0.1:81 http2 ssl; ssl_reject_handshake on; }": "",
    "server { listen 127.0.0.1:1; }": "",
    "server { listen 127.0.0.1:65536; }":
        'invalid port in "127.0.0.1:65536" of the "listen" directive',
    "server { listen 127.0.0.1:-1; }": 'invalid port in "127.0.0.1:-1" of the "listen" directive',
    "server { listen 127.0.0.1:; }": 'invalid port in "127.0.0.1:" of the "listen" directive',
    "server { listen 127.0.0.1:81-; }": 'invalid port in "127.0.0.1:81-" of the "listen" directive',
    "server { listen 127.0.0.1:81-x; }":
        'invalid port in "127.0.0.1:81-x" of the "listen" directive',
    "server { listen 127.0.0.1:81-80; }":
        'invalid port range in "127.0.0.1:81-80" of the "listen" directive',
    "server { listen 127.0.0.1:81-81; }": "",
    "server { listen 127.0.0.1:0-81; }":
        'invalid port in "127.0.0.1:0-81" of the "listen" directive',
    "server { listen 127.0.0.1:65535-65536; }":
        'invalid port in "127.0.0.1:65535-65536" of the "listen" directive',
    "server { listen 18081-18083; }": "",
    "server { listen 0; }": 'invalid port in "0" of the "listen" directive',
    "server { listen ''; }": 'no host in "" of the "listen" directive',
    "server { listen; }": 'invalid number of arguments in "listen" directive',
    "server { listen [::1]:x; }": 'invalid port in "[::1]:x" of the "listen" directive',
    "server { listen [::1]; }": "",
    "server { listen [::1]:; }": 'invalid port in "[::1]:" of the "listen" directive',
    "server { listen [::1; }": 'invalid host in "[::1" of the "listen" directive',
    "server { listen []:81; }": 'invalid IPv6 address in "[]:81" of the "listen" directive',
    "server { listen UNIX:/tmp/x; }": "",
    "server { listen /a; }": 'invalid host in "/a" of the "listen" directive',
    "server { listen 127.0.0.1:81/a; }":
        'invalid host in "127.0.0.1:81/a" of the "listen" directive',
    "server { listen *; }": "",
    "server { listen http://a; }": 'invalid host in "http://a" of the "listen" directive',
    "server { listen :; }": 'no host in ":" of the "listen" directive',
    "server { listen *:18081; }": "",
    "server { listen 0.0.0.0:18081 default_server; } server { listen *:18081 default_server; "
    "server_name b; }":
        "a duplicate default server for *:18081",
    "server { listen 127.0.0.1:81; server_name *; } server { listen 127.0.0.1:81; }": (
        'server name "*" is invalid',
        'invalid server name or wildcard "*"',
    ),
    "server { listen 127.0.0.1:81; server_name *.; } server { listen 127.0.0.1:81; }":
        'server name "*." is invalid',
    "server { listen 127.0.0.1:81; server_name .*; } server { listen 127.0.0.1:81; }": "",
    "server { listen 127.0.0.1:81; server_name *.a*; } server { listen 127.0.0.1:81; }":
        'invalid server name or wildcard "*.a*"',
    "server { listen 127.0.0.1:81; server_name a*; } server { listen 127.0.0.1:81; }":
        'invalid server name or wildcard "a*"',
    "server { listen 127.0.0.1:81; server_name a.**; } server { listen 127.0.0.1:81; }":
        'invalid server name or wildcard "a.**"',
    "server { listen 127.0.0.1:81; server_name .a.*; } server { listen 127.0.0.1:81; }": "",
    "server { listen 127.0.0.1:81; server_name a.b a.*.b; } server { listen 127.0.0.1:81; }":
        'invalid server name or wildcard "a.*.b"',
    "server { listen 127.0.0.1:81; listen 127.0.0.1:82; server_name a.*.b; } server { listen "
    "127.0.0.1:82; }":
        'invalid server name or wildcard "a.*.b"',
    "server { listen 127.0.0.1:81; server_name .a..b; } server { listen 127.0.0.1:81; }":
        'invalid server name or wildcard ".a..b"',
    "server { listen 127.0.0.1:81; server_name a.*; server_name b*b; } server { listen "
    "127.0.0.1:81; }":
        'invalid server name or wildcard "b*b"',
    "server { listen 127.0.0.1:81; server_name ~a*..b; } server { listen 127.0.0.1:81; }": "",
    "server { listen 127.0.0.1:81; ssl on; }":
        'no "ssl_certificate" is defined for the "listen … ssl" directive',
    "ssl on; server { listen 127.0.0.1:81; }":
        'no "ssl_certificate" is defined for the "listen … ssl" directive',
    "ssl off; server { listen 127.0.0.1:81; }": "",
    "server { }": "",
    "server;": 'directive "server" has no opening "{"',
    "server x { }": 'invalid number of arguments in "server" directive',
    "server { listen 127.0.0.1:81 ssl; ssl_certificate_key x; }":
        'no "ssl_certificate" is defined for the "listen … ssl" directive',
}  # fmt: skip
"""Lines of the http block, and why nginx refuses them; empty where it takes them."""
CASES = cases({}, HTTP)


@pytest.mark.parametrize(("text", "why"), CASES.items())
def test_what_nginx_makes_of_it(text: str, why: tuple[str, ...]) -> None:
    assert refusals_with_sockets(text) == why
