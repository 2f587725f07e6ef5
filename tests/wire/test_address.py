"""Which addresses a peer may name."""

from __future__ import annotations

import pytest

from seventh.model.failure import Failed, Reason
from seventh.wire.address import check_peer_named, covers_everyone, is_literal, reach


@pytest.mark.parametrize(
    ("ip", "expected"),
    [
        ("127.0.0.1", "loopback"),
        ("::1", "loopback"),
        ("::ffff:127.0.0.1", "loopback"),
        ("10.1.2.3", "private"),
        ("192.168.0.1", "private"),
        ("169.254.169.254", "private"),
        ("100.64.0.1", "private"),
        ("0.0.0.0", "loopback"),
        ("::", "loopback"),
        ("::ffff:0.0.0.0", "loopback"),
        ("fec0::1", "private"),
        ("64:ff9b::127.0.0.1", "public"),
        ("224.0.0.1", "private"),
        ("fe80::1", "private"),
        ("fd00::1", "private"),
        ("::ffff:10.0.0.1", "private"),
        ("9.9.9.9", "public"),
        ("2620:fe::fe", "public"),
    ],
)
def test_how_far_an_address_reaches(ip: str, expected: str) -> None:
    assert reach(ip) == expected


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ("9.9.9.9", "127.0.0.1"),
        ("9.9.9.9", "169.254.169.254"),
        ("10.0.0.1", "::1"),
        ("127.0.0.1", "169.254.169.254"),
        ("10.0.0.1", "::ffff:169.254.169.254"),
        ("::1", "fe80::1"),
        ("9.9.9.9", "0.0.0.0"),
        ("10.0.0.1", "::"),
        ("10.0.0.1", "::ffff:0.0.0.0"),
        ("9.9.9.9", "::ffff:10.0.0.1"),
        ("9.9.9.9", "fec0::1"),
        ("9.9.9.9", "::127.0.0.1"),
        ("9.9.9.9", "::10.0.0.1"),
        ("2620:fe::fe", "64:ff9b::10.0.0.1"),
        ("2620:fe::fe", "64:ff9b::7f00:1"),
        ("2620:fe::fe", "64:ff9b:1::a9fe:a9fe"),
        ("2620:fe::fe", "2002:7f00:1::1"),
        ("2620:fe::fe", "2002:c0a8:1::1"),
        ("2620:fe::fe", "2001:0:909:909:0:0:80ff:fffe"),  # Teredo: the client is 127.0.0.1
        ("64:ff9b::7f00:1", "127.0.0.1"),
        ("9.9.9.9", "168.63.129.16"),
        ("100.64.0.1", "100.100.100.200"),
        ("10.0.0.1", "192.0.0.192"),
        ("fd00::1", "fd00:ec2::254"),
        ("169.254.1.1", "169.254.169.254"),
    ],
)
def test_a_peer_cannot_steer_inwards(asked: str, named: str) -> None:
    with pytest.raises(Failed) as caught:
        check_peer_named(asked, named)
    assert caught.value.reason is Reason.ADDRESS_POLICY


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ("9.9.9.9", "1.1.1.1"),
        ("10.0.0.1", "10.0.0.2"),
        ("127.0.0.1", "9.9.9.9"),
        ("fe80::1", "fe80::2"),
        ("169.254.169.254", "169.254.169.254"),
        ("2620:fe::fe", "64:ff9b::9.9.9.9"),
        ("2620:fe::fe", "2002:909:909::1"),
    ],
)
def test_outwards_and_sideways_are_fine(asked: str, named: str) -> None:
    check_peer_named(asked, named)


@pytest.mark.parametrize(
    ("host", "literal"),
    [
        ("192.0.2.1", True),
        ("2001:db8::1", True),
        ("fe80::1%eth0", False),
        ("0x7f000001", False),
        ("127.1", False),
        ("localhost", False),
        ("", False),
    ],
)
def test_what_is_an_address_and_no_name(host: str, literal: bool) -> None:
    assert is_literal(host) is literal


@pytest.mark.parametrize(
    ("network", "all_of"),
    [
        ("0.0.0.0/0", True),
        ("::/0", True),
        ("128.0.0.0/1", True),
        ("ABCD::/001", True),
        ("10.0.0.0/8", False),
        ("10.0.0.0/10", False),
        ("::/2", False),
        ("10.0.0.0/0x", False),
        ("10.0.0.1", False),
        ("example.org/0", False),
    ],
)
def test_what_covers_everyone(network: str, all_of: bool) -> None:
    assert covers_everyone(network) is all_of
