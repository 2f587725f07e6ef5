"""Peer text is safe to show."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from seventh.wire.text import printable


def test_escape_codes_become_visible() -> None:
    assert printable(b"a\x1b[31mred\x07\r\n") == "a\\x1b[31mred\\x07\\x0d\\x0a"
    assert printable("x\u202egnp.exe") == "x\\u202egnp.exe"
    assert printable("\x9b31m") == "\\x9b31m"
    assert printable(b"caf\xc3\xa9") == "café"
    assert printable(b"\xff\xfe") == "\\xff\\xfe"


def test_a_cut_is_marked() -> None:
    assert printable("abcdef", limit=3) == "abc…"
    assert printable("abc", limit=3) == "abc"


@given(st.one_of(st.binary(max_size=300), st.text(max_size=300)))
def test_nothing_that_controls_survives(data: bytes | str) -> None:
    shown = printable(data)
    assert not any(unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for c in shown)
    shown.encode("utf-8")
