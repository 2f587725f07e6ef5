"""How many lines, and which names, recognise a file: both sides of every threshold.

Two invented kinds count the lines that begin with their letter, so that no grammar has a say.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from seventh.engine import recognise
from seventh.engine.recognise import by_content, in_folder, is_backup, is_main, of_file
from seventh.lint import kinds
from seventh.lintkit.linted import Kind


def _counting(letter: str, *, also: str = "", only_by_name: bool = False) -> Kind:
    def looks(lines: tuple[str, ...]) -> int:
        return sum(line.startswith(letter) for line in lines)

    def fits(lines: tuple[str, ...]) -> int:
        return sum(line.startswith((letter, also)) for line in lines)

    return replace(
        kinds()["chrony.conf"], name=letter, names=(f"{letter}.conf", f"{letter}.d/*.conf"),
        looks=looks, fits=fits if also else None, only_by_name=only_by_name,
    )  # fmt: skip


@pytest.fixture(autouse=True)
def two_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"a": _counting("a", also="f"), "b": _counting("b", only_by_name=True)}
    monkeypatch.setattr(recognise, "kinds", lambda: known)


def name_of(kind: Kind | None) -> str:
    return kind.name if kind is not None else ""


@pytest.mark.parametrize(
    ("lines", "name"),
    [
        ("", ""),
        ("x", ""),
        # three lines, or all of a shorter file
        ("a", "a"),
        ("a x", ""),
        ("a a", "a"),
        ("a a x", ""),
        ("a a a", "a"),
        ("b", "b"),
        # at least half of them
        ("a a a x x x", "a"),
        ("a a a x x x x", ""),
        # and more than of another kind
        ("a a a b b b", ""),
        ("a a a a b b b", "a"),
        # without comments and empty lines
        ("# ! ; % a", "a"),
        ("a  # #", "a"),
    ],
)
def test_by_content_alone(lines: str, name: str) -> None:
    assert name_of(by_content(tuple(lines.split(" ")))) == name


@pytest.mark.parametrize(
    ("lines", "name"),
    [
        ("a a", ""),
        ("a a a", "a"),
        ("a a a x", ""),
        ("a a a a x", "a"),
        ("a a a a x x", ""),
        ("a " * 320 + "x " * 80, "a"),
        ("a " * 319 + "x " * 81, ""),
        # of more than 400 lines, as many as of 400
        ("a " * 320 + "x " * 180, "a"),
        ("a " * 319 + "x " * 180, ""),
    ],
)
def test_in_a_folder_three_lines_and_four_fifths(lines: str, name: str) -> None:
    assert name_of(by_content(tuple(lines.split()), sure=3)) == name


@pytest.mark.parametrize(
    "foreign",
    [
        "<?xml",
        "<a>",
        "</a>",
        "<!DOCTYPE",
        "---",
        "--- ",
        "-----BEGIN KEY",
        '{ "a"',
        '{\n  "a"',
        "[section]",
        "  [a b.c:d/e'f\"g-h]  ",
        "[[a]]",
        "#!/bin/sh",
    ],
)
def test_another_language_is_no_kind(foreign: str) -> None:
    lines = (*foreign.split("\n"), "a", "a", "a", "a", "a")
    assert by_content(lines) is None
    assert of_file("a.conf", lines) is None


@pytest.mark.parametrize("same", ["<1>", "--- a", "-----", "{", "{ a", "[a", "a]", "[a]b", "[a$]"])
def test_what_only_resembles_another_language_may_be_a_kind(same: str) -> None:
    assert name_of(by_content((same, "a", "a", "a", "a"))) == "a"


def test_a_section_counts_within_the_first_400_lines_and_a_script_by_its_first() -> None:
    assert by_content((*["a"] * 399, "[x]")) is None
    assert name_of(by_content((*["a"] * 400, "[x]"))) == "a"
    assert by_content(("a", "a", "<b>")) is None
    assert name_of(by_content(("a", "#!/bin/sh"))) == "a"
    assert name_of(by_content(("a", "a", "a", "<b>"))) == "a"


@pytest.mark.parametrize(
    ("name", "lines", "found"),
    [
        # a file of the name is of the kind unless three lines or more have nothing of it
        ("a.conf", "", "a"), ("a.conf", "x x", "a"), ("a.conf", "x x x", ""),
        ("a.conf", "f x x", "a"), ("a.conf", "f x x x x x x x", "a"),
        ("dir/a.conf", "x", "a"), ("dir/a.d/1.conf", "x", "a"),
        ("b.conf", "x x x", ""), ("b.conf", "b x x x", "b"), ("a.conf", "b b b", "b"),
        # else its content decides, but for SSH's own files
        ("1.conf", "a a a", "a"), ("x.pub", "a a a", ""), ("dir/known_hosts.old", "a a a", ""),
        ("ssh_known_hosts2", "a a a", ""), ("moduli", "a a a", ""), ("moduli.1", "a a a", ""),
        ("ssh_host_rsa_key", "a a a", ""), ("ssh_host_rsa_key.conf", "a a a", "a"),
    ],
)  # fmt: skip
def test_a_file_that_was_named(name: str, lines: str, found: str) -> None:
    assert name_of(of_file(name, tuple(lines.split()))) == found


@pytest.mark.parametrize(
    ("name", "lines", "found"),
    [
        # in a folder of another program, the name alone is not enough
        ("a.conf", "", "a"), ("a.conf", "x", ""), ("a.conf", "f x", "a"), ("a.conf", "f x x", ""),
        ("a.conf", "f f x", "a"), ("a.conf", "f f x x", "a"), ("a.conf", "f f x x x", ""),
        # in the usual folder it is
        ("a.d/1.conf", "x x", "a"), ("a.d/1.conf", "x x x", ""), ("a.d/1.conf", "f x x", "a"),
        (".ssh/a.conf", "x x", "a"),
        # another name needs the content, if content may tell the kind
        ("1", "a a a", "a"), ("1", "a a", ""), ("1", "b b b", ""), ("b.conf", "b b b", "b"),
        ("x.pub", "a a a", ""), (".a.conf.seventh-orig", "a a a", ""),
        (".a.conf.seventh-orig.2", "a a a", ""),
    ],
)  # fmt: skip
def test_a_file_of_a_folder(name: str, lines: str, found: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("\n".join(lines.split()))
    assert name_of(in_folder(file)) == found


def test_the_first_64_kib_of_text_are_read(tmp_path: Path) -> None:
    file = tmp_path / "1"
    assert in_folder(file) is None
    assert in_folder(tmp_path) is None
    head = b"a\n" * 1000 + b"#" * (65_536 - 2001) + b"\n"
    for data, found in (
        (head + b"\0", "a"), (head[:-1] + b"\0", ""), (head + b"x\n" * 9000, "a"),
        (b"a\n" * 9 + b"\xff", "a"),
    ):  # fmt: skip
        file.write_bytes(data)
        assert name_of(in_folder(file)) == found


@pytest.mark.parametrize(
    "name",
    [
        "a~",
        "a.bak",
        "a.bak.1",
        "a.disabled",
        "a.off",
        "a.old",
        "a.orig",
        "a.save",
        "a.swp",
        "a.rej",
        "a.rpmnew",
        "a.rpmorig",
        "a.rpmsave",
        "a.dpkg-dist",
        "a.ucf-old",
        ".#a",
        "#a#",
    ],
)
def test_a_backup_has_the_name_of_one(name: str) -> None:
    assert is_backup(Path("dir") / name)
    assert not is_backup(Path(name) / "a.conf")


@pytest.mark.parametrize("name", ["a", "a.conf", "a.bakery", "a#", "#a", "old", "a.dpkg", ".a"])
def test_any_other_name_is_no_backup(name: str) -> None:
    assert not is_backup(Path(name))


@pytest.mark.parametrize(
    ("path", "main"),
    [
        ("/x/a.conf", True),
        ("/x/e/f.conf", True),
        ("/x/a.d/1.conf", False),
        ("/x/b.conf", False),
        ("/x/f.conf", False),
        ("f.conf", False),
    ],
)
def test_a_main_file_is_read_by_its_name(path: str, main: bool) -> None:
    kind = replace(_counting("a"), names=("a.conf", "a.d/*.conf", "e/f.conf"))
    assert is_main(Path(path), kind) is main
