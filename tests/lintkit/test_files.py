"""Reading files within bounds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.lintkit import files as module
from seventh.lintkit.files import Files
from seventh.model.source import Line


def texts(files: Files) -> list[str]:
    return [str(problem) for problem in files.problems]


def test_lines_are_numbered_from_one_without_their_ends(tmp_path: Path) -> None:
    path = tmp_path / "some.conf"
    path.write_bytes(b"one\r\ntwo\n\nfour")
    text = Files().read(path)
    assert text is not None
    assert list(text.numbered()) == [(1, "one"), (2, "two"), (3, ""), (4, "four")]


def test_what_cannot_be_read_is_a_problem_where_it_was_named(tmp_path: Path) -> None:
    files = Files()
    at = Line(file="main.conf", line=3, text="Include gone.conf")
    assert files.read(tmp_path / "gone.conf", at=at) is None
    assert files.read(tmp_path) is None
    assert files.problems == [
        Line(file="main.conf", line=3,
             text=f"{tmp_path}/gone.conf cannot be read: No such file or directory"),
        Line(file=str(tmp_path), line=None, text=f"{tmp_path} cannot be read: Is a directory"),
    ]  # fmt: skip
    assert files.unread == set(files.problems)
    assert files.read_names == []


def test_a_long_line_is_cut_and_a_nul_dropped_and_both_are_told() -> None:
    files = Files()
    text = files.take("x", b"a" * 10_000_000 + b"\nPort\0 22\n")
    assert [len(line) for line in text.lines] == [16384, 7]
    assert text.lines[1] == "Port 22"
    assert texts(files) == [
        "x:1: a line of 10000000 characters was cut",
        "x:2: a NUL byte; the line was read without it",
    ]


def test_a_file_beyond_the_bound_is_read_up_to_it() -> None:
    files = Files()
    line = b"x" * 1023 + b"\n"
    text = files.take("big", line * (module.MAX_FILE_BYTES // 1024 + 10))
    assert len(text.lines) == 16384
    assert text.cut
    assert texts(files) == ["big: only the first 16777216 bytes were read"]


@pytest.mark.field
def test_lines_beyond_the_bound_are_left_and_counted() -> None:
    """Of all files together: a second file has what the first has left."""
    files = Files()
    first = files.take("first", b"x\n" * 199_995)
    second = files.take("second", b"y\n" * 100)
    assert not first.cut
    assert second.cut
    assert (len(first.lines), len(second.lines)) == (199_995, 5)
    assert texts(files) == [
        "second: more than 200000 lines in one lint: of the 100 lines here the rest was left"
    ]
    assert files.take("third", b"z\n").lines == ()


def test_no_more_files_than_the_bound_are_read(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("x")
    files = Files()
    for _ in range(1024):
        assert files.read(path) is not None
    assert files.read(path) is None
    said = f"{path} was not read: more than 1024 files or 67108864 bytes in one lint"
    assert files.problems == [Line(file=str(path), line=None, text=said)]


def test_problems_are_bounded() -> None:
    files = Files()
    for number in range(150):
        files.problem("f", number, "x")
    assert [line.line for line in files.problems] == list(range(100))
    assert files.unlisted == 50
    assert files.unread == set(), "what is wrong is no part that was not read"


def test_long_texts_are_cut_and_made_printable() -> None:
    files = Files()
    files.problem("f", 1, "a\x1b" + "x" * 400)
    files.note("f", 1, "a\x1b" + "x" * 400)
    (problem,), (note,) = files.problems, files.notes
    assert problem.text == note.text == "a\\x1b" + "x" * 298 + "…"


def test_names_are_resolved_against_base_and_home(tmp_path: Path) -> None:
    files = Files(base=tmp_path / "etc", home=tmp_path / "home")
    assert files.expand("a.conf") == tmp_path / "etc/a.conf"
    assert files.expand("/a.conf") == Path("/a.conf")
    assert files.expand("~/.ssh/config") == tmp_path / "home/.ssh/config"


def test_a_home_that_is_not_said_is_the_user_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Files().expand("~/x") == tmp_path / "x"
    assert Files().expand("~other/x") == Path("~other/x")


@pytest.mark.parametrize(
    ("data", "lines"),
    [(b"", ()), (b"\n", ("",)), (b"a", ("a",)), (b"a\r\n\r\nb\r", ("a", "", "b")), (b"\r", ()),
     (b"a\rb\n", ("a\rb",)), (b"\xff\n", ("\ufffd",))],
)  # fmt: skip
def test_the_ends_of_lines(data: bytes, lines: tuple[str, ...]) -> None:
    text = Files().take("x", data)
    assert text.lines == lines
    assert not text.cut


def test_what_is_within_the_bounds_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FILE_BYTES", 6)
    monkeypatch.setattr(module, "MAX_LINES", 3)
    monkeypatch.setattr(module, "MAX_LINE_CHARS", 4)
    files = Files()
    assert files.take("whole", b"abcd\n\n").lines == ("abcd", "")
    assert not files.problems
    assert files.take("long", b"abcde\n").lines == ("abcd",)
    assert files.take("more", b"x").cut
    assert [(line.file, line.line) for line in files.problems] == [("long", 1), ("more", None)]
    assert files.unread == set(files.problems)
    assert files.read_names == ["whole", "long", "more"]


def test_no_more_bytes_than_the_bound_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_TOTAL_BYTES", 5)
    (tmp_path / "f").write_bytes(b"12345")
    files = Files()
    assert files.read(tmp_path / "f") is not None
    assert files.read(tmp_path / "f") is not None, "five bytes are within the bound"
    assert files.read(tmp_path / "f") is None
    assert "more than" in texts(files)[0]


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    files = Files()
    assert files.read(tmp_path / "pipe") is None
    assert texts(files) == [
        f"{tmp_path}/pipe: {tmp_path}/pipe is not a regular file and was not read"
    ]


def test_notes_are_kept_once_and_bounded() -> None:
    files = Files()
    for number in (0, 0, *range(200), 0, 1):
        files.note("f", number, "x")
    assert [note.line for note in files.notes] == list(range(100))
    for number in range(103):
        files.unreadable("f", number, "x")
    assert files.unlisted == 3
    assert len(files.unread) == 100


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*", ["a", "b.conf", "d"]), (".*", [".h"]), ("*.conf", ["b.conf"]), ("?", ["a", "d"]),
        ("[ab]", ["a"]), ("[!a]", ["d"]), ("d/*", ["d/c.conf"]), ("*/*.conf", ["d/c.conf"]),
        ("*/none", []), ("none/*", []), ("a", ["a"]), ("none", []), ("a/*", []), ("d", ["d"]),
        ("x\0*", []), ("link*", []),
    ],
)  # fmt: skip
def test_what_patterns_name(tmp_path: Path, pattern: str, found: list[str]) -> None:
    (tmp_path / "d").mkdir()
    for name in ("a", "b.conf", ".h", "d/c.conf"):
        (tmp_path / name).touch()
    names = [str(path.relative_to(tmp_path)) for path in Files().matching(f"{tmp_path}/{pattern}")]
    assert names == found


def test_a_link_that_leads_nowhere_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("nowhere")
    assert Files().matching(f"{tmp_path}/*") == [tmp_path / "a"]


def test_a_pattern_that_names_too_much_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abc":
        (tmp_path / name).touch()
    monkeypatch.setattr(module, "MAX_ENTRIES", 3)
    files = Files()
    assert len(files.matching(f"{tmp_path}/*")) == 3
    monkeypatch.setattr(module, "MAX_ENTRIES", 2)
    assert files.matching(f"{tmp_path}/*") == []
    assert texts(files) == [f".: {tmp_path}/* names too much: it was given up after 2 names"]
    assert Files(base=tmp_path).matching(f"{tmp_path}/a") == [tmp_path / "a"]


def test_patterns_give_sorted_names(tmp_path: Path) -> None:
    for name in ("b.conf", "a.conf", "c.txt"):
        (tmp_path / name).touch()
    found = Files().matching(f"{tmp_path}/*.conf")
    assert [path.name for path in found] == ["a.conf", "b.conf"]


def test_modes_are_seen_through_links(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.touch(mode=0o600)
    (tmp_path / "link").symlink_to(path)
    mode = Files().mode(tmp_path / "link")
    assert mode is not None
    assert mode.bits == 0o600
    assert mode.uid == os.getuid()
    assert not mode.is_directory
    folder = Files().mode(tmp_path)
    assert folder is not None
    assert folder.is_directory
    assert Files().mode(tmp_path / "gone") is None
    path.chmod(0o6755)
    assert Files().mode(path) == module.Mode(uid=os.getuid(), bits=0o6755, is_directory=False)


@pytest.mark.parametrize(
    ("name", "pattern"),
    [("a", False), ("a*", True), ("?", True), ("[a]", True), ("a]", False), ("", False),
     ("a/b", False), ("a/*/b", True)],
)  # fmt: skip
def test_what_is_a_shell_pattern(name: str, pattern: bool) -> None:
    assert module.has_wildcard(name) is pattern


def test_a_name_that_no_file_can_have_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nowhere")
    assert module.is_there(tmp_path)
    assert module.is_there(tmp_path / "link")
    assert not module.is_there(tmp_path / "none")
    assert not module.is_there(Path("a\0b"))
    assert not module.holds(Path.is_file, Path("a" * 5000))
    assert not module.holds(Path.is_file, tmp_path)


@given(st.binary(max_size=2000))
def test_any_bytes_give_lines(data: bytes) -> None:
    text = Files().take("any", data)
    assert all("\0" not in line and "\n" not in line for line in text.lines)
