"""A report with parts, such as a mail domain's: in formats, comparisons, and from elsewhere."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import msgspec
import pytest
from msgspec.structs import replace

from seventh.cli.diff import present as past
from seventh.cli.earlier import _marked
from seventh.engine import remote
from seventh.engine.remote import report_of
from seventh.model.exchangers import Exchanger, ExchangerAddress, ExchangersFacts
from seventh.model.report import Report
from seventh.model.severity import Severity, Status
from seventh.model.table import Table
from seventh.protocols.mail.facts import DomainFacts
from seventh.protocols.mail.facts.dmarc import DmarcFacts, DmarcRecord
from seventh.render import FORMATS, View, render
from seventh.render.difference import diff
from seventh.render.presentation import needs_summary, present, tables_of, tally_statuses, whole
from seventh.render.table_lines import lines
from tests.render.samples import CLEAN, FOUND, document

ONE = replace(FOUND, target="smtp://mx1.example.org:25")
TWO = replace(FOUND, target="smtp://mx2.example.org:25")
EXCHANGERS = ExchangersFacts(
    domain="example.org", outcome="found",
    hosts=(
        Exchanger(
            preference=10, host="mx1.example.org", state="ok", tls="TLSv1.3", certificate="valid",
            addresses=(
                ExchangerAddress(ip="192.0.2.1", reach="public", port="open"),
                ExchangerAddress(ip="2001:db8::1", reach="public"),
            ),
        ),
        Exchanger(preference=20, host="gone.example.org", state="no-address"),
    ),
)  # fmt: skip
DOMAIN = DomainFacts(
    name="example.org",
    dmarc=DmarcFacts(record=DmarcRecord(at="example.org", text="v=DMARC1"), applied="none"),
)
WHOLE: Report = replace(
    CLEAN, target="mail:example.org", protocol="mail", parts=(ONE, TWO),
    facts={"exchangers": EXCHANGERS, "domain": DOMAIN},
)  # fmt: skip


def test_the_worst_of_the_parts_is_the_status() -> None:
    assert (CLEAN.status, ONE.status, WHOLE.status) == (
        Status.OK, Status.CRITICAL, Status.CRITICAL
    )  # fmt: skip
    known = replace(ONE, findings=tuple(replace(each, known="accepted") for each in ONE.findings))
    assert replace(WHOLE, parts=(known,)).status is Status.OK


def test_parts_follow_and_are_no_targets() -> None:
    reports = present(document(WHOLE), View())
    assert [(each.entry.target, each.part_of) for each in reports] == [
        ("mail:example.org", ""), (ONE.target, "mail:example.org"),
        (TWO.target, "mail:example.org"),
    ]  # fmt: skip
    assert [each.entry.target for each in whole(reports)] == ["mail:example.org"]
    assert not needs_summary(reports, ())
    assert tally_statuses(reports) == "1 critical"


def test_what_an_earlier_part_has_word_for_word_is_named_once() -> None:
    _, first, second = present(document(WHOLE), View())
    ids = tuple(finding.id for finding in first.entry.findings)
    assert [each.id for each in first.findings] == list(ids)
    assert first.repeated == {}
    assert (second.findings, second.repeated) == ((), {ONE.target: ids})
    assert second.notes == (f"as {ONE.target}: {', '.join(ids)}",)
    assert second.tally == first.tally


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_names_the_parts(name: str) -> None:
    text = render(name, document(WHOLE), View())
    for target in ("mail:example.org", "mx1.example.org", "mx2.example.org"):
        assert target in text.replace("\\", "")


def test_json_has_them_within_the_report() -> None:
    (made,) = json.loads(render("json", document(WHOLE), View()))["reports"]
    assert [part["target"] for part in made["parts"]] == [ONE.target, TWO.target]
    assert all(part["findings"] and "parts" not in part for part in made["parts"])
    (line,) = render("jsonl", document(WHOLE), View()).splitlines()
    assert json.loads(line)["reports"] == [made]


def test_a_line_is_a_document_of_one_report() -> None:
    made = [json.loads(line) for line in render("jsonl", document(CLEAN, ONE), View()).splitlines()]
    assert [each["reports"][0]["target"] for each in made] == [CLEAN.target, ONE.target]
    assert [sorted(each) for each in made] == [
        ["generated_at", "hosts", "reports", "schema", "seventh"]
    ] * 2


def test_junit_has_a_suite_of_each() -> None:
    root = ET.fromstring(render("junit", document(WHOLE), View()))  # noqa: S314 - ours
    assert [suite.get("name") for suite in root] == ["mail:example.org", ONE.target, TWO.target]


@pytest.mark.parametrize(
    ("parts", "change", "status"),
    [
        ((ONE, TWO), "same", Status.OK),
        ((CLEAN,), "new", Status.UNKNOWN),
    ],
)
def test_a_comparison_names_a_part_with_its_whole(
    parts: tuple[Report, ...], change: str, status: Status
) -> None:
    made = diff(
        past(document(WHOLE), "en"), past(document(replace(WHOLE, parts=parts)), "en"),
        Severity.MEDIUM,
    )  # fmt: skip
    names = [each.target for each in made.targets]
    assert f"mail:example.org {ONE.target}" in names
    assert "mail:example.org" in names
    assert made.status is status, change


def test_a_baseline_accepts_findings_of_the_parts() -> None:
    baseline = past(document(replace(WHOLE, parts=(ONE,))), "en").reports
    (made,) = _marked([WHOLE], baseline, "en")
    known = [{finding.known for finding in part.findings} for part in made.parts]
    assert known == [{"in the baseline"}, {""}]
    (without,) = _marked([WHOLE], [], "en")
    assert [{f.known for f in part.findings} for part in without.parts] == [{""}, {""}]


def test_another_machine_sends_the_parts() -> None:
    sent: list[bytes] = []
    bare = replace(WHOLE, parts=(replace(ONE, facts={}),))
    remote._send(lambda _, data: sent.append(data), 3, bare)
    index, made = report_of(sent[0])
    assert (index, made) == (3, bare)


def test_the_facts_that_a_table_shows_are_not_listed_again() -> None:
    (brief, *_), (all_of_it, *_) = (
        present(document(WHOLE), View(verbose=verbose)) for verbose in (False, True)
    )
    assert [room for room, _ in brief.summaries] == []
    assert sorted(room for room, _ in all_of_it.summaries) == ["domain", "exchangers"]


def test_the_tables_of_a_domain() -> None:
    servers, records = tables_of("mail", WHOLE.facts)
    assert servers.rows == (
        ("10", "mx1.example.org", "192.0.2.1", "open", "TLSv1.3, valid", "not known"),
        ("", "", "2001:db8::1", "not tried", "", "not known"),
        ("20", "gone.example.org", "no address", "-", "-", "-"),
    )
    assert records.rows == (("DMARC", "v=DMARC1 (at example.org; applied: none)"),)
    assert tables_of("smtp", WHOLE.facts) == ()
    assert tables_of("elsewhere", WHOLE.facts) == ()


def test_a_table_as_lines() -> None:
    table = Table(head=("A", "Long"), rows=(("wide", "x"), ("é", "y")))
    assert [(line.plain, hang) for line, hang in lines(table)] == [
        ("  A     Long", 8), ("  wide  x", 8), ("  é     y", 8)
    ]  # fmt: skip


def test_a_report_without_parts_is_as_before() -> None:
    plain = msgspec.json.decode(render("json", document(CLEAN), View()))
    assert "parts" not in plain["reports"][0]
