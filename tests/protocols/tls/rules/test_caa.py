"""CAA: the whole verdict, and the fix as a resolver sees it."""

from __future__ import annotations

from typing import Any

import dns.zone
import pytest

from seventh.model.tlsfacts import Caa, Topic
from seventh.protocols.tls.rules.caa import caa
from seventh.protocols.tls.rules.examples import GOOD
from tests.verdicts import fixed, told

ISSUE, WILD, NONE = '0 issue "ca.example"', '0 issuewild "ca.example"', '128 ISSUE ";"'
MAIL = '0 iodef "mailto:a@example.org"'
NOWHERE = "low: neither www.example.org nor any domain above it has CAA records"


def at(*records: str) -> Caa:
    return Caa(name="example.org", records=records)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"caa": None}, "skip: CAA records: not checked"),
        ({"caa": None, "unknown": {Topic.CAA: "org: timeout: a"}},
         "skip: CAA records: org: timeout: a"),
        ({"caa": Caa()}, NOWHERE),
        ({"caa": Caa(), "server_name": "WWW.example.org."}, NOWHERE),
        ({"caa": at(ISSUE)}, "pass"),
        ({"caa": at(NONE)}, "pass"),
        ({"caa": at(WILD, ISSUE)}, "pass"),
        ({"caa": at(WILD)},
         f"low: the CAA records of example.org have no issue property: {WILD}"),
        ({"caa": at(WILD, MAIL)},
         f"low: the CAA records of example.org have no issue property: {WILD}, {MAIL}"),
        ({"caa": at("odd")}, "low: the CAA records of example.org have no issue property: odd"),
        ({"caa": Caa(), "trust": "given"},
         "not applicable: CAA records are for public CAs, and the root was given with --ca"),
        ({"caa": Caa(), "server_name": "lab.test"},
         "not applicable: CAA records are for names of the public DNS"),
        ({"caa": Caa(), "server_name": "192.0.2.1"},
         "not applicable: CAA records are for names of the public DNS"),
        ({"caa": None, "server_name": ""}, "skip: CAA records: not checked"),
    ],
)  # fmt: skip
def test_verdicts(changes: dict[str, Any], line: str) -> None:
    assert told(caa, GOOD.learn(**{"server_name": "www.example.org", **changes})) == line


def test_the_fix_is_a_record_that_passes() -> None:
    lines = fixed(caa, GOOD.learn(server_name="www.example.org", caa=Caa()), "dns")
    soa = "@ 60 SOA ns hostmaster 1 60 60 60 60\n@ 60 NS ns\n"
    zone = dns.zone.from_text(f"$TTL 60\n{soa}{lines}\n", origin="example.org.", check_origin=False)
    (record,) = zone.find_rdataset("www", "CAA")
    facts = GOOD.learn(server_name="www.example.org", caa=at(str(record)))
    assert told(caa, facts) == "pass"
