"""Texts of findings: in a language, with parameters that are safe to show, at a place."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from seventh.model.failure import UsageError
from seventh.render.wording import (
    Wording,
    built_in,
    clean_params,
    example,
    is_prose,
    languages,
    room_of_rule,
)
from tests.render.samples import SLOW, WEAK

pytestmark = pytest.mark.usefixtures("demo_room")


@pytest.mark.parametrize("lang", ["en", "ko", "de", "pt-BR", "zh_Hans", "abcdefgh", "en-a1-b2"])
def test_a_language_has_a_code(lang: str) -> None:
    assert Wording(lang).lang == lang


@pytest.mark.parametrize(
    "lang", ["", "e", "abcdefghi", "../x", "en/..", "en-", "en-123456789", "e1"]
)
def test_what_is_no_code_is_refused(lang: str) -> None:
    with pytest.raises(UsageError) as caught:
        Wording(lang)
    assert str(caught.value) == f"{lang!r} is not a language code: write one such as en or ko"


def test_the_languages_are_those_of_any_room() -> None:
    assert languages()[:1] == ["en"]
    assert "ko" in languages()
    assert languages() == ["en", *sorted(set(languages()) - {"en"})]


def test_a_translation_replaces_what_it_has() -> None:
    words = Wording("ko").words(WEAK)
    assert (words.title, words.evidence) == ("약한 알고리즘", "제공: weak, weaker")
    assert words.why == "Anyone can read <b>along</b>."
    assert Wording("ko").words(SLOW).title == "Slow to answer"


@pytest.mark.parametrize(
    ("changes", "fix"),
    [
        ({}, {"demod": "[crypto]\nAlgorithms strong-one,strong-two  # not weak, weaker",
              "other": "algos = strong"}),
        ({"fixes": {"other": ("a = 1", "b\x1b"), "new": ("c",)}},
         {"demod": "[crypto]\nAlgorithms strong-one,strong-two  # not weak, weaker",
          "other": "a = 1\nb\\x1b", "new": "c"}),
        ({"product": "other", "place": "in [x]\n"},
         {"demod": "[crypto]\nAlgorithms strong-one,strong-two  # not weak, weaker",
          "other": "# in [x]\\x0a\nalgos = strong"}),
        ({"product": "third", "place": "in [x]"},
         {"demod": "[crypto]\nAlgorithms strong-one,strong-two  # not weak, weaker",
          "other": "algos = strong"}),
        ({"product": "other", "place": "in [x]",
          "fixes": {"other": ("These are at least six words.",)}},
         {"demod": "[crypto]\nAlgorithms strong-one,strong-two  # not weak, weaker",
          "other": "These are at least six words."}),
    ],
)  # fmt: skip
def test_the_exact_fix_and_its_place_come_before_the_rules(
    changes: dict[str, Any], fix: dict[str, str]
) -> None:
    assert dict(Wording().words(replace(WEAK, **changes)).fix) == fix


def test_a_rule_that_is_not_installed_is_its_id_and_parameters() -> None:
    gone = replace(WEAK, id="GONE", params={"a": ("x", "y\x1b"), "b": 2.5})
    for finding in (gone, replace(gone, room="nowhere")):
        words = Wording().words(finding)
        assert (words.title, words.evidence, words.why, words.fix) == (
            "GONE", "a: x, y\\x1b, b: 2.5", "", {},
        )  # fmt: skip


def test_parameters_are_made_printable_and_bounded() -> None:
    given: dict[str, Any] = {
        "a": "x\n", "b": ("\x1b", "z" * 4096, "z" * 4097), "c": 1, "d": 2.5,
    }  # fmt: skip
    assert clean_params(given) == {
        "a": "x\\x0a", "b": ("\\x1b", "z" * 4096, "z" * 4096 + "…"), "c": 1, "d": 2.5,
    }  # fmt: skip


def test_an_example_is_the_bad_facts_evidence() -> None:
    slow, weak = built_in("demo")
    assert (example(slow), example(weak)) == ("waited 9.0 s", "offers weak, weaker")
    weak.bad, bad = weak.good, weak.bad
    try:
        assert example(weak) == ""
    finally:
        weak.bad = bad


def test_a_rules_own_texts_have_names_in_braces() -> None:
    slow, weak = built_in("demo")
    assert Wording().of_rule("demo", slow).evidence == "waited {wait} s"
    words = Wording("ko").of_rule("demo", weak)
    assert (words.title, words.evidence) == ("약한 알고리즘", "제공: {algorithms}")
    assert words.fix["demod"] == "[crypto]\nAlgorithms strong-one,strong-two  # not {algorithms}"
    assert Wording().of_rule("nowhere", weak).title == "Weak algorithms"


@pytest.mark.parametrize(
    ("fix", "prose"),
    [
        # six words, seven tenths of them letters only
        ("a b c d e f", True), ("a b c d e 5", True), ("a b c d 4 5", False), ("a b c d e", False),
        ("a b c d e f g 8 9 0", True), ("a b c d e f 7 8 9 0", False), ("", False), (" \n", False),
        # or a sentence
        ("Set 2 3 4 5 6.", True), ("set 2 3 4 5 6.", False), ("Set 2 3 4 5 6", False),
        ("2 Set 3 4 5 6.", False), ("Set 2 3 4 5.", False),
        # without a comment, in every line
        ("a b c d e f # g", False), ("a b c d e f\n\n g h i j k l\n", True),
        ("a b c d e f\nlisten 443;", False),
        # a word in quotes, in brackets, before a sign or with a hyphen
        *((f"a b c d {word} 6", True) for word in ("(e", "e)", "e,", "e.", "e;", "e:", "`e`",
                                                   "'e'", '"e"', "e…", "e-f")),
        *((f"a b c d {word} 6", False) for word in ("e_", "e/f", "e=f", "$e", "e!")),
    ],
)  # fmt: skip
def test_what_is_prose_may_be_wrapped(fix: str, prose: bool) -> None:
    assert is_prose(fix) is prose


def test_a_rule_is_found_in_its_room() -> None:
    assert room_of_rule("DEMO-SLOW") == "demo"
    assert room_of_rule("NET-PMTU") == "net"
    assert room_of_rule("DEMO") is None
