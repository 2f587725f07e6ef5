"""Which names are asked for CAA records."""

from __future__ import annotations

import pytest

from seventh.wire.caa import climb


@pytest.mark.parametrize(
    ("host", "names"),
    [
        ("www.example.org", ("www.example.org", "example.org", "org")),
        ("WWW.Example.ORG.", ("www.example.org", "example.org", "org")),
        ("example.org", ("example.org", "org")),
        ("org", ()),
        ("localhost", ()),
        ("", ()),
        (".", ()),
        ("a..org", ()),
        ("lab.test", ()),
        ("db.internal", ()),
        ("printer.local", ()),
        ("router.home.arpa", ()),
        ("home.arpa", ()),
        ("ip6.arpa", ("ip6.arpa", "arpa")),
        ("home.org", ("home.org", "org")),
        ("test.org", ("test.org", "org")),
        ("192.0.2.1", ()),
        ("2001:db8::1", ()),
    ],
)
def test_the_climb(host: str, names: tuple[str, ...]) -> None:
    assert climb(host) == names


@pytest.mark.parametrize(
    "top",
    ["alt", "corp", "example", "home", "internal", "invalid", "lan", "local", "localhost", "onion",
     "test"],
)  # fmt: skip
def test_a_top_that_the_public_dns_does_not_have(top: str) -> None:
    assert climb(f"a.{top}") == ()
    assert climb(f"{top}.example.org") == (f"{top}.example.org", "example.org", "org")
