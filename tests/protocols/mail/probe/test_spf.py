"""SPF looked up at a name server: side by side, and never "none" where it failed."""

from __future__ import annotations

import pytest

from seventh.engine.check import check_one
from seventh.labkit.names import name_server
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.protocols.mail.facts import DomainFacts
from seventh.protocols.mail.facts.spf import SpfFacts, SpfRecord, SpfVerdict
from tests.options import options_with

LONG = " ".join(f"ip4:198.51.100.{n}" for n in range(20))
ZONE = {
    "example.test": {"MX": ("0 .",), "TXT": (f'"v=spf1 {LONG[:200]}" "{LONG[200:]} a -all"',),
                     "A": ("192.0.2.1",)},
}  # fmt: skip


async def learnt(servfail: frozenset[str]) -> tuple[Report, SpfFacts]:
    async with name_server(ZONE, servfail=servfail) as resolver:
        options = options_with(timeout_seconds=5, resolver=resolver, sender_ip="192.0.2.1")
        target = Target(scheme="mail", host="example.test", port=0, port_given=False)
        report = await check_one(target, options)
    domain = report.facts["domain"]
    assert isinstance(domain, DomainFacts)
    assert domain.spf is not None
    return report, domain.spf


async def test_strings_are_joined_without_a_space() -> None:
    _, spf = await learnt(frozenset())
    text = f"v=spf1 {LONG} a -all"
    assert spf == SpfFacts(
        record=SpfRecord(name="example.test", state="found", text=text, size=len(text), lookups=1,
                         voids=(0, 1), otherwise="fail"),
        type99="none", addresses=21, own_addresses=21, complete=True,
        verdict=SpfVerdict(
            ip="192.0.2.1", result="pass", path=("a",), at="example.test", lookups=1
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("servfail", "state", "otherwise", "type99"),
    [({"TXT"}, "unknown", "temperror", "none"), ({"A"}, "found", "temperror", "none"),
     ({"SPF"}, "found", "fail", "unknown")],
)  # fmt: skip
async def test_a_failure_is_no_record(
    servfail: set[str], state: str, otherwise: str, type99: str
) -> None:
    report, spf = await learnt(frozenset(servfail))
    assert spf.record is not None
    assert (spf.record.state, spf.record.otherwise, spf.type99) == (state, otherwise, type99)
    assert spf.verdict is not None
    assert spf.verdict.result == ("temperror" if otherwise == "temperror" else "pass")
    assert spf.proposed == ""
    assert {f.id for f in report.findings if f.id.startswith("SPF-")} == set()
    skipped = {skip.id for skip in report.skipped}
    assert ("SPF-NONE" in skipped) is (state == "unknown")
    assert ("SPF-ALL" in skipped) is (otherwise == "temperror")
