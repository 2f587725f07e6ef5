"""The URL of a proxy, and who resolves names for it."""

from __future__ import annotations

import pytest

from seventh.model.failure import UsageError
from seventh.model.options import Options
from seventh.model.proxy import is_socks, proxy_facts, proxy_url
from tests.options import options_with


@pytest.mark.parametrize(
    "text", ["http://p.lan:3128", "https://192.0.2.1:1", "socks5h://[::1]:1080"]
)
def test_urls(text: str) -> None:
    assert str(proxy_url(f" {text}/ ")) == text
    assert is_socks(proxy_url(text)) is text.startswith("socks")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("p.lan:3128", "'p.lan:3128': write http://HOST:PORT"),
        ("", "write http://HOST:PORT"),
        ("socks4://p:1", "socks5h://HOST:PORT"),
        ("ssh://p:22", "socks5h://HOST:PORT"),
        ("http://p.lan", "has no port: write one, such as http://p.lan:3128"),
        ("https://p.lan", "such as https://p.lan:3129"),
        ("socks5://p.lan", "such as socks5://p.lan:1080"),
        ("socks5h://p.lan", "such as socks5h://p.lan:1080"),
        ("http://p:70000", "port '70000' is not a number"),
        ("http://:1", "has no host"),
        ("http://p:1/x", "a proxy has no path: remove '/x'"),
        ("http://p:1?x", "a proxy has no path"),
    ],
)
def test_what_is_no_proxy(text: str, words: str) -> None:
    with pytest.raises(UsageError) as raised:
        proxy_url(text)
    assert words in str(raised.value)


@pytest.mark.parametrize("text", ["http://ops:hidden@p:1", "ops:hidden@p:1", "socks5://hidden@p:1"])
def test_credentials_are_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(UsageError) as raised:
        proxy_url(text)
    assert "--proxy-auth-file" in str(raised.value)
    assert "hidden" not in str(raised.value)


@pytest.mark.parametrize(
    ("changes", "here"),
    [
        ({}, True),
        ({"proxy": "socks5://p:1"}, True),
        ({"proxy": "socks5h://p:1"}, False),
        ({"proxy": "http://p:1"}, False),
        ({"via": "ssh://bastion"}, False),
        ({"via": "ssh://bastion", "proxy": "socks5://p:1"}, False),
    ],
)
def test_who_resolves_the_target(changes: dict[str, str], here: bool) -> None:
    options = options_with(**changes)
    assert options.resolves_here is here
    assert options.carried is bool(changes)


def test_the_facts_before_it_is_reached() -> None:
    assert proxy_facts(Options().proxy) is None
    facts = proxy_facts(proxy_url("socks5://p.lan:1080"))
    assert facts is not None
    assert (facts.scheme, facts.host, facts.port, facts.resolves) == (
        "socks5",
        "p.lan",
        1080,
        "here",
    )
    assert (facts.address, facts.software, facts.auth_method) == ("", "", "")
