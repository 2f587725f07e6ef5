"""What changed between two reports: every kind of change, its weight, and what is never claimed."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.model.failure import UsageError
from seventh.model.severity import Severity, Status
from seventh.render.difference import (
    Change,
    Changed,
    Diff,
    PastDocument,
    diff,
    fresh,
    read_report,
    totals,
)
from seventh.render.difference_lines import text
from seventh.render.view import View

TARGET = "ssh://host"
CIPHER: dict[str, Any] = {
    "id": "CIPHER", "severity": "high", "title": "Weak ciphers", "evidence": "offers 3des",
    "params": {"algorithms": ["3des"]},
}  # fmt: skip
FAILED = {"reason": "connect-refused", "phase": "connect", "detail": "nothing listens"}


def document(*reports: dict[str, Any], at: str = "") -> PastDocument:
    made = {"schema": "seventh.report/1", "generated_at": at, "reports": reports}
    return read_report(json.dumps(made), "made up")


def report(*findings: dict[str, Any], target: str = TARGET, **more: Any) -> dict[str, Any]:
    return {"target": target, "status": "ok", "findings": findings, **more}


def compared(
    old: dict[str, Any], new: dict[str, Any], bar: Severity = Severity.MEDIUM
) -> tuple[list[Changed], Status]:
    made = diff(document(old), document(new), bar)
    return [change for target in made.targets for change in target.changes], made.status


def change(**changes: Any) -> Changed:
    fields: dict[str, Any] = {
        "id": "CIPHER", "severity": Severity.HIGH, "title": "Weak ciphers",
        "evidence": "offers 3des",
    }  # fmt: skip
    return Changed(**fields | changes)


SKIPPED = [{"id": "CIPHER", "reason": "no KEXINIT was received"}]


@pytest.mark.parametrize(
    ("old", "new", "expected", "status"),
    [
        pytest.param(
            report(passed=["CIPHER"]), report(CIPHER), change(change=Change.NEW),
            Status.CRITICAL, id="new",
        ),
        pytest.param(
            report(), report(CIPHER), change(change=Change.NEW), Status.CRITICAL,
            id="new, and the older report does not list what passed",
        ),
        pytest.param(
            report(passed=["MAC"]), report(CIPHER),
            change(change=Change.NEW, note="the older report did not evaluate this rule"),
            Status.CRITICAL, id="new, not evaluated before",
        ),
        pytest.param(
            report(CIPHER), report(passed=["CIPHER"]), change(change=Change.FIXED),
            Status.OK, id="fixed",
        ),
        pytest.param(
            report(CIPHER), report(skipped=SKIPPED, passed=["MAC"]),
            change(change=Change.GONE, note="no KEXINIT was received"),
            Status.UNKNOWN, id="skipped is not fixed",
        ),
        pytest.param(
            report(CIPHER), report(passed=["MAC"]),
            change(
                change=Change.GONE,
                note="the newer report does not say that the rule was evaluated",
            ),
            Status.UNKNOWN, id="a rule that was not run is not fixed",
        ),
        pytest.param(
            report(CIPHER), report(CIPHER), change(change=Change.SAME), Status.OK, id="same"
        ),
        pytest.param(
            report(CIPHER | {"severity": "medium"}), report(CIPHER),
            change(change=Change.WORSE, before=Severity.MEDIUM), Status.CRITICAL, id="worse",
        ),
        pytest.param(
            report(CIPHER), report(CIPHER | {"severity": "medium"}),
            change(change=Change.BETTER, severity=Severity.MEDIUM, before=Severity.HIGH),
            Status.OK, id="better",
        ),
        pytest.param(
            report(CIPHER), report(CIPHER | {"params": {"algorithms": ["3des", "rc4"]}}),
            change(change=Change.WORSE, note="added: rc4"), Status.CRITICAL,
            id="one more algorithm is worse",
        ),
        pytest.param(
            report(CIPHER | {"params": {"algorithms": ["3des", "rc4"]}}), report(CIPHER),
            change(change=Change.BETTER, note="no longer: rc4"), Status.OK,
            id="one fewer is better",
        ),
        pytest.param(
            report(CIPHER), report(CIPHER | {"params": {"algorithms": ["rc4"]}}),
            change(change=Change.WORSE, note="added: rc4; no longer: 3des"), Status.CRITICAL,
            id="another one is worse",
        ),
        pytest.param(
            report({**CIPHER, "params": {}}), report(CIPHER), change(change=Change.SAME),
            Status.OK, id="the older version has no parameters",
        ),
        pytest.param(
            report(CIPHER | {"params": {"lookups": ["AAAA: ok (900 ms)", "offset +0.25"]}}),
            report(CIPHER | {"params": {"lookups": ["AAAA: ok (31 ms)", "offset +1.50"]}}),
            change(change=Change.SAME), Status.OK, id="what is measured is no item",
        ),
    ],
)  # fmt: skip
def test_a_finding(
    old: dict[str, Any], new: dict[str, Any], expected: Changed, status: Status
) -> None:
    assert compared(old, new) == ([expected], status)


@pytest.mark.parametrize(
    ("severity", "bar", "status"),
    [
        ("high", Severity.MEDIUM, Status.CRITICAL),
        ("critical", Severity.CRITICAL, Status.CRITICAL),
        ("medium", Severity.MEDIUM, Status.WARNING),
        ("medium", Severity.HIGH, Status.OK),
        ("low", Severity.MEDIUM, Status.OK),
        ("low", Severity.LOW, Status.WARNING),
    ],
)
def test_new_findings_count_from_the_bar_on(severity: str, bar: Severity, status: Status) -> None:
    assert compared(report(), report(CIPHER | {"severity": severity}), bar)[1] is status


@pytest.mark.parametrize(("bar", "status"), [(Severity.HIGH, 3), (Severity.CRITICAL, 0)])
def test_what_is_gone_counts_from_the_bar_on(bar: Severity, status: int) -> None:
    assert compared(report(CIPHER), report(), bar)[1].exit_code == status


OTHER = FAILED | {"reason": "connect-timeout"}


@pytest.mark.parametrize(
    ("before", "after", "expected", "status"),
    [
        (None, FAILED, [(Change.NEW, "connect-refused")], Status.CRITICAL),
        (FAILED, FAILED, [(Change.SAME, "connect-refused")], Status.OK),
        (FAILED, None, [(Change.FIXED, "connect-refused")], Status.OK),
        (
            FAILED, OTHER,
            [(Change.NEW, "connect-timeout"), (Change.GONE, "connect-refused")], Status.CRITICAL,
        ),
    ],
)  # fmt: skip
def test_a_failure(before: Any, after: Any, expected: Any, status: Status) -> None:
    new = report(failure=after) | {"status": "critical" if after else "ok"}
    changes, got = compared(report(failure=before), new)
    assert ([(each.change, each.id) for each in changes], got) == (expected, status)
    assert changes[0].title == "the check failed in connect"
    assert changes[0].evidence == "nothing listens"


def test_a_failure_of_this_machine_is_unknown() -> None:
    new = report(failure={"reason": "interrupted"}) | {"status": "unknown"}
    changes, status = compared(report(CIPHER), new)
    assert status is Status.UNKNOWN
    assert changes[0].title == "the check failed"
    assert changes[1].note == "the check failed: interrupted"


def test_a_target_in_one_report_only() -> None:
    old = document(report(CIPHER, target="tls://old", failure=FAILED))
    new = document(report(target="tls://new", passed=["CIPHER"]))
    made = diff(old, new, Severity.MEDIUM)
    assert [(each.target, each.before, each.after) for each in made.targets] == [
        ("tls://new", None, Status.OK), ("tls://old", Status.OK, None),
    ]  # fmt: skip
    assert {(each.change, each.note) for each in made.targets[1].changes} == {
        (Change.GONE, "the newer report does not have this target")
    }
    assert made.status is Status.UNKNOWN


def test_a_target_given_twice_is_compared_in_order() -> None:
    old = document(report(CIPHER), report())
    new = document(report(CIPHER), report(CIPHER))
    made = diff(old, new, Severity.MEDIUM)
    assert [(each.target, [c.change for c in each.changes]) for each in made.targets] == [
        (TARGET, [Change.SAME]), (f"{TARGET} (2)", [Change.NEW]),
    ]  # fmt: skip


def line(text: str, **more: Any) -> dict[str, Any]:
    return {**CIPHER, "source": [{"file": "sshd_config", "line": 1, "text": text}], **more}


def test_findings_of_one_rule_are_paired_by_evidence_then_lines_then_order() -> None:
    first, second = line("Ciphers 3des", evidence="a"), line("Ciphers rc4", evidence="b")
    third = line("Ciphers blowfish", evidence="c")
    changes, _ = compared(report(first, second), report(third, line("Ciphers rc4", evidence="B")))
    assert [(each.change, each.evidence) for each in changes] == [
        (Change.SAME, "c"), (Change.SAME, "B"),
    ]  # fmt: skip
    changes, _ = compared(report(first, second), report(second))
    assert [(each.change, each.evidence) for each in changes] == [
        (Change.FIXED, "a"), (Change.SAME, "b"),
    ]  # fmt: skip


def test_the_gravest_change_is_first() -> None:
    other = CIPHER | {"id": "A-LOW", "severity": "low"}
    changes, _ = compared(report(CIPHER, passed=[]), report(other, CIPHER | {"id": "Z"}))
    assert [(each.change, each.id) for each in changes] == [
        (Change.NEW, "Z"), (Change.NEW, "A-LOW"), (Change.GONE, "CIPHER"),
    ]  # fmt: skip


def test_what_a_baseline_does_not_have() -> None:
    (old,) = document(report(CIPHER, CIPHER | {"id": "B", "severity": "low"})).reports
    (new,) = document(
        report(CIPHER, CIPHER | {"id": "B"}, CIPHER | {"id": "C"}, CIPHER | {"id": "CIPHER"})
    ).reports
    assert fresh(old, new) == (False, True, True, True)
    assert fresh(None, new) == (True,) * 4
    assert fresh(new, old) == (False, False)


LISTS = st.lists(
    st.builds(
        lambda rule, severity, items: {
            "id": rule, "severity": severity, "params": {"items": items}, "evidence": str(items),
        },
        st.sampled_from("ABC"), st.sampled_from([*map(str, Severity)]),
        st.lists(st.sampled_from(["x", "y", "z"]), max_size=2),
    ),
    max_size=6,
)  # fmt: skip


@given(LISTS, LISTS)
def test_every_finding_is_counted_once(old: list[Any], new: list[Any]) -> None:
    made = diff(document(report(*old)), document(report(*new)), Severity.MEDIUM)
    counts = totals(made)
    lost = counts.get(Change.FIXED, 0) + counts.get(Change.GONE, 0)
    kept = sum(counts.values()) - lost - counts.get(Change.NEW, 0)
    assert (kept + lost, kept + counts.get(Change.NEW, 0)) == (len(old), len(new))


@given(LISTS)
def test_a_report_does_not_differ_from_itself(findings: list[Any]) -> None:
    same = document(report(*findings, status="critical"))
    made = diff(same, same, Severity.INFO)
    assert set(totals(made)) <= {Change.SAME}
    assert made.status is Status.OK


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not a JSON report of Seventh: Input data was truncated"),
        ("[]", "not a JSON report of Seventh: Expected `object`, got `array`"),
        ("{}", "not a JSON report of Seventh: Object missing required field `schema`"),
        ("[" * 100_000, "not a JSON report of Seventh"),
        ('{"schema": "other/1"}', "its schema is 'other/1', not seventh.report/1"),
        ('{"schema": "seventh.report/x"}', "its schema is 'seventh.report/x'"),
        (
            '{"schema": "seventh.report/2"}',
            "its schema seventh.report/2 is newer than this version of Seventh reads (seventh.rep",
        ),
    ],
)
def test_what_is_no_report(text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_report(text, "old.json")
    assert str(caught.value).startswith(f"old.json: {said}")


def test_unknown_fields_and_reasons_of_a_newer_version_are_read() -> None:
    made = document(report(failure={"reason": "of-tomorrow", "mood": 1}, colour="blue"))
    assert made.reports[0].failure is not None
    assert made.reports[0].failure.reason == "of-tomorrow"


def shown(made: Diff, **view: Any) -> list[str]:
    return text(made, View(width=60, **view)).splitlines()


OLD = document(
    report(CIPHER, CIPHER | {"id": "MAC", "title": "Weak MACs", "severity": "medium"},
           CIPHER | {"id": "KEX", "title": "Weak exchange"}),
    report(target="ntp://quiet"), report(target="ntp://gone"), at="2026-11-01T00:00:00Z",
)  # fmt: skip
NEW = document(
    report(CIPHER, CIPHER | {"id": "MAC", "title": "Weak MACs"}, passed=["KEX"])
    | {"status": "critical"},
    report(target="ntp://quiet"),
    report(target="tls://new", failure=FAILED) | {"status": "critical"},
    at="2026-11-30T00:00:00Z",
)  # fmt: skip


def test_the_text() -> None:
    assert shown(diff(OLD, NEW, Severity.MEDIUM)) == [
        "ok → ✖ critical  ssh://host",
        "─" * 60,
        "  ▲ worse   medium → high  MAC  Weak MACs",
        "            offers 3des",
        "  - fixed   high  KEX  Weak exchange",
        "            offers 3des",
        "",
        "only in the newer report: ✖ critical  tls://new",
        "─" * 60,
        "  + new     failure  connect-refused  the check failed in",
        "            connect",
        "            nothing listens",
        "",
        "only in the older report  ntp://gone",
        "─" * 60,
        "  no findings",
        "",
        "4 targets: 1 new, 1 worse, 1 fixed, 1 same",
        "2026-11-01T00:00:00Z → 2026-11-30T00:00:00Z",
    ]


def test_verbose_text_has_what_is_the_same() -> None:
    lines = shown(diff(OLD, NEW, Severity.MEDIUM), verbose=True)
    assert "  = same    high  CIPHER  Weak ciphers" in lines
    assert lines[lines.index("✔ ok  ntp://quiet") + 2] == "  no findings"


def test_text_in_ascii() -> None:
    made = "\n".join(shown(diff(OLD, NEW, Severity.MEDIUM), ascii=True))
    assert made.isascii()
    assert "  ^ worse   medium -> high  MAC  Weak MACs" in made


def test_text_in_colour() -> None:
    head, _, worse, *_ = shown(diff(OLD, NEW, Severity.MEDIUM), color=True)
    assert head == "ok → \x1b[1;31m✖ critical\x1b[0m\x1b[1m  ssh://host\x1b[0m"
    assert worse == (
        "  \x1b[31m▲ worse   \x1b[0m\x1b[2mmedium → \x1b[0m\x1b[31mhigh\x1b[0m"
        "\x1b[1m  MAC\x1b[0m  Weak MACs"
    )
    last = shown(diff(OLD, NEW, Severity.MEDIUM), color=True)[-2]
    assert last == "\x1b[1m4 targets: \x1b[0m\x1b[1m1 new, 1 worse, 1 fixed, 1 same\x1b[0m"


def test_text_of_each_change_in_colour_and_without_times() -> None:
    def rated(name: str, severity: str) -> dict[str, Any]:
        return {"id": name, "severity": severity, "title": "t"}

    old = document(
        report(rated("BETTER", "critical"), rated("FIXED", "medium"), rated("GONE", "low"),
               rated("SAME", "info")),
        report(target="ntp://gone"),
    )  # fmt: skip
    new = document(
        report(rated("BETTER", "high"), rated("SAME", "info"), passed=["FIXED"], failure=FAILED),
        report(target="tls://new") | {"status": "warning"},
    )  # fmt: skip
    made = shown(diff(old, new, Severity.MEDIUM), color=True, verbose=True)
    assert [re.sub(r"\x1b\[([0-9;]*)m", r"<\1>", line) for line in made] == [
        "<32>✔ ok<0><1>  ssh://host<0>",
        f"<2>{'─' * 60}<0>",
        "  <31>+ new     <0><1;31>failure<0><1>  connect-refused<0>  the check failed in",
        "            connect",
        "            nothing listens",
        "  <32>▼ better  <0><2>critical → <0><31>high<0><1>  BETTER<0>  t",
        "  <32>- fixed   <0><33>medium<0><1>  FIXED<0>  t",
        "  <35>? gone    <0><36>low<0><1>  GONE<0>  t",
        "            the check failed: connect-refused",
        "  <2>= same    <0><34>info<0><1>  SAME<0>  t",
        "",
        "only in the newer report: <33>▲ warning<0><1>  tls://new<0>",
        f"<2>{'─' * 60}<0>",
        "  no findings",
        "",
        "<35>only in the older report<0><1>  ntp://gone<0>",
        f"<2>{'─' * 60}<0>",
        "  no findings",
        "",
        "<1>3 targets: <0><1>1 new, 1 better, 1 fixed, 1 gone, 1 same<0>",
    ]


@pytest.mark.parametrize("verbose", [False, True])
def test_text_of_a_target_without_a_change(verbose: bool) -> None:
    same = document(report(CIPHER), report(target="ntp://quiet"), at="2026-11-30T00:00:00Z")
    other = document(report(CIPHER) | {"status": "critical"}, at="2026-11-30T00:00:00Z")
    times = "2026-11-30T00:00:00Z → 2026-11-30T00:00:00Z"
    cipher = ["  = same    high  CIPHER  Weak ciphers", "            offers 3des"]
    rule = "─" * 60
    assert shown(diff(same, same, Severity.MEDIUM), verbose=verbose) == [
        *(["✔ ok  ssh://host", rule, *cipher, "", "✔ ok  ntp://quiet", rule, "  no findings", ""]
          if verbose else []),
        "2 targets: 1 same", times,
    ]  # fmt: skip
    head = ["ok → ✖ critical  ssh://host", rule, *(cipher if verbose else ["  unchanged"]), ""]
    made = shown(diff(document(report(CIPHER)), other, Severity.MEDIUM), verbose=verbose)
    assert made == [*head, "1 target: 1 same", f" → {times.partition(' → ')[2]}"]
    assert shown(diff(document(), document(), Severity.LOW)) == ["0 targets: no findings"]


def test_hostile_text_of_a_report_is_printed_harmlessly() -> None:
    evil = CIPHER | {"title": "\x1b[31mred\n", "evidence": "\x1b]0;owned\x07"}
    made = text(diff(document(), document(report(evil)), Severity.INFO), View())
    assert "\x1b" not in made
    assert "\x07" not in made


def test_the_json_of_a_difference_is_read_back() -> None:
    made = diff(OLD, NEW, Severity.MEDIUM)
    assert msgspec.json.decode(msgspec.json.encode(made), type=Diff) == made
    assert json.loads(msgspec.json.encode(made))["schema"] == "seventh.diff/1"
