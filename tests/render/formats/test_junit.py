"""JUnit's XML: a suite a target, a case a rule."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from seventh.model.severity import Severity
from seventh.render import View, render
from tests.render.samples import BROKEN, EMPTY, FOUND, SHAPES, document

pytestmark = pytest.mark.usefixtures("demo_room")


def suites(*reports: object, **view: object) -> ET.Element:
    text = render("junit", document(*reports), View(**view))  # type: ignore[arg-type]
    return ET.fromstring(text)  # noqa: S314 - our own


def test_a_suite_a_target_and_a_case_a_rule() -> None:
    root = suites(*SHAPES)
    assert [suite.get("name") for suite in root] == [shape.target for shape in SHAPES]
    found = root[1]
    cases = {case.get("name"): [child.tag for child in case] for case in found}
    assert cases == {
        "conversation": ["system-out"],
        "DEMO-WEAK": ["failure"],
        "DEMO-SLOW": ["system-out"],
        "DEMO-FINE": [],
        "DEMO-TOLD": ["skipped"],
    }
    failure = found.find("testcase[@name='DEMO-WEAK']/failure")
    assert failure is not None
    assert failure.get("message") == "Weak algorithms"
    assert "Algorithms strong-one" in (failure.text or "")


def test_the_counts_are_right() -> None:
    root = suites(*SHAPES)
    for suite in root:
        assert int(suite.get("tests", "")) == len(suite.findall("testcase"))
        assert int(suite.get("failures", "")) == len(suite.findall("testcase/failure"))
    for key in ("tests", "failures", "errors", "skipped"):
        assert int(root.get(key, "")) == sum(int(suite.get(key, "")) for suite in root)
    assert (root.get("failures"), root.get("errors"), root.get("skipped")) == ("2", "1", "1")


def test_the_conversation_fails_or_is_an_error() -> None:
    root = suites(BROKEN, EMPTY)
    assert root[0].find("testcase[@name='conversation']/failure") is not None
    error = root[1].find("testcase[@name='conversation']/error")
    assert error is not None
    assert error.get("type") == "internal-error"


def test_the_bar_decides_which_findings_fail() -> None:
    assert len(suites(FOUND, bar=Severity.LOW).findall(".//failure")) == 2
    assert len(suites(FOUND, bar=Severity.CRITICAL).findall(".//failure")) == 0
