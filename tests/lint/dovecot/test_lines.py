"""Lines of dovecot.conf as Dovecot's config-parser.c reads them."""

from __future__ import annotations

import pytest

from seventh.lint.dovecot.lines import Parsed, Shape, parsed
from seventh.lintkit.files import Files


def read(text: str) -> list[Parsed]:
    return list(parsed(Files().take("dovecot.conf", text.encode())))


def setting(key: str, value: str, **more: bool) -> Parsed:
    return Parsed(shape=Shape.SETTING, key=key, value=value, number=1, first=1, **more)


@pytest.mark.parametrize(
    ("line", "made"),
    [
        ("a = b", setting("a", "b")), ("a=b", setting("a", "b")),
        (" \ta\t=\t b c \t", setting("a", "b c")),
        ("a =", setting("a", "")), ("= b", setting("", "b")), ("a = b = c", setting("a", "b = c")),
        # comments
        ("a = b # c", setting("a", "b")), ("a = b#c", setting("a", "b")),
        ("a =# c", setting("a", "")),
        ('a = "b # c"', setting("a", "b # c", quoted=True)),
        ("a = 'b # c' # d", setting("a", "b # c", quoted=True)),
        ('a = "b # c', setting("a", '"b # c')), ("a = it's # c", setting("a", "it's # c")),
        (r'a = "x\" # y" # z', setting("a", 'x" # y', quoted=True)),
        # quotes
        ('a = "b"', setting("a", "b", quoted=True)), ("a = 'b'", setting("a", "b", quoted=True)),
        ("a = \"b'", setting("a", "\"b'")), ('a = "', setting("a", '"')),
        ('a = ""', setting("a", "", quoted=True)), ('a = "b" c', setting("a", '"b" c')),
        (r'a = "b\\\"c"', setting("a", r'b\"c', quoted=True)),
        # the contents of files
        ("a = </etc/x", setting("a", "/etc/x", is_file=True)),
        ("a = < \t/etc/x", setting("a", "/etc/x", is_file=True)),
        ("a = <'x'", setting("a", "'x'", is_file=True)),
    ],
)  # fmt: skip
def test_settings(line: str, made: Parsed) -> None:
    assert read(line) == [made]


def block(shape: Shape, key: str, value: str, opens: bool = True) -> Parsed:
    return Parsed(shape=shape, key=key, value=value, opens=opens, number=1, first=1)


@pytest.mark.parametrize(
    ("line", "made"),
    [
        ("protocol imap {", block(Shape.OPENS, "protocol", "imap")),
        ("protocol  imap\t{ # c", block(Shape.OPENS, "protocol", "imap")),
        ("passdb {", block(Shape.OPENS, "passdb", "")),
        ("passdb{", block(Shape.WRONG, "passdb{", "expecting {", opens=False)),
        ("local 192.0.2.0/24 {", block(Shape.OPENS, "local", "192.0.2.0/24")),
        ('mailbox "Sent Mail" {', block(Shape.OPENS, "mailbox", "Sent Mail")),
        (r'mailbox "a \" b"  {', block(Shape.WRONG, "mailbox", "expecting {", opens=False)),
        (r'mailbox "a \\ b"{', block(Shape.OPENS, "mailbox", r"a \ b")),
        ("group @x {", block(Shape.OPENS, "group", "@x")),
        ("group @x default {", block(Shape.OPENS, "group", "@x default")),
        ("a b c {", block(Shape.WRONG, "a", "expecting {", opens=False)),
        ("protocol imap", block(Shape.WRONG, "protocol", "expecting {", opens=False)),
        ("word", block(Shape.WRONG, "word", "expecting {", opens=False)),
        ("protocol imap { a = b", block(Shape.WRONG, "protocol", "garbage after {")),
        ("a { }", block(Shape.WRONG, "a", "garbage after {")),
        ('mailbox "x {', block(Shape.WRONG, "mailbox", "expecting {", opens=False)),
        ("} x", block(Shape.WRONG, "}", "expecting {", opens=False)),
        ("}", Parsed(shape=Shape.CLOSES, number=1, first=1)),
        (" } # end", Parsed(shape=Shape.CLOSES, number=1, first=1)),
        ("!include x y", Parsed(shape=Shape.INCLUDE, value="x y", number=1, first=1)),
        ("!include_try\tx", Parsed(shape=Shape.INCLUDE_TRY, value="x", number=1, first=1)),
    ],
)  # fmt: skip
def test_blocks_and_includes(line: str, made: Parsed) -> None:
    assert read(line) == [made]


def test_a_line_is_continued() -> None:
    text = "a = b \\\n  c\\\n\\\n d\ne = f\n"
    assert [(one.key, one.value, one.first, one.number) for one in read(text)] == [
        ("a", "b c d", 1, 4), ("e", "f", 5, 5),
    ]  # fmt: skip


def test_a_comment_or_an_empty_line_ends_what_is_continued() -> None:
    for between in ("", "# c", " \t"):
        text = f"a = b \\\n{between}\nc = d\n"
        assert [(one.key, one.value, one.first, one.number) for one in read(text)] == [
            ("c", "d", 3, 3)
        ]  # fmt: skip


def test_a_comment_hides_the_backslash() -> None:
    assert [(one.key, one.value, one.first) for one in read("a = b # \\\nc = d\n")] == [
        ("a", "b", 1), ("c", "d", 2),
    ]  # fmt: skip
