"""Fields that an outer block adds and that an inner block's own add_header lines replace."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lint.nginx.texts import found, judge, server, whole

RULE = "HTTP-HEADERS-LOST"
CSP = "add_header Content-Security-Policy \"img-src 'self'\" always;"
HSTS = "add_header Strict-Transport-Security max-age=99999999 always;"
OWN = "add_header X-Own b;"
NEW = "nginx=1.30"


def lost(folder: Path, text: str, software: str = "nginx=1.22.1") -> list[object]:
    """The names that each finding has."""
    findings = found(judge(folder, text, software), RULE)
    names = [one.params["lost"] for one in findings]
    return [tuple(name.partition(" ")[0] for name in some)
            for some in names if isinstance(some, tuple)]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (server(f"{CSP} location / {{ {OWN} }}"), [("Content-Security-Policy",)]),
        (server(f"{CSP} location / {{ gzip on; }}"), []),
        (server(f"{CSP} location / {{ {OWN} {CSP.lower()} }}"), []),
        (server(f"location / {{ {OWN} }}"), []),
        (server(f"{HSTS} location / {{ {OWN} }}"), []),
        (server(f"add_header X-A ''; location / {{ {OWN} }}"), []),
        (server(f"add_header Link a; add_header Link b; location / {{ {OWN} }}"),
         [("Link", "Link")]),
        (server(f"{CSP} location / {{ return 404; {OWN} }}"), [("Content-Security-Policy",)]),
        (server(f"add_header X-A a; location / {{ return 404; {OWN} }}"), []),
        (server(f"add_header X-A a; location / {{ return 200; {OWN} }}"), [("X-A",)]),
        (server(f"{CSP} location / {{ return 444; {OWN} }}"), []),
        (server(f"{CSP} location / {{ proxy_pass http://127.0.0.1; {OWN} }}"),
         [("Content-Security-Policy",)]),
        (server(f"add_header Cache-Control a; location / {{ {OWN} }}"), [("Cache-Control",)]),
        (server(f"add_header Cache-Control a; location / {{ {OWN} expires 1h; }}"), []),
        (server(f"add_header Cache-Control a; location / {{ {OWN} expires off; }}"),
         [("Cache-Control",)]),
        (server(f"add_header X-A a; location / {{ {OWN} location /b {{ add_header X-B b; }} }}"),
         [("X-A",), ("X-A", "X-Own")]),
        (whole(f"add_header X-A a; server {{ {OWN} location /b {{ gzip on; }} }}"), [("X-A",)]),
        (whole(f"add_header X-A a; server {{ add_header X-A b; location / {{ {OWN} }} }}"),
         [("X-A",)]),
        (server("add_header X-A; location / { add_header; }"), []),
    ],
)  # fmt: skip
def test_what_is_lost(tmp_path: Path, text: str, names: list[tuple[str, ...]]) -> None:
    assert lost(tmp_path, text) == names


@pytest.mark.parametrize(
    ("outer", "inner", "fields"),
    [
        ("add_header_inherit merge;", "", None),
        ("", "add_header_inherit merge;", None),
        ("", "add_header_inherit off;", None),
        ("add_header_inherit off;", "", None),
        ("add_header_inherit off;", "add_header_inherit on;", ("Content-Security-Policy",)),
        ("", "", ("Content-Security-Policy",)),
    ],
)
def test_how_headers_are_inherited_may_be_said(
    tmp_path: Path, outer: str, inner: str, fields: tuple[str, ...] | None
) -> None:
    text = server(f"{CSP} {outer} location / {{ {OWN} {inner} }}")
    assert lost(tmp_path, text, NEW) == ([fields] if fields else [])


def test_the_finding_names_lines_block_and_fix(tmp_path: Path) -> None:
    quoted = r'add_header Report-To "{\"a\": 1}";'
    text = server(f"{CSP}\n{quoted}\nlocation /a {{\n{OWN}\n{HSTS}\n}}")
    (finding,) = found(judge(tmp_path, text), RULE)
    file = tmp_path / "nginx.conf"
    assert finding.severity == "medium"
    assert finding.view == "server a.example (443 ssl), location /a"
    assert finding.params == {
        "by": f"{file}:8",
        "lost": (f"Content-Security-Policy ({file}:5)", f"Report-To ({file}:6)"),
    }
    assert [one.line for one in finding.source] == [8, 9, 5, 6]
    assert finding.fixes == {"nginx": (f"# in the block of {file}:8", CSP, quoted)}


@pytest.mark.parametrize(
    ("software", "outer", "inner", "merges"),
    [
        ("nginx=1.29.2", "", "", False), ("nginx=1.29.3", "", "", True),
        (NEW, HSTS, "", True), (NEW, "add_header X-Own c;", "", False),
        (NEW, "add_header Cache-Control a;", "expires 1h;", False),
    ],
)  # fmt: skip
def test_merging_is_the_fix_where_it_gives_no_second_value(
    tmp_path: Path, software: str, outer: str, inner: str, merges: bool
) -> None:
    text = server(f"{CSP} {outer} location / {{ {OWN} {inner} }}")
    (finding,) = found(judge(tmp_path, text, software), RULE)
    _, *lines = finding.fixes["nginx"]
    assert lines == (["add_header_inherit merge;"] if merges else [CSP])


def test_what_two_blocks_further_out_is_lost_is_not_merged(tmp_path: Path) -> None:
    text = whole(f"{CSP} server {{ {OWN} location /a {{ add_header X-A a; }} }}")
    at_server, at_location = found(judge(tmp_path, text, NEW), RULE)
    assert at_server.fixes["nginx"][1:] == ("add_header_inherit merge;",)
    assert at_location.fixes["nginx"][1:] == (CSP, 'add_header X-Own "b";')


def test_a_field_that_protects_nothing_is_low(tmp_path: Path) -> None:
    (finding,) = found(judge(tmp_path, server(f"add_header X-A a; location / {{ {OWN} }}")), RULE)
    assert finding.severity == "low"
