"""What holds at a place of a site: matchers, the order of directives, changes of header fields."""

from __future__ import annotations

import pytest

from seventh.lint.caddy import file as caddy_file
from seventh.lint.caddy.file import Node
from seventh.lint.caddy.header import change, changes_of
from seventh.lint.caddy.matchers import arguments, fits, matcher, sample, specific
from seventh.lint.caddy.route import MAX_DEPTH, Field, Route, front, routes
from seventh.lint.caddy.site import Site, sites
from seventh.lintkit.files import Files
from seventh.model.source import Line


def site(inside: str, options: str = "") -> Site:
    files = Files()
    text = f"{{\n{options}\n}}\na.example {{\n{inside}\n}}\n"
    (one,) = sites(caddy_file.read(files.take("Caddyfile", text.encode()), files), 1)
    return one


def node(line: str) -> Node:
    (one,) = site(line).block.nodes
    return one


# -- matchers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "token", "words"),
    [
        ("respond /a hi", "/a", ("hi",)), ("respond @a hi", "@a", ("hi",)),
        ("respond * hi", "", ("hi",)), ("respond hi /a", "", ("hi", "/a")), ("respond", "", ()),
        # of root and rewrite, the first of two words is a matcher
        ("root /srv", "", ("/srv",)), ("root /a /srv", "/a", ("/a", "/srv")),
        ("root * /srv", "", ("*", "/srv")), ("root @a /srv", "@a", ("@a", "/srv")),
        ("rewrite /a", "", ("/a",)), ("rewrite /a /b", "/a", ("/a", "/b")),
        ("try_files /a /b", "/a", ("/a", "/b")), ("handle_path /a/*", "/a/*", ("/a/*",)),
        ("tls /a /b", "", ("/a", "/b")), ("bind /a", "", ("/a",)),
        ("mercure /a b", "/a", ("/a", "b")),  # of a module that is not known
    ],
)  # fmt: skip
def test_matchers_and_words(line: str, token: str, words: tuple[str, ...]) -> None:
    assert (matcher(node(line)), arguments(node(line))) == (token, words)


def test_the_longest_path_comes_first_and_no_matcher_last() -> None:
    lines = ("respond x", "respond @a x", "respond /a x", "respond /a/b x")
    keys = [specific(node(line)) for line in lines]
    assert keys == [(2, 0), (1, 0), (0, -2), (0, -4)]
    assert sorted(lines, key=lambda line: specific(node(line))) == list(reversed(lines))


@pytest.mark.parametrize(
    ("pattern", "path", "held"),
    [
        ("/a", "/a", True), ("/a", "/A", True), ("/A", "/a", True), ("/a", "/a/b", False),
        ("/a/*", "/a/b/c", True), ("/a/*", "/a", False), ("*.php", "/a/b.php", True),
        ("/a?", "/ab", False), ("/a?", "/a?", True), ("/[ab]", "/a", False),
        ("/[ab]", "/[ab]", True),
    ],
)  # fmt: skip
def test_paths(pattern: str, path: str, held: bool) -> None:
    assert fits(pattern, path) is held


def test_a_sample_of_a_path_matcher_is_matched_by_it() -> None:
    assert sample("/a/*/b*") == "/a/x/bx"
    assert fits("/a/*/b*", sample("/a/*/b*"))


@pytest.mark.parametrize(
    ("defined", "held"),
    [
        ("@m path /", True), ("@m path /a /", True), ("@m path /a", False),
        ("@m method GET", True), ("@m method POST GET", True), ("@m method POST", False),
        ("@m not path /", False), ("@m not path /a", True), ("@m not", None),
        ("@m not host a", None), ("@m host a", None), ("@m expression true", None),
        ("@m not not path /a", False),
        ("@m {\npath /\nmethod GET\n}", True), ("@m {\npath /a\nmethod GET\n}", False),
        ("@m {\npath /a\npath /\n}", True), ("@m {\npath /a\nhost a\n}", False),
        ("@m {\npath /\nhost a\n}", None), ("@m {\npath /a\npath /b\n}", False),
        ("@m {\nhost a\nhost b\n}", None),
        ("@m {\nnot path /a\nnot path /b\n}", True), ("@m {\nnot path /a\nnot path /\n}", False),
        ("@m {\nnot path /a\nnot host a\n}", None), ("@m {\n}", None),
    ],
)  # fmt: skip
def test_whether_a_named_matcher_holds_at_the_front(defined: str, held: bool | None) -> None:
    one = site(f"{defined}\nrespond @m hi")
    (responds,) = [each for each in one.block.nodes if each.name == "respond"]
    assert front(one).holds(responds) is held


def test_a_matcher_that_is_not_defined_is_unknown() -> None:
    one = site("respond @m hi")
    assert front(one).holds(one.block.nodes[0]) is None


def test_a_path_is_unknown_where_a_named_matcher_leads() -> None:
    one = site("@m host a\nhandle @m {\nrespond /a hi\nrespond /* hi\nrespond @m hi\n}")
    (place,) = routes(one, 9)[:1]
    inner = place.levels[-1][1]
    assert [place.holds(each) for each in inner] == [None, True, True]
    assert place.label == "@m"


# -- which directive answers -----------------------------------------------------------------------


def terminal(route: Route) -> str:
    return route.terminal.at.text if route.terminal is not None else ""


@pytest.mark.parametrize(
    ("inside", "answers"),
    [
        ("", ""), ("log", ""), ("header A b", ""), ("encode", ""),
        *((f"{line}\nlog", line) for line in (
            "redir https://b", "abort", "error 500", "respond hi", "reverse_proxy a",
            "php_fastcgi a", "file_server", "metrics", "acme_server",
        )),
        ("mercure", "mercure"), ("import x\n@m path /", ""), ("forward_auth a", ""),
        # Caddy's order decides, not the file's
        ("file_server\nrespond hi", "respond hi"), ("respond hi\nredir /a /b", "respond hi"),
        ("file_server\nmercure", "file_server"), ("acme_server\nfile_server", "file_server"),
        ("route {\nfile_server\nrespond hi\n}", "file_server"),
        ("respond hi\nrespond / ho", "respond / ho"),
        ("respond @m hi\n@m path /\nrespond ho", "respond @m hi"),
        ("respond hi 103\nfile_server", "file_server"), ("respond 103\nfile_server", "file_server"),
        ("respond hi 200\nfile_server", "respond hi 200"),
        ("file_server {\npass_thru\n}", ""),
        # blocks: the longest path first; a redirect outside comes before what is inside
        ("handle / {\nrespond a\n}\nhandle {\nrespond b\n}", "respond a"),
        ("handle /a {\nrespond a\n}\nhandle {\nrespond b\n}", "respond b"),
        ("handle {\nrespond a\n}\nredir https://b", "redir https://b"),
        ("handle {\nlog\n}\nrespond b", "respond b"),
        ("handle {\nhandle {\nrespond a\n}\n}", "respond a"),
        ("route {\nredir https://b\nhandle {\nrespond a\n}\n}", "redir https://b"),
        ("handle_path /* {\nrespond a\n}", "respond a"),
    ],
)  # fmt: skip
def test_what_answers_at_the_front(inside: str, answers: str) -> None:
    assert terminal(front(site(inside))) == answers


def test_the_order_option_decides_what_answers() -> None:
    inside = "file_server\nrespond hi\nmercure"
    assert terminal(front(site(inside, "order file_server before respond"))) == "file_server"
    assert terminal(front(site(inside, "order mercure first"))) == "mercure"


@pytest.mark.parametrize(
    ("inside", "does"),
    [
        ("", "answers"), ("respond hi", "answers"), ("respond hi 200", "answers"),
        ("respond 404", "refuses"), ("respond hi 404", "refuses"), ("respond 503", "refuses"),
        ("respond 308", "redirects"), ("respond hi 301", "redirects"), ("respond 4040", "answers"),
        ("respond 700", "answers"), ("error 301", "refuses"), ("error hi", "refuses"),
        ("redir https://b", "redirects"), ("abort", "closes"), ("file_server", "files"),
        ("metrics", "answers"), ("acme_server", "answers"), ("reverse_proxy a", "passes"),
        ("php_fastcgi a", "passes"), ("mercure", "passes"), ("respond", "answers"),
    ],
)  # fmt: skip
def test_what_becomes_of_a_request(inside: str, does: str) -> None:
    assert front(site(inside)).does() == does


def test_blocks_are_followed_up_to_a_depth() -> None:
    for deep, answers in ((MAX_DEPTH, "respond hi"), (MAX_DEPTH + 1, "")):
        one = site("handle {\n" * deep + "respond hi\n" + "}\n" * deep)
        assert terminal(front(one)) == answers
    assert MAX_DEPTH == 8


# -- header fields ---------------------------------------------------------------------------------

AT = Node("header", (), Line(file="f", line=1, text=""))


@pytest.mark.parametrize(
    ("field", "values", "expected"),
    [
        ("A-B", ("c",), ("a-b", "set", "c")), ("A:", ("c",), ("a", "set", "c")),
        ("+A", ("c",), ("a", "add", "c")), ("?A", ("c",), ("a", "default", "c")),
        (">A", ("c",), ("a", "set", "c")), ("-A", (), ("a", "delete", "")),
        ("-A*", ("x",), ("a*", "delete", "")), ("A", (), ("a", "set", "")),
        ("A", ("b", "c"), ("a", "replace", "")), ("-A", ("b", "c"), ("a", "delete", "")),
        ("A", ("b\x1b" + "c" * 300,), ("a", "set", "b\\x1b" + "c" * 298 + "…")),
    ],
)  # fmt: skip
def test_a_change_of_a_field(
    field: str, values: tuple[str, ...], expected: tuple[str, str, str]
) -> None:
    assert change(field, values, AT) == (*expected, AT)


@pytest.mark.parametrize(
    ("line", "changes", "deferred"),
    [
        ("header A b", [("a", "set", "b")], False),
        ("header /x A b", [("a", "set", "b")], False),
        ("header -A", [("a", "delete", "")], True),
        ("header >A b", [("a", "set", "b")], True),
        ("header ?A b", [("a", "default", "b")], False),
        ("header {\nA b\n+C d\n}", [("a", "set", "b"), ("c", "add", "d")], False),
        ("header {\nA b\n-C\n}", [("a", "set", "b"), ("c", "delete", "")], True),
        ("header {\nA b\ndefer\n}", [("a", "set", "b")], True),
        ("header {\nA b\nmatch status 200\n}", [("a", "replace", "b")], False),
        ('header "" b', [], False),
        ("header", [], False),
    ],
)
def test_the_changes_of_a_line(
    line: str, changes: list[tuple[str, str, str]], deferred: bool
) -> None:
    one = node(line)
    assert changes_of(one) == ([(*each, one) for each in changes], deferred)


@pytest.mark.parametrize(
    ("inside", "field"),
    [
        ("", Field()),
        ("header A b", Field(("b",))), ("header B c", Field()),
        ("header A b\nheader A c", Field(("c",))),
        ("header +A b\nheader +A c", Field(("b", "c"))),
        ("header A b\nheader +A c", Field(("b", "c"))),
        ("header ?A b", Field(("b",))), ("header A b\nheader ?A c", Field(("b",))),
        ('header A ""', Field()), ("header -A", Field(deleted=True)),
        ("header -*", Field(deleted=True)), ("header -B*", Field()),
        ("header A x y", Field(unknown=True)),
        ("header A b\nheader A x y", Field(("b",), unknown=True)),
        # deferred changes come last, those of an outer block after those of an inner one
        ("header -A\nheader A b", Field(deleted=True)),
        ("header >A b\nheader A c", Field(("b",))),
        ("header >A b\nhandle {\nheader >A c\n}", Field(("b",))),
        ("header A b\nhandle {\nheader A c\n}", Field(("c",))),
        ("header A b\nreverse_proxy a {\nheader_down A c\n}", Field(("c",))),
        ("header >A b\nreverse_proxy a {\nheader_down A c\n}", Field(("b",))),
        ("reverse_proxy a {\nheader_down -A\nheader_down +A c\n}", Field(("c",))),
        # of lines with matchers, the one without comes last; a route keeps the file's order
        ("header A b\nheader / A c", Field(("b",))),
        ("route {\nheader A b\nheader / A c\n}", Field(("c",))),
        # a matcher that cannot be judged may set it, unless it is set in any case
        ("@m host a\nheader @m A b", Field(unknown=True)),
        ("@m host a\nheader @m -A", Field(unknown=True)),
        ("@m host a\nheader @m -*", Field(unknown=True)),
        ("@m host a\nheader @m -B*", Field()),
        ("@m host a\nheader @m B b", Field()),
        ("@m host a\nheader @m A b\nheader A c", Field(("c",))),
        ("@m path /x\nheader @m A b", Field()),
    ],
)  # fmt: skip
def test_what_becomes_of_a_field(inside: str, field: Field) -> None:
    assert front(site(inside)).field("a") == field


def test_directives_that_an_unknown_matcher_decides() -> None:
    route = front(site("@m host a\nencode @m gzip\nheader A b\nrespond /x hi"))
    assert route.undecided("encode")
    assert not route.undecided("header")
    assert not route.undecided("respond")
    assert [one.at.text for one in route.all("header")] == ["header A b"]
    assert route.all("encode") == []


# -- all places ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inside", "places"),
    [
        ("respond hi", []), ("respond * hi", []), ("respond /* hi", []), ("log", []),
        ("root /a /srv", []),  # decides nothing that is judged
        *((f"{name} /a x", ["/a"]) for name in (
            "redir", "abort", "error", "respond", "reverse_proxy", "php_fastcgi", "file_server",
            "metrics", "acme_server", "header", "encode", "request_header",
        )),
        ("respond /a x\nheader /a B c", ["/a"]), ("respond /a x\nrespond /b y", ["/a", "/b"]),
        ("respond @m x", ["@m"]),
        ("handle /a {\nrespond /b x\n}", ["/a", "/b"]), ("handle {\nrespond /b x\n}", ["/b"]),
        ("route /a {\n}\nhandle_path /b {\n}", ["/a", "/b"]),
        ("handle /a {\nrespond /a x\n}", ["/a"]),  # holds there already
        ("handle /a {\n}\nhandle /a {\n}", ["/a", "/a"]),
        ("handle @m {\nhandle {\nrespond /b x\n}\n}", ["@m", "/b"]),
    ],
)  # fmt: skip
def test_the_places_of_a_site(inside: str, places: list[str]) -> None:
    assert [route.label for route in routes(site(inside), 9)] == places


def test_places_up_to_a_limit_and_a_depth() -> None:
    one = site("respond /a x\nrespond /b x\nrespond /c x")
    assert [route.label for route in routes(one, 2)] == ["/a", "/b"]
    text = "".join(f"handle /{n} {{\n" for n in range(9)) + "}\n" * 9
    assert [route.label for route in routes(site(text), 99)] == [f"/{n}" for n in range(7)]


def test_the_path_of_a_place() -> None:
    one = site("handle /a/* {\nrespond /a/b x\n}\nrespond @m x")
    assert [(route.label, route.path) for route in routes(one, 9)] == [
        ("/a/*", "/a/x"), ("@m", ""), ("/a/b", "/a/b"),
    ]  # fmt: skip
