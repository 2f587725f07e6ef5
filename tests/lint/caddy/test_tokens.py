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
    ("text", "why"),
    [
        ("<<\na\n", "missing"),
        ("<<<E\na\nE", "too many"),
        ("<<a.b\na\na.b", "letters"),
        ("<<E\na\n", "incomplete"),
        ("<<E\na\n\tE", "whitespace"),
    ],
)
def test_heredocs_that_are_none(text: str, why: str) -> None:
    with pytest.raises(UnreadableError, match=why):
        cut(text)


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
