"""Forwardings as ssh(1) writes them."""

from __future__ import annotations

import pytest

from seventh.protocols.ssh.wire.forwards import FORMS, Forward, parse_forward
from seventh.protocols.ssh.wire.patterns import GrammarError

ALL = "0.0.0.0"


def forward(kind: str, bind: str, port: int, host: str = "", host_port: int = 0) -> Forward:
    return Forward(text="", kind=kind, bind=bind, port=port, host=host, host_port=host_port)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("L:db:5432", forward("local", "localhost", 0, "db", 5432)),
        ("L:db:1", forward("local", "localhost", 0, "db", 1)),
        ("L:8080:db:80", forward("local", "localhost", 8080, "db", 80)),
        ("l: 8080:db:80", forward("local", "localhost", 8080, "db", 80)),
        ("L:*:8080:db:80", forward("local", "*", 8080, "db", 80)),
        ("L::8080:db:80", forward("local", "", 8080, "db", 80)),
        ("L:[::1]:8080:[2001:db8::1]:80", forward("local", "::1", 8080, "2001:db8::1", 80)),
        (f"R:{ALL}:2222:localhost:22", forward("remote", ALL, 2222, "localhost", 22)),
        ("R:0:localhost:22", forward("remote", "localhost", 0, "localhost", 22)),
        ("R:1080", forward("remote", "localhost", 1080)),
        ("R:*:1080", forward("remote", "*", 1080)),
        ("D:1080", forward("dynamic", "localhost", 1080)),
        ("D:[::]:65535", forward("dynamic", "::", 65535)),
    ],
)
def test_what_ssh_accepts(text: str, found: Forward) -> None:
    made = parse_forward(text)
    assert made.text == text
    assert made == Forward(**{**{f: getattr(found, f) for f in found.__struct_fields__},
                              "text": text})  # fmt: skip


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("8080:db:80", f"write {FORMS}"), ("X:1", f"write {FORMS}"), ("L", f"write {FORMS}"),
        ("L:1", f"write {FORMS}"), ("D:a:b:1", f"write {FORMS}"),
        ("R:a:b:c:d:1", f"write {FORMS}"),
        ("L:0:db:80", "'0' is not a port"), ("D:0", "'0' is not a port"),
        ("D:65536", "'65536' is not a port"), ("R:1:h:0", "'0' is not a port"),
        ("L:db:0", "'0' is not a port"), ("R:*:00:h:1", "'00' is not a port"),
        ("L:1:h:http", "'http' is not a port"), ("R:", "'' is not a port"),
        ("L:1::80", "the destination has no host"), ("L::80", "the destination has no host"),
        ("L:/tmp/x:h:1", "forwardings of Unix sockets are not supported"),
        ("L:[::1:1:h:1", "brackets do not match"), ("L:::1]:1:h:1", "brackets do not match"),
        ("L:[[::1]]:1:h:1", "brackets do not match"),
    ],
)  # fmt: skip
def test_what_is_none(text: str, why: str) -> None:
    with pytest.raises(GrammarError) as refused:
        parse_forward(text)
    assert str(refused.value) == why


@pytest.mark.parametrize(
    ("bind", "sent", "others"),
    [
        ("localhost", b"localhost", False), ("LOCALHOST", b"LOCALHOST", False),
        ("127.0.0.9", b"127.0.0.9", False), ("::1", b"::1", False), ("*", b"", True),
        ("", b"", True), (ALL, b"0.0.0.0", True), ("192.0.2.1", b"192.0.2.1", True),
    ],
)  # fmt: skip
def test_the_address_of_the_request(bind: str, sent: bytes, others: bool) -> None:
    made = forward("remote", bind, 1)
    assert (made.requested_bind, made.for_others) == (sent, others)
