"""The software that a peer says it is, and the fixes that go with it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh import protocols
from seventh.model.product import ALTERNATIVES, FAMILIES, product_of

GO_ALONG = {"any", "certbot", "dns", "iptables", "mta-sts.txt", "nftables", "resolv.conf"}
"""Fixes at another place than the peer's own software."""


@pytest.mark.parametrize(
    ("said", "product"),
    [
        ("nginx/1.22.1", "nginx"),
        ("openresty/1.25.3.1", "nginx"),
        ("Apache/2.4.57 (Debian)", "apache"),
        ("Caddy", "caddy"),
        ("envoy", "envoy"),
        ("lighttpd/1.4.69", "lighttpd"),
        ("OpenSSH_9.2p1", "openssh"),
        ("dropbear_2022.83", "dropbear"),
        ("Python/3.11 websockets/17.0", "websockets"),
        ("ntpd 4.2.8p15@1.3728-o", "ntpd"),
        ("ntpd ntpsec-1.2.2", "ntpsec"),
        ("chronyd 4.3", "chrony"),
        ("chrony", "chrony"),
        ("tengine/2.4", "nginx"),
        ("uvicorn", "uvicorn"),
        ("NTPsec", "ntpsec"),
        ("ENVOY", "envoy"),
        ("my-nginx", ""),
        ("x nginx, apache", "nginx"),
        ("mx.example ESMTP Postfix (Debian)", "postfix"),
        ("Dovecot (Debian) ready.", "dovecot"),
        ("ProFTPD Server (lab)", "proftpd"),
        ("news.example InterNetNews NNRP server INN 2.7.0 ready", "inn"),
        ("cloudflare", ""),
        ("Apache-Coyote/1.1", ""),
        ("", ""),
    ],
)
def test_what_peers_call_themselves(said: str, product: str) -> None:
    assert product_of(said) == product


def test_software_with_fixes_of_its_own() -> None:
    """By the names that fixes have; some does not send its name."""
    assert {
        "apache", "aws-alb", "caddy", "chrony", "cisco-ios", "cyrus", "dovecot", "dropbear",
        "envoy", "exim", "grpc", "grpcio", "haproxy", "inn", "lighttpd", "mosquitto", "mysql",
        "net-snmp", "nginx", "node", "node-ws", "ntpd", "ntpsec", "openssh", "openssl",
        "postfix", "postgresql", "proftpd", "prosody", "socket.io", "spring", "uvicorn",
        "websockets",
    } == ALTERNATIVES  # fmt: skip


@pytest.mark.parametrize(
    ("names", "fixes"),
    [
        # what serves mail, files, news, a directory or a database, by itself or by its STARTTLS
        ("postfix smtp", "postfix openssl"), ("dovecot imap pop3 sieve", "dovecot openssl"),
        ("cyrus", "cyrus openssl"),
        ("proftpd ftp", "proftpd openssl"), ("inn nntp", "inn openssl"), ("ldap", ""),
        ("postgres", "postgresql openssl"), ("mysql", "mysql openssl"), ("xmpp", "prosody openssl"),
    ],
)  # fmt: skip
def test_the_fixes_of_what_is_no_web_server(names: str, fixes: str) -> None:
    assert {FAMILIES[name] for name in names.split()} == {tuple(fixes.split())}


@given(st.text())
def test_whatever_is_said_names_a_product_with_fixes_or_none(said: str) -> None:
    assert product_of(said) in ALTERNATIVES | {""}


@pytest.mark.parametrize("room", sorted(protocols.rooms()))
def test_every_fix_is_for_software_that_is_known_here(room: str) -> None:
    """A new name must be put among the alternatives, or be one that goes along with each."""
    named = {name for rule in protocols.rules(room) for name in rule.words.fix}
    assert named <= ALTERNATIVES | GO_ALONG
