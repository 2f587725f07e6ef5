"""Peer text is safe to show."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.wire.text import printable, quoted


def test_escape_codes_become_visible() -> None:
    assert printable(b"a\x1b[31mred\x07\r\n") == "a\\x1b[31mred\\x07\\x0d\\x0a"
    assert printable("x\u202egnp.exe") == "x\\u202egnp.exe"
    assert printable("\x9b31m") == "\\x9b31m"
    assert printable(b"caf\xc3\xa9") == "café"
    assert printable(b"\xff\xfe") == "\\xff\\xfe"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (" ", " "), ("~", "~"), ("\x1f", "\\x1f"), ("\x7f", "\\x7f"), ("\x80", "\\x80"),
        ("\xff", "ÿ"),
        ("\xad", "\\xad"), ("\u0100", "Ā"), ("\u200b", "\\u200b"), ("\u2028", "\\u2028"),
        ("\u2029", "\\u2029"), ("\ufeff", "\\ufeff"), ("\U000e0001", "\\U000e0001"),
        ("\U0001f600", "\U0001f600"), ("\\", "\\"), ("\xa0\u3000", "\xa0\u3000"),
        ("\u0378\ue000", "\u0378\ue000"), ("\ud800", "\\ud800"), ("\uffff", "\uffff"),
    ],
)  # fmt: skip
def test_each_kind_of_character(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_quoted_text_has_quotes() -> None:
    assert quoted(b"a\n", 9) == r"'a\x0a'"
    assert quoted("abcd", 3) == "'abc…'"


def test_a_cut_is_marked() -> None:
    assert printable("abcdef", limit=3) == "abc…"
    assert printable("abc", limit=3) == "abc"
    for show, mark in ((printable, ""), (quoted, "'")):
        assert show("a" * 512) == f"{mark}{'a' * 512}{mark}"
        assert show(b"a" * 513) == f"{mark}{'a' * 512}…{mark}"


@given(st.one_of(st.binary(max_size=300), st.text(max_size=300)))
def test_nothing_that_controls_survives(data: bytes | str) -> None:
    shown = printable(data)
    assert not any(unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for c in shown)
    shown.encode("utf-8")
