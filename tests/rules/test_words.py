"""Words are chosen at rendering, in any language that has a file."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.model.failure import UsageError
from seventh.model.report import Param
from seventh.rules.rule import Words
from seventh.rules.words import fill, filled, translation, usual_fixes, words_in
from tests.rules.test_run import warm


def test_parameters_are_put_in() -> None:
    assert fill("offers {names} at {port}", {"names": ("a", "b"), "port": 22}) == (
        "offers a, b at 22"
    )
    assert fill("{seconds:.1f} s", {"seconds": 1.26}) == "1.3 s"
    assert fill("{{ {size:,} }}", {"size": 1234567}) == "{ 1,234,567 }"


def test_a_format_that_does_not_fit_does_not_hide_the_value() -> None:
    assert fill("{seconds:.1f} s", {"seconds": "several"}) == "several s"
    assert fill("{seconds:.1f} s", {}) == "… s"
    assert fill("{names:.1f}", {"names": ("a", "b")}) == "a, b"
    assert fill("{none:.1f}", {"none": None}) == "None"  # type: ignore[dict-item]


def test_a_missing_parameter_does_not_hide_the_rest() -> None:
    assert fill("{a} and {b}", {"a": "x"}) == "x and …"
    assert fill("{0}", {"a": "x"}) == "…"


def test_a_parameter_cannot_reach_attributes() -> None:
    assert "class" not in fill("{a.__class__}", {"a": "x"})
    assert "class" not in fill("{a[__class__]}", {"a": "x"})


@given(st.text(max_size=40))
def test_a_value_is_never_taken_for_a_template(value: str) -> None:
    assert fill("<{a}>", {"a": value}) == f"<{value}>"


def test_a_second_language_is_a_file(tmp_path: Path) -> None:
    folder = tmp_path / "words"
    folder.mkdir()
    part = '[BEER-WARM]\ntitle = "Warm, leider"\nevidence = "{degrees} Grad"\n'
    (folder / "de.toml").write_text(part, encoding="utf-8")
    words = filled(words_in(warm(), translation(tmp_path, "de")), {"degrees": 20})
    assert words == Words(
        title="Warm, leider", evidence="20 Grad", why="Nobody likes it.", fix={"any": "cool"}
    )
    whole = part + 'why = "Schmeckt nicht."\n[BEER-WARM.fix]\nany = "kühlen"\n2 = "Eis"\n'
    (folder / "de.toml").write_text(whole, encoding="utf-8")
    words = words_in(warm(), translation(tmp_path, "de"))
    assert (words.why, words.fix) == ("Schmeckt nicht.", {"any": "kühlen", "2": "Eis"})
    assert translation(tmp_path, "fr") == {}
    (folder / "en.toml").write_text("[", encoding="utf-8")
    assert translation(tmp_path, "en") == {}  # the declarations are in English


@pytest.mark.parametrize("content", [b"[", b"\xff"])
def test_a_broken_file_says_where(tmp_path: Path, content: bytes) -> None:
    folder = tmp_path / "words"
    folder.mkdir()
    (folder / "de.toml").write_bytes(content)
    with pytest.raises(UsageError, match=r"/words/de\.toml: not readable as TOML: ."):
        translation(tmp_path, "de")


LINES = {
    "openssh": "{lines}\n# at {place}:\nAllow {lines}\n(lines)\n{nothing}\n{place}",
    "any": "cool",
}


def test_a_line_that_is_one_parameter_is_a_line_for_each_value() -> None:
    words = Words(title="", evidence="", why="", fix=LINES)
    assert filled(words, {"lines": ("A yes", "B no"), "place": "cellar"}).fix == {
        "openssh": "A yes\nB no\n# at cellar:\nAllow A yes, B no\n(lines)\n…\ncellar",
        "any": "cool",
    }


def test_a_page_shows_the_example_s_lines_alone() -> None:
    rule = warm()
    fix = {"any": "{degrees}\nto {degrees}, {{ not }} more\n{other}"}
    words = msgspec.structs.replace(rule.words, fix=fix)
    shown = {"any": "20.0\nto {degrees}, {{ not }} more\n{other}"}
    assert usual_fixes(rule, words) == shown
    rule.bad = rule.good  # as a protocol from elsewhere may do
    assert usual_fixes(rule, words) == fix


def test_a_code_becomes_its_phrase_with_the_other_parameters() -> None:
    words = Words(
        title="", evidence="{what}", why="", fix={},
        phrases={"what": {"idle": "closed after {seconds} s", "old": "{version} is old"}},
    )  # fmt: skip
    params: dict[str, Param] = {"what": ("idle", "old"), "seconds": 5, "version": "1"}
    assert filled(words, params).evidence == "closed after 5 s; 1 is old"
    assert filled(words, {"what": "idle", "seconds": 5}).evidence == "closed after 5 s"
    assert filled(words, {"what": "no code"}).evidence == "no code"
    assert filled(words, {}).evidence == ""


def test_a_phrase_is_translated_like_any_text(tmp_path: Path) -> None:
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "de.toml").write_text(
        '[BEER-WARM.phrases.what]\nidle = "nach {seconds} s zu"\n', encoding="utf-8"
    )
    rule = warm()
    rule.words = msgspec.structs.replace(
        rule.words, evidence="{what}", phrases={"what": {"idle": "closed", "old": "old"}}
    )
    words = words_in(rule, translation(tmp_path, "de"))
    assert filled(words, {"what": ("idle", "old"), "seconds": 5}).evidence == "nach 5 s zu; old"
