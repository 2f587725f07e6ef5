"""A Caddyfile's blocks, snippets and imports."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.lint.caddy import file as caddy_file
from seventh.lint.caddy.file import Caddyfile, Node
from seventh.lintkit.files import Files


def read(text: str, name: str = "Caddyfile") -> Caddyfile:
    files = Files()
    return caddy_file.read(files.take(name, text.encode()), files)


def shape(nodes: list[Node]) -> list[object]:
    return [
        " ".join((n.name, *n.words)) if n.block is None
        else (" ".join((n.name, *n.words)), shape(n.block))
        for n in nodes
    ]  # fmt: skip


def keys(found: Caddyfile) -> list[list[str]]:
    return [[key.text for key in site.keys] for site in found.sites]


def test_sites_options_and_routes() -> None:
    found = read(
        "{\n\tdebug\n}\n&(r) {\n\tlog\n}\na, b,\nc {\n\thandle /x {\n\t\tlog\n\t}\n}\nd {\n}\n"
    )
    assert not found.refused
    assert found.options is not None
    assert shape(found.options.nodes) == ["debug"]
    assert keys(found) == [["a", "b", "c"], ["d"]]
    assert shape(found.sites[0].nodes) == [("handle /x", ["log"])]
    assert [route.keys[0].text for route in found.routes] == ["r"]


def test_one_site_needs_no_braces() -> None:
    found = read(":80\nlog\nrespond {\n\tbody x\n}\n")
    assert keys(found) == [[":80"]]
    assert shape(found.sites[0].nodes) == ["log", ("respond", ["body x"])]


def test_lines_are_kept() -> None:
    found = read(':80 {\n\n\theader {\n\t\tA "b c"\n\t}\n}\n')
    (header,) = found.sites[0].nodes
    assert (header.at.line, header.at.text) == (3, "header {")
    assert header.block is not None
    assert (header.block[0].at.line, header.block[0].at.text) == (4, "A `b c`")


def test_snippets_with_arguments_and_blocks() -> None:
    found = read(
        "(s) {\n\theader {args[0]} {args[1]}\n\thandle {args[2:]} {\n\t\t{block}\n\t}\n}\n"
        ":80 {\n\timport s A b /x {\n\t\tlog\n\t\trespond y\n\t}\n\tencode\n}\n"
    )
    assert not found.refused
    assert shape(found.sites[0].nodes) == [
        "header A b",
        ("handle /x", ["log", "respond y"]),
        "encode",
    ]


@pytest.mark.parametrize(
    ("block", "a", "b"),
    [
        ("a {\nlog\n}", ["log"], []),
        ("a\nb x y\nc", [], ["x y"]),
        ("b x\na", [], ["x"]),
        ("a {\nlog\nencode\n}\nb {\nz\n}", ["log", "encode"], ["z"]),
        ("a x {\nhandle {\nlog\n}\n}\nb y", ["x", ("handle", ["log"])], ["y"]),
        ("c {\na\n}\nb {\n}\na x", ["x"], []),
    ],
)  # fmt: skip
def test_named_blocks(block: str, a: list[object], b: list[object]) -> None:
    found = [read(f"(s) {{\n{{blocks.{n}}}\n}}\n:80 {{\nimport s {{\n{block}\n}}\n}}\n")
             for n in "ab"]  # fmt: skip
    assert [shape(each.sites[0].nodes) for each in found] == [a, b]
    assert not any(each.refused for each in found)


def test_an_argument_that_is_not_there_stays() -> None:
    found = read("(s) {\n\trespond {args[1]}\n}\n:80 {\n\timport s a\n}\n")
    assert shape(found.sites[0].nodes) == ["respond {args[1]}"]


def test_files_and_patterns(tmp_path: Path) -> None:
    (tmp_path / "sites").mkdir()
    (tmp_path / "sites" / "b.caddy").write_text("b {\n\timport ../part x\n}\n")
    (tmp_path / "sites" / "a.caddy").write_text("a {\n}\n")
    (tmp_path / "sites" / ".c.caddy").write_text("c {\n}\n")
    (tmp_path / "part").write_text("respond {args[0]}\n")
    found = read("import sites/*.caddy\nimport none/*\n", str(tmp_path / "Caddyfile"))
    assert not found.refused
    assert keys(found) == [["a"], ["b"]]
    (node,) = found.sites[1].nodes
    assert (node.words, Path(node.at.file).name, node.at.line) == (("x",), "part", 1)


def test_a_snippet_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("(x) {\n\trespond {args[0]}\n}\n")
    found = read("import s other\n:80 {\n\timport x hi\n}\n", str(tmp_path / "Caddyfile"))
    assert shape(found.sites[0].nodes) == ["respond hi"]


def test_a_file_that_is_not_there_leaves_the_rest(tmp_path: Path) -> None:
    files = Files()
    text = files.take(str(tmp_path / "Caddyfile"), b":80 {\n\timport gone\n\tlog\n}\n")
    found = caddy_file.read(text, files)
    assert shape(found.sites[0].nodes) == ["log"]
    assert found.missing
    assert [problem.line for problem in files.problems] == [2]


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        (":80 {\n\tlog\n", 1, "end of file"),
        (":80 {\n\tlog {\n", 2, "end of file"),
        (":80 {\n\tlog { x\n\t}\n}\n", 2, "same line"),
        (":80 {\n\tlog\n\t{\n\t}\n}\n", 3, "new line"),
        (":80 {\n\tlog {}\n}\n", 2, "{}"),
        (":80{\n}\n", 1, "curly brace"),
        ("a,b {\n}\n", 1, "comma"),
        ("a, {\n}\n", 1, "another address"),
        ("a,", 1, "end of file"),
        ("@m path /\n", 1, "globally"),
        ("(s) {\n}\n(s) {\n}\n", 3, "redeclaration"),
        ("(s)\n:80\n", 2, "expecting"),
        (":80 {\n\timport\n}\n", 2, "argument"),
        (":80 {\n\timport *.*\n}\n", 2, "wildcard"),
        ("(a) {\n\timport b\n}\n(b) {\n\timport a\n}\n:80 {\n\timport a\n}\n", 5, "itself"),
        (":80 {\n}\n{\n\tdebug\n}\n", 3, "must be first"),
        (":80 {\n\trespond <<E\n}\n", 2, "heredoc"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_its_line(text: str, line: int, why: str) -> None:
    found = read(text)
    assert len(found.refused) == 1
    assert why in found.refused[0].text
    assert found.refused[0].line == line


def test_what_stands_before_the_break_is_kept() -> None:
    found = read(":80 {\n\tlog\n\tencode { x\n\t}\n}\n")
    assert shape(found.sites[0].nodes) == ["log"]


def test_the_environment_stays_unexpanded() -> None:
    found = read("{$HOST:a b} {\n\t{$MORE}\n\trespond {$X}\n}\n")
    (more, respond) = found.sites[0].nodes
    assert more.open
    assert respond.open
    assert keys(found) == [["{$HOST:a_b}"]]


WORDS = st.sampled_from(
    ["a", "(s)", "&(r)", "@m", "{", "}", "{}", "\n", "\n", "\\\n", "import", "s", "*", '"', "`",
     "<<E", "E", "#", "{args[0]}", "{args[:]}", "{block}", "{blocks.a}", "{$A}", ",", "a,"]
)  # fmt: skip


@given(words=st.lists(WORDS, max_size=60))
def test_any_words_are_read(words: list[str]) -> None:
    found = read(" ".join(words))
    assert all(line.text for line in found.refused)
