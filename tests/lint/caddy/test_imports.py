"""``import`` in a Caddyfile: what is put in its place, and what is refused, noted or unread."""

from __future__ import annotations

from pathlib import Path

import pytest

from seventh.lint.caddy import file as caddy_file
from seventh.lint.caddy.file import Caddyfile
from seventh.lintkit.files import Files, Text
from tests.lint.caddy.test_file import keys, shape


def read(text: str, folder: Path | None = None) -> tuple[Caddyfile, Files]:
    name = str(folder / "Caddyfile") if folder else "Caddyfile"
    files = Files()
    return caddy_file.read(files.take(name, text.encode()), files), files


def placed(body: str, arguments: str, block: str = "") -> list[object]:
    """Return what a snippet becomes in a site."""
    tail = f" {{\n{block}\n}}" if block else ""
    found, files = read(f"(s) {{\n{body}\n}}\n:80 {{\nimport s {arguments}{tail}\n}}\n")
    assert (found.refused, files.problems) == ([], [])
    return shape(found.sites[0].nodes)


@pytest.mark.parametrize(
    ("body", "arguments", "expected"),
    [
        ("a {args[0]} {args[1]}", "x y", ["a x y"]),
        ("a {args.0}-{args[1]}", "x y", ["a x-y"]),
        ("a {args[2]}", "x y", ["a {args[2]}"]),
        ("a {args[:]}", "x y", ["a x y"]),
        ("a {args[:]}", "", ["a"]),
        ("a {args[1:]}", "x y z", ["a y z"]),
        ("a {args[:1]}", "x y z", ["a x"]),
        ("a {args[1:2]}", "x y z", ["a y"]),
        ("a {args[3:]}", "x y z", ["a"]),
        ("a {args[4:]}", "x y z", ["a {args[4:]}"]),
        ("a {args[:4]}", "x y z", ["a {args[:4]}"]),
        ("a {args[2:1]}", "x y z", ["a {args[2:1]}"]),
        ("a b{args[:]}", "x y", ["a b{args[:]}"]),
        ("a {args} {args[x]}", "x", ["a {args} {args[x]}"]),
    ],
)
def test_arguments(body: str, arguments: str, expected: list[object]) -> None:
    assert placed(body, arguments) == expected


@pytest.mark.parametrize(
    ("body", "block", "expected"),
    [
        ("a {\n{block}\n}", "b\nc {\nd\n}", [("a", ["b", ("c", ["d"])])]),
        ("{block}\nz", "b", ["b", "z"]),
        ("{block}", "", []),
        ("{blocks.x}", "x {\nb\n}\ny {\nc\n}", ["b"]),
        ("{blocks.y}", "x {\nb\n}\ny {\nc {\nd\n}\n}", [("c", ["d"])]),
        ("{blocks.z}", "x {\nb\n}", []),
        ("{blocks.x", "x b", ["{blocks.x"]),
    ],
)
def test_blocks(body: str, block: str, expected: list[object]) -> None:
    assert placed(body, "x", block) == expected


def test_arguments_of_a_snippet_within_stay_for_its_own_import(tmp_path: Path) -> None:
    (tmp_path / "part").write_text(
        "(inner) {\n\ta {args[0]}\n\tb {\n\t\t{block}\n\t}\n}\n{args[0]} {\n\timport inner y\n}\n"
    )
    found, _ = read("import part x\n", tmp_path)
    assert keys(found) == [["x"]]
    assert shape(found.sites[0].nodes) == ["a y", ("b", [])]


def test_a_token_knows_where_it_came_from(tmp_path: Path) -> None:
    (tmp_path / "part").write_text("log\n")
    found, _ = read(":80 {\n\n\timport part\n\timport part\n\ttls\n}\n", tmp_path)
    assert [(Path(node.at.file).name, node.at.line) for node in found.sites[0].nodes] == [
        ("part", 1), ("part", 1), ("Caddyfile", 5),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        (":80 {\n\timport\n}\n", 2,
         "wrong argument count or unexpected line ending after 'import'"),
        (':80 {\n\timport ""\n}\n', 2, "import requires a non-empty filepath"),
        ("(s) {\n}\n:80 {\n\timport s {\n\t\t{\n\t\t}\n\t}\n}\n", 4,
         "anonymous blocks are not supported"),
        (":80 {\n\timport a*b*\n}\n", 2,
         "glob pattern may only contain one wildcard (*), but has others: a*b*"),
        (":80 {\n\timport a?b?\n}\n", 2,
         "glob pattern may only contain one wildcard (*), but has others: a?b?"),
        (":80 {\n\timport a[b]\n}\n", 2,
         "glob pattern may only contain one wildcard (*), but has others: a[b]"),
        (":80 {\n\timport folder\n}\n", 2, "could not import {}/folder: is a directory"),
        (":80 {\n\timport broken\n}\n", 2, "missing opening heredoc marker"),
        (":80 {\n\timport Caddyfile\n}\n", 2, "import Caddyfile leads back to itself"),
        ("(a) {\n\timport a\n}\n:80 {\n\timport a\n}\n", 2, "import a leads back to itself"),
    ],
)  # fmt: skip
def test_imports_that_caddy_refuses(tmp_path: Path, text: str, line: int, why: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "broken").write_text("\nrespond <<\n")
    found, _ = read(text, tmp_path)
    assert [(one.line, one.text) for one in found.refused] == [(line, why.format(tmp_path))]


def test_one_file_may_be_imported_twice_but_not_by_itself(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("import b\n")
    (tmp_path / "b").write_text("log\n")
    (tmp_path / "c").write_text("import d\n")
    (tmp_path / "d").write_text("import c\n")
    found, files = read(":80 {\n\timport a\n\timport b\n\timport a\n}\n", tmp_path)
    assert (shape(found.sites[0].nodes), found.refused) == (["log"] * 3, [])
    assert [Path(name).name for name in files.read_names] == ["Caddyfile", "a", "b"]
    found, _ = read(":80 {\n\timport c\n}\n", tmp_path)
    assert [(Path(one.file).name, one.text) for one in found.refused] == [
        ("d", "import c leads back to itself")
    ]


@pytest.mark.parametrize(
    ("name", "names", "note"),
    [
        ("sites/*", ["a", "b"], ""), ("sites/a", ["a"], ""), ("sites/?", ["a", "b"], ""),
        ("./sites/../sites/b", ["b"], ""),
        ("none/*", [], "import none/*: no file matches"),
        ("sites/*.caddy", [], "import sites/*.caddy: no file matches"),
    ],
)  # fmt: skip
def test_files_and_patterns(tmp_path: Path, name: str, names: list[str], note: str) -> None:
    (tmp_path / "sites").mkdir()
    for each in "ab":
        (tmp_path / "sites" / each).write_text(f"{each} {{\n}}\n")
    found, files = read(f"\nimport {name}\n", tmp_path)
    assert keys(found) == [[each] for each in names]
    assert [(one.line, one.text) for one in files.notes] == ([(2, note)] if note else [])
    assert (found.refused, found.missing) == ([], [])


def test_what_is_missing_is_said_where_it_is_imported(tmp_path: Path) -> None:
    found, files = read(":80 {\n\timport gone\n\timport gone\n\timport {$PART}\n}\n", tmp_path)
    assert found.missing == [f"{tmp_path}/gone"]
    assert [(one.line, one.text) for one in files.problems] == [
        (2, f"{tmp_path}/gone cannot be read: No such file or directory"),
        (4, "{$PART} is left unexpanded: which file is imported, is not known"),
    ]
    assert files.unread == set(files.problems)


def test_a_copy_of_a_machine_s_files_is_read_within_itself(tmp_path: Path) -> None:
    folder = tmp_path / "etc" / "caddy"
    (folder / "sites").mkdir(parents=True)
    (folder / "sites" / "a").write_text("a {\n}\n")
    found, files = read("import /etc/caddy/sites/*\nimport /etc/caddy/sites/a\n", folder)
    assert found.refused == []
    assert keys(found) == [["a"], ["a"]]
    assert files.notes == []


# -- limits ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("deep", "cut"), [(32, False), (33, True)])
def test_imports_within_imports_up_to_a_limit(deep: int, cut: bool) -> None:
    text = "".join(f"(s{n}) {{\n\timport s{n + 1}\n}}\n" for n in range(1, deep))
    found, files = read(text + f"(s{deep}) {{\n\tlog\n}}\n:80 {{\n\timport s1\n}}\n")
    assert found.refused == []
    assert shape(found.sites[0].nodes) == ([] if cut else ["log"])
    assert [one.text for one in files.problems] == (
        ["s33 was not read: more than 32 imports deep"] if cut else []
    )


def test_names_are_looked_for_up_to_a_limit(tmp_path: Path) -> None:
    text = "".join(f"import a{n}*\n" for n in range(1024)) + "import a0*\n"
    assert read(text, tmp_path)[1].problems == []
    problems = read(f"{text}import b*\nimport c*\nimport a1*\n", tmp_path)[1].problems
    assert [(one.line, one.text) for one in problems] == [
        (1026, "more than 1024 files are imported: the rest is not")
    ]


@pytest.mark.parametrize(("length", "cut"), [(32768, False), (32769, True)])
def test_words_are_cut_at_a_limit(length: int, cut: bool) -> None:
    lines = ("(s) {", "x {args[0]}{args[0]}", "}", ":80 {", f"import s {'a' * length}", "}")
    files = Files()
    found = caddy_file.read(Text("Caddyfile", lines), files)
    assert shape(found.sites[0].nodes) == ["x " + "a" * 65536]
    assert [(one.line, one.text) for one in files.problems] == (
        [(5, "a word of more than 65536 characters was cut")] if cut else []
    )
