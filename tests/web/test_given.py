"""Header fields that a person gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from seventh.model.failure import UsageError
from seventh.web.given import FRAMING, MAX_VALUE, first_line, header_field


def test_a_value_stands_there_or_in_a_file_or_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text("from a file\nand no more\n")
    monkeypatch.setenv("GIVEN", "from outside")
    assert header_field("X-A:  plain ", FRAMING) == ("X-A", "plain")
    assert header_field(f"X-A: file:{tmp_path}/secret", FRAMING) == ("X-A", "from a file")
    assert header_field("X-A: env:GIVEN", FRAMING) == ("X-A", "from outside")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("no colon", "Name: value"),
        ("bad name: x", "Name: value"),
        ("Host: x", "writes this field itself"),
        ("X-A: env:NOT_THERE", "no NOT_THERE"),
        ("X-A: file:/not/there", "No such file"),
        ("X-A: \u20ac", "Latin-1"),
        ("X-A: a\x01b", "control characters"),
        ("X-A: " + "x" * (MAX_VALUE + 1), "too long"),
    ],
)
def test_what_cannot_be_sent_is_refused_by_name(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        header_field(text, FRAMING)


def test_a_long_first_line_is_refused_and_not_cut(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("x" * (MAX_VALUE + 100))
    with pytest.raises(UsageError, match="too long"):
        first_line(str(tmp_path / "token"))
