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
from tests.lint.caddy.test_refused import REFUSED, TAKEN, options, site
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


CORPUS = [*REFUSED, *TAKEN]


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
