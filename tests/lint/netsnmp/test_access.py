"""What lines grant; tests/peers/test_snmpd_conf.py asks snmpd itself."""

from __future__ import annotations

from typing import Any

import pytest

from seventh.lint.netsnmp.access import Access
from seventh.lint.netsnmp.lines import directives
from seventh.lintkit.files import Files, Text
from seventh.protocols.snmp.facts.config import Grant
from seventh.protocols.snmp.wire.names import SENSITIVE

ALL = tuple(SENSITIVE)
VIEW = "view sys included .1.3.6.1.2.1.1\nview sys included system\n"


def grants(text: str) -> tuple[Grant, ...]:
    lines = tuple(directives(Text("c", tuple(text.split("\n"))), Files(), "snmpd"))
    return Access(lines).grants()


def granted(text: str) -> list[dict[str, Any]]:
    """What differs from a community with the whole tree from anywhere."""
    plain = Grant(setting="", user=None, shows=ALL)
    return [
        {
            name: getattr(grant, name)
            for name in Grant.__struct_fields__
            if name != "setting" and getattr(grant, name) != getattr(plain, name)
        }
        for grant in grants(text)
    ]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("rocommunity x", [{}]), ("rocommunity6 x default", [{}]), ("rocommunity", []),
        ("rwcommunity public", [{"writes": True, "default_name": "public"}]),
        ("rocommunity x 10.0.0.0/8", [{"any_source": False}]),
        ("rocommunity x 0.0.0.0/0", [{}]), ("rocommunity6 x ::/0", [{}]),
        ("rocommunity x manager.example", [{"any_source": False}]),
        (f"{VIEW}rocommunity x default -V sys", [{"shows": ()}]),
        ("rocommunity x default .1.3.6.1.2.1.1", [{"shows": ()}]),
        ("rocommunity x default .1.3.6.1.2.1.25", [{"shows": ("hrSWRunParameters",)}]),
        ("rocommunity x default .1.3.6.1.6.3.15.1.2.2.1.3", [{"shows": ("usmUserTable",)}]),
        ("rocommunity x default -V absent", [{"shows": ()}]),
        ("rocommunity x default vendorObject", [{"shows": None}]),
        ("view v included .1 80\nrocommunity x default -V v", [{"shows": None}]),
        (("view v included .1\nview v excluded .1.3.6.1.6.3\nview v excluded .1.3.6.1.2.1.4\n"
         "rocommunity x default -V v"), [{"shows": ("hrSWRunParameters",)}]),
        ("authcommunity read x", [{}]), ("authcommunity read,write x", [{"writes": True}]),
        ("authcommunity", []),
        (("com2sec n default public\ngroup g v2c n\nview a included .1\n"
         'access g "" any noauth exact a none none'), [{"default_name": "public"}]),
        (("com2sec n 10.0.0.0/8 x\ngroup g v2c n\n"
         'access g "" v2c noauth exact sys sys none'), [{"any_source": False, "writes": True,
                                                        "shows": ()}]),
        ("com2sec n default x\ngroup g usm n", []), ("com2sec n default x", []),
        (("com2sec n !10.0.0.1 x\ngroup g v1 n\n"
         'access g "" any noauth exact all none none'), []),
    ],
)  # fmt: skip
def test_communities(text: str, wanted: list[dict[str, Any]]) -> None:
    assert granted(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("rouser u", [("u", "authNoPriv", False, "rouser u priv")]),
        ("rwuser u AuthPriv .1.3", [("u", "authPriv", True, "rwuser u priv .1.3")]),
        ("rouser -s usm u noauth -V v", [("u", "noAuthNoPriv", False,
                                          "rouser -s usm u priv -V v")]),
        ("rouser -s tsm u", []), ("rouser u high", []), ("rouser", []),
        ("authuser read,write u", [("u", "authNoPriv", True, "authuser read,write u priv")]),
        ("authuser log,execute -s usm u noauth", [("u", "noAuthNoPriv", False,
                                                   "authuser log,execute -s usm u priv")]),
        ('group g usm u\ngroup g usm v\naccess g "" usm auth exact all none none',
         [("u", "authNoPriv", False, "access g \"\" usm priv exact all none none"),
          ("v", "authNoPriv", False, "access g \"\" usm priv exact all none none")]),
        ('group g usm u\naccess g "" usm auth exact none none none', []),
        ('group g usm u\naccess h "" usm auth exact all none none', []),
    ],
)  # fmt: skip
def test_users(text: str, wanted: list[tuple[str, str, bool, str]]) -> None:
    found = [(g.user, g.level, g.writes, g.with_privacy) for g in grants(text)]
    assert found == wanted
