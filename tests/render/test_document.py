"""The JSON report: its keys, its schema, its order, its status."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from seventh.model.failure import UsageError
from seventh.model.netfacts import Difference, NetFacts
from seventh.model.phase import Phase
from seventh.model.report import Report, Skipped
from seventh.model.sample import Sample
from seventh.model.severity import Severity, Status
from seventh.model.source import Line
from seventh.model.tlsfacts import TlsFacts, Topic
from seventh.render import View, render
from seventh.render.document import entry, json_document
from seventh.render.entries import JsonDocument
from seventh.render.presentation import present
from seventh.render.schema import main as write_schema
from seventh.render.schema import schema
from seventh.render.schema import text as schema_text
from seventh.render.view import status_of, worst
from seventh.render.wording import Wording
from tests.render.samples import (
    BROKEN,
    CLEAN,
    EMPTY,
    FAILURE,
    FOUND,
    SHAPES,
    SLOW,
    WEAK,
    document,
    report,
)

pytestmark = pytest.mark.usefixtures("demo_room")


def printed(*reports: Any, view: View | None = None) -> Any:
    return json.loads(render("json", document(*reports), view or View()))


def test_the_keys_are_those_of_the_design() -> None:
    whole = printed(FOUND, BROKEN)
    assert list(whole) == ["schema", "generated_at", "seventh", "reports", "hosts"]
    assert whole["schema"] == "seventh.report/1"
    assert whole["seventh"] == "0.1.0"
    found, broken = whole["reports"]
    assert list(found) == [
        "target", "protocol", "vantage", "started_at", "duration_seconds", "status", "failure",
        "phases", "facts", "metrics", "findings", "skipped", "checklist", "passed",
    ]  # fmt: skip
    assert found["failure"] is None
    assert list(broken["failure"]) == ["reason", "phase", "blame", "detail"]
    assert list(found["phases"][0]) == [
        "name", "start_seconds", "seconds", "clock", "outcome", "address",
    ]  # fmt: skip
    assert list(found["findings"][0]) == [
        "id", "severity", "title", "evidence", "why", "product", "fix", "references", "seed",
        "tier", "source", "params", "known",
    ]  # fmt: skip
    assert found["skipped"] == [
        {"id": "DEMO-TOLD", "reason": "nothing was told", "cause": "no-evidence"}
    ]
    assert found["checklist"] is None
    assert found["passed"] == ["DEMO-FINE"]


def test_findings_come_gravest_first_in_words() -> None:
    weak, slow = printed(FOUND)["reports"][0]["findings"]
    assert weak == {
        "id": "DEMO-WEAK",
        "severity": "high",
        "title": "Weak algorithms",
        "evidence": "offers weak, weaker",
        "why": "Anyone can read <b>along</b>.",
        "product": "",
        "fix": {
            "demod": "[crypto]\nAlgorithms strong-one,strong-two  # not weak, weaker",
            "other": "algos = strong",
        },
        "references": ["RFC 9999 §1"],
        "seed": ["12.2.2"],
        "tier": 1,
        "source": [],
        "params": {"algorithms": ["weak", "weaker"]},
        "known": "",
    }
    assert slow["evidence"] == "waited 4.2 s"


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_every_shape_obeys_the_schema(lang: str) -> None:
    validator = jsonschema.Draft202012Validator(schema())
    validator.check_schema(schema())
    validator.validate(printed(*SHAPES, view=View(lang=lang)))
    validator.validate(printed())
    for made in SHAPES:
        validator.validate(printed(made))


def older(node: Any) -> Any:
    """A schema in another form of the same: descriptions indented, alternatives turned round."""
    if isinstance(node, list):
        return [older(part) for part in node]
    if not isinstance(node, dict):
        return node
    made = {name: older(part) for name, part in node.items()}
    if isinstance(made.get("description"), str):
        made["description"] = re.sub(r"\n(?=.)", "\n    ", made["description"])
    if "anyOf" in made:
        made["anyOf"].reverse()
    return made


def test_the_schema_is_the_same_with_every_version_of_msgspec(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made, before = schema_text(), msgspec.json.schema
    monkeypatch.setattr(msgspec.json, "schema", lambda kind: older(before(kind)))
    assert older(before(JsonDocument)) != before(JsonDocument)
    assert schema_text() == made


def test_the_schema_refuses_what_is_not_a_report() -> None:
    validator = jsonschema.Draft202012Validator(schema())
    good = printed(FOUND)
    for spoil in (
        {"schema": "seventh.report/2"},
        {"reports": [{**good["reports"][0], "status": "fine"}]},
        {"reports": [{**good["reports"][0], "facts": {"demo": 1}}]},
        {"reports": [{**good["reports"][0], "duration_seconds": -1}]},
    ):
        assert not validator.is_valid({**good, **spoil})


def test_the_printed_document_reads_back_into_its_types() -> None:
    made = json_document(document(*SHAPES), View())
    text = render("json", document(*SHAPES), View())
    assert msgspec.json.decode(text, type=type(made)) == made


def test_not_a_number_never_appears() -> None:
    facts = CLEAN.facts["demo"].learn(drift=math.inf, banner_seconds=math.nan)
    odd = report(
        facts={"demo": facts},
        metrics=(
            Sample("seventh_a", (), math.nan),
            Sample("seventh_b", (), -math.inf),
            Sample("seventh_c", (), 1.0),
        ),
        duration_seconds=math.nan,
    )
    text = render("json", document(odd), View())
    whole = json.loads(text, parse_constant=pytest.fail)
    told = whole["reports"][0]
    assert told["metrics"] == {"seventh_c": 1.0}
    assert told["facts"]["demo"]["drift"] is None
    assert told["duration_seconds"] == 0


def test_the_order_does_not_depend_on_how_things_were_learnt() -> None:
    facts = CLEAN.facts["demo"]
    x, y = Sample("m", (("l", "x"),), 2.0), Sample("m", (("l", "y"),), 1.0)
    one = report(facts={"b": facts, "a": facts}, metrics=(y, x), findings=(SLOW, WEAK))
    other = report(facts={"a": facts, "b": facts}, metrics=(x, y), findings=(WEAK, SLOW))
    assert render("json", document(one), View()) == render("json", document(other), View())
    assert list(printed(one)["reports"][0]["facts"]["a"])[:3] == ["host", "software", "strict"]


def test_what_was_a_list_in_the_first_form_still_is() -> None:
    why = {Topic.TICKET: "too short", Topic.HYBRID_GROUP: "no answer"}
    told = printed(report(facts={"tls": TlsFacts(unknown=why)}))["reports"][0]["facts"]["tls"]
    assert told["unlearnt"] == ["post-quantum groups: no answer", "session ticket: too short"]


@pytest.mark.parametrize(
    ("bar", "status"),
    [
        (Severity.INFO, Status.WARNING),
        (Severity.LOW, Status.WARNING),
        (Severity.MEDIUM, Status.OK),
        (Severity.CRITICAL, Status.OK),
    ],
)
def test_the_bar_moves_the_status_of_a_low_finding(bar: Severity, status: Status) -> None:
    made = report(findings=(SLOW,))
    assert status_of(made, View(bar=bar)) is status
    assert printed(made, view=View(bar=bar))["reports"][0]["status"] == status


def test_the_bar_never_hides_a_failure() -> None:
    assert status_of(BROKEN, View(bar=Severity.CRITICAL)) is Status.CRITICAL
    assert status_of(EMPTY, View(bar=Severity.CRITICAL)) is Status.UNKNOWN
    assert status_of(FOUND, View(bar=Severity.HIGH)) is Status.CRITICAL
    assert status_of(FOUND, View(bar=Severity.CRITICAL)) is Status.OK


def test_the_worst_status_speaks_for_all() -> None:
    assert worst([Status.OK, Status.WARNING]) is Status.WARNING
    assert worst([Status.WARNING, Status.UNKNOWN]) is Status.UNKNOWN
    assert worst([Status.CRITICAL, Status.UNKNOWN]) is Status.CRITICAL
    assert worst([Status.OK]) is Status.OK
    assert worst([]) is Status.UNKNOWN


def test_the_schema_file_is_written_checked_and_deterministic(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    docs = ["--docs", str(tmp_path)]
    assert write_schema([*docs, "--check"]) == 1
    assert "missing" in capsys.readouterr().err
    assert write_schema(docs) == 0
    first = (tmp_path / "report.schema.json").read_bytes()
    assert write_schema([*docs, "--check"]) == 0
    (tmp_path / "report.schema.json").write_text("{}")
    assert write_schema([*docs, "--check"]) == 1
    assert "stale" in capsys.readouterr().err
    assert write_schema(docs) == 0
    assert (tmp_path / "report.schema.json").read_bytes() == first
    assert json.loads(first)["$defs"]["JsonDocument"]["properties"]["schema"]["enum"] == [
        "seventh.report/1"
    ]


def test_a_rule_that_is_not_installed_speaks_by_its_id() -> None:
    stranger = msgspec.structs.replace(WEAK, id="ELSE-WHERE", room="elsewhere")
    told = entry(report(findings=(stranger,)), Wording(), View()).findings[0]
    assert (told.title, told.evidence) == ("ELSE-WHERE", "algorithms: weak, weaker")
    unknown = msgspec.structs.replace(WEAK, id="DEMO-NEVER")
    assert Wording().words(unknown).title == "DEMO-NEVER"


def test_another_language_is_a_file() -> None:
    words = Wording("ko").words(WEAK)
    assert words.title == "약한 알고리즘"
    assert words.evidence == "제공: weak, weaker"
    assert words.why == "Anyone can read <b>along</b>."
    assert Wording("xx").words(WEAK).title == "Weak algorithms"
    with pytest.raises(UsageError, match="not a language code"):
        Wording("../../etc")


def test_a_skipped_rule_is_listed_and_has_not_passed() -> None:
    made = printed(report(skipped=(Skipped(id="X-Y", reason="no\x1b[31m evidence"),)))
    (skipped,) = made["reports"][0]["skipped"]
    assert (skipped["id"], skipped["reason"]) == ("X-Y", "no\\x1b[31m evidence")


def test_properties_that_facts_name_are_printed_after_their_fields() -> None:
    differences = (Difference(trait="greeting", values={"::1": "A", "127.0.0.1": "B"}),)
    facts = NetFacts(differences=differences, compared=("::1", "127.0.0.1"))
    told = printed(report(facts={"net": facts}))["reports"][0]["facts"]["net"]
    assert list(told)[-1] == "drift"
    assert told["drift"] == ["greeting (::1: A, 127.0.0.1: B)"]
    assert told["differences"] == [{"trait": "greeting", "values": {"127.0.0.1": "B", "::1": "A"}}]


@pytest.mark.parametrize(
    ("made", "headline"),
    [
        (report(), "no findings"),
        (report(findings=(SLOW, WEAK)), "1 high, 1 low"),
        (report(failure=FAILURE), "tls-certificate-expired in tls"),
        (report(failure=FAILURE, findings=(SLOW,)), "tls-certificate-expired in tls; 1 low"),
    ],
)
def test_a_headline_has_the_failure_and_the_findings(made: Report, headline: str) -> None:
    (shown,) = present(document(made), View())
    assert shown.headline == headline


def test_rules_are_counted_by_result() -> None:
    (shown,) = present(document(FOUND), View())
    assert shown.rule_counts == "1 passed, 2 failed, 1 skipped"
    (shown,) = present(document(CLEAN), View())
    assert shown.rule_counts == "1 passed, 0 failed"


def test_the_worst_status_counts_and_none_is_unknown() -> None:
    order = [Status.OK, Status.WARNING, Status.UNKNOWN, Status.CRITICAL]
    for number, status in enumerate(order):
        assert worst(order[: number + 1]) is status
    assert worst([]) is Status.UNKNOWN


def test_a_text_has_16_kib_at_most() -> None:
    for length, said in ((16_384, "x" * 16_384), (16_385, "x" * 16_384 + "…")):
        assert printed(report(target="x" * length))["reports"][0]["target"] == said


def test_times_are_rounded_to_nanoseconds_and_no_length_is_negative() -> None:
    odd = Phase(name="p", start_seconds=-0.12345678951, seconds=-0.5, clock="user", outcome="ok")
    nan = Phase(name="p", start_seconds=math.nan, seconds=0.12345678951, clock="user", outcome="ok")
    made = printed(report(phases=(odd, nan), duration_seconds=-1.0))["reports"][0]
    assert [(p["start_seconds"], p["seconds"]) for p in made["phases"]] == [
        (-0.12345679, 0.0), (0.0, 0.12345679),
    ]  # fmt: skip
    assert made["duration_seconds"] == 0.0


@pytest.mark.parametrize(
    ("changes", "fix", "evidence"),
    [
        ({}, ["demod", "other"], "offers weak, weaker"),
        ({"product": "other"}, ["other", "demod"], "offers weak, weaker"),
        ({"product": "other", "source": (Line(file="f", line=1, text="t"),)}, ["other"],
         "offers weak, weaker"),
        ({"product": "none", "source": (Line(file="f", line=1, text="t"),)}, ["demod", "other"],
         "offers weak, weaker"),
        ({"view": "a"}, ["demod", "other"], "in a: offers weak, weaker"),
        ({"view": "a", "also": ("b",), "more": 1}, ["demod", "other"],
         "in a, b and 1 more: offers weak, weaker"),
    ],
)  # fmt: skip
def test_the_products_own_fix_is_first_and_for_its_file_alone(
    changes: dict[str, Any], fix: list[str], evidence: str
) -> None:
    finding = msgspec.structs.replace(WEAK, **changes)
    (made,) = printed(report(findings=(finding,)))["reports"][0]["findings"]
    assert (list(made["fix"]), made["evidence"]) == (fix, evidence)
