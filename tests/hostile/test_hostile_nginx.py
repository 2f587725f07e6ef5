"""Strange and hostile nginx configuration: typed, bounded in time, and the rest of it judged."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.engine.lint import Wanted, lint_text
from seventh.model.lintfacts import LintFacts
from seventh.model.report import Report
from tests.hostile.linting import has, lint_within, problems

SERVER = "server { listen 80; root /srv; }"
HEAD = "events { }\nhttp {\n"


def judged(data: bytes | str, folder: Path) -> Report:
    return lint_within(data, folder / "nginx.conf")


def test_an_include_cycle(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("include nginx.conf;\ninclude other;\n")
    report = judged(f"{HEAD}include other;\n{SERVER}\n}}", tmp_path)
    assert sum("includes itself" in problem for problem in problems(report)) == 2
    assert has(report, "HTTP-NO-HTTPS")


def test_an_include_tree_that_doubles_at_every_step(tmp_path: Path) -> None:
    for depth in range(20):
        (tmp_path / f"f{depth}").write_text(f"include f{depth + 1};\n" * 4)
    (tmp_path / "f20").write_text("gzip on;\n")
    report = judged(f"{HEAD}{SERVER}\ninclude f0;\n}}", tmp_path)
    assert any("files deep" in p or "directives" in p for p in problems(report))
    assert has(report, "HTTP-NO-HTTPS")


def test_a_snippet_that_is_included_everywhere_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "snippet").write_text("add_header A b;\n" * 20)
    locations = "".join(f"location /{n} {{ include snippet; }}\n" for n in range(3000))
    report = judged(f"{HEAD}server {{ listen 80;\n{locations} }} }}", tmp_path)
    facts = report.facts["lint"]
    assert isinstance(facts, LintFacts)
    assert len(facts.files) == 2
    assert ["only the first 256 locations" in problem for problem in problems(report)] == [True]


@pytest.mark.parametrize(
    "text",
    [
        "a {" * 100_000,
        "{" * 100_000,
        "}" * 100_000,
        HEAD + "server { location / {" + "location /a {" * 100_000,
        HEAD + "a { " * 60 + "} " * 60 + "}",
        "a " * 500_000 + ";",
        "a;" * 250_000,
        '"' * 99_999,
        "'" + "\\'" * 200_000,
        "a \\" * 100_000,
        "$" * 100_000 + "{" * 100_000,
        "${" * 100_000 + ";",
        "#" * 1_000_000,
        "a_by_lua_block {" + "--[[" * 100_000,
        "a_by_lua_block {\n" + "[[\n" * 100_000,
        "a_by_lua_block {\n" + "'\n" * 100_000,
        "a_by_lua_block {" + "[=" * 100_000,
        "a_by_lua_block {" + "\\'" * 100_000,
        "a_by_lua_block {" + "{" * 100_000 + "}" * 100_000,
        "x" * 10_000_000,
        "x;\n" * 10 + "y" * 10_000_000 + "\nz;",
        "\0" * 100_000,
        "include *;" * 5_000,
        "include /*/*/*/*/*/*/*/nothing;",
        "include " + "*a" * 2000 + ";",
        "include \"\";include ''; include a\0b; include ~; include /dev/zero; include /;",
        HEAD + "server { listen " + "9" * 4000 + "; }\n}",
        HEAD + "server { listen [" + ":" * 4000 + "; listen unix:; listen :; listen []:; }\n}",
        HEAD + "server { keepalive_timeout " + "9" * 4000 + "; expires " + "1h" * 2000 + "; }\n}",
        HEAD + "ssl_ciphers " + "AES+" * 1000 + "; server { listen 443 ssl; }\n}",
        HEAD + "ssl_ciphers '" + "ALL:!AES:" * 400 + "'; server { listen 443 ssl; }\n}",
        HEAD + 'add_header Alt-Svc \'h3=":99999"; h3=":"\'; server { listen 443 quic; }\n}',
        HEAD + "server { listen 80; return; rewrite; rewrite a; if; if { } location { } }\n}",
        HEAD + "server { add_header; proxy_set_header; limit_req; ssl_protocols; }\n}",
        HEAD + "server { location /w { proxy_pass; proxy_set_header Upgrade; } }\n}",
        HEAD + "".join(f"unknown{n} x;\n" for n in range(50_000)) + "}",
        HEAD + "server { listen 443 ssl; ssl_dhparam nginx.conf; ssl_verify_client; }\n}",
    ],
    ids=range(37),
)
def test_bounded_in_time(tmp_path: Path, text: str) -> None:
    report = judged(text, tmp_path)
    assert report.protocol == "http"
    assert len(report.findings) < 100


def test_many_servers_and_locations(tmp_path: Path) -> None:
    servers = "".join(
        f"server {{ listen 443 ssl; server_name n{n}.example; ssl_certificate c; "
        f"location /a {{ add_header A {n}; }} location /b {{ gzip on; }} }}\n"
        for n in range(2000)
    )
    report = judged(f"{HEAD}{servers}}}", tmp_path)
    assert any("were judged" in problem for problem in problems(report))
    assert has(report, "HTTP-HSTS")


def test_what_stands_before_the_break_is_judged(tmp_path: Path) -> None:
    report = judged(f"{HEAD}{SERVER}\ngzip on\n}}", tmp_path)
    assert report.failure is not None
    assert has(report, "HTTP-NO-HTTPS")


def test_escapes_for_terminals_do_not_get_through(tmp_path: Path) -> None:
    report = judged(
        f'{HEAD}server {{ listen 80; server_name "\x1b[31mred"; root /a; '
        'add_header Cache-Control "\x1b]0;x\x07max-age=1"; location "/\x1b[2J" { gzip on; } } }',
        tmp_path,
    )
    assert report.findings
    for finding in report.findings:
        assert all(line.text.isprintable() for line in finding.source)
        assert all(str(value).isprintable() for value in finding.params.values())
    facts = report.facts["lint"]
    assert isinstance(facts, LintFacts)
    assert all("\x1b" not in view for view in facts.views)


WORDS = st.sampled_from(
    ["server", "location", "http", "events", "listen", "80", "443", "ssl", "quic", "{", "}", ";",
     "add_header", "Alt-Svc", "if", "($args)", "return", "301", "https://a", "include", "*", "'",
     '"', "\\", "#", "\n", "proxy_pass", "http://a", "/ws", "=", "~", "ssl_ciphers", "ALL",
     "ssl_protocols", "TLSv1", "gzip", "on", "expires", "-1", "$a", "${", "proxy_cache", "rewrite",
     "ssl_dhparam", "keepalive_timeout", "upstream", "map", "\0", "limit_req", "server_name"]
)  # fmt: skip


@given(words=st.lists(WORDS, max_size=60))
def test_any_words_give_a_report(words: list[str]) -> None:
    for text in (" ".join(words), f"events {{ }} http {{ server {{ {' '.join(words)} }} }}"):
        report = lint_text("nginx.conf", text.encode(), Wanted(kind="nginx.conf"))
        assert report.protocol == "http"
