"""Every code of a finding has its phrase, and every phrase its place in the rule's words."""

from __future__ import annotations

import ast
import inspect
import string
from collections.abc import Iterator

import pytest

from seventh import protocols
from seventh.protocols.http.rules import file
from seventh.rules.rule import AnyRule

RULES = [rule for rule in protocols.rules("http") if rule.words.phrases]
PRODUCTS = {"nginx", "caddy"}


def codes(function: object, names: set[str]) -> Iterator[tuple[str, str]]:
    """Yield the literal codes that a function puts into parameters of these names."""
    source = inspect.getsource(function)  # type: ignore[arg-type]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.keyword) and node.arg in names:
            yield from (
                (node.arg, part.value)
                for part in ast.walk(node.value)
                if isinstance(part, ast.Constant) and isinstance(part.value, str)
                and not isinstance(node.value, ast.Compare | ast.Call | ast.JoinedStr)
            )  # fmt: skip


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_phrases(rule: AnyRule) -> None:
    words = rule.words
    fields = {
        name
        for text in (words.title, words.evidence, words.why, *words.fix.values())
        for _, name, _, _ in string.Formatter().parse(text)
    }
    assert set(words.phrases) <= fields, "a phrase that no text shows"
    for name, code in codes(rule.condition, set(words.phrases)):
        assert code in words.phrases[name] or any(c.startswith(code) for c in words.phrases[name])


def test_a_file_s_codes_have_phrases_for_both_products() -> None:
    """A function of ``file.py`` has the name of the rule's own condition."""
    by_name = {rule.condition.__name__: rule for rule in RULES}
    for name, function in inspect.getmembers(file, inspect.isfunction):
        rule = by_name.get(name)
        if rule is None:
            continue
        for parameter, code in codes(function, set(rule.words.phrases)):
            assert code in rule.words.phrases[parameter], f"{name}: {code}"
        source = inspect.getsource(function)
        if "what=config.product" in source or "rungs=(config.product" in source:
            phrases = next(iter(rule.words.phrases.values()))
            assert set(phrases) >= PRODUCTS & set(rule.directives), name
