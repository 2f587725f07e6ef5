"""What a linter owes."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh import protocols
from seventh.engine.lint import Wanted, decided_by_files, lint_text
from seventh.engine.recognise import by_name
from seventh.lint import kinds
from seventh.lintkit.files import MAX_PROBLEMS
from seventh.lintkit.linted import Kind
from seventh.model.lintfacts import LintFacts
from seventh.rules.rule import Source

KINDS = [pytest.param(kind, id=name) for name, kind in kinds().items()]
WORDS = st.sampled_from(
    ["Host", "Match", "Include", "server", "pool", "restrict", "*", "all", "yes", "no", '"', "=",
     "#", "!", "include", "/", "\t", "0", "-1", "999999999999", "\\", "Port", "default", "%h"]
)  # fmt: skip
LINES = st.lists(WORDS, max_size=6).map(" ".join)
ANY = st.binary(max_size=600) | st.lists(LINES, max_size=30).map(
    lambda lines: "\n".join(lines).encode()
)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_fully_told(kind: Kind) -> None:
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]+", kind.name)
    assert kind.title
    assert kind.names
    assert kind.looks(()) == 0
    rules = protocols.rules(kind.room)
    assert decided_by_files(rules, kind.product), f"no rule is decided by {kind.name}"


def test_names_tell_one_kind_each() -> None:
    names = [name for kind in kinds().values() for name in kind.names]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("filled", ["x", "a.b-1"])
def test_each_pattern_of_names_tells_its_kind_and_no_other(kind: Kind, filled: str) -> None:
    for pattern in kind.names:
        name = pattern.replace("*", filled)
        found = by_name(Path("/srv", name))
        assert found is not None
        assert found.name == kind.name, f"{name} of {pattern}"


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_file_is_judged(kind: Kind) -> None:
    report = lint_text("empty", b"", Wanted(kind=kind.name))
    assert report.failure is None, report.failure
    assert report.protocol == kind.room


@pytest.mark.uncounted
@pytest.mark.parametrize("kind", KINDS)
@given(data=ANY)
def test_any_file_gives_a_report(kind: Kind, data: bytes) -> None:
    report = lint_text("any", data, Wanted(kind=kind.name))
    assert report.failure is None or report.failure.reason in {"file-malformed", "file-unreadable"}
    for finding in report.findings:
        assert all(line.text for line in finding.source)


HOSTILE = {
    "zeros": b"\0" * 5000,
    "one line": b"x" * 2_000_000,
    "includes": b"Include *\n" * 3000,
    "many lines": b"a b\n" * 10_000,
}


@pytest.mark.uncounted
@pytest.mark.parametrize("data", HOSTILE.values(), ids=list(HOSTILE))
@pytest.mark.parametrize("kind", KINDS)
def test_hostile_files_cost_little(
    kind: Kind, data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The steps of Python are counted: they grow with the file's size and with no power of it."""
    monkeypatch.chdir(tmp_path)  # what `Include *` finds is not this test's
    steps = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal steps
        steps += 1

    sys.setprofile(count)
    try:
        report = lint_text("hostile", data, Wanted(kind=kind.name))
    finally:
        sys.setprofile(None)
    assert steps < 300_000 + 100 * len(data), "twice the slowest kind"
    assert isinstance(lint := report.facts["lint"], LintFacts)
    assert len(lint.problems) <= MAX_PROBLEMS + 1


def test_every_file_rule_that_is_built_is_decided_by_some_kind() -> None:
    products = {kind.product for kind in kinds().values()}
    for room in protocols.rooms():
        for rule in protocols.rules(room):
            if rule.source is Source.FILE:
                assert set(rule.directives) & products, rule.id
