"""What holds at a place: nginx's inheritance, defaults by version, and the lines that show it."""

from __future__ import annotations

import pytest

from seventh.lint.nginx import scope as nginx_scope
from seventh.lint.nginx.scope import Level, Scope
from tests.lint.nginx.texts import read

OLD, NEW = (1, 22, 1), (1, 30, 0)


def place(*blocks: str, version: tuple[int, int, int] = NEW) -> Scope:
    """The place inside of blocks with these lines, from the outermost on."""
    first, *inner = (read(text, name=f"{at}.conf") for at, text in enumerate(blocks))
    at = read("block { }", name="block.conf").directives[0].at
    scope = Scope((Level(first.directives),), version, at)
    for conf in inner:
        scope = scope.inside(Level(conf.directives), at)
    return scope


def words(scope: Scope, name: str) -> list[tuple[str, ...]]:
    return [directive.words for directive in scope.all(name)]


@pytest.mark.parametrize(
    ("blocks", "found"),
    [
        (("gzip_types a; gzip_types b;", ""), ["a", "b"]),
        (("gzip_types a;", "gzip_types b;"), ["b"]), (("", ""), []),
        (("gzip_types a;", "gzip_types b;", ""), ["b"]), (("", "gzip_types a;"), ["a"]),
    ],
)  # fmt: skip
def test_an_inner_line_replaces_all_outer_ones(blocks: tuple[str, ...], found: list[str]) -> None:
    assert words(place(*blocks), "gzip_types") == [(word,) for word in found]


@pytest.mark.parametrize(
    "name",
    ["proxy_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass", "grpc_pass", "memcached_pass",
     "return", "rewrite", "if", "try_files", "alias", "internal", "stub_status", "empty_gif",
     "listen", "server_name", "limit_except", "location"],
)  # fmt: skip
def test_what_is_never_inherited(name: str) -> None:
    assert words(place(f"{name} a;", ""), name) == []
    assert words(place("", f"{name} a;"), name) == [("a",)]
    assert [d.words for d in place(f"{name} a;", "").own(name)] == []


@pytest.mark.parametrize("name", ["add_header", "add_trailer"])
@pytest.mark.parametrize(
    ("blocks", "found"),
    [
        (("NAME a;", ""), "a"), (("NAME a;", "NAME b;"), "b"),
        (("NAME a; NAME_inherit merge;", "NAME b;"), "ab"),
        (("NAME a;", "NAME_inherit merge; NAME b;"), "ab"),
        (("NAME a; NAME_inherit merge;", "NAME b;", "NAME c;"), "abc"),
        (("NAME a;", "NAME_inherit off;"), ""), (("NAME a;", "NAME_inherit off; NAME b;"), "b"),
        (("NAME a; NAME_inherit off;", ""), ""),
        (("NAME a; NAME_inherit merge;", "NAME_inherit on; NAME b;"), "b"),
        (("NAME a; NAME_inherit merge;", "NAME_inherit on;"), "a"),
        (("NAME a;", "NAME_inherit; NAME b;"), "b"),
        (("NAME_inherit merge;", "NAME_inherit; NAME b;", "NAME c;"), "bc"),
    ],
)  # fmt: skip
def test_headers_may_be_merged_from_1_29_3_on(
    name: str, blocks: tuple[str, ...], found: str
) -> None:
    texts = [block.replace("NAME", name) for block in blocks]
    assert "".join(word for (word,) in words(place(*texts, version=(1, 29, 3)), name)) == found


def test_before_that_they_are_replaced() -> None:
    blocks = ("add_header a; add_header_inherit merge;", "add_header b;")
    assert words(place(*blocks, version=(1, 29, 2)), "add_header") == [("b",)]


def test_values_and_defaults() -> None:
    scope = place("gzip ON; gzip_types a/b; gzip_types c/d e/f; proxy_cache_valid;", "etag off;")
    assert scope.words("gzip_types") == ("c/d", "e/f")
    assert scope.words("proxy_cache_valid") == ()
    assert scope.words("ssl_protocols") == ("TLSv1.2", "TLSv1.3")
    assert place("", version=OLD).words("ssl_protocols") == ("TLSv1", "TLSv1.1", "TLSv1.2")
    assert scope.words("proxy_pass") == ()
    assert (scope.value("gzip_types"), scope.value("proxy_pass")) == ("c/d", "")
    names = ("gzip", "etag", "gzip_vary", "proxy_pass", "proxy_buffering")
    assert [scope.is_on(name) for name in names] == [True, False, False, False, True]


@pytest.mark.parametrize(
    ("words", "first", "second", "number"),
    [
        ("65", 65.0, None, 65), ("1m 30s", 60.0, 30.0, None), ("500ms 1s", 0.5, 1.0, None),
        ("$a", None, None, None), ("1s500ms", 1.5, None, None), ("0", 0.0, None, 0),
        ("999999999999", 999999999999.0, None, 999999999999),
        ("1000000000000", 1000000000000.0, None, None), ("1y 1x", 31536000.0, None, None),
        ("-1", None, None, None), ("1k", None, None, None),
    ],
)  # fmt: skip
def test_times_and_numbers(
    words: str, first: float | None, second: float | None, number: int | None
) -> None:
    scope = place(f"keepalive_timeout {words};")
    assert scope.seconds("keepalive_timeout") == first
    assert scope.seconds("keepalive_timeout", 1) == second
    assert scope.number("keepalive_timeout") == number
    assert place("").seconds("keepalive_timeout") == 75.0
    assert place("").seconds("no_default") is None
    assert place("").number("no_default") is None


def test_a_time_as_nginx_writes_it() -> None:
    assert [nginx_scope.seconds(text) for text in ("1h30m", "65", "500ms", "1M", "x", "")] == [
        5400.0, 65.0, 0.5, 2592000.0, None, None,
    ]  # fmt: skip


def test_lines_of_one_header() -> None:
    scope = place("add_header A 1; add_header a 2; add_header B 3; add_header;")
    assert [d.words for d in scope.headers("add_header", "a")] == [("A", "1"), ("a", "2")]
    assert [d.words for d in scope.headers("add_header", "A")] == [("A", "1"), ("a", "2")]
    assert scope.headers("add_header", "C") == []


def test_lines_defaults_and_absences_as_evidence() -> None:
    scope = place("gzip_types a/b 'c d';\ngzip_types e;", "", version=OLD)
    found = scope.settings(
        {
            "gzip_types": "",
            "etag": "",
            "proxy_pass": "",
            "gzip": "no gzip line",
            "add_header": "none",
        }
    )
    shown = {
        name: [(one.value, one.at.file, one.at.line, one.at.text) for one in lines]
        for name, lines in found.items()
    }
    assert shown == {
        "gzip_types": [("a/b c d", "0.conf", 1, 'gzip_types a/b "c d";'),
                       ("e", "0.conf", 2, "gzip_types e;")],
        "etag": [("on", "block.conf", None, "etag on (default of nginx 1.22.1)")],
        "proxy_pass": [("", "block.conf", 1, "block { … }: no proxy_pass line")],
        "gzip": [("", "block.conf", 1, "block { … }: no gzip line")],
        "add_header": [("", "block.conf", 1, "block { … }: none")],
    }  # fmt: skip


def test_no_more_lines_are_evidence_than_the_bound() -> None:
    scope = place("add_header a b;" * 102)
    (lines,) = scope.settings({"add_header": ""}).values()
    assert len(lines) == 100
