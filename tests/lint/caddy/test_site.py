"""A Caddyfile's addresses, and what they and the global options say of a site."""

from __future__ import annotations

import pytest

from seventh.lint.caddy import file as caddy_file
from seventh.lint.caddy.site import Address, Server, Site, address, sites
from seventh.lintkit.files import Files


def read(text: str, limit: int = 99) -> tuple[list[Site], list[str]]:
    files = Files()
    found = caddy_file.read(files.take("Caddyfile", text.encode()), files)
    known = sites(found, limit)
    return known, [line.text for line in found.refused]


def site(inside: str, head: str = "a.example") -> Site:
    (one,), refused = read(f"{head} {{\n{inside}\n}}\n")
    assert refused == []
    return one


def with_options(options: str, inside: str = "", head: str = "a.example") -> Site:
    (one,), _ = read(f"{{\n{options}\n}}\n{head} {{\n{inside}\n}}\n")
    return one


@pytest.mark.parametrize(
    ("text", "scheme", "host", "port"),
    [
        ("a.example", "", "a.example", None),
        ("A.Example:8443", "", "a.example", 8443),
        ("HTTPS://a.example/path", "https", "a.example", None),
        ("http://a.example:0", "http", "a.example", 0),
        ("a.example:65535", "", "a.example", 65535),
        ("a.example:+80", "", "a.example", 80),
        (":443", "", "", 443),
        ("https://", "https", "", None),
        ("*", "", "*", None),
        ("::1", "", "::1", None),
        ("[::1]", "", "::1", None),
        ("[::1]:80", "", "::1", 80),
        ("[::1]x", "", "[::1]x", None),
        ("[::1", "", "[::1", None),
        ("a:", "", "a", None),
    ],
)
def test_addresses(text: str, scheme: str, host: str, port: int | None) -> None:
    assert address(text) == (Address(text=text, scheme=scheme, host=host, port=port), "")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a:x", "invalid port 'x'"),
        ("a:65536", "port 65536 is out of range"),
        ("a:-1", "port -1 is out of range"),
        ("ws://a", "the scheme ws:// is only supported in browsers; use http:// instead"),
        ("wss://a", "the scheme wss:// is only supported in browsers; use https:// instead"),
        ("ftp://a", "unsupported URL scheme ftp://"),
    ],
)
def test_addresses_that_are_none(text: str, why: str) -> None:
    assert address(text) == (None, why)


def test_an_address_of_the_environment_is_open() -> None:
    assert address("https://{$HOST}:x") == (
        Address(text="https://{$HOST}:x", scheme="", host="", port=None, open=True), "",
    )  # fmt: skip


@pytest.mark.parametrize("open_", ["", "{$HOST}"])
def test_a_long_address_is_cut_where_it_is_shown(open_: str) -> None:
    for length, shown in ((200, open_ + "a" * (200 - len(open_))), (201, None)):
        found, _ = address(open_ + "a" * (length - len(open_)))
        assert found is not None
        assert found.text == (shown or open_ + "a" * (200 - len(open_)) + "…")


@pytest.mark.parametrize(
    ("text", "named", "local"),
    [
        ("a.example", True, False), ("localhost", True, True), (":80", False, False),
        ("127.0.0.1", False, True), ("[::1]:80", False, True), ("192.0.2.1", False, False),
    ],
)  # fmt: skip
def test_names_and_this_machine(text: str, named: bool, local: bool) -> None:
    found, _ = address(text)
    assert found is not None
    assert (found.named, found.local) == (named, local)


@pytest.mark.parametrize(
    ("head", "inside", "secure"),
    [
        # a host name or https:// has TLS, a port alone only with a tls directive
        ("a.example", "", "a.example"), ("http://a.example", "", ""), (":80", "", ""),
        ("a.example:80", "", ""), (":443", "", ":443"), ("a.example:8080", "", "a.example:8080"),
        (":8080", "", ""), (":8080", "tls internal", ":8080"), ("https://:8080", "", "https://:8080"),
        ("https://", "", "https://"), ("http://a.example, a.example", "", "a.example"),
        ("http://a.example:8080", "tls internal", ""), ("127.0.0.1", "", "127.0.0.1"),
    ],
)  # fmt: skip
def test_which_addresses_have_tls(head: str, inside: str, secure: str) -> None:
    found = site(inside, head)
    assert [one.text for one in found.addresses if one in found.secure] == [secure] * bool(secure)
    assert found.tls is bool(secure)
    assert [one.text for one in found.plain] == [
        one.text for one in found.addresses if one.text != secure
    ]


def test_a_port_alone_follows_its_neighbours() -> None:
    """One listener speaks TLS or not."""
    (first, second, third, fourth), refused = read(
        ":8080 {\n}\na.example:8080 {\n}\nhttp://:8080 {\n}\n:8081 {\n}\n"
    )
    assert refused == []
    assert [one.tls for one in (first, second, third, fourth)] == [True, True, False, False]


def test_what_the_environment_decides_is_unknown() -> None:
    assert site("", "{$HOST}").tls is None
    assert site("", "{$HOST}, a.example").tls is True
    assert site("", "{$HOST}").plain == []


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("http://a.example:443", "[http://a.example:443] scheme and port violate convention"),
        ("https://a.example:80", "[https://a.example:80] scheme and port violate convention"),
        ("http://a.example:80", ""), ("https://a.example:443", ""),
        ("{\nhttp_port 8080\n}\nhttps://a.example:80", ""),
        ("{\nhttps_port 8443\n}\nhttp://a.example:8443",
         "[http://a.example:8443] scheme and port violate convention"),
        ("*.example", ""), ("*", ""),
        ("a.*.example", "subject does not qualify for certificate: 'a.*.example'"),
        ("*.*.example", "subject does not qualify for certificate: '*.*.example'"),
        ("*a", "subject does not qualify for certificate: '*a'"),
        (".a", "subject does not qualify for certificate: '.a'"),
        ("a.", "subject does not qualify for certificate: 'a.'"),
        ("a(b", "subject does not qualify for certificate: 'a(b'"), ("http://a(b", ""),
        ("a, a", ""), ("a {\n}\nb, a {\n}", "ambiguous site definition: a"),
        ("a {\nbind ::1\n}\na {\nbind ::2\n}", ""),
        ("a {\nbind ::1\n}\na {\nbind ::1\n}", "ambiguous site definition: a"),
        ("{$A} {\n}\n{$A} {\n}", ""),
        ("a:99999 {\n}", "a:99999: port 99999 is out of range"),
    ],
)  # fmt: skip
def test_addresses_that_caddy_refuses(text: str, refused: str) -> None:
    assert read(text + "\n")[1] == ([refused] if refused else [])


@pytest.mark.parametrize(
    ("inside", "refused"),
    [
        ("tls c k", True), ("tls {\nalpn h2\n}", True), ("tls {\nciphers x\n}", True),
        ("tls {\nclient_auth {\n}\n}", True), ("tls {\ncurves x25519\n}", True),
        ("tls {\nprotocols tls1.2\n}", True), ("tls internal", False),
        ("tls {\nkey_type rsa2048\n}", False), ("tls a@b", False), ("log", False),
    ],
)  # fmt: skip
def test_tls_settings_of_an_address_without_it(inside: str, refused: bool) -> None:
    why = "http://a is HTTP, but attempts to configure TLS connection policies"
    assert read(f"http://a {{\n{inside}\n}}\n")[1] == ([why] if refused else [])
    assert read(f"a {{\n{inside}\n}}\n")[1] == []


def test_an_address_that_is_none_leaves_the_others() -> None:
    (one,), refused = read("a:x, b {\n}\nc:x {\n}\n")
    assert [each.text for each in one.addresses] == ["b"]
    assert refused == ["a:x: invalid port 'x'", "c:x: invalid port 'x'"]


def test_sites_up_to_a_limit_and_their_labels() -> None:
    many = ", ".join(f"h{n}" for n in range(9))
    found, _ = read(f"{many} {{\n}}\nb {{\n}}\nc {{\n}}\n", 2)
    eight = ", ".join(f"h{n}" for n in range(8))
    assert [one.label for one in found] == [f"site {eight}", "site b"]
    assert site("", "x" * 250).label == f"site {'x' * 195}…"


# -- global options --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", Server()),
        ("http_port 8080\nhttps_port 8443", Server(http_port=8080, https_port=8443)),
        ("http_port {$PORT}", Server()),
        ("http_port 99999999", Server()),
        ("auto_https off", Server(redirects=False)),
        ("auto_https disable_redirects", Server(redirects=False)),
        ("auto_https disable_certs", Server()),
        ("default_bind ::1\ndefault_bind ::2 ::3", Server(bind=("::1", "::2", "::3"))),
    ],
)
def test_options_for_all_sites(options: str, expected: Server) -> None:
    server = with_options(options).server
    fields = ("http_port", "https_port", "redirects", "bind", "nodes")
    assert [getattr(server, name) for name in fields] == [
        getattr(expected, name) for name in fields
    ]
    assert [node.name for node in server.options] == [
        line.split(maxsplit=1)[0] for line in options.splitlines()
    ]


@pytest.mark.parametrize(
    ("options", "head", "idle"),
    [
        ("servers {\nname all\n}", "a", "all"),
        ("servers {\nname all\n}\nservers {\nname more\n}", "a", "all"),
        ("servers :443 {\nname one\n}", "a", "one"),
        ("servers :443 {\nname one\n}", "http://a", ""),
        ("servers :80 {\nname one\n}", "http://a", "one"),
        ("servers :8443 {\nname one\n}", "a:8443", "one"),
        ("servers 127.0.0.1:443 {\nname one\n}", "a", "one"),
        ("servers tcp/[::1]:443 {\nname one\n}", "a", "one"),
        ("servers {\nname all\n}\nservers :443 {\nname one\n}", "a", "one"),
        ("servers {\nname all\n}\nservers :80 {\nname one\n}", "a", "all"),
        ("https_port 8443\nservers :8443 {\nname one\n}", "a", "one"),
        ("servers", "a", ""),
    ],
)
def test_the_servers_of_a_site_s_listener(options: str, head: str, idle: str) -> None:
    names = with_options(options, head=head).server.lines_of("name")
    assert [node.words for node in names] == ([(idle,)] if idle else [])


def test_lines_under_a_path() -> None:
    server = with_options("servers {\ntimeouts {\nidle 1s\n}\ntimeouts {\nidle 2s\n}\n}").server
    assert [node.words for node in server.lines_of("timeouts", "idle")] == [("1s",), ("2s",)]
    assert server.lines_of("timeouts", "write") == server.lines_of("idle") == []


ORDER = (
    "tracing", "map", "vars", "fs", "root", "log_append", "skip_log", "log_skip", "log_name",
    "header",
)  # fmt: skip
"""The first directives of Caddy's order (caddyserver.com/docs/caddyfile/directives)."""


@pytest.mark.parametrize(
    ("order", "first"),
    [
        ("", ORDER), ("header first", ("header", *ORDER[:9])), ("tracing last", ORDER[1:]),
        ("header before map", ("tracing", "header", *ORDER[1:9])),
        ("tracing after map", ("map", "tracing", *ORDER[2:])),
        ("tracing before nothing", ORDER[1:]),
        ("tracing between map", ORDER),
    ],
)  # fmt: skip
def test_the_order_of_directives(order: str, first: tuple[str, ...]) -> None:
    found = with_options(f"order {order}" if order else "").server.order
    assert found[: len(first)] == first
    assert found[-1] == ("tracing" if "last" in order else "acme_server")


# -- protocols and sockets -------------------------------------------------------------------------

ALL = ("h1", "h2", "h3")


@pytest.mark.parametrize(
    ("options", "inside", "protocols"),
    [
        ("", "", [ALL]),
        ("servers {\nprotocols h1 h2\n}", "", [("h1", "h2")]),
        ("servers {\nprotocols\n}", "", [ALL]),
        ("servers {\nprotocols h1\nprotocols h2\n}", "", [("h2",)]),
        ("servers {\nprotocols\nprotocols h2\n}", "", [("h2",)]),
        ("servers {\nprotocols h1\nprotocols\n}", "", [ALL]),
        ("servers {\nprotocols h1\nprotocols {$P}\n}", "", [None]),
        ("servers {\nprotocols {$P}\nprotocols h1\n}", "", [("h1",)]),
        ("servers {\nprotocols {$P}\n}", "", [None]),
        ("", "bind ::1", [ALL]),
        ("", "bind ::1 {\nprotocols h1\n}", [("h1",)]),
        ("", "bind ::1 {\nprotocols h3 h2 h2c h1\n}", [("h1", "h2", "h2c", "h3")]),
        ("", "bind ::1 {\nprotocols h1\n}\nbind ::2", [("h1",), ALL]),
        ("", "bind ::1 {\nprotocols h1\n}\nbind ::2 {\nprotocols h1\n}", [("h1",)]),
        ("", "bind ::1 {\nprotocols {$P}\n}", [None]),
        ("servers {\nprotocols h1\n}", "bind ::1", [("h1",)]),
        ("default_bind ::1 {\nprotocols h2\n}", "", [("h2",)]),
        ("default_bind ::1 {\nprotocols h2\n}", "bind ::2", [ALL]),
        # two sides of one address
        ("", "bind fd/3 {\nprotocols h1 h2\n}\nbind fdgram/4 {\nprotocols h3\n}", [ALL]),
        ("", "bind fd/3 {\nprotocols h1\n}\nbind fdgram/4 {\nprotocols {$P}\n}", [None]),
        ("", "bind tcp/::1 {\nprotocols h1\n}\nbind udp/::1 {\nprotocols h3\n}", [("h1", "h3")]),
        ("", "bind tcp/::1 {\nprotocols h1\n}\nbind udp/::2 {\nprotocols h3\n}",
         [("h1",), ("h3",)]),
    ],
)  # fmt: skip
def test_protocols_by_address(options: str, inside: str, protocols: list[object]) -> None:
    assert with_options(options, inside).protocols == protocols


@pytest.mark.parametrize(
    ("options", "inside", "loopback"),
    [
        ("", "", False), ("", "bind 127.0.0.1", True), ("", "bind ::1 localhost", True),
        ("", "bind tcp/127.0.0.1", True), ("", "bind unix//run/a", True),
        ("", "bind 192.0.2.1", False), ("", "bind 127.0.0.1\nbind 192.0.2.1", False),
        ("default_bind 127.0.0.1", "", True), ("default_bind 127.0.0.1", "bind 192.0.2.1", False),
        ("default_bind 192.0.2.1", "bind 127.0.0.1", True), ("", "bind a.example", False),
    ],
)  # fmt: skip
def test_sockets_of_this_machine_alone(options: str, inside: str, loopback: bool) -> None:
    assert with_options(options, inside).loopback is loopback
