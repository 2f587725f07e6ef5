"""What is made from rules' declarations: pages, explanations, listings."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest
from markdown_it import MarkdownIt

from seventh.model.severity import Severity
from seventh.protocols import part
from seventh.render.explain import explain, explain_planned, listing
from seventh.render.pages import main as write_pages
from seventh.render.pages import pages
from seventh.render.wording import built, built_in, is_prose, room_of_rule
from seventh.rules.collect import rules_of
from seventh.rules.planned import plan
from seventh.rules.rule import AnyRule

pytestmark = pytest.mark.usefixtures("demo_room")


def rule(name: str) -> AnyRule:
    return next(rule for rule in built_in("demo") if rule.id == name)


def test_rules_are_collected_with_those_imported() -> None:
    module = part("demo", "rules")
    assert [rule.id for rule in rules_of(module)] == ["DEMO-SLOW", "DEMO-WEAK"]
    assert rules_of(ModuleType("empty")) == ()


def test_a_page_has_every_section() -> None:
    made = pages(built())["DEMO-WEAK.md"]
    sections = re.findall(r"^## (.*)$", made, re.MULTILINE)
    assert sections == ["Evidence", "Why it matters", "Fix", "References", "Facts"]


def test_two_names_for_one_rule_count_once_and_two_rules_with_one_id_are_refused() -> None:
    module = ModuleType("twice")
    module.first = module.second = rule("DEMO-SLOW")  # type: ignore[attr-defined]
    assert len(rules_of(module)) == 1
    copy = rule("DEMO-WEAK")
    module.third = AnyRule(
        "DEMO-SLOW", Severity.LOW, copy.condition, tier=0, source=copy.source, words=copy.words,
        references=(), seed=(), good=copy.good, bad=copy.bad,
    )  # type: ignore[attr-defined]  # fmt: skip
    with pytest.raises(ValueError, match="DEMO-SLOW"):
        rules_of(module)


def test_rooms_without_rules_have_none() -> None:
    assert built_in("nowhere") == ()
    assert room_of_rule("DEMO-WEAK") == "demo"
    assert room_of_rule("NEVER") is None
    assert "demo" in built()


def test_the_page_of_a_rule_says_all_that_is_declared() -> None:
    page = pages({"demo": built_in("demo")})["DEMO-WEAK.md"]
    for line in ("# DEMO-WEAK: Weak algorithms", "| Severity | high |", "Example:",
                 "> offers weak, weaker", "In demod:", "- RFC 9999 §1", "- Seed sections 12.2.2",
                 "Algorithms strong-one,strong-two  # not {algorithms}",
                 '  "software": "demo 1.0",',
                 "Anyone can read &lt;b&gt;along&lt;/b&gt;."):  # fmt: skip
        assert line in page.splitlines()
    html = MarkdownIt("commonmark").enable("table").render(page)
    assert html.count("<table>") == 1
    assert "<b>" not in html


def test_a_page_leaves_out_what_the_examples_share() -> None:
    page = pages({"demo": built_in("demo")})["DEMO-SLOW.md"]
    assert '{\n  "wait_seconds": 9.0\n}' in page
    assert "software" not in page
    assert "{wait:.1f}" not in page


def test_the_index_links_every_page() -> None:
    made = pages({"demo": built_in("demo")})
    linked = re.findall(r"\]\(([A-Z0-9-]+\.md)\)", made["README.md"])
    assert sorted(linked) == sorted(set(made) - {"README.md"})


def test_pages_are_written_checked_and_cleared_of_what_is_gone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    docs = ["--docs", str(tmp_path)]
    assert write_pages([*docs, "--check"]) == 1
    assert f"missing: {tmp_path}/rules/DEMO-WEAK.md" in capsys.readouterr().err
    assert write_pages(docs) == 0
    assert write_pages([*docs, "--check"]) == 0
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.md")}
    wanted = 1 + sum(len(rules) for rules in built().values())
    assert len([path for path in before if path.parent.name == "rules"]) == wanted
    (tmp_path / "rules" / "DEMO-GONE.md").write_text("x")
    (tmp_path / "rules" / "DEMO-WEAK.md").write_text("x")
    capsys.readouterr()
    assert write_pages([*docs, "--check"]) == 1
    said = capsys.readouterr().err
    assert re.search(r"stale: .*DEMO-WEAK", said)
    assert re.search(r"surplus: .*DEMO-GONE", said)
    assert write_pages(docs) == 0
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.md")} == before


def test_explain_says_all_in_80_columns_but_keeps_fixes_whole() -> None:
    text = explain(rule("DEMO-WEAK"))
    assert text.startswith("DEMO-WEAK: Weak algorithms\n")
    for line in ("Evidence\n  offers {algorithms}", "Example\n  offers weak, weaker",
                 "Fix in demod\n  [crypto]\n  Algorithms strong-one", "Fix in other",
                 "  standards  RFC 9999 §1"):  # fmt: skip
        assert line in text
    assert "약한 알고리즘" in explain(rule("DEMO-WEAK"), "ko")
    assert "waited {wait} s" in explain(rule("DEMO-SLOW"))


def test_a_planned_rule_says_what_it_waits_for() -> None:
    row = next(row for row in plan().rules if row.id == "GRPC-CALM")
    assert "waits for  the grpc protocol and monitor" in explain_planned(row)
    assert "not built yet" in explain_planned(row)


def test_the_listing_has_a_line_a_rule_and_never_names_one_twice() -> None:
    assert listing([]) == ""
    rules = [each for some in built().values() for each in some]
    lines = listing(rules).splitlines()
    assert [line.split()[0] for line in lines] == sorted(each.id for each in rules)
    everything = listing(rules, plan().rules)
    ids = [
        line.split()[0] for line in everything.splitlines() if re.match(r"[A-Z0-9]+(-|  )", line)
    ]
    wanted = {each.id for each in rules} | {row.id for row in plan().rules}
    assert len(ids) == len(set(ids))
    assert set(ids) == wanted
    assert "waiting for the grpc protocol and monitor:" in everything


def test_prose_is_told_from_lines_to_copy() -> None:
    for prose in (
        "Put the server's certificate first, then each one that signed the one before it.",
        "Upgrade to OpenSSH 9.6 or a patched package; until then: Ciphers -chacha20@openssh.com",
        "Remove a-sha1, b-sha1; keep c-sha256 and d-sha512.",
        "Offer the method to every client.\nTell the others why it is gone.",
    ):
        assert is_prose(prose)
    for lines in (
        "",
        "KexAlgorithms mlkem768x25519-sha256,sntrup761x25519-sha512",
        "awk '$5 >= 3071' /etc/ssh/moduli > /tmp/moduli && mv /tmp/moduli /etc/ssh/moduli",
        'add_header Strict-Transport-Security "max-age=31536000; includeSubDomains" always;',
        "allow 198.51.100.0/24   # the clients' network; without it nobody is served",
        "server ntp.example.org iburst minpoll 4 maxpoll 6 xleave",
        "example.org. 3600 IN MX 10 mail.example.org.",
        "Put the server's certificate first, then the others.\nssl_certificate fullchain.pem;",
    ):
        assert not is_prose(lines)
