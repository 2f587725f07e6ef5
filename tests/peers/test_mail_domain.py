"""A mail domain in BIND: what is printed to be published is loaded, and ends the findings."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from seventh.engine.check import check_one
from seventh.model.exchangers import ExchangersFacts
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.protocols.mail.facts import DomainFacts
from tests.options import options_with
from tests.peers.named import Zone, named
from tests.reports import facts, found

pytestmark = pytest.mark.peer

DOMAIN = "example.test"
REPORTS = "reports.test"
FAULTY = f"""
@ MX 10 mx
@ TXT "v=spf1 mx -all"
mx A 192.0.2.25
_dmarc TXT "v=DMARC1; p=none; pct=20; rua=mailto:dmarc@{REPORTS}"
"""
JUDGED = {"DMARC-WEAK", "DMARC-RUA", "DMARC-LEGACY", "TLSRPT", "SMTP-PTR"}


async def look(zones: dict[str, str]) -> Report:
    with named({name: Zone(records) for name, records in zones.items()}) as server:
        target = Target(scheme="mail", host=DOMAIN, port=0, port_given=False)
        options = options_with(
            resolver=server.address, timeout_seconds=10.0, sender_ip="192.0.2.25"
        )
        return await check_one(target, options)


def lines_of(report: Report, *ids: str) -> list[str]:
    """The records that findings print, with the example's name replaced by the server's."""
    lines = [line for each in report.findings if each.id in ids for line in each.fixes["dns"]]
    return [line.replace("mail.example.org.", f"mx.{DOMAIN}.") for line in lines]


def within(lines: Sequence[str], zone: str) -> str:
    return "\n".join(line for line in lines if f".{line.split('. IN ')[0]}".endswith(f".{zone}"))


async def test_records_to_publish_end_their_findings() -> None:
    zones = {DOMAIN: FAULTY, REPORTS: "", "2.0.192.in-addr.arpa": ""}
    before = await look(zones)
    assert found(before) & JUDGED == JUDGED
    lines = lines_of(before, *JUDGED - {"DMARC-LEGACY"})
    assert set(lines) == {
        f'_dmarc.{DOMAIN}. IN TXT "v=DMARC1; p=quarantine; rua=mailto:dmarc@{REPORTS}"',
        f'_smtp._tls.{DOMAIN}. IN TXT "v=TLSRPTv1; rua=mailto:tls-reports@{DOMAIN}"',
        f"25.2.0.192.in-addr.arpa. IN PTR mx.{DOMAIN}.",
        f'{DOMAIN}._report._dmarc.{REPORTS}. IN TXT "v=DMARC1"',
    }
    without = "\n".join(each for each in FAULTY.splitlines() if not each.startswith("_dmarc"))
    zones = {name: within(lines, name) for name in zones}
    zones[DOMAIN] += without
    after = await look(zones)
    assert found(after) & JUDGED == set()
    dmarc = facts(after, DomainFacts).dmarc
    assert dmarc is not None
    assert (dmarc.applied, [each.state for each in dmarc.destinations]) == (
        "quarantine", ["authorised"]
    )  # fmt: skip


async def test_no_record_becomes_a_first_one() -> None:
    plain = "@ MX 10 mx\nmx A 192.0.2.25\n"
    before = await look({DOMAIN: plain, "2.0.192.in-addr.arpa": ""})
    lines = lines_of(before, "DMARC-NONE")
    assert lines == [
        f'_dmarc.{DOMAIN}. IN TXT "v=DMARC1; p=none; rua=mailto:dmarc-reports@{DOMAIN}"'
    ]
    after = await look({DOMAIN: plain + lines[0] + "\n", "2.0.192.in-addr.arpa": ""})
    assert found(after) & {"DMARC-NONE", "DMARC-RUA"} == set()


async def test_what_is_missing_or_at_the_wrong_name() -> None:
    ids = ("DMARC-MISPLACED", "MAIL-SRV")
    right = "@ MX 10 mx\nmx A 192.0.2.25\nmail A 192.0.2.25\n"
    before = await look({DOMAIN: f'{right}@ TXT "v=DMARC1; p=reject"\n'})
    lines = lines_of(before, *ids)
    assert sorted(lines) == sorted([
        f'_dmarc.{DOMAIN}. IN TXT "v=DMARC1; p=reject"',
        f"_imaps._tcp.{DOMAIN}. IN SRV 0 1 993 mail.{DOMAIN}.",
        f"_submissions._tcp.{DOMAIN}. IN SRV 0 1 465 mail.{DOMAIN}.",
    ])  # fmt: skip
    after = await look({DOMAIN: right + "\n".join(lines)})
    assert found(after) & {*ids, "DMARC-NONE"} == set()
    assert set(after.passed) >= set(ids)


async def test_what_bind_says() -> None:
    many = "".join(f"@ MX {number} mx{number}\nmx{number} A 10.0.0.{number}\n" for number in
                   range(1, 20))  # fmt: skip
    long = "".join(f'@ TXT "{number:0200}"\n' for number in range(30))
    report = await look({DOMAIN: f'{many}{long}@ TXT "v=spf1 -all"\n_dmarc CNAME d.other.test.\n',
                         "other.test": 'd TXT "v=DMARC1; p=reject"\n'})  # fmt: skip
    exchangers = facts(report, ExchangersFacts)
    assert (len(exchangers.hosts), exchangers.omitted) == (16, 3)
    domain = facts(report, DomainFacts)
    assert domain.dmarc is not None
    assert domain.dmarc.record is not None
    assert (domain.dmarc.record.at, domain.dmarc.applied) == (DOMAIN, "reject")
    assert domain.spf is not None
    assert domain.spf.record is not None, "the answer comes over TCP"
    assert domain.spf.record.text == "v=spf1 -all"
