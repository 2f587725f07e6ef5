"""nginx's grammar, includes, and what nginx would refuse."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.lint.nginx import check as nginx_check
from seventh.lint.nginx import conf as nginx_conf
from seventh.lint.nginx import directives as nginx_directives
from seventh.lintkit.files import Files
from tests.lint.nginx.texts import read, refusals, whole


def words(text: str) -> list[tuple[str, ...]]:
    conf = read(text)
    assert not conf.refused
    return [(d.name, *d.words) for d in conf.directives]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b c;", [("a", "b", "c")]),
        ("a\tb\r\n  c ;d;", [("a", "b", "c"), ("d",)]),
        ("# only a comment", []),
        ("a b;# c d;\ne;", [("a", "b"), ("e",)]),
        ("a b#c;", [("a", "b#c")]),
        ('a "b c;{}#" \'d "e"\';', [("a", "b c;{}#", 'd "e"')]),
        (r"""a "b\"c" 'd\'e' f\;g h\ i;""", [("a", 'b"c', "d'e", r"f\;g", r"h\ i")]),
        (r'a "\t\r\n\\\d";', [("a", "\t\r\n\\\\d")]),
        ('a "";', [("a", "")]),
        ("a ${b}c $$;", [("a", "${b}c", "$$")]),
        ('a b"c}d;', [("a", 'b"c}d')]),
        ('a ("b");', [("a", '("b")')]),
        ("a 'b'{c;}", [("a", "b")]),
        ("a (\"b\" 'c');", [("a", '("b"', "c", ")")]),
        ("a é ü;", [("a", "é", "ü")]),
    ],
)
def test_words(text: str, expected: list[tuple[str, ...]]) -> None:
    assert words(text) == expected


NO_WORD_END = 'unexpected end of file, expecting ";" or "}"'
NO_BLOCK_END = 'unexpected end of file, expecting "}"'
NO_LUA_END = 'unexpected end of file, expecting "}" after a block of Lua'
LONG = "too long parameter: a {} of {} bytes or more"


@pytest.mark.parametrize(
    ("text", "line", "why", "names"),
    [
        ("a", 2, NO_WORD_END, []),
        ("a b", 2, NO_WORD_END, []),
        ("a \\", 2, NO_WORD_END, []),
        ('a "b', 1, 'unexpected end of file: a " is never closed', []),
        ("a;\n\n b 'c\n;", 3, "unexpected end of file: a ' is never closed", ["a"]),
        ("a {", 2, NO_BLOCK_END, ["a"]),
        ("a{b;", 2, NO_BLOCK_END, ["a"]),
        ("\n\na;\n b { c;\n", 5, NO_BLOCK_END, ["a", "b"]),
        ("}", 1, 'unexpected "}"', []),
        ("a;\n}\nb;", 2, 'unexpected "}"', ["a"]),
        ("a {\n b; }\n}\n", 3, 'unexpected "}"', ["a"]),
        ("a { b }", 1, 'unexpected "}"', ["a"]),
        ("a b }", 1, 'unexpected "}"', []),
        (";", 1, 'unexpected ";"', []),
        ("a;;", 1, 'unexpected ";"', ["a"]),
        ("{ }", 1, 'unexpected "{"', []),
        ('a "b"c;', 1, 'unexpected "c" after the closing "', []),
        ("a 'b'\"c\";", 1, 'unexpected """ after the closing \'', []),
        ('a "b"}', 1, 'unexpected "}" after the closing "', []),
        (f"a {'x' * 4096};", 1, LONG.format("word", 4096), []),
        (f"a {'é' * 2048};", 1, LONG.format("word", 4096), []),
        (f"a '{'x' * 4095}';", 1, LONG.format("word", 4095), []),
        (f"# {'x' * 5000}\n", 1, LONG.format("comment", 4096), []),
        (f"a;\n#{'x' * 4095}", 1, LONG.format("comment", 4096), ["a"]),
        (f"#{'é' * 2048}", 1, LONG.format("comment", 4096), []),
        ("a_by_lua_block { if x then", 1, NO_LUA_END, ["a_by_lua_block"]),
        ("a_by_lua_block { { }", 1, NO_LUA_END, ["a_by_lua_block"]),
        ("a_by_lua_block { [[ }", 1, NO_LUA_END, ["a_by_lua_block"]),
        ("\na_by_lua_block { [==[ ]=] }", 2, NO_LUA_END, ["a_by_lua_block"]),
        ("a_by_lua_block { --[[ }\n }", 1, NO_LUA_END, ["a_by_lua_block"]),
        ("a_by_lua_block { '}", 1, NO_LUA_END, ["a_by_lua_block"]),
        ('a_by_lua_block { "}\n" }', 1, NO_LUA_END, ["a_by_lua_block"]),
        ("a_by_lua_block { -- }", 1, NO_LUA_END, ["a_by_lua_block"]),
    ],
)
def test_what_cannot_be_read_is_refused_once(
    text: str, line: int, why: str, names: list[str]
) -> None:
    conf = read(text)
    assert [(refused.line, refused.text) for refused in conf.refused] == [(line, why)]
    assert conf.refused[0].file == "nginx.conf"
    assert [directive.name for directive in conf.directives] == names


@pytest.mark.parametrize(
    "text",
    [
        f"a {'x' * 4095};",
        f"a '{'x' * 4094}';",
        f"#{'x' * 4094}\na;",
        f"  #{'x' * 4094}\na;",
        f"#{'x' * 3000}\n#{'x' * 3000}\na;",
        f"{' ' * 5000}a;",
    ],
)
def test_words_and_comments_within_nginx_s_buffer_are_read(text: str) -> None:
    assert [name for name, *_ in words(text)] == ["a"]


def test_blocks_and_lines() -> None:
    conf = read("a;\nb {\n  c d;\n  e {\n f; }\n}\ng;\n")
    (a, b, g) = conf.directives
    assert (a.at.line, b.at.line, g.at.line) == (1, 2, 7)
    assert b.block is not None
    assert [(d.name, d.at.line) for d in b.block] == [("c", 3), ("e", 4)]
    assert b.at.text == "b {"
    assert b.block[0].at.text == "c d;"
    assert a.block is None


def test_a_line_is_counted_through_quotes_and_comments() -> None:
    conf = read('a "x\ny";\n# c\n\nb;\n')
    assert [d.at.line for d in conf.directives] == [1, 5]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a  b\tc ;", "a b c;"), ("a 'b c' \"\";", 'a "b c" "";'), ("a 'b\"c';", "a 'b\"c';"),
        ("a 'b;c' {}", 'a "b;c" {'), ("a b\\ c;", 'a "b\\ c";'),
        (f"a {'x' * 300};", f"a {'x' * 198}…"),
    ],
)  # fmt: skip
def test_how_a_line_is_shown(text: str, shown: str) -> None:
    assert read(text).directives[0].at.text == shown


def test_no_more_directives_are_read_than_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nginx_conf, "MAX_DIRECTIVES", 3)
    files = Files()
    conf = nginx_conf.read(files.take("nginx.conf", b"a;\nb;\nc;\nd;\ne;\n"), files, Path())
    assert [directive.name for directive in conf.directives] == ["a", "b", "c"]
    assert [(line.line, line.text) for line in files.problems] == [
        (4, "only the first 3 directives were read")
    ]


def test_lua_is_passed_over() -> None:
    lua = """content_by_lua_block {
        -- a comment with }
        --[==[ a long one with }
        ]==]
        local s = "}" .. '\\'}' .. [[ } ]]
        if s then t = { 1, { 2 } } end
    } after;"""
    conf = read(lua)
    assert [d.name for d in conf.directives] == ["content_by_lua_block", "after"]
    assert not conf.refused


@given(st.text(alphabet="ab \n\t;{}\"'\\#$()é\0", max_size=80) | st.binary(max_size=80))
def test_any_text_is_read(text: str | bytes) -> None:
    conf = read(text)
    assert len(conf.refused) <= 1


PIECES = st.text(alphabet="abc ;{}#\"'\\$()\n\t", max_size=12)


@given(st.lists(st.lists(PIECES, min_size=1, max_size=4), max_size=5))
def test_what_is_quoted_is_read_back(lines: list[list[str]]) -> None:
    def quoted(word: str) -> str:
        escaped = word.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'

    text = "".join(f"{' '.join(map(quoted, line))};\n" for line in lines)
    conf = read(text)
    assert not conf.refused
    assert [[d.name, *d.words] for d in conf.directives] == lines


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (whole("server x { }"), 'invalid number of arguments in "server" directive'),
        (whole("http2 on;"), 'unknown directive "http2": nginx has it from 1.25.1 on'),
        (whole("http3 on;"), 'unknown directive "http3": nginx has it from 1.25 on'),
        (whole("gzipp on;"), 'unknown directive "gzipp": is gzip meant?'),
        ("http { }", 'no "events" section in configuration'),
        ("load_module a;", 'no "events" section in configuration'),
        ("events { } events { }", '"events" directive is duplicate'),
        ("http { } http { } events { }", '"http" directive is duplicate'),
    ],
)
def test_what_nginx_would_refuse(text: str, why: str) -> None:
    assert refusals(text) == [why]


@pytest.mark.parametrize(
    "text",
    [
        whole("server { location / { } location = / { } location ~ / { } location ~ / { } }"),
        whole("add_header a b; add_header c d always;"),
        whole("map $args $b { default 1; gzip maybe; }"),
        whole("types { text/html html htm; }"),
        whole("more_set_headers 'a: b'; vhost_traffic_status_zone;"),
        whole("upstream u { server 127.0.0.1:1 weight=2; keepalive 4; }"),
        whole("server { if ($args) { return 404; } }"),
        whole("server { location / { limit_except GET { deny all; } } }"),
        "events { }",
        "",
        "server { listen 80; }",
        "location / { root /srv; }",
        "ssl_protocols TLSv1.2;",
    ],
)
def test_what_nginx_takes(text: str) -> None:
    assert refusals(text) == []


def test_a_location_in_a_wrong_place_is_refused_for_that_alone() -> None:
    said = '"location" directive is not allowed here'
    assert refusals(whole("location / { } location / { }")) == [said, said]


def test_versions_bring_and_drop_directives() -> None:
    assert refusals(whole("http2 on;"), "1.25.0") != []
    assert refusals(whole("http2 on;"), "1.25.1") == []
    assert refusals(whole("ssl on;"), "1.25.0") == []
    assert refusals(whole("ssl on;"), "1.25.1") == [
        'unknown directive "ssl": nginx 1.25.1 dropped it'
    ]


def test_where_no_version_is_stated_none_is_held_against_the_file() -> None:
    for text in (whole("ssl on;"), whole("http2 on;"), whole("proxy_http_version 2;")):
        conf = read(text)
        nginx_check.check(conf, "main", (1, 25, 1), stated=False)
        assert not conf.refused
    stated = refusals(whole("proxy_http_version 2;"), "1.29.3")
    assert stated == ['invalid value "2"']
    assert refusals(whole("proxy_http_version 2;"), "1.29.4") == []


def test_an_unknown_name_is_held_against_the_known_ones_once_and_within_a_bound() -> None:
    assert refusals(whole("gzipp on;\ngzipp on;")) == ['unknown directive "gzipp": is gzip meant?']
    others = "".join(f"other_module_{number} x;" for number in range(49))
    assert len(refusals(whole(f"{others} gzipp on;"))) == 1
    assert refusals(whole(f"{others} one_more x; gzipp on;")) == []


def test_every_directive_of_the_table_is_well_told() -> None:
    table = nginx_directives.directives()
    assert len(table) > 500
    for name, known in table.items():
        assert set(known.places) <= set(nginx_directives.PLACES.values()), name
        assert known.most is None or known.least <= known.most, name
        assert nginx_directives.since(name)
