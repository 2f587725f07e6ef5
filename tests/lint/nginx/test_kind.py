"""What tells that a file is nginx's: its name, and what its lines look like."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path

import pytest

from seventh.engine.recognise import by_name
from seventh.lint import kinds

KIND = kinds()["nginx.conf"]
NAMES = (
    "/etc/nginx/nginx.conf", "prod.nginx.conf", "site.nginx", "/etc/nginx/conf.d/a.conf",
    "/etc/nginx/sites-enabled/default", "/etc/nginx/sites-available/a.example",
    "/etc/nginx/snippets/tls.conf", "/etc/nginx/http.d/a.conf",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_names_tell_the_kind(name: str) -> None:
    assert by_name(Path(name)) is KIND


def test_each_pattern_of_names_is_of_a_file_that_there_is() -> None:
    for pattern in KIND.names:
        assert any(fnmatch(name, pattern) or fnmatch(name, f"*/{pattern}") for name in NAMES)


@pytest.mark.parametrize("name", ["/etc/nginx/mime.types", "/etc/conf.d/a.conf", "nginx.conf.j2"])
def test_names_that_tell_nothing(name: str) -> None:
    assert by_name(Path(name)) is None


@pytest.mark.parametrize(
    ("text", "looks", "fits"),
    [
        ("", 0, 0), ("# c\n", 0, 0), ("gzip on;", 1, 1), ("gzip on", 0, 0), ("gzip on; # c", 1, 1),
        ("\tgzip on;", 1, 1), ("gzipp on;", 0, 0), ("http {", 1, 1), ("http {\n}", 2, 2),
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
