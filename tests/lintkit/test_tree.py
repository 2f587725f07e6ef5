"""YAML and JSON as trees with lines, against PyYAML's own loader, and within their bounds."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from seventh.lintkit import tree
from seventh.lintkit.files import Files
from seventh.lintkit.tree import Node, read


def documents(text: str | bytes) -> tuple[list[Node], list[str]]:
    files = Files()
    data = text.encode() if isinstance(text, str) else text
    return read(files.take("f", data), files), [str(one) for one in files.problems]


def plain(node: Node) -> Any:
    if node.fields is not None:
        return {name: plain(each) for name, each in node.fields.items()}
    return node.scalar if node.items is None else [plain(each) for each in node.items]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text("ab {}[]:#-'\"", max_size=5),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text("ab", max_size=3), each),
)


@given(value=VALUES)
def test_yaml_and_json_are_read_as_they_were_written(value: Any) -> None:
    for text in (json.dumps(value), json.dumps(value, indent="\t"), yaml.safe_dump(value)):
        found, problems = documents(text)
        assert problems == []
        assert [plain(each) for each in found] == [value]


TEXT = """# listeners
a: 1
b:
  - c: x
    d: [1, 2.5, "3"]
  - e: ~
base: &base
  t: 15s
f:
  <<: *base
  u: yes
  t: 0s
g: *base
"""


def test_values_have_their_lines() -> None:
    (top,), problems = documents(TEXT)
    assert problems == []
    assert plain(top) == {
        "a": 1, "b": [{"c": "x", "d": [1, 2.5, "3"]}, {"e": None}], "base": {"t": "15s"},
        "f": {"t": "0s", "u": "yes"}, "g": {"t": "15s"},
    }  # fmt: skip
    (first, second) = top.each("b")
    assert (top.line, first.line, second.line) == (2, 4, 6)
    assert (first.get("d") or top).key_line == 5
    assert (first.text("c"), first.text("d"), top.text("f", "t")) == ("x", "", "0s")
    assert (top.number("a"), top.number("b"), top.text("a"), top.is_true("a")) == (
        1,
        None,
        "1",
        None,
    )
    files = Files()
    text = files.take("f", TEXT.encode())
    assert [str((first.get(name) or top).at(text)) for name in ("c", "d")] == [
        "f:4: - c: x", 'f:5: d: [1, 2.5, "3"]',
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", []),
        ("a: [", ["f:1: not YAML: did not find expected node content"]),
        ("a: b: c", ["f:1: not YAML: mapping values are not allowed in this context"]),
        ("a: *b", ["f:1: *b names no anchor before it"]),
        ("a: &a [*a]", ["f:1: *a names no anchor before it"]),
        (b"a: \xff\n", []),
        ("[" * 500, ["f:1: more than 100 levels: the rest was left"]),
        ("{a: " * 2000, ["f:1: more than 100 levels: the rest was left"]),
        ("- " * 2000, ["f:1: more than 100 levels: the rest was left"]),
    ],
)
def test_what_cannot_be_read_is_noted(text: str | bytes, problems: list[str]) -> None:
    assert documents(text)[1] == problems


def test_what_was_read_before_an_error_is_kept() -> None:
    (top,), problems = documents("a: 1\nb: [2, 3\nc: 4\n")
    assert plain(top) == {"a": 1, "b": [2, "3 c"]}
    assert len(problems) == 1


def test_aliases_of_aliases_cost_what_they_are_written_with() -> None:
    lines = ["a0: &a0 [x, x]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60))]
    (top,), problems = documents("\n".join(lines))
    assert problems == []
    assert len(list(top.below())) == 1 + 60 + 2


def test_values_and_documents_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "MAX_NODES", 10)
    assert documents("[" + "1, " * 20 + "]")[1] == ["f:1: more than 10 values: the rest was left"]
    assert len(documents("---\n" * 50)[0]) == min(tree.MAX_DOCUMENTS, 10)


@given(
    data=st.binary(max_size=60) | st.text("[]{}:,-&*<|>\"'# \n\tab", max_size=40).map(str.encode)
)
def test_any_bytes_are_read(data: bytes) -> None:
    for one in documents(data)[0]:
        list(one.below())
