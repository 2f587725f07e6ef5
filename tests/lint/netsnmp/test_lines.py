"""Lines of net-snmp's files; tests/peers/test_snmpd_conf.py asks snmpd itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from seventh.lint.netsnmp.lines import directives, shown, words_of
from seventh.lintkit.files import Files, Text


def read(text: str, files: Files | None = None, daemon: str = "snmpd") -> list[tuple[str, ...]]:
    lines = Text("x/snmpd.conf", tuple(text.split("\n")))
    found = directives(lines, files or Files(), daemon)
    return [(line.name, *line.words) for line in found]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ()), ("  a\tb ", ("a", "b")), ('"a b" c', ("a b", "c")), ("'a b'", ("a b",)),
        (r'"a\"b" c\d', ('a"b', r"c\d")), ("a # b", ("a",)), ("a#b", ("a#b",)),
        ('"" x', ("", "x")), ('"open', ('"open',)),
    ],
)  # fmt: skip
def test_words(text: str, words: tuple[str, ...]) -> None:
    assert words_of(text) == words


def test_names_have_no_case_and_lines_for_others_are_left() -> None:
    text = "ROUser a\n\n# c\n[snmp] defVersion 3\n[snmp]\nx y\n[snmpd]\n\tview\tv included .1"
    assert read(text) == [("rouser", "a"), ("view", "v", "included", ".1")]
    assert read(text, daemon="snmp") == [("rouser", "a"), ("defversion", "3"), ("x", "y")]


def test_a_line_is_not_continued() -> None:
    assert read("sysName a\\\nrouser b") == [("sysname", "a\\"), ("rouser", "b")]


@pytest.mark.parametrize(
    ("name", "line", "wanted"),
    [
        ("rocommunity", "s3cret 10.0.0.0/8", "rocommunity *** 10.0.0.0/8"),
        ("authcommunity", "log s3cret", "authcommunity log ***"),
        ("com2sec", "-Cn x name default s3cret", "com2sec -Cn x name default ***"),
        ("createuser", "-e 0x8000 u SHA-256 s3cret AES s3cret2",
         "createuser -e *** *** SHA-256 *** AES ***"),
        ("createuser", "u MD5 -l 0x00ff", "createuser u MD5 -l ***"),
        ("usmuser", '1 3 0x80 "u" "u" NULL .1 0xaa .2 0xbb ""',
         "usmuser 1 *** *** *** *** *** *** *** *** *** \"\""),
    ],
)  # fmt: skip
def test_no_secret_is_shown(name: str, line: str, wanted: str) -> None:
    assert shown(name, words_of(line)) == wanted


def test_includes(tmp_path: Path) -> None:
    folder = tmp_path / "conf.d"
    folder.mkdir()
    (folder / "b.conf").write_text("rouser b\n")
    (folder / "a.conf").write_text("rouser a\nincludeFile ../snmpd.conf\n")
    (folder / "c.txt").write_text("rouser c\n")
    main = tmp_path / "snmpd.conf"
    main.write_text("includeDir conf.d\nincludeFile absent.conf\nrouser d\n")
    files = Files()
    text = files.read(main)
    assert text is not None
    found = [line.words for line in directives(text, files, "snmpd")]
    assert found == [("a",), ("b",), ("d",)]
    assert [line.text for line in files.problems] == [
        f"includeFile {tmp_path}/absent.conf: no such file"
    ]
