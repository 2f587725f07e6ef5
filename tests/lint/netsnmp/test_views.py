"""The addresses that a daemon listens on, and what a part of a configuration leaves open."""

from __future__ import annotations

from typing import Any

import pytest

from seventh.lint.netsnmp.views import lint
from seventh.lintkit.files import Files, Text
from seventh.protocols.snmp.facts import SnmpFacts
from seventh.protocols.snmp.facts.config import SnmpConfig


def config(text: str, name: str = "/etc/snmp/snmpd.conf", daemon: Any = "snmpd") -> SnmpConfig:
    (view,) = lint(Text(name, tuple(text.split("\n"))), Files(), None, daemon=daemon).views
    facts = view.facts["snmp"]
    assert isinstance(facts, SnmpFacts)
    assert facts.config is not None
    return facts.config


@pytest.mark.parametrize(
    ("line", "listens"),
    [
        ("", "every"), ("agentaddress 161", "every"), ("agentaddress udp:161", "every"),
        ("agentAddress 127.0.0.1,[::1]", "loopback"), ("agentaddress localhost:161", "loopback"),
        ("agentaddress udp6:[::1]:161", "loopback"), ("agentaddress unix:/run/snmp", "loopback"),
        ("agentaddress udp:127.0.0.1:161,tcp:161", "every"), ("agentaddress [::]:161", "every"),
        ("agentaddress 0.0.0.0", "every"), ("agentaddress udp:192.0.2.1", "some"),
        ("agentaddress 127.0.0.1, 192.0.2.1", "some"), ("agentaddress tcp:*:161", "every"),
        ("agentaddress mgmt.example:161", "some"),
        ("agentaddress 127.0.0.1\nagentaddress 192.0.2.1", "some"),
    ],
)  # fmt: skip
def test_addresses(line: str, listens: str) -> None:
    assert config(line).listens == listens


def test_a_part_proves_nothing_by_what_it_leaves_out() -> None:
    part = config("rouser u", "/etc/snmp/snmpd.conf.d/a.conf")
    assert (part.complete, part.listens) == (False, None)
    kept = config('usmUser 1 3 0x80 "u" "u" NULL .1 0x00 .1 0x00 ""', "/var/lib/snmp/snmpd.conf")
    assert (kept.complete, kept.listens) == (False, None)


@pytest.mark.parametrize(
    ("text", "accepts"),
    [
        ("", False),
        ("disableAuthorization yes", True),
        ("disableAuthorization no", False),
        ("disableAuthorization yes\ndisableAuthorization 0", False),
    ],
)
def test_a_receiver_that_accepts_everything(text: str, accepts: bool) -> None:
    assert config(text, "snmptrapd.conf", "snmptrapd").accepts_all is accepts
    assert not config(text).accepts_all


def test_what_is_not_followed_is_named() -> None:
    assert config("authgroup read g\nsetaccess a b").unread == ("authgroup", "setaccess")
