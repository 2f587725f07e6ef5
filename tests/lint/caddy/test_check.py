"""What Caddy would refuse, by table: how many words, which words, which blocks."""

from __future__ import annotations

import pytest

from tests.lint.caddy.test_refused import options, refusals, site

COUNT = "wrong argument count or unexpected line ending after '{}'"


def refused(text: str) -> list[str]:
    return refusals(text)[0]


@pytest.mark.parametrize(
    ("words", "takes"),
    [
        ("strip_prefix /a", True), ("strip_prefix", False), ("strip_prefix /a /b", False),
        ("strip_suffix /a", True), ("strip_suffix", False), ("strip_suffix /a /b", False),
        ("replace /a /b", True), ("replace /a /b 1", True), ("replace /a", False),
        ("replace /a /b 1 2", False), ("path_regexp a b", True), ("path_regexp a", False),
        ("path_regexp a b c", False), ("query", True), ("query -a", True), ("query a>b", True),
        ("query a b", True), ("query a b c", True), ("query a b c d", False), ("query a", False),
        ("query -a b", False), ("query a>b c", False),
    ],
)  # fmt: skip
def test_words_of_uri(words: str, takes: bool) -> None:
    assert refused(site(f"uri {words}")) == ([] if takes else [COUNT.format("uri")])


@pytest.mark.parametrize("name", ["bind ::1", "handle_errors {\n}", "log", "tls internal"])
@pytest.mark.parametrize("block", ["handle", "route", "handle_path /a", "handle_errors"])
def test_what_is_no_handler_stands_in_no_route(name: str, block: str) -> None:
    why = f"{name.split(maxsplit=1)[0]} is no HTTP handler: only those can be used in routes"
    assert refused(site(f"{block} {{\n{name}\n}}")) == [why]
    assert refused(site(name, "a.example")) == []


@pytest.mark.parametrize(
    "line", ["reverse_proxy a", "php_fastcgi a", "forward_auth a", "intercept"]
)
def test_the_responses_of_a_directive_hold_directives(line: str) -> None:
    uri = "uri /b\n" if line.startswith("forward") else ""
    for inside, why in (
        ("respond x", []),
        ("nothing", ["unrecognized directive: nothing"]),
        ("log", ["log is no HTTP handler: only those can be used in routes"]),
        ("respond @b x", ["unrecognized matcher name: @b"]),
        ("root @a /x", []),
    ):
        block = f"@s status 500\n{uri}handle_response @s {{\n{inside}\n}}"
        assert refused(site(f"@a path /a\n{line} {{\n{block}\n}}")) == why
    name = line.split(maxsplit=1)[0]
    assert refused(site(f"{line} {{\n{uri}nothing\n}}")) == [
        f"{name}: unknown subdirective: nothing"
    ]


@pytest.mark.parametrize("name", ["intercept", "request_body", "templates", "timeouts"])
def test_with_words_in_the_line_a_block_is_not_looked_into(name: str) -> None:
    block = "{\nnothing\n}"
    assert refused(site(f"{name} x {block}")) == []
    assert refused(site(f"{name} {block}")) == [f"{name}: unknown subdirective: nothing"]


def test_with_words_in_the_line_the_responses_are_not_looked_into() -> None:
    block = "{\nhandle_response {\nnothing\n}\n}"
    assert refused(site(f"intercept x {block}")) == []
    assert refused(site(f"reverse_proxy x {block}")) == ["unrecognized directive: nothing"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (options("grace_period x"), "grace_period: 'x' is no duration"),
        (options("http_port x"), "http_port: 'x' is no number"),
        (options("renewal_window_ratio 1"),
         "renewal_window_ratio: '1' is no ratio between 0 and 1"),
        (options("storage_clean_interval x"),
         "storage_clean_interval: 'x' is no duration, and not off"),
        (site("reverse_proxy a {\nflush_interval x\n}"), "flush_interval: 'x' is no duration"),
        (site("request_body {\nmax_size x\n}"), "max_size: 'x' is no size"),
        (options("preferred_chains largest"), "preferred_chains: 'largest' is none of smallest"),
        (options("preferred_chains"), "expected at least one parameter for preferred_chains"),
        (options("on_demand_tls"), "expected at least one parameter for on_demand_tls"),
        (options("renewal_window_ratio 0.5 {\n}"), "renewal_window_ratio takes no block"),
        (site("abort {\n}"), "abort takes no block"),
        (options("order rate_limit nowhere"), ""),
        (options("order header"), "wrong argument count or unexpected line ending after 'order'"),
        (options("order x first"), "x is not a registered directive"),
        (options("order header first"), ""),
        (options("order header last"), ""),
        (options("order header before tls"), ""),
        (options("order header after tls"), ""),
        (options("order header {$WHERE}"), ""),
        (options("order {$WHAT} first"), ""),
    ],
)  # fmt: skip
def test_words_of_options_and_directives(text: str, why: str) -> None:
    first = refused(text)[:1]
    assert first == ([why] if why else [])


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("redir https://a 300", ""), ("redir https://a 399", ""), ("redir https://a 401", ""),
        ("redir https://a +302", ""), ("redir https://a 0302", ""),
        ("redir https://a permanent", ""), ("redir https://a temporary", ""),
        ("redir https://a html", ""), ("redir https://a {code}", ""), ("redir https://a", ""),
        ("redir https://a 402", "not a redirect's code: '402'"),
        ("redir https://a 200", "not a redirect's code: '200'"),
        ("redir https://a 30", "not a redirect's code: '30'"),
        ("handle_errors 404 5xx {\n}", ""), ("handle_errors 999 {\n}", ""),
        ("handle_errors 404 4xx 5x {\n}", "bad status value '5x'"),
        ("handle_errors 4040 {\n}", "bad status value '4040'"),
        ("handle_path /a {\n}", ""), ("handle_path a {\n}", "path matcher must begin with '/'"),
        ("encode gzip zstd", ""), ("encode", ""),
        ("encode gzip nothing", "encode: module not registered: http.encoders.nothing"),
        ("encode match", "encode: module not registered: http.encoders.match"),
        ("basic_auth bcrypt {\n}", ""), ("basic_auth argon2id {\n}", ""), ("basic_auth {\n}", ""),
        ("basicauth md5 {\n}", "unrecognized hash algorithm: md5"),
        ("basic_auth md5 realm {\n}", "unrecognized hash algorithm: md5"),
        ("respond 200", ""), ("respond x {\nclose\n}", ""), ("respond 200 {\nbody x\n}", ""),
        ("respond x {\nbody y\n}", "body already specified"),
        ("respond 2000 {\nbody y\n}", "body already specified"),
        ("respond x 200 {\nbody y\n}", "body already specified"),
        ("error 500 {\nmessage x\n}", ""), ("error x {\nmessage y\n}", "message already specified"),
        ("error 500 {\nmessage x\nmessage y\n}", "message already specified"),
        ("forward_auth a {\n{$URI} x\n}", ""),
        ("forward_auth a {\nheader_up A b\n}", "the 'uri' subdirective is required"),
        ("forward_auth a", "the 'uri' subdirective is required"),
        ("header A b", ""), ("header A b c d {\nE f\n}", ""), ("header A {\ndefer\n}", ""),
        ("header A {\nmatch status 200\n}", ""),
        ("header A {\nE f\n}", "cannot specify headers in both arguments and block"),
        ("header A b c {\nE f\n}", "cannot specify headers in both arguments and block"),
        ("invoke {$ROUTE}", ""),
        ("invoke r", "cannot invoke named route 'r', which was not defined"),
        ("redir {$TO} {$CODE} x", ""), ("vars a", COUNT.format("vars")),
        ("vars a b", ""), ("vars", ""),
    ],
)  # fmt: skip
def test_what_a_directive_takes_beyond_the_table(line: str, why: str) -> None:
    assert refused(site(line)) == ([why] if why else [])


@pytest.mark.parametrize(
    ("block", "why"),
    [
        ("internal", ""), ("force_automate", ""), ("a@b.example", ""), ("c k", ""),
        ("internal {\nprotocols tls1.2\n}", ""),
        ("{\nprotocols {$LEAST} tls1.3\n}", ""),
        ("{\nprotocols tls1.2 tls1.4\n}", "tls: protocols: 'tls1.4' is not supported"),
        ("{\ncurves x25519 {$MORE}\n}", ""),
        ("{\ncurves x25519 secp224r1\n}", "tls: curves: 'secp224r1' is not supported"),
        ("{\nciphers TLS_AES_128_GCM_SHA256 RC4\n}", "tls: ciphers: 'RC4' is not supported"),
        ("{\ncurves x25519\ncurves x448\n}", "tls: curves: 'x448' is not supported"),
        ("external",
         "single argument must either be 'internal', 'force_automate', or an email address"),
    ],
)  # fmt: skip
def test_what_tls_takes(block: str, why: str) -> None:
    assert refused(site(f"tls {block}", "a.example")) == ([why] if why else [])


def test_matchers_hold_in_their_block_and_within() -> None:
    inner = "handle {\n@b path /b\nrespond @a x\nrespond @b y\n}"
    assert refused(site(f"@a path /a\n{inner}")) == []
    assert refused(site(f"@a path /a\n{inner}\nrespond @b x")) == ["unrecognized matcher name: @b"]
    twice = "matcher is defined more than once: @a"
    assert refused(site("@a path /a\n@a path /b")) == [twice]
    assert refused(site("@a path /a\nroute {\n@a path /b\n}")) == [twice]
    assert refused(site("handle {\n@a path /a\n}\nroute {\n@a path /b\n}")) == []


@pytest.mark.parametrize(
    ("matcher", "name"),
    [
        ("@m path /a", ""), ("@m not path /a", ""), ("@m {\npath /a\nhost b\n}", ""),
        ("@m `{path} == '/a'`", ""), ("@m {$MATCHER} x", ""), ("@m not {$MATCHER} x", ""),
        ("@m nothing x", "nothing"), ("@m not nothing x", "nothing"), ("@m not", ""),
        ("@m {\npath /a\nnothing b\n}", "nothing"), ("@m {\n{$MATCHER} x\n}", ""),
    ],
)  # fmt: skip
def test_the_names_of_matchers(matcher: str, name: str) -> None:
    why = f"getting matcher module '{name}': module not registered"
    assert refused(site(matcher)) == ([why] if name else [])


def test_a_directive_is_no_site_s_address() -> None:
    why = (
        "parsed 'log' as a site address, but it is a known directive; directives must appear in a "
        "site block"
    )
    assert refused("log a.example {\n}\n") == [why]
    assert refused("&(log) {\n}\n:80\n") == [why]


def test_misspelt_names_are_explained_up_to_a_limit() -> None:
    names = [f"respond{n:02}" for n in range(51)]
    found = refused(site("\n".join(names) + "\nrespond00 again"))
    hint = ": is respond meant?"
    assert found == [f"unrecognized directive: {n}{hint}" for n in names[:50]] + [
        "unrecognized directive: respond50"
    ] + [f"unrecognized directive: respond00{hint}"]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (options("rate_limit\nlayer4\nrate_limit"), ["rate_limit", "layer4"]),
        (site("cors\nbrotli\ncors"), ["cors", "brotli"]),
    ],
)
def test_directives_of_other_modules_are_left_unjudged(text: str, left: list[str]) -> None:
    why = "is of a module that is not in the standard Caddy: what it does is not judged"
    assert refusals(text) == ([], [f"{name} {why}" for name in left])


@pytest.mark.parametrize("name", ["br", "brotli", "snappy", "lz4"])
def test_encoders_of_other_modules_are_left_unjudged(name: str) -> None:
    why = f"{name} is an encoder that is not in the standard Caddy, which has gzip and zstd"
    for text in (f"encode {name}", f"encode gzip {name}", f"encode {{\n{name}\n}}"):
        assert refusals(site(text)) == ([], [why])
