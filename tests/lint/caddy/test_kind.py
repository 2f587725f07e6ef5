"""What tells that a file is Caddy's: what its lines look like."""

from __future__ import annotations

import pytest

from seventh.lint import kinds

KIND = kinds()["Caddyfile"]


@pytest.mark.parametrize(
    ("text", "looks", "fits"),
    [
        ("", 0, 0), ("# c", 0, 0), ("a.example {", 0, 1), ("a.example {\n}", 0, 2),
        ("a.example {\nlog\n}", 3, 3), ("a.example {\nlog;\n}", 0, 2), ("log\n", 0, 1),
        ("{\ndebug\n}\n", 3, 3), ("(s) {\nlog\n}", 3, 3), ("&(r) {\nlog\n}", 3, 3),
        ("{$A} {\nlog\n}", 3, 3), ("{$A}b {\nlog\n}", 3, 3), ("localhost, a.b {\nlog\n}", 3, 3),
        ("server {\nlog\n}", 0, 3), (":80\nlog {\n}\n", 0, 2), (":80\nlog\n", 0, 1),
        ("import x\na.b {\nlog\n}", 3, 3), ("a.b {\n@m path /\nnothing {\nx\n}\n}", 3, 5),
        ("a.b {\nx = y\nlog\n}", 0, 3), ("a.b {\nx = y\nlog\nbind\ntls\nencode\n}", 6, 6),
        ("http://a {\nlog\n}\n}\n}", 3, 5), ("@m path /\na.b {\nlog\n}", 0, 4),
        ("a.b {\nfoo bar {\nbaz\n}\n}", 0, 4), ("a.b {\n[x]\n}", 0, 2),
        ("a.b {\nlog\n}\nc {\nlog\n}", 0, 6), ("# c\n\na.b {\n  log\n}", 3, 3),
        ("a.b {\nx = y\nlog\nbind\ntls\n}", 0, 5), ("a.b {\n}\nlog {\n}", 0, 4),
        ("a.b {\n}\n@m path\n", 0, 3), ("@m path /\n{\nlog\n}", 0, 4),
        ("a.b\nlog\nc.d {\n}", 3, 3), ("import x {\nlog\n}", 0, 3),
        ("a.b {\nlog {\n}\nlog\n}\nc.d {\nlog\n}", 8, 8), ("}\na.b {\nlog\n}", 0, 4),
        ("a.b {\nservers\nlb_policy x\nissuer y\n}", 5, 5),
        # a line is looked at up to a thousand characters
        ("a.b" + " " * 700 + " {\nlog\n}", 2, 2), ("a.b" + " " * 1000 + " {\nlog\n}", 0, 2),
        ("a.b {\nlog" + " " * 700 + ";\n}", 0, 2), ("a.b {\nlog" + " " * 1000 + ";\n}", 3, 3),
    ],
)  # fmt: skip
def test_lines_that_look_like_it_and_lines_that_fit(text: str, looks: int, fits: int) -> None:
    lines = tuple(text.splitlines())
    assert KIND.fits is not None
    assert (KIND.looks(lines), KIND.fits(lines)) == (looks, fits)


def test_no_more_lines_are_looked_at_than_tell_the_kind() -> None:
    lines = ("a.example {", *["log"] * 500)
    assert KIND.fits is not None
    assert (KIND.looks(lines), KIND.fits(lines)) == (400, 400)
