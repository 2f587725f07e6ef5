"""What a mistyped word may have meant."""

from __future__ import annotations

import pytest

from seventh.model.near import near, unknown

pytestmark = pytest.mark.field

SCHEMES = ("http", "https", "ntp", "nts", "ssh", "tcp", "tls", "ws", "wss")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("shh", ["ssh"]), ("tsl", ["tls"]), ("HTTPS", ["https"]), ("htpps", ["https"]),
        ("nttp", ["ntp"]), ("wws", ["ws"]), ("gopher", []), ("", []), ("--", []),
    ],
)  # fmt: skip
def test_the_likeliest_comes_first(word: str, meant: list[str]) -> None:
    assert near(word, SCHEMES)[:1] == meant


@pytest.mark.parametrize("word", ["weakkex", "weak_kex", "WEAK-KEX", "weak-kx", "weak"])
def test_dashes_case_and_what_is_left_out_do_not_matter(word: str) -> None:
    assert near(word, ["no-pq", "weak-kex", "terrapin"]) == ["weak-kex"]


def test_options_are_not_alike_by_their_dashes_alone() -> None:
    assert near("--bogus", ["--user", "--qlog", "--verbose", "--only"]) == []


def test_what_is_far_less_alike_than_the_best_is_not_suggested() -> None:
    assert near("weak-key", ["weak-key2", "weak-hostkey", "wreak"]) == ["weak-key2"]


def test_a_long_word_is_bounded() -> None:
    said = unknown("rule", "x" * 100_000, ["SSH-KEX-WEAK"])
    assert len(said) < 200


def test_few_words_are_listed_and_many_are_the_commands_to_list() -> None:
    assert unknown("kind", "zzz", ["a", "b", "c"]) == "unknown kind 'zzz': write a, b or c"
    assert unknown("kind", "zzz", ["a"], "seventh x") == (
        "unknown kind 'zzz': write a; `seventh x` lists them"
    )
    many = [f"word{number}" for number in range(50)]
    assert unknown("kind", "zzz", many, "seventh x") == "unknown kind 'zzz'; `seventh x` lists them"
    assert unknown("kind", "wrd7", many, "seventh x") == (
        "unknown kind 'wrd7': did you mean word7? `seventh x` lists them"
    )


def test_a_prefix_of_many_words_means_none_of_them() -> None:
    ids = [f"SSH-{name}" for name in ("KEX-WEAK", "MAC-WEAK", "AUTH-SLOW", "BANNER-SLOW")]
    assert near("ssh", ids) == []
    assert near("ssh-k", ids) == ["SSH-KEX-WEAK"]


@pytest.mark.parametrize(
    ("word", "known", "meant"),
    [
        # 62 % alike is the least: "abcde" and "abcxy" share three letters of five
        ("abcdefgh", ["abcdexyz"], ["abcdexyz"]), ("abcde", ["abcxy"], []),
        # a prefix of three letters or more, of at most three words
        ("abc", ["abcdefghijk"], ["abcdefghijk"]), ("ab", ["abcdefghijk"], []),
        ("abc", ["abc-one11", "abc-two22", "abc-six33"], ["abc-one11", "abc-two22", "abc-six33"]),
        ("abc", ["abc-one11", "abc-two22", "abc-six33", "abc-ten44"], []),
        # letters that changed places are as good as the word, the same word is better
        ("ab", ["ba"], ["ba"]), ("no-pq", ["nopq", "NO_PQ", "pqno"], ["nopq", "NO_PQ"]),
        ("kex", ["xek", "kexy"], ["xek"]),
        ("abcd", ["abdc", "abcde"], ["abdc"]),
        # at most three, the likeliest first
        ("word", ["word5", "words", "wordy", "word1"], ["word5", "words", "wordy"]),
        ("weak-kx", ["weak-kext", "weak-kex"], ["weak-kex", "weak-kext"]),
        ("x", [], []),
    ],
)  # fmt: skip
def test_how_alike_a_suggestion_must_be(word: str, known: list[str], meant: list[str]) -> None:
    assert near(word, known) == meant


def test_words_are_told_as_they_are_typed() -> None:
    twelve = [f"{letter * 9}" for letter in "abcdefghijkl"]
    assert unknown("word", "zz", twelve, "seventh x") == (
        f"unknown word 'zz': write {', '.join(twelve[:-1])} or {twelve[-1]}; `seventh x` lists them"
    )
    assert unknown("word", "zz", [*twelve, "m" * 9], "seventh x") == (
        "unknown word 'zz'; `seventh x` lists them"
    )
    assert unknown("word", "zz", [*twelve, "m" * 9]).endswith(f"or {'m' * 9}")
    assert unknown("word", "zz", ["one"], shown="<{}>") == "unknown word 'zz': write <one>"
    assert unknown("word", "zz", ["one", "six"], shown="<{}>") == (
        "unknown word 'zz': write <one> or <six>"
    )
    assert unknown("word", "on", ["one", "ony"], shown="<{}>") == (
        "unknown word 'on': did you mean <one> or <ony>?"
    )
    assert unknown("word", "z" * 101, ["one"]) == f"unknown word '{'z' * 100}': write one"
    assert near("a" * 100 + "b", ["a" * 100 + "c"]) == ["a" * 100 + "c"]
