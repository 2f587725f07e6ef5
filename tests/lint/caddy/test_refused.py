"""What Caddy would not start with, and what it takes.

tests/peers/test_caddyfile.py holds both against ``caddy adapt``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from seventh.lint.caddy import views
from seventh.lintkit.files import Files


def site(inside: str, address: str = ":80") -> str:
    return f"{address} {{\n{inside}\n}}\n"


def options(inside: str) -> str:
    return f"{{\n{inside}\n}}\n:80\n"


def refusals(text: str) -> tuple[list[str], list[str]]:
    """Why Caddy would not start with a text; and what is left unjudged."""
    files = Files()
    linted = views.lint(files.take("Caddyfile", text.encode()), files, None)
    return [line.text for line in linted.problems], [line.text for line in files.problems]


REFUSED = {
    ":80 {": "unexpected end of file, expecting '}'",
    ":80\nrespond hi\n:81\nrespond ho\n": "unrecognized directive: :81",
    ":80 {\n\trespond hi }\n": "unexpected '}' because no matching opening brace",
    ":80{\n}\n": "site addresses cannot end with a curly brace: :80{",
    "a.example{\n}\n": "site addresses cannot end with a curly brace: a.example{",
    "a.example,b.example {\n}\n": "site addresses cannot contain a comma: a.example,b.example",
    "a.example, {\n}\n": "expected another address but had '{'",
    "file_server\n":
        "parsed 'file_server' as a site address, but it is a known directive; directives must "
        "appear in a site block",
    "}\n": "subject does not qualify for certificate: '}'",
    ":80 {\n}\n}\n": "subject does not qualify for certificate: '}'",
    ":80 {\n}\n{\n\tdebug\n}\n":
        "server block without any key is global configuration, and if used, it must be first",
    "@m path /\n": "request matchers may not be defined globally: @m",
    site('respond "a'): "unexpected end of file, expecting '}'",
    site("respond 'a b' 200 x"): "wrong argument count or unexpected line ending after 'respond'",
    site("respond <<E\na\n\tE"): "mismatched leading whitespace in heredoc <<E",
    site("respond <<\na\n"): "missing opening heredoc marker",
    site("respond <<<E\na\nE"): "too many '<' for heredoc; only use two, such as <<END",
    site("respond <<E"): "incomplete heredoc: no E ends it",
    site("respond <<a.b\na.b"):
        "a heredoc's marker holds letters, digits, dashes and underscores alone",
    site("respond hi {}"): "unexpected '{}' at end of line",
    site("respond hi { close }"): "unexpected next token after '{' on same line",
    site("respond hi\n{\n}"):
        "unexpected '{' on a new line; did you mean to place the '{' on the previous line?",
    site("respond {\n\tbody hi\n}"):
        "wrong argument count or unexpected line ending after 'respond'",
    site("respond"): "wrong argument count or unexpected line ending after 'respond'",
    site("respond a b c"): "wrong argument count or unexpected line ending after 'respond'",
    site("respond 200 {\n\tbody x\n\tbody y\n}"): "body already specified",
    site("respnod hi"): "unrecognized directive: respnod: is respond meant?",
    site("import\n"): "wrong argument count or unexpected line ending after 'import'",
    site('import ""'): "import requires a non-empty filepath",
    site("import *.*"): "glob pattern may only contain one wildcard (*), but has others: *.*",
    site("import [ab]"): "glob pattern may only contain one wildcard (*), but has others: [ab]",
    site("import ."): f"could not import {Path.cwd()}: is a directory",
    "(s) {\n}\n(s) {\n}\n": "redeclaration of previously declared snippet (s)",
    "(s)\n": "subject does not qualify for certificate: '(s)'",
    "(s) {\n": "unexpected end of file, expecting '}'",
    "(s) {\n\trespond {args[:]}\n}\n" + site("import s hi 200 x"):
        "wrong argument count or unexpected line ending after 'respond'",
    "(s) {\n\trespond {args[1:]}\n}\n" + site("import s hi"):
        "wrong argument count or unexpected line ending after 'respond'",
    "(s) {\n\t{block}\n}\n" + site("import s {\n\t{\n\t}\n}"): "anonymous blocks are not supported",
    "(a) {\n\timport b\n}\n(b) {\n\timport a\n}\n" + site("import a"):
        "import a leads back to itself",
    "(a) {\n\timport a\n}\n" + site("import a"): "import a leads back to itself",
    site("invoke r"): "cannot invoke named route 'r', which was not defined",
    "&(r)\n:80\n": "unexpected token ':80', expecting '{'",
    site("respond @m hi"): "unrecognized matcher name: @m",
    site("@m path /a\n@m path /b"): "matcher is defined more than once: @m",
    site("@m nothing x\nrespond @m hi"): "getting matcher module 'nothing': module not registered",
    site("handle {\n\t@m path /a\n\trespond @m x\n}\nrespond @m y"):
        "unrecognized matcher name: @m",
    site("handle x {\n}"): "wrong argument count or unexpected line ending after 'handle'",
    site("handle /a {\n\tnothing\n}"): "unrecognized directive: nothing",
    site("handle_path {\n}"): "wrong argument count or unexpected line ending after 'handle_path'",
    site("handle_path a {\n}"): "path matcher must begin with '/'",
    site("route {\n\ttls internal\n}"): "tls is no HTTP handler: only those can be used in routes",
    site("route {\n\trespond a\n\tredir /b\n}"):
        "wrong argument count or unexpected line ending after 'redir'",
    site("handle_errors 40 {\n}"): "bad status value '40'",
    site("redir https://a 200"): "not a redirect's code: '200'",
    site("redir https://a soon"): "not a redirect's code: 'soon'",
    site("header A b {\n\tC d\n}"): "cannot specify headers in both arguments and block",
    site("encode deflate"): "encode: module not registered: http.encoders.deflate",
    site("encode {\n\tdeflate\n}"): "encode: unknown subdirective: deflate",
    site("file_server nothing"): "file_server: 'nothing' is none of browse",
    site("file_server {\n\tprecompressed x\n}"): "precompressed: 'x' is none of br, zstd, gzip",
    site("root a b c"): "wrong argument count or unexpected line ending after 'root'",
    site("root"): "wrong argument count or unexpected line ending after 'root'",
    site("reverse_proxy {\n\tto\n}"): "wrong argument count or unexpected line ending after 'to'",
    site("reverse_proxy a {\n\theader_up\n}"):
        "wrong argument count or unexpected line ending after 'header_up'",
    site("reverse_proxy a {\n\tflush_interval x\n}"): "flush_interval: 'x' is no duration",
    site("reverse_proxy a {\n\tnothing\n}"): "reverse_proxy: unknown subdirective: nothing",
    site("forward_auth a"): "the 'uri' subdirective is required",
    site("uri strip_prefix"): "wrong argument count or unexpected line ending after 'uri'",
    site("uri turn /a"): "unrecognized URI manipulation 'turn'",
    site("basic_auth md5 {\n}"): "unrecognized hash algorithm: md5",
    site("vars a"): "wrong argument count or unexpected line ending after 'vars'",
    site("tls"): "wrong argument count or unexpected line ending after 'tls'",
    site("tls a"):
        "single argument must either be 'internal', 'force_automate', or an email address",
    site("tls c k"): ":80 is HTTP, but attempts to configure TLS connection policies",
    site("tls c k l", "a.example"): "wrong argument count or unexpected line ending after 'tls'",
    site("tls {\n}", "a.example"): "wrong argument count or unexpected line ending after 'tls'",
    site("tls {\n\tprotocols\n}", "a.example"):
        "wrong argument count or unexpected line ending after 'protocols'",
    site("tls {\n\tprotocols tls1.1\n}", "a.example"): "tls: protocols: 'tls1.1' is not supported",
    site("tls {\n\talpn\n}", "a.example"):
        "wrong argument count or unexpected line ending after 'alpn'",
    site("tls {\n\tciphers TLS_RSA_WITH_AES_128_CBC_SHA\n}", "a.example"):
        "tls: ciphers: 'TLS_RSA_WITH_AES_128_CBC_SHA' is not supported",
    site("tls {\n\tcurves x25519 x448\n}", "a.example"): "tls: curves: 'x448' is not supported",
    site("tls {\n\tclient_auth {\n\t\tnothing\n\t}\n}", "a.example"):
        "client_auth: unknown subdirective: nothing",
    site("tls {\n\tnothing\n}", "a.example"): "tls: unknown subdirective: nothing",
    site("tls c k", "http://a.example, https://a.example"):
        "http://a.example is HTTP, but attempts to configure TLS connection policies",
    options("http_port x"): "http_port: 'x' is no number",
    options("http_port"): "wrong argument count or unexpected line ending after 'http_port'",
    options("nothing"): "unrecognized global option: nothing",
    options("auto_https maybe"):
        "auto_https: 'maybe' is none of off, disable_redirects, disable_certs, ignore_loaded_certs",
    options("servers {\n\tprotocols h4\n}"): "protocols: 'h4' is none of h1, h2, h2c, h3",
    options("servers { protocols h1 }"): "unexpected next token after '{' on same line",
    options("servers a b {\n}"): "wrong argument count or unexpected line ending after 'servers'",
    options("servers {\n\ttimeouts {\n\t\tidle soon\n\t}\n}"): "idle: 'soon' is no duration",
    options("servers {\n\t0rtt on\n}"): "0rtt: 'on' is none of off",
    options("order x first"): "x is not a registered directive",
    options("order header nowhere"): "unknown positional 'nowhere'",
    options("email"): "wrong argument count or unexpected line ending after 'email'",
    options("grace_period x"): "grace_period: 'x' is no duration",
    "http://a.example:443": "[http://a.example:443] scheme and port violate convention",
    "https://a.example:80": "[https://a.example:80] scheme and port violate convention",
    "a.example:99999": "a.example:99999: port 99999 is out of range",
    "a.example:x": "a.example:x: invalid port 'x'",
    "ws://a.example":
        "ws://a.example: the scheme ws:// is only supported in browsers; use http:// instead",
    "ftp://a.example": "ftp://a.example: unsupported URL scheme ftp://",
    "a(b": "subject does not qualify for certificate: 'a(b'",
    ".a": "subject does not qualify for certificate: '.a'",
    "a.": "subject does not qualify for certificate: 'a.'",
    "a.*.example": "subject does not qualify for certificate: 'a.*.example'",
    "a.example {\n}\na.example {\n}\n": "ambiguous site definition: a.example",
    site("log") + site("log"): "ambiguous site definition: :80",
    options("on_demand_tls"): "expected at least one parameter for on_demand_tls",
    options("order header within x"): "unknown positional 'within'",
    options("emial a@b"): "unrecognized global option: emial: is email meant?",
    site("redir https://a 299"): "not a redirect's code: '299'",
    site("redir https://a 400"): "not a redirect's code: '400'",
    site("uri replace /a"): "wrong argument count or unexpected line ending after 'uri'",
    site("uri replace /a /b 1 2"): "wrong argument count or unexpected line ending after 'uri'",
    site("uri query a"): "wrong argument count or unexpected line ending after 'uri'",
    site("uri query -a b"): "wrong argument count or unexpected line ending after 'uri'",
    site("uri path_regexp a"): "wrong argument count or unexpected line ending after 'uri'",
    site("uri strip_suffix a b"): "wrong argument count or unexpected line ending after 'uri'",
    site("respond hi {\n\tbody ho\n}"): "body already specified",
    site("respond hi {\n\tclose\n\tclose\n}"): "close already specified",
    site("error hi {\n\tmessage ho\n}"): "message already specified",
    site("header A b c {\n\tD e\n}"): "cannot specify headers in both arguments and block",
    site("handle_errors 5xxx {\n\trespond x\n}"): "bad status value '5xxx'",
    site("handle_errors {\n\tnothing\n}"): "unrecognized directive: nothing",
    site("handle @m {\n}"): "unrecognized matcher name: @m",
    site("handle_path @m {\n}"): "unrecognized matcher name: @m",
    site("root @m /srv"): "unrecognized matcher name: @m",
    site("rewrite @m /a"): "unrecognized matcher name: @m",
    site("@m not nothing x\nrespond @m hi"):
        "getting matcher module 'nothing': module not registered",
    site("@m {\n\tpath /a\n\tnothing x\n}\nrespond @m hi"):
        "getting matcher module 'nothing': module not registered",
    site("@m path /a\nhandle {\n\t@m path /b\n}"): "matcher is defined more than once: @m",
    site("reverse_proxy a {\n\thandle_response {\n\t\tnothing\n\t}\n}"):
        "unrecognized directive: nothing",
    site("handle {\n\tlog\n}"): "log is no HTTP handler: only those can be used in routes",
    site("route {\n\tbind ::1\n}"): "bind is no HTTP handler: only those can be used in routes",
    "&(r) {\n\trespnod hi\n}\n:80\n": "unrecognized directive: respnod: is respond meant?",
    site("file_server {\n\tbrowse\n\thidden x\n}"): "file_server: unknown subdirective: hidden",
    site("encode gzip match"): "encode: module not registered: http.encoders.match",
    site("encode gzip minimum_length"):
        "encode: module not registered: http.encoders.minimum_length",
}  # fmt: skip
"""Texts, and why Caddy refuses them."""
TAKEN = [
    site("php_fastcgi a:9000 {\n\theader_up A b\n\tindex i.php\n\tsplit .php\n}"),
    site("forward_auth a {\n\turi /b\n\tcopy_headers X\n\theader_up A b\n}"),
    options("order header first"), options("order header before respond"),
    site("redir https://a 399"),
    site("redir https://a 401"), site("redir https://a html"), site("redir https://a temporary"),
    site("uri replace /a /b 1"), site("uri query -a"), site("uri query a>b"),
    site("uri query a b"), site("uri path_regexp a b"), site("root @m"),
    site("respond 200 {\n\tbody x\n\tclose\n}"), site("handle_errors 404 {\n\trespond x\n}"),
    site("@m not path /a\nroot @m /srv"), site("@m {\n\tnot path /a\n}\nhandle @m {\n}"),
    "&(r) {\n\treverse_proxy a {\n\t\theader_up A b\n\t}\n}\n" + site("invoke r"),
    site("handle {\n\theader A b\n\trespond hi\n}"),
    "\n", "# only a comment\n", "\ufeff:80\n", ":80", ":80 {\n}", ":80 {\n}\n:81 {\n}\n",
    ":80\nrespond hi\n", "a.example, b.example {\n}\n", "a.example,\nb.example {\n}\n",
    "a.example b.example\n", "{\n}\n", "{\n}\n{\n}\n", "{\n\tdebug\n}\n", site("respond `a b`"),
    site('respond "a\nb"'), site("respond 'a b'"), site("respond <<E\n\ta\n\tE"),
    site("respond <<E\n\t\ta\n\tE 200"), site("respond <<E F\n"), site("respond \\<<E"),
    site("respond a#b"), site("respond a #b c d"), site("#respond a {"), site("respond \\\n\thi"),
    site("# a backslash \\\nrespond hi"), site("respond hi # C:\\x\nlog"), site("respond hi {\n}"),
    site("respond x {\n\tclose\n}"), site("import s"), site("import *.none"),
    "(s) {\n\trespond hi\n}\n" + site("import s"),
    "(s) {\n\trespond {args[0]}\n}\n" + site("import s hi"),
    "(s) {\n\trespond {args[0]} {args[1]}\n}\n" + site("import s hi"),
    "(s) {\n\trespond {args[:]}\n}\n" + site("import s hi 200"),
    "(s) {\n\thandle {\n\t\t{block}\n\t}\n}\n" + site("import s {\n\trespond hi\n}"),
    "(s) {\n\t{blocks.a}\n}\n" + site("import s {\n\ta {\n\t\trespond b\n\t}\n}"),
    "(a) {\n\timport a\n}\n" + site("log"), "(s) {\n\ta.example {\n\t}\n}\nimport s\n",
    "import s\n(s) {\n}\n", "&(r) {\n\trespond hi\n}\n:80\n",
    "&(r) {\n\trespond hi\n}\n" + site("invoke r"), site("@m path /a\nrespond @m hi"),
    site("@m {\n\tpath /a\n\thost b\n}\nrespond @m hi"), site("@m `path('/a')`\nrespond @m hi"),
    site("@m not path /a\nrespond @m hi"), site("handle_path /a/* {\n\trespond x\n}"),
    site("handle_errors {\n\trespond x\n}"), site("handle_errors 404 5xx {\n\trespond x\n}"),
    site("redir https://a permanent"), site("redir https://a 308"), site("redir https://a {x}"),
    site("header"), site("header A b"), site("header {\n\tA b\n\t-C\n\tdefer\n}"), site("encode"),
    site("encode gzip zstd"), site("encode {\n\tgzip 9\n}"),
    site("encode {\n\tgzip\n\tmatch {\n\t\theader Content-Type text/*\n\t}\n}"),
    site("file_server browse"), site("file_server {\n\tprecompressed br gzip\n}"),
    site("root /srv"), site("root * /srv"), site("log {\n}"),
    site("reverse_proxy a:80 {\n\theader_up A b\n}"),
    site("reverse_proxy a:80 {\n\tflush_interval -1\n}"),
    site("reverse_proxy a {\n\ttransport http {\n\t\tread_timeout 1h\n\t}\n}"),
    site("reverse_proxy a {\n\t@x status 500\n\thandle_response @x {\n\t\trespond y\n\t}\n}"),
    site("forward_auth a {\n\turi /b\n}"), site("php_fastcgi a:9000"), site("uri strip_prefix /a"),
    site("basic_auth {\n}"), site("vars a b"), site("tls internal"), site("tls a@b"),
    site("tls c k", "a.example"), site("tls {\n\tprotocols tls1.2\n}", "a.example"),
    site("tls {\n\tciphers TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA\n}", "a.example"),
    site("tls {\n\tclient_auth {\n\t\tmode request\n\t}\n}", "a.example"),
    options("http_port 8080"), options("auto_https off"), options("servers {\n\tprotocols h1\n}"),
    options("servers :443 {\n\ttimeouts {\n\t\tidle 5s\n\t}\n}"),
    options("servers {\n\t0rtt off\n}"), options("order header first"), options("admin off"),
    options("email a@b"), options("grace_period 10s"), options("local_certs"), "a.example:80 {\n}",
    "a.example\n", "http://a(b", "*.example", "a_b", "[::1]:80", "::1", "https://", "http://", "*",
    "a.example, a.example", "A.example:443", "a.example/b",
    site("bind 127.0.0.1") + site("bind 127.0.0.2"),
]  # fmt: skip
UNJUDGED = {
    site("encode br"):
        "br is an encoder that is not in the standard Caddy, which has gzip and zstd",
    site("encode {\n\tbr\n}"):
        "br is an encoder that is not in the standard Caddy, which has gzip and zstd",
    site("rate_limit {\n}"):
        "rate_limit is of a module that is not in the standard Caddy: what it does is not judged",
    site("rate_limit\nrate_limit"):
        "rate_limit is of a module that is not in the standard Caddy: what it does is not judged",
    site("{$MORE}"): "{$MORE} is left unexpanded: what stands there is not judged",
    site("reverse_proxy a {\n\t{$MORE}\n}"):
        "{$MORE} is left unexpanded: what stands there is not judged",
    site("import {$MORE}"): "{$MORE} is left unexpanded: which file is imported, is not known",
}  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_what_caddy_refuses(text: str) -> None:
    assert refusals(text)[0] == [REFUSED[text]]


@pytest.mark.parametrize("text", TAKEN)
def test_what_caddy_takes(text: str) -> None:
    assert refusals(text)[0] == []


@pytest.mark.parametrize("text", UNJUDGED)
def test_what_is_left_unjudged_is_said_once(text: str) -> None:
    assert refusals(text) == ([], [UNJUDGED[text]])
