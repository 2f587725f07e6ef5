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


NO_NAME = "the text before its colon is not a field name; write 'Name: value'"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("no colon", "--header of 8 characters: it has no colon; write 'Name: value'"),
        ("bad name: x", f"--header of 11 characters: {NO_NAME}"),
        (f"{'n' * 65}: x", f"--header of 68 characters: {NO_NAME}"),
        *((f"{name}: x", f"--header {name}: Seventh sets this field itself; leave it out")
          for name in ("Host", "connection", "Content-Length", "TRANSFER-ENCODING", "Upgrade")),
        ("X-A: env:NOT_THERE", "--header X-A: the environment variable NOT_THERE is not set"),
        ("X-A: file:/not/there", "/not/there cannot be read: No such file or directory"),
        ("X-A: \u0100",
         "--header X-A: the value has characters beyond Latin-1; encode it first"),
        *((f"X-A: a{wrong}b",
           "--header X-A: the value has control characters or more than 8192 bytes")
          for wrong in ("\x00", "\x01", "\x1f", "\x7f", "\n", "x" * 8191)),
    ],
)  # fmt: skip
def test_what_cannot_be_sent_is_refused_by_name(text: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        header_field(text, FRAMING)
    assert str(caught.value) == says


@pytest.mark.parametrize(
    "value", ["", " ~", "a\tb", "\u00ff", "x" * 8192, "x:y", "files:", "environment"]
)
def test_what_a_field_may_contain(value: str) -> None:
    for name in ("X", "n" * 64, "!#$%&'*+.^_`|~09AZaz-"):
        assert header_field(f" {name} : {value} ", FRAMING) == (name, value.strip())


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
    with pytest.raises(
        UsageError, match=r"^--header X-A: the environment variable NOTHING is empty$"
    ):
        header_field("X-A: env:NOTHING", FRAMING)


@pytest.mark.parametrize(
    ("written", "inside", "outside", "shown"),
    [
        (200, (200,), (201, 404), 200),
        ("204", (204,), (200,), 204),
        ("2xx", (200, 299), (199, 300), "200-299"),
        ("200, 404", (200, 404), (201,), "200,404"),
        ("599", (599,), (598,), 599),
        ("200-200", (200,), (201,), 200),
        ("200-599", (200, 599), (199, 600), "200-599"),
        (",".join(["200"] * 32), (200,), (201,), ",".join(["200"] * 32)),
        ("3xx,4XX", (300, 399, 400), (299, 500), "300-399,400-499"),
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
     "199", "199-200", "500-600", "201-200", "6xx", "2000", "2xX3",
     ",".join(["200"] * 33), "\x1b[2J", 0, -200],
)  # fmt: skip
def test_what_is_no_status(written: int | str) -> None:
    with pytest.raises(UsageError, match="write statuses") as caught:
        statuses(written)
    assert "\x1b" not in str(caught.value)


def test_methods() -> None:
    for standard in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"):
        assert method_named(standard.lower()) == standard
    for wrong, says in (
        ("G T", "'G T' is not a method"), ("x" * 65, f"'{'x' * 40}…' is not a method"),
        ("Connect", "Connect is not supported"), ("TRACE", "TRACE is not supported"),
    ):  # fmt: skip
        with pytest.raises(UsageError) as caught:
            method_named(wrong)
        assert str(caught.value) == f"--method {says}: write GET, HEAD, POST …"
    assert [method_named(m) for m in ("GET", "post", "Patch", "PURGE", "purge")] == [
        "GET", "POST", "PATCH", "PURGE", "purge",
    ]  # fmt: skip
    for wrong in ("", "G T", "connect", "TRACE", "\x1b"):
        with pytest.raises(UsageError, match="--method"):
            method_named(wrong)


def test_a_long_first_line_is_refused_and_not_cut(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("x" * MAX_VALUE)
    assert first_line(str(tmp_path / "token")) == "x" * 8192
    (tmp_path / "token").write_text("x" * (MAX_VALUE + 100))
    with pytest.raises(UsageError, match="more than 8192 bytes"):
        first_line(str(tmp_path / "token"))


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"", ": its first line is empty"), (b" \nx", ": its first line is empty"),
     (b"\xff", " cannot be read: not UTF-8 text")],
)  # fmt: skip
def test_a_file_without_a_value(content: bytes, why: str, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        first_line(str(path))
    assert str(caught.value) == f"{path}{why}"
