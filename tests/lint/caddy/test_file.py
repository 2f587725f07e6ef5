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


GLOBAL = "server block without any key is global configuration, and if used, it must be first"
NEW_LINE = "unexpected '{' on a new line; did you mean to place the '{' on the previous line?"
END = "unexpected end of file, expecting '}'"


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        (":80 {\n\tlog\n", 1, END),
        (":80 {\n\tlog {\n", 2, END),
        ("(s) {\n\tlog\n", 1, END),
        (":80 {\n\tlog { x\n\t}\n}\n", 2, "unexpected next token after '{' on same line"),
        (":80 {\n\tlog\n\t{\n\t}\n}\n", 3, NEW_LINE),
        (":80 {\n\tlog {}\n}\n", 2, "unexpected '{}' at end of line"),
        (":80 {\n\tlog }\n}\n", 2, "unexpected '}' because no matching opening brace"),
        (":80{\n}\n", 1, "site addresses cannot end with a curly brace: :80{"),
        ("a,b {\n}\n", 1, "site addresses cannot contain a comma: a,b"),
        ("a, {\n}\n", 1, "expected another address but had '{'"),
        ("a,\n", 1, "unexpected end of file: another address is expected"),
        ("@m path /\n", 1, "request matchers may not be defined globally: @m"),
        ("(s) {\n}\n(s) {\n}\n", 3, "redeclaration of previously declared snippet (s)"),
        ("(s)\n:80\n", 2, "unexpected token ':80', expecting '{'"),
        (":80 {\n}\n{\n\tdebug\n}\n", 3, GLOBAL),
        ("&(r) {\n}\n{\n\tdebug\n}\n", 3, GLOBAL),
        ("{\n\tdebug\n}\n{\n\tdebug\n}\n", 4, GLOBAL),
        ("\n:80 {\n\trespond <<E\n}\n", 3, "incomplete heredoc: no E ends it"),
        (":80 {\n\tlog {\n\t\ta\n\t} b\n}\n", 4, "a word behind '}'"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_its_line(text: str, line: int, why: str) -> None:
    assert [(one.file, one.line, one.text) for one in read(text).refused] == [
        ("Caddyfile", line, why)
    ]


def test_evidence_is_the_line_as_it_may_be_written() -> None:
    found = read('{\n\tdebug\n}\na "b",\nc {\n\theader A "b c" `d` {\n\t}\n\trespond ""\n}\n')
    assert found.options is not None
    assert (found.options.at.line, found.options.at.text) == (1, "{")
    (one,) = found.sites
    assert (one.at.line, one.at.text) == (4, "a b c {")
    assert [(node.at.line, node.at.text) for node in one.nodes] == [
        (6, "header A `b c` d {"), (8, "respond ``"),
    ]  # fmt: skip
    assert [node.quoted for node in one.nodes] == [(False, True, True), (True,)]
    words = " ".join(f"w{n}" for n in range(40))
    assert read(f":80\n{words}\n").sites[0].nodes[0].at.text == words
    assert read(f":80\nx {words}\n").sites[0].nodes[0].at.text == f"x {words[:-4]}"
    assert read(f":80\nx{'y' * 200}\n").sites[0].nodes[0].at.text == f"x{'y' * 199}…"


def test_blocks_within_blocks_up_to_a_limit() -> None:
    more = "more than 64 blocks within each other"
    for deep, problems in ((63, []), (64, [more]), (70, [more])):
        files = Files()
        text = ":80 {\n" + "a {\n" * deep + "}\n" * deep + "}\n"
        found = caddy_file.read(files.take("Caddyfile", text.encode()), files)
        assert found.refused == []
        assert [one.text for one in files.problems] == problems


def test_tokens_are_read_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caddy_file, "MAX_TOKENS", 6)
    cut = ["only the first 6 tokens were read"]
    for text, nodes, problems in (
        (":80 {\na\nb\nc\n}\n", ["a", "b", "c"], []),
        (":80 {\na\nb\nc\nd\n}\n", ["a", "b", "c", "d"], cut),
    ):
        files = Files()
        found = caddy_file.read(files.take("Caddyfile", text.encode()), files)
        assert [(one.line, one.text) for one in files.problems] == [
            (None, problem) for problem in problems
        ]
        assert found.refused == []
        assert shape(found.sites[0].nodes) == nodes


def test_imported_tokens_count_too(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "(s) {\na\n}\n:80 {\nimport s\nimport s\nimport s\n}\n"
    for most, nodes, problems in ((16, 3, []), (15, 2, [7]), (14, 1, [6])):
        monkeypatch.setattr(caddy_file, "MAX_TOKENS", most)
        files = Files()
        found = caddy_file.read(files.take("Caddyfile", text.encode()), files)
        assert [one.line for one in files.problems] == problems
        assert found.refused == []
        assert shape(found.sites[0].nodes) == ["a"] * nodes


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
