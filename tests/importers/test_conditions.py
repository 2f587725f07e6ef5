"""A condition holds of the same responses after it was carried over."""

from __future__ import annotations

import re
from typing import Any

import jmespath  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.importers import gatus
from seventh.importers.conditions import expect_body, json_path, status_text
from seventh.importers.found import Item, seconds
from seventh.importers.located import Node, json_of, yaml_of
from seventh.web.given import statuses


def carried(*conditions: str) -> Item:
    """The endpoint with the conditions."""
    listed = "".join(f"    - '{each}'\n" for each in conditions)
    root = yaml_of(
        "g", f"endpoints:\n- name: a\n  url: https://h\n  client: {{ignore-redirect: true}}\n"
        f"  conditions:\n{listed}"
    )  # fmt: skip
    (item,) = gatus.found("g", root).items
    return item


@pytest.mark.parametrize(
    ("condition", "good", "bad"),
    [
        ("[BODY].a == UP", {"a": "UP"}, {"a": "DOWN"}),
        ("[BODY].a == 5", {"a": 5}, {"a": 6}),
        ("[BODY].a == true", {"a": True}, {"a": False}),
        ("[BODY].a != UP", {"a": "x"}, {"a": "UP"}),
        ("[BODY].a > 5", {"a": 6}, {"a": 5}),
        ("[BODY].a <= 5.5", {"a": "5.5"}, {"a": 6}),
        ("[BODY].a-b.c == x", {"a-b": {"c": "x"}}, {"a": 1}),
        ("[BODY][1].a == x", [{}, {"a": "x"}], [{"a": "x"}]),
        ("len([BODY].a) == 2", {"a": [1, 2]}, {"a": [1]}),
        ("len([BODY]) > 1", [1, 2], [1]),
        ("has([BODY].a) == true", {"a": 0}, {}),
        ("has([BODY].a) == false", {}, {"a": 0}),
        ("[BODY].a == any(x, y)", {"a": "y"}, {"a": "z"}),
        ("[BODY].a != any(x, y)", {"a": "z"}, {"a": "y"}),
        ("[BODY].a == a`b", {"a": "a`b"}, {"a": "ab"}),
    ],
)
def test_conditions_on_json(condition: str, good: Any, bad: Any) -> None:
    item = carried(condition)
    assert item.lost == []
    found = jmespath.compile(item.keys["expect-json"])
    assert (bool(found.search(good)), bool(found.search(bad))) == (True, False)


@pytest.mark.parametrize(
    ("condition", "good", "bad"),
    [
        ("[BODY] == pat(*ell*)", "Hello\nyou", "Hi"),
        ("[BODY] == pat(He*)", "Hello\nyou", "oh Hello"),
        ("[BODY] == OK", " OK\n", "OK?"),
        ("[BODY] != OK", "OK?", "OK"),
        ("[BODY] == any(A, B.)", "B.", "Bx"),
    ],
)
def test_conditions_on_the_body(condition: str, good: str, bad: str) -> None:
    item = carried(condition)
    found = re.compile(item.keys["expect-body"])
    assert (bool(found.search(good)), bool(found.search(bad))) == (True, False)


@pytest.mark.parametrize(
    ("conditions", "written"),
    [
        (["[STATUS] == 200"], "200"),
        (["[STATUS] < 300"], "200-299"),
        (["[STATUS] >= 200", "[STATUS] <= 204"], "200-204"),
        (["[STATUS] == any(200, 201, 429)"], "200-201,429"),
        (["[STATUS] != 404"], "200-403,405-599"),
        ([], "200-599"),
    ],
)
def test_conditions_on_the_status(conditions: list[str], written: str) -> None:
    assert carried(*conditions).keys["expect-status"] == written


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        ("[STATUS]", "not understood"),
        ("[STATUS] == ok", "not a status"),
        ("[BODY].a == pat(x*)", "a pattern is possible only for all of the body"),
        ("[BODY].a[*] == x", "only names and indices are possible in a path"),
        ("[RESPONSE_TIME] > 5", "only < is possible"),
        ("[CERTIFICATE_EXPIRATION] < 5h", "only > with a duration is possible"),
        ("[DOMAIN_EXPIRATION] > 720h", "not supported"),
        ("[CONNECTED] == false", "only == true is possible"),
        ("[HEADER].X != a", "only == is possible"),
        ("has([BODY].a) == 1", "only == true and == false are possible"),
        ("len([BODY].a) == x", "not a number"),
    ],
)
def test_what_is_not_carried_over_is_listed_with_its_line(condition: str, why: str) -> None:
    (lost,) = carried(condition).lost
    assert (lost.line, lost.why) == (6, f"condition {condition}: {why}")


def test_no_status_is_left() -> None:
    assert carried("[STATUS] == 200", "[STATUS] == 204").refused == (
        "no status meets its conditions"
    )


def test_expressions_are_combined() -> None:
    item = Item(line=1, name="a")
    expect_body(item, 1, ["(?i)hello", "^a"], ["error", "["])
    found = re.compile(item.keys["expect-body"])
    texts = ["a\nHELLO", "a\nhello error", "hello a"]
    assert [bool(found.search(text)) for text in texts] == [True, False, False]
    (lost,) = item.lost
    assert lost.why.startswith("condition on the body: regular expression '(?!(?s:.*)(?:[))'")


@given(st.sets(st.integers(200, 599), min_size=1, max_size=20))
def test_statuses_are_the_same(codes: set[int]) -> None:
    read = statuses(status_text(codes))
    assert {code for code in range(200, 600) if code in read} == codes


@pytest.mark.parametrize(
    ("path", "made"),
    [("a.b[0].c", "a.b[0].c"), ("a-b", '"a-b"'), ("[0]", "[0]"), ("", None), ("a..b", None),
     ("$sum(a.b)", None), ("a[*]", None), ("a b", None)],
)  # fmt: skip
def test_paths(path: str, made: str | None) -> None:
    assert json_path(path) == made


@pytest.mark.parametrize(
    ("text", "made"), [("1m30s", 90.0), ("500ms", 0.5), ("1d", 86400.0), ("5", None), ("5 m", None)]
)
def test_durations(text: str, made: float | None) -> None:
    assert seconds(text) == made


def plain(node: Node) -> Any:
    """The value without lines."""
    if isinstance(node.value, dict):
        return {key: plain(each) for key, each in node.value.items()}
    return [plain(each) for each in node.value] if isinstance(node.value, list) else node.value


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(VALUES, st.sampled_from([None, 2]))
def test_json_is_read_as_the_library_reads_it(value: Any, indent: int | None) -> None:
    import json

    assert plain(json_of("a", json.dumps(value, indent=indent))) == value


def test_lines_of_values() -> None:
    root = json_of("a", '{\n "a": [\n  1,\n  {"b": 2}\n ]}')
    assert [each.line for each in root.get("a").each()] == [3, 4]
    root = yaml_of("a", "a:\n  - 1\n  - b: 2\n    c: off\n")
    assert [each.line for each in root.get("a").each()] == [2, 3]
    assert root.get("a").each()[1].get("c") == Node("off", 4)
