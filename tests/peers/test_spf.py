"""SPF records that BIND serves: what is found, and what is published takes the finding away."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from seventh.engine.check import check_one
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.protocols.mail.facts import DomainFacts
from seventh.protocols.mail.facts.spf import SpfVerdict
from seventh.protocols.mail.wire.zone import txt
from tests.options import options_with
from tests.peers.named import Named, Zone, named

pytestmark = pytest.mark.peer

_HOSTS = "".join(f"h{n} A 192.0.2.{n}\nh{n} AAAA 2001:db8::{n}\n" for n in range(11))
_ELEVEN = "v=spf1 mx " + " ".join(f"include:i{n}.NAME" for n in range(10)) + " -all"
_LONG = " ".join(f"ip4:198.51.100.{n}" for n in range(100, 140))
_FITTING = " ".join(_LONG.split()[:19])
FAULTS: dict[str, tuple[str, str]] = {
    "SPF-NONE": ("", ""),
    "SPF-MULTI": ('@ TXT "v=spf1 mx -all"\n@ TXT "v=spf1 a:h1.NAME ~all"', ""),
    "SPF-LOOKUPS": (_ELEVEN, "".join(f'i{n} TXT "v=spf1 mx:NAME -all"\n' for n in range(10))),
    "SPF-VOID": ("v=spf1 mx a:n1.NAME a:n2.NAME a:n3.NAME -all", ""),
    "SPF-ALL": ("v=spf1 mx +all", ""),
    "SPF-SYNTAX": ("v=spf1 mx ipv4:192.0.2.9 include:h1.NAME -all", ""),
    "SPF-LOOP": ("v=spf1 mx include:NAME -all", ""),
    "SPF-SENDER-MISS": (f"v=spf1 mx {_LONG} -all", ""),
}
"""By rule: the record (or lines of the zone), and lines for other names."""
_CLEAN = {
    "clean": f"v=spf1 {' '.join(f'a:h{n}.NAME' for n in range(1, 10))} mx -all",
    "parked": "v=spf1 -all",
    "macro": "v=spf1 exists:%{ir}.%{v}.ok.NAME -all",
    "split": f"v=spf1 mx {_FITTING} ip4:192.0.2.77 -all",
    "redirected": "v=spf1 redirect=_spf.NAME",
}  # fmt: skip


def _name(rule: str) -> str:
    return f"{rule.lower()}.test"


def zone(name: str, record: str, more: str = "") -> Zone:
    """The zone of a domain; ``NAME`` is its own."""
    lines = txt(name, record.replace("NAME", name)) if record.startswith("v=spf1") else record
    return Zone(f"@ MX 10 h0\n{_HOSTS}{lines}\n{more}\n".replace("NAME", name))


async def check(server: Named, name: str) -> Report:
    options = options_with(resolver=server.address, sender_ip="192.0.2.77", timeout_seconds=20.0)
    return await check_one(Target(scheme="mail", host=name, port=0), options)


@pytest.fixture(scope="module")
def server() -> Iterator[Named]:
    zones = {_name(rule): zone(_name(rule), *made) for rule, made in FAULTS.items()}
    extra = '_spf TXT "v=spf1 ip4:192.0.2.77 -all"\n77.2.0.192.in-addr.ok A 127.0.0.2\n'
    zones |= {f"{n}.test": zone(f"{n}.test", record, extra) for n, record in _CLEAN.items()}
    with named(zones) as running:
        yield running


def of_spf(report: Report) -> dict[str, tuple[str, ...]]:
    """The rules of SPF that fired, with the lines that they print for the zone."""
    return {f.id: f.fixes.get("dns", ()) for f in report.findings if f.id.startswith("SPF-")}


async def test_each_fault_is_found_and_its_fix_is_right(server: Named) -> None:
    fixed: dict[str, Zone] = {}
    for rule, (_, more) in FAULTS.items():
        name = _name(rule)
        found = of_spf(await check(server, name))
        assert rule in found, (rule, found)
        (line,) = found[rule]
        assert line.startswith(f'{name}. IN TXT "v=spf1 ip4:192.0.2.77 '), line
        fixed[name] = zone(name, line, more)
    with named(fixed) as corrected:
        for name in fixed:
            report = await check(corrected, name)
            assert of_spf(report) == ({"SPF-LONG": ()} if "miss" in name else {})


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("clean", SpfVerdict(ip="192.0.2.77", result="fail", path=("-all",), at="clean.test",
                             lookups=10)),
        ("parked", SpfVerdict(ip="192.0.2.77", result="fail", path=("-all",), at="parked.test")),
        ("macro", SpfVerdict(ip="192.0.2.77", result="pass", lookups=1, at="macro.test",
                             path=("exists:%{ir}.%{v}.ok.macro.test",))),
        ("split", SpfVerdict(ip="192.0.2.77", result="pass", lookups=1, at="split.test",
                             path=("ip4:192.0.2.77",))),
        ("redirected", SpfVerdict(ip="192.0.2.77", result="pass", lookups=1,
                                  at="_spf.redirected.test",
                                  path=("redirect=_spf.redirected.test", "ip4:192.0.2.77"))),
    ],
)  # fmt: skip
async def test_verdicts_on_records_that_are_right(
    server: Named, name: str, verdict: SpfVerdict
) -> None:
    report = await check(server, f"{name}.test")
    facts = report.facts["domain"]
    assert isinstance(facts, DomainFacts)
    assert facts.spf is not None
    assert facts.spf.verdict == verdict
    assert set(of_spf(report)) <= ({"SPF-SENDER-MISS"} if verdict.result == "fail" else set())
