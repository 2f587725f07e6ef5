"""Strange and hostile Caddyfiles: typed, bounded in time, and the rest of them judged."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.engine.lint import Wanted, lint_text
from seventh.model.lintfacts import LintFacts
from seventh.model.report import Report
from tests.hostile.linting import has, lint_within, problems

SITE = "http://a.example {\n\tfile_server\n}\n"


def judged(data: bytes | str, folder: Path) -> Report:
    return lint_within(data, folder / "Caddyfile")


def test_an_import_cycle(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("import third\n")
    (tmp_path / "third").write_text("import other\n")
    report = judged(f"{SITE}import other\n", tmp_path)
    assert any("leads back to itself" in problem for problem in problems(report))
    assert has(report, "HTTP-NO-HTTPS")


def test_a_file_that_imports_itself(tmp_path: Path) -> None:
    report = judged(f"{SITE}import Caddyfile\n", tmp_path)
    assert any("leads back to itself" in problem for problem in problems(report))


def test_snippets_that_double_at_every_step(tmp_path: Path) -> None:
    snippets = "".join(f"(s{n}) {{\nimport s{n + 1}\nimport s{n + 1}\n}}\n" for n in range(30))
    report = judged(f"(s30) {{\nlog\n}}\n{snippets}{SITE}:81 {{\nimport s0\n}}\n", tmp_path)
    assert any("tokens were read" in p or "deep" in p for p in problems(report))
    assert has(report, "HTTP-NO-HTTPS")


def test_arguments_that_double_at_every_step(tmp_path: Path) -> None:
    snippets = "".join(
        f"(s{n}) {{\nimport s{n + 1} {{args[0]}}{{args[0]}}\n}}\n" for n in range(28)
    )
    report = judged(f"(s28) {{\nlog\n}}\n{snippets}{SITE}:81 {{\nimport s0 xxxx\n}}\n", tmp_path)
    assert has(report, "HTTP-NO-HTTPS")


def test_a_chain_of_files_that_is_too_deep(tmp_path: Path) -> None:
    for depth in range(100):
        (tmp_path / f"f{depth}").write_text(f"import f{depth + 1}\n")
    report = judged(f"{SITE}import f0\n", tmp_path)
    assert any("deep" in problem for problem in problems(report))


def test_what_cannot_be_read_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(bytes(range(256)) * 100)
    report = judged(f"{SITE}:81 {{\nimport /dev/zero\nimport gone\nimport binary\n}}\n", tmp_path)
    said = problems(report)
    assert any(":5: /dev/zero is not a regular file" in problem for problem in said)
    assert any(":6:" in problem and "gone" in problem for problem in said)
    assert has(report, "HTTP-NO-HTTPS")


@pytest.mark.parametrize(
    "text",
    [
        "a {\n" * 100_000,
        "{\n" * 100_000,
        "}\n" * 100_000,
        ":80 {\n" + "handle {\n" * 50_000 + "}\n" * 50_000 + "}",
        ":80 {\n" + "handle {\n" * 60 + "respond x\n" + "}\n" * 60 + "}",
        "a " * 500_000,
        "a,\n" * 250_000,
        '"' * 99_999,
        "`\n" * 200_001,
        "a \\\n" * 100_000,
        "\\" * 1_000_000,
        "<<E\n" + "x\n" * 300_000,
        "<<E\nE\n" * 50_000,
        "<<" * 100_000 + "\n",
        "#" * 1_000_000,
        "# \\\n" * 100_000,
        "{$" * 100_000,
        "{$A}" * 100_000,
        "x" * 10_000_000,
        ":80 {\n" + "y" * 10_000_000 + "\n}\n",
        "\0" * 100_000,
        "import *\n" * 5_000,
        "import /*/*\n",
        "import " + "a/" * 2_000 + "*\n",
        "import [\nimport ?\nimport a\0b\nimport ~\nimport .\n",
        "(s) {\n" * 10_000,
        "(s) {\n}\n:80 {\n" + "import s\n" * 100_000 + "}\n",
        "(s) {\n\trespond {args[:]}\n}\n:80 {\nimport s" + " x" * 5_000 + "\n}\n",
        "(s) {\n" + "{block}\n" * 3_000 + "}\n:80 {\nimport s {\n" + "log\n" * 3_000 + "}\n}\n",
        ":80 {\n" + "".join(f"@m{n} path /{n}\n" for n in range(20_000)) + "}\n",
        ":80 {\n" + "".join(f"header /{n} A {n}\n" for n in range(5_000)) + "}\n",
        ":80 {\n" + "header A b\n" * 20_000 + "file_server\n}\n",
        ":80 {\n" + "reverse_proxy " + "*a" * 4_000 + "\nheader -" + "*a" * 4_000 + "\n}\n",
        ":80 {\n@a path " + "*a" * 4_000 + "b\nheader @a X y\n}\n",
        ":" + "9" * 4_000 + "\n",
        "[" + ":" * 4_000 + "\n",
        "{\nhttp_port " + "9" * 4_000 + "\ngrace_period " + "1h" * 2_000 + "\n}\n:80\n",
        "{\nservers {\ntimeouts {\nidle " + "9" * 400 + "h\n}\n}\n}\n:80\n",
        "{\norder\norder a\nservers\nauto_https\nservers x y\n}\n:80\n",
        "a.example {\ntls {\nprotocols\nciphers\ncurves\nclient_auth\nalpn\n}\nheader\n}\n",
        ":80 {\nreverse_proxy {\nheader_up\ntransport\nstream_timeout\n}\nrespond\nredir\n}\n",
    ],
    ids=range(41),
)
def test_bounded_in_time(tmp_path: Path, text: str) -> None:
    report = judged(text, tmp_path)
    assert report.protocol == "http"
    assert len(report.findings) < 3_000


def test_many_sites_and_places(tmp_path: Path) -> None:
    sites = "".join(
        f"n{n}.example {{\nheader /a A {n}\nhandle /b {{\nreverse_proxy a:{n + 1}\n}}\n}}\n"
        for n in range(1000)
    )
    report = judged(sites, tmp_path)
    assert any("were judged" in problem for problem in problems(report))
    assert has(report, "HTTP-HSTS")


def test_escapes_for_terminals_do_not_get_through(tmp_path: Path) -> None:
    report = judged(
        'http://a.example/\x1b[31mred {\nheader Cache-Control "\x1b]0;x\x07max-age=1"\n'
        "handle /\x1b[2J {\nfile_server\n}\nfile_server\n{$\x1b[1m}\n}\n",
        tmp_path,
    )
    assert report.findings
    for finding in report.findings:
        assert all(line.text.isprintable() for line in finding.source)
        assert all(str(value).isprintable() for value in finding.params.values())
    facts = report.facts["lint"]
    assert isinstance(facts, LintFacts)
    assert all("\x1b" not in text for text in (*facts.views, *problems(report)))


WORDS = st.sampled_from(
    ["a.example", "http://b", ":80", "{", "}", "\n", "\n", "\n", "header", "-Vary", "A", "b", "@m",
     "path", "/x", "/*", "*", "handle", "route", "tls", "protocols", "tls1.2", "ciphers", "curves",
     "client_auth", "mode", "encode", "gzip", "match", "import", "(s)", "s", "reverse_proxy",
     "header_up", "transport", "http", "read_timeout", "stream_timeout", "5s", "servers", "idle",
     "timeouts", "redir", "https://a", "respond", "404", "file_server", "precompressed", "bind",
     "order", "first", "{$A}", '"', "`", "\\", "#", "<<E", "E", "\0", "handle_path", "not", "?A"]
)  # fmt: skip


@given(words=st.lists(WORDS, max_size=60))
def test_any_words_give_a_report(words: list[str]) -> None:
    said = " ".join(words)
    for text in (said, f"a.example {{\n{said}\n}}\n", f"{{\n{said}\n}}\n:80\n"):
        report = lint_text("Caddyfile", text.encode(), Wanted(kind="Caddyfile"))
        assert report.protocol == "http"
