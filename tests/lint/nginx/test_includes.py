"""Includes of nginx.conf: which files are meant, in which order, and within which bounds."""

from __future__ import annotations

from pathlib import Path

import pytest

from seventh.lint.nginx import conf as nginx_conf
from seventh.lint.nginx.conf import Conf
from seventh.lintkit.files import Files, Text
from tests.lint.nginx.texts import read


def include(folder: Path, text: str) -> tuple[Conf, Files]:
    """Read a text as nginx.conf of a folder."""
    files = Files(base=folder)
    text_of = files.take(str(folder / "nginx.conf"), text.encode())
    return nginx_conf.read(text_of, files, folder), files


def said(files: Files) -> list[tuple[str, int | None, str]]:
    return [(Path(line.file).name, line.line, line.text) for line in files.problems]


def test_includes(tmp_path: Path) -> None:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "b.conf").write_text("two;\n")
    (tmp_path / "conf.d" / "a.conf").write_text("one;\ninclude more;\n")
    (tmp_path / "more").write_text("inner { include conf.d/none*.conf; x; }\n")
    conf = read("include conf.d/*.conf;\nlast;", str(tmp_path / "nginx.conf"), tmp_path)
    assert [d.name for d in conf.directives] == ["one", "inner", "two", "last"]
    assert conf.directives[1].at.file == str(tmp_path / "more")
    assert not conf.refused
    assert not conf.missing


def test_an_included_file_must_be_whole_in_itself(tmp_path: Path) -> None:
    (tmp_path / "open").write_text("inner {\n x;\n")
    conf = read("a { include open; }\nb;", str(tmp_path / "nginx.conf"), tmp_path)
    assert [d.name for d in conf.directives] == ["a", "b"]
    assert [line.file for line in conf.refused] == [str(tmp_path / "open")]


def test_a_file_that_is_not_there_is_missing(tmp_path: Path) -> None:
    files = Files()
    text = files.take("nginx.conf", b"include gone.conf;\nhttp { }\n")
    conf = nginx_conf.read(text, files, tmp_path)
    assert conf.missing == [str(tmp_path / "gone.conf")]
    assert set(files.problems) == files.unread


@pytest.mark.parametrize("line", ["include;", "include a b;"])
def test_an_include_has_one_word(line: str) -> None:
    conf = read(f"\n{line}")
    assert [(each.line, each.text) for each in conf.refused] == [
        (2, 'invalid number of arguments in "include" directive')
    ]
    assert not conf.missing


def test_a_file_that_includes_itself_is_refused_where_it_does(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("one;\ninclude b;\n")
    (tmp_path / "b").write_text("two; include a;")
    conf, _ = include(tmp_path, "include a; include a;")
    assert [d.name for d in conf.directives] == ["one", "two", "one", "two"]
    assert [(Path(line.file).name, line.line, line.text) for line in conf.refused] == [
        ("b", 1, f"{tmp_path}/a includes itself")
    ] * 2


def test_files_are_included_to_a_depth(tmp_path: Path) -> None:
    """The main file is the first of sixteen."""
    for number in range(1, 17):
        (tmp_path / f"f{number}").write_text(f"d{number}; include f{number + 1};")
    conf, files = include(tmp_path, "include f1;")
    assert [d.name for d in conf.directives] == [f"d{number}" for number in range(1, 16)]
    assert said(files) == [("f15", 1, f"{tmp_path}/f16 was not read: more than 16 files deep")]


def test_patterns_are_looked_for_up_to_a_bound(tmp_path: Path) -> None:
    lines = [f"include none{number}/*;" for number in range(1027)]
    conf, files = include(tmp_path, "\n".join([*lines, lines[0], "last;"]))
    assert len(conf.unmatched) == 1024
    assert said(files) == [
        ("nginx.conf", 1025, "more than 1024 patterns are included: the rest is not")
    ]
    assert [d.name for d in conf.directives] == ["last"]


def test_a_file_counts_as_a_directive_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nginx_conf, "MAX_DIRECTIVES", 4)
    conf, files = include(tmp_path, "include none; include none; include none;\nlast;")
    assert len(conf.missing) == 2
    assert ("nginx.conf", 1, "only the first 4 directives were read") in said(files)


def test_blocks_stand_within_each_other_up_to_a_bound() -> None:
    assert not read("a { " * 63 + "}" * 63).refused
    (refused,) = read("a { " * 64 + "}" * 64).refused
    assert refused.text == "more than 64 blocks within each other"


@pytest.mark.parametrize(
    ("lines", "why"),
    [(("a {", "b;"), ""), (("a b",), ""), (("a;",), ""), (("}", "a;"), 'unexpected "}"')],
)  # fmt: skip
def test_the_end_of_what_was_read_of_a_longer_file_is_no_fault(
    lines: tuple[str, ...], why: str
) -> None:
    conf = nginx_conf.read(Text("nginx.conf", lines, cut=True), Files(), Path())
    assert [line.text for line in conf.refused] == ([why] if why else [])


def test_a_copy_s_absolute_names_mean_the_copy(tmp_path: Path) -> None:
    """Of the program's folder what lies beside; else this machine's, if it is there."""
    backup, machine = tmp_path / "backup", tmp_path / "machine"
    (backup / "conf.d").mkdir(parents=True)
    machine.mkdir()
    (backup / "conf.d" / "a.conf").write_text("beside;")
    (machine / "b.conf").write_text("machine;")
    text = (
        f"include /etc/nginx/conf.d/*.conf; include {machine}/b.conf; include {machine}/*.conf;"
        f" include {machine}/none/*; include {machine}/none;"
    )
    conf, files = include(backup, text)
    assert [d.name for d in conf.directives] == ["beside", "machine", "machine"]
    assert conf.unmatched == [f"{machine}/none/*"]
    assert conf.missing == [f"{machine}/none"]
    assert [note.text for note in files.notes] == [
        f"include {machine}/b.conf: read from this machine",
        f"include {machine}/*.conf: read from this machine",
        f"include {machine}/none/*: no file matches",
    ]
    assert [note.line for note in files.notes] == [1, 1, 1]


def test_a_nul_in_a_name_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "ab").write_text("inner;")
    conf = nginx_conf.read(Text("nginx.conf", ("include a\0b;",)), Files(), tmp_path)
    assert [d.name for d in conf.directives] == ["inner"]
