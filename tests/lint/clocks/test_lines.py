"""Words and numbers as C reads them, and the files of a configuration within their limits."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest

from seventh.lint.clocks.lines import (
    MAX_INCLUDES,
    MAX_LINES,
    Reading,
    as_integer,
    as_number,
    is_missing,
    is_unended,
    shown,
    split,
)
from seventh.lintkit.files import MAX_PROBLEMS, Files, Text
from seventh.model.source import Line

AT = Line(file="main.conf", line=7, text="")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", []),
        (" \t\v\f\r", []),
        (" a \t b\v\fc\r", ["a", "b", "c"]),
        ("a\x1cb c\x1f", ["a\x1cb", "c\x1f"]),  # a blank of Python, not of C
        ("\x1c", ["\x1c"]),
        ("\té\xa0x  y ", ["é\xa0x", "y"]),
        ("\t\u2003 ", ["\u2003"]),
    ],
)
def test_words_are_split_at_the_blanks_of_c(line: str, words: list[str]) -> None:
    assert split(line) == words


@pytest.mark.parametrize(
    ("word", "beginning", "whole"),
    [
        ("12", 12, 12), ("-3", -3, -3), ("+3", 3, 3), ("3x", 3, None), ("3.5", 3, None),
        ("", None, None), ("x3", None, None), ("-", None, None),
        ("123456789012", 123456789012, 123456789012),
    ],
)  # fmt: skip
def test_integers(word: str, beginning: int | None, whole: int | None) -> None:
    assert (as_integer(word), as_integer(word, whole=True)) == (beginning, whole)


@pytest.mark.parametrize(
    ("word", "beginning", "whole"),
    [
        ("1.5", 1.5, 1.5), ("1.", 1.0, 1.0), (".5", 0.5, 0.5), ("-1e-3", -0.001, -0.001),
        ("1E2x", 100.0, None), ("1e", 1.0, None), ("inf", math.inf, math.inf),
        ("", None, None), ("x", None, None), (".", None, None),
    ],
)  # fmt: skip
def test_numbers(word: str, beginning: float | None, whole: float | None) -> None:
    assert (as_number(word), as_number(word, whole=True)) == (beginning, whole)


def test_a_line_is_shown_within_its_limit() -> None:
    assert shown(["server", "a\x1b"]) == r"server a\x1b"
    assert shown(("x" * 200,)) == "x" * 200
    assert shown(("x" * 201,)) == "x" * 200 + "…"


# -- where files are -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base", "name", "path"),
    [
        ("/etc/chrony", "x.conf", "/etc/chrony/x.conf"),
        ("/etc/chrony", "/etc/x.conf", "/etc/x.conf"),
        ("/home/me", "/etc/x.conf", "/etc/x.conf"),
        ("/home/me", "x.conf", "/home/me/x.conf"),
        ("/image/etc/chrony", "x.conf", "/image/etc/chrony/x.conf"),
        ("/image/etc/chrony", "/etc/x.conf", "/image/etc/x.conf"),
        ("/image/etc/chrony", "//etc/x.conf", "/image/etc/x.conf"),
        ("/image/etc", "/run/x", "/image/run/x"),
        ("/image/etc/chrony", "/image/etc/x.conf", "/image/etc/x.conf"),
        ("/image/etc/x/etc/chrony", "/run/x", "/image/etc/x/run/x"),  # the innermost tree
        ("/etcetera/etc", "/run/x", "/etcetera/run/x"),
    ],
)
def test_a_name_of_the_configuration_on_this_machine(base: str, name: str, path: str) -> None:
    assert Reading(Files(base=Path(base))).place(name) == Path(path)


def test_missing_in_etc_is_refused_and_elsewhere_not_read() -> None:
    files = Files(base=Path("/etc"))
    reading = Reading(files)
    reading.missing(AT, "no such thing")
    assert reading.conf().refused == (Line(file="main.conf", line=7, text="no such thing"),)
    assert files.problems == []
    files = Files(base=Path("/home/etc"))
    reading = Reading(files)
    reading.missing(AT, "no such thing")
    assert reading.conf().refused == ()
    (problem,) = files.unread
    assert problem == Line(
        file="main.conf",
        line=7,
        text="not read: no such file on this machine (no such thing)",
    )


def test_patterns(tmp_path: Path) -> None:
    for name in ("b/2.conf", "a/1.conf", "a/x.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    files = Files(base=tmp_path)
    reading = Reading(files)
    assert reading.matching("?/*.conf", AT) == [tmp_path / "a/1.conf", tmp_path / "b/2.conf"]
    assert reading.matching("a/*.none", AT) == []
    assert reading.matching("?/none/*", AT) == []
    assert files.problems == []
    assert reading.matching("none/*", AT) == []
    assert reading.matching("*/*/*", AT) == []
    missing, wild = files.problems
    assert missing.text == (
        "not read: no such file on this machine (the folder of the pattern does not exist: "
        "chronyd does not start)"
    )
    assert wild.text == "wildcards in more than 2 parts of a path"
    assert {(problem.file, problem.line) for problem in files.unread} == {("main.conf", 7)}


def test_folders(tmp_path: Path) -> None:
    for name in ("2.conf", "1.conf", ".0.conf", "3.txt"):
        (tmp_path / name).touch()
    files = Files(base=tmp_path)
    reading = Reading(files)
    assert reading.listed(tmp_path, ".conf", AT) == [tmp_path / "1.conf", tmp_path / "2.conf"]
    assert reading.listed(tmp_path, ".txt", AT) == [tmp_path / "3.txt"]
    (tmp_path / "1.conf").unlink()
    assert len(reading.listed(tmp_path, ".conf", AT)) == 2, "one lint sees one state"
    assert reading.listed(tmp_path / "none", ".conf", AT) == []
    assert reading.listed(tmp_path / "3.txt", ".conf", AT) == []
    assert files.problems == []
    (tmp_path / "loop").symlink_to("loop")
    assert reading.listed(tmp_path / "loop", ".conf", AT) == []
    why = f"{tmp_path}/loop cannot be read: Too many levels of symbolic links"
    assert files.unread == {Line(file="main.conf", line=7, text=why)}


def test_what_is_missing_and_what_is_only_out_of_reach(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    assert is_missing(tmp_path / "none")
    assert is_missing(tmp_path / "file" / "x")
    assert not is_missing(tmp_path / "file")
    assert not is_missing(tmp_path / "loop")


@pytest.mark.parametrize(("data", "unended"), [(b"a\nb", True), (b"a\n", False), (b"", False)])
def test_the_end_of_the_last_line(tmp_path: Path, data: bytes, unended: bool) -> None:
    (tmp_path / "x").write_bytes(data)
    assert is_unended(str(tmp_path / "x")) is unended
    assert not is_unended(str(tmp_path / "none"))
    assert not is_unended("a\0b")


def test_a_file_is_open_until_it_is_left(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "file")
    reading = Reading(Files(base=tmp_path))
    reading.opened(str(tmp_path / "main"))
    reading.opened(str(tmp_path / "link"))
    assert reading.depth == 2
    assert reading.is_open(tmp_path / "file")
    reading.leave()
    assert reading.depth == 1
    assert not reading.is_open(tmp_path / "file")
    assert reading.is_open(os.path.relpath(tmp_path / "main"))


# -- limits ----------------------------------------------------------------------------------------


def test_refused_lines_are_kept_up_to_a_limit() -> None:
    files = Files()
    reading = Reading(files)
    for _ in range(MAX_PROBLEMS):
        reading.refuse(AT, "x" * 301)
    assert files.unlisted == 0
    reading.refuse(AT, "more")
    refused = reading.conf().refused
    assert len(refused) == MAX_PROBLEMS
    assert set(refused) == {Line(file="main.conf", line=7, text="x" * 300 + "…")}
    assert files.unlisted == 1


def test_lines_are_read_up_to_a_limit_over_all_files() -> None:
    files = Files()
    reading = Reading(files)
    text = Text("x", ("a",) * (MAX_LINES // 2))
    assert sum(1 for _ in reading.lines(text)) == MAX_LINES // 2
    assert sum(1 for _ in reading.lines(text)) == MAX_LINES // 2
    assert files.problems == []
    assert list(reading.lines(text)) == []
    assert list(reading.lines(text)) == [], "reported once"
    assert files.problems == [
        Line(file="x", line=1, text="more than 200000 lines: the rest is skipped")
    ]
    assert files.unread == set(files.problems)


def test_files_are_read_up_to_a_limit_and_each_once(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("a\n")
    files = Files(base=tmp_path)
    reading = Reading(files)
    for _ in range(MAX_INCLUDES):
        assert reading.read(path, AT) == Text(str(path), ("a",))
    assert files.problems == []
    assert reading.read(path, AT) is None
    assert not reading.may_look(Line(file="y", line=8, text="")), "reported once"
    assert files.problems == [Line(file="main.conf", line=7, text="more than 1024 files included")]
    assert files.read_names == [str(path)]


def test_what_cannot_be_read_is_reported_where_it_is_named(tmp_path: Path) -> None:
    files = Files(base=tmp_path)
    reading = Reading(files)
    assert reading.read(tmp_path / "none", AT) is None
    assert reading.read(tmp_path / "none", AT) is None
    why = f"{tmp_path}/none cannot be read: No such file or directory"
    assert files.problems == [Line(file="main.conf", line=7, text=why)]
