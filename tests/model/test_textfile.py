"""Files that a person names."""

from __future__ import annotations

from pathlib import Path

import pytest

from seventh.model.failure import UsageError
from seventh.model.textfile import read_text


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes("\ufeffé".encode())
    assert read_text(str(path), 5) == "é"


@pytest.mark.parametrize(
    ("data", "why"),
    [(b"123456", "larger than 5 bytes"), (b"a\xff", "not UTF-8 text at byte 1"),
     (None, "cannot be read: No such file or directory")],
)  # fmt: skip
def test_what_is_no_text_within_the_bound(tmp_path: Path, data: bytes | None, why: str) -> None:
    path = tmp_path / "a"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(UsageError) as raised:
        read_text(str(path), 5)
    assert str(raised.value) == f"{path}: {why}"


@pytest.mark.parametrize("name", ["a\0b", "/dev/zero"])
def test_names_that_are_no_text(name: str) -> None:
    with pytest.raises(UsageError):
        read_text(name, 5)
