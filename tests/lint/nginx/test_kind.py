"""What tells that a file is nginx's: what its lines look like."""

from __future__ import annotations

import pytest

from seventh.lint import kinds

KIND = kinds()["nginx.conf"]


@pytest.mark.parametrize(
    ("text", "looks", "fits"),
    [
        ("", 0, 0), ("# c\n", 0, 0), ("gzip on;", 1, 1), ("gzip on", 0, 0), ("gzip on; # c", 1, 1),
        ("\tgzip on;", 1, 1), ("gzipp on;", 0, 0), ("http {", 1, 1), ("http {\n}", 2, 2),
        ("gzip on;\ngzip on;\nhttp {\n}", 4, 4), ("gzip on;\n}\n}", 2, 3),
        ("http {\ngzip on;\n}\n}\n}", 4, 5), ("map $a $b {\nx 1;\ny 2;\n}", 2, 2),
        ("map $a $b {\n[x]\n@y z;\n}", 2, 2), ("x y;\nz {", 0, 0), ("x y;\ngzip on;", 1, 1),
        ("x y;\nz w;\ngzip on;", 0, 1), ("[a]\ngzip on;", 0, 1), ("a = b\ngzip on;", 0, 1),
        ("@a\ngzip on;", 0, 1), ("gzip on; etag on;", 0, 1), ("if ($a) { return 404; }", 0, 1),
        ("proxy_timeout 5s;", 1, 0), ("smtp_auth plain;", 1, 0), ("}", 0, 1), ("} }", 0, 1),
        ("gzip\non;", 0, 0), ("types {\nx y;\n}\nx y;", 2, 2),
    ],
)  # fmt: skip
def test_lines_that_look_like_it_and_lines_that_fit(text: str, looks: int, fits: int) -> None:
    lines = tuple(text.splitlines())
    assert KIND.fits is not None
    assert (KIND.looks(lines), KIND.fits(lines)) == (looks, fits)


def test_no_more_lines_are_looked_at_than_tell_the_kind() -> None:
    lines = ("gzip on;",) * 500
    assert KIND.fits is not None
    assert (KIND.looks(lines), KIND.fits(lines)) == (400, 400)


@pytest.mark.parametrize(
    ("begins", "ends", "within", "beyond"),
    [("gzip ", ";", (2, 2), (1, 1)), ("[", "]", (0, 1), (1, 1))],
)  # fmt: skip
def test_of_a_long_line_its_first_thousand_characters_are_looked_at(
    begins: str, ends: str, within: tuple[int, int], beyond: tuple[int, int]
) -> None:
    assert KIND.fits is not None
    for length, seen in ((1000, within), (1001, beyond)):
        line = begins + "y" * (length - len(begins) - len(ends)) + ends
        lines = (line, "gzip on;")
        assert (KIND.looks(lines), KIND.fits(lines)) == seen
