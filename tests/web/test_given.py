"""Header fields that a person gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from seventh.model.failure import UsageError
from seventh.web.given import (
    FRAMING,
    MAX_VALUE,
    first_line,
    header_field,
    method_named,
    statuses,
)


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
        ("Host: x", "sets this field itself"),
        ("X-A: env:NOT_THERE", "NOT_THERE is not set"),
        ("X-A: file:/not/there", "No such file"),
        ("X-A: \u20ac", "Latin-1"),
        ("X-A: a\x01b", "control characters"),
        ("X-A: " + "x" * (MAX_VALUE + 1), "more than 8192 bytes"),
    ],
)
def test_what_cannot_be_sent_is_refused_by_name(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        header_field(text, FRAMING)


@pytest.mark.parametrize(
    "text", ["Authorization Bearer s3cret", "s3cret", "a s3cret: x", "X: s3cret\x01", "=s3cret:"]
)
def test_no_secret_is_quoted(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        header_field(text, FRAMING)
    assert "s3cret" not in str(caught.value) and "--header" in str(caught.value)


def test_what_editors_and_shells_add_is_no_part_of_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_bytes(b"\xef\xbb\xbf  s3cret \r\nmore")
    monkeypatch.setenv("GIVEN", " s3cret\n")
    monkeypatch.setenv("NOTHING", " ")
    assert first_line(str(tmp_path / "token")) == "s3cret"
    assert header_field("X-A: env:GIVEN", FRAMING) == ("X-A", "s3cret")
    with pytest.raises(UsageError, match="NOTHING is empty"):
        header_field("X-A: env:NOTHING", FRAMING)


@pytest.mark.parametrize(
    ("written", "inside", "outside", "shown"),
    [
        (200, (200,), (201, 404), 200),
        ("204", (204,), (200,), 204),
        ("2xx", (200, 299), (199, 300), "200-299"),
        ("200, 404", (200, 404), (201,), "200,404"),
        ("200-204,5XX", (200, 204, 500), (205, 499), "200-204,500-599"),
    ],
)
def test_statuses(
    written: int | str, inside: tuple[int, ...], outside: tuple[int, ...], shown: int | str
) -> None:
    expected = statuses(written)
    assert all(status in expected for status in inside)
    assert not any(status in expected for status in outside)
    assert expected.written == shown


@pytest.mark.parametrize(
    "written",
    ["", "abc", "99", "600", "1xx", "200-", "-200", "299-200", "200;204", "200,,204", "2x", "٢٠٠",
     ",".join(["200"] * 99), "\x1b[2J", 0, -200],
)  # fmt: skip
def test_what_is_no_status(written: int | str) -> None:
    with pytest.raises(UsageError, match="write statuses") as caught:
        statuses(written)
    assert "\x1b" not in str(caught.value)


def test_methods() -> None:
    assert [method_named(m) for m in ("GET", "post", "Patch", "PURGE", "purge")] == [
        "GET", "POST", "PATCH", "PURGE", "purge",
    ]  # fmt: skip
    for wrong in ("", "G T", "connect", "TRACE", "\x1b"):
        with pytest.raises(UsageError, match="--method"):
            method_named(wrong)


def test_a_long_first_line_is_refused_and_not_cut(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("x" * (MAX_VALUE + 100))
    with pytest.raises(UsageError, match="more than 8192 bytes"):
        first_line(str(tmp_path / "token"))
