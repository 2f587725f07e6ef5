"""The tokens of a Caddyfile: words, quotes, heredocs, comments, what a backslash continues."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.lint.caddy.tokens import Token, UnreadableError, new_line, tokens, written
from seventh.lintkit.files import Files, Text


def cut(text: str) -> list[Token]:
    return tokens(Files().take("Caddyfile", text.encode()))


def words(text: str) -> list[str]:
    return [token.text for token in cut(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b\tc\nd", ["a", "b", "c", "d"]),
        ("", []),
        ("# nothing", []),
        ("a # b\nc", ["a", "c"]),
        ("a#b c", ["a#b", "c"]),
        ('"a b" `c "d"`', ["a b", 'c "d"']),
        ('"a \\"b\\" \\c"', ['a "b" \\c']),
        ('a"b c"', ['a"b', 'c"']),
        ('"a"b', ["a", "b"]),
        ('""', [""]),
        ('"a\nb"', ["a\nb"]),
        ('"never closed\n', ["never closed\n"]),
        ("a\\ b", ["a", "b"]),
        ("a\\b", ["a\\b"]),
        ("\\\\a", ["\\\\a"]),
        ("<<E\n\ta\n\t\tb\n\tE c", ["a\n\tb", "c"]),
        ("<<E\nE", [""]),
        ("<<E F", ["<<E", "F"]),
        ("\\<<E", ["<<E"]),
        ("\ufeffa", ["a"]),
        ("a\u00a0b", ["a", "b"]),
        ("{ } {} {x}", ["{", "}", "{}", "{x}"]),
        ("{$A} x{$B:c}y", ["{$A}", "x{$B:c}y"]),
        ('{$A:b c} "{$D:"}"', ["{$A:b_c}", "{$D:_}"]),
        ("{$} {$A", ["{$}", "{$A"]),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("a\n<<\na\n", 2, "missing opening heredoc marker"),
        ("<<<E\na\nE", 1, "too many '<' for heredoc; only use two, such as <<END"),
        ("<<a.b\na\na.b", 1,
         "a heredoc's marker holds letters, digits, dashes and underscores alone"),
        ("\n<<E\na\n", 2, "incomplete heredoc: no E ends it"),
        ("<<E\n\ta\nb\n\tE", 3, "mismatched leading whitespace in heredoc <<E"),
        ("<<E\na\n\tE", 2, "mismatched leading whitespace in heredoc <<E"),
    ],
)  # fmt: skip
def test_heredocs_that_are_none(text: str, line: int, why: str) -> None:
    with pytest.raises(UnreadableError) as found:
        cut(text)
    assert (found.value.line, found.value.why, str(found.value)) == (line, why, why)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # text, quote, line of the file, row, last row
        ("a\n\n b", [("a", "", 1, 1, 1), ("b", "", 3, 3, 3)]),
        ("a \\\nb\nc", [("a", "", 1, 1, 1), ("b", "", 2, 1, 1), ("c", "", 3, 3, 3)]),
        ("a \\\n\\\nb\nc", [("a", "", 1, 1, 1), ("b", "", 3, 1, 1), ("c", "", 4, 4, 4)]),
        ("# a \\\nb\nc", [("b", "", 2, 1, 1), ("c", "", 3, 3, 3)]),
        ("# a\nb", [("b", "", 2, 2, 2)]),
        ('"a\nb" c\nd', [("a\nb", '"', 1, 1, 2), ("c", "", 2, 2, 2), ("d", "", 3, 3, 3)]),
        ("`a\n\nb` c", [("a\n\nb", "`", 1, 1, 3), ("c", "", 3, 3, 3)]),
        ('x \\\n"a\nb" c',
         [("x", "", 1, 1, 1), ("a\nb", '"', 2, 1, 2), ("c", "", 3, 3, 3)]),
        ("<<E\na\nE b\nc", [("a", "<", 1, 1, 3), ("b", "", 3, 3, 3), ("c", "", 4, 4, 4)]),
        ("<<E\na\nb\nE\nc", [("a\nb", "<", 1, 1, 4), ("c", "", 5, 5, 5)]),
        ("x \\\n<<E\na\nE b", [("x", "", 1, 1, 1), ("a", "<", 2, 1, 3), ("b", "", 4, 4, 4)]),
        ("<<E\n\r\ta\r\n\rE", [("\ta", "<", 1, 1, 3)]),
        ("<<E\n\n\ta\n\tE", [("\na", "<", 1, 1, 4)]),
        ("<<E", []),
    ],
)  # fmt: skip
def test_where_tokens_are(text: str, expected: list[tuple[object, ...]]) -> None:
    found = tokens(Text("f", tuple(text.split("\n"))))
    assert [(t.text, t.quote, t.line, t.row, t.last) for t in found] == expected
    assert {(t.file, t.snippet, t.trail) for t in found} <= {("f", "", ())}


def test_one_token_is_on_another_line_than_the_one_before() -> None:
    one = Token("a", "", "f", 1, 1, 2)
    assert not new_line(one, one._replace(row=2))
    assert not new_line(one, one._replace(row=1))
    assert new_line(one, one._replace(row=3))
    assert new_line(one, one._replace(row=2, file="g"))
    assert new_line(one, one._replace(row=2, trail=("g:1 x",)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\\a", ["\\a"]), ("\\ a", ["\\a"]), ("a\\\\b", ["a\\\\b"]), ("a\\", ["a"]),
        ("\\<<E x", ["<<E", "x"]), ("\\<a", ["<a"]), ("\\#a", []), ("a\\#b", ["a\\#b"]),
        ('\\"a" b"', ["\\a", 'b"']), ("a\rb\r", ["ab"]), ("<< a", ["<<", "a"]),
        ("<<a b", ["<<a", "b"]), ("<<a\tb c", ["<<a\tb", "c"]), ("`a", ["a\n"]), ("`", ["\n"]),
        ('"', ["\n"]), ('"a\\', ["a\\\n"]), ("``", [""]), ('"\\""', ['"']), ('"\\\\"', ["\\\\"]),
    ],
)  # fmt: skip
def test_backslashes_carriage_returns_and_what_is_not_closed(
    text: str, expected: list[str]
) -> None:
    assert [t.text for t in tokens(Text("f", (text,)))] == expected


@pytest.mark.parametrize(
    ("text", "quote", "expected"),
    [
        ("a", "", "a"), ("a", '"', "a"), ("a b", '"', "`a b`"), ("", '"', "``"),
        ("a`b c", '"', '"a`b c"'), ('a`"', "`", 'a`"'), ('`"', '"', '"`\\""'), ('"a', "`", "`\"a`"),
        ("#a", '"', "`#a`"), ("a#", "", "a#"), ("a\nb", '"', "`a\nb`"), ("a\rb", '"', "`a\rb`"),
        ("a\\b", "", "`a\\b`"), ("<<E", "", "`<<E`"), ("<E", "", "<E"),
        ("{", "", "{"), ("{", '"', "`{`"), ("}", "`", "`}`"), ("{}", '"', "{}"),
    ],
)  # fmt: skip
def test_how_a_token_is_written(text: str, quote: str, expected: str) -> None:
    assert written(Token(text, quote, "f", 1, 1, 1)) == expected  # type: ignore[arg-type]


def test_how_a_token_is_enclosed() -> None:
    found = [(token.text, token.quote) for token in cut('a "b" `c` <<E\nd\nE\n{ \'}\' "}" `}')]
    assert found == [
        ("a", ""), ("b", '"'), ("c", "`"), ("d", "<"), ("{", ""), ("'}'", ""), ("}", '"'),
        ("}\n", ""),
    ]  # fmt: skip
    assert [(t.opens, t.closes) for t in cut('{ } "{" `}` {}')] == [
        (True, False), (False, True), (False, False), (False, False), (False, False),
    ]  # fmt: skip


def lines(text: str) -> list[list[str]]:
    """The words by line, as Caddy takes them."""
    found: list[list[str]] = []
    before: Token | None = None
    for token in cut(text):
        if before is None or new_line(before, token):
            found.append([])
        found[-1].append(token.text)
        before = token
    return found


def test_what_a_backslash_continues() -> None:
    assert lines("a b\nc \\\n  d\ne") == [["a", "b"], ["c", "d"], ["e"]]
    assert lines("a\\\nb") == [["a", "b"]]


def test_a_backslash_in_a_comment_continues_the_line() -> None:
    assert lines("root /srv # C:\\srv\nfile_server\nlog") == [
        ["root", "/srv", "file_server"],
        ["log"],
    ]


def test_what_follows_a_heredoc_or_a_quoted_line_end() -> None:
    assert lines("a <<E\nx\nE b\nc") == [["a", "x", "b"], ["c"]]
    assert lines('a "x\ny" b\nc') == [["a", "x\ny", "b"], ["c"]]


def test_the_line_of_the_file_is_kept_though_a_backslash_joins() -> None:
    assert [(t.text, t.line) for t in cut("a \\\n\\\nb\n`c\nd` e")] == [
        ("a", 1), ("b", 3), ("c\nd", 4), ("e", 5),
    ]  # fmt: skip


PLAIN = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\\`"), max_size=12
)


@given(texts=st.lists(PLAIN.filter(lambda t: "{$" not in t), max_size=8))
def test_what_is_written_is_read_again(texts: list[str]) -> None:
    made = [Token(text, '"' if not text.strip() else "", "f", 1, 1, 1) for text in texts]
    assert words(" ".join(written(token) for token in made)) == texts


ANY = st.lists(
    st.sampled_from(["a", " ", "\n", "\\", '"', "`", "<<", "E", "#", "{", "}", "{$A}", "\r", "\0"])
    | st.characters(), max_size=40,
).map("".join)  # fmt: skip


@given(text=ANY)
def test_any_text_gives_tokens_or_the_one_error(text: str) -> None:
    try:
        found = tokens(Text("f", tuple(text.split("\n"))))
    except UnreadableError:
        return
    assert [t.row for t in found] == sorted(t.row for t in found)
    assert [t.line for t in found] == sorted(t.line for t in found)
    assert all(t.last >= t.row for t in found)
