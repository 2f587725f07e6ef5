"""Reverse names of access networks."""

from __future__ import annotations

import pytest

from seventh.protocols.mail.wire.reverse import is_generic


@pytest.mark.parametrize(
    ("name", "ip", "generic"),
    [
        ("mail.example.org", "203.0.113.7", False),
        ("mx7.example.org", "203.0.113.7", False),
        ("mail-113-7.example.org", "203.0.113.7", False),
        ("203-0-113-7.example.net", "203.0.113.7", True),
        ("7.113.0.203.example.net", "203.0.113.7", True),
        ("host-203-000-113-007.example.net", "203.0.113.7", True),
        ("p203000113007.example.net", "203.0.113.7", True),
        ("CB007107.example.net", "203.0.113.7", True),
        ("cpe-113-7.dyn.example.net", "203.0.113.7", True),
        ("7-113.dsl4.example.net", "203.0.113.7", True),
        ("dyn.example.net", "203.0.113.7", False),
        ("cpe-7.dyn.example.net", "203.0.113.7", False),
        ("0-113.7.dyn.example.net", "203.0.113.7", True),
        ("113-8.dyn.example.net", "203.0.113.7", False),
        ("113-7.dynamo.example.net", "203.0.113.7", False),
        ("203.0.113.8.example.net", "203.0.113.7", False),
        ("1-203-0-113-7-2.example.net", "203.0.113.7", True),
        ("mail.example.org", "2001:db8::25", False),
        ("2001-0db8-0000-0000-0000-0000-0000-0025.example.net", "2001:db8::25", True),
        ("5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.example.net",
         "2001:db8::25", True),
    ],
)  # fmt: skip
def test_a_name_made_out_of_the_address(name: str, ip: str, generic: bool) -> None:
    assert is_generic(name, ip) is generic
