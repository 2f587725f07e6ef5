"""Text laid out to a width."""

from __future__ import annotations

import pytest
from rich.text import Text

from seventh.render.wrapping import width_after, wrap, wrapped


@pytest.mark.parametrize(
    ("indent", "width", "left"),
    [(12, 80, 68), (12, 112, 100), (12, 113, 100), (12, 500, 100), (0, 101, 100), (0, 99, 99),
     (30, 45, 20), (30, 50, 20), (30, 51, 21)],
)  # fmt: skip
def test_prose_has_twenty_to_a_hundred_columns(indent: int, width: int, left: int) -> None:
    assert width_after(indent, width) == left


def test_lines_break_between_words_and_have_no_spaces_at_their_end() -> None:
    assert [line.plain for line in wrap(Text("one two three"), 8)] == ["one two", "three"]
    assert [line.plain for line in wrap(Text("one  "), 20)] == ["one"]


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("aaaa bbbb cccc dddd eeee", 24, ["aaaa bbbb cccc dddd eeee"]),
        ("aaaa bbbb cccc dddd eeee", 23, ["aaaa bbbb cccc dddd", "    eeee"]),
        ("aaaa bbbb cccc dddd  eeee", 23, ["aaaa bbbb cccc dddd", "    eeee"]),
        (f"aaaa bbbb {'c' * 20} dddd eeee ffff", 24,
         ["aaaa bbbb", f"    {'c' * 20}", "    dddd eeee ffff"]),
    ],
)  # fmt: skip
def test_further_lines_hang(text: str, width: int, lines: list[str]) -> None:
    assert [line.plain for line in wrapped(Text(text), 4, width)] == lines
