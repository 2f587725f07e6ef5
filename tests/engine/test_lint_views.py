"""What a linter's views become: one finding per fault, its lines, its place, its blocks."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from seventh import protocols
from seventh.engine import lint
from seventh.engine.lint import Wanted, kind_named, lint_text
from seventh.lintkit.files import Files, Text
from seventh.lintkit.linted import Kind, Linted, Setting, Software, View
from seventh.model.facts import Facts
from seventh.model.failure import Failure, Reason, UsageError
from seventh.model.lintfacts import LintFacts
from seventh.model.report import Report
from seventh.model.severity import Severity
from seventh.model.source import Line
from seventh.rules.rule import AnyRule, Hit, Skip, Source, Verdict, rule
from seventh.rules.run import Selection


class Fake(Facts, frozen=True, kw_only=True):
    wait: int | None = None
    weak: str = ""


def _rule(
    name: str, condition: Callable[[Fake], Verdict], directives: Any = None, **more: Any
) -> AnyRule:
    fields = {"source": Source.WIRE, "fix": {"fake": "Wait 1\nother"}, **more}
    declare = rule(
        name, Severity.LOW, tier=4, title="t", evidence="e", why="w", good=Fake(), bad=Fake(),
        directives=directives, **fields,
    )  # fmt: skip
    return declare(condition)


def _slow(fake: Fake) -> Verdict:
    if fake.wait is None:
        return Skip("no wait")
    if fake.wait > 50:
        return Hit(Severity.HIGH, wait=fake.wait)
    return Hit(wait=fake.wait) if fake.wait > 1 else None


def _weak(fake: Fake) -> Verdict:
    if fake.weak == "exact":
        return Hit(weak="exact").at("WEAK", "WAIT").fixed_by("fake", "Weak no")
    return Hit(weak=fake.weak) if fake.weak else None


OURS = (
    _rule("F-SLOW", _slow, {"fake": ("Wait", "Weak", "Wait")}),
    _rule("F-WEAK", _weak, {"fake": ("Weak",)}, fix={"fake": "run-this --now"}),
    _rule("F-FILE", lambda fake: None, source=Source.FILE),
    _rule("F-LOCAL", lambda fake: None, source=Source.LOCAL),
    _rule("F-WIRE", lambda fake: None),
    _rule("F-OTHER", lambda fake: None, {"another": ("Wait",)}, source=Source.FILE),
)
THEIRS = (
    _rule("N-NAMED", _slow, {"fake": ("Wait",)}),
    _rule("N-FILE", lambda fake: None, source=Source.FILE),
)


def line(number: int | None, text: str = "x") -> Line:
    return Line(file="f", line=number, text=text)


def view(label: str = "", *, wait: int | None = 0, weak: str = "", room: str = "ssh",
         wait_at: tuple[int, ...] = (1,), **more: Any) -> View:  # fmt: skip
    settings = {
        "wait": tuple(Setting(value="", at=line(number, "Wait")) for number in wait_at),
        "weak": (Setting(value="", at=line(9, "Weak")),),
    }
    return View(label=label, facts={room: Fake(wait=wait, weak=weak)}, settings=settings, **more)


Linting = Callable[..., Report]


@pytest.fixture
def linted(monkeypatch: pytest.MonkeyPatch) -> Linting:
    """A function that checks a file whose linter gives these views."""

    def check(*views: View, data: bytes = b"", wanted: Wanted | None = None, **more: Any) -> Report:
        def read(text: Text, files: Files, software: Software | None) -> Linted:
            files.unread.update(more.get("unread", ()))
            files.unlisted = more.get("unlisted", 0)
            return Linted(
                views=views or (view(),), software=str(software or "fake 9"),
                software_assumed=software is None, problems=more.get("problems", ()),
            )  # fmt: skip

        kind = Kind(
            name="fake.conf", title="Fake", room="ssh", product="fake", also=("fork",), names=(),
            looks=lambda lines: 0, lint=read,
        )  # fmt: skip
        monkeypatch.setattr(lint, "kinds", lambda: {"fake.conf": kind, "b.conf": kind})
        rules: Mapping[str, tuple[AnyRule, ...]] = {"ssh": OURS, "net": THEIRS}
        monkeypatch.setattr(protocols, "rules", rules.__getitem__)
        return lint_text("f", data, wanted or Wanted(kind="fake.conf"))

    return check


def findings(report: Report) -> list[tuple[object, ...]]:
    return [
        (found.id, found.view, found.also, found.more, [each.line for each in found.source])
        for found in report.findings
    ]


def test_rules_that_the_file_decides_are_run_and_no_others(linted: Linting) -> None:
    report = linted(view(wait=None), view("a", room="net"))
    assert report.passed == ("F-FILE", "F-WEAK", "N-NAMED")
    assert [(skip.id, skip.reason) for skip in report.skipped] == [("F-SLOW", "no wait")]
    assert report.protocol == "ssh"
    assert set(report.facts) == {"lint", "ssh"}


def test_a_finding_shows_the_lines_of_its_settings_once(linted: Linting) -> None:
    report = linted(view(wait=2, weak="exact", wait_at=(3, 4, 3)))
    assert findings(report) == [
        ("F-SLOW", "", (), 0, [3, 4, 9]),
        ("F-WEAK", "", (), 0, [9, 3, 4]),
    ]
    assert {found.product for found in report.findings} == {"fake"}


@pytest.mark.parametrize(("lines", "shown"), [(15, 16), (16, 16), (30, 16)])
def test_sixteen_lines_are_shown(linted: Linting, lines: int, shown: int) -> None:
    (found,) = linted(view(wait=2, wait_at=tuple(range(100, 100 + lines)))).findings
    assert len(found.source) == shown


def test_blocks_with_the_same_fault_are_one_finding_that_names_three_more(linted: Linting) -> None:
    blocks = [view(label, wait=2) for label in "abcdefg"]
    assert findings(linted(*blocks)) == [("F-SLOW", "a", ("b", "c", "d"), 3, [1, 9])]


def test_a_part_of_a_named_block_is_not_named_again(linted: Linting) -> None:
    blocks = [view(label, wait=2) for label in ("a", "a, location /", "a", "ab", "b, location /")]
    assert findings(linted(*blocks)) == [("F-SLOW", "a", ("ab", "b, location /"), 0, [1, 9])]


def test_the_file_as_a_whole_needs_no_other_names(linted: Linting) -> None:
    """A block that stands by itself is not within the file."""
    report = linted(view(wait=2), view("a", wait=2, within=None))
    assert findings(report) == [("F-SLOW", "", (), 0, [1, 9])]


@pytest.mark.parametrize(
    "other",
    [
        {"wait": 3}, {"wait": 99}, {"wait": 2, "wait_at": (2,)},
    ],
    ids=["parameter", "severity", "line"],
)  # fmt: skip
def test_another_fault_is_another_finding(linted: Linting, other: dict[str, Any]) -> None:
    report = linted(view("a", wait=2), view("b", **other))
    assert sorted(found.view for found in report.findings) == ["a", "b"]
    assert report.findings[0].severity is (Severity.HIGH if other["wait"] == 99 else Severity.LOW)


def test_what_a_block_inherits_is_reported_where_it_is_set(linted: Linting) -> None:
    report = linted(
        view("", wait=2), view("a", wait=2), view("a, b", wait=2, within="a"),
        view("c", wait=3), view("c, d", wait=3, within="c"), view("e", wait=3, within="c, d"),
    )  # fmt: skip
    assert findings(report) == [
        ("F-SLOW", "", (), 0, [1, 9]),
        ("F-SLOW", "c", (), 0, [1, 9]),
    ]


def test_a_rule_that_fired_anywhere_has_not_passed_and_a_pass_is_no_skip(linted: Linting) -> None:
    report = linted(view("a", wait=None), view("b", wait=0), view("c", wait=2), view("d", weak="x"))
    assert [found.id for found in report.findings] == ["F-SLOW", "F-WEAK"]
    assert report.passed == ("F-FILE",)
    assert report.skipped == ()
    report = linted(view("a", wait=None), view("b", wait=0))
    assert (report.passed, report.skipped) == (("F-FILE", "F-SLOW", "F-WEAK"), ())


def test_a_place_is_for_settings_of_the_file(linted: Linting) -> None:
    report = linted(view("a", wait=2, weak="x", place="in block a"))
    assert {found.id: found.place for found in report.findings} == {
        "F-SLOW": "in block a", "F-WEAK": "",  # a command belongs to no place
    }  # fmt: skip
    (found,) = linted(view("a", weak="exact", place="in block a")).findings
    assert (found.place, found.fixes) == ("in block a", {"fake": ("Weak no",)})


def test_the_selection_holds_and_no_tier_is_denied(linted: Linting) -> None:
    only = Wanted(kind="fake.conf", selection=Selection(only=frozenset({"F-SLOW"})))
    report = linted(view(wait=2, weak="x"), wanted=only)
    assert ([found.id for found in report.findings], report.passed) == (["F-SLOW"], ())


def test_the_report_says_what_was_read_and_as_what(linted: Linting) -> None:
    report = linted(view(), view("a"))
    assert report.target == "file:f"
    assert report.failure is None
    assert report.facts["lint"] == LintFacts(
        kind="fake.conf", software="fake 9", software_assumed=True, files=("f",),
        views=("the whole file", "a"),
    )  # fmt: skip
    assert 0 < report.duration_seconds < 60


@pytest.mark.parametrize(
    ("software", "used"),
    [
        ((), None), (("fake",), "fake 1.2"), (("fork",), "fork 1.2"), (("nginx",), None),
        (("fork", "fake"), "fake 1.2"),
    ],
)  # fmt: skip
def test_the_version_given_is_that_of_the_product_or_a_fork(
    linted: Linting, software: tuple[str, ...], used: str | None
) -> None:
    given = tuple(Software(product=name, version=(1, 2)) for name in software)
    report = linted(wanted=Wanted(kind="fake.conf", software=given))
    facts = report.facts["lint"]
    assert isinstance(facts, LintFacts)
    assert facts.software == (used or "fake 9")
    assert facts.software_assumed is (used is None)


BAD, TORN = line(3, "not a word"), line(4, "cannot be read")


@pytest.mark.parametrize(
    ("problems", "unread", "failure"),
    [
        ((BAD,), (), (Reason.FILE_MALFORMED, "f:3: not a word")),
        ((BAD, BAD), (), (Reason.FILE_MALFORMED, "f:3: not a word")),
        ((TORN,), (TORN,), (Reason.FILE_UNREADABLE, "f:4: cannot be read")),
        ((TORN, BAD), (TORN,), (Reason.FILE_MALFORMED, "f:3: not a word (and 1 more)")),
        ((TORN, line(5)), (TORN, line(5)),
         (Reason.FILE_UNREADABLE, "f:4: cannot be read (and 1 more)")),
    ],
)  # fmt: skip
def test_problems_are_the_failure(
    linted: Linting, problems: tuple[Line, ...], unread: tuple[Line, ...],
    failure: tuple[Reason, str],
) -> None:  # fmt: skip
    report = linted(problems=problems, unread=unread)
    assert isinstance(report.failure, Failure)
    assert (report.failure.reason, report.failure.detail) == failure
    assert report.failure.phase == "lint"
    facts = report.facts["lint"]
    assert isinstance(facts, LintFacts)
    assert facts.problems == tuple(dict.fromkeys(problems))


@pytest.mark.parametrize(("count", "listed"), [(99, 99), (100, 100), (101, 101), (250, 101)])
def test_a_hundred_problems_are_listed(linted: Linting, count: int, listed: int) -> None:
    report = linted(problems=tuple(line(number) for number in range(1, count + 1)))
    facts = report.facts["lint"]
    assert isinstance(facts, LintFacts)
    assert len(facts.problems) == listed
    if count > 100:
        more = line(None, f"{count - 100} more problems are not listed")
        assert facts.problems[-1] == more
    assert report.failure is not None
    assert report.failure.detail.endswith(f"(and {count - 1} more)")


def test_problems_that_were_only_counted_are_more(linted: Linting) -> None:
    report = linted(problems=tuple(line(number) for number in range(1, 101)), unlisted=5)
    facts = report.facts["lint"]
    assert isinstance(facts, LintFacts)
    assert facts.problems[-1] == line(None, "5 more problems are not listed")
    assert report.failure is not None
    assert report.failure.detail == "f:1: x (and 104 more)"


def test_an_unknown_kind_and_an_unknown_file_list_the_kinds(linted: Linting) -> None:
    linted()
    with pytest.raises(UsageError, match=re.escape("unknown kind 'zz': write b.conf or fake.conf")):
        kind_named("zz")
    report = lint_text("f", b"x", Wanted(kind="zz"))
    assert report.failure is not None
    assert (report.failure.reason, report.failure.phase) == (Reason.OPTIONS_UNUSABLE, "lint")
    assert report.failure.detail == (
        "--kind: unknown kind 'zz': write b.conf or fake.conf (`seventh lint --help`)"
    )
    assert (report.protocol, report.findings, report.passed) == ("lint", (), ())
    report = lint_text("f", b"words of no kind\n", Wanted())
    assert report.failure is not None
    assert report.failure.detail == (
        "f: unrecognised file type; name it with --kind (b.conf, fake.conf)"
    )
    assert report.facts == {"lint": LintFacts(files=("f",))}
