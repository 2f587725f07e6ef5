"""Our reading of Caddyfiles against ``caddy adapt``: what it takes, what it refuses."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from seventh import protocols
from seventh.engine.lint import Wanted, lint_file
from seventh.lint.caddy import directives as caddy_directives
from seventh.lint.caddy.directives import Known
from seventh.model.failure import Reason
from seventh.rules.rule import AnyRule
from tests.peers.caddy import adapt, adapter

pytestmark = pytest.mark.peer


Adapted = Callable[[str], str]


@pytest.fixture(scope="module")
def adapted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Adapted]:
    """Why Caddy refuses a text: what ``caddy adapt`` says, from one process for all of them."""
    with adapter(tmp_path_factory.mktemp("caddy")) as found:
        yield found


def refused(path: Path) -> str:
    """Why we would say that Caddy does not start; empty where we would not."""
    report = lint_file(path, Wanted(kind="Caddyfile"))
    if report.failure is None or report.failure.reason is Reason.FILE_UNREADABLE:
        return ""
    return report.failure.detail


def site(inside: str, address: str = ":80") -> str:
    return f"{address} {{\n{inside}\n}}\n"


def options(inside: str) -> str:
    return f"{{\n{inside}\n}}\n:80\n"


CORPUS = [
    "\n", "# only a comment\n", "\ufeff:80\n", ":80", ":80 {\n}", ":80 {\n}\n:81 {\n}\n", ":80 {",
    ":80\nrespond hi\n", ":80\nrespond hi\n:81\nrespond ho\n", ":80 {\n\trespond hi }\n",
    ":80{\n}\n", "a.example{\n}\n", "a.example, b.example {\n}\n", "a.example,\nb.example {\n}\n",
    "a.example,b.example {\n}\n", "a.example, {\n}\n", "a.example b.example\n", "file_server\n",
    "}\n", ":80 {\n}\n}\n", "{\n}\n", "{\n}\n{\n}\n", ":80 {\n}\n{\n\tdebug\n}\n", "@m path /\n",
    "{\n\tdebug\n}\n", site("respond `a b`"), site('respond "a\nb"'), site('respond "a'),
    site("respond 'a b'"), site("respond 'a b' 200 x"), site("respond <<E\n\ta\n\tE"),
    site("respond <<E\n\t\ta\n\tE 200"), site("respond <<E\na\n\tE"), site("respond <<\na\n"),
    site("respond <<<E\na\nE"), site("respond <<E F\n"), site("respond \\<<E"), site("respond <<E"),
    site("respond <<a.b\na.b"), site("respond a#b"), site("respond a #b c d"), site("#respond a {"),
    site("respond \\\n\thi"), site("# a backslash \\\nrespond hi"), site("respond hi # C:\\x\nlog"),
    site("respond hi {\n}"), site("respond hi {}"), site("respond hi { close }"),
    site("respond hi\n{\n}"), site("respond {\n\tbody hi\n}"), site("respond x {\n\tclose\n}"),
    site("respond"), site("respond a b c"), site("respond 200 {\n\tbody x\n\tbody y\n}"),
    site("respnod hi"), site("import\n"), site('import ""'), site("import s"),
    site("import *.none"), site("import *.*"), site("import [ab]"), site("import ."),
    "(s) {\n\trespond hi\n}\n" + site("import s"), "(s) {\n}\n(s) {\n}\n", "(s)\n", "(s) {\n",
    "(s) {\n\trespond {args[0]}\n}\n" + site("import s hi"),
    "(s) {\n\trespond {args[0]} {args[1]}\n}\n" + site("import s hi"),
    "(s) {\n\trespond {args[:]}\n}\n" + site("import s hi 200"),
    "(s) {\n\trespond {args[:]}\n}\n" + site("import s hi 200 x"),
    "(s) {\n\trespond {args[1:]}\n}\n" + site("import s hi"),
    "(s) {\n\thandle {\n\t\t{block}\n\t}\n}\n" + site("import s {\n\trespond hi\n}"),
    "(s) {\n\t{blocks.a}\n}\n" + site("import s {\n\ta {\n\t\trespond b\n\t}\n}"),
    "(s) {\n\t{block}\n}\n" + site("import s {\n\t{\n\t}\n}"),
    "(a) {\n\timport b\n}\n(b) {\n\timport a\n}\n" + site("import a"),
    "(a) {\n\timport a\n}\n" + site("import a"), "(a) {\n\timport a\n}\n" + site("log"),
    "(s) {\n\ta.example {\n\t}\n}\nimport s\n", "import s\n(s) {\n}\n",
    "&(r) {\n\trespond hi\n}\n:80\n",
    "&(r) {\n\trespond hi\n}\n" + site("invoke r"), site("invoke r"), "&(r)\n:80\n",
    site("@m path /a\nrespond @m hi"), site("respond @m hi"), site("@m path /a\n@m path /b"),
    site("@m {\n\tpath /a\n\thost b\n}\nrespond @m hi"), site("@m nothing x\nrespond @m hi"),
    site("@m `path('/a')`\nrespond @m hi"), site("@m not path /a\nrespond @m hi"),
    site("handle {\n\t@m path /a\n\trespond @m x\n}\nrespond @m y"), site("handle x {\n}"),
    site("handle /a {\n\tnothing\n}"), site("handle_path {\n}"), site("handle_path a {\n}"),
    site("handle_path /a/* {\n\trespond x\n}"), site("route {\n\ttls internal\n}"),
    site("route {\n\trespond a\n\tredir /b\n}"), site("handle_errors {\n\trespond x\n}"),
    site("handle_errors 404 5xx {\n\trespond x\n}"), site("handle_errors 40 {\n}"),
    site("redir https://a permanent"), site("redir https://a 308"), site("redir https://a 200"),
    site("redir https://a soon"), site("redir https://a {x}"), site("header"), site("header A b"),
    site("header A b {\n\tC d\n}"), site("header {\n\tA b\n\t-C\n\tdefer\n}"),
    site("encode"), site("encode deflate"), site("encode gzip zstd"), site("encode {\n\tgzip 9\n}"),
    site("encode {\n\tgzip\n\tmatch {\n\t\theader Content-Type text/*\n\t}\n}"),
    site("encode {\n\tdeflate\n}"), site("file_server browse"), site("file_server nothing"),
    site("file_server {\n\tprecompressed br gzip\n}"), site("file_server {\n\tprecompressed x\n}"),
    site("root /srv"), site("root * /srv"), site("root a b c"), site("root"), site("log {\n}"),
    site("reverse_proxy a:80 {\n\theader_up A b\n}"), site("reverse_proxy {\n\tto\n}"),
    site("reverse_proxy a:80 {\n\tflush_interval -1\n}"), site("reverse_proxy a {\n\theader_up\n}"),
    site("reverse_proxy a {\n\tflush_interval x\n}"), site("reverse_proxy a {\n\tnothing\n}"),
    site("reverse_proxy a {\n\ttransport http {\n\t\tread_timeout 1h\n\t}\n}"),
    site("reverse_proxy a {\n\t@x status 500\n\thandle_response @x {\n\t\trespond y\n\t}\n}"),
    site("forward_auth a {\n\turi /b\n}"), site("forward_auth a"), site("php_fastcgi a:9000"),
    site("uri strip_prefix /a"), site("uri strip_prefix"), site("uri turn /a"),
    site("basic_auth {\n}"), site("basic_auth md5 {\n}"), site("vars a b"), site("vars a"),
    site("tls internal"), site("tls"), site("tls a"), site("tls a@b"), site("tls c k"),
    site("tls c k", "a.example"), site("tls c k l", "a.example"), site("tls {\n}", "a.example"),
    site("tls {\n\tprotocols tls1.2\n}", "a.example"), site("tls {\n\tprotocols\n}", "a.example"),
    site("tls {\n\tprotocols tls1.1\n}", "a.example"), site("tls {\n\talpn\n}", "a.example"),
    site("tls {\n\tciphers TLS_RSA_WITH_AES_128_CBC_SHA\n}", "a.example"),
    site("tls {\n\tciphers TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA\n}", "a.example"),
    site("tls {\n\tcurves x25519 x448\n}", "a.example"),
    site("tls {\n\tclient_auth {\n\t\tmode request\n\t}\n}", "a.example"),
    site("tls {\n\tclient_auth {\n\t\tnothing\n\t}\n}", "a.example"),
    site("tls {\n\tnothing\n}", "a.example"), site("tls c k", "http://a.example, https://a.example"),
    options("http_port 8080"), options("http_port x"), options("http_port"), options("nothing"),
    options("auto_https off"), options("auto_https maybe"), options("servers {\n\tprotocols h1\n}"),
    options("servers {\n\tprotocols h4\n}"), options("servers { protocols h1 }"),
    options("servers :443 {\n\ttimeouts {\n\t\tidle 5s\n\t}\n}"), options("servers a b {\n}"),
    options("servers {\n\ttimeouts {\n\t\tidle soon\n\t}\n}"), options("servers {\n\t0rtt off\n}"),
    options("servers {\n\t0rtt on\n}"), options("order header first"), options("order x first"),
    options("order header nowhere"), options("admin off"), options("email a@b"), options("email"),
    options("grace_period 10s"), options("grace_period x"), options("local_certs"),
    "a.example:80 {\n}", "http://a.example:443", "https://a.example:80", "a.example:99999",
    "a.example:x", "ws://a.example", "ftp://a.example", "a.example\n", "a(b", "http://a(b", ".a",
    "a.", "*.example", "a.*.example", "a_b", "[::1]:80", "::1", "https://", "http://", "*",
    "a.example {\n}\na.example {\n}\n", "a.example, a.example", "A.example:443", "a.example/b",
    site("bind 127.0.0.1") + site("bind 127.0.0.2"), site("log") + site("log"),
]  # fmt: skip


@pytest.mark.parametrize("text", CORPUS, ids=range(len(CORPUS)))
def test_what_caddy_takes_and_refuses(tmp_path: Path, adapted: Adapted, text: str) -> None:
    path = tmp_path / "Caddyfile"
    path.write_text(text)
    theirs, ours = adapted(text), refused(path)
    if "File to import not found" in theirs:
        report = lint_file(path, Wanted(kind="Caddyfile"))
        assert report.failure is not None
        assert report.failure.reason is Reason.FILE_UNREADABLE
        return
    assert bool(theirs) == bool(ours), f"Caddy: {theirs or 'taken'}\nours: {ours or 'taken'}"


def test_files_and_patterns(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "a.caddyfile").write_text("respond {args[0]}\n")
    (tmp_path / "parts" / "b.caddyfile").write_text("log\nimport ../more\n")
    (tmp_path / "more").write_text("header A b\n")
    path = tmp_path / "Caddyfile"
    path.write_text(site("import parts/*.caddyfile hi"))
    assert (adapt(path), refused(path)) == ("", "")
    path.write_text(site("import parts"))
    assert "directory" in adapt(path)
    assert "directory" in refused(path)
    (tmp_path / "more").write_text("import parts/b.caddyfile\n")
    path.write_text(site("import parts/b.caddyfile"))
    assert adapt(path)
    assert refused(path)


# Where the two differ, and why.
DIFFERENCES = {
    "": "an empty file is an end of file to Caddy, and nothing wrong to us",
    site("encode br"): "an encoder that many build in",
    site("encode {\n\tbr\n}"): "the same",
    site("rate_limit {\n}"): "a module's directive: not in the standard build, and not refused",
    options("dns x"): "which provider's modules are built in, is not in the table",
    site("respond {$NOT_SET}"): "what the environment says is not known to us",
    site("log {\n\toutput nowhere\n}"): "log outputs are modules, too",
}


@pytest.mark.parametrize("text", DIFFERENCES, ids=range(len(DIFFERENCES)))
def test_where_we_are_milder(tmp_path: Path, adapted: Adapted, text: str) -> None:
    path = tmp_path / "Caddyfile"
    path.write_text(text)
    assert adapted(text)
    assert not refused(path)


# -- generated -------------------------------------------------------------------------------------

GENERATED = settings(
    max_examples=150, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
WORDS = st.sampled_from(
    ["respond", "hi", '"a b"', "`c`", "{", "}", "\n", "\n", "\n", "\\\n", "# x", "# y \\",
     "<<E\n  x\n  E", "import", "s", "(s)", "{block}", "{args[0]}", "handle", "a.example", ",",
     "b.example,", '"', "\\", "{}", "/p", "@m", "&(r)", '"{"', "route"]
)  # fmt: skip
BODY = st.lists(WORDS, min_size=1, max_size=12).map(" ".join)
TEXTS = st.one_of(
    BODY, BODY.map(site), BODY.map(lambda b: site(f"handle {{\n{b}\n}}\nrespond x")),
    st.tuples(BODY, BODY).map(lambda b: f"(s) {{\n{b[0]}\n}}\n{site(b[1])}"),
)  # fmt: skip


@GENERATED
@given(text=TEXTS)
def test_any_words(tmp_path: Path, adapted: Adapted, text: str) -> None:
    path = tmp_path / "Caddyfile"
    path.write_text(text + "\n")
    theirs = adapted(text + "\n")
    assume("File to import not found" not in theirs)
    assert bool(theirs) == bool(refused(path)), f"{text}\nCaddy: {theirs}\nours: {refused(path)}"


KINDS = {
    "": ["x", "/p", "5", "10s"], "dur": ["10s", "1d", "x", "5", "0", "1h2m", ".5s"],
    "int": ["5", "x", "-1", "+3", "1.5"], "size": ["1MB", "10", "x", "unlimited", "1.5GiB"],
    "ratio": ["0.5", "1", "x", ".3"], "span": ["off", "1h", "x"], "delay": ["5", "-1", "2s", "x"],
}  # fmt: skip
# What else decides than the number and the kind of words: modules, hashes, addresses, certificates.
OF_THEIR_OWN = {
    "acme_dns", "basic_auth", "basicauth", "cert_issuer", "copy_response", "dns", "ech", "events",
    "filesystem", "log", "map", "order", "php_fastcgi", "pki", "push", "request_body", "storage",
    "templates", "timeouts", "tracing", "acme_server", "on_demand_tls", "admin", "vars", "metrics",
}  # fmt: skip
_PARTS = {
    "dynamic", "lb_policy", "lb_retry_match", "transport", "to", "handle_response",
    "replace_status", "health_status", "unhealthy_status", "health_upstream", "match", "browse",
    "status", "listener_wrappers", "packet_conn_wrappers", "trusted_proxies", "name", "issuer",
    "get_certificate", "dns", "client_auth", "read_body_idle", "write_idle", "protocols", "ciphers",
    "curves", "propagation_timeout", "renewal_window_ratio", "resolvers", "propagation_delay",
    "dns_ttl", "dns_challenge_override_domain", "health_port", "strict_sni_host", "zstd", "close",
    "precompressed", "eab", "ca", "ca_root", "key_type", "fs", "verbose_logs",
}  # fmt: skip


def line(chance: random.Random, name: str, known: Known, depth: int = 1) -> str:
    """A directive with about as many words, of about the kind, as the table says."""
    edges = [
        n for least, most in known.counts for n in (least, least + 2 if most is None else most)
    ]
    count = chance.choice([*edges, chance.randint(0, 4)])
    pool = [*known.one_of * 3, "x"] if known.one_of else KINDS[known.words]
    text = f"{name} {' '.join(chance.choices(pool, k=count))}"
    if known.block in {"", "?", "routes"}:
        return text + chance.choice(["", "", " {\n}"]) + "\n"
    inner = [(n, k) for n, k in caddy_directives.block(known.block).items() if n not in _PARTS]
    if not inner or chance.random() < 0.5:
        return f"{text}\n"
    body = line(chance, *chance.choice(inner), depth + 1)
    return f"{text} {{\n{body}}}\n"


@pytest.mark.parametrize("table", ["site", "global"])
def test_the_table_says_what_caddy_says(tmp_path: Path, adapted: Adapted, table: str) -> None:
    chance = random.Random(table)
    known = caddy_directives.site() if table == "site" else caddy_directives.options()
    wrap = site if table == "site" else options
    path = tmp_path / "Caddyfile"
    wrong = []
    for name in sorted(set(known) - OF_THEIR_OWN):
        for _ in range(4):
            text = wrap(line(chance, name, known[name]))
            path.write_text(text)
            theirs, ours = adapted(text), refused(path)
            if bool(theirs) != bool(ours):
                wrong.append(f"{text}Caddy: {theirs or 'taken'}\nours: {ours or 'taken'}\n")
    assert not wrong, "\n".join(wrong)


WITH_FIX = [rule for rule in protocols.rules("tls") if "caddy" in rule.words.fix]


@pytest.mark.parametrize("rule", WITH_FIX, ids=lambda rule: rule.id)
def test_caddy_takes_the_fixes_of_tls(tmp_path: Path, rule: AnyRule) -> None:
    (tmp_path / "ca.pem").write_text("")
    path = tmp_path / "Caddyfile"
    path.write_text(
        site(rule.words.fix["caddy"].replace("{{", "{").replace("}}", "}"), "a.example")
    )
    assert (adapt(path), refused(path)) == ("", "")
