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
from seventh.rules.words import fill, filled, translation, words_in
from tests.rules.test_run import warm


def test_parameters_are_put_in() -> None:
    assert fill("offers {names} at {port}", {"names": ("a", "b"), "port": 22}) == (
        "offers a, b at 22"
    )
    assert fill("{seconds:.1f} s", {"seconds": 1.26}) == "1.3 s"


def test_a_missing_parameter_does_not_hide_the_rest() -> None:
    assert fill("{a} and {b}", {"a": "x"}) == "x and …"


def test_a_parameter_cannot_reach_attributes() -> None:
    assert "class" not in fill("{a.__class__}", {"a": "x"})
    assert "class" not in fill("{a[__class__]}", {"a": "x"})


@given(st.text(max_size=40))
def test_a_value_is_never_taken_for_a_template(value: str) -> None:
    assert fill("<{a}>", {"a": value}) == f"<{value}>"


def test_a_second_language_is_a_file(tmp_path: Path) -> None:
    folder = tmp_path / "words"
    folder.mkdir()
    (folder / "de.toml").write_text(
        '[BEER-WARM]\ntitle = "Warm, leider"\nevidence = "{degrees} Grad"\n', encoding="utf-8"
    )
    words = filled(words_in(warm(), translation(tmp_path, "de")), {"degrees": 20})
    assert (words.title, words.evidence) == ("Warm, leider", "20 Grad")
    assert words.why == "Nobody likes it."
    assert translation(tmp_path, "fr") == {}
    assert translation(tmp_path, "en") == {}


def test_a_broken_file_says_where(tmp_path: Path) -> None:
    folder = tmp_path / "words"
    folder.mkdir()
    (folder / "de.toml").write_text("[", encoding="utf-8")
    with pytest.raises(UsageError, match=r"de\.toml: not readable as TOML"):
        translation(tmp_path, "de")


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
