"""Caddyfiles as they are written: matchers that are not the whole site, several binds, copies."""

from __future__ import annotations

from pathlib import Path

import pytest

from seventh.engine.lint import Wanted, lint_file, lint_text
from seventh.engine.recognise import by_content
from seventh.model.lintfacts import LintFacts

pytestmark = pytest.mark.field

HSTS = 'Strict-Transport-Security "max-age=31536000"'


def fired(text: str) -> dict[str, str]:
    """The findings of a Caddyfile, and where they are."""
    report = lint_text("Caddyfile", text.encode(), Wanted(kind="Caddyfile"))
    assert report.failure is None, report.failure
    return {finding.id: finding.view for finding in report.findings}


@pytest.mark.parametrize(
    "lines",
    [
        f"header / {HSTS}", f"@home path /\n\theader @home {HSTS}",
        f"@home {{\n\t\tpath /\n\t\tmethod GET\n\t}}\n\theader @home {HSTS}",
        f"route / {{\n\t\theader {HSTS}\n\t}}",
        f"handle / {{\n\t\theader {HSTS}\n\t}}\n\thandle {{\n\t\tfile_server\n\t}}",
        f"header /index.html {HSTS}", f"@p method POST\n\theader @p {HSTS}",
    ],
)  # fmt: skip
def test_a_header_for_some_requests_is_not_the_site_s(lines: str) -> None:
    assert "HTTP-HSTS" in fired(f"www.example.net {{\n\t{lines}\n\tfile_server\n}}\n")


@pytest.mark.parametrize(
    "lines",
    [
        f"header {HSTS}", f"header * {HSTS}", f"header /* {HSTS}",
        f"@x not path /api/*\n\theader @x {HSTS}",
        f"@x {{\n\t\tmethod GET HEAD\n\t\tnot path /api/*\n\t}}\n\theader @x {HSTS}",
        f"handle / {{\n\t\theader {HSTS}\n\t}}\n\thandle {{\n\t\theader {HSTS}\n\t}}",
    ],
)  # fmt: skip
def test_a_header_for_all_pages_is(lines: str) -> None:
    assert "HTTP-HSTS" not in fired(f"www.example.net {{\n\t{lines}\n\tfile_server\n}}\n")


def test_the_other_paths_are_named() -> None:
    found = fired(f"www.example.net {{\n\theader / {HSTS}\n\tfile_server\n}}\n")
    assert found["HTTP-HSTS"] == "site www.example.net, every other path"


def bound(*blocks: str) -> dict[str, str]:
    lines = "\n\t".join(blocks)
    return fired(f'www.example.net {{\n\t{lines}\n\theader {HSTS}\n\trespond "x"\n}}\n')


def test_binds_are_judged_by_their_address() -> None:
    tcp, udp = "bind fd/3 {\n\t\tprotocols h1 h2\n\t}", "bind fdgram/4 {\n\t\tprotocols h3\n\t}"
    assert not bound(tcp, udp)
    assert not bound(udp, tcp)
    assert "HTTP-NO-H2" in bound("bind 192.0.2.1 {\n\t\tprotocols h1\n\t}", "bind 192.0.2.2")
    assert "HTTP-NO-H2" in bound("bind 192.0.2.2", "bind 192.0.2.1 {\n\t\tprotocols h1\n\t}")
    assert not bound("bind 192.0.2.1 192.0.2.2")
    assert "HTTP-FALLBACK" in bound("bind 192.0.2.1 {\n\t\tprotocols h3\n\t}")


def test_a_copied_tree_means_itself(tmp_path: Path) -> None:
    folder = tmp_path / "etc" / "caddy"
    (folder / "sites-available").mkdir(parents=True)
    (folder / "sites").mkdir()
    (folder / "Caddyfile").write_text("import /etc/caddy/sites/*\nimport nothing/*\n")
    (folder / "sites-available" / "a").write_text("http://a.example {\n\tfile_server\n}\n")
    (folder / "sites" / "a").symlink_to("/etc/caddy/sites-available/a")
    report = lint_file(folder / "Caddyfile", Wanted())
    facts = report.facts["lint"]
    assert isinstance(facts, LintFacts)
    assert "HTTP-NO-HTTPS" in {finding.id for finding in report.findings}
    assert [note.text for note in facts.notes] == ["import nothing/*: no file matches"]


@pytest.mark.parametrize(
    "text",
    [
        "example.net {\n\tencode gzip\n\treverse_proxy localhost:1\n}\n",
        "{\n\temail a@b.net\n}\n(c) {\n\tencode gzip\n}\na.net, b.net {\n\timport c\n\tencode\n}\n",
        "{$SITE} {\n\trespond hi\n\tencode\n}\n",
    ],
)
def test_content_tells_a_caddyfile(text: str) -> None:
    kind = by_content(tuple(text.splitlines()))
    assert kind is not None
    assert kind.product == "caddy"
