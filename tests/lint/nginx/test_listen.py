"""``listen``: where a line listens, and how it is shown."""

from __future__ import annotations

import pytest

from seventh.lint.nginx import listen as nginx_listen
from seventh.lint.nginx.listen import Listener
from tests.lint.nginx.texts import read


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
    ("words", "ports"),
    [
        ("8000-8002", [8000, 8001, 8002]),
        ("127.0.0.1:80-80", [80]),
        ("8000-9000", list(range(8000, 8064))),
    ],
)
def test_a_range_of_ports(words: str, ports: list[int]) -> None:
    assert [one.port for one in sockets(words)] == ports
